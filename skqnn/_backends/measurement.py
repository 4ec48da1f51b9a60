"""Expectation values from measured bit strings: bases, readout errors, statistics."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import PauliList, SparsePauliOp

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
    terms: dict[str, list[tuple[int, float]]] = {}
    for k, observable in enumerate(observables):
        for label, coefficient in observable.label_iter():
            terms.setdefault(label, []).append((k, float(np.real(coefficient))))
    groups = PauliList(list(terms)).group_commuting(qubit_wise=True)
    return [_basis(group.to_labels(), terms) for group in groups]


def _basis(labels: Sequence[str], terms: Mapping[str, list]) -> Basis:
    """Return what a circuit measures for Pauli strings that agree on their qubits."""
    letters = ["I"] * len(labels[0])
    found = []
    for label in labels:
        qubits = tuple(q for q, letter in enumerate(label[::-1]) if letter != "I")
        for q in qubits:
            letters[q] = label[-1 - q]
        found += [Term(k, coefficient, qubits) for k, coefficient in terms[label]]
    return Basis(tuple(letters), tuple(found))


def supports_of(observables: Sequence[SparsePauliOp]) -> list[tuple[int, ...]]:
    """Return the qubits of every Pauli string of all observables."""
    return [t.qubits for basis in measured_bases(observables) for t in basis.terms]


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
    frequencies: np.ndarray, values: np.ndarray, shots: int, limits: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over shots and its expected squared error.

    Parameters
    ----------
    frequencies : ndarray of shape (n_samples, n_outcomes)
        Rows sum to 1.
    values : ndarray of shape (n_outcomes, n_observables)
    shots : int
    limits : ndarray of shape (2, n_observables)
        Smallest and largest value that an outcome could have, from `value_limits`.

    Returns
    -------
    mean, variance : ndarray of shape (n_samples, n_observables)

    Notes
    -----
    See `expected_error`. The spread of the shots alone would claim no error at all
    where all outcomes are equal, as they always are with one shot.
    """
    mean, square = frequencies @ values, frequencies @ values**2
    return mean, expected_error(mean, square, shots, limits)


def expected_error(
    mean: np.ndarray, square: np.ndarray, shots: int, limits: np.ndarray
) -> np.ndarray:
    """Return the expected squared deviation of a mean over shots from the truth.

    Parameters
    ----------
    mean, square : ndarray of shape (n_samples, n_observables)
        Means over shots of the values and of their squares.
    shots : int
    limits : ndarray of shape (2, n_observables)

    Notes
    -----
    For values -1 and +1 this is exact if all true means are equally likely beforehand:
    with ``m' = shots * m / (shots + 2)``, Laplace's rule of succession, the truth has
    the variance ``(1 - m'^2) / (shots + 3)`` around m', to which ``(m - m')^2`` is
    added. For other values it is the same formula, with one more outcome at each limit.
    For many shots it is the variance of a shot divided by their number.
    """
    low, high = limits
    centre, half = (low + high) / 2, (high - low) / 2
    deviation = mean - centre
    about = square - 2 * centre * mean + centre**2
    shrunk = shots * deviation / (shots + 2)
    second = (shots * about + 2 * half**2) / (shots + 2)
    variance = np.clip(second - shrunk**2, 0.0, None) / (shots + 3)
    return variance + (deviation - shrunk) ** 2


def value_limits(
    basis: Basis, readout: np.ndarray | None, n_observables: int
) -> np.ndarray:
    """Return bounds of what an outcome contributes, see `outcome_values`."""
    signs = np.ones((2, len(basis.measured)))
    if readout is not None:
        shift, scale = readout[:, 1] - readout[:, 0], 1 - readout.sum(axis=1)
        signs = (np.array([[1.0], [-1.0]]) - shift) / scale
    largest = dict(zip(basis.measured, np.abs(signs).max(axis=0), strict=True))
    limits = np.zeros((2, n_observables))
    for k, coefficient, qubits in basis.terms:
        if qubits:
            bound = abs(coefficient) * np.prod([largest[q] for q in qubits])
            limits[:, k] += [-bound, bound]
        else:
            limits[:, k] += coefficient
    return limits
