"""QNNClassifier on backends: trained there or elsewhere, and its arguments."""

import logging
import pickle

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.primitives import StatevectorEstimator
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.utils.estimator_checks import check_estimator

from skqnn import Backend, BinaryAmplitudeEncoder, QNNClassifier
from skqnn._backends.aer import AerDevice
from skqnn.exceptions import PreparationWarning

BRIEF = {"learning_rate": "cosine", "max_iter": 2, "random_state": 0}
BRIEF |= {"intercept_scaling": None, "reps": 1}
X, Y = load_iris(return_X_y=True)
X, Y = X[:100:5], Y[:100:5]


@pytest.fixture(scope="module")
def trained():
    return QNNClassifier(random_state=0, tol=1e-3).fit(X, Y)


@pytest.fixture(scope="module")
def digits():
    images, labels = load_digits(n_class=2, return_X_y=True)
    rows = BinaryAmplitudeEncoder().fit_transform(images)
    return train_test_split(rows, labels, random_state=0)


def on(classifier, **parameters):
    return pickle.loads(pickle.dumps(classifier)).set_params(**parameters)


@pytest.mark.parametrize("backend", ["aer", AerSimulator(), StatevectorEstimator()])
def test_trained_exactly_predicts_the_same_elsewhere(trained, backend):
    elsewhere = on(trained, backend=backend)
    np.testing.assert_allclose(
        elsewhere.predict_proba(X), trained.predict_proba(X), atol=1e-9
    )


@pytest.mark.parametrize("solver, max_iter", [("adam", 2), ("lbfgs", 200)])
def test_training_on_aer_without_shots_is_exact_training(solver, max_iter):
    options = BRIEF | {"solver": solver, "max_iter": max_iter, "tol": 1e-2}
    exact = QNNClassifier(gradient="parameter_shift", **options)
    aer = clone(exact).set_params(backend="aer")
    # A generator is drawn from for the seed of the backend, so that batches differ.
    exact.set_params(shuffle=False)
    aer.set_params(shuffle=False)
    np.testing.assert_allclose(aer.fit(X, Y).theta_, exact.fit(X, Y).theta_, atol=1e-6)


def test_same_random_state_same_bits():
    classifier = QNNClassifier(backend="aer", shots=64, **BRIEF)
    first, second = (clone(classifier).fit(X, Y) for _ in range(2))
    np.testing.assert_array_equal(first.theta_, second.theta_)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    other = clone(classifier).set_params(random_state=1).fit(X, Y)
    assert not np.array_equal(first.theta_, other.theta_)


def test_labels_of_gates_do_not_change_their_noise():
    """To Aer a gate with a label is another gate, one without errors."""

    def scores(label):
        theta = ParameterVector("t", 4)
        ansatz = QuantumCircuit(2)
        ansatz.ry(theta[0], 0, label=label)
        ansatz.ry(theta[1], 1)
        ansatz.cx(0, 1, label=label)
        ansatz.ry(theta[2], 0)
        ansatz.ry(theta[3], 1)
        classifier = QNNClassifier(ansatz=ansatz, observables=["ZZ"], **BRIEF)
        classifier.fit(X, Y).set_params(backend=AerSimulator(noise_model=noise))
        return classifier.decision_function(X)

    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.3, 2), ["cx"])
    noise.add_all_qubit_quantum_error(depolarizing_error(0.2, 1), ["ry"])
    np.testing.assert_allclose(scores("mine"), scores(None), atol=1e-10)


def test_predictions_with_shots_are_consistent_probabilities(trained):
    sampled = on(trained, backend="aer", shots=7)
    probabilities = sampled.predict_proba(X)
    assert np.all((probabilities >= 0) & (probabilities <= 1))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    winner = sampled.classes_[(sampled.decision_function(X) > 0).astype(int)]
    np.testing.assert_array_equal(sampled.predict(X), winner)
    np.testing.assert_array_equal(sampled.predict(X), winner)


def test_standard_error_of_scores(trained):
    scores = trained.decision_function(X)
    same, zero = trained.decision_function(X, return_std=True)
    np.testing.assert_array_equal(same, scores)
    assert not zero.any()
    few, many = (
        on(trained, backend="aer", shots=n).decision_function(X, return_std=True)
        for n in (100, 10_000)
    )
    np.testing.assert_allclose(few[1] / many[1], 10, rtol=0.5)
    deviation = (many[0] - scores) / many[1]
    assert 0.5 < deviation.std() < 1.6


