"""Optimizers against steps by hand, schedules at their corners."""

import pickle

import numpy as np
import pytest

from skqnn._training.optimizers import OPTIMIZERS, SCHEDULES, spsa_perturbation

FIRST, SECOND = np.array([2.0, -0.5]), np.array([1.0, 1.5])
RATE = 0.1


def two_steps(name):
    init, update = OPTIMIZERS[name]
    first, state = update(init(np.zeros(2)), FIRST, RATE)
    second, _ = update(state, SECOND, RATE)
    return first, second


def adam_by_hand():
    mean = 0.9 * 0.1 * FIRST + 0.1 * SECOND
    square = 0.999 * 0.001 * FIRST**2 + 0.001 * SECOND**2
    second = mean / (1 - 0.9**2) / (np.sqrt(square / (1 - 0.999**2)) + 1e-8)
    return -RATE * FIRST / (np.abs(FIRST) + 1e-8), -RATE * second


def sgd_by_hand():  # look-ahead form: velocity v, step 0.9 v - rate * gradient
    v1 = -RATE * FIRST
    v2 = 0.9 * v1 - RATE * SECOND
    return 0.9 * v1 - RATE * FIRST, 0.9 * v2 - RATE * SECOND


def spsa_by_hand():
    # Steps of 0.2, 0.05, 0.095 and 0.142, none of them longer than 0.1.
    assert RATE * FIRST[0] > 0.1 < RATE * (11 / 12) ** 0.602 * SECOND[1]
    return (
        np.array([-0.1, -RATE * FIRST[1]]),
        np.array([-RATE * (11 / 12) ** 0.602 * SECOND[0], -0.1]),
    )


BY_HAND = {"adam": adam_by_hand, "sgd": sgd_by_hand, "spsa": spsa_by_hand}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_first_two_steps_by_hand(name):
    np.testing.assert_allclose(two_steps(name), BY_HAND[name](), rtol=1e-13)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_is_left_alone_and_pickles(name):
    init, update = OPTIMIZERS[name]
    start = init(np.zeros(2))
    _, state = update(start, FIRST, RATE)
    expected, _ = update(state, SECOND, RATE)
    again, _ = update(pickle.loads(pickle.dumps(state)), SECOND, RATE)
    np.testing.assert_array_equal(again, expected)
    assert all(not np.any(value) for value in start)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_quadratic_is_minimised(name):
    init, update = OPTIMIZERS[name]
    params = np.array([1.0, -2.0])
    state = init(params)
    for _ in range(300):
        step, state = update(state, params, 0.05)
        params = params + step
    np.testing.assert_allclose(params, 0, atol=0.05)


@pytest.mark.parametrize("n_steps, size", [(0, 0.1), (1, 0.1 / 2**0.101)])
def test_spsa_perturbation_by_hand(n_steps, size):
    assert spsa_perturbation(n_steps) == pytest.approx(size)


SCHEDULE_VALUES = [  # schedule, progress, factor
    *[("constant", progress, 1.0) for progress in (0.0, 0.3, 1.0)],
    ("cosine", 0.0, 1.0),
    ("cosine", 0.5, 0.5),
    ("cosine", 1.0, 0.0),
    ("one_cycle", 0.0, 0.04),
    ("one_cycle", 0.15, 0.52),
    ("one_cycle", 0.3, 1.0),
    ("one_cycle", 0.65, 0.5),
    ("one_cycle", 1.0, 0.0),
]


@pytest.mark.parametrize("name, progress, factor", SCHEDULE_VALUES)
def test_schedule_at_its_corners(name, progress, factor):
    assert SCHEDULES[name](progress) == pytest.approx(factor, abs=1e-15)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_is_continuous_and_within_0_and_1(name):
    values = [SCHEDULES[name](p) for p in np.linspace(0, 1, 1001)]
    assert 0 <= min(values) <= max(values) <= 1
    assert np.abs(np.diff(values)).max() < 0.006
