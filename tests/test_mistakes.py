"""Typical mistakes: a message names the argument, the rule, the value, and a cure."""

import warnings
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from qiskit.circuit import ParameterVector, QuantumCircuit
from qiskit.circuit.library import real_amplitudes, z_feature_map, zz_feature_map
from qiskit.primitives import StatevectorSampler
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

from skqnn import Backend, BinaryAmplitudeEncoder, QNNClassifier

X, Y = load_iris(return_X_y=True)
X2, Y2 = X[:100], Y[:100]
WIDE = np.ones((100, 100)) + np.eye(100)
NO_LABEL = np.array([None, *Y2[1:]], dtype=object)
WITH_NAN = np.where(np.arange(100) % 2, np.nan, 1.0)
GAP = np.where(X2 > 5, np.nan, X2)

FIT = [  # arguments, X, y, words of the message: argument, rule, value, cure
    (
        {"learning_rate": 0.01},
        (X2, Y2),
        ["`learning_rate`", "one of", "0.01", "step size is `learning_rate_init`"],
    ),
    (
        {"observables": ["ZZ"]},
        (WIDE, Y2),
        ["`observables`", "7 qubits", "got 2", "'IIIIIZZ'"],
    ),
    (
        {"observables": "ZZ"},
        (X2, Y2),
        ["`observables`", "non-empty list", "'ZZ'", "write ['ZZ']"],
    ),
    (
        {"observables": ["ZZZ"]},
        (X, Y),
        ["`observables`", "a list of 3", "got 1", "one per class"],
    ),
    (
        {"observables": ["ZAZ"]},
        (X2, Y2),
        ["`observables`", "I, X, Y and Z", "'ZAZ'", "such as 'ZZI'"],
    ),
    (
        {"ansatz": zz_feature_map(2)},
        (X2, Y2),
        ["`ansatz`", "3 qubits", "on 2 qubits", "feature map goes into `encoding`"],
    ),
    (
        {"ansatz": zz_feature_map(3)},
        (X2, Y2),
        ["angle of the ansatz", "linear", "x[0]", "feature map goes into `encoding`"],
    ),
    (
        {"ansatz": "real_amplitude"},
        (X2, Y2),
        ["`ansatz`", "one of", "'real_amplitude'", "nearest name is 'real_amplitudes'"],
    ),
    (
        {"ansatz": QuantumCircuit(3)},
        (X2, Y2),
        ["`ansatz`", "at least one unbound parameter", "0 parameters", "to train"],
    ),
    (
        {"encoding": "angles"},
        (X2, Y2),
        ["`encoding`", "one of", "'angles'", "nearest name is 'angle'"],
    ),
    (
        {"encoding": zz_feature_map(2)},
        (X2, Y2),
        ["`encoding`", "one parameter per feature", "2 parameters", "4 features"],
    ),
    (
        {"entanglement": "liner"},
        (X2, Y2),
        ["`entanglement`", "Qiskit accepts", "'liner'", "nearest name is 'linear'"],
    ),
    (
        {"solver": "L-BFGS-B"},
        (X2, Y2),
        ["`solver`", "one of", "'L-BFGS-B'", "nearest name is 'lbfgs'"],
    ),
    (
        {"loss": "logloss"},
        (X2, Y2),
        ["`loss`", "one of", "'logloss'", "nearest name is 'log_loss'"],
    ),
    (
        {"learning_rate": "onecycle"},
        (X2, Y2),
        ["`learning_rate`", "one of", "'onecycle'", "nearest name is 'one_cycle'"],
    ),
    (
        {"gradient": "paramshift"},
        (X2, Y2),
        ["`gradient`", "one of", "'paramshift'", "nearest name is 'parameter_shift'"],
    ),
    (
        {"class_weight": "balance"},
        (X2, Y2),
        ["`class_weight`", "a dict", "'balance'", "nearest name is 'balanced'"],
    ),
    (
        {"backend": "fake_turino", "shots": 10},
        (X2, Y2),
        [
            "`backend`",
            "'fake_<name>'",
            "'fake_turino'",
            "names are 'fake_torino'",
        ],
    ),
    (
        {"shots": 100},
        (X2, Y2),
        ["`shots`", "must be None", "got 100", "set backend='aer' to sample"],
    ),
    (
        {"backend": AerSimulator},
        (X2, Y2),
        ["`backend`", "a BackendV2", "AerSimulator", "an object of this class"],
    ),
    (
        {"backend": StatevectorSampler()},
        (X2, Y2),
        ["`backend`", "a BaseEstimatorV2", "Sampler", "such as StatevectorEstimator()"],
    ),
    (
        {"backend": Backend(None)},
        (X2, Y2),
        ["`target`", "a BackendV2", "got None", "backend=None, without Backend"],
    ),
    (
        {"backend": "torino", "shots": 10},
        (X2, Y2),
        ["`backend`", "'fake_<name>'", "'torino'", "'fake_torino'"],
    ),
    (
        {"entanglement": "cyclic"},
        (X2, Y2),
        ["`entanglement`", "one of", "'cyclic'", "nearest name is 'circular'"],
    ),
    (
        {"loss": "cross_entropy"},
        (X2, Y2),
        ["`loss`", "one of", "'cross_entropy'", "nearest name is 'log_loss'"],
    ),
    (
        {"loss": lambda scores: (scores, scores)},
        (X2, Y2),
        ["`loss`", "a function of (scores, targets)", "got one of (scores)"],
    ),
    (
        {"loss": lambda scores, targets: (scores[:, 0] * 1j, scores)},
        (X2, Y2),
        ["`loss`", "real values and slopes", "complex", "take their real part"],
    ),
    (
        {"learning_rate": lambda epoch, last: 1.0},
        (X2, Y2),
        ["`learning_rate`", "a function of (progress)", "got one of (epoch, last)"],
    ),
    (
        {"ansatz": lambda: QuantumCircuit(3)},
        (X2, Y2),
        ["`ansatz`", "a function of (n_qubits)", "got one of ()"],
    ),
    (
        {"encoding": zz_feature_map},
        (X2, Y2),
        ["`encoding`", "a QuantumCircuit", "zz_feature_map", "circuit that it returns"],
    ),
    (
        {"encoding": real_amplitudes(4)},
        (X2, Y2),
        ["`encoding`", "one parameter per feature", "16 parameters", "into `ansatz`"],
    ),
    (
        {"n_copies": 10**6},
        (X2, Y2),
        ["`n_copies`", "at most 333", "got 1000000", "two or three copies go far"],
    ),
    (
        {},
        (X2, [0, "a"] * 50),
        ["`y`", "labels of one type", "int and str", "make all of them text"],
    ),
    (
        {},
        (X2, X2[:, 0]),
        ["`y`", "class labels", "such as 5.1", "y > threshold"],
    ),
    (
        {},
        (X2, np.array(["a", np.nan] * 50, dtype=object)),
        ["`y`", "a label for every row", "nan in row 1 and 49 more", "leave such rows"],
    ),
    (
        {},
        (np.ones((100, 8, 8)), Y2),
        ["`X`", "one row for each sample", "3 dimensions", "X.reshape(len(X), -1)"],
    ),
    (
        {"reps": 0},
        (X2, Y2),
        ["`reps`", "positive integer", "got 0", "or 'auto'"],
    ),
    (
        {},
        (X2, np.eye(2)[Y2]),
        ["`y`", "1d array of labels", "(100, 2)", "y.argmax(axis=1)"],
    ),
    (
        {},
        (X2, NO_LABEL),
        ["`y`", "a label for every row", "None in row 0; leave such rows out"],
    ),
    (
        {},
        (X2, WITH_NAN),
        ["`y`", "a label for every row", "nan in row 1 and 49 more", "leave such rows"],
    ),
    (
        {},
        (X2, pd.Series(["a", None] * 50)),
        ["`y`", "a label for every row", "in row 1 and 49 more", "leave such rows"],
    ),
    (
        {},
        (X2, pd.Series([0, 1] * 49 + [None, 1], dtype="Int64")),
        ["`y`", "a label for every row", "in row 98; leave such rows"],
    ),
    (
        {},
        (X2, pd.Series(["a", "b"] * 49 + ["a", None], dtype="category")),
        ["`y`", "a label for every row", "nan in row 99; leave such rows"],
    ),
    (
        {},
        (X2, WITH_NAN.astype("datetime64[s]")),
        ["`y`", "a label for every row", "NaT in row 1 and 49 more"],
    ),
    (
        {},
        (X2, ("a", np.nan) * 50),
        ["`y`", "a label for every row", "nan in row 1 and 49 more"],
    ),
    (
        {"backend": "default.qubit"},
        (X2, Y2),
        ["`backend`", "None", "'default.qubit'", "it is None here"],
    ),
    (
        {},
        (X2, 0 * Y2),
        ["`y`", "at least two classes", "got 1 class", "[0]"],
    ),
    (
        {},
        (np.full((100, 2), "red"), Y2),
        ["`X`", "must be numbers", "'red'", "OneHotEncoder"],
    ),
    (
        {},
        (X2[:, 0], Y2),
        ["Expected 2D array", "got 1D array", "array=", "array.reshape(-1, 1)"],
    ),
    (
        {},
        (GAP, Y2),
        ["Input X", "does not accept missing values", "NaN", "imputer"],
    ),
]


