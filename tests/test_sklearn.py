"""QNNClassifier inside scikit-learn: its checks, its tools, its data frames."""

import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from qiskit.circuit.library import real_amplitudes
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr
from sklearn.utils.estimator_checks import check_estimator

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

IMAGES, DIGITS = (part[:90] for part in load_digits(n_class=3, return_X_y=True))
BINARY = DIGITS % 2

# A schedule runs all epochs and does not warn.
FEW = {
    "max_iter": 10,
    "learning_rate": "cosine",
    "learning_rate_init": 0.3,
    "random_state": 0,
}

# What MLPClassifier skips too: it needs an environment variable set before SciPy.
SKIPPED = {
    "check_array_api_input",
    "check_array_api_mixed_inputs",
    "check_array_api_same_namespace",
}

# Mini-batches and a validation split are left out: with them a sample of weight 2 is
# not the same as two samples.
CHECKED = [
    QNNClassifier(),
    pytest.param(
        # Not to the end: on the way, rounding becomes another path.
        QNNClassifier(loss="squared_error", solver="lbfgs", reps=2, max_iter=12),
        marks=pytest.mark.slow,
    ),
    pytest.param(
        QNNClassifier(ansatz="efficient_su2", class_weight="balanced"),
        marks=pytest.mark.slow,
    ),
]


@pytest.mark.parametrize("classifier", CHECKED, ids=str)
def test_check_estimator(classifier):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(classifier, on_fail=None, on_skip=None)
    by_status = {"passed": set(), "skipped": set(), "failed": set(), "xfail": set()}
    for result in results:
        by_status[result["status"]].add(result["check_name"])
    assert by_status["failed"] == by_status["xfail"] == set()
    assert by_status["skipped"] <= SKIPPED
    assert len(by_status["passed"]) > 50


def model(**arguments):
    return make_pipeline(BinaryAmplitudeEncoder(), QNNClassifier(**(FEW | arguments)))


def test_pipeline_learns_digits():
    pipeline = model(max_iter=60).fit(IMAGES[:60], DIGITS[:60])
    assert pipeline.score(IMAGES[60:], DIGITS[60:]) >= 0.8  # chance is 0.33


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search_chooses(n_jobs):
    grid = {"qnnclassifier__reps": [1, 2], "binaryamplitudeencoder__black": ["edge"]}
    search = GridSearchCV(model(), grid, cv=3, n_jobs=n_jobs).fit(IMAGES, BINARY)
    assert search.best_params_.keys() == grid.keys()
    assert search.score(IMAGES, BINARY) > 0.6
    # The same bits as without the search.
    again = clone(search.best_estimator_).fit(IMAGES, BINARY)
    assert_array_equal(again[-1].theta_, search.best_estimator_[-1].theta_)


def test_cross_validation():
    scores = cross_val_score(model(max_iter=40), IMAGES, BINARY, cv=3)
    assert scores.mean() > 0.8
    p = cross_val_predict(model(), IMAGES, DIGITS, cv=3, method="predict_proba")
    assert_allclose(p.sum(axis=1), 1)


META = {
    "calibrated": lambda: CalibratedClassifierCV(model(), cv=2),
    "stacking": lambda: StackingClassifier([("qnn", model())], cv=2),
    "voting": lambda: VotingClassifier(
        [("qnn", model()), ("linear", LogisticRegression(max_iter=5000))], voting="soft"
    ),
    "bagging": lambda: BaggingClassifier(
        model(), n_estimators=2, max_samples=0.8, random_state=0
    ),
    "one versus rest": lambda: OneVsRestClassifier(model()),
}


@pytest.mark.parametrize("name", META)
def test_meta_estimator(name):
    estimator = META[name]().fit(IMAGES, DIGITS)
    assert_array_equal(estimator.classes_, [0, 1, 2])
    assert_allclose(estimator.predict_proba(IMAGES).sum(axis=1), 1)
    assert estimator.score(IMAGES, DIGITS) > 0.5


def test_sample_weight_is_routed_through_pipeline_and_grid_search():
    weights = np.where(DIGITS == 0, 5.0, 0.2)
    with sklearn.config_context(enable_metadata_routing=True):
        classifier = QNNClassifier(**FEW).set_fit_request(sample_weight=True)
        classifier.set_score_request(sample_weight=False)
        pipeline = make_pipeline(BinaryAmplitudeEncoder(), classifier)
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        search = GridSearchCV(pipeline, {"qnnclassifier__reps": [1]}, cv=2)
        search.set_params(scoring=scorer).fit(IMAGES, BINARY, sample_weight=weights)
    manual = model(reps=1)
    manual.fit(IMAGES, BINARY, qnnclassifier__sample_weight=weights)
    theta = search.best_estimator_[-1].theta_
    assert_array_equal(theta, manual[-1].theta_)
    assert not np.array_equal(theta, model().fit(IMAGES, BINARY)[-1].theta_)


FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame}


