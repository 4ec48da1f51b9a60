"""QNNClassifier refuses bad input before training, and says why."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit_machine_learning.optimizers import COBYLA
from sklearn.exceptions import NotFittedError

from skqnn import QNNClassifier
from skqnn._hyperparameters import RULES

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4))
X /= np.linalg.norm(X, axis=1, keepdims=True)  # states of two qubits
Y = np.arange(40) % 2

WRONG = {  # argument: (values of the wrong type, wrong values)
    "encoding": ([3, None], ["angles"]),
    "ansatz": ([3, None], ["efficientsu2"]),
    "intercept_scaling": ([True, [1.0]], ["wide", 0, -1.0, np.inf]),
    "n_copies": ([1.5, "2", None], [0, -1]),
    "reps": ([1.5, True], ["1", 0, -1]),
    "entanglement": ([], [None, "bogus", 3]),
    "observables": ([3, None], ["ZZ", [], ["QQ"], ["ZZ", "ZI"], ["Z"]]),
    "loss": ([None, 1], ["hinge"]),
    "solver": ([], ["adagrad", None, 3, COBYLA]),
    "learning_rate": ([0.1], ["adaptive"]),
    "learning_rate_init": ([True, None], ["0.1", 0, -0.1, np.nan, np.inf]),
    "init_scale": (["1", None], [0, -1, np.inf]),
    "batch_size": ([2.5, None, True], [0, -1, "full"]),
    "max_iter": ([10.0, None], [0, -1]),
    "shuffle": ([1, "yes", None], []),
    "random_state": (["seed", 1.5, np.random.default_rng(0)], [-1, 2**32]),
    "tol": (["0", None], [-1e-9, np.nan, np.inf]),
    "n_iter_no_change": ([2.0, np.inf], [0]),
    "early_stopping": ([1, None], []),
    "validation_fraction": (["0.1", None], [0, 1, 1.5, np.nan]),
    "class_weight": ([[1, 2], 1.0], ["auto", {0: -1}, {0: np.inf}, {0: np.nan}]),
    "warm_start": ([1, None], []),
    "verbose": ([2, "yes"], []),
    "shots": ([10.0, "10"], [0, 1000]),  # 1000 without a backend
    "gradient": ([None, 1], ["finite_differences"]),
}
TYPES = [(name, value) for name, wrong in WRONG.items() for value in wrong[0]]
VALUES = [(name, value) for name, wrong in WRONG.items() for value in wrong[1]]


def test_every_rule_is_in_the_table():
    assert set(WRONG) == set(RULES)


@pytest.mark.parametrize("name, value", TYPES)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_argument_of_the_wrong_type_is_refused(method, name, value):
    classifier = QNNClassifier(**{name: value})
    arguments = {"classes": [0, 1]} if method == "partial_fit" else {}
    with pytest.raises(TypeError, match=f"^`{name}` must be .*, got "):
        getattr(QNNClassifier, method)(classifier, X, Y, **arguments)


@pytest.mark.parametrize("name, value", VALUES)
def test_argument_of_the_wrong_value_is_refused(name, value):
    with pytest.raises(ValueError, match=f"^`{name}` must .*, got "):
        QNNClassifier(**{name: value}).fit(X, Y)


TOGETHER = [  # arguments that do not go together, the message
    ({"gradient": "adjoint", "solver": "spsa"}, "`gradient` must be 'auto' or 'spsa'"),
    ({"gradient": "spsa", "solver": "lbfgs"}, "`solver` must be one of .*'lbfgs'"),
    ({"gradient": "adjoint", "backend": "aer"}, "`gradient` must .*exact engine"),
    ({"shots": 10}, "`shots` must be None with the exact engine .*backend='aer'"),
]


@pytest.mark.parametrize("arguments, message", TOGETHER)
def test_arguments_that_do_not_go_together_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        QNNClassifier(**arguments).fit(X, Y)


def spoilt(value):
    spoilt = X.copy()
    spoilt[3, 1] = value
    return spoilt


DATA = [  # X, y, sample_weight, message
    (spoilt(np.nan), Y, None, "Input X contains NaN"),
    (spoilt(np.inf), Y, None, "Input X contains infinity"),
    (X, np.full(40, np.nan), None, "a label for every row, got nan in row 0"),
    (X, Y[:39], None, "inconsistent numbers of samples"),
    (X, np.zeros(40), None, r"`y` must have at least two classes, got 1 class: \[0"),
    (X, np.linspace(0, 1, 40), None, "Unknown label type"),
    (X, Y, np.zeros(40), "Sample weights must contain at least one non-zero"),
    (X, Y, np.full(40, -1.0), "Negative values in data passed to `sample_weight`"),
    (X, Y, spoilt(np.nan)[:, 1], "sample_weight contains NaN"),
]


@pytest.mark.parametrize("X, y, sample_weight, message", DATA)
def test_data_of_no_use_is_refused(X, y, sample_weight, message):
    with pytest.raises(ValueError, match=message):
        QNNClassifier().fit(X, y, sample_weight)


@pytest.mark.parametrize("class_weight", [{0: -1}, {5: 1}])
def test_refused_fit_leaves_the_classifier_unfitted(class_weight):
    classifier = QNNClassifier(class_weight=class_weight)
    with pytest.raises(ValueError, match="class_weight"):
        classifier.fit(X, Y)
    with pytest.raises(NotFittedError):
        classifier.set_params(class_weight=None).predict(X)


METHODS = ["predict", "predict_proba", "predict_log_proba", "decision_function"]


@pytest.mark.parametrize("method", METHODS)
def test_prediction_refuses_other_columns_and_missing_values(method):
    classifier = QNNClassifier(random_state=0)
    with pytest.raises(NotFittedError):
        getattr(classifier, method)(X)
    classifier.fit(X, Y)
    with pytest.raises(ValueError, match=r"X has 3 features, but .*expecting 4"):
        getattr(classifier, method)(X[:, :3])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        getattr(classifier, method)(spoilt(np.nan))


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    "change",
    [
        {"reps": 2},
        {"observables": ["ZI"]},
        {"ansatz": "tree"},
        {"intercept_scaling": 2.0},
        {"n_copies": 2},
    ],
)
def test_continued_training_refuses_other_circuits(method, change):
    classifier = QNNClassifier(warm_start=True, random_state=0).fit(X, Y)
    classifier.set_params(**change)
    message = f"`{next(iter(change))}`.* must make the model that training began with"
    with pytest.raises(ValueError, match=message):
        getattr(classifier, method)(X, Y)


@pytest.mark.parametrize("begun, then", [("auto", None), (2.0, None), (None, 2.0)])
def test_continued_training_refuses_another_constant(begun, then):
    rows = X[:, :3]
    classifier = QNNClassifier(intercept_scaling=begun, warm_start=True, random_state=0)
    classifier.fit(rows, Y).set_params(intercept_scaling=then)
    with pytest.raises(ValueError, match=r"^`intercept_scaling` must make the model"):
        classifier.fit(rows, Y)


def test_continued_training_notices_a_list_changed_in_place():
    classifier = QNNClassifier(observables=["ZZ"], random_state=0).fit(X, Y)
    classifier.partial_fit(X, Y).observables[0] = "IZ"
    with pytest.raises(ValueError, match=r"^`observables` must make the model"):
        classifier.partial_fit(X, Y)


def test_fit_after_warm_start_refuses_other_data():
    classifier = QNNClassifier(warm_start=True, random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match=r"`warm_start` needs the same classes"):
        classifier.fit(X, Y + 1)
    with pytest.raises(ValueError, match="X has 3 features"):
        classifier.fit(X[:, :3], Y)


PARTIAL = [  # y, classes of the second call, message
    (Y + 1, None, r"`y` must contain only the known labels, \[0 1\], got \[2\]"),
    (Y, [0, 1, 2], r"`classes` must be the same at every call, \[0 1\], got \[0 1 2"),
]


@pytest.mark.parametrize("y, classes, message", PARTIAL)
def test_partial_fit_refuses_other_labels(y, classes, message):
    classifier = QNNClassifier().partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match=message):
        classifier.partial_fit(X, y, classes=classes)


def test_partial_fit_needs_classes_first():
    with pytest.raises(ValueError, match="`classes` must be given at the first call"):
        QNNClassifier().partial_fit(X, Y)
    with pytest.raises(ValueError, match="`classes` must have at least two labels"):
        QNNClassifier().partial_fit(X, 0 * Y, classes=[0])
    with pytest.raises(ValueError, match="`y` must contain only the known labels"):
        QNNClassifier().partial_fit(X, Y, classes=[0, 7])


@pytest.mark.parametrize("solver", ["lbfgs", COBYLA()])
def test_partial_fit_exists_for_mini_batch_solvers_only(solver):
    assert hasattr(QNNClassifier(), "partial_fit")
    assert not hasattr(QNNClassifier(solver=solver), "partial_fit")


def circuit(kind):
    """Return a circuit on two qubits that cannot be used."""
    circuit = QuantumCircuit(2, 2)
    a, b, c, d = ParameterVector("p", 4)
    circuit.ry(a, 0)
    if kind == "measured":
        circuit.measure(0, 0)
    elif kind == "reset":
        circuit.reset(0)
    elif kind == "nonlinear":
        circuit.rx(a**2, 1)
    elif kind == "conditional":
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.ry(b + c + d, 0)
    return circuit


CIRCUITS = [
    ("ansatz", "measured", "must be unitary, got the instruction 'measure'"),
    ("ansatz", "reset", "must be unitary, got the instruction 'reset'"),
    ("ansatz", "conditional", "must be unitary, got the instruction 'if_else'"),
    ("ansatz", "nonlinear", r"linear in its parameters .*got p\[0\]\*\*2"),
    ("encoding", "conditional", "must be unitary, got the instruction 'if_else'"),
    ("encoding", "measured", "one parameter per feature .*got 1 parameters for 4"),
]


@pytest.mark.parametrize("argument, kind, message", CIRCUITS)
def test_circuit_that_cannot_be_used_is_refused(argument, kind, message):
    with pytest.raises(ValueError, match=f"^`{argument}` must .*{message}"):
        QNNClassifier(**{argument: circuit(kind)}).fit(X, Y)


def test_ansatz_without_parameters_is_refused():
    bound = circuit("").assign_parameters([1.0])
    with pytest.raises(ValueError, match="`ansatz` must have at least one unbound"):
        QNNClassifier(ansatz=bound).fit(X, Y)


def test_too_few_qubits_for_the_classes_are_refused():
    one = QuantumCircuit(1)
    one.ry(Parameter("x"), 0)
    with pytest.raises(ValueError, match="find 3 different Z strings, got only 1"):
        QNNClassifier(encoding=one).fit(X[:, :1], np.arange(40) % 3)


def test_class_weight_of_another_label_names_it():
    message = (
        r"`class_weight` must have the labels of `y`, \[0, 1\], got 5 and no .* 1;"
    )
    with pytest.raises(ValueError, match=message):
        QNNClassifier(class_weight={0: 1, 5: 3}).fit(X, Y)
    names = np.array(["no", "yes"])[Y]
    with pytest.raises(ValueError, match=r"got 'yess' and no weight for 'yes'"):
        QNNClassifier(class_weight={"no": 1, "yess": 3}).fit(X, names)


@pytest.mark.parametrize("weight", [np.inf, np.nan, -1])
def test_class_weight_of_no_use_is_refused(weight):
    with pytest.raises(ValueError, match="`class_weight` must have non-negative, fin"):
        QNNClassifier(class_weight={0: weight, 1: 1}).fit(X, Y)


def test_validation_fraction_that_leaves_nothing_to_train_on_is_refused():
    classifier = QNNClassifier(early_stopping=True, validation_fraction=0.9)
    with (
        pytest.warns(UserWarning, match="only one of the 2 samples"),
        pytest.raises(ValueError, match="`validation_fraction` must leave samples"),
    ):
        classifier.fit(X[:2], Y[:2])


@pytest.mark.parametrize(
    "n_qubits, gib", [(40, "212,992"), (200, r"2\*\*177"), (2000, "")]
)
def test_memory_is_refused_before_any_work(n_qubits, gib):
    rng = np.random.default_rng(0)
    classifier = QNNClassifier(encoding="angle")
    with pytest.raises(MemoryError, match=rf"{n_qubits} qubits need {gib}.* GiB"):
        classifier.fit(rng.normal(size=(10, n_qubits)), Y[:10])


@pytest.mark.parametrize("backend", [None, "aer"])
@pytest.mark.parametrize("name", ["log", "arcsin", "root", "inverse", "power"])
def test_rows_of_fit_outside_of_a_feature_map_are_told_in_our_words(name, backend):
    a = Parameter("a")
    angle = {"log": a.log(), "arcsin": a.arcsin(), "root": a**0.5}.get(name, a**a)
    feature_map = QuantumCircuit(1)
    feature_map.ry(1 / a if name == "inverse" else angle, 0)
    rows = np.array([[0.5], [0.0 if name == "inverse" else -2.5]])
    classifier = QNNClassifier(encoding=feature_map, backend=backend)
    with pytest.raises(ValueError, match=r"`X` must be within the domain .* in row 1"):
        classifier.fit(rows, [0, 1])


def test_fit_that_fails_before_a_step_leaves_no_fitted_estimator():
    rng = np.random.default_rng(0)
    classifier = QNNClassifier(encoding="angle")
    with pytest.raises(MemoryError):
        classifier.fit(rng.normal(size=(10, 40)), Y[:10])
    with pytest.raises(NotFittedError):
        classifier.predict(rng.normal(size=(10, 40)))


def test_memory_of_padded_amplitudes_is_refused(monkeypatch):
    monkeypatch.setattr("skqnn._memory._SMALL", 0)
    monkeypatch.setattr("skqnn._memory.memory_limit", lambda: 60 * 8 * 2**12 - 1)
    rows = np.tile(X, (1, 513))  # 2052 columns, of 12 qubits
    with pytest.raises(MemoryError, match=r"40 state\(s\) of 12 qubits need"):
        QNNClassifier(solver="lbfgs").fit(rows, Y)
