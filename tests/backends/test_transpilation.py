"""Circuits in the gates of a device: still the same circuit, with the right errors."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Measure
from qiskit.circuit.library import CZGate, RZGate, SXGate
from qiskit.circuit.parameter import Parameter
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit.transpiler import CouplingMap, InstructionProperties, Target

from skqnn._backends.transpilation import (
    Isa,
    compact,
    error_of,
    restrict,
    success_probability,
    transpile_once,
)

LINE = GenericBackendV2(
    8, ["rz", "sx", "x", "cz"], coupling_map=CouplingMap.from_line(8), seed=3
)


def complete(n_qubits):
    """CX between all pairs: cannot do without SWAPs on a line."""
    circuit = QuantumCircuit(n_qubits)
    for a in range(n_qubits):
        circuit.ry(0.3 + a, a)
        for b in range(a):
            circuit.cx(a, b)
    return circuit


def test_success_probability_by_hand():
    target = Target(num_qubits=2)
    target.add_instruction(SXGate(), {(0,): InstructionProperties(error=0.1)})
    target.add_instruction(Measure(), {(0,): InstructionProperties(error=0.2)})
    circuit = QuantumCircuit(2)
    circuit.sx(0)
    circuit.sx(0)
    chance = success_probability(Isa(circuit, (0,)), target)
    assert chance == pytest.approx(0.9 * 0.9 * 0.8)


@pytest.mark.parametrize("name, qubits", [("cz", (0, 1)), ("sx", (1,)), ("rz", (0,))])
def test_unknown_error_counts_as_none(name, qubits):
    target = Target(num_qubits=2)
    target.add_instruction(SXGate(), {(0,): InstructionProperties(error=0.1)})
    target.add_instruction(RZGate(Parameter("a")), None)
    assert error_of(target, name, qubits) == 0


@pytest.mark.parametrize("seed", range(3))
def test_compact_circuit_prepares_the_same_state(seed):
    circuit = complete(4)
    isa, used = compact(transpile_once(circuit, LINE, 1, seed))
    assert isa.circuit.num_qubits == len(used) < 8
    observable = SparsePauliOp.from_list([("ZZXY", 1), ("IIIZ", 0.5)])
    moved = observable.apply_layout(list(isa.final), isa.circuit.num_qubits)
    expected = Statevector(circuit).expectation_value(observable)
    assert Statevector(isa.circuit).expectation_value(moved) == pytest.approx(expected)


def test_restricted_target_keeps_errors_of_the_qubits():
    part = restrict(LINE.target, [2, 3, 5])
    assert part.num_qubits == 3
    assert error_of(part, "cz", (0, 1)) == error_of(LINE.target, "cz", (2, 3))
    assert error_of(part, "measure", (2,)) == error_of(LINE.target, "measure", (5,))
    assert (1, 2) not in part["cz"]
    assert part.qubit_properties[2].t1 == LINE.target.qubit_properties[5].t1


def test_cz_is_available_on_the_line():
    assert isinstance(LINE.target.operation_from_name("cz"), CZGate)
    assert np.isfinite(error_of(LINE.target, "cz", (0, 1)))


@pytest.mark.parametrize(
    "gates, reason",
    [
        (["h", "s", "sdg", "t", "tdg", "cx"], "no gate with an angle, as Clifford"),
        (["rz", "sx", "x"], "no gate on two qubits"),
        (["rz", "x", "cx"], r"gates \['cx', 'rz', 'x'\] do not make up all others"),
    ],
)
def test_reason_why_a_device_cannot_run_our_circuits(gates, reason):
    circuit = QuantumCircuit(2)
    circuit.ry(Parameter("a"), 0)
    circuit.cx(0, 1)
    device = GenericBackendV2(2, basis_gates=gates, seed=0)
    with pytest.raises(ValueError, match=f"`backend` must have gates .*: .*{reason}"):
        transpile_once(circuit, device, 1, 0)
