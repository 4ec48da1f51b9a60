"""Data that stay on disk: memory-mapped chunks give what all rows at once give."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import gen_batches

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

BATCH, CHUNK = 32, 64  # a chunk holds whole batches, only the last one is shorter


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory):
    """Pixels of 250 digits as a read-only memory map, and their labels."""
    X, y = load_digits(n_class=3, return_X_y=True)
    path = tmp_path_factory.mktemp("digits") / "pixels.npy"
    np.save(path, X[:250].astype(np.uint8))
    return np.load(path, mmap_mode="r"), y[:250]


@pytest.fixture(scope="module")
def encoder():
    # With a given range, one image is enough to fit on.
    return BinaryAmplitudeEncoder(
        pixel_range=(0, 16), image_size=(4, 4), dtype="float32"
    ).fit(np.zeros((1, 64)))


def chunks(n_samples):
    return gen_batches(n_samples, CHUNK)


def stream(model, encoder, X, y, n_epochs):
    for _ in range(n_epochs):
        for rows in chunks(len(X)):
            states = encoder.transform(X[rows])
            model.partial_fit(states, y[rows], classes=np.unique(y))
    return model


def fit_at_once(model, X, y):
    with pytest.warns(ConvergenceWarning):
        return model.fit(X, y)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("n_epochs", [1, 2])
def test_partial_fit_over_chunks_is_fit_in_the_same_order(
    on_disk, encoder, solver, n_epochs
):
    X, y = on_disk
    options = {"batch_size": BATCH, "shuffle": False, "random_state": 0}
    streamed = QNNClassifier(solver=solver, **options)
    at_once = QNNClassifier(solver=solver, max_iter=n_epochs, **options)
    stream(streamed, encoder, X, y, n_epochs)
    fit_at_once(at_once, encoder.transform(X), y)
    assert_array_equal(streamed.theta_, at_once.theta_)
    assert_array_equal(streamed.scale_, at_once.scale_)
    assert_array_equal(streamed.bias_, at_once.bias_)


def test_losses_of_chunks_average_to_the_loss_of_the_epoch(on_disk, encoder):
    X, y = on_disk
    options = {"batch_size": BATCH, "shuffle": False, "random_state": 0}
    streamed = stream(QNNClassifier(**options), encoder, X, y, 1)
    at_once = fit_at_once(QNNClassifier(max_iter=1, **options), encoder.transform(X), y)
    sizes = [rows.stop - rows.start for rows in chunks(len(X))]
    mean = np.average(streamed.loss_curve_, weights=sizes)
    assert mean == pytest.approx(at_once.loss_, rel=1e-12)


def test_chunks_of_another_size_are_other_mini_batches(on_disk, encoder):
    X, y = on_disk
    states = encoder.transform(X)
    options = {"batch_size": BATCH, "shuffle": False, "random_state": 0}
    whole = QNNClassifier(**options).partial_fit(states, y, classes=[0, 1, 2])
    halves = QNNClassifier(**options)
    for rows in gen_batches(len(X), BATCH // 2):
        halves.partial_fit(states[rows], y[rows], classes=[0, 1, 2])
    assert not np.array_equal(whole.theta_, halves.theta_)


def test_fit_and_predict_take_memory_mapped_states(on_disk, encoder, tmp_path):
    X, y = on_disk
    states = encoder.transform(X)
    np.save(tmp_path / "states.npy", states)
    mapped = np.load(tmp_path / "states.npy", mmap_mode="r")
    options = {"max_iter": 2, "batch_size": BATCH, "random_state": 0}
    model = fit_at_once(QNNClassifier(**options), mapped, y)
    expected = fit_at_once(QNNClassifier(**options), states, y)
    assert_array_equal(model.theta_, expected.theta_)
    assert_array_equal(
        model.decision_function(mapped), expected.decision_function(states)
    )


def test_scores_of_chunks_are_the_scores_of_all_rows(on_disk, encoder):
    X, y = on_disk
    model = stream(QNNClassifier(random_state=0), encoder, X, y, 1)
    parts = [
        model.decision_function(encoder.transform(X[rows])) for rows in chunks(len(X))
    ]
    expected = model.decision_function(encoder.transform(X))
    np.testing.assert_allclose(np.concatenate(parts), expected, atol=1e-6)


def test_memory_is_that_of_a_chunk_however_long_the_file(tmp_path):
    n_samples, chunk = 16_000, 1_000
    rng = np.random.default_rng(0)
    np.save(tmp_path / "long.npy", rng.integers(17, size=(n_samples, 64), dtype="u1"))
    X = np.load(tmp_path / "long.npy", mmap_mode="r")
    y = np.arange(n_samples) % 2
    encoder = BinaryAmplitudeEncoder(pixel_range=(0, 16), dtype="float32").fit(X[:1])
    first = encoder.transform(X[:chunk])  # loads Numba's kernels, which are kept
    QNNClassifier(random_state=0).partial_fit(first, y[:chunk], classes=[0, 1])
    model = QNNClassifier(random_state=0)
    tracemalloc.start()
    try:
        for rows in gen_batches(n_samples, chunk):
            model.partial_fit(encoder.transform(X[rows]), y[rows], classes=[0, 1])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    all_states = n_samples * 2**encoder.n_qubits_ * 4
    assert peak < all_states / 2
