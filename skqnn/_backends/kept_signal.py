"""How much of the signal survives a transpiled circuit, by the device's calibration.

Errors of gates, of waiting and of readout shrink expectation values. The factor that is
kept is a product over all that the circuit does, so that costs, its negative
logarithms, add up: what a circuit uses is listed once, and what that costs depends on
the qubits where it is placed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.transpiler import Target

Place = tuple[str, tuple[int, ...]]  # the name of a gate, and its qubits in order

_TINY = 1e-6  # what a dead gate keeps: not zero, so that circuits stay comparable
_LARGEST = float(-np.log(_TINY))
_DEAD = 0.7  # a gate or readout that keeps less than half of the signal
_TYPICAL = 0.3  # size of the expectation values of a trained model
_CLEAR = 2  # standard errors: one in forty decisions about such a value is wrong
_FEW_SHOTS = 400
_MANY_SHOTS = 10**6  # stand for exact values


class Calibration(NamedTuple):
    """Costs of what a device does, ``-log`` of the factor kept."""

    gates: dict[Place, float]
    known: frozenset[str]  # gates that have an error somewhere
    seconds: dict[Place, float]
    idle: np.ndarray  # (n_qubits,), per second
    readout: np.ndarray  # (n_qubits,)

    def cost(self, name: str, qubits: tuple[int, ...]) -> float:
        """Return the cost of a gate, in whichever direction it is listed."""
        missing = _LARGEST if name in self.known else 0.0
        reverse = self.gates.get((name, qubits[::-1]), missing)
        return self.gates.get((name, qubits), reverse)

    def is_dead(self, name: str, qubits: tuple[int, ...]) -> bool:
        """Return whether an instruction is to be avoided whatever else that costs.

        `qubits` is empty for what acts everywhere alike, which is never avoided.
        """
        if not qubits:
            return False
        if name == "measure":
            return bool(self.readout[qubits[0]] > _DEAD)
        return self.cost(name, qubits) > _DEAD


class Usage(NamedTuple):
    """What a circuit does, weighted by the share of Pauli strings that feel it."""

    gates: dict[Place, float]
    idle: dict[int, float]  # seconds
    readout: dict[int, float]


class Signal(NamedTuple):
    """Factors by which expectation values shrink, in (0, 1]."""

    gates: float  # by errors of gates and of waiting qubits
    readout: float  # by errors of readout, where they are not corrected


class Demand(NamedTuple):
    """What is measured, how often, and which errors occur besides those of gates."""

    supports: tuple[tuple[int, ...], ...]  # the qubits of each Pauli string
    shots: int | None = None  # None: exact values
    readout: bool = True  # errors of readout, corrected or not
    waiting: bool = True  # decay of qubits that wait: Aer does not simulate it


def calibrate(target: Target) -> Calibration:
    """Read the costs of a target. What has no error where others have one is dead."""
    decay = _decay(target)
    gates: dict[Place, float] = {}
    seconds: dict[Place, float] = {}
    known = set()
    for name in target.operation_names:
        places = {where: how for where, how in (target[name] or {}).items() if where}
        errors = {where: getattr(how, "error", None) for where, how in places.items()}
        if any(errors.values()):
            known.add(name)
        for where, how in places.items():
            time = getattr(how, "duration", None) or 0.0
            seconds[name, where] = time
            error = 1.0 if errors[where] is None and name in known else errors[where]
            # Of a random Pauli string, an average infidelity e disturbs (1 + 1/d) e.
            disturbed = (1 + 0.5 ** len(where)) * (error or 0.0)
            relaxed = time * sum(decay[q] for q in where)
            gates[name, where] = _cost(1 - max(disturbed, relaxed))
    flips = [_flip(target, q) for q in range(len(decay))]
    readout = np.array([_cost(1 - 2 * flip) for flip in flips])
    return Calibration(gates, frozenset(known), seconds, decay, readout)


def _decay(target: Target) -> np.ndarray:
    """Return how fast a random Pauli matrix decays on each qubit, in 1/s."""
    properties = target.qubit_properties or [None] * (target.num_qubits or 0)
    times = [(getattr(p, "t1", None), getattr(p, "t2", None)) for p in properties]
    rates = [[1 / t if t else 0.0 for t in pair] for pair in times]
    return np.array(rates).reshape(-1, 2) @ [0.25, 0.5]


def _flip(target: Target, qubit: int) -> float:
    """Return the error of a readout; one that is missing among others is useless."""
    errors = target["measure"] if "measure" in target else None
    if not errors or not any(getattr(how, "error", None) for how in errors.values()):
        return 0.0
    error = getattr(errors.get((qubit,)), "error", None)
    return 0.5 if error is None else float(error)


def _cost(factor: float) -> float:
    return float(-np.log(np.clip(factor, _TINY, 1.0)))


def usage_of(
    circuit: QuantumCircuit,
    supports: Sequence[Sequence[int]],
    seconds: Mapping[Place, float],
) -> Usage:
    """List what a circuit does to Pauli strings, each on some qubits of the circuit.

    The circuit is walked from its end. A gate counts for the strings that have come to
    act on one of its qubits, and so does the time that a qubit waits after a gate, as
    late as possible; before the first gate a qubit rests in its ground state.
    """
    feels = [0] * circuit.num_qubits  # bit j: whether string j acts on the qubit
    for j, support in enumerate(supports):
        for q in support:
            feels[q] |= 1 << j
    share = 1 / len(supports)
    readout = {q: mask.bit_count() * share for q, mask in enumerate(feels) if mask}
    gates: dict[Place, float] = defaultdict(float)
    idle: dict[int, float] = defaultdict(float)
    until_end = [0.0] * circuit.num_qubits
    begins = [0.0] * circuit.num_qubits  # the next gate, or readout
    index = {qubit: q for q, qubit in enumerate(circuit.qubits)}
    for item in reversed(circuit.data):
        where = tuple([index[qubit] for qubit in item.qubits])
        time = max([until_end[q] for q in where])
        if item.name != "barrier":
            touched = 0
            for q in where:
                idle[q] += feels[q].bit_count() * share * (time - begins[q])
                touched |= feels[q]
            gates[item.name, where] += touched.bit_count() * share
            reverse = seconds.get((item.name, where[::-1]), 0.0)
            time += seconds.get((item.name, where), reverse)
            for q in where:
                feels[q], begins[q] = touched, time
        for q in where:
            until_end[q] = time
    return Usage(dict(gates), dict(idle), readout)


def signal_of(usage: Usage, calibration: Calibration) -> Signal:
    """Return the factors by which the expectation values of a circuit shrink."""
    if not len(calibration.idle):
        return Signal(1.0, 1.0)  # a simulator of any number of qubits, without errors
    gates = sum(n * calibration.cost(*place) for place, n in usage.gates.items())
    waiting = sum(time * calibration.idle[q] for q, time in usage.idle.items())
    readout = sum(n * calibration.readout[q] for q, n in usage.readout.items())
    return Signal(float(np.exp(-gates - waiting)), float(np.exp(-readout)))


def resolution(signal: Signal, demand: Demand) -> float:
    """Return how far a typical expectation value is from 0, in standard errors.

    It does not matter here whether readout errors are corrected: raw, they shrink the
    value; corrected, they multiply its standard error by just as much.
    """
    kept = signal.gates * (signal.readout if demand.readout else 1.0)
    return _TYPICAL * kept * float(demand.shots or _MANY_SHOTS) ** 0.5


def is_lost(signal: Signal, demand: Demand) -> bool:
    """Return whether shot noise hides what is left of a typical expectation value.

    Few shots count as four hundred: where these are too few, the device is not to
    blame.
    """
    shots = max(demand.shots or _MANY_SHOTS, _FEW_SHOTS)
    return resolution(signal, demand._replace(shots=shots)) < _CLEAR
