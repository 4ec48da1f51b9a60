"""The encoder against hand-made vectors, invariants and scikit-learn's own checks."""

import math
import pickle
import tracemalloc
import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from qiskit.quantum_info import Statevector
from scipy import sparse
from scipy.fft import dctn, idctn
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skqnn import BinaryAmplitudeEncoder, _memory
from skqnn._frequencies import lowest_frequencies
from skqnn._images import Encoding, area_overlaps, encode

IMAGE = [[0, 0.5, 0.25, 1]]
SIN, COS = np.sin(np.pi / 8), np.cos(np.pi / 8)

# One 2 x 2 image, pixel_range (0, 1) unless given: vectors before normalisation.
BY_HAND = [
    ({}, [0, 0.5, 0.25, 1], [0, 0.5, 0.75, 0]),
    ({"black": "full"}, [0, 0.5, 0.25, 1], [1, 0.5, 0.75, 0]),
    ({"black": "none"}, [0, 0.5, 0.25, 1], []),
    ({"edge": (0.25, 0.25)}, [0, 0.5, 0.25, 1], [0, 0, 0.75, 0]),
    ({"edge": (0.0, 0.25)}, [0, 0.5, 0.25, 1], [1, 0, 0.75, 0]),
    ({"edge": (0.3, 0.5)}, [0, 0.5, 0.25, 1], [0, 0.5, 0, 0]),
    ({"normalization": "pixel"}, [0, 0.5**0.5, SIN, 1], [1, 0.5**0.5, COS, 0]),
    ({"threshold": 0.5}, [0, 1, 0, 1], [0, 0, 0, 0]),
    ({"threshold": 0.25, "black": "full"}, [0, 1, 1, 1], [1, 0, 0, 0]),
    ({"threshold": 0.5, "normalization": "pixel"}, [0, 1, 0, 1], [1, 0, 1, 0]),
    ({"pixel_range": (0, 0.5)}, [0, 1, 0.5, 1], [0, 0, 0.5, 0]),
    ({"pixel_range": (-1, 3)}, [0.25, 0.375, 0.3125, 0.5], [0.75, 0.625, 0.6875, 0.5]),
    ({"pixel_range": None}, [0, 0.5, 0.25, 1], [0, 0.5, 0.75, 0]),
    ({"image_size": (1, 2)}, [0.125, 0.75], [0.875, 0.25]),
    ({"image_size": (2, 1)}, [0.25, 0.625], [0.75, 0.375]),
    ({"image_size": (1, 1), "edge": (0, 0)}, [1], [0]),
    ({"image_size": (1, 2), "threshold": 0.5}, [0, 1], [0, 0]),
    ({"image_shape": (1, 4), "image_size": (1, 2)}, [0.25, 0.625], [0.75, 0.375]),
    ({"image_shape": (4, 1)}, [0, 0.5, 0.25, 1], [0, 0.5, 0.75, 0]),
]


@pytest.mark.parametrize("params, white, black", BY_HAND)
def test_transform_2x2_image_equals_hand_calculation(params, white, black):
    encoder = BinaryAmplitudeEncoder(**{"pixel_range": (0, 1)} | params)
    expected = np.array([[*white, *black]], dtype=float)
    expected /= np.linalg.norm(expected)
    assert_allclose(encoder.fit_transform(IMAGE), expected, atol=1e-15)
    assert 2**encoder.n_qubits_ == expected.size


def test_transform_dimmed_image_is_told_apart_only_by_two_channels():
    X = load_digits().data[:100]
    fidelity = {}
    for black in ("none", "edge", "full"):
        encoder = BinaryAmplitudeEncoder(black=black).fit(X)
        overlap = np.sum(encoder.transform(X) * encoder.transform(0.6 * X), axis=1)
        fidelity[black] = np.mean(overlap**2)
    assert_allclose(fidelity["none"], 1, rtol=1e-12)
    assert fidelity["edge"] < 0.9
    assert fidelity["full"] < 0.95


@pytest.mark.parametrize("shape, padded", [((3, 5), (4, 8)), ((5, 2), (8, 2))])
def test_layout_is_channel_then_row_then_column(shape, padded):
    image = np.random.default_rng(0).uniform(0.2, 0.8, shape)
    planes = np.zeros((2, *padded))
    planes[0, : shape[0], : shape[1]] = image
    planes[1, : shape[0], : shape[1]] = 1 - image
    encoder = BinaryAmplitudeEncoder(image_shape=shape, pixel_range=(0, 1))
    amplitudes = encoder.fit_transform([image.ravel()])[0]
    assert_allclose(amplitudes, planes.ravel() / np.linalg.norm(planes))
    assert list(encoder.get_feature_names_out()) == [
        f"{channel}_r{row}_c{column}"
        for channel in ("white", "black")
        for row in range(padded[0])
        for column in range(padded[1])
    ]


def test_layout_channel_is_the_most_significant_qubit():
    encoder = BinaryAmplitudeEncoder(black="full", pixel_range=(0, 1))
    row = encoder.fit_transform(IMAGE)[0]
    top_qubit = Statevector(row).probabilities([encoder.n_qubits_ - 1])
    white, black = 0.25 + 0.0625 + 1, 1 + 0.25 + 0.5625
    assert_allclose(top_qubit, np.array([white, black]) / (white + black))


