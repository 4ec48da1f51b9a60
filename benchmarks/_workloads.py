"""What people run first, as tasks for every peer: textbook and complex circuits."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import (
    UnitaryGate,
    efficient_su2,
    real_amplitudes,
    zz_feature_map,
)
from qiskit.quantum_info import SparsePauliOp, random_unitary

from skqnn._engine.feature_map import FeatureMap


class Workload(NamedTuple):
    """A circuit on a batch of states, the same for everybody."""

    circuit: QuantumCircuit
    observables: list[SparsePauliOp]
    states: np.ndarray  # (n_samples, 2**n_qubits)
    theta: np.ndarray
    cotangent: np.ndarray  # (n_samples, n_observables)


def brickwork(n_qubits: int) -> QuantumCircuit:
    """Return two layers of RXX, RYY, RZZ, CRX and any unitary on neighbours."""
    pairs = [(q, q + 1) for first in (0, 1) for q in range(first, n_qubits - 1, 2)]
    theta = iter(ParameterVector("p", 4 * len(pairs)))
    circuit = QuantumCircuit(n_qubits)
    for pair in pairs:
        for name in ("rxx", "ryy", "rzz", "crx"):
            getattr(circuit, name)(next(theta), *pair)
        circuit.append(UnitaryGate(random_unitary(4, seed=pair[0])), pair)
    return circuit


def ising(n_qubits: int) -> list[SparsePauliOp]:
    """Return the transverse-field Ising model on a ring."""
    terms = [("ZZ", [q, (q + 1) % n_qubits], -1.0) for q in range(n_qubits)]
    terms += [("X", [q], -0.7) for q in range(n_qubits)]
    return [SparsePauliOp.from_sparse_list(terms, n_qubits)]


def parity(n_qubits: int) -> list[SparsePauliOp]:
    return [SparsePauliOp("Z" * n_qubits)]


def x_parity(n_qubits: int) -> list[SparsePauliOp]:
    return [SparsePauliOp("X" * n_qubits)]


def _real(n_qubits: int, reps: int) -> QuantumCircuit:
    return real_amplitudes(n_qubits, reps=reps)


def _su2(n_qubits: int, reps: int) -> QuantumCircuit:
    return efficient_su2(n_qubits, reps=reps, entanglement="circular")


# name: (circuit, reps, observables, qubits, samples, whether states are zz states)
WORKLOADS: dict[str, tuple[Callable, int, Callable, tuple, int, bool]] = {
    "zz states, real ansatz": (_real, 3, parity, (4, 6, 8, 10, 12), 256, True),
    "su2 ansatz": (_su2, 3, parity, (4, 8, 11), 256, False),
    "brickwork": (lambda n, reps: brickwork(n), 1, parity, (8,), 256, False),
    "Ising, real ansatz": (_real, 3, ising, (10,), 256, False),
    "Ising, su2 ansatz": (_su2, 3, ising, (10,), 256, False),
    "X parity, real ansatz": (_real, 3, x_parity, (8,), 256, False),
    "few rows, su2 ansatz": (_su2, 2, parity, (14, 16, 18, 20), 8, False),
    "few rows, real ansatz": (_real, 2, parity, (14, 16, 18, 20), 8, False),
}


def make_workload(name: str, n_qubits: int, dtype: str, seed: int) -> Workload:
    """Return one workload; complex states have the precision of the dtype."""
    build, reps, observe, _, n_samples, encoded = WORKLOADS[name]
    rng = np.random.default_rng(seed)
    circuit, observables = build(n_qubits, reps), observe(n_qubits)
    if encoded:
        X = rng.uniform(0, 1, (n_samples, n_qubits)).astype(dtype)
        states = FeatureMap(zz_feature_map(n_qubits, reps=2)).encode(X)
    else:
        states = rng.normal(size=(n_samples, 2**n_qubits)).astype(dtype)
        states /= np.linalg.norm(states, axis=1, keepdims=True)
    theta = rng.uniform(-np.pi, np.pi, circuit.num_parameters)
    cotangent = rng.normal(size=(n_samples, len(observables)))
    return Workload(circuit, observables, states, theta, cotangent)
