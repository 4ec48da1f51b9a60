"""The training problem of an estimator, as diagnostics look at it."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from skqnn._classifier import QNNClassifier
from skqnn._engine.statevector import StatevectorEngine
from skqnn._execution import exact_engine, objective_of
from skqnn._pipelines import classifier_input, final_classifier, is_started
from skqnn._training.data import (
    Data,
    class_indices,
    class_weighted,
    indicator_targets,
    weighted_rows,
)


class Problem(NamedTuple):
    """A classifier with a model, and data as its exact engine takes them."""

    classifier: QNNClassifier  # fitted, or started at random angles
    engine: StatevectorEngine
    data: Data


def start(
    classifier: QNNClassifier,
    X: ArrayLike,
    y: ArrayLike,
    random_state=None,
    sample_weight=None,
):
    """Return a clone with a model for these data, at the angles that fit starts from.

    Parameters
    ----------
    classifier : QNNClassifier
        Fitted or not; only its hyper-parameters count.
    random_state : int, RandomState instance or None, default=None
        Replaces the classifier's own unless None.
    """
    started = clone(classifier)
    if random_state is not None:
        started.set_params(random_state=random_state)
    started._check_parameters()
    rows, y, weights = started._check_training_data(X, y, sample_weight, reset=True)
    classes, labels = np.unique(y, return_inverse=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # doubts about a fit, not a report
        constant = started._constant(rows, labels, weights)
        started._start(classes, rows.shape[1], constant)
    return started


def pose(
    estimator: Any, X: ArrayLike, y: ArrayLike, sample_weight=None, random_state=None
):
    """Return the training problem of an estimator, in float64.

    Parameters
    ----------
    estimator : QNNClassifier or Pipeline
        Fitted: its parameters are kept. Otherwise a clone is started.
    random_state : int, RandomState instance or None, default=None
        Decides the angles of a classifier that is not fitted.

    Returns
    -------
    problem : Problem
    """
    seen = classifier_input(estimator, X, y)
    classifier = final_classifier(estimator)
    if not is_started(estimator):
        classifier = start(classifier, seen, y, random_state, sample_weight)
    rows, y, weights = classifier._check_training_data(
        seen, y, sample_weight, reset=False
    )
    labels = class_indices(y, classifier.classes_)
    engine = exact_engine(classifier._model)
    classes, class_weight = classifier.classes_, classifier.class_weight
    weights = class_weighted(weights, labels, classes, class_weight)
    rows, labels, weights = weighted_rows(rows, labels, weights)
    states = engine.prepare(classifier._rows(rows.astype(np.float64, copy=False)))
    targets = indicator_targets(labels, len(classes), len(classifier.observables_))
    return Problem(classifier, engine, Data(states, targets, weights / weights.mean()))


def observable_name(operator: Any) -> str:
    """Return the Pauli string of an observable, shortened if it has several terms."""
    label, coefficient = next(iter(operator.label_iter()))
    factor = "" if coefficient == 1 else f"{coefficient.real:g} "
    return f"{factor}{label}" + (" + …" if len(operator) > 1 else "")


def loss_gradients(
    problem: Problem, n_draws: int, rng: np.random.RandomState
) -> np.ndarray:
    """Return loss gradients at random angles with scale 1 and bias 0.

    Returns
    -------
    gradients : ndarray of shape (n_draws, n_parameters of the ansatz)
    """
    classifier, engine, data = problem
    n_theta = classifier.circuit_.num_parameters
    objective = objective_of(classifier._model, engine, classifier.loss)
    outer = np.r_[1.0, np.zeros(len(classifier.observables_))]
    angles = rng.uniform(-np.pi, np.pi, (n_draws, n_theta))
    draws = [
        objective.value_and_gradient(np.r_[theta, outer], data)[1] for theta in angles
    ]
    return np.array(draws)[:, :n_theta]


def count_of_angles(n: int) -> str:
    """Return how a title counts angles."""
    return "1 angle" if n == 1 else f"{n} angles"
