"""How the compiled kernels divide layers of rotations into sweeps over rows.

A block holds all amplitudes of a few samples, row i amplitude i of each. A sweep loads
every row once, 8 or 16 at a time, and rotates 3 or 4 qubits; the first sweep of a layer
loads its rows permuted, so permutations cost nothing.

Where this would be too much memory, a block holds one sample: its highest qubits tell
the lanes of a row apart, and a permutation may mix them.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

PAD_BITS = (6, 12)
_COPY_BYTES = 2**20  # of a block: from then on, states are put in order for a fold
NEAR_BYTES = 2**14  # of a block: the first cache holds those of two
MOST_BYTES = 64  # of a row, see `vector_bytes`


@cache
def vector_bytes() -> int:
    """Return the size of a row; the samples of a block are as many as fit into it.

    A sweep holds 16 rows, for which there are 16 registers, or 32 of AVX-512. What
    counts is the processor that Numba compiles for, which is part of the key of its
    cache on disk: one cache may serve several computers.
    """
    from numba.core.registry import (  # type: ignore[import-untyped,import-not-found,unused-ignore]
        cpu_target,
    )

    *_, features = cpu_target.target_context.codegen().magic_tuple()
    return MOST_BYTES if "+avx512f" in features.split(",") else 32


class Layer(NamedTuple):
    """How the rows of one layer are swept."""

    bits: list[int]  # qubits of each sweep
    tables: list[int]
    # Tables of permuted rows, of the first sweep or, if the layer is folded, of all, or
    # of the last if states are copied for it. With several lanes they may mix lanes:
    # numbers in `Layout.shuffled` are of tables that name a pattern, -1 - k is
    # `Layout.spread[k]`.
    gathers: list[int]
    spans: list[int]  # rows that each sweep keeps apart
    chunk: int  # rows that all sweeps but the last keep apart
    phase: int  # the row of phases that rescales before the layer, -1 for none
    turned: int  # where derivatives by these phases are taken, -1 for none


class Fold(NamedTuple):
    """How the last layer is swept if it is part of the observable."""

    aligned: bool  # its last sweep meets the groups of rows of the layer before
    # If states are copied: the table of where rows belong, in the order of this layer,
    # after the last sweep of the layer before. -1: there is none, such as where lanes
    # belong to different rows.
    places: int
    rows: np.ndarray  # (n_rows,) in the order of the sweep that applies signs
    lanes: np.ndarray  # (n_lanes,), the bits that tell them apart
    flips: list[int]  # changes of position that flip each qubit, in the last sweep;
    # higher bits flip lanes


class Layout(NamedTuple):
    """The sweeps of all layers and their tables."""

    layers: list[Layer]
    qubits: np.ndarray  # (n_layers, n_sweeps, 4 + n_lane_qubits), -1: none is rotated
    tables: np.ndarray  # (n_tables, n_rows) offsets of rows in a block, in bytes
    spread: np.ndarray | None  # (n_spread, n_rows, n_lanes) offsets of single numbers
    # (2, n_patterns, size): from where each 4 bytes of a row come when it is loaded, or
    # stored. The last bits of an offset, always 0 otherwise, are a pattern's number ...
    patterns: np.ndarray
    shuffled: frozenset[int]  # ... in these tables
    fold: Fold | None
    copies: bool  # of the states before a folded layer one is made in its order
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
    n_lanes: int = 1,
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
        At least 4, without those of lanes.
    folded : bool
        Whether the last layer is part of the observable.
    n_lanes : int
        The amplitudes of a sample in a row: those that differ in the highest qubits.
    """
    n_lane_qubits = n_lanes.bit_length() - 1
    n_bits = n_qubits - n_lane_qubits
    copies = n_lanes > 1 or vector_bytes() << n_bits >= _COPY_BYTES
    groups = [_groups(qubits, n_bits) for qubits in active]
    rows = [[_rows(group, n_bits) for group in layer] for layer in groups]
    sources = [source.reshape(n_lanes, -1) for source in sources]
    fold = _fold(rows, groups, sources[-1], phases[-1]) if folded else None
    qubits = np.full((len(groups), max(map(len, groups)), 4 + n_lane_qubits), -1)
    tables = _Tables(n_bits, n_lanes)
    layers = []
    for k, (layer, source) in enumerate(zip(groups, sources, strict=True)):
        own = [tables.of(r[np.newaxis]) for r in rows[k]]
        moved = rows[k][:1]
        if folded and k == len(groups) - 1:
            moved = rows[k][-1:] if copies else rows[k]
        gathers = [tables.of(source[:, r]) for r in moved]
        below = [q for q in active[k] if q < n_bits]
        for s, part in enumerate(_split(below)):
            qubits[k, s, : len(part)] = part
        above = np.array([q for q in active[k] if q >= n_bits], dtype=int)
        qubits[k, 0, 4 + above - n_bits] = above
        spans = [_span(group, n_bits) for group in layer]
        chunk = max(spans[:-1] or spans)
        bits = list(map(len, layer))
        bits[0] += n_lane_qubits if len(above) else 0
        at = sum(turned[:k]) if turned[k] else -1
        layers.append(Layer(bits, own, gathers, spans, chunk, phases[k], at))
    if fold is not None and copies and phases[-1] < 0:
        fold = fold._replace(places=_places(rows, sources[-1], tables))
    natural = phases[0] < 0 and np.array_equal(
        sources[0].ravel(), np.arange(2**n_qubits)
    )
    natural &= groups[0][0] == list(range(len(groups[0][0])))
    natural &= len(groups) > 1 or not folded
    return Layout(layers, qubits, *tables.arrays(), fold, copies, natural)


