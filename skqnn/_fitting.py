"""A fit of QNNClassifier, from checked data to what is remembered of it."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score

from skqnn._arrays import Rows, take_rows
from skqnn._execution import objective_of
from skqnn._training.data import Data, hold_out, indicator_targets
from skqnn._training.loop import Callbacks, Report, warn_unconverged
from skqnn._training.losses import as_loss
from skqnn._training.monitor import Monitor
from skqnn._training.objective import split
from skqnn._training.solvers import Step, minimize, oriented


def train(
    classifier: Any,
    engine: Any,
    seen: dict[str, Any],
    X: Any,
    labels: np.ndarray,
    weights: np.ndarray,
    *,
    fresh: bool,
) -> None:
    """Run the solver of a started classifier, recording and reporting every epoch."""
    data, validate = _data(classifier, engine, X, labels, weights), None
    if classifier.early_stopping:
        data, validate = _hold_out(classifier, engine, data, labels)
    if fresh:
        _choose_sign(classifier, engine, data)
    plan = classifier._plan()
    monitor = Monitor(
        classifier._curves,
        tol=classifier.tol,
        n_iter_no_change=plan.patience(len(data.targets)),
        validate=validate,
        patient=plan._replace(gradient=classifier.gradient_).knows_its_length,
    )
    callbacks = Callbacks(classifier, plan.max_epochs, classifier._reconstruction, seen)
    callbacks.begin()
    report = Report(
        monitor, classifier._remember, classifier._remember_curves, callbacks
    )
    interruption = None
    try:
        converged = _minimize(classifier, engine, data, report)
    except KeyboardInterrupt as error:
        interruption, converged = error, True
    if monitor.best_params is not None:
        classifier._remember(monitor.best_params, classifier._optimizer_state)
    if interruption is not None:
        if classifier.backend is not None and engine.is_paid:
            raise interruption  # a script would go on, and pay for what comes next
        warnings.warn("Training interrupted by user.", stacklevel=4)
    callbacks.end()
    if interruption is None:
        cure = plan.cure(
            classifier.circuit_.num_parameters, exact=classifier.backend is None
        )
        loss, max_iter = as_loss(classifier.loss), classifier.max_iter
        warn_unconverged(monitor, converged, data, loss, max_iter, cure)


def train_epoch(
    classifier: Any,
    engine: Any,
    X: Any,
    labels: np.ndarray,
    weights: np.ndarray,
    *,
    fresh: bool,
) -> None:
    """Run a mini-batch solver once over some rows, with a constant step size."""
    monitor = Monitor(classifier._curves, tol=0, n_iter_no_change=1)
    report = Report(monitor, classifier._remember, classifier._remember_curves)
    data = _data(classifier, engine, X, labels, weights)
    if fresh:
        _choose_sign(classifier, engine, data)
    _minimize(classifier, engine, data, report, learning_rate="constant", max_iter=1)


def _data(
    classifier: Any, engine: Any, X: Any, labels: np.ndarray, weights: np.ndarray
) -> Data:
    """Return the training data, with what the engine runs for each row."""
    states = engine.prepare(classifier._rows(X))
    if classifier.backend is None:  # the exact engine copies rows as it loads them
        states = Rows(states, np.arange(len(labels)))
    else:
        states = engine.keep(states)
    n_scores = len(classifier.observables_)
    targets = indicator_targets(labels, len(classifier.classes_), n_scores)
    return Data(states, targets, weights)


def _hold_out(
    classifier: Any, engine: Any, data: Data, labels: np.ndarray
) -> tuple[Data, Callable[[np.ndarray], float]]:
    """Return the data to train on, and the accuracy on the rest as a function.

    The same rows are held out whenever training continues on the same data.
    """
    train, rest = hold_out(labels, classifier.validation_fraction, classifier._seed)
    states, weights = take_rows(data.states, rest), data.weights[rest]
    arguments = engine, states, labels[rest], weights
    return data.take(train), partial(_accuracy, classifier, *arguments)


def _choose_sign(classifier: Any, engine: Any, data: Data) -> None:
    """Give `scale_` a sign that fits the data, unless evaluations are paid for."""
    if classifier.backend is None or not engine.is_paid:
        objective = objective_of(classifier._model, engine, classifier.loss)
        params, plan = classifier._params(), classifier._plan()
        params = oriented(objective, params, data, plan, classifier._rng)
        classifier._remember(params, None)


def _minimize(
    classifier: Any, engine: Any, data: Data, report: Report, **changes: Any
) -> bool:
    """Run the solver from the present parameters, tell whether it converged."""
    try:
        return minimize(
            objective_of(
                classifier._model, engine, classifier.loss, classifier.gradient_
            ),
            data,
            Step(classifier._params(), classifier._optimizer_state, None, None),
            report,
            classifier._plan()._replace(gradient=classifier.gradient_, **changes),
            classifier._rng,
        )
    finally:
        report.remember()


def _accuracy(classifier: Any, engine, states, labels, weights, params) -> float:
    theta, scale, bias = split(params, classifier.circuit_.num_parameters)
    scores = scale * engine.expectations(states, theta) + bias
    return accuracy_score(labels, winner(scores), sample_weight=weights)


def winner(scores: np.ndarray) -> np.ndarray:
    """Return the index of the winning class, shape (n_samples,)."""
    if scores.shape[1] == 1:
        return (scores[:, 0] > 0).astype(np.intp)
    return np.argmax(scores, axis=1)
