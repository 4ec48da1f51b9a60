"""Multiplexed RY: circuits that prepare a row exactly, and their angles.

References
----------
.. [1] M. Mottonen, J. J. Vartiainen, V. Bergholm and M. M. Salomaa, "Transformation of
   quantum states using uniformly controlled rotations", Quantum Inf. Comput. 5, 467
   (2005), arXiv:quant-ph/0407010.
.. [2] P. Q. Le, F. Dong and K. Hirota, "A flexible representation of quantum images for
   polynomial preparation, image compression, and processing operations", Quantum Inf.
   Process. 10, 63 (2011), doi:10.1007/s11128-010-0177-y.
"""

from collections.abc import Sequence

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector

__all__ = [
    "TOLERANCE",
    "exact_angles",
    "exact_template",
    "frqi_angles",
    "frqi_template",
    "uneven_rows",
]

# Relative deviation allowed from unit rows and from equal weights: float32 rows pass.
TOLERANCE = 1e-6


def exact_template(n_qubits: int, n_layers: int) -> QuantumCircuit:
    """Build the tree of multiplexed RY, from the most significant qubit down [1]_."""
    angles = ParameterVector("x", 2**n_qubits - 1)
    circuit = QuantumCircuit(n_qubits)
    for level in range(n_qubits):
        target = n_qubits - 1 - level
        controls = range(target + 1, n_qubits)
        level_angles = angles[2**level - 1 : 2 ** (level + 1) - 1]
        _append_multiplexed_ry(circuit, level_angles, controls, target)
    return circuit


def exact_angles(states: np.ndarray, n_layers: int) -> tuple[np.ndarray, np.ndarray]:
    """Halve the states level by level; see `_multiplexed_angles` for the signs."""
    n_qubits = states.shape[1].bit_length() - 1
    flips = np.ones(1)
    for _ in range(n_qubits - 1):
        flips = np.concatenate([flips, -flips])
    # Adding zero turns -0.0 into 0.0, whose angle is 0 and not a full turn.
    weights = states * np.concatenate([np.abs(flips), flips]) + 0.0
    levels: list[np.ndarray] = []
    for _ in range(n_qubits):
        left, right = weights[:, ::2], weights[:, 1::2]
        levels.insert(0, _multiplexed_angles(2 * np.arctan2(right, left)))
        weights = np.hypot(left, right)
    return np.concatenate(levels, axis=1), np.ones(len(states))


def frqi_template(n_qubits: int, n_layers: int) -> QuantumCircuit:
    """Build uniform positions and one multiplexed RY on the channel qubit [2]_."""
    positions = range(n_qubits - 1)
    angles = ParameterVector("x", 2 ** (n_qubits - 1))
    circuit = QuantumCircuit(n_qubits)
    for position in positions:
        circuit.h(position)
    _append_multiplexed_ry(circuit, list(angles), positions, n_qubits - 1)
    return circuit


def frqi_angles(states: np.ndarray, n_layers: int) -> tuple[np.ndarray, np.ndarray]:
    """Turn the channel at each position p from |0> to (states[p], states[p + half])."""
    uneven = uneven_rows(states)
    if uneven.size:
        raise ValueError(
            f"`states` cannot be prepared by FRQI: row {uneven[0]} does not give the "
            'same weight to each position. Encode with normalization="pixel" or '
            'prepare with "exact".'
        )
    n_positions = states.shape[1] // 2
    white, black = states[:, :n_positions], states[:, n_positions:]
    flips = np.ones(n_positions)
    flips[(n_positions + 1) // 2 :] = -1
    angles = _multiplexed_angles(2 * np.arctan2(black * flips + 0.0, white))
    return angles, np.hypot(white, black).sum(axis=1) ** 2 / n_positions


def uneven_rows(states: np.ndarray) -> np.ndarray:
    """Return the indices of the rows whose positions differ in weight."""
    weights = np.hypot(*np.split(states, 2, axis=1))
    deviation = np.abs(weights * np.sqrt(weights.shape[1]) - 1)
    return np.flatnonzero(deviation.max(axis=1, initial=0) > TOLERANCE)


def _append_multiplexed_ry(
    circuit: QuantumCircuit,
    angles: Sequence[Parameter],
    controls: Sequence[int],
    target: int,
) -> None:
    """Append RY rotations of the target, one for each value of the controls.

    Between rotations j and j + 1 stands the CZ of the bit in which their Gray codes
    differ. The CZ that would close the cycle is left out.
    """
    circuit.ry(angles[0], target)
    for j, angle in enumerate(angles[1:], start=1):
        changed = (j & -j).bit_length() - 1
        circuit.cz(controls[changed], target)
        circuit.ry(angle, target)


def _multiplexed_angles(turns: np.ndarray) -> np.ndarray:
    """Map the rotation wanted for each control value to the angles of the circuit.

    A CZ reverses the RY after it where its control is 1, so the rotation for control
    value c is sum_j (-1)**(c . gray_j) angle_j: a Walsh-Hadamard transform. The CZ left
    out of the circuit, between the most significant control and the target, commutes
    with all later gates: callers flip the amplitudes where both bits are 1 instead.

    Parameters
    ----------
    turns : ndarray of shape (n_samples, 2**n_controls)

    Returns
    -------
    angles : ndarray of shape (n_samples, 2**n_controls)
    """
    size = turns.shape[1]
    for _ in range(size.bit_length() - 1):
        even, odd = turns[:, ::2], turns[:, 1::2]
        turns = np.concatenate([even + odd, even - odd], axis=1)
    index = np.arange(size)
    return turns[:, index ^ (index >> 1)] / size
