"""The cost of a run: counted by hand, and against what is really submitted."""

import pickle

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.providers.fake_provider import GenericBackendV2
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skqnn import Backend, QNNClassifier
from skqnn._backends import ibm
from skqnn.inspection import estimate_cost

pytest.importorskip("qiskit_ibm_runtime")
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(10, 8)), np.arange(10) % 2


@pytest.fixture(scope="module")
def classifier():
    return QNNClassifier(
        intercept_scaling=None,
        reps=1,
        learning_rate="cosine",
        max_iter=2,
        batch_size=4,
        random_state=0,
    ).fit(X, Y)


def test_counts_by_hand(classifier):
    cost = estimate_cost(classifier, X, "fake_manila", shots=100)
    n_shifts = 2 * len(classifier.theta_)
    assert (cost["backend"], cost["n_qubits"], cost["shots"]) == ("fake_manila", 3, 100)
    for name, n_jobs, n_circuits in (
        ("prediction", 1, 10),
        ("epoch_spsa", 3, 20),
        ("epoch_parameter_shift", 3, 10 * (1 + n_shifts)),
    ):
        row = cost[name]
        assert row["jobs"] == row["pubs"] == n_jobs
        assert row["circuits"] == n_circuits
        # Two groups of 64 shots, and as many again in each job for the readout.
        assert row["executions"] == 128 * (n_circuits + n_jobs)
        seconds = row["executions"] * cost["seconds_per_shot"]
        assert row["qpu_seconds"] == pytest.approx(seconds)
        assert row["fits_free_plan"]


def test_circuit_is_described(classifier):
    exact = estimate_cost(classifier, X, "fake_manila", shots=1)
    copy = pickle.loads(pickle.dumps(classifier))
    backend = Backend("fake_manila", state_preparation="layers", n_preparation_layers=8)
    layers = estimate_cost(copy, X, backend, shots=1)
    assert (exact["preparation"], layers["preparation"]) == ("exact", "layers")
    assert exact["preparation_fidelity"] == 1
    assert exact["two_qubit_gates"] < layers["two_qubit_gates"]
    assert exact["depth"] < layers["depth"]
    assert 0 < layers["success_probability"] < exact["success_probability"] < 1
    # The default delay between shots of IBM's devices, and some microseconds.
    assert 250e-6 < exact["seconds_per_shot"] < 270e-6


def test_many_executions_need_more_jobs_than_one_and_more_than_is_free(classifier):
    cost = estimate_cost(classifier, X, "fake_manila", shots=4_000_000)
    assert cost["prediction"]["jobs"] == 5
    assert not cost["prediction"]["fits_free_plan"]


def test_classifier_says_what_is_not_given(classifier):
    copy = pickle.loads(pickle.dumps(classifier))
    copy.set_params(backend="fake_manila", shots=7)
    assert dict(estimate_cost(copy, X)) == dict(
        estimate_cost(classifier, X, "fake_manila", shots=7)
    )


def test_circuit_without_shift_rule():
    theta = ParameterVector("t", 1)
    ansatz = QuantumCircuit(3)
    ansatz.ry(theta[0], [0, 1])
    classifier = QNNClassifier(ansatz=ansatz, intercept_scaling=None, tol=1.0).fit(X, Y)
    cost = estimate_cost(classifier, X, "fake_manila", shots=10)
    assert cost["epoch_parameter_shift"] is None
    assert "not possible with this circuit" in repr(cost)


def test_table_can_be_read(classifier):
    lines = repr(estimate_cost(classifier, X, "fake_manila", shots=1000)).splitlines()
    assert lines[0].startswith("fake_manila: 3 qubits, preparation exact")
    assert lines[-3].split() == [
        *("one", "prediction", "1", "10", "11,264", "2.9", "s", "fits")
    ]
    assert all(len(line) <= 88 for line in lines)


@pytest.mark.parametrize("fitted", [True, False])
def test_pipeline_costs_what_its_classifier_costs(classifier, fitted):
    options = {"backend": "fake_manila", "shots": 100, "y": None if fitted else Y}
    twice = FunctionTransformer(lambda X: np.hstack([X, X]))
    model = make_pipeline(StandardScaler(), twice, clone(classifier))
    if fitted:
        model.fit(X, Y)
    cost = estimate_cost(model, X, **options)
    rows = model[:-1].fit_transform(X)
    assert dict(cost) == dict(estimate_cost(model[-1], rows, **options))
    assert cost["n_qubits"] == 4
    assert fitted == hasattr(model[-1], "theta_")


@pytest.mark.parametrize(
    "target, options, expected",
    [
        ("ibm_manila", {}, 16 * 64 * (10 + 1)),
        ("ibm_manila", {"resilience_level": 0}, 1000 * 10),
        ("ibm_manila", {"resilience_level": 2}, 16 * 64 * (3 * 10 + 1)),
        ("fake_manila", None, 16 * 64 * (10 + 1)),
        (GenericBackendV2(3, seed=0), None, 1000 * 10),
    ],
)
def test_executions_are_those_that_the_options_mean(
    classifier, target, options, expected, monkeypatch
):
    monkeypatch.setattr(ibm, "find_backend", lambda *_: FakeManilaV2())
    backend = Backend(target, options=options)
    cost = estimate_cost(classifier, X, backend, shots=1000)
    assert cost["prediction"]["executions"] == expected
    assert cost["shots"] == 1000


def test_wrong_arguments_are_refused(classifier):
    with pytest.raises(ValueError, match=r"`shots` .* got None; pass shots=\.\.\."):
        estimate_cost(classifier, X, "fake_manila")
    for shots in (1.5, "10", [10], True, 0):
        with pytest.raises(ValueError, match="`shots` must be a positive integer"):
            estimate_cost(classifier, X, "fake_manila", shots=shots)
    with pytest.raises(ValueError, match=r"must be a device .* 'aer'"):
        estimate_cost(classifier, X, "aer", shots=10)
    with pytest.raises(TypeError, match=r"`backend` .* got None; pass backend=\.\.\."):
        estimate_cost(classifier, X, shots=10)
    with pytest.raises(NotFittedError):
        estimate_cost(QNNClassifier(), X, "fake_manila", shots=10)
    with pytest.raises(TypeError, match="Pipeline that ends in one"):
        estimate_cost(StandardScaler(), X, "fake_manila", shots=10)
