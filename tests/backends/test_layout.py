"""Which circuit a device is given: never dead gates, always the same circuit."""

import warnings

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import real_amplitudes
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Pauli, SparsePauliOp, Statevector
from qiskit.transpiler import CouplingMap, InstructionProperties, QubitProperties

from skqnn._backends.kept_signal import (
    Demand,
    calibrate,
    resolution,
    signal_of,
    usage_of,
)
from skqnn._backends.layout import transpile_best, usable
from skqnn._backends.noise import target_noise
from skqnn._backends.pauli import pauli_run
from skqnn._backends.readings import Saved
from skqnn._backends.resolve import fake_backends
from skqnn._backends.transpilation import compact, transpile_once, two_qubit_gates
from skqnn.exceptions import LowSignalWarning


def line(n_qubits, errors=(), flips=()):
    """Return a backend on a line, some couplers and readouts of which are worse."""
    backend = GenericBackendV2(
        n_qubits,
        ["rz", "sx", "x", "cz"],
        coupling_map=CouplingMap.from_line(n_qubits, bidirectional=False),
        seed=3,
    )
    for name, changes in (("cz", errors), ("measure", flips)):
        for where, error in changes:
            properties = InstructionProperties(1e-7, error)
            backend.target.update_instruction_properties(name, where, properties)
    return backend


def complete(n_qubits):
    """CX between all pairs: cannot do without SWAPs on a line."""
    circuit = QuantumCircuit(n_qubits)
    for a in range(n_qubits):
        circuit.ry(0.3 + a, a)
        for b in range(a):
            circuit.cx(a, b)
    return circuit


def chain(n_qubits):
    return real_amplitudes(n_qubits, reps=2, entanglement="reverse_linear")


def resolution_of(isa, backend, demand):
    calibration = calibrate(backend.target)
    supports = [[isa.final[q] for q in support] for support in demand.supports]
    usage = usage_of(isa.circuit, supports, calibration.seconds)
    return resolution(signal_of(usage, calibration), demand)


def couplers(isa):
    find = isa.circuit.find_bit
    return {
        tuple(sorted(find(q).index for q in item.qubits))
        for item in isa.circuit.data
        if len(item.qubits) == 2
    }


@pytest.mark.parametrize("level", ["auto", 0, 1, 2, 3])
@pytest.mark.parametrize("seed", range(2))
def test_circuit_stays_the_same(level, seed):
    circuit = complete(4)
    isa = transpile_best(circuit, line(8), seed=seed, optimization_level=level)
    small, _ = compact(isa)
    observable = SparsePauliOp.from_list([("ZZXY", 1), ("IIIZ", 0.5)])
    moved = observable.apply_layout(list(small.final), small.circuit.num_qubits)
    expected = Statevector(circuit).expectation_value(observable)
    assert Statevector(small.circuit).expectation_value(moved) == pytest.approx(
        expected
    )


@pytest.mark.parametrize("error", [0.6, 1.0, None])
def test_dead_couplers_are_avoided(error):
    backend = line(9, [((1, 2), error), ((5, 6), error)])  # which leaves 2 to 5
    isa = transpile_best(chain(4), backend, seed=0)
    assert couplers(isa) == {(2, 3), (3, 4), (4, 5)}
    isa = transpile_best(complete(4), backend, seed=0)
    assert set(isa.final) == {2, 3, 4, 5}


def test_dead_readout_is_avoided():
    backend = line(7, flips=[((2,), 0.5), ((6,), 0.45)])
    demand = Demand(((0, 1, 2),), 1000)
    isa = transpile_best(chain(3), backend, seed=0, demand=demand)
    assert set(isa.final) == {3, 4, 5}


def test_dead_gates_are_taken_where_there_are_no_others():
    backend = line(4, [((1, 2), 1.0)])
    with pytest.warns(LowSignalWarning):
        isa = transpile_best(chain(4), backend, seed=0)
    assert (1, 2) in couplers(isa)


def test_dead_gates_weigh_more_than_a_dead_readout():
    backend = line(6, [((3, 4), 1.0)], flips=[((1,), 0.5)])  # 0 to 3, or nothing
    target = usable(backend.target, calibrate(backend.target), 4)
    assert set(target["cz"]) == {(0, 1), (1, 2), (2, 3), (4, 5)}
    target = usable(backend.target, calibrate(backend.target), 2)
    assert set(target["cz"]) == {(2, 3), (4, 5)}


