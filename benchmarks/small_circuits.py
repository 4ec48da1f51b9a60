"""Small circuits: what a step, a fit, a prediction and the first of them cost.

    python benchmarks/small_circuits.py [--rounds 15]

Value and gradient of rows encoded by RY angles, Z on all qubits after
``real_amplitudes(n_qubits, reps=2, entanglement="reverse_linear")``, next to the best
hand-written JAX; all results are compared first. Then whole fits on iris next to
scikit-learn's MLPClassifier, the time of a step outside of the engine, one-row
predictions, and the first fit of a process with and without compiled kernels in
Numba's cache. Processor time on one core; both sides take turns in one process.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
from _jax import jax_kronecker
from _machine import cpu_seconds, describe_machine, run_on_one_core
from _task import make_tasks
from engine_speed import difference, exact_engine
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier

from skqnn import QNNClassifier
from skqnn._engine.statevector import StatevectorEngine

SIZES = [(2, 16), (4, 16), (4, 100), (5, 100)]  # qubits, samples
CALLS = 100

FIRST_FIT = """
import time, warnings
import numpy as np
warnings.simplefilter("ignore")
from sklearn.datasets import load_iris
from skqnn import QNNClassifier
X, y = load_iris(return_X_y=True)
start = time.process_time()
QNNClassifier(encoding="angle", max_iter=20, random_state=0).fit(X / 3, y)
print(time.process_time() - start)
"""


def take_turns(runs, rounds, calls):
    """Return the median seconds of a call of each function, in turn."""
    times = [[] for _ in runs]
    for _ in range(rounds):
        for run, seconds in zip(runs, times, strict=True):
            total = cpu_seconds(lambda run=run: [run() for _ in range(calls)])
            seconds.append(total / calls)
    return [statistics.median(seconds) for seconds in times]


def steps_next_to_jax(rounds):
    """Print microseconds of value and gradient, ours and hand-written JAX's."""
    print("qubits  rows  ours, us   JAX, us  ratio  equal")
    for n_qubits, n_samples in SIZES:
        task = make_tasks(n_qubits, 2, n_samples, "float64", 0)[False]
        ours, peer = exact_engine(task), jax_kronecker(task)
        gap = difference(peer(), ours())
        a, b = take_turns([ours, peer], rounds, CALLS)
        row = f"{n_qubits:>6} {n_samples:>5} {1e6 * a:>9.1f} {1e6 * b:>9.1f}"
        print(f"{row} {b / a:>6.1f}  {gap:.0e}", flush=True)


def iris():
    """Return iris, scaled to angles between 0 and pi."""
    X, y = load_iris(return_X_y=True)
    X = np.pi * (X - X.min(axis=0)) / np.ptp(X, axis=0)
    return X, y


def whole_fits(rounds):
    """Print the milliseconds of fits with default arguments."""
    X, y = iris()
    ours = QNNClassifier(encoding="angle", random_state=0)
    peer = MLPClassifier(hidden_layer_sizes=(100,), random_state=0)
    runs = [lambda: ours.fit(X, y), lambda: peer.fit(X, y)]
    for run in runs:
        run()
    a, b = take_turns(runs, rounds, 1)
    for name, seconds, model in (("fit on iris", a, ours), ("MLPClassifier", b, peer)):
        row = f"{name}: {1e3 * seconds:.0f} ms, {model.n_iter_} steps"
        print(f"{row}, accuracy {model.score(X, y):.3f}")
    print(f"MLPClassifier's time is {b / a:.1f} times ours")


def outside_of_the_engine(rounds):
    """Print the microseconds of a training step that are not the engine's."""
    X, y = iris()
    inside = 0.0
    vjp = StatevectorEngine.vjp

    def counted(function, *args):
        nonlocal inside
        start = time.process_time()
        result = function(*args)
        inside += time.process_time() - start
        return result

    def timed(engine, states, theta):
        E, pullback = counted(vjp, engine, states, theta)
        return E, lambda cotangent: counted(pullback, cotangent)

    def fit(n_steps):
        nonlocal inside
        inside = 0.0
        model = QNNClassifier(
            encoding="angle", max_iter=n_steps, tol=0, n_iter_no_change=10**6
        )
        model.set_params(random_state=0)
        return cpu_seconds(lambda: model.fit(X, y)) - inside

    StatevectorEngine.vjp = timed
    try:
        few, many = zip(*[(fit(100), fit(600)) for _ in range(rounds)], strict=True)
    finally:
        StatevectorEngine.vjp = vjp
    cost = (statistics.median(many) - statistics.median(few)) / 500
    print(f"a step of iris outside of the engine: {1e6 * cost:.0f} us")


def predictions(rounds):
    """Print the microseconds of `predict` for one row."""
    X, y = iris()
    model = QNNClassifier(encoding="angle", max_iter=5, random_state=0).fit(X, y)
    (seconds,) = take_turns([lambda: model.predict(X[:1])], rounds, CALLS)
    print(f"predict of one row: {1e6 * seconds:.0f} us")


def first_fits():
    """Print the seconds of the first fit of a process, cache empty and not."""
    with tempfile.TemporaryDirectory() as folder:
        for cache in ("an empty", "a warm"):
            result = subprocess.run(
                [sys.executable, "-c", FIRST_FIT],
                env=os.environ | {"NUMBA_CACHE_DIR": folder},
                capture_output=True,
                text=True,
                check=True,
            )
            print(f"first fit, {cache} cache: {float(result.stdout):.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    run_on_one_core()
    warnings.simplefilter("ignore")
    print(describe_machine())
    steps_next_to_jax(rounds)
    whole_fits(rounds)
    outside_of_the_engine(min(rounds, 5))
    predictions(rounds)
    first_fits()


if __name__ == "__main__":
    main()
