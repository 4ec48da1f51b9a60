"""Vector operations of the compiled kernels, as functions that Numba can call.

Row i of a block is amplitude i of as many samples as fit into `vector_bytes`, a vector
of the processor. A complex amplitude takes two lanes, so that what multiplies by real
numbers need not know of it.
"""

from functools import partial

from llvmlite import ir  # type: ignore[import-untyped,import-not-found,unused-ignore]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from skqnn._engine.emitter import Emitter, Rows, is_complex, pairs
from skqnn._engine.layout import vector_bytes


def _rotate(emit, x, tangents, done=None):
    """Rotate each qubit of the rows x by (low - t high, high + t low)."""
    n_bits = len(tangents)
    for low, high, q in pairs(n_bits):
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


def _contract(emit, x, kets, places, totals):
    """Add x_high y_low - x_low y_high of each qubit to its total.

    If there is one more total, x y is added to it. Partial sums start afresh for every
    group of rows, and for each sign, so that few have to wait for one another.
    """
    plus, minus = [None] * len(totals), [None] * len(totals)
    for j, place in enumerate(places):
        y = emit.load(kets, place)
        for q in range(len(totals)):
            other = j ^ 1 << q if len(places) >> q > 1 else j
            sums = minus if other < j else plus
            product = emit.mul(x[other], y)
            sums[q] = product if sums[q] is None else emit.add(sums[q], product)
    for up, down, total in zip(plus, minus, totals, strict=True):
        change = up if down is None else emit.sub(up, down)
        emit.builder.store(emit.add(emit.builder.load(total), change), total)


def _sweep_rows(emit, operations, n_bits, rows, flip, blocks, tables, *numbers):
    """Emit the loop of a sweep over groups of 2**n_bits rows."""
    builder = emit.builder
    source, target, kets = blocks
    angles, out, (weights, cotangents, E) = numbers
    reflects = "weigh" in operations
    read, write = (builder.bitcast(t, ir.IntType(32).as_pointer()) for t in tables)
    tangents = emit.splats(angles, n_bits)
    factors = emit.load(cotangents, emit.number(0)) if reflects else None
    totals = [emit.variable() for _ in range(n_bits + reflects)]
    loop = (*rows, emit.number(2**n_bits))
    with cgutils.for_range_slice(builder, *loop) as (start, _):
        positions = [builder.add(start, emit.number(j)) for j in range(2**n_bits)]
        flipped = [builder.xor(position, flip) for position in positions]
        loaded = flipped if reflects else positions
        stored = flipped if "flip" in operations else positions

        def fill(x, j, loaded=loaded):
            x[j] = emit.load(source, emit.entry(read, loaded[j]))

        def store(j, stored=stored):
            # Loading offsets again takes less time than keeping 16 of them.
            emit.store(x[j], target, emit.entry(write, stored[j]))

        x, table, at = Rows(fill), read, loaded
        for operation in operations:
            if operation == "rotate":
                done = store if operations[-1] == "rotate" else None
                _rotate(emit, x, tangents, done)
                table, at = write, stored
            elif operation == "weigh":
                _weigh(emit, x, weights, positions, factors)
            elif operation == "contract":
                places = [emit.entry(table, position) for position in at]
                _contract(emit, x, kets, places, totals)
        if "rotate" in operations[:-1]:
            for j in range(2**n_bits):
                store(j)
    if "contract" in operations:
        for q in range(n_bits):
            emit.increase(out, q, builder.load(totals[q]))
    if reflects:
        emit.increase(E, 0, builder.load(totals[-1]))


