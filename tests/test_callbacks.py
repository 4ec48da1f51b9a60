"""scikit-learn's callbacks around fit: tasks, fitted estimators, stopping."""

import numpy as np
import pytest
from qiskit_machine_learning.optimizers import COBYLA
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4))
Y = np.array(["no", "yes"])[(X[:, 0] * X[:, 1] > 0).astype(int)]

# A schedule runs all epochs and does not warn.
FOUR = {"max_iter": 4, "learning_rate": "cosine", "random_state": 0}


class Recorder:
    """Count the hooks and keep what they are given."""

    def __init__(self, stop_after=None):
        self.begun, self.ended = [], []
        self.scores, self.data = [], []
        self.stop_after = stop_after
        self.n_setup = self.n_teardown = 0

    def setup(self, estimator, context):
        self.n_setup += 1
        self.max_subtasks = context.max_subtasks

    def on_fit_task_begin(self, estimator, context):
        self.begun.append((context.task_name, context.task_id))

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, fitted_estimator=None
    ):
        self.ended.append((context.task_name, context.task_id))
        self.scores.append(fitted_estimator.score(X, y))
        self.data.append((X, y))
        return context.task_name == "epoch" and len(self.ended) == self.stop_after

    def teardown(self, estimator, context):
        self.n_teardown += 1


def fit(callback, **arguments):
    classifier = QNNClassifier(**(FOUR | arguments))
    return classifier.set_callbacks(callback).fit(X, Y)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_one_task_per_epoch(early_stopping):
    recorder = Recorder()
    classifier = fit(recorder, early_stopping=early_stopping)
    epochs = [("epoch", k) for k in range(4)]
    assert recorder.begun == [("fit", 0), *epochs]
    assert recorder.ended == [*epochs, ("fit", 0)]
    assert (recorder.n_setup, recorder.n_teardown) == (1, 1)
    assert recorder.max_subtasks == classifier.n_iter_ == 4


def test_fitted_estimator_predicts_as_if_fit_had_stopped():
    recorder = Recorder()
    fit(recorder)
    for n_epochs, score in enumerate(recorder.scores[:4], start=1):
        assert score == fit(Recorder(stop_after=n_epochs)).score(X, Y)
    assert len(set(recorder.scores)) > 1


def test_callback_sees_the_training_data():
    recorder = Recorder()
    fit(recorder)
    for seen_X, seen_y in recorder.data:
        np.testing.assert_array_equal(seen_X, X)
        np.testing.assert_array_equal(seen_y, Y)


@pytest.mark.parametrize("solver", ["adam", "spsa", "lbfgs", COBYLA(maxiter=50)])
def test_callback_stops_the_fit(solver):
    classifier = fit(Recorder(stop_after=2), solver=solver, max_iter=50)
    assert classifier.n_iter_ == 2
    assert classifier.predict(X).shape == (40,)


def test_unknown_length_is_told_to_callbacks():
    recorder = Recorder()
    classifier = fit(recorder, solver=COBYLA(maxiter=30))
    assert recorder.max_subtasks is None
    assert len(recorder.ended) == classifier.n_iter_ + 1 > 5


def test_callback_is_torn_down_after_an_error():
    recorder = Recorder()
    recorder.on_fit_task_begin = None  # not callable
    with pytest.raises(TypeError):
        fit(recorder)
    assert recorder.n_teardown == 1


@pytest.mark.parametrize("scoring", ["accuracy", ["accuracy", "neg_log_loss"]])
def test_scoring_monitor_scores_every_epoch(scoring):
    monitor = ScoringMonitor(scoring=scoring)
    classifier = fit(monitor)
    epochs = [r for r in monitor.get_logs().data if r["task_name"] == "epoch"]
    assert len(epochs) == 4
    assert epochs[-1]["accuracy"] == classifier.score(X, Y)
    assert ("neg_log_loss" in epochs[0]) == (len(scoring) == 2)


def test_scoring_monitor_in_a_pipeline():
    monitor = ScoringMonitor(scoring="accuracy")
    classifier = QNNClassifier(**FOUR).set_callbacks(monitor)
    pipeline = make_pipeline(StandardScaler(), classifier).fit(X, Y)
    epochs = [r for r in monitor.get_logs().data if r["task_name"] == "epoch"]
    assert len(epochs) == 4
    assert epochs[-1]["accuracy"] == pipeline.score(X, Y)


def test_scoring_monitor_in_a_grid_search():
    monitor = ScoringMonitor(scoring="accuracy")
    classifier = QNNClassifier(**FOUR).set_callbacks(monitor)
    GridSearchCV(classifier, {"reps": [1, 2]}, cv=2).fit(X, Y)
    rows = [row for log in monitor.get_logs(select="all") for row in log.data]
    # Two candidates times two folds, and the best one again on all data.
    assert sum(row["task_name"] == "epoch" for row in rows) == 5 * 4


def test_progress_bar(capsys):
    fit(ProgressBar())
    assert "QNNClassifier - fit" in capsys.readouterr().out


def test_progress_bar_in_a_grid_search(capsys):
    search = GridSearchCV(QNNClassifier(**FOUR), {"reps": [1, 2]}, cv=2)
    search.set_callbacks(ProgressBar()).fit(X, Y)
    bars = capsys.readouterr().out
    assert "GridSearchCV - fit" in bars
    assert bars.count("QNNClassifier - fit") == 5  # two by two, and the best again


def test_callbacks_are_cloned_with_the_classifier():
    recorder = Recorder()
    classifier = QNNClassifier(**FOUR).set_callbacks(recorder)
    clone(classifier).fit(X, Y)
    assert recorder.n_setup == 1


def test_progress_bar_on_a_pipeline_of_images(capsys):
    steps = [("e", BinaryAmplitudeEncoder()), ("c", QNNClassifier(**FOUR))]
    pipeline = Pipeline(steps)  # names so short that no terminal cuts them
    pipeline.set_callbacks(ProgressBar()).fit(X, Y)  # a warning would be an error
    bars = capsys.readouterr().out
    assert "| BinaryAmplitudeEncoder" in bars
    assert "| QNNClassifier" in bars


class Norms(Recorder):
    """Keep the norms of the rows that the fitted encoder makes."""

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, fitted_estimator=None
    ):
        self.ended.append((context.task_name, context.task_id))
        self.norms = np.linalg.norm(fitted_estimator.transform(X), axis=1)


def test_callbacks_of_the_encoder_see_it_fitted():
    norms = Norms()
    BinaryAmplitudeEncoder().set_callbacks(norms).fit(X)
    assert norms.begun == norms.ended == [("fit", 0)]
    assert norms.n_setup == norms.n_teardown == 1
    np.testing.assert_allclose(norms.norms, 1, rtol=1e-12)


def test_callbacks_of_the_encoder_end_with_a_fit_that_fails():
    norms = Norms()
    with pytest.raises(ValueError, match="`image_shape` must hold the 4 features"):
        BinaryAmplitudeEncoder(image_shape=(2, 3)).set_callbacks(norms).fit(X)
    assert norms.n_teardown == 1
