import contextlib
import json
import pickle
import random
import re
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import sklearn
from qiskit.circuit.library import efficient_su2, real_amplitudes, zz_feature_map
from qiskit.quantum_info import SparsePauliOp
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline, make_pipeline

from skqnn import Backend, BinaryAmplitudeEncoder, QNNClassifier
from skqnn._archive.estimators import load, save
from skqnn._archive.file import ArchiveError, read_members, write_members
from skqnn.exceptions import DeadParameterWarning

DATA = Path(__file__).parents[1] / "data"
X_IRIS, Y_IRIS = load_iris(return_X_y=True)
Y_NAMES = load_iris().target_names[Y_IRIS]
FAST = {"max_iter": 2, "random_state": 0}


def fit(estimator, X=X_IRIS, y=Y_IRIS, **metadata):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", DeadParameterWarning)
        return estimator.fit(X, y, **metadata)


def two_classes(**parameters):
    return fit(QNNClassifier(**FAST | parameters), X_IRIS[:100], Y_IRIS[:100])


CLASSIFIERS = {
    "default": {},
    "sgd": {"solver": "sgd", "early_stopping": True},
    "spsa": {"solver": "spsa", "loss": "squared_error"},
    "lbfgs": {"solver": "lbfgs", "encoding": "angle", "tol": np.float64(0.1)},
    "circuits": {"encoding": zz_feature_map(4), "ansatz": efficient_su2(4, reps=1)},
    "entanglement": {"entanglement": [(0, 1)], "class_weight": {0: 1.0, 1: 2.0, 2: 3}},
    "operators": {
        "intercept_scaling": None,
        "observables": (
            SparsePauliOp(["ZI", "XX"], [0.1, 1 / 3]),
            SparsePauliOp("IZ"),
            "ZZ",
        ),
    },
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skqnn"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return a small fitted classifier and its file."""
    path = tmp_path_factory.mktemp("saved") / "model.skqnn"
    classifier = two_classes()
    save(classifier, path)
    return classifier, path


@pytest.mark.parametrize("parameters", CLASSIFIERS.values(), ids=CLASSIFIERS)
def test_classifier_predicts_the_same_after_loading(path, parameters):
    classifier = fit(QNNClassifier(**FAST | parameters))
    save(classifier, path)
    loaded = load(path)
    np.testing.assert_allclose(
        loaded.predict_proba(X_IRIS), classifier.predict_proba(X_IRIS), atol=1e-13
    )
    not_saved = {"_built_from", "_engines"}
    assert vars(loaded).keys() ^ vars(classifier).keys() <= not_saved
    assert loaded.loss_curve_ == classifier.loss_curve_


@pytest.mark.parametrize("solver", ["adam", "sgd", "spsa"])
def test_loaded_classifier_continues_training_bit_by_bit(path, solver):
    classifier = fit(QNNClassifier(solver=solver, **FAST), y=Y_NAMES)
    save(classifier, path)
    loaded = load(path)
    assert loaded.classes_.dtype == classifier.classes_.dtype
    for model in (classifier, loaded):
        model.partial_fit(X_IRIS, Y_NAMES)
    assert np.array_equal(loaded.theta_, classifier.theta_)


def test_curves_of_changed_settings_come_back(path):
    classifier = fit(QNNClassifier(**FAST | {"warm_start": True}))
    fit(classifier.set_params(early_stopping=True))
    assert np.isnan(classifier.validation_scores_[0])
    save(classifier, path)
    np.testing.assert_equal(
        load(path).validation_scores_, classifier.validation_scores_
    )


def test_labels_and_names_that_are_objects_come_back(path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X_IRIS, columns=list("abcd"))
    classifier = fit(QNNClassifier(**FAST), frame, Y_NAMES.astype(object))
    save(classifier, path)
    loaded = load(path)
    assert loaded.feature_names_in_.tolist() == list("abcd")
    assert loaded.predict(frame).dtype == object


@pytest.mark.parametrize(
    "encoder",
    [
        BinaryAmplitudeEncoder(image_size=(4, 4), threshold=0.5),
        BinaryAmplitudeEncoder(black="none", pixel_range=[0, np.int64(16)]),
        BinaryAmplitudeEncoder(normalization="pixel", dtype="float32"),
        BinaryAmplitudeEncoder(black="none", n_frequencies=21, emphasis=1),
    ],
)
def test_encoder_transforms_the_same_after_loading(path, encoder):
    X = load_digits().data[:20]
    save(encoder.fit(X), path)
    loaded = load(path)
    assert np.array_equal(loaded.transform(X), encoder.transform(X))
    assert loaded.get_feature_names_out().shape == (2**encoder.n_qubits_,)


def test_nested_pipeline_predicts_the_same_after_loading(path):
    X, y = load_digits(n_class=2, return_X_y=True)
    inner = make_pipeline(BinaryAmplitudeEncoder(image_size=(4, 4)), "passthrough")
    steps = [("encode", inner), ("none", None), ("qnn", QNNClassifier(**FAST))]
    model = Pipeline(steps)
    save(fit(model, X, y), path)
    loaded = load(path)
    assert [name for name, _ in loaded.steps] == ["encode", "none", "qnn"]
    assert np.array_equal(loaded.decision_function(X), model.decision_function(X))


def test_pipeline_with_another_step_needs_skops(path):
    model = fit(make_pipeline(PCA(2), QNNClassifier(**FAST)))
    try:
        import skops  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="pip install skops"):
            save(model, path)
    else:
        save(model, path)
        assert np.array_equal(load(path).predict(X_IRIS), model.predict(X_IRIS))


