"""The Backend object: parameters only, checked by name, without secrets."""

import functools
import pickle
from copy import deepcopy
from inspect import signature

import numpy as np
import pytest
from qiskit.primitives import StatevectorEstimator
from qiskit_aer import AerSimulator
from sklearn.base import clone
from sklearn.utils import estimator_html_repr

from skqnn import Backend, QNNClassifier
from skqnn._backends.backend import DEFAULTS, RULES, as_backend, non_defaults
from skqnn._backends.resolve import resolve

OTHERS = {  # keyword -> another value than the default
    "state_preparation": "exact",
    "n_preparation_layers": 2,
    "optimization_level": 2,
    "n_transpilations": 5,
    "correct_readout": False,
    "journal": None,
    "mode": "batch",
    "max_time": "2h",
    "lookup_time": 600,
    "use_fractional_gates": True,
    "account": "work",
    "options": {"method": "statevector"},
    "random_state": 3,
}
WRONG = {  # keyword -> (values of a wrong type, wrong values)
    "target": ([3, None, AerSimulator], []),
    "state_preparation": ([None], ["mottonen"]),
    "n_preparation_layers": ([2.0, True], [0]),
    "optimization_level": ([1.0, True], [4, -1, "best"]),
    "n_transpilations": ([1.0, None], [0, -3]),
    "correct_readout": ([1, None], []),
    "journal": ([3], [""]),
    "mode": ([], ["queue", None, 3]),
    "max_time": ([1.5], [0, -1]),
    "lookup_time": (["2h", None], [-1, np.inf]),
    "use_fractional_gates": (["yes"], []),
    "options": ([3, "noise"], []),
    "random_state": (["seed", 1.5], [-1, 2**32]),
}
TYPES = [(name, value) for name, wrong in WRONG.items() for value in wrong[0]]
VALUES = [(name, value) for name, wrong in WRONG.items() for value in wrong[1]]


def test_every_keyword_is_in_the_tables():
    assert OTHERS.keys() == DEFAULTS.keys()
    assert (
        WRONG.keys()
        == RULES.keys()
        == signature(Backend).parameters.keys() - {"account"}
    )


@pytest.mark.parametrize("name", OTHERS)
def test_keyword_survives_clone_pickle_and_repr(name):
    backend = Backend("aer", **{name: OTHERS[name]})
    for copy in (clone(backend), pickle.loads(pickle.dumps(backend))):
        assert copy.get_params() == backend.get_params()
        assert non_defaults(copy) == {name: OTHERS[name]}
    assert f"{name}={OTHERS[name]!r}" in repr(backend)
    assert name in estimator_html_repr(backend)


@pytest.mark.parametrize("name, value", TYPES)
def test_keyword_of_the_wrong_type_is_refused(name, value):
    with pytest.raises(TypeError, match=f"^`{name}` must be .*, got "):
        as_backend(Backend("aer").set_params(**{name: value}))


@pytest.mark.parametrize("name, value", VALUES)
def test_keyword_of_the_wrong_value_is_refused(name, value):
    with pytest.raises(ValueError, match=f"^`{name}` must be .*, got "):
        as_backend(Backend("aer", **{name: value}))


@pytest.mark.parametrize("target", ["aer", AerSimulator(), StatevectorEstimator()])
def test_a_target_is_shorthand_for_its_defaults(target):
    backend = as_backend(target)
    assert backend.target is target
    assert non_defaults(backend) == {}


def test_misspelt_keyword_gets_the_nearest_name():
    classifier = QNNClassifier(backend=Backend("aer"))
    with pytest.raises(ValueError, match=r"`journals` .* nearest name is 'journal'"):
        classifier.set_params(backend__journals="journal.sqlite")
    with pytest.raises(ValueError, match=r"`mode` .* nearest name is 'session'"):
        as_backend(Backend("ibm_torino", mode="sessions"))


def test_a_backend_stays_itself_and_none_stays_none():
    backend = Backend("aer")
    assert as_backend(backend) is backend
    assert as_backend(None) is None


@pytest.mark.parametrize("value", [3, AerSimulator, [], object()])
def test_what_is_no_backend_is_refused(value):
    with pytest.raises(TypeError, match="`backend` must be None, a name, a BackendV2"):
        as_backend(value)


def test_random_state_may_be_a_generator():
    backend = Backend("aer", random_state=np.random.RandomState(0))
    assert as_backend(clone(backend)).random_state is not backend.random_state


# --- No secrets ----------------------------------------------------------------------


def make_service(token=None):
    raise AssertionError("nobody asked for a service")


@pytest.mark.parametrize(
    "account",
    [{"token": "hush"}, ["hush"], functools.partial(make_service, token="hush")],
    ids=["dict", "list", "partial"],
)
def test_account_that_could_hold_a_token_is_refused_at_once(account):
    for setting in (
        lambda: Backend("ibm_torino", account=account),
        lambda: Backend("ibm_torino").set_params(account=account),
    ):
        with pytest.raises(TypeError, match="`account` must be the name") as caught:
            setting()
        assert "hush" not in str(caught.value)


def test_account_that_looks_like_a_token_is_refused_at_once():
    with pytest.raises(TypeError, match="got what looks like a token") as caught:
        Backend("ibm_torino", account=44 * "h")
    assert "hhh" not in str(caught.value)
    assert Backend("ibm_torino", account="my-account_2").account == "my-account_2"


