"""QNNClassifier: what each argument does, what is learnt and remembered."""

import copy
import logging
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_machine_learning.gradients import ParamShiftEstimatorGradient
from qiskit_machine_learning.neural_networks import EstimatorQNN
from qiskit_machine_learning.optimizers import ADAM, COBYLA, L_BFGS_B, SPSA, UMDA
from qiskit_machine_learning.utils import algorithm_globals
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score

from skqnn import Backend, QNNClassifier, _execution
from skqnn._training.data import hold_out
from skqnn.exceptions import DeadParameterWarning
from skqnn.export import bound_circuit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
Y3 = np.array(["a", "b", "c"])[np.arange(40) % 3]


SMALL = {"intercept_scaling": None, "reps": 1}


def train(X=X, y=Y, sample_weight=None, **arguments):
    """Fit the smallest model for a few epochs, never long enough to converge."""
    arguments = {"max_iter": 3, "random_state": 0} | SMALL | arguments
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return QNNClassifier(**arguments).fit(X, y, sample_weight)


def params(classifier):
    return np.concatenate([classifier.theta_, classifier.scale_, classifier.bias_])


# --- Arguments -----------------------------------------------------------------------

BATCHES, STOP = {"batch_size": 7}, {"tol": 1e3, "max_iter": 30}
HOLD_OUT = {"early_stopping": True}
ARGUMENTS = {  # argument: (arguments of both fits, another value than the default)
    "encoding": ({}, "angle"),
    "intercept_scaling": ({}, 1.5),
    "n_copies": ({}, 2),
    "ansatz": ({}, "tree"),
    "reps": ({}, 2),
    "entanglement": ({"encoding": "angle"}, "linear"),
    "observables": ({}, ["XZ"]),
    "loss": ({}, "squared_error"),
    "solver": ({}, "sgd"),
    "learning_rate": ({}, "cosine"),
    "learning_rate_init": ({}, 0.01),
    "init_scale": ({}, 3.0),
    "batch_size": ({}, 7),
    "max_iter": ({}, 4),
    "shuffle": (BATCHES, False),
    "random_state": ({}, 1),
    "tol": ({"n_iter_no_change": 1, "max_iter": 30}, 1e3),
    "n_iter_no_change": (STOP, 2),
    "early_stopping": ({}, True),
    "validation_fraction": (HOLD_OUT, 0.5),
    "class_weight": ({}, {0: 1, 1: 5}),
    "gradient": ({}, "spsa"),
    "backend": ({}, "aer"),
    "shots": ({"backend": "aer"}, 10),
}
ELSEWHERE = {  # the test that fails if the argument is ignored
    "warm_start": "test_warm_start_continues_bit_for_bit",
    "verbose": "test_verbose_logs_one_line_per_epoch",
}


def test_every_argument_has_a_test():
    assert set(QNNClassifier().get_params()) == ARGUMENTS.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("name", ARGUMENTS)
def test_argument_is_not_ignored(name):
    base, value = ARGUMENTS[name]
    default, changed = train(**base), train(**(base | {name: value}))
    assert default.get_params()[name] != value
    assert not np.array_equal(params(default), params(changed))


# --- Learning ------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "spsa", "lbfgs"])
def test_fit_separates_what_one_circuit_can(solver, loss):
    teacher = train(max_iter=1, init_scale=3.0)
    scores = teacher.decision_function(X)
    y = (scores > np.median(scores)).astype(int)
    rate = {"learning_rate_init": 0.5 if solver == "spsa" else 0.1, "max_iter": 300}
    classifier = train(X, y, solver=solver, loss=loss, learning_rate="cosine", **rate)
    assert classifier.score(X, y) >= 0.9


