"""Vector operations of the compiled kernels, as functions that Numba can call.

Row i of a block is amplitude i of as many samples as fit into `vector_bytes`, a vector
of the processor, or as many amplitudes of one sample. A complex amplitude takes two
lanes, so that what multiplies by real numbers need not know of it.
"""

from functools import partial
from typing import Any, NamedTuple

from llvmlite import ir  # type: ignore[import-untyped,import-not-found,unused-ignore]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from skqnn._engine.emitter import Emitter, Rows, choose, pairs
from skqnn._engine.orders import (
    CONTRACT,
    CONTRACT_UNROTATE,
    READS,
    REFLECT,
    ROTATE,
    UNROTATE,
    UNROTATE_CONTRACT,
    WRITES,
)

_KINDS = {  # what sweeps do with rows, and the kinds of orders that ask for it
    "flip rotate": (ROTATE, UNROTATE),  # if there is something to flip
    "shuffle rotate": (ROTATE, UNROTATE),  # if the table to read mixes lanes
    "rotate shuffle": (ROTATE, UNROTATE),  # if the table to write does
    "shuffle rotate contract": (UNROTATE_CONTRACT,),
    "rotate": (ROTATE, UNROTATE),
    "contract": (CONTRACT,),
    "rotate contract": (UNROTATE_CONTRACT,),
    "contract rotate": (CONTRACT_UNROTATE,),
    "rotate weigh contract": (REFLECT,),
}


def rotate(emit, x, tangents, tilts=(), done=None):
    """Rotate each qubit of the rows x by (low - t high, high + t low).

    Rows are first rotated by the tilts of qubits of lanes, see `Emitter.tilts`; `done`
    is called for each row that is ready.
    """
    n_bits = len(tangents)
    for low, high, q in pairs(n_bits):
        if q == 0:
            for j in (low, high):
                for bit, tilt in enumerate(tilts):
                    across = emit.across(x[j], bit)
                    x[j] = emit.add(x[j], emit.mul(tilt, across))
        down = emit.sub(x[low], emit.mul(tangents[q], x[high]))
        x[high] = emit.add(x[high], emit.mul(tangents[q], x[low]))
        x[low] = down
        if done is not None and q == n_bits - 1:
            done(low)
            done(high)


def _weigh(emit, x, weights, positions, factors):
    """Multiply each row by its weight, a real number, and by the factors."""
    for j, position in enumerate(positions):
        number, *_ = emit.weight(weights, emit.number(0), position)
        weight = emit.mul(emit.splat(number), factors)
        x[j] = emit.mul(weight, x[j])


def _contract(emit, x, kets, places, totals, n_lane_qubits):
    """Add x_high y_low - x_low y_high of each qubit to its total.

    The first totals are of the qubits that tell the rows x apart, the next of those of
    lanes, whose differences are still to be taken. If there is one more total, x y is
    added to it. Partial sums start afresh for every group of rows, and for each sign,
    so that few have to wait for one another.
    """
    n_bits = len(places).bit_length() - 1
    plus, minus = [None] * len(totals), [None] * len(totals)
    for j, place in enumerate(places):
        y = emit.load(kets, place)
        for q in range(len(totals)):
            other, bit = j ^ 1 << q if q < n_bits else j, q - n_bits
            sums = minus if other < j else plus
            factor = emit.across(y, bit) if 0 <= bit < n_lane_qubits else y
            product = emit.mul(x[other], factor)
            sums[q] = product if sums[q] is None else emit.add(sums[q], product)
    for up, down, total in zip(plus, minus, totals, strict=True):
        change = up if down is None else emit.sub(up, down)
        emit.builder.store(emit.add(emit.builder.load(total), change), total)


class _Sweep(NamedTuple):
    """What the loop of a sweep needs to know."""

    rows: list  # first and last
    bits: Any
    flip: tuple  # of positions, and of lanes if a row is of one sample
    tables: list  # to read and to write
    mixes: Any  # which of the tables names patterns
    patterns: list  # addresses of those for loading and for storing
    blocks: list  # addresses of source, target and kets
    angles: Any
    out: Any
    reflected: tuple  # weights, cotangents, E


def _sweep_rows(emit, sweep, operations, n_bits, n_lane_qubits):
    """Emit the loop of a sweep over groups of 2**n_bits rows."""
    builder, (source, target, kets) = emit.builder, sweep.blocks
    (flip, swapped), (read, write) = sweep.flip, sweep.tables
    weights, cotangents, E = sweep.reflected
    reflects = "weigh" in operations
    tangents = emit.splats(sweep.angles, range(n_bits))
    tilts = emit.tilts(sweep.angles)[:n_lane_qubits]
    factors = emit.load(cotangents, emit.number(0)) if reflects else None

    def treat(positions, totals):
        flipped = [builder.xor(position, flip) for position in positions]
        loaded = flipped if reflects else positions
        stored = flipped if "flip" in operations else positions

        def fill(x, j):
            if operations[0] == "shuffle":
                place, pattern = emit.shuffled_entry(read, loaded[j])
                row = emit.load(source, place)
                x[j] = emit.shuffled(row, sweep.patterns[0], pattern)
                return
            x[j] = emit.load(source, emit.entry(read, loaded[j]))
            if "flip" in operations and swapped is not None:
                x[j] = emit.flipped(x[j], swapped)

        def store(j):
            # Loading offsets again takes less time than keeping 16 of them.
            if operations[-1] == "shuffle":
                place, pattern = emit.shuffled_entry(write, stored[j])
                row = emit.shuffled(x[j], sweep.patterns[1], pattern)
                emit.store(row, target, place)
            else:
                emit.store(x[j], target, emit.entry(write, stored[j]))

        x, table, at = Rows(fill), read, loaded
        for operation in operations:
            if operation == "rotate":
                done = None if operations[-1] == "contract" else store
                rotate(emit, x, tangents, tilts, done)
                table, at = write, stored
            elif operation == "weigh":
                _weigh(emit, x, weights, positions, factors)
            elif operation == "contract":
                places = [emit.entry(table, position) for position in at]
                _contract(emit, x, kets, places, totals, n_lane_qubits)
        if "rotate" in operations and operations[-1] == "contract":
            for j in range(2**n_bits):
                store(j)

    with emit.parts(sweep.rows) as part:
        totals = [emit.variable() for _ in range(n_bits + n_lane_qubits + reflects)]
        with emit.groups(part, 2**n_bits) as positions:
            treat(positions, totals)
        if "contract" in operations:
            for q, total in enumerate(totals[: n_bits + n_lane_qubits]):
                value = builder.load(total)
                if q >= n_bits:
                    value = emit.mul(value, emit.signs(q - n_bits))
                emit.increase(sweep.out, q, value)
        if reflects:
            emit.increase(E, 0, builder.load(totals[-1]))


