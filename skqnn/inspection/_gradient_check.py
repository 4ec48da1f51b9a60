"""Gradients of the training loss by independent methods, side by side."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from skqnn._circuits.gates import compile_circuit
from skqnn._circuits.shift import parameter_shift, shift_rules
from skqnn._execution import objective_of
from skqnn._training.data import Data
from skqnn._training.objective import Objective
from skqnn.inspection._problem import pose

# Five-point stencil: (offset in steps, weight), error of order step**4.
_STENCIL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
_STEP = 2e-3  # radians: truncation and rounding error are both about 1e-12


class GradientCheck(NamedTuple):
    """Gradients of one loss at one point, by up to three methods.

    Parameters
    ----------
    parameter_names : tuple of str
        The names of the ansatz parameters, then ``"scale"`` and ``"bias[k]"``.
    adjoint : ndarray of shape (n_parameters,)
        By the reverse-mode walk through the circuit that training uses.
    parameter_shift : ndarray of shape (n_parameters,) or None
        By shifted evaluations, None where the circuit has no shift rule.
    finite_differences : ndarray of shape (n_parameters,)
        By five-point differences of the loss, accurate to about 1e-10.
    loss : float
        The loss itself.
    no_shift : str
        Why there is no parameter-shift gradient, empty if there is one.
    """

    parameter_names: tuple[str, ...]
    adjoint: np.ndarray
    parameter_shift: np.ndarray | None
    finite_differences: np.ndarray
    loss: float
    no_shift: str

    @property
    def max_differences(self) -> dict[str, float]:
        """Largest absolute difference from `adjoint`, by the other method's name."""
        others = {
            "parameter_shift": self.parameter_shift,
            "finite_differences": self.finite_differences,
        }
        return {
            name: float(np.max(np.abs(gradient - self.adjoint)))
            for name, gradient in others.items()
            if gradient is not None
        }

    def __repr__(self) -> str:
        lines = [
            f"Gradient of {len(self.adjoint)} parameters, loss {self.loss:.6g}, "
            f"norm {np.linalg.norm(self.adjoint):.6g}",
            "Largest difference from the adjoint gradient:",
        ]
        for name, difference in self.max_differences.items():
            worst = np.argmax(np.abs(getattr(self, name) - self.adjoint))
            where = f"  ({self.parameter_names[worst]})" if difference else ""
            lines.append(f"  {name:<20}{difference:.1e}{where}")
        if self.no_shift:
            lines.append(f"  {'parameter_shift':<20}not possible: {self.no_shift}")
        return "\n".join(lines)


def check_gradients(
    estimator: Any,
    X: ArrayLike,
    y: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    tol: float | None = None,
    random_state: Any = None,
) -> GradientCheck:
    """Compute the gradient of the training loss by three methods and compare.

    Use it to convince yourself that training follows the true slope, above all with a
    circuit, an encoding or observables of your own. All three gradients are those of
    the exact model, whatever `backend` is.

    Parameters
    ----------
    estimator : QNNClassifier or Pipeline that ends in one
        Fitted: the gradient is taken at its parameters. Not fitted: at random angles,
        as `fit` draws them, scale 1 and bias 0. It is not changed.
    X : array-like of shape (n_samples, n_features)
        Data; a few rows are enough.
    y : array-like of shape (n_samples,)
        Class labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples in the loss.
    tol : float, default=None
        Largest difference to accept. None: any, judge for yourself.
    random_state : int, RandomState instance or None, default=None
        Decides the angles of an estimator that is not fitted; None: its own.

    Returns
    -------
    check : GradientCheck
        The gradients by all parameters ``[theta, scale, bias]``, their differences in
        `check.max_differences`, and a summary as its `repr`.

    Raises
    ------
    AssertionError
        If a difference exceeds `tol`.

    Notes
    -----
    The parameter-shift rule needs every parameter in exactly one gate, a Pauli or
    controlled rotation; other circuits are checked by finite differences alone. Those
    are ``(f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / (12 h)`` with h = 0.002 radians. The
    cost is that of ``6 n_parameters`` evaluations of the loss, or 8 with controlled
    rotations.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skqnn import QNNClassifier
    >>> from skqnn.inspection import check_gradients
    >>> X, y = load_iris(return_X_y=True)
    >>> check = check_gradients(QNNClassifier(), X, y, random_state=0)
    >>> check.max_differences["finite_differences"] < 1e-9
    True
    """
    problem = pose(estimator, X, y, sample_weight, random_state)
    classifier, engine, data = problem
    adjoint = objective_of(classifier._model, engine, classifier.loss)
    params = classifier._params()
    value, gradient = adjoint.value_and_gradient(params, data)
    shifted, no_shift = _parameter_shift(classifier, adjoint, params, data)
    differences = _finite_differences(adjoint, params, data)
    check = GradientCheck(
        _names(classifier), gradient, shifted, differences, value, no_shift
    )
    if tol is not None and not max(check.max_differences.values()) <= tol:
        raise AssertionError(f"The gradients differ by more than {tol}.\n{check!r}")
    return check


def _parameter_shift(classifier: Any, objective: Objective, params, data: Data):
    """Return the parameter-shift gradient and "", or None and the reason."""
    try:
        rules = shift_rules(compile_circuit(classifier.circuit_), objective.n_theta)
    except ValueError as error:
        return None, str(error)
    vjp = partial(parameter_shift, objective.expectations, rules)
    return objective._replace(vjp=vjp).value_and_gradient(params, data)[1], ""


def _finite_differences(objective: Objective, params, data: Data) -> np.ndarray:
    gradient = np.zeros(len(params))
    for j in range(len(params)):
        for offset, weight in _STENCIL:
            moved = params.copy()
            moved[j] += offset * _STEP
            gradient[j] += weight / _STEP * objective.value(moved, data)
    return gradient


def _names(classifier: Any) -> tuple[str, ...]:
    angles = [parameter.name for parameter in classifier.circuit_.parameters]
    n_scores = len(classifier.observables_)
    biases = ["bias"] if n_scores == 1 else [f"bias[{k}]" for k in range(n_scores)]
    return (*angles, "scale", *biases)