LABELS = {
    "strings": ["no", "yes"],
    "bools": [False, True],
    "digits": [3, 7],
    "signs": [-1, 1],
    "floats": [0.0, 2.0],
    "objects": np.array(["x", "yy"], dtype=object),
    "three": ["a", "b", "c"],
    "five": [1, 3, 5, 7, 9],
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_any_type(name):
    labels = np.asarray(LABELS[name])
    y = labels[np.arange(40) % len(labels)]
    classifier = train(X, y, reps=2)  # three qubits hold five classes then
    n_scores = 1 if len(labels) == 2 else len(labels)
    assert_array_equal(classifier.classes_, labels)
    assert classifier.predict(X).dtype == labels.dtype
    assert set(classifier.predict(X).tolist()) <= set(labels.tolist())
    shape = (40,) if n_scores == 1 else (40, n_scores)
    assert classifier.decision_function(X).shape == shape
    assert len(classifier.bias_) == len(classifier.observables_) == n_scores


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
@pytest.mark.parametrize("y", [Y, Y3], ids=["2 classes", "3 classes"])
def test_predictions_agree_with_each_other(loss, y):
    classifier = train(X, y, loss=loss, max_iter=30)
    scores, p = classifier.decision_function(X), classifier.predict_proba(X)
    winner = np.argmax(scores, axis=1) if scores.ndim == 2 else (scores > 0).astype(int)
    assert_array_equal(classifier.predict(X), classifier.classes_[winner])
    assert_array_equal(np.argmax(p, axis=1), winner)
    assert_allclose(p.sum(axis=1), 1)
    assert_allclose(np.exp(classifier.predict_log_proba(X)), p)
    assert classifier.score(X, y) == np.mean(classifier.predict(X) == y)


def test_fitted_attributes():
    classifier = train(X, Y3, early_stopping=True, reps=2)
    assert classifier.n_qubits_ == classifier.circuit_.num_qubits == 2
    assert classifier.n_parameters_ == len(params(classifier)) == 6 + 1 + 3
    assert classifier.n_features_in_ == 4
    assert classifier.n_iter_ == len(classifier.loss_curve_) == 3
    assert classifier.loss_ == classifier.loss_curve_[-1]
    assert len(classifier.gradient_norm_curve_) == len(classifier.validation_scores_)
    assert classifier.best_validation_score_ == max(classifier.validation_scores_)
    assert len(classifier.dead_parameters_) == 0
    assert classifier.gradient_ == "adjoint"
    assert classifier.feature_map_ is None


def test_fitted_reference_model_has_24_parameters():
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(10, 2048))
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    classifier = QNNClassifier(max_iter=1, learning_rate="cosine").fit(images, Y[:10])
    assert (classifier.n_parameters_, classifier.n_qubits_) == (24, 11)
    assert classifier.observables_[0].paulis.to_labels() == ["Z" * 11]


# --- Equal to Qiskit -----------------------------------------------------------------


def scores_by_qiskit(classifier, states):
    circuit = classifier.circuit_.assign_parameters(classifier.theta_)
    finals = [Statevector(state).evolve(circuit) for state in states]
    E = [
        [np.real(f.expectation_value(o)) for o in classifier.observables_]
        for f in finals
    ]
    return classifier.scale_ * np.array(E) + classifier.bias_


def feature_states(feature_map, X):
    return [Statevector(feature_map.assign_parameters(row)) for row in X]


def amplitudes(X):
    padded = np.pad(X, [(0, 0), (0, 4 - X.shape[1])])
    return padded / np.linalg.norm(padded, axis=1, keepdims=True)


ZZ = zz_feature_map(3, reps=1)
RY = QuantumCircuit(3)
for qubit, feature in enumerate(ParameterVector("x", 3)):
    RY.ry(feature, qubit)
ENCODINGS = {  # encoding, rows of X to states
    "amplitude": ("amplitude", amplitudes),
    "angle": ("angle", lambda X: feature_states(RY, X)),
    "circuit": (ZZ, lambda X: feature_states(ZZ, X)),
}


@pytest.mark.parametrize("ansatz", ["real_amplitudes", "efficient_su2"])
@pytest.mark.parametrize("name", ENCODINGS)
def test_decision_function_equals_qiskit(name, ansatz):
    encoding, states = ENCODINGS[name]
    rows = X[:, :3]
    classifier = train(rows, Y3, encoding=encoding, ansatz=ansatz, max_iter=1)
    expected = scores_by_qiskit(classifier, states(rows[:5]))
    assert_allclose(classifier.decision_function(rows[:5]), expected, atol=1e-12)


# --- The constant amplitude ----------------------------------------------------------


@pytest.mark.parametrize("scaling", ["auto", 0.5])
def test_constant_amplitude_is_one_more_column_of_all_rows(scaling):
    rng = np.random.default_rng(0)
    rows, weights = X[:, :3], rng.uniform(1, 2, 40)
    classifier = train(rows, Y, weights, intercept_scaling=scaling)
    square = np.average(np.sum(rows**2, axis=1), weights=weights)
    size = 2 * np.sqrt(square) if scaling == "auto" else 0.5
    assert_allclose(classifier.intercept_scaling_, size)
    states = amplitudes(np.hstack([rows[:5], np.full((5, 1), size)]))
    assert_allclose(
        classifier.decision_function(rows[:5])[:, None],
        scores_by_qiskit(classifier, states),
        atol=1e-12,
    )


STATES = X / np.linalg.norm(X, axis=1, keepdims=True)


@pytest.mark.parametrize(
    "rows, constant",
    [(STATES, False), (X, True), (STATES[:, :3], True), (2 * STATES, True)],
    ids=["states", "rows", "no power of two", "of norm 2"],
)
def test_states_get_no_constant_amplitude(rows, constant):
    classifier = train(rows, intercept_scaling="auto")
    assert (classifier.intercept_scaling_ > 0) == constant
    assert classifier.n_qubits_ == (3 if constant and rows.shape[1] == 4 else 2)


