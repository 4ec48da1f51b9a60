"""Where circuits are placed on every fake device, and what is left of their signal.

    python benchmarks/layouts.py                       all devices of 7 qubits and more
    python benchmarks/layouts.py fake_torino           some of them
    python benchmarks/layouts.py --jobs 4              in processes
    python benchmarks/layouts.py --places 100          simulate more places of each
    python benchmarks/layouts.py --layers 3            prepare rows with fewer gates

A model is trained exactly on the 8x8 digits 0 and 1 (7 qubits, four layers prepare the
rows) and predicts 100 test rows under the noise of each device, by the circuit that the
default settings choose, by that of level 3 of Qiskit's transpiler with one seed, and by
those in the best places of the device. It does so, too, with rows that are prepared as
before, by a staircase of SO(4) gates of 36 CX, transpiled with level 3: the ratios to
that contain what the circuit gains, the others the choice of qubits alone. Expectation
values are exact, and what 1024 shots and the corrected readout do to them is
calculated, so that nothing depends on luck. Columns:

gates, readout: the factors that errors of gates and of readout are expected to keep. A
fake device simulates no decay of waiting qubits, so that it does not count here.
slope: of the simulated expectation values against the exact ones, which "gates" tries
to tell. kept: slope times readout, i.e. signal per shot noise, divided by that of level
3; best: the largest such ratio that any place reaches; before: divided by that of the
staircase with level 3. places: how many were simulated, by a fifth of the rows, and the
best ones by all rows; more of them where the accuracy is low, and all that there are if
a star follows. Where qubits must be swapped, these are places of the circuits of all
levels with ten seeds. waiting, before: the estimated signal over that of level 3, of
this circuit and of the staircase, for a search and an estimate in which waiting qubits
decay; "before" allows for the slopes without noise, which errors of preparation change,
and is at most 999.
seconds: to transpile, and divided by those of 50 seeds of level 1. accuracy, level3,
before, best: shares of decisions that are expected to be right; the last is the best of
all places. scaled: the share if the threshold shrinks, too, by the factor "gates".
warned: whether a LowSignalWarning was given.

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
from _staircase import fit_staircase, staircase_template
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer.noise import NoiseModel
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
from skqnn._circuits.layers import fit_layers, layers_template
from skqnn.exceptions import LowSignalWarning

N_QUBITS, SHOTS = 7, 1024
N_LAYERS_BEFORE = 3
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
    fidelity: float  # mean, of the preparation


@cache
def train(n_layers):
    """Return a model with rows prepared by layers, and by the staircase of before."""
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
    problems = []
    for template, fit, size in (
        (layers_template, fit_layers, n_layers),
        (staircase_template, fit_staircase, N_LAYERS_BEFORE),
    ):
        angles, fidelity = fit(test, size)
        circuit, values = circuit_of(model, template(N_QUBITS, size), angles)
        known = exact, -bias / scale, signs, fidelity.mean()
        problems.append(Problem(circuit, values, *known))
    return problems


def circuit_of(model, template, angles):
    """Return preparation and ansatz in elementary gates, and their angles."""
    circuit = unroll(template.compose(model.circuit_))
    known = dict(zip(model.circuit_.parameters, model.theta_, strict=True))
    known |= dict(zip(template.parameters, angles.T, strict=True))
    columns = [np.broadcast_to(known[p], len(angles)) for p in circuit.parameters]
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


@cache
def noiseless(n_layers):
    """Return what the errors of preparation alone leave of both circuits."""
    place = tuple(range(N_QUBITS))
    return [
        judge(Isa(p.circuit, place), model_noise(NoiseModel(), place), 1.0, p)
        for p in train(n_layers)
    ]


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
        return compare(name, backend, n_layers, n_places)
    except ValueError as error:
        return f"{name:18s} {str(error)[:68]}...", None


def compare(name, backend, n_layers, n_places):
    problem, before = train(n_layers)
    circuit = problem.circuit
    isa_3, _ = timed(circuit, backend, **LEVEL_3)  # which loads what Qiskit needs
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LowSignalWarning)
        isa, seconds = timed(circuit, backend)
    warned = bool(caught)
    waiting = waiting_ratios(backend, n_layers)
    _, many = timed(circuit, backend, optimization_level=1, n_trials=50)
    ours, other = simulate([isa, isa_3], backend, problem)
    (then,) = simulate([timed(before.circuit, backend, **LEVEL_3)[0]], backend, before)
    if ours.accuracy < 1 - WITHIN:
        n_places *= MORE
    results, n_places = everywhere(isa, backend, problem, n_places)
    kept = max(result.kept for result in [ours, other, *results])
    accuracy = max(result.accuracy for result in [ours, other, *results])
    expected = estimate(isa, backend)
    ratios = [ours.kept / other.kept, kept / other.kept, ours.kept / then.kept]
    row = (*ratios, *waiting, seconds / many)
    line = (
        f"{name:18s}{expected.gates:7.3f}{expected.readout:9.3f}{ours.slope:7.3f}"
        f"{row[0]:8.2f}{row[1]:7.2f}{n_places:>8s}{row[2]:8.2f}{row[3]:9.2f}"
        f"{min(row[4], 999):8.2f}{seconds:9.2f}{row[5]:6.2f}{ours.accuracy:10.3f}"
        f"{other.accuracy:8.3f}{then.accuracy:8.3f}{accuracy:7.3f}{ours.scaled:8.3f}  "
        f"{'warned' if warned else ''}"
    )
    right = ours.accuracy, then.accuracy, accuracy, ours.scaled
    return line.rstrip(), (*row, *right, warned)


def waiting_ratios(backend, n_layers):
    """Return estimated signals over those of level 3, of this circuit and before."""
    problem, before = train(n_layers)
    tries = ((problem, {}), (problem, LEVEL_3), (before, LEVEL_3))
    isas = [timed(p.circuit, backend, True, **how)[0] for p, how in tries]
    ours, other, then = (np.prod(estimate(isa, backend, True)) for isa in isas)
    now, past = (result.slope for result in noiseless(n_layers))
    return ours / other, ours * now / (then * past)


def main(names, n_jobs, n_places, n_layers):
    problem, before = train(n_layers)
    print(versions())
    n_rows, right = len(problem.exact), problem.signs * problem.exact
    exact = np.mean(right > problem.signs * problem.threshold)
    print(f"{n_rows} test rows, {SHOTS} shots; exact accuracy {exact:.2f}")
    for p, result in zip((problem, before), noiseless(n_layers), strict=True):
        print(
            f"{p.circuit.num_nonlocal_gates()} two-qubit gates: mean fidelity "
            f"{p.fidelity:.3f}; without noise slope {result.slope:.3f}, accuracy "
            f"{result.accuracy:.3f}{' (before)' if p is before else ''}"
        )
    print(
        f"\n{'device':18s}{'gates':>7s}{'readout':>9s}{'slope':>7s}{'kept':>8s}"
        f"{'best':>7s}{'places':>8s}{'before':>8s}{'waiting':>9s}{'before':>8s}"
        f"{'seconds':>9s}{'ratio':>6s}{'accuracy':>10s}{'level3':>8s}{'before':>8s}"
        f"{'best':>7s}{'scaled':>8s}"
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
    kept, best, kept_before, waiting, waiting_before, seconds = table.T[:6]
    accuracy, before, possible, scaled, warned = table.T[6:]
    print(
        f"\nmedian ratios to level 3: kept {np.median(kept):.3f}, best "
        f"{np.median(best):.3f}, with waiting {np.median(waiting):.3f}, seconds "
        f"{np.median(seconds):.3f} (largest {seconds.max():.2f})\n"
        f"to level 3 of the circuit before: kept {np.median(kept_before):.3f}, with "
        f"waiting {np.median(waiting_before):.3f}"
    )
    good = accuracy >= exact - WITHIN
    print(f"accuracy within 3 points of exact, of {len(good)} devices:")
    print(f"- {good.sum():.0f} with the circuit that the default settings choose")
    print(f"- {np.sum(possible >= exact - WITHIN):.0f} with that of the best place")
    print(f"- {np.sum(before >= exact - WITHIN):.0f} with level 3, circuit before")
    print(f"- {np.sum(scaled >= exact - WITHIN):.0f} with a threshold that shrinks")
    print(f"- {np.sum(good | (warned > 0)):.0f} with those that were warned of")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("devices", nargs="*")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--places", type=int, default=2)
    parser.add_argument("--layers", type=int, default=4)
    warnings.simplefilter("ignore")
    arguments = parser.parse_args()
    main(arguments.devices, arguments.jobs, arguments.places, arguments.layers)
