"""Angles as functions of parameters: which are linear, their values, their order."""

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterExpression

# A name up to its last number, the number, and what is left.
_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)", re.DOTALL)


class LinearForm(NamedTuple):
    """An angle as the sum of ``slope * parameter`` over its terms, plus an offset."""

    terms: tuple[tuple[Parameter, float], ...]
    offset: float


def is_fixed(angle: object) -> bool:
    """Tell whether a Qiskit gate parameter is a number."""
    return not isinstance(angle, ParameterExpression) or not angle.parameters


def linear_form(angle: ParameterExpression) -> LinearForm | None:
    """Return an angle as a linear function with real numbers, None if it is none."""
    terms = []
    for parameter in sorted(angle.parameters, key=lambda p: (p.name, p.uuid.int)):
        try:
            slope = angle.gradient(parameter)
        except RuntimeError:  # a function without a derivative
            return None
        if isinstance(slope, ParameterExpression) or complex(slope).imag:
            return None
        if slope:
            terms.append((parameter, float(slope)))
    offset = complex(angle.bind(dict.fromkeys(angle.parameters, 0.0)))
    return None if offset.imag else LinearForm(tuple(terms), offset.real)


def evaluate(
    angle: ParameterExpression,
    columns: Mapping[Parameter, int],
    X: np.ndarray,
    *,
    first_row: int = 0,
) -> np.ndarray:
    """Return the values of an angle for all rows, in radians, shape (n_samples,).

    Parameters
    ----------
    angle : ParameterExpression
        Any expression of the features.
    columns : Mapping
        The column of each feature in X.
    X : ndarray of shape (n_samples, n_features)
    first_row : int, default=0
        The number of the first row, for messages.

    Raises
    ------
    ValueError
        If the angle is not a finite real number for a row; names row and features.
    """
    used = sorted(angle.parameters, key=columns.__getitem__)
    rows = X[:, [columns[p] for p in used]].astype(float).tolist()
    values = np.array(
        [_value(angle, dict(zip(used, row, strict=True))) for row in rows]
    )
    wrong = np.flatnonzero(np.isnan(values))
    if len(wrong):
        pairs = zip(used, rows[wrong[0]], strict=True)
        features = ", ".join(f"{p.name} = {v} (column {columns[p]})" for p, v in pairs)
        raise ValueError(
            "`X` must be within the domain of every angle of `encoding`, got "
            f"{features} in row {first_row + wrong[0]}, where {angle!s} is no finite "
            "real number; scale the features, or use an expression defined for them."
        )
    return values


def _value(angle: ParameterExpression, binding: dict) -> float:
    """Return the value of an angle, nan where it has none."""
    try:
        return float(angle.bind(binding))
    except (ArithmeticError, RuntimeError, TypeError):  # infinite, nan, complex
        return np.nan


def check_domain(feature_map: QuantumCircuit, X: np.ndarray) -> None:
    """Raise ValueError as `evaluate` does if an angle is not defined for a row."""
    columns = {p: j for j, p in enumerate(feature_map.parameters)}
    angles = {
        angle
        for item in feature_map.data
        for angle in item.params
        if not is_fixed(angle) and linear_form(angle) is None
    }
    for angle in sorted(angles, key=str):
        evaluate(angle, columns, X)


def out_of_order(parameters: Iterable[Parameter]) -> tuple[str, str] | None:
    """Return two names of which the first has the larger number but comes first.

    Qiskit sorts parameters by name, as text, so that ``x10`` comes before ``x2``.
    Elements of a `ParameterVector` are sorted by their index.
    """
    series: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for parameter in parameters:
        if found := _NUMBERED.fullmatch(parameter.name):
            stem, number, rest = found.groups()
            series.setdefault((stem, rest), []).append((int(number), parameter.name))
    for members in series.values():
        for (first, name), (second, other) in pairwise(members):
            if first > second:
                return name, other
    return None
