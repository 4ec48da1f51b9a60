"""Amplitude rows -> nearest-neighbour staircase circuit + fitted angles per row.

A layer is a staircase of two-qubit gates, from the most significant pair of qubits down
to the least significant one. Each gate is a rotation of SO(4): two CX and six angles.
One layer prepares exactly the matrix product states of bond dimension two; further
layers approach any real state.

References
----------
.. [1] S.-J. Ran, "Encoding of matrix product states into quantum circuits of one- and
   two-qubit gates", Phys. Rev. A 101, 032310 (2020), arXiv:1908.07958.
.. [2] F. Vatan and C. Williams, "Optimal quantum circuits for general two-qubit gates",
   Phys. Rev. A 69, 032315 (2004), arXiv:quant-ph/0308006.
"""

from collections.abc import Sequence

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector

__all__ = ["MAX_SWEEPS", "TOL", "fit_staircase", "staircase_template"]

MAX_SWEEPS = 50
TOL = 1e-5

# Rows are fitted in chunks of about this many amplitudes, so that they stay in cache.
_CHUNK_AMPLITUDES = 2**15


def _rotation_basis() -> np.ndarray:
    """Real 4 x 4 matrices of all products of two quaternion units, (16, 16)."""
    phase = np.diag([1, 1j])
    hadamard = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    cx = np.eye(4)[[0, 1, 3, 2]]
    magic = cx @ np.kron(hadamard, np.eye(2)) @ np.kron(phase, phase)
    paulis = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    units = [np.eye(2), *(-1j * paulis)]
    products = [magic.conj().T @ np.kron(a, b) @ magic for a in units for b in units]
    return np.ascontiguousarray(np.real(products).reshape(16, 16))


_BASIS = _rotation_basis()


def staircase_template(n_qubits: int, n_layers: int) -> QuantumCircuit:
    """Build the circuit whose parameters `fit_staircase` computes.

    Parameters
    ----------
    n_qubits : int
        Number of qubits, at least 2.
    n_layers : int
        Number of staircase layers, at least 1.

    Returns
    -------
    circuit : QuantumCircuit
        ``6 * (n_qubits - 1) * n_layers`` parameters and ``2 * (n_qubits - 1) *
        n_layers`` CX between neighbours on the line 0, 1, ..., n_qubits - 1.
    """
    angles = ParameterVector("x", 6 * (n_qubits - 1) * n_layers)
    circuit = QuantumCircuit(n_qubits)
    for gate in range((n_qubits - 1) * n_layers):
        low = n_qubits - 2 - gate % (n_qubits - 1)
        _append_rotation(circuit, angles[6 * gate : 6 * gate + 6], low + 1, low)
    return circuit


def _append_rotation(
    circuit: QuantumCircuit, angles: Sequence[Parameter], high: int, low: int
) -> None:
    """Append an SO(4) gate: one-qubit gates in the magic basis [2]_."""
    circuit.s([low, high])
    circuit.h(high)
    circuit.cx(high, low)
    for qubit, (first, middle, last) in ((high, angles[:3]), (low, angles[3:])):
        circuit.rz(first, qubit)
        circuit.ry(middle, qubit)
        circuit.rz(last, qubit)
    circuit.cx(high, low)
    circuit.h(high)
    circuit.sdg([low, high])