def test_option_that_is_named_like_a_secret_is_never_shown_or_kept():
    options = {"token": "hush", "environment": {"apiKey": "hush", "job_tags": ["a"]}}
    backend = Backend("ibm_torino", options=options)
    copied = clone(backend)
    classifier = QNNClassifier(backend=backend)
    shown = [
        repr(backend),
        repr(classifier),
        estimator_html_repr(classifier),
        str(vars(copied)),
    ]
    assert all("hush" not in text for text in shown)
    assert b"hush" not in pickle.dumps(classifier)
    assert copied.options["environment"] == {"apiKey": "***", "job_tags": ["a"]}
    assert options["token"] == "hush"  # the user's own dict is left alone
    with pytest.raises(ValueError, match=r"`options` must be .* got 'token'"):
        resolve(copied, shots=10, n_qubits=2)


def test_options_without_secrets_stay_the_same_object():
    options = {"environment": {"job_tags": ["a"]}}
    assert Backend("ibm_torino", options=options).options is options


def test_function_that_makes_the_service_is_not_pickled():
    backend = Backend("ibm_torino", account=make_service)
    assert clone(backend).account is make_service
    for copied in (pickle.loads(pickle.dumps(backend)), deepcopy(backend)):
        model = QNNClassifier(backend=copied, shots=10, random_state=0)
        with pytest.raises(ValueError, match="`account` must be set again"):
            model.fit([[0.0, 1.0], [1.0, 0.0]], [0, 1])
        model.set_params(backend__account="mine")
        assert model.backend.account == "mine"


# --- Keywords and options that a backend cannot honour -------------------------------

REFUSED = [  # target, keywords, what the error says
    ("aer", {"mode": "batch"}, r"^`mode` must be 'job' with 'aer', .*IBM Quantum only"),
    ("aer", {"max_time": 60}, "^`max_time` must be None .*, got 60: IBM Quantum only"),
    ("aer", {"lookup_time": 60}, "^`lookup_time` must be .*, got 60: IBM Quantum only"),
    ("aer", {"use_fractional_gates": True}, "^`use_fractional_gates` .*IBM Quantum"),
    ("fake_manila", {"account": "work"}, "^`account` must be None .* IBM Quantum"),
    ("aer", {"n_transpilations": 2}, "takes any gate, so nothing is transpiled"),
    (StatevectorEstimator(), {"optimization_level": 3}, "so nothing is transpiled"),
    (StatevectorEstimator(), {"options": {"a": 1}}, "only for Aer, fake devices and"),
    (StatevectorEstimator(), {"correct_readout": False}, "only simulated noise is"),
    ("ibm_torino", {"correct_readout": False}, "{'resilience_level': 1}"),
    ("ibm_torino", {"max_time": 60}, "with mode='job', got 60: .*max_execution_time"),
    (
        "aer_statevector",
        {"options": {"method": "automatic"}},
        "'method'.*'statevector'",
    ),
]
UNKNOWN = [  # target, option, what the error says about it
    ("aer", "resilience_level", "IBM only"),
    ("fake_manila", "resilience_level", "IBM only"),
    (AerSimulator(), "dynamical_decoupling", "IBM only"),
    ("ibm_torino", "noise_model", "Aer only"),
    ("aer", "n_transpilations", r"it is a keyword, Backend\(\.\.\., n_transpilations="),
    ("ibm_torino", "mode", r"it is a keyword, Backend\(\.\.\., mode="),
    ("aer", "max_paraxlel_threads", "did you mean 'max_parallel_threads'?"),
    ("fake_manila", "devise", "did you mean 'device'?"),
    ("ibm_torino", "resilience_levl", "did you mean 'resilience_level'?"),
    ("aer", "shots", "set `shots` on the classifier"),
    ("aer", "seed_simulator", "set `random_state`"),
    ("fake_manila", "coupling_map", "the backend has its own"),
    (AerSimulator(), "basis_gates", "the backend has its own"),
]


def target_name(value):
    """Return an id that is the same in every process."""
    return value if isinstance(value, str) else type(value).__name__


@pytest.mark.parametrize("target, keywords, message", REFUSED, ids=target_name)
def test_keyword_that_the_backend_cannot_honour_is_refused(target, keywords, message):
    pytest.importorskip("qiskit_ibm_runtime")
    with pytest.raises(ValueError, match=message):
        resolve(Backend(target, **keywords), shots=10, n_qubits=2)


@pytest.mark.parametrize("target, option, message", UNKNOWN, ids=target_name)
def test_unknown_option_is_refused_with_its_cure(target, option, message):
    pytest.importorskip("qiskit_ibm_runtime")
    backend = Backend(target, options={option: 1})
    with pytest.raises(ValueError, match=f"`options` must be .* {option!r}: {message}"):
        resolve(backend, shots=10, n_qubits=2)


@pytest.mark.parametrize("method", ["stabilizer", "extended_stabilizer", "unitary"])
def test_method_that_cannot_run_the_circuits_is_refused(method):
    for backend in (
        AerSimulator(method=method),
        Backend("aer", options={"method": method}),
        Backend("fake_manila", options={"method": method}),
    ):
        with pytest.raises(ValueError, match=f"must be one of .*, got {method!r}"):
            resolve(backend, shots=10, n_qubits=2)
