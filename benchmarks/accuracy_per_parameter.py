"""Test accuracy on MNIST against the number of trained parameters.

    python benchmarks/accuracy_per_parameter.py    (hours)
        [--tasks ten_digits frequencies straightened pairs] [--counts 24 100 ...]
        [--seeds 0 1 2] [--epochs N]
        [--first 0 1 ...]    (pairs of which the lower digit is one of these)
    python benchmarks/accuracy_per_parameter.py --tasks    (table and picture only)

All training images train, all test images are scored once per seed. Models of at most
the same number of trained parameters are compared:

    qnn                     `real_amplitudes`, as deep as the parameters allow: for ten
                            digits on 12x12 pixels, for pairs on 32 frequencies
    qnn, frequencies        ten digits on 64 frequencies instead of pixels, on 128
                            with more than 1,000 parameters
    qnn, no entanglers      ten digits, the same angles and observables as the first,
                            every CX removed
    logistic regression     on as many principal components as the parameters allow
    perceptron              one hidden layer on principal components, its width and
                            scaling chosen on held-out training images

"straightened" are the ten digits after the slant of each image was undone, for all
models; nothing is learnt by that. For pairs, circuit and perceptron have five starts
per seed, and the one with the lowest training loss is scored.

The options of the circuit were chosen on held-out training images, see
benchmarks/mnist_ten_digits.py and mnist_pairs.py. Each row is appended to
`--csv` as soon as it is known, and one that is there already is not run again: several
processes may share the seeds.
"""

import argparse
import csv
import itertools
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from _baselines import choose_perceptron, logistic_regression, size
from _mnist import load_mnist, straightened, versions
from mnist_pairs import N_STARTS
from mnist_pairs import pipeline as pair_pipeline
from mnist_ten_digits import PIXELS, options_for
from mnist_ten_digits import pipeline as ten_digit_pipeline
from sklearn.exceptions import ConvergenceWarning

from skqnn import QNNClassifier
from skqnn.exceptions import DeadParameterWarning
from skqnn.inspection._variants import without_entanglers

RESULTS = Path(__file__).parent / "results"
COLUMNS = ("task", "model", "n_parameters", "seed", "test_accuracy")
TEN_DIGITS = "ten_digits"
COUNTS = (24, 100, 250, 500, 850, 1000, 2000)
N_CLASSES = 10
FREQUENCIES = "frequencies"
STRAIGHTENED = "straightened"
TASKS = (TEN_DIGITS, FREQUENCIES, STRAIGHTENED, "pairs")
QNN, WAVES, BARE, LOGISTIC, PERCEPTRON = MODELS = (
    "qnn",
    "qnn, frequencies",
    "qnn, no entanglers",
    "logistic regression",
    "perceptron",
)


def ablated(model: QNNClassifier) -> QNNClassifier:
    """Return an unfitted copy of a fitted model without its two-qubit gates."""
    bare = without_entanglers(model.circuit_)
    options = {"ansatz": bare, "observables": model.observables_}
    return QNNClassifier(**model.get_params() | options)


