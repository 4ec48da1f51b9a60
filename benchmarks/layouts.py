"""Where circuits are placed on every fake device, and what is left of their signal.

    python benchmarks/layouts.py                       all devices of 7 qubits and more
    python benchmarks/layouts.py fake_torino           some of them
    python benchmarks/layouts.py --jobs 4              in processes
    python benchmarks/layouts.py --places 100          simulate more places of each
    python benchmarks/layouts.py --layers 2            prepare rows with fewer gates

A model is trained exactly on the 8x8 digits 0 and 1 (7 qubits, three layers prepare
the rows) and predicts 100 test rows under the noise of each device, by the circuit that
the default settings choose, by that of level 3 of Qiskit's transpiler with one seed,
and by those in the best places of the device. Expectation values are exact, and what
1024 shots and the corrected readout do to them is calculated, so that nothing depends
on luck. Columns:

gates, readout: the factors that errors of gates and of readout are expected to keep. A
fake device simulates no decay of waiting qubits, so that it does not count here.
slope: of the simulated expectation values against the exact ones, which "gates" tries
to tell. kept: slope times readout, i.e. signal per shot noise, divided by that of level
3; best: the largest such ratio that any place reaches. places: how many were simulated,
by a fifth of the rows, and the best ones by all rows; more of them where the accuracy
is low, and all that there are if a star follows. Where qubits must be swapped, these
are places of the circuits of all levels with ten seeds. waiting: the estimated signal
over that of level 3, for a search and an estimate in which waiting qubits decay.
seconds: to transpile, and divided by those of 50 seeds of level 1. accuracy, level3,
best: shares of decisions that are expected to be right; the last is the best of all
places. scaled: the share if the threshold shrinks, too, by the factor "gates". warned:
whether a LowSignalWarning was given.

Times are of the process, so that other load on the machine does not count.
"""

import argparse
import gc
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import repeat
from typing import NamedTuple

import numpy as np
from _mnist import versions
from qiskit.quantum_info import SparsePauliOp
from scipy.stats import norm
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skqnn import BinaryAmplitudeEncoder, QNNClassifier
from skqnn._backends.kept_signal import Demand, calibrate, signal_of, usage_of
from skqnn._backends.kinds import fake_backends
from skqnn._backends.layout import transpile_best
from skqnn._backends.noise import model_noise, target_noise
from skqnn._backends.pauli import pauli_run
from skqnn._backends.placement import placements
from skqnn._backends.readings import Saved
from skqnn._backends.transpilation import Isa, compact, transpile_once, unroll
from skqnn._circuits.preparation import PREPARATIONS, prepare
from skqnn.exceptions import LowSignalWarning

N_QUBITS, SHOTS = 7, 1024
PARITY = (tuple(range(N_QUBITS)),)
LEVEL_3 = {"optimization_level": 3, "n_trials": 1}
N_SEEDS = 10  # of circuits that must be routed
MORE = 12  # times as many places are looked at where the accuracy is low
N_REFINED = 1  # places that are simulated with all rows
WITHIN = 0.03


class Problem(NamedTuple):
    """A trained model as a circuit, and rows for it."""

    circuit: object
    values: np.ndarray  # (n_rows, n_parameters), in the order of the circuit's
    exact: np.ndarray  # (n_rows,), expectation values
    threshold: float  # of the expectation value, between the two digits
    signs: np.ndarray  # (n_rows,), the side of the threshold that is right


@cache
def train(n_layers):
    """Return a classifier that was trained exactly, with test rows."""
    X, y = load_digits(n_class=2, return_X_y=True)
    rows = BinaryAmplitudeEncoder().fit_transform(X)
    train, test, y_train, y_test = train_test_split(
        rows, y, test_size=100, random_state=0
    )
    model = QNNClassifier(learning_rate="one_cycle", max_iter=50, random_state=0)
    model.fit(train, y_train)
    scale, bias = model.scale_[0], model.bias_[0]
    exact = (model.decision_function(test) - bias) / scale
    signs = np.sign(scale) * np.where(y_test == model.classes_[1], 1, -1)
    circuit, values = circuit_of(model, test, n_layers)
    return Problem(circuit, values, exact, -bias / scale, signs)