@pytest.mark.parametrize(
    "n_features, params, image_shape, n_qubits",
    [
        (784, {}, (28, 28), 11),
        (784, {"image_size": (8, 8)}, (28, 28), 7),
        (784, {"image_size": (16, 16), "black": "none"}, (28, 28), 8),
        (5, {}, (1, 5), 4),
        (6, {"image_shape": [2, 3]}, (2, 3), 4),
        (1, {}, (1, 1), 1),
        (1, {"black": "none"}, (1, 1), 1),
        (4, {"image_size": (3, 5)}, (2, 2), 6),
    ],
)
def test_shape_and_number_of_qubits(n_features, params, image_shape, n_qubits):
    X = np.linspace(0, 1, 2 * n_features).reshape(2, n_features)
    encoder = BinaryAmplitudeEncoder(**params).fit(X)
    assert encoder.image_shape_ == image_shape
    assert encoder.image_size_ == params.get("image_size", image_shape)
    assert encoder.n_qubits_ == n_qubits
    assert encoder.transform(X).shape == (2, 2**n_qubits)


def test_transform_pixel_normalization_weighs_all_positions_equally():
    X = np.random.default_rng(0).random((4, 9))
    amplitudes = BinaryAmplitudeEncoder(normalization="pixel").fit_transform(X)
    white, black = np.split(amplitudes, 2, axis=1)
    assert_allclose(white**2 + black**2, np.full((4, 16), 1 / 16))
    assert_array_equal(white.reshape(4, 4, 4)[:, 3], 0)
    assert_array_equal(white.reshape(4, 4, 4)[:, :, 3], 0)


@pytest.mark.parametrize("black", ["edge", "none"])
def test_transform_black_image_becomes_the_zero_state(black):
    encoder = BinaryAmplitudeEncoder(black=black, pixel_range=(0, 255))
    amplitudes = encoder.fit_transform(np.zeros((2, 9)))
    assert_array_equal(amplitudes, np.eye(2**encoder.n_qubits_)[[0, 0]])
    assert_array_equal(encoder.inverse_transform(amplitudes), np.zeros((2, 9)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e-30, 1e-18, 1e-10])
def test_transform_faint_images_keep_unit_norm(scale, dtype):
    X = (scale * np.array([[1.0, 0.5, 0.3, 0.2]])).astype(dtype)
    encoder = BinaryAmplitudeEncoder(black="none", pixel_range=(0, 1))
    assert_allclose(np.sum(encoder.fit_transform(X) ** 2), 1, rtol=1e-6)


@pytest.mark.parametrize("value", [0, -3.5, 1e-320, 1e290, -1e290])
def test_fit_constant_images_are_black(value):
    X = np.full((3, 4), value)
    encoder = BinaryAmplitudeEncoder(black="full")
    assert_array_equal(encoder.fit_transform(X), np.repeat([[0, 0.5]], [4], 1)[[0] * 3])
    assert_array_equal(encoder.inverse_transform(encoder.transform(X + 1)), X)


def test_fit_learns_the_range_of_all_pixels():
    X = np.array([[3, 9], [-2, 4]])
    assert BinaryAmplitudeEncoder().fit(X).pixel_range_ == (-2.0, 9.0)
    assert BinaryAmplitudeEncoder(pixel_range=[0, 5]).fit(X).pixel_range_ == (0.0, 5.0)


# --- resizing


@pytest.mark.parametrize(
    "n_in, n_out, weights",
    [
        (3, 2, [["2/3", "1/3", "0"], ["0", "1/3", "2/3"]]),
        (4, 2, [["1/2", "1/2", "0", "0"], ["0", "0", "1/2", "1/2"]]),
        (2, 3, [["1", "0"], ["1/2", "1/2"], ["0", "1"]]),
        (5, 1, [["1/5"] * 5]),
        (1, 2, [["1"], ["1"]]),
    ],
)
def test_area_overlaps_equal_hand_calculation(n_in, n_out, weights):
    expected = [[Fraction(w) * n_in for w in row] for row in weights]
    assert_array_equal(area_overlaps(n_in, n_out), expected)


def test_resize_3x3_to_2x2_by_hand():
    X = np.arange(9.0).reshape(1, 9)
    encoder = BinaryAmplitudeEncoder(image_size=(2, 2), black="full").fit(X)
    resized = encoder.inverse_transform(encoder.transform(X))
    assert_allclose(resized, [[4 / 3, 8 / 3, 16 / 3, 20 / 3]])


