"""What to choose: encodings, circuits, observables and solvers, measured on digits.

    python benchmarks/choices.py encoding > benchmarks/results/choices_encoding.csv

and likewise ansatz, reps, observables, solver. Rows are cross-validated on 8x8 digits
of scikit-learn: five folds, with a seed of its own for each. Accuracy is given as mean
and standard deviation over the folds, seconds as processor time of one fit. All other
options stay at one setting, `BASE`.
"""

import argparse
import csv
import sys
import time
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

TASKS = {"3 or 8": (3, 8), "4 or 9": (4, 9), "ten digits": range(10)}
BASE = {"learning_rate": "one_cycle", "batch_size": 50, "max_iter": 40}
DEPTH = {"3 or 8": {"reps": 2}, "4 or 9": {"reps": 2}, "ten digits": {"reps": 12}}

# Each option: name, options of the encoder, options of the classifier.
ENCODINGS = [
    ("black='edge' (default)", {}, {}),
    ("black='full'", {"black": "full"}, {}),
    ("black='none'", {"black": "none"}, {}),
    ("normalization='pixel'", {"normalization": "pixel"}, {}),
    ("threshold=0.5", {"threshold": 0.5}, {}),
    ("image_size=(4, 4)", {"image_size": (4, 4)}, {}),
]
ANSATZE = [
    (f"{ansatz}, {entanglement}", {}, {"ansatz": ansatz, "entanglement": entanglement})
    for ansatz in ("real_amplitudes", "efficient_su2", "n_local")
    for entanglement in ("reverse_linear", "circular")
] + [(ansatz, {}, {"ansatz": ansatz}) for ansatz in ("tree", "staircase")]
REPS = [(f"reps={reps}", {}, {"reps": reps}) for reps in (1, 2, 4, 8, 16, 32)]
_TOP, _BOTTOM = "Z" + 6 * "I", 6 * "I" + "Z"
OBSERVABLES = [  # a single layer, where it matters most
    ("'auto': Z on all qubits", {}, {"reps": 1}),
    ("Z on the highest qubit", {}, {"reps": 1, "observables": [_TOP]}),
    ("Z on the lowest qubit", {}, {"reps": 1, "observables": [_BOTTOM]}),
]
SOLVERS = [
    ("adam, one_cycle", {}, {}),
    ("adam, constant", {}, {"learning_rate": "constant"}),
    ("sgd, one_cycle", {}, {"solver": "sgd"}),
    ("spsa, one_cycle", {}, {"solver": "spsa"}),
    ("lbfgs", {}, {"solver": "lbfgs", "max_iter": 200}),
    ("squared error, adam", {}, {"loss": "squared_error"}),
]
CHOICES = {
    "encoding": (ENCODINGS, ("4 or 9", "ten digits")),
    "ansatz": (ANSATZE, ("4 or 9", "ten digits")),
    "reps": (REPS, ("4 or 9", "ten digits")),
    "observables": (OBSERVABLES, ("3 or 8", "4 or 9")),
    "solver": (SOLVERS, ("4 or 9", "ten digits")),
}


def cross_validate(task, encoder_options, options):
    """Return accuracies, the number of parameters and seconds of a fit."""
    X, y = load_digits(return_X_y=True)
    chosen = np.isin(y, TASKS[task])
    X, y = X[chosen], y[chosen]
    scores, seconds = [], []
    folds = StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)
    for seed, (train, test) in enumerate(folds):
        model = make_pipeline(
            BinaryAmplitudeEncoder(pixel_range=(0, 16), **encoder_options),
            QNNClassifier(random_state=seed, **(BASE | DEPTH[task] | options)),
        )
        start = time.process_time()
        model.fit(X[train], y[train])
        seconds.append(time.process_time() - start)
        scores.append(model.score(X[test], y[test]))
    return scores, model[-1].n_parameters_, np.median(seconds)


def main():
    """Print one table as CSV."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=CHOICES)
    rows, tasks = CHOICES[parser.parse_args().table]
    warnings.simplefilter("ignore")  # of dead parameters and of convergence
    writer = csv.writer(sys.stdout, lineterminator="\n")
    header = [f"{task}: {what}" for task in tasks for what in ("angles", "%", "s")]
    writer.writerow(["", *header])
    for name, encoder_options, options in rows:
        cells = []
        for task in tasks:
            scores, n_parameters, seconds = cross_validate(
                task, encoder_options, options
            )
            n_scores = 1 if len(TASKS[task]) == 2 else len(TASKS[task])
            accuracy = f"{100 * np.mean(scores):.1f}±{100 * np.std(scores):.1f}"
            cells += [n_parameters - 1 - n_scores, accuracy, f"{seconds:.1f}"]
        writer.writerow([name, *cells])
        sys.stdout.flush()


if __name__ == "__main__":
    main()
