"""How rows were prepared before: layers of SO(4) gates, down a staircase of neighbours.

Each gate takes two CX and six angles. It is kept to compare with.
"""

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector


def staircase_template(n_qubits, n_layers):
    """Return the circuit whose parameters `fit_staircase` computes."""
    angles = ParameterVector("x", 6 * (n_qubits - 1) * n_layers)
    circuit = QuantumCircuit(n_qubits)
    for gate in range((n_qubits - 1) * n_layers):
        low = n_qubits - 2 - gate % (n_qubits - 1)
        high, mine = low + 1, angles[6 * gate : 6 * gate + 6]
        circuit.s([low, high])
        circuit.h(high)
        circuit.cx(high, low)
        for qubit, (first, middle, last) in ((high, mine[:3]), (low, mine[3:])):
            circuit.rz(first, qubit)
            circuit.ry(middle, qubit)
            circuit.rz(last, qubit)
        circuit.cx(high, low)
        circuit.h(high)
        circuit.sdg([low, high])
    return circuit


def _rotation_basis():
    phase, cx = np.diag([1, 1j]), np.eye(4)[[0, 1, 3, 2]]
    hadamard = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    magic = cx @ np.kron(hadamard, np.eye(2)) @ np.kron(phase, phase)
    paulis = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    units = [np.eye(2), *(-1j * paulis)]
    products = [magic.conj().T @ np.kron(a, b) @ magic for a in units for b in units]
    return np.real(products).reshape(16, 16)


BASIS = _rotation_basis()


def fit_staircase(states, n_layers, max_sweeps=50, tol=1e-5):
    """Return angles and fidelity of each row, by layers of matrix product states."""
    n_samples, n_qubits = len(states), states.shape[1].bit_length() - 1
    pairs = list(range(n_qubits - 1)) * n_layers
    gates = _initial_gates(states, n_layers, n_qubits)
    fidelity, active = np.zeros(n_samples), np.arange(n_samples)
    for _ in range(max_sweeps):
        gates[active], reached = _sweep(states[active], gates[active], pairs)
        gain, fidelity[active] = reached - fidelity[active], reached
        active = active[gain > tol]
        if not active.size:
            break
    return _euler_angles(gates).reshape(n_samples, -1), fidelity


def _initial_gates(states, n_layers, n_qubits):
    layers = []
    for _ in range(n_layers):
        gates, rest = [], states
        for n_above in reversed(range(n_qubits - 1)):
            rest = rest.reshape(len(states), 2**n_above, 4)
            leading = np.linalg.eigh(rest.swapaxes(1, 2) @ rest)[1][:, :, :1:-1]
            isometry = np.zeros((len(states), 4, 4))
            isometry[:, :, ::2] = leading
            gates.insert(0, _best_rotation(isometry)[0])
            rest = rest @ leading
        layers.insert(0, np.stack(gates, axis=1))
        for pair in reversed(range(n_qubits - 1)):
            states = _apply(gates[pair].swapaxes(1, 2), states, pair)
    return np.concatenate(layers, axis=1)


def _sweep(states, gates, pairs):
    after = []
    for i in reversed(range(len(pairs))):
        after.insert(0, states)
        states = _apply(gates[:, i].swapaxes(1, 2), states, pairs[i])
    ket, swept = np.zeros_like(states), np.empty_like(gates)
    ket[:, 0] = 1
    for i, pair in enumerate(pairs):
        bra, front = (_split(s, pair) for s in (after[i], ket))
        environment = np.einsum("sakb,salb->skl", bra, front, optimize=True)
        swept[:, i], overlap = _best_rotation(environment)
        ket = _apply(swept[:, i], ket, pair)
    return swept, overlap**2


def _split(states, pair):
    return states.reshape(len(states), 2**pair, 4, -1)


def _apply(gates, states, pair):
    return (gates[:, np.newaxis] @ _split(states, pair)).reshape(states.shape)


def _quaternions(matrices):
    form = (matrices.reshape(*matrices.shape[:-2], 1, 16) @ BASIS.T).reshape(
        matrices.shape
    )
    q = np.linalg.eigh(form.swapaxes(-1, -2) @ form)[1][..., -1:]
    p = form @ q
    overlap = np.linalg.norm(p, axis=-2, keepdims=True)
    return (p / overlap)[..., 0], q[..., 0], overlap[..., 0, 0]


def _best_rotation(matrices):
    p, q, overlap = _quaternions(matrices)
    weights = p[..., :, np.newaxis] * q[..., np.newaxis, :]
    rotations = weights.reshape(*overlap.shape, 1, 16) @ BASIS
    return rotations.reshape(matrices.shape), overlap


def _euler_angles(gates):
    p, q, _ = _quaternions(gates)
    w, x, y, z = np.moveaxis(np.stack([p, q], axis=-2), -1, 0)
    half_sum, half_difference = np.arctan2(z, w), np.arctan2(-x, y)
    middle = 2 * np.arctan2(np.hypot(x, y), np.hypot(w, z))
    angles = [half_sum - half_difference, middle, half_sum + half_difference]
    return np.stack(angles, axis=-1).reshape(*gates.shape[:-2], 6)