def test_later_rows_do_not_change_the_constant_amplitude():
    trained_on_states = train(STATES, intercept_scaling="auto")
    odd = STATES[:3].copy()
    odd[1] *= 3
    expected = trained_on_states.decision_function(STATES[:3])
    assert_allclose(trained_on_states.decision_function(odd), expected, atol=1e-12)
    trained_on_rows = train(X, intercept_scaling="auto")
    assert_allclose(
        trained_on_rows.decision_function(STATES[:1]),
        trained_on_rows.decision_function(np.vstack([STATES[:1], X]))[:1],
        atol=1e-12,
    )
    assert trained_on_rows.partial_fit(STATES, Y).intercept_scaling_ > 0


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_constant_amplitude_of_tiny_and_huge_rows(size):
    scores = train(X, intercept_scaling="auto").decision_function(X)
    scaled = train(size * X, intercept_scaling="auto").decision_function(size * X)
    assert_allclose(scaled, scores, atol=1e-6)


def test_constant_amplitude_makes_a_shifted_copy_another_class():
    rng = np.random.default_rng(0)
    near = rng.normal(size=(60, 2)) * 0.1 + 1
    rows, labels = np.vstack([near, 3 * near]), np.repeat([0, 1], 60)
    with_it = QNNClassifier(random_state=0).fit(rows, labels)
    assert with_it.score(rows, labels) == 1
    without = QNNClassifier(random_state=0, intercept_scaling=None)
    with pytest.warns(ConvergenceWarning, match="same for all rows .*nothing was"):
        without.fit(rows, labels)
    assert without.score(rows, labels) < 0.7


@pytest.mark.parametrize("scaling", ["auto", None])
@pytest.mark.parametrize("encoding", ["amplitude", "angle"])
def test_copies_are_registers_with_the_same_row(encoding, scaling):
    rows, how = X[:, :3], {"n_copies": 2, "encoding": encoding, "max_iter": 1}
    classifier = train(rows, Y3, intercept_scaling=scaling, **how)
    if encoding == "angle":
        one = [Statevector(RY.assign_parameters(row)).data for row in rows[:5]]
    else:
        size = classifier.intercept_scaling_
        one = amplitudes(np.hstack([rows[:5], np.full((5, 1), size)]))
    n_one = int(np.log2(len(one[0])))
    assert classifier.n_qubits_ == 2 * n_one
    states = [np.kron(state, state) for state in one]
    expected = scores_by_qiskit(classifier, states)
    assert_allclose(classifier.decision_function(rows[:5]), expected, atol=1e-12)


@pytest.mark.parametrize("method", ["exact", "layers", "direct"])
def test_copies_are_prepared_one_by_one_on_backends(method):
    classifier = train(X[:, :3], n_copies=2, max_iter=1)
    expected = classifier.decision_function(X[:5, :3])
    classifier.set_params(backend=Backend("aer", state_preparation=method))
    scores = classifier.decision_function(X[:5, :3])
    atol = 1e-3 if method == "layers" else 1e-9  # layers are fitted
    assert_allclose(scores, expected, atol=atol)
    circuit = bound_circuit(classifier, X[0, :3], state_preparation=method)
    assert all(len(item.qubits) <= 2 for item in circuit.decompose().data)
    E = Statevector(circuit).expectation_value(classifier.observables_[0]).real
    score = classifier.scale_ * E + classifier.bias_
    assert_allclose(score, expected[0], atol=atol)


def test_copies_that_do_not_fill_the_qubits_leave_the_rest_in_zero():
    classifier = train(X[:, :3], n_copies=2, observables=["ZZZZZ"], max_iter=1)
    assert classifier.n_qubits_ == 5
    states = [np.kron([1, 0], np.kron(s, s)) for s in amplitudes(X[:5, :3])]
    expected = scores_by_qiskit(classifier, states)
    scores = classifier.decision_function(X[:5, :3])
    assert_allclose(scores[:, None], expected, atol=1e-12)
    classifier.set_params(backend=Backend("aer", state_preparation="exact"))
    assert_allclose(classifier.decision_function(X[:5, :3]), scores, atol=1e-9)


def test_constant_amplitude_needs_amplitudes():
    with pytest.raises(ValueError, match=r"`intercept_scaling` .* got 2.0"):
        train(encoding="angle", intercept_scaling=2.0)


def test_angle_encoding_is_ry_of_each_feature():
    classifier = train(X[:, :1], Y, encoding="angle", max_iter=1)
    cos = np.cos(X[:, 0] + classifier.theta_.sum())  # RY RY RY |0>, measured by Z
    scores = classifier.scale_ * cos + classifier.bias_
    assert_allclose(classifier.decision_function(X[:, :1]), scores, atol=1e-14)


