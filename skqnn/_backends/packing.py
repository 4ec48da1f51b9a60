"""Many states in one circuit: a register above the qubits numbers them.

The normalized superposition ``sum_s |s>|state_s>`` of S states has the squared norm S.
A circuit that leaves the register alone acts on all states at once, and the
probabilities of outcomes that go with ``s`` are those of ``state_s`` divided by S: a
simulator gives them for the price of a few larger circuits instead of many small ones.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from qiskit import QuantumCircuit

_MAX_QUBITS = 14  # with the register; beyond, a circuit no longer stays in the cache


def register_size(n_qubits: int, n_states: int) -> int:
    """Return the number of qubits of the register, 0 for a state in each circuit."""
    return max(0, min(_MAX_QUBITS - n_qubits, (n_states - 1).bit_length()))


def pack(states: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Yield the states, ``2**size`` at a time, as one normalized state.

    Parameters
    ----------
    states : ndarray of shape (n_states, 2**n_qubits)
    """
    for start in range(0, len(states), 2**size):
        block = np.zeros((2**size, states.shape[1]), dtype=np.complex128)
        rows = states[start : start + 2**size]
        block[: len(rows)] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        yield block.ravel() / np.sqrt(len(rows))


def begin_with(
    state: np.ndarray, circuit: QuantumCircuit, size: int
) -> tuple[QuantumCircuit, Sequence[int]]:
    """Return the circuit under a register, its state set at the start.

    Returns
    -------
    circuit : QuantumCircuit
    register : sequence of int
        The qubits that number the states.
    """
    n_qubits = circuit.num_qubits
    full = QuantumCircuit(n_qubits + size)
    full.set_statevector(state)
    full.compose(circuit, range(n_qubits), inplace=True, copy=False)
    return full, range(n_qubits, n_qubits + size)


def unpack(joint: np.ndarray, size: int, n_states: int) -> np.ndarray:
    """Return the probabilities of outcomes for each state and binding, in this order.

    Parameters
    ----------
    joint : ndarray of shape (n_circuits, n_bindings, 2**size * n_outcomes)
        Probabilities of outcomes and of the register above them.

    Returns
    -------
    probabilities : ndarray of shape (n_states * n_bindings, n_outcomes)
    """
    n_circuits, n_bindings, _ = joint.shape
    rows = joint.reshape(n_circuits, n_bindings, 2**size, -1).swapaxes(1, 2)
    rows = rows.reshape(n_circuits * 2**size, n_bindings, -1)[:n_states]
    return (rows / rows.sum(axis=2, keepdims=True)).reshape(n_states * n_bindings, -1)
