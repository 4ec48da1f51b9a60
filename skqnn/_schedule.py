"""In which order the compiled kernels sweep over the rows of a block.

A block holds all amplitudes of a few samples, row i amplitude i of each. A sweep loads
every row once, 8 or 16 at a time, and rotates 3 or 4 qubits; the first sweep of a layer
loads its rows permuted, so permutations cost nothing. The states before the last sweep
of each layer are kept, the "tape": all derivatives by the layer's angles can be taken
there. Kernels do not decide anything, they follow a list of orders.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

VECTOR_BYTES = 64  # the samples of a block are as many as fit into one vector
PAD_BITS = 6
_MIN_CHUNK = 256  # rows, 16 kB

ROTATE, UNROTATE, CONTRACT, UNROTATE_CONTRACT, CONTRACT_UNROTATE, RESCALE = range(6)


class Order(NamedTuple):
    """One sweep, or a change of sign and scale."""

    kind: int
    layer: int
    sweep: int = 0
    source: int = 0  # blocks: to load,
    target: int = 0  # to store,
    kets: int = 0  # to contract with
    read: int = 0  # tables for loading
    write: int = 0  # and for storing
    n_bits: int = 0


class Schedule(NamedTuple):
    """What kernels execute."""

    passes: np.ndarray  # (n_passes, 3): orders start, ..., stop - 1; rows at a time
    orders: np.ndarray  # (n_orders, 9), see `Order`


class Layer(NamedTuple):
    """How the rows of one layer are swept."""

    bits: list[int]  # qubits of each sweep
    tables: list[int]
    gather: int  # the table that the first sweep loads by
    chunk: int  # rows that all sweeps but the last keep apart
    sign: int  # the row of signs that rescales before the layer, -1 for none


class Layout(NamedTuple):
    """The sweeps of all layers and their tables."""

    layers: list[Layer]
    qubits: np.ndarray  # (n_layers, n_sweeps, 4), -1 where no qubit is rotated
    tables: np.ndarray  # (n_tables, n_rows) offsets of rows in a block, in bytes

    @property
    def n_sweeps(self) -> np.ndarray:
        """The number of sweeps of each layer."""
        return np.array([len(layer.bits) for layer in self.layers])


def row_offsets(n_rows: int) -> np.ndarray:
    """Return where in a block each row starts, in bytes, int32 of shape (n_rows,).

    One row is left out after every 64, otherwise rows a power of two apart would
    compete for the same lines of the cache.
    """
    index = np.arange(n_rows)
    return ((index + (index >> PAD_BITS)) * VECTOR_BYTES).astype(np.int32)


def lay_out(
    active: Sequence[list[int]],
    sources: Sequence[np.ndarray],
    signs: Sequence[int],
    n_qubits: int,
) -> Layout:
    """Divide layers into sweeps.

    Parameters
    ----------
    active : sequence of list of int
        The qubits that each layer rotates.
    sources : sequence of ndarray of shape (2**n_qubits,)
        The permutation before each layer: row i is loaded from row source[i].
    signs : sequence of int
        Which row of signs is applied, with a scale, before each layer; -1 for none.
    n_qubits : int
        At least 4.
    """
    offsets = row_offsets(2**n_qubits)
    groups = [[_fill(g, n_qubits) for g in _split(qubits)] for qubits in active]
    qubits = np.full((len(groups), max(map(len, groups)), 4), -1)
    tables: dict[bytes, int] = {}  # each table once; a dict keeps the order
    layers = []
    for k, (layer, source) in enumerate(zip(groups, sources, strict=True)):
        rows = [_rows(group, n_qubits) for group in layer]
        keys = [offsets[r].tobytes() for r in [*rows, source[rows[0]]]]
        *own, gather = [tables.setdefault(key, len(tables)) for key in keys]
        for s, part in enumerate(_split(active[k])):
            qubits[k, s, : len(part)] = part
        highest = max(q for group in layer[:-1] or layer for q in group)
        chunk = min(max(2 << highest, _MIN_CHUNK), 2**n_qubits)
        layers.append(Layer(list(map(len, layer)), own, gather, chunk, signs[k]))
    table = np.array([np.frombuffer(key, dtype=np.int32) for key in tables])
    return Layout(layers, qubits, table)


def _split(active: list[int]) -> list[list[int]]:
    """Divide qubits evenly into groups of at most 4."""
    parts = np.array_split(active, -(-len(active) // 4))
    return [part.tolist() for part in parts]


def _fill(group: list[int], n_qubits: int) -> list[int]:
    """Append qubits that are not to be rotated, up to 3 qubits in all."""
    others = [q for q in range(n_qubits) if q not in group]
    return group + others[: max(0, 3 - len(group))]


def _rows(qubits: list[int], n_qubits: int) -> np.ndarray:
    """Return all row numbers in groups that differ in the bits `qubits` only."""
    index = np.arange(2**n_qubits)
    bits = np.zeros(1, dtype=np.intp)
    for q in qubits:
        bits = np.concatenate([bits, bits | 1 << q])
    base = index[index & bits[-1] == 0]
    return (base[:, None] | bits[None, :]).ravel()


class Blocks(NamedTuple):
    """What the blocks of the workspace are for."""

    tape: list[int]  # of each layer
    bras: int
    other: int
    now: int  # where the samples are loaded

    @property
    def number(self) -> int:
        """The number of blocks."""
        return self.now + 1


def blocks(n_layers: int, taped: bool) -> Blocks:
    """Assign numbers to the blocks; without a tape two blocks take turns."""
    tape = list(range(n_layers)) if taped else [k & 1 for k in range(n_layers)]
    n_tape = max(2, n_layers if taped else 2)
    return Blocks(tape, n_tape, n_tape + 1, n_tape + 2)


def forward(layout: Layout, taped: bool) -> tuple[Schedule, int]:
    """Return the schedule of all layers, and the block of the final state."""
    where = blocks(len(layout.layers), taped)
    now = where.now
    passes: list = []
    for k, layer in enumerate(layout.layers):
        if layer.sign >= 0:
            passes.append((None, [_rescale(k, layer, now, where.now)]))
            now = where.now
        tape = where.tape[k]
        lower = []
        for s in range(max(len(layer.bits) - 1, 1)):
            source, read = (tape, None) if s else (now, layer.gather)
            lower.append(_order(ROTATE, k, s, layer, source, tape, read=read))
        passes.append((layer.chunk, lower))
        now = tape
        if len(layer.bits) > 1:
            top = len(layer.bits) - 1
            passes.append((None, [_order(ROTATE, k, top, layer, tape, where.now)]))
            now = where.now
    return _schedule(passes, layout), now


def backward(layout: Layout, taped: bool) -> Schedule:
    """Return the schedule that un-applies all layers and takes the derivatives.

    It starts with the cotangents of the final state in block `bras` and with the tape.
    """
    where = blocks(len(layout.layers), taped)
    bras, other = where.bras, where.other
    passes: list = []
    for k in range(len(layout.layers) - 1, -1, -1):
        layer, kets = layout.layers[k], where.tape[k]
        top = len(layer.bits) - 1
        if top > 0:
            order = _order(UNROTATE_CONTRACT, k, top, layer, bras, bras, kets)
            passes.append((None, [order]))
        lower = list(range(max(top, 1)))
        if k == 0:
            pulls = [_order(CONTRACT, k, s, layer, bras, bras, kets) for s in lower]
            passes.append((layer.chunk, pulls))
            break
        passes.append((layer.chunk, list(_pull(k, layer, lower, bras, other, kets))))
        bras, other = other, bras
        if layer.sign >= 0:
            passes.append((None, [_rescale(k, layer, bras, bras)]))
        if not taped:
            passes += _walk_back(k, layout, kets, where.tape[k - 1])
    return _schedule(passes, layout)


def _order(kind, k, s, layer, source, target, kets=0, read=None, write=None) -> Order:
    """Return an order for sweep s of layer k; tables default to the sweep's own."""
    table = layer.tables[s]
    read = table if read is None else read
    write = table if write is None else write
    return Order(kind, k, s, source, target, kets, read, write, layer.bits[s])


