"""The mean loss of a batch in one loop, compiled by Numba.

It takes a tenth of the time of a dozen calls of NumPy, which with small circuits took
longer than the simulation.
"""

import math

import numpy as np

from skqnn._jit import jit


def mean_log_loss(E, params, targets, weights):
    """Return what `mean_loss` returns for the cross-entropy."""
    cotangent, gradient = np.empty(E.shape), np.zeros(len(params))
    value = _fill(E, params, targets, weights, cotangent, gradient)
    return value, cotangent, gradient


@jit
def _fill(E, params, targets, weights, cotangent, gradient):
    """Return the loss, and fill in the slopes; the gradient is 0 before."""
    n_samples, n_scores = E.shape
    n_theta = len(params) - 1 - n_scores
    scale = params[n_theta]
    value = 0.0
    for i in range(n_samples):
        # Of two classes the first scores 0.
        largest = -math.inf if n_scores > 1 else 0.0
        for k in range(n_scores):
            score = scale * E[i, k] + params[n_theta + 1 + k]
            largest = score if score > largest else largest
        total = 0.0 if n_scores > 1 else math.exp(-largest)
        loss = largest
        for k in range(n_scores):
            score = scale * E[i, k] + params[n_theta + 1 + k]
            cotangent[i, k] = math.exp(score - largest)
            total += cotangent[i, k]
            loss -= targets[i, k] * score
        share = weights[i] / n_samples
        value += share * (loss + math.log(total))
        for k in range(n_scores):
            slope = share * (cotangent[i, k] / total - targets[i, k])
            gradient[n_theta] += slope * E[i, k]
            gradient[n_theta + 1 + k] += slope
            cotangent[i, k] = scale * slope
    return value
