import numpy as np
import pytest
from qiskit.circuit.library import zz_feature_map
from sklearn.datasets import load_digits, load_iris
from sklearn.pipeline import make_pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier
from skqnn.export import qnn_inputs, to_estimator_qnn

pytestmark = pytest.mark.filterwarnings("ignore:Maximum iterations", "ignore:.*cannot")
X_IRIS, Y_IRIS = load_iris(return_X_y=True)
FAST = {"intercept_scaling": None, "reps": 1, "max_iter": 2, "random_state": 0}
MODELS = {
    "amplitude": {},
    "angle": {"encoding": "angle"},
    "feature_map": {"encoding": zz_feature_map(4), "ansatz": "efficient_su2"},
    "many_angles": {"reps": 6},
}


@pytest.mark.parametrize("parameters", MODELS.values(), ids=MODELS)
def test_network_outputs_the_expectation_values(parameters):
    model = QNNClassifier(**FAST | parameters).fit(X_IRIS, Y_IRIS)
    network, weights = to_estimator_qnn(model)
    X = X_IRIS[::50]
    E = network.forward(qnn_inputs(model, X), weights)
    scores = model.scale_ * E + model.bias_
    np.testing.assert_allclose(scores, model.decision_function(X), atol=1e-10)


@pytest.mark.parametrize("method", ["exact", "frqi"])
def test_network_of_a_pipeline_takes_angles_of_raw_rows(method):
    X, y = load_digits(n_class=2, return_X_y=True)
    encoder = BinaryAmplitudeEncoder(image_size=(2, 4), normalization="pixel")
    model = make_pipeline(encoder, QNNClassifier(**FAST)).fit(X, y)
    network, weights = to_estimator_qnn(model, state_preparation=method)
    inputs = qnn_inputs(model, X[:3], state_preparation=method)
    assert inputs.shape == (3, {"exact": 15, "frqi": 8}[method])
    E = network.forward(inputs, weights)
    scores = model[-1].scale_ * E[:, 0] + model[-1].bias_
    np.testing.assert_allclose(scores, model.decision_function(X[:3]), atol=1e-10)


def test_number_of_preparation_layers_is_used():
    model = QNNClassifier(**FAST).fit(X_IRIS, Y_IRIS)
    options = {"state_preparation": "layers", "n_preparation_layers": 2}
    assert to_estimator_qnn(model, **options).network.num_inputs == 6  # 2 + 2 * 2
    assert qnn_inputs(model, X_IRIS[:2], **options).shape == (2, 6)


def test_gradient_of_the_network_is_that_of_the_model():
    model = QNNClassifier(**FAST | {"encoding": "angle"}).fit(X_IRIS, Y_IRIS)
    network, weights = to_estimator_qnn(model, input_gradients=True)
    by_input, by_weight = network.backward(X_IRIS[:2], weights)
    assert by_input.shape == (2, 3, 4)
    with model._engine() as engine:
        states = engine.prepare(X_IRIS[:2])
        _, pullback = engine.vjp(states, model.theta_)
        np.testing.assert_allclose(
            pullback(np.ones((2, 3))), by_weight.sum(axis=(0, 1)), atol=1e-10
        )


def test_direct_preparation_is_refused():
    model = QNNClassifier(**FAST).fit(X_IRIS, Y_IRIS)
    for export in (to_estimator_qnn, lambda m, **o: qnn_inputs(m, X_IRIS, **o)):
        with pytest.raises(ValueError, match="`state_preparation` must be one of"):
            export(model, state_preparation="direct")


@pytest.mark.interop
def test_torch_connector_trains_the_network_further():
    torch = pytest.importorskip("torch")
    from qiskit_machine_learning.connectors import TorchConnector

    model = QNNClassifier(**FAST | {"encoding": "angle"}).fit(X_IRIS, Y_IRIS)
    network, weights = to_estimator_qnn(model)
    layer = TorchConnector(network, initial_weights=weights)
    X = torch.tensor(X_IRIS[:3], dtype=torch.float64)
    E = layer(X)
    scores = model.scale_ * E.detach().numpy() + model.bias_
    np.testing.assert_allclose(scores, model.decision_function(X_IRIS[:3]), atol=1e-6)
    E.sum().backward()
    assert np.abs(layer.weight.grad.numpy()).max() > 0
