"""Trained classifiers of qiskit-machine-learning as fitted QNNClassifiers."""

import warnings
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from qiskit import QuantumCircuit
from qiskit.circuit import Instruction, Parameter, ParameterExpression, ParameterVector
from qiskit.quantum_info import SparsePauliOp

from skqnn._circuits.normal_form import instructions, normal_form
from skqnn._circuits.observables import as_observables
from skqnn._classifier import QNNClassifier
from skqnn._compat import target_encoder
from skqnn.exceptions import DeadParameterWarning

_MAX_SAMPLED_QUBITS = 12  # bit strings are interpreted one by one


def from_qiskit_machine_learning(
    model: Any, *, classes: ArrayLike | None = None
) -> QNNClassifier:
    """Convert a trained classifier of qiskit-machine-learning.

    The circuit is split into feature map and ansatz, the weights are kept, and the
    result predicts the same classes, exactly and much faster; it can be trained
    further, saved, inspected and run on devices.

    Parameters
    ----------
    model : NeuralNetworkClassifier or VQC
        Fitted, with an `EstimatorQNN` or a `SamplerQNN`.
    classes : array-like of shape (n_classes,), default=None
        Labels of the classes, in the order of the network's outputs; for a single
        output first the label of negative values. None: what `model` predicts, which
        is its string or one-hot encoded labels, -1 and +1 for a single output, and
        0, 1, ... otherwise.

    Returns
    -------
    classifier : QNNClassifier
        With ``loss="squared_error"``, scale 1 and bias 0. For a `SamplerQNN` its
        `predict_proba` are the probabilities of the outputs.

    Raises
    ------
    TypeError
        If `model` is of another class, or its network is.
    ValueError
        If `model` is not fitted, or our model cannot express it: a circuit in which
        inputs follow weights (data re-uploading) or that was transpiled to a device,
        more or fewer outputs than classes, sampling more than 12 qubits or only some
        of them.

    Notes
    -----
    With an `EstimatorQNN` the scores are its outputs (the second minus the first for
    two of them). With a `SamplerQNN`, the probability of output k is the expectation
    value of the projector onto the bit strings that are interpreted as k, which is a
    sum of Z strings; scores are ``2 p_k - 1``.
    """
    network, weights = _check_model(model)
    feature_map, ansatz = _split(_clean_circuit(network), network)
    outputs = _outputs(network)
    labels = _labels(model, len(outputs), classes)
    order = np.argsort(labels)
    classifier = QNNClassifier(
        encoding=feature_map,
        ansatz=ansatz,
        observables=_scores([outputs[k] for k in order]),
        loss="squared_error",
    )
    values = dict(zip(network.weight_params, weights, strict=True))
    theta = [values[parameter] for parameter in ansatz.parameters]
    return _fitted(classifier, labels[order], network.num_inputs, np.array(theta))


def _check_model(model: Any) -> tuple[Any, np.ndarray]:
    """Return the network and the trained weights."""
    from qiskit_machine_learning.algorithms import NeuralNetworkClassifier
    from qiskit_machine_learning.exceptions import QiskitMachineLearningError
    from qiskit_machine_learning.neural_networks import EstimatorQNN, SamplerQNN

    if not isinstance(model, NeuralNetworkClassifier):
        raise TypeError(
            "`model` must be a NeuralNetworkClassifier or VQC of "
            f"qiskit_machine_learning, got {type(model).__name__}."
        )
    if not isinstance(model.neural_network, EstimatorQNN | SamplerQNN):
        raise TypeError(
            "`model` must have an EstimatorQNN or a SamplerQNN, got "
            f"{type(model.neural_network).__name__}."
        )
    try:
        return model.neural_network, np.asarray(model.weights, dtype=np.float64)
    except QiskitMachineLearningError as error:
        raise ValueError("`model` must be fitted, got one without weights.") from error


def _clean_circuit(network: Any) -> QuantumCircuit:
    """Return the circuit of a network without its final measurement."""
    circuit = network.circuit
    if circuit.layout is not None:
        raise ValueError(
            "`model` must have the circuit that was designed, got one transpiled to a "
            "device; build its network without `pass_manager`."
        )
    measured = [
        (circuit.find_bit(item.qubits[0]).index, circuit.find_bit(item.clbits[0]).index)
        for item in circuit.data
        if item.operation.name == "measure"
    ]
    if measured and sorted(measured) != [(q, q) for q in range(circuit.num_qubits)]:
        raise ValueError(
            "`model` must measure all qubits in their order, got the measurements "
            f"(qubit, bit) {measured}."
        )
    return circuit.remove_final_measurements(inplace=False) if measured else circuit


