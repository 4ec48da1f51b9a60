"""Phases of amplitudes and derivatives by them, as functions that Numba can call."""

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from skqnn._engine.emitter import Emitter, is_complex
from skqnn._engine.layout import VECTOR_BYTES

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
def overlap(typingctx, work, pair, phases, out, at):
    """Add bra * ket with the lanes of ket swapped to out[at, row] for all rows.

    The difference of the lanes of the real and the imaginary part of bra then is
    Im(conj(bra) ket). `pair` are these two blocks of `work`; nothing is done if
    `phases` are real.
    """

    def generate(context, builder, signature, args):
        if not is_complex(phases):
            return context.get_dummy_value()
        emit = Emitter(context, builder, signature, args)
        work, pair, _, out, at = emit.args
        bras, kets = (
            emit.at(work, block) for block in cgutils.unpack_tuple(builder, pair)
        )
        target = emit.at(out, at)
        n_rows = cgutils.unpack_tuple(builder, out.shape)[1]
        with emit.groups(n_rows, _UNROLLED) as rows:
            for row in rows:
                place = emit.row(row)
                swapped = emit.swap(emit.load(kets, place))
                product = emit.mul(emit.load(bras, place), swapped)
                here = builder.mul(row, emit.number(VECTOR_BYTES))
                emit.store(emit.add(emit.load(target, here), product), target, here)
        return context.get_dummy_value()

    return types.void(work, pair, phases, out, at), generate