@pytest.mark.filterwarnings("ignore::skqnn.exceptions.DeadParameterWarning")
def test_notebook_model_equals_estimator_qnn():
    rng = np.random.default_rng(0)
    angles = rng.uniform(0, np.pi, (2, 11))
    classifier = train(
        angles,
        [0, 1],
        encoding="angle",
        observables=["Z" + 10 * "I"],
        loss="squared_error",
        batch_size=1,
        max_iter=1,
    )
    weights = real_amplitudes(11, entanglement="full", reps=1)
    estimator = StatevectorEstimator()
    peer = EstimatorQNN(
        circuit=classifier.feature_map_.compose(weights),
        observables=classifier.observables_,
        input_params=list(classifier.feature_map_.parameters),
        weight_params=list(weights.parameters),
        estimator=estimator,
        default_precision=0,  # its default adds noise
        gradient=ParamShiftEstimatorGradient(estimator),
    )
    theta = classifier.theta_
    with classifier._engine() as engine:
        E, pullback = engine.vjp(engine.prepare(angles), theta)
    assert_allclose(E, peer.forward(angles, theta), atol=1e-10)
    slopes = [pullback(row[:, None]) for row in np.eye(2)]
    assert_allclose(slopes, peer.backward(angles, theta)[1][:, 0], atol=1e-10)


# --- The start -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_two_kinds_of_rows_are_told_apart_from_every_start(seed):
    rows, labels = np.tile([[1.0, 1, 0, 0], [0, 0, 1, 1]], (20, 1)), np.tile([0, 1], 20)
    classifier = QNNClassifier(random_state=seed).fit(rows, labels)
    assert classifier.score(rows, labels) == 1


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_swapping_the_labels_mirrors_the_model(solver, loss):
    one, other = (train(X, y, solver=solver, loss=loss) for y in (Y, 1 - Y))
    assert_allclose(other.theta_, one.theta_, atol=1e-12)
    assert_allclose(other.scale_, -one.scale_, atol=1e-12)
    assert_allclose(other.decision_function(X), -one.decision_function(X), atol=1e-12)


def test_order_of_the_rows_in_memory_changes_nothing():
    expected = train(STATES, batch_size=7)
    for rows in (np.asfortranarray(STATES), np.hstack([STATES, X])[:, :4]):
        assert_array_equal(params(train(rows, batch_size=7)), params(expected))


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.int64])
def test_integers_of_any_width_are_integers(kind):
    how = {"max_iter": 100, "batch_size": 30, "n_iter_no_change": 100, "reps": 1}
    narrow = {name: kind(value) for name, value in how.items()}
    how, narrow = ({"learning_rate": "cosine", **h} for h in (how, narrow))
    assert_array_equal(params(train(**narrow)), params(train(**how)))


class Short(QNNClassifier):
    """A subclass whose constructor has one argument."""

    def __init__(self, seed=0):
        self.seed = seed
        super().__init__(random_state=seed, max_iter=3, learning_rate="cosine")


def test_subclass_with_a_shorter_constructor_works():
    classifier = Short(1).fit(X, Y)
    expected = QNNClassifier(random_state=1, max_iter=3, learning_rate="cosine")
    assert_array_equal(classifier.predict(X), expected.fit(X, Y).predict(X))
    assert clone(classifier).seed == 1


# --- Weights and classes -------------------------------------------------------------


def test_class_without_weight_stays_a_class():
    weights = (Y3 != "c").astype(float)
    classifier = train(X, Y3, weights)
    assert_array_equal(classifier.classes_, ["a", "b", "c"])
    assert classifier.predict_proba(X).shape == (40, 3)


def test_partial_fit_takes_class_weights_of_labels_to_come():
    how = {"class_weight": {1: 5.0}, "random_state": 0} | SMALL
    classifier = QNNClassifier(**how).partial_fit(X[:3], [0, 0, 0], classes=[0, 1])
    plain = QNNClassifier(**how | {"class_weight": None})
    plain.partial_fit(X[:3], [0, 0, 0], classes=[0, 1])
    assert_array_equal(params(classifier), params(plain))


def test_weights_count_across_calls_of_partial_fit():
    """One step of gradient descent with weights w is w times that with weights 1."""
    how = {"solver": "sgd", "random_state": 0} | SMALL
    start = params(QNNClassifier(**how).partial_fit(X, Y, np.full(40, 1e-300), [0, 1]))
    steps = [
        params(QNNClassifier(**how).partial_fit(X, Y, np.full(40, w), [0, 1])) - start
        for w in (1.0, 1e-3)
    ]
    assert_allclose(steps[1], 1e-3 * steps[0], rtol=1e-6, atol=1e-15)


def test_partial_fit_refuses_early_stopping():
    with pytest.raises(ValueError, match="`early_stopping` must be False for partial"):
        QNNClassifier(early_stopping=True).partial_fit(X, Y, classes=[0, 1])


def test_few_rows_are_held_out_from_each_class():
    rows, labels = X[:12], np.arange(12) % 3
    classifier = train(rows, labels, early_stopping=True)
    assert len(classifier.validation_scores_) == 3
    with pytest.warns(UserWarning, match="only one of the 12 samples"):
        train(rows, np.r_[np.zeros(11), 1], early_stopping=True)


