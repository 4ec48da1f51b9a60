"""Programs run by compiled kernels, if Numba is installed, several samples at a time.

Blocks of samples are independent, and sums are taken in a fixed order: results have the
same bits for every number of threads.
"""

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np

from skqnn._arrays import Rows
from skqnn._engine.layout import VECTOR_BYTES, lay_out
from skqnn._engine.program import Program, as_program
from skqnn._engine.schedule import backward, blocks, forward

DTYPES = (np.float64, np.float32, np.complex128, np.complex64)  # of states

# Below, importing Numba takes longer than most fits; above, offsets exceed 32 bits.
_MIN_QUBITS, _MAX_QUBITS = 6, 24
_MAX_GROWTH = 60  # rotations before states are rescaled: a factor of at most 2**30
_PAGE = 4096
_TAPE_BYTES = 2**24
_JACOBIAN_BYTES = 2**26
_ROW_BLOCKS = 8  # blocks whose derivatives are summed, always by the same thread
_THREAD_WORK = 2**22  # amplitudes times sweeps from which on a thread pays


def compile_steps(steps: list, observables: list, n_qubits: int) -> "Compiled | None":
    """Return an object that runs the steps fast, or None if there is no way.

    The circuit must be real and consist of single-qubit gates and permutations of basis
    states that map Pauli operators to Pauli operators, the observables diagonal, and
    Numba installed.
    """
    if not _MIN_QUBITS <= n_qubits <= _MAX_QUBITS or find_spec("numba") is None:
        return None
    program = as_program(steps, observables, n_qubits)
    return None if program is None else Compiled(program, n_qubits)


