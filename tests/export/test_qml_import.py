import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from qiskit.quantum_info import SparsePauliOp
from qiskit_machine_learning.algorithms import VQC, NeuralNetworkClassifier
from qiskit_machine_learning.neural_networks import EstimatorQNN, SamplerQNN
from qiskit_machine_learning.optimizers import COBYLA
from sklearn.datasets import load_iris
from sklearn.preprocessing import minmax_scale

from skqnn import QNNClassifier
from skqnn.export import from_qiskit_machine_learning

X, Y = load_iris(return_X_y=True)
X = minmax_scale(X[:, :2])[::10]
Y = Y[::10]
TWO = Y < 2
FEATURE_MAP, ANSATZ = zz_feature_map(2), real_amplitudes(2, reps=1)


def networks(kind, circuit=None, inputs=None, weights=None, **options):
    return kind(
        circuit=FEATURE_MAP.compose(ANSATZ) if circuit is None else circuit,
        input_params=list(FEATURE_MAP.parameters) if inputs is None else inputs,
        weight_params=list(ANSATZ.parameters) if weights is None else weights,
        **options,
    )


def train(network, X, y, **options):
    options = {"optimizer": COBYLA(maxiter=8)} | options
    start = np.random.default_rng(0).uniform(-1, 1, network.num_weights)
    model = NeuralNetworkClassifier(network, initial_point=start, **options)
    return model.fit(X, y)


def assert_equal_predictions(converted, model, X):
    assert isinstance(converted, QNNClassifier)
    np.testing.assert_array_equal(converted.predict(X), np.ravel(model.predict(X)))


@pytest.mark.parametrize("observables", [None, SparsePauliOp(["ZI", "XX"], [0.5, 0.7])])
def test_single_output_predicts_the_same_sign(observables):
    model = train(
        networks(EstimatorQNN, observables=observables), X[TWO], 2 * Y[TWO] - 1
    )
    converted = from_qiskit_machine_learning(model)
    assert_equal_predictions(converted, model, X)
    forward = model.neural_network.forward(X, model.weights)[:, 0]
    np.testing.assert_allclose(converted.decision_function(X), forward, atol=1e-10)
    assert converted.n_features_in_ == 2


@pytest.mark.parametrize("labels", [["a", "b"], ["z", "b"]])
def test_classes_name_the_outputs_in_any_order(labels):
    model = train(networks(EstimatorQNN), X[TWO], 2 * Y[TWO] - 1)
    converted = from_qiskit_machine_learning(model, classes=labels)
    signs = model.predict(X).ravel()
    expected = np.where(signs > 0, labels[1], labels[0])
    np.testing.assert_array_equal(converted.predict(X), expected)


@pytest.mark.parametrize("n_outputs", [2, 3])
@pytest.mark.parametrize("names", [np.arange(3), np.array(["z", "b", "c"])])
def test_several_outputs_predict_the_same_argmax(n_outputs, names):
    keep = n_outputs > Y
    observables = [SparsePauliOp(p) for p in ("ZI", "IZ", "XX")[:n_outputs]]
    network = networks(EstimatorQNN, observables=observables)
    one_hot = names.dtype.kind == "U"
    options = {"one_hot": True, "loss": "cross_entropy"} if one_hot else {}
    model = train(network, X[keep], names[Y[keep]], **options)
    if one_hot:  # what the model predicts, told from its outputs
        expected = model._target_encoder.categories_[0][
            np.argmax(network.forward(X, model.weights), axis=1)
        ]
        converted = from_qiskit_machine_learning(model)
        np.testing.assert_array_equal(converted.predict(X), expected)
    else:
        assert_equal_predictions(from_qiskit_machine_learning(model), model, X)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_vqc_predicts_the_same_with_the_same_probabilities(n_classes):
    keep = n_classes > Y
    model = VQC(
        feature_map=FEATURE_MAP,
        ansatz=ANSATZ,
        optimizer=COBYLA(maxiter=8),
        initial_point=np.linspace(-1, 1, 4),
        output_shape=n_classes,
    )
    model.fit(X[keep], load_iris().target_names[Y[keep]])
    converted = from_qiskit_machine_learning(model)
    assert_equal_predictions(converted, model, X)
    np.testing.assert_allclose(
        converted.predict_proba(X), model.predict_proba(X), atol=1e-9
    )


def test_sampler_network_with_any_interpretation():
    network = networks(
        SamplerQNN, interpret=lambda bits: (bits.bit_count(),), output_shape=3
    )
    model = train(network, X, Y)
    converted = from_qiskit_machine_learning(model)
    assert_equal_predictions(converted, model, X)


