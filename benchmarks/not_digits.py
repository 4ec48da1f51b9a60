"""Images that are not digits: drawn shapes, and patches of two photographs.

    python benchmarks/not_digits.py [--seeds 3] [--only shapes]

Both data sets are made here, from a seed and from the two photographs that come with
scikit-learn (which Pillow must read). The options of the circuits are those chosen for
MNIST, in mnist_ten_digits.py and mnist_pairs.py. Of photographs, which brightness tells
apart, the encoding is chosen too, among those of `ENCODINGS`, on a quarter of the
training patches.

    shapes         28x28 pixels with a disk, ring, triangle, square or cross of any
                   place, size, angle and brightness, under noise; 6,000 train, 4,000
                   test
    photographs    28x28 patches of a temple and of a flower: 4,000 of the left half of
                   each train, 2,000 of the right half test
"""

import argparse
import time
import warnings

import numpy as np
from _baselines import choose_perceptron, logistic_regression, size
from _mnist import versions
from mnist_pairs import OPTIONS as PAIR_OPTIONS
from mnist_pairs import pipeline as pair_pipeline
from mnist_ten_digits import pipeline as many_pipeline
from sklearn.datasets import load_sample_images
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from skqnn import QNNClassifier
from skqnn._frequencies import spectrum

SIDE = 28
SHAPES = ("disk", "ring", "triangle", "square", "cross")
COUNTS = (100, 500)


def polygon_distance(x, y, n_sides):
    """Return how far outside of a regular polygon of inner radius 1 points lie."""
    turns = 2 * np.pi * np.arange(n_sides) / n_sides
    return np.max([x * np.cos(a) + y * np.sin(a) for a in turns], axis=0) - 1


DISTANCES = {  # in units of the size, negative inside
    "disk": lambda x, y: np.hypot(x, y) - 1,
    "ring": lambda x, y: np.abs(np.hypot(x, y) - 0.8) - 0.25,
    "triangle": lambda x, y: polygon_distance(1.6 * x, 1.6 * y, 3) / 1.6,
    "square": lambda x, y: polygon_distance(1.15 * x, 1.15 * y, 4) / 1.15,
    "cross": lambda x, y: np.maximum(
        np.minimum(np.abs(x), np.abs(y)) - 0.25, np.maximum(np.abs(x), np.abs(y)) - 1
    ),
}


def draw_shapes(n_samples, rng):
    """Return images from 0 to 255 of shape (n_samples, 784), and class labels."""
    rows, columns = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    labels = rng.integers(len(SHAPES), size=n_samples)
    images = np.empty((n_samples, SIDE, SIDE))
    for image, label in zip(images, labels, strict=True):
        radius, turn = rng.uniform(6, 10), rng.uniform(0, 2 * np.pi)
        down, right = rng.uniform(-3, 3, 2)
        x, y = (columns - right) / radius, (rows - down) / radius
        x, y = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
        outside = radius * DISTANCES[SHAPES[label]](x, y)  # in pixels
        image[:] = rng.uniform(0.5, 1) * np.clip(0.5 - outside, 0, 1)
    images += rng.normal(scale=0.1, size=images.shape)
    return (255 * images.clip(0, 1)).reshape(n_samples, -1).round(), labels


def shapes():
    """Return X_train, y_train, X_test, y_test of the drawn shapes."""
    rng = np.random.default_rng(0)
    return *draw_shapes(6000, rng), *draw_shapes(4000, rng)


def patches(photograph, n_samples, rng):
    """Return grey patches of a photograph, shape (n_samples, 784)."""
    windows = np.lib.stride_tricks.sliding_window_view(photograph, (SIDE, SIDE))
    rows, columns = (rng.integers(n, size=n_samples) for n in windows.shape[:2])
    return windows[rows, columns].reshape(n_samples, -1)


def photographs():
    """Return X_train, y_train, X_test, y_test of patches of two photographs."""
    rng = np.random.default_rng(0)
    greys = [image.mean(axis=2).round() for image in load_sample_images().images]
    parts = []
    for half, n_samples in ((slice(0, 320), 4000), (slice(320, 640), 2000)):
        X = np.concatenate([patches(grey[:, half], n_samples, rng) for grey in greys])
        parts += [X, np.repeat([0, 1], n_samples)]
    return tuple(parts)


def waves(X):
    """Return the 31 lowest frequencies of images, brightness among them."""
    return spectrum(X.reshape(-1, SIDE, SIDE) / 255, 31)


