"""Expectations and their cotangents, as functions that Numba can call.

An observable is a sum of terms that multiply by weights and flip bits, see
`moves.Term`; complex weights act on complex states, two lanes for each amplitude.
"""

from contextlib import contextmanager
from functools import reduce

from llvmlite import ir  # type: ignore[import-untyped,import-not-found,unused-ignore]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from skqnn._engine.emitter import Emitter
from skqnn._engine.layout import vector_bytes

_UNROLLED = 8  # rows at a time, whose sums need not wait for one another


@intrinsic
def square_sums(typingctx, work, block, measured, flip, out, at):
    """Add <x| O_k |x> to out[at, k], all k.

    x is a block of `work`, `out` is (n_blocks, n_observables, lanes), doubles for any
    precision of x, as long sums would lose digits. `measured` is
    (terms, weights), arrays of shape (n_terms, 2) and (n_terms, n_rows), n_rows a
    multiple of 8: a term has an observable k and a mask, and adds

        sum over rows of x[row] * weights[term, row ^ flip] * x[row ^ mask].

    Terms are in the order of their observables. If weights have one more axis, for
    lanes, the higher bits of a mask and of the flip are those of lanes.
    """

    def generate(context, builder, signature, args):
        emit = Emitter(context, builder, signature, args)
        work, block, measured, flip, out, at = emit.args
        source = emit.at(work, block)
        measured = emit.arrays(signature.args[2], measured)
        _, n_rows, *_ = cgutils.unpack_tuple(builder, measured[1].shape)
        with emit.groups((emit.number(0), n_rows), _UNROLLED) as rows:
            x = [emit.load(source, emit.row(row)) for row in rows]
            with _observables(emit, source, measured, rows, flip) as (
                observable,
                moved,
            ):
                _add_squares(emit, x, moved, emit.at(out, at, observable))
        return context.get_dummy_value()

    return types.void(work, block, measured, flip, out, at), generate


@intrinsic
def weigh(typingctx, work, pair, measured, flip, cotangents, out, at):
    """Store 2 sum_k cotangents[at, k] O_k |x>, and do what `square_sums` does.

    x is block pair[0] of `work`, the result is block pair[1]; `cotangents` is
    (n_blocks, n_observables, lanes), of the precision of x.
    """

    def generate(context, builder, signature, args):
        emit = Emitter(context, builder, signature, args)
        work, pair, measured, flip, cotangents, out, at = emit.args
        source, target = (
            emit.at(work, block) for block in cgutils.unpack_tuple(builder, pair)
        )
        measured = emit.arrays(signature.args[2], measured)
        _, n_rows, *_ = cgutils.unpack_tuple(builder, measured[1].shape)
        totals = [cgutils.alloca_once(builder, emit.vector) for _ in range(_UNROLLED)]
        with emit.groups((emit.number(0), n_rows), _UNROLLED) as rows:
            x = [emit.load(source, emit.row(row)) for row in rows]
            for total in totals:
                builder.store(emit.zero, total)
            with _observables(emit, source, measured, rows, flip) as (
                observable,
                moved,
            ):
                _add_squares(emit, x, moved, emit.at(out, at, observable))
                slope = emit.load(emit.at(cotangents, at, observable), emit.number(0))
                for value, total in zip(moved, totals, strict=True):
                    product = emit.mul(slope, value)
                    builder.store(emit.add(builder.load(total), product), total)
            for row, total in zip(rows, totals, strict=True):
                value = builder.load(total)
                emit.store(emit.add(value, value), target, emit.row(row))
        return context.get_dummy_value()

    return types.void(work, pair, measured, flip, cotangents, out, at), generate


@contextmanager
def _observables(emit, source, measured, rows, flip):
    """Loop over observables: a context of their numbers and some rows of O_k |x>."""
    builder, (terms, weights) = emit.builder, measured
    n_terms, *_ = cgutils.unpack_tuple(builder, weights.shape)
    sums = [cgutils.alloca_once_value(builder, emit.zero) for _ in rows]
    if weights.spread:
        flip, turned = emit.split(weights, flip)
    with cgutils.for_range(builder, n_terms) as loop:
        observable, mask = _term(emit, terms, loop.index)
        if weights.spread:
            mask, swapped = emit.split(weights, mask)
        low = builder.and_(mask, emit.number(_UNROLLED - 1))
        first = emit.row(builder.xor(rows[0], builder.xor(mask, low)))
        for j, (row, total) in enumerate(zip(rows, sums, strict=True)):
            place = builder.mul(
                builder.xor(emit.number(j), low), emit.number(vector_bytes())
            )
            y = emit.load(source, builder.add(first, place))
            weight = emit.weight(weights, loop.index, builder.xor(row, flip))
            if weights.spread:
                y = emit.flipped(y, swapped)
                weight = [emit.flipped(w, turned) for w in weight]
            moved = emit.times(weight, y)
            builder.store(emit.add(builder.load(total), moved), total)
        following = builder.add(loop.index, emit.number(1))
        at_end = builder.icmp_signed("==", following, n_terms)
        next_one, _ = _term(emit, terms, builder.select(at_end, loop.index, following))
        other = builder.icmp_signed("!=", next_one, observable)
        with builder.if_then(builder.or_(at_end, other)):
            yield observable, [builder.load(total) for total in sums]
            for total in sums:
                builder.store(emit.zero, total)


def _add_squares(emit, x, moved, place):
    """Add the products of some rows of |x> and O_k |x> to doubles at an address."""
    emit.increase(place, 0, reduce(emit.add, map(emit.mul, x, moved)))


def _term(emit, terms, index):
    """Load the observable and the mask of a term."""
    address = emit.builder.bitcast(emit.at(terms, index), ir.IntType(64).as_pointer())
    return [
        emit.builder.load(emit.builder.gep(address, [emit.number(k)])) for k in (0, 1)
    ]