SLOPE = QuantumCircuit(4)
for qubit, feature in enumerate(ParameterVector("x", 4)):
    SLOPE.ry(1j * feature, qubit)
FIT += [
    (
        {"encoding": SLOPE},
        (X2, Y2),
        ["`X` must be within the domain", "row 0", "no finite real number"],
    ),
    (
        {"class_weight": {0: "much"}},
        (X2, Y2),
        ["`class_weight` must be", "a dict of numbers", "{0: 'much'}"],
    ),
    (
        {"class_weight": {0: 0, 1: 0}},
        (X2, Y2),
        ["`class_weight`", "one of them positive", "{0: 0, 1: 0}"],
    ),
    (
        {"observables": SparsePauliOp("ZZZ")},
        (X2, Y2),
        ["`observables`", "non-empty list", "SparsePauliOp", "write [observable]"],
    ),
    (
        {"solver": "COBYLA"},
        (X2, Y2),
        ["`solver`", "one of", "'COBYLA'", "an object, COBYLA() of qiskit_machine"],
    ),
    (
        {"solver": "Nelder-Mead"},
        (X2, Y2),
        ["`solver`", "one of", "'Nelder-Mead'", "an object, NELDER_MEAD() of"],
    ),
    (
        {"backend": NoiseModel()},
        (X2, Y2),
        ["`backend`", "a BackendV2", "NoiseModel", "AerSimulator(noise_model=...)"],
    ),
    (
        {},
        (X2 + 1j * X2, Y2),
        ["`X`", "real numbers", "got complex ones", "X.real", "as `encoding`"],
    ),
    (
        {"entanglement": None},
        (X2, Y2),
        ["`entanglement` must be", "got None", "leave 'reverse_linear'"],
    ),
    (
        {"reps": 10**9},
        (X2, Y2),
        ["`reps` must be at most", "'real_amplitudes'", "got 1000000000", "'auto'"],
    ),
]


