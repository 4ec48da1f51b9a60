"""Arrays of other libraries give NumPy's results, on their own device.

SciPy reads SCIPY_ARRAY_API when it is imported; without it all is skipped. Run
``SCIPY_ARRAY_API=1 python -m pytest tests/test_array_api.py``.
"""

import os
import subprocess
import sys
from functools import partial

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import zz_feature_map
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from skqnn import BinaryAmplitudeEncoder, QNNClassifier
from skqnn._arrays import to_numpy
from skqnn._circuits.ansatz import angle_encoding
from skqnn._engine.feature_map import FeatureMap
from skqnn.export import load, save
from skqnn.inspection import check_gradients

pytestmark = pytest.mark.skipif(
    "SCIPY_ARRAY_API" not in os.environ, reason="SCIPY_ARRAY_API is not set"
)

DIGITS, LABELS = load_digits(n_class=3, return_X_y=True)
DIGITS, LABELS = DIGITS[:120], LABELS[:120]
TWO = LABELS < 2
TOLERANCE = {"float64": 1e-10, "float32": 1e-4}
FEW = {"max_iter": 3, "tol": 0, "random_state": 0, "batch_size": 32}
LIBRARIES = {
    "torch": {"device": "cpu"},
    "torch on CUDA": {"device": "cuda"},
    "array_api_strict": {"device": "device1"},
}


@pytest.fixture(autouse=True)
def dispatch():
    with config_context(array_api_dispatch=True):
        yield


@pytest.fixture(params=LIBRARIES)
def send(request):
    """Return the function that makes arrays of a library from NumPy's."""
    library = pytest.importorskip(request.param.split()[0])
    device = LIBRARIES[request.param]["device"]
    if device == "cuda" and not library.cuda.is_available():
        pytest.skip("no CUDA device")
    if device == "device1":
        device = library.Device(device)
    return partial(library.asarray, device=device)


def assert_same(result, expected, X, tolerance=1e-10):
    """Compare with NumPy's result; type of array and device must be those of X."""
    assert type(result) is type(X)
    assert result.device == X.device
    assert_allclose(to_numpy(result), expected, rtol=tolerance, atol=tolerance)
    assert to_numpy(result).dtype == expected.dtype


