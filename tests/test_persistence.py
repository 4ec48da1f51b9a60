"""A fitted classifier travels: copies, files, other processes, the same bits."""

import copy
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import cloudpickle
import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from qiskit import QuantumCircuit
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from sklearn.datasets import load_iris
from sklearn.exceptions import InconsistentVersionWarning

from skqnn import QNNClassifier

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
Y = np.array(["a", "b"])[np.arange(30) % 2]

# A schedule runs all epochs and does not warn.
FEW = {"max_iter": 3, "learning_rate": "cosine", "random_state": 0}


def fit(**arguments):
    return QNNClassifier(**(FEW | arguments)).fit(X, Y)


def through_joblib(classifier, path):
    joblib.dump(classifier, path / "model.joblib")
    return joblib.load(path / "model.joblib")


COPIES = {
    "pickle": lambda c, path: pickle.loads(pickle.dumps(c)),
    "joblib": through_joblib,
    "cloudpickle": lambda c, path: cloudpickle.loads(cloudpickle.dumps(c)),
    "deepcopy": lambda c, path: copy.deepcopy(c),
}
MODELS = {
    "default": {},
    "angle": {"encoding": "angle"},
    "feature map": {"encoding": zz_feature_map(3)},
    "complex": {"ansatz": "efficient_su2", "loss": "squared_error"},
    "circuit": {"ansatz": real_amplitudes(2, reps=2)},
}


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("model", MODELS)
def test_copy_predicts_the_same(model, way, tmp_path):
    classifier = fit(**MODELS[model])
    copied = COPIES[way](classifier, tmp_path)
    assert copied is not classifier
    scores = classifier.decision_function(X)
    assert_array_equal(copied.decision_function(X), scores)
    assert_array_equal(copied.predict(X), classifier.predict(X))
    assert copied.loss_curve_ == classifier.loss_curve_


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("solver", ["adam", "sgd", "spsa"])
def test_copy_continues_the_same(solver, way, tmp_path):
    classifier = fit(solver=solver, warm_start=True, batch_size=7)
    copied = COPIES[way](classifier, tmp_path)
    assert_array_equal(copied.fit(X, Y).theta_, classifier.fit(X, Y).theta_)


def test_copy_does_not_share_its_curves():
    classifier = fit(warm_start=True)
    copy.deepcopy(classifier).fit(X, Y)
    assert len(classifier.loss_curve_) == classifier.n_iter_ == 3


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("model", MODELS)
def test_pickle_of_any_protocol_holds_no_object_of_qiskit(model, protocol):
    classifier = fit(**MODELS[model])
    data = pickle.dumps(classifier, protocol)
    assert b"qiskit" not in data
    scores = pickle.loads(data).decision_function(X)
    assert_array_equal(scores, classifier.decision_function(X))


@pytest.mark.parametrize("model", MODELS)
def test_equal_fits_have_equal_hashes(model):
    assert joblib.hash(fit(**MODELS[model])) == joblib.hash(fit(**MODELS[model]))
    assert joblib.hash(fit()) != joblib.hash(fit(random_state=1))


def test_pickles_of_the_oldest_qiskit_predict_and_train():
    path = Path(__file__).parent / "data" / "models_qiskit_2.3.0.pickle"
    rows, labels = load_iris(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        models = pickle.loads(path.read_bytes())
    for model, scores in models:
        found = model.decision_function(rows[::50] / 4)
        assert_allclose(found, scores, atol=1e-12)
        loss = model.loss_
        assert model.partial_fit(rows / 4, labels).loss_ < 1.1 * loss


def test_callable_ansatz_travels_by_cloudpickle():
    classifier = fit(ansatz=lambda n_qubits: real_amplitudes(n_qubits, reps=3))
    copied = cloudpickle.loads(cloudpickle.dumps(classifier))
    assert_array_equal(copied.predict(X), classifier.predict(X))


def test_pickle_of_24_parameters_is_small():
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(30, 2048))
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    classifier = QNNClassifier(**FEW).fit(images, Y)
    assert classifier.n_parameters_ == 24
    assert len(pickle.dumps(classifier)) < 50_000


def test_pickle_does_not_hold_the_training_data():
    sizes = [
        len(pickle.dumps(QNNClassifier(**FEW).fit(np.tile(X, (n, 1)), np.tile(Y, n))))
        for n in (1, 50)
    ]
    assert abs(sizes[1] - sizes[0]) < 100


TRAIN = """
import joblib, sys
from sklearn.base import clone
X, y, classifiers = joblib.load(sys.argv[1])
done = [(clone(c).fit(X, y), c.decision_function(X)) for c in classifiers]
joblib.dump(done, sys.argv[2])
"""


def test_other_process_loads_predicts_and_trains_the_same_bits(tmp_path):
    classifiers = [fit(solver=solver, batch_size=7) for solver in ("adam", "spsa")]
    joblib.dump((X, Y, classifiers), tmp_path / "there")
    command = [sys.executable, "-c", TRAIN, tmp_path / "there", tmp_path / "back"]
    subprocess.run(command, check=True, timeout=120)
    done = joblib.load(tmp_path / "back")
    for classifier, (trained, scores) in zip(classifiers, done, strict=True):
        assert_array_equal(scores, classifier.decision_function(X))
        assert_array_equal(trained.theta_, classifier.theta_)
        assert trained.loss_curve_ == classifier.loss_curve_


def test_circuits_of_a_copy_are_circuits():
    copied = pickle.loads(pickle.dumps(fit(encoding="angle")))
    assert isinstance(copied.circuit_, QuantumCircuit)
    assert copied.feature_map_.num_parameters == 3
