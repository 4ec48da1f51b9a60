"""What is remembered after each epoch, and when training has stopped improving."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Curves(NamedTuple):
    """One number per epoch."""

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
        self.curves.loss.append(loss)
        if gradient_norm is not None:
            self.curves.gradient_norm.append(gradient_norm)
        value = loss
        if self.validate is not None:
            score = self.validate(params)
            self.curves.validation_score.append(score)
            value = -score
        self.n_unchanged = 0 if value < self.best - self.tol else self.n_unchanged + 1
        if value < self.best:
            self.best = value
            if self.validate is not None:
                self.best_params = params.copy()
        if self.patient and self.validate is None:
            return False
        return self.n_unchanged >= self.n_iter_no_change
