"""Typical mistakes: a message names the argument, the rule, the value, and a cure."""

import warnings

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import zz_feature_map
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

X, Y = load_iris(return_X_y=True)
X2, Y2 = X[:100], Y[:100]
WIDE = np.ones((100, 100)) + np.eye(100)
NO_LABEL = np.array([None, *Y2[1:]], dtype=object)
GAP = np.where(X2 > 5, np.nan, X2)

FIT = [  # arguments, X, y, words of the message: argument, rule, value, cure
    (
        {"learning_rate": 0.01},
        (X2, Y2),
        ["`learning_rate`", "one of", "0.01", "step size is `learning_rate_init`"],
    ),
    (
        {"observables": ["ZZ"]},
        (WIDE, Y2),
        ["`observables`", "7 qubits", "got 2", "'IIIIIZZ'"],
    ),
    (
        {"observables": "ZZ"},
        (X2, Y2),
        ["`observables`", "non-empty list", "'ZZ'", "write ['ZZ']"],
    ),
    (
        {"observables": ["ZZZ"]},
        (X, Y),
        ["`observables`", "a list of 3", "got 1", "one per class"],
    ),
    (
        {"observables": ["ZAZ"]},
        (X2, Y2),
        ["`observables`", "I, X, Y and Z", "'ZAZ'", "such as 'ZZI'"],
    ),
    (
        {"ansatz": zz_feature_map(2)},
        (X2, Y2),
        ["`ansatz`", "3 qubits", "on 2 qubits", "feature map goes into `encoding`"],
    ),
    (
        {"ansatz": zz_feature_map(3)},
        (X2, Y2),
        ["angle of the ansatz", "linear", "x[0]", "feature map goes into `encoding`"],
    ),
    (
        {"ansatz": "real_amplitude"},
        (X2, Y2),
        ["`ansatz`", "one of", "'real_amplitude'", "nearest name is 'real_amplitudes'"],
    ),
    (
        {"ansatz": QuantumCircuit(3)},
        (X2, Y2),
        ["`ansatz`", "at least one unbound parameter", "0 parameters", "to train"],
    ),
    (
        {"encoding": "angles"},
        (X2, Y2),
        ["`encoding`", "one of", "'angles'", "nearest name is 'angle'"],
    ),
    (
        {"encoding": zz_feature_map(2)},
        (X2, Y2),
        ["`encoding`", "one parameter per feature", "2 parameters", "4 features"],
    ),
    (
        {"entanglement": "liner"},
        (X2, Y2),
        ["`entanglement`", "Qiskit accepts", "'liner'", "nearest name is 'linear'"],
    ),
    (
        {"solver": "L-BFGS-B"},
        (X2, Y2),
        ["`solver`", "one of", "'L-BFGS-B'", "nearest name is 'lbfgs'"],
    ),
    (
        {"loss": "logloss"},
        (X2, Y2),
        ["`loss`", "one of", "'logloss'", "nearest name is 'log_loss'"],
    ),
    (
        {"learning_rate": "onecycle"},
        (X2, Y2),
        ["`learning_rate`", "one of", "'onecycle'", "nearest name is 'one_cycle'"],
    ),
    (
        {"gradient": "paramshift"},
        (X2, Y2),
        ["`gradient`", "one of", "'paramshift'", "nearest name is 'parameter_shift'"],
    ),
    (
        {"class_weight": "balance"},
        (X2, Y2),
        ["`class_weight`", "a dict", "'balance'", "nearest name is 'balanced'"],
    ),
    (
        {"backend": "fake_turino", "shots": 10},
        (X2, Y2),
        ["`backend`", "'fake_<name>'", "'fake_turino'", "Close to it: fake_torino"],
    ),
    (
        {"shots": 100},
        (X2, Y2),
        ["`shots`", "must be None", "got 100", "set backend='aer' to sample"],
    ),
    (
        {"reps": 0},
        (X2, Y2),
        ["`reps`", "positive integer", "got 0", "or 'auto'"],
    ),
    (
        {},
        (X2, np.eye(2)[Y2]),
        ["`y`", "1d array of labels", "(100, 2)", "y.argmax(axis=1)"],
    ),
    (
        {},
        (X2, NO_LABEL),
        ["`y`", "a label for every row", "None in row 0", "leave such rows out"],
    ),
    (
        {},
        (X2, 0 * Y2),
        ["`y`", "at least two classes", "got 1 class", "[0]"],
    ),
    (
        {},
        (np.full((100, 2), "red"), Y2),
        ["`X`", "must be numbers", "'red'", "OneHotEncoder"],
    ),
    (
        {},
        (X2[:, 0], Y2),
        ["Expected 2D array", "got 1D array", "array=", "array.reshape(-1, 1)"],
    ),
    (
        {},
        (GAP, Y2),
        ["Input X", "does not accept missing values", "NaN", "imputer"],
    ),
]


