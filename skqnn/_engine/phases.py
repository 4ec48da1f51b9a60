"""Phases of amplitudes and derivatives by them, as functions that Numba can call."""

from functools import partial, reduce

from llvmlite import ir  # type: ignore[import-untyped,import-not-found,unused-ignore]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from skqnn._engine.emitter import Emitter, Rows, is_complex, pairs
from skqnn._engine.layout import vector_bytes
from skqnn._engine.strings import GROUP_BITS

_UNROLLED = 4  # rows at a time


@intrinsic
def rescale(typingctx, work, pair, phases, phase, factors, at, back):
    """Store phases[phase, row] * factors[at] * x[row] for all rows.

    x is block pair[0] of `work`, the result is block pair[1]. If `back`, the phases are
    conjugate.
    """

    def generate(context, builder, signature, args):
        emit = Emitter(context, builder, signature, args)
        work, pair, phases, phase, factors, at, back = emit.args
        source, target = (
            emit.at(work, block) for block in cgutils.unpack_tuple(builder, pair)
        )
        _, n_rows, *_ = cgutils.unpack_tuple(builder, phases.shape)
        factor = emit.splat(emit.item(factors, at))
        with emit.groups((emit.number(0), n_rows), _UNROLLED) as rows:
            for row in rows:
                place = emit.row(row)
                value = emit.mul(factor, emit.load(source, place))
                number = emit.weight(phases, phase, row)
                emit.store(emit.times(number, value, back), target, place)
        return context.get_dummy_value()

    return types.void(work, pair, phases, phase, factors, at, back), generate


@intrinsic
def unrescale(typingctx, work, blocks, phases, places, factors, at, alone, out):
    """Go back with the cotangents from behind the phases, and compare with the states.

    Block blocks[0] of `work` is multiplied by conjugate phases, ``phases[places[0]]``,
    and the factor, ``factors[at]``, as in `rescale`; then bra * ket with the
    lanes of ket swapped is calculated for all rows of this block and blocks[1]: the
    difference of the lanes of the real and the imaginary part of bra is
    Im(conj(bra) ket). These products are transformed in groups, see `strings`, and
    stored in blocks[2]; if ``alone[places[1]]`` tells where sums of single qubits of
    groups belong, they are added to `out` instead. Nothing is done if `phases` are
    real.
    """
    arguments = (work, blocks, phases, places, factors, at, alone, out)

    def generate(context, builder, signature, args):
        if not is_complex(phases):
            return context.get_dummy_value()
        emit = Emitter(context, builder, signature, args)
        work, blocks, phases_, places, factors, at, alone, out = emit.args
        unpack = partial(cgutils.unpack_tuple, builder)
        bras, kets, products = (emit.at(work, block) for block in unpack(blocks))
        phase, turned = unpack(places)
        factor = emit.splat(emit.item(factors, at))
        back = ir.Constant(ir.IntType(1), 1)
        _, n_rows = unpack(phases_.shape)
        n_groups = builder.lshr(n_rows, emit.number(GROUP_BITS))

        def multiply(x, j, rows):
            here = builder.add(emit.row(rows[0]), emit.number(j * vector_bytes()))
            bra = emit.mul(factor, emit.load(bras, here))
            bra = emit.times(emit.weight(phases_, phase, rows[j]), bra, back)
            emit.store(bra, bras, here)
            x[j] = emit.mul(bra, emit.swap(emit.load(kets, here)))

        def in_groups(part, finish):
            with emit.groups(part, 2**GROUP_BITS) as rows:
                group = builder.lshr(rows[0], emit.number(GROUP_BITS))
                finish(Rows(partial(multiply, rows=rows)), group)

        def sum_up(totals, x, group):
            emit.store(_sum_alone(emit, x, totals), products, emit.row(group))

        numbers = builder.bitcast(emit.at(alone, turned), ir.IntType(64).as_pointer())
        flag, *lowest = (
            builder.load(builder.gep(numbers, [emit.number(k)]))
            for k in range(1 + GROUP_BITS)
        )
        with builder.if_else(builder.trunc(flag, ir.IntType(1))) as (few, all_):
            with few, emit.parts((emit.number(0), n_rows)) as part:
                totals = [emit.variable() for _ in lowest]
                in_groups(part, partial(sum_up, totals))
                for place, total in zip(lowest, totals, strict=True):
                    _add_total(emit, out, place, builder.load(total))
            with all_:
                transform = partial(_transform, emit, products, n_groups)
                in_groups((emit.number(0), n_rows), transform)
        return context.get_dummy_value()

    return types.void(*arguments), generate


