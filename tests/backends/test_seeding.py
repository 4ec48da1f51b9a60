"""Random numbers of estimators: the same seed the same bits, and no request twice."""

import numpy as np
import pytest
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import BackendEstimatorV2, BaseEstimatorV2, StatevectorEstimator
from qiskit.providers.basic_provider import BasicSimulator
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2

from skqnn._backends.resolve import resolve
from skqnn._backends.seeding import reseeded

CIRCUIT, OBSERVABLE = real_amplitudes(2, reps=1), SparsePauliOp("ZI")
VALUES = np.linspace(0.2, 1.4, 8).reshape(2, 4)
GENERIC = GenericBackendV2(2, seed=0)

ESTIMATORS = {
    "StatevectorEstimator": StatevectorEstimator(),
    "StatevectorEstimator, seed": StatevectorEstimator(seed=1),
    "Aer": EstimatorV2(),
    "Aer, seed": EstimatorV2(options={"run_options": {"seed_simulator": 0}}),
    "BackendEstimatorV2": BackendEstimatorV2(backend=BasicSimulator()),
    "BackendEstimatorV2, seed": BackendEstimatorV2(
        backend=AerSimulator(), options={"seed_simulator": 3}
    ),
}
BACKENDS = {
    "aer": "aer",
    "AerSimulator": AerSimulator(seed_simulator=5),
    "GenericBackendV2": GENERIC,
    "BasicSimulator": BasicSimulator(),
}


def run(backend, seed, n_requests=1):
    program = resolve(backend, shots=100, n_qubits=2).compile(CIRCUIT, [OBSERVABLE], 0)
    rng = np.random.default_rng(seed)
    return [program.run(VALUES, rng)[0] for _ in range(n_requests)]


@pytest.mark.parametrize("name", [*ESTIMATORS, *BACKENDS])
def test_same_seed_same_bits_and_no_request_twice(name):
    backend = (ESTIMATORS | BACKENDS)[name]
    first, second = run(backend, 0, 2)
    again, _ = run(backend, 0, 2)
    (other,) = run(backend, 1)
    np.testing.assert_array_equal(again, first)
    assert not np.array_equal(second, first)
    assert not np.array_equal(other, first)


@pytest.mark.slow
def test_ibms_estimators_in_local_mode():
    runtime = pytest.importorskip("qiskit_ibm_runtime")
    from qiskit_ibm_runtime.executor_estimator import Estimator
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    with pytest.warns(DeprecationWarning, match="EstimatorV2"):
        old = runtime.EstimatorV2(mode=FakeManilaV2())
    seeded = Estimator(
        mode=FakeManilaV2(), options={"simulator": {"seed_simulator": 1}}
    )
    for estimator in (Estimator(mode=FakeManilaV2()), seeded, old):
        first, again = run(estimator, 0) + run(estimator, 0)
        np.testing.assert_array_equal(again, first)
        assert not np.array_equal(run(estimator, 1)[0], first)


@pytest.mark.parametrize("name", ["StatevectorEstimator", "Aer", "BackendEstimatorV2"])
def test_own_seed_of_an_estimator_still_counts(name):
    (plain,), (seeded,) = (run(ESTIMATORS[n], 0) for n in (name, f"{name}, seed"))
    assert not np.array_equal(plain, seeded)


def test_own_generator_is_left_alone():
    estimator = StatevectorEstimator(seed=np.random.default_rng(0))
    assert reseeded(estimator, np.random.default_rng(1)) is estimator
    (first,), (second,) = run(estimator, 0), run(estimator, 0)
    assert not np.array_equal(first, second)


def test_estimator_of_the_user_is_not_changed():
    for estimator in ESTIMATORS.values():
        before = repr(getattr(estimator, "options", None))
        run(estimator, 0)
        assert repr(getattr(estimator, "options", None)) == before


def test_unknown_estimator_is_returned():
    class Own(BaseEstimatorV2):
        def run(self, pubs, *, precision=None):
            raise NotImplementedError

    estimator = Own()
    assert reseeded(estimator, np.random.default_rng(0)) is estimator


@pytest.mark.parametrize("name", ["StatevectorEstimator, seed", "Aer, seed"])
def test_noise_of_two_requests_does_not_cancel(name):
    """A difference of two requests has the noise of both, whatever their seed."""
    pairs = [run(ESTIMATORS[name], seed, 2) for seed in range(40)]
    difference = np.array([one - other for one, other in pairs])
    assert difference.std() == pytest.approx(np.sqrt(2 / 100), rel=0.3)
