"""The packages that scikit-learn users combine it with, where they are installed."""

import warnings

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier
from skqnn.export import load, save

# What these packages warn about among themselves is not ours.
pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]
X, Y = load_digits(n_class=2, return_X_y=True)


def pipeline(**parameters):
    options = {"max_iter": 5, "random_state": 0} | parameters
    return make_pipeline(
        BinaryAmplitudeEncoder(image_size=(4, 4), pixel_range=(0, 16)),
        QNNClassifier(**options),
    )


@pytest.fixture(scope="module")
def model():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pipeline().fit(X, Y)


def test_optuna_study_over_a_pipeline():
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial):
        candidate = pipeline(
            reps=trial.suggest_int("reps", 1, 2),
            learning_rate_init=trial.suggest_float("step", 0.01, 0.3, log=True),
        )
        return cross_val_score(candidate, X, Y, cv=2).mean()

    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective, n_trials=3)
    assert study.best_value > 0.8
    assert set(study.best_params) == {"reps", "step"}


def test_imbalanced_learn_pipeline_balances_the_training_data():
    pytest.importorskip("imblearn")
    from imblearn.pipeline import make_pipeline
    from imblearn.under_sampling import RandomUnderSampler

    rows = np.r_[np.flatnonzero(Y == 0), np.flatnonzero(Y == 1)[:20]]
    sampler = RandomUnderSampler(random_state=0)
    balanced = make_pipeline(sampler, *(step for _, step in pipeline().steps))
    balanced.fit(X[rows], Y[rows])
    assert balanced[0].sample_indices_.size == 40
    assert balanced.score(X, Y) > 0.8


def test_shap_explains_the_brightest_pixels(model):
    shap = pytest.importorskip("shap")

    def score(rows):
        return model.decision_function(rows)

    explainer = shap.KernelExplainer(score, X[:5])
    values = explainer.shap_values(X[5:7], nsamples=60, silent=True)
    total = values.sum(axis=1) + explainer.expected_value
    np.testing.assert_allclose(total, score(X[5:7]), atol=1e-6)


@pytest.mark.parametrize("form", ["cloudpickle", "skops"])
def test_mlflow_saves_and_loads_a_model(model, form, tmp_path):
    mlflow_sklearn = pytest.importorskip("mlflow.sklearn")
    skops_io = pytest.importorskip("skops.io")
    ours = skops_io.get_untrusted_types(data=skops_io.dumps(model))
    mlflow_sklearn.save_model(
        model,
        tmp_path / "model",
        serialization_format=form,
        **{"skops_trusted_types": ours} if form == "skops" else {},
    )
    loaded = mlflow_sklearn.load_model(str(tmp_path / "model"))
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_dask_incremental_streams_blocks_through_partial_fit():
    pytest.importorskip("dask_ml.wrappers")
    from dask import array
    from dask_ml.wrappers import Incremental

    rows = array.from_array(pipeline()[0].fit_transform(X), chunks=(60, -1))
    labels = array.from_array(Y, chunks=60)
    stream = Incremental(QNNClassifier(random_state=0), shuffle_blocks=False)
    for _ in range(5):
        stream.partial_fit(rows, labels, classes=[0, 1])
    assert stream.estimator_.n_iter_ == 5 * len(rows.chunks[0])
    assert np.mean(stream.estimator_.predict(np.asarray(rows)) == Y) > 0.8


def test_dask_parallel_post_fit_predicts_blocks(model):
    pytest.importorskip("dask_ml.wrappers")
    from dask import array
    from dask_ml.wrappers import ParallelPostFit

    blocks = array.from_array(X, chunks=(100, -1))
    found = ParallelPostFit(model, predict_meta=Y[:0]).predict(blocks)
    assert np.array_equal(found.compute(), model.predict(X))


def test_skops_holds_models_and_asks_for_trust_in_nothing_but_ours(model):
    skops_io = pytest.importorskip("skops.io")
    data = skops_io.dumps(model)
    ours = skops_io.get_untrusted_types(data=data)
    assert {name.split(".")[0] for name in ours} == {"skqnn"}
    loaded = skops_io.loads(data, trusted=ours)
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_our_files_hold_steps_that_skops_trusts(tmp_path):
    pytest.importorskip("skops")
    reduced = make_pipeline(PCA(4), QNNClassifier(max_iter=5, random_state=0))
    reduced.fit(X, Y)
    save(reduced, tmp_path / "model.skqnn")
    loaded = load(tmp_path / "model.skqnn")
    assert np.array_equal(loaded.predict_proba(X), reduced.predict_proba(X))


@pytest.mark.pennylane
def test_pennylane_runs_the_exported_circuit(model):
    pytest.importorskip("pennylane_qiskit")
    import pennylane

    from skqnn.export import bound_circuit

    circuit = bound_circuit(model, X[0])
    wires = range(circuit.num_qubits)

    @pennylane.qnode(pennylane.device("default.qubit", wires=circuit.num_qubits))
    def expectation():
        pennylane.from_qiskit(circuit)(wires=wires)
        return pennylane.expval(pennylane.prod(*map(pennylane.PauliZ, wires)))

    assert model[-1].observables_ == [SparsePauliOp("Z" * circuit.num_qubits)]
    score = model[-1].scale_ * float(expectation()) + model[-1].bias_
    np.testing.assert_allclose(score, model.decision_function(X[:1]), atol=1e-9)
