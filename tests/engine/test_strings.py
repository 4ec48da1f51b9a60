"""Folds: sums with the signs of Z strings, next to the sums written out."""

import numpy as np
import pytest

from skqnn._engine.strings import GROUP_BITS, fold_table, folds


def transform(rows, steps):
    """Do by hand what the kernels do with groups and folds."""
    size = 2**GROUP_BITS
    signs = 1.0 - 2.0 * (np.bitwise_count(np.arange(size)[:, None] & range(size)) & 1)
    rows, totals = (signs @ rows.reshape(-1, size).T).ravel(), {}
    for start, half, low, high in steps:
        a, b = rows[start : start + half], rows[start + half : start + 2 * half]
        a[...], b[...] = a + b, a - b
        totals |= {low: a.sum(), high: b.sum()}
    totals.pop(-1, None)
    return totals


def signed_sums(rows, masks):
    index = np.arange(len(rows))
    signs = 1.0 - 2.0 * (np.bitwise_count(index & np.array(masks)[:, None]) & 1)
    return signs @ rows


@pytest.mark.parametrize(
    "masks",
    [[1, 2, 4, 8, 16, 32], [63], [3, 6, 12, 24, 48, 33], [32, 1], [40, 8, 32, 41]]
    + [list(range(1, 64))],
)
def test_folds_find_the_signed_sums(masks):
    rows = np.random.default_rng(0).normal(size=64)
    totals = transform(rows, folds(masks, 64, first=5))
    expected = dict(enumerate(signed_sums(rows, masks), start=5))
    assert totals == pytest.approx(expected, abs=1e-13)


def test_single_qubits_need_few_additions_after_the_groups():
    steps = folds([1 << q for q in range(10)], 1024)
    assert sum(2 * step.half for step in steps) == 2 * 63 + GROUP_BITS * 64


def test_folds_of_layers_come_in_turn():
    strings = np.array([(0, 3), (2, 1), (2, 6)])
    table, starts, alone = fold_table(strings, [0, 2], 32)
    assert not np.any(alone)
    rows = np.random.default_rng(1).normal(size=32)
    first, second = table[: starts[1]], table[starts[1] :]
    assert transform(rows, first)[0] == pytest.approx(signed_sums(rows, [3])[0])
    expected = dict(enumerate(signed_sums(rows, [1, 6]), start=1))
    assert transform(rows, second) == pytest.approx(expected)


def test_lowest_qubits_need_no_folds_if_they_are_alone():
    masks, rows = [1, 4, 16, 48], np.random.default_rng(2).normal(size=64)
    strings = np.array([(0, 3), *((1, mask) for mask in masks)])
    table, starts, alone = fold_table(strings, [0, 1], 64)
    assert alone.tolist() == [[0, 0, 0, 0, 0], [1, 1, -1, 2, -1]]
    totals = transform(rows, table[starts[1] :])
    expected = signed_sums(rows, masks)
    assert totals == pytest.approx({3: expected[2], 4: expected[3]})
