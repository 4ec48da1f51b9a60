"""Engines made from a Backend: its settings arrive, its random numbers too."""

import numpy as np
import pytest
from qiskit.circuit.library import real_amplitudes
from qiskit.quantum_info import SparsePauliOp

from skqnn import Backend
from skqnn._backends.engines import open_engine

CIRCUIT, OBSERVABLES = real_amplitudes(3, reps=1), [SparsePauliOp("ZZI")]
THETA = np.linspace(0.1, 1.3, 6)
ROWS = np.random.default_rng(0).normal(size=(3, 8))
ROWS /= np.linalg.norm(ROWS, axis=1, keepdims=True)


def open_one(backend, shots=100, seed=0):
    return open_engine(backend, CIRCUIT, OBSERVABLES, shots=shots, seed=seed)


def measure(backend, **arguments):
    engine = open_one(backend, **arguments)
    return engine.expectations(engine.prepare(ROWS), THETA)


def test_settings_of_the_backend_arrive():
    engine = open_one(Backend("aer", state_preparation="layers"), None)
    three = engine.prepare(ROWS)
    assert engine.method == "layers"
    backend = Backend("aer", state_preparation="layers", n_preparation_layers=2)
    assert open_one(backend, None).prepare(ROWS).shape[1] < three.shape[1]


def test_journal_of_the_backend_is_written(tmp_path):
    measure(Backend("aer", journal=tmp_path / "journal.sqlite"))
    assert (tmp_path / "journal.sqlite").exists()


@pytest.mark.parametrize("random_state", [None, 0, 7])
def test_same_random_state_same_numbers(random_state):
    backend = Backend("aer", random_state=random_state)
    np.testing.assert_array_equal(measure(backend), measure(backend))
    other = measure(Backend("aer", random_state=8))
    assert not np.array_equal(measure(backend), other)


def test_generator_gives_fresh_noise_at_each_call():
    first, second = (np.random.RandomState(0) for _ in range(2))
    backend = Backend("aer", random_state=first)
    calls = [measure(backend) for _ in range(20)]
    assert len({call.tobytes() for call in calls}) == 20
    again = measure(Backend("aer", random_state=second))
    np.testing.assert_array_equal(calls[0], again)
    exact = measure(Backend("aer"), shots=None)
    # The mean of 20 calls has the noise of 2,000 shots.
    assert np.abs(np.mean(calls, axis=0) - exact).max() < 5 * 2000**-0.5
