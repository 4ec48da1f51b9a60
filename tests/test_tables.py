"""A new loss, optimizer, ansatz, gate or kind of backend is one row, and works.

Each test adds an entry to a table, or takes one away, and walks through every public
path that could know the table.
"""

import pickle
import re
from inspect import signature
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import Statevector
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

from skqnn import Backend, QNNClassifier, inspection
from skqnn._backends import backend as _backend
from skqnn._backends import resolve
from skqnn._backends.estimators import EstimatorDevice
from skqnn._backends.kinds import named
from skqnn._circuits.ansatz import ANSATZE
from skqnn._circuits.gates import GENERATORS, compile_circuit
from skqnn._circuits.preparation import PREPARATIONS
from skqnn._training.losses import LOSSES, Loss
from skqnn._training.optimizers import OPTIMIZERS, SCHEDULES, Optimizer
from skqnn._validation import one_of
from skqnn.export import (
    _circuit_export,
    bound_circuit,
    load,
    qnn_inputs,
    save,
    to_estimator_qnn,
)
from skqnn.inspection import (
    CircuitDisplay,
    ObservableDisplay,
    ParameterDisplay,
    TrainingCurveDisplay,
    _variants,
    ablation_report,
    check_gradients,
    estimate_cost,
    trainability_report,
)
from skqnn.inspection._variants import VARIANTS, Variant, without_entanglers

pyplot = pytest.importorskip("matplotlib.pyplot")
pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum iterations", "ignore:.*cannot", "ignore:The loss ended"
)
X, Y = (part[::5] for part in load_iris(return_X_y=True))
TWO = Y < 2
SMALL = {"max_iter": 2, "random_state": 0}


def walk(tmp_path, **arguments):
    """Take a classifier with these arguments through every public path."""
    for rows, labels in ((X, Y), (X[TWO], Y[TWO])):
        model = QNNClassifier(**SMALL | arguments).fit(rows, labels)
        probabilities = model.predict_proba(rows)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
        same = clone(model).fit(rows, labels)
        np.testing.assert_array_equal(same.theta_, model.theta_)
        save(model, tmp_path / "model")
        for copy in (pickle.loads(pickle.dumps(model)), load(tmp_path / "model")):
            scores = copy.decision_function(rows)
            np.testing.assert_array_equal(scores, model.decision_function(rows))
            copy.partial_fit(rows, labels)
            assert len(copy.loss_curve_) == 3
        look_at(model, rows, labels)
    return model


def look_at(model, rows, labels):
    """Draw and print all that can be seen of a model."""
    check = check_gradients(model, rows[:5], labels[:5])
    assert max(check.max_differences.values()) < 1e-6
    ablation = ablation_report(model, rows, labels, cv=2)
    assert "model" in str(ablation)
    cost = estimate_cost(model, rows, backend="fake_manila", shots=100)
    assert cost["two_qubit_gates"] > 0
    TrainingCurveDisplay.from_estimator(model)
    CircuitDisplay.from_estimator(model, rows[:1])
    ParameterDisplay.from_estimator(model, rows, labels, n_draws=3)
    ObservableDisplay.from_estimator(model, rows, labels)
    options = {"n_draws": 2, "n_qubits": (2, 3), "reps": (1,), "max_samples": 2}
    report = trainability_report(model, rows, labels, **options)
    assert report.fisher.rank > 0
    assert str(report)
    assert model._repr_html_()
    pyplot.close("all")


# What a named argument may be: the class or function, the argument, its names.
DOCUMENTED = [
    (QNNClassifier, "ansatz", ANSATZE),
    (QNNClassifier, "loss", LOSSES),
    (QNNClassifier, "solver", [*OPTIMIZERS, "lbfgs"]),
    (QNNClassifier, "learning_rate", SCHEDULES),
    (Backend, "state_preparation", _backend.STATE_PREPARATIONS),
    (Backend, "mode", _backend.MODES),
    (bound_circuit, "state_preparation", ["direct", *PREPARATIONS]),
]


