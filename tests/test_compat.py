"""The private parts of other packages are still what we take them for."""

import ast
import dataclasses
import inspect
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from packaging.version import Version
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import StatevectorEstimator
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from qiskit_aer.primitives import EstimatorV2
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin, ProgressBar, with_callbacks
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from skqnn import QNNClassifier, _compat
from skqnn._compat import (
    callback_context,
    check_feature_names_in,
    check_sample_weight,
    decoders_of,
    instance_of,
    is_numpy_namespace,
    matching_numpy_dtype,
    max_precision_float_dtype,
    noise_parts,
    session_of,
    settle,
    simulator_of,
    style_keywords,
    target_encoder,
    validate_steps,
    visual_block,
    with_options,
)


def test_options_of_aers_estimator_can_be_replaced():
    estimator = EstimatorV2(options={"default_precision": 0.5})
    options = dataclasses.replace(estimator.options, default_precision=0.25)
    changed = with_options(estimator, options)
    assert changed.options.default_precision == 0.25
    assert estimator.options.default_precision == 0.5


def test_simulator_of_aers_estimator():
    simulator = AerSimulator(method="statevector")
    assert simulator_of(EstimatorV2.from_backend(simulator)) is simulator


@pytest.mark.parametrize(
    "module, name, arguments",
    [
        ("qiskit.providers.fake_provider", "GenericBackendV2", {"num_qubits": 2}),
        ("qiskit_ibm_runtime.fake_provider", "FakeManilaV2", {}),
    ],
)
def test_simulated_device_makes_its_noise_when_it_is_settled(module, name, arguments):
    device = getattr(pytest.importorskip(module), name)(**arguments)
    assert device.options.noise_model is None
    settle(device)
    model = device.options.noise_model
    assert not model.is_ideal()
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    device.run(circuit, shots=1).result()
    assert device.options.noise_model is model
    settle(AerSimulator())  # has nothing to make


def test_array_api_of_scikit_learn():
    X = np.ones((2, 3), dtype=np.float32)
    xp, is_array_api, device = _compat.get_namespace_and_device(X)
    assert is_numpy_namespace(xp)
    assert not is_array_api
    assert matching_numpy_dtype(X, xp=xp) == np.float32
    assert max_precision_float_dtype(xp, device) == np.float64
    assert _compat.move_to(X, xp=xp, device=device) is X
    _compat.check_same_namespace(
        X, LinearRegression().fit(X, [0, 1]), attribute="coef_", method="predict"
    )


def test_callbacks_of_an_estimator_are_seen():
    estimator = QNNClassifier()
    assert not _compat.has_callbacks(estimator)
    assert _compat.has_callbacks(estimator.set_callbacks(ProgressBar()))


def test_sample_weights_are_filled_in_and_checked():
    X = np.ones((3, 1))
    np.testing.assert_array_equal(check_sample_weight(None, X), np.ones(3))
    np.testing.assert_array_equal(check_sample_weight(2.0, X), np.full(3, 2.0))
    with pytest.raises(ValueError, match="Negative values"):
        check_sample_weight([1, -1, 1], X, ensure_non_negative=True)


def test_names_of_features_are_checked():
    model = LinearRegression().fit(np.eye(2), [0, 1])
    check_feature_names_in(model, ["a", "b"], generate_names=False)
    with pytest.raises(ValueError, match="number of features"):
        check_feature_names_in(model, ["a"], generate_names=False)


def test_errors_of_a_noise_model():
    anywhere, here = depolarizing_error(0.1, 1), depolarizing_error(0.2, 1)
    bits, bits_here = (ReadoutError([[1 - p, p], [p, 1 - p]]) for p in (0.1, 0.2))
    model = NoiseModel()
    model.add_all_qubit_quantum_error(anywhere, "x")
    model.add_quantum_error(here, "y", [3])
    model.add_all_qubit_readout_error(bits)
    model.add_readout_error(bits_here, [2])
    expected = ({"x": anywhere}, {"y": {(3,): here}}, bits, {(2,): bits_here}, [])
    assert tuple(noise_parts(model)) == expected


