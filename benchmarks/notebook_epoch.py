"""One epoch of the published notebook's training, by us and by its own method.

11 qubits, 80 samples, batch size 1, Adam with step size 0.01, squared error to -1/+1,
RY(x_i) on qubit i, ``real_amplitudes(11, reps=1)``, Z on qubit 10, a factor and an
offset: 24 trainable numbers. Ours is ``QNNClassifier.fit`` with all that it does; the
other side is the same loop around qiskit-machine-learning's EstimatorQNN with Qiskit's
StatevectorEstimator. Values and gradients are compared. Run with

    python benchmarks/notebook_epoch.py [--full]

Times are processor seconds on one core. Without `--full` the slow side runs 10 of the
80 steps, which all cost the same, and is scaled. It runs twice: with the notebook's
circuit (entanglement "full"), and with the equal but shorter "reverse_linear".
"""

import argparse
import json
import warnings
from functools import partial
from typing import NamedTuple

import numpy as np
from _machine import cpu_seconds, describe_machine, run_on_one_core
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp
from qiskit_machine_learning.neural_networks import EstimatorQNN
from sklearn.exceptions import ConvergenceWarning

from skqnn import QNNClassifier
from skqnn._engine.statevector import StatevectorEngine

N_QUBITS, N_SAMPLES, STEP_SIZE = 11, 80, 0.01
OBSERVABLE = "Z" + 10 * "I"
ENTANGLEMENTS = ("full", "reverse_linear")
TOLERANCE = 1e-6


class Weights(NamedTuple):
    """Trainable numbers of the model, or anything of that shape."""

    theta: np.ndarray
    scale: float
    bias: float


def circuits(entanglement: str) -> tuple[QuantumCircuit, QuantumCircuit]:
    """Return the feature map and the ansatz."""
    x = ParameterVector("x", N_QUBITS)
    feature_map = QuantumCircuit(N_QUBITS)
    for q in range(N_QUBITS):
        feature_map.ry(x[q], q)
    return feature_map, real_amplitudes(N_QUBITS, reps=1, entanglement=entanglement)


def make_qnn(entanglement: str) -> EstimatorQNN:
    """Return the notebook's network, with exact expectation values."""
    feature_map, ansatz = circuits(entanglement)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that no gradient and no pass manager is given
        return EstimatorQNN(
            circuit=feature_map.compose(ansatz),
            estimator=StatevectorEstimator(),
            observables=SparsePauliOp(OBSERVABLE),
            input_params=feature_map.parameters,
            weight_params=ansatz.parameters,
            default_precision=0.0,
        )


def train(qnn: EstimatorQNN, X, targets, weights: Weights) -> Weights:
    """Train for one pass over X, one sample per step of Adam."""
    flat = np.concatenate([weights.theta, [weights.scale, weights.bias]])
    mean, square = np.zeros_like(flat), np.zeros_like(flat)
    for step, (x, target) in enumerate(zip(X, targets, strict=True), start=1):
        theta, (scale, bias) = flat[:-2], flat[-2:]
        value = qnn.forward(x, theta).item()
        _, slopes = qnn.backward(x, theta)
        slope = 2 * (scale * value + bias - target)
        gradient = np.concatenate(
            [slope * scale * slopes.ravel(), [slope * value, slope]]
        )
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        mean_hat, square_hat = mean / (1 - 0.9**step), square / (1 - 0.999**step)
        flat = flat - STEP_SIZE * mean_hat / (np.sqrt(square_hat) + 1e-8)
    return Weights(flat[:-2], *flat[-2:])


def fit(X, y, max_iter: int) -> QNNClassifier:
    """Train our classifier on the notebook's model for `max_iter` epochs."""
    model = QNNClassifier(
        encoding="angle",
        observables=[OBSERVABLE],
        loss="squared_error",
        learning_rate_init=STEP_SIZE,
        batch_size=1,
        max_iter=max_iter,
        n_iter_no_change=max_iter,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)  # the model has dead parameters
        return model.fit(X, y)