@pytest.mark.parametrize("arguments, data, words", FIT)
def test_message_has_argument_rule_value_and_cure(arguments, data, words):
    with pytest.raises((TypeError, ValueError)) as caught:
        QNNClassifier(max_iter=1, random_state=0, **arguments).fit(*data)
    assert [word for word in words if word not in str(caught.value)] == []


def test_there_are_at_least_25_mistakes():
    assert len(FIT) >= 25


def test_angles_of_many_turns_warn_to_scale_first():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        QNNClassifier(encoding="angle", max_iter=2, random_state=0).fit(100 * X2, Y2)
    [warning] = [w for w in caught if "scale first" in str(w.message)]
    assert str(warning.message).startswith("`X` should be angles of a few radians")
    assert "got up to 700, which is 111 turns" in str(warning.message)
    assert warning.filename == __file__


def test_scaled_angles_do_not_warn_to_scale():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        QNNClassifier(encoding="angle", max_iter=2, random_state=0).fit(X2, Y2)
    assert not any("scale first" in str(warning.message) for warning in caught)


STANDARD = (X2 - X2.mean(axis=0)) / X2.std(axis=0)
UNIT = STANDARD / np.linalg.norm(STANDARD, axis=1, keepdims=True)


@pytest.mark.parametrize(
    "rows, scaling",
    [(STANDARD, None), (STANDARD.astype(np.float32), None), (UNIT, "auto")],
    ids=["none", "float32", "taken for states"],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_lost_signs_warn_to_add_a_constant(rows, scaling, method):
    classifier = QNNClassifier(intercept_scaling=scaling, max_iter=2, random_state=0)
    classes = {} if method == "fit" else {"classes": [0, 1]}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(classifier, method)(rows, Y2, **classes)
    [warning] = [w for w in caught if "signs tell" in str(w.message)]
    assert str(warning.message).startswith("`intercept_scaling` should be a number")
    assert "the mean of column 2 has another sign" in str(warning.message)
    assert warning.filename == __file__


RANDOM = np.random.default_rng(0).normal(size=(100, 4))


@pytest.mark.parametrize(
    "rows, scaling",
    [
        (STANDARD, "auto"),
        (STANDARD, 0.1),
        (X2, None),  # never negative
        (np.c_[STANDARD, np.ones(100)], None),  # a constant of their own
        (np.c_[RANDOM, np.zeros(100)], None),  # which say nothing of the class
        (np.zeros((100, 3)), None),
    ],
)
def test_signs_that_are_not_lost_do_not_warn(rows, scaling):
    classifier = QNNClassifier(intercept_scaling=scaling, max_iter=2, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier.fit(rows, Y2)
    assert not any("signs tell" in str(warning.message) for warning in caught)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_prediction_before_fit_is_not_fitted(method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(QNNClassifier(), method)(X2)


def test_images_in_three_dimensions_are_refused():
    with pytest.raises(ValueError, match="dim 3"):
        BinaryAmplitudeEncoder().fit(np.zeros((3, 8, 8)))


@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict"])
@pytest.mark.parametrize(
    "name, value, words",
    [
        ("theta_", np.zeros(3), ["shape (6,)", "got shape (3,)"]),
        ("theta_", np.zeros((1, 6)), ["shape (6,)", "got shape (1, 6)"]),
        ("theta_", np.full(6, np.nan), ["finite", "got nan or infinity"]),
        ("theta_", np.zeros(6, complex), ["real", "dtype complex128"]),
        ("scale_", np.ones(3), ["shape (1,)", "got shape (3,)"]),
        ("bias_", np.zeros(3), ["shape (1,)", "got shape (3,)"]),
    ],
)
def test_initial_point_that_is_none_is_refused(method, name, value, words):
    model = QNNClassifier(reps=1, warm_start=True, tol=0.1, random_state=0)
    model.fit(X2, Y2)
    setattr(model, name, value)
    with pytest.raises(ValueError, match=f"`{name}` must be an array") as caught:
        getattr(model, method)(*((X2,) if method == "predict" else (X2, Y2)))
    for word in words:
        assert word in str(caught.value)


def test_initial_point_may_be_a_list():
    model = QNNClassifier(reps=1, warm_start=True, tol=0.1, random_state=0)
    expected = model.fit(X2, Y2).decision_function(X2)
    model.theta_ = model.theta_.tolist()
    np.testing.assert_array_equal(model.decision_function(X2), expected)
