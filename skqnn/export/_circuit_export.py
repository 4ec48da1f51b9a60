"""A fitted model as a Qiskit circuit, trained alone or for one row."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from qiskit import QuantumCircuit
from qiskit.circuit.library import StatePreparation
from sklearn.utils.validation import check_is_fitted

from skqnn._circuits.model import WholeCircuit, whole_circuit
from skqnn._circuits.preparation import PREPARATIONS, preparation_circuit, prepare
from skqnn._classifier import QNNClassifier
from skqnn._pipelines import classifier_input, final_classifier, named_row
from skqnn._validation import check_parameters, integer, one_of

_RULES = {
    "state_preparation": one_of(("direct", *PREPARATIONS)),
    "n_preparation_layers": integer(1),
}


def bound_circuit(
    estimator: Any,
    row: ArrayLike | None = None,
    *,
    state_preparation: str = "exact",
    n_preparation_layers: int = 4,
) -> QuantumCircuit:
    """Build the circuit that the fitted model runs for one row.

    Measure the `observables_` on it, on any device and by any software, to get the
    expectation values of that row; ``scale_ * E + bias_`` are its scores.

    Parameters
    ----------
    estimator : QNNClassifier, or Pipeline that ends in one
        Fitted.
    row : array-like of shape (n_features,) or (1, n_features), default=None
        A row of X as `predict` takes it, or a row of a data frame: for a pipeline
        before its first step. None: the trained ansatz alone, which acts on a state
        prepared by others.
    state_preparation : {"exact", "frqi", "layers", "direct"}, default="exact"
        How amplitudes are prepared, where the model takes amplitudes. "exact": a tree
        of RY and CZ, any row. "frqi": half the gates, for rows of
        ``BinaryAmplitudeEncoder(normalization="pixel")``. "layers": neighbouring qubits
        only, approximately. "direct": one `StatePreparation` of Qiskit.
    n_preparation_layers : int, default=4
        Number of layers of "layers".

    Returns
    -------
    circuit : QuantumCircuit
        Without measurements and without free parameters.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    ValueError
        If there is more than one row, or it cannot be prepared in this way.

    Examples
    --------
    >>> from qiskit.quantum_info import Statevector
    >>> from sklearn.datasets import load_iris
    >>> from skqnn import QNNClassifier
    >>> from skqnn.export import bound_circuit
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = X[:100], y[:100]
    >>> model = QNNClassifier(solver="lbfgs", random_state=0).fit(X, y)
    >>> state = Statevector(bound_circuit(model, X[0]))
    >>> E = state.expectation_value(model.observables_[0]).real
    >>> score = model.scale_ * E + model.bias_
    >>> bool(abs(score - model.decision_function(X[:1])) < 1e-12)
    True
    """
    check_options(state_preparation, n_preparation_layers)
    classifier = fitted_classifier(estimator)
    ansatz = classifier.circuit_.assign_parameters(classifier.theta_)
    if row is None:
        return ansatz
    X: Any = row if np.ndim(row) == 2 else named_row(row)
    if len(X) != 1:
        raise ValueError(f"`row` must be one row of X, got {len(X)} rows.")
    if state_preparation == "direct" and classifier.feature_map_ is None:
        circuit = QuantumCircuit(ansatz.num_qubits)
        (amplitudes,) = _rows(estimator, X)
        amplitudes = amplitudes.astype(np.float64)
        gate = StatePreparation(amplitudes / np.linalg.norm(amplitudes))
        for k in range(classifier.n_copies_):
            first = k * gate.num_qubits
            circuit.append(gate, range(first, first + gate.num_qubits))
        return circuit.compose(ansatz)
    method = "exact" if state_preparation == "direct" else state_preparation
    (inputs,) = circuit_inputs(estimator, X, method, n_preparation_layers)
    model = model_circuit(classifier, method, n_preparation_layers)
    return model.circuit.assign_parameters(
        {model.inputs: inputs, model.weights: classifier.theta_}
    )


def check_options(state_preparation: str, n_preparation_layers: int) -> None:
    """Refuse options that name no way to prepare a state."""
    options = {
        "state_preparation": state_preparation,
        "n_preparation_layers": n_preparation_layers,
    }
    check_parameters(options, _RULES)


def fitted_classifier(estimator: Any) -> QNNClassifier:
    """Return the fitted QNNClassifier that an estimator is or ends in."""
    classifier = final_classifier(estimator)
    check_is_fitted(classifier, "theta_")
    return classifier


def model_circuit(
    classifier: QNNClassifier, method: str, n_layers: int
) -> WholeCircuit:
    """Return the circuit for any row, with fresh parameters ``x`` and ``θ``."""
    prefix = classifier.feature_map_
    if prefix is None:
        n_row_qubits = classifier._model.n_row_qubits(classifier.n_features_in_)
        n_copies = classifier.n_copies_
        prefix = preparation_circuit(method, n_row_qubits, n_layers, n_copies)
    return whole_circuit(classifier.circuit_, prefix)


def circuit_inputs(
    estimator: Any, X: ArrayLike, method: str, n_layers: int
) -> np.ndarray:
    """Return the values of the inputs for rows of X, shape (n_samples, n_inputs)."""
    rows = _rows(estimator, X)
    classifier = final_classifier(estimator)
    if classifier.feature_map_ is not None:
        return rows
    return prepare(rows, method, n_layers, classifier.n_copies_).angles


def _rows(estimator: Any, X: ArrayLike) -> np.ndarray:
    """Return rows of X as amplitudes, or as features of the feature map."""
    return final_classifier(estimator)._checked(classifier_input(estimator, X))
