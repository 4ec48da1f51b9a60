"""Rules of hyper-parameters: what passes, what is refused, and in which words."""

import numpy as np
import pytest

from skqnn import _validation as rules
from skqnn._arrays import to_numpy

INTEGER, OR_AUTO = rules.integer(1), rules.integer(1, "auto")
CHOICE = rules.one_of(["a", "b"], complex, words="a complex number")

PASSES = [
    *[(INTEGER, value) for value in (1, 7, np.int64(3), np.uint8(3))],
    *[(OR_AUTO, value) for value in (1, "auto")],
    (rules.integer(1, None), None),
    (rules.integer(0), 0),
    *[(rules.positive(), value) for value in (1e-300, 1, np.float32(2.5))],
    (rules.positive("auto"), "auto"),
    *[(rules.non_negative(), value) for value in (0, 0.0, 1e300)],
    *[(rules.fraction(), value) for value in (1e-9, 0.999)],
    *[(rules.boolean(), value) for value in (True, False, np.True_)],
    *[(CHOICE, value) for value in ("a", "b", 1j)],
]

REFUSED = [  # rule, value, error, words
    (INTEGER, 0, ValueError, "must be a positive integer, got 0."),
    (INTEGER, 1.0, TypeError, "must be a positive integer, got 1.0."),
    (INTEGER, True, TypeError, "must be a positive integer, got True."),
    (INTEGER, np.True_, TypeError, "must be a positive integer"),
    (INTEGER, "auto", TypeError, "must be a positive integer, got 'auto'."),
    (OR_AUTO, "automatic", ValueError, "positive integer or 'auto', got 'automatic'."),
    (OR_AUTO, None, TypeError, "a positive integer or 'auto', got None."),
    (rules.integer(1, None), -1, ValueError, "a positive integer or None, got -1."),
    (rules.integer(0), -1, ValueError, "a non-negative integer, got -1."),
    (rules.positive(), 0, ValueError, "a positive finite number, got 0."),
    (rules.positive(), np.nan, ValueError, "a positive finite number, got nan."),
    (rules.positive(), np.inf, ValueError, "a positive finite number, got inf."),
    (rules.positive(), 1j, TypeError, "a positive finite number, got 1j."),
    (rules.non_negative(), -1e-9, ValueError, "a non-negative finite number, got -1e"),
    (rules.non_negative(), np.inf, ValueError, "a non-negative finite number, got inf"),
    (rules.fraction(), 0, ValueError, "a number strictly between 0 and 1, got 0."),
    (rules.fraction(), 1, ValueError, "a number strictly between 0 and 1, got 1."),
    (rules.boolean(), 1, TypeError, "must be True or False, got 1."),
    (rules.boolean(), "True", TypeError, "must be True or False, got 'True'."),
    (CHOICE, "c", ValueError, r"one of ['a', 'b'] or a complex number, got 'c'."),
    (CHOICE, 3, TypeError, r"one of ['a', 'b'] or a complex number, got 3."),
]


@pytest.mark.parametrize("rule, value", PASSES)
def test_check_parameters_passes(rule, value):
    rules.check_parameters({"name": value, "other": object()}, {"name": rule})


@pytest.mark.parametrize("rule, value, error, words", REFUSED)
def test_check_parameters_refuses(rule, value, error, words):
    with pytest.raises(error) as caught:
        rules.check_parameters({"name": value}, {"name": rule})
    assert str(caught.value).startswith("`name` must be ")
    assert words in str(caught.value)


def test_check_parameters_names_the_first_that_is_wrong():
    values = {"first": 1, "second": 0, "third": 0}
    with pytest.raises(ValueError, match="`second`"):
        rules.check_parameters(values, dict.fromkeys(values, INTEGER))


@pytest.mark.parametrize(
    "value, names, cure",
    [
        ("Log-Loss", ["log_loss"], "; the nearest name is 'log_loss'"),
        ("ring", ["linear", "circular"], "; the nearest name is 'circular'"),
        ("ring", ["linear"], ""),  # what it is called elsewhere is no name here
        (np.float32, ["float64", "float32"], "; the nearest name is 'float32'"),
        ("qqq", ["linear"], ""),
        (3, ["linear"], ""),
    ],
)
def test_nearest_name(value, names, cure):
    assert rules.nearest(value, names) == cure


def test_functions_of_the_right_arguments_pass():
    for function in (max, np.sin, len, lambda x, y=1: x, lambda *x: x, print):
        rules.check_arity("name", function, ("a",))


class OfAnotherLibrary:
    """An array on the host, as its library shares it."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


def test_labels_of_other_libraries_do_without_scipys_support_for_them(monkeypatch):
    monkeypatch.delenv("SCIPY_ARRAY_API", raising=False)
    labels = np.array([0, 1, 1, 0])
    np.testing.assert_array_equal(to_numpy(OfAnotherLibrary(labels)), labels)