def test_warm_start_holds_out_the_same_rows():
    seen = []
    classifier = train(early_stopping=True, validation_fraction=0.3, warm_start=True)
    for _ in range(2):
        held_out = hold_out(Y, 0.3, classifier._seed)[1]
        seen.append(held_out)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            classifier.fit(X, Y)
        kept = accuracy_score(Y[held_out], classifier.predict(X[held_out]))
        assert classifier.best_validation_score_ == kept
    assert_array_equal(*seen)


def test_loss_set_after_fit_does_not_change_what_is_answered():
    classifier = train(max_iter=30)
    expected = classifier.predict_proba(X)
    assert_array_equal(
        classifier.set_params(loss="squared_error").predict_proba(X), expected
    )


def test_copy_trains_on_by_itself():
    classifier = train()
    before, loss_curve = params(classifier), list(classifier.loss_curve_)
    other = copy.copy(classifier).partial_fit(X, Y)
    assert classifier.loss_curve_ == loss_curve
    assert len(other.loss_curve_) == len(loss_curve) + 1
    again = copy.copy(classifier).partial_fit(X, Y)
    assert_array_equal(params(again), params(other))
    assert_array_equal(params(classifier), before)


# --- Continuing ----------------------------------------------------------------------


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("solver", ["adam", "sgd", "spsa"])
def test_warm_start_continues_bit_for_bit(solver, shuffle):
    how = {"solver": solver, "shuffle": shuffle, "batch_size": 7}
    whole = train(max_iter=6, **how)
    halves = train(warm_start=True, **how)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        halves.fit(X, Y)
    assert_array_equal(params(halves), params(whole))
    assert halves.loss_curve_ == whole.loss_curve_
    assert halves.n_iter_ == 6


def test_without_warm_start_fit_begins_anew():
    classifier = train()
    before = params(classifier)
    with pytest.warns(ConvergenceWarning):
        classifier.fit(X, Y)
    assert_array_equal(params(classifier), before)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_partial_fit_over_chunks_is_an_epoch_of_fit(solver):
    how = {"solver": solver, "shuffle": False, "batch_size": 5, "random_state": 0}
    how |= {"intercept_scaling": 1.5, "reps": 2}
    parts = QNNClassifier(**how)
    for _ in range(2):
        for rows in (slice(0, 15), slice(15, 40)):
            parts.partial_fit(X[rows], Y[rows], classes=[0, 1])
    assert_array_equal(params(parts), params(train(max_iter=2, **how)))
    assert parts.n_iter_ == len(parts.loss_curve_) == 4


def test_partial_fit_of_one_class_at_a_time():
    classifier = QNNClassifier(random_state=0)
    for label in (2, 0, 1):
        classifier.partial_fit(X, np.full(40, label), classes=[0, 1, 2])
    assert_array_equal(classifier.classes_, [0, 1, 2])
    assert classifier.predict_proba(X).shape == (40, 3)


class Recorder:
    """Keep the parameters after each epoch."""

    def __init__(self):
        self.epochs = []

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch":
            self.epochs.append(params(fitted_estimator))

    def teardown(self, estimator, context):
        pass


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_early_stopping_restores_the_best_weights(solver):
    recorder = Recorder()
    classifier = QNNClassifier(
        solver=solver, early_stopping=True, validation_fraction=0.4, random_state=3
    )
    classifier.set_callbacks(recorder).fit(X, Y)
    scores = classifier.validation_scores_
    best = int(np.argmax(scores))
    assert best < len(scores) - 1
    assert classifier.best_validation_score_ == scores[best]
    assert_array_equal(params(classifier), recorder.epochs[best])


# --- Weights -------------------------------------------------------------------------

FULL_BATCH = {"shuffle": False, "batch_size": 1000}


def test_sample_weight_zero_is_a_removed_sample():
    kept = np.arange(40) % 4 > 0
    weighted = train(sample_weight=kept.astype(float), batch_size=7)
    assert_array_equal(params(weighted), params(train(X[kept], Y[kept], batch_size=7)))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sample_weight_two_is_a_repeated_sample(solver):
    weights = 1 + np.arange(40) % 3
    weighted = train(sample_weight=weights, solver=solver, **FULL_BATCH)
    repeated = train(
        X.repeat(weights, 0), Y.repeat(weights), solver=solver, **FULL_BATCH
    )
    assert_allclose(params(weighted), params(repeated), rtol=1e-9)


def test_sample_weight_counts_in_the_validation_score():
    weights = np.where(Y == 0, 1.0, 1e-6)
    how = {"early_stopping": True, "validation_fraction": 0.5, "max_iter": 30}
    assert train(sample_weight=weights, **how).best_validation_score_ > 0.99
    assert train(**how).best_validation_score_ < 0.99


