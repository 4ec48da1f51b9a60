"""Rows as amplitudes: padded, normalised, and left alone where nothing is to do."""

import numpy as np
import pytest

from skqnn._circuits.model import n_amplitude_qubits
from skqnn._circuits.preparation import unit_tolerance
from skqnn._engine.states import amplitude_rows, constant_amplitude


@pytest.mark.parametrize(
    "n_features, n_qubits",
    [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (784, 10), (2048, 11), (2049, 12)],
)
def test_n_amplitude_qubits(n_features, n_qubits):
    assert n_amplitude_qubits(n_features) == n_qubits


ROWS = [  # row, n_qubits, state
    ([3.0, 4.0], 1, [0.6, 0.8]),
    ([3.0, 0.0, -4.0], 2, [0.6, 0.0, -0.8, 0.0]),
    ([3.0, 4.0], 2, [0.6, 0.8, 0.0, 0.0]),
    ([0.0, 0.0, 0.0], 2, [1.0, 0.0, 0.0, 0.0]),
    ([3e-300, 4e-300], 1, [0.6, 0.8]),
    ([3e-320, -4e-320], 1, [0.6, -0.8]),
    ([3e300, 4e300], 1, [0.6, 0.8]),
]


@pytest.mark.parametrize("row, n_qubits, state", ROWS)
def test_amplitude_rows_by_hand(row, n_qubits, state):
    # The second row must not change what becomes of the first.
    X = np.array([row, np.ones(len(row))])
    rows = amplitude_rows(X, n_qubits)
    np.testing.assert_allclose(rows[0], state, rtol=1e-3 if row[0] == 3e-320 else 1e-14)
    assert rows.shape == (2, 2**n_qubits)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_amplitude_rows_of_unit_norm_in_the_same_dtype(dtype):
    rng = np.random.default_rng(0)
    rows = amplitude_rows(rng.normal(size=(50, 700)).astype(dtype), 10)
    assert rows.dtype == dtype
    norms = np.linalg.norm(rows.astype(float), axis=1)
    np.testing.assert_allclose(norms, 1, atol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_amplitude_rows_states_are_returned_as_the_same_object(dtype):
    rng = np.random.default_rng(0)
    states = amplitude_rows(rng.normal(size=(50, 100)).astype(dtype), 7)
    assert amplitude_rows(states, 7) is states


@pytest.mark.parametrize("dtype, off", [(np.float32, 1e-4), (np.float64, 1e-10)])
def test_amplitude_rows_not_quite_unit_norm_is_normalised(dtype, off):
    X = np.array([[1 + off, 0]], dtype=dtype)
    np.testing.assert_array_equal(amplitude_rows(X, 1), [[1, 0]])
    assert X[0, 0] == dtype(1 + off)  # the input is left alone


def unit_rows(dtype, n_columns=64):
    rows = np.random.default_rng(1).normal(size=(30, n_columns))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(dtype)


@pytest.mark.parametrize("made_in", [np.float32, np.float64])
@pytest.mark.parametrize("given_in", [np.float32, np.float64])
def test_constant_amplitude_is_0_for_states_of_either_precision(made_in, given_in):
    rows = unit_rows(made_in).astype(given_in)
    assert constant_amplitude(rows, np.ones(30), "auto") == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_amplitude_is_not_0_for_rows_that_are_no_states(dtype):
    rows = unit_rows(dtype)
    rows[3] *= dtype(1 + 1000 * np.finfo(dtype).eps)
    size = constant_amplitude(rows, np.ones(30), "auto")
    np.testing.assert_allclose(size, 2, rtol=1e-4)


def test_constant_amplitude_does_not_forgive_double_precision_an_error_of_single():
    rows = unit_rows(np.float64) * (1 + 1e-7)
    assert constant_amplitude(rows, np.ones(30), "auto") > 0


@pytest.mark.parametrize("factor, kept", [(0.9, True), (1.1, False)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_tolerance_decides_what_is_a_state(dtype, factor, kept):
    off = factor * unit_tolerance(np.finfo(dtype).eps, 64)
    X = np.full((2, 64), (1 + off) / 8, dtype=dtype)
    assert (amplitude_rows(X, 6) is X) == kept


@pytest.mark.parametrize("dtype, row", [(np.float32, 8e37), (np.float64, 4e307)])
@pytest.mark.parametrize("size", [1.0, 1e-30])
def test_constant_of_rows_at_the_end_of_their_type(dtype, row, size):
    # Twice the norm, 5: rows and constant are in proportion 3 : 4 : 10.
    X = np.array([[3.0, 4.0], [-3.0, 4.0]]) * dtype(row * size)
    constant = constant_amplitude(X.astype(dtype), np.ones(2), "auto")
    np.testing.assert_allclose(constant, min(row * size * 10, 1.797e308), rtol=1e-3)
    states = amplitude_rows(X.astype(dtype), 2, constant)
    expected = np.array([[3, 4, 0], [-3, 4, 0]]) * row * size + [0, 0, constant]
    expected /= expected.max()
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(states[:, :3], expected, rtol=1e-6)
    assert states.dtype == dtype


@pytest.mark.parametrize("constant", [1e60, 1e308, 1e-60, 5e-324])
def test_constant_that_single_precision_cannot_hold_means_what_it_means_in_double(
    constant,
):
    X = np.array([[3.0, 4.0], [0.0, 0.0], [1e-38, 0.0]], dtype=np.float32)
    states = amplitude_rows(X, 2, constant)
    assert states.dtype == np.float32
    wide = amplitude_rows(X.astype(np.float64), 2, constant)
    np.testing.assert_allclose(states, wide, rtol=1e-6, atol=1e-30)
    assert np.all(np.isfinite(wide))
    np.testing.assert_allclose(states[1], [0, 0, 1, 0])