def fit_staircase(
    states: np.ndarray,
    n_layers: int,
    *,
    max_sweeps: int = MAX_SWEEPS,
    tol: float = TOL,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit the angles of the staircase circuit to each row.

    The gates start from layers of truncated matrix product states [1]_ and are then
    replaced in turn by the rotation that maximises the overlap while all others are
    held. The fidelity never falls from one sweep to the next.

    Parameters
    ----------
    states : ndarray of shape (n_samples, 2**n_qubits), float64
        Real unit vectors of at least two qubits.
    n_layers : int
        Number of staircase layers, at least 1.
    max_sweeps : int, default=50
        Sweeps over all gates, at least 1.
    tol : float, default=1e-5
        A row is left alone after the first sweep that raises its fidelity by no more
        than this.

    Returns
    -------
    angles : ndarray of shape (n_samples, 6 * (n_qubits - 1) * n_layers)
        Angles in radians, in the order of the parameters of `staircase_template`.
    fidelity : ndarray of shape (n_samples,)
        Squared overlap of each row with the state its circuit prepares.

    Notes
    -----
    Rows never see each other: a row gives the same angles in every batch, up to the
    rounding of matrix products. They are not a continuous function of the row: where
    several rotations are equally good, rounding decides, so that another LAPACK may end
    at slightly different fidelities.

    A sweep costs O(n_samples n_layers n_qubits 2**n_qubits) operations.
    """
    n_samples, n_amplitudes = states.shape
    n_gates = (n_amplitudes.bit_length() - 2) * n_layers
    angles = np.empty((n_samples, 6 * n_gates))
    fidelity = np.empty(n_samples)
    step = max(1, _CHUNK_AMPLITUDES // n_amplitudes)
    for start in range(0, n_samples, step):
        rows = slice(start, start + step)
        gates, fidelity[rows] = _fit_gates(states[rows], n_layers, max_sweeps, tol)
        angles[rows] = _euler_angles(gates).reshape(-1, 6 * n_gates)
    return angles, fidelity


def _fit_gates(
    states: np.ndarray, n_layers: int, max_sweeps: int, tol: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return gates (n_samples, n_gates, 4, 4) in order of application and fidelity."""
    turns = _layer_turns(states) * n_layers
    gates = _initial_gates(states, n_layers)
    fidelity = np.zeros(len(states))
    active = np.arange(len(states))
    for _ in range(max_sweeps):
        gates[active], reached = _sweep(states[active], gates[active], turns)
        gain = reached - fidelity[active]
        fidelity[active] = reached
        active = active[gain > tol]
        if not active.size:
            break
    return gates, fidelity


def _sweep(
    states: np.ndarray, gates: np.ndarray, turns: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Replace each gate once, first to last, by the best one given all others."""
    bras, ket = _pull_back(states, gates, turns)
    ket = np.zeros_like(ket)
    ket[:, 0, 0] = 1
    swept = np.empty_like(gates)
    for i, (bra, turn) in enumerate(zip(bras, turns, strict=True)):
        swept[:, i], overlap = _best_rotation(bra @ ket.swapaxes(1, 2))
        ket = _turn(swept[:, i] @ ket, turn)
    return swept, overlap**2


def _initial_gates(states: np.ndarray, n_layers: int) -> np.ndarray:
    """Disentangle the states layer by layer [1]_; the last layer is found first."""
    turns = _layer_turns(states)
    layers: list[np.ndarray] = []
    for _ in range(n_layers):
        layers.insert(0, _matrix_product_layer(states))
        _, states = _pull_back(states, layers[0], turns)
        states = states.reshape(len(states), -1)
    return np.concatenate(layers, axis=1)


def _matrix_product_layer(states: np.ndarray) -> np.ndarray:
    """Return the layer preparing the states truncated to bond dimension two.

    The gate on qubits k, k + 1 (from the most significant) takes the bond on qubit k
    and |0> on qubit k + 1, inputs 0 and 2, to the leading right singular vectors.
    """
    n_samples, n_amplitudes = states.shape
    gates = []
    rest = states
    for n_above in reversed(range(n_amplitudes.bit_length() - 2)):
        rest = rest.reshape(n_samples, 2**n_above, 4)
        _, vectors = np.linalg.eigh(rest.swapaxes(1, 2) @ rest)
        leading = vectors[:, :, :1:-1]
        isometry = np.zeros((n_samples, 4, 4))
        isometry[:, :, ::2] = leading
        gates.append(_best_rotation(isometry)[0])
        rest = rest @ leading
    return np.stack(gates[::-1], axis=1)


# A state of shape (n_samples, 4, rest) has the two qubits a gate acts on in front.
# Turning by one qubit brings the next pair of the layer there, and turning by two
# after the last pair brings back the first: every gate is one matrix product.


def _layer_turns(states: np.ndarray) -> list[int]:
    n_qubits = states.shape[1].bit_length() - 1
    return [1] * (n_qubits - 2) + [2]


def _turn(states: np.ndarray, n_qubits: int) -> np.ndarray:
    n_samples = len(states)
    front = states.reshape(n_samples, 2**n_qubits, -1)
    moved = np.empty((n_samples, front.shape[2], front.shape[1]))
    # One strided pass per value is three times faster than copying a transpose.
    for value in range(2**n_qubits):
        moved[:, :, value] = front[:, value]
    return moved.reshape(n_samples, 4, -1)


def _turn_back(states: np.ndarray, n_qubits: int) -> np.ndarray:
    n_samples = len(states)
    moved = states.reshape(n_samples, -1, 2**n_qubits).swapaxes(1, 2)
    return moved.reshape(n_samples, 4, -1)


def _pull_back(
    states: np.ndarray, gates: np.ndarray, turns: list[int]
) -> tuple[list[np.ndarray], np.ndarray]:
    """Undo the gates, last to first; return the states after each gate and before all.

    Returns
    -------
    after : list of n_gates ndarrays of shape (n_samples, 4, 2**n_qubits / 4)
    before : ndarray of shape (n_samples, 4, 2**n_qubits / 4)
    """
    after: list[np.ndarray] = []
    for i, turn in reversed(list(enumerate(turns))):
        after.insert(0, _turn_back(states, turn))
        states = gates[:, i].swapaxes(1, 2) @ after[0]
    return after, states


def _quaternions(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split the nearest rotations into pairs of unit quaternions.

    ``tr(R.T @ E)`` of a rotation R = sum_ab p_a q_b basis_ab is the bilinear form
    ``p @ B @ q`` with B_ab = tr(basis_ab.T @ E), so the best unit quaternions p, q are
    the leading singular vectors of B. This never leaves SO(4), unlike a polar factor.
    They come from the Gram matrix of B, in half the time of a singular value
    decomposition: an error of q changes the form in second order only.

    No form is zero: the initial gates have a positive overlap with every row, and it
    never falls.

    Returns
    -------
    p, q : ndarray of shape (..., 4)
        Quaternions of the more and of the less significant qubit.
    overlap : ndarray of shape (...)
        The maximum of ``tr(R.T @ E)``.
    """
    shape = matrices.shape
    # One product per matrix: a product over all rows could round with their number.
    form = (matrices.reshape(*shape[:-2], 1, 16) @ _BASIS.T).reshape(shape)
    _, vectors = np.linalg.eigh(form.swapaxes(-1, -2) @ form)
    q = vectors[..., -1:]
    p = form @ q
    overlap = np.sqrt(p.swapaxes(-1, -2) @ p)
    return (p / overlap)[..., 0], q[..., 0], overlap[..., 0, 0]


def _best_rotation(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rotations R maximising ``tr(R.T @ matrices)`` and these maxima."""
    p, q, overlap = _quaternions(matrices)
    weights = p[..., :, None] * q[..., None, :]
    rotations = weights.reshape(*overlap.shape, 1, 16) @ _BASIS
    return rotations.reshape(matrices.shape), overlap


def _euler_angles(gates: np.ndarray) -> np.ndarray:
    """Return the six circuit angles of each rotation, (..., 4, 4) -> (..., 6)."""
    p, q, _ = _quaternions(gates)
    w, x, y, z = np.moveaxis(np.stack([p, q], axis=-2), -1, 0)
    half_sum = np.arctan2(z, w)
    half_difference = np.arctan2(-x, y)
    middle = 2 * np.arctan2(np.hypot(x, y), np.hypot(w, z))
    angles = [half_sum - half_difference, middle, half_sum + half_difference]
    return np.stack(angles, axis=-1).reshape(*gates.shape[:-2], 6)