def circuit_of(model, rows, n_layers):
    """Return preparation and ansatz in elementary gates, and their angles."""
    template = PREPARATIONS["layers"].template(N_QUBITS, n_layers)
    circuit = unroll(template.compose(model.circuit_))
    known = dict(zip(model.circuit_.parameters, model.theta_, strict=True))
    angles = prepare(rows, "layers", n_layers).angles
    known |= dict(zip(template.parameters, angles.T, strict=True))
    columns = [np.broadcast_to(known[p], len(rows)) for p in circuit.parameters]
    return circuit, np.stack(columns, axis=1)


class Result(NamedTuple):
    """What the errors of a device leave of a circuit."""

    slope: float
    readout: float
    accuracy: float
    scaled: float  # accuracy, if the threshold shrinks as the signal is expected to

    @property
    def kept(self):
        """Signal per shot noise."""
        return self.slope * self.readout


def simulate(isas, device, problem, every=1):
    """Return what the errors of a device leave of circuits, from some of the rows."""
    small = [compact(isa) for isa in isas]
    union = sorted({q for _, used in small for q in used})
    errors = target_noise(device.target, union).gates  # slow: once for all circuits
    index = {q: j for j, q in enumerate(union)}
    problem = problem._replace(
        values=problem.values[::every],
        exact=problem.exact[::every],
        signs=problem.signs[::every],
    )
    return [
        judge(few, model_noise(errors, [index[q] for q in used]), signal, problem)
        for (few, used), signal in zip(
            small, [estimate(isa, device).gates for isa in isas], strict=True
        )
    ]


def judge(isa, noise, signal, problem):
    """Return what is left of a circuit; gates are expected to keep `signal`."""
    reading = Saved([SparsePauliOp("Z" * N_QUBITS)])
    parameters = list(problem.circuit.parameters)
    run = pauli_run(isa.circuit, noise.gates, parameters, isa.final, reading)
    noisy = run.read(problem.values, None, np.random.default_rng())[0][:, 0]
    readout = np.prod([1 - noise.readout[q].sum() for q in isa.final])
    scatter = np.sqrt((readout**-2 - noisy**2) / SHOTS)
    accuracy, scaled = (
        np.mean(
            norm.cdf(problem.signs * (noisy - factor * problem.threshold) / scatter)
        )
        for factor in (1, signal)
    )
    slope = noisy @ problem.exact / (problem.exact @ problem.exact)
    return Result(slope, readout, accuracy, scaled)


def estimate(isa, backend, waiting=False):
    """Return the signal that a transpiled circuit is expected to keep."""
    calibration = calibrate(backend.target)
    if not waiting:
        calibration = calibration._replace(idle=0 * calibration.idle)
    support = [isa.final[q] for q in PARITY[0]]
    usage = usage_of(isa.circuit, [support], calibration.seconds)
    return signal_of(usage, calibration)


def timed(circuit, backend, waiting=False, **options):
    """Return a transpiled circuit and the seconds it took."""
    demand = Demand(PARITY, SHOTS, waiting=waiting)
    gc.collect()  # what simulations left, before it is found while the clock runs
    start = time.process_time()
    isa = transpile_best(circuit, backend, seed=0, demand=demand, **options)
    return isa, time.process_time() - start


def everywhere(isa, backend, problem, n_places):
    """Return the best results that any place gives, and how many were looked at."""
    calibration, found = calibrate(backend.target), []
    for option in routed(isa, backend, problem.circuit):
        small, used = compact(option)
        usage = usage_of(option.circuit, [[option.final[q] for q in PARITY[0]]], {})
        places = placements(usage, used, calibration, 10**6)
        found += [(cost, small, where) for where, cost in places]
    found.sort(key=lambda place: place[0])
    moved = [move(small, where, backend) for _, small, where in found[:n_places]]
    few = simulate(moved, backend, problem, every=5)
    chosen = set()
    for criterion in ("kept", "accuracy"):
        values = [getattr(result, criterion) for result in few]
        chosen |= {*np.argsort(values)[-N_REFINED:].tolist()}
    results = simulate([moved[j] for j in chosen], backend, problem)
    return results, f"{len(moved)}{'*' if len(moved) == len(found) else ''}"


def routed(isa, backend, circuit):
    """Return a circuit, and other ways to swap its qubits if it has to."""
    if isa.circuit.num_nonlocal_gates() == circuit.num_nonlocal_gates():
        return [isa]
    seeds = [(level, seed) for level in (1, 2, 3) for seed in range(N_SEEDS)]
    tries = [isa] + [transpile_once(circuit, backend, *how) for how in seeds]
    different = {tuple(map(str, compact(isa)[0].circuit.data)): isa for isa in tries}
    return list(different.values())