def _transform(emit, products, n_groups, x, group):
    """Store the sums of a group with the signs of all its strings."""
    for low, high, q in pairs(GROUP_BITS):
        x[low], x[high] = emit.add(x[low], x[high]), emit.sub(x[low], x[high])
        if q == GROUP_BITS - 1:
            for j in (low, high):
                first = emit.builder.mul(emit.number(j), n_groups)
                place = emit.row(emit.builder.add(first, group))
                emit.store(x[j], products, place)


def _sum_alone(emit, x, totals):
    """Add the rows with the signs of each qubit to its total; return their sum."""
    rows = [x[j] for j in range(2 ** len(totals))]
    for total in totals:
        both = list(zip(rows[::2], rows[1::2], strict=True))
        change = reduce(emit.add, [emit.sub(a, b) for a, b in both])
        emit.builder.store(emit.add(emit.builder.load(total), change), total)
        rows = [emit.add(a, b) for a, b in both]
    return rows[0]


def _add_total(emit, out, place, total):
    """Add a vector to out[place], unless the place is -1."""
    asked = emit.builder.icmp_signed(">=", place, emit.number(0))
    with emit.builder.if_then(asked):
        emit.increase(emit.at(out, place), 0, total)


@intrinsic
def fold(typingctx, work, block, folds, at, out):
    """Replace two halves of some rows by their sum and their difference.

    The fold ``folds[at]`` is one of `strings.Fold`, its rows are in a block of `work`.
    The totals of both halves are added to out[low] and out[high].
    """

    def generate(context, builder, signature, args):
        emit = Emitter(context, builder, signature, args)
        work, block, folds, at, out = emit.args
        source = emit.at(work, block)
        numbers = builder.bitcast(emit.at(folds, at), ir.IntType(64).as_pointer())
        start, half, *places = (
            builder.load(builder.gep(numbers, [emit.number(k)])) for k in range(4)
        )
        short = builder.icmp_signed("<", half, emit.number(_UNROLLED))
        with builder.if_else(short) as branches:
            for size, branch in zip((1, _UNROLLED), branches, strict=True):
                with branch:
                    _fold_rows(emit, source, (start, half), size, places, out)
        return context.get_dummy_value()

    return types.void(work, block, folds, at, out), generate


def _fold_rows(emit, source, rows, size, places, out):
    """Emit the loop of a fold over `size` pairs of rows at a time."""
    builder = emit.builder
    start, half = rows
    with emit.parts((emit.number(0), half)) as part:
        totals = [(emit.variable(), emit.variable()) for _ in range(size)]
        with emit.groups(part, size) as pairs:
            for pair, both in zip(pairs, totals, strict=True):
                low = emit.row(builder.add(start, pair))
                high = emit.row(builder.add(builder.add(start, half), pair))
                a, b = emit.load(source, low), emit.load(source, high)
                for value, place, total in zip(
                    (emit.add(a, b), emit.sub(a, b)), (low, high), both, strict=True
                ):
                    emit.store(value, source, place)
                    builder.store(emit.add(builder.load(total), value), total)
        for place, sums in zip(places, zip(*totals, strict=True), strict=True):
            _add_total(emit, out, place, reduce(emit.add, map(builder.load, sums)))
