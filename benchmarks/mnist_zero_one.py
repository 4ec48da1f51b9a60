"""MNIST 0 against 1 with 24 trainable parameters, on the full test set.

    python benchmarks/mnist_zero_one.py             the test accuracies
    python benchmarks/mnist_zero_one.py --select    how the options were chosen

All 12,665 training images train, all 2,115 test images are scored once per seed. The
options in `ENCODER` and `OPTIONS` were chosen by `--select`, which sees training images
only.
"""

import argparse
import time

import numpy as np
from _mnist import load_mnist, versions
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

SEEDS = range(5)
ENCODER = {"black": "full", "pixel_range": (0, 255), "dtype": "float32"}
OPTIONS = {"learning_rate": "one_cycle", "learning_rate_init": 0.2, "max_iter": 40}


def qnn(seed, encoder_options=None, **options):
    """Return the pipeline of the claim: 11 qubits, 22 angles, a scale and a bias."""
    return make_pipeline(
        BinaryAmplitudeEncoder(**ENCODER | (encoder_options or {})),
        QNNClassifier(random_state=seed, **(OPTIONS | options)),
    )


def report(name, n_parameters, scores, seconds):
    """Print a row: median, worst and best accuracy in per cent."""
    low, middle, high = np.percentile(100 * np.array(scores), (0, 50, 100))
    print(
        f"{name:46s} {n_parameters:10d}  {middle:7.2f}  {low:7.2f}  {high:7.2f}  "
        f"{np.median(seconds):8.1f}",
        flush=True,
    )


def evaluate(name, make, data, seeds=SEEDS):
    """Fit on all training images for each seed, score the test images, print a row."""
    X, y, X_test, y_test = data
    scores, seconds = [], []
    for seed in seeds:
        start = time.process_time()
        model = make(seed).fit(X, y)
        seconds.append(time.process_time() - start)
        scores.append(model.score(X_test, y_test))
    last = model[-1] if hasattr(model, "steps") else model
    n_parameters = getattr(last, "n_parameters_", None)
    if n_parameters is None:
        n_parameters = last.coef_.size + last.intercept_.size
    report(name, n_parameters, scores, seconds)


def select():
    """Print accuracies on 3,000 held-out training images for some options."""
    X, y, *_ = load_mnist(0, 1)
    X, X_held, y, y_held = train_test_split(
        X, y, test_size=3000, stratify=y, random_state=0
    )
    print(f"{'options':60s} median   worst  (per cent, seeds 0 to 2)")
    for encoder_options in ({"black": black} for black in ("edge", "full", "none")):
        for step_size in (0.05, 0.1, 0.2):
            models = [
                qnn(seed, encoder_options, learning_rate_init=step_size).fit(X, y)
                for seed in range(3)
            ]
            scores = [100 * model.score(X_held, y_held) for model in models]
            text = f"{encoder_options} step size {step_size}"
            print(
                f"{text:60s} {np.median(scores):6.2f}  {min(scores):6.2f}", flush=True
            )


def main():
    """Print the table of test accuracies, or of the selection."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--select", action="store_true", help="validation grid")
    arguments = parser.parse_args()
    print(versions())
    if arguments.select:
        return select()
    data = load_mnist(0, 1)
    print(f"{len(data[0])} training images, {len(data[2])} test images, seeds 0 to 4")
    print(f"{'model':46s} {'parameters':>10s}   median    worst     best  fit seconds")
    evaluate("QNNClassifier, 11 qubits, reps=1", qnn, data)
    for n_components in (23, 1):
        evaluate(
            f"logistic regression on {n_components} principal component(s)",
            lambda seed, n=n_components: make_pipeline(
                PCA(n, random_state=seed), LogisticRegression(max_iter=1000)
            ),
            data,
            seeds=[0],
        )


if __name__ == "__main__":
    main()
