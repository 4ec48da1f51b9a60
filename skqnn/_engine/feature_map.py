"""Feature maps: circuits whose angles are functions of a row, for many rows at once.

Gates that are equal for all rows are the engine's fused steps, and are applied once as
long as rows do not differ yet. Of the others, diagonal ones are gathered with the
permutations of basis states around them: all phases of such a run are one matrix
product and one exponential.
"""

from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
from qiskit import QuantumCircuit

from skqnn._arrays import block_bytes, namespace, numpy_dtype
from skqnn._circuits.gates import Elementary, Gate, flatten, is_real
from skqnn._engine.basis import Basis
from skqnn._engine.fusion import fuse
from skqnn._engine.row_steps import Fixed, Phases, Product, Rotation
from skqnn._threads import single_blas_thread


class FeatureMap:
    """A compiled feature map.

    Parameters
    ----------
    circuit : QuantumCircuit
        ``circuit.parameters[j]`` is the parameter of column j. Angles may be any
        expression of the features.
    """

    def __init__(self, circuit: QuantumCircuit):
        self.n_qubits = n_qubits = circuit.num_qubits
        self._basis = Basis(circuit)
        gates = [part for gate in flatten(circuit) for part in _simple(gate)]
        self._real = is_real(gates)
        runs = _runs(gates)
        first: list[Elementary] = []
        while runs and runs[0].is_product:
            first += runs.pop(0).gates
        self._product = Product(first, n_qubits, self._basis)
        tables: dict[tuple, int] = {}  # equal ones have the same phases
        self._steps: list[Any] = []
        for run in runs:
            if all(gate.angle is None for gate in run.gates):
                fixed = tuple(Gate(gate.qubits, gate.matrix) for gate in run.gates)
                self._steps += [Fixed(step) for step in fuse(fixed, n_qubits)]
            elif run.kind is Phases:
                self._steps.append(Phases(run.gates, n_qubits, self._basis, tables))
            else:
                self._steps += [Rotation(g, n_qubits, self._basis) for g in run.gates]

    def dtype(self, X: Any) -> np.dtype:
        """Return the type of the states of rows of X."""
        dtype = numpy_dtype(X)
        return dtype if self._real else np.result_type(dtype, np.complex64)

    def encode(self, X: Any) -> Any:
        """Simulate the circuit for every row of X.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Of any namespace; the states are simulated next to it.

        Returns
        -------
        states : array of shape (n_samples, 2**n_qubits)
            Real if the circuit keeps amplitudes real, otherwise complex.
        """
        xp, device = namespace(X)
        dtype = self.dtype(X)
        shape = (X.shape[0], 2**self.n_qubits)
        states = xp.empty(shape, dtype=getattr(xp, dtype.name), device=device)
        values = self._basis.evaluate(X)
        first = self._product.bind(dtype, X)
        bound = [step.bind(dtype, X) for step in self._steps]
        size = max(1, block_bytes(X) // (dtype.itemsize * shape[1]))
        with single_blas_thread() if self._steps else nullcontext():
            # `gen_batches` checks its arguments for longer than a row takes.
            for start in range(0, shape[0], size):
                batch = slice(start, min(start + size, shape[0]))
                some = values[:, batch]
                block = self._product.start(first, some)
                phases: dict[int, Any] = {}
                for step, numbers in zip(self._steps, bound, strict=True):
                    block = step.apply(numbers, block, some, phases)
                states[batch, ...] = block.T
        return states


class _Run(NamedTuple):
    """Gates of one kind that can be applied one right after the other."""

    kind: type
    gates: list[Elementary]
    qubits: set[int]

    @property
    def is_product(self) -> bool:
        """Whether the run leaves a product state one, and is better applied so."""
        single = all(len(gate.qubits) == 1 for gate in self.gates)
        return single and self.kind is not Phases


def _runs(gates: list[Elementary]) -> list[_Run]:
    """Gather gates into the earliest runs of their kind that they can reach.

    A gate passes runs that touch none of its qubits, because disjoint gates commute.
    """
    runs: list[_Run] = []
    for gate in gates:
        kind, qubits = _kind(gate), set(gate.qubits)
        home = None
        for run in reversed(runs):
            home = run if run.kind is kind else home
            if run.qubits & qubits:
                break
        if home is None:
            home = _Run(kind, [], set())
            runs.append(home)
        home.gates.append(gate)
        home.qubits.update(qubits)
    return runs


def _kind(gate: Elementary) -> type:
    if gate.angle is None:
        return Phases if _is_monomial(gate.matrix) else Fixed
    return Phases if _is_diagonal(gate.matrix) else Rotation


def _simple(gate: Elementary) -> list[Elementary]:
    """Return a rotation as gates of which `_kind` knows how to apply them.

    If a generator is neither diagonal nor exchanges pairs of basis states, it is
    diagonal between the change to its eigenvectors and the change back.
    """
    matrix = gate.matrix
    if gate.angle is None or _is_diagonal(matrix):
        return [gate]
    if _is_monomial(matrix) and len(np.unique(np.abs(matrix))) <= 2:
        return [gate]
    eigenvalues, vectors = np.linalg.eigh(matrix)
    return [
        Elementary(gate.qubits, vectors.conj().T, None),
        Elementary(gate.qubits, np.diag(eigenvalues), gate.angle),
        Elementary(gate.qubits, vectors, None),
    ]


def _is_monomial(matrix: np.ndarray) -> bool:
    """Tell whether no row and no column has more than one entry."""
    entries = np.abs(matrix) > 1e-12
    return bool(np.all(entries.sum(axis=0) <= 1) and np.all(entries.sum(axis=1) <= 1))


def _is_diagonal(matrix: np.ndarray) -> bool:
    return np.array_equal(matrix, np.diag(np.diag(matrix)))
