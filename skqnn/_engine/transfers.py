"""How samples come into a block, and change rows, as functions that Numba can call."""

from functools import partial

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from skqnn._engine.emitter import Emitter, Rows, choose, is_complex, is_spread
from skqnn._engine.layout import vector_bytes
from skqnn._engine.vectors import rotate

_UNROLLED = 8  # rows at a time


@intrinsic
def load(typingctx, states, samples, work, block, rows, angles, at, phases):
    """Copy rows of samples to a block, rotated.

    `states` and `phases` are real or complex; a block of complex states is made of real
    ones, too. `samples` has an index for each sample of the block, ``angles[at]`` are
    the tangents of qubits 0 to 3, and of those of lanes, if there are numbers for
    lanes in `phases`.
    """
    width = 2 if is_complex(states) else 1  # lanes of an amplitude
    mixed = width == 1 and is_complex(phases)
    arguments = (states, samples, work, block, rows, angles, at, phases)

    def generate(context, builder, signature, args):
        emit = Emitter(context, builder, signature, args)
        states, samples, work, block, rows, angles, at, _ = emit.args
        unpack = partial(cgutils.unpack_tuple, builder)
        target = emit.at(work, block)
        angles = emit.at(angles, *unpack(at))
        tangents = emit.splats(angles, range(4))
        tilts = emit.tilts(angles) if is_spread(signature.args[-1]) else []
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
            rotate(emit, x, tangents, tilts, store)
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


@intrinsic
def move(typingctx, work, pair, tables, spread, patterns, far, at, rows):
    """Copy rows whose lanes are shuffled, or come from or go to different rows.

    Parameters
    ----------
    work : array of shape (n_blocks, block_size)
    pair : (source, target)
        Blocks of `work`.
    tables : array of shape (n_tables, n_rows)
    spread : array of shape (n_spread, n_rows, lanes), or None
        None: a row has numbers of several samples, which are never mixed.
    patterns : array of shape (2, n_patterns, size)
        See `Layout`.
    far : int
        Which table may mix lanes: 0 the one to read, 1 the one to write.
    at : (read, write)
        The tables. -1 - k is ``spread[k]``.
    rows : (first, last)
        The part of the tables to treat.
    """
    arguments = (work, pair, tables, spread, patterns, far, at, rows)

    def generate(context, builder, signature, args):
        emit = Emitter(context, builder, signature, args)
        work, pair, tables, spread, patterns, far, at, rows = emit.args
        unpack = partial(cgutils.unpack_tuple, builder)
        source, target = (emit.at(work, block) for block in unpack(pair))
        read, write = (emit.table(tables, table) for table in unpack(at))

        def copy(row):
            x = emit.load(source, emit.entry(read, row))
            emit.store(x, target, emit.entry(write, row))

        if spread is None:
            _for_each(emit, unpack(rows), copy)
            return context.get_dummy_value()
        first, second = (
            partial(emit.at, spread, builder.sub(emit.number(-1), table))
            for table in unpack(at)
        )
        shuffles = emit.at(patterns, far)

        def gather(row):
            x = emit.gather(source, first(row))
            emit.store(x, target, emit.entry(write, row))

        def scatter(row):
            x = emit.load(source, emit.entry(read, row))
            emit.scatter(x, target, second(row))

        def shuffle(row):
            (here, load), (there, store) = (
                emit.shuffled_entry(table, row) for table in (read, write)
            )
            x = emit.load(source, here)
            pattern = builder.or_(load, store)  # one of them is 0
            emit.store(emit.shuffled(x, shuffles, pattern), target, there)

        gathers, scatters = (
            builder.icmp_signed("<", table, emit.number(0)) for table in unpack(at)
        )
        cases = (gathers, gather), (scatters, scatter), (None, shuffle)
        loops = [(c, partial(_for_each, emit, unpack(rows), f)) for c, f in cases]
        choose(emit, loops)
        return context.get_dummy_value()

    return types.void(*arguments), generate


def _for_each(emit, rows, function):
    """Emit a loop over rows first, ..., last - 1."""
    loop = (*rows, emit.number(_UNROLLED))
    with cgutils.for_range_slice(emit.builder, *loop) as (first, _):
        for j in range(_UNROLLED):
            function(emit.builder.add(first, emit.number(j)))
