"""The kept signal: by hand, and beside a simulation of the same errors."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Measure, Parameter
from qiskit.circuit.library import CZGate, RZGate, SXGate, real_amplitudes
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import InstructionProperties, QubitProperties, Target

from skqnn._backends.kept_signal import (
    Demand,
    Signal,
    Usage,
    calibrate,
    is_lost,
    resolution,
    signal_of,
    usage_of,
)
from skqnn._backends.resolve import fake_backends, resolve
from skqnn._backends.transpilation import transpile_once


def make_target(cz=0.02, sx=0.001, duration=None, t1=None, t2=None):
    qubits = [QubitProperties(t1=t1, t2=t2) for _ in range(3)]
    target = Target(num_qubits=3, qubit_properties=qubits)
    target.add_instruction(
        SXGate(), {(q,): InstructionProperties(duration, sx) for q in range(3)}
    )
    target.add_instruction(RZGate(Parameter("a")), {(q,): None for q in range(3)})
    target.add_instruction(
        CZGate(), {(q, q + 1): InstructionProperties(duration, cz) for q in range(2)}
    )
    flips = {(0,): 0.1, (1,): 0.2, (2,): None}
    target.add_instruction(
        Measure(), {q: InstructionProperties(error=e) for q, e in flips.items()}
    )
    return target


def signal(circuit, supports, target):
    calibration = calibrate(target)
    return signal_of(usage_of(circuit, supports, calibration.seconds), calibration)


def test_gates_and_readout_by_hand():
    circuit = QuantumCircuit(3)
    circuit.sx(0)
    circuit.rz(0.3, 0)
    circuit.cz(1, 0)  # the coupler is listed in the other direction
    kept = signal(circuit, [(0, 1)], make_target())
    assert kept.gates == pytest.approx((1 - 1.5 * 0.001) * (1 - 1.25 * 0.02))
    assert kept.readout == pytest.approx(0.8 * 0.6)


def test_gates_that_no_observable_feels_do_not_count():
    circuit = QuantumCircuit(3)
    circuit.cz(1, 2)
    circuit.cz(0, 1)
    circuit.sx(2)
    cz, sx = 1 - 1.25 * 0.02, 1 - 1.5 * 0.001
    assert signal(circuit, [(0,)], make_target()).gates == pytest.approx(cz**2)
    assert signal(circuit, [(2,)], make_target()).gates == pytest.approx(cz * sx)
    both = signal(circuit, [(0,), (2,)], make_target()).gates  # geometric mean
    assert both == pytest.approx(np.sqrt(cz**2 * cz * sx))


def test_waiting_qubits_decay():
    circuit = QuantumCircuit(2)
    circuit.sx(0)  # as late as possible: in parallel to the second gate on qubit 1
    circuit.sx(1)
    circuit.sx(1)
    target = make_target(cz=0, sx=0, duration=1e-6, t1=1e-4, t2=5e-5)
    decay = 0.25 / 1e-4 + 0.5 / 5e-5
    kept = signal(circuit, [(0, 1)], target).gates
    assert kept == pytest.approx((1 - 1e-6 * decay) ** 3)
    circuit.barrier()
    circuit.sx(1)  # now qubit 0 waits for it
    kept = signal(circuit, [(0, 1)], target).gates
    assert kept == pytest.approx((1 - 1e-6 * decay) ** 4 * np.exp(-1e-6 * decay))


def test_error_that_is_missing_among_others_is_dead():
    target = make_target()
    target.update_instruction_properties("cz", (0, 1), None)
    calibration = calibrate(target)
    assert calibration.is_dead("cz", (0, 1))
    assert calibration.is_dead("cz", (0, 2))  # no coupler at all
    assert calibration.is_dead("measure", (2,))
    assert not calibration.is_dead("cz", (1, 2))
    assert not calibration.is_dead("measure", (1,))


def test_errors_that_are_missing_everywhere_are_none():
    calibration = calibrate(make_target(cz=None, sx=None))
    assert calibration.cost("cz", (0, 1)) == calibration.cost("sx", (0,)) == 0


@pytest.mark.parametrize("error", [0.5, 0.75, 1.0])
def test_dead_gate_keeps_next_to_nothing(error):
    calibration = calibrate(make_target(cz=error))
    assert calibration.is_dead("cz", (0, 1))
    assert np.isfinite(calibration.cost("cz", (0, 1)))


def test_resolution_by_hand():
    kept, demand = Signal(0.8, 0.5), Demand(((0,),), 100)
    assert resolution(kept, demand) == pytest.approx(0.3 * 0.4 * 10)
    perfect = demand._replace(readout=False)
    assert resolution(kept, perfect) == pytest.approx(0.3 * 0.8 * 10)


def test_signal_is_lost_below_two_standard_errors():
    demand = Demand(((0,),), 1024)  # 0.3 * kept is compared with 2 / 32
    assert is_lost(Signal(0.5, 0.41), demand)
    assert not is_lost(Signal(0.5, 0.42), demand)


def test_signal_is_lost_where_shots_do_not_show_it():
    assert not is_lost(Signal(0.7, 0.6), Demand(((0,),), 1000))
    assert is_lost(Signal(0.5, 0.5), Demand(((0,),), 100))
    assert not is_lost(Signal(0.5, 0.5), Demand(((0,),), 100, readout=False))
    assert not is_lost(Signal(0.9, 0.9), Demand(((0,),), 1))
    assert is_lost(Signal(1e-9, 1.0), Demand(((0,),), None))
    assert is_lost(Signal(0.7, 0.005), Demand(((0,),), 1000))


def test_usage_of_an_empty_circuit_is_its_readout():
    usage = usage_of(QuantumCircuit(2), [(0,), (0, 1)], {})
    assert usage == Usage({}, {}, {0: 1.0, 1: 0.5})


def simulated(circuit, isa, name, support, rows):
    """Return the slope of noisy against exact values of rows of angles."""
    label = "".join("Z" if q in support else "I" for q in reversed(range(5)))
    values = []
    for backend in (name, "aer"):
        device = resolve(backend, shots=None, n_qubits=5)
        device.transpile = lambda *args, **keywords: isa
        program = device.compile(circuit, [SparsePauliOp(label)], 0)
        values.append(program.run(rows, np.random.default_rng(0))[0][:, 0])
    noisy, exact = values
    return noisy @ exact / (exact @ exact)


def test_estimate_orders_devices_and_circuits_as_a_simulation_does():
    estimates, slopes = [], []
    for name in ("fake_kolkata", "fake_melbourne", "fake_cambridge"):
        backend = fake_backends()[name]()
        for reps, support in ((1, (0,)), (2, (0, 1, 2, 3, 4)), (6, (4,))):
            circuit = real_amplitudes(5, reps=reps, entanglement="reverse_linear")
            isa = transpile_once(circuit, backend, 2, 0)
            places = [[isa.final[q] for q in support]]
            calibration = calibrate(backend.target)
            # Aer does not simulate how waiting qubits decay.
            calibration = calibration._replace(idle=np.zeros(backend.num_qubits))
            usage = usage_of(isa.circuit, places, calibration.seconds)
            estimates.append(signal_of(usage, calibration).gates)
            shape = 20, circuit.num_parameters
            rows = np.random.default_rng(1).uniform(-np.pi, np.pi, shape)
            slopes.append(simulated(circuit, isa, name, support, rows))
    ranks = np.argsort(np.argsort([estimates, slopes]), axis=1)
    assert np.corrcoef(ranks)[0, 1] > 0.9
    # Errors of the first gates, on qubits at rest, harm less than the estimate says.
    assert np.all(np.subtract(slopes, estimates) > -0.02)
    assert np.all(np.subtract(slopes, estimates) < 0.2)
