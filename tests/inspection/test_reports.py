"""Reports: ablations against hand-made variants, trainability against formulas."""

import re

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp
from scipy.stats import t as student_t
from sklearn.callback import ProgressBar
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import ShuffleSplit, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skqnn import QNNClassifier
from skqnn._engine.statevector import StatevectorEngine
from skqnn._training.losses import LOSSES
from skqnn.inspection import AblationReport, ablation_report, trainability_report
from skqnn.inspection._fisher import (
    effective_dimension,
    fisher_information,
    rank,
)
from skqnn.inspection._problem import pose, start
from skqnn.inspection._variants import VARIANTS, Size, without_entanglers

matplotlib.use("Agg")
IRIS, SPECIES = load_iris(return_X_y=True)
TWO, TWO_LABELS = IRIS[60:140], SPECIES[60:140]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def fast_classifier(**parameters):
    defaults = {"encoding": "angle", "reps": 1, "solver": "lbfgs", "tol": 1e-2}
    return QNNClassifier(**(defaults | parameters), random_state=0)


@pytest.fixture(scope="module")
def report():
    model = make_pipeline(MinMaxScaler((0, 3)), fast_classifier())
    return ablation_report(model, TWO, TWO_LABELS, cv=4)


def row(report, name):
    return report.names.index(name)


def test_ablation_report_model_scores_are_those_of_cross_validation(report):
    model = make_pipeline(MinMaxScaler((0, 3)), fast_classifier())
    expected = cross_val_score(model, TWO, TWO_LABELS, cv=4)
    np.testing.assert_array_equal(report.scores[row(report, "model")], expected)


def test_ablation_report_entanglers_removed_is_the_model_without_them(report):
    def rotations(n_qubits):
        theta, circuit = ParameterVector("θ", 8), QuantumCircuit(4)
        for j in range(8):
            circuit.ry(theta[j], j % 4)
        return circuit

    product = fast_classifier(ansatz=rotations, observables=["ZZZZ"])
    model = make_pipeline(MinMaxScaler((0, 3)), product)
    expected = cross_val_score(model, TWO, TWO_LABELS, cv=4)
    np.testing.assert_array_equal(
        report.scores[row(report, "entanglers removed")], expected
    )


def test_ablation_report_orders_what_must_be_ordered(report):
    scores = dict(zip(report.names, report.scores.mean(axis=1), strict=True))
    assert scores["majority class"] == 0.5
    assert scores["model"] > scores["circuit frozen"]
    assert scores["logistic regression"] > 0.9
    assert scores["perceptron"] > 0.8


def test_ablation_report_logs_every_variant_when_it_is_done(caplog):
    caplog.set_level("INFO", logger="skqnn.inspection._ablation")
    again = ablation_report(fast_classifier(), TWO, TWO_LABELS, cv=2)
    rows = enumerate(zip(again.names, again.scores.mean(axis=1), strict=True), start=1)
    expected = [f"{k}/6, {name}: score {score:.3f}, " for k, (name, score) in rows]
    for message, begin in zip(caplog.messages, expected, strict=True):
        assert re.fullmatch(re.escape(begin) + r"after \d+ s", message)


def test_ablation_report_fits_call_no_callbacks_and_tell_nothing(capsys, caplog):
    caplog.set_level("INFO", logger="skqnn._training")
    model = make_pipeline(
        MinMaxScaler((0, 3)),
        fast_classifier().set_params(verbose=True).set_callbacks(ProgressBar()),
        verbose=True,
    ).set_callbacks(ProgressBar())
    report = ablation_report(model, TWO, TWO_LABELS, cv=2)
    assert capsys.readouterr() == ("", "")
    assert caplog.messages == []
    quiet = make_pipeline(MinMaxScaler((0, 3)), fast_classifier())
    again = ablation_report(quiet, TWO, TWO_LABELS, cv=2)
    np.testing.assert_array_equal(report.scores, again.scores)


def test_ablation_report_repeats(report):
    model = make_pipeline(MinMaxScaler((0, 3)), fast_classifier())
    again = ablation_report(model, TWO, TWO_LABELS, cv=StratifiedKFold(4))
    np.testing.assert_array_equal(report.scores, again.scores)


def test_ablation_report_scoring_is_used():
    model = fast_classifier(tol=1)
    report = ablation_report(model, TWO, TWO_LABELS, cv=2, scoring="neg_log_loss")
    assert np.all(report.scores < 0)
    majority = report.scores[row(report, "majority class")]
    np.testing.assert_allclose(majority, np.log(0.5))