@pytest.mark.parametrize("make", [chain, complete])
@pytest.mark.parametrize("readout", [True, False])
def test_search_is_no_worse_than_levels_of_qiskit(make, readout):
    backend, circuit = line(10), make(4)
    demand = Demand(((0, 1, 2, 3),), 1000, readout)
    isa = transpile_best(circuit, backend, seed=0, demand=demand)
    shown = resolution_of(isa, backend, demand)
    for level, seed in ((1, 0), (2, 1), (3, 2)):
        other = transpile_once(circuit, backend, level, seed)
        assert shown >= resolution_of(other, backend, demand)


def test_search_finds_what_level_one_misses():
    backend = line(10, [((0, 1), 0.2), ((1, 2), 0.2)])
    demand = Demand(((0, 1, 2, 3),))
    best = transpile_best(chain(4), backend, seed=0, demand=demand)
    trivial = transpile_once(chain(4), backend, 1, 0)
    assert resolution_of(best, backend, demand) > 1.2 * resolution_of(
        trivial, backend, demand
    )


def values_under_noise(isa, target, circuit, rows):
    """Return parities of all qubits, times what a raw readout keeps of them."""
    small, used = compact(isa)
    noise, parameters = target_noise(target, used), list(circuit.parameters)
    reading = Saved([SparsePauliOp("Z" * circuit.num_qubits)])
    run = pauli_run(small.circuit, noise.gates, parameters, small.final, reading)
    values = run.read(rows, None, np.random.default_rng(0))[0][:, 0]
    return values * np.prod([1 - noise.readout[q].sum() for q in small.final])


@pytest.mark.parametrize("seed", [1, 2])
def test_search_finds_what_simulation_of_all_places_finds(seed):
    rng = np.random.default_rng(seed)
    errors = [((q, q + 1), error) for q, error in enumerate(rng.uniform(0, 0.1, 3))]
    flips = [((q,), error) for q, error in enumerate(rng.uniform(0, 0.1, 4))]
    backend, circuit = line(4, errors, flips), chain(3)
    rows = rng.uniform(-np.pi, np.pi, (30, circuit.num_parameters))
    states = [Statevector(circuit.assign_parameters(row)) for row in rows]
    exact = np.real([state.expectation_value(Pauli("ZZZ")) for state in states])
    demand = Demand(((0, 1, 2),), 1000, waiting=False)
    found = transpile_best(circuit, backend, seed=0, demand=demand)
    places = [0, 1, 2], [2, 1, 0], [1, 2, 3], [3, 2, 1]
    others = [transpile_once(circuit, backend, 2, 0, where=where) for where in places]
    kept, *everywhere = (
        values_under_noise(isa, backend.target, circuit, rows) @ exact
        for isa in [found, *others]
    )
    assert min(everywhere) < 0.9 * max(everywhere)
    assert kept > 0.95 * max(everywhere)


def test_waiting_counts_unless_it_is_not_simulated():
    best, others = (0, 1), [(q, q + 1) for q in range(1, 5)]
    backend = line(6, [(best, 0.001), *((pair, 0.05) for pair in others)])
    properties = backend.target.qubit_properties
    properties[1] = QubitProperties(t1=1e-5, t2=1e-5)
    backend.target.qubit_properties = properties
    circuit = QuantumCircuit(2)
    circuit.cz(0, 1)
    for angle in ParameterVector("a", 30):
        circuit.sx(0)
        circuit.rz(angle, 0)
    demand = Demand(((0, 1),), 1000, readout=False)
    waiting, simulated = (
        transpile_best(circuit, backend, seed=0, demand=demand._replace(waiting=w))
        for w in (True, False)
    )
    assert set(simulated.final) == {0, 1}
    assert set(waiting.final) != {0, 1}


def test_only_what_is_measured_decides():
    backend = line(6, flips=[((q,), 0.3 if q != 4 else 1e-3) for q in range(6)])
    demand = Demand(((0,),), 1000)
    isa = transpile_best(chain(2), backend, seed=0, demand=demand)
    assert isa.final[0] == 4