def test_standard_error_of_several_classes():
    rows, labels = load_iris(return_X_y=True)
    classifier = QNNClassifier(**BRIEF).fit(rows, labels)
    scores, std = on(classifier, backend="aer", shots=50).decision_function(
        rows, return_std=True
    )
    assert scores.shape == std.shape == (150, 3)


def test_fidelity_of_the_preparation():
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(6, 32)) + 0.5, np.arange(6) % 2
    classifier = QNNClassifier(**BRIEF).fit(rows, labels)
    np.testing.assert_array_equal(classifier.preparation_fidelity(rows), np.ones(6))
    classifier.set_params(backend=Backend("aer", state_preparation="layers"))
    fidelities = [
        on(classifier, backend__n_preparation_layers=n).preparation_fidelity(rows)
        for n in (2, 4)
    ]
    assert np.all(fidelities[0] < fidelities[1])
    with pytest.warns(PreparationWarning, match="fidelity below 0.8"):
        on(classifier, backend__n_preparation_layers=1).preparation_fidelity(rows)


def test_options_of_the_backend_are_used(trained):
    options = {"matrix_product_state_max_bond_dimension": 1}
    plain = on(trained, backend="aer_matrix_product_state")
    backend = Backend("aer_matrix_product_state", options=options)
    cut = on(plain, backend=backend)
    assert not np.allclose(plain.predict_proba(X), cut.predict_proba(X), atol=1e-3)


def test_journal_of_a_simulation(trained, tmp_path):
    path = tmp_path / "journal.sqlite"
    on(trained, backend=Backend("aer", journal=path)).predict(X)
    assert path.exists()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_training_under_noise_has_the_adjoint_gradient(solver):
    pytest.importorskip("qiskit_ibm_runtime")
    backend = Backend("fake_manila", n_transpilations=2)
    fitted = [
        QNNClassifier(
            backend=backend, gradient=gradient, **BRIEF | {"solver": solver}
        ).fit(X, Y)
        for gradient in ("auto", "adjoint", "parameter_shift")
    ]
    assert [f.gradient_ for f in fitted] == ["adjoint", "adjoint", "parameter_shift"]
    for other in fitted[1:]:
        np.testing.assert_allclose(other.theta_, fitted[0].theta_, atol=1e-6)
        np.testing.assert_allclose(other.loss_curve_, fitted[0].loss_curve_, atol=1e-9)


def test_automatic_gradient_is_told(caplog):
    theta = ParameterVector("t", 1)
    repeated = QuantumCircuit(2)
    for qubit in range(2):
        repeated.ry(theta[0], qubit)
    expected = [
        ({}, "parameter_shift"),
        ({"solver": "spsa"}, "spsa"),
        ({"gradient": "spsa"}, "spsa"),
        ({"ansatz": repeated}, "spsa"),
    ]
    for parameters, method in expected:
        with caplog.at_level(logging.INFO, "skqnn"):
            classifier = QNNClassifier(backend="aer", **BRIEF | parameters).fit(X, Y)
        assert classifier.gradient_ == method
    assert "Gradients by spsa" in caplog.text


@pytest.mark.parametrize(
    "parameters, message",
    [
        (
            {"backend": "fake_turino"},
            "'fake_turino'; the nearest names are 'fake",
        ),
        ({"backend": "aer", "shots": 0}, "`shots` must be a positive integer"),
        ({"backend": "aer", "shots": -1}, "`shots` must be a positive integer"),
        ({"shots": 10}, "`shots` must be None with the exact engine"),
        ({"backend": "fake_armonk"}, "at least 3 qubits .* 'fake_armonk' with 1"),
        (
            {"backend": Backend("aer", state_preparation="magic")},
            "`state_preparation` must be one of",
        ),
        ({"backend": "aer", "gradient": "adjoint"}, "needs the exact engine"),
        ({"solver": "lbfgs", "gradient": "spsa"}, "when gradient='spsa'"),
        ({"backend": Backend("aer", journal="")}, "`journal` must be"),
    ],
)
def test_wrong_arguments_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        QNNClassifier(**parameters).fit(X, Y)