@pytest.mark.parametrize("library", FRAMES)
def test_data_frame_gives_feature_names(library):
    names = [f"pixel {k}" for k in range(64)]
    frame = FRAMES[library](dict(zip(names, IMAGES.T, strict=True)))
    classifier = QNNClassifier(**FEW).fit(frame, BINARY)
    assert_array_equal(classifier.feature_names_in_, names)
    bare = QNNClassifier(**FEW).fit(IMAGES, BINARY)
    assert not hasattr(bare, "feature_names_in_")
    assert_array_equal(
        classifier.decision_function(frame), bare.decision_function(IMAGES)
    )
    with pytest.raises(ValueError, match="feature names should match"):
        classifier.predict(frame[names[::-1]])


@pytest.mark.parametrize("library", FRAMES)
def test_series_of_labels(library):
    labels = np.array(["even", "odd"])[BINARY]
    series = pd.Series(labels) if library == "pandas" else pl.Series(labels)
    classifier = QNNClassifier(**FEW).fit(IMAGES, series)
    assert_array_equal(classifier.classes_, ["even", "odd"])


LABELS = {  # names of two classes, and the type of their array or Series
    "integers as objects": ((0, 1), object),
    "floats as objects": ((0.0, 1.0), object),
    "bools as objects": ((False, True), object),
    "text as objects": (("a", "b"), object),
    "integers that may be missing": ((0, 1), "Int64"),
    "bools that may be missing": ((False, True), "boolean"),
    "integers as categories": ((0, 1), "category"),
    "text as categories": (("a", "b"), "category"),
    "text of pandas": (("a", "b"), "string"),
    "bytes": (("a", "b"), np.dtype("S1")),
    "years": (("2025", "2026"), np.dtype("M8[Y]")),
}


@pytest.mark.parametrize("names, dtype", LABELS.values(), ids=LABELS)
def test_labels_are_taken_or_refused_as_elsewhere(names, dtype):
    y = np.array(names, dtype=object)[BINARY]
    y = pd.Series(y, dtype=dtype) if isinstance(dtype, str) else y.astype(dtype)
    classifier, ours = LogisticRegression(max_iter=1000), QNNClassifier(**FEW)
    try:
        expected = classifier.fit(IMAGES, y).classes_
    except (TypeError, ValueError) as error:
        with pytest.raises(type(error), match=f"^{re.escape(str(error))}$"):
            ours.fit(IMAGES, y)
    else:
        assert_array_equal(ours.fit(IMAGES, y).classes_, expected, strict=True)


@pytest.mark.parametrize("library", FRAMES)
def test_set_output_in_a_pipeline(library):
    pipeline = model().set_output(transform=library).fit(IMAGES, BINARY)
    names = pipeline[-1].feature_names_in_
    assert_array_equal(names, pipeline[0].get_feature_names_out())
    expected = model().fit(IMAGES, BINARY).predict(IMAGES)
    assert_array_equal(pipeline.predict(IMAGES), expected)


def test_float32_images_stay_float32():
    pipeline = model().fit(IMAGES.astype(np.float32), BINARY)
    assert pipeline[0].transform(IMAGES.astype(np.float32)).dtype == np.float32
    expected = model().fit(IMAGES, BINARY).predict_proba(IMAGES)
    assert_allclose(
        pipeline.predict_proba(IMAGES.astype(np.float32)), expected, atol=1e-4
    )


def test_clone_is_unfitted_and_trains_the_same_bits():
    classifier = QNNClassifier(
        intercept_scaling=None, reps=2, observables=["Z" * 6], **FEW
    )
    first = classifier.fit(IMAGES, BINARY).theta_
    copied = clone(classifier)
    assert copied.get_params() == classifier.get_params()
    assert not hasattr(copied, "theta_")
    assert_array_equal(copied.fit(IMAGES, BINARY).theta_, first)


def test_repr_shows_what_differs_from_the_defaults():
    assert repr(QNNClassifier()) == "QNNClassifier()"
    assert repr(QNNClassifier(reps=3)) == "QNNClassifier(reps=3)"
    assert "QNNClassifier" in estimator_html_repr(model().fit(IMAGES, BINARY))


def test_convergence_warning_can_be_turned_into_an_error_by_cross_validation():
    with pytest.warns(ConvergenceWarning):
        cross_val_score(QNNClassifier(max_iter=2), IMAGES, BINARY, cv=2)


def shallow(n_qubits):
    return real_amplitudes(n_qubits, reps=1)


def deep(n_qubits):
    return real_amplitudes(n_qubits, reps=3)


def count_parameters(estimator, X, y):
    return estimator.n_parameters_


def test_grid_over_circuits_with_free_parameters():
    grid = {"ansatz": [shallow, deep, "efficient_su2"]}
    search = GridSearchCV(
        QNNClassifier(**FEW), grid, scoring=count_parameters, cv=2, error_score="raise"
    )
    search.fit(IMAGES[:30, :8], BINARY[:30])
    assert list(search.cv_results_["param_ansatz"]) == grid["ansatz"]
    n_qubits = search.best_estimator_.circuit_.num_qubits
    counts = [2 * n_qubits + 2, 4 * n_qubits + 2]
    assert list(search.cv_results_["mean_test_score"][:2]) == counts