def test_more_seeds_are_never_worse():
    backend, circuit = line(8), complete(6)
    demand = Demand((tuple(range(6)),))
    shown = []
    for n_trials in (1, 2, 4):
        isa = transpile_best(
            circuit, backend, seed=0, n_trials=n_trials, optimization_level=1
        )
        shown.append(resolution_of(isa, backend, demand))
    assert shown == sorted(shown)
    assert shown[-1] > shown[0]


@pytest.mark.parametrize("make", [chain, complete])
def test_same_seed_gives_the_same_circuit(make):
    circuit = make(5)
    first, second = (transpile_best(circuit, line(9), seed=4) for _ in range(2))
    assert first.final == second.final
    assert first.circuit == second.circuit


def test_device_without_errors_gets_the_fewest_gates():
    backend = line(6)
    for q in range(6):
        for name in ("sx", "x", "measure", "rz"):
            backend.target.update_instruction_properties(name, (q,), None)
    for q in range(5):
        backend.target.update_instruction_properties("cz", (q, q + 1), None)
    counts = [
        two_qubit_gates(transpile_once(complete(5), backend, level, seed).circuit)
        for level, seed in ((1, 0), (2, 1), (3, 2))
    ]
    best = transpile_best(complete(5), backend, seed=0)
    assert two_qubit_gates(best.circuit) == min(counts)


@pytest.mark.parametrize(
    "name, reps", [("fake_kyoto", 2), ("fake_lagos", 2), ("fake_poughkeepsie", 7)]
)
def test_lost_signal_is_told(name, reps):
    backend = fake_backends()[name]()
    circuit = real_amplitudes(7, reps=reps, entanglement="reverse_linear")
    demand = Demand((tuple(range(7)),), 1024)
    with pytest.warns(LowSignalWarning, match=f"{name}.*signal.*1024 shots"):
        transpile_best(circuit, backend, seed=0, demand=demand)


def test_signal_that_is_left_is_not_worth_a_word():
    demand = Demand((tuple(range(7)),), 1024)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        transpile_best(chain(7), fake_backends()["fake_hanoi"](), seed=0, demand=demand)


def test_search_avoids_the_dead_gates_of_a_device():
    backend = fake_backends()["fake_sherbrooke"]()
    calibration = calibrate(backend.target)
    isa = transpile_best(chain(7), backend, seed=0)
    find = isa.circuit.find_bit
    assert not any(
        calibration.is_dead(item.name, tuple(find(q).index for q in item.qubits))
        for item in isa.circuit.data
    )


def test_backend_without_connections_needs_no_routing():
    backend = GenericBackendV2(3, ["rz", "sx", "x", "cz"], seed=0)
    isa = transpile_best(complete(3), backend, seed=0)
    assert two_qubit_gates(isa.circuit) == 3


def test_too_few_qubits_are_refused():
    with pytest.raises(ValueError, match=r"at least 9 qubits .* 8 qubits"):
        transpile_best(chain(9), line(8), seed=0)


def test_backend_without_two_qubit_gate_is_refused():
    backend = GenericBackendV2(
        3, ["rz", "sx", "x"], coupling_map=CouplingMap.from_line(3)
    )
    for name in ("cz", "cx", "ecr"):
        assert name not in backend.target
    with pytest.raises(ValueError, match="must have gates that the circuit can be"):
        transpile_best(chain(3), backend, seed=0)


def test_estimates_are_finite():
    isa = transpile_best(chain(3), line(4), seed=0)
    assert np.isfinite(resolution_of(isa, line(4), Demand(((0,),), 10)))


@pytest.mark.parametrize("level", ["auto", 2])
def test_gate_that_takes_some_angles_only_is_not_used(level):
    """An angle that is still open may become one that IBM refuses."""
    fakes = pytest.importorskip("qiskit_ibm_runtime.fake_provider")
    device = fakes.FakeFractionalBackend()
    assert "rzz" in device.target
    circuit = QuantumCircuit(2)
    circuit.crz(ParameterVector("t", 1)[0], 0, 1)
    circuit.h(0)
    isa = transpile_best(circuit, device, seed=0, optimization_level=level)
    assert "rzz" not in isa.circuit.count_ops()