def test_ablation_report_interval_is_nadeau_and_bengio(report):
    table = report.to_dict()
    scores = report.scores[0] - report.scores[2]
    # Four splits, one test sample for three training samples.
    half = student_t.ppf(0.975, 3) * np.sqrt((1 / 4 + 1 / 3) * scores.var(ddof=1))
    assert table["difference"][2] == pytest.approx(scores.mean())
    assert table["difference_high"][2] == pytest.approx(scores.mean() + half)
    assert table["low"][2] < table["score"][2] < table["high"][2]


def test_ablation_report_repr_and_plot_show_every_variant(report):
    lines = repr(report).splitlines()
    table = lines[2 : 2 + len(report.names)]
    assert [line[:19].strip() for line in table] == report.names
    display = report.plot()
    labels = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert labels[0] == "model (10)"
    assert len(labels) == len(report.names)


def test_ablation_report_confidence_level_widens_intervals(report):
    wide = AblationReport(
        report.names,
        report.n_parameters,
        report.scores,
        test_ratio=report.test_ratio,
        confidence_level=0.99,
    )
    assert wide.to_dict()["low"][0] < report.to_dict()["low"][0]
    assert "99 % intervals" in repr(wide)


@pytest.mark.parametrize(
    "scoring, limits",
    [
        (None, (0, 1)),
        ("roc_auc_ovr", (0, 1)),
        ("matthews_corrcoef", (-1, 1)),
        ("neg_brier_score", (-np.inf, 0)),
        (get_scorer("accuracy"), (-np.inf, np.inf)),  # who knows what it returns
    ],
)
def test_ablation_report_knows_the_limits_of_scores(scoring, limits):
    model = fast_classifier(tol=1)
    report = ablation_report(model, TWO, TWO_LABELS, cv=2, scoring=scoring)
    assert report.limits == limits


def test_ablation_report_intervals_end_at_the_limits():
    scores = np.array([[0.9, 0.8, 1.0], [0.1, 0.3, 0.1]])
    names = ["model", "less"]
    free = AblationReport(names, [3, 2], scores, test_ratio=0.5).to_dict()
    report = AblationReport(names, [3, 2], scores, test_ratio=0.5, limits=(0, 1))
    table = report.to_dict()
    assert min(free["high"][0], free["difference_high"][1]) > 1
    assert free["low"][1] < 0
    assert (table["high"][0], table["low"][1], table["difference_high"][1]) == (1, 0, 1)
    for name in ("score", "difference", "difference_low"):
        np.testing.assert_array_equal(table[name], free[name])
    (segments,) = report.plot().ax_.containers[0][2]
    ends = segments.get_segments()[0][:, 0]
    np.testing.assert_allclose(ends, [free["low"][0], 1])


# The model, and two variants: one is right everywhere, one varies as the model does.
SPLITS = np.array([[0.7, 0.8, 0.9], [1.0, 1.0, 1.0], [0.4, 0.5, 0.6]])


@pytest.fixture
def partly_equal():
    names = ["model", "always right", "moved"]
    return AblationReport(names, [3, 2, 1], SPLITS, test_ratio=0.5, limits=(0, 1))


def test_ablation_report_equal_splits_have_no_interval(partly_equal):
    table = partly_equal.to_dict()
    assert np.isnan([table["low"], table["high"]]).tolist() == 2 * [
        [False, True, False]
    ]
    assert len(set(SPLITS[0] - SPLITS[2])) > 1  # which differ by rounding only
    ends = np.isnan([table["difference_low"], table["difference_high"]])
    assert ends.tolist() == 2 * [[True, False, True]]
    np.testing.assert_allclose(table["difference"], [0, -0.2, 0.3])


def test_ablation_report_says_where_there_is_no_interval(partly_equal):
    *table, note = repr(partly_equal).splitlines()
    assert "1.000  all equal       -0.200  [-0.593, +0.193]" in table[-2]
    assert table[-1].endswith("+0.300  all equal")  # without a star
    assert note.startswith("all equal: the same number in each split")
    varied = AblationReport(
        ["model", "less"],
        [3, 2],
        [[0.7, 0.8, 0.9], [0.4, 0.3, 0.5]] * np.ones(3),
        test_ratio=0.5,
    )
    assert "all equal" not in repr(varied)


