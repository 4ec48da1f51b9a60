"""What happens around the steps of a solver: remember, log, call back, stop."""

import logging
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize
from sklearn.exceptions import ConvergenceWarning

from skqnn._compat import callback_context, has_callbacks
from skqnn._training.data import Data
from skqnn._training.losses import Loss
from skqnn._training.monitor import Monitor
from skqnn._training.solvers import Step
from skqnn._verbose import inform, is_read

_log = logging.getLogger(__name__)

_ENOUGH = 20  # epochs after which something should have been learnt


class Callbacks:
    """scikit-learn's callbacks: one task for the fit, below it one for each epoch.

    Parameters
    ----------
    estimator : QNNClassifier
        Whose callbacks are called.
    max_epochs : int or None
        How many epochs there will be at most, if anybody knows.
    reconstruction : callable
        Returns the fitted attributes that a copy needs to predict.
    seen : dict
        What the callbacks see: ``X``, ``y`` and ``metadata``, as they were given.
    """

    def __init__(
        self,
        estimator: Any,
        max_epochs: int | None,
        reconstruction: Callable[[], dict[str, Any]],
        seen: dict[str, Any],
    ):
        self._seen = {"estimator": estimator} | seen
        self._reconstruction = reconstruction
        self.is_heard = has_callbacks(estimator)  # else an epoch needs no task
        self._root = callback_context(estimator, max_epochs)

    def begin(self) -> None:
        """Tell that the fit begins."""
        self._root.call_on_fit_task_begin(**self._seen)

    def begin_epoch(self) -> Any:
        """Tell that an epoch begins, and return its task."""
        if not self.is_heard:
            return self._root
        task = self._root.subcontext(task_name="epoch")
        return task.call_on_fit_task_begin(**self._seen)

    def end_epoch(self, task: Any) -> bool:
        """Tell that an epoch has ended, return whether a callback wants to stop."""
        if not self.is_heard:
            return False
        return task.call_on_fit_task_end(
            reconstruction_attributes=self._reconstruction, **self._seen
        )

    def end(self) -> None:
        """Tell that the fit has ended."""
        self.end_epoch(self._root)


class Report:
    """The `Reporter` of a fit.

    Parameters
    ----------
    monitor : Monitor
        Keeps the curves and decides about convergence.
    remember : callable
        ``remember(params, state)`` of the last step, and after epochs if it is heard.
    record : callable
        ``record(monitor)``, at the same times.
    callbacks : Callbacks, default=None
        Who else is told.
    """

    def __init__(
        self,
        monitor: Monitor,
        remember: Callable[[np.ndarray, Any], None],
        record: Callable[[Monitor], None],
        callbacks: Callbacks | None = None,
    ):
        self._monitor, self._remember, self._record = monitor, remember, record
        self._callbacks = callbacks
        self._task: Any = None
        self._latest: Step | None = None

    def begin(self) -> None:
        """Begin an epoch."""
        if self._callbacks is not None:
            self._task = self._callbacks.begin_epoch()

    def remember(self) -> None:
        """Give the estimator the latest step and the curves, whatever ended them."""
        if self._latest is not None:
            self._remember(self._latest.params, self._latest.state)
        self._record(self._monitor)

    def step(self, step: Step) -> bool:
        """Take note of a step and tell whether to stop."""
        self._latest = step
        if step.loss is None:
            return False
        converged = self._monitor.update(step.params, step.loss, step.gradient_norm)
        if self._callbacks is None:
            return converged
        _log_epoch(self._monitor)
        if not self._callbacks.is_heard:  # nobody looks at the estimator meanwhile
            return converged
        self.remember()
        return converged | self._callbacks.end_epoch(self._task)


def _log_epoch(monitor: Monitor) -> None:
    if not is_read(_log, quiet=logging.DEBUG):
        return
    curves = monitor.curves
    text = f"Iteration {len(curves.loss)}, loss = {curves.loss[-1]:.8f}"
    if monitor.validate is not None:
        text += f", validation score = {curves.validation_score[-1]:.6f}"
    inform(_log, text, quiet=logging.DEBUG)


def warn_unconverged(
    monitor: Monitor,
    converged: bool,
    data: Data,
    loss: Loss,
    max_iter: int,
    cure: str = "raise `max_iter` or `tol`",
) -> None:
    """Warn if training ended too early, or where it began: at chance."""
    if not converged and not monitor.patient:
        warnings.warn(
            f"Maximum iterations ({max_iter}) reached and the optimization hasn't "
            f"converged yet; {cure}.",
            ConvergenceWarning,
            stacklevel=5,
        )
    elif len(monitor.curves.loss) >= _ENOUGH and not monitor.validate:
        chance = loss_of_constant_scores(loss, data)
        if monitor.curves.loss[-1] > chance - 1e-3 * abs(chance):
            warnings.warn(
                f"The loss ended at {monitor.curves.loss[-1]:.4g}, that of scores that "
                f"are the same for all rows ({chance:.4g}): nothing was learnt. Try "
                "another `random_state`, more `reps`, or another `encoding`.",
                ConvergenceWarning,
                stacklevel=5,
            )


def loss_of_constant_scores(loss: Loss, data: Data) -> float:
    """Return the smallest mean loss of scores that are the same for all rows."""
    targets, index = np.unique(data.targets, axis=0, return_inverse=True)
    shares = np.bincount(index.ravel(), data.weights) / data.weights.sum()

    def mean_loss(scores: np.ndarray) -> tuple[float, np.ndarray]:
        rows = np.broadcast_to(scores, targets.shape)
        losses, slopes = loss.value_and_slope(rows, targets)
        return float(shares @ losses), shares @ slopes

    start = np.zeros(targets.shape[1])
    return float(scipy.optimize.minimize(mean_loss, start, jac=True).fun)
