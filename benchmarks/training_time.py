"""Training ten digits with about 1,000 numbers: this build beside an earlier one.

    python benchmarks/training_time.py --before DIRECTORY [--rows 6000] [--repeats 5]

`--before` is a checkout of the earlier build. Each side runs the pipeline of its own
benchmarks/mnist_ten_digits.py, in a process of its own, with one thread and on random
images, since seconds do not depend on what the pixels show. The sides take turns; at
each turn a side fits for one epoch and for eight. Of the smallest processor seconds
follow those of an epoch and of all that happens but once; a whole training on 60,000
images is computed from them, not run.
"""

import argparse
import os
import subprocess
import sys
import warnings
from pathlib import Path

from _machine import ONE_THREAD, cpu_seconds, describe_machine

HERE = Path(__file__).resolve().parent
COUNT, ALL_ROWS = 1000, 60_000
FEW, MORE = 1, 8  # epochs that are run


def serve(n_rows: int) -> None:
    """Print the number of epochs of the pipeline, then seconds for each line read."""
    import mnist_ten_digits as script
    import numpy as np
    from sklearn.exceptions import ConvergenceWarning

    warnings.simplefilter("ignore", ConvergenceWarning)
    rng = np.random.default_rng(0)
    X = rng.integers(256, size=(n_rows, 784), dtype=np.uint8)
    y = rng.integers(10, size=n_rows)
    # An earlier build has its number of layers among the options.
    encoder_options, options = getattr(script, "options_for", lambda n: ({}, {}))(COUNT)

    def fit(n_epochs: int) -> None:
        nonlocal model
        changes = options | {"max_iter": n_epochs}
        model = script.pipeline(0, encoder_options, **changes).fit(X, y)

    model = None
    fit(FEW)  # compiles
    print(script.OPTIONS["max_iter"], model[-1].n_parameters_, flush=True)
    for line in sys.stdin:
        print(cpu_seconds(lambda n=int(line): fit(n)), flush=True)


class Side:
    """A build in a process of its own."""

    def __init__(self, root: Path, n_rows: int):
        # This script, with the modules of that checkout: -P leaves out its own folder.
        path = os.pathsep.join(map(str, (root / "benchmarks", root)))
        self.process = subprocess.Popen(
            [sys.executable, "-P", __file__, "--serve", str(n_rows)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | ONE_THREAD | {"PYTHONPATH": path},
        )
        self.seconds: dict[int, list[float]] = {FEW: [], MORE: []}
        first = self.process.stdout.readline().split()
        self.n_epochs, self.n_parameters = map(int, first)

    def turn(self) -> None:
        """Fit once for each number of epochs."""
        for n_epochs, seconds in self.seconds.items():
            print(n_epochs, file=self.process.stdin, flush=True)
            seconds.append(float(self.process.stdout.readline()))

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def report(name: str, side: Side, n_rows: int) -> float:
    """Print a row, return the seconds of a whole training."""
    few, more = min(side.seconds[FEW]), min(side.seconds[MORE])
    epoch = (more - few) / (MORE - FEW)
    whole = few - FEW * epoch + side.n_epochs * epoch * ALL_ROWS / n_rows
    print(
        f"{name:7s} {side.n_parameters:10d} {epoch:10.3f} {few - FEW * epoch:7.2f} "
        f"{side.n_epochs:7d} {whole:8.0f}"
    )
    return whole


def main() -> None:
    """Print seconds of both builds, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve(arguments.serve)
    if arguments.before is None:
        parser.error("--before is needed, a checkout of the earlier build")
    print(describe_machine())
    sides = [
        Side(root.resolve(), arguments.rows) for root in (arguments.before, HERE.parent)
    ]
    for _ in range(arguments.repeats):
        for side in sides:
            side.turn()
    print(
        f"processor seconds; epochs of {arguments.rows} rows were run, whole trainings "
        f"on {ALL_ROWS} are computed\n"
        "build   parameters   an epoch    once  epochs    whole"
    )
    before, now = map(report, ("before", "now"), sides, [arguments.rows] * 2)
    print(f"now / before: {now / before:.2f}")
    for side in sides:
        side.close()


if __name__ == "__main__":
    main()
