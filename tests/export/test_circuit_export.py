import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm3
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from qiskit.quantum_info import Operator, Statevector
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier
from skqnn.export import bound_circuit

pytestmark = pytest.mark.filterwarnings("ignore:Maximum iterations", "ignore:.*cannot")
X_IRIS, Y_IRIS = load_iris(return_X_y=True)
FAST = {"intercept_scaling": None, "reps": 1, "max_iter": 2, "random_state": 0}


def same_names():
    """Return a feature map and an ansatz whose parameters have the same names."""
    feature_map, ansatz = QuantumCircuit(4), QuantumCircuit(4)
    for circuit in (feature_map, ansatz):
        x = ParameterVector("x", 4)
        for q in range(4):
            circuit.rx(x[q], q)
    return {"encoding": feature_map, "ansatz": ansatz}


MODELS = {
    "amplitude": {},
    "padded": {"observables": ["ZII", "IZI", "IIZ"]},
    "angle": {"encoding": "angle"},
    "feature_map": {"encoding": zz_feature_map(4), "ansatz": real_amplitudes(5)},
    "same_names": same_names(),
}


def expectations(circuit, observables):
    state = Statevector(circuit)
    return np.array([state.expectation_value(op).real for op in observables])


@pytest.fixture(scope="module", params=MODELS.values(), ids=MODELS)
def model(request):
    return QNNClassifier(**FAST | request.param).fit(X_IRIS, Y_IRIS)


@pytest.mark.parametrize("method", ["exact", "direct"])
def test_bound_circuit_gives_the_scores_of_its_row(model, method):
    for row in X_IRIS[[0, 70, 140]]:
        circuit = bound_circuit(model, row, state_preparation=method)
        E = expectations(circuit, model.observables_)
        scores = model.scale_ * E + model.bias_
        np.testing.assert_allclose(
            scores, model.decision_function([row])[0], atol=1e-10
        )
        assert circuit.num_parameters == 0


def test_circuit_without_row_is_the_trained_ansatz():
    model = QNNClassifier(**FAST).fit(X_IRIS, Y_IRIS)
    assert bound_circuit(model) == model.circuit_.assign_parameters(model.theta_)


@pytest.mark.parametrize("method, ops", [("frqi", 31), ("layers", 10), ("exact", 57)])
def test_pipeline_takes_raw_images_and_the_way_of_preparation(method, ops):
    X, y = load_digits(n_class=2, return_X_y=True)
    encoder = BinaryAmplitudeEncoder(image_size=(4, 8), normalization="pixel")
    model = make_pipeline(encoder, QNNClassifier(**FAST)).fit(X, y)
    options = {"state_preparation": method, "n_preparation_layers": 2}
    circuit = bound_circuit(model, X[0], **options)
    n_cx = circuit.num_nonlocal_gates() - model[-1].circuit_.num_nonlocal_gates()
    assert n_cx == ops
    if method != "layers":
        E = expectations(circuit, model[-1].observables_)
        score = model[-1].scale_ * E + model[-1].bias_
        np.testing.assert_allclose(score, model.decision_function(X[:1]), atol=1e-10)


def test_row_may_be_a_frame_with_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X_IRIS, columns=list("abcd"))
    model = QNNClassifier(**FAST).fit(frame, Y_IRIS)
    expected = bound_circuit(QNNClassifier(**FAST).fit(X_IRIS, Y_IRIS), X_IRIS[0])
    for row in (frame[:1], frame.iloc[0]):
        assert bound_circuit(model, row) == expected
    with pytest.raises(ValueError, match="feature names should match"):
        bound_circuit(model, frame.iloc[0, ::-1])


@pytest.mark.parametrize("method", [None, "exact", "layers", "direct"])
def test_qasm_read_back_is_the_same_unitary(model, method):
    pytest.importorskip("qiskit_qasm3_import")
    options = {"row": X_IRIS[0], "state_preparation": method} if method else {}
    text = qasm3.dumps(bound_circuit(model, **options))
    assert text.startswith("OPENQASM 3.0;")
    read, circuit = qasm3.loads(text), bound_circuit(model, **options)
    assert Operator(read).equiv(Operator(circuit), atol=1e-12)


def test_qasm_of_the_trained_ansatz_is_short():
    text = qasm3.dumps(bound_circuit(QNNClassifier(**FAST).fit(X_IRIS, Y_IRIS)))
    assert text.count("ry(") == 4


@pytest.mark.parametrize(
    "arguments, error, match",
    [
        ({"row": X_IRIS[:2]}, ValueError, "`row` must be one row"),
        ({"row": X_IRIS[0, :3]}, ValueError, "3 features"),
        ({"state_preparation": "auto"}, ValueError, "`state_preparation` must be"),
        ({"n_preparation_layers": 0}, ValueError, "`n_preparation_layers` must be"),
        ({"row": X_IRIS[0], "state_preparation": "frqi"}, ValueError, "FRQI"),
    ],
)
def test_wrong_argument_is_refused(arguments, error, match):
    model = QNNClassifier(**FAST).fit(X_IRIS, Y_IRIS)
    with pytest.raises(error, match=match):
        bound_circuit(model, **arguments)


def test_wrong_estimator_is_refused():
    with pytest.raises(NotFittedError):
        bound_circuit(QNNClassifier())
    with pytest.raises(TypeError, match="`estimator` must be a QNNClassifier"):
        bound_circuit(LogisticRegression())
