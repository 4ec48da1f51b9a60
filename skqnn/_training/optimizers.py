"""Optimizers as pure functions on a state record, and step-size schedules.

An optimizer is a pair ``init(params) -> state`` and ``update(state, gradient,
step_size) -> (step, state)``; the new parameters are ``params + step``. The state is a
tuple of arrays and numbers: it pickles, and training can continue from it.
"""

import math
from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import NamedTuple

import numpy as np

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8  # Kingma & Ba 2015, algorithm 1
_MOMENTUM = 0.9
# Spall 1998, "Implementation of the simultaneous perturbation algorithm for stochastic
# optimization", IEEE Trans. Aerosp. Electron. Syst. 34(3), section III.
_SPSA_ALPHA, _SPSA_GAMMA, _SPSA_STABILITY = 0.602, 0.101, 10
SPSA_PERTURBATION = 0.1  # radians, at the first step


class Optimizer(NamedTuple):
    """A first-order optimizer."""

    init: Callable
    update: Callable


class AdamState(NamedTuple):
    """Moments of the gradient and the number of steps taken."""

    mean: np.ndarray
    square: np.ndarray
    n_steps: int


def adam_init(params: np.ndarray) -> AdamState:
    """Return zero moments."""
    return AdamState(np.zeros_like(params), np.zeros_like(params), 0)


def adam_update(
    state: AdamState, gradient: np.ndarray, step_size: float
) -> tuple[np.ndarray, AdamState]:
    """Take a step of Adam (D. P. Kingma, J. Ba, 2015, arXiv:1412.6980)."""
    n_steps = state.n_steps + 1
    mean = _BETA_1 * state.mean
    mean += (1 - _BETA_1) * gradient
    square = _BETA_2 * state.square
    square += (1 - _BETA_2) * (gradient * gradient)
    # Moments start at 0: both corrections for that are taken together, as one number.
    root = math.sqrt(1 - _BETA_2**n_steps)
    step = (-step_size * root / (1 - _BETA_1**n_steps)) * mean
    step /= np.sqrt(square) + _EPSILON * root
    return step, AdamState(mean, square, n_steps)


class SGDState(NamedTuple):
    """The velocity."""

    velocity: np.ndarray


def sgd_init(params: np.ndarray) -> SGDState:
    """Return zero velocity."""
    return SGDState(np.zeros_like(params))


def sgd_update(
    state: SGDState, gradient: np.ndarray, step_size: float
) -> tuple[np.ndarray, SGDState]:
    """Take a step of gradient descent with Nesterov momentum 0.9.

    As in scikit-learn's MLPClassifier: I. Sutskever et al., "On the importance of
    initialization and momentum in deep learning", ICML 2013.
    """
    downhill = step_size * gradient
    velocity = _MOMENTUM * state.velocity - downhill
    return _MOMENTUM * velocity - downhill, SGDState(velocity)


class SPSAState(NamedTuple):
    """The number of steps taken."""

    n_steps: int


def spsa_init(params: np.ndarray) -> SPSAState:
    """Return the state before the first step."""
    return SPSAState(0)


def spsa_update(
    state: SPSAState, gradient: np.ndarray, step_size: float
) -> tuple[np.ndarray, SPSAState]:
    """Take a step with the gain ``step_size ((1 + A) / (k + 1 + A))**0.602``.

    But no number changes by more than the first perturbation, beyond which a difference
    says nothing: one unlucky direction undid a training otherwise, and the next steps
    were too small to repair it.
    """
    decay = (1 + _SPSA_STABILITY) / (state.n_steps + 1 + _SPSA_STABILITY)
    step = -step_size * decay**_SPSA_ALPHA * gradient
    step = np.clip(step, -SPSA_PERTURBATION, SPSA_PERTURBATION)
    return step, SPSAState(state.n_steps + 1)


def spsa_perturbation(n_steps: int) -> float:
    """Return the size of the perturbation of step n_steps (0, 1, ...), in radians."""
    return SPSA_PERTURBATION / (n_steps + 1) ** _SPSA_GAMMA


# To add a mini-batch solver, write its two functions and name them here.
OPTIMIZERS = {
    "adam": Optimizer(adam_init, adam_update),
    "sgd": Optimizer(sgd_init, sgd_update),
    "spsa": Optimizer(spsa_init, spsa_update),
}


def constant(progress: float) -> float:
    """Return 1."""
    return 1.0


def cosine(progress: float) -> float:
    """Return a half cosine from 1 to 0."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def one_cycle(progress: float) -> float:
    """Rise to 1 over the first 30 % of the steps, then fall to 0, along cosines.

    L. N. Smith, N. Topin, "Super-convergence", 2018, arXiv:1708.07120.
    """
    warm = 0.3
    if progress < warm:
        return 0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * progress / warm))
    return cosine((progress - warm) / (1 - warm))


# Schedules map the progress of a fit in [0, 1] to a factor of `learning_rate_init`.
SCHEDULES = {"constant": constant, "cosine": cosine, "one_cycle": one_cycle}


def as_schedule(learning_rate: str | Callable) -> Callable[[float], float]:
    """Return the schedule of a name, or a user's function of the progress."""
    if isinstance(learning_rate, str):
        return SCHEDULES[learning_rate]
    return partial(_own_schedule, learning_rate)


def _own_schedule(function: Callable, progress: float) -> float:
    """Return what a user's schedule returns, if it is a factor of a step size."""
    factor = function(progress)
    if not (isinstance(factor, Real) and 0 <= float(factor) < math.inf):
        raise ValueError(
            "`learning_rate` must return a non-negative finite number for a progress "
            f"from 0 to 1, got {factor!r} for {progress:.6g}; it is a factor of "
            "`learning_rate_init`."
        )
    return float(factor)