def test_callbacks_see_the_tasks_of_a_fit():
    class Model(CallbackSupportMixin, BaseEstimator):
        @with_callbacks
        def fit(self):
            self.root_ = callback_context(self, 2)
            return self

    assert Model().fit().root_.max_subtasks == 2


def test_steps_of_a_pipeline_are_checked():
    steps = [("a", LinearRegression()), ("b", LinearRegression())]
    with pytest.raises(TypeError, match="transformers"):
        validate_steps(Pipeline(steps))


def test_keywords_for_matplotlib_win_under_either_name():
    pytest.importorskip("matplotlib")
    joined = style_keywords({"linewidth": 1, "color": "r"}, {"lw": 2})
    assert joined == {"linewidth": 2, "color": "r"}


def test_block_of_an_estimator_in_html():
    block = visual_block(LinearRegression(), "Name", "the caption")
    assert (block.kind, block.names, block.name_caption) == (
        "single",
        "Name",
        "the caption",
    )


@pytest.mark.parametrize("name", ["_sk_visual_block_", "_get_fitted_attr_html"])
def test_methods_that_scikit_learn_calls_are_still_called(name):
    sources = [inspect.getsource(BaseEstimator)]
    for module in ("estimator", "base"):
        path = f"sklearn.utils._repr_html.{module}"
        sources.append(inspect.getsource(pytest.importorskip(path)))
    assert name in "".join(sources)


def test_job_of_ibm_shows_how_it_is_read(cloud):
    job = {"backend": "ibm_manila", "program_id": "executor"}
    status, answer = cloud.answer("POST", "/jobs", {}, job)
    assert status == 200
    first, *others = decoders_of(cloud.service().job(answer["id"]))
    assert callable(first.decode)
    is_old = Version(version("qiskit-ibm-runtime")) < Version("0.51")
    assert bool(others) != is_old


def test_client_of_ibm_shows_its_session(cloud):
    service = cloud.service()
    instance = instance_of(service.backend("ibm_manila"))
    assert instance == service.active_instance()
    client, session = session_of(service, instance)
    assert session is client._session
    assert callable(session.mount)
    assert session.get_adapter(session.base_url).max_retries.total > 0


def test_labels_of_a_classifier_of_qiskit_machine_learning():
    algorithms = pytest.importorskip("qiskit_machine_learning.algorithms")
    from qiskit_machine_learning.neural_networks import EstimatorQNN
    from qiskit_machine_learning.optimizers import COBYLA

    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(1)
    circuit.ry(a + b, 0)
    network = EstimatorQNN(
        circuit=circuit,
        estimator=StatevectorEstimator(),
        input_params=[a],
        weight_params=[b],
    )
    model = algorithms.NeuralNetworkClassifier(
        network, optimizer=COBYLA(maxiter=5), initial_point=[0.1]
    )
    model.fit(np.array([[0.1], [2.0]]), np.array(["no", "yes"]))
    assert target_encoder(model).classes_.tolist() == ["no", "yes"]


def private_names(tree):
    """Yield the underscored names that a module takes from others, and their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] != "skqnn":
            names = [*node.module.split("."), *(alias.name for alias in node.names)]
            yield from ((name, node.lineno) for name in names if is_private(name))
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            yield node.attr, node.lineno
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
            name = node.args[1]
            if isinstance(name, ast.Constant) and is_private(name.value):
                yield name.value, node.lineno


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def own_names(tree):
    """Yield all names that a module gives to something of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


OF_TUPLES = {"_replace", "_asdict", "_fields", "_make"}


def test_no_other_module_reaches_into_other_packages():
    root = Path(_compat.__file__).parent
    trees = {
        str(path.relative_to(root)): ast.parse(path.read_text(encoding="utf-8"))
        for path in root.rglob("*.py")
    }
    gathered = {name for name, _ in private_names(trees.pop("_compat.py"))}
    own = OF_TUPLES.union(*map(own_names, trees.values()))
    assert {"_check_sample_weight", "_default_quantum_errors"} <= gathered
    guilty = [
        f"{path}:{line} {name}"
        for path, tree in trees.items()
        for name, line in private_names(tree)
        if name not in own
    ]
    assert guilty == []
