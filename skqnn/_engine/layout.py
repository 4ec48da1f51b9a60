"""How the compiled kernels divide layers of rotations into sweeps over rows.

A block holds all amplitudes of a few samples, row i amplitude i of each. A sweep loads
every row once, 8 or 16 at a time, and rotates 3 or 4 qubits; the first sweep of a layer
loads its rows permuted, so permutations cost nothing.
"""

from collections.abc import Sequence
from functools import cache, reduce
from operator import xor
from typing import NamedTuple

import numpy as np

PAD_BITS = (6, 12)
NEAR_BYTES = 2**14  # of a block: the first cache holds those of two


@cache
def vector_bytes() -> int:
    """Return the size of a row; the samples of a block are as many as fit into it.

    A sweep holds 16 rows: they take 16 or, with AVX-512, all 32 registers of it.
    """
    from llvmlite.binding import (  # type: ignore[import-untyped,import-not-found,unused-ignore]
        get_host_cpu_features,
    )

    return 64 if get_host_cpu_features().get("avx512f") else 32


class Layer(NamedTuple):
    """How the rows of one layer are swept."""

    bits: list[int]  # qubits of each sweep
    tables: list[int]
    gathers: list[int]  # tables of permuted rows, of the first sweep or, folded, of all
    spans: list[int]  # rows that each sweep keeps apart
    chunk: int  # rows that all sweeps but the last keep apart
    phase: int  # the row of phases that rescales before the layer, -1 for none
    turned: int  # where derivatives by these phases are taken, -1 for none


class Fold(NamedTuple):
    """How the last layer is swept if it is part of the observable."""

    aligned: bool  # its last sweep meets the groups of rows of the layer before
    rows: np.ndarray  # (n_rows,) in the order of the sweep that applies signs
    flips: list[int]  # changes of position that flip each qubit, in the last sweep

    def flip(self, mask: int) -> int:
        """Return the change of position that flips the qubits of a mask."""
        flips = (flip for q, flip in enumerate(self.flips) if mask >> q & 1)
        return reduce(xor, flips, 0)


class Layout(NamedTuple):
    """The sweeps of all layers and their tables."""

    layers: list[Layer]
    qubits: np.ndarray  # (n_layers, n_sweeps, 4), -1 where no qubit is rotated
    tables: np.ndarray  # (n_tables, n_rows) offsets of rows in a block, in bytes
    fold: Fold | None
    natural: bool  # the first sweep can rotate samples while they are loaded

    @property
    def n_sweeps(self) -> np.ndarray:
        """The number of sweeps of each layer."""
        return np.array([len(layer.bits) for layer in self.layers])


def row_offsets(n_rows: int) -> np.ndarray:
    """Return where in a block each row starts, in bytes, int32 of shape (n_rows,).

    One row is left out after every 64, and one more after every 4,096: otherwise rows a
    power of two apart would compete for the same lines of the cache.
    """
    index = np.arange(n_rows)
    padded = index + sum(index >> bits for bits in PAD_BITS)
    return (padded * vector_bytes()).astype(np.int32)


def lay_out(
    active: Sequence[list[int]],
    sources: Sequence[np.ndarray],
    phases: Sequence[int],
    turned: Sequence[bool],
    n_qubits: int,
    folded: bool,
) -> Layout:
    """Divide layers into sweeps.

    Parameters
    ----------
    active : sequence of list of int
        The qubits that each layer rotates.
    sources : sequence of ndarray of shape (2**n_qubits,)
        The permutation before each layer: row i is loaded from row source[i].
    phases : sequence of int
        Which row of phases is applied, with a scale, before each layer; -1 for none.
    turned : sequence of bool
        Whether these phases depend on parameters.
    n_qubits : int
        At least 4.
    folded : bool
        Whether the last layer is part of the observable.
    """
    offsets = row_offsets(2**n_qubits)
    groups = [[_fill(g, n_qubits) for g in _split(qubits)] for qubits in active]
    rows = [[_rows(group, n_qubits) for group in layer] for layer in groups]
    fold = _fold(rows, groups, sources[-1], phases[-1]) if folded else None
    qubits = np.full((len(groups), max(map(len, groups)), 4), -1)
    tables: dict[bytes, int] = {}  # each table once; a dict keeps the order
    layers = []
    for k, (layer, source) in enumerate(zip(groups, sources, strict=True)):
        moved = rows[k] if folded and k == len(groups) - 1 else rows[k][:1]
        keys = [offsets[r].tobytes() for r in [*rows[k], *(source[r] for r in moved)]]
        known = [tables.setdefault(key, len(tables)) for key in keys]
        for s, part in enumerate(_split(active[k])):
            qubits[k, s, : len(part)] = part
        spans = [_span(group, n_qubits) for group in layer]
        chunk = max(spans[:-1] or spans)
        bits = list(map(len, layer))
        own, gathers = known[: len(bits)], known[len(bits) :]
        at = sum(turned[:k]) if turned[k] else -1
        layers.append(Layer(bits, own, gathers, spans, chunk, phases[k], at))
    table = np.array([np.frombuffer(key, dtype=np.int32) for key in tables])
    natural = phases[0] < 0 and np.array_equal(sources[0], np.arange(2**n_qubits))
    natural &= groups[0][0] == list(range(len(groups[0][0])))
    natural &= len(groups) > 1 or not folded
    return Layout(layers, qubits, table, fold, natural)


def _fold(rows: list, groups: list, source: np.ndarray, phase: int) -> Fold:
    """Describe the last layer as part of the observable.

    If possible, the rows of its last sweep are put in the order of the layer before.
    """
    top = rows[-1][-1]
    aligned = len(rows) > 1 and min(len(groups[-1]), len(groups[-2])) > 1 and phase < 0
    if aligned:
        tiles = top.reshape(-1, 2 ** len(groups[-1][-1]))
        before = rows[-2][-1].reshape(-1, 2 ** len(groups[-2][-1]))
        tiles = tiles[np.argsort(source[tiles].min(axis=1))]
        aligned = np.array_equal(np.sort(source[tiles]), np.sort(before))
        top = tiles.ravel() if aligned else top
    rows[-1][-1] = top
    n_qubits = len(top).bit_length() - 1
    flips = np.argsort(top)[top[0] ^ 1 << np.arange(n_qubits)]
    return Fold(aligned, rows[-1][max(len(rows[-1]) - 2, 0)], flips.tolist())


def _split(active: list[int]) -> list[list[int]]:
    """Divide qubits evenly into groups of at most 4."""
    parts = np.array_split(active, -(-len(active) // 4))
    return [part.tolist() for part in parts]


def _fill(group: list[int], n_qubits: int) -> list[int]:
    """Append qubits that are not to be rotated, up to 3 qubits in all."""
    others = [q for q in range(n_qubits) if q not in group]
    return group + others[: max(0, 3 - len(group))]


def _span(group: list[int], n_qubits: int) -> int:
    """Return the rows that a sweep keeps apart, or more if these are few."""
    return min(max(2 << max(group), NEAR_BYTES // vector_bytes()), 2**n_qubits)


def _rows(qubits: list[int], n_qubits: int) -> np.ndarray:
    """Return all row numbers in groups that differ in the bits `qubits` only."""
    index = np.arange(2**n_qubits)
    bits = np.zeros(1, dtype=np.intp)
    for q in qubits:
        bits = np.concatenate([bits, bits | 1 << q])
    base = index[index & bits[-1] == 0]
    return (base[:, None] | bits[None, :]).ravel()
