"""All 45 pairs of MNIST digits with 24 trained parameters: the model and its selection.

    python benchmarks/mnist_pairs.py --select    how the options were chosen

The test accuracies of all pairs are printed by benchmarks/accuracy_per_parameter.py.
Two dozen angles have local minima: a model is the one with the lowest training loss of
five starts. `--select` trains on 1,500 training images of each of six pairs that are
hard to tell apart, and scores all other training images of the pair; the test set is
not read.
"""

import argparse
import time
import warnings

import numpy as np
from _mnist import load_mnist, versions
from qiskit import QuantumCircuit
from qiskit.circuit.library import real_amplitudes
from qiskit.quantum_info import SparsePauliOp
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier
from skqnn.exceptions import DeadParameterWarning

N_ANGLES = 22  # a scale and a bias make 24
N_STARTS = 5  # of which the one with the lowest training loss is kept
ENCODER = {
    "black": "none",
    "n_frequencies": 32,
    "pixel_range": (0, 255),
    "dtype": "float32",
}
HARD_PAIRS = ((4, 9), (3, 5), (7, 9), (3, 8), (5, 8), (2, 7))


def ansatz(n_qubits: int, entanglement: str = "circular") -> QuantumCircuit:
    """Return `real_amplitudes` with exactly 22 angles, its first layer cut."""
    reps = -(-N_ANGLES // n_qubits) - 1
    circuit = real_amplitudes(n_qubits, reps=reps, entanglement=entanglement)
    surplus = circuit.parameters[: circuit.num_parameters - N_ANGLES]
    return circuit.assign_parameters(dict.fromkeys(surplus, 0.0))


def parity_where_zero(n_qubits: int, n_zero: int) -> SparsePauliOp:
    """Return Z on all qubits but the `n_zero` highest, where those read zero.

    A projector times a Pauli string: ``(1 + Z) / 2`` on each of the highest qubits. All
    its terms are made of Z and are measured at once.
    """
    projector = SparsePauliOp(["I", "Z"], [0.5, 0.5])
    operator = SparsePauliOp("Z" * (n_qubits - n_zero))
    for _ in range(n_zero):
        operator = projector.tensor(operator)
    return operator


OPTIONS = {
    "ansatz": ansatz,
    "observables": [parity_where_zero(5, 2)],
    "solver": "lbfgs",
    "max_iter": 150,
    "tol": 1e-6,
}
SELECTION = [
    ("as chosen", {}, {}),
    ("parity of all qubits", {}, {"observables": [parity_where_zero(5, 0)]}),
    ("parity where one is 0", {}, {"observables": [parity_where_zero(5, 1)]}),
    ("parity where three are 0", {}, {"observables": [parity_where_zero(5, 3)]}),
    ("Z on qubit 0", {}, {"observables": ["IIIIZ"]}),
    (
        "reverse_linear",
        {},
        {"ansatz": lambda n: ansatz(n, "reverse_linear")},
    ),
    ("sca", {}, {"ansatz": lambda n: ansatz(n, "sca")}),
    ("pairwise", {}, {"ansatz": lambda n: ansatz(n, "pairwise")}),
    ("emphasis=0.5", {"emphasis": 0.5}, {}),
    (
        "emphasis=0.5, sca",
        {"emphasis": 0.5},
        {"ansatz": lambda n: ansatz(n, "sca")},
    ),
    (
        "16 frequencies",
        {"n_frequencies": 16},
        {"observables": [parity_where_zero(4, 1)]},
    ),
    (
        "64 frequencies",
        {"n_frequencies": 64},
        {"observables": [parity_where_zero(6, 2)]},
    ),
    (
        "one-cycle Adam, 40 epochs",
        {},
        {"solver": "adam", "learning_rate": "one_cycle", "max_iter": 40},
    ),
]


def pipeline(seed: int, encoder_options: dict | None = None, **options):
    """Return encoder and classifier with the chosen options, or some others."""
    return make_pipeline(
        BinaryAmplitudeEncoder(**ENCODER | (encoder_options or {})),
        QNNClassifier(**OPTIONS | {"random_state": seed} | options),
    )


def select() -> None:
    """Print mean accuracies of six pairs on held-out training images."""
    X, y, *_ = load_mnist()
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order], y[order]
    print("six pairs, 1,500 images train, all others are scored, best of 5 starts")
    for name, encoder_options, options in SELECTION:
        start, scores, losses = time.process_time(), [], []
        for pair in HARD_PAIRS:
            rows = np.flatnonzero(np.isin(y, pair))
            train, held = rows[:1500], rows[1500:]
            models = [
                pipeline(seed, encoder_options, **options).fit(X[train], y[train])
                for seed in range(N_STARTS)
            ]
            scores.append([100 * model.score(X[held], y[held]) for model in models])
            losses.append([model[-1].loss_ for model in models])
        best = [one[np.argmin(loss)] for one, loss in zip(scores, losses, strict=True)]
        print(
            f"{name:28s} {np.mean(best):6.2f} %, one start {np.mean(scores):6.2f} %, "
            f"lowest loss {np.mean(np.min(losses, axis=1)):.4f}  "
            f"{(time.process_time() - start) / np.size(scores):5.2f} s per start",
            flush=True,
        )


def main() -> None:
    """Print the selection."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--select", action="store_true", required=True)
    parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", DeadParameterWarning)
    print(versions())
    select()


if __name__ == "__main__":
    main()
