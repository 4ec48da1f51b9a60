"""Displays: numbers in, axes out; and scikit-learn's own displays on our estimator."""

import builtins
from copy import copy

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import LearningCurveDisplay
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skqnn import BinaryAmplitudeEncoder, QNNClassifier
from skqnn.inspection import (
    CircuitDisplay,
    EncodingDisplay,
    ObservableDisplay,
    ParameterDisplay,
    ShotNoiseDisplay,
    TrainingCurveDisplay,
)

matplotlib.use("Agg")
DIGITS, DIGIT_LABELS = load_digits(return_X_y=True)
ZERO_ONE = DIGIT_LABELS < 2
IRIS, SPECIES = load_iris(return_X_y=True)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def pipeline():
    classifier = QNNClassifier(early_stopping=True, n_iter_no_change=2, random_state=0)
    X, y = DIGITS[ZERO_ONE], DIGIT_LABELS[ZERO_ONE]
    return make_pipeline(BinaryAmplitudeEncoder(), classifier).fit(X, y)


@pytest.fixture(scope="module")
def iris():
    classifier = QNNClassifier(encoding="angle", solver="lbfgs", random_state=0)
    return classifier.fit(IRIS, SPECIES)


def displays(pipeline):
    X, y = DIGITS[ZERO_ONE], DIGIT_LABELS[ZERO_ONE]
    values = np.linspace(-1, 1, len(y))
    return {
        "training": lambda ax: TrainingCurveDisplay.from_estimator(pipeline, ax=ax),
        "observable": lambda ax: ObservableDisplay.from_estimator(
            pipeline, X, y, ax=ax
        ),
        "parameter": lambda ax: ParameterDisplay.from_estimator(
            pipeline, X[:9], y[:9], n_draws=3, ax=ax
        ),
        "encoding": lambda ax: EncodingDisplay.from_estimator(pipeline, X[0], ax=ax),
        "circuit": lambda ax: CircuitDisplay.from_estimator(pipeline, ax=ax),
        "noise": lambda ax: ShotNoiseDisplay.from_predictions(
            y, values, abs(values), ax=ax
        ),
    }


@pytest.mark.parametrize("kind", displays(None))
@pytest.mark.parametrize("own_axes", ["none", "subplot", "placed"])
def test_display_draws_on_a_new_figure_or_on_given_axes(pipeline, kind, own_axes):
    ax = None
    if own_axes == "subplot":
        ax = plt.subplots(1, 2)[1][0]
    elif own_axes == "placed":
        ax = plt.figure().add_axes((0.1, 0.1, 0.8, 0.8))
    display = displays(pipeline)[kind](ax)
    assert isinstance(display.ax_, matplotlib.axes.Axes)
    assert display.ax_.figure is display.figure_
    assert all(panel.figure is display.figure_ for panel in display.figure_.axes)
    if ax is not None:
        assert display.figure_ is ax.figure
    display.figure_.canvas.draw()


