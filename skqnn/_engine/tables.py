"""Programs as tables of numbers, from which compiled code binds them to parameters."""

from typing import NamedTuple

import numpy as np

from skqnn._engine.layout import Layout
from skqnn._engine.moves import Move, pauli_images
from skqnn._engine.program import PauliString, Program
from skqnn._engine.strings import fold_table, whole_folds

_MAX_GROWTH = 60  # rotations before states are rescaled: a factor of at most 2**30


class Rotations(NamedTuple):
    """The rotations of a circuit; integers are int64."""

    layers: np.ndarray  # (n_layers, 3): start, ..., stop - 1; 1 if it is rescaled
    members: np.ndarray  # (n_rotations, 4), see `_members`
    images: np.ndarray  # (n_layers, n_qubits, 2, 2), see `pauli_images`
    base: np.ndarray  # (n_rotations,), in radians, half of the angle of an RY gate,
    terms: np.ndarray  # (n_terms, 3) and what is added: place, rotation, parameter,
    slope: np.ndarray  # (n_terms,) by which it is multiplied
    folded: bool  # whether the last layer is part of the observable, a Pauli string,
    mask: int  # Z on these qubits
    coefficient: float
    rows: np.ndarray  # (n_rows,) of the states where its signs are applied, and lanes
    flips: np.ndarray  # (n_qubits,), see `layout.Fold`


def rotation_table(
    program: Program, layout: Layout, images: np.ndarray, rescaled: np.ndarray
) -> Rotations:
    """Return the rotations of a program, layer by layer and sweep by sweep.

    Parameters
    ----------
    program : Program
    layout : Layout
    images : ndarray of shape (n_layers, n_qubits, 2, 2)
    rescaled : ndarray of shape (n_layers,), bool
        Whether states are multiplied by a factor before a layer.
    """
    members: list[tuple[int, ...]] = []
    base: list[float] = []
    terms: list[tuple] = []
    layers = np.zeros((len(program.rotations), 3), dtype=np.int64)
    for k, layer in enumerate(program.rotations):
        known = {rotation.qubit: rotation for rotation in layer}
        layers[k] = len(base), len(base) + len(layer), rescaled[k]
        for member in _members(k, program, layout):
            place, qubit = member[:2]
            rotation = known[qubit]
            terms += [(place, len(base), *term) for term in rotation.slopes]
            members.append((*member, rotation.mirror))
            base.append(rotation.base)
    string, fold = program.string or PauliString(0, 1.0), layout.fold
    signed = np.empty(0) if fold is None else np.concatenate([fold.rows, fold.lanes])
    return Rotations(
        layers,
        np.array(members, dtype=np.int64).reshape(-1, 4),
        images,
        np.array(base, dtype=np.float64),
        *_linear(terms),
        fold is not None,
        *string,
        np.asarray(signed, dtype=np.int64),
        np.array([] if fold is None else fold.flips, dtype=np.int64),
    )


def _members(k: int, program: Program, layout: Layout) -> list[tuple[int, int, int]]:
    """Return place, qubit and kind of the rotations of layer k.

    Places count all of ``layout.qubits``. The kind is 1 for rotations in the last sweep
    of several, if the states before it exist.
    """
    last = len(layout.layers[k].bits) - 1
    folded = layout.fold is not None and k == len(layout.layers) - 1
    unapplied = k > 0 or folded or bool(program.moves[0].turns)
    qubits = layout.qubits[k]
    found = []
    for s, j in np.argwhere(qubits >= 0).tolist():
        place = int(np.ravel_multi_index((k, s, j), layout.qubits.shape))
        is_top = s == last > 0 and unapplied
        found.append((place, int(qubits[s, j]), int(is_top)))
    return found


def _linear(terms: list[tuple]) -> tuple[np.ndarray, np.ndarray]:
    """Return the integers and the last numbers of (place, number, parameter, slope)."""
    integers = np.array([term[:3] for term in terms], dtype=np.int64).reshape(-1, 3)
    return integers, np.array([term[3] for term in terms], dtype=np.float64)


