"""What `fit` costs besides the engine: seconds, and peak memory against the data.

    python benchmarks/fit_overhead.py [--rows 12665] [--epochs 20]

Random states of 11 qubits, batch size 256. The engine's share is the time inside of
`vjp` and its pullback; everything else is overhead. Seconds are processor time. Peak
memory is that of the process during `fit` above what it held before, in units of the
encoded training data.
"""

import argparse
import resource
import time
import warnings

import numpy as np
from _mnist import versions
from sklearn.exceptions import ConvergenceWarning

from skqnn import QNNClassifier
from skqnn._engine.statevector import StatevectorEngine

N_QUBITS, BATCH_SIZE = 11, 256


class Stopwatch:
    """Wrap the engine's methods to add up the seconds spent inside."""

    def __init__(self):
        self.seconds = 0.0

    def timed(self, function):
        """Return the function, its running time counted."""

        def wrapper(*args):
            start = time.process_time()
            try:
                return function(*args)
            finally:
                self.seconds += time.process_time() - start

        return wrapper

    def install(self):
        """Count the seconds of every engine made from now on."""
        vjp = StatevectorEngine.vjp

        def timed_vjp(engine, states, theta):
            E, pullback = self.timed(vjp)(engine, states, theta)
            return E, self.timed(pullback)

        StatevectorEngine.vjp = timed_vjp


def peak_bytes():
    """Return the largest memory this process has held, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main():
    """Fit once to warm up, then measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=12665)
    parser.add_argument("--epochs", type=int, default=20)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    rng = np.random.default_rng(0)
    states = rng.standard_normal((arguments.rows, 2**N_QUBITS))
    for row in states:  # in place: the peak before `fit` is to be the data
        row /= np.linalg.norm(row)
    y = rng.integers(0, 2, arguments.rows)
    model = QNNClassifier(
        batch_size=BATCH_SIZE, max_iter=arguments.epochs, random_state=0
    )
    model.fit(states[:BATCH_SIZE], y[:BATCH_SIZE])
    before = peak_bytes()
    watch = Stopwatch()
    watch.install()
    start = time.process_time()
    model.fit(states, y)
    seconds = time.process_time() - start
    print(versions())
    print(f"{arguments.rows} rows of {N_QUBITS} qubits, {arguments.epochs} epochs")
    print(f"fit                 {seconds:8.2f} s")
    print(f"inside the engine   {watch.seconds:8.2f} s")
    print(f"overhead            {1 - watch.seconds / seconds:8.1%} of fit")
    extra = (peak_bytes() - before) / states.nbytes
    print(f"peak memory         {1 + extra:8.2f} times the encoded data")


if __name__ == "__main__":
    main()
