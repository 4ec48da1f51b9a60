"""The claim of a published notebook, epoch by epoch: its model, ours, and baselines.

    python benchmarks/claim_curves.py

Writes ``results/claim_curves.csv``, which `examples/plot_notebook_claim.py` draws: the
accuracy on all 2,115 zeros and ones of MNIST's test set after each epoch of each seed,
and on the notebook's own twenty images where its split is used. The models are those of
`examples/mnist_notebook_claim.py`, and of `mnist_zero_one.py` with 24 parameters.
Baselines have no epochs. Takes some minutes, and needs Pillow.
"""

import csv
import sys
import warnings
from pathlib import Path

import numpy as np
from _mnist import versions
from mnist_zero_one import ENCODER, OPTIONS, SEEDS
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "examples"))
from mnist_notebook_claim import (  # noqa: E402
    eleven_angles,
    notebook,
    shrink,
    zeros_and_ones,
)

CSV = ROOT / "benchmarks" / "results" / "claim_curves.csv"
COLUMNS = ("model", "training_images", "n_parameters", "seed", "epoch", "twenty", "all")
N_EPOCHS = 10  # of the notebook's model on all images: 126,650 steps


class ScoreEpochs:
    """Score a model after each epoch of its fit."""

    def __init__(self, *tests):
        self.tests = tests

    def setup(self, estimator, context):
        """Begin a list of rows."""
        self.rows = []

    def on_fit_task_begin(self, estimator, context):
        """Do nothing."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        """Append the accuracies on all tests."""
        if context.task_name == "epoch":
            self.rows.append([fitted_estimator.score(X, y) for X, y in self.tests])

    def teardown(self, estimator, context):
        """Do nothing."""


def curves(name, make, train, *tests):
    """Yield one row for each epoch of each seed."""
    for seed in SEEDS:
        scores = ScoreEpochs(*tests)
        model = make(seed).set_callbacks(scores).fit(*train)
        for epoch, row in enumerate(scores.rows, start=1):
            twenty, everything = row if len(row) == 2 else ("", *row)
            n = len(train[0]), model.n_parameters_
            yield name, *n, seed, epoch, twenty, everything
        print(f"{name}, seed {seed}: {100 * everything:.2f} %", flush=True)


def baseline(name, model, train, test):
    """Yield the row of a model that has neither seeds nor epochs."""
    model.fit(*train)
    last = model[-1] if hasattr(model, "steps") else model
    n_parameters = last.coef_.size + last.intercept_.size
    accuracy = model.score(*test)
    print(f"{name}: {100 * accuracy:.2f} %", flush=True)
    yield name, len(train[0]), n_parameters, "", "", "", accuracy


def main():
    """Train everything and write the table."""
    warnings.simplefilter("ignore")  # dead parameters and convergence are discussed
    print(versions())
    X, y, n_train = zeros_and_ones()
    encoder = BinaryAmplitudeEncoder(pixel_range=(0, 255), dtype="float32")
    angles = eleven_angles(encoder.fit_transform(shrink(X)).astype(float))
    states = BinaryAmplitudeEncoder(**ENCODER).fit_transform(X)
    first = np.sort(np.concatenate([np.flatnonzero(y == c)[:50] for c in (0, 1)]))

    def part(data, rows):
        return data[rows], y[rows]

    official = slice(n_train, None)
    everything, test = slice(n_train), part(angles, official)
    pixels = X / 255.0
    rows = [
        *curves(
            "the notebook's model, its 80 images",
            notebook,
            part(angles, first[:80]),
            part(angles, first[80:]),
            test,
        ),
        *curves(
            "the notebook's model, all images",
            lambda seed: notebook(seed, N_EPOCHS),
            part(angles, everything),
            test,
        ),
        *curves(
            "QNNClassifier on amplitudes",
            lambda seed: QNNClassifier(random_state=seed, **OPTIONS),
            part(states, everything),
            part(states, official),
        ),
        *baseline(
            "logistic regression on the notebook's angles",
            LogisticRegression(max_iter=1000),
            part(angles, everything),
            test,
        ),
    ]
    for n in (1, 23):
        rows += baseline(
            f"logistic regression, {n} principal component{'s' if n > 1 else ''}",
            make_pipeline(PCA(n, random_state=0), LogisticRegression(max_iter=1000)),
            part(pixels, everything),
            part(pixels, official),
        )
    with CSV.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


if __name__ == "__main__":
    main()
