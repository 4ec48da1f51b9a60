"""Searches and one-vs-rest on a real Dask cluster: two worker processes, one machine.

joblib moves every large argument of a task to one worker, and what a dead worker held
is lost. `everywhere` is the remedy that the user guide shows: copies on all workers of
the data and of the indices of each fold, and no memory manager that drops copies.
"""

import os
import signal
from functools import partial
from itertools import chain

import joblib
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

distributed = pytest.importorskip("distributed")

GRID = {"learning_rate_init": [0.03, 0.1], "init_scale": [0.1, 0.5]}


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            memory_limit="1GiB",
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # None would be port 8787
            scheduler_kwargs={"dashboard": False},
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.amm.stop()
        yield client


@pytest.fixture(scope="module")
def data():
    """States of 4x4 images of 0, 1 and 2, their labels, and explicit folds."""
    X, y = load_digits(n_class=3, return_X_y=True)
    X = BinaryAmplitudeEncoder(image_size=(4, 4)).fit_transform(X)
    return X, y, list(StratifiedKFold(3).split(X, y))


@pytest.fixture
def model():
    return QNNClassifier(learning_rate="one_cycle", max_iter=5, random_state=0)


@pytest.fixture(scope="module")
def everywhere(data):
    X, y, folds = data
    return [X, y, *chain.from_iterable(folds)]


def accuracy_or_death(model, X, y, *, flag, spared):
    """Return the accuracy, but kill the process that is the first to ask."""
    if os.getpid() != spared:
        try:
            flag.touch(exist_ok=False)
        except FileExistsError:
            return model.score(X, y)
        os.kill(os.getpid(), signal.SIGKILL)
    return model.score(X, y)


def assert_same_search(search, expected):
    for column in ("split0_test_score", "mean_test_score", "rank_test_score"):
        assert_array_equal(search.cv_results_[column], expected.cv_results_[column])
    assert search.best_params_ == expected.best_params_
    assert_array_equal(search.best_estimator_.theta_, expected.best_estimator_.theta_)


def test_grid_search_equals_the_local_one(client, data, model):
    X, y, _ = data
    expected = GridSearchCV(model, GRID, cv=3).fit(X, y)
    with joblib.parallel_config(backend="dask"):
        search = GridSearchCV(model, GRID, cv=3).fit(X, y)
    assert_same_search(search, expected)


def test_one_vs_rest_equals_the_local_one(client, data, model):
    X, y, _ = data
    expected = OneVsRestClassifier(model).fit(X, y)
    with joblib.parallel_config(backend="dask"):
        distant = OneVsRestClassifier(model).fit(X, y)
    for one, other in zip(distant.estimators_, expected.estimators_, strict=True):
        assert_array_equal(one.theta_, other.theta_)
    assert_array_equal(distant.decision_function(X), expected.decision_function(X))


def test_grid_search_survives_the_death_of_a_worker(
    client, data, model, everywhere, tmp_path
):
    X, y, folds = data
    expected = GridSearchCV(model, GRID, cv=folds).fit(X, y)
    scorer = partial(accuracy_or_death, flag=tmp_path / "died", spared=os.getpid())
    before = set(client.run(os.getpid).values())
    with joblib.parallel_config(backend="dask", scatter=everywhere):
        search = GridSearchCV(model, GRID, cv=folds, scoring=scorer).fit(X, y)
    assert (tmp_path / "died").exists()
    client.wait_for_workers(2, timeout=60)
    assert len(before - set(client.run(os.getpid).values())) == 1
    assert_same_search(search, expected)
