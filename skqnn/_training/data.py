"""Training data: labels, weights, targets, and the rows that are held out."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import train_test_split
from sklearn.utils.class_weight import compute_sample_weight

from skqnn._arrays import take_rows, to_numpy


class Data(NamedTuple):
    """Training data: states, indicator targets, weights of mean 1.

    States may be on a device; all other numbers of a training are NumPy's, and few.
    """

    states: Any
    targets: np.ndarray
    weights: np.ndarray

    def take(self, rows: Any) -> "Data":
        """Return some rows; a slice does not copy."""
        states = take_rows(self.states, rows)
        return Data(states, self.targets[rows], self.weights[rows])


def weighted_rows(X: Any, y: np.ndarray, weights: np.ndarray) -> tuple:
    """Return X, y and weights without the samples of weight 0."""
    used = np.flatnonzero(weights > 0)
    if len(used) == len(weights):
        return X, y, weights
    return take_rows(X, used), y[used], weights[used]


def check_two_classes(classes: np.ndarray) -> None:
    """Raise ValueError if there is nothing to tell apart."""
    if len(classes) < 2:
        raise ValueError(
            "`y` must have at least two classes among the samples with positive "
            f"weight, got {len(classes)} class: {classes}."
        )


def known_classes(classes: ArrayLike | None, fitted: np.ndarray | None) -> np.ndarray:
    """Return the labels of a partial fit: those given, or those of earlier calls."""
    if classes is None and fitted is None:
        raise ValueError(
            "`classes` must be given at the first call of partial_fit, got None."
        )
    known = fitted if classes is None else np.unique(to_numpy(classes))
    assert known is not None
    if fitted is not None and not np.array_equal(known, fitted):
        raise ValueError(
            f"`classes` must be the same at every call, {fitted}, got {known}."
        )
    if len(known) < 2:
        raise ValueError(f"`classes` must have at least two labels, got {known}.")
    return known


def class_indices(y: ArrayLike, classes: np.ndarray) -> np.ndarray:
    """Return the position in `classes` of every label.

    Raises
    ------
    ValueError
        If a label is not one of `classes`.
    """
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"`y` must contain only the known labels, {classes}, got {unknown}."
        )
    return np.searchsorted(classes, y)


def class_weighted(
    weights: np.ndarray, y: np.ndarray, class_weight: Mapping | str | None
) -> np.ndarray:
    """Return weights times class weights, scaled to mean 1."""
    if class_weight is not None:
        balance = compute_sample_weight(class_weight, y)
        if class_weight == "balanced":
            # A class counts by its total weight, so weight 2 is two samples.
            totals = {c: weights[y == c].sum() for c in np.unique(y)}
            balance = 1 / np.array([totals[c] for c in y])
        weights = weights * balance
        if not np.all(weights >= 0) or not 0 < weights.sum() < np.inf:
            raise ValueError(
                "`class_weight` must have non-negative, finite weights, not all "
                f"of them zero, got {class_weight}."
            )
    return weights / weights.mean()


def indicator_targets(labels: np.ndarray, n_classes: int, n_scores: int) -> np.ndarray:
    """Return one column per score: of two classes the second, otherwise one each."""
    if n_scores == 1:
        return labels[:, None].astype(np.float64)
    return np.eye(n_classes)[labels]


def hold_out(
    labels: np.ndarray, fraction: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of training and validation samples, stratified."""
    try:
        return train_test_split(
            np.arange(len(labels)),
            test_size=fraction,
            stratify=labels,
            random_state=int(rng.integers(2**31 - 1)),
        )
    except ValueError as error:
        raise ValueError(
            "`validation_fraction` must leave samples of each class to train on "
            f"and to hold out, got {fraction} of {len(labels)} samples: {error}"
        ) from error