@pytest.mark.parametrize("size", [(14, 14), (7, 4), (2, 28), (1, 1), (28, 28)])
def test_resize_integer_ratio_is_the_mean_of_blocks(size):
    X = np.random.default_rng(0).random((5, 784))
    blocks = X.reshape(5, size[0], 28 // size[0], size[1], 28 // size[1])
    encoder = BinaryAmplitudeEncoder(
        image_size=size, black="full", pixel_range=(0, 1)
    ).fit(X)
    resized = encoder.inverse_transform(encoder.transform(X))
    assert_allclose(resized, blocks.mean(axis=(2, 4)).reshape(5, -1), rtol=1e-12)


@pytest.mark.parametrize("size", [(5, 3), (3, 2), (11, 13), (1, 6)])
def test_resize_keeps_equal_pixels_exactly_equal(size):
    X = np.full((1, 49), 51, dtype=np.uint8)
    params = {"image_size": size, "pixel_range": (0, 255)}
    at_the_edge = BinaryAmplitudeEncoder(edge=(0.2, 0.2), **params).fit(X)
    assert np.count_nonzero(at_the_edge.transform(X)) == 2 * size[0] * size[1]
    white = BinaryAmplitudeEncoder(threshold=0.2, **params).fit(X)
    assert np.count_nonzero(white.transform(X)) == size[0] * size[1]


def test_resize_white_is_not_whiter_than_white():
    encoder = BinaryAmplitudeEncoder(
        normalization="pixel", pixel_range=(0, 0.1), image_size=(1, 1)
    )
    assert_array_equal(encoder.fit_transform(np.full((1, 9), 0.1)), [[1, 0]])


# --- frequencies

FREQUENCIES = {"black": "none", "pixel_range": (0, 1)}


def test_frequencies_equal_the_two_dimensional_cosine_transform():
    X = np.random.default_rng(0).random((5, 24))
    encoder = BinaryAmplitudeEncoder(**FREQUENCIES, image_shape=(4, 6), n_frequencies=9)
    waves = dctn(X.reshape(5, 4, 6), axes=(1, 2), norm="ortho")
    order = [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (0, 3)]
    kept = np.array([waves[:, r, c] for r, c in order]).T
    expected = kept / np.linalg.norm(kept, axis=1, keepdims=True)
    amplitudes = encoder.fit_transform(X)
    assert encoder.n_qubits_ == 4
    assert_allclose(amplitudes[:, :9], expected, atol=1e-15)
    assert_array_equal(amplitudes[:, 9:], 0)
    names = [f"frequency_r{r}_c{c}" for r, c in order]
    names += [f"padding_{k}" for k in range(9, 16)]
    assert list(encoder.get_feature_names_out()) == names


def test_emphasis_raises_high_frequencies_and_is_taken_back():
    X = load_digits().data[:50]
    X[:, 0] = 16
    options = {"black": "none", "n_frequencies": 64}
    plain = BinaryAmplitudeEncoder(**options).fit_transform(X)
    encoder = BinaryAmplitudeEncoder(**options, emphasis=0.5).fit(X)
    amplitudes = encoder.transform(X)
    rows, columns = lowest_frequencies((8, 8), 64)
    expected = plain * np.sqrt(1 + rows + columns)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert_allclose(amplitudes, expected, atol=1e-15)
    assert_allclose(encoder.inverse_transform(amplitudes), X, atol=1e-12)


@pytest.mark.parametrize("n_frequencies, n_qubits", [(1, 1), (2, 1), (32, 5), (33, 6)])
def test_frequencies_set_the_number_of_qubits(n_frequencies, n_qubits):
    X = load_digits().data
    encoder = BinaryAmplitudeEncoder(black="none", n_frequencies=n_frequencies)
    assert encoder.fit_transform(X).shape == (len(X), 2**n_qubits)


def test_frequencies_come_after_resizing_and_threshold():
    X = np.random.default_rng(0).random((3, 36))
    first = {"image_size": (3, 3), "threshold": 0.5}
    pixels = BinaryAmplitudeEncoder(**FREQUENCIES, **first).fit(X)
    binary = pixels.inverse_transform(pixels.transform(X))
    both = BinaryAmplitudeEncoder(**FREQUENCIES, **first, n_frequencies=4)
    after = BinaryAmplitudeEncoder(**FREQUENCIES, n_frequencies=4)
    assert_allclose(both.fit_transform(X), after.fit_transform(binary), atol=1e-15)


def test_inverse_transform_of_frequencies_is_the_least_squares_image():
    images = load_digits().data[:20].reshape(20, 8, 8)
    encoder = BinaryAmplitudeEncoder(black="none", n_frequencies=21)
    amplitudes = encoder.fit_transform(images.reshape(20, 64))
    # All images of these frequencies are combinations of the waves of each of them.
    kept = zip(*lowest_frequencies((8, 8), 21), strict=True)
    one = np.eye(64).reshape(64, 8, 8)
    waves = np.array([idctn(one[8 * r + c], norm="ortho").ravel() for r, c in kept])
    fit, *_ = np.linalg.lstsq(waves.T, images.reshape(20, 64).T)
    nearest = (waves.T @ fit).T
    nearest *= 16 / nearest.max(axis=1, keepdims=True)  # the brightest is white
    back = encoder.inverse_transform(amplitudes)
    assert_allclose(back, np.clip(nearest, 0, 16), atol=1e-12)


@pytest.mark.parametrize("shape", [(8, 8), (4, 16), (64, 1)])
@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 1e-4)])
def test_inverse_transform_of_all_frequencies_is_exact(shape, dtype, tolerance):
    X = load_digits().data.astype(dtype)
    X[:, 0] = 16  # with a white pixel the brightness is known
    encoder = BinaryAmplitudeEncoder(
        black="none", image_shape=shape, n_frequencies=64
    ).fit(X)
    amplitudes = encoder.transform(X)
    assert amplitudes.dtype == dtype
    assert_allclose(encoder.inverse_transform(amplitudes), X, atol=tolerance)


