"""MNIST for the benchmarks: the standard split, and what identifies a run."""

import platform

import numpy as np
import scipy
import sklearn
from sklearn.datasets import fetch_openml

import skqnn


def load_mnist(*labels):
    """Return X_train, y_train, X_test, y_test of the given digits (none: all ten).

    The first 60,000 images are the training set, the last 10,000 the test set.
    """
    X, y = fetch_openml(
        "mnist_784",
        version=1,
        return_X_y=True,
        as_frame=False,
        parser="liac-arff",  # needs no pandas
    )
    X, y = X.astype(np.uint8), y.astype(int)
    parts = []
    for part in (slice(0, 60000), slice(60000, None)):
        chosen = np.isin(y[part], labels or range(10))
        parts += [X[part][chosen], y[part][chosen]]
    return parts


def versions():
    """Return one line with versions and machine."""
    return (
        f"skqnn {skqnn.__version__}, scikit-learn {sklearn.__version__}, numpy "
        f"{np.__version__}, scipy {scipy.__version__}, Python "
        f"{platform.python_version()}, {platform.machine()}"
    )