def test_unfitted_estimator_keeps_its_parameters(path):
    save(QNNClassifier(reps=3, ansatz=real_amplitudes(2)), path)
    loaded = load(path)
    assert loaded.reps == 3
    assert loaded.ansatz.num_parameters == 8
    assert not hasattr(loaded, "theta_")


def test_file_says_what_a_model_is_and_not_where_it_runs(path):
    model = two_classes().set_params(
        backend=Backend("aer", options={"token": "secret"}, journal="log"), shots=10
    )
    save(model, path)
    assert b"secret" not in path.read_bytes()
    loaded, default = load(path).get_params(), QNNClassifier().get_params()
    for name in ("backend", "shots"):
        assert loaded[name] == default[name]


def test_metadata_requests_come_back(path):
    with sklearn.config_context(enable_metadata_routing=True):
        classifier = QNNClassifier(**FAST).set_fit_request(sample_weight=True)
        classifier.set_decision_function_request(return_std="errors")
        classifier.set_score_request(sample_weight=False)
        model = make_pipeline(BinaryAmplitudeEncoder(), classifier)
        model.set_score_request(sample_weight="w")
    save(model, path)
    loaded = load(path)
    for one, other in ((loaded, model), (loaded[-1], classifier)):
        assert repr(one._metadata_request) == repr(other._metadata_request)
    assert not hasattr(loaded[0], "_metadata_request")


def test_loaded_pipeline_still_routes_weights(path):
    weights = np.arange(len(Y_IRIS)) % 2
    with sklearn.config_context(enable_metadata_routing=True):
        classifier = QNNClassifier(**FAST).set_fit_request(sample_weight=True)
        save(make_pipeline("passthrough", classifier), path)
        loaded = fit(load(path), sample_weight=weights)
    expected = fit(QNNClassifier(**FAST), sample_weight=weights)
    assert np.array_equal(loaded[-1].theta_, expected.theta_)


def test_output_that_was_set_comes_back(path):
    pytest.importorskip("pandas")
    X = load_digits().data[:20]
    encoder = BinaryAmplitudeEncoder().set_output(transform="pandas").fit(X)
    save(make_pipeline(encoder), path)
    frame = load(path).transform(X)
    assert frame.columns.tolist() == encoder.get_feature_names_out().tolist()


class Callback:
    def setup(self, estimator, context):
        pass

    on_fit_task_begin = on_fit_task_end = teardown = setup


def test_callbacks_do_not_come_back(path):
    classifier = QNNClassifier(**FAST).set_callbacks(Callback())
    save(make_pipeline("passthrough", classifier).set_callbacks(Callback()), path)
    loaded = load(path)
    for estimator in (loaded, loaded[-1]):
        assert "_skl_callbacks" not in vars(estimator)
    assert b"Callback" not in path.read_bytes()


@pytest.mark.parametrize(
    "parameters, cure",
    [
        ({"ansatz": lambda n_qubits: real_amplitudes(n_qubits)}, "circuit_"),
        ({"solver": object()}, "the name of a solver"),
        ({"random_state": np.random.RandomState(0)}, "an integer or None"),
        ({"observables": [SparsePauliOp("Z").to_matrix().astype(object)]}, "strings"),
    ],
    ids=lambda p: next(iter(p)) if isinstance(p, dict) else "",
)
def test_parameter_that_only_code_can_rebuild_is_refused(path, parameters, cure):
    with pytest.raises(TypeError, match=f"`{next(iter(parameters))}`.*{cure}"):
        save(QNNClassifier(**parameters), path)
    assert not path.exists()


