"""A published claim, rebuilt on MNIST: its model, its split, then full test sets.

    python examples/mnist_notebook_claim.py

Takes a few minutes, and needs MNIST (fetched by fetch_openml, about 15 MB) and Pillow,
which comes with matplotlib. The short version on embedded data, with explanations, is
`plot_notebook_claim.py`.
"""

import platform
import warnings
from functools import partial

import numpy as np
import sklearn
from PIL import Image
from sklearn.datasets import fetch_openml
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import skqnn
from skqnn import BinaryAmplitudeEncoder, QNNClassifier

SEEDS = range(5)


def zeros_and_ones():
    """Return 28x28 zeros and ones, labels, and where the official test set begins."""
    X, y = fetch_openml(
        "mnist_784",
        version=1,
        return_X_y=True,
        as_frame=False,
        parser="liac-arff",  # needs no pandas
    )
    chosen = np.isin(y, ["0", "1"])
    return X[chosen].astype(np.uint8), y[chosen].astype(int), chosen[:60000].sum()


def shrink(X):
    """Resize images to 8x8 as the notebook does: antialiased, bilinear."""
    images = (Image.fromarray(row.reshape(28, 28)) for row in X)
    small = [image.resize((8, 8), Image.Resampling.BILINEAR) for image in images]
    return np.array([np.asarray(image).ravel() for image in small])


def eleven_angles(amplitudes):
    """Return pi times six means of white and five means of black amplitudes."""
    white, black = amplitudes[:, :64], amplitudes[:, 64:]
    means = [white[:, 10 * i : 10 * i + 10].mean(axis=1) for i in range(6)]
    means += [black[:, 12 * i : 12 * i + 12].mean(axis=1) for i in range(5)]
    return np.pi * np.column_stack(means)


def notebook(seed, max_iter=30, **options):
    """Return the notebook's model; its observable is Z on qubit 10."""
    options = {"observables": ["Z" + 10 * "I"], "loss": "squared_error"} | options
    return QNNClassifier(
        encoding="angle",
        learning_rate_init=0.01,
        batch_size=1,
        max_iter=max_iter,
        tol=0,
        n_iter_no_change=max_iter,
        random_state=seed,
        **options,
    )


def ours(seed, **options):
    """Return our classifier, with step sizes that grow and shrink."""
    options = {"learning_rate": "one_cycle", "max_iter": 40} | options
    return QNNClassifier(random_state=seed, **options)


def row(y, train, tests, name, make, data, seeds=SEEDS):
    """Print median, worst and best accuracy in per cent for each test set."""
    models = [make(seed).fit(data[train], y[train]) for seed in seeds]
    text = f"{name:46s}"
    for test in tests:
        scores = [100 * model.score(data[test], y[test]) for model in models]
        low, median, high = np.percentile(scores, (0, 50, 100))
        text += f"{median:7.2f} ({low:.2f} to {high:.2f})".ljust(28)
    print(text.rstrip(), flush=True)


def compare_amplitudes(compare, angles, small, large):
    """Print the last rows of both tables."""
    compare("8x8 as amplitudes: 7 qubits, 16 parameters", ours, small)
    compare("28x28 as amplitudes: 11 qubits, 24 parameters", ours, large)
    compare(
        "logistic regression on the notebook's angles",
        lambda s: LogisticRegression(max_iter=1000),
        angles,
        seeds=[0],
    )


def main():
    """Print a table for the notebook's split and one for all of MNIST."""
    warnings.simplefilter("ignore")  # dead parameters and convergence are discussed
    print(
        f"skqnn {skqnn.__version__}, scikit-learn {sklearn.__version__}, numpy "
        f"{np.__version__}, {platform.machine()}, seeds {list(SEEDS)}"
    )
    X, y, n_train = zeros_and_ones()
    small = BinaryAmplitudeEncoder(pixel_range=(0, 255)).fit_transform(shrink(X))
    angles = eleven_angles(small)
    large = BinaryAmplitudeEncoder(pixel_range=(0, 255), dtype="float32")
    large = large.fit_transform(X)

    first = np.sort(np.concatenate([np.flatnonzero(y == c)[:50] for c in (0, 1)]))
    train, twenty = first[:80], first[80:]
    official = np.arange(n_train, len(y))
    print(f"\nThe notebook's split: 80 images train {np.bincount(y[train])}")
    print(
        f"{'per cent: median (worst to best)':46s}"
        f"{f' 20 images {np.bincount(y[twenty])}':28s} {len(official)} test images"
    )
    compare = partial(row, y, train, (twenty, official))
    compare("majority class", lambda s: DummyClassifier(), angles, seeds=[0])
    for epochs in (15, 30):
        compare(
            f"the notebook's model, {epochs} epochs",
            lambda s, n=epochs: notebook(s, n),
            angles,
        )
    compare(
        "the same, Z on qubit 0",
        lambda s: notebook(s, observables=[10 * "I" + "Z"]),
        angles,
    )
    compare(
        "the same, Z on all qubits", lambda s: notebook(s, observables="auto"), angles
    )
    compare(
        "and log-loss, angles stretched to +-1.5",
        lambda s: make_pipeline(
            MinMaxScaler((-1.5, 1.5)), notebook(s, observables="auto", loss="log_loss")
        ),
        angles,
    )
    compare_amplitudes(compare, angles, small, large)

    train = np.arange(n_train)
    print(f"\nAll of MNIST: {n_train} images train {np.bincount(y[train])}")
    print(f"{'per cent: median (worst to best)':46s} {len(official)} test images")
    compare = partial(row, y, train, (official,))
    compare("majority class", lambda s: DummyClassifier(), angles, seeds=[0])
    compare("the notebook's model, 1 epoch", lambda s: notebook(s, 1), angles)
    compare_amplitudes(compare, angles, small, large)


if __name__ == "__main__":
    main()
