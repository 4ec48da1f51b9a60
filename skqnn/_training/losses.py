"""Loss functions on scores, their slopes, and the probabilities that go with them.

Targets are indicators: shape (n_samples, 1) with 1 for the second class when there are
two classes, otherwise one-hot rows of shape (n_samples, n_classes). Scores have the
same shape.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax


def unit_metric(scores: np.ndarray) -> np.ndarray:
    """Return identities: targets are normal around the scores, with variance 1."""
    return np.broadcast_to(np.eye(scores.shape[1]), (*scores.shape, scores.shape[1]))


class Loss(NamedTuple):
    """A loss per sample, its slope by the scores, and what it takes labels for.

    Attributes
    ----------
    value_and_slope : callable (scores, targets) -> (value, slope)
        Of shapes (n_samples,) and (n_samples, n_scores).
    log_probabilities : callable (scores) -> logarithms
        Of shape (n_samples, n_classes).
    metric : callable (scores) -> metric
        Fisher information of the distribution of labels or targets by the scores, of
        shape (n_samples, n_scores, n_scores).
    """

    value_and_slope: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    log_probabilities: Callable[[np.ndarray], np.ndarray]
    metric: Callable[[np.ndarray], np.ndarray] = unit_metric


def log_loss(scores: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the cross-entropy in nats, (n_samples,), and its slope by the scores."""
    if scores.shape[1] == 1:
        sign = 2 * targets - 1
        return -log_expit(sign * scores)[:, 0], expit(scores) - targets
    # As scipy.special.log_softmax, without what it does for arrays of other libraries,
    # and the largest score is found column by column, as rows are short: this is most
    # of what a step of a small model costs outside of the engine.
    logarithms = scores - scores.T.copy().max(axis=0)[:, None]
    slopes = np.exp(logarithms)
    totals = slopes.sum(axis=1, keepdims=True)
    logarithms -= np.log(totals)
    logarithms *= targets
    slopes /= totals
    slopes -= targets
    return -logarithms.sum(axis=1), slopes


def log_loss_log_probabilities(scores: np.ndarray) -> np.ndarray:
    """Return the logarithms of sigmoid or softmax, shape (n_samples, n_classes)."""
    if scores.shape[1] == 1:
        return np.hstack([log_expit(-scores), log_expit(scores)])
    return log_softmax(scores, axis=1)


def log_loss_metric(scores: np.ndarray) -> np.ndarray:
    """Return ``diag(p) - p p^T``: labels are drawn from the sigmoid or softmax."""
    if scores.shape[1] == 1:
        p = expit(scores)
        return (p * (1 - p))[:, :, None]
    p = softmax(scores, axis=1)
    return p[:, :, None] * (np.eye(p.shape[1]) - p[:, None, :])


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


# To add a loss, write its functions and name them here.
LOSSES = {
    "log_loss": Loss(log_loss, log_loss_log_probabilities, log_loss_metric),
    "squared_error": Loss(squared_error, squared_error_log_probabilities),
}


def as_loss(loss: str | Callable) -> Loss:
    """Return the loss of a name, or of a function ``(scores, targets)`` of the user.

    Scores that are trained with a function are taken for logits.
    """
    if isinstance(loss, str):
        return LOSSES[loss]
    return LOSSES["log_loss"]._replace(value_and_slope=partial(_own_loss, loss))


def reading_of(loss: str | Callable) -> str:
    """Return the name of the loss whose probabilities go with these scores."""
    return loss if isinstance(loss, str) else "log_loss"


def _own_loss(
    function: Callable, scores: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what a user's loss returns, if it is a loss: finite, of its shapes."""
    result = function(scores, targets.copy())  # which it may change
    shapes = [np.shape(part) for part in result] if isinstance(result, tuple) else None
    if shapes != [scores.shape[:1], scores.shape]:
        raise ValueError(
            f"`loss` must return a tuple (values, slopes) of shapes "
            f"{scores.shape[:1]} and {scores.shape} for scores of shape "
            f"{scores.shape}, got {type(result).__name__} of shapes {shapes}; return "
            "one value per row, and its derivative by each score."
        )
    if any(map(np.iscomplexobj, result)):
        raise ValueError(
            "`loss` must return real values and slopes, got complex numbers; take "
            "their real part."
        )
    values, slopes = (np.asarray(part, dtype=float) for part in result)
    if not (np.isfinite(values).all() and np.isfinite(slopes).all()):
        raise ValueError(
            "`loss` must return finite values and slopes, got nan or infinity for "
            f"scores between {scores.min():.3g} and {scores.max():.3g}; avoid "
            "logarithms of 0 and divisions by 0."
        )
    return values, slopes
