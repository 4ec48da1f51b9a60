"""From an objective to trained parameters: mini-batch steps and full-batch minimisers.

All have the same shape: they take an objective, data and a start, and tell a reporter
when an epoch begins and what each step found; the reporter decides when to stop.
"""

import inspect
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, NamedTuple, Protocol

import numpy as np
import scipy.optimize
from sklearn.exceptions import ConvergenceWarning

from skqnn._arrays import Rows
from skqnn._training.data import Data
from skqnn._training.objective import Objective
from skqnn._training.optimizers import (
    OPTIMIZERS,
    Optimizer,
    as_schedule,
    spsa_perturbation,
)


class Step(NamedTuple):
    """What is known after one step of a mini-batch solver, or one epoch of another."""

    params: np.ndarray
    state: Any  # of the optimizer, None for full-batch solvers
    loss: float | None  # mean over the epoch, after its last step, otherwise None
    gradient_norm: float | None  # likewise


class Plan(NamedTuple):
    """The arguments of QNNClassifier that a solver needs."""

    solver: Any
    gradient: str  # the method in use: "adjoint", "parameter_shift" or "spsa"
    learning_rate: str | Callable
    learning_rate_init: Any  # a number, or "auto"
    batch_size: Any  # an integer, or "auto"
    shuffle: bool
    max_iter: int
    tol: float
    n_iter_no_change: int

    @property
    def takes_batches(self) -> bool:
        """Whether the solver is one of ours, which take mini-batches."""
        return isinstance(self.solver, str) and self.solver in OPTIMIZERS

    def step_size(self, n_angles: int) -> float:
        """Return the largest step size; deep circuits want smaller steps."""
        if self.learning_rate_init != "auto":
            return self.learning_rate_init
        if self.solver == "spsa":
            return 0.7
        return 0.1 if self.learning_rate != "constant" else min(0.1, 10 / n_angles)

    def patience(self, n_samples: int) -> int:
        """Return how many epochs without improvement end the training.

        One step says little: an epoch counts in full if it has five of them.
        """
        if not self.takes_batches:
            return self.n_iter_no_change
        n_steps = -(-n_samples // self.rows_per_step(n_samples))
        return -(-self.n_iter_no_change * 5 // min(n_steps, 5))

    def rows_per_step(self, n_samples: int) -> int:
        """Return the size of a mini-batch."""
        return min(200 if self.batch_size == "auto" else self.batch_size, n_samples)

    @property
    def knows_its_length(self) -> bool:
        """Whether the solver decides itself when it is done, whatever `tol`."""
        if self.takes_batches:
            return self.learning_rate != "constant" or self.gradient == "spsa"
        return self.solver != "lbfgs"

    def cure(self, n_angles: int, exact: bool) -> str:
        """Return what helps a training that has not converged.

        24 numbers told pairs of digits apart better after L-BFGS than after Adam, in
        less time, and with 100 for ten digits the two were level
        (benchmarks/mnist_pairs.py and choices.py).
        """
        if exact and self.takes_batches and n_angles <= 100:
            return f"try solver='lbfgs', for {n_angles} angles, or raise `max_iter`"
        return "raise `max_iter` or `tol`"

    @property
    def max_epochs(self) -> int | None:
        """How many epochs there are at most, None if nobody knows."""
        return None if is_qml_optimizer(self.solver) else self.max_iter


class Reporter(Protocol):
    """What a solver tells while it runs."""

    def begin(self) -> None:
        """Hear that an epoch begins."""

    def step(self, step: Step) -> bool:
        """Remember a step; True ends the training."""


def minimize(
    objective: Objective,
    data: Data,
    start: Step,
    report: Reporter,
    plan: Plan,
    rng: np.random.Generator,
) -> bool:
    """Train from a start; tell whether the training ended before `max_iter` epochs."""
    solve = _by_batches if plan.takes_batches else _at_once
    return solve(objective, data, start, report, plan, rng)


def _by_batches(objective, data, start, report, plan, rng) -> bool:
    optimizer = OPTIMIZERS[plan.solver]
    state = optimizer.init(start.params)
    if isinstance(start.state, type(state)):  # and of no other solver
        state = start.state
    n_samples = len(data.targets)
    batch_size = plan.rows_per_step(n_samples)
    n_steps = plan.max_iter * -(-n_samples // batch_size)
    schedule = as_schedule(plan.learning_rate)
    largest = plan.step_size(objective.n_theta)
    path = steps(
        batch_gradient(objective, plan.gradient, rng),
        data,
        start.params,
        optimizer,
        state,
        batch_size=batch_size,
        shuffle=plan.shuffle,
        rng=rng,
        step_size=lambda n: largest * schedule(n / n_steps),
    )
    for _ in range(plan.max_iter):
        report.begin()
        for step in path:
            converged = report.step(step)
            if step.loss is not None:
                break
        if converged:
            return True
    return False


def oriented(
    objective: Objective,
    params: np.ndarray,
    data: Data,
    plan: Plan,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return parameters whose scale has the sign with which scores follow the labels.

    With the other sign training would first have to turn the circuit round, or end
    where the scale is 0. Swapping two labels mirrors the model. Costs one evaluation
    of the first mini-batch, or of about 500 rows for solvers that take all at once.
    """
    n_samples = len(data.targets)
    if not plan.takes_batches:
        some = data.take(slice(None, None, 1 + (n_samples - 1) // 500))
    elif plan.shuffle:  # as `steps` will, which begins with the same generator
        order = deepcopy(rng).permutation(n_samples)
        some = data.take(order[: plan.rows_per_step(n_samples)])
    else:
        some = data.take(slice(0, plan.rows_per_step(n_samples)))
    E = objective.expectations(some.states, params[: objective.n_theta])
    centred = some.targets - np.average(some.targets, axis=0, weights=some.weights)
    params = params.copy()
    if np.sum(some.weights[:, None] * centred * E) < 0:
        params[objective.n_theta] *= -1
    return params


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
    n_steps = 0
    while True:
        order = rng.permutation(n_samples) if shuffle else None
        n_seen, total, norms = 0, 0.0, []
        for batch in batches(data, order, batch_size):
            value, slope = gradient(params, batch, state)
            step, state = optimizer.update(state, slope, step_size(n_steps))
            params = params + step
            n_steps += 1
            n_seen += len(batch.targets)
            total += value * len(batch.targets)
            norms.append(math.sqrt(slope.dot(slope)))
            if n_seen < n_samples:
                yield Step(params, state, None, None)
        yield Step(params, state, total / n_samples, sum(norms) / len(norms))


def batches(data: Data, order: np.ndarray | None, size: int) -> Iterator[Data]:
    """Yield mini-batches of rows in an order, or in that of the data."""
    n_samples = len(data.targets)
    if isinstance(data.states, Rows):  # which take no state along
        if size >= n_samples:  # summed in whatever order
            yield data
            return
        data, order = data if order is None else data.take(order), None
    for start in range(0, n_samples, size):
        rows = slice(start, start + size)
        yield data.take(rows if order is None else order[rows])


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


_STOPPED = 99  # what SciPy returns as `status` if a callback has stopped it
_ROUNDING = 1e-4  # size of gradients that only rounding may have left


class _Stop(Exception):
    """Raised inside a third-party minimiser to end it."""


def _at_once(objective, data, start, report, plan, rng) -> bool:
    """Minimise the loss of all data with SciPy or qiskit-machine-learning.

    Reported is every iteration of L-BFGS-B, and every evaluation of another optimizer
    (which tells no more); `max_iter` and `tol` are for L-BFGS-B alone.
    """
    n_epochs = 0

    def epoch(params: np.ndarray, loss: float) -> bool:
        nonlocal n_epochs
        n_epochs += 1
        report.begin()
        return report.step(Step(params, None, loss, None))

    if plan.solver == "lbfgs":
        result = lbfgs(
            objective, data, start.params, plan.max_iter, plan.tol, report=epoch
        )
        params = result.x
        if n_epochs < plan.max_iter:
            _warn_of_noise(result, plan.tol)
    else:
        with _seeded(rng):
            params = _third_party(plan.solver, objective, data, start.params, epoch)
    report.step(Step(params, None, None, None))
    return n_epochs < plan.max_iter


def _warn_of_noise(result: scipy.optimize.OptimizeResult, tol: float) -> None:
    """Warn if a line search found nothing where the loss still has a slope."""
    slope = np.abs(result.jac).max()
    if result.status != _STOPPED and slope > max(10 * tol, _ROUNDING):
        warnings.warn(
            f"L-BFGS found no lower loss after {result.nit} iterations, though the "
            f"largest entry of the gradient is {slope:.2g} (tol={tol:g}): the loss is "
            "not smooth, for instance by shot noise. Use solver='adam' or 'spsa', or "
            "more `shots`.",
            ConvergenceWarning,
            stacklevel=8,
        )


def plain(value: Any) -> Any:
    """Return a number of NumPy as one of Python, which does not overflow."""
    return value.item() if isinstance(value, np.generic) else value


@contextmanager
def _seeded(rng: np.random.Generator) -> Iterator[None]:
    """Draw the random numbers of qiskit-machine-learning's optimizers from `rng`.

    They share a generator of the process, which is put back afterwards.
    """
    from qiskit_machine_learning.utils import algorithm_globals

    shared = algorithm_globals.random.bit_generator
    state = shared.state
    shared.state = np.random.PCG64(rng.integers(2**63)).state
    try:
        yield
    finally:
        shared.state = state


def _third_party(optimizer, objective, data, params, report) -> np.ndarray:
    """Return the minimiser's result, or where `report` stopped it."""
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
        result = optimizer.minimize(fun=value, x0=params.copy(), jac=slope).x
        value(result)  # the last that is reported is what is returned
        return np.asarray(result)
    except _Stop:
        return seen[-1]


def lbfgs(
    objective: Objective,
    data: Data,
    params: np.ndarray,
    max_iter: int,
    tol: float,
    report: Callable[[np.ndarray, float], bool] = lambda params, loss: False,
) -> scipy.optimize.OptimizeResult:
    """Minimise by SciPy's L-BFGS-B, from `params`.

    Parameters
    ----------
    tol : float
        The largest entry of the gradient at which to stop.
    report : callable
        ``report(params, loss) -> stop`` after every iteration.
    """

    def iteration(intermediate_result) -> None:
        if report(intermediate_result.x.copy(), float(intermediate_result.fun)):
            raise StopIteration

    result = scipy.optimize.minimize(
        objective.value_and_gradient,
        params,
        args=(data,),
        jac=True,
        method="L-BFGS-B",
        callback=iteration,
        # The loss alone does not end it, nor the number of evaluations.
        options={"maxiter": max_iter, "gtol": tol, "ftol": 0.0, "maxfun": np.inf},
    )
    if result.nit == 0:  # the start was a minimum already
        report(result.x, float(result.fun))
    return result


def is_qml_optimizer(solver: object) -> bool:
    """Tell whether an object can minimise as qiskit-machine-learning's do."""
    method = getattr(solver, "minimize", None)
    if method is None or isinstance(solver, type):
        return False
    return {"fun", "x0", "jac"} <= set(inspect.signature(method).parameters)