def test_ablation_report_draws_no_interval_as_a_hollow_mark(partly_equal):
    axes = partly_equal.plot().ax_
    faces = [bars[0].get_markerfacecolor() for bars in axes.containers]
    assert faces == ["C1", "white", "C0"]
    assert axes.get_xlabel() == "score, 95 % interval; hollow: all splits equal, none"
    varied = AblationReport(["model"], [3], SPLITS[:1], test_ratio=0.5)
    assert varied.plot().ax_.get_xlabel() == "score, 95 % interval"


@pytest.mark.parametrize(
    "options, message",
    [
        ({"cv": ShuffleSplit(1)}, "`cv` must give at least two splits, got 1"),
        ({"confidence_level": 95}, "`confidence_level` must be .* got 95"),
    ],
)
def test_ablation_report_bad_argument_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ablation_report(fast_classifier(), TWO, TWO_LABELS, **options)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "n_parameters, n_components, n_scores, logistic, perceptron",
    [
        (24, 100, 1, (23, 24), (9, 2, 23)),  # 2 (9 + 1) + 1 (2 + 1) = 23
        (24, 2, 1, (2, 3), (2, 5, 21)),  # 5 (2 + 1) + 1 (5 + 1) = 21
        (12, 4, 3, (3, 12), (4, 1, 11)),  # 1 (4 + 1) + 3 (1 + 1) = 11
        (819, 256, 10, (80, 810), (69, 10, 810)),
        (4, 9, 3, (1, 6), (1, 1, 8)),  # no classical model is this small
    ],
)
def test_variants_classical_models_match_the_number_of_parameters(
    n_parameters, n_components, n_scores, logistic, perceptron
):
    size = Size(n_parameters, n_components, n_scores)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 300))[:, :n_components]
    y = np.arange(300) % max(2, n_scores)
    classifier = QNNClassifier(random_state=0)
    variant = VARIANTS["logistic regression"](classifier, None, size)
    last = variant.estimator.set_params(logisticregression__max_iter=1).fit(X, y)[-1]
    assert (last.coef_.shape[1], variant.n_parameters) == logistic
    assert last.coef_.size + last.intercept_.size == variant.n_parameters
    variant = VARIANTS["perceptron"](classifier, None, size)
    last = variant.estimator.set_params(mlpclassifier__max_iter=1).fit(X, y)[-1]
    assert (*last.coefs_[0].shape, variant.n_parameters) == perceptron
    assert sum(a.size for a in last.coefs_ + last.intercepts_) == variant.n_parameters


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_variants_frozen_circuit_trains_scale_and_bias_to_the_minimum(loss):
    classifier = fast_classifier(loss=loss)
    frozen = VARIANTS["circuit frozen"](classifier, None, Size(10, 4, 1))
    model = frozen.estimator.fit(TWO, TWO_LABELS).model_
    np.testing.assert_array_equal(
        model.theta_, start(classifier, TWO, TWO_LABELS).theta_
    )
    E = (model.decision_function(TWO) - model.bias_) / model.scale_
    target = TWO_LABELS == 2
    if loss == "squared_error":
        slope, intercept = np.polyfit(E, 2 * target - 1, 1)
    else:
        best = LogisticRegression(C=np.inf, tol=1e-9).fit(E[:, None], target)
        slope, intercept = best.coef_[0, 0], best.intercept_[0]
    np.testing.assert_allclose(model.scale_, slope, rtol=1e-3)
    np.testing.assert_allclose(model.bias_, intercept, rtol=1e-3)
    assert frozen.n_parameters == 2


def test_without_entanglers_keeps_parameters_and_makes_products():
    theta, circuit = ParameterVector("t", 6), QuantumCircuit(3)
    circuit.h(0)
    circuit.ry(theta[5], 0)
    circuit.cx(0, 1)
    circuit.rzx(2 * theta[1], 1, 2)
    circuit.crz(theta[2], 2, 0)
    circuit.cp(theta[0], 1, 2)
    circuit.u(theta[3], theta[4], 0.5, 1)
    circuit.ccx(0, 1, 2)
    product = without_entanglers(circuit)
    assert list(product.parameters) == list(circuit.parameters)
    assert all(len(item.qubits) == 1 for item in product.data)
    singles = [SparsePauliOp(label) for label in ("IIX", "IYI", "ZII", "ZYX")]
    states = np.eye(8)[:1]
    values = np.random.default_rng(0).uniform(-3, 3, 6)
    x, y, z, xyz = StatevectorEngine(product, singles).expectations(states, values)[0]
    assert xyz == pytest.approx(x * y * z)