CLASS_WEIGHTS = {  # class_weight: the equal sample_weight
    "dict": ({"a": 2.0, "b": 0.5, "c": 1.0}, np.array([2.0, 0.5, 1.0])),
    "one class out": ({"a": 0.0, "b": 1.0, "c": 1.0}, np.array([0.0, 1.0, 1.0])),
    "balanced": ("balanced", 40 / 3 / np.array([14, 13, 13])),
}


@pytest.mark.parametrize("name", CLASS_WEIGHTS)
def test_class_weight_equals_sample_weight(name):
    class_weight, weights = CLASS_WEIGHTS[name]
    by_class = train(X, Y3, class_weight=class_weight, **FULL_BATCH)
    weights = weights[np.searchsorted(["a", "b", "c"], Y3)]
    by_sample = train(X, Y3, sample_weight=weights, **FULL_BATCH)
    if name == "one class out":  # removed samples would take the class with them
        by_sample = train(X, Y3, np.maximum(weights, 1e-12), **FULL_BATCH)
    assert_allclose(params(by_class), params(by_sample), rtol=1e-8)


def test_class_weight_balanced_counts_by_sample_weight():
    weights = 1 + np.arange(40) % 3
    weighted = train(X, Y, weights, class_weight="balanced", **FULL_BATCH)
    X2, y2 = X.repeat(weights, 0), Y.repeat(weights)
    repeated = train(X2, y2, class_weight="balanced", **FULL_BATCH)
    assert_allclose(params(weighted), params(repeated), rtol=1e-9)


# --- Randomness ----------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "spsa"])
def test_random_state_decides_every_bit(solver):
    how = {"solver": solver, "batch_size": 7, "early_stopping": True}
    first, second, other = (train(random_state=s, **how) for s in (5, 5, 6))
    assert_array_equal(params(first), params(second))
    assert not np.array_equal(params(first), params(other))


def test_random_state_instance_is_advanced():
    state = np.random.RandomState(5)
    first, second = train(random_state=state), train(random_state=state)
    assert_array_equal(params(first), params(train(random_state=5)))
    assert not np.array_equal(params(first), params(second))


# --- Stopping ------------------------------------------------------------------------

EPOCHS = [  # arguments, epochs; the first epoch always improves on infinity
    ({"tol": 1e3, "n_iter_no_change": 4}, 21),  # an epoch of one step counts a fifth
    ({"tol": 1e3, "n_iter_no_change": 4, "batch_size": 8}, 5),
    ({"tol": 1e3, "n_iter_no_change": 4, "batch_size": 20}, 11),
    ({"solver": "lbfgs", "tol": 1e3}, 1),
    ({"learning_rate": "one_cycle", "tol": 1e3, "max_iter": 15}, 15),
    ({"early_stopping": True, "tol": 1.0, "n_iter_no_change": 3}, 16),
    ({"solver": "spsa", "tol": 1e3, "max_iter": 60}, 60),  # too noisy for a rule
    ({"gradient": "spsa", "tol": 1e3, "max_iter": 60}, 60),
]


@pytest.mark.filterwarnings("ignore:The loss ended at .* nothing was learnt")
@pytest.mark.parametrize("arguments, n_epochs", EPOCHS)
def test_stops_without_improvement_and_without_warning(arguments, n_epochs):
    classifier = QNNClassifier(random_state=0, **arguments).fit(X, Y)
    assert classifier.n_iter_ == n_epochs


def interrupt_after(n_calls, monkeypatch, error=KeyboardInterrupt):
    """Let Ctrl-C be pressed in the engine's call after `n_calls` of them."""
    from skqnn._engine.statevector import StatevectorEngine

    calls, vjp = [], StatevectorEngine.vjp

    def interrupted(self, states, theta):
        calls.append(theta)
        if len(calls) > n_calls:
            raise error
        return vjp(self, states, theta)

    monkeypatch.setattr(StatevectorEngine, "vjp", interrupted)


@pytest.mark.parametrize("solver", ["adam", "lbfgs", ADAM(maxiter=50)])
@pytest.mark.parametrize("n_calls", [0, 12])
def test_keyboard_interrupt_leaves_a_usable_model(solver, n_calls, monkeypatch):
    interrupt_after(n_calls, monkeypatch)
    classifier = QNNClassifier(solver=solver, random_state=0)
    with pytest.warns(UserWarning, match="interrupted by user") as caught:
        classifier.fit(X, Y)
    assert caught[0].filename == __file__
    assert (classifier.n_iter_ > 0) == (n_calls > 0)
    assert np.isfinite(classifier.predict_proba(X)).all()


def test_keyboard_interrupt_keeps_the_last_step(monkeypatch):
    expected = params(train(max_iter=12, tol=0))
    interrupt_after(12, monkeypatch)
    with pytest.warns(UserWarning, match="interrupted by user"):
        interrupted = QNNClassifier(random_state=0, **SMALL).fit(X, Y)
    assert_array_equal(params(interrupted), expected)


