"""A fitted model as a network of qiskit-machine-learning."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from skqnn._circuits.preparation import PREPARATIONS
from skqnn.export._circuit_export import (
    check_options,
    circuit_inputs,
    fitted_classifier,
    model_circuit,
)


class TrainedQNN(NamedTuple):
    """A network and the weights that it was trained to.

    Attributes
    ----------
    network : EstimatorQNN
        Of :mod:`qiskit_machine_learning.neural_networks`, with one output per
        observable.
    weights : ndarray of shape (n_angles,)
        The angles `theta_` in radians.
    """

    network: Any
    weights: np.ndarray


def to_estimator_qnn(
    estimator: Any,
    *,
    state_preparation: str = "exact",
    n_preparation_layers: int = 4,
    input_gradients: bool = False,
) -> TrainedQNN:
    """Convert the model to an EstimatorQNN of qiskit-machine-learning.

    For what is built on that class, such as its `TorchConnector`. It simulates exactly,
    but sample by sample, and is much slower than the classifier itself.

    Parameters
    ----------
    estimator : QNNClassifier, or Pipeline that ends in one
        Fitted.
    state_preparation : {"exact", "frqi", "layers"}, default="exact"
        How amplitudes are prepared, see `bound_circuit`.
    n_preparation_layers : int, default=4
        Number of layers of "layers".
    input_gradients : bool, default=False
        Whether the network differentiates by its inputs too, as a layer that stands
        behind trainable layers must.

    Returns
    -------
    network : EstimatorQNN
        Outputs the expectation values, shape (n_samples, n_observables): what
        `decision_function` scales and shifts. Inputs are those of `qnn_inputs`.
    weights : ndarray of shape (n_angles,)
        The trained angles.

    See Also
    --------
    qnn_inputs : What the network takes for rows of X.
    from_qiskit_machine_learning : The other way round.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skqnn import QNNClassifier
    >>> from skqnn.export import qnn_inputs, to_estimator_qnn
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = X[:100], y[:100]
    >>> model = QNNClassifier(solver="lbfgs", random_state=0).fit(X, y)
    >>> network, weights = to_estimator_qnn(model)
    >>> E = network.forward(qnn_inputs(model, X[:2]), weights)
    >>> scores = model.scale_ * E[:, 0] + model.bias_
    >>> bool((abs(scores - model.decision_function(X[:2])) < 1e-9).all())
    True
    """
    from qiskit_machine_learning.neural_networks import EstimatorQNN

    _check_options(state_preparation, n_preparation_layers)
    classifier = fitted_classifier(estimator)
    model = model_circuit(classifier, state_preparation, n_preparation_layers)
    network = EstimatorQNN(
        circuit=model.circuit,
        observables=classifier.observables_,
        input_params=list(model.inputs),
        weight_params=list(model.weights),
        input_gradients=input_gradients,
    )
    return TrainedQNN(network, classifier.theta_.copy())


def qnn_inputs(
    estimator: Any,
    X: ArrayLike,
    *,
    state_preparation: str = "exact",
    n_preparation_layers: int = 4,
) -> np.ndarray:
    """Convert rows of X to inputs of the network that `to_estimator_qnn` returns.

    Amplitudes become the angles of the circuit that prepares them. Features of a
    feature map are their own inputs.

    Parameters
    ----------
    estimator : QNNClassifier, or Pipeline that ends in one
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Rows as `predict` takes them: for a pipeline before its first step.
    state_preparation : {"exact", "frqi", "layers"}, default="exact"
        The same as for the network.
    n_preparation_layers : int, default=4
        The same as for the network.

    Returns
    -------
    inputs : ndarray of shape (n_samples, n_inputs)
        Angles in radians, or features.
    """
    _check_options(state_preparation, n_preparation_layers)
    fitted_classifier(estimator)
    return circuit_inputs(estimator, X, state_preparation, n_preparation_layers)


def _check_options(state_preparation: str, n_preparation_layers: int) -> None:
    check_options(state_preparation, n_preparation_layers)
    if state_preparation == "direct":
        raise ValueError(
            f"`state_preparation` must be one of {list(PREPARATIONS)} for a network, "
            "which needs one circuit for all rows, got 'direct'."
        )
