"""A classifier alone or at the end of a pipeline, and the rows that reach it."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skqnn._arrays import on_host
from skqnn._classifier import QNNClassifier


def final_classifier(estimator: Any) -> QNNClassifier:
    """Return the QNNClassifier that an estimator is or ends in, on the host.

    Raises
    ------
    TypeError
        If there is none.
    """
    last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    if not isinstance(last, QNNClassifier):
        raise TypeError(
            "`estimator` must be a QNNClassifier, or a Pipeline that ends in one, got "
            f"{estimator!r}."
        )
    return on_host(last)


def is_started(estimator: Any) -> bool:
    """Tell whether the classifier has parameters, trained or not."""
    return hasattr(final_classifier(estimator), "theta_")


def classifier_input(estimator: Any, X: ArrayLike, y: ArrayLike | None = None) -> Any:
    """Return X as the final classifier sees it.

    The steps before it transform X; if `estimator` is not fitted, clones of them are
    fitted to X and y first.
    """
    if not isinstance(estimator, Pipeline) or len(estimator) == 1:
        return X
    before = estimator[:-1]
    if is_started(estimator):
        return before.transform(X)
    return clone(before).fit_transform(X, y)


def named_row(row: Any) -> Any:
    """Return one row of X in two dimensions, with the names of its columns if it has.

    A row of a pandas frame is a Series, whose index are the names.
    """
    pandas = sys.modules.get("pandas")  # which need not be installed
    if pandas is not None and isinstance(row, pandas.Series):
        return row.to_frame().T
    shape = np.shape(row)
    if len(shape) == 2 and shape[0] == 1:
        return row
    return np.reshape(np.asarray(row), (1, -1))


@contextmanager
def taking_nameless_rows() -> Iterator[None]:
    """Be silent about names of columns, where what is given can hardly have them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        yield