def test_failure_after_some_epochs_leaves_weights_and_curves_of_the_last(monkeypatch):
    expected = train(max_iter=12, tol=0)
    interrupt_after(12, monkeypatch, RuntimeError)
    classifier = QNNClassifier(random_state=0, **SMALL)
    with pytest.raises(RuntimeError):
        classifier.fit(X, Y)
    assert_array_equal(params(classifier), params(expected))
    assert classifier.loss_curve_ == expected.loss_curve_
    assert classifier.n_iter_ == 12


# --- Gradients and backends ----------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_gradient_by_parameter_shift_trains_the_same(solver):
    adjoint = train(solver=solver)
    shifted = train(solver=solver, gradient="parameter_shift")
    assert shifted.gradient_ == "parameter_shift"
    assert_allclose(params(shifted), params(adjoint), rtol=1e-8)


def test_backend_changed_after_fit_leaves_the_fitted_state_alone():
    classifier = train()
    before, scores = dict(vars(classifier)), classifier.decision_function(X)
    classifier.set_params(backend="aer")
    assert_allclose(classifier.decision_function(X), scores, atol=1e-12)
    after = dict(vars(classifier))
    assert (before.pop("backend"), after.pop("backend")) == (None, "aer")
    assert all(after[name] is value for name, value in before.items())
    assert len(before) == len(after)


@pytest.fixture
def compiled(monkeypatch):
    """Record each model that is compiled for the simulator."""
    seen = []
    make = _execution.exact_engine
    monkeypatch.setattr(
        _execution, "exact_engine", lambda model: seen.append(model) or make(model)
    )
    return seen


def test_model_is_compiled_once_for_fit_and_all_that_follows(compiled):
    classifier = train(learning_rate="cosine")
    classifier.predict(X)
    classifier.partial_fit(X, Y).set_params(tol=1.0).predict_proba(X[:1])
    assert len(compiled) == 1
    classifier.set_params(reps=2).fit(X, Y).predict(X)
    assert [model[0] for model in compiled[1:]] == [classifier.circuit_]


def test_model_replaced_by_hand_is_compiled_anew(compiled):
    classifier = train()
    classifier.observables_ = [-classifier.observables_[0]]
    E = classifier.decision_function(X) - classifier.bias_
    classifier.observables_ = [-classifier.observables_[0]]
    assert_allclose(classifier.decision_function(X) - classifier.bias_, -E)
    assert len(compiled) == 3


def test_model_changed_in_place_is_compiled_anew(compiled):
    classifier = train()
    E = classifier.decision_function(X) - classifier.bias_
    classifier.observables_[0].coeffs[0] = 3.0
    assert_allclose(classifier.decision_function(X) - classifier.bias_, 3 * E)
    assert len(compiled) == 2


def test_circuits_that_their_user_extends_later_are_not_those_of_the_model():
    ansatz, encoding = real_amplitudes(4, reps=1), QuantumCircuit(4)
    for qubit, x in enumerate(ParameterVector("x", 4)):
        encoding.rx(x, qubit)
    observable = SparsePauliOp("ZZZZ")
    classifier = train(encoding=encoding, ansatz=ansatz, observables=[observable])
    expected = classifier.decision_function(X)
    ansatz.h(0)
    encoding.h(0)
    observable.coeffs[0] = 3.0
    for model in (classifier, copy.deepcopy(classifier)):
        assert_array_equal(model.decision_function(X), expected)


@pytest.mark.parametrize("share, n_compiled", [(0.9, 2), (1.1, 1)])
def test_model_is_kept_that_takes_a_small_part_of_memory(
    compiled, monkeypatch, share, n_compiled
):
    classifier = train()
    size = classifier._engines._exact[-1].held_bytes
    monkeypatch.setattr(_execution, "_NOT_COUNTED", 0)
    monkeypatch.setattr(_execution, "memory_limit", lambda: share * 32 * size)
    compiled.clear()
    train().predict(X)
    assert len(compiled) == n_compiled


def test_models_together_are_kept_in_a_small_part_of_memory(compiled, monkeypatch):
    first, second, third = train(), train(), train()
    size = first._engines._exact[-1].held_bytes
    monkeypatch.setattr(_execution, "_NOT_COUNTED", 0)
    monkeypatch.setattr(_execution, "memory_limit", lambda: 2.5 * 32 * size)
    for model in (first, second, third):
        model._engines.forget()
        model.predict(X)
    compiled.clear()
    second.predict(X)
    third.predict(X)
    assert not compiled
    first.predict(X)
    assert len(compiled) == 1
    del third
    second.predict(X)  # the second had to go for the first
    assert len(compiled) == 2
    first.predict(X)
    assert len(compiled) == 2


