from types import SimpleNamespace

import numpy as np
import pytest

from skqnn._training.monitor import Curves
from skqnn._training.undo import undone_if_it_fails


def make_estimator(random_state=None):
    return SimpleNamespace(
        random_state=random_state,
        theta_=np.zeros(2),
        _rng=np.random.default_rng(0),
        _curves=Curves([1.0], [], []),
    )


def spoil(estimator, error):
    estimator.theta_ = np.ones(2)
    estimator.n_iter_ = 2
    estimator._rng.random(5)
    estimator._curves.loss.append(0.5)
    if error is not None:
        raise error


@pytest.mark.parametrize("error", [ValueError(), KeyboardInterrupt()])
def test_failure_leaves_everything_as_it_was(error):
    estimator = make_estimator()
    with pytest.raises(type(error)), undone_if_it_fails(estimator, everything=True):
        spoil(estimator, error)
    assert vars(estimator).keys() == vars(make_estimator()).keys()
    np.testing.assert_array_equal(estimator.theta_, np.zeros(2))
    assert estimator._curves.loss == [1.0]
    assert estimator._rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(1)])
def test_failure_puts_only_the_generator_back_if_that_is_wanted(random_state):
    estimator = make_estimator(random_state)
    generator = np.random if random_state is None else random_state
    before = generator.get_state()[1].copy()
    with pytest.raises(KeyError), undone_if_it_fails(estimator, everything=False):
        spoil(estimator, KeyError() if generator.random(1000).any() else None)
    np.testing.assert_array_equal(generator.get_state()[1], before)
    np.testing.assert_array_equal(estimator.theta_, np.ones(2))


def test_success_changes_nothing():
    estimator = make_estimator()
    with undone_if_it_fails(estimator, everything=True):
        spoil(estimator, None)
    np.testing.assert_array_equal(estimator.theta_, np.ones(2))
    assert estimator._curves.loss == [1.0, 0.5]
