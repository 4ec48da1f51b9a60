"""Phases of amplitudes and derivatives by them, as functions that Numba can call."""

from llvmlite import ir  # type: ignore[import-untyped,import-not-found,unused-ignore]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from skqnn._engine.emitter import Emitter, is_complex

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
        _, n_rows = cgutils.unpack_tuple(builder, phases.shape)
        factor = emit.splat(emit.item(factors, at))
        with emit.groups(n_rows, _UNROLLED) as rows:
            for row in rows:
                place = emit.row(row)
                value = emit.mul(factor, emit.load(source, place))
                number = emit.weight(phases, phase, row)
                emit.store(emit.times(number, value, back), target, place)
        return context.get_dummy_value()

    return types.void(work, pair, phases, phase, factors, at, back), generate


@intrinsic
def unrescale(typingctx, work, blocks, phases, phase, factors, at, out, to):
    """Go back with the cotangents from behind the phases, and compare with the states.

    Block blocks[0] of `work` is multiplied by conjugate phases and the factor as in
    `rescale`; then bra * ket with the lanes of ket swapped is added to out[to, row],
    for all rows of this block and blocks[1]: the difference of the lanes of the real
    and the imaginary part of bra is Im(conj(bra) ket). Nothing is done if `phases` are
    real.
    """

    def generate(context, builder, signature, args):
        if not is_complex(phases):
            return context.get_dummy_value()
        emit = Emitter(context, builder, signature, args)
        work, blocks, phases_, phase, factors, at, out, to = emit.args
        bras, kets = (
            emit.at(work, block) for block in cgutils.unpack_tuple(builder, blocks)
        )
        target = emit.at(out, to)
        _, n_rows = cgutils.unpack_tuple(builder, phases_.shape)
        factor = emit.splat(emit.item(factors, at))
        back = ir.Constant(ir.IntType(1), 1)
        with emit.groups(n_rows, _UNROLLED) as rows:
            for row in rows:
                place = emit.row(row)
                bra = emit.mul(factor, emit.load(bras, place))
                bra = emit.times(emit.weight(phases_, phase, row), bra, back)
                emit.store(bra, bras, place)
                product = emit.mul(bra, emit.swap(emit.load(kets, place)))
                emit.increase(target, row, product)
        return context.get_dummy_value()

    return types.void(work, blocks, phases, phase, factors, at, out, to), generate
