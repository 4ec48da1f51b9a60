"""Leave an estimator as it was when a call to it fails, so that a retry is the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.utils import check_random_state


@contextmanager
def put_back_if_it_fails(generator: Any) -> Iterator[None]:
    """Put a RandomState back if the body raises; other sources do not move on."""
    if not isinstance(generator, np.random.RandomState):
        yield
        return
    state = generator.get_state()
    try:
        yield
    except BaseException:
        generator.set_state(state)
        raise


@contextmanager
def undone_if_it_fails(estimator: Any, *, everything: bool) -> Iterator[None]:
    """Put the random generators back if the body raises, Ctrl-C included.

    A retry in the same process then makes the same requests: whatever was paid for
    before the failure is found in the journal.

    Parameters
    ----------
    estimator : QNNClassifier
        Its `random_state` may be a generator that moves on, or numpy's own.
    everything : bool
        Whether to put back the fitted attributes, too: what continues from them must
        start from the same ones.
    """
    generator = check_random_state(estimator.random_state)
    attributes = vars(estimator).copy()
    rng, curves = attributes.get("_rng"), attributes.get("_curves", ())
    stream = None if rng is None else rng.bit_generator.state
    lists = [list(curve) for curve in curves]
    try:
        with put_back_if_it_fails(generator):
            yield
    except BaseException:
        if everything:
            vars(estimator).clear()
            vars(estimator).update(attributes)
            if rng is not None:
                rng.bit_generator.state = stream
            for curve, numbers in zip(curves, lists, strict=True):
                curve[:] = numbers
        raise