def test_frequencies_of_uniform_images_are_the_first_state():
    X = np.array([[0.0] * 9, [0.7] * 9])
    encoder = BinaryAmplitudeEncoder(**FREQUENCIES, n_frequencies=8)
    amplitudes = encoder.fit_transform(X)
    assert_allclose(amplitudes, np.eye(8)[[0, 0]], atol=1e-15)
    assert_allclose(encoder.inverse_transform(amplitudes), np.ones((2, 9)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_frequencies_of_one_white_pixel_are_not_taken_for_a_black_image(shape, dtype):
    n_pixels = math.prod(shape)
    X = np.eye(n_pixels, dtype=dtype)
    encoder = BinaryAmplitudeEncoder(
        **FREQUENCIES, image_shape=shape, n_frequencies=n_pixels
    ).fit(X)
    back = encoder.inverse_transform(encoder.transform(X))
    assert_allclose(back, X, atol=1e-6)


def test_frequencies_of_a_long_row_need_little_memory():
    X = np.random.default_rng(0).random((20, 30_000))
    encoder = BinaryAmplitudeEncoder(
        black="none", image_shape=(1, 30_000), n_frequencies=16
    ).fit(X)
    tracemalloc.start()
    encoder.transform(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * 2**20


# --- input and output types


@pytest.mark.parametrize(
    "given_dtype, dtype, expected",
    [
        ("float64", "float64", "float64"),
        ("float64", "float32", "float32"),
        ("float32", "float64", "float32"),
        ("float32", "float32", "float32"),
        ("float16", "float64", "float64"),
        ("uint8", "float64", "float64"),
        ("uint8", "float32", "float32"),
        ("int64", "float32", "float32"),
        ("bool", "float64", "float64"),
        ("object", "float64", "float64"),
    ],
)
@pytest.mark.parametrize("normalization", ["image", "pixel"])
def test_transform_dtype(given_dtype, dtype, expected, normalization):
    X = np.random.default_rng(0).integers(0, 2, (7, 9)).astype(given_dtype)
    encoder = BinaryAmplitudeEncoder(dtype=dtype, normalization=normalization)
    amplitudes = encoder.fit_transform(X)
    reference = clone(encoder).set_params(dtype="float64").fit_transform(X.astype(int))
    assert amplitudes.dtype == expected
    assert encoder.inverse_transform(amplitudes).dtype == expected
    assert_allclose(amplitudes, reference, rtol=1e-6, atol=1e-7)


def test_transform_float32_images_of_a_range_beyond_float32():
    encoder = BinaryAmplitudeEncoder(black="full", pixel_range=(0, 1e300))
    amplitudes = encoder.fit_transform(np.float32(IMAGE))
    assert_array_equal(amplitudes, np.float32([[0, 0, 0, 0, 0.5, 0.5, 0.5, 0.5]]))
    assert_array_equal(encoder.inverse_transform(amplitudes), np.zeros((1, 4)))


def test_transform_integers_of_a_large_offset_in_float32():
    X = 2**40 + np.array([[0, 1, 2, 4]])
    encoder = BinaryAmplitudeEncoder(dtype="float32", black="none")
    assert_allclose(encoder.fit_transform(X) ** 2 * 21, [[0, 1, 4, 16]], rtol=1e-6)


@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "lil"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("container", ["array", "matrix"])
@pytest.mark.parametrize("params", [{}, {"black": "none", "n_frequencies": 60}])
def test_transform_sparse_equals_dense(layout, dtype, container, params):
    X = np.random.default_rng(0).integers(0, 9, (300, 900)).astype(dtype)
    X[X < 6] = 0
    X[5] = 0
    X_sparse = getattr(sparse, f"{layout}_{container}")(X)
    dense, encoder = BinaryAmplitudeEncoder(**params), BinaryAmplitudeEncoder(**params)
    assert_array_equal(encoder.fit_transform(X_sparse), dense.fit_transform(X))
    assert encoder.pixel_range_ == dense.pixel_range_ == (0.0, 8.0)


def test_set_output_pandas_keeps_the_index():
    X = pd.DataFrame(IMAGE * 2, columns=list("abcd"), index=["x", "y"])
    encoder = BinaryAmplitudeEncoder().set_output(transform="pandas")
    amplitudes = encoder.fit_transform(X)
    assert list(amplitudes.index) == ["x", "y"]
    assert list(amplitudes.columns) == list(encoder.get_feature_names_out())
    assert list(encoder.feature_names_in_) == list("abcd")
    assert_allclose(encoder.inverse_transform(amplitudes), X)


def test_set_output_polars():
    X = pl.DataFrame(np.array(IMAGE), schema=list("abcd"))
    encoder = BinaryAmplitudeEncoder().set_output(transform="polars")
    amplitudes = encoder.fit_transform(X)
    assert amplitudes.columns == list(encoder.get_feature_names_out())
    assert_array_equal(
        amplitudes.to_numpy(), BinaryAmplitudeEncoder().fit_transform(IMAGE)
    )


@pytest.mark.parametrize("order", ["C", "F"])
def test_transform_leaves_its_input_alone(order):
    X = np.array(IMAGE * 3, order=order)
    X.setflags(write=False)
    encoder = BinaryAmplitudeEncoder(image_size=(1, 2), threshold=0.5).fit(X)
    amplitudes = encoder.transform(X)
    assert_allclose(amplitudes, [[0, 1, 0, 0]] * 3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("params", [{}, {"black": "none", "n_frequencies": 32}])
def test_transform_does_not_depend_on_the_memory_layout(dtype, params):
    X = np.random.default_rng(0).random((20, 784)).astype(dtype)
    encoder = BinaryAmplitudeEncoder(**params).fit(X)
    amplitudes = encoder.transform(X)
    assert_array_equal(encoder.transform(np.asfortranarray(X)), amplitudes)
    squares = np.sum(amplitudes.astype(float) ** 2, axis=1)
    assert_allclose(squares, 1, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("params", [{}, {"black": "none", "n_frequencies": 784}])
def test_transform_holds_little_beyond_its_output(params):
    X = np.random.default_rng(0).integers(0, 256, (2000, 784), dtype=np.uint8)
    encoder = BinaryAmplitudeEncoder(**params).fit(X)
    tracemalloc.start()
    amplitudes = encoder.transform(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - amplitudes.nbytes < 4 * 2**20


def test_encode_without_out_equals_transform():
    X = np.random.default_rng(0).random((3, 12))
    encoding = Encoding((0, 1), (3, 4), (3, 4))
    encoder = BinaryAmplitudeEncoder(pixel_range=(0, 1), image_shape=(3, 4))
    assert_array_equal(encode(X, encoding), encoder.fit_transform(X))


# --- inverse

BY_HAND_INVERSE = [
    # No pixel in the edge: the brightest one is taken to be white.
    ({}, [[0, 0.1, 0.05, 0.1]], [[0, 1, 0.5, 1]]),
    ({"black": "none"}, [[0, 0.5, 0.25, 0.5]], [[0, 1, 0.5, 1]]),
    # One pixel in the edge tells the brightness of all.
    ({}, [[0.9, 0.1, 0.5, 0]], [[0.9, 0.1, 0.5, 0]]),
    ({"edge": (0, 0)}, [[0.9, 0.1, 0.5, 0]], [[0.9, 0.1, 0.5, 0]]),
    ({"black": "full"}, [[0.1] * 4], [[0.1] * 4]),
    ({"black": "full"}, [[1.0] * 4], [[1.0] * 4]),
    ({"black": "full"}, [[1.0]], [[1.0]]),
    ({"edge": (0, 1)}, [[1.0]], [[1.0]]),
    ({"black": "full"}, [[0.0] * 4], [[0.0] * 4]),
    ({"normalization": "pixel"}, [[0, 0.1, 0.05, 1]], [[0, 0.1, 0.05, 1]]),
    # |0...0> is the black image.
    ({}, [[0.0] * 4], [[0.0] * 4]),
    ({}, [[1.0, 0, 0, 0]], [[0.0] * 4]),
    ({}, [[0, 1.0, 0, 0]], [[0, 1.0, 0, 0]]),
    # Clipping and binarising stay.
    ({"black": "full"}, [[-1, 0.5, 2, 1]], [[0, 0.5, 1, 1]]),
    ({"threshold": 0.5}, [[0.2, 0.5, 0.8, 0.4]], [[0, 1, 1, 0]]),
]


@pytest.mark.parametrize("params, X, expected", BY_HAND_INVERSE)
def test_inverse_transform_equals_hand_calculation(params, X, expected):
    encoder = BinaryAmplitudeEncoder(pixel_range=(0, 1), **params).fit(X)
    images = encoder.inverse_transform(encoder.transform(X))
    assert_allclose(images, expected, rtol=0, atol=1e-15)


def test_inverse_transform_digits_is_exact():
    X = load_digits().data
    encoder = BinaryAmplitudeEncoder().fit(X)
    assert_allclose(encoder.inverse_transform(encoder.transform(X)), X, atol=1e-12)


def test_inverse_transform_stays_in_the_pixel_range():
    X = [[-1.009618183538736, -0.20917557487171307]]
    encoder = BinaryAmplitudeEncoder(black="full").fit(X)
    assert_array_equal(encoder.inverse_transform(encoder.transform(X)), X)


@pytest.mark.parametrize("black", ["edge", "full", "none"])
def test_inverse_transform_reads_empty_rows_as_black(black):
    encoder = BinaryAmplitudeEncoder(black=black, pixel_range=(-1, 1)).fit(IMAGE)
    rows = np.zeros((2, 2**encoder.n_qubits_))
    assert_array_equal(encoder.inverse_transform(rows), -np.ones((2, 4)))


def test_inverse_transform_refuses_another_number_of_columns():
    encoder = BinaryAmplitudeEncoder().fit(IMAGE)
    with pytest.raises(ValueError, match=r"must have 8 columns .* got 4\."):
        encoder.inverse_transform(IMAGE)


# --- invariants

INVARIANTS = settings(derandomize=True, deadline=None, max_examples=60)
SHAPES = st.tuples(st.integers(1, 6), st.integers(1, 6))


@st.composite
def encoders_and_images(draw, **fixed):
    """Draw a fitted encoder and images, some pixels outside its range."""
    shape, n_samples = draw(SHAPES), draw(st.integers(1, 5))
    edge = draw(st.tuples(st.floats(0, 1), st.floats(0, 1)))
    normalization = draw(st.sampled_from(["image", "pixel"]))
    two_channels = ["edge", "full"]
    params = {
        "black": draw(
            st.sampled_from(two_channels + ["none"] * (normalization == "image"))
        ),
        "edge": (min(edge), max(edge)),
        "normalization": normalization,
        "threshold": draw(st.none() | st.floats(0, 1)),
        "pixel_range": draw(st.sampled_from([None, (0, 1), (-3.5, 7)])),
        "image_shape": shape,
        "image_size": draw(st.none() | SHAPES),
    } | fixed
    if params["black"] == "none":
        n_pixels = math.prod(params["image_size"] or shape)
        params["n_frequencies"] = draw(st.none() | st.integers(1, n_pixels))
    if params.get("n_frequencies"):
        params["emphasis"] = draw(st.floats(0, 2))
    pixels = st.floats(-10, 10, width=32)
    X = draw(arrays(float, (n_samples, shape[0] * shape[1]), elements=pixels))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`pixel_range` should span")
        return BinaryAmplitudeEncoder(**params).fit(X), X


@INVARIANTS
@given(encoders_and_images())
def test_transform_rows_are_nonnegative_and_of_unit_norm(drawn):
    encoder, X = drawn
    amplitudes = encoder.transform(X)
    assert amplitudes.min() >= 0 or encoder.n_frequencies
    assert_allclose(np.sum(amplitudes**2, axis=1), 1, rtol=1e-12)


@INVARIANTS
@given(encoders_and_images(), st.randoms(use_true_random=False))
def test_transform_commutes_with_permutations_of_samples(drawn, random):
    encoder, X = drawn
    order = random.sample(range(len(X)), len(X))
    assert_array_equal(encoder.transform(X)[order], encoder.transform(X[order]))


@INVARIANTS
@given(encoders_and_images())
def test_transform_clips_to_the_pixel_range(drawn):
    encoder, X = drawn
    clipped = np.clip(X, *encoder.pixel_range_)
    assert_array_equal(encoder.transform(X), encoder.transform(clipped))


@INVARIANTS
@given(encoders_and_images(black="full", threshold=None, image_size=None))
def test_inverse_transform_is_exact_with_full_black_or_pixel_normalization(drawn):
    encoder, X = drawn
    images = encoder.inverse_transform(encoder.transform(X))
    expected = np.clip(X, *encoder.pixel_range_)
    assert_allclose(images, expected, rtol=0, atol=1e-12 * max(1, np.ptp(X)))


@INVARIANTS
@given(
    arrays(float, (3, 6), elements=st.floats(0, 1)),
    st.floats(0.125, 0.875),
    st.integers(0, 5),
)
def test_inverse_transform_is_exact_with_one_grey_pixel(X, grey, position):
    X[:, position] = grey
    encoder = BinaryAmplitudeEncoder(pixel_range=(0, 1)).fit(X)
    images = encoder.inverse_transform(encoder.transform(X))
    assert_allclose(images, X, rtol=0, atol=1e-12)


@INVARIANTS
@given(encoders_and_images(threshold=0.5, image_size=None, pixel_range=(0, 1)))
def test_transform_of_binarised_images_changes_nothing(drawn):
    encoder, X = drawn
    binary = (X >= 0.5).astype(float)
    assert_array_equal(encoder.transform(binary), encoder.transform(X))


# --- errors

ERRORS = [
    ({"black": "grey"}, ValueError, r"`black` must be one of \['edge', 'full'"),
    ({"black": None}, TypeError, "`black` must be one of"),
    ({"normalization": "l2"}, ValueError, "`normalization` must be one of .'image'"),
    ({"normalization": 1}, TypeError, "`normalization` must be one of"),
    ({"dtype": "float16"}, ValueError, "`dtype` must be one of .'float64', 'float32'"),
    ({"dtype": np.float32}, TypeError, "`dtype` must be one of"),
    ({"black": "none", "normalization": "pixel"}, ValueError, "`black` must be 'edge'"),
    ({"edge": None}, TypeError, r"`edge` must be a pair \(low, high\)"),
    ({"edge": 0.5}, TypeError, r"`edge` must be .*, got 0\.5\."),
    ({"edge": (0.5,)}, ValueError, "`edge` must be"),
    ({"edge": ("0", "1")}, TypeError, "`edge` must be"),
    ({"edge": (False, True)}, TypeError, "`edge` must be"),
    ({"edge": (0.6, 0.4)}, ValueError, "`edge` must be"),
    ({"edge": (-0.1, 0.4)}, ValueError, "`edge` must be"),
    ({"edge": (0.1, np.nan)}, ValueError, "`edge` must be"),
    ({"threshold": 1.5}, ValueError, "`threshold` must be a number from 0 to 1"),
    ({"threshold": np.nan}, ValueError, "`threshold` must be"),
    ({"threshold": True}, TypeError, "`threshold` must be"),
    ({"threshold": "0.5"}, TypeError, "`threshold` must be"),
    ({"pixel_range": (255, 0)}, ValueError, "`pixel_range` must be a pair"),
    ({"pixel_range": (1, 1)}, ValueError, "`pixel_range` must be"),
    ({"pixel_range": (0, np.inf)}, ValueError, "`pixel_range` must be"),
    ({"pixel_range": (0, 1, 2)}, ValueError, "`pixel_range` must be"),
    ({"pixel_range": "01"}, TypeError, "`pixel_range` must be"),
    ({"pixel_range": (0, 1e308)}, ValueError, "must be summable in float64"),
    ({"image_shape": (2, 3)}, ValueError, "must hold the 4 features of X, got"),
    ({"image_shape": (-2, -2)}, ValueError, "`image_shape` must be a pair"),
    ({"image_shape": (2.0, 2.0)}, TypeError, "`image_shape` must be"),
    ({"image_shape": 4}, TypeError, "`image_shape` must be"),
    ({"image_size": (0, 2)}, ValueError, "`image_size` must be a pair"),
    ({"image_size": 4}, TypeError, r"`image_size`.* got 4; write \(4, 4\)"),
    ({"image_size": True}, TypeError, r"`image_size`.* got True\.$"),
    ({"image_shape": (8, 8, 3)}, ValueError, r"`image_shape`.* grey first.*axis=-1"),
    ({"threshold": 8}, ValueError, "`threshold`.* got 8; it is a share of the way"),
    ({"image_size": (True, 2)}, TypeError, "`image_size` must be"),
    ({"image_size": (1, 2, 3)}, ValueError, "`image_size` must be"),
    ({"n_frequencies": 0}, ValueError, "`n_frequencies` must be a positive integer"),
    ({"n_frequencies": 4.0}, TypeError, "`n_frequencies` must be"),
    ({"n_frequencies": True}, TypeError, "`n_frequencies` must be"),
    ({"emphasis": 0.5}, ValueError, "`emphasis` must be 0 without `n_frequencies`"),
    ({"emphasis": -1}, ValueError, "`emphasis` must be a number from 0 to 2, got -1"),
    ({"emphasis": np.nan}, ValueError, "`emphasis` must be"),
    ({"emphasis": None}, TypeError, "`emphasis` must be"),
    ({"n_frequencies": 2}, ValueError, "`black` must be 'none' with `n_frequencies`"),
    (FREQUENCIES | {"n_frequencies": 5}, ValueError, "at most 4, .* got 5"),
    (
        FREQUENCIES | {"n_frequencies": 3, "image_size": (1, 2)},
        ValueError,
        "at most 2, the number of pixels of 1 x 2 images, got 3",
    ),
    (
        {"black": "full", "normalization": "pixel", "n_frequencies": 2},
        ValueError,
        "`black` must be 'none' with `n_frequencies`",
    ),
]


@pytest.mark.parametrize("params, error, message", ERRORS)
def test_fit_refuses_wrong_parameters(params, error, message):
    encoder = BinaryAmplitudeEncoder(**params)
    with pytest.raises(error, match=message):
        encoder.fit(IMAGE)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("as_given", [np.asarray, sparse.csr_array])
def test_transform_refuses_nan_and_infinity(value, as_given):
    X = np.array(IMAGE)
    encoder = BinaryAmplitudeEncoder().fit(X)
    X[0, 1] = value
    for method in (encoder.fit, encoder.transform):
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            method(as_given(X))


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_unfitted_encoder_says_so(method):
    with pytest.raises(NotFittedError):
        getattr(BinaryAmplitudeEncoder(), method)(IMAGE)


# --- scikit-learn


@parametrize_with_checks(
    [
        BinaryAmplitudeEncoder(),
        BinaryAmplitudeEncoder(black="none", threshold=0.5),
        BinaryAmplitudeEncoder(normalization="pixel", dtype="float32"),
        BinaryAmplitudeEncoder(black="full", image_size=(2, 3)),
        BinaryAmplitudeEncoder(
            black="none", image_size=(4, 4), n_frequencies=5, emphasis=0.5
        ),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_pickle_and_clone_keep_the_encoding():
    X = load_digits().data[:20]
    encoder = BinaryAmplitudeEncoder(image_size=(3, 5), threshold=0.4).fit(X)
    expected = encoder.transform(X)
    restored = pickle.loads(pickle.dumps(encoder))
    assert_array_equal(restored.transform(X), expected)
    assert_array_equal(clone(encoder).fit_transform(X), expected)


def test_grid_search_in_a_pipeline():
    X, y = load_digits(n_class=2, return_X_y=True)
    model = make_pipeline(BinaryAmplitudeEncoder(), LogisticRegression())
    grid = {"binaryamplitudeencoder__normalization": ["image", "pixel"]}
    assert GridSearchCV(model, grid, cv=3).fit(X, y).best_score_ > 0.98


def test_categories_of_numbers_are_numbers():
    pandas = pytest.importorskip("pandas")
    numbers = pandas.DataFrame({"a": [0, 1, 1, 0], "b": [1, 0, 1, 1]})
    frame = numbers.astype("category")
    for encoder in (BinaryAmplitudeEncoder(), BinaryAmplitudeEncoder(threshold=0.5)):
        expected = encoder.fit_transform(numbers)
        np.testing.assert_array_equal(encoder.fit(frame).transform(frame), expected)
    words = pandas.DataFrame({"a": ["x", "y"]}).astype("category")
    with pytest.raises(ValueError, match="could not convert string to float"):
        BinaryAmplitudeEncoder().fit(words)


@pytest.mark.parametrize(
    "n_columns, hint", [(785, "no pixel"), (3 * 8**2, "three of 8 x 8")]
)
@pytest.mark.parametrize(
    "options, what",
    [
        ({"image_size": (4, 4)}, "`image_size` averages over areas, but"),
        ({"n_frequencies": 4, "black": "none"}, "`n_frequencies` counts waves .*, but"),
    ],
)
def test_changing_what_is_no_square_is_warned_about(n_columns, hint, options, what):
    X = np.random.default_rng(0).uniform(size=(3, n_columns))
    words = f"{what} {n_columns} columns are no square .*{hint}"
    with pytest.warns(UserWarning, match=words) as caught:
        BinaryAmplitudeEncoder(**options).fit(X)
    assert [warning.filename for warning in caught] == [__file__]
    shape = (5, n_columns // 5) if n_columns == 785 else (3, n_columns // 3)
    BinaryAmplitudeEncoder(**options, image_shape=shape).fit(X)
    BinaryAmplitudeEncoder(**options, image_shape=(1, n_columns)).fit(X)
    BinaryAmplitudeEncoder().fit(X)


DIGITS = load_digits().data
GREY = np.random.default_rng(0).uniform(size=(20, 64))


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize(
    "X, pixel_range, words",
    [
        (DIGITS, (0, 255), r"from 0 to 16, got \(0, 255\): they use 6 % .* hardly"),
        (DIGITS / 16, (0, 255), r"from 0 to 1, .* they use 0.4 % .* hardly differ"),
        (DIGITS, (0, 1), r"from 0 to 16, .* become black or white.* set \(0, 16\)"),
        (DIGITS * 16 - 1, (0, 1), r"from -1 to 255, .* become black or white"),
        (GREY + 1, (0, 1), r"use 0 % .* Leave pixel_range=None"),
        (GREY, (1, 2), "use 0 % of it"),
    ],
)
def test_range_that_does_not_fit_is_warned_about(X, pixel_range, words, kind):
    encoder = BinaryAmplitudeEncoder(pixel_range=pixel_range)
    with pytest.warns(
        UserWarning, match=f"`pixel_range` should span .*{words}"
    ) as all_:
        encoder.fit(kind(X))
    assert [warning.filename for warning in all_] == [__file__]
    encoder.transform(kind(X[:3]))  # warnings are errors here


@pytest.mark.parametrize(
    "X, pixel_range",
    [
        (DIGITS, (0, 16)),
        (DIGITS, None),
        (DIGITS * 15.9375, (0, 255)),
        (DIGITS * 15.9375, (0, 128)),  # more contrast
        (GREY, (0, 1)),
        (GREY, (0.4, 0.6)),
        (GREY - 0.5, (0, 1)),
        (GREY > 0.5, (0, 1)),
        (255.0 * (GREY > 0.5), (0, 1)),  # black and white stay black and white
        (2.0 * (GREY > 0.5) - 1, (0, 1)),
        (np.zeros((3, 64)), (0, 255)),
        (np.ones((3, 64)), (0, 255)),
        (np.array([[0.0, 1.0]]), (0, 255)),  # too few to tell
    ],
)
def test_range_that_fits_is_not_warned_about(X, pixel_range):
    BinaryAmplitudeEncoder(pixel_range=pixel_range).fit(X)  # warnings are errors here


def test_images_that_do_not_fit_into_memory_are_refused_by_fit(monkeypatch):
    encoder = BinaryAmplitudeEncoder(image_size=(2**20, 2**20))
    with pytest.raises(MemoryError, match=r"of 41 qubits .* smaller `image_size`"):
        encoder.fit(IMAGE)
    encoder.set_params(image_size=(1024, 1024)).fit(IMAGE)
    monkeypatch.setattr(_memory, "memory_limit", lambda: 2**26)
    with pytest.raises(MemoryError, match=r"of 21 qubits .* smaller `image_size`"):
        encoder.get_feature_names_out()