def test_without_entanglers_of_rotations_alone_is_the_same_circuit():
    theta, circuit = ParameterVector("t", 3), QuantumCircuit(2)
    circuit.h(0)
    for j, name in enumerate(("rx", "ry", "rz")):
        getattr(circuit, name)(theta[j] + 1, j % 2)
    values, states = np.array([0.1, 0.2, 0.3]), np.eye(4)
    operator = [SparsePauliOp(["XY", "ZZ"])]
    expected, got = (
        StatevectorEngine(c, operator).expectations(states, values)
        for c in (circuit, without_entanglers(circuit))
    )
    np.testing.assert_allclose(got, expected, atol=1e-14)


def ry_layer(n_qubits):
    theta, circuit = ParameterVector("t", n_qubits), QuantumCircuit(n_qubits)
    for q in range(n_qubits):
        circuit.ry(theta[q], q)
    return circuit


def twice_the_same_rotation(n_qubits):
    theta, circuit = ParameterVector("t", 2 * n_qubits), QuantumCircuit(n_qubits)
    for j in range(2 * n_qubits):
        circuit.ry(theta[j], j // 2)
    return circuit


@pytest.mark.parametrize(
    "observables, variance, n_dead",
    [
        # E = cos(t_0) cos(t_1) ...: each factor has the mean square 1/2.
        (lambda n: ["Z" * n], lambda n: 0.5**n, lambda n: 0),
        (lambda n: ["Z" + "I" * (n - 1)], lambda n: 0.5, lambda n: n - 1),
    ],
)
def test_trainability_report_variance_of_a_product_is_known(
    observables, variance, n_dead
):
    sizes = (1, 2, 4)
    report = trainability_report(
        ry_layer, n_qubits=sizes, observables=observables, n_draws=2000, random_state=0
    )
    assert report.reps == [1]
    expected = [variance(n) for n in sizes]
    np.testing.assert_allclose(report.gradient_variance[:, 0], expected, rtol=0.1)
    assert report.to_dict()["n_dead"] == [n_dead(n) for n in sizes]
    decay = variance(2) / variance(1)
    np.testing.assert_allclose(report.decay_per_qubit, decay, rtol=0.05)


def test_trainability_report_auto_measures_what_the_classifier_would():
    options = {"n_qubits": (3,), "reps": (1, 2), "n_draws": 5, "random_state": 0}
    auto = trainability_report("real_amplitudes", **options)
    parity = trainability_report(
        QNNClassifier(), observables=lambda n: ["Z" * n], **options
    )
    np.testing.assert_array_equal(auto.gradient_variance, parity.gradient_variance)
    assert auto.fisher is None


def test_trainability_report_passes_entanglement_on():
    options = {"n_qubits": (4,), "reps": (2,), "n_draws": 5, "random_state": 0}
    linear, circular = (
        trainability_report(QNNClassifier(entanglement=e), **options)
        for e in ("linear", "circular")
    )
    assert linear.gradient_variance != circular.gradient_variance


def test_trainability_report_circuit_has_one_size():
    report = trainability_report(ry_layer(3), n_draws=5, random_state=0)
    assert (report.n_qubits, report.reps) == ([3], [1])
    assert np.isnan(report.decay_per_qubit).all()
    assert "per qubit" not in repr(report)


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_trainability_report_rank_of_a_redundant_circuit_is_half(loss):
    classifier = QNNClassifier(
        ansatz=twice_the_same_rotation, loss=loss, intercept_scaling=None
    )
    report = trainability_report(
        classifier, TWO, TWO_LABELS, n_qubits=(1,), n_draws=5, random_state=0
    )
    assert (report.fisher.n_parameters, report.fisher.rank) == (4, 2)
    np.testing.assert_allclose(report.fisher.eigenvalues.sum(), 4)
    np.testing.assert_allclose(report.fisher.eigenvalues[2:], 0, atol=1e-12)


def test_trainability_report_dead_parameters_lower_the_rank():
    classifier = QNNClassifier(observables=["IZ"], intercept_scaling=None, reps=1)
    fisher = trainability_report(
        classifier, TWO, TWO_LABELS, n_qubits=(1,), n_draws=5, random_state=0
    ).fisher
    assert fisher.dead_parameters.tolist() == [3]
    assert fisher.rank == 3


def test_trainability_report_fitted_needs_no_labels():
    model = make_pipeline(MinMaxScaler(), fast_classifier()).fit(IRIS, SPECIES)
    options = {"n_qubits": (2,), "n_draws": 3, "max_samples": 9, "random_state": 0}
    report = trainability_report(model, IRIS, **options)
    labelled = trainability_report(model, IRIS, SPECIES, **options)
    assert report.fisher.effective_dimension == labelled.fisher.effective_dimension
    assert report.fisher.n_data == 150
    fewer = trainability_report(model, IRIS, **(options | {"max_samples": 8}))
    assert fewer.fisher.effective_dimension != report.fisher.effective_dimension


@pytest.mark.parametrize("n_classes, loss", [(2, "log_loss"), (3, "log_loss")])
def test_fisher_information_is_that_of_the_labels(n_classes, loss):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 4)), np.arange(6) % n_classes
    classifier, engine, data = pose(QNNClassifier(random_state=0), X, y)
    theta = classifier.theta_
    got = fisher_information(engine, data.states, theta, LOSSES[loss].metric)

    def log_probabilities(theta):
        E = engine.expectations(data.states, theta)
        return LOSSES[loss].log_probabilities(E)

    h = 1e-5
    steps = h * np.eye(len(theta))
    slopes = np.array(
        [log_probabilities(theta + s) - log_probabilities(theta - s) for s in steps]
    ) / (2 * h)
    p = np.exp(log_probabilities(theta))
    expected = np.einsum("ank,bnk,nk->ab", slopes, slopes, p) / len(X)
    np.testing.assert_allclose(got, expected, atol=1e-8)


