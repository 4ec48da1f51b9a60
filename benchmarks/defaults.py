"""How the defaults of QNNClassifier were chosen: a grid on training data only.

    python benchmarks/defaults.py [--mnist]    step sizes and sizes of first angles
    python benchmarks/defaults.py --layers     numbers of layers, for reps="auto"

For each task, the training set is split once more; the first table shows the median
accuracy on the held-out part and the median final training loss over the seeds.
`--mnist` adds two tasks on 5,000 MNIST training images (fetched by fetch_openml).

The second table is for the six data sets of tabular.py: of the first training fold
there, for each of three seeds, two thirds train and a third is scored.
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
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from tabular import SETS

import skqnn
from skqnn import BinaryAmplitudeEncoder, QNNClassifier
from skqnn._circuits.model import choose_reps

STEP_SIZES = (0.02, 0.05, 0.1, 0.2)
INIT_SCALES = (0.1, 0.5, np.pi)
SEEDS = range(3)
LAYERS = (1, 2, 4, 6, 8, 12, 20, 40)


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


def training_folds(name):
    """Yield the rows that train and those that are scored, of one data set."""
    X, y = SETS[name]()
    for seed in SEEDS:
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        rows, _ = next(folds.split(X, y))
        yield train_test_split(
            X[rows], y[rows], test_size=1 / 3, stratify=y[rows], random_state=seed
        )


def accuracy_of_layers(name, reps):
    """Return mean accuracy in per cent, and the fitted classifier of the last seed."""
    scores = []
    for seed, (X, X_held, y, y_held) in enumerate(training_folds(name)):
        scaler = BinaryAmplitudeEncoder() if name == "digits" else StandardScaler()
        model = make_pipeline(scaler, QNNClassifier(reps=reps, random_state=seed))
        scores.append(100 * model.fit(X, y).score(X_held, y_held))
    return np.mean(scores), model[-1]


def print_layers():
    """Print accuracy against layers, and what the rule takes."""
    print('mean accuracy in per cent, angles in brackets; * is what reps="auto" takes')
    for name in SETS:
        cells, rule = [], None
        for reps in LAYERS:
            accuracy, model = accuracy_of_layers(name, reps)
            cells.append(f"{reps}: {accuracy:.1f} ({model.circuit_.num_parameters})")
            rule = choose_reps(model.n_qubits_, len(model.classes_))
        if rule not in LAYERS:
            accuracy, model = accuracy_of_layers(name, rule)
            cells.append(f"{rule}: {accuracy:.1f} ({model.circuit_.num_parameters})")
        marked = [c + "*" * c.startswith(f"{rule}:") for c in cells]
        qubits = f"{model.n_qubits_} qubits, {len(model.classes_)} classes"
        print(f"{name:8s} {qubits:20s} {'  '.join(marked)}", flush=True)


def main():
    """Print one table per task, or that of the layers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", action="store_true")
    parser.add_argument("--layers", action="store_true")
    arguments = parser.parse_args()
    tasks = TASKS | (MNIST_TASKS if arguments.mnist else {})
    warnings.simplefilter("ignore", ConvergenceWarning)
    if arguments.layers:  # circuits that cannot hold ten classes are among them
        warnings.filterwarnings("ignore", "`reps` or `ansatz` should give")
    print(
        f"skqnn {skqnn.__version__}, scikit-learn {sklearn.__version__}, "
        f"numpy {np.__version__}, {platform.machine()}, seeds {list(SEEDS)}"
    )
    if arguments.layers:
        return print_layers()
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
