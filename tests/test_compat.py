"""The private parts of other packages are still what we take them for."""

import dataclasses
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import StatevectorEstimator
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2
from sklearn.base import BaseEstimator
from sklearn.callback import ProgressBar
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from skqnn import QNNClassifier, _compat
from skqnn._compat import (
    check_sample_weight,
    is_numpy_namespace,
    matching_numpy_dtype,
    session_of,
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


def test_array_api_of_scikit_learn():
    X = np.ones((2, 3), dtype=np.float32)
    xp, is_array_api, device = _compat.get_namespace_and_device(X)
    assert is_numpy_namespace(xp)
    assert not is_array_api
    assert matching_numpy_dtype(X, xp=xp) == np.float32
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


def test_client_of_ibm_shows_its_session(cloud):
    service = cloud.service()
    client, session = session_of(service, service.active_instance())
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


def test_no_other_module_reaches_into_other_packages():
    """Underscored imports, and the attributes named above, are in `_compat` alone."""
    private = re.compile(
        r"from (?!skqnn)[\w.]*\._\w|from (?!skqnn)[\w.]+ import [^\n]*\b_[a-z]"
        r"|\._(get_api_client|session|target_encoder|validate_steps|backend\b)"
    )
    root = Path(_compat.__file__).parent
    guilty = [
        path.name
        for path in root.rglob("*.py")
        if path.name != "_compat.py"
        and any(
            private.search(line) and "self._" not in line
            for line in path.read_text(encoding="utf-8").splitlines()
        )
    ]
    assert guilty == []