class _Tables:
    """Tables of offsets, each once."""

    def __init__(self, n_bits: int, n_lanes: int):
        self._n_rows, self._n_lanes = 2**n_bits, n_lanes
        self._offsets = row_offsets(self._n_rows)
        self._rows: dict[bytes, int] = {}  # a dict keeps the order
        self._spread: dict[bytes, int] = {}
        self._patterns = {tuple(range(n_lanes)): 0}
        self._shuffled: set[int] = set()

    def of(self, index: np.ndarray) -> int:
        """Return the number of the table for amplitudes, shape (1 or n_lanes, n_rows).

        One row: they are in all lanes of these rows.
        """
        table = self.of_rows(index)
        if table is not None:
            return table
        lanes, rows = np.divmod(index.T, self._n_rows)
        offsets = self._offsets[rows] + lanes * (vector_bytes() // self._n_lanes)
        key = offsets.astype(np.int32).tobytes()
        return -1 - self._spread.setdefault(key, len(self._spread))

    def of_rows(self, index: np.ndarray) -> int | None:
        """Return as `of` does; None if lanes of a row come from different ones."""
        lanes, rows = np.divmod(index, self._n_rows)
        patterns: np.ndarray | None = np.zeros(index.shape[1], dtype=int)
        if len(index) > 1:
            if np.any(rows[1:] != rows[0]):
                return None
            patterns = self._patterns_of(lanes.T)
            if patterns is None:
                return None
        key = (self._offsets[rows[0]] + patterns).astype(np.int32).tobytes()
        table = self._rows.setdefault(key, len(self._rows))
        if np.any(patterns):
            self._shuffled.add(table)
        return table

    def _patterns_of(self, lanes: np.ndarray) -> np.ndarray | None:
        """Return the number of each row's pattern, or None if there are too many."""
        found, which = np.unique(lanes, axis=0, return_inverse=True)
        known = self._patterns.copy()
        numbers = [known.setdefault(tuple(p), len(known)) for p in found.tolist()]
        if len(known) > vector_bytes():
            return None
        self._patterns = known
        return np.array(numbers)[which.ravel()]

    def arrays(self) -> tuple[np.ndarray, Any, np.ndarray, frozenset[int]]:
        """Return the last members of `Layout`."""
        rows = np.array([np.frombuffer(key, dtype=np.int32) for key in self._rows])
        loads = np.array(list(self._patterns))
        both = np.stack([loads, np.argsort(loads, axis=1)])
        size = vector_bytes() // (4 * self._n_lanes)
        patterns = (size * both[..., np.newaxis] + np.arange(size)).astype(np.int32)
        patterns = patterns.reshape(*both.shape[:2], -1)
        if self._n_lanes == 1:
            return rows, None, patterns, frozenset()
        spread = [np.frombuffer(key, dtype=np.int32) for key in self._spread]
        shape = len(spread), self._n_rows, self._n_lanes
        numbers = np.array(spread, dtype=np.int32).reshape(shape)
        return rows, numbers, patterns, frozenset(self._shuffled)


def _groups(active: list[int], n_bits: int) -> list[list[int]]:
    """Return the qubits of each sweep over rows of n_bits qubits.

    The first sweep rotates the qubits of lanes, too; it has four others.
    """
    below = [q for q in active if q < n_bits]
    groups = [_fill(group, n_bits, 3) for group in _split(below)]
    if len(below) < len(active):
        groups[0] = _fill(groups[0], n_bits, 4)
    return groups


def _fold(rows: list, groups: list, source: np.ndarray, phase: int) -> Fold:
    """Describe the last layer as part of the observable.

    If possible, the rows of its last sweep are put in the order of the layer before.
    """
    top = rows[-1][-1]
    aligned = len(rows) > 1 and min(len(groups[-1]), len(groups[-2])) > 1 and phase < 0
    if aligned:
        tiles = top.reshape(-1, 2 ** len(groups[-1][-1]))
        before = rows[-2][-1].reshape(-1, 2 ** len(groups[-2][-1]))
        moved = source % len(top)  # rows, in every lane
        tiles = tiles[np.argsort(moved[0][tiles].min(axis=1))]
        aligned = all(
            np.array_equal(np.sort(lane[tiles]), np.sort(before)) for lane in moved
        )
        top = tiles.ravel() if aligned else top
    rows[-1][-1] = top
    n_rows, n_lanes = len(top), len(source)
    bits = 1 << np.arange((n_rows * n_lanes).bit_length() - 1)
    flips = np.argsort(top)[top[0] ^ bits[bits < n_rows]].tolist()
    flips += bits[bits >= n_rows].tolist()
    signed = rows[-1][max(len(rows[-1]) - 2, 0)]
    return Fold(aligned, -1, signed, n_rows * np.arange(n_lanes), flips)


def _places(rows: list, source: np.ndarray, tables: _Tables) -> int:
    """Return the table of where the copy has its rows, see `Fold`."""
    if len(rows) < 2 or len(rows[-2]) < 2:
        return -1
    target = np.argsort(source, axis=None).reshape(source.shape)
    table = tables.of_rows(target[:, rows[-2][-1]])
    return -1 if table is None else table


def _split(active: list[int]) -> list[list[int]]:
    """Divide qubits evenly into groups of at most 4."""
    parts = np.array_split(np.array(active, dtype=int), max(1, -(-len(active) // 4)))
    return [part.tolist() for part in parts]


def _fill(group: list[int], n_qubits: int, size: int) -> list[int]:
    """Append qubits that are not to be rotated, up to `size` qubits in all."""
    others = [q for q in range(n_qubits) if q not in group]
    return group + others[: max(0, size - len(group))]


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
