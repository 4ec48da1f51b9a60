"""The loss of a batch as a function of the parameter vector, and its gradient.

The parameter vector is ``[theta, scale, bias]``; scores are ``scale * E + bias``.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from skqnn._training.data import Data
from skqnn._training.losses import Loss, log_loss


def split(params: np.ndarray, n_theta: int) -> tuple:
    """Return theta (n_theta,), scale (1,) and bias (n_scores,)."""
    return params[:n_theta], params[n_theta : n_theta + 1], params[n_theta + 1 :]


def joined(
    theta: Any, scale: Any, bias: Any, n_theta: int, n_scores: int
) -> np.ndarray:
    """Return the parameter vector of what is fitted, or was assigned by the user.

    Raises
    ------
    ValueError
        If one of them has another shape, or is not made of finite real numbers.
    """
    given = {
        "theta_": (theta, n_theta),
        "scale_": (scale, 1),
        "bias_": (bias, n_scores),
    }
    parts = []
    for name, (values, size) in given.items():
        part = np.asarray(values)
        if part.shape != (size,) or part.dtype.kind not in "fiu":
            got = f"shape {part.shape} and dtype {part.dtype}"
        elif not np.isfinite(part).all():
            got = "nan or infinity"
        else:
            parts.append(part)
            continue
        raise ValueError(
            f"`{name}` must be an array of shape ({size},) of finite real numbers, got "
            f"{got}; assign one of this shape, or fit without `warm_start`."
        )
    return np.concatenate(parts)


def mean_loss(
    loss: Loss,
    E: np.ndarray,
    params: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the mean weighted loss and its slopes.

    Returns
    -------
    value : float
    cotangent : ndarray of shape (n_samples, n_scores)
        The derivatives by E.
    gradient : ndarray of shape (n_parameters,)
        The derivatives by scale and bias, in their places; those by theta are 0, as
        they come from the cotangent.
    """
    _, scale, bias = split(params, len(params) - 1 - E.shape[1])
    losses, slopes = loss.value_and_slope(scale * E + bias, targets)
    slopes = (weights / len(slopes))[:, None] * slopes
    gradient = np.zeros(len(params))
    _, by_scale, by_bias = split(gradient, len(params) - 1 - E.shape[1])
    by_scale[0], by_bias[:] = np.vdot(slopes, E), slopes.sum(axis=0)
    return float(weights @ losses) / len(losses), scale * slopes, gradient


@cache
def _compiled() -> Callable:
    """Import Numba when a batch is there."""
    from skqnn._training.mean_kernel import mean_log_loss

    return mean_log_loss


class Objective(NamedTuple):
    """The mean weighted loss of a batch as a function of the parameter vector."""

    expectations: Callable  # (states, theta or thetas) -> E
    vjp: Callable  # (states, theta) -> E, pullback
    loss: Loss
    n_theta: int
    compiled: bool = False  # whether Numba is there, and used for circuits as well

    def value(self, params: np.ndarray, data: Data) -> float:
        """Return the loss."""
        theta, scale, bias = split(params, self.n_theta)
        E = self.expectations(data.states, theta)
        losses, _ = self.loss.value_and_slope(scale * E + bias, data.targets)
        return _finite(float(data.weights @ losses) / len(losses))

    def value_and_gradient(self, params: np.ndarray, data: Data) -> tuple:
        """Return the loss and its gradient."""
        E, pullback = self.vjp(data.states, params[: self.n_theta])
        value, cotangent, gradient = self._mean(E, params, data)
        gradient[: self.n_theta] = pullback(cotangent)
        return value, gradient

    def value_and_spsa(
        self, params: np.ndarray, data: Data, size: float, rng: np.random.Generator
    ) -> tuple:
        """Return the loss and a gradient estimate from two evaluations.

        All angles are shifted at once by +-`size` radians (J. C. Spall 1992, IEEE
        Trans. Autom. Control 37, 332). Scale and bias cost no circuit, so theirs is
        the exact gradient, averaged over both evaluations.
        """
        direction = rng.choice([-1.0, 1.0], size=self.n_theta)
        shifts = np.array([[size], [-size]]) * direction
        pair = self.expectations(data.states, params[: self.n_theta] + shifts)
        (up, _, by_up), (down, _, by_down) = (self._mean(E, params, data) for E in pair)
        gradient = (by_up + by_down) / 2
        gradient[: self.n_theta] = (up - down) / (2 * size) * direction
        return (up + down) / 2, gradient

    def _mean(self, E: np.ndarray, params: np.ndarray, data: Data) -> tuple:
        """Return what `mean_loss` does, of a finite loss."""
        _, targets, weights = data
        if self.compiled and self.loss.value_and_slope is log_loss:
            E = np.ascontiguousarray(E)
            value, *slopes = _compiled()(E, params, targets, weights)
        else:
            value, *slopes = mean_loss(self.loss, E, params, targets, weights)
        return _finite(value), *slopes


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(
            f"The training loss must be finite, got {value}; check the backend's "
            "results or lower `learning_rate_init`."
        )
    return value