def ten_digit_model(count: int, seed: int, epochs: int | None):
    """Return encoder and classifier with at most `count` parameters, on pixels.

    Besides the angles there are a scale and ten biases. Two dozen parameters leave room
    for 6 qubits only, 8x8 pixels.
    """
    image_size, n_qubits = ((8, 8), 6) if count < 50 else ((12, 12), 8)
    encoder_options, options = PIXELS
    options = options | {"reps": (count - 1 - N_CLASSES) // n_qubits - 1}
    if epochs:
        options["max_iter"] = epochs
    encoder_options = encoder_options | {"image_size": image_size}
    return ten_digit_pipeline(seed, encoder_options, **options)


def frequency_model(count: int, seed: int, epochs: int | None):
    """Return encoder and classifier with at most `count` parameters, on frequencies."""
    encoder_options, options = options_for(count)
    options |= {"max_iter": epochs} if epochs else {}
    return ten_digit_pipeline(seed, encoder_options, **options)


def pair_model(count: int, seed: int, epochs: int | None):
    """Return encoder and classifier of 24 parameters: 22 angles, scale and bias."""
    return pair_pipeline(seed, **{"max_iter": epochs} if epochs else {})


def starts(make: Callable, seed: int) -> Sequence[int]:
    """Return the seeds of what is trained for one seed: several for pairs."""
    return (
        range(N_STARTS * seed, N_STARTS * (seed + 1)) if make is pair_model else [seed]
    )


def circuits(make: Callable, count, seed, epochs, data) -> Iterator[tuple]:
    """Yield (model, n_parameters, test accuracy) of a circuit and of its ablation."""
    X, y, X_test, y_test = data
    encoder, _ = make(count, seed, epochs)
    states, states_test = encoder.fit_transform(X), encoder.transform(X_test)
    model = min(
        (make(count, start, epochs)[-1].fit(states, y) for start in starts(make, seed)),
        key=lambda model: model.loss_,
    )
    name = WAVES if make is frequency_model else QNN
    yield name, model.n_parameters_, model.score(states_test, y_test)
    if make is ten_digit_model:
        bare = ablated(model).fit(states, y)
        yield BARE, bare.n_parameters_, bare.score(states_test, y_test)


def baselines(make_circuit: Callable, count, n_outputs, seeds, data) -> Iterator[tuple]:
    """Yield (model, n_parameters, seed, test accuracy) of the classical models."""
    X, y, X_test, y_test = data
    X, X_test = X / np.float32(255), X_test / np.float32(255)
    model = logistic_regression(count, n_outputs).fit(X, y)  # has no randomness
    yield LOGISTIC, size(model), 0, model.score(X_test, y_test)
    make = choose_perceptron(count, n_outputs, X, y)
    for seed in seeds:
        models = (make(start).fit(X, y) for start in starts(make_circuit, seed))
        model = min(models, key=lambda model: model[-1].loss_)
        yield PERCEPTRON, size(model), seed, model.score(X_test, y_test)


def run(task, count, data, make, n_outputs, arguments, known) -> Iterator[tuple]:
    """Yield the rows of one task and count that are not known yet."""
    have = {
        (model, seed)
        for name, model, n_parameters, seed, _ in known
        if name == task and 0.75 * count < n_parameters <= count
    }
    for seed in arguments.seeds:
        if (WAVES if make is frequency_model else QNN, seed) not in have:
            for name, n_parameters, accuracy in circuits(
                make, count, seed, arguments.epochs, data
            ):
                yield task, name, n_parameters, seed, accuracy
    if not any(model == PERCEPTRON for model, _ in have):
        for row in baselines(make, count, n_outputs, arguments.seeds, data):
            yield task, *row


def new_rows(arguments, known: list[tuple]) -> Iterator[tuple]:
    """Yield the rows of all tasks that are not known yet."""
    if not arguments.tasks:
        return
    X, y, X_test, y_test = load_mnist()
    if TEN_DIGITS in arguments.tasks:
        for count in arguments.counts:
            options = (ten_digit_model, N_CLASSES, arguments, known)
            yield from run(TEN_DIGITS, count, (X, y, X_test, y_test), *options)
    if FREQUENCIES in arguments.tasks:
        for count in arguments.counts:
            options = (frequency_model, N_CLASSES, arguments, known)
            yield from run(TEN_DIGITS, count, (X, y, X_test, y_test), *options)
    if STRAIGHTENED in arguments.tasks:
        data = straightened(X), y, straightened(X_test), y_test
        for count in arguments.counts:
            options = (frequency_model, N_CLASSES, arguments, known)
            yield from run(STRAIGHTENED, count, data, *options)
    if "pairs" in arguments.tasks:
        for a, b in itertools.combinations(range(10), 2):
            if a not in arguments.first:
                continue
            train, test = np.isin(y, (a, b)), np.isin(y_test, (a, b))
            data = X[train], y[train], X_test[test], y_test[test]
            yield from run(f"pair_{a}_{b}", 24, data, pair_model, 1, arguments, known)


def read(path: Path) -> list[tuple]:
    """Return the rows of a file, none if it does not exist."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [
            (r["task"], r["model"], int(r["n_parameters"]), int(r["seed"]), score)
            for r in csv.DictReader(file)
            for score in [float(r["test_accuracy"])]
        ]


def append(path: Path, row: tuple) -> None:
    """Append one row to a file, with the names of the columns if it is new."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([COLUMNS, row] if new else [row])


def accuracies(rows: list[tuple], task: str, model: str) -> dict[int, np.ndarray]:
    """Return the accuracies in per cent of all seeds, by the number of parameters."""
    found: dict[int, list[float]] = {}
    for name, kind, n_parameters, _, accuracy in rows:
        if (name, kind) == (task, model):
            found.setdefault(n_parameters, []).append(100 * accuracy)
    return {n: np.array(found[n]) for n in sorted(found)}


def pair_medians(rows: list[tuple], model: str) -> dict[str, float]:
    """Return the median over the seeds for each pair."""
    tasks = sorted({row[0] for row in rows if row[0].startswith("pair_")})
    found = {task: accuracies(rows, task, model) for task in tasks}
    return {
        task: float(np.median(np.concatenate([*by_size.values()])))
        for task, by_size in found.items()
        if by_size
    }


def summary(rows: list[tuple]) -> Iterator[str]:
    """Yield the lines of the tables."""
    titles = {TEN_DIGITS: "ten digits", STRAIGHTENED: "ten digits, straightened"}
    for task, title in titles.items():
        yield f"{title}, 10,000 test images: median (worst to best) per cent"
        for model in MODELS:
            for n_parameters, values in accuracies(rows, task, model).items():
                yield (
                    f"  {model:20s} {n_parameters:5d} parameters  "
                    f"{np.median(values):6.2f} "
                    f"({values.min():.2f} to {values.max():.2f}), "
                    f"{len(values)} seed(s)"
                )
    ours = pair_medians(rows, QNN)
    yield f"{len(ours)} pairs, 24 parameters: mean and worst of the medians, per cent"
    for model in MODELS:
        medians = pair_medians(rows, model)
        if medians:
            both = [(ours[task], medians[task]) for task in ours if task in medians]
            ahead = sum(a > b for a, b in both)
            level = sum(a == b for a, b in both)
            compared = f"  qnn is ahead on {ahead}, level on {level}"
            values = np.array([*medians.values()])
            seeds = {row[3] for row in rows if row[1] == model and "pair" in row[0]}
            yield (
                f"  {model:20s} {values.mean():6.2f} {values.min():6.2f}  "
                f"{len(seeds)} seed(s){compared if model != QNN else ''}"
            )


def plot(rows: list[tuple], path: Path) -> None:
    """Draw medians over the seeds with their range, both tasks side by side."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for model in MODELS:
        found = accuracies(rows, TEN_DIGITS, model)
        if not found:
            continue
        error = [100 - np.median(values) for values in found.values()]
        (line,) = left.loglog(list(found), error, "o-", ms=4, label=model)
        low, high = ([100 - f(v) for v in found.values()] for f in (np.max, np.min))
        left.fill_between(list(found), low, high, alpha=0.2, color=line.get_color())
    ticks = [2, 3, 5, 10, 20, 30, 50, 80]
    left.set_yticks(ticks, [f"{100 - tick}" for tick in ticks])
    ticks = [24, 100, 250, 500, 1000, 2000]
    left.set_xticks(ticks, ticks)
    left.minorticks_off()
    left.invert_yaxis()
    left.set(xlabel="trained parameters (logarithmic)")
    left.set(ylabel="test accuracy (%), errors on a logarithmic scale")
    left.set_title("Ten digits: median and range over the seeds")
    left.legend(loc="center right", bbox_to_anchor=(1, 0.35))
    ours = pair_medians(rows, QNN)
    for model, color in ((LOGISTIC, "C3"), (PERCEPTRON, "C4")):
        theirs = pair_medians(rows, model)
        theirs = {task: value for task, value in theirs.items() if task in ours}
        x, y = [*theirs.values()], [ours[task] for task in theirs]
        right.plot(x, y, "o", ms=4, color=color, alpha=0.7, label=model)
    if ours:
        right.axline((98, 98), slope=1, color="0.6", lw=1)
    right.set(xlabel="classical model (%)", ylabel="qnn (%)")
    right.set_title("45 pairs, 24 parameters: above the line, the circuit wins")
    right.legend(loc="lower right")
    for axis in (left, right):
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Run what is not known yet, print the tables and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="*", default=TASKS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--first", type=int, nargs="+", default=range(10))
    parser.add_argument("--epochs", type=int, help="instead of the chosen number")
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    path = RESULTS / "accuracy_per_parameter.csv"
    parser.add_argument("--csv", type=Path, default=path, help="appended to")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", DeadParameterWarning)
    print(versions())
    rows = read(arguments.csv)
    start = time.perf_counter()
    for row in new_rows(arguments, list(rows)):
        print(f"{time.perf_counter() - start:6.0f} s", *row, flush=True)
        append(arguments.csv, row)
        rows.append(row)
    print(*summary(rows), sep="\n")
    plot(rows, arguments.csv.with_suffix(".png"))


if __name__ == "__main__":
    main()
