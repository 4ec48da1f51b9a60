"""The loss of a batch as a function of the parameter vector, and its gradient.

The parameter vector is ``[theta, scale, bias]``; scores are ``scale * E + bias``.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from skqnn._training.data import Data
from skqnn._training.losses import Loss


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


class Objective(NamedTuple):
    """The mean weighted loss of a batch as a function of the parameter vector."""

    expectations: Callable  # (states, theta or thetas) -> E
    vjp: Callable  # (states, theta) -> E, pullback
    loss: Loss
    n_theta: int

    def value(self, params: np.ndarray, data: Data) -> float:
        """Return the loss."""
        theta, scale, bias = split(params, self.n_theta)
        E = self.expectations(data.states, theta)
        losses, _ = self.loss.value_and_slope(scale * E + bias, data.targets)
        return _mean_loss(losses, data.weights)

    def value_and_gradient(self, params: np.ndarray, data: Data) -> tuple:
        """Return the loss and its gradient."""
        theta, scale, bias = split(params, self.n_theta)
        E, pullback = self.vjp(data.states, theta)
        value, cotangent, outer = self._slopes(E, scale, bias, data)
        return value, np.concatenate([pullback(scale * cotangent), outer])

    def value_and_spsa(
        self, params: np.ndarray, data: Data, size: float, rng: np.random.Generator
    ) -> tuple:
        """Return the loss and a gradient estimate from two evaluations.

        All angles are shifted at once by +-`size` radians (J. C. Spall 1992, IEEE
        Trans. Autom. Control 37, 332). Scale and bias cost no circuit, so theirs is
        the exact gradient, averaged over both evaluations.
        """
        theta, scale, bias = split(params, self.n_theta)
        direction = rng.choice([-1.0, 1.0], size=self.n_theta)
        shifts = np.array([[size], [-size]]) * direction
        pair = self.expectations(data.states, theta + shifts)
        (up, _, outer_up), (down, _, outer_down) = (
            self._slopes(E, scale, bias, data) for E in pair
        )
        gradient = (up - down) / (2 * size) * direction
        outer = (outer_up + outer_down) / 2
        return (up + down) / 2, np.concatenate([gradient, outer])

    def _slopes(self, E: np.ndarray, scale, bias, data: Data) -> tuple:
        """Return the loss, its slope by the scores, its gradient by scale and bias."""
        losses, slopes = self.loss.value_and_slope(scale * E + bias, data.targets)
        value = _mean_loss(losses, data.weights)
        cotangent = (data.weights / len(slopes))[:, None] * slopes
        outer = np.empty(1 + slopes.shape[1])
        outer[0], outer[1:] = np.vdot(cotangent, E), cotangent.sum(axis=0)
        return value, cotangent, outer


def _mean_loss(losses: np.ndarray, weights: np.ndarray) -> float:
    value = float(weights @ losses) / len(losses)
    if not math.isfinite(value):
        raise ValueError(
            f"The training loss must be finite, got {value}; check the backend's "
            "results or lower `learning_rate_init`."
        )
    return value