def test_compiled_model_stays_out_of_copies_and_pickles():
    classifier = train()
    assert "_engines" in vars(classifier)
    for duplicate in (clone, copy.copy, copy.deepcopy):
        assert "_engines" not in vars(duplicate(classifier))
    assert b"StatevectorEngine" not in pickle.dumps(classifier)


def test_predictions_in_threads_share_the_compiled_model(compiled):
    classifier = train()
    expected = classifier.decision_function(X)
    with ThreadPoolExecutor(4) as pool:
        for scores in pool.map(classifier.decision_function, [X] * 20):
            assert_array_equal(scores, expected)
    assert len(compiled) == 1


def test_float32_is_trained_in_float32():
    single, double = (
        train(X.astype(np.float32)),
        train(X.astype(np.float32).astype(float)),
    )
    assert single.theta_.dtype == single.decision_function(X).dtype == np.float64
    assert not np.array_equal(params(single), params(double))
    assert_allclose(params(single), params(double), atol=1e-4)


# --- Solvers -------------------------------------------------------------------------

OPTIMIZERS = {
    "ADAM": (lambda: ADAM(maxiter=60, lr=0.1), 60),
    "COBYLA": (lambda: COBYLA(maxiter=150), 100),
    "SPSA": (lambda: SPSA(maxiter=60), 120),
    "L_BFGS_B": (lambda: L_BFGS_B(maxiter=30), 10),
}


@pytest.mark.filterwarnings("ignore:.*iprint")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_solver_of_qiskit_machine_learning_runs_its_own_length(name):
    make, least = OPTIMIZERS[name]
    classifier = QNNClassifier(solver=make(), max_iter=1, random_state=0, **SMALL)
    classifier.fit(X, Y)
    assert classifier.n_iter_ >= least
    assert classifier.loss_ < classifier.loss_curve_[0] - 0.05


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("make", [OPTIMIZERS["SPSA"][0], lambda: UMDA(maxiter=3)])
def test_random_state_decides_what_solvers_of_qiskit_machine_learning_draw(make):
    algorithm_globals.random_seed = 5
    first, second, other = (
        QNNClassifier(solver=make(), random_state=seed, **SMALL).fit(X, Y)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.theta_, second.theta_)
    assert not np.array_equal(first.theta_, other.theta_)
    drawn = algorithm_globals.random.random()
    algorithm_globals.random_seed = 5
    assert drawn == algorithm_globals.random.random()  # it was put back


def test_solver_changed_between_warm_starts_begins_with_fresh_state():
    classifier = train(warm_start=True)
    before = classifier.loss_
    with pytest.warns(ConvergenceWarning):
        classifier.set_params(solver="sgd").fit(X, Y)
    assert classifier.n_iter_ == 6
    assert classifier.loss_ < before


# --- Warnings ------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_convergence_warning_points_at_the_caller(solver):
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\)") as caught:
        QNNClassifier(solver=solver, max_iter=2).fit(X, Y)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "arguments, cure",
    [
        ({}, "try solver='lbfgs', for 4 angles, or raise `max_iter`"),
        ({"solver": "lbfgs"}, "raise `max_iter` or `tol`"),
        ({"reps": 50}, "raise `max_iter` or `tol`"),  # 102 angles
        ({"backend": "aer", "shots": 5}, "raise `max_iter` or `tol`"),
    ],
    ids=str,
)
def test_convergence_warning_recommends_lbfgs_for_few_angles(arguments, cure):
    classifier = QNNClassifier(**SMALL | {"max_iter": 1} | arguments, random_state=0)
    with pytest.warns(ConvergenceWarning, match=rf"yet; {cure}\.$"):
        classifier.fit(X[:4], Y3[:4] == "a")


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_dead_parameters_warning_points_at_the_caller(method):
    classifier = QNNClassifier(
        intercept_scaling=None,
        reps=1,
        observables=["IZ"],
        learning_rate="cosine",
        max_iter=2,
    )
    arguments = {"classes": [0, 1]} if method == "partial_fit" else {}
    with pytest.warns(DeadParameterWarning, match="1 of 4 parameters .*`reps`") as w:
        getattr(classifier, method)(X, Y, **arguments)
    assert w[0].filename == __file__
    assert_array_equal(classifier.dead_parameters_, [3])


# --- Log -----------------------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
def test_verbose_logs_one_line_per_epoch(caplog, early_stopping):
    train(verbose=True, early_stopping=early_stopping)
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(",")[0] for line in lines] == [
        f"Iteration {k}" for k in (1, 2, 3)
    ]
    assert all(("validation score" in line) == early_stopping for line in lines)
    assert logging.getLogger("skqnn").level == logging.NOTSET


def test_verbose_is_seen_on_standard_output_without_logging_set_up(capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger("skqnn"), "propagate", False)
    train(verbose=False)
    assert capsys.readouterr().out == ""
    train(verbose=True)
    assert len(capsys.readouterr().out.splitlines()) == 3
