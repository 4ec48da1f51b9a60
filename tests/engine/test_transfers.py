"""Tests of how numbers of a block move between rows and lanes."""

import numpy as np
import pytest

pytest.importorskip("numba")

from numba import njit

from skqnn._engine import emitter
from skqnn._engine.layout import lay_out, vector_bytes
from skqnn._engine.transfers import move

N_QUBITS = 11


def permutations(n_lanes):
    """Return ways to permute amplitudes, lanes first, and what they do to rows."""
    rng = np.random.default_rng(0)
    n_rows = 2**N_QUBITS // n_lanes
    rows, lanes = rng.permutation(n_rows), np.arange(n_lanes)
    shuffled = np.array([rng.permutation(n_lanes) for _ in range(8)])
    own = shuffled[rng.integers(8, size=n_rows)].T  # (n_lanes, n_rows)
    many = np.array([rng.permutation(n_lanes) for _ in range(n_rows)]).T
    return {
        "rows": lanes[:, np.newaxis] * n_rows + rows,
        "few patterns": own * n_rows + rows,
        "many patterns": many * n_rows + rows,
        "any": rng.permutation(2**N_QUBITS).reshape(n_lanes, n_rows),
    }


@pytest.mark.parametrize("way", ["rows", "few patterns", "many patterns", "any"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("permutes", [True, False])
def test_move_permutes_numbers_of_rows_and_lanes(way, dtype, permutes, monkeypatch):
    if not permutes:
        monkeypatch.setattr(emitter, "permps", lambda context: None)
    n_lanes = vector_bytes() // np.dtype(dtype).itemsize
    n_rows = 2**N_QUBITS // n_lanes
    source = permutations(n_lanes)[way].ravel()
    qubits = [list(range(N_QUBITS - n_lanes.bit_length() + 1))]
    layout = lay_out(qubits, [source], [-1], [False], N_QUBITS, False, n_lanes)
    own, far = layout.layers[0].tables[0], layout.layers[0].gathers[0]
    # All orders of 4 lanes are few; of more lanes, every row has one of its own.
    spreads = way == "any" or (way == "many patterns" and n_lanes > 4)
    assert (far < 0) == spreads
    assert (far in layout.shuffled) == ("patterns" in way and not spreads)

    @njit
    def copy(work, pair, tables, spread, patterns, far, at, rows):
        move(work, pair, tables, spread, patterns, far, at, rows)

    size = 2 * n_rows * n_lanes
    work = np.zeros((3, size), dtype=dtype)
    places = layout.tables[own] // np.dtype(dtype).itemsize
    order = np.argsort(places)  # positions by rows
    natural = places[order][:, np.newaxis] + np.arange(n_lanes)
    numbers = np.random.default_rng(1).normal(size=2**N_QUBITS).astype(dtype)
    work[0, natural] = numbers.reshape(n_lanes, n_rows).T
    arrays = layout.tables, layout.spread, layout.patterns
    copy(work, (0, 1), *arrays, 0, (far, own), (0, n_rows))
    np.testing.assert_array_equal(work[1, natural].T.ravel(), numbers[source])
    copy(work, (1, 2), *arrays, 1, (own, far), (0, n_rows))
    np.testing.assert_array_equal(work[2, natural].T.ravel(), numbers)
