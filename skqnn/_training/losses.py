"""Loss functions on scores, their slopes, and the probabilities that go with them.

Targets are indicators: shape (n_samples, 1) with 1 for the second class when there are
two classes, otherwise one-hot rows of shape (n_samples, n_classes). Scores have the
same shape.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax


class Loss(NamedTuple):
    """A loss per sample, its slope by the scores, and the implied probabilities."""

    value_and_slope: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    log_probabilities: Callable[[np.ndarray], np.ndarray]


def log_loss(scores: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the cross-entropy in nats, (n_samples,), and its slope by the scores."""
    if scores.shape[1] == 1:
        sign = 2 * targets - 1
        return -log_expit(sign * scores)[:, 0], expit(scores) - targets
    logarithms = log_softmax(scores, axis=1)
    return -np.sum(targets * logarithms, axis=1), np.exp(logarithms) - targets


def log_loss_log_probabilities(scores: np.ndarray) -> np.ndarray:
    """Return the logarithms of sigmoid or softmax, shape (n_samples, n_classes)."""
    if scores.shape[1] == 1:
        return np.hstack([log_expit(-scores), log_expit(scores)])
    return log_softmax(scores, axis=1)


def squared_error(
    scores: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the squared distance to targets of -1 and +1, summed over the scores."""
    residual = scores - (2 * targets - 1)
    return np.sum(residual**2, axis=1), 2 * residual


def squared_error_log_probabilities(scores: np.ndarray) -> np.ndarray:
    """Return log probabilities from scores that estimate ``2 p - 1``.

    ``p = (1 + score) / 2`` is clipped to at least 0 and divided by the sum over the
    classes. Where no class is left, softmax keeps the order of the scores.
    """
    if scores.shape[1] == 1:
        scores = np.hstack([-scores, scores])
        probabilities = np.clip((1 + scores) / 2, 0, 1)
    else:
        probabilities = np.maximum(1 + scores, 0)
        total = probabilities.sum(axis=1, keepdims=True)
        lost = total == 0
        probabilities = np.where(
            lost, softmax(scores, axis=1), probabilities / np.where(lost, 1, total)
        )
    with np.errstate(divide="ignore"):  # log 0 = -inf is the right answer
        return np.log(probabilities)


# To add a loss, write its two functions and name them here.
LOSSES = {
    "log_loss": Loss(log_loss, log_loss_log_probabilities),
    "squared_error": Loss(squared_error, squared_error_log_probabilities),
}
