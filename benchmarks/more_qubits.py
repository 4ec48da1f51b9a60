"""From 12 to 20 qubits: memory, seconds per epoch, and what is refused.

    python benchmarks/more_qubits.py --csv benchmarks/results/more_qubits.csv

Two classes, `reps=1`, random amplitudes, one thread. Every configuration runs in a
process of its own, whose largest memory the operating system reports. Times are of the
process, so that other load on the machine does not count.
"""

import argparse
import csv
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from _machine import describe_machine, run_on_one_core

from skqnn import QNNClassifier

N_SAMPLES, BATCH_SIZE, N_EPOCHS = 64, 32, 3
QUBITS = range(12, 21)
DTYPES = ("float32", "float64")


class Row(NamedTuple):
    """One configuration; memory in MiB."""

    n_qubits: int
    dtype: str
    n_parameters: int
    n_samples: int
    batch_size: int
    states_mib: float  # the training data
    training_mib: float  # what the process needed beyond the states and its imports
    peak_mib: float  # of the whole process
    build_seconds: float  # until the first epoch begins
    epoch_seconds: float


class Clock:
    """A callback that keeps the process time at the ends of all epochs."""

    def __init__(self):
        self.begin = None
        self.ends = []

    def setup(self, estimator, context):
        """Do nothing; the protocol asks for it."""

    def teardown(self, estimator, context):
        """Do nothing; the protocol asks for it."""

    def on_fit_task_begin(self, estimator, context, **seen):
        """Remember when the first epoch begins."""
        if context.task_name == "epoch" and self.begin is None:
            self.begin = time.process_time()

    def on_fit_task_end(self, estimator, context, **seen):
        """Remember the end of an epoch, and never stop training."""
        if context.task_name == "epoch":
            self.ends.append(time.process_time())
        return False


def peak_mib():
    """Return the largest memory that this process has had."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def unit_rows(n_samples, n_amplitudes, dtype):
    """Return random unit rows, made one by one to need no memory beside them."""
    rng = np.random.default_rng(0)
    states = np.empty((n_samples, n_amplitudes), dtype)
    for row in states:
        row[:] = rng.standard_normal(n_amplitudes, dtype)
        row /= np.linalg.norm(row)
    return states


def measure(n_qubits, dtype):
    """Train in this process."""
    imports = peak_mib()
    states = unit_rows(N_SAMPLES, 2**n_qubits, dtype)
    y = np.arange(N_SAMPLES) % 2
    clock = Clock()
    model = QNNClassifier(
        learning_rate="one_cycle",
        batch_size=BATCH_SIZE,
        max_iter=N_EPOCHS,
        random_state=0,
    ).set_callbacks(clock)
    start = time.process_time()
    model.fit(states, y)
    peak, states_mib = peak_mib(), states.nbytes / 2**20
    return Row(
        n_qubits,
        dtype,
        model.n_parameters_,
        N_SAMPLES,
        BATCH_SIZE,
        states_mib,
        round(peak - imports - states_mib, 1),
        round(peak, 1),
        round(clock.begin - start, 4),
        round(float(np.median(np.diff([clock.begin, *clock.ends]))), 4),
    )


def measure_apart(n_qubits, dtype):
    """Run `measure` in a process of its own."""
    command = [sys.executable, __file__, "--one", str(n_qubits), dtype]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Row(*json.loads(result.stdout))


def print_row(row):
    """Print one row of the table."""
    print(
        f"{row.n_qubits:6d}  {row.dtype:8s}{row.n_parameters:10d}"
        f"{row.states_mib:10.1f}{row.training_mib:10.1f}{row.peak_mib:10.1f}"
        f"{row.build_seconds:9.3f}{row.epoch_seconds:9.3f}"
        f"{1e3 * row.epoch_seconds / row.n_samples:11.3f}",
        flush=True,
    )


def print_refusals():
    """Ask for what no machine can hold, and print the answers."""
    rng = np.random.default_rng(0)
    requests = [
        ("40 features, angle encoding", 2, 40, {"encoding": "angle"}),
        ("1000 features, angle encoding", 2, 1000, {"encoding": "angle"}),
        ("a million rows of 20 features, angle encoding", 10**6, 20,
         {"encoding": "angle"}),
    ]  # fmt: skip
    print("\nrefused before anything is allocated:")
    for words, n_samples, n_features, options in requests:
        X, y = rng.random((n_samples, n_features)), np.arange(n_samples) % 2
        try:
            QNNClassifier(random_state=0, **options).fit(X, y)
        except MemoryError as error:
            print(f"- {words}:\n  MemoryError: {error}")
        else:
            print(f"- {words}: accepted on this machine")


def main():
    """Measure all configurations, print the table, write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(int(options.one[0]), options.one[1])))
        return
    print(describe_machine())
    print(
        f"{N_SAMPLES} samples, batches of {BATCH_SIZE}, reps=1, two classes, seed 0; "
        f"median of {N_EPOCHS} epochs\n"
    )
    print(
        f"{'qubits':>6s}  {'dtype':8s}{'trained':>10s}{'states':>10s}{'training':>10s}"
        f"{'process':>10s}{'build':>9s}{'epoch':>9s}{'sample':>11s}\n"
        f"{'':16s}{'numbers':>10s}{'MiB':>10s}{'MiB':>10s}{'peak MiB':>10s}{'s':>9s}"
        f"{'s':>9s}{'ms':>11s}"
    )
    rows = []
    for n_qubits in QUBITS:
        for dtype in DTYPES:
            rows.append(measure_apart(n_qubits, dtype))
            print_row(rows[-1])
    print_refusals()
    if options.csv:
        options.csv.parent.mkdir(parents=True, exist_ok=True)
        with options.csv.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([Row._fields, *rows])


if __name__ == "__main__":
    run_on_one_core()
    main()
