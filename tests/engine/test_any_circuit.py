"""Random circuits of all gates: kernels against NumPy and Qiskit's Statevector."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import UnitaryGate
from qiskit.quantum_info import SparsePauliOp, Statevector, random_unitary

from skqnn._circuits.observables import as_observables
from skqnn._engine import binding, compiled, layout
from skqnn._engine.statevector import StatevectorEngine

pytest.importorskip("numba")

# Names of gates by the number of their angles and qubits; the real ones come first.
GATES = {
    (1, 1): ["ry", "rx", "rz", "p"],
    (1, 2): ["cry", "rxx", "ryy", "rzz", "rzx", "crx", "crz", "cp"],
    (0, 1): ["h", "x", "z", "y", "s", "sdg", "t", "sx"],
    (0, 2): ["cx", "cz", "swap", "cy", "ch", "iswap", "ecr", "dcx"],
    (0, 3): ["ccx", "ccz", "cswap", "rccx"],
}
N_REAL = {(1, 1): 1, (1, 2): 1, (0, 1): 3, (0, 2): 3, (0, 3): 3}
KINDS = [(1, 1)] * 4 + [(1, 2)] * 2 + [(0, 1)] * 2 + [(0, 2)] * 3 + [(0, 3)]
TOLERANCE = {"f": 2e-4, "d": 1e-12, "F": 2e-4, "D": 1e-12}


def random_circuit(rng, n_qubits, n_gates, real):
    """Repeated, scaled, shifted and fixed angles; some gates no observable may see."""
    p = ParameterVector("p", 5)
    circuit = QuantumCircuit(n_qubits)
    circuit.ry(p[0], 0)
    for _ in range(n_gates):
        kind = KINDS[rng.integers(len(KINDS))]
        names = GATES[kind][: N_REAL[kind]] if real else GATES[kind]
        angle = rng.choice([-2, 1, 0.5]) * p[int(rng.integers(5))] + rng.choice(
            [0, 0.3]
        )
        angle = float(rng.uniform(-4, 4)) if rng.random() < 0.1 else angle
        qubits = rng.choice(n_qubits, size=3, replace=False)[: kind[1]].tolist()
        getattr(circuit, rng.choice(names))(*[angle][: kind[0]], *qubits)
    if not real and rng.random() < 0.3:
        matrix = random_unitary(4, seed=int(rng.integers(1000)))
        circuit.append(UnitaryGate(matrix), [n_qubits - 1, 0])
        circuit.rx(p[1], 0)
    return circuit


def random_observables(rng, n_qubits):
    observables = []
    for _ in range(rng.integers(1, 4)):
        letters = ["IZ", "IZ", "IX", "IXYZ"][rng.integers(4)]
        n_terms = rng.choice([1, 1, 3])
        labels = rng.choice(list(letters), size=(n_terms, n_qubits))
        labels = ["".join(label) for label in labels]
        observables.append(SparsePauliOp(labels, rng.normal(size=n_terms)))
    return as_observables(observables)


def random_states(rng, n_qubits, dtype):
    states = rng.normal(size=(rng.integers(1, 12), 2**n_qubits))
    if np.dtype(dtype).kind == "c":
        states = states + 1j * rng.normal(size=states.shape)
    return (states / np.linalg.norm(states, axis=1, keepdims=True)).astype(dtype)


def random_theta(rng, n_parameters):
    if rng.random() < 0.2:  # where tangents have poles
        return rng.integers(-8, 8, n_parameters) * np.pi / 4
    return rng.uniform(-9, 9, n_parameters)


def value_and_gradient(engine, states, theta, cotangent):
    E, pullback = engine.vjp(states, theta)
    return E, pullback(cotangent), engine.expectations(states, theta)


def by_qiskit(circuit, observables, state, theta):
    final = Statevector(state).evolve(circuit.assign_parameters(theta))
    return [final.expectation_value(observable).real for observable in observables]


def check(seed, monkeypatch, alone=False):
    """Compare one random problem; every seed draws sizes, dtypes, tapes, threads.

    If `alone`, a block is of one real sample, as those of large circuits are.
    """
    rng = np.random.default_rng(seed)
    n_qubits = int(rng.choice([8, 9, 10] if alone else [6, 6, 7, 8]))
    real = alone or rng.random() < 0.3
    circuit = random_circuit(rng, n_qubits, rng.integers(3, 30), real)
    observables = random_observables(rng, n_qubits)
    dtypes = ["d", "f"] if alone else ["d", "D", "D", "f", "F"]
    states = random_states(rng, n_qubits, rng.choice(dtypes))
    largest = 0 if alone else 2**21
    monkeypatch.setattr(compiled, "_BLOCK_BYTES", dict.fromkeys((32, 64), largest))
    theta = random_theta(rng, circuit.num_parameters)
    cotangent = rng.normal(size=(len(states), len(observables)))
    n_bytes = int(rng.choice([0, 2**24]))
    monkeypatch.setattr(binding, "_TAPE_BYTES", n_bytes)
    monkeypatch.setattr(binding, "_TAPE_OF_ONE_BYTES", n_bytes)
    monkeypatch.setattr(compiled, "_JACOBIAN_BYTES", int(rng.choice([0, 2**26])))
    monkeypatch.setattr(layout, "_COPY_BYTES", int(rng.choice([0, 2**20])))
    n_threads = int(rng.integers(1, 3))
    monkeypatch.setattr(compiled, "n_effective_threads", lambda: n_threads)

    engine = StatevectorEngine(circuit, observables)
    assert engine._compiled[states.dtype.kind] is not None
    fast = value_and_gradient(engine, states, theta, cotangent)
    engine._compiled = {}
    wide = states.astype(np.result_type(states, np.float64))
    slow = value_and_gradient(engine, wide, theta, cotangent)
    tolerance = TOLERANCE[states.dtype.char]
    for a, b in zip(fast, slow, strict=True):
        scale = max(1.0, np.abs(b).max())
        np.testing.assert_allclose(a, b, atol=tolerance * scale, rtol=0)
    expected = by_qiskit(circuit, observables, wide[-1], theta)
    np.testing.assert_allclose(slow[0][-1], expected, atol=1e-11)


@pytest.fixture
def at_once(monkeypatch):
    """Compile complex circuits at once, and give small ones threads, too."""
    monkeypatch.setattr("skqnn._engine.statevector._PATIENCE", 0)
    monkeypatch.setattr(compiled, "_THREAD_WORK", 0)


@pytest.mark.parametrize("seed", range(60))
def test_kernels_agree_on_random_circuits(seed, at_once, monkeypatch):
    check(seed, monkeypatch)


@pytest.mark.parametrize("seed", range(60))
def test_kernels_agree_if_a_block_is_of_one_sample(seed, at_once, monkeypatch):
    check(seed, monkeypatch, alone=True)


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(1, 11))
def test_kernels_agree_on_many_random_circuits(hundred, at_once, monkeypatch):
    for seed in range(100 * hundred, 100 * hundred + 100):
        check(seed, monkeypatch)
        check(seed, monkeypatch, alone=True)
