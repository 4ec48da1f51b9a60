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
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterExpression
from qiskit.quantum_info import SparsePauliOp

from skqnn._circuit import Elementary, compile_circuit, flatten, is_real
from skqnn._compiled import Compiled, Rows, compile_steps
from skqnn._observables import visible_gates
from skqnn._steps import from_front, fuse, to_front

_BLOCK_BYTES = 2**19  # of one block of states, so that two fit in a 2 MiB L2 cache

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

    Notes
    -----
    Real amplitudes stay real: the circuit is simulated in float64 or float32, like the
    states, and in complex numbers only if a gate or a state is complex. Gates outside
    the light cone of the observables are left out, which is exact. Where Numba is
    installed, compiled kernels run the most common circuits, see `_compiled`.
    """

    def __init__(
        self,
        circuit: QuantumCircuit,
        observables: Sequence[SparsePauliOp],
        *,
        feature_map: QuantumCircuit | None = None,
    ):
        self.n_qubits = circuit.num_qubits
        self.n_parameters = circuit.num_parameters
        # Besides one state: an index, a phase (complex) and while they are made a
        # column of complex weights for each observable.
        require_memory(self.n_qubits, 1, 8 * (4 + 2 * len(observables)))
        gates = compile_circuit(circuit)
        visible = visible_gates(gates, observables)
        gates = tuple(g for g, seen in zip(gates, visible, strict=True) if seen)
        self._real = is_real(gates)
        self._steps = fuse(gates, self.n_qubits)
        self._observables = _pauli_masks(observables, self.n_qubits)
        self._feature_map = feature_map
        self._compiled = compile_steps(self._steps, self._observables, self.n_qubits)

    def prepare(self, X: np.ndarray) -> np.ndarray:
        """Return the states of rows of X, shape (n_samples, 2**n_qubits).

        Rows of amplitudes are returned as they are; a feature map is simulated.
        """
        self.fidelity = np.ones(len(X))
        if self._feature_map is None:
            return X
        require_memory(self.n_qubits, len(X), X.dtype.itemsize)
        return encode(self._feature_map, X)

    def measure(
        self, states: np.ndarray, theta: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the expectations and their standard errors, which are 0."""
        E = self.expectations(states, theta)
        return E, np.zeros_like(E)

    def expectations(self, states: np.ndarray | Rows, theta: np.ndarray) -> np.ndarray:
        """Return <state| U(theta)^dagger O_k U(theta) |state> for all samples and k.

        Parameters
        ----------
        states : ndarray of shape (n_samples, 2**n_qubits), or Rows
            Rows of unit norm. `Rows` of a larger array spare a copy.
        theta : ndarray of shape (n_parameters,) or (n_thetas, n_parameters)
            Angles in radians, or several sets of them.

        Returns
        -------
        expectations : ndarray of shape ([n_thetas,] n_samples, n_observables), float64
        """
        if theta.ndim == 2:
            return np.stack([self.expectations(states, row) for row in theta])
        rows = _as_rows(states)
        if (compiled := self._kernels(rows)) is not None:
            return compiled.expectations(rows, theta)
        bound = self._bind(theta, rows)
        values = [
            self._measure(self._forward(bound, *work)[0])
            for _, work in self._load(rows)
        ]
        return np.concatenate(values)

    def vjp(self, states: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, Pullback]:
        """Return the expectations and their vector-Jacobian product.

        Returns
        -------
        expectations : ndarray of shape (n_samples, n_observables)
        pullback : callable
            Maps a cotangent of shape (n_samples, n_observables) to the gradient of
            ``sum(cotangent * expectations)`` by theta, shape (n_parameters,). It holds
            one copy of the states.
        """
        rows = _as_rows(states)
        if (compiled := self._kernels(rows)) is not None:
            return compiled.vjp(rows, theta)
        bound, dtype = self._bind(theta, rows), self._dtype(rows.array)
        finals = np.empty((len(rows.places), 2**self.n_qubits), dtype)
        values = []
        for part, work in self._load(rows):
            final, _ = self._forward(bound, *work)
            values.append(self._measure(final))
            finals[part].reshape(final.shape)[...] = final

        def pullback(cotangent: np.ndarray) -> np.ndarray:
            gradient = np.zeros(self.n_parameters)
            for part, work in self._parts(len(finals), dtype, 4):
                work[0][...] = finals[part].reshape(work[0].shape)
                self._backward(bound, work, cotangent[part].T, gradient)
            return gradient

        return np.concatenate(values), pullback

    def _kernels(self, rows: Rows) -> Compiled | None:
        return self._compiled if rows.array.dtype in (np.float32, np.float64) else None

    def _bind(self, theta: np.ndarray, rows: Rows) -> list:
        dtype = self._dtype(rows.array)
        return [step.bind(theta, dtype) for step in self._steps]

    def _dtype(self, states: np.ndarray) -> np.dtype:
        real = np.dtype(states.real.dtype)
        if self._real and states.dtype.kind == "f":
            return real
        return np.result_type(real, np.complex64)

    def _parts(self, n_samples: int, dtype: np.dtype, n_work: int) -> Iterator[tuple]:
        """Yield slices of samples that fit into a block, with `n_work` blocks each.

        Blocks have shape (2**n_qubits, n_block), amplitudes as rows. They are the same
        memory every time.
        """
        dimension = 2**self.n_qubits
        size = min(n_samples, max(1, _BLOCK_BYTES // (dtype.itemsize * dimension)))
        memory = np.empty((n_work, size * dimension), dtype=dtype)
        for start in range(0, n_samples, size):
            part = slice(start, min(start + size, n_samples))
            used = memory[:, : (part.stop - start) * dimension]
            yield part, list(used.reshape(n_work, dimension, -1))

    def _load(self, rows: Rows) -> Iterator[tuple]:
        """Yield slices of samples, a block with these samples and a spare one."""
        array, places = rows
        copies = None
        for part, work in self._parts(len(places), self._dtype(array), 2):
            if copies is None:
                copies = np.empty((part.stop, array.shape[1]), dtype=array.dtype)
            out = copies[: part.stop - part.start]
            work[0][...] = np.take(array, places[part], axis=0, out=out, mode="clip").T
            yield part, work

    def _forward(self, bound: list, block: np.ndarray, spare: np.ndarray) -> tuple:
        for step, numbers in zip(self._steps, bound, strict=True):
            block, spare = step.apply(numbers, block, spare)
        return block, spare

    def _measure(self, final: np.ndarray) -> np.ndarray:
        """Return the expectations of one block, shape (n_block, n_observables)."""
        values = np.zeros(())
        for mask, weights in self._observables:
            weights = self._weights(weights, final)
            moved = final if mask is None else final[mask]
            values = values + np.real((final.conj() * moved).T @ weights)
        return values.astype(np.float64)

    def _weights(self, weights: np.ndarray, final: np.ndarray) -> np.ndarray:
        # On real states a term with an odd number of Y has an imaginary weight: its
        # expectation value is 0.
        weights = weights.real if final.dtype.kind == "f" else weights
        return weights.astype(final.dtype)

    def _backward(self, bound: list, work: list, cotangent, gradient) -> None:
        """Add the gradient of one block to `gradient`.

        The final states are the first of four blocks; `cotangent` is (K, n_block).
        """
        states, cotangents, *spare = work
        cotangents[...] = 0
        for mask, weights in self._observables:
            slopes = (2 * cotangent).astype(states.dtype)
            np.matmul(self._weights(weights, states), slopes, out=spare[0])
            spare[0] *= states if mask is None else states[mask]
            cotangents += spare[0]
        for k in range(len(self._steps) - 1, -1, -1):
            step, numbers = self._steps[k], bound[k]
            step.pull(numbers, states, cotangents, gradient)
            if k > 0:
                states, spare[0] = step.unapply(numbers, states, spare[0])
                cotangents, spare[1] = step.unapply(numbers, cotangents, spare[1])


def _as_rows(states: np.ndarray | Rows) -> Rows:
    return states if isinstance(states, Rows) else Rows(states, np.arange(len(states)))


def _pauli_masks(observables: Sequence[SparsePauliOp], n_qubits: int) -> list:
    """Group Pauli terms by the bits they flip.

    Returns a list of (mask, weights): ``(O_k psi)[i] = sum over masks of
    weights[i, k] * psi[mask[i]]``, where mask None stands for no flip.
    """
    index = np.arange(2**n_qubits)
    groups: dict[int, np.ndarray] = {}
    for k, operator in enumerate(observables):
        for label, coefficient in operator.label_iter():
            flips, phase = 0, np.full(2**n_qubits, complex(coefficient))
            for qubit, letter in enumerate(reversed(label)):
                bit = (index >> qubit) & 1
                flips |= (letter in "XY") << qubit
                if letter in "YZ":
                    phase = phase * (1 - 2 * bit)
                if letter == "Y":
                    phase = phase * -1j  # Y = -i|0><1| + i|1><0|
            shape = (2**n_qubits, len(observables))
            weights = groups.setdefault(flips, np.zeros(shape, dtype=complex))
            weights[:, k] += phase
    return [(None if f == 0 else index ^ f, weights) for f, weights in groups.items()]


def encode(feature_map: QuantumCircuit, X: np.ndarray) -> np.ndarray:
    """Simulate a feature map for every row of X.

    Parameters
    ----------
    feature_map : QuantumCircuit
        ``feature_map.parameters[j]`` is the parameter of column j. Angles may be any
        expression of the features.
    X : ndarray of shape (n_samples, n_features)

    Returns
    -------
    states : ndarray of shape (n_samples, 2**n_qubits)
        Real if the circuit keeps amplitudes real, otherwise complex.
    """
    n_qubits = feature_map.num_qubits
    gates = list(flatten(feature_map))
    real = all(
        not np.any(np.imag(g.matrix) if g.angle is None else np.real(g.matrix))
        for g in gates
    )
    dtype = X.dtype if real else np.result_type(X.dtype, np.complex64)
    states = np.empty((len(X), 2**n_qubits), dtype=dtype)
    size = max(1, _BLOCK_BYTES // states[:1].nbytes)
    for start in range(0, len(X), size):
        rows = X[start : start + size]
        matrices = [_matrices(gate, feature_map, rows, dtype) for gate in gates]
        states[start : start + size] = _simulate(gates, matrices, n_qubits, len(rows)).T
    return states


def _simulate(gates: list[Elementary], matrices: list, n_qubits: int, n: int):
    """Apply one matrix per gate and sample to ``|0...0>``, result (2**n_qubits, n)."""
    dtype = np.result_type(*matrices) if matrices else float
    qubits = [np.zeros((2, n), dtype=dtype) for _ in range(n_qubits)]
    for qubit in qubits:
        qubit[0] = 1
    # As long as gates act on single qubits, the state is a product.
    first = next((k for k, g in enumerate(gates) if len(g.qubits) > 1), len(gates))
    for gate, matrix in zip(gates[:first], matrices[:first], strict=True):
        (q,) = gate.qubits
        qubits[q] = np.einsum("ijn,jn->in", matrix, qubits[q])
    block = np.ones((1, n), dtype=dtype)
    for qubit in qubits:
        block = (qubit[:, None, :] * block[None, :, :]).reshape(-1, n)
    for gate, matrix in zip(gates[first:], matrices[first:], strict=True):
        grid = to_front(block, gate.qubits, n_qubits)
        rows = grid.reshape(len(matrix), -1, n)
        moved = np.einsum("ijn,jrn->irn", matrix, rows).reshape(grid.shape)
        block = from_front(moved, gate.qubits, n_qubits).reshape(-1, n)
    return block


def _matrices(gate: Elementary, feature_map, X: np.ndarray, dtype) -> np.ndarray:
    """Return the matrix of a gate for every row of X, shape (2**k, 2**k, n_samples)."""
    if gate.angle is None:
        matrix = np.repeat(np.asarray(gate.matrix)[:, :, None], len(X), axis=2)
    else:
        eigenvalues, vectors = np.linalg.eigh(gate.matrix)
        angles = _angles(gate.angle, feature_map, X)
        phases = np.exp(-0.5j * eigenvalues[:, None] * angles)
        matrix = np.einsum("ik,kn,jk->ijn", vectors, phases, vectors.conj())
    return (matrix if np.dtype(dtype).kind == "c" else matrix.real).astype(dtype)


def _angles(angle: ParameterExpression, feature_map, X: np.ndarray) -> np.ndarray:
    """Evaluate an angle for every row of X, shape (n_samples,), in radians."""
    columns = {p: j for j, p in enumerate(feature_map.parameters)}
    used = list(angle.parameters)
    if len(used) == 1:
        slope = angle.gradient(used[0])
        if not isinstance(slope, ParameterExpression):
            offset = float(angle.bind({used[0]: 0.0}))
            return float(slope) * X[:, columns[used[0]]].astype(float) + offset
    values = X[:, [columns[p] for p in used]].astype(float).tolist()
    bindings = (dict(zip(used, row, strict=True)) for row in values)
    return np.array([float(angle.bind(binding)) for binding in bindings])


def require_memory(n_qubits: int, n_samples: int, itemsize: int = 8) -> None:
    """Refuse states that cannot fit in this machine's memory, before allocating them.

    Raises
    ------
    MemoryError
        With the number of qubits and the size in GiB.
    """
    # An integer, because a float overflows from 1024 qubits on.
    mib = n_samples * itemsize * 2**n_qubits // 2**20
    available = _physical_memory_gib()
    if mib > 1024 * available:
        gib = f"{mib // 1024:,}" if n_qubits < 64 else f"2**{mib.bit_length() - 11}"
        raise MemoryError(
            f"{n_samples} state(s) of {n_qubits} qubits need {gib} GiB of memory, "
            f"but this machine has {available:.1f} GiB; use fewer qubits "
            "(encoding='amplitude' takes n_features amplitudes on log2(n_features) "
            "qubits) or fewer samples per call."
        )


def _physical_memory_gib() -> float:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    except (AttributeError, ValueError, OSError):  # not POSIX
        return 64.0
