"""Which circuit a device is given: candidates, moved to the best places, and judged.

Qiskit's levels differ in gates, routing and qubits, and none of them is always best.
What they give is moved to where the calibration is best, and what keeps most of the
signal, measured by the scatter of the shots, is taken.
"""

import warnings
from collections.abc import Collection
from itertools import cycle
from typing import NamedTuple

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit.transpiler import Target

from skqnn._backends.kept_signal import (
    Calibration,
    Demand,
    Signal,
    Usage,
    calibrate,
    is_lost,
    resolution,
    signal_of,
    usage_of,
)
from skqnn._backends.placement import placements
from skqnn._backends.transpilation import (
    Isa,
    compact,
    select,
    transpile_once,
    two_qubit_gates,
)
from skqnn.exceptions import LowSignalWarning

_LEVELS = (1, 2, 3)  # of the candidates, in turn
_LEVEL_MOVED = 2  # finds what is left to cancel
_N_MOVED = 2  # places that are tried


def transpile_best(
    circuit: QuantumCircuit,
    backend: BackendV2,
    *,
    seed: int,
    demand: Demand | None = None,
    optimization_level: int | str = "auto",
    n_trials: int = 3,
    gates: Collection[str] | None = None,
) -> Isa:
    """Transpile a circuit to where a device keeps most of its signal.

    Parameters
    ----------
    circuit : QuantumCircuit
        Of any gates.
    backend : BackendV2
        The device.
    seed : int
        Of Qiskit's transpiler. The same seed gives the same circuit.
    demand : Demand, default=None
        What is measured, how often, and which errors occur. None: the parity of all
        qubits, exactly.
    optimization_level : {"auto", 0, 1, 2, 3}
        "auto": circuits of the levels 1 to 3 are moved to the best qubits with couplers
        of the same shape; dead instructions are left out if the rest suffices. A
        number: what Qiskit gives at this level.
    n_trials : int, default=3
        Seeds that are tried, from `seed` on, each with the next of the levels if these
        are "auto". A circuit that needs no routing then takes one.
    gates : collection of str, default=None
        Names of the gates to use. None: all of the backend.

    Warns
    -----
    LowSignalWarning
        If less signal is expected to be left than the shots resolve.

    Raises
    ------
    ValueError
        If the backend has too few qubits, or lacks gates that the circuit needs.
    """
    check_width(circuit.num_qubits, backend)
    if demand is None:
        demand = Demand((tuple(range(circuit.num_qubits)),))
    target = backend.target
    if gates is None and _restricts_rzz(backend):
        gates = set(target.operation_names) - {"rzz"}
    if gates is not None:
        target = select(target, lambda name, where: name in gates)
    calibration = calibrate(target)
    if not demand.waiting:
        calibration = calibration._replace(idle=0 * calibration.idle)
    if optimization_level == "auto":
        target = usable(target, calibration, circuit.num_qubits)
        isas = _search(circuit, backend, target, calibration, demand, n_trials, seed)
    else:
        level = int(optimization_level)
        seeds = range(seed, seed + n_trials)
        isas = [transpile_once(circuit, backend, level, s, target) for s in seeds]
    signals = [signal_of(_usage(isa, calibration, demand), calibration) for isa in isas]
    shown = [resolution(signal, demand) for signal in signals]
    sizes = [two_qubit_gates(isa.circuit) for isa in isas]
    best = max(range(len(isas)), key=lambda j: (shown[j], -sizes[j]))
    if is_lost(signals[best], demand):
        _warn(backend.name, signals[best], demand)
    return isas[best]


def check_width(n_qubits: int, backend: BackendV2) -> None:
    """Raise ValueError if a backend has too few qubits."""
    available = backend.num_qubits
    if available is not None and n_qubits > available:
        raise ValueError(
            f"`backend` must have at least {n_qubits} qubits for this model, got "
            f"{backend.name!r} with {available} qubits; take another one, or encode "
            "rows on fewer qubits."
        )


def _restricts_rzz(backend: BackendV2) -> bool:
    """Return whether RZZ takes some angles only, which open parameters may leave.

    IBM's fractional RZZ takes angles between 0 and pi/2.
    """
    is_ibms = type(backend).__module__.startswith("qiskit_ibm_runtime.")
    others = {"cx", "cz", "ecr"} & set(backend.target.operation_names)
    return is_ibms and "rzz" in backend.target and bool(others)


