"""Expectation values from measured bit strings: bases, readout errors, statistics."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

# Gates that turn the eigenbasis of a Pauli matrix into the computational basis.
_ROTATIONS = {"X": ("h",), "Y": ("sdg", "h"), "Z": (), "I": ()}


class Term(NamedTuple):
    """``coefficient * Z...Z`` on `qubits` of observable `k`, after the rotations."""

    k: int
    coefficient: float
    qubits: tuple[int, ...]


class Basis(NamedTuple):
    """What one measured circuit tells: a letter for each qubit, and its terms."""

    letters: tuple[str, ...]  # letters[q] is that of qubit q
    terms: tuple[Term, ...]

    @property
    def measured(self) -> list[int]:
        """The qubits to measure, at least one, in ascending order."""
        return [q for q, letter in enumerate(self.letters) if letter != "I"] or [0]

    def rotate(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """Return the circuit followed by the rotations into this basis."""
        rotated = circuit.copy()
        for qubit, letter in enumerate(self.letters):
            for gate in _ROTATIONS[letter]:
                getattr(rotated, gate)(qubit)
        return rotated


def measured_bases(observables: Sequence[SparsePauliOp]) -> list[Basis]:
    """Group the Pauli terms of all observables by circuits that measure them.

    Terms that agree on every qubit where both act are measured by one circuit.
    """
    groups: list[tuple[list[str], list[Term]]] = []
    for k, observable in enumerate(observables):
        for label, coefficient in observable.label_iter():
            letters = label[::-1]
            qubits = tuple(q for q, letter in enumerate(letters) if letter != "I")
            fitting = (
                group
                for group in groups
                if all(group[0][q] in ("I", letters[q]) for q in qubits)
            )
            group = next(fitting, None)
            if group is None:
                group = (["I"] * observable.num_qubits, [])
                groups.append(group)
            shared, terms = group
            for q in qubits:
                shared[q] = letters[q]
            terms.append(Term(k, float(np.real(coefficient)), qubits))
    return [Basis(tuple(letters), tuple(terms)) for letters, terms in groups]


def outcome_values(
    basis: Basis, bits: np.ndarray, readout: np.ndarray | None, n_observables: int
) -> np.ndarray:
    """Return what each outcome contributes to each observable.

    Parameters
    ----------
    bits : ndarray of shape (n_outcomes, n_measured)
        Values of the qubits ``basis.measured``.
    readout : ndarray of shape (n_measured, 2) or None
        Probabilities to read 1 for 0 and 0 for 1. Given these, the value of a qubit is
        ``(z - b) / a`` instead of ``z = +-1``, where ``<z> = a <Z> + b`` is what a
        faulty readout gives: the mean over shots is then free of bias.

    Returns
    -------
    values : ndarray of shape (n_outcomes, n_observables)
    """
    signs = 1.0 - 2.0 * bits
    if readout is not None:
        signs = (signs - (readout[:, 1] - readout[:, 0])) / (1 - readout.sum(axis=1))
    column = {qubit: j for j, qubit in enumerate(basis.measured)}
    values = np.zeros((len(bits), n_observables))
    for k, coefficient, qubits in basis.terms:
        columns = [column[q] for q in qubits]
        values[:, k] += coefficient * np.prod(signs[:, columns], axis=1)
    return values


def all_outcomes(n_bits: int) -> np.ndarray:
    """Return all bit strings, shape (2**n_bits, n_bits), bit 0 first."""
    return (np.arange(2**n_bits)[:, None] >> np.arange(n_bits)) & 1


def misread(probabilities: np.ndarray, readout: np.ndarray) -> np.ndarray:
    """Return the probabilities of the outcomes that a faulty readout reports.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, 2**n_measured)
    readout : ndarray of shape (n_measured, 2)
        Probabilities to read 1 for 0 and 0 for 1, for each qubit.
    """
    n_samples = len(probabilities)
    for qubit, (up, down) in enumerate(readout):
        pairs = probabilities.reshape(n_samples, -1, 2, 2**qubit)
        zero, one = pairs[:, :, 0], pairs[:, :, 1]
        reported = [(1 - up) * zero + down * one, up * zero + (1 - down) * one]
        probabilities = np.stack(reported, axis=2).reshape(n_samples, -1)
    return probabilities


def sample(
    probabilities: np.ndarray, shots: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw the relative frequencies of outcomes in `shots` shots, one row each."""
    probabilities = np.clip(probabilities, 0.0, None)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return rng.multinomial(shots, probabilities) / shots


def mean_and_variance(
    frequencies: np.ndarray, values: np.ndarray, shots: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over shots and its squared standard error.

    Parameters
    ----------
    frequencies : ndarray of shape (n_samples, n_outcomes)
        Rows sum to 1.
    values : ndarray of shape (n_outcomes, n_observables)

    Returns
    -------
    mean, variance : ndarray of shape (n_samples, n_observables)
    """
    mean = frequencies @ values
    spread = np.clip(frequencies @ values**2 - mean**2, 0.0, None)
    return mean, spread / shots
