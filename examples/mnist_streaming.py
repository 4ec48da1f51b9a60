"""Ten digits from images that stay on disk, one chunk in memory at a time.

    python examples/mnist_streaming.py            8x8 digits that scikit-learn ships
    python examples/mnist_streaming.py --mnist    all 70,000 MNIST images (downloads)

Encoded, 60,000 images of 28x28 pixels are 2,048 float32 amplitudes each: 491 MB. Here
pixels are memory-mapped, and a chunk is encoded when its turn comes. Chunks hold whole
mini-batches, so an epoch of `partial_fit` is an epoch of `fit` in the same order.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import fetch_openml, load_digits

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

BATCH = 100
CHUNK = 20 * BATCH  # images


def write_digits(folder):
    """Write pixels and labels of 1,797 images of 8x8 pixels."""
    X, y = load_digits(return_X_y=True)
    np.save(folder / "digits_pixels.npy", X.astype(np.uint8))
    np.save(folder / "digits_labels.npy", y)


def write_mnist(folder):
    """Write pixels and labels of 70,000 images of 28x28 pixels."""
    X, y = fetch_openml(
        "mnist_784",
        version=1,
        return_X_y=True,
        as_frame=False,
        parser="liac-arff",  # the other one needs pandas
    )
    np.save(folder / "mnist_pixels.npy", X.astype(np.uint8))
    np.save(folder / "mnist_labels.npy", y.astype(int))


class Source(NamedTuple):
    """Where images come from, and how long they train."""

    name: str
    write: Callable
    n_train: int
    white: int  # brightest value of a pixel
    n_epochs: int


SOURCES = {
    "digits": Source("digits", write_digits, 1200, 16, 20),
    "mnist": Source("mnist", write_mnist, 60_000, 255, 5),
}


def write_once(source, folder):
    """Return the memory-mapped pixels and the labels, written if need be."""
    files = [folder / f"{source.name}_{part}.npy" for part in ("pixels", "labels")]
    if not all(file.exists() for file in files):
        # Reading the source takes more memory than training: let a process that ends
        # have it.
        process = multiprocessing.get_context("spawn").Process(
            target=source.write, args=(folder,)
        )
        process.start()
        process.join()
        if process.exitcode:
            sys.exit(f"writing {files[0]} failed")
        print(f"pixels written       by a process of {peak_memory(children=True)}")
    return np.load(files[0], mmap_mode="r"), np.load(files[1])


def peak_memory(children=False):
    """Return the largest memory that this process (or its children) ever had."""
    try:
        import resource
    except ImportError:  # Windows
        return "unknown peak memory"
    who = resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF
    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    return f"{resource.getrusage(who).ru_maxrss * unit / 1e6:,.0f} MB"


def chunks(n_samples, rng=None):
    """Return slices of CHUNK rows, in random order with a generator."""
    starts = np.arange(0, n_samples, CHUNK)
    if rng is not None:
        rng.shuffle(starts)
    return [slice(start, min(start + CHUNK, n_samples)) for start in starts]


def train(model, encoder, X, y, n_epochs):
    """Stream all rows `n_epochs` times, with a step size that falls to 0."""
    rng = np.random.default_rng(0)
    first_step_size = model.learning_rate_init
    n_done, n_all = 0, n_epochs * len(chunks(len(X)))
    for epoch in range(n_epochs):
        start, loss = time.perf_counter(), 0.0
        for rows in chunks(len(X), rng):
            model.set_params(learning_rate_init=first_step_size * (1 - n_done / n_all))
            model.partial_fit(encoder.transform(X[rows]), y[rows], classes=range(10))
            loss += model.loss_ * len(y[rows]) / len(X)
            n_done += 1
        seconds = time.perf_counter() - start
        print(f"epoch {epoch + 1:2d}             loss {loss:.3f}, {seconds:.1f} s")


def score(model, encoder, X, y):
    """Return the accuracy, chunk by chunk."""
    hits = [
        np.sum(model.predict(encoder.transform(X[rows])) == y[rows])
        for rows in chunks(len(X))
    ]
    return sum(hits) / len(X)


def main():
    """Write the pixels, train from disk, print accuracy and memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--digits", action="store_true", help="8x8 digits (default)")
    source.add_argument("--mnist", action="store_true", help="28x28 MNIST (downloads)")
    parser.add_argument("--folder", type=Path, help="keep the pixels here")
    options = parser.parse_args()
    source = SOURCES["mnist" if options.mnist else "digits"]
    n_train = source.n_train
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        X, y = write_once(source, folder)
        encoder = BinaryAmplitudeEncoder(pixel_range=(0, source.white), dtype="float32")
        encoder.fit(X[:1])  # with a given range, it only learns the shapes
        model = QNNClassifier(
            reps=20,
            entanglement="circular",
            learning_rate_init=0.1,  # of the first step; `train` makes it smaller
            batch_size=BATCH,
            random_state=0,
        )
        print(f"at the start         {peak_memory()}")
        train(model, encoder, X[:n_train], y[:n_train], source.n_epochs)
        accuracy = score(model, encoder, X[n_train:], y[n_train:])
    print(f"training images      {n_train}, test images {len(X) - n_train}")
    print(f"qubits               {model.n_qubits_}")
    print(f"trained parameters   {model.n_parameters_}")
    print(f"test accuracy        {accuracy:.2%}")
    print(f"peak memory          {peak_memory()}")


if __name__ == "__main__":
    main()
