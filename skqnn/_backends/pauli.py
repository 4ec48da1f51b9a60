"""The noise of a device without Aer: circuits on Pauli vectors, exact or with shots.

Errors are those of a NoiseModel of Aer, as transfer matrices. Results agree with Aer's
density matrices, in a small part of the time, because all rows are one array.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterExpression
from qiskit.quantum_info import SuperOp
from sklearn.utils import gen_batches

from skqnn._backends.readings import Listed, Saved
from skqnn._circuits.angles import evaluate, linear_form
from skqnn._circuits.gates import Elementary, flatten
from skqnn._compat import noise_parts
from skqnn._engine.noisy import Parts, expectations, prepare, separate, vjp
from skqnn._engine.pauli_vectors import (
    Block,
    Channel,
    block_matrix,
    fixed,
    followed_by,
    fuse,
    probabilities,
    rotation,
    simulate,
    transfer_matrix,
)

_MAX_BYTES = 2**26  # of the vectors that are read together
_LETTERS = {"I": 0, "X": 1, "Y": 2, "Z": 3}


class Angles(NamedTuple):
    """Angles as functions of a circuit's parameters: linear ones, and expressions."""

    slopes: np.ndarray  # (n_angles, n_parameters)
    offsets: np.ndarray  # (n_angles,)
    others: tuple[tuple[int, ParameterExpression], ...]
    columns: dict[Parameter, int]

    def values(self, parameters: np.ndarray) -> np.ndarray:
        """Return the angles of each row of parameters, (n_rows, n_angles)."""
        angles = parameters @ self.slopes.T + self.offsets
        for j, expression in self.others:
            angles[:, j] = evaluate(expression, self.columns, parameters)
        return angles


def compile_angles(
    expressions: Sequence[ParameterExpression], parameters: Sequence[Parameter]
) -> Angles:
    """Return how to calculate angles from the values of `parameters`."""
    columns = {parameter: j for j, parameter in enumerate(parameters)}
    slopes = np.zeros((len(expressions), len(parameters)))
    offsets, others = np.zeros(len(expressions)), []
    for j, expression in enumerate(expressions):
        form = linear_form(expression)
        if form is None:
            others.append((j, expression))
            continue
        offsets[j] = form.offset
        for parameter, slope in form.terms:
            slopes[j, columns[parameter]] = slope
    return Angles(slopes, offsets, tuple(others), columns)


def noisy_channels(
    circuit: QuantumCircuit, model: Any
) -> tuple[list[Channel], list[ParameterExpression]]:
    """Return a circuit with the errors of a NoiseModel as channels, and its angles.

    Raises
    ------
    ValueError
        If an instruction is not unitary or acts on more than two qubits.
    """
    channels: list[Channel] = []
    expressions: list[ParameterExpression] = []
    errors: dict[tuple, np.ndarray | None] = {}
    known: dict[tuple, np.ndarray] = {}
    for item in circuit.data:
        operation = item.operation
        qubits = tuple(circuit.find_bit(q).index for q in item.qubits)
        gates = list(_elementary(operation, qubits))
        if len(qubits) > 2:
            raise ValueError(f"No transfer matrix on two qubits: {operation.name!r}.")
        for gate in gates:
            channels.append(_channel(gate, len(expressions)))
            expressions += [] if gate.angle is None else [gate.angle]
        key = operation.name, qubits
        if key not in errors:
            errors[key] = _error_matrix(_error(model, *key), len(qubits), known)
        error = errors[key]
        if error is None:
            continue
        if gates and channels[-1].qubits == tuple(sorted(qubits)):
            channels.append(followed_by(channels.pop(), qubits, error))
        else:
            channels.append(fixed(qubits, error))
    return channels, expressions


def _elementary(operation: Any, qubits: tuple[int, ...]) -> Iterator[Elementary]:
    alone = QuantumCircuit(len(qubits))
    alone.append(operation, range(len(qubits)))
    for gate in flatten(alone, fresh=frozenset()):
        yield gate._replace(qubits=tuple(qubits[q] for q in gate.qubits))


def _channel(gate: Elementary, angle: int) -> Channel:
    if gate.angle is not None:
        return rotation(gate.qubits, gate.matrix, angle)
    unitary = np.kron(gate.matrix.conj(), gate.matrix)
    return fixed(gate.qubits, transfer_matrix(unitary).real)


def _error(model: Any, name: str, qubits: tuple[int, ...]) -> Any:
    """Return what a NoiseModel does after a gate, None if nothing."""
    parts = noise_parts(model)
    local = parts.gates_at.get(name, {}).get(qubits)
    return parts.gates.get(name) if local is None else local


def _error_matrix(error: Any, n_qubits: int, known: dict) -> np.ndarray | None:
    """Return the transfer matrix of a QuantumError, a mixture of circuits."""
    if error is None:
        return None
    total = np.zeros((4**n_qubits, 4**n_qubits))
    for weight, circuit in zip(error.probabilities, error.circuits, strict=True):
        channels = tuple(
            fixed([circuit.find_bit(q).index for q in item.qubits], matrix)
            for item in circuit.data
            for matrix in [_known_matrix(item.operation, known)]
        )
        block = Block(tuple(range(n_qubits)), channels)
        total += weight * block_matrix(block, np.empty((1, 0)))[0]
    return total


