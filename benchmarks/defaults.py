"""How the defaults of QNNClassifier were chosen: a grid on training data only.

For each task, the training set is split once more; the table shows the median accuracy
on the held-out part and the median final training loss over the seeds. Run with

    python benchmarks/defaults.py [--mnist]

`--mnist` adds two tasks on 5,000 MNIST training images (fetched by fetch_openml).
"""

import argparse
import itertools
import platform
import time
import warnings

import numpy as np
import sklearn
from sklearn.datasets import fetch_openml, load_breast_cancer, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import skqnn
from skqnn import BinaryAmplitudeEncoder, QNNClassifier

STEP_SIZES = (0.02, 0.05, 0.1, 0.2)
INIT_SCALES = (0.1, 0.5, np.pi)
SEEDS = range(3)


def digits(*labels):
    """Return encoded 8x8 digits with the given labels."""
    X, y = load_digits(return_X_y=True)
    chosen = np.isin(y, labels)
    encoder = BinaryAmplitudeEncoder(pixel_range=(0, 16))
    return encoder.fit_transform(X[chosen]), y[chosen], {}


def angles(loader, n_components):
    """Return principal components of a tabular data set, as angles."""
    X, y = loader(return_X_y=True)
    scale = MinMaxScaler(feature_range=(-np.pi / 2, np.pi / 2))
    steps = make_pipeline(StandardScaler(), PCA(n_components), scale)
    return steps.fit_transform(X), y, {"encoding": "angle", "reps": 2}


def mnist(*labels):
    """Return encoded 28x28 training images with the given labels."""
    X, y = fetch_openml(
        "mnist_784", version=1, return_X_y=True, as_frame=False, parser="liac-arff"
    )
    chosen = np.isin(y[:60000].astype(int), labels)
    X, y = X[:60000][chosen][:5000], y[:60000][chosen][:5000]
    encoder = BinaryAmplitudeEncoder(pixel_range=(0, 255), dtype="float32")
    return encoder.fit_transform(X), y, {}


TASKS = {
    "digits 0 vs 1": lambda: digits(0, 1),
    "digits 3 vs 5": lambda: digits(3, 5),
    "ten digits, reps=4": lambda: (*digits(*range(10))[:2], {"reps": 4}),
    "wine, 6 angles": lambda: angles(load_wine, 6),
    "breast cancer, 6 angles": lambda: angles(load_breast_cancer, 6),
}
MNIST_TASKS = {
    "MNIST 0 vs 1": lambda: mnist(0, 1),
    "MNIST 3 vs 5": lambda: mnist(3, 5),
}


def run(X, y, options, step_size, init_scale):
    """Return median held-out accuracy, median loss and median number of epochs."""
    X, X_held, y, y_held = train_test_split(
        X, y, test_size=0.25, stratify=y, random_state=0
    )
    rows = []
    for seed in SEEDS:
        model = QNNClassifier(
            learning_rate_init=step_size,
            init_scale=init_scale,
            random_state=seed,
            **options,
        ).fit(X, y)
        rows.append((model.score(X_held, y_held), model.loss_, model.n_iter_))
    return np.median(rows, axis=0)


def main():
    """Print one table per task."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", action="store_true")
    tasks = TASKS | (MNIST_TASKS if parser.parse_args().mnist else {})
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(
        f"skqnn {skqnn.__version__}, scikit-learn {sklearn.__version__}, "
        f"numpy {np.__version__}, {platform.machine()}, seeds {list(SEEDS)}"
    )
    for name, load in tasks.items():
        X, y, options = load()
        print(f"\n{name}: {X.shape[0]} rows, {options}")
        print("step size  init scale  accuracy    loss  epochs  seconds")
        for step_size, init_scale in itertools.product(STEP_SIZES, INIT_SCALES):
            start = time.perf_counter()
            accuracy, loss, epochs = run(X, y, options, step_size, init_scale)
            seconds = time.perf_counter() - start
            print(
                f"{step_size:9.2f}  {init_scale:10.2f}  {accuracy:8.4f}  {loss:6.4f}  "
                f"{epochs:6.0f}  {seconds:7.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
