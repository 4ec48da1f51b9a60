"""Vector instructions for the compiled kernels, emitted with Numba and LLVM.

Row i of a block is amplitude i of as many samples as fit into 64 bytes: one vector of
the processor (two or four on older ones). The instructions are written with LLVM's
builder because explicit vectors give the same code with every version of LLVM, while
loops left to the auto-vectoriser do not. All offsets are in bytes.
"""

from functools import partial

from llvmlite import ir  # type: ignore[import-untyped,import-not-found,unused-ignore]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from skqnn._schedule import PAD_BITS, VECTOR_BYTES

_INT = ir.IntType(64)
_BYTES = ir.IntType(8).as_pointer()
_FUSE = ("contract",)  # a * b + c may be one instruction


class _Emitter:
    """Emits instructions into one intrinsic; its first argument sets the dtype."""

    def __init__(self, context, builder, signature, args):
        dtype = next(k for k in signature.args if isinstance(k, types.Array)).dtype
        self.builder = builder
        self.itemsize = dtype.bitwidth // 8
        self.lanes = VECTOR_BYTES // self.itemsize
        self.vector = ir.VectorType(context.get_value_type(dtype), self.lanes)
        self.args = [
            context.make_array(kind)(context, builder, value=value)
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(signature.args, args, strict=True)
        ]

    def number(self, value):
        return ir.Constant(_INT, value)

    def at(self, array, *indices):
        """Return the address of array[indices], the first of the rest if fewer."""
        address = self.builder.bitcast(array.data, _BYTES)
        strides = cgutils.unpack_tuple(self.builder, array.strides)
        for index, stride in zip(indices, strides, strict=False):
            address = self.builder.gep(address, [self.builder.mul(index, stride)])
        return address

    def item(self, array, index):
        """Load array[index] of a vector that is contiguous."""
        return self.builder.load(self.builder.gep(array.data, [index]))

    def entry(self, table, position):
        """Load an offset from a table, as a 64-bit number."""
        number = self.builder.load(self.builder.gep(table, [position]))
        return self.builder.sext(number, _INT)

    def row(self, index):
        """Return the offset of a row as `row_offsets` does."""
        gaps = self.builder.lshr(index, self.number(PAD_BITS))
        return self.builder.mul(
            self.builder.add(index, gaps), self.number(VECTOR_BYTES)
        )

    def _vector(self, address, offset):
        address = self.builder.gep(address, [offset])
        return self.builder.bitcast(address, self.vector.as_pointer())

    def load(self, address, offset):
        return self.builder.load(self._vector(address, offset), align=self.itemsize)

    def store(self, value, address, offset):
        self.builder.store(value, self._vector(address, offset), align=self.itemsize)

    def splat(self, value):
        """Copy one number into all lanes."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = ir.Constant(ir.IntType(32), 0)
        vector = self.builder.insert_element(undefined, value, first)
        return self.shuffle(vector, vector, [0] * self.lanes)

    def shuffle(self, a, b, lanes):
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes)
        return self.builder.shuffle_vector(a, b, mask)

    def mul(self, a, b):
        return self.builder.fmul(a, b, flags=_FUSE)

    def add(self, a, b):
        return self.builder.fadd(a, b, flags=_FUSE)

    def sub(self, a, b):
        return self.builder.fsub(a, b, flags=_FUSE)


def _rotate(emit, x, tangents):
    """Rotate each qubit of the rows x by (low - t high, high + t low)."""
    for q, t in enumerate(tangents):
        for low in range(len(x)):
            if not low >> q & 1:
                high = low | 1 << q
                down = emit.sub(x[low], emit.mul(t, x[high]))
                x[high] = emit.add(x[high], emit.mul(t, x[low]))
                x[low] = down


def _contract(emit, x, kets, places, sums):
    """Add x_high y_low and x_low y_high of each qubit to its two sums."""
    for j, place in enumerate(places):
        y = emit.load(kets, place)
        for q, pair in enumerate(sums):
            total = pair[j >> q & 1]
            product = emit.mul(x[j ^ 1 << q], y)
            emit.builder.store(emit.add(emit.builder.load(total), product), total)


def _sweep_rows(emit, operations, n_bits, rows, blocks, tables, angles, out):
    """Emit the loop of a sweep over groups of 2**n_bits rows."""
    builder = emit.builder
    source, target, kets = blocks
    read, write = (builder.bitcast(t, ir.IntType(32).as_pointer()) for t in tables)
    numbers = builder.bitcast(angles, emit.vector.element.as_pointer())
    entries = [builder.gep(numbers, [emit.number(q)]) for q in range(n_bits)]
    tangents = [emit.splat(builder.load(entry)) for entry in entries]
    zero = ir.Constant(emit.vector, None)
    sums = [
        [cgutils.alloca_once_value(builder, zero) for _ in range(2)]
        for _ in range(n_bits)
    ]
    loop = (*rows, emit.number(2**n_bits))
    with cgutils.for_range_slice(builder, *loop) as (start, _):
        positions = [builder.add(start, emit.number(j)) for j in range(2**n_bits)]
        places = [emit.entry(read, position) for position in positions]
        x = [emit.load(source, place) for place in places]
        for operation in operations:
            if operation == "rotate":
                _rotate(emit, x, tangents)
            else:
                _contract(emit, x, kets, places, sums)
        if "rotate" in operations:
            for value, position in zip(x, positions, strict=True):
                emit.store(value, target, emit.entry(write, position))
    if "contract" in operations:
        for q, (plus, minus) in enumerate(sums):
            where = emit.number(q * VECTOR_BYTES)
            change = emit.sub(builder.load(plus), builder.load(minus))
            emit.store(emit.add(emit.load(out, where), change), out, where)


@intrinsic(prefer_literal=True)
def sweep(
    typingctx, order, work, blocks, tables, pair, rows, bits, angles, at, out, to
):
    """Take rows of a block through the registers, 2**bits at a time.

    Parameters
    ----------
    order : literal str
        "rotate", "contract", or both words in the order wanted.
    work : array of shape (n_blocks, block_size)
    blocks : (source, target, kets)
        The blocks of `work` to load, to store (if rotated) and to contract with.
    tables, pair : array of shape (n_tables, n_rows), (read, write)
        The two tables with the offsets of the rows to load and to store.
    rows : (first, last)
        The part of the tables to treat.
    bits : int
        3 or 4, the number of qubits of this sweep.
    angles, at : array and leading indices
        ``angles[at]`` are the tangents of "rotate".
    out, to : array of vectors and leading indices
        ``out[to]`` is where the results of "contract" are added.
    """
    operations = order.literal_value.split()
    arguments = (order, work, blocks, tables, pair, rows, bits, angles, at, out, to)

    def generate(context, builder, signature, args):
        emit = _Emitter(context, builder, signature, args)
        _, work, blocks, tables, pair, rows, bits, angles, at, out, to = emit.args
        unpack = partial(cgutils.unpack_tuple, builder)
        blocks = [emit.at(work, block) for block in unpack(blocks)]
        tables = [emit.at(tables, table) for table in unpack(pair)]
        angles, out = emit.at(angles, *unpack(at)), emit.at(out, *unpack(to))
        rest = (unpack(rows), blocks, tables, angles, out)
        narrow = builder.icmp_signed("==", bits, emit.number(3))
        with builder.if_else(narrow) as branches:
            for n_bits, branch in zip((3, 4), branches, strict=True):
                with branch:
                    _sweep_rows(emit, operations, n_bits, *rest)
        return context.get_dummy_value()

    return types.void(*arguments), generate


@intrinsic
def transpose(typingctx, states, samples, work, block):
    """Copy samples to a block; `samples` has the index of one per lane."""

    def generate(context, builder, signature, args):
        emit = _Emitter(context, builder, signature, args)
        states, samples, work, block = emit.args
        target = emit.at(work, block)
        _, n_rows = cgutils.unpack_tuple(builder, states.shape)
        lanes = [emit.number(lane) for lane in range(emit.lanes)]
        sources = [emit.at(states, emit.item(samples, lane)) for lane in lanes]
        loop = (emit.number(0), n_rows, emit.number(emit.lanes))
        with cgutils.for_range_slice(builder, *loop) as (start, _):
            offset = builder.mul(start, emit.number(emit.itemsize))
            x = [emit.load(source, offset) for source in sources]
            _transpose(emit, x)
            place = emit.row(start)
            for lane, value in enumerate(x):
                here = builder.add(place, emit.number(lane * VECTOR_BYTES))
                emit.store(value, target, here)
        return context.get_dummy_value()

    return types.void(states, samples, work, block), generate


def _transpose(emit, x):
    """Transpose a square of vectors: swap the off-diagonal squares of each size."""
    n, distance = emit.lanes, 1
    while distance < n:
        upper = [k ^ distance | n if k & distance else k for k in range(n)]
        lower = [k | n if k & distance else k ^ distance for k in range(n)]
        for k in range(n):
            if not k & distance:
                a, b = x[k], x[k | distance]
                x[k] = emit.shuffle(a, b, upper)
                x[k | distance] = emit.shuffle(a, b, lower)
        distance *= 2


@intrinsic
def square_sums(typingctx, work, block, weights, flip, out, at):
    """Store sum over rows of weights[k, row ^ flip] x[row]**2 in out[at, k], all k.

    x is a block of `work`; `weights` is (n_observables, n_rows), n_rows a multiple of
    4; `out` is (n_blocks, n_observables, lanes).
    """

    def generate(context, builder, signature, args):
        emit = _Emitter(context, builder, signature, args)
        work, block, weights, flip, out, at = emit.args
        source = emit.at(work, block)
        n_observables, n_rows = cgutils.unpack_tuple(builder, weights.shape)
        zero = ir.Constant(emit.vector, None)
        sums = [cgutils.alloca_once(builder, emit.vector) for _ in range(4)]
        with cgutils.for_range(builder, n_observables) as observable:
            k = observable.index
            for total in sums:
                builder.store(zero, total)
            loop = (emit.number(0), n_rows, emit.number(4))
            with cgutils.for_range_slice(builder, *loop) as (row, _):
                for j, total in enumerate(sums):
                    here = builder.add(row, emit.number(j))
                    x = emit.load(source, emit.row(here))
                    weight = _weight(emit, weights, k, builder.xor(here, flip))
                    square = emit.mul(emit.mul(weight, x), x)
                    builder.store(emit.add(builder.load(total), square), total)
            a, b, c, d = map(builder.load, sums)
            result = emit.add(emit.add(a, b), emit.add(c, d))
            emit.store(result, emit.at(out, at, k), emit.number(0))
        return context.get_dummy_value()

    return types.void(work, block, weights, flip, out, at), generate


def _weight(emit, weights, observable, row):
    """Load weights[observable, row] into all lanes."""
    address = emit.at(weights, observable, row)
    number = emit.builder.bitcast(address, emit.vector.element.as_pointer())
    return emit.splat(emit.builder.load(number))


@intrinsic
def weigh(typingctx, work, pair, weights, flip, cotangents, at):
    """Store 2 sum_k weights[k, row ^ flip] cotangents[at, k] x[row] for all rows.

    x is block pair[0] of `work`, the result is block pair[1]; `weights` is
    (n_observables, n_rows), `cotangents` (n_blocks, n_observables, lanes).
    """

    def generate(context, builder, signature, args):
        emit = _Emitter(context, builder, signature, args)
        work, pair, weights, flip, cotangents, at = emit.args
        source, target = (
            emit.at(work, block) for block in cgutils.unpack_tuple(builder, pair)
        )
        n_observables, n_rows = cgutils.unpack_tuple(builder, weights.shape)

        def add_observable(k, is_first):
            slope = emit.load(emit.at(cotangents, at, k), emit.number(0))
            slope = emit.add(slope, slope)
            with cgutils.for_range(builder, n_rows) as rows:
                place = emit.row(rows.index)
                weight = _weight(emit, weights, k, builder.xor(rows.index, flip))
                x = emit.mul(emit.mul(weight, slope), emit.load(source, place))
                x = x if is_first else emit.add(emit.load(target, place), x)
                emit.store(x, target, place)

        add_observable(emit.number(0), True)
        loop = (emit.number(1), n_observables, emit.number(1))
        with cgutils.for_range_slice(builder, *loop) as (k, _):
            add_observable(k, False)
        return context.get_dummy_value()

    return types.void(work, pair, weights, flip, cotangents, at), generate


@intrinsic
def rescale(typingctx, work, pair, signs, sign, factors, at):
    """Store signs[sign, row] * factors[at] * x[row] for all rows.

    x is block pair[0] of `work`, the result is block pair[1].
    """

    def generate(context, builder, signature, args):
        emit = _Emitter(context, builder, signature, args)
        work, pair, signs, sign, factors, at = emit.args
        source, target = (
            emit.at(work, block) for block in cgutils.unpack_tuple(builder, pair)
        )
        _, n_rows = cgutils.unpack_tuple(builder, signs.shape)
        factor = emit.splat(emit.item(factors, at))
        with cgutils.for_range(builder, n_rows) as loop:
            place = emit.row(loop.index)
            weight = emit.mul(_weight(emit, signs, sign, loop.index), factor)
            emit.store(emit.mul(weight, emit.load(source, place)), target, place)
        return context.get_dummy_value()

    return types.void(work, pair, signs, sign, factors, at), generate
