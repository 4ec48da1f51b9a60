"""All ten MNIST digits with under 1,000 trained parameters, on the full test set.

    python benchmarks/mnist_ten_digits.py [--seeds 3]    the test accuracies
    python benchmarks/mnist_ten_digits.py --select       how the options were chosen

All 60,000 training images train, the 10,000 test images are scored once per seed.
`--select` trains on 20,000 (with `--all` 50,000) training images and scores 10,000
other training images. Install the extra `speed` for the compiled kernel.
"""

import argparse
import time

import numpy as np
from _mnist import load_mnist, versions
from sklearn.pipeline import make_pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

ENCODER = {
    "black": "none",
    "image_size": (12, 12),
    "pixel_range": (0, 255),
    "dtype": "float32",
}
OPTIONS = {
    "reps": 122,
    "entanglement": "circular",
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.08,
    "max_iter": 60,
}
SELECTION = [
    ({}, {}),
    ({"image_size": (8, 8)}, {"reps": 163}),
    ({"image_size": (10, 10)}, {}),
    ({"image_size": (14, 14)}, {}),
    ({"image_size": (16, 16)}, {}),
    ({"black": "edge"}, {"reps": 108}),
    ({"threshold": 0.3}, {}),
    ({}, {"entanglement": "reverse_linear"}),
    ({}, {"entanglement": "sca"}),
    ({}, {"ansatz": "n_local"}),
    ({}, {"init_scale": np.pi}),
    ({}, {"learning_rate_init": 0.04}),
    ({}, {"learning_rate_init": 0.15}),
    ({}, {"max_iter": 30}),
]


def pipeline(seed, encoder_options=None, **options):
    """Return encoder and classifier with the chosen options, or some others."""
    return make_pipeline(
        BinaryAmplitudeEncoder(**ENCODER | (encoder_options or {})),
        QNNClassifier(**OPTIONS | {"random_state": seed} | options),
    )


def select(n_train, epochs):
    """Print the accuracy of each row of `SELECTION` on held-out training images."""
    X, y, *_ = load_mnist()
    order = np.random.default_rng(123).permutation(len(X))
    train, held = order[:n_train], order[-10000:]
    print(f"{n_train} images train, 10000 others are scored, {epochs} epochs, seed 0")
    for encoder_options, options in SELECTION:
        options = {"max_iter": epochs} | options
        start = time.perf_counter()
        model = pipeline(0, encoder_options, **options).fit(X[train], y[train])
        print(
            f"{model.score(X[held], y[held]):.4f}  {model[-1].n_parameters_:5d} "
            f"parameters  {time.perf_counter() - start:5.0f} s  "
            f"{encoder_options | options}",
            flush=True,
        )


def evaluate(n_seeds):
    """Print the test accuracy of each seed and the median."""
    X, y, X_test, y_test = load_mnist()
    print(f"{OPTIONS}")
    scores = []
    for seed in range(n_seeds):
        start = time.perf_counter()
        model = pipeline(seed).fit(X, y)
        seconds = time.perf_counter() - start
        scores.append(model.score(X_test, y_test))
        print(
            f"seed {seed}: {scores[-1]:.2%} of {len(X_test)} test images, "
            f"{model[-1].n_parameters_} parameters, loss {model[-1].loss_:.4f}, fit "
            f"{seconds:.0f} s",
            flush=True,
        )
    print(f"median {np.median(scores):.2%}, worst {min(scores):.2%}")


def main():
    """Evaluate, or print the selection."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--select", action="store_true", help="validation grid")
    parser.add_argument("--all", action="store_true", help="select on 50,000 images")
    parser.add_argument("--epochs", type=int, default=15, help="of the selection")
    arguments = parser.parse_args()
    print(versions())
    if arguments.select:
        select(50000 if arguments.all else 20000, arguments.epochs)
    else:
        evaluate(arguments.seeds)


if __name__ == "__main__":
    main()