@pytest.mark.parametrize("arguments, data, words", FIT)
def test_message_has_argument_rule_value_and_cure(arguments, data, words):
    with pytest.raises((TypeError, ValueError)) as caught:
        QNNClassifier(max_iter=1, random_state=0, **arguments).fit(*data)
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_text_that_numpy_makes_of_missing_labels_warns(method):
    y = np.array(["a", "b"] * 49 + ["a", np.nan])
    classifier = QNNClassifier(learning_rate="cosine", max_iter=1, random_state=0)
    classes = {} if method == "fit" else {"classes": ["a", "b", "nan"]}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(classifier, method)(X2, y, **classes)
    [warning] = [w for w in caught if "`y` should have a label" in str(w.message)]
    assert "got the text 'nan' in row 99, which NumPy makes" in str(warning.message)
    assert "leave such rows out" in str(warning.message)
    assert warning.filename == __file__


@pytest.mark.parametrize("make", [np.array, list, pd.Series])
def test_names_of_classes_do_not_warn_of_missing_labels(make):
    classifier = QNNClassifier(learning_rate="cosine", max_iter=1, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier.fit(X2, make(["nano", "none"] * 50))
    assert not any("label" in str(warning.message) for warning in caught)


def test_there_are_at_least_25_mistakes():
    assert len(FIT) >= 25


def test_angles_of_many_turns_warn_to_scale_first():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        QNNClassifier(encoding="angle", max_iter=2, random_state=0).fit(100 * X2, Y2)
    [warning] = [w for w in caught if "scale first" in str(w.message)]
    assert str(warning.message).startswith("`X` should make angles of a few radians")
    assert "got up to 700, which is 111 turns" in str(warning.message)
    assert warning.filename == __file__


def rotations(angle):
    """Return a feature map: RY of a function of x in a gate, in a box and alone."""
    x = ParameterVector("x", 4)
    inner, circuit = QuantumCircuit(2), QuantumCircuit(4)
    inner.ry(angle(x[0]), 0)
    inner.ry(angle(x[1]), 1)
    circuit.append(inner.to_gate(), [0, 1])
    circuit.unitary(np.eye(2), [0])
    with circuit.box():
        circuit.ry(angle(x[2]), 2)
    circuit.ry(angle(x[3]), 3)
    return circuit


def largest_of_zz(row):
    return max(2 * abs((np.pi - a) * (np.pi - b)) for a, b in combinations(row, 2))


@pytest.mark.parametrize(
    "encoding, size, largest",
    [
        (zz_feature_map(4, reps=1), 10, largest_of_zz),
        (zz_feature_map(4, reps=1), 0.3, None),
        (z_feature_map(4, reps=1), 100, lambda row: 2 * row.max()),
        (rotations(lambda x: 3 * x), 100, lambda row: 3 * row.max()),
        (rotations(lambda x: x.arctan()), 100, None),
        (rotations(lambda x: x / 100), 100, None),
    ],
)
def test_feature_maps_of_many_turns_warn_as_angles_do(encoding, size, largest):
    classifier = QNNClassifier(encoding=encoding, max_iter=2, random_state=0)
    rows = size * X2
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier.fit(rows, Y2)
    found = [str(w.message) for w in caught if "scale first" in str(w.message)]
    if largest is None:
        assert not found
    else:
        [text] = found
        expected = largest(rows[np.argmax(rows.max(axis=1))])
        assert f"in the gates of `encoding`, got up to {expected:.0f}," in text


def test_scaled_angles_do_not_warn_to_scale():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        QNNClassifier(encoding="angle", max_iter=2, random_state=0).fit(X2, Y2)
    assert not any("scale first" in str(warning.message) for warning in caught)


STANDARD = (X2 - X2.mean(axis=0)) / X2.std(axis=0)
UNIT = STANDARD / np.linalg.norm(STANDARD, axis=1, keepdims=True)


@pytest.mark.parametrize(
    "rows, scaling",
    [(STANDARD, None), (STANDARD.astype(np.float32), None), (UNIT, "auto")],
    ids=["none", "float32", "taken for states"],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_lost_signs_warn_to_add_a_constant(rows, scaling, method):
    classifier = QNNClassifier(intercept_scaling=scaling, max_iter=2, random_state=0)
    classes = {} if method == "fit" else {"classes": [0, 1]}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(classifier, method)(rows, Y2, **classes)
    [warning] = [w for w in caught if "signs tell" in str(w.message)]
    assert str(warning.message).startswith("`intercept_scaling` should be a number")
    assert "the mean of column 2 has another sign" in str(warning.message)
    assert warning.filename == __file__


RANDOM = np.random.default_rng(0).normal(size=(100, 4))


@pytest.mark.parametrize(
    "rows, scaling",
    [
        (STANDARD, "auto"),
        (STANDARD, 0.1),
        (X2, None),  # never negative
        (np.c_[STANDARD, np.ones(100)], None),  # a constant of their own
        (np.c_[RANDOM, np.zeros(100)], None),  # which say nothing of the class
        (np.zeros((100, 3)), None),
    ],
)
def test_signs_that_are_not_lost_do_not_warn(rows, scaling):
    classifier = QNNClassifier(intercept_scaling=scaling, max_iter=2, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier.fit(rows, Y2)
    assert not any("signs tell" in str(warning.message) for warning in caught)


@pytest.mark.parametrize(
    "rows, scaling, warns",
    [
        (UNIT.round(4), "auto", True),
        (UNIT.astype(np.float16).astype(np.float32), "auto", True),
        (UNIT.round(4), None, False),
        (UNIT.round(4), 0.5, False),
        (UNIT, "auto", False),  # states
        (UNIT.round(4)[:, :3], "auto", False),  # none of them a state
        (STANDARD, "auto", False),
    ],
)
def test_rounded_states_warn_that_they_are_none(rows, scaling, warns):
    classifier = QNNClassifier(intercept_scaling=scaling, max_iter=2, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier.fit(rows, Y2)
    found = [w for w in caught if "`X` should be unit vectors" in str(w.message)]
    assert len(found) == warns
    assert all(warning.filename == __file__ for warning in found)


def test_backend_with_too_few_qubits_is_refused_before_rows_are_prepared(monkeypatch):
    pytest.importorskip("qiskit_ibm_runtime")
    monkeypatch.setattr("skqnn._backends.primitive.prepare", None)
    classifier = QNNClassifier(backend="fake_manila", shots=10)
    with pytest.raises(ValueError, match="`backend` must have at least 7 qubits"):
        classifier.fit(WIDE, Y2)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_prediction_before_fit_is_not_fitted(method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(QNNClassifier(), method)(X2)


@pytest.mark.parametrize(
    "shape, words",
    [((3, 8, 8), r"\.$"), ((3, 8, 8, 3), r", of colour images after X.mean")],
)
def test_images_that_are_no_rows_are_told_their_cure(shape, words):
    images = np.random.default_rng(0).uniform(size=shape)
    encoder = BinaryAmplitudeEncoder()
    model = QNNClassifier(learning_rate="cosine", max_iter=5, random_state=0)
    calls = [encoder.fit, encoder.fit(np.eye(64)).transform]
    calls.append(model.fit(X2, Y2).predict)
    for call in calls:
        with pytest.raises(ValueError, match=rf"X\.reshape\(len\(X\), -1\){words}"):
            call(images)


def test_memory_of_many_copies_names_them():
    with pytest.raises(MemoryError, match="lower `n_copies`: 50 registers make 150"):
        QNNClassifier(n_copies=50).fit(X2, Y2)


FEATURE_MAP = z_feature_map(3, reps=1)


@pytest.mark.parametrize(
    "ansatz", [FEATURE_MAP, FEATURE_MAP.compose(real_amplitudes(3))]
)
@pytest.mark.filterwarnings("ignore::skqnn.exceptions.DeadParameterWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_feature_map_that_is_trained_warns(ansatz):
    with pytest.warns(UserWarning, match=r"weights only, got 'x\[0\]'.* `encoding`"):
        QNNClassifier(ansatz=ansatz, max_iter=1, random_state=0).fit(X2, Y2)


def test_weights_of_any_name_do_not_warn():
    ansatz = real_amplitudes(3, parameter_prefix="x")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        QNNClassifier(ansatz=ansatz, max_iter=1, random_state=0).fit(X2, Y2)
    assert not any("feature map" in str(warning.message) for warning in caught)


@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict"])
@pytest.mark.parametrize(
    "name, value, words",
    [
        ("theta_", np.zeros(3), ["shape (6,)", "got shape (3,)"]),
        ("theta_", np.zeros((1, 6)), ["shape (6,)", "got shape (1, 6)"]),
        ("theta_", np.full(6, np.nan), ["finite", "got nan or infinity"]),
        ("theta_", np.zeros(6, complex), ["real", "dtype complex128"]),
        ("scale_", np.ones(3), ["shape (1,)", "got shape (3,)"]),
        ("bias_", np.zeros(3), ["shape (1,)", "got shape (3,)"]),
    ],
)
def test_initial_point_that_is_none_is_refused(method, name, value, words):
    model = QNNClassifier(reps=1, warm_start=True, tol=0.1, random_state=0)
    model.fit(X2, Y2)
    setattr(model, name, value)
    with pytest.raises(ValueError, match=f"`{name}` must be an array") as caught:
        getattr(model, method)(*((X2,) if method == "predict" else (X2, Y2)))
    for word in words:
        assert word in str(caught.value)


def test_initial_point_may_be_a_list():
    model = QNNClassifier(reps=1, warm_start=True, tol=0.1, random_state=0)
    expected = model.fit(X2, Y2).decision_function(X2)
    model.theta_ = model.theta_.tolist()
    np.testing.assert_array_equal(model.decision_function(X2), expected)
