"""A circuit as a program: alternating moves of amplitudes and layers of rotations.

Every real single-qubit unitary is ``Z^d R(a)`` with ``R(a) = [[cos a, -sin a], [sin a,
cos a]]``, and in a product of them the angle is linear in the parameters. Everything
else is phases and permutations of basis states, the moves.
"""

from typing import NamedTuple

import numpy as np

from skqnn._circuits.gates import Gate
from skqnn._engine.elements import elements, is_monomial, is_rotation
from skqnn._engine.fusion import gather, rounds
from skqnn._engine.moves import Move, Term, identity, make_move, signs_of
from skqnn._engine.steps import Layer


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
    """Moves and layers of rotations in turn, and what is measured."""

    moves: list[Move]  # before each layer
    rotations: list[list[Rotation]]  # of each layer
    measured: list[Term]
    string: PauliString | None  # rotations of the last layer are on its qubits only
    real: bool  # all numbers are


def as_program(
    gates: tuple[Gate, ...], measured: list[Term], n_qubits: int
) -> Program | None:
    """Return gates and observables as a program, None for gates without elements."""
    parts = [part for gate in gates for part in elements(gate)]
    if not all(is_rotation(part) or is_monomial(part) for part in parts):
        return None
    diagonal = all(term.mask == 0 for term in measured)
    layers, moves = _alternate(gather(parts, is_rotation), n_qubits)
    if not layers or (moves[-1].turns and not diagonal):
        # An empty layer: phases that depend on parameters stand before a layer.
        layers.append([Rotation(0, [], 0.0, False)])
        moves.append(identity(n_qubits))
    *moves, last = moves
    measured = [term.moved_by(last) for term in measured]
    string = _pauli_string(measured)
    if string is not None:
        # Others than those of the measured qubits change nothing.
        seen = [r for r in layers[-1] if string.mask >> r.qubit & 1]
        if seen:
            layers[-1] = seen
        else:
            string = None
    real = not any(move.turns or np.any(np.imag(move.phase)) for move in moves)
    real &= not any(np.any(np.imag(term.weights)) for term in measured)
    return Program(moves, layers, measured, string, real)


def _alternate(runs: list, n_qubits: int) -> tuple[list[list[Rotation]], list[Move]]:
    """Return the layers, and the moves before each and after the last."""
    layers, moves = [], [identity(n_qubits)]
    known: dict[bytes, np.ndarray] = {}
    for rotates, members in runs:
        if rotates:
            layers.append(_rotations(Layer(n_qubits, rounds(members))))
            moves.append(identity(n_qubits))
        else:
            moves[-1] = _shared(make_move(members, n_qubits), known)
    return layers, moves


def _shared(move: Move, known: dict[bytes, np.ndarray]) -> Move:
    """Return a move with the arrays of others: most circuits repeat a permutation."""
    source, phase = (
        known.setdefault(array.tobytes(), array) for array in (move.source, move.phase)
    )
    return move._replace(source=source, phase=phase)


def _pauli_string(measured: list[Term]) -> PauliString | None:
    """Return the Pauli string that is measured, or None if it is something else."""
    if len(measured) != 1 or measured[0].mask != 0:
        return None
    weights = np.real(measured[0].weights)
    mask = signs_of(weights)
    return None if mask is None else PauliString(mask, float(weights[0]))


def _rotations(layer: Layer) -> list[Rotation]:
    """Multiply the gates of each qubit."""
    found = {q: Rotation(q, [], 0.0, False) for q in layer.qubits}
    for r in layer.rounds:
        fixed = [not np.any(sine) for sine in r.sine]
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
