"""check_gradients: three methods agree, and a wrong gradient is found out."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.validation import check_is_fitted

from skqnn import QNNClassifier
from skqnn._engine.statevector import StatevectorEngine
from skqnn.inspection import check_gradients

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
LABELS = {2: np.arange(12) % 2, 3: np.array(["a", "b", "c"])[np.arange(12) % 3]}


def feature_map():
    x, circuit = ParameterVector("x", 3), QuantumCircuit(3)
    for q in range(3):
        circuit.h(q)
        circuit.p(x[q] ** 2, q)
    circuit.cz(0, 1)
    return circuit


def controlled_rotations(n_qubits):
    theta, circuit = ParameterVector("t", 2 * n_qubits), QuantumCircuit(n_qubits)
    for q in range(n_qubits):
        circuit.rx(2 * theta[q] + 1, q)
        circuit.crz(theta[n_qubits + q], q, (q + 1) % n_qubits)
    circuit.h(range(n_qubits))
    return circuit


def repeated_parameter(n_qubits):
    angle, circuit = Parameter("a"), QuantumCircuit(n_qubits)
    for q in range(n_qubits):
        circuit.ry(angle, q)
    return circuit


ENCODINGS = {"amplitude": "amplitude", "angle": "angle", "circuit": feature_map()}
ANSATZE = ["real_amplitudes", "efficient_su2", controlled_rotations]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
@pytest.mark.parametrize("n_classes", LABELS)
@pytest.mark.parametrize("ansatz", ANSATZE)
def test_check_gradients_three_methods_agree(encoding, loss, n_classes, ansatz):
    classifier = QNNClassifier(
        encoding=ENCODINGS[encoding], loss=loss, ansatz=ansatz, random_state=1
    )
    check = check_gradients(classifier, X, LABELS[n_classes])
    assert check.max_differences["parameter_shift"] < 1e-10
    assert check.max_differences["finite_differences"] < 1e-9
    assert np.linalg.norm(check.adjoint) > 1e-3


def test_check_gradients_without_shift_rule_says_why():
    check = check_gradients(QNNClassifier(ansatz=repeated_parameter), X, LABELS[2])
    assert check.parameter_shift is None
    assert list(check.max_differences) == ["finite_differences"]
    assert "not possible" in repr(check)
    assert "exactly one gate" in repr(check)


def test_check_gradients_wrong_gradient_is_detected(monkeypatch):
    vjp = StatevectorEngine.vjp

    def wrong(self, states, theta):
        E, pullback = vjp(self, states, theta)
        error = 1e-3 * (np.arange(len(theta)) == 2)
        return E, lambda cotangent: pullback(cotangent) + error

    monkeypatch.setattr(StatevectorEngine, "vjp", wrong)
    classifier = QNNClassifier(random_state=0)
    check = check_gradients(classifier, X, LABELS[2])
    assert all(d > 1e-4 for d in check.max_differences.values())
    assert "(θ[2])" in repr(check)
    with pytest.raises(AssertionError, match=r"differ by more than 1e-06"):
        check_gradients(classifier, X, LABELS[2], tol=1e-6)


def test_check_gradients_fitted_is_taken_at_the_fitted_parameters():
    rng = np.random.default_rng(0)
    classifier = QNNClassifier(solver="lbfgs", tol=1e-9, max_iter=500, random_state=0)
    y = rng.permutation(LABELS[2])
    before = classifier.fit(X, y).theta_.copy()
    check = check_gradients(classifier, X, y, tol=1e-6)
    assert check.loss == pytest.approx(classifier.loss_)
    assert np.linalg.norm(check.adjoint) < 1e-5
    np.testing.assert_array_equal(classifier.theta_, before)


def test_check_gradients_unfitted_stays_unfitted_and_draws_by_random_state():
    classifier = QNNClassifier()
    first, again, other = (
        check_gradients(classifier, X, LABELS[2], random_state=seed).adjoint
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    with pytest.raises(NotFittedError):
        check_is_fitted(classifier)


def test_check_gradients_sample_weight_zero_removes_samples():
    weights = np.r_[np.ones(8), np.zeros(4)]
    classifier = QNNClassifier(random_state=0)
    weighted = check_gradients(classifier, X, LABELS[2], sample_weight=weights)
    removed = check_gradients(classifier, X[:8], LABELS[2][:8])
    np.testing.assert_allclose(weighted.adjoint, removed.adjoint, atol=1e-15)


@pytest.mark.parametrize("fitted", [False, True])
def test_check_gradients_pipeline_sees_transformed_data(fitted):
    classifier = QNNClassifier(encoding="angle", random_state=0, solver="lbfgs")
    pipeline = make_pipeline(MinMaxScaler(), classifier)
    if fitted:
        pipeline.fit(X, LABELS[2])
        classifier = pipeline[-1]
    scaled = MinMaxScaler().fit_transform(X)
    expected = check_gradients(classifier, scaled, LABELS[2]).adjoint
    check = check_gradients(pipeline, X, LABELS[2])
    np.testing.assert_array_equal(check.adjoint, expected)


def test_check_gradients_float32_is_checked_in_float64():
    classifier = QNNClassifier(random_state=0)
    check = check_gradients(classifier, X.astype(np.float32), LABELS[2])
    assert check.max_differences["finite_differences"] < 1e-9


@pytest.mark.parametrize("n_classes, last", [(2, "bias"), (3, "bias[2]")])
def test_check_gradients_names_every_parameter(n_classes, last):
    check = check_gradients(QNNClassifier(), X, LABELS[n_classes])
    assert len(check.parameter_names) == len(check.adjoint)
    assert check.parameter_names[0] == "θ[0]"
    assert check.parameter_names[-1] == last


def test_check_gradients_other_estimator_is_refused():
    with pytest.raises(TypeError, match="`estimator` must be a QNNClassifier"):
        check_gradients(LogisticRegression(), X, LABELS[2])


def test_check_gradients_unknown_label_is_refused():
    classifier = QNNClassifier(solver="lbfgs", random_state=0).fit(X, LABELS[2])
    with pytest.raises(ValueError, match=r"only the known labels, .*got \[5\]"):
        check_gradients(classifier, X, LABELS[2] + 5 * (np.arange(12) == 0))
