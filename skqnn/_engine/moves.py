"""Moves: phases and a permutation of basis states, that of an affine map of their bits.

A phase that depends on parameters is written in Z strings, products of Z on the qubits
of a mask; a permutation maps Z strings to Z strings, and any Pauli operator that is
pushed through it to another one.
"""

from typing import NamedTuple

import numpy as np

from skqnn._circuits.gates import Gate
from skqnn._engine.elements import linear_part
from skqnn._engine.steps import local_index

_TOLERANCE = 1e-14


class Turn(NamedTuple):
    """The diagonal ``exp(-i/2 coefficient theta[parameter] sum of weights * Z)``."""

    parameter: int
    coefficient: float
    strings: list[tuple[int, float]]  # (mask, weight)


class Move(NamedTuple):
    """``out[i] = (phases * in)[source[i]]``: phases first, then a permutation."""

    source: np.ndarray
    phase: np.ndarray  # fixed; real if it can be
    turns: list[Turn]  # the phases that depend on parameters


class Term(NamedTuple):
    """A part of an observable: ``(O psi)[i] = weights[i] * psi[i ^ mask]``."""

    observable: int
    mask: int
    weights: np.ndarray  # (2**n_qubits,), real if they can be

    def moved_by(self, move: Move) -> "Term":
        """Return what stands before a move for this term behind it."""
        target = np.argsort(move.source)
        mask = int(move.source[self.mask] ^ move.source[0])
        weights = self.weights[target]
        if mask:
            phase = move.phase
            index = np.arange(len(phase))
            weights = weights * np.conj(phase) * phase[index ^ mask]
        return Term(self.observable, mask, _real_if_possible(weights))


def identity(n_qubits: int) -> Move:
    """Return the move that does nothing."""
    return Move(np.arange(2**n_qubits), np.ones(2**n_qubits), [])


def make_move(gates: list[Gate], n_qubits: int) -> Move:
    """Multiply monomial gates."""
    index = np.arange(2**n_qubits)
    source, target, phase = index, index, np.ones(2**n_qubits, dtype=complex)
    turns = []
    for gate in gates:
        local = local_index(gate.qubits, n_qubits)
        if gate.parameter >= 0:
            diagonal = np.real(np.diag(gate.matrix))
            if gate.offset:
                phase *= np.exp(-0.5j * gate.offset * diagonal)[local[target]]
            strings = _z_strings(diagonal, gate.qubits, target)
            turns.append(Turn(gate.parameter, gate.coefficient, strings))
            continue
        column = np.argmax(np.abs(gate.matrix), axis=1)
        if np.any(column != np.arange(len(column))):
            moved = index
            for k, q in enumerate(gate.qubits):
                moved = (moved & ~(1 << q)) | ((column[local] >> k) & 1) << q
            source = source[moved]
            target = np.empty_like(source)
            target[source] = index
        factor = gate.matrix[np.arange(len(column)), column]
        if np.any(factor != 1):
            phase *= factor[local[target]]
    return Move(source, _without_global_phase(phase), turns)


def _without_global_phase(phase: np.ndarray) -> np.ndarray:
    """Return phases relative to the first one, signs as real numbers."""
    phase = phase * np.conj(phase[0])
    signs = np.where(np.real(phase) < 0, -1.0, 1.0)
    return signs if np.all(np.abs(phase - signs) < _TOLERANCE) else phase


def _real_if_possible(values: np.ndarray) -> np.ndarray:
    return values if np.any(np.imag(values)) else np.real(values)


def _z_strings(
    diagonal: np.ndarray, qubits: tuple[int, ...], target: np.ndarray
) -> list[tuple[int, float]]:
    """Return a diagonal matrix as Z strings before a permutation, without identity."""
    n_local = len(qubits)
    index = np.arange(2**n_local)
    columns = target[1 << np.arange(len(target).bit_length() - 1)] ^ target[0]
    strings = []
    for pattern in range(1, 2**n_local):
        eigenvalues = 1.0 - 2.0 * (np.bitwise_count(index & pattern) & 1)
        weight = float(eigenvalues @ diagonal) / 2**n_local
        if weight:
            behind = sum(1 << q for k, q in enumerate(qubits) if pattern >> k & 1)
            odd = np.bitwise_count(columns & behind) & 1
            flips = (int(target[0]) & behind).bit_count() & 1
            strings.append((_mask(odd), -weight if flips else weight))
    return strings


def signs_of(phase: np.ndarray) -> int | None:
    """Return the mask of the Z string that has these values, None if there is none."""
    if not np.all((phase == phase[0]) | (phase == -phase[0])):
        return None
    bits = linear_part((phase != phase[0]).astype(np.intp))
    return None if bits is None else _mask(bits)


def _mask(bits: np.ndarray) -> int:
    return int(np.sum(bits.astype(np.intp) << np.arange(len(bits))))


def pauli_images(move: Move) -> tuple[np.ndarray, bool]:
    """Return what X_q and Z_q become when they are pushed through a move.

    Returns
    -------
    images : ndarray of shape (n_qubits, 2, 2)
        Bit masks x, z of X^x Z^z for X_q and for Z_q, up to the sign.
    pushed : bool
        Whether this is so for the phases, too. If they are no Clifford gate, a Pauli
        operator is pushed through by flipping their qubits: phases[i] becomes
        phases[i ^ x].
    """
    source, phase = move.source, move.phase
    bits = 1 << np.arange(len(source).bit_length() - 1)
    target = np.empty_like(source)
    target[source] = np.arange(len(source))
    columns, rows = target[bits] ^ target[0], source[bits] ^ source[0]
    images = np.zeros((len(bits), 2, 2), dtype=np.int64)
    images[:, 0, 0] = columns
    images[:, 1, 1] = [_mask(rows >> q & 1) for q in range(len(bits))]
    pushed = not move.turns and not np.any(np.imag(phase))
    if pushed and np.any(phase < 0):
        index = np.arange(len(source))
        for q, bit in enumerate(bits):
            z = signs_of((phase[index ^ bit] * phase)[source])
            if z is None:
                images[:, 0, 1], pushed = 0, False
                break
            images[q, 0, 1] = z
    return images, pushed
