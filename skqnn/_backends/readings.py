"""How expectation values are read from the results of Aer, one reading per circuit.

Each reading has

- ``n_numbers``, how many numbers Aer returns for one row of parameters;
- ``save(circuit, where)``, which adds to a circuit the instruction that asks for them,
  `where` being the qubits to read;
- ``read(results, shots, rng) -> (mean, variance)``, both (n_rows, n_observables), where
  `results` has a dict for each row.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from skqnn._backends.measurement import (
    Basis,
    all_outcomes,
    mean_and_variance,
    misread,
    outcome_values,
    sample,
    value_limits,
)

Result = dict[str, Any]


class Saved(NamedTuple):
    """Exact expectation values, under the number of the observable."""

    observables: Sequence[SparsePauliOp]

    @property
    def n_numbers(self) -> int:
        return len(self.observables)

    def save(self, circuit: QuantumCircuit, where: Sequence[int]) -> None:
        """Ask for each expectation value."""
        for k, observable in enumerate(self.observables):
            circuit.save_expectation_value(observable, where, label=str(k))

    def read(
        self, results: list[Result], shots: int | None, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the values, which have no variance."""
        names = [str(k) for k in range(len(self.observables))]
        mean = np.array([[np.real(result[k]) for k in names] for result in results])
        return mean, np.zeros_like(mean)


class Listed(NamedTuple):
    """Probabilities of all outcomes, from which shots are drawn, if any."""

    basis: Basis
    errors: np.ndarray | None  # (n_measured, 2), of the readout
    known: np.ndarray | None  # likewise, those to correct for
    n_observables: int

    @property
    def n_numbers(self) -> int:
        return 2 ** len(self.basis.measured)

    def save(self, circuit: QuantumCircuit, where: Sequence[int]) -> None:
        """Ask for the probabilities."""
        circuit.save_probabilities(where)

    def read(
        self, results: list[Result], shots: int | None, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sample from the probabilities, or average over them without shots."""
        probabilities = np.array([result["probabilities"] for result in results])
        if self.errors is not None:
            probabilities = misread(probabilities, self.errors)
        bits = all_outcomes(len(self.basis.measured))
        values = outcome_values(self.basis, bits, self.known, self.n_observables)
        if shots is None:
            mean = probabilities @ values
            return mean, np.zeros_like(mean)
        limits = value_limits(self.basis, self.known, self.n_observables)
        frequencies = sample(probabilities, shots, rng)
        return mean_and_variance(frequencies, values, shots, limits)


class Counted(NamedTuple):
    """Outcomes that Aer sampled, readout errors included."""

    basis: Basis
    known: np.ndarray | None  # (n_measured, 2), readout errors to correct for
    n_observables: int

    @property
    def n_numbers(self) -> int:
        return 1

    def save(self, circuit: QuantumCircuit, where: Sequence[int]) -> None:
        """Measure."""
        circuit.add_register(ClassicalRegister(len(where), "outcome"))
        circuit.measure(where, range(len(where)))

    def read(
        self, results: list[Result], shots: int | None, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Average over the outcomes."""
        assert shots is not None
        rows = [self._read_row(result["counts"], shots) for result in results]
        mean, variance = zip(*rows, strict=True)
        return np.concatenate(mean), np.concatenate(variance)

    def _read_row(self, counts: dict[str, int], shots: int) -> tuple:
        outcomes = [int(text, 16) for text in counts]
        n_bits = len(self.basis.measured)
        bits = np.array([[(x >> j) & 1 for j in range(n_bits)] for x in outcomes])
        values = outcome_values(self.basis, bits, self.known, self.n_observables)
        frequencies = np.array([list(counts.values())]) / shots
        limits = value_limits(self.basis, self.known, self.n_observables)
        return mean_and_variance(frequencies, values, shots, limits)
