"""Monitor: the curves, the best parameters, and when to stop."""

import numpy as np
import pytest

from skqnn._training.monitor import Curves, Monitor


def monitor(**arguments):
    return Monitor(
        Curves([], [], []), **({"tol": 0.1, "n_iter_no_change": 2} | arguments)
    )


def stops_after(watch, losses, params=None):
    """Return the number of epochs until the monitor stops, None if it does not."""
    for epoch, loss in enumerate(losses):
        here = np.zeros(1) if params is None else params[epoch]
        if watch.update(here, loss, 1.0):
            return epoch + 1
    return None


STOPS = [  # losses, epoch of the stop with tol=0.1, n_iter_no_change=2
    ([1.0, 0.8, 0.6, 0.4, 0.2], None),
    ([1.0, 1.0, 1.0, 0.0], 3),
    ([1.0, 0.95, 0.93, 0.0], 3),  # too small an improvement
    ([1.0, 1.2, 0.5, 0.7, 0.5, 0.0], 5),  # an improvement starts the count anew
    ([1.0, 0.95, 0.8, 0.79, 0.6], None),
]


@pytest.mark.parametrize("losses, epoch", STOPS)
def test_update_stops_without_improvement(losses, epoch):
    assert stops_after(monitor(), losses) == epoch


def test_update_records_the_curves_after_earlier_ones():
    curves = Curves([3.0], [0.5], [])
    watch = Monitor(curves, tol=0, n_iter_no_change=1)
    watch.update(np.zeros(1), 2.0, 0.25)
    watch.update(np.zeros(1), 1.0, None)
    assert curves == Curves([3.0, 2.0, 1.0], [0.5, 0.25], [])
    assert watch.best_params is None


def test_update_keeps_curves_at_their_epochs_where_settings_change():
    curves = Curves([3.0, 2.0], [], [])  # of a solver without norms or validation
    watch = Monitor(curves, tol=0, n_iter_no_change=1, validate=lambda p: 0.5)
    watch.update(np.zeros(1), 1.0, 0.25)
    np.testing.assert_equal(curves.gradient_norm, [np.nan, np.nan, 0.25])
    np.testing.assert_equal(curves.validation_score, [np.nan, np.nan, 0.5])


def test_update_with_validation_keeps_the_best_parameters():
    params = np.array([[0.2], [0.9], [0.4], [0.5]])
    watch = monitor(validate=lambda p: float(p[0]))
    assert stops_after(watch, [4.0, 3.0, 2.0, 1.0], params) == 4
    assert watch.best_params == 0.9
    assert watch.curves.validation_score == [0.2, 0.9, 0.4, 0.5]
    params[:] = 0
    assert watch.best_params == 0.9


def test_update_with_validation_the_first_of_equal_scores_is_kept():
    watch = monitor(validate=lambda p: 1.0)
    stops_after(watch, [1.0, 1.0, 1.0], np.array([[1.0], [2.0], [3.0]]))
    assert watch.best_params == 1.0


@pytest.mark.parametrize("validate, epoch", [(None, None), (lambda p: 0.5, 3)])
def test_update_patient_stops_for_validation_only(validate, epoch):
    watch = monitor(patient=True, validate=validate)
    assert stops_after(watch, [1.0] * 5) == epoch