def with_constant(seed, scale, intercept_scaling):
    """Return a pipeline on frequencies beside a constant amplitude, on 5 qubits."""
    steps = [FunctionTransformer(waves)] + scale * [StandardScaler()]
    options = {"random_state": seed, "intercept_scaling": intercept_scaling}
    return make_pipeline(*steps, QNNClassifier(**PAIR_OPTIONS | options))


def with_black(seed, black):
    """Return a pipeline on 4x4 pixels in two channels, white and black, on 5 qubits."""
    options = {"n_frequencies": None, "image_size": (4, 4), "black": black}
    return pair_pipeline(seed, options)


ENCODINGS = {
    "as for pairs": pair_pipeline,
    "black='edge'": lambda seed: with_black(seed, "edge"),
    "black='full'": lambda seed: with_black(seed, "full"),
    "constant": lambda seed: with_constant(seed, False, "auto"),
    "scaled, constant 1": lambda seed: with_constant(seed, True, 1.0),
    "scaled, constant 2": lambda seed: with_constant(seed, True, 2.0),
    "scaled, constant 4": lambda seed: with_constant(seed, True, 4.0),
}


def choose_encoding(X, y):
    """Return the name of the best encoding on held-out rows, and print all of them."""
    X, X_held, y, y_held = train_test_split(
        X, y, test_size=0.25, stratify=y, random_state=0
    )
    found = {
        name: make(0).fit(X, y).score(X_held, y_held)
        for name, make in ENCODINGS.items()
    }
    print("  24 parameters, a quarter of the training patches held out, seed 0:")
    for name, accuracy in found.items():
        print(f"    {name:22s} {100 * accuracy:6.2f}", flush=True)
    return max(found, key=found.get)


def report(name, n_parameters, scores, seconds):
    """Print a row: median, worst and best accuracy in per cent."""
    low, middle, high = np.percentile(100 * np.array(scores), (0, 50, 100))
    print(
        f"  {name:24s} {n_parameters!s:>5s} parameters  {middle:6.2f} "
        f"({low:.2f} to {high:.2f})  {np.median(seconds):6.1f} s",
        flush=True,
    )


def evaluate(name, make, seeds, data):
    """Fit for each seed, score the test images, print a row."""
    X, y, X_test, y_test = data
    scores, seconds = [], []
    for seed in seeds:
        start = time.process_time()
        model = make(seed).fit(X, y)
        seconds.append(time.process_time() - start)
        scores.append(model.score(X_test, y_test))
    if isinstance(model, SVC):
        n_parameters = model.dual_coef_.size + model.intercept_.size
    else:
        n_parameters = getattr(model[-1], "n_parameters_", None) or size(model)
    report(name, n_parameters, scores, seconds)


def compare(data, count, circuits, seeds):
    """Print circuits, logistic regression and perceptron of one number of parameters.

    `circuits` are pairs of a name and a function from a seed to an estimator.
    """
    n_outputs = 1 if len(np.unique(data[1])) == 2 else len(np.unique(data[1]))
    for name, make_circuit in circuits:
        evaluate(name, make_circuit, seeds, data)
    X, y, X_test, y_test = data
    scaled = X / 255, y, X_test / 255, y_test
    evaluate(
        "logistic regression",
        lambda seed: logistic_regression(count, n_outputs),
        [0],
        scaled,
    )
    make = choose_perceptron(count, n_outputs, scaled[0], y)
    evaluate("perceptron", make, seeds, scaled)


def main():
    """Print the tables of both data sets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    names = ("shapes", "photographs")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    arguments = parser.parse_args()
    seeds = range(arguments.seeds)
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(versions())
    print("test accuracy in per cent: median (worst to best) of the seeds")
    if "shapes" in arguments.only:
        data = shapes()
        print(f"shapes, {len(SHAPES)} classes, {len(data[2])} test images")
        for count in COUNTS:
            reps = (count - 1 - len(SHAPES)) // 6 - 1
            circuit = ("qnn", lambda s, reps=reps: many_pipeline(s, reps=reps))
            compare(data, count, [circuit], seeds)
        support_vectors(data)
    if "photographs" in arguments.only:
        data = photographs()
        print(f"photographs, 2 classes, {len(data[2])} test patches")
        best = choose_encoding(*data[:2])
        circuits = [
            ("qnn, as for pairs", pair_pipeline),
            (f"qnn, {best}", ENCODINGS[best]),
        ]
        compare(data, 24, circuits, seeds)
        support_vectors(data)


def support_vectors(data):
    """Print a row for a support vector machine on all pixels, of any size."""
    X, y, X_test, y_test = data
    scaled = X / 255, y, X_test / 255, y_test
    evaluate("SVC, all pixels", lambda seed: SVC(), [0], scaled)


if __name__ == "__main__":
    main()
