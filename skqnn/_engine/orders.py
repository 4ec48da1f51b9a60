"""Orders to the compiled kernels, and how a list of them becomes arrays of numbers.

A pass treats a chunk of rows after the other, as many as its sweeps keep apart; sweeps
of the lowest qubits, which keep fewer apart, do so with smaller chunks of these.

Rows that are permuted cost nothing, they are loaded from another place. If a row has
the amplitudes of one sample, its lanes may have to be shuffled, which most sweeps do on
the way, or may come from different rows: they are moved one by one, before a sweep or
behind it.
"""

from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import NamedTuple

import numpy as np

from skqnn._engine.layout import NEAR_BYTES, Layout, vector_bytes

JOINED = -1  # instead of a chunk: a pass that meets the rows of the pass before
_JOINED_CHUNK = 2**13  # bytes of each block

(
    ROTATE,
    UNROTATE,
    CONTRACT,
    UNROTATE_CONTRACT,
    CONTRACT_UNROTATE,
    REFLECT,  # the last of the sweeps
    RESCALE,
    UNRESCALE,
    OVERLAP,
    LOAD,
    MEASURE,
    GATHER,
    SCATTER,
) = range(13)

READS, WRITES = 1, 2

# Sweeps that can shuffle lanes when they store, or load, rows.
_SHUFFLING = (ROTATE, UNROTATE), (ROTATE, UNROTATE, UNROTATE_CONTRACT)


class Order(NamedTuple):
    """One sweep, a change of phase and scale, or the expectations without a fold."""

    kind: int
    layer: int
    sweep: int = 0
    source: int = 0  # blocks: to load,
    target: int = 0  # to store,
    kets: int = 0  # to contract with
    read: int = 0  # tables for loading
    write: int = 0  # and for storing
    n_bits: int = 0
    flipped: int = 0  # 1: load positions ^ flip, see `Task`
    mixes: int = 0  # `READS` or `WRITES`: this table names patterns, see `Layout`


class Schedule(NamedTuple):
    """What kernels execute."""

    passes: np.ndarray  # (n_passes, 3): parts start, ..., stop - 1; rows at a time
    parts: np.ndarray  # (n_parts, 3): orders start, ..., stop - 1; fewer rows at a time
    orders: np.ndarray  # (n_orders, 11), see `Order`
    n_forward: int  # passes to the expectations; the others are for derivatives


def joined_rows() -> int:
    """Return the rows at a time of passes that are joined."""
    return _JOINED_CHUNK // vector_bytes()


def arrange(
    passes: list[tuple], layout: Layout
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the arrays of `Schedule` for some (chunk, orders); chunk None: all rows.

    A pass with chunk JOINED is joined to the one before it.
    """
    n_rows = layout.tables.shape[1]
    merged: list = []
    for chunk, some in passes:
        members = [part for order in some for part in _apart(layout, order)]
        if chunk == JOINED:
            chunk = joined_rows()
            members = merged.pop()[1] + members
        merged.append((min(chunk or n_rows, n_rows), members))
    orders = [order for _, members in merged for order in members]
    parts: list = []
    table: list = []
    for chunk, members in merged:
        start = len(parts)
        for rows, some in groupby(members, partial(_together, layout, chunk)):
            first = parts[-1][1] if parts else 0
            parts.append((first, first + len(list(some)), rows))
        table.append((start, len(parts), chunk))
    return (
        np.array(table, dtype=np.int64).reshape(-1, 3),
        np.array(parts, dtype=np.int64).reshape(-1, 3),
        np.array(orders, dtype=np.int64).reshape(-1, len(Order._fields)),
    )


def _apart(layout: Layout, order: Order) -> Iterator[Order]:
    """Yield the order, or a move between lanes and the sweep behind or before it."""
    reads, writes = (t < 0 or t in layout.shuffled for t in (order.read, order.write))
    if order.kind > REFLECT or not (reads or writes):
        yield order
    elif min(order.read, order.write) >= 0 and order.kind in _SHUFFLING[reads]:
        yield order._replace(mixes=READS if reads else WRITES)
    elif reads:
        yield order._replace(kind=GATHER)
        yield order._replace(source=order.target, read=order.write)
    else:
        yield order._replace(target=order.source, write=order.read)
        yield order._replace(kind=SCATTER)


def _together(layout: Layout, chunk: int, order: Order) -> int:
    """Return the rows that an order treats at a time: those that the first cache holds.

    Only orders that keep fewer rows apart than their pass can do with them.
    """
    near = NEAR_BYTES // vector_bytes()
    if not near < chunk < layout.tables.shape[1]:
        return chunk
    return near if layout.layers[order.layer].spans[order.sweep] <= near else chunk
