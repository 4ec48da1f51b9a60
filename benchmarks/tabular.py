"""Accuracy on tables and small digits with nothing but defaults, beside other models.

    python benchmarks/tabular.py

Every model is ``make_pipeline(StandardScaler(), model)`` with its defaults; the digits
go through ``BinaryAmplitudeEncoder()`` first. Accuracy is the mean over 5 stratified
folds, for 3 seeds, which shuffle the folds and start the models; nothing was chosen on
these folds but the rules of the defaults, see ``benchmarks/defaults.py``. Moons and
circles are scikit-learn's, 400 points each.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_circles,
    make_moons,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

SETS = {
    "iris": lambda: load_iris(return_X_y=True),
    "wine": lambda: load_wine(return_X_y=True),
    "cancer": lambda: load_breast_cancer(return_X_y=True),
    "moons": lambda: make_moons(400, noise=0.2, random_state=0),
    "circles": lambda: make_circles(400, noise=0.1, factor=0.5, random_state=0),
    "digits": lambda: load_digits(return_X_y=True),
}
MODELS = {
    "QNNClassifier()": QNNClassifier(),
    "QNNClassifier(n_copies=2)": QNNClassifier(n_copies=2),
    "LogisticRegression()": LogisticRegression(),
    "MLPClassifier()": MLPClassifier(),
    "SVC()": SVC(),
}
TWO_COPIES = ("iris", "moons", "circles")  # few features, so few qubits


def main():
    """Print one row for each data set and model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)  # MLPClassifier's defaults
    print(f"{'data':8} {'model':26} {'numbers':>8} {'accuracy (range)':>24} {'s':>7}")
    for name in args.sets:
        X, y = SETS[name]()
        for title, model in MODELS.items():
            if "n_copies" in title and name not in TWO_COPIES:
                continue
            row(name, title, model, X, y, args.seeds)


def row(name, title, model, X, y, n_seeds):
    """Cross-validate a model and print what came out."""
    scaler = BinaryAmplitudeEncoder() if name == "digits" else StandardScaler()
    if name == "digits" and "QNN" not in title:
        scaler = StandardScaler()
    start, scores = time.process_time(), []
    for seed in range(n_seeds):
        estimator = clone(model)
        if "random_state" in estimator.get_params():
            estimator.set_params(random_state=seed)
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        pipeline = make_pipeline(scaler, estimator)
        scores.append(100 * cross_val_score(pipeline, X, y, cv=folds).mean())
    seconds = (time.process_time() - start) / (5 * n_seeds)
    numbers = count(pipeline.fit(X, y)[-1])
    accuracy = f"{np.mean(scores):.1f} ({min(scores):.1f} to {max(scores):.1f})"
    print(f"{name:8} {title:26} {numbers:8} {accuracy:>24} {seconds:7.2f}", flush=True)


def count(model):
    """Return how many numbers a fitted model has been trained on."""
    if isinstance(model, QNNClassifier):
        return model.n_parameters_
    if isinstance(model, MLPClassifier):
        return sum(part.size for part in (*model.coefs_, *model.intercepts_))
    if isinstance(model, LogisticRegression):
        return model.coef_.size + model.intercept_.size
    return model.dual_coef_.size + model.intercept_.size


if __name__ == "__main__":
    main()
