"""Exact, batched simulation of the model and its adjoint (reverse-mode) gradient.

The forward pass applies the fused steps to blocks of samples that stay in the cache.
The pullback walks the steps backwards with the states and their cotangents side by
side, collects ``Re <cotangent| dU/dtheta |state>`` and un-applies both, so memory does
not grow with the depth of the circuit.

References
----------
T. Jones, J. Gacon, "Efficient calculation of gradients in classical simulations of
variational quantum algorithms", 2020, arXiv:2009.02823.
X.-Z. Luo et al., "Yao.jl: Extensible, efficient framework for quantum algorithm
design", Quantum 4, 341 (2020), arXiv:1912.10877.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from skqnn._arrays import (
    Rows,
    as_rows,
    block_bytes,
    conj,
    namespace,
    numpy_dtype,
    real,
    reuse,
    sender,
    sum_widely,
    take_rows,
    to_numpy,
)
from skqnn._circuits.gates import compile_circuit, is_real
from skqnn._circuits.observables import visible_gates
from skqnn._engine.compiled import DTYPES, Compiled, compile_gates
from skqnn._engine.feature_map import FeatureMap
from skqnn._engine.fusion import fuse
from skqnn._engine.small import Small, compile_small
from skqnn._engine.states import copies
from skqnn._engine.terms import pauli_masks
from skqnn._memory import require_memory
from skqnn._threads import single_blas_thread

# Amplitudes times steps (a fraction of a second) after which kernels for complex
# circuits are compiled: who only looks at a circuit need not wait for them.
_PATIENCE = 2**22
_SUMMED = 2**8  # products that single precision adds up without losing digits

Pullback = Callable[[np.ndarray], np.ndarray]


class StatevectorEngine:
    """Expectation values and gradients of a parametrised circuit on a batch of states.

    Parameters
    ----------
    circuit : QuantumCircuit
        The ansatz; ``theta[j]`` is the value of ``circuit.parameters[j]``, in radians.
    observables : sequence of SparsePauliOp
        Hermitian operators on the qubits of `circuit`.
    feature_map : QuantumCircuit, default=None
        Circuit with one parameter per feature that prepares a state from ``|0...0>``.
        None: rows are amplitudes.
    n_copies : int, default=1
        Registers that hold the amplitudes of the same row.

    Notes
    -----
    Real amplitudes stay real: the circuit is simulated in float64 or float32, like the
    states, and in complex numbers only if a gate or a state is complex. Gates outside
    the light cone of the observables are left out, which is exact. Where Numba is
    installed, compiled kernels run all circuits of the usual gates on up to 24 qubits,
    complex ones on six and more after a first few calls, see `small` and `compiled`.

    States may be arrays of any namespace and are simulated on their device; theta,
    expectations, cotangents and gradients are NumPy's, on the host.
    """

    def __init__(
        self,
        circuit: QuantumCircuit,
        observables: Sequence[SparsePauliOp],
        *,
        feature_map: QuantumCircuit | None = None,
        n_copies: int = 1,
    ):
        self.n_qubits, self.n_copies = circuit.num_qubits, n_copies
        self.n_parameters = circuit.num_parameters
        self._held = 8 * _numbers_held(observables)
        self._compiled: Mapping[str, Small | Compiled | None] = {}
        self._cure = _cure(self.n_qubits, n_copies, feature_map)
        self._require_memory(1, np.dtype(np.float64))
        gates = compile_circuit(circuit)
        visible = visible_gates(gates, observables)
        gates = tuple(g for g, seen in zip(gates, visible, strict=True) if seen)
        self._real = is_real(gates)
        self._gates = gates
        self._fused: list[list | None] = [None]  # copies of the engine share it
        self._observables = pauli_masks(observables, self.n_qubits)
        self._feature_map = None if feature_map is None else FeatureMap(feature_map)
        if can_compile():
            small = compile_small(gates, self._observables, self.n_qubits)
            large = {} if small else compile_gates(gates, observables, self.n_qubits)
            self._compiled = small or large
            more = [one.n_numbers_more for one in large.values() if one is not None]
            self._held += 8 * max(more, default=0)
        self._work = np.zeros(1)  # amplitudes times steps so far, of all copies

    @property
    def _steps(self) -> list:
        """What NumPy does, made when it is first needed."""
        steps = self._fused[0]
        if steps is None:
            steps = self._fused[0] = fuse(self._gates, self.n_qubits)
        return steps

    @property
    def is_compiled(self) -> bool:
        """Whether Numba's kernels run this circuit from the first call on."""
        kernels = self._compiled.values()
        real = any(kernel is not None and kernel.real for kernel in kernels)
        return real and _imports_numba()

    @property
    def held_bytes(self) -> int:
        """About the memory that the circuit takes between calls, rather more."""
        return self._held << self.n_qubits

    def prepare(self, X: Any) -> Any:
        """Return the states of rows of X, shape (n_samples, 2**n_qubits).

        Rows of amplitudes are returned as they are if there is one copy; a feature map
        is simulated.
        """
        self.fidelity = np.ones(X.shape[0])
        feature_map = self._feature_map
        dtype = numpy_dtype(X) if feature_map is None else feature_map.dtype(X)
        self._require_memory(X.shape[0], dtype)
        if feature_map is not None:
            return feature_map.encode(X)
        return copies(X, self.n_copies, self.n_qubits)

    def _require_memory(self, n_states: int, dtype: np.dtype) -> None:
        size, held = dtype.itemsize, self._held
        kernels = self._compiled.get(dtype.kind)
        if isinstance(kernels, Compiled):
            held += kernels.work_bytes(dtype, n_states)
        require_memory(self.n_qubits, n_states, size, held, cure=self._cure)

    def measure(self, states: Any, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the expectations and their standard errors, which are 0."""
        E = self.expectations(states, theta)
        return E, np.zeros_like(E)

    def expectations(self, states: Any, theta: np.ndarray) -> np.ndarray:
        """Return <state| U(theta)^dagger O_k U(theta) |state> for all samples and k.

        Parameters
        ----------
        states : array of shape (n_samples, 2**n_qubits), or Rows
            Rows of unit norm. `Rows` of a larger array spare a copy.
        theta : ndarray of shape (n_parameters,) or (n_thetas, n_parameters)
            Angles in radians, or several sets of them.

        Returns
        -------
        expectations : ndarray of shape ([n_thetas,] n_samples, n_observables), float64
        """
        if theta.ndim == 2:
            return np.stack([self.expectations(states, row) for row in theta])
        if (compiled := self._kernels(states)) is not None:
            return compiled.expectations(states, theta)
        rows = as_rows(states)
        with single_blas_thread():
            bound = self._bind(theta, rows)
            values = [
                self._measure(bound, self._forward(bound, *work)[0])
                for _, work in self._load(rows)
            ]
        return _joined(values)

    def vjp(self, states: Any, theta: np.ndarray) -> tuple[np.ndarray, Pullback]:
        """Return the expectations and their vector-Jacobian product.

        Returns
        -------
        expectations : ndarray of shape (n_samples, n_observables)
        pullback : callable
            Maps a cotangent of shape (n_samples, n_observables) to the gradient of
            ``sum(cotangent * expectations)`` by theta, shape (n_parameters,). It may
            simulate the states again, so they must not change before it is called.
        """
        if (compiled := self._kernels(states)) is not None:
            return compiled.vjp(states, theta)
        rows = as_rows(states)
        bound = self._bind(theta, rows)
        xp, device = namespace(rows.array)
        dtype = getattr(xp, bound.dtype.name)
        shape = (len(rows.places), 2**self.n_qubits)
        self._require_memory(rows.array.shape[0] + shape[0], bound.dtype)
        finals = xp.empty(shape, dtype=dtype, device=device)  # blocks, one by one
        values = []
        with single_blas_thread():
            for part, work in self._load(rows):
                final, _ = self._forward(bound, *work)
                values.append(self._measure(bound, final))
                finals[part, ...] = xp.reshape(final, (-1, shape[1]))

        @single_blas_thread()
        def pullback(cotangent: np.ndarray) -> np.ndarray:
            gradient = np.zeros(self.n_parameters)
            overlaps = []
            for part, work in self._parts(finals, bound.dtype, 4):
                work[0][...] = xp.reshape(finals[part, ...], work[0].shape)
                slopes = bound.send(2 * cotangent[part].T.astype(bound.dtype))
                overlaps += self._backward(bound, work, slopes)
            for k, overlap in overlaps:
                host = [to_numpy(matrix) for matrix in overlap]
                self._steps[k].collect(bound.steps[k], host, gradient)
            return gradient

        return _joined(values), pullback

    def _kernels(self, states: Any) -> Small | Compiled | None:
        """Return what runs these states fast, if there is something and it pays."""
        array = states.array if isinstance(states, Rows) else states
        if not isinstance(array, np.ndarray) or array.dtype not in DTYPES:
            return None
        compiled = self._compiled.get(array.dtype.kind)
        if compiled is None:
            return None
        if compiled.real or self._work[0] >= _PATIENCE:
            return compiled if _imports_numba() else None
        n_samples = len(as_rows(states).places)
        self._work[0] += n_samples * array.shape[1] * len(self._steps)
        return None

    def _bind(self, theta: np.ndarray, rows: Rows) -> "_Bound":
        dtype, send = self._dtype(rows.array), sender(rows.array)
        steps = [step.bind(theta, dtype, send) for step in self._steps]
        observables = []
        for mask, weights in self._observables:
            # On real states a term with an odd number of Y has an imaginary weight: its
            # expectation value is 0.
            weights = weights.real if dtype.kind == "f" else weights
            mask = None if mask is None else send(mask)
            observables.append((mask, send(weights.astype(dtype))))
        return _Bound(steps, observables, dtype, send)

    def _dtype(self, states: Any) -> np.dtype:
        dtype = numpy_dtype(states)
        if self._real and dtype.kind == "f":
            return dtype
        return np.result_type(dtype, np.complex64)

    def _parts(
        self, array: Any, dtype: np.dtype, n_work: int, n_samples: int | None = None
    ) -> Iterator[tuple]:
        """Yield slices of samples that fit into a block, with `n_work` blocks each.

        Blocks have shape (2**n_qubits, n_block), amplitudes as rows. They are the same
        memory every time, on the device of the array.
        """
        n_samples = array.shape[0] if n_samples is None else n_samples
        xp, device = namespace(array)
        dimension = 2**self.n_qubits
        size = max(1, block_bytes(array) // (dtype.itemsize * dimension))
        size = max(1, min(n_samples, size))
        shape = (n_work, size * dimension)
        memory = xp.empty(shape, dtype=getattr(xp, dtype.name), device=device)
        for start in range(0, max(1, n_samples), size):  # no samples are a part, too
            part = slice(start, min(start + size, n_samples))
            used = (part.stop - part.start) * dimension
            yield (
                part,
                [xp.reshape(memory[k, :used], (dimension, -1)) for k in range(n_work)],
            )

    def _load(self, rows: Rows) -> Iterator[tuple]:
        """Yield slices of samples, a block with these samples and a spare one."""
        array, places = rows
        xp, _ = namespace(array)
        copies = None
        for part, work in self._parts(array, self._dtype(array), 2, len(places)):
            if copies is None and isinstance(array, np.ndarray):
                copies = np.empty((part.stop, array.shape[1]), dtype=array.dtype)
            out = None if copies is None else copies[: part.stop - part.start]
            some = take_rows(array, places[part], out)
            work[0][...] = xp.astype(some, work[0].dtype, copy=False).T
            yield part, work

    def _forward(self, bound: "_Bound", block: Any, spare: Any) -> tuple:
        for step, numbers in zip(self._steps, bound.steps, strict=True):
            block, spare = step.apply(numbers, block, spare)
        return block, spare

    def _measure(self, bound: "_Bound", final: Any) -> Any:
        """Return the expectations of one block, shape (n_block, n_observables)."""
        values = 0.0
        for mask, weights in bound.observables:
            moved = final if mask is None else take_rows(final, mask)
            values = values + _weighted_sums(conj(final) * moved, weights)
        return values

    def _backward(self, bound: "_Bound", work: list, slopes: Any) -> list:
        """Return (step, overlaps) for each step.

        The final states are the first of four blocks; `slopes` is (K, n_block).
        """
        states, cotangents, *spare = work
        xp, _ = namespace(states)
        cotangents[...] = 0
        for mask, weights in bound.observables:
            term = reuse(spare[0], xp.matmul, weights, slopes)
            term *= states if mask is None else take_rows(states, mask)
            cotangents += term
        overlaps = []
        for k in range(len(self._steps) - 1, -1, -1):
            step, numbers = self._steps[k], bound.steps[k]
            overlaps.append((k, step.pull(numbers, states, cotangents)))
            if k > 0:
                states, spare[0] = step.unapply(numbers, states, spare[0])
                cotangents, spare[1] = step.unapply(numbers, cotangents, spare[1])
        return overlaps


def _weighted_sums(products: Any, weights: Any) -> Any:
    """Return the real part of ``products.T @ weights``.

    A long sum in single precision would lose digits: its parts are added in double.
    """
    xp, _ = namespace(products)
    if xp.finfo(products.dtype).bits > 32:
        return real(products.T @ weights)
    n_rows, n_samples = products.shape
    size = min(n_rows, _SUMMED)
    parts = xp.reshape(products, (n_rows // size, size, n_samples))
    weights = xp.reshape(weights, (n_rows // size, size, -1))
    return real(sum_widely(xp.matrix_transpose(parts) @ weights))


def can_compile() -> bool:
    """Tell whether Numba is installed, and not told to leave functions to Python."""
    disabled = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
    return find_spec("numba") is not None and not disabled


@cache
def _imports_numba() -> bool:
    """Tell whether Numba can be imported: it refuses versions of NumPy newer than it.

    To find out takes longer than a short fit, so nobody asks before kernels are to run.
    """
    try:
        import skqnn._jit  # noqa: F401
    except ImportError as error:
        message = f"Circuits run in NumPy, as importing Numba failed: {error}"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
        return False
    return True


def _cure(n_qubits: int, n_copies: int, feature_map: QuantumCircuit | None) -> str:
    """Return what makes a model smaller."""
    if n_copies > 1:
        return (
            f"lower `n_copies`: {n_copies} registers make {n_qubits} qubits; or give "
            "fewer samples per call"
        )
    if feature_map is None:
        return "use fewer columns or qubits, or fewer samples per call"
    return (
        "use fewer qubits (encoding='amplitude' takes n_features amplitudes on "
        "log2(n_features) qubits) or fewer samples per call"
    )


def _numbers_held(observables: Sequence[SparsePauliOp]) -> int:
    """Return about how many numbers are held for each basis state, besides states.

    Measured on real circuits where kernels are compiled, which hold more than NumPy:
    permutations and factors of the circuit, weights of each observable for each set of
    bits that are flipped, and those of each term again. What complex or deep circuits
    hold, and blocks of samples, come besides, see `Compiled`.
    """
    terms = {
        (k, flips.tobytes())
        for k, observable in enumerate(observables)
        for flips in observable.paulis.x
    }
    sets = {flips for _, flips in terms}
    n_flipping = sum(any(flips) for _, flips in terms)
    return 20 + len(sets) * (1 + 2 * len(observables)) + 2 * len(terms) + 3 * n_flipping


class _Bound(NamedTuple):
    """A circuit at one theta, next to the states."""

    steps: list  # what each step's `bind` returned
    observables: list[tuple[Any, Any]]  # mask and weights, see `pauli_masks`
    dtype: np.dtype
    send: Callable[[np.ndarray], Any]


def _joined(values: list) -> np.ndarray:
    """Return the expectations of all blocks on the host, float64."""
    return np.concatenate([to_numpy(part) for part in values]).astype(np.float64)