ENCODERS = [
    {},
    {"black": "full"},
    {"black": "none", "image_size": (4, 4)},
    {"normalization": "pixel", "image_size": (5, 12)},
    {"threshold": 0.5},
    {"edge": (0, 1)},
    {"pixel_range": (2, 9), "dtype": "float32"},
    {"image_shape": (4, 16)},
    {"black": "none", "n_frequencies": 20},
    {"black": "none", "n_frequencies": 64, "emphasis": 0.5},
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
@pytest.mark.parametrize("arguments", ENCODERS, ids=str)
def test_encoder_equals_numpy(send, arguments, dtype):
    images = DIGITS.astype(dtype)
    images[0] = 0
    encoder = BinaryAmplitudeEncoder(**arguments)
    amplitudes = encoder.fit_transform(images)
    X = send(images)
    there = clone(encoder).fit(X)
    tolerance = 1e-12 if amplitudes.dtype == np.float64 else 1e-5
    assert_same(there.transform(X), amplitudes, X, tolerance)
    back = there.inverse_transform(there.transform(X))
    assert_same(back, encoder.inverse_transform(amplitudes), X, 16 * tolerance)
    assert there.pixel_range_ == encoder.pixel_range_


MODELS = {
    "default": {},
    "two classes": {},
    "squared error": {"loss": "squared_error", "solver": "lbfgs"},
    "complex": {
        "intercept_scaling": None,
        "ansatz": "efficient_su2",
        "observables": ["XY", "ZZ", "IY"],
    },
    "feature map": {"encoding": zz_feature_map(2, reps=1)},
    "angles": {"encoding": "angle"},
    "held out": {"early_stopping": True, "validation_fraction": 0.25},
    "general gates": {"ansatz": "n_local", "entanglement": "full"},
    "shifts": {"gradient": "parameter_shift"},
    "spsa": {"solver": "spsa"},
}


def features(name, dtype="float64"):
    """Return data of four columns, or two where each needs a qubit, and labels."""
    small = name in ("feature map", "angles")
    X = DIGITS[:, [20, 27] if small else [20, 27, 36, 43]] / 16
    rows = TWO if name == "two classes" else np.full(len(X), True)
    return X[rows].astype(dtype), LABELS[rows]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:.*dead")
@pytest.mark.filterwarnings("ignore::skqnn.exceptions.DeadParameterWarning")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", MODELS)
def test_classifier_equals_numpy(send, name, dtype):
    X, y = features(name, dtype)
    model = QNNClassifier(**(FEW | MODELS[name])).fit(X, y)
    X_there = send(X)
    there = clone(model).fit(X_there, send(y))
    tolerance = TOLERANCE[dtype]
    for attribute in ("theta_", "scale_", "bias_", "dead_parameters_"):
        expected = getattr(model, attribute)
        assert_same(getattr(there, attribute), expected, X_there, tolerance)
    for method in ("decision_function", "predict_proba", "predict_log_proba"):
        expected = getattr(model, method)(X)
        assert_same(getattr(there, method)(X_there), expected, X_there, tolerance)
    agreement = np.mean(to_numpy(there.predict(X_there)) == model.predict(X))
    assert agreement == 1 if dtype == "float64" else agreement > 0.97
    assert there.score(X_there, send(y)) == pytest.approx(model.score(X, y), abs=0.03)
    assert_allclose(there.loss_curve_, model.loss_curve_, rtol=tolerance)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::skqnn.exceptions.DeadParameterWarning")
@pytest.mark.parametrize("name", MODELS)
def test_single_precision_is_enough_where_a_device_has_no_doubles(name):
    library = pytest.importorskip("array_api_strict")
    X, y = features(name, "float32")
    X_there = library.asarray(X, device=library.Device("no_float64"))
    model = QNNClassifier(**(FEW | MODELS[name]))
    there = clone(model).fit(X_there, y)
    expected = model.fit(X, y).predict_proba(X)
    found = there.predict_proba(X_there)
    assert found.device == X_there.device
    assert found.dtype == library.float32
    assert_allclose(to_numpy(found), expected, atol=TOLERANCE["float32"])


Y_KINDS = {
    "list": list,
    "NumPy": np.asarray,
    "text": lambda y: np.array(["zero", "one", "two"])[y],
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", Y_KINDS)
def test_labels_may_stay_on_the_host(send, kind):
    X, labels = features("default")
    y = Y_KINDS[kind](labels)
    model = QNNClassifier(**FEW).fit(X, y)
    weights = np.where(labels == 2, 0.5, 1.0)
    model = QNNClassifier(**FEW).fit(X, y, weights)
    there = QNNClassifier(**FEW).fit(send(X), y, send(weights))
    predictions = there.predict(send(X))
    assert_array_equal(to_numpy(predictions), model.predict(X))
    assert isinstance(there.classes_, np.ndarray)
    assert isinstance(predictions, np.ndarray) == (kind == "text")


def test_partial_fit_continues_on_the_device(send):
    X, y = features("default")
    model, there = QNNClassifier(random_state=0), QNNClassifier(random_state=0)
    for rows in (slice(0, 50), slice(50, 120)):
        model.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        there.partial_fit(send(X[rows]), send(y[rows]), classes=[0, 1, 2])
    assert_same(there.theta_, model.theta_, send(X))


def test_weight_zero_removes_samples(send):
    X, y = features("default")
    weights = (y != 1).astype(float)
    model = QNNClassifier(**FEW, n_iter_no_change=1)
    with pytest.warns(match="Maximum"):
        model.fit(X, y, weights)
    with pytest.warns(match="Maximum"):
        there = clone(model).fit(send(X), send(y), send(weights))
    assert_array_equal(there.classes_, [0, 1, 2])
    assert_same(there.theta_, model.theta_, send(X))


def pipeline():
    return make_pipeline(
        BinaryAmplitudeEncoder(image_size=(4, 4)), QNNClassifier(**FEW)
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_pipeline_and_cross_validation(send):
    X, y = send(DIGITS), send(LABELS)
    model = pipeline().fit(DIGITS, LABELS)
    there = pipeline().fit(X, y)
    assert_same(there.predict_proba(X), model.predict_proba(DIGITS), X)
    scores = cross_val_score(pipeline(), X, y, cv=2)
    assert_allclose(scores, cross_val_score(pipeline(), DIGITS, LABELS, cv=2))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_grid_search():
    torch = pytest.importorskip("torch")
    grid = {"qnnclassifier__reps": [1, 2]}
    search = GridSearchCV(pipeline(), grid, cv=2).fit(DIGITS, LABELS)
    X, y = torch.asarray(DIGITS), torch.asarray(LABELS)
    there = GridSearchCV(pipeline(), grid, cv=2).fit(X, y)
    key = "mean_test_score"
    assert_allclose(there.cv_results_[key], search.cv_results_[key])
    assert_same(there.predict(X), search.predict(DIGITS), X)


LOAD = """
import sys, joblib, numpy
model = joblib.load(sys.argv[1])
assert not {"torch", "array_api_strict"} & set(sys.modules)
print(repr(model.predict_proba(numpy.load(sys.argv[2])).tolist()))
"""


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_dumped_model_opens_without_the_library(send, tmp_path):
    there = pipeline().fit(send(DIGITS), send(LABELS))
    joblib.dump(there, tmp_path / "model")
    np.save(tmp_path / "X.npy", DIGITS)
    command = [sys.executable, "-c", LOAD, tmp_path / "model", tmp_path / "X.npy"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    expected = to_numpy(there.predict_proba(send(DIGITS)))
    assert_allclose(np.array(eval(run.stdout)), expected, atol=1e-10)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_where_a_model_may_predict(send):
    X = send(DIGITS)
    on_host = pipeline().fit(DIGITS, LABELS)
    expected = on_host.predict_proba(DIGITS)
    assert_same(on_host.predict_proba(X), expected, X)
    there = pipeline().fit(X, send(LABELS))
    for estimator, method in ((there[0], "transform"), (there[1], "predict")):
        rows = DIGITS if method == "transform" else on_host[0].transform(DIGITS)
        with pytest.raises(ValueError, match="must use the same namespace"):
            getattr(estimator, method)(rows)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_tools_read_models_of_devices(send, tmp_path):
    there = pipeline().fit(send(DIGITS), send(LABELS))
    expected = pipeline().fit(DIGITS, LABELS).predict_proba(DIGITS)
    save(there, tmp_path / "model.skqnn")
    loaded = load(tmp_path / "model.skqnn")
    assert_allclose(loaded.predict_proba(DIGITS), expected, atol=1e-10)
    rows = loaded[0].transform(DIGITS[:20])
    check = check_gradients(there[1], rows, LABELS[:20])
    assert max(check.max_differences.values()) < 1e-6


def rotations_of_rows():
    """A feature map with every kind of step that differs between rows."""
    x, circuit = ParameterVector("x", 3), QuantumCircuit(3)
    for q in range(3):
        circuit.rx(x[q].exp(), q)
    circuit.sx(0)
    circuit.cx(0, 1)
    circuit.crz(x[0] * x[1], 1, 2)
    circuit.ecr(0, 2)
    circuit.crx(x[2] - 1, 0, 1)
    circuit.ryy(x[1] * x[1], 2, 0)
    return circuit


FEATURE_MAPS = {
    "zz": zz_feature_map(3),
    "angle": angle_encoding(3, 4),
    "all": rotations_of_rows(),
}


@pytest.mark.parametrize("feature_map", FEATURE_MAPS.values(), ids=FEATURE_MAPS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_feature_map_equals_numpy(send, feature_map, dtype):
    rows = np.random.default_rng(0).normal(size=(5, 3)).astype(dtype)
    encoded = FeatureMap(feature_map)
    X = send(rows)
    assert_same(encoded.encode(X), encoded.encode(rows), X, TOLERANCE[dtype])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "estimator", [BinaryAmplitudeEncoder(), QNNClassifier()], ids=str
)
def test_scikit_learn_checks(estimator):
    # scikit-learn switches dispatch on where it wants it.
    with config_context(array_api_dispatch=False):
        results = check_estimator(estimator, on_fail=None, on_skip=None)
    checks = [r for r in results if "array_api" in r["check_name"]]
    failed = {
        r["check_name"]: r["exception"] for r in results if r["status"] == "failed"
    }
    assert failed == {}
    assert sum(r["status"] == "passed" for r in checks) >= 5