@pytest.mark.parametrize("owner, argument, names", DOCUMENTED)
def test_names_of_a_table_are_those_that_the_docstring_lists(owner, argument, names):
    [line] = re.findall(rf"^ *{argument} : \{{(.+?)\}}", owner.__doc__, re.M | re.S)
    assert set(re.findall(r'"(\w+)"', line)) == set(names)


def absolute(scores, targets):
    """Return the distance to -1 and +1."""
    residual = scores - (2 * targets - 1)
    return np.abs(residual).sum(axis=1), np.sign(residual)


def test_loss_is_one_row(monkeypatch, tmp_path):
    probabilities = LOSSES["squared_error"].log_probabilities
    monkeypatch.setitem(LOSSES, "absolute", Loss(absolute, probabilities))
    walk(tmp_path, loss="absolute")


class PlainState(NamedTuple):
    """The number of steps."""

    n_steps: int


def test_optimizer_is_one_row(monkeypatch, tmp_path):
    plain = Optimizer(
        lambda params: PlainState(0),
        lambda state, gradient, size: (-size * gradient, PlainState(state.n_steps + 1)),
    )
    monkeypatch.setitem(OPTIMIZERS, "plain", plain)
    model = walk(tmp_path, solver="plain", learning_rate_init=0.5)
    assert model._optimizer_state == PlainState(2)
    on_aer = QNNClassifier(solver="plain", backend="aer", **SMALL).fit(X, Y)
    assert on_aer.gradient_ == "parameter_shift"


def test_schedule_is_one_row(monkeypatch, tmp_path):
    monkeypatch.setitem(SCHEDULES, "linear", lambda progress: 1 - progress)
    walk(tmp_path, learning_rate="linear")


def pairs(n_qubits, reps, entanglement):
    """Return RY on each qubit and RZX on each pair of neighbours."""
    theta = iter(ParameterVector("t", 2 * reps * n_qubits))
    circuit = QuantumCircuit(n_qubits)
    for _ in range(reps):
        for qubit in range(n_qubits):
            circuit.ry(next(theta), qubit)
            circuit.rzx(next(theta), qubit, (qubit + 1) % n_qubits)
    return circuit


def test_ansatz_is_one_row(monkeypatch, tmp_path):
    monkeypatch.setitem(ANSATZE, "pairs", pairs)
    model = walk(tmp_path, ansatz="pairs", reps=2)
    state = Statevector(bound_circuit(model, X[0]))
    E = state.expectation_value(model.observables_[0]).real
    scores = model.scale_ * E + model.bias_
    np.testing.assert_allclose(scores, model.decision_function(X[:1]), atol=1e-10)


def test_gate_is_one_row(monkeypatch, tmp_path):
    circuit = pairs(3, 1, None)
    expected = walk(tmp_path, ansatz=circuit).decision_function(X[TWO])
    assert [len(gate.qubits) for gate in compile_circuit(circuit)] == 3 * [1, 2]
    monkeypatch.delitem(GENERATORS, "rzx")  # now it is a gate without a row
    assert len(compile_circuit(circuit)) > 6
    found = walk(tmp_path, ansatz=circuit).decision_function(X[TWO])
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_rotation_that_no_report_knows_becomes_one_of_its_last_qubit():
    circuit = pairs(2, 1, None)
    expected = without_entanglers(circuit)
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(_variants._LOCAL, "rzx")
        found = without_entanglers(circuit)
    assert dict(expected.count_ops()) == {"ry": 2, "rx": 2}
    assert dict(found.count_ops()) == {"ry": 4}
    assert found.num_parameters == expected.num_parameters == 4


