"""What a journal costs: a training step with and without, and requests as it grows.

    python benchmarks/journal_cost.py [--steps 20] [--requests 10000]

Steps of SPSA on Aer with 100 shots, 8 images of 8x8 pixels and exact preparation: the
two sides take turns, and the smallest processor time of each counts. Then requests with
the results of such a step are kept in one file, and the processor time to open the
file, to look for a request that is not there, to keep its result and to read it again
is measured on the way.
"""

import argparse
import hashlib
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _machine import describe_machine, run_on_one_core
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skqnn import Backend, BinaryAmplitudeEncoder, QNNClassifier
from skqnn._journal.file import Journal

BATCH_SIZE, N_TURNS = 8, 5
RESULT = np.zeros((1, 2 * BATCH_SIZE)), np.ones((1, 2 * BATCH_SIZE))


def cpu_seconds(function: Callable[[], object]) -> float:
    """Return the processor time of a call."""
    start = time.process_time()
    function()
    return time.process_time() - start


def measure_steps(n_steps: int, folder: Path) -> tuple[float, float]:
    """Return the seconds of a step without and with a journal."""
    X, y = load_digits(n_class=2, return_X_y=True)
    rows = BinaryAmplitudeEncoder().fit_transform(X)[: BATCH_SIZE * n_steps]
    labels = y[: len(rows)]

    def fit(journal: Path | None) -> None:
        backend = Backend("aer", state_preparation="exact", journal=journal)
        QNNClassifier(
            backend=backend,
            shots=100,
            solver="spsa",
            batch_size=BATCH_SIZE,
            max_iter=1,
            random_state=0,
        ).fit(rows, labels)

    fit(None)  # loads what is needed
    sides: tuple[list[float], list[float]] = ([], [])
    for turn in range(N_TURNS):
        journal = folder / f"steps{turn}.sqlite"
        sides[0].append(cpu_seconds(lambda: fit(None)) / n_steps)
        sides[1].append(cpu_seconds(lambda journal=journal: fit(journal)) / n_steps)
    return min(sides[0]), min(sides[1])


def measure_requests(n_requests: int, path: Path) -> None:
    """Print the milliseconds of what a request needs, as the journal grows."""
    print(f"{'requests':>9}{'MiB':>8}{'open':>8}{'miss':>8}{'keep':>8}{'read':>8}")
    journal = Journal(path)
    for n in range(n_requests + 1):
        if n in (10, 100, 1000, n_requests):
            row = request_milliseconds(path, n)
            size = path.stat().st_size / 2**20
            print(f"{n:>9}{size:>8.1f}" + "".join(f"{t:>8.2f}" for t in row))
        journal.keep(key(n), "simulated", *RESULT)
    journal.close()


def request_milliseconds(path: Path, n: int) -> list[float]:
    """Return the milliseconds to open, to miss, to keep and to read; medians."""

    def turn(k: int) -> list[float]:
        opened: list[Journal] = []
        name = key(f"{n}, turn {k}")
        times = [
            cpu_seconds(lambda: opened.append(Journal(path))),
            cpu_seconds(lambda: opened[0].last(name)),
            cpu_seconds(lambda: opened[0].keep(name, "simulated", *RESULT)),
            cpu_seconds(lambda: opened[0].result(opened[0].last(name))),
        ]
        opened[0].close()
        return times

    turns = [turn(k) for k in range(20)]
    return [1000 * statistics.median(times) for times in zip(*turns, strict=True)]


def key(content: object) -> str:
    """Return a name as requests have it."""
    return hashlib.sha256(repr(content).encode()).hexdigest()


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--requests", type=int, default=10_000)
    arguments = parser.parse_args()
    run_on_one_core()
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        without, with_journal = measure_steps(arguments.steps, Path(folder))
        print(
            f"step: {1000 * without:.1f} ms without, {1000 * with_journal:.1f} ms with "
            f"a journal, ratio {with_journal / without:.2f}"
        )
        measure_requests(arguments.requests, Path(folder) / "requests.sqlite")


if __name__ == "__main__":
    main()
