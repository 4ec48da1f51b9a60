"""From an engine and a loss to trained parameters: objective, steps, minimisers.

The parameter vector is ``[theta, scale, bias]``; scores are ``scale * E + bias``.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

from skqnn._arrays import take_rows
from skqnn._training.losses import Loss
from skqnn._training.optimizers import Optimizer, spsa_perturbation


class Data(NamedTuple):
    """Training data: states, indicator targets, weights of mean 1.

    States may be on a device; all other numbers of a training are NumPy's, and few.
    """

    states: Any
    targets: np.ndarray
    weights: np.ndarray

    def take(self, rows: Any) -> "Data":
        """Return some rows; a slice does not copy."""
        states = take_rows(self.states, rows)
        return Data(states, self.targets[rows], self.weights[rows])


def split(params: np.ndarray, n_theta: int) -> tuple:
    """Return theta (n_theta,), scale (1,) and bias (n_scores,)."""
    return params[:n_theta], params[n_theta : n_theta + 1], params[n_theta + 1 :]


class Objective(NamedTuple):
    """The mean weighted loss of a batch as a function of the parameter vector."""

    expectations: Callable  # (states, theta or thetas) -> E
    vjp: Callable  # (states, theta) -> E, pullback
    loss: Loss
    n_theta: int

    def value(self, params: np.ndarray, data: Data) -> float:
        """Return the loss."""
        theta, scale, bias = split(params, self.n_theta)
        E = self.expectations(data.states, theta)
        losses, _ = self.loss.value_and_slope(scale * E + bias, data.targets)
        return _mean_loss(losses, data.weights)

    def value_and_gradient(self, params: np.ndarray, data: Data) -> tuple:
        """Return the loss and its gradient."""
        theta, scale, bias = split(params, self.n_theta)
        E, pullback = self.vjp(data.states, theta)
        value, cotangent, outer = self._slopes(E, scale, bias, data)
        return value, np.concatenate([pullback(scale * cotangent), outer])

    def value_and_spsa(
        self, params: np.ndarray, data: Data, size: float, rng: np.random.Generator
    ) -> tuple:
        """Return the loss and a gradient estimate from two evaluations.

        All angles are shifted at once by +-`size` radians (J. C. Spall 1992, IEEE
        Trans. Autom. Control 37, 332). Scale and bias cost no circuit, so theirs is
        the exact gradient, averaged over both evaluations.
        """
        theta, scale, bias = split(params, self.n_theta)
        direction = rng.choice([-1.0, 1.0], size=self.n_theta)
        shifts = np.array([[size], [-size]]) * direction
        pair = self.expectations(data.states, theta + shifts)
        (up, _, outer_up), (down, _, outer_down) = (
            self._slopes(E, scale, bias, data) for E in pair
        )
        gradient = (up - down) / (2 * size) * direction
        outer = (outer_up + outer_down) / 2
        return (up + down) / 2, np.concatenate([gradient, outer])

    def _slopes(self, E: np.ndarray, scale, bias, data: Data) -> tuple:
        """Return the loss, its slope by the scores, its gradient by scale and bias."""
        losses, slopes = self.loss.value_and_slope(scale * E + bias, data.targets)
        value = _mean_loss(losses, data.weights)
        cotangent = data.weights[:, None] / len(slopes) * slopes
        return value, cotangent, np.r_[np.sum(cotangent * E), cotangent.sum(axis=0)]


def _mean_loss(losses: np.ndarray, weights: np.ndarray) -> float:
    value = float(np.mean(weights * losses))
    if not np.isfinite(value):
        raise ValueError(
            f"The training loss must be finite, got {value}; check the backend's "
            "results or lower `learning_rate_init`."
        )
    return value


class Step(NamedTuple):
    """What is known after one step of a mini-batch solver."""

    params: np.ndarray
    state: Any  # of the optimizer
    loss: float | None  # mean over the epoch, after its last step, otherwise None
    gradient_norm: float | None  # likewise


def steps(
    gradient: Callable[[np.ndarray, Data, Any], tuple],
    data: Data,
    params: np.ndarray,
    optimizer: Optimizer,
    state: Any,
    *,
    batch_size: int,
    shuffle: bool,
    rng: np.random.Generator,
    step_size: Callable[[int], float],
) -> Iterator[Step]:
    """Yield a `Step` after each mini-batch, for ever; the caller decides to stop.

    Parameters
    ----------
    gradient : callable
        ``gradient(params, batch, state) -> (loss, gradient)``.
    step_size : callable
        Maps the number of steps taken in this run to a step size.
    """
    n_samples = len(data.targets)
    starts = range(0, n_samples, batch_size)
    n_steps = 0
    while True:
        order = rng.permutation(n_samples) if shuffle else None
        total = norms = 0.0
        for start in starts:
            rows = slice(start, start + batch_size)
            batch = data.take(rows if order is None else order[rows])
            value, slope = gradient(params, batch, state)
            step, state = optimizer.update(state, slope, step_size(n_steps))
            params = params + step
            n_steps += 1
            total += value * len(batch.targets)
            norms += float(np.linalg.norm(slope))
            if start != starts[-1]:
                yield Step(params, state, None, None)
        yield Step(params, state, total / n_samples, norms / len(starts))


def batch_gradient(
    objective: Objective, method: str, rng: np.random.Generator
) -> Callable:
    """Return ``gradient(params, batch, state)`` for `steps`."""
    if method != "spsa":
        return lambda params, batch, state: objective.value_and_gradient(params, batch)

    def gradient(params: np.ndarray, batch: Data, state: Any) -> tuple:
        size = spsa_perturbation(getattr(state, "n_steps", 0))
        return objective.value_and_spsa(params, batch, size, rng)

    return gradient


class _Stop(Exception):
    """Raised inside a third-party minimiser to end it."""


def minimize_full_batch(
    solver: Any,
    objective: Objective,
    data: Data,
    params: np.ndarray,
    *,
    max_iter: int,
    tol: float,
    report: Callable[[np.ndarray, float], bool],
) -> np.ndarray:
    """Minimise the loss of all data with SciPy or qiskit-machine-learning.

    Parameters
    ----------
    solver : "lbfgs" or qiskit_machine_learning.optimizers.Optimizer
        L-BFGS-B is SciPy's; `max_iter` and `tol` are for it alone.
    report : callable
        ``report(params, loss) -> stop`` after every iteration of L-BFGS-B, after every
        evaluation of another optimizer (which tells no more).

    Returns
    -------
    params : ndarray
        The minimiser's result, or where `report` stopped it.
    """
    if solver == "lbfgs":
        return _lbfgs(objective, data, params, max_iter, tol, report)
    seen: list[np.ndarray] = []

    def record(point: np.ndarray, value: float) -> None:
        if not seen or not np.array_equal(point, seen[-1]):
            seen[:] = [np.array(point)]
            if report(seen[-1], value):
                raise _Stop

    def value(point: np.ndarray) -> float:
        result = objective.value(np.asarray(point, dtype=float), data)
        record(point, result)
        return result

    def slope(point: np.ndarray) -> np.ndarray:
        result, gradient = objective.value_and_gradient(np.asarray(point), data)
        record(point, result)
        return gradient

    try:
        # Some of these optimizers write into x0.
        return np.asarray(solver.minimize(fun=value, x0=params.copy(), jac=slope).x)
    except _Stop:
        return seen[-1]


def _lbfgs(objective, data, params, max_iter, tol, report) -> np.ndarray:
    def iteration(intermediate_result) -> None:
        if report(intermediate_result.x.copy(), float(intermediate_result.fun)):
            raise StopIteration

    result = minimize(
        objective.value_and_gradient,
        params,
        args=(data,),
        jac=True,
        method="L-BFGS-B",
        callback=iteration,
        options={"maxiter": max_iter, "gtol": tol},
    )
    if result.nit == 0:  # the start was a minimum already
        report(result.x, float(result.fun))
    return result.x


def is_qml_optimizer(solver: object) -> bool:
    """Tell whether an object can minimise as qiskit-machine-learning's do."""
    method = getattr(solver, "minimize", None)
    if method is None or isinstance(solver, type):
        return False
    return {"fun", "x0", "jac"} <= set(inspect.signature(method).parameters)
