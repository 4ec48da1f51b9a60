"""Instructions on vectors of the processor, written with LLVM's builder.

Explicit vectors give the same code with every version of LLVM, while loops left to the
auto-vectoriser do not. All offsets are in bytes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any, NamedTuple

from llvmlite import ir  # type: ignore[import-untyped,import-not-found,unused-ignore]
from numba import types
from numba.core import cgutils

from skqnn._engine.layout import PAD_BITS, vector_bytes

_INT = ir.IntType(64)
_BYTES = ir.IntType(8).as_pointer()
_FUSE = ("contract",)  # a * b + c may be one instruction
_SUMMED = 2**11  # rows, which single precision adds up without losing digits


def is_spread(array: types.Array) -> bool:
    """Tell whether an array has numbers for every lane, as its last index."""
    return array.ndim == 3


def is_complex(array: types.Array) -> bool:
    """Tell whether an array, as Numba types it, has complex numbers."""
    return isinstance(array.dtype, types.Complex)


def permps(context) -> str | None:
    """Return what LLVM calls an instruction that shuffles in an order that is loaded.

    None: the processor has none for a whole vector.
    """
    *_, features = context.codegen().magic_tuple()
    needs, name = {
        32: ("+avx2", "llvm.x86.avx2.permps"),
        64: ("+avx512f", "llvm.x86.avx512.permvar.sf.512"),
    }[vector_bytes()]
    return name if needs in features.split(",") else None


class Array(NamedTuple):
    """An array, as far as instructions have to know it."""

    data: Any
    shape: Any
    strides: Any
    parts: int  # 2 for complex numbers
    spread: bool


class Emitter:
    """Emits instructions into one intrinsic; its first array of floats sets the dtype.

    Complex numbers are pairs of floats, in arrays and in the lanes of a vector.
    """

    def __init__(self, context, builder, signature, args):
        arrays = [kind for kind in signature.args if isinstance(kind, types.Array)]
        dtype = next(k.dtype for k in arrays if isinstance(k.dtype, types.Float))
        self.builder = builder
        self.itemsize = dtype.bitwidth // 8
        self.lanes = vector_bytes() // self.itemsize
        self.n_lane_qubits = self.lanes.bit_length() - 1  # if a row is of one sample
        self.vector = ir.VectorType(context.get_value_type(dtype), self.lanes)
        self.zero = ir.Constant(self.vector, None)
        self.context = context
        self.args = [
            self.array(kind, value)
            if isinstance(kind, types.Array | types.NoneType)
            else value
            for kind, value in zip(signature.args, args, strict=True)
        ]

    def array(self, kind, value):
        """Return an array, or None as it is."""
        if isinstance(kind, types.NoneType):
            return None
        array = self.context.make_array(kind)(self.context, self.builder, value=value)
        parts, spread = 1 + is_complex(kind), is_spread(kind)
        return Array(array.data, array.shape, array.strides, parts, spread)

    def arrays(self, kinds, value):
        """Return the members of a tuple of arrays."""
        members = cgutils.unpack_tuple(self.builder, value)
        return [self.array(k, v) for k, v in zip(kinds, members, strict=True)]

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

    def table(self, tables, index):
        """Return the address of a table of offsets."""
        address = self.at(tables, index)
        return self.builder.bitcast(address, ir.IntType(32).as_pointer())

    def entry(self, table, position):
        """Load an offset from a table, as a 64-bit number."""
        number = self.builder.load(self.builder.gep(table, [position]))
        return self.builder.sext(number, _INT)

    def shuffled_entry(self, table, position):
        """Load an offset and the number of a pattern, see `Layout`."""
        entry = self.entry(table, position)
        last = self.number(vector_bytes() - 1)
        pattern = self.builder.and_(entry, last)
        return self.builder.sub(entry, pattern), pattern

    def shuffled(self, x, patterns, index):
        """Shuffle the parts of 4 bytes of a vector by one of the patterns."""
        n_parts = vector_bytes() // 4
        parts = ir.VectorType(ir.FloatType(), n_parts)
        places = ir.VectorType(ir.IntType(32), n_parts)
        offset = self.builder.mul(index, self.number(vector_bytes()))
        address = self.builder.gep(patterns, [offset])
        address = self.builder.bitcast(address, places.as_pointer())
        order = self.builder.load(address, align=4)
        x = self.builder.bitcast(x, parts)
        name = permps(self.context)
        if name is not None:
            kind = ir.FunctionType(parts, [parts, places])
            function = cgutils.get_or_insert_function(self.builder.module, kind, name)
            y = self.builder.call(function, [x, order])
            return self.builder.bitcast(y, self.vector)
        y = ir.Constant(parts, ir.Undefined)
        for k in range(n_parts):
            lane = ir.Constant(ir.IntType(32), k)
            place = self.builder.extract_element(order, lane)
            number = self.builder.extract_element(x, place)
            y = self.builder.insert_element(y, number, lane)
        return self.builder.bitcast(y, self.vector)

    def row(self, index):
        """Return the offset of a row as `row_offsets` does."""
        gaps = [self.builder.lshr(index, self.number(bits)) for bits in PAD_BITS]
        padded = reduce(self.builder.add, gaps, index)
        return self.builder.mul(padded, self.number(vector_bytes()))

    def _vector(self, address, offset):
        address = self.builder.gep(address, [offset])
        return self.builder.bitcast(address, self.vector.as_pointer())

    def load(self, address, offset):
        return self.builder.load(self._vector(address, offset), align=self.itemsize)

    def store(self, value, address, offset):
        self.builder.store(value, self._vector(address, offset), align=self.itemsize)

    def gather(self, address, offsets):
        """Load a number for each lane, from an array of as many offsets."""
        x = ir.Constant(self.vector, ir.Undefined)
        for k, number in enumerate(self._numbers(address, offsets)):
            lane = ir.Constant(ir.IntType(32), k)
            x = self.builder.insert_element(x, self.builder.load(number), lane)
        return x

    def scatter(self, value, address, offsets):
        """Store the number of each lane."""
        for k, number in enumerate(self._numbers(address, offsets)):
            lane = ir.Constant(ir.IntType(32), k)
            self.builder.store(self.builder.extract_element(value, lane), number)

    def _numbers(self, address, offsets):
        offsets = self.builder.bitcast(offsets, ir.IntType(32).as_pointer())
        for k in range(self.lanes):
            place = self.builder.gep(address, [self.entry(offsets, self.number(k))])
            yield self.builder.bitcast(place, self.vector.element.as_pointer())

    def increase(self, address, index, value):
        """Add a vector to that at an index, which is in double precision."""
        doubles = ir.VectorType(ir.DoubleType(), self.lanes)
        place = self.builder.bitcast(address, doubles.as_pointer())
        place = self.builder.gep(place, [self.number(index)])
        if self.itemsize < 8:
            value = self.builder.fpext(value, doubles)
        total = self.add(self.builder.load(place, align=8), value)
        self.builder.store(total, place, align=8)

    def variable(self):
        """Return a place for a vector, which is 0 at first."""
        return cgutils.alloca_once_value(self.builder, self.zero)

    def splat(self, value):
        """Copy one number into all lanes; a vector is left as it is."""
        if value.type == self.vector:
            return value
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = ir.Constant(ir.IntType(32), 0)
        vector = self.builder.insert_element(undefined, value, first)
        return self.shuffle(vector, vector, [0] * self.lanes)

    def tilts(self, address):
        """Load the tangents of qubits of lanes, negative where the qubit is 0.

        They follow those of four qubits of rows.
        """
        entries = self.splats(address, range(4, 4 + self.n_lane_qubits))
        return [self.mul(t, self.signs(bit)) for bit, t in enumerate(entries)]

    def signs(self, bit):
        """Return 1 in lanes that have a bit, -1 in the others."""
        values = [2.0 * (lane >> bit & 1) - 1.0 for lane in range(self.lanes)]
        return ir.Constant(self.vector, values)

    def across(self, x, bit):
        """Swap lanes that differ in a bit."""
        return self.shuffle(x, x, [lane ^ 1 << bit for lane in range(self.lanes)])

    def flipped(self, x, mask):
        """Swap lanes that differ in all bits of a mask, a number not known before."""
        for bit in range(self.n_lane_qubits):
            flag = self.builder.and_(mask, self.number(1 << bit))
            swaps = self.builder.icmp_signed("!=", flag, self.number(0))
            x = self.builder.select(swaps, self.across(x, bit), x)
        return x

    def split(self, array, mask):
        """Return the bits of rows, the second axis of an array, and those of lanes."""
        n_rows = cgutils.unpack_tuple(self.builder, array.shape)[1]
        shift = self.builder.cttz(n_rows, ir.Constant(ir.IntType(1), 1))
        last = self.builder.sub(n_rows, self.number(1))
        return self.builder.and_(mask, last), self.builder.lshr(mask, shift)

    def splats(self, address, indices):
        """Load some numbers of an array, each into all lanes of a vector."""
        numbers = self.builder.bitcast(address, self.vector.element.as_pointer())
        entries = [self.builder.gep(numbers, [self.number(k)]) for k in indices]
        return [self.splat(self.builder.load(entry)) for entry in entries]

    def weight(self, array, *indices):
        """Load array[indices] for `times`: the parts of a number, or one per lane."""
        if array.spread:
            return [self.load(self.at(array, *indices), self.number(0))]
        numbers = self.builder.bitcast(
            self.at(array, *indices), self.vector.element.as_pointer()
        )
        places = [
            self.builder.gep(numbers, [self.number(k)]) for k in range(array.parts)
        ]
        return [self.builder.load(place) for place in places]

    def times(self, weight, x, back=None):
        """Multiply a vector by a number; if `back`, by its complex conjugate."""
        product = self.mul(self.splat(weight[0]), x)
        if len(weight) == 1:
            return product
        imaginary = weight[1]
        if back is not None:
            negative = self.builder.fneg(imaginary)
            imaginary = self.builder.select(back, negative, imaginary)
        turn = self.mul(self.splat(imaginary), self.swap(x))
        minus, plus = self.sub(product, turn), self.add(product, turn)
        lanes = [k + k % 2 * self.lanes for k in range(self.lanes)]
        return self.shuffle(minus, plus, lanes)

    def swap(self, x):
        """Swap the real and the imaginary parts of a vector of complex numbers."""
        return self.across(x, 0)

    @contextmanager
    def parts(self, rows):
        """Loop over parts of rows (first, last) to be summed: a context of such.

        A long sum in single precision would lose digits.
        """
        if self.itemsize > 4:
            yield rows
            return
        (first, last), size = rows, self.number(_SUMMED)
        with cgutils.for_range_slice(self.builder, first, last, size) as (start, _):
            end = self.builder.add(start, size)
            inside = self.builder.icmp_signed("<", end, last)
            yield start, self.builder.select(inside, end, last)

    @contextmanager
    def groups(self, rows, size):
        """Loop over rows first, ..., last - 1, `size` at a time: a context of such."""
        loop = (*rows, self.number(size))
        with cgutils.for_range_slice(self.builder, *loop) as (start, _):
            yield [self.builder.add(start, self.number(k)) for k in range(size)]

    def shuffle(self, a, b, lanes):
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes)
        return self.builder.shuffle_vector(a, b, mask)

    def mul(self, a, b):
        return self.builder.fmul(a, b, flags=_FUSE)

    def add(self, a, b):
        return self.builder.fadd(a, b, flags=_FUSE)

    def sub(self, a, b):
        return self.builder.fsub(a, b, flags=_FUSE)


class Rows(dict):
    """Rows of a group by their numbers, loaded when they are first needed."""

    def __init__(self, load):
        super().__init__()
        self._load = load  # fills in a row

    def __missing__(self, j):
        self._load(self, j)
        return self[j]


def pairs(n_bits: int) -> Iterator[tuple[int, int, int]]:
    """Yield (low, high, qubit) for all pairs of rows that differ in one qubit.

    The lower half of the rows is done with all qubits but the last before the upper
    half is begun: a processor has not many more registers than a group has rows.
    """
    if n_bits > 0:
        half = 2 ** (n_bits - 1)
        for first in (0, half):
            for low, high, q in pairs(n_bits - 1):
                yield first + low, first + high, q
        for low in range(half):
            yield low, low + half, n_bits - 1


def choose(emit, cases):
    """Emit the choice between (condition, function); the last needs no condition."""
    (condition, function), *others = cases
    if not others:
        function()
        return
    with emit.builder.if_else(condition) as (this, another):
        with this:
            function()
        with another:
            choose(emit, others)