@pytest.mark.parametrize(
    "name, backend",
    [
        ("backend", 3),
        ("options", Backend("aer", options=3)),
        ("journal", Backend("aer", journal=3)),
    ],
)
def test_wrong_types_are_refused(name, backend):
    with pytest.raises(TypeError, match=f"`{name}` must be"):
        QNNClassifier(backend=backend).fit(X, Y)


def test_parameters_of_the_backend_are_parameters_of_the_classifier(trained):
    classifier = on(trained, backend=Backend("aer", n_preparation_layers=2))
    assert classifier.get_params()["backend__n_preparation_layers"] == 2
    classifier.set_params(backend__journal=None, backend__target="aer_statevector")
    assert classifier.backend.journal is None
    copy = clone(classifier)
    assert copy.backend is not classifier.backend
    assert repr(copy) == repr(classifier)
    assert "aer_statevector" in repr(copy)
    assert "aer_statevector" in copy._repr_html_()


def test_parameters_of_a_backend_that_is_a_name_are_refused(trained):
    classifier = on(trained, backend="aer")
    with pytest.raises(ValueError, match="`backend__journal` is a parameter of a Back"):
        classifier.set_params(backend__journal=None)
    classifier.set_params(backend=Backend("aer"), backend__journal=None)
    assert classifier.backend.journal is None


def test_grid_over_parameters_of_the_backend():
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(12, 16)) + 0.5, np.arange(12) % 2
    backend = Backend("aer", state_preparation="layers")
    classifier = QNNClassifier(backend=backend, gradient="spsa", **BRIEF)
    grid = {"backend__n_preparation_layers": [3, 5]}
    search = GridSearchCV(classifier, grid, cv=2).fit(rows, labels)
    found = search.best_estimator_.backend.n_preparation_layers
    assert found == search.best_params_["backend__n_preparation_layers"]
    assert classifier.backend is backend
    assert backend.n_preparation_layers == 4


def test_compiled_program_is_kept_for_the_next_call_only(trained, monkeypatch):
    seen = []
    compile = AerDevice.compile
    monkeypatch.setattr(
        AerDevice, "compile", lambda *a, **k: seen.append(a) or compile(*a, **k)
    )
    classifier = on(trained, backend="aer_density_matrix")
    scores = classifier.decision_function(X)
    np.testing.assert_array_equal(classifier.decision_function(X), scores)
    assert len(seen) == 1
    pickle.loads(pickle.dumps(classifier)).predict(X)
    assert len(seen) == 2
    classifier.set_params(shots=100).predict(X)
    assert len(seen) == 3


def test_backend_is_resolved_anew_for_each_call(trained):
    classifier = on(trained, backend="aer", shots=10)
    sampled = classifier.decision_function(X)
    exact = classifier.set_params(shots=None).decision_function(X)
    np.testing.assert_allclose(exact, trained.decision_function(X), atol=1e-9)
    assert not np.allclose(sampled, exact)


@pytest.mark.slow
@pytest.mark.parametrize(
    "parameters",
    [
        {"gradient": "parameter_shift", "max_iter": 5},
        {"gradient": "spsa", "max_iter": 20},
        {"solver": "spsa", "max_iter": 40},
    ],
    ids=str,
)
def test_training_with_shots_learns_digits(digits, parameters):
    train, test, y_train, y_test = digits
    classifier = QNNClassifier(
        backend="aer",
        shots=1024,
        batch_size=32,
        learning_rate="cosine",
        random_state=0,
        **parameters,
    )
    assert classifier.fit(train, y_train).score(test, y_test) >= 0.95


@pytest.mark.slow
def test_noise_changes_few_decisions(digits):
    train, test, y_train, _ = digits
    classifier = QNNClassifier(random_state=0, tol=1e-3).fit(train, y_train)
    noisy = on(classifier, backend="fake_torino", shots=4096)
    test = test[:40]
    assert np.mean(noisy.predict(test) == classifier.predict(test)) >= 0.95


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scikit_learns_checks_pass_on_aer():
    brief = {"reps": 2, "learning_rate": "one_cycle", "learning_rate_init": 0.3}
    check_estimator(QNNClassifier(backend="aer", max_iter=20, **brief))
