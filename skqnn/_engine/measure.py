"""Expectations and their cotangents, as functions that Numba can call.

An observable is a sum of terms that multiply by weights and flip bits, see
`moves.Term`; complex weights act on complex states, two lanes for each amplitude.
"""

from llvmlite import ir  # type: ignore[import-untyped,import-not-found,unused-ignore]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from skqnn._engine.emitter import Emitter

_UNROLLED = 4  # rows at a time, whose sums need not wait for one another


@intrinsic
def square_sums(typingctx, work, block, measured, flip, out, at):
    """Add <x| O_k |x> to out[at, k], all k.

    x is a block of `work`, `out` is (n_blocks, n_observables, lanes). `measured` is
    (terms, weights), arrays of shape (n_terms, 2) and (n_terms, n_rows), n_rows a
    multiple of 4: a term has an observable k and a mask, and adds

        sum over rows of x[row] * weights[term, row ^ flip] * x[row ^ mask].
    """

    def generate(context, builder, signature, args):
        emit = Emitter(context, builder, signature, args)
        work, block, measured, flip, out, at = emit.args
        source = emit.at(work, block)
        terms, weights = emit.arrays(signature.args[2], measured)
        n_terms, n_rows = cgutils.unpack_tuple(builder, weights.shape)
        sums = [cgutils.alloca_once(builder, emit.vector) for _ in range(_UNROLLED)]
        with cgutils.for_range(builder, n_terms) as loop:
            observable, mask = _term(emit, terms, loop.index)
            for total in sums:
                builder.store(emit.zero, total)
            with emit.groups(n_rows, _UNROLLED) as rows:
                for row, total in zip(rows, sums, strict=True):
                    x = emit.load(source, emit.row(row))
                    y = emit.load(source, emit.row(builder.xor(row, mask)))
                    weight = emit.weight(weights, loop.index, builder.xor(row, flip))
                    product = emit.mul(x, emit.times(weight, y))
                    builder.store(emit.add(builder.load(total), product), total)
            a, b, c, d = map(builder.load, sums)
            place = emit.at(out, at, observable)
            emit.increase(place, 0, emit.add(emit.add(a, b), emit.add(c, d)))
        return context.get_dummy_value()

    return types.void(work, block, measured, flip, out, at), generate


@intrinsic
def weigh(typingctx, work, pair, measured, flip, cotangents, out, at):
    """Store 2 sum_k cotangents[at, k] O_k |x>, and do what `square_sums` does.

    x is block pair[0] of `work`, the result is block pair[1]; `cotangents` is
    (n_blocks, n_observables, lanes), and so is `out`.
    """

    def generate(context, builder, signature, args):
        emit = Emitter(context, builder, signature, args)
        work, pair, measured, flip, cotangents, out, at = emit.args
        source, target = (
            emit.at(work, block) for block in cgutils.unpack_tuple(builder, pair)
        )
        terms, weights = emit.arrays(signature.args[2], measured)
        n_terms, n_rows = cgutils.unpack_tuple(builder, weights.shape)
        sums = [cgutils.alloca_once(builder, emit.vector) for _ in range(_UNROLLED)]
        with emit.groups(n_rows, _UNROLLED) as rows:
            x = [emit.load(source, emit.row(row)) for row in rows]
            for total in sums:
                builder.store(emit.zero, total)
            with cgutils.for_range(builder, n_terms) as loop:
                observable, mask = _term(emit, terms, loop.index)
                slope = emit.load(emit.at(cotangents, at, observable), emit.number(0))
                squares = []
                for row, value, total in zip(rows, x, sums, strict=True):
                    y = emit.load(source, emit.row(builder.xor(row, mask)))
                    weight = emit.weight(weights, loop.index, builder.xor(row, flip))
                    moved = emit.times(weight, y)
                    squares.append(emit.mul(value, moved))
                    product = emit.mul(slope, moved)
                    builder.store(emit.add(builder.load(total), product), total)
                a, b, c, d = squares
                square = emit.add(emit.add(a, b), emit.add(c, d))
                emit.increase(emit.at(out, at, observable), 0, square)
            for row, total in zip(rows, sums, strict=True):
                value = builder.load(total)
                emit.store(emit.add(value, value), target, emit.row(row))
        return context.get_dummy_value()

    return types.void(work, pair, measured, flip, cotangents, out, at), generate


def _term(emit, terms, index):
    """Load the observable and the mask of a term."""
    address = emit.builder.bitcast(emit.at(terms, index), ir.IntType(64).as_pointer())
    return [
        emit.builder.load(emit.builder.gep(address, [emit.number(k)])) for k in (0, 1)
    ]
