"""Steps as a program: alternating permutations and layers of rotations.

Real circuits of RY, H, X, Z, CX, CZ, SWAP and the like have this form, and are by far
the most common ansatz. Every real single-qubit unitary is ``Z^d R(a)`` with
``R(a) = [[cos a, -sin a], [sin a, cos a]]``, and in a product of them the angle is
linear in the parameters.
"""

from typing import NamedTuple

import numpy as np

from skqnn._engine.steps import Layer, Permutation

_QUARTER_TURN = np.array([[0.0, -1.0], [1.0, 0.0]])


class Move(NamedTuple):
    """A signed permutation: out[i] = sign[i] * in[source[i]]."""

    source: np.ndarray
    sign: np.ndarray


class Rotation(NamedTuple):
    """``Z^mirror R(base + sum of slopes * theta)`` on one qubit."""

    qubit: int
    slopes: list[tuple[int, float]]  # (parameter, coefficient)
    base: float
    mirror: bool


class PauliString(NamedTuple):
    """The only observable, if it is a multiple of a product of Z."""

    mask: int  # bit q: there is a Z on qubit q
    coefficient: float


class Program(NamedTuple):
    """Permutations and layers of rotations in turn, and what is measured."""

    moves: list[Move]  # before each layer
    images: np.ndarray  # (n_layers, n_qubits, 2, 2), see `_pauli_images`
    rotations: list[list[Rotation]]  # of each layer
    weights: np.ndarray  # (n_observables, 2**n_qubits)
    string: PauliString | None  # rotations of the last layer are on its qubits only


def as_program(steps: list, observables: list, n_qubits: int) -> Program | None:
    """Return steps and observables as a program, or None if they are not of this form.

    Parameters
    ----------
    steps : list of Layer, Permutation, ...
    observables : list of (mask, weights)
        As the engine has them, weights (2**n_qubits, n_observables).
    n_qubits : int
    """
    known = all(isinstance(step, Layer | Permutation) and step.real for step in steps)
    diagonal = len(observables) == 1 and observables[0][0] is None
    if not (known and diagonal):
        return None
    layers, (*moves, last) = _alternate(steps, n_qubits)
    rotations = [r for layer in layers if (r := _rotations(layer)) is not None]
    images = _all_images(moves, n_qubits)
    if images is None or not layers or len(rotations) < len(layers):
        return None
    weights = observables[0][1].real[np.argsort(last.source)].T
    string = _pauli_string(weights)
    if string is not None:
        # Others than those of the measured qubits change nothing.
        measured = [r for r in rotations[-1] if string.mask >> r.qubit & 1]
        if measured:
            rotations[-1] = measured
        else:
            string = None
    return Program(moves, images, rotations, weights, string)


def _pauli_string(weights: np.ndarray) -> PauliString | None:
    """Return the Pauli string that has these weights, or None if there is none."""
    coefficient = weights[0, 0]
    if len(weights) > 1 or np.any(np.abs(weights) != np.abs(coefficient)):
        return None
    bits = _linear_part((weights[0] != coefficient).astype(np.intp))
    if bits is None:
        return None
    return PauliString(int(np.sum(bits << np.arange(len(bits)))), float(coefficient))


def _alternate(steps: list, n_qubits: int) -> tuple[list[Layer], list[Move]]:
    """Return the layers, and the permutations before each and after the last."""
    identity = Move(np.arange(2**n_qubits), np.ones(2**n_qubits))
    layers, moves = [], [identity]
    for step in steps:
        if isinstance(step, Layer):
            layers.append(step)
            moves.append(identity)
        else:
            source, sign = moves[-1]
            sign = sign[step.source]
            if step.factor is not None:
                sign = sign * step.factor.real
            moves[-1] = Move(source[step.source], sign)
    return layers, moves


def _rotations(layer: Layer) -> list[Rotation] | None:
    """Multiply the gates of each qubit, or return None if one is not real."""
    found = {q: Rotation(q, [], 0.0, False) for q in layer.qubits}
    for r in layer.rounds:
        fixed = np.array([not np.any(sine) for sine in r.sine])
        if not np.all(fixed | np.all(r.sine == _QUARTER_TURN, axis=(1, 2))):
            return None
        for k, slot in enumerate(r.slot):
            qubit, slopes, base, mirror = found[layer.qubits[slot]]
            if fixed[k]:
                # As Z R(a) = R(-a) Z, a reflection turns back what was before it.
                (a, b), (c, d) = np.real(r.cosine[k])
                reflects = a * d - b * c < 0
                turn = -1 if reflects else 1
                slopes = [(p, turn * slope) for p, slope in slopes]
                base = turn * base + np.arctan2(c, a)
                mirror ^= reflects
            else:
                slopes = [*slopes, (r.parameter[k], 0.5 * r.coefficient[k])]
                base = base + 0.5 * r.offset[k]
            found[qubit] = Rotation(qubit, slopes, base, mirror)
    return [_mirror_last(rotation) for rotation in found.values()]


def _mirror_last(rotation: Rotation) -> Rotation:
    """Turn R(a) Z into Z R(-a)."""
    if not rotation.mirror:
        return rotation
    slopes = [(p, -slope) for p, slope in rotation.slopes]
    return rotation._replace(slopes=slopes, base=-rotation.base)


def _all_images(moves: list[Move], n_qubits: int) -> np.ndarray | None:
    """Return `_pauli_images` of all moves, or None if one has none."""
    known: dict[bytes, np.ndarray] = {}  # most circuits repeat one permutation
    images = []
    for move in moves:
        key = move.source.tobytes() + move.sign.tobytes()
        found = known[key] if key in known else _pauli_images(move, n_qubits)
        if found is None:
            return None
        known[key] = found
        images.append(found)
    return np.array(images)


def _pauli_images(move: Move, n_qubits: int) -> np.ndarray | None:
    """Return what X_q and Z_q become when they are moved through a permutation.

    Returns
    -------
    images : ndarray of shape (n_qubits, 2, 2)
        Bit masks x, z of X^x Z^z for X_q and for Z_q, up to the sign. None if one of
        them becomes no Pauli operator, as with a Toffoli gate.
    """
    source, target = move.source, np.argsort(move.source)
    negative = (move.sign < 0)[target].astype(np.intp)
    columns = _linear_part(target)
    if columns is None:
        return None
    images = np.zeros((n_qubits, 2, 2), dtype=np.int64)
    index, qubits = np.arange(2**n_qubits), np.arange(n_qubits)
    for q in range(n_qubits):
        sign_of_x = (negative[index ^ 1 << q] ^ negative)[source]
        sign_of_z = (source >> q) & 1
        images[q, 0, 0] = columns[q]
        for kind, sign in enumerate((sign_of_x, sign_of_z)):
            slopes = _linear_part(sign)
            if slopes is None:
                return None
            images[q, kind, 1] = np.sum(slopes << qubits)
    return images


def _linear_part(values: np.ndarray) -> np.ndarray | None:
    """Return f(i) of the bits, if values[i] is values[0] xor f(i) with f linear."""
    n_bits = len(values).bit_length() - 1
    columns = values[1 << np.arange(n_bits)] ^ values[0]
    span = values[:1]
    for column in columns:
        span = np.concatenate([span, span ^ column])
    return columns if np.array_equal(span, values) else None