class Subclass(QNNClassifier):
    pass


@pytest.mark.parametrize("estimator", [PCA(), Subclass(), object(), BaseEstimator])
def test_other_estimator_is_refused(path, estimator):
    with pytest.raises(TypeError, match="`estimator` must be one of"):
        save(estimator, path)


def test_archive_has_no_pickle_and_shows_the_circuit(saved):
    classifier, path = saved
    with zipfile.ZipFile(path) as archive:
        text = archive.read("circuit.qasm").decode()
        json.loads(archive.read("model.json"))
        for name in archive.namelist():
            with pytest.raises(Exception, match=r"."):
                pickle.loads(archive.read(name))
    assert text.startswith("OPENQASM 3.0;")
    assert f"ry({classifier.theta_[0]!r}".replace("np.float64(", "")[:12] in text


# Written by tests/data/write_model.py of each release; must load for ever.
@pytest.mark.parametrize(
    "path", sorted(DATA.glob("*.skqnn")), ids=lambda path: path.stem
)
def test_file_of_every_version_predicts_as_it_did(path):
    model = load(path)
    X = load_digits().data[:3]
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    np.testing.assert_allclose(
        model.decision_function(X), expected["decision_function"], atol=1e-12
    )
    assert model.predict(X).tolist() == expected["predict"]


def predictions(path):
    """Return the predictions of a file, or None if it is refused as it should be."""
    try:
        return load(path).decision_function(X_IRIS)
    except ArchiveError:
        return None


def test_flipped_byte_is_refused_or_harmless(saved, path):
    classifier, source = saved
    data = source.read_bytes()
    expected = classifier.decision_function(X_IRIS)
    rng = random.Random(0)
    refused = 0
    for position in rng.sample(range(len(data)), 300):
        changed = data[position] ^ rng.randrange(1, 256)
        path.write_bytes(data[:position] + bytes([changed]) + data[position + 1 :])
        found = predictions(path)
        refused += found is None
        assert found is None or np.array_equal(found, expected)
    assert refused > 200


def test_truncated_file_is_refused(saved, path):
    data = saved[1].read_bytes()
    for length in np.linspace(0, len(data) - 1, 50).astype(int):
        path.write_bytes(data[:length])
        with pytest.raises(ArchiveError):
            load(path)


def test_forged_bytes_with_right_checksums_never_raise_another_error(saved, path):
    members = read_members(saved[1])
    rng = random.Random(0)
    for _ in range(300):
        forged = dict(members)
        name = rng.choice(sorted(set(members) - {"circuit.qasm"}))
        data = bytearray(members[name])
        for _ in range(rng.choice([1, 1, 4])):
            data[rng.randrange(len(data))] = rng.randrange(256)
        write_members(path, forged | {name: bytes(data)})
        with contextlib.suppress(ArchiveError):
            load(path)


def without_theta(document):
    del document["attributes"]["theta_"]


def curve(k, values):
    """Return what forges a curve."""

    def forge(document):
        document["attributes"]["_curves"]["record"][1 + k] = values

    return forge


def state(k, value):
    """Return what forges a field of the optimizer's state."""

    def forge(document):
        document["attributes"]["_optimizer_state"]["record"][1 + k] = value

    return forge