def test_preparation_is_one_row(monkeypatch):
    """Exact preparation under another name, which is to cost more gates."""
    names = ("auto", *PREPARATIONS, "again")
    method = PREPARATIONS["exact"]._replace(n_two_qubit_gates=lambda n, layers: 99)
    monkeypatch.setitem(PREPARATIONS, "again", method)
    for rules in (_backend.RULES, _circuit_export._RULES):  # made from the table
        monkeypatch.setitem(rules, "state_preparation", one_of(names))
    model = QNNClassifier(**SMALL).fit(X[TWO], Y[TWO])
    scores = model.decision_function(X[:4])
    found = pickle.loads(pickle.dumps(model))
    found.set_params(backend=Backend("aer", state_preparation="again"))
    np.testing.assert_allclose(found.decision_function(X[:4]), scores, atol=1e-10)
    costs = [
        estimate_cost(
            model, X[:4], Backend("fake_manila", state_preparation=m), shots=9
        )
        for m in ("exact", "again")
    ]
    assert costs[1]["preparation"] == "again"
    assert costs[0]["two_qubit_gates"] == costs[1]["two_qubit_gates"] > 0
    E = bound_circuit(model, X[0], state_preparation="again")
    E = Statevector(E).expectation_value(model.observables_[0]).real
    np.testing.assert_allclose(model.scale_ * E + model.bias_, scores[0], atol=1e-10)
    network, weights = to_estimator_qnn(model, state_preparation="again")
    inputs = qnn_inputs(model, X[:4], state_preparation="again")
    found = model.scale_ * network.forward(inputs, weights)[:, 0] + model.bias_
    np.testing.assert_allclose(found, scores, atol=1e-8)


def test_variant_is_one_row(monkeypatch):
    tree = DecisionTreeClassifier(max_depth=1, random_state=0)
    monkeypatch.setitem(VARIANTS, "one split", lambda *_: Variant(tree, 3))
    report = ablation_report(QNNClassifier(**SMALL), X[TWO], Y[TWO], cv=2)
    row = report.names.index("one split")
    assert report.n_parameters[row] == 3
    expected = cross_val_score(tree, X[TWO], Y[TWO], cv=2)
    np.testing.assert_array_equal(report.scores[row], expected)


def test_display_is_one_class_and_one_name():
    """Each is made, drawn, drawn into given axes, and documented like the others."""
    names = [name for name in inspection.__all__ if name.endswith("Display")]
    documented = (Path(__file__).parents[1] / "docs/api.rst").read_text("utf-8")
    assert len(names) > 5
    for name in names:
        display = getattr(inspection, name)
        makers = [
            m for m in ("from_estimator", "from_predictions") if hasattr(display, m)
        ]
        assert makers, name
        for method in (*makers, "plot"):
            assert "ax" in signature(getattr(display, method)).parameters, (
                name,
                method,
            )
        assert name in documented


def exactly(name, settings, shots, n_qubits):
    """Return a device of a new kind, which is Qiskit's exact estimator."""
    return EstimatorDevice(name, StatevectorEstimator(), shots=shots)


def test_kind_of_backend_is_one_row(monkeypatch, tmp_path):
    kind = resolve.Kind(named("mine"), exactly, frozenset({"state_preparation"}))
    monkeypatch.setattr(resolve, "_KINDS", (kind, *resolve._KINDS))
    rows, labels = X[TWO][::5], Y[TWO][::5]
    once = {"max_iter": 1, "random_state": 0}
    expected = QNNClassifier(gradient="parameter_shift", **once).fit(rows, labels)
    scores = expected.decision_function(rows)
    backend = Backend("mine", state_preparation="exact")
    model = QNNClassifier(backend=backend, **once).fit(rows, labels)
    np.testing.assert_allclose(model.theta_, expected.theta_, atol=1e-8)
    for copy in (model, pickle.loads(pickle.dumps(model))):
        np.testing.assert_allclose(copy.decision_function(rows), scores, atol=1e-8)
    clone(model).set_params(backend="mine").fit(rows, labels)
    save(model, tmp_path / "model")
    assert load(tmp_path / "model").backend is None
    look_at(model, rows, labels)
    with pytest.raises(ValueError, match="`correct_readout`"):
        QNNClassifier(backend=Backend("mine", correct_readout=False)).fit(rows, labels)