def test_order_of_inputs_and_weights_is_kept():
    network = networks(
        EstimatorQNN,
        inputs=list(FEATURE_MAP.parameters)[::-1],
        weights=[ANSATZ.parameters[k] for k in (2, 0, 3, 1)],
    )
    model = train(network, X[TWO], 2 * Y[TWO] - 1)
    converted = from_qiskit_machine_learning(model)
    forward = network.forward(X, model.weights)[:, 0]
    np.testing.assert_allclose(converted.decision_function(X), forward, atol=1e-10)


def test_boxed_and_interleaved_circuit_is_split():
    boxed = QuantumCircuit(2)
    boxed.append(FEATURE_MAP.compose(ANSATZ).to_gate(), [0, 1])
    x, w = ParameterVector("x", 2), Parameter("w")
    mixed = QuantumCircuit(2)
    mixed.ry(x[0], 0)
    mixed.ry(w, 0)
    mixed.barrier()
    mixed.ry(x[1], 1)
    mixed.cx(0, 1)
    for options in (
        {"circuit": boxed},
        {"circuit": mixed, "inputs": x, "weights": [w]},
    ):
        model = train(networks(EstimatorQNN, **options), X[TWO], 2 * Y[TWO] - 1)
        converted = from_qiskit_machine_learning(model)
        forward = model.neural_network.forward(X, model.weights)[:, 0]
        np.testing.assert_allclose(converted.decision_function(X), forward, atol=1e-10)


def test_converted_model_can_be_trained_further():
    model = train(networks(EstimatorQNN), X[TWO], 2 * Y[TWO] - 1)
    converted = from_qiskit_machine_learning(model).partial_fit(X[TWO], 2 * Y[TWO] - 1)
    assert converted.n_iter_ == 1


def fake_trained(network, **options):
    model = NeuralNetworkClassifier(network, **options)
    model._fit_result = type("Result", (), {"x": np.zeros(network.num_weights)})()
    return model


def reuploading():
    x, w = Parameter("x"), Parameter("w")
    circuit = QuantumCircuit(1)
    circuit.ry(x, 0)
    circuit.ry(w, 0)
    circuit.rz(x, 0)
    return networks(EstimatorQNN, circuit=circuit, inputs=[x], weights=[w])


def product():
    x, w = Parameter("x"), Parameter("w")
    circuit = QuantumCircuit(1)
    circuit.ry(x * w, 0)
    return networks(EstimatorQNN, circuit=circuit, inputs=[x], weights=[w])


def crossed_measurement():
    circuit = FEATURE_MAP.compose(ANSATZ)
    circuit.add_bits(QuantumCircuit(0, 2).clbits)
    circuit.measure([0, 1], [1, 0])
    return networks(SamplerQNN, circuit=circuit)


def no_inputs():
    return networks(EstimatorQNN, circuit=ANSATZ, inputs=[])


@pytest.mark.parametrize(
    "make, match",
    [
        (reuploading, "data re-uploading"),
        (product, "in different gates, got an input in 'ry'"),
        (crossed_measurement, "measure all qubits in their order"),
        (no_inputs, "must have input parameters"),
    ],
)
def test_model_that_cannot_be_expressed_is_refused(make, match):
    with pytest.raises(ValueError, match=match):
        from_qiskit_machine_learning(fake_trained(make()))


def test_transpiled_circuit_is_refused():
    from qiskit.transpiler import generate_preset_pass_manager

    manager = generate_preset_pass_manager(
        0, basis_gates=["rz", "sx", "cx"], coupling_map=[[0, 1]], initial_layout=[1, 0]
    )
    network = networks(EstimatorQNN, pass_manager=manager)
    with pytest.raises(ValueError, match="without `pass_manager`"):
        from_qiskit_machine_learning(fake_trained(network))


def test_wrong_model_is_refused():
    with pytest.raises(TypeError, match="NeuralNetworkClassifier or VQC"):
        from_qiskit_machine_learning(QNNClassifier())
    with pytest.raises(ValueError, match="must be fitted"):
        from_qiskit_machine_learning(NeuralNetworkClassifier(networks(EstimatorQNN)))


@pytest.mark.parametrize("classes", [[0], [0, 0], [0, 1, 2], ["a"]])
def test_wrong_classes_are_refused(classes):
    model = fake_trained(networks(EstimatorQNN))
    with pytest.raises(ValueError, match="2 different labels"):
        from_qiskit_machine_learning(model, classes=classes)
