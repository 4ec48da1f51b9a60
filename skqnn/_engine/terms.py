"""Observables as sums of terms that multiply amplitudes by weights and flip bits."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from qiskit.quantum_info import SparsePauliOp

from skqnn._circuits.gates import Gate
from skqnn._engine.elements import BASES
from skqnn._engine.moves import Term


def pauli_masks(observables: Sequence[SparsePauliOp], n_qubits: int) -> list:
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


def as_terms(masks: list, n_observables: int) -> list[Term]:
    """Return what `pauli_masks` has found as terms, at least one of each observable.

    They are in the order of the observables.
    """
    terms, seen = [], set()
    for mask, weights in masks:
        weights = weights if np.any(np.imag(weights)) else np.real(weights)
        flips = 0 if mask is None else int(mask[0])
        used = np.flatnonzero(np.any(weights, axis=0)).tolist()
        terms += [Term(k, flips, weights[:, k]) for k in used]
        seen |= set(used)
    nothing = np.zeros(len(masks[0][1]))
    terms += [Term(k, 0, nothing) for k in range(n_observables) if k not in seen]
    return sorted(terms, key=attrgetter("observable"))


def on_real_states(terms: list[Term]) -> list[Term]:
    """Return what terms measure on real states: those with an odd number of Y, 0."""
    return [term._replace(weights=np.real(term.weights)) for term in terms]


def common_basis(observables: Sequence[SparsePauliOp]) -> dict[int, str] | None:
    """Return the letter that each qubit is measured in, None if there are several."""
    letters: dict[int, str] = {}
    for operator in observables:
        for label, _ in operator.label_iter():
            for qubit, letter in enumerate(reversed(label)):
                if letter != "I" and letters.setdefault(qubit, letter) != letter:
                    return None
    return letters


def in_z_basis(
    observables: Sequence[SparsePauliOp], basis: dict[int, str]
) -> tuple[tuple[Gate, ...], list[SparsePauliOp]]:
    """Return gates to append, and the diagonal observables to measure behind them."""
    gates = tuple(
        Gate((qubit,), _real_if_possible(BASES[letter].conj().T))
        for qubit, letter in basis.items()
        if letter != "Z"
    )
    to_z = str.maketrans("XY", "ZZ")
    moved = []
    for operator in observables:
        labels = [label.translate(to_z) for label in operator.paulis.to_labels()]
        moved.append(SparsePauliOp(labels, operator.coeffs))
    return gates, moved


def _real_if_possible(matrix: np.ndarray) -> Any:
    return matrix if np.any(np.imag(matrix)) else np.real(matrix)
