"""Fisher information of a classifier's output, its rank and effective dimension.

References
----------
.. [1] A. Abbas, D. Sutter, C. Zoufal, A. Lucchi, A. Figalli and S. Woerner, "The power
   of quantum neural networks", Nature Computational Science 1, 403 (2021),
   arXiv:2011.00027.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp

_RANK_TOLERANCE = 1e-10  # of the largest eigenvalue
_MIN_DATA = 19  # with fewer, kappa is below 1 and its logarithm negative


class FisherSummary(NamedTuple):
    """What the Fisher information of a model says about its angles.

    Parameters
    ----------
    n_parameters : int
        Number of angles.
    dead_parameters : ndarray of int
        Indices of angles that provably cannot change any observable.
    rank : int
        Number of directions in the space of angles that change the output.
    effective_dimension : float
        Of Abbas et al. for `n_data` observations; nan for fewer than 19.
    n_data : int
        Number of rows of the data.
    eigenvalues : ndarray of shape (n_parameters,)
        Of the normalized Fisher information, largest first, averaged over the draws.
    """

    n_parameters: int
    dead_parameters: np.ndarray
    rank: int
    effective_dimension: float
    n_data: int
    eigenvalues: np.ndarray


def fisher_information(
    engine: Any, states: np.ndarray, theta: np.ndarray, metric: Callable
) -> np.ndarray:
    """Return the Fisher information of the angles at scale 1 and bias 0.

    The mean over the states of ``J^T M J``, with J the Jacobian of the expectation
    values (the scores) by theta and M the metric of the scores. The expectation over
    labels is exact, not sampled.

    Returns
    -------
    fisher : ndarray of shape (n_parameters, n_parameters)
        Symmetric, positive semi-definite.
    """
    fisher = np.zeros((len(theta), len(theta)))
    for k in range(len(states)):
        scores, pullback = engine.vjp(states[k : k + 1], theta)
        jacobian = np.array([pullback(row[None]) for row in np.eye(scores.shape[1])])
        fisher += jacobian.T @ metric(scores)[0] @ jacobian
    return fisher / len(states)


def rank(fishers: np.ndarray) -> int:
    """Return the largest numerical rank of several Fisher information matrices.

    The rank is the same at almost all angles; at special ones it is lower.
    """
    ranks = np.linalg.matrix_rank(fishers, rtol=_RANK_TOLERANCE, hermitian=True)
    return int(np.max(ranks))


def normalized(fishers: np.ndarray) -> np.ndarray:
    """Scale Fisher information so that the mean trace is the number of parameters."""
    trace = np.trace(fishers, axis1=1, axis2=2).mean()
    return fishers if trace == 0 else fishers * (fishers.shape[1] / trace)


def effective_dimension(fishers: np.ndarray, n_data: int) -> float:
    """Return the effective dimension of a model for a number of data.

    Parameters
    ----------
    fishers : ndarray of shape (n_draws, n_parameters, n_parameters)
        Fisher information at angles drawn uniformly.
    n_data : int
        Number of observations n.

    Returns
    -------
    dimension : float
        nan for fewer than 19 data, for which it is not defined.

    Notes
    -----
    The definition of [1]_ with gamma = 1, its integral over angles as a mean of draws:
    ``2 log(mean(sqrt(det(1 + kappa F)))) / log(kappa)``, ``kappa = n / (2 pi log n)``,
    natural logarithms, F the Fisher information by `normalized`. It tends to the rank
    as n grows, and may exceed it, and the number of parameters, for small n.
    """
    if n_data < _MIN_DATA:
        return float("nan")
    kappa = n_data / (2 * math.pi * math.log(n_data))
    identity = np.eye(fishers.shape[1])
    halves = np.linalg.slogdet(identity + kappa * normalized(fishers))[1] / 2
    log_mean = logsumexp(halves) - np.log(len(halves))
    return float(2 * log_mean / math.log(kappa))


def summarize(
    engine: Any,
    states: np.ndarray,
    metric: Callable,
    dead_parameters: np.ndarray,
    thetas: np.ndarray,
    n_data: int,
) -> FisherSummary:
    """Compute the Fisher information at several points and summarise it.

    Parameters
    ----------
    engine : StatevectorEngine
        The model.
    states : ndarray of shape (n_samples, 2**n_qubits)
        Inputs to average over.
    metric : callable
        That of the loss, see `skqnn._training.losses.Loss`.
    dead_parameters : ndarray of int
        Passed on.
    thetas : ndarray of shape (n_draws, n_parameters)
        Angles, drawn uniformly.
    n_data : int
        For the effective dimension.
    """
    fishers = np.array(
        [fisher_information(engine, states, theta, metric) for theta in thetas]
    )
    spectra = np.linalg.eigvalsh(normalized(fishers))[:, ::-1]
    return FisherSummary(
        thetas.shape[1],
        dead_parameters,
        rank(fishers),
        effective_dimension(fishers, n_data),
        n_data,
        spectra.mean(axis=0),
    )