def _known_matrix(operation: Any, known: dict) -> np.ndarray:
    """Return the transfer matrix of an operation; most are met many times."""
    content = (np.asarray(value).tobytes() for value in operation.params)
    key = (operation.name, *content)
    if key not in known:
        known[key] = transfer_matrix(SuperOp(operation).data).real
    return known[key]


class PauliRun(NamedTuple):
    """A circuit with noise, and how to read its qubits."""

    circuit: QuantumCircuit
    channels: tuple[Channel, ...]
    angles: Angles
    where: Sequence[int]  # the qubits to read
    reading: Listed | Saved

    def read(
        self, values: np.ndarray, shots: int | None, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return means and variances for each row of parameters."""
        blocks, n_qubits = fuse(self.channels), self.circuit.num_qubits
        parts = []
        for batch in gen_batches(len(values), max(1, _MAX_BYTES // (8 * 4**n_qubits))):
            vectors = simulate(blocks, n_qubits, self.angles.values(values[batch]))
            if isinstance(self.reading, Saved):
                parts.append(vectors @ self.observables().T)
            else:
                parts.append(probabilities(vectors, n_qubits, self.where))
        rows = np.concatenate(parts)
        if isinstance(self.reading, Saved):
            return rows, np.zeros_like(rows)
        return self.reading.read([{"probabilities": row} for row in rows], shots, rng)

    def ansatz(self, n_inputs: int) -> "NoisyAnsatz":
        """Return the circuit for rows, given by its first `n_inputs` parameters."""
        of_rows = np.any(self.angles.slopes[:, :n_inputs], axis=1)
        of_rows[[j for j, _ in self.angles.others]] = True
        of_theta = np.any(self.angles.slopes[:, n_inputs:], axis=1)
        parts = separate(
            self.channels, set(np.flatnonzero(of_rows)), set(np.flatnonzero(of_theta))
        )
        n_qubits = self.circuit.num_qubits
        return NoisyAnsatz(parts, self.angles, self.observables(), n_inputs, n_qubits)

    def observables(self) -> np.ndarray:
        """Return the coefficients of the observables, (n_observables, 4**n_qubits)."""
        assert isinstance(self.reading, Saved)
        observables = self.reading.observables
        coefficients = np.zeros((len(observables), 4**self.circuit.num_qubits))
        for row, observable in zip(coefficients, observables, strict=True):
            for label, coefficient in observable.label_iter():
                digits = zip(self.where, reversed(label), strict=True)
                row[sum(_LETTERS[a] * 4**q for q, a in digits)] += coefficient.real
        return coefficients


def pauli_run(
    circuit: QuantumCircuit,
    model: Any,
    parameters: Sequence[Parameter],
    where: Sequence[int],
    reading: Listed | Saved,
) -> PauliRun:
    """Compile a circuit with the errors of a NoiseModel, see `noisy_channels`."""
    channels, expressions = noisy_channels(circuit, model)
    angles = compile_angles(expressions, parameters)
    return PauliRun(circuit, tuple(channels), angles, where, reading)


class NoisyAnsatz(NamedTuple):
    """Exact expectation values and gradients under noise, for rows prepared once."""

    parts: Parts
    angles: Angles
    coefficients: np.ndarray  # (n_observables, 4**n_qubits), of the observables
    n_inputs: int
    n_qubits: int

    @property
    def row_bytes(self) -> int:
        """Memory of a row that is loaded."""
        return 8 * (4**self.n_qubits + self.n_inputs)

    def load(self, inputs: np.ndarray) -> np.ndarray:
        """Return rows as Pauli vectors before the ansatz, with their parameters."""
        angles = self._values(
            inputs, np.zeros(len(self.angles.columns) - self.n_inputs)
        )
        return np.hstack([prepare(self.parts, self.n_qubits, angles), inputs])

    def expectations(self, rows: np.ndarray, thetas: np.ndarray) -> np.ndarray:
        """Return expectation values, (n_thetas, n_rows, n_observables)."""
        vectors, inputs = np.split(rows, [4**self.n_qubits], axis=1)
        angles = (self._values(inputs, theta) for theta in thetas)
        return np.stack(
            [expectations(self.parts, self.coefficients, vectors, a) for a in angles]
        )

    def vjp(self, rows: np.ndarray, theta: np.ndarray) -> tuple:
        """Return the expectation values of rows and their pullback to theta."""
        vectors, inputs = np.split(rows, [4**self.n_qubits], axis=1)
        angles = self._values(inputs, theta)
        E, pullback = vjp(self.parts, self.coefficients, vectors, angles)
        slopes = self.angles.slopes[:, self.n_inputs :]
        return E, lambda cotangent: pullback(cotangent) @ slopes

    def _values(self, inputs: np.ndarray, theta: np.ndarray) -> np.ndarray:
        tiled = np.tile(theta, (len(inputs), 1))
        return self.angles.values(np.hstack([inputs, tiled]))
