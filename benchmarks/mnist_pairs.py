"""All 45 pairs of MNIST digits with 24 trainable parameters, on full test sets.

    python benchmarks/mnist_pairs.py [--seeds 3] [--csv benchmarks/results/pairs.csv]

The options are those of benchmarks/mnist_zero_one.py, chosen on training images of 0
and 1 alone. Next to each pair: logistic regression with 24 parameters (23 principal
components and an intercept).
"""

import argparse
import csv
import itertools
import time
from pathlib import Path

import numpy as np
from _mnist import load_mnist, versions
from mnist_zero_one import OPTIONS
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

COLUMNS = ("task", "model", "n_parameters", "seed", "test_accuracy")


def rows_of_pair(a, b, data, n_seeds):
    """Return one row per model and seed for digit a against digit b."""
    X, y, X_test, y_test = data
    train, test = np.isin(y, (a, b)), np.isin(y_test, (a, b))
    X, y, X_test, y_test = X[train], y[train], X_test[test], y_test[test]
    task = f"pair_{a}_{b}"
    encoder = BinaryAmplitudeEncoder(pixel_range=(0, 255), dtype="float32").fit(X)
    states, states_test = encoder.transform(X), encoder.transform(X_test)
    rows = []
    for seed in range(n_seeds):
        model = QNNClassifier(random_state=seed, **OPTIONS).fit(states, y)
        accuracy = model.score(states_test, y_test)
        rows.append((task, "qnn", model.n_parameters_, seed, accuracy))
    baseline = make_pipeline(
        PCA(23, random_state=0), LogisticRegression(max_iter=1000)
    ).fit(X / 255, y)
    accuracy = baseline.score(X_test / 255, y_test)
    rows.append((task, "logistic regression on 23 components", 24, 0, accuracy))
    return rows


def run_pairs(n_seeds):
    """Return the rows of all pairs."""
    data, rows = load_mnist(), []
    for a, b in itertools.combinations(range(10), 2):
        rows += rows_of_pair(a, b, data, n_seeds)
        print(rows[-2], rows[-1], flush=True)
    return rows


def print_table(rows):
    """Print medians in per cent, above the diagonal ours, below the baseline's."""
    median = {}
    for task, model, _, _, accuracy in rows:
        median.setdefault((task, model == "qnn"), []).append(100 * accuracy)
    median = {key: np.median(values) for key, values in median.items()}
    print("above the diagonal: QNNClassifier, below: logistic regression, per cent")
    print("   " + "".join(f"{digit:7d}" for digit in range(10)))
    for i in range(10):
        cells = []
        for j in range(10):
            value = median.get((f"pair_{min(i, j)}_{max(i, j)}", i < j))
            cells.append("       " if value is None else f"{value:7.2f}")
        print(f"{i:3d}" + "".join(cells))
    for ours, name in ((True, "QNNClassifier"), (False, "logistic regression")):
        values = [v for (_, is_ours), v in median.items() if is_ours == ours]
        print(f"mean of {len(values)} pairs, {name}: {np.mean(values):.2f}")
    wins = sum(
        median[task, True] > median[task, False] for task, ours in median if ours
    )
    print(f"QNNClassifier is ahead on {wins} of {len(median) // 2} pairs")


def main():
    """Run all pairs, print the table, write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    print(versions())
    start = time.perf_counter()
    rows = run_pairs(arguments.seeds)
    print_table(rows)
    print(
        f"{time.perf_counter() - start:.0f} s in all, seeds 0 to {arguments.seeds - 1}"
    )
    if arguments.csv:
        with arguments.csv.open("w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows])


if __name__ == "__main__":
    main()
