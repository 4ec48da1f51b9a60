"""The promises of docs/user_guide/reproducibility.rst, on every kind of backend."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from qiskit.primitives import BackendEstimatorV2, StatevectorEstimator
from qiskit.providers.basic_provider import BasicSimulator
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error
from qiskit_aer.primitives import EstimatorV2
from sklearn.base import clone

from skqnn import Backend, QNNClassifier
from skqnn._engine import statevector

X = np.random.default_rng(0).normal(size=(6, 4))
Y = np.array([0, 1, 0, 1, 1, 0])


def noisy():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), ["ry"])
    return AerSimulator(noise_model=model)


KINDS = {
    "exact": lambda: None,
    "aer": lambda: "aer",
    "aer_matrix_product_state": lambda: "aer_matrix_product_state",
    "fake": lambda: "fake_manila",
    "AerSimulator": noisy,
    "GenericBackendV2": lambda: GenericBackendV2(2, seed=0),
    "BasicSimulator": BasicSimulator,
    "StatevectorEstimator": StatevectorEstimator,
    "Aer EstimatorV2": EstimatorV2,
    "BackendEstimatorV2": lambda: BackendEstimatorV2(backend=AerSimulator()),
}


def make(kind, random_state=0, **keywords):
    if kind == "fake":
        pytest.importorskip("qiskit_ibm_runtime")
    target = KINDS[kind]()
    return QNNClassifier(
        backend=None if target is None else Backend(target, **keywords),
        shots=None if target is None else 50,
        intercept_scaling=None,
        reps=1,
        solver="spsa",
        learning_rate="cosine",
        max_iter=1,
        batch_size=3,
        random_state=random_state,
    )


pytestmark = pytest.mark.filterwarnings(
    "ignore:The loss ended at:sklearn.exceptions.ConvergenceWarning"
)


@pytest.mark.parametrize("kind", KINDS)
def test_fit_and_prediction_can_be_repeated_bit_for_bit(kind):
    first = make(kind).fit(X, Y)
    second, other = clone(first).fit(X, Y), make(kind, 1).fit(X, Y)
    assert_array_equal(second.theta_, first.theta_)
    scores = first.decision_function(X)
    assert_array_equal(first.decision_function(X), scores)
    assert_array_equal(second.decision_function(X), scores)
    assert not np.array_equal(other.theta_, first.theta_)


@pytest.mark.parametrize("kind", KINDS)
def test_global_random_state_is_neither_read_nor_changed(kind):
    thetas = []
    for seed in (0, 1):
        np.random.seed(seed)  # noqa: NPY002 (what must not matter)
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        thetas.append(make(kind).fit(X, Y).theta_)
        assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert_array_equal(*thetas)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "exact"])
def test_no_two_requests_share_their_noise_and_fresh_noise_can_be_asked_for(kind):
    model = make("exact").fit(X, Y)
    model.set_params(backend=Backend(KINDS[kind]()), shots=50)
    scores = model.decision_function(np.repeat(X[:1], 30, axis=0))
    assert len(np.unique(scores)) > 3
    fresh = Backend(KINDS[kind](), random_state=np.random.RandomState(0))
    model.set_params(backend=fresh)
    one, other = (model.decision_function(X) for _ in range(2))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_journal_replays_what_was_measured(kind, tmp_path):
    if kind == "exact":
        pytest.skip("runs no requests")
    keywords = {"journal": tmp_path / "journal", "random_state": 0}
    model = make(kind, **keywords).fit(X, Y)
    scores = model.decision_function(X)
    again = make(kind, **keywords).fit(X, Y)
    assert_array_equal(again.theta_, model.theta_)
    assert_array_equal(again.decision_function(X), scores)


@pytest.mark.parametrize("n_features", [4, 64])
def test_without_numba_only_the_last_digits_differ(n_features, monkeypatch):
    pytest.importorskip("numba")
    rows = np.random.default_rng(0).normal(size=(40, n_features))
    labels = (rows[:, 0] * rows[:, 1] > 0).astype(int)
    thetas, asked = [], []
    for find in (statevector.find_spec, asked.append):  # which returns None
        monkeypatch.setattr(statevector, "find_spec", find)
        model = QNNClassifier(max_iter=3, learning_rate="cosine", random_state=0)
        thetas.append(model.fit(rows, labels).theta_)
    assert_allclose(*thetas, rtol=0, atol=1e-13)
    assert "numba" in asked