FORGERIES = {
    "class": lambda d: d.update({"class": "os.system"}),
    "parameter": lambda d: d["parameters"].update(unknown=1),
    "value": lambda d: d["parameters"].update(max_iter=-1),
    "type": lambda d: d["parameters"].update(loss=None),
    "backend": lambda d: d["parameters"].update(backend="ibm"),
    "method": lambda d: d["attributes"].update(predict=1),
    "private": lambda d: d["attributes"].update(_anything=1),
    "special": lambda d: d["attributes"].update(__class__=1),
    "missing": without_theta,
    "shape": lambda d: d["attributes"].update(bias_=d["attributes"]["theta_"]),
    "not_array": lambda d: d["attributes"].update(theta_=[0.0, 0.0]),
    "width": lambda d: d["attributes"].update(n_features_in_=10**9),
    "qubits": lambda d: d["attributes"].update(n_qubits_=10**9),
    "observables": lambda d: d["attributes"].update(observables_=[]),
    "member": lambda d: d["attributes"].update(theta_={"array": "data/99.npy"}),
    "path": lambda d: d["attributes"].update(theta_={"array": "/etc/passwd"}),
    "kind": lambda d: d["attributes"].update(theta_={"pickle": "data/0.npy"}),
    "record": lambda d: d["attributes"].update(_curves={"record": ["Path", "/"]}),
    "request": lambda d: d.update(requests={"fit": {"sample_weight": "a b"}}),
    "request_of_nothing": lambda d: d.update(requests={"fit": {"X": True}}),
    "request_by_nothing": lambda d: d.update(requests={"params": {"reps": 2}}),
    "generator": lambda d: d["attributes"].update(_rng={"generator": {}}),
    "no_generator": lambda d: d["attributes"].update(_rng=None),
    "seed": lambda d: d["attributes"].update(_seed=2**31),
    "curves": lambda d: d["attributes"].update(_curves=[[1.0]]),
    "told_curve": lambda d: d["attributes"].update(loss_curve_=[0.1]),
    "told_norms": lambda d: d["attributes"].update(gradient_norm_curve_=None),
    "told_loss": lambda d: d["attributes"].update(loss_=[]),
    "told_score": lambda d: d["attributes"].update(best_validation_score_="1"),
    "told_epochs": lambda d: d["attributes"].update(n_iter_=-1),
    "told_gradient": lambda d: d["attributes"].update(gradient_="exact"),
    "no_gradient": lambda d: d["attributes"].pop("gradient_"),
    "no_curve": curve(0, None),
    "curve_of_words": curve(0, ["high"]),
    "longer_curve": curve(1, [0.5] * 1000),
    "steps": state(2, -1),
    "moments": state(0, [0.0] * 6),
    "fewer_moments": lambda d: d["attributes"]["_optimizer_state"].update(
        record=["AdamState", {"array": []}, {"array": []}, 1]
    ),
    "state_of_nothing": lambda d: d["attributes"].update(
        _optimizer_state=d["attributes"]["_curves"]
    ),
    "reps": lambda d: d["parameters"].update(reps=10**9),
    "feature_map": lambda d: d["attributes"].update(feature_map_="zz"),
    "document": lambda d: d.clear(),
}


def test_bottomless_model_is_refused(saved, path):
    deep = b"[" * 100_000 + b"]" * 100_000
    write_members(path, read_members(saved[1]) | {"model.json": deep})
    with pytest.raises(ArchiveError, match="nests values deeper than any model"):
        load(path)


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_forged_model_is_refused(saved, path, forge):
    members = read_members(saved[1])
    document = json.loads(members["model.json"])
    forge(document)
    write_members(path, members | {"model.json": json.dumps(document).encode()})
    with pytest.raises(ArchiveError, match="does not describe a model"):
        load(path)


@pytest.mark.parametrize(
    "forged", [[0, 0.5], [65, 0.5], ["9", 0.5], [9.0, 0.5], [9, -1.0], [9, "1"]]
)
def test_forged_frequencies_are_refused(path, forged):
    encoder = BinaryAmplitudeEncoder(black="none", n_frequencies=9, emphasis=0.5)
    save(encoder.fit(load_digits().data), path)
    members = read_members(path)
    document = json.loads(members["model.json"])
    record = document["attributes"]["_encoding"]["record"]
    assert record[-2:] == [9, 0.5]
    record[-2:] = forged
    write_members(path, members | {"model.json": json.dumps(document).encode()})
    with pytest.raises(ArchiveError, match="does not describe a model"):
        load(path)


@pytest.mark.parametrize(
    "array",
    [
        np.full(4, np.nan),
        np.zeros(4, dtype="float32"),
        np.zeros((2, 2)),
        np.zeros(4, dtype="M8[s]"),
        np.array([print] * 4),
    ],
    ids=str,
)
def test_forged_angles_are_refused(saved, path, array, tmp_path):
    members = read_members(saved[1])
    name = json.loads(members["model.json"])["attributes"]["theta_"]["array"]
    np.save(tmp_path / "forged.npy", array)
    forged = members | {name: (tmp_path / "forged.npy").read_bytes()}
    write_members(path, forged)
    with pytest.raises(ArchiveError):
        load(path)


def test_array_that_claims_to_be_huge_is_refused(saved, path):
    members = read_members(saved[1])
    name = json.loads(members["model.json"])["attributes"]["theta_"]["array"]
    forged = re.sub(rb"\(\d+,\), } {8}", b"(1000000000,), }", members[name])
    assert forged != members[name]
    write_members(path, members | {name: forged})
    with pytest.raises(ArchiveError, match="type and size of its header"):
        load(path)