def move(small, where, backend):
    """Return a circuit on other qubits of a device."""
    moved = transpile_once(small.circuit, backend, 2, 0, where=where)
    return Isa(moved.circuit, tuple(moved.final[q] for q in small.final))


def measure(name, n_places, n_layers):
    """Return one line of the table, and its numbers; None where Qiskit gives up."""
    backend = fake_backends()[name]()
    calibrate(backend.target)  # which Qiskit reads from a file
    try:
        return compare(name, backend, train(n_layers), n_places)
    except ValueError as error:
        return f"{name:18s} {str(error)[:68]}...", None


def compare(name, backend, problem, n_places):
    circuit = problem.circuit
    isa_3, _ = timed(circuit, backend, **LEVEL_3)  # which loads what Qiskit needs
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LowSignalWarning)
        isa, seconds = timed(circuit, backend)
    warned = bool(caught)
    waits = [timed(circuit, backend, True, **how)[0] for how in ({}, LEVEL_3)]
    waiting = np.divide(*(np.prod(estimate(isa, backend, True)) for isa in waits))
    _, many = timed(circuit, backend, optimization_level=1, n_trials=50)
    ours, other = simulate([isa, isa_3], backend, problem)
    if ours.accuracy < 1 - WITHIN:
        n_places *= MORE
    results, n_places = everywhere(isa, backend, problem, n_places)
    kept = max(result.kept for result in [ours, other, *results])
    accuracy = max(result.accuracy for result in [ours, other, *results])
    expected = estimate(isa, backend)
    row = (ours.kept / other.kept, kept / other.kept, waiting, seconds / many)
    line = (
        f"{name:18s}{expected.gates:7.3f}{expected.readout:9.3f}{ours.slope:7.3f}"
        f"{row[0]:8.2f}{row[1]:8.2f}{n_places:>8s}{row[2]:9.2f}{seconds:9.2f}"
        f"{row[3]:6.2f}{ours.accuracy:10.3f}{other.accuracy:8.3f}{accuracy:7.3f}"
        f"{ours.scaled:8.3f}  {'warned' if warned else ''}"
    )
    return line.rstrip(), (*row, ours.accuracy, accuracy, ours.scaled, warned)


def main(names, n_jobs, n_places, n_layers):
    problem = train(n_layers)
    print(versions())
    n_rows, right = len(problem.exact), problem.signs * problem.exact
    exact = np.mean(right > problem.signs * problem.threshold)
    print(f"{n_rows} test rows, {SHOTS} shots; exact accuracy {exact:.2f}\n")
    print(
        f"{'device':18s}{'gates':>7s}{'readout':>9s}{'slope':>7s}{'kept':>8s}"
        f"{'best':>8s}{'places':>8s}{'waiting':>9s}{'seconds':>9s}{'ratio':>6s}"
        f"{'accuracy':>10s}{'level3':>8s}{'best':>7s}{'scaled':>8s}"
    )
    known = {name: make().num_qubits for name, make in fake_backends().items()}
    names = names or sorted(name for name, n in known.items() if n >= N_QUBITS)
    table = []
    with ProcessPoolExecutor(n_jobs) as pool:
        for line, row in pool.map(measure, names, repeat(n_places), repeat(n_layers)):
            print(line, flush=True)
            table += [] if row is None else [row]
    summarise(np.array(table, dtype=float), exact)


def summarise(table, exact):
    kept, best, waiting, seconds, accuracy, possible, scaled, warned = table.T
    print(
        f"\nmedian ratios: kept {np.median(kept):.3f}, best {np.median(best):.3f}, "
        f"with waiting {np.median(waiting):.3f}, seconds {np.median(seconds):.3f} "
        f"(largest {seconds.max():.2f})"
    )
    good = accuracy >= exact - WITHIN
    print(f"accuracy within 3 points of exact, of {len(good)} devices:")
    print(f"- {good.sum():.0f} with the circuit that the default settings choose")
    print(f"- {np.sum(possible >= exact - WITHIN):.0f} with that of the best place")
    print(f"- {np.sum(scaled >= exact - WITHIN):.0f} with a threshold that shrinks")
    print(f"- {np.sum(good | (warned > 0)):.0f} with those that were warned of")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("devices", nargs="*")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--places", type=int, default=8)
    parser.add_argument("--layers", type=int, default=3)
    warnings.simplefilter("ignore")
    arguments = parser.parse_args()
    main(arguments.devices, arguments.jobs, arguments.places, arguments.layers)