class Compiled:
    """A program for states of any dtype of floats or complex numbers.

    A real circuit treats the real and the imaginary part of a state alike, and as
    ``psi^H O psi = Re(psi)^T O Re(psi) + Im(psi)^T O Im(psi)`` for real symmetric O,
    a complex state is two real ones.
    """

    def __init__(self, program: Program, n_qubits: int):
        signs, which = _signs(program)
        active = [[r.qubit for r in layer] for layer in program.rotations]
        sources = [move.source for move in program.moves]
        self._string = program.string
        folded = program.string is not None
        self._layout = layout = lay_out(active, sources, which, n_qubits, folded)
        self._signs = signs
        self._rescaled = np.array(which) >= 0
        self._images = program.images
        self._weights = program.weights
        self._n_sweeps = layout.n_sweeps
        self._taped = len(active) * 2**n_qubits * VECTOR_BYTES <= _TAPE_BYTES
        taped = {True: self._taped, False: False}  # with and without derivatives
        self._forward = {k: forward(layout, taped[k], k) for k in taped}
        self._backward = backward(layout, self._taped, self._forward[True][1])
        self._n_work = {k: blocks(layout, taped[k]).number for k in taped}
        used = int(layout.tables.max()) + VECTOR_BYTES
        self._block_bytes = -(-used // _PAGE) * _PAGE
        self._mirrors = np.zeros_like(layout.qubits)
        self._base = np.zeros(layout.qubits.size)  # of the flattened angles
        terms: list[tuple[int, int, float]] = []
        for k, layer in enumerate(program.rotations):
            for rotation in layer:
                ((s, j),) = np.argwhere(layout.qubits[k] == rotation.qubit)
                self._mirrors[k, s, j] = rotation.mirror
                at = int(np.ravel_multi_index((k, s, j), layout.qubits.shape))
                self._base[at] = rotation.base
                terms += [(at, *term) for term in rotation.slopes]
        self._at = np.array([term[0] for term in terms], dtype=np.intp)
        self._parameter = np.array([term[1] for term in terms], dtype=np.intp)
        self._slope = np.array([term[2] for term in terms], dtype=np.float64)

    def expectations(self, states: Rows, theta: np.ndarray) -> np.ndarray:
        """Return the expectations, float64 of shape (n_samples, n_observables)."""
        task, _, scale = self._bind(theta, _real(states.array.dtype), pulled=False)
        return self._run(task, scale, states)[0]

    def vjp(self, states: Rows, theta: np.ndarray) -> tuple[np.ndarray, Callable]:
        """Return the expectations and the pullback.

        The derivatives of one observable are calculated for every sample at once, if
        they fit; otherwise the pullback runs the circuit again.
        """
        array, places = states
        task, slopes, scale = self._bind(theta, _real(array.dtype), pulled=True)
        n_samples, n_observables = len(places), len(self._weights)
        jacobian = None
        if (
            n_observables == 1
            and n_samples * slopes.size * array.itemsize <= _JACOBIAN_BYTES
        ):
            ones = np.ones((n_samples, 1))
            E, jacobian = self._run(task, scale, states, ones, blocks_per_row=1)
        else:
            E, _ = self._run(task, scale, states)

        def pullback(cotangent: np.ndarray) -> np.ndarray:
            if jacobian is None:
                _, rows = self._run(task, scale, states, cotangent, _ROW_BLOCKS)
                total = rows.sum(axis=0, dtype=np.float64).sum(axis=-1)
            else:
                lanes = _lanes(cotangent, array, np.float64)[:, 0]
                total = np.einsum("b...l,bl->...", jacobian, lanes)
            by_term = (slopes * total).ravel()[self._at] * self._slope
            return np.bincount(self._parameter, by_term, minlength=len(theta))

        return E, pullback

    def _bind(self, theta: np.ndarray, dtype: np.dtype, pulled: bool) -> tuple:
        """Return the task at theta, the slopes and the scale, see `_kernels.bind`."""
        from skqnn._engine.kernels import Rotations, Task, bind

        layout = self._layout
        angles = self._base.copy()
        np.add.at(angles, self._at, self._slope * theta[self._parameter])
        rotations = Rotations(
            layout.qubits,
            self._mirrors,
            self._images,
            self._n_sweeps,
            self._rescaled,
            self._string is not None,
        )
        n_layers, *shape = layout.qubits.shape
        tangents = np.zeros((2, n_layers + 1, *shape))
        slopes, factors = np.zeros((n_layers, *shape)), np.ones(n_layers)
        at = (angles.reshape(slopes.shape), pulled and self._taped)
        flip, odd, scale = bind(rotations, *at, tangents, slopes, factors)
        weights = self._weights
        if self._string is not None and layout.fold is not None:
            sign = self._string.coefficient * _eigenvalues(flip & self._string.mask)
            scale, slopes = sign * scale, sign * slopes
            still = self._string.mask & ~odd
            weights = _eigenvalues(layout.fold.rows & still)[np.newaxis]
            flip = layout.fold.flip(odd)
        schedule, final = self._forward[pulled]
        task = Task(
            schedule,
            self._backward,
            final,
            self._n_work[pulled],
            layout.tables,
            self._signs.astype(dtype),
            tangents.astype(dtype),
            factors.astype(dtype),
            weights.astype(dtype, order="C"),
            flip,
            self._string is not None,
        )
        return task, slopes, scale

    def _run(self, task, scale, states, cotangent=None, blocks_per_row=1) -> tuple:
        """Return the expectations, and the derivatives by the angles.

        Returns
        -------
        E : ndarray of shape (n_samples, n_observables), float64
        out : ndarray of shape (n_rows, n_layers, n_sweeps, 4, lanes)
            A row is the sum over `blocks_per_row` blocks; no rows without a cotangent.
        """
        from skqnn._engine.kernels import run

        array, places = np.ascontiguousarray(states.array), states.places
        n_samples, width, dtype = len(places), _width(array), _real(array.dtype)
        lanes = VECTOR_BYTES // dtype.itemsize
        n_blocks = -(-(n_samples * width) // lanes)
        n_rows = 0 if cotangent is None else -(-n_blocks // blocks_per_row)
        E = np.zeros((n_blocks, len(self._weights), lanes), dtype=dtype)
        known = cotangent is not None
        cotangents = _lanes(cotangent, array, dtype) if known else np.ones_like(E)
        out = np.zeros((n_rows, *self._layout.qubits.shape, lanes), dtype=dtype)

        size = n_samples * width * array.shape[1] * int(self._n_sweeps.sum())
        n_threads = n_effective_threads() if size >= _THREAD_WORK else 1
        parts = _share_out(n_blocks, n_threads, blocks_per_row)
        workspaces = self._workspaces(dtype, len(parts), task.n_work)

        def simulate(part: tuple[int, int], work: np.ndarray) -> None:
            run(task, array, places, part, work, cotangents, E, out, blocks_per_row)

        _run_in_threads(simulate, list(zip(parts, workspaces, strict=True)))
        E = E.swapaxes(1, 2).reshape(-1, width, len(self._weights))[:n_samples]
        return E.sum(axis=1, dtype=np.float64) * scale, out

    def _workspaces(self, dtype: np.dtype, n_parts: int, n_blocks: int) -> np.ndarray:
        """Return memory for blocks, shape (n_parts, n_blocks, size).

        Blocks start on a page, and a row has the same place on its page in all of them;
        otherwise loads would wait for stores whose addresses have the same last 12
        bits. It is one piece, made by the calling thread, so that the next call gets
        the same pages again.
        """
        shape = n_parts, n_blocks, self._block_bytes
        raw = np.empty(math.prod(shape) + _PAGE, dtype=np.uint8)
        start = -raw.ctypes.data % _PAGE
        return raw[start : start + math.prod(shape)].reshape(shape).view(dtype)


def _signs(program: Program) -> tuple[np.ndarray, list[int]]:
    """Return where signs and scale change.

    Returns
    -------
    signs : ndarray of shape (n_signs, 2**n_qubits)
        The first row is 1.
    which : list of int
        The row of signs to apply before each layer, -1 for none.
    """
    ones = np.ones(program.weights.shape[1])
    rows: dict[bytes, int] = {ones.tobytes(): 0}
    which, growth = [], 0
    for move, layer in zip(program.moves, program.rotations, strict=True):
        before = move.sign[np.argsort(move.source)]  # kernels scale before they move
        row = rows.setdefault(before.tobytes(), len(rows))
        growth += len(layer)
        rescaled = row > 0 or growth > _MAX_GROWTH
        growth = len(layer) if rescaled else growth
        which.append(row if rescaled else -1)
    return np.array([np.frombuffer(row) for row in rows]), which


def _eigenvalues(bits: Any) -> Any:
    """Return 1 for even numbers of ones, -1 for odd ones."""
    return 1.0 - 2.0 * (np.bitwise_count(bits) & 1)


def _real(dtype: np.dtype) -> np.dtype:
    """Return the dtype of the real part."""
    return np.empty(0, dtype=dtype).real.dtype


def _width(states: np.ndarray) -> int:
    """Return how many lanes a sample takes: a complex number takes two."""
    return 2 if states.dtype.kind == "c" else 1


def _lanes(cotangent: np.ndarray, states: np.ndarray, dtype: Any) -> np.ndarray:
    """Arrange (n_samples, K) by the blocks of states, (n_blocks, K, lanes).

    What is left of the last block is 0.
    """
    n_observables = cotangent.shape[1]
    lanes = VECTOR_BYTES // _real(states.dtype).itemsize
    rows = np.repeat(cotangent, _width(states), axis=0)
    padded = np.zeros((-(-len(rows) // lanes), lanes, n_observables), dtype=dtype)
    padded.reshape(-1, n_observables)[: len(rows)] = rows
    return np.ascontiguousarray(padded.swapaxes(1, 2))


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

    OMP_NUM_THREADS, which joblib sets in its workers, or else the number of CPUs.
    """
    text = os.environ.get("OMP_NUM_THREADS", "").strip()
    limit = int(text) if text.isdigit() else 0
    return min(limit, joblib.cpu_count()) if limit else joblib.cpu_count()
