"""Parameter-shift rules: derivatives as differences of shifted expectation values.

A gate ``exp(-i angle G / 2)`` makes every expectation value a trigonometric polynomial
in its angle whose frequencies are the differences of the eigenvalues of G / 2. With the
single frequency 1 (Pauli rotations, controlled phase) two shifted values give the exact
derivative, with the frequencies 1/2 and 1 (controlled rotations) four.

References
----------
M. Schuld et al., "Evaluating analytic gradients on quantum hardware", Phys. Rev. A 99,
032331 (2019), arXiv:1811.11184.
G.-L. R. Anselmetti et al., "Local, expressive, quantum-number-preserving VQE ansätze
for fermionic systems", New J. Phys. 23, 113010 (2021), arXiv:2104.05695.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skqnn._circuits.gates import Gate

_ROOT = np.sqrt(2)
_PLUS, _MINUS = (_ROOT + 1) / (4 * _ROOT), (_ROOT - 1) / (4 * _ROOT)

# frequencies -> (shift of the angle, weight of the shifted expectation value)
_RULES = {
    (1.0,): ((np.pi / 2, 0.5), (-np.pi / 2, -0.5)),
    (0.5, 1.0): (
        (np.pi / 2, _PLUS),
        (-np.pi / 2, -_PLUS),
        (3 * np.pi / 2, -_MINUS),
        (-3 * np.pi / 2, _MINUS),
    ),
}


class Shifts(NamedTuple):
    """All shifted evaluations of one gradient, ``n_terms`` of them.

    ``d E / d theta[parameter[m]]`` is the sum over its terms m of
    ``weight[m] * E(theta + shift[m] * unit vector of parameter[m])``.
    """

    parameter: np.ndarray
    shift: np.ndarray  # radians
    weight: np.ndarray

    def apply(self, theta: np.ndarray) -> np.ndarray:
        """Return the shifted angles, shape (n_terms, n_parameters)."""
        shifted = np.tile(theta, (len(self.parameter), 1))
        shifted[np.arange(len(self.parameter)), self.parameter] += self.shift
        return shifted


def shift_rules(gates: tuple[Gate, ...], n_parameters: int) -> Shifts:
    """Return the parameter-shift rule of a circuit.

    Raises
    ------
    ValueError
        If a parameter stands in more than one gate, or in a gate whose frequencies
        have no rule here.
    """
    terms, seen = [], set()
    for gate in gates:
        if gate.parameter < 0:
            continue
        if gate.parameter in seen:
            raise ValueError(
                "`gradient='parameter_shift'` needs every parameter in exactly one "
                f"gate, but parameter {gate.parameter} stands in several; use "
                "gradient='spsa', or backend=None for the adjoint gradient."
            )
        seen.add(gate.parameter)
        for shift, weight in _RULES[_frequencies(gate)]:
            a = gate.coefficient
            terms.append((gate.parameter, shift / a, weight * a))
    terms.sort(key=lambda term: term[0])
    return Shifts(
        np.array([parameter for parameter, _, _ in terms], dtype=np.intp),
        np.array([shift for _, shift, _ in terms]),
        np.array([weight for _, _, weight in terms]),
    )


def _frequencies(gate: Gate) -> tuple[float, ...]:
    half = np.linalg.eigvalsh(gate.matrix) / 2
    gaps = np.abs(half[:, None] - half[None, :]).round(10)
    frequencies = tuple(float(gap) for gap in np.unique(gaps) if gap > 0)
    if frequencies not in _RULES:
        raise ValueError(
            "`gradient='parameter_shift'` supports Pauli rotations and controlled "
            f"rotations, got a gate with frequencies {frequencies} on parameter "
            f"{gate.parameter}; use gradient='spsa'."
        )
    return frequencies


def parameter_shift(
    expectations: Callable, shifts: Shifts, states: np.ndarray, theta: np.ndarray
) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Return expectations and their pullback by parameter shift, like an engine's vjp.

    The values at theta and at all shifted angles are asked for in one request.

    Parameters
    ----------
    expectations : callable
        ``expectations(states, thetas)`` of an engine, of shape (n_thetas, n_samples,
        n_observables) for several sets of angles.
    """
    values, *shifted = expectations(states, np.vstack([theta, shifts.apply(theta)]))

    def pullback(cotangent: np.ndarray) -> np.ndarray:
        gradient = np.zeros(len(theta))
        slopes = np.array([np.sum(cotangent * E) for E in shifted])
        np.add.at(gradient, shifts.parameter, shifts.weight * slopes)
        return gradient

    return values, pullback