def largest_difference(qnn: EstimatorQNN, entanglement: str, X, theta) -> float:
    """Return how far values and gradients of the two sides are apart, at most."""
    feature_map, ansatz = circuits(entanglement)
    engine = StatevectorEngine(
        ansatz, [SparsePauliOp(OBSERVABLE)], feature_map=feature_map
    )
    gap = 0.0
    for row in X:
        values, pullback = engine.vjp(engine.prepare(row[None]), theta)
        _, slopes = qnn.backward(row, theta)
        gap = max(
            gap,
            float(np.max(np.abs(values - qnn.forward(row, theta)))),
            float(np.max(np.abs(pullback(np.ones((1, 1))) - slopes.ravel()))),
        )
    return gap


def measure(args: argparse.Namespace) -> dict[str, float]:
    """Return the numbers that `main` prints, times in seconds."""
    rng = np.random.default_rng(args.seed)
    X = rng.uniform(0, np.pi, (N_SAMPLES, N_QUBITS))
    y = rng.integers(0, 2, N_SAMPLES)
    weights = Weights(rng.uniform(-1, 1, 2 * N_QUBITS), 1.0, 0.0)
    n_steps = N_SAMPLES if args.full else args.steps
    qnns = {entanglement: make_qnn(entanglement) for entanglement in ENTANGLEMENTS}
    gaps = [
        largest_difference(qnn, entanglement, X[: min(n_steps, 10)], weights.theta)
        for entanglement, qnn in qnns.items()
    ]
    if max(gaps) > TOLERANCE:
        raise SystemExit(f"The two sides differ by {max(gaps):.1e}, more than allowed.")

    fit(X, y, 1)
    times = {"fit_1": [], "fit_11": [], **{name: [] for name in qnns}}
    # The sides take turns, so that other load hits all of them.
    for rows in np.array_split(np.arange(n_steps), min(5, n_steps)):
        for name, qnn in qnns.items():
            loop = partial(train, qnn, X[rows], 2 * y[rows] - 1, weights)
            times[name].append(cpu_seconds(loop) / len(rows))
        for _ in range(args.repeat):
            times["fit_1"].append(cpu_seconds(partial(fit, X, y, 1)))
            times["fit_11"].append(cpu_seconds(partial(fit, X, y, 11)))
    best = {name: min(seconds) for name, seconds in times.items()}
    return {
        "largest_difference": max(gaps),
        **{f"estimator_qnn_{name}": N_SAMPLES * best[name] for name in qnns},
        "fit_1_epoch": best["fit_1"],
        "fit_11_epochs": best["fit_11"],
        "skqnn_epoch": (best["fit_11"] - best["fit_1"]) / 10,
    }


def print_table(numbers: dict[str, float], steps: str) -> None:
    """Print our two times, and those of the other side as multiples of them."""
    epoch, first = numbers["skqnn_epoch"], numbers["fit_1_epoch"]
    print(f"{'':<42}{'one epoch':>12}{'fit of one epoch':>18}")
    print(f"{'QNNClassifier':<42}{1e3 * epoch:>9.2f} ms{1e3 * first:>15.2f} ms")
    for entanglement in ENTANGLEMENTS:
        seconds = numbers[f"estimator_qnn_{entanglement}"]
        name = f"EstimatorQNN, {entanglement}, {seconds:.2f} s"
        print(f"{name:<42}{seconds / epoch:>11.0f}x{seconds / first:>17.0f}x")
    print(
        f"EstimatorQNN ran {steps} steps. Values and gradients differ by at most "
        f"{numbers['largest_difference']:.0e}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=10, help="steps of the slow side")
    parser.add_argument("--full", action="store_true", help="all 80 of them")
    parser.add_argument("--repeat", type=int, default=3, help="fits per turn, of 5")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="write settings and numbers to this file")
    args = parser.parse_args()
    run_on_one_core()
    machine = describe_machine()
    print(f"{machine}\nseed {args.seed}, best of {5 * args.repeat} fits\n", flush=True)
    numbers = measure(args)
    print_table(numbers, "all" if args.full else f"{args.steps} of {N_SAMPLES}")
    if args.json:
        with open(args.json, "w") as file:
            json.dump({"machine": machine, **vars(args), **numbers}, file, indent=1)


if __name__ == "__main__":
    main()
