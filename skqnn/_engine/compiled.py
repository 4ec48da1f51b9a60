"""Programs run by compiled kernels, if Numba is installed, several samples at a time.

Blocks of samples are independent, and sums are taken in a fixed order: results have the
same bits for every number of threads.
"""

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np
from qiskit.quantum_info import SparsePauliOp

from skqnn._arrays import Rows, as_rows, plain_doubles
from skqnn._circuits.gates import Gate, is_real
from skqnn._engine.binding import PAGE, Binding, Bound, is_taped, kernels
from skqnn._engine.layout import MOST_BYTES, vector_bytes
from skqnn._engine.program import Program, as_program
from skqnn._engine.terms import (
    as_terms,
    common_basis,
    in_z_basis,
    on_real_states,
    pauli_masks,
)

DTYPES = (np.float64, np.float32, np.complex128, np.complex64)  # of states

# Below, importing Numba takes longer than most fits; above, offsets exceed 32 bits.
_MIN_QUBITS, _MAX_QUBITS = 6, 24
_REAL = {t(0).dtype.char: t(0).real.dtype for t in DTYPES}  # parts of states
_JACOBIAN_BYTES = 2**26
_ROW_BLOCKS = 8  # blocks whose derivatives are summed, always by the same thread
_THREAD_WORK = 2**22  # amplitudes times sweeps from which on a thread pays
# Of several samples, for each size of a row; with more, a block is of one sample. In
# rows of 64 bytes blocks are large with fewer amplitudes, and shuffling lanes, which a
# block of one sample needs, costs less.
_BLOCK_BYTES = {32: 2**20, 64: 2**18}

# What C's malloc would return to the system after each call is kept for the next one,
# which would have to ask for it page by page; more would be missed elsewhere.
_LARGE_BYTES = 2**25, 2**28
_spare: list[np.ndarray] = []  # one at most


def compile_gates(
    gates: tuple[Gate, ...], observables: Sequence[SparsePauliOp], n_qubits: int
) -> "dict[str, Compiled | None]":
    """Return what runs the gates fast on real and on complex states, "f" and "c".

    None, or nothing, where there is no way. A common basis of all observables is made
    that of Z, by gates that in most circuits cost nothing.
    """
    if not _MIN_QUBITS <= n_qubits <= _MAX_QUBITS:
        return {}
    real = is_real(gates)
    basis = common_basis(observables)
    if basis and not (real and "Y" in basis.values()):
        change, observables = in_z_basis(observables, basis)
        gates += change
    terms = as_terms(pauli_masks(observables, n_qubits), len(observables))
    program = as_program(gates, terms, n_qubits)
    compiled = None if program is None else Compiled(program, n_qubits)
    found: dict[str, Compiled | None] = dict.fromkeys("fc", compiled)
    if compiled is not None and real and any(np.any(np.imag(t.weights)) for t in terms):
        program = as_program(gates, on_real_states(terms), n_qubits)
        found["f"] = None if program is None else Compiled(program, n_qubits)
    return found