def _by_operations(emit, sweep, kind, flip):
    """Emit a sweep of each kind."""
    builder = emit.builder
    reads, writes = (
        builder.icmp_signed("==", sweep.mixes, emit.number(way))
        for way in (READS, WRITES)
    )
    asks = {
        "flip rotate": builder.icmp_signed("!=", flip, emit.number(0)),
        "shuffle rotate": reads,
        "rotate shuffle": writes,
        "shuffle rotate contract": reads,
    }
    cases = []
    for name, kinds in _KINDS.items():
        operations = name.split()
        if "shuffle" in operations and sweep.flip[1] is None:
            continue  # a row is of several samples
        condition = ir.Constant(ir.IntType(1), 0)
        for number in kinds:
            same = builder.icmp_signed("==", kind, emit.number(number))
            condition = builder.or_(condition, same)
        if name in asks:
            condition = builder.and_(condition, asks[name])
        cases.append((condition, partial(_by_size, emit, sweep, operations)))
    choose(emit, cases)


def _by_size(emit, sweep, operations):
    """Emit a sweep for each number of qubits, of rows and of lanes."""
    sizes = [(3, 0), (4, 0)]
    if sweep.flip[1] is not None:
        sizes.append((4, emit.n_lane_qubits))
    cases = []
    for n_bits, n_lane_qubits in sizes:
        number = emit.number(n_bits + n_lane_qubits)
        condition = emit.builder.icmp_signed("==", sweep.bits, number)
        function = partial(_sweep_rows, emit, sweep, operations, n_bits, n_lane_qubits)
        cases.append((condition, function))
    choose(emit, cases)


@intrinsic
def sweep(
    typingctx,
    kind,
    work,
    blocks,
    tables,
    spread,
    pair,
    rows,
    bits,
    flip,
    mixes,
    patterns,
    angles,
    at,
    out,
    to,
    reflected,
    block,
):
    """Take rows of a block through the registers, 2**bits at a time.

    Parameters
    ----------
    kind : int
        Of the order, see `_KINDS`.
    work : array of shape (n_blocks, block_size)
    blocks : (source, target, kets)
        The blocks of `work` to load, to store (if rotated) and to contract with.
    tables, pair : array of shape (n_tables, n_rows), (read, write)
        The two tables with the offsets of the rows to load and to store. Kets are read
        where the rows are.
    spread : array or None
        Not None: a row is of one sample, see `Task`.
    rows : (first, last)
        The part of the tables to treat.
    bits : int
        The number of qubits of this sweep: 3, 4, or 4 and those of lanes.
    flip : int
        "flip" stores, "weigh" loads positions ^ flip. With "flip", higher bits are for
        lanes.
    mixes, patterns : int and array of shape (2, n_patterns, size)
        `READS` or `WRITES`: which of the two tables names patterns, see `Layout`.
    angles, at : array and leading indices
        ``angles[at]`` are the tangents of "rotate".
    out, to : array of vectors and leading indices
        ``out[to]`` is where the results of "contract" are added.
    reflected, block : (weights, cotangents, E) and leading index
        "weigh" multiplies positions by ``weights[0]`` and ``cotangents[block, 0]``, and
        the products with the kets are added to ``E[block, 0]``.
    """
    first = (kind, work, blocks, tables, spread, pair, rows, bits)
    arguments = (*first, flip, mixes, patterns, angles, at, out, to, reflected, block)

    def generate(context, builder, signature, args):
        emit = Emitter(context, builder, signature, args)
        kind, work, blocks, tables, spread, pair, rows, bits, *numbers = emit.args
        flip, mixes, patterns, angles, at, out, to, reflected, block = numbers
        unpack = partial(cgutils.unpack_tuple, builder)
        *_, types_, _ = signature.args
        weights, *rest = emit.arrays(types_, reflected)
        flips = (flip, None) if spread is None else emit.split(tables, flip)
        known = _Sweep(
            unpack(rows),
            bits,
            flips,
            [emit.table(tables, table) for table in unpack(pair)],
            mixes,
            [emit.at(patterns, emit.number(way)) for way in range(2)],
            [emit.at(work, index) for index in unpack(blocks)],
            emit.at(angles, *unpack(at)),
            emit.at(out, *unpack(to)),
            (weights, *(emit.at(array, block) for array in rest)),
        )
        _by_operations(emit, known, kind, flip)
        return context.get_dummy_value()

    return types.void(*arguments), generate
