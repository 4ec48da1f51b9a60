"""A classifier alone or at the end of a pipeline, and the rows that reach it."""

from typing import Any

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
