"""What is remembered after each epoch, and when training has stopped improving."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np


class Curves(NamedTuple):
    """One number per epoch, NaN for earlier epochs that had none."""

    loss: list[float]
    gradient_norm: list[float]
    validation_score: list[float]


class Monitor:
    """Collect the curves of a fit and decide when it has converged.

    Parameters
    ----------
    curves : Curves
        What earlier fits left (`warm_start`); appended to.
    tol : float
        Smallest improvement of the loss (or validation score) that counts.
    n_iter_no_change : int
        Epochs without an improvement after which training has converged.
    validate : callable, default=None
        ``validate(params) -> score``, higher is better. If given, it decides instead
        of the loss, and `best_params` are kept.
    patient : bool, default=False
        Never stop for the loss: a step-size schedule wants its full length.
    """

    def __init__(
        self,
        curves: Curves,
        *,
        tol: float,
        n_iter_no_change: int,
        validate: Callable[[np.ndarray], float] | None = None,
        patient: bool = False,
    ):
        self.curves = curves
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.validate = validate
        self.patient = patient
        self.best = np.inf  # of the loss, or of minus the validation score
        self.best_params: np.ndarray | None = None
        self.n_unchanged = 0

    def update(
        self, params: np.ndarray, loss: float, gradient_norm: float | None
    ) -> bool:
        """Record an epoch and tell whether training has converged."""
        n_before = len(self.curves.loss)
        self.curves.loss.append(loss)
        if gradient_norm is not None:
            _append(self.curves.gradient_norm, gradient_norm, n_before)
        value = loss
        if self.validate is not None:
            score = self.validate(params)
            _append(self.curves.validation_score, score, n_before)
            value = -score
        self.n_unchanged = 0 if value < self.best - self.tol else self.n_unchanged + 1
        if value < self.best:
            self.best = value
            if self.validate is not None:
                self.best_params = params.copy()
        if self.patient and self.validate is None:
            return False
        return self.n_unchanged >= self.n_iter_no_change


def _append(curve: list[float], value: float, n_before: int) -> None:
    """Append the value of an epoch, after those that had none, of another setting."""
    curve += [np.nan] * (n_before - len(curve))
    curve.append(value)


def fitted_curves(curves: Curves, monitor: Monitor | None) -> dict[str, Any]:
    """Return the fitted attributes of a classifier that tell how training went."""
    scores = curves.validation_score
    best = None
    if monitor is not None and monitor.validate is not None:
        best = -monitor.best  # of this fit: weights of an earlier one are not kept
    return {
        "loss_curve_": curves.loss,
        "gradient_norm_curve_": curves.gradient_norm,
        "loss_": curves.loss[-1] if curves.loss else np.nan,
        "n_iter_": len(curves.loss),
        "validation_scores_": scores or None,
        "best_validation_score_": best,
    }


def own_history(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return curves and random state for a copy that may train on by itself."""
    if "_curves" not in attributes:
        return {}
    curves = Curves(*map(list, attributes["_curves"]))
    fitted = fitted_curves(curves, None)
    names = ("loss_curve_", "gradient_norm_curve_", "validation_scores_")
    shared = {name: fitted[name] for name in names if name in attributes}
    return shared | {"_curves": curves, "_rng": deepcopy(attributes["_rng"])}