def _split(circuit: QuantumCircuit, network: Any) -> tuple[QuantumCircuit, ...]:
    """Split a circuit into what depends on the inputs and what follows."""
    inputs, trained = list(network.input_params), set(network.weight_params)
    if not inputs:
        raise ValueError("`model` must have input parameters, got none.")
    feature_map = QuantumCircuit(circuit.num_qubits)
    ansatz = QuantumCircuit(circuit.num_qubits)
    late: set[int] = set()  # qubits that have seen a weight
    normal = normal_form(circuit, fresh=frozenset(range(circuit.num_qubits)))
    for item, qubits in instructions(normal):
        if item.name == "barrier":  # which holds its qubits together, but for a reader
            continue
        used = _parameters(item.operation)
        if used & set(inputs) and (used & trained or late & set(qubits)):
            raise ValueError(
                "`model` must use its inputs before its weights, in different gates, "
                f"got an input in {item.name!r} on qubits {list(qubits)} with or after "
                "a weight (data re-uploading), which QNNClassifier cannot express."
            )
        if used & trained or late & set(qubits):
            late.update(qubits)
            ansatz.append(item.operation, qubits)
        else:
            feature_map.append(item.operation, qubits)
    return _in_order(feature_map, inputs), ansatz


def _parameters(operation: Instruction) -> set[Parameter]:
    expressions = (p for p in operation.params if isinstance(p, ParameterExpression))
    return {parameter for p in expressions for parameter in p.parameters}


def _in_order(feature_map: QuantumCircuit, inputs: list[Parameter]) -> QuantumCircuit:
    """Return the feature map with parameters whose order is that of the inputs."""
    if list(feature_map.parameters) == inputs:
        return feature_map
    features = ParameterVector("feature", len(inputs))
    return feature_map.assign_parameters(dict(zip(inputs, features, strict=True)))


def _outputs(network: Any) -> list[SparsePauliOp]:
    """Return one operator per output; the largest expectation value wins."""
    if not hasattr(network, "interpret"):
        operators = as_observables(network.observables)
        if len(operators) > 1:
            return operators
        return [-0.5 * operators[0], 0.5 * operators[0]]
    n_qubits, (n_outputs,) = network.circuit.num_qubits, network.output_shape
    if n_qubits > _MAX_SAMPLED_QUBITS:
        raise ValueError(
            f"`model` must sample at most {_MAX_SAMPLED_QUBITS} qubits, got {n_qubits}."
        )
    interpreted = [_index(network.interpret(bits)) for bits in range(2**n_qubits)]
    projectors = [_diagonal(np.equal(interpreted, k)) for k in range(n_outputs)]
    if n_outputs == 2:
        return projectors
    identity = SparsePauliOp("I" * n_qubits)
    return [(2 * projector - identity).simplify() for projector in projectors]


def _index(interpreted: Any) -> int:
    """Return the index of an output, which may stand in a tuple."""
    if isinstance(interpreted, Integral):
        return int(interpreted)
    (index,) = interpreted
    return int(index)


def _diagonal(indicator: np.ndarray) -> SparsePauliOp:
    """Return the diagonal operator with these eigenvalues as a sum of Z strings."""
    n_qubits = len(indicator).bit_length() - 1
    factors = np.asarray(indicator, dtype=np.float64)
    for _ in range(n_qubits):  # the fast Walsh-Hadamard transform
        even, odd = factors[::2], factors[1::2]
        factors = np.concatenate([even + odd, even - odd])
    terms = np.flatnonzero(factors)
    labels = [format(s, f"0{n_qubits}b").translate({48: "I", 49: "Z"}) for s in terms]
    if not labels:
        labels, terms = ["I" * n_qubits], np.array([0])
    return SparsePauliOp(labels, factors[terms] / len(factors))


def _scores(outputs: list[SparsePauliOp]) -> list[SparsePauliOp]:
    """Return what a QNNClassifier measures: one difference for two outputs."""
    if len(outputs) == 2:
        return [(outputs[1] - outputs[0]).simplify()]
    return outputs


def _labels(model: Any, n_outputs: int, classes: ArrayLike | None) -> np.ndarray:
    """Return the label that `model` predicts for each output."""
    encoder = target_encoder(model)  # fitted if labels are strings or one-hot encoded
    single = model.neural_network.output_shape == (1,)
    if classes is not None:
        labels = np.asarray(classes)
    elif hasattr(encoder, "categories_"):
        labels = encoder.categories_[0]
    elif hasattr(encoder, "classes_"):
        if single:
            raise ValueError(
                "`classes` must be given for string labels and a single output, for "
                "which `model` itself cannot predict, got None."
            )
        labels = encoder.classes_
    else:
        labels = np.array([-1, 1]) if single else np.arange(n_outputs)
    if labels.shape != (n_outputs,) or len(np.unique(labels)) != n_outputs:
        raise ValueError(
            f"`classes` must be {n_outputs} different labels, one per output of the "
            f"network, got {labels.tolist()}."
        )
    return labels


def _fitted(
    classifier: QNNClassifier, classes: np.ndarray, n_features: int, theta: np.ndarray
) -> QNNClassifier:
    """Give a classifier its model and these angles, as if it had been trained."""
    classifier.n_features_in_ = n_features
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeadParameterWarning)
        classifier._start(classes, n_features)
    classifier.gradient_ = "adjoint"
    n_scores = len(classifier.observables_)
    classifier._remember(np.concatenate([theta, [1.0], np.zeros(n_scores)]), None)
    classifier._remember_curves()
    return classifier
