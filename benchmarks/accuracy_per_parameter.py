"""Test accuracy on MNIST against the number of trained parameters.

    python benchmarks/accuracy_per_parameter.py --csv FILE --plot FILE
        [--tasks ten_digits pairs] [--seeds 3] [--epochs N]

Ten digits: all 60,000 training images train, all 10,000 test images are scored once per
seed. The 45 pairs have 24 parameters. Models of (at most) the same parameter count:

    qnn                     `real_amplitudes`, depth by the number of parameters
    qnn, no entanglers      the same angles, every CX removed
    logistic regression     on as many principal components as the count allows
    perceptron              one hidden layer on principal components; the width is
                            chosen on 10,000 held-out training images

The options of the circuit were chosen on held-out training images, see
benchmarks/mnist_ten_digits.py.
"""

import argparse
import csv
import time
import warnings
from pathlib import Path

import numpy as np
from _mnist import load_mnist, versions
from mnist_pairs import COLUMNS, print_table, run_pairs
from mnist_ten_digits import ENCODER, OPTIONS
from qiskit import QuantumCircuit
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

COUNTS = (24, 100, 250, 500, 1000, 2000)
N_CLASSES = 10
WIDTHS = (1, 2, 4, 8, 12, 16, 24, 32)


def qnn(n_parameters, n_qubits, seed, epochs, ansatz=None):
    """Return our classifier with at most n_parameters (a scale and ten biases)."""
    reps = (n_parameters - 1 - N_CLASSES) // n_qubits - 1
    options = OPTIONS | {"reps": max(reps, 1), "random_state": seed}
    if epochs:
        options["max_iter"] = epochs
    if ansatz is not None:
        options["ansatz"] = ansatz
    return QNNClassifier(**options)


def without_entanglers(circuit):
    """Return the circuit without its two-qubit gates, the parameters unchanged."""
    bare = QuantumCircuit(circuit.num_qubits)
    for item in circuit.data:
        if len(item.qubits) == 1:
            bare.append(
                item.operation, [circuit.find_bit(q).index for q in item.qubits]
            )
    return bare


def logistic_regression(n_parameters, seed):
    """Return multinomial logistic regression with at most n_parameters."""
    n_components = n_parameters // N_CLASSES - 1
    return make_pipeline(
        PCA(n_components, random_state=seed), LogisticRegression(max_iter=500)
    )


def perceptron(n_parameters, width, seed):
    """Return a perceptron with at most n_parameters, or None if there is none."""
    n_components = (n_parameters - N_CLASSES * (width + 1) - width) // width
    if n_components < 1:
        return None
    return make_pipeline(
        PCA(min(n_components, 200), random_state=seed),
        StandardScaler(),
        MLPClassifier((width,), max_iter=30, random_state=seed),
    )


def best_width(n_parameters, X, y):
    """Return the width of the perceptron that is best on held-out training images."""
    scores = {}
    for width in WIDTHS:
        model = perceptron(n_parameters, width, 0)
        if model is not None:
            scores[width] = model.fit(X[:-10000], y[:-10000]).score(
                X[-10000:], y[-10000:]
            )
    return max(scores, key=scores.get)


def size(model):
    """Return the number of trained parameters of a classical pipeline."""
    last = model[-1]
    arrays = (
        [*last.coefs_, *last.intercepts_]
        if isinstance(last, MLPClassifier)
        else [last.coef_, last.intercept_]
    )
    return sum(array.size for array in arrays)