class Phases(NamedTuple):
    """The rows of phases: those that are always the same, then those of some layers."""

    still: np.ndarray  # (n_still, n_rows), the first row is 1
    layers: np.ndarray  # (n_bound,), where the others are
    fixed: np.ndarray  # (n_bound, n_rows), their fixed part; no rows if all are 1
    strings: np.ndarray  # (n_strings, 2), their Z strings: layer, mask
    terms: np.ndarray  # (n_terms, 3), of their weights: string, string, parameter
    slope: np.ndarray  # (n_terms,)
    folds: np.ndarray  # (n_folds, 4), that pull the strings, see `fold_table`
    starts: np.ndarray  # (n_turned + 1,)
    alone: np.ndarray  # (n_turned, 1 + GROUP_BITS)
    products: np.ndarray  # (n_folds, 5): the row, the fold; n_strings: nobody asks


def phase_table(program: Program) -> tuple[Phases, np.ndarray, list[int]]:
    """Return the phases, the images of Pauli operators, and the row before each layer.

    The images are those of `pauli_images`; row -1 stands for none.
    """
    n_rows = len(program.moves[0].phase)
    rows: dict[bytes, int] = {np.ones(n_rows).tobytes(): 0}
    images, pushed = _all_images(program.moves)
    which, growth = [], 0
    for move, layer, still in zip(
        program.moves, program.rotations, pushed, strict=True
    ):
        row = rows.setdefault(move.phase.tobytes(), len(rows)) if still else 1
        growth += len(layer)
        rescaled = row > 0 or growth > _MAX_GROWTH
        growth = len(layer) if rescaled else growth
        which.append(row if rescaled else -1)
    layers = np.flatnonzero(~np.array(pushed))
    for number, k in enumerate(layers):
        which[k] = len(rows) + number
    fixed = np.array([program.moves[k].phase for k in layers])
    fixed = fixed.reshape(len(layers), n_rows)
    phases = Phases(
        np.array([np.frombuffer(row) for row in rows]),
        layers,
        fixed if np.any(fixed != 1) else fixed[:0],
        *_string_tables([program.moves[k] for k in layers], layers, n_rows),
    )
    return phases, images, which


def _string_tables(moves: list[Move], layers: np.ndarray, n_rows: int) -> tuple:
    """Return the last seven members of `Phases`."""
    terms, products = [], []
    places: dict[tuple[int, int], int] = {}
    for number, move in enumerate(moves):
        first = len(places)
        for turn in move.turns:
            for mask, weight in turn.strings:
                at = places.setdefault((number, mask), len(places))
                terms.append((at, at, turn.parameter, turn.coefficient * weight))
        masks = [mask for _, mask in list(places)[first:]]
        for fold in whole_folds(masks, n_rows):
            totals = [first + k if k >= 0 else -1 for k in (fold.low, fold.high)]
            products.append((number, fold.start, fold.half, *totals))
    strings = np.array(list(places), dtype=np.int64).reshape(-1, 2)
    turned = [number for number, move in enumerate(moves) if move.turns]
    pulling = fold_table(strings, turned, n_rows)
    strings[:, 0] = layers[strings[:, 0]]
    folds = np.array(products, dtype=np.int64).reshape(-1, 5)
    return strings, *_linear(terms), *pulling, folds


def _all_images(moves: list[Move]) -> tuple[np.ndarray, list[bool]]:
    """Return `pauli_images` of all moves."""
    known: dict[bytes, tuple] = {}  # most circuits repeat one permutation
    images, pushed = [], []
    for move in moves:
        key = move.source.tobytes() + move.phase.tobytes() + bytes([bool(move.turns)])
        found = known.setdefault(key, ()) or pauli_images(move)
        known[key] = found
        images.append(found[0])
        pushed.append(found[1])
    return np.array(images), pushed
