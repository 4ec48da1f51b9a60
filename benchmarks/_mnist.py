"""MNIST for the benchmarks: the standard split, and what identifies a run."""

import platform

import numpy as np
import scipy
import sklearn
from scipy.ndimage import affine_transform
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


def straightened(X):
    """Return images whose slant is undone and whose centre of mass is in the middle.

    Each image is sheared along its rows until the mixed second moment of its ink is
    zero. Nothing is learnt: an image is treated as if there were no other.
    """
    rows, columns = np.mgrid[:28, :28]
    middle = np.array([13.5, 13.5])
    result = np.empty(X.shape, np.uint8)
    for image, straight in zip(X.reshape(-1, 28, 28), result, strict=True):
        ink = image / image.sum()
        centre = np.array([np.sum(rows * ink), np.sum(columns * ink)])
        r, c = rows - centre[0], columns - centre[1]
        shear = np.array([[1, 0], [np.sum(r * c * ink) / np.sum(r * r * ink), 1]])
        moved = affine_transform(image, shear, centre - shear @ middle, order=1)
        straight[:] = moved.ravel()
    return result


def versions():
    """Return one line with versions and machine."""
    return (
        f"skqnn {skqnn.__version__}, scikit-learn {sklearn.__version__}, numpy "
        f"{np.__version__}, scipy {scipy.__version__}, Python "
        f"{platform.python_version()}, {platform.machine()}"
    )
