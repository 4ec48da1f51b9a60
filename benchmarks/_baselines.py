"""Classical models with a given number of trained parameters, for images."""

from collections.abc import Callable

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline

WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
MAX_COMPONENTS = 400
N_CHOOSE = 30_000  # training images among which the perceptron is chosen


def logistic_regression(n_parameters: int, n_outputs: int) -> Pipeline:
    """Return logistic regression on as many principal components as fit."""
    n_components = min(n_parameters // n_outputs - 1, MAX_COMPONENTS)
    return make_pipeline(
        PCA(n_components, random_state=0), LogisticRegression(max_iter=1000)
    )


def perceptron(n_parameters: int, n_outputs: int, width: int, whiten: bool, seed: int):
    """Return a perceptron with one hidden layer, or None if none is so small.

    It sees as many principal components as its number of parameters allows.
    """
    n_components = (n_parameters - n_outputs * (width + 1) - width) // width
    if n_components < 1:
        return None
    return make_pipeline(
        PCA(min(n_components, MAX_COMPONENTS), whiten=whiten, random_state=seed),
        MLPClassifier((width,), max_iter=60, random_state=seed),
    )


def choose_perceptron(
    n_parameters: int, n_outputs: int, X: np.ndarray, y: np.ndarray
) -> Callable[[int], Pipeline]:
    """Return seed -> perceptron with the width that is best on held-out images of X."""
    X, y = X[:N_CHOOSE], y[:N_CHOOSE]
    parts = train_test_split(X, y, test_size=1 / 3, stratify=y, random_state=0)
    X_train, X_held, y_train, y_held = parts
    scores = {}
    for width in WIDTHS:
        for whiten in (False, True):
            model = perceptron(n_parameters, n_outputs, width, whiten, 0)
            if model is not None:
                model.fit(X_train, y_train)
                scores[width, whiten] = model.score(X_held, y_held)
    best = max(scores, key=scores.__getitem__)
    return lambda seed: perceptron(n_parameters, n_outputs, *best, seed)


def size(model: Pipeline) -> int:
    """Return the number of trained parameters of the classifier."""
    last = model[-1]
    arrays = (
        [*last.coefs_, *last.intercepts_]
        if isinstance(last, MLPClassifier)
        else [last.coef_, last.intercept_]
    )
    return sum(array.size for array in arrays)