@pytest.mark.parametrize("kind", displays(None))
def test_display_without_matplotlib_names_the_extra(pipeline, kind, monkeypatch):
    find = builtins.__import__

    def without_matplotlib(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return find(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    with pytest.raises(
        ImportError, match=r"plot needs matplotlib.*pip install matplotlib"
    ):
        displays(pipeline)[kind](None)


@pytest.mark.parametrize(
    "plot",
    [
        lambda: TrainingCurveDisplay.from_estimator(QNNClassifier()),
        lambda: CircuitDisplay.from_estimator(QNNClassifier()),
        lambda: ShotNoiseDisplay.from_estimator(QNNClassifier(), IRIS),
        lambda: EncodingDisplay.from_estimator(BinaryAmplitudeEncoder(), DIGITS[0]),
    ],
)
def test_display_unfitted_estimator_is_refused(plot):
    with pytest.raises(NotFittedError):
        plot()


def test_display_wrong_number_of_axes_is_refused(pipeline):
    axes = plt.subplots(1, 2)[1]
    with pytest.raises(ValueError, match="`ax` must hold 3 axes, got 2"):
        TrainingCurveDisplay.from_estimator(pipeline, ax=axes)


def test_training_curve_display_shows_the_curves_of_the_fit(pipeline):
    axes = plt.subplots(3)[1]
    display = TrainingCurveDisplay.from_estimator(
        pipeline, ax=axes, line_kw={"lw": 3}, name="mine"
    )
    assert display.axes_.tolist() == axes.tolist()
    classifier = pipeline[-1]
    curves = (
        classifier.loss_curve_,
        classifier.validation_scores_,
        classifier.gradient_norm_curve_,
    )
    for line, curve in zip(display.lines_, curves, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), curve)
        assert line.get_linewidth() == 3
    best = 1 + np.argmax(classifier.validation_scores_)
    assert axes[1].get_title("right").endswith(f"in epoch {best}")
    assert axes[0].get_title() == "mine"


def test_training_curve_display_solver_without_gradient_norm_has_one_panel(iris):
    assert len(TrainingCurveDisplay.from_estimator(iris).axes_) == 1


def test_observable_display_two_classes_marks_the_decision(pipeline):
    X, y = DIGITS[ZERO_ONE], DIGIT_LABELS[ZERO_ONE]
    display = ObservableDisplay.from_estimator(pipeline, X, y)
    above = display.expectations[:, 0] > display.threshold
    if pipeline[-1].scale_[0] < 0:
        above = ~above
    np.testing.assert_array_equal(above, pipeline.predict(X) == 1)
    assert [t.get_text() for t in display.ax_.get_legend().get_texts()] == [
        "class 0",
        "class 1",
        "decision",
    ]


def test_observable_display_counts_every_sample_once(iris):
    display = ObservableDisplay.from_estimator(iris, IRIS, SPECIES)
    titles = [panel.get_title() for panel in display.axes_]
    assert titles == [f"class {k}: {o}" for k, o in enumerate(["ZIIZ", "IIZI", "IZII"])]
    np.testing.assert_allclose(
        iris.scale_ * display.expectations + iris.bias_, iris.decision_function(IRIS)
    )


def test_observable_display_many_classes_has_a_box_for_each():
    y = np.repeat(list("abcd"), 5)
    E = np.random.default_rng(0).uniform(-2, 2, (20, 4))
    display = ObservableDisplay.from_predictions(y, E, observable_names="wxyz")
    assert [t.get_text() for t in display.axes_[2].get_yticklabels()] == list("abcd")
    assert display.axes_[3].get_title() == "z"
    labels = [panel.get_ylabel() for panel in display.axes_]
    assert labels == ["class", "", "", "class"]  # three panels in a row
    assert display.ax_.get_xlim()[1] > np.abs(E).max()


def test_parameter_display_finds_dead_parameters_flat():
    classifier = QNNClassifier(
        observables=["ZII"], intercept_scaling=None, reps=1, random_state=0
    )
    X = np.random.default_rng(0).normal(size=(10, 8))
    display = ParameterDisplay.from_estimator(
        classifier, X, np.arange(10) % 2, n_draws=20, random_state=0
    )
    assert display.grid.tolist() == [[0, 3], [1, 4], [2, 5]]
    flat = np.flatnonzero(display.gradient_variance < 1e-25)
    assert flat.tolist() == display.dead_parameters.tolist() == [0, 3, 4]
    assert "3 dead" in display.ax_.get_title()
    assert sorted(t.get_text() for t in display.ax_.texts) == ["1", "2", "5"]


def test_parameter_display_repeats_with_random_state(iris):
    first, again, other = (
        ParameterDisplay.from_estimator(
            iris, IRIS, SPECIES, n_draws=5, random_state=seed
        ).gradient_variance
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_parameter_display_all_flat_is_drawn():
    display = ParameterDisplay(np.zeros(2), np.array([[0, 1]])).plot()
    assert display.im_.get_array().mask.all()


def test_encoding_display_shows_what_the_encoder_does():
    encoder = BinaryAmplitudeEncoder(image_size=(3, 5)).fit(DIGITS)
    display = EncodingDisplay.from_estimator(encoder, DIGITS[0].reshape(8, 8))
    np.testing.assert_array_equal(display.image.ravel(), DIGITS[0])
    amplitudes = encoder.transform(DIGITS[:1])
    np.testing.assert_array_equal(display.amplitudes.ravel(), amplitudes[0])
    assert display.amplitudes.shape == (2, 4, 8)
    assert display.reconstruction.shape == (3, 5)
    assert len(display.axes_) == 5
    assert display.axes_[3].get_xlabel() == "qubits 2 … 0"
    assert display.axes_[3].get_ylabel() == "qubits 5 … 3"


def test_encoding_display_without_black_channel_has_a_panel_less():
    encoder = BinaryAmplitudeEncoder(black="none").fit(DIGITS)
    assert len(EncodingDisplay.from_estimator(encoder, DIGITS[0]).axes_) == 4


def test_encoding_display_shows_frequencies_and_the_image_they_make():
    encoder = BinaryAmplitudeEncoder(black="none", n_frequencies=11).fit(DIGITS)
    display = EncodingDisplay.from_estimator(encoder, DIGITS[0])
    amplitudes = encoder.transform(DIGITS[:1])
    back = encoder.inverse_transform(amplitudes).reshape(8, 8)
    np.testing.assert_array_equal(display.reconstruction, back)
    names = [panel.get_title() for panel in display.axes_]
    assert names == ["image", "frequencies", "16 amplitudes", "reconstruction"]
    plane = display.axes_[1].images[0].get_array()
    assert plane.shape == (4, 4)  # the last one is (2, 2)
    assert plane[1, 0] == amplitudes[0, 2] != plane[0, 1]
    assert plane.mask.sum() == 5  # not kept
    assert display.axes_[2].get_xlabel() == "qubits 1 … 0"
    low, high = display.axes_[2].images[0].get_clim()
    assert -low == high == np.abs(amplitudes).max()


def test_encoding_display_pipeline_applies_the_steps_before():
    invert = FunctionTransformer(lambda X: 16 - X)
    pipeline = make_pipeline(invert, BinaryAmplitudeEncoder()).fit(DIGITS)
    display = EncodingDisplay.from_estimator(pipeline, DIGITS[0])
    np.testing.assert_array_equal(display.image.ravel(), 16 - DIGITS[0])


def test_encoding_display_without_encoder_is_refused(iris):
    with pytest.raises(TypeError, match="must be a BinaryAmplitudeEncoder"):
        EncodingDisplay.from_estimator(iris, IRIS[0])


def test_circuit_display_writes_trained_angles(iris):
    display = CircuitDisplay.from_estimator(iris, IRIS[:1], bind=True)
    angles = [item.params[0] for item in display.circuit if item.name == "ry"]
    np.testing.assert_allclose(angles[:4], IRIS[0])
    np.testing.assert_allclose(angles[4:], iris.theta_)


@pytest.mark.parametrize("n_features, boxed", [(8, False), (128, True)])
def test_circuit_display_draws_short_state_preparations_only(n_features, boxed):
    X = np.random.default_rng(0).normal(size=(6, n_features))
    classifier = QNNClassifier(solver="lbfgs", tol=1e9, random_state=0)
    classifier.fit(X, np.arange(6) % 2)
    display = CircuitDisplay.from_estimator(classifier, X[:1])
    assert ("amplitudes" in display.circuit.count_ops()) is boxed


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_encoding_display_ignores_the_output_that_was_set(output):
    pytest.importorskip(output)
    images, _ = load_digits(return_X_y=True)
    plain = BinaryAmplitudeEncoder().fit(images)
    expected = EncodingDisplay.from_estimator(plain, images[0])
    encoder = BinaryAmplitudeEncoder().set_output(transform=output)
    first = FunctionTransformer(feature_names_out="one-to-one")
    steps = make_pipeline(first, BinaryAmplitudeEncoder())
    steps.set_output(transform=output).fit(images)
    for estimator in (encoder.fit(images), steps):
        shown = EncodingDisplay.from_estimator(estimator, images[0])
        for name in ("image", "amplitudes", "reconstruction"):
            np.testing.assert_array_equal(getattr(shown, name), getattr(expected, name))


def named_images(library):
    """Return a frame of images, its first row in several forms, and the array."""
    frames = pytest.importorskip(library)
    images = DIGITS[:20]
    names = [f"pixel {k}" for k in range(64)]
    frame = frames.DataFrame(dict(zip(names, images.T, strict=True)))
    row = frame.iloc[0] if library == "pandas" else frame.row(0)
    return frame, (row, frame[:1], images[0], images[0].reshape(8, 8)), images


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("output", ["default", "pandas", "polars"])
def test_encoding_display_is_silent_where_columns_have_names(
    library, output, monkeypatch
):
    monkeypatch.setattr(EncodingDisplay, "plot", lambda self, ax: self)
    pytest.importorskip(output if output != "default" else library)
    frame, rows, images = named_images(library)
    plain = BinaryAmplitudeEncoder().fit(images)
    expected = EncodingDisplay.from_estimator(plain, images[0])
    first = FunctionTransformer(feature_names_out="one-to-one")
    steps = make_pipeline(first, BinaryAmplitudeEncoder())
    steps.set_output(transform=output).fit(frame)
    for estimator in (BinaryAmplitudeEncoder().fit(frame), steps):
        for row in rows:
            shown = EncodingDisplay.from_estimator(estimator, row)
            np.testing.assert_array_equal(shown.image, images[0].reshape(8, 8))
            np.testing.assert_array_equal(shown.amplitudes, expected.amplitudes)


def test_encoding_display_finds_columns_by_their_names():
    frame, (row, one, *_), images = named_images("pandas")
    right = frame.columns[32:]
    half = make_column_transformer(("passthrough", list(right)))
    steps = make_pipeline(half, BinaryAmplitudeEncoder(image_shape=(4, 8)))
    steps.fit(frame)
    for given in (row, one):
        shown = EncodingDisplay.from_estimator(steps, given)
        np.testing.assert_array_equal(shown.image, images[0, 32:].reshape(4, 8))
    encoder = BinaryAmplitudeEncoder().fit(frame)
    with pytest.raises(ValueError, match="feature names should match"):
        EncodingDisplay.from_estimator(encoder, row[::-1])


@pytest.mark.parametrize("encoding", ["amplitude", "angle"])
def test_circuit_display_takes_rows_as_predict_does(encoding):
    X = np.arange(24).reshape(12, 2) % 7
    classifier = QNNClassifier(encoding=encoding, solver="lbfgs", tol=1e9)
    classifier = classifier.set_params(random_state=0).fit(X, np.arange(12) % 2)
    pd = pytest.importorskip("pandas")
    rows = X[:1], X[:1].tolist(), pd.DataFrame(X[:1]), X[:1].astype(object)
    expected = CircuitDisplay.from_estimator(classifier, X[:1] * 1.0).circuit
    assert all(
        CircuitDisplay.from_estimator(classifier, row).circuit == expected
        for row in rows
    )
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        CircuitDisplay.from_estimator(classifier, X[0])


def test_circuit_display_several_rows_are_refused(iris):
    with pytest.raises(ValueError, match="`X` must have one row to draw, got 2"):
        CircuitDisplay.from_estimator(iris, IRIS[:2])


def test_circuit_display_without_pylatexenc_is_text(monkeypatch):
    def draw(self, output, **options):
        if output == "mpl":
            raise ImportError("pylatexenc")
        return "q_0: some circuit"

    monkeypatch.setattr(QuantumCircuit, "draw", draw)
    display = CircuitDisplay(QuantumCircuit(1), name="one qubit").plot()
    assert display.ax_.texts[0].get_text() == "q_0: some circuit"
    assert display.ax_.get_title() == "one qubit"


def test_circuit_display_folds_long_circuits():
    circuit = QuantumCircuit(2)
    for _ in range(30):
        circuit.rx(1, 0)
        circuit.cx(0, 1)
    width, height = CircuitDisplay(circuit).plot(fold=10).figure_.get_size_inches()
    assert width < 8 < height


def test_circuit_display_cuts_lines_of_equal_length():
    circuit = QuantumCircuit(1)
    angles = ParameterVector("t", 21)  # a gate more than one line of `fold` holds
    for angle in angles:
        circuit.rx(angle, 0)
    left, right = CircuitDisplay(circuit).plot(fold=20).ax_.get_xlim()
    assert right - left < 17  # two lines of half the length, with names and margins


def test_displays_of_one_circuit_count_the_same_angles(iris):
    circuit = CircuitDisplay.from_estimator(iris)
    parameters = ParameterDisplay.from_estimator(iris, IRIS, SPECIES, n_draws=2)
    n = len(iris.theta_)
    assert circuit.ax_.get_title().startswith(f"{n} angles, measured: ")
    assert parameters.ax_.get_title().startswith(f"{n} angles, 0 dead")


def test_shot_noise_display_counts_uncertain_decisions():
    values, std = np.array([0.3, -0.1, 1, -0.5]), np.array([0.1, 0.1, 0.6, 0.1])
    display = ShotNoiseDisplay(values, std, n_std=2).plot()
    assert display.uncertain_.tolist() == [False, True, True, False]
    assert display.ax_.get_title().startswith("2 of 4")
    assert ShotNoiseDisplay(values, std, n_std=4).plot().uncertain_.sum() == 3


def test_shot_noise_display_several_classes_shows_margins():
    values = np.array([[0.0, 2.0, 3.0], [5.0, 1.0, 1.5]])
    std = np.array([[9.0, 0.3, 0.4], [1.0, 9.0, 1.0]])
    display = ShotNoiseDisplay.from_predictions(None, values, std, n_std=2.4)
    assert display.uncertain_.tolist() == [True, False]
    assert display.ax_.get_ylabel() == "margin"


def test_shot_noise_display_of_ten_classes_hides_no_sample():
    rng = np.random.default_rng(0)
    values, y = rng.normal(size=(80, 10)), np.arange(80) % 10
    display = ShotNoiseDisplay.from_predictions(y, values, np.ones((80, 10)))
    display.figure_.canvas.draw()
    legend = display.ax_.get_legend().get_window_extent()
    assert len(display.ax_.get_legend().get_texts()) == 10
    assert not legend.overlaps(display.ax_.get_window_extent())
    assert legend.x1 <= display.figure_.bbox.x1  # and is not cut off itself


def test_shot_noise_display_asks_the_classifier_for_errors(pipeline):
    X, y = DIGITS[ZERO_ONE][:10], DIGIT_LABELS[ZERO_ONE][:10]
    sampled = copy(pipeline[-1]).set_params(backend="aer", shots=500)
    display = ShotNoiseDisplay.from_estimator(
        make_pipeline(pipeline[0], sampled), X, y, n_std=1
    )
    # Of a parity Z...Z with outcomes +1 and -1.
    E = (display.decision_values - sampled.bias_) / sampled.scale_
    std = np.abs(sampled.scale_) * np.sqrt((1 - E**2) / 500)
    np.testing.assert_allclose(display.std, std, rtol=0.01)
    assert len(display.ax_.get_legend().get_texts()) == 2


def test_decision_boundary_display_works():
    classifier = QNNClassifier(encoding="angle", solver="lbfgs", random_state=0)
    classifier.fit(IRIS[:, :2], SPECIES)
    display = DecisionBoundaryDisplay.from_estimator(
        classifier, IRIS[:, :2], grid_resolution=8, response_method="predict_proba"
    )
    assert display.response.shape == (8, 8, 3)


def test_confusion_matrix_display_works(iris):
    display = ConfusionMatrixDisplay.from_estimator(iris, IRIS, SPECIES)
    assert np.trace(display.confusion_matrix) / 150 == iris.score(IRIS, SPECIES)


def test_learning_curve_display_works():
    classifier = QNNClassifier(encoding="angle", solver="lbfgs", random_state=0)
    display = LearningCurveDisplay.from_estimator(
        classifier, IRIS, SPECIES, train_sizes=[0.5, 1.0], cv=2, shuffle=True
    )
    assert display.test_scores.shape == (2, 2)


def test_observable_display_takes_lists_of_words_and_a_scale_of_zero():
    display = ObservableDisplay.from_predictions(list("aab"), [[-0.5], [0], [0.7]])
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["class a", "class b"]
    X, y = [[1, 2, 3, 4], [4, 3, 2, 1]], ["a", "b"]
    model = QNNClassifier(max_iter=2, learning_rate="cosine", random_state=0).fit(X, y)
    model.scale_ = np.zeros(1)
    display = ObservableDisplay.from_estimator(model, X, y)
    assert display.threshold is None


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_training_curve_display_of_changed_settings_keeps_epochs_in_line():
    how = {"tol": 0.5, "max_iter": 3, "n_iter_no_change": 9, "random_state": 0}
    classifier = QNNClassifier(solver="lbfgs", warm_start=True, **how)
    n = classifier.fit(IRIS, SPECIES).n_iter_
    classifier.set_params(solver="adam", early_stopping=True).fit(IRIS, SPECIES)
    display = TrainingCurveDisplay.from_estimator(classifier)
    for line in display.lines_[1:]:
        known = np.isfinite(line.get_ydata())
        assert line.get_xdata()[known].tolist() == [n + 1, n + 2, n + 3]
    assert f"epoch {n + 1 + np.argmax(classifier.validation_scores_[n:])}" in (
        display.axes_[1].get_title(loc="right")
    )


def test_training_curve_display_of_one_epoch_has_one_whole_tick():
    display = TrainingCurveDisplay([0.5]).plot()
    display.figure_.draw_without_rendering()
    low, high = display.ax_.get_xlim()
    assert [t for t in display.ax_.get_xticks() if low <= t <= high] == [1]


@pytest.mark.parametrize(
    "plot, message",
    [
        (
            lambda: ShotNoiseDisplay([0.5, 1], [0.1]).plot(),
            r"`std` must have the shape of the decision values, \(2,\), got \(1,\)",
        ),
        (
            lambda: ShotNoiseDisplay.from_predictions([0], [0.5, 1], [0.1, 0.1]),
            r"`y_true` must have one value for each of the 2 samples, got .* \(1,\)",
        ),
        (
            lambda: ObservableDisplay.from_predictions([0, 1, 1], [[0.5], [0.2]]),
            r"`y_true` must have one value for each of the 2 samples, got .* \(3,\)",
        ),
        (
            lambda: ObservableDisplay.from_predictions([0, 1], [0.5, 0.2]),
            r"`expectations` must have the shape \(n_samples, n_observables\), got",
        ),
        (
            lambda: TrainingCurveDisplay([0.5], validation_scores=[]).plot(),
            r"`validation_scores` must have numbers for some of the 1 epochs .* \[]",
        ),
        (
            lambda: TrainingCurveDisplay([0.5], gradient_norms=[1, 2]).plot(),
            r"`gradient_norms` must have numbers .* got \[1, 2\]; None if there are",
        ),
        (
            lambda: EncodingDisplay.from_estimator(
                BinaryAmplitudeEncoder().fit(DIGITS), DIGITS[:2]
            ),
            r"`image` must be one image of 64 pixels, .* \(8, 8\), got .* \(2, 64\)",
        ),
    ],
)
def test_display_refuses_arrays_that_do_not_fit(plot, message):
    with pytest.raises(ValueError, match=message):
        plot()


def test_displays_take_lists():
    noise = ShotNoiseDisplay([[0.5, 0.1], [0, 1]], [[0.1, 0.1]] * 2, y_true=["a", "b"])
    assert noise.plot().uncertain_.tolist() == [False, False]
    observable = ObservableDisplay([[0.5], [0.2]], ["a", "b"]).plot()
    assert len(observable.axes_) == 1
