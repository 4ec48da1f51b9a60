"""Versions of a classifier with less: no entanglers, no training, nothing quantum."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skqnn._circuits.gates import GENERATORS, flatten
from skqnn._training.losses import as_loss
from skqnn._training.objective import Objective
from skqnn._training.solvers import lbfgs
from skqnn.inspection._problem import pose, start

# What a rotation of several qubits leaves on its last qubit; "ry" if it is not here.
_LOCAL = {
    "rxx": "rx",
    "rzz": "rz",
    "rzx": "rx",
    "crx": "rx",
    "crz": "rz",
    "cp": "p",
    "cu1": "p",
}


class Variant(NamedTuple):
    """What takes the classifier's place, and how many numbers it trains."""

    estimator: Any
    n_parameters: int


class Size(NamedTuple):
    """What a classical model must match, and the data it gets."""

    n_parameters: int
    n_components: int  # at most: of features, and of samples in a training fold
    n_scores: int  # 1 for two classes, otherwise one per class


def without_entanglers(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a product of single-qubit gates with the same parameters.

    Fixed gates on several qubits are dropped; a rotation of several qubits becomes one
    of its last qubit, so that no parameter is lost.
    """
    product = QuantumCircuit(circuit.num_qubits)
    for qubits, matrix, angle in flatten(circuit):
        if angle is not None:
            (name, *_) = (
                n for n, generator in GENERATORS.items() if generator is matrix
            )
            local = name if len(qubits) == 1 else _LOCAL.get(name, "ry")
            getattr(product, local)(angle, qubits[-1])
        elif len(qubits) == 1:
            product.unitary(matrix, qubits)
    return product


class _FrozenCircuit(ClassifierMixin, BaseEstimator):
    """A classifier with random angles of which only scale and bias are trained."""

    def __init__(self, classifier):
        self.classifier = classifier

    def fit(self, X, y):
        """Minimise the classifier's loss by scale and bias alone, to convergence."""
        self.model_ = model = start(self.classifier, X, y)
        self.classes_ = model.classes_
        _, engine, data = pose(model, X, y)
        E = engine.expectations(data.states, model.theta_)
        # A model without angles, whose states are the expectation values themselves.
        affine = Objective(
            lambda E, theta: E,
            lambda E, theta: (E, lambda cotangent: np.zeros(0)),
            as_loss(model.loss),
            0,
        )
        affine_start = np.concatenate([model.scale_, model.bias_])
        params = lbfgs(
            affine, data._replace(states=E), affine_start, max_iter=1000, tol=1e-6
        ).x
        model.scale_, model.bias_ = params[:1], params[1:]
        return self

    def predict(self, X):
        """Return the most probable class of each row."""
        return self.model_.predict(X)

    def predict_proba(self, X):
        """Return class probabilities."""
        return self.model_.predict_proba(X)

    def decision_function(self, X):
        """Return the scores."""
        return self.model_.decision_function(X)


def _model(classifier: Any, started: Any, size: Size) -> Variant:
    return Variant(clone(classifier), started.n_parameters_)


def _product(classifier: Any, started: Any, size: Size) -> Variant:
    product = clone(classifier).set_params(
        ansatz=without_entanglers(started.circuit_),
        observables=list(started.observables_),
    )
    return Variant(product, started.n_parameters_)


def _frozen(classifier: Any, started: Any, size: Size) -> Variant:
    return Variant(_FrozenCircuit(clone(classifier)), 1 + size.n_scores)


def _logistic(classifier: Any, started: Any, size: Size) -> Variant:
    """Logistic regression on as many principal components as the number allows."""
    n_components = size.n_parameters // size.n_scores - 1
    n_components = max(1, min(n_components, size.n_components))
    regression = LogisticRegression(max_iter=1000)
    steps = (*_components(n_components, classifier), regression)
    return Variant(make_pipeline(*steps), size.n_scores * (n_components + 1))


def _perceptron(classifier: Any, started: Any, size: Size) -> Variant:
    """One hidden layer, if possible no narrower than the output."""
    n_parameters, most, n_scores = size
    for n_hidden in range(max(2, n_scores), 0, -1):
        n_components = (n_parameters - n_scores * (n_hidden + 1)) // n_hidden - 1
        if n_components >= min(2, most):
            break
    n_components = max(1, min(n_components, most))
    per_unit = n_components + 1 + n_scores
    n_hidden = max(n_hidden, (n_parameters - n_scores) // per_unit)
    perceptron = MLPClassifier(
        (n_hidden,),
        activation="tanh",
        solver="lbfgs",
        max_iter=10_000,
        max_fun=100_000,
        random_state=classifier.random_state,
    )
    steps = (*_components(n_components, classifier), perceptron)
    return Variant(make_pipeline(*steps), n_hidden * per_unit + n_scores)


def _components(n_components: int, classifier: Any) -> tuple:
    """Return the steps that reduce the data to scaled principal components."""
    return PCA(n_components, random_state=classifier.random_state), StandardScaler()


def _majority(classifier: Any, started: Any, size: Size) -> Variant:
    return Variant(DummyClassifier(strategy="prior"), 0)


# To add a variant, write its function and name it here.
VARIANTS: dict[str, Callable[[Any, Any, Size], Variant]] = {
    "model": _model,
    "entanglers removed": _product,
    "circuit frozen": _frozen,
    "logistic regression": _logistic,
    "perceptron": _perceptron,
    "majority class": _majority,
}
