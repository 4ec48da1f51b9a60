"""Train on a GPU through PyTorch and on the processor through NumPy, and compare.

Two trainings of a binary classifier, of 11 and of 14 qubits, on random unit vectors of
two slightly different directions. Each runs with NumPy arrays and with torch tensors on
``--device`` (CUDA where there is one, otherwise the processor); losses must agree.
"""

import argparse
import os
import time
import warnings

os.environ["SCIPY_ARRAY_API"] = "1"  # SciPy reads it when it is imported

import numpy as np
import sklearn
import torch
from _machine import describe_machine

from skqnn import QNNClassifier

TOLERANCE = {"float64": 1e-8, "float32": 1e-2}


def main() -> None:
    options = parse()
    name = "the processor, through PyTorch"
    if options.device != "cpu":
        name = torch.cuda.get_device_name(options.device)
    print(describe_machine())
    print(f"torch {torch.__version__}, device {options.device}: {name}")
    print(f"batches of {options.batch_size}, {options.epochs} epochs, seed 0\n")
    print("qubits reps dtype   samples   NumPy s/epoch   torch s/epoch   ratio  loss")
    for n_qubits, reps in ((11, 1), (11, 10), (14, 1), (14, 10)):
        for dtype in ("float64", "float32"):
            compare(n_qubits, reps, dtype, options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    default = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", default=default)
    parser.add_argument("--n-samples", type=int, default=4096)
    parser.add_argument("--batch-size", type=int, default=1024)
    parser.add_argument("--epochs", type=int, default=3)
    return parser.parse_args()


def compare(n_qubits: int, reps: int, dtype: str, options) -> None:
    X, y = data(n_qubits, options.n_samples, dtype)
    model = QNNClassifier(
        reps=reps,
        batch_size=options.batch_size,
        max_iter=options.epochs,
        tol=0,
        random_state=0,
    )
    X_there = torch.asarray(X, device=options.device)
    y_there = torch.asarray(y, device=options.device)
    train(model, X_there, y_there)  # start-up of the device does not count
    there = train(model, X_there, y_there)
    here = train(model, X, y)
    (s_here, loss_here), (s_there, loss_there) = here, there
    same = abs(loss_here - loss_there) <= TOLERANCE[dtype] * abs(loss_here)
    print(
        f"{n_qubits:6} {reps:4} {dtype} {options.n_samples:7} {s_here:15.3f} "
        f"{s_there:15.3f} {s_here / s_there:7.2f}  {loss_there:.6f}"
        + ("" if same else f"  DIFFERS from {loss_here:.6f}"),
        flush=True,
    )


def data(n_qubits: int, n_samples: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=n_samples)
    X = rng.normal(size=(n_samples, 2**n_qubits))
    X += np.outer(2 * y - 1, rng.normal(size=2**n_qubits)) / 4
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X.astype(dtype), y


def train(model: QNNClassifier, X, y) -> tuple[float, float]:
    """Return seconds per epoch and the last loss."""
    model = sklearn.clone(model)
    start = time.perf_counter()
    with warnings.catch_warnings(), sklearn.config_context(array_api_dispatch=True):
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        model.fit(X, y)
    # Gradients were needed on the host, so nothing is left to wait for.
    return (time.perf_counter() - start) / model.max_iter, model.loss_


if __name__ == "__main__":
    main()