@intrinsic(prefer_literal=True)
def sweep(
    typingctx,
    order,
    work,
    blocks,
    tables,
    pair,
    rows,
    bits,
    flip,
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
    order : literal str
        "rotate", "contract", both words in the order wanted, "flip rotate" or
        "rotate weigh contract".
    work : array of shape (n_blocks, block_size)
    blocks : (source, target, kets)
        The blocks of `work` to load, to store (if rotated) and to contract with.
    tables, pair : array of shape (n_tables, n_rows), (read, write)
        The two tables with the offsets of the rows to load and to store. Kets are read
        where the rows are.
    rows : (first, last)
        The part of the tables to treat.
    bits : int
        3 or 4, the number of qubits of this sweep.
    flip : int
        "flip" stores, "weigh" loads positions ^ flip.
    angles, at : array and leading indices
        ``angles[at]`` are the tangents of "rotate".
    out, to : array of vectors and leading indices
        ``out[to]`` is where the results of "contract" are added.
    reflected, block : (weights, cotangents, E) and leading index
        "weigh" multiplies positions by ``weights[0]`` and ``cotangents[block, 0]``, and
        the products with the kets are added to ``E[block, 0]``.
    """
    operations = order.literal_value.split()
    first = (order, work, blocks, tables, pair, rows, bits)
    arguments = (*first, flip, angles, at, out, to, reflected, block)

    def generate(context, builder, signature, args):
        emit = Emitter(context, builder, signature, args)
        _, work, blocks, tables, pair, rows, bits, flip, *numbers = emit.args
        angles, at, out, to, reflected, block = numbers
        unpack = partial(cgutils.unpack_tuple, builder)
        blocks = [emit.at(work, index) for index in unpack(blocks)]
        tables = [emit.at(tables, table) for table in unpack(pair)]
        numbers = [emit.at(angles, *unpack(at)), emit.at(out, *unpack(to))]
        *_, kinds, _ = signature.args
        weights, *rest = map(emit.array, kinds, unpack(reflected))
        numbers.append((weights, *(emit.at(array, block) for array in rest)))
        narrow = builder.icmp_signed("==", bits, emit.number(3))
        with builder.if_else(narrow) as branches:
            for n_bits, branch in zip((3, 4), branches, strict=True):
                with branch:
                    common = (unpack(rows), flip, blocks, tables, *numbers)
                    _sweep_rows(emit, operations, n_bits, *common)
        return context.get_dummy_value()

    return types.void(*arguments), generate


@intrinsic
def load(typingctx, states, samples, work, block, rows, angles, at, phases):
    """Copy rows of samples to a block, rotated.

    `states` and `phases` are real or complex; a block of complex states is made of real
    ones, too. `samples` has an index for each sample of the block, ``angles[at]`` are
    the tangents of qubits 0 to 3.
    """
    width = 2 if is_complex(states) else 1  # lanes of an amplitude
    mixed = width == 1 and is_complex(phases)
    arguments = (states, samples, work, block, rows, angles, at, phases)

    def generate(context, builder, signature, args):
        emit = Emitter(context, builder, signature, args)
        states, samples, work, block, rows, angles, at, _ = emit.args
        unpack = partial(cgutils.unpack_tuple, builder)
        target = emit.at(work, block)
        tangents = emit.splats(emit.at(angles, *unpack(at)), 4)
        n_rows = emit.lanes // width  # in one vector of a sample
        numbers = [emit.number(k) for k in range(n_rows // (1 + mixed))]
        sources = [emit.at(states, emit.item(samples, number)) for number in numbers]
        with cgutils.for_range_slice(builder, *unpack(rows), emit.number(16)) as group:
            place = emit.row(group[0])

            def fill(x, j, first=group[0]):
                j -= j % n_rows
                row = builder.add(first, emit.number(j))
                offset = builder.mul(row, emit.number(width * emit.itemsize))
                square = [emit.load(source, offset) for source in sources]
                if mixed:  # imaginary parts are 0
                    square = [x for real in square for x in (real, emit.zero)]
                _transpose(emit, square, width)
                x.update(enumerate(square, j))

            def store(j, place=place):
                here = builder.add(place, emit.number(j * vector_bytes()))
                emit.store(x[j], target, here)

            x = Rows(fill)
            _rotate(emit, x, tangents, store)
        return context.get_dummy_value()

    return types.void(*arguments), generate


def _transpose(emit, x, width):
    """Transpose a square of numbers that take `width` lanes of the vectors x each.

    The off-diagonal squares of each size are swapped.
    """
    distance = 1
    while distance < len(x):
        upper, lower = [], []
        for lane in range(emit.lanes):
            across = lane ^ distance * width
            left = not lane & distance * width
            upper.append(lane if left else across | emit.lanes)
            lower.append(across if left else lane | emit.lanes)
        for k in range(len(x)):
            if not k & distance:
                a, b = x[k], x[k | distance]
                x[k] = emit.shuffle(a, b, upper)
                x[k | distance] = emit.shuffle(a, b, lower)
        distance *= 2
