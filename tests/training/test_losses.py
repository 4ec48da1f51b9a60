"""Losses: values by hand, slopes by differences, probabilities that sum to 1."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from skqnn._training.losses import LOSSES

ROWS = {1: np.array([[0.0], [1.0], [1.0]]), 3: np.eye(3)}
SCORES = {
    1: np.array([[0.3], [-1.2], [2.5]]),
    3: np.array([[0.1, -0.4, 0.2], [1.5, 0.2, -0.7], [-1.1, -1.3, -2.0]]),
}
BY_HAND = [  # loss, scores, target, value
    ("log_loss", [0.0], [1.0], np.log(2)),
    ("log_loss", [2.0], [1.0], np.log(1 + np.exp(-2))),
    ("log_loss", [2.0], [0.0], np.log(1 + np.exp(2))),
    ("log_loss", [1.0, 1.0, 1.0], [0.0, 1.0, 0.0], np.log(3)),
    ("log_loss", [np.log(2), 0.0, 0.0], [1.0, 0.0, 0.0], np.log(2)),
    ("squared_error", [0.5], [1.0], 0.25),
    ("squared_error", [0.5], [0.0], 2.25),
    ("squared_error", [0.5, 0.0, -1.0], [1.0, 0.0, 0.0], 0.25 + 1 + 0),
]
PROBABILITIES = [  # loss, scores, probabilities
    ("log_loss", [0.0], [0.5, 0.5]),
    ("log_loss", [np.log(3)], [0.25, 0.75]),
    ("log_loss", [np.log(2), 0.0, 0.0], [0.5, 0.25, 0.25]),
    ("squared_error", [0.5], [0.25, 0.75]),
    ("squared_error", [-3.0], [1.0, 0.0]),
    ("squared_error", [1.0, 0.0, -1.0], [2 / 3, 1 / 3, 0.0]),
    ("squared_error", [-2.0, -2.0, -2.0], [1 / 3, 1 / 3, 1 / 3]),
]


@pytest.mark.parametrize("loss, scores, target, expected", BY_HAND)
def test_value_by_hand(loss, scores, target, expected):
    value, _ = LOSSES[loss].value_and_slope(np.array([scores]), np.array([target]))
    assert value == pytest.approx([expected], rel=1e-14)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n_scores", SCORES)
def test_slope_equals_finite_differences(loss, n_scores):
    for scores, target in zip(SCORES[n_scores], ROWS[n_scores], strict=True):
        function = LOSSES[loss].value_and_slope
        _, slope = function(scores[None], target[None])
        numeric = approx_fprime(
            scores, lambda s, f=function, t=target: f(s[None], t[None])[0][0], 1e-6
        )
        np.testing.assert_allclose(slope[0], numeric, atol=1e-5)


@pytest.mark.parametrize("loss, scores, expected", PROBABILITIES)
def test_probabilities_by_hand(loss, scores, expected):
    logarithms = LOSSES[loss].log_probabilities(np.array([scores]))
    np.testing.assert_allclose(np.exp(logarithms), [expected], rtol=1e-14)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("size", [1e-3, 1.0, 50.0, 1e6])
@pytest.mark.parametrize("n_scores", [1, 3, 10])
def test_probabilities_sum_to_one_and_keep_the_winner(loss, size, n_scores):
    scores = size * np.random.default_rng(0).normal(size=(200, n_scores))
    p = np.exp(LOSSES[loss].log_probabilities(scores))
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    winner = np.argmax(scores, axis=1) if n_scores > 1 else scores[:, 0] > 0
    # Equal only up to rounding: scores may saturate at the same probability.
    won = np.take_along_axis(p, winner.astype(int)[:, None], axis=1)[:, 0]
    np.testing.assert_array_equal(won, p.max(axis=1))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n_scores", [1, 3])
@pytest.mark.parametrize("size", [0.0, 800.0, 1e150])
def test_extreme_scores_stay_finite(loss, n_scores, size):
    scores = size * np.array([[1.0] * n_scores, [-1.0] * n_scores])
    value, slope = LOSSES[loss].value_and_slope(scores, np.ones_like(scores))
    assert np.isfinite(value).all()
    assert np.isfinite(slope).all()
    assert not np.isnan(LOSSES[loss].log_probabilities(scores)).any()


def test_log_loss_log_probabilities_where_the_probability_underflows():
    logarithms = LOSSES["log_loss"].log_probabilities(np.array([[1000.0]]))
    np.testing.assert_array_equal(logarithms, [[-1000.0, 0.0]])