def _rescale(k, layer, source, target) -> Order:
    return Order(RESCALE, k, 0, source, target, read=layer.sign)


def _pull(k, layer, lower, bras, other, kets) -> Iterator[Order]:
    """Yield the orders on the lower sweeps of a layer in the backward pass."""
    *rest, last = lower
    for s in rest:
        yield _order(CONTRACT, k, s, layer, bras, bras, kets)
    for s in reversed(lower):
        kind = CONTRACT_UNROTATE if s == last else UNROTATE
        target, write = (bras, None) if s else (other, layer.gather)
        yield _order(kind, k, s, layer, bras, target, kets, write=write)


def _walk_back(k: int, layout: Layout, source: int, target: int) -> Iterator[tuple]:
    """Yield the passes from the tape of layer k to that of the layer before."""
    layer, before = layout.layers[k], layout.layers[k - 1]
    orders = []
    for s in reversed(range(max(len(layer.bits) - 1, 1))):
        to, write = (source, None) if s else (target, layer.gather)
        orders.append(_order(UNROTATE, k, s, layer, source, to, write=write))
    yield layer.chunk, orders
    if layer.sign >= 0:
        yield None, [_rescale(k, layer, target, target)]
    top = len(before.bits) - 1
    if top > 0:
        yield None, [_order(UNROTATE, k - 1, top, before, target, target)]


def _schedule(passes: list, layout: Layout) -> Schedule:
    """Arrange (chunk, orders) as arrays; chunk None stands for all rows."""
    n_rows = layout.tables.shape[1]
    table: list = []
    orders: list = []
    for chunk, members in passes:
        table.append((len(orders), len(orders) + len(members), chunk or n_rows))
        orders += members
    return Schedule(np.array(table, dtype=np.int64), np.array(orders, dtype=np.int64))
