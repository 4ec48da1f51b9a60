"""Angles that are functions of the features, for all rows at once."""

from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterExpression

from skqnn._arrays import namespace, sender, to_numpy, widest_float
from skqnn._circuits.angles import evaluate

Polynomial = dict[tuple[int, ...], float]  # {columns of the factors: coefficient}


class Basis:
    """The distinct functions of the features that the angles of a circuit consist of.

    An angle is a linear combination of them: polynomials, as nearly all feature maps
    have them, consist of monomials, any other angle is a function of its own.

    Parameters
    ----------
    feature_map : QuantumCircuit
        ``feature_map.parameters[j]`` is the parameter of column j.
    """

    CONSTANT = 0  # the place of the function that is 1

    def __init__(self, feature_map: QuantumCircuit):
        self._columns = {p: j for j, p in enumerate(feature_map.parameters)}
        # A function is a tuple of columns to multiply, or an expression.
        self._functions: dict[Any, int] = {(): self.CONSTANT}
        self._known: dict[ParameterExpression, dict[int, float]] = {}

    def coordinates(self, angle: ParameterExpression) -> dict[int, float]:
        """Return the coefficients of an angle, {place in the basis: coefficient}."""
        if angle not in self._known:
            terms: Any = polynomial(angle, self._columns)
            terms = {angle: 1.0} if terms is None else terms or {(): 0.0}
            places = self._functions
            self._known[angle] = {
                places.setdefault(function, len(places)): coefficient
                for function, coefficient in terms.items()
            }
        return self._known[angle]

    def evaluate(self, X: Any) -> Any:
        """Return all functions of all rows, shape (n_functions, n_samples).

        They are next to X, an array of any namespace, and float64 unless the device has
        none. ValueError names a row that is not in the domain of an angle.
        """
        (xp, device), dtype = namespace(X), widest_float(X)
        ones = xp.ones(X.shape[0], dtype=dtype, device=device)
        values = []
        for function in self._functions:
            if isinstance(function, tuple):
                value = ones
                for column in function:
                    value = value * xp.astype(X[:, column], dtype)
            else:
                value = sender(X)(evaluate(function, self._columns, to_numpy(X)))
            values.append(value)
        return xp.stack(values)


def polynomial(
    angle: ParameterExpression, columns: dict[Parameter, int]
) -> Polynomial | None:
    """Return an angle as a polynomial of the features, or None if it is not seen to be.

    The second derivative by each feature must be a number, as Qiskit finds it by
    symbols, and never by trying values. Higher ones are not asked for: those of
    quotients grow beyond all bounds.
    """
    used = sorted(angle.parameters, key=columns.__getitem__)
    for parameter in used:
        slope = _derivative(angle, parameter)
        if isinstance(_derivative(slope, parameter), ParameterExpression):
            return None
    origin = dict.fromkeys(used, 0.0)
    terms = {}
    for key, derivative in _derivatives(angle, used).items():
        if isinstance(derivative, ParameterExpression):
            derivative = derivative.bind(origin)
        value = complex(derivative) / (2 if len(set(key)) < len(key) else 1)  # Taylor
        if value.imag:
            return None
        if value:
            terms[tuple(columns[p] for p in key)] = value.real
    return terms


def _derivative(angle: Any, parameter: Parameter) -> Any:
    """Return a number where that is seen, and an unknown one as the angle itself."""
    if not isinstance(angle, ParameterExpression):
        return 0.0
    try:
        return angle.gradient(parameter)
    except RuntimeError:  # a function that Qiskit has no derivative of
        return angle


def _derivatives(angle: Any, used: list[Parameter]) -> dict[tuple, Any]:
    """Return all mixed derivatives of a polynomial, by the parameters in order."""
    if not isinstance(angle, ParameterExpression):
        return {(): angle}
    found: dict[tuple, Any] = {(): angle}
    for k, parameter in enumerate(used):
        higher = _derivatives(_derivative(angle, parameter), used[k:])
        found |= {(parameter, *key): value for key, value in higher.items()}
    return found