def test_effective_dimension_of_known_matrices():
    kappa = 1000 / (2 * np.pi * np.log(1000))
    # Normalised: trace 2. det(1 + kappa F) is (1 + kappa)^2 and 1 + 2 kappa.
    full = effective_dimension(5 * np.eye(2)[None], 1000)
    assert full == pytest.approx(2 * np.log(1 + kappa) / np.log(kappa))
    half = effective_dimension(np.diag([7.0, 0.0])[None], 1000)
    assert half == pytest.approx(np.log(1 + 2 * kappa) / np.log(kappa))
    assert np.isnan(effective_dimension(np.eye(2)[None], 18))


def test_effective_dimension_averages_volumes_over_the_angles():
    kappa = 1000 / (2 * np.pi * np.log(1000))
    # Mean trace 2 of one parameter: normalised to 1/2 and 3/2.
    fishers = np.array([1.0, 3.0]).reshape(2, 1, 1)
    volume = (np.sqrt(1 + kappa / 2) + np.sqrt(1 + 3 * kappa / 2)) / 2
    expected = 2 * np.log(volume) / np.log(kappa)
    assert effective_dimension(fishers, 1000) == pytest.approx(expected)


def test_effective_dimension_tends_to_the_rank():
    fishers = np.array([np.diag([1.0, 2.0, 0.0]), np.diag([3.0, 0.5, 0.0])])
    assert rank(fishers) == 2
    assert effective_dimension(fishers, 10**300) == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize("with_data", [False, True])
def test_trainability_report_plots_and_prints(with_data):
    data = (TWO, TWO_LABELS) if with_data else ()
    report = trainability_report(
        QNNClassifier(), *data, n_qubits=(2, 3), reps=(1, 2), n_draws=3, random_state=0
    )
    display = report.plot()
    assert len(display.axes_) == 1 + with_data
    assert len(display.ax_.lines) == 2
    assert ("Effective dimension with 80 data" in repr(report)) is with_data
    assert "per qubit" in repr(report)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"n_draws": 1}, "`n_draws` must be an integer of at least 2, got 1"),
        ({"max_samples": 0}, "`max_samples` must be an integer of at least 2, got 0"),
        ({"X": IRIS}, "`y` must be given with X"),
    ],
)
def test_trainability_report_bad_argument_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        trainability_report(QNNClassifier(), **options)


def test_trainability_report_of_too_many_qubits_is_refused_before_any():
    with pytest.raises(MemoryError, match="of 1000000000 qubits"):
        trainability_report("real_amplitudes", n_qubits=(2, 10**9))
