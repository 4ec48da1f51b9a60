"""The task of `engine_speed.py`: a circuit, a batch of states and a cotangent."""

from typing import NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

Result = tuple[np.ndarray, np.ndarray]  # expectation values, gradient


class Task(NamedTuple):
    """What is computed, the same for everybody.

    Attributes
    ----------
    n_qubits, reps : int
    angles : ndarray of shape (n_samples, n_qubits), or None
        If given, the states are RY(angles[i, q]) on qubit q of ``|0...0>``.
    states : ndarray of shape (n_samples, 2**n_qubits)
        Rows of unit norm, qubit 0 is the least significant bit.
    theta : ndarray of shape ((reps + 1) * n_qubits,)
    cotangent : ndarray of shape (n_samples,)
    """

    n_qubits: int
    reps: int
    angles: np.ndarray | None
    states: np.ndarray
    theta: np.ndarray
    cotangent: np.ndarray


def gates(task: Task) -> list[tuple[str, int, int]]:
    """Return the ansatz as ("ry", qubit, parameter) and ("cx", control, target)."""
    n = task.n_qubits
    sequence = []
    for r in range(task.reps + 1):
        sequence += [("ry", q, r * n + q) for q in range(n)]
        if r < task.reps:
            sequence += [("cx", q, q + 1) for q in reversed(range(n - 1))]
    return sequence


def make_tasks(n_qubits, reps, n_samples, dtype, seed) -> dict[bool, Task]:
    """Return the task with amplitudes (True) and the one with angles (False)."""
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(n_samples, 2**n_qubits))
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    theta = rng.uniform(-np.pi, np.pi, (reps + 1) * n_qubits)
    cotangent = rng.normal(size=n_samples)
    angles = rng.uniform(0, np.pi, (n_samples, n_qubits))
    product = np.ones((n_samples, 1))
    for angle in angles.T:
        qubit = np.stack([np.cos(angle / 2), np.sin(angle / 2)], axis=1)
        product = (qubit[:, :, None] * product[:, None, :]).reshape(n_samples, -1)
    return {
        amplitudes: Task(
            n_qubits,
            reps,
            None if amplitudes else angles,
            rows.astype(dtype),
            theta.astype(dtype),
            cotangent.astype(dtype),
        )
        for amplitudes, rows in ((True, states), (False, product))
    }


def first_samples(task: Task, n_samples: int) -> Task:
    """Return the task on the first samples only."""
    return task._replace(
        angles=None if task.angles is None else task.angles[:n_samples],
        states=task.states[:n_samples],
        cotangent=task.cotangent[:n_samples],
    )


def minimal_flops(task: Task) -> float:
    """Return the flops without which the task cannot be done by gates.

    Per amplitude: 3 for an RY, 2 for the gradient of an RY, 10 for the observable with
    the last layer of RY folded into it; states and cotangents are carried through every
    other layer, except the cotangents through the first.
    """
    n, reps = task.n_qubits, task.reps
    per_amplitude = 3 * n * reps + 3 * n * (reps - 1) + 2 * n * reps + 10
    return per_amplitude * task.states.size


def cx_permutation(task: Task) -> np.ndarray:
    """Return p such that ``states[:, p]`` applies one layer of CX."""
    index = permutation = np.arange(2**task.n_qubits)
    for control in reversed(range(task.n_qubits - 1)):
        permutation = permutation[index ^ (((index >> control) & 1) << (control + 1))]
    return permutation


def parity_signs(n_qubits: int) -> np.ndarray:
    """Return the diagonal of Z on all qubits."""
    signs = np.ones(1)
    for _ in range(n_qubits):
        signs = np.concatenate([signs, -signs])
    return signs


def qiskit_circuit(task: Task):
    """Return RY encoding and ansatz in one circuit, and both parameter vectors."""
    x = ParameterVector("x", task.n_qubits)
    theta = ParameterVector("p", len(task.theta))
    circuit = QuantumCircuit(task.n_qubits)
    for q in range(task.n_qubits):
        circuit.ry(x[q], q)
    for name, a, b in gates(task):
        if name == "ry":
            circuit.ry(theta[b], a)
        else:
            circuit.cx(a, b)
    return circuit, x, theta
