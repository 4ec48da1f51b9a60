"""Engines made from a Backend: its settings arrive, its random numbers too."""

from pathlib import Path

import numpy as np
import pytest
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import BackendEstimatorV2
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import QubitProperties
from qiskit_aer.noise import NoiseModel, depolarizing_error

from skqnn import Backend
from skqnn._backends.aer import AerDevice
from skqnn._backends.engines import open_engine
from skqnn._backends.resolve import resolve

CIRCUIT, OBSERVABLES = real_amplitudes(3, reps=1), [SparsePauliOp("ZZI")]
THETA = np.linspace(0.1, 1.3, 6)
ROWS = np.random.default_rng(0).normal(size=(3, 8))
ROWS /= np.linalg.norm(ROWS, axis=1, keepdims=True)


def open_one(backend, shots=100, seed=0):
    return open_engine(backend, CIRCUIT, OBSERVABLES, shots=shots, seed=seed).engine


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


# --- Programs are compiled once ------------------------------------------------------


@pytest.fixture
def n_compiled(monkeypatch):
    """Return a list that grows by one whenever Aer's device compiles."""
    seen = []
    compile_ = AerDevice.compile

    def count(self, *arguments):
        seen.append(self.name)
        return compile_(self, *arguments)

    monkeypatch.setattr(AerDevice, "compile", count)
    return seen


def run_twice(first, second, shots=(100, 100), seeds=(0, 0)):
    """Run with what the first call left, then without, and compare."""
    arguments = {"circuit": CIRCUIT, "observables": OBSERVABLES, "kept": None}
    kept = open_engine(first, shots=shots[0], seed=seeds[0], **arguments)
    run(kept.engine)
    arguments["kept"] = kept
    again = run(open_engine(second, shots=shots[1], seed=seeds[1], **arguments).engine)
    arguments["kept"] = None
    alone = run(open_engine(second, shots=shots[1], seed=seeds[1], **arguments).engine)
    np.testing.assert_array_equal(again, alone)


def run(engine):
    return engine.expectations(engine.prepare(ROWS), THETA)


@pytest.mark.parametrize(
    "first, second",
    [
        (Backend("aer"), Backend("aer")),
        (Backend("aer"), Backend("aer", random_state=3)),
        (Backend("fake_manila"), Backend("fake_manila")),
    ],
    ids=["same", "other noise", "fake"],
)
def test_second_call_compiles_nothing_and_gives_the_same_bits(
    n_compiled, first, second
):
    run_twice(first, second)
    assert len(n_compiled) == 2  # the first, and the one for comparison


@pytest.mark.parametrize(
    "target, keywords",
    [
        ("aer", {"state_preparation": "layers"}),
        ("aer", {"options": {"method": "density_matrix"}}),
        ("fake_manila", {"n_transpilations": 1}),
        ("fake_manila", {"correct_readout": False}),
    ],
    ids=str,
)
def test_other_settings_compile_anew(n_compiled, target, keywords):
    run_twice(Backend(target), Backend(target, **keywords))
    assert len(n_compiled) == 3


def test_other_shots_or_seeds_compile_anew(n_compiled):
    run_twice(Backend("aer"), Backend("aer"), shots=(100, None))
    run_twice(Backend("fake_manila"), Backend("fake_manila"), seeds=(0, 1))
    assert len(n_compiled) == 6


def test_noise_model_that_changed_meanwhile_compiles_anew(n_compiled):
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), ["ry"])
    backend = Backend("aer", options={"noise_model": model})
    arguments = {"circuit": CIRCUIT, "observables": OBSERVABLES, "shots": None}
    kept = open_engine(backend, seed=0, **arguments)
    before = run(kept.engine)
    model.add_all_qubit_quantum_error(depolarizing_error(0.5, 2), ["cx"])
    after = run(open_engine(backend, seed=0, kept=kept, **arguments).engine)
    assert np.abs(after).max() < np.abs(before).max()
    assert len(n_compiled) == 2


def test_lifetimes_that_changed_meanwhile_compile_anew(n_compiled):
    device = resolve("fake_manila", shots=None, n_qubits=3).backend
    arguments = {"circuit": CIRCUIT, "observables": OBSERVABLES, "shots": None}
    kept = open_engine(Backend(device), seed=0, **arguments)
    before = run(kept.engine)
    short = QubitProperties(t1=1e-5, t2=1e-5)
    device.target.qubit_properties = [short] * device.num_qubits
    after = run(open_engine(Backend(device), seed=0, kept=kept, **arguments).engine)
    assert np.abs(after - before).max() > 0.1


def test_observable_that_was_exchanged_in_its_list_compiles_anew():
    observables = list(OBSERVABLES)
    arguments = {"circuit": CIRCUIT, "observables": observables, "shots": None}
    kept = open_engine(Backend("aer"), seed=0, **arguments)
    before = run(kept.engine)
    observables[0] = -observables[0]
    after = run(open_engine(Backend("aer"), seed=0, kept=kept, **arguments).engine)
    np.testing.assert_array_equal(after, -before)


def test_model_that_was_changed_in_place_compiles_anew():
    circuit, observable = CIRCUIT.copy(), OBSERVABLES[0].copy()
    model = {"circuit": circuit, "observables": [observable], "shots": None, "seed": 0}
    kept = open_engine(Backend("aer"), **model)
    before = run(kept.engine)
    observable.coeffs[0] = 3.0
    kept = open_engine(Backend("aer"), kept=kept, **model)
    np.testing.assert_allclose(run(kept.engine), 3 * before)
    circuit.x(1)
    kept = open_engine(Backend("aer"), kept=kept, **model)
    np.testing.assert_allclose(run(kept.engine), -3 * before)
    observable.paulis = ["IIZ"]
    kept = open_engine(Backend("aer"), kept=kept, **model)
    fresh = open_engine(Backend("aer"), **model)
    np.testing.assert_array_equal(run(kept.engine), run(fresh.engine))


@pytest.mark.parametrize("word", [None, "auto"])
def test_journal_at_a_path_that_reads_like_a_word(tmp_path, monkeypatch, word):
    monkeypatch.chdir(tmp_path)
    path = Path(str(word))
    run_twice(Backend("aer", journal=word), Backend("aer", journal=path))
    assert path.exists()


@pytest.mark.parametrize("joined", [False, True], ids=["device", "estimator"])
def test_device_that_makes_its_noise_at_the_first_run_is_the_same_afterwards(joined):
    target = GenericBackendV2(3, seed=0)
    if joined:
        target = BackendEstimatorV2(backend=target)
    arguments = {"circuit": CIRCUIT, "observables": OBSERVABLES, "shots": 10, "seed": 0}
    kept = open_engine(Backend(target), **arguments)
    first = run(kept.engine)
    again = open_engine(Backend(target), kept=kept, **arguments)
    assert again.values is kept.values
    np.testing.assert_array_equal(run(again.engine), first)
