"""Where circuits are placed on every fake device, and what is left of their signal.

    python benchmarks/layouts.py                       all devices of 7 qubits and more
    python benchmarks/layouts.py fake_torino           some of them
    python benchmarks/layouts.py --jobs 4              in processes

A model is trained exactly on the 8x8 digits 0 and 1 (7 qubits, three layers prepare
the rows) and predicts 100 test rows under the noise of each device, with the defaults.
Beside it stands what level 3 of Qiskit's transpiler gives with one seed. Columns:

gates, readout: the factors that errors of gates and of readout are expected to keep. A
fake device simulates no decay of waiting qubits, so that it does not count here.
signal: their product, i.e. signal per shot noise, divided by that of level 3; waiting:
the same for a search and an estimate in which waiting qubits decay. slope: of the noisy
expectation values against the exact ones, by simulation, and divided by that of level
3. seconds: to transpile, and divided by those of 50 seeds of level 1. accuracy: ours
and of level 3. warned: whether a LowSignalWarning was given.

Times are of the process, so that other load on the machine does not count.
"""

import argparse
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import cache

import numpy as np
from _mnist import versions
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skqnn import Backend, BinaryAmplitudeEncoder, QNNClassifier
from skqnn._backends.kept_signal import Demand, calibrate, signal_of, usage_of
from skqnn._backends.kinds import fake_backends
from skqnn._backends.layout import transpile_best
from skqnn._backends.transpilation import unroll
from skqnn._circuits.preparation import PREPARATIONS
from skqnn.exceptions import LowSignalWarning

N_QUBITS, N_LAYERS, SHOTS = 7, 3, 1024
PARITY = (tuple(range(N_QUBITS)),)
LEVEL_3 = {"optimization_level": 3, "n_transpilations": 1}


@cache
def train():
    """Return a classifier trained exactly, and test rows with their labels."""
    X, y = load_digits(n_class=2, return_X_y=True)
    rows = BinaryAmplitudeEncoder().fit_transform(X)
    train, test, y_train, y_test = train_test_split(
        rows, y, test_size=100, random_state=0
    )
    model = QNNClassifier(learning_rate="one_cycle", max_iter=50, random_state=0)
    return model.fit(train, y_train), test, y_test


def circuit_of(model):
    """Return the preparation and the ansatz, in elementary gates."""
    template = PREPARATIONS["layers"].template(N_QUBITS, N_LAYERS)
    return unroll(template.compose(model.circuit_))


def timed(circuit, backend, waiting=False, **options):
    """Return the signal that a transpiled circuit keeps, and the seconds it took."""
    demand = Demand(PARITY, SHOTS, waiting=waiting)
    start = time.process_time()
    isa = transpile_best(circuit, backend, seed=0, demand=demand, **options)
    seconds = time.process_time() - start
    calibration = calibrate(backend.target)
    if not waiting:
        calibration = calibration._replace(idle=0 * calibration.idle)
    support = [isa.final[q] for q in PARITY[0]]
    usage = usage_of(isa.circuit, [support], calibration.seconds)
    return signal_of(usage, calibration), seconds


def predict(model, backend, rows, **options):
    """Return expectation values and decisions under the noise of a device."""
    model.set_params(backend=Backend(backend, **options), shots=SHOTS)
    scores = model.decision_function(rows)
    model.set_params(backend=None, shots=None)
    return values(model, scores), model.classes_[(scores > 0).astype(int)]


def values(model, scores):
    return (scores - model.bias_[0]) / model.scale_[0]


def measure(name):
    """Return one line of the table, and its numbers; None where Qiskit gives up."""
    backend, (model, rows, labels) = fake_backends()[name](), train()
    try:
        return compare(name, backend, model, rows, labels)
    except ValueError as error:
        return f"{name:18s} {str(error)[:68]}...", None


def compare(name, backend, model, rows, labels):
    circuit = circuit_of(model)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LowSignalWarning)
        ours, seconds = timed(circuit, backend)
    warned = bool(caught)
    one = {"optimization_level": 3, "n_trials": 1}
    level_3, _ = timed(circuit, backend, **one)
    real, _ = timed(circuit, backend, waiting=True)
    real_3, _ = timed(circuit, backend, waiting=True, **one)
    _, many = timed(circuit, backend, optimization_level=1, n_trials=50)
    exact = values(model, model.decision_function(rows))
    noisy, decided = predict(model, backend, rows)
    other, decided_3 = predict(model, backend, rows, **LEVEL_3)
    slopes = [value @ exact / (exact @ exact) for value in (noisy, other)]
    accuracies = [np.mean(d == labels) for d in (decided, decided_3)]
    signal = np.prod(ours) / np.prod(level_3)
    waiting = np.prod(real) / np.prod(real_3)
    row = (
        signal,
        waiting,
        slopes[0] / slopes[1],
        seconds / many,
        accuracies[0],
        warned,
    )
    line = (
        f"{name:18s}{ours.gates:7.3f}{ours.readout:9.3f}{signal:8.2f}{waiting:9.2f}"
        f"{slopes[0]:9.3f}{row[2]:7.2f}{seconds:9.2f}{row[3]:7.2f}"
        f"{accuracies[0]:10.2f}{accuracies[1]:7.2f}  {'warned' if warned else ''}"
    )
    return line.rstrip(), row


def main(names, n_jobs):
    model, rows, labels = train()
    exact = np.mean(model.predict(rows) == labels)
    print(versions())
    print(f"{len(rows)} test rows, {SHOTS} shots; exact accuracy {exact:.2f}\n")
    print(
        f"{'device':18s}{'gates':>7s}{'readout':>9s}{'signal':>8s}{'waiting':>9s}"
        f"{'slope':>9s}{'ratio':>7s}{'seconds':>9s}{'ratio':>7s}"
        f"{'accuracy':>10s}{'level3':>7s}"
    )
    known = {name: make().num_qubits for name, make in fake_backends().items()}
    names = names or sorted(name for name, n in known.items() if n >= N_QUBITS)
    table = []
    with ProcessPoolExecutor(n_jobs) as pool:
        for line, row in pool.map(measure, names):
            print(line, flush=True)
            table += [] if row is None else [row]
    signal, waiting, slope, seconds, accuracy, warned = np.array(table, dtype=float).T
    print(
        f"\nmedian ratios: signal {np.median(signal):.3f}, with waiting "
        f"{np.median(waiting):.3f}, slope {np.median(slope):.3f}, seconds "
        f"{np.median(seconds):.3f} (largest {seconds.max():.2f})"
    )
    good = accuracy >= exact - 0.03
    print(
        f"accuracy within 3 points of exact: {good.sum():.0f} of {len(good)} devices, "
        f"{(good | (warned > 0)).sum():.0f} with those that were warned of"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("devices", nargs="*")
    parser.add_argument("--jobs", type=int, default=1)
    warnings.simplefilter("ignore")
    arguments = parser.parse_args()
    main(arguments.devices, arguments.jobs)
