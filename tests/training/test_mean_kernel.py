"""The compiled mean loss is the one that NumPy calculates."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

pytest.importorskip("numba")

from skqnn._training.losses import LOSSES
from skqnn._training.mean_kernel import mean_log_loss
from skqnn._training.objective import mean_loss

SHAPES = [(1, 1), (7, 1), (7, 2), (50, 3), (3, 10)]


def batch(n_samples, n_scores, scale=2.0):
    """Return expectations, parameters with two angles, targets and weights."""
    rng = np.random.default_rng(0)
    E = rng.uniform(-1, 1, (n_samples, n_scores))
    params = np.r_[0.1, 0.2, scale, rng.normal(size=n_scores)]
    labels = rng.integers(0, max(n_scores, 2), n_samples)
    targets = np.eye(max(n_scores, 2))[labels][:, -n_scores:].copy()
    return E, params, targets, rng.uniform(0, 2, n_samples)


@pytest.mark.parametrize("scale", [2.0, -700.0, 1e4])
@pytest.mark.parametrize("shape", SHAPES)
def test_value_and_slopes_are_those_of_numpy(shape, scale):
    problem = batch(*shape, scale)
    expected = mean_loss(LOSSES["log_loss"], *problem)
    for ours, theirs in zip(mean_log_loss(*problem), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13 * abs(scale))


@pytest.mark.parametrize("shape", SHAPES)
def test_slopes_are_finite_differences(shape):
    E, params, targets, weights = batch(*shape)
    _, cotangent, gradient = mean_log_loss(E, params, targets, weights)

    def by_params(p):
        return mean_log_loss(E, p, targets, weights)[0]

    def by_expectations(e):
        return mean_log_loss(e.reshape(E.shape), params, targets, weights)[0]

    numeric = approx_fprime(E.ravel(), by_expectations, 1e-7)
    np.testing.assert_allclose(cotangent.ravel(), numeric, atol=1e-6)
    np.testing.assert_allclose(
        gradient, approx_fprime(params, by_params, 1e-7), atol=1e-6
    )


def test_nan_is_not_hidden():
    E, *others = batch(7, 3)
    E[2, 1] = np.nan
    assert np.isnan(mean_log_loss(E, *others)[0])