class Compiled:
    """A program for states of any dtype of floats or complex numbers.

    A real program treats the real and the imaginary part of a state alike, and as
    ``psi^H O psi = Re(psi)^T O Re(psi) + Im(psi)^T O Im(psi)`` for real symmetric O,
    a complex state is two real ones. In the others, every state is complex.
    """

    def __init__(self, program: Program, n_qubits: int):
        self.real = program.real
        self._program, self._n_qubits = program, n_qubits
        self._n_observables = 1 + max(term.observable for term in program.measured)
        self._bindings: dict[int, Binding] = {}

    @property
    def n_numbers_more(self) -> int:
        """About the numbers for each basis state that it holds more than others.

        Measured: those of complex circuits, of permutations that differ, with their
        tables, and of phases with parameters; a few of both are counted for every
        circuit.
        """
        moves = self._program.moves
        n_different = len({id(move.source) for move in moves})
        n_turned = sum(bool(move.turns) for move in moves)
        deep = 4 * max(n_different - 3, 0) + 6 * max(n_turned - 3, 0)
        return deep if self.real else deep + 10

    def binding(self, dtype: np.dtype) -> Binding:
        """Return how states of a dtype are laid out: large real ones one by one."""
        row = vector_bytes()
        n_lanes = row // dtype.itemsize if self._is_alone(dtype, row) else 1
        known = self._bindings.get(n_lanes)
        if known is None:
            known = Binding(self._program, self._n_qubits, n_lanes)
            self._bindings[n_lanes] = known
        return known

    def _is_alone(self, dtype: np.dtype, row: int) -> bool:
        """Tell whether a block is of one sample, if a row of it has so many bytes."""
        several = row << self._n_qubits
        return self.real and dtype.kind == "f" and several > _BLOCK_BYTES[row]

    def work_bytes(self, dtype: np.dtype, n_samples: int) -> int:
        """Return about the memory of the blocks of all threads, for each basis state.

        It is that for the widest rows: how wide they are cannot be known without Numba.
        """
        dtype = dtype if self.real else np.result_type(dtype, np.complex64)
        alone = self._is_alone(dtype, MOST_BYTES)
        row = dtype.itemsize if alone else MOST_BYTES
        # About as many as `schedule.blocks` takes for a layout, which needs that width.
        kept = max(5, 2 + sum(1 + bool(move.turns) for move in self._program.moves))
        n_blocks = kept if is_taped(kept, row << self._n_qubits, alone) else 3
        n_parts = -(-n_samples * dtype.itemsize // row)
        return n_blocks * row * min(n_parts, n_effective_threads())

    def expectations(self, states: Any, theta: np.ndarray) -> np.ndarray:
        """Return the expectations, float64 of shape (n_samples, n_observables)."""
        rows = as_rows(states)
        return self._run(self._bind(theta, rows, pulled=False), rows)[0]

    def vjp(self, states: Any, theta: np.ndarray) -> tuple[np.ndarray, Callable]:
        """Return the expectations and the pullback.

        The derivatives of one observable are calculated for every sample at once, if
        they fit; otherwise the pullback runs the circuit again.
        """
        states = as_rows(states)
        bound = self._bind(theta, states, pulled=True)
        width = bound.width
        n_numbers = bound.binding.layout.qubits.size + bound.overlaps.size
        n_bytes = 8 * len(states.places) * width * n_numbers
        kept = self._n_observables == 1 and n_bytes <= _JACOBIAN_BYTES
        E, *known = self._run(bound, states, blocks_per_row=int(kept))
        collect = partial(bound.binding.collect, bound)

        def pullback(cotangent: np.ndarray) -> np.ndarray:
            if kept:
                return collect(known, plain_doubles(cotangent), width, len(theta))
            _, *sums = self._run(bound, states, _ROW_BLOCKS, cotangent)
            n_rows, *_, lanes = sums[0].shape
            return collect(sums, np.ones((n_rows, 1)), lanes, len(theta))

        return E, pullback

    def _bind(self, theta: np.ndarray, states: Rows, pulled: bool) -> Bound:
        dtype = states.array.dtype
        width = 1 if self.real and dtype.kind == "f" else 2
        layout = self.binding(dtype)
        return layout.bind(plain_doubles(theta), _REAL[dtype.char], width, pulled)

    def _run(
        self,
        bound: Bound,
        states: Rows,
        blocks_per_row: int = 0,
        cotangent: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the expectations, and the derivatives by angles and phases.

        Parameters
        ----------
        bound : Bound
        states : Rows
        blocks_per_row : int
            Blocks over which derivatives are summed, 0 for no derivatives.
        cotangent : ndarray of shape (n_samples, n_observables), default=None
            None: ones.

        Returns
        -------
        E : ndarray of shape (n_samples, n_observables), float64
        out : ndarray of shape (n_rows, *layout.qubits.shape, lanes)
        over : ndarray of shape (n_rows, n_strings, lanes)
        """
        array, places = _plain(states.array), _plain(states.places, np.int64)
        task, binding, width = bound.task, bound.binding, bound.width
        dtype = _REAL[array.dtype.char]
        n_samples, n_observables = len(places), self._n_observables
        lanes = vector_bytes() // dtype.itemsize
        n_blocks = -(-(n_samples * width) // lanes)
        n_rows = -(-n_blocks // blocks_per_row) if blocks_per_row else 0
        size = n_samples * task.width * array.shape[1] * binding.n_sweeps
        if binding.n_lanes > 1:
            array = array.reshape(-1, array.shape[1] // binding.n_lanes)
            lanes_of = binding.n_lanes * places[:, np.newaxis]
            places = (lanes_of + np.arange(binding.n_lanes)).ravel()
        E = np.zeros((n_blocks, n_observables, lanes))
        out = np.zeros((n_rows, *binding.layout.qubits.shape, lanes))
        over = np.zeros((n_rows, len(bound.overlaps), lanes))
        if cotangent is None:
            cotangents = np.empty(E.shape, dtype=dtype)
            cotangents.fill(1)
        else:
            cotangents = _as_blocks(cotangent, dtype, width, lanes)
        if bound.signs is not None:
            cotangents *= bound.signs
        n_threads = n_effective_threads() if size >= _THREAD_WORK else 1
        unit = max(blocks_per_row, 1)
        parts = _share_out(n_blocks, n_threads, unit)
        shape = len(parts), task.n_work, binding.block_bytes
        memory = _memory(math.prod(shape) + PAGE)
        workspaces = _workspaces(memory, dtype, *shape)
        results = cotangents, E, out, over, unit
        calls = [
            (task, array, places, part, work, *results)
            for part, work in zip(parts, workspaces, strict=True)
        ]
        _run_in_threads(kernels().run, calls)
        _give_back(memory)
        return _as_samples(E, n_samples, width, bound.scale), out, over


def _plain(array: np.ndarray, dtype: Any = None) -> np.ndarray:
    """Return an array as kernels are compiled for: contiguous, and formally writeable.

    They write to none that they are given, so that memory which is only to be read,
    such as joblib's in workers, is not copied.
    """
    array = np.ascontiguousarray(array, dtype=dtype)
    return array if array.flags.writeable else np.asarray(_Memory(array))


class _Memory:
    """The memory of an array without its flags."""

    def __init__(self, array: np.ndarray):
        self._array = array  # must not be freed
        address = array.__array_interface__["data"][0]
        self.__array_interface__ = {
            **array.__array_interface__,
            "data": (address, False),
        }


def _memory(n_bytes: int) -> np.ndarray:
    """Return memory of a size or more, that of an earlier call if it is large.

    It is one piece for all threads, so that the next call gets the same pages again.
    """
    if n_bytes >= _LARGE_BYTES[0]:
        with suppress(IndexError):
            spare = _spare.pop()  # another thread finds none
            if n_bytes <= spare.size <= 2 * n_bytes:
                return spare
    return np.empty(n_bytes, dtype=np.uint8)


def _give_back(memory: np.ndarray) -> None:
    """Keep the memory of a call for the next one, unless it is too large."""
    if _LARGE_BYTES[0] <= memory.size <= _LARGE_BYTES[1]:
        _spare[:] = [memory]


def _workspaces(
    raw: np.ndarray, dtype: np.dtype, n_parts: int, n_blocks: int, block_bytes: int
) -> np.ndarray:
    """Divide memory into blocks, shape (n_parts, n_blocks, size).

    Blocks start on a page, and a row has the same place on its page in all of them;
    otherwise loads would wait for stores whose addresses have the same last 12 bits.
    """
    shape = n_parts, n_blocks, block_bytes // dtype.itemsize
    start = -raw.__array_interface__["data"][0] % PAGE
    return np.ndarray(shape, dtype, raw, start)


def _as_blocks(
    cotangent: np.ndarray, dtype: np.dtype, width: int, lanes: int
) -> np.ndarray:
    """Arrange (n_samples, K) by blocks of states, (n_blocks, K, lanes).

    A sample takes `width` lanes. What is left of the last block is 0.
    """
    n_samples, n_observables = cotangent.shape
    n_blocks = -(-n_samples * width // lanes)
    shape = n_blocks, lanes // width, n_observables, 1
    padded = np.zeros(shape, dtype=dtype)
    padded.reshape(-1, n_observables)[:n_samples] = cotangent
    rows = padded.swapaxes(1, 2)
    blocks = np.empty((*rows.shape[:3], width), dtype=dtype)
    blocks[...] = rows
    return blocks.reshape(n_blocks, n_observables, lanes)


def _as_samples(E: np.ndarray, n_samples: int, width: int, scale: float) -> np.ndarray:
    """Arrange (n_blocks, K, lanes) by samples, (n_samples, K), float64, and scale it.

    The expectation of a sample of several lanes is their sum.
    """
    n_blocks, n_observables, lanes = E.shape
    if width > 1:
        E = E.reshape(n_blocks, n_observables, lanes // width, width)
        E = np.add.reduce(E, axis=-1)
    rows = E.swapaxes(1, 2).reshape(-1, n_observables)[:n_samples]
    return np.multiply(rows, scale)


def _share_out(n_blocks: int, n_threads: int, unit: int) -> list[tuple[int, int]]:
    """Return at most n_threads parts (first, last) of range(n_blocks), whole units."""
    share = max(1, -(-n_blocks // (unit * n_threads))) * unit
    return [(k, min(k + share, n_blocks)) for k in range(0, n_blocks, share)]


def _run_in_threads(function: Callable, calls: list[tuple]) -> None:
    """Call function(*call) for each call, the first in this thread."""
    if len(calls) > 1:
        with ThreadPoolExecutor(len(calls) - 1) as pool:
            others = [pool.submit(function, *call) for call in calls[1:]]
            function(*calls[0])
        for other in others:
            other.result()
    else:
        for call in calls:
            function(*call)


def n_effective_threads() -> int:
    """Return the number of threads to use, as scikit-learn's OpenMP code does.

    OMP_NUM_THREADS, which joblib sets in its workers, or else the number of CPUs. Of a
    list, one number for each level of nesting, the first counts.
    """
    text = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    limit = int(text) if text.isdigit() else 0
    if limit == 1:  # counting CPUs takes longer than many a circuit
        return 1
    return min(limit, joblib.cpu_count()) if limit else joblib.cpu_count()
