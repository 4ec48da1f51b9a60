"""The training problem of an estimator, as diagnostics look at it."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from skqnn._classifier import QNNClassifier
from skqnn._engine.statevector import StatevectorEngine
from skqnn._pipelines import classifier_input, final_classifier, is_started
from skqnn._training.losses import LOSSES
from skqnn._training.solvers import Data, Objective
from skqnn.exceptions import DeadParameterWarning


class Problem(NamedTuple):
    """A classifier with a model, and data as its exact engine takes them."""

    classifier: QNNClassifier  # fitted, or started at random angles
    engine: StatevectorEngine
    data: Data


def start(classifier: QNNClassifier, X: ArrayLike, y: ArrayLike, random_state=None):
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
    rows, y, _ = started._check_training_data(X, y, None, reset=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeadParameterWarning)
        started._start(np.unique(y), rows.shape[1])
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
        classifier = start(classifier, seen, y, random_state)
    rows, y, weights = classifier._check_training_data(
        seen, y, sample_weight, reset=False
    )
    labels = class_indices(y, classifier.classes_)
    weights = classifier._class_weighted(weights, y)
    engine = exact_engine(classifier)
    states = engine.prepare(classifier._rows(rows.astype(np.float64, copy=False)))
    targets = np.eye(len(classifier.classes_))[labels]
    if len(classifier.observables_) == 1:
        targets = targets[:, 1:]
    return Problem(classifier, engine, Data(states, targets, weights))


def exact_engine(classifier: QNNClassifier) -> StatevectorEngine:
    """Return the simulator of a classifier's model, whatever its `backend`."""
    return StatevectorEngine(
        classifier.circuit_,
        classifier.observables_,
        feature_map=classifier.feature_map_,
    )


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
            f"`y` must contain only the labels seen in fit, {classes}, got {unknown}."
        )
    return np.searchsorted(classes, y)


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
    loss = LOSSES[classifier.loss]
    objective = Objective(engine.expectations, engine.vjp, loss, n_theta)
    outer = np.r_[1.0, np.zeros(len(classifier.observables_))]
    angles = rng.uniform(-np.pi, np.pi, (n_draws, n_theta))
    with threadpool_limits(1, user_api="blas"):
        draws = [
            objective.value_and_gradient(np.r_[theta, outer], data)[1]
            for theta in angles
        ]
    return np.array(draws)[:, :n_theta]
