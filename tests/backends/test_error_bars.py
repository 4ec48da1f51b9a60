"""Standard errors are those of repeated calls, on every kind of backend."""

import numpy as np
import pytest
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import BackendEstimatorV2, StatevectorEstimator
from qiskit.providers.basic_provider import BasicSimulator
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer.primitives import EstimatorV2

from skqnn import Backend
from skqnn._backends.engines import open_engine
from skqnn._backends.error_bars import plausible_errors

CIRCUIT = real_amplitudes(2, reps=1)
OBSERVABLES = [SparsePauliOp("ZI"), SparsePauliOp(["ZZ", "XI", "II"], [0.5, 0.7, 2.0])]
THETA = np.array([0.3, 0.9, -0.4, 0.2])
ROWS = np.random.default_rng(0).normal(size=(120, 4))
ROWS /= np.linalg.norm(ROWS, axis=1, keepdims=True)
KINDS = {
    "aer": "aer",
    "StatevectorEstimator": StatevectorEstimator(),
    "Aer": EstimatorV2(),
    "BackendEstimatorV2": BackendEstimatorV2(backend=BasicSimulator()),
}


def measure(name, shots):
    backend = Backend(KINDS[name], state_preparation="exact")
    model = {"circuit": CIRCUIT, "observables": OBSERVABLES}
    engine = open_engine(backend, shots=shots, seed=0, **model).engine
    return engine.measure(engine.prepare(ROWS), THETA)


@pytest.fixture(scope="module")
def exact():
    return measure("aer", None)[0]


@pytest.mark.parametrize("shots", [1, 3, 100])
@pytest.mark.parametrize("name", KINDS)
def test_deviations_are_as_large_as_claimed(name, shots, exact):
    evs, stds = measure(name, shots)
    assert np.all(stds > 0)
    for k in range(2):
        squares = np.mean((evs - exact)[:, k] ** 2), np.mean(stds[:, k] ** 2)
        assert 0.5 < np.sqrt(squares[0] / squares[1]) < 1.6
    assert np.mean(np.abs(evs - exact) < 3 * stds) > 0.98


@pytest.mark.parametrize("reported", [0.0, np.inf, np.nan])
def test_error_that_tells_nothing_becomes_that_of_the_shots(reported):
    evs, stds = np.array([[0.6, 2.0]]), np.full((1, 2), reported)
    errors = plausible_errors(evs, stds, OBSERVABLES, 100, gaussian=False)
    np.testing.assert_allclose(errors[0, 0], np.sqrt((1 - 0.36) / 100), rtol=0.05)
    np.testing.assert_allclose(errors[0, 1], np.hypot(0.5, 0.7) / 10)
    errors = plausible_errors(evs, stds, OBSERVABLES, 100, gaussian=True)
    np.testing.assert_allclose(errors, 0.1)


def test_error_below_what_shots_allow_is_raised_and_a_larger_one_kept():
    evs, stds = np.array([[0.6, 2.0], [0.6, 2.0]]), np.array([[0.01, 0.01], [0.5, 0.5]])
    errors = plausible_errors(evs, stds, OBSERVABLES, 100, gaussian=False)
    np.testing.assert_allclose(errors[0], [0.08, 0.01], rtol=0.05)
    np.testing.assert_array_equal(errors[1], [0.5, 0.5])


def test_value_of_a_constant_has_no_error():
    constant, zero = SparsePauliOp("II"), SparsePauliOp(["ZI", "II"], [0.0, 1.0])
    evs, stds = np.ones((1, 2)), np.zeros((1, 2))
    errors = plausible_errors(evs, stds, [constant, zero], 100, gaussian=False)
    np.testing.assert_array_equal(errors, [[0.0, 0.0]])