def _search(
    circuit: QuantumCircuit,
    backend: BackendV2,
    target: Target,
    calibration: Calibration,
    demand: Demand,
    n_trials: int,
    seed: int,
) -> list[Isa]:
    """Return what several seeds give, and the best of it in the best places."""
    edges = _edges(target)
    if edges is None:
        n_trials = 1  # all qubits are connected: nothing to route
    tries: list[Isa] = []
    for level, trial in zip(cycle(_LEVELS), range(n_trials), strict=False):
        tries.append(
            transpile_once(circuit, backend, level, seed + trial, target=target)
        )
        if edges is None or _fits(circuit, tries[-1], edges):
            break
    if edges is None or not calibration.known:
        return tries  # all places are equally good
    couplers = {
        place: cost
        for place, cost in calibration.gates.items()
        if len(place[1]) == 1 or frozenset(place[1]) in edges
    }
    calibration = calibration._replace(gates=couplers)
    moves = [move for isa in tries for move in _moves(isa, calibration, demand)]
    moves.sort(key=lambda move: move.cost)
    return tries + [
        _move(*move[:2], backend, target, seed) for move in moves[:_N_MOVED]
    ]


def _edges(target: Target) -> set[frozenset[int]] | None:
    """Return the pairs of qubits with a gate, None if these are all pairs."""
    coupling = target.build_coupling_map()
    return None if coupling is None else {frozenset(e) for e in coupling.get_edges()}


def _fits(circuit: QuantumCircuit, isa: Isa, edges: set[frozenset[int]]) -> bool:
    """Return whether no qubits of a circuit had to be swapped to come together."""
    where = isa.circuit.layout.initial_index_layout(filter_ancillas=True)
    index = {qubit: q for q, qubit in enumerate(circuit.qubits)}
    return all(
        frozenset(where[index[q]] for q in item.qubits) in edges
        for item in circuit.data
        if len(item.qubits) > 1 and item.operation.name != "barrier"
    )


class _Move(NamedTuple):
    """A circuit on as many qubits as it uses, where these should be, and the cost."""

    isa: Isa
    where: list[int]
    cost: float


def _moves(isa: Isa, calibration: Calibration, demand: Demand) -> list[_Move]:
    """Return the best places for a transpiled circuit."""
    small, used = compact(isa)
    usage = _usage(isa, calibration, demand)
    if not demand.readout:
        usage = usage._replace(readout={})
    found = placements(usage, used, calibration, _N_MOVED)
    return [_Move(small, where, cost) for where, cost in found]


def _move(
    isa: Isa, where: list[int], backend: BackendV2, target: Target, seed: int
) -> Isa:
    """Transpile a circuit to qubits that have the couplers it uses."""
    moved = transpile_once(
        isa.circuit, backend, _LEVEL_MOVED, seed, target=target, where=where
    )
    return Isa(moved.circuit, tuple(moved.final[q] for q in isa.final))


def _usage(isa: Isa, calibration: Calibration, demand: Demand) -> Usage:
    supports = [[isa.final[q] for q in support] for support in demand.supports]
    return usage_of(isa.circuit, supports, calibration.seconds)


def usable(target: Target, calibration: Calibration, n_qubits: int) -> Target:
    """Return a target without dead couplers and qubits, if the rest is large enough.

    Qubits whose readout is dead are only taken if there are not enough others.
    """
    gates = {
        where[0]
        for name, where in calibration.gates
        if len(where) == 1 and name != "measure" and calibration.is_dead(name, where)
    }
    every = range(len(calibration.readout))
    readout = {q for q in every if calibration.is_dead("measure", (q,))}
    for dead in (gates | readout, gates):

        def alive(name: str, where: tuple[int, ...], dead: set[int] = dead) -> bool:
            broken = bool(dead & {*where}) or calibration.is_dead(name, where)
            return len(where) < 2 or not broken

        part = select(target, alive)
        coupling = part.build_coupling_map()
        if coupling is None:
            break  # of what is left, nothing is coupled
        components = coupling.connected_components()
        if max(len(c.physical_qubits) for c in components) >= n_qubits:
            return part
    return target


def _warn(name: str, signal: Signal, demand: Demand) -> None:
    kept = signal.gates * (signal.readout if demand.readout else 1.0)
    shots = "" if demand.shots is None else f", and {demand.shots} shots do not show it"
    warnings.warn(
        f"{name!r} is expected to keep {kept:.1g} of the signal "
        f"(gates {signal.gates:.1g}, readout {signal.readout:.1g}){shots}; "
        "take another device, a smaller circuit or more shots.",
        LowSignalWarning,
        stacklevel=2,
    )