def ten_digits(n_seeds, epochs, counts):
    """Yield the rows of the ten-digit task."""
    X, y, X_test, y_test = load_mnist()
    encoder = BinaryAmplitudeEncoder(**ENCODER).fit(X)
    states, states_test = encoder.transform(X), encoder.transform(X_test)
    X, X_test = X / np.float32(255), X_test / np.float32(255)
    for count in counts:
        width = best_width(count, X, y)
        for seed in range(n_seeds):
            start = time.perf_counter()
            model = qnn(count, encoder.n_qubits_, seed, epochs).fit(states, y)
            rows = [("qnn", model.n_parameters_, model.score(states_test, y_test))]
            bare = without_entanglers(model.circuit_)
            ablated = qnn(count, encoder.n_qubits_, seed, epochs, bare)
            ablated.set_params(observables=model.observables_).fit(states, y)
            accuracy = ablated.score(states_test, y_test)
            rows.append(("qnn, no entanglers", ablated.n_parameters_, accuracy))
            for name, baseline in (
                ("logistic regression", logistic_regression(count, seed)),
                ("perceptron", perceptron(count, width, seed)),
            ):
                baseline.fit(X, y)
                rows.append((name, size(baseline), baseline.score(X_test, y_test)))
            for name, n_parameters, accuracy in rows:
                yield "ten_digits", name, n_parameters, seed, accuracy
                print(f"{count:5d} {name:22s} {n_parameters:5d} {seed} {accuracy:.4f}")
            print(f"      {time.perf_counter() - start:.0f} s", flush=True)


def plot(rows, path):
    """Draw medians over the seeds with the range, both tasks side by side."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    names = dict.fromkeys(row[1] for row in rows if row[0] == "ten_digits")
    for name in names:
        by_size = {}
        for task, model, n_parameters, _, accuracy in rows:
            if task == "ten_digits" and model == name:
                by_size.setdefault(n_parameters, []).append(100 * accuracy)
        sizes = sorted(by_size)
        middle = [np.median(by_size[s]) for s in sizes]
        low, high = ([f(by_size[s]) for s in sizes] for f in (min, max))
        (line,) = axes[0].semilogx(sizes, middle, "o-", label=name)
        axes[0].fill_between(sizes, low, high, alpha=0.2, color=line.get_color())
    axes[0].set(xlabel="trained parameters", ylabel="test accuracy (%)")
    axes[0].set_title("ten digits: median and range over the seeds")
    axes[0].grid(alpha=0.3)
    axes[0].legend()
    pairs = {}
    for task, model, _, _, accuracy in rows:
        if task.startswith("pair"):
            pairs.setdefault(task, {}).setdefault(model, []).append(100 * accuracy)
    for values in pairs.values():
        ours, theirs = (np.median(v) for v in values.values())
        axes[1].plot(theirs, ours, "o", color="C0", alpha=0.6)
    ends = axes[1].get_xlim()
    axes[1].plot(ends, ends, color="0.5", lw=1)
    axes[1].set(xlabel="logistic regression (%)", ylabel="qnn (%)")
    axes[1].set_title("45 pairs with 24 parameters")
    axes[1].grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def main():
    """Run the tasks, write the rows and the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=["ten_digits", "pairs"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="instead of the chosen number")
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--csv", type=Path, help="appended to if it exists")
    parser.add_argument("--plot", type=Path, help="a picture of all rows of --csv")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(versions())
    rows = []
    if "ten_digits" in arguments.tasks:
        rows += ten_digits(arguments.seeds, arguments.epochs, arguments.counts)
    if "pairs" in arguments.tasks:
        pairs = run_pairs(arguments.seeds)
        print_table(pairs)
        rows += pairs
    if arguments.csv:
        new = not arguments.csv.exists()
        with arguments.csv.open("a", newline="") as file:
            csv.writer(file).writerows([*([COLUMNS] if new else []), *rows])
    if arguments.plot:
        if arguments.csv:
            with arguments.csv.open(newline="") as file:
                rows = [
                    (
                        r["task"],
                        r["model"],
                        int(r["n_parameters"]),
                        int(r["seed"]),
                        float(r["test_accuracy"]),
                    )
                    for r in csv.DictReader(file)
                ]
        plot(rows, arguments.plot)


if __name__ == "__main__":
    main()
