"""The one form of a circuit: what is opened, what is left alone, what is refused."""

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Gate, Parameter, ParameterVector
from qiskit.circuit.library import (
    CRXGate,
    HGate,
    Initialize,
    MCPhaseGate,
    PauliEvolutionGate,
    RZGate,
    StatePreparation,
    UnitaryGate,
    real_amplitudes,
)
from qiskit.quantum_info import Operator, SparsePauliOp, Statevector, random_clifford
from qiskit.transpiler import CouplingMap
from scipy.linalg import expm

from skqnn._circuits.normal_form import normal_form

T = Parameter("t")
ALL = frozenset(range(3))


def content():
    """Return H and RX on one qubit, CX to another: no standard gate is equal to it."""
    circuit = QuantumCircuit(2, global_phase=0.2)
    circuit.h(0)
    circuit.rx(T, 0)
    circuit.cx(0, 1)
    return circuit


def named(name):
    """Return the content as a gate with this name, on qubits 2 and 0 of three."""
    inner = content()
    inner.name = name
    circuit = QuantumCircuit(3)
    circuit.append(inner.to_gate(), [2, 0])
    return circuit


def appended(make_operation, qubits=(2, 0)):
    circuit = QuantumCircuit(3)
    circuit.ry(T, 1)
    circuit.append(make_operation(), qubits)
    return circuit


def boxed():
    circuit = QuantumCircuit(3)
    with circuit.box():
        circuit.cx(2, 0)
        circuit.ry(T, 1)
        with circuit.box():
            circuit.h(2)
    return circuit


def unboxed():
    circuit = QuantumCircuit(3)
    circuit.cx(2, 0)
    circuit.ry(T, 1)
    circuit.h(2)
    return circuit


NAMES = ["block", "id", "global_phase", "u", "ecr", "iswap", "unitary", "barrier", "cx"]
WRITTEN = {
    "open control": lambda: appended(lambda: CRXGate(T, ctrl_state=0)),
    "many controls": lambda: appended(lambda: MCPhaseGate(T, 2), (0, 1, 2)),
    "state preparation": lambda: appended(lambda: StatePreparation([0.6, 0, 0, 0.8])),
    "matrix": lambda: appended(lambda: UnitaryGate(np.eye(4)[[1, 0, 2, 3]])),
    "Clifford": lambda: appended(lambda: random_clifford(2, seed=1)),
    "annotated": lambda: appended(lambda: RZGate(T).control(1, annotated=True)),
    "inverted": lambda: named("id").inverse(annotated=True),
}


def is_normal(circuit):
    return all(
        item.is_standard_gate() or item.name in ("unitary", "barrier")
        for item in circuit.data
    )


@pytest.mark.parametrize("name", NAMES)
def test_gate_is_what_it_is_defined_as_whatever_its_name(name):
    expected = QuantumCircuit(3).compose(content(), [2, 0])
    normal = normal_form(named(name))
    assert [item.name for item in normal.data] == ["h", "rx", "cx"]
    assert Operator(normal.assign_parameters([0.7])) == Operator(
        expected.assign_parameters([0.7])
    )


@pytest.mark.parametrize("make", WRITTEN.values(), ids=WRITTEN)
def test_operation_is_written_in_standard_gates(make):
    normal = normal_form(make())
    assert is_normal(normal)
    assert list(normal.parameters) == [T]
    expected = Operator(make().assign_parameters([0.7]))
    assert Operator(normal.assign_parameters([0.7])) == expected


def test_definitions_of_a_qasm_file_win_over_qiskits_names():
    text = """OPENQASM 2.0; include "qelib1.inc";
        gate ecr a, b { h a; cx a, b; }  gate iswap(p) a, b { rx(p) a; cx b, a; }
        qreg q[2]; creg c[2]; ecr q[0], q[1]; iswap(0.3) q[0], q[1];"""
    normal = normal_form(QuantumCircuit.from_qasm_str(text))
    assert [item.name for item in normal.data] == ["h", "cx", "rx", "cx"]
    assert normal.num_clbits == 0


def test_evolution_is_what_its_synthesis_makes_of_it():
    evolution = PauliEvolutionGate(SparsePauliOp(["XI", "ZZ", "IY"]), time=T)
    normal = normal_form(appended(lambda: evolution, (0, 1)))
    synthesised = QuantumCircuit(3)
    synthesised.ry(T, 1)
    synthesised.compose(evolution.definition, (0, 1), inplace=True)
    matrix = Operator(normal.assign_parameters([0.7]))
    assert matrix == Operator(synthesised.assign_parameters([0.7]))
    exact = expm(-0.7j * evolution.operator.to_matrix())
    prepared = QuantumCircuit(3)
    prepared.ry(0.7, 1)
    prepared.unitary(exact, (0, 1))
    assert matrix != Operator(prepared)


def test_boxes_are_opened_and_delays_left_out():
    circuit = boxed()
    circuit.delay(100, 1)
    assert normal_form(circuit) == unboxed()


def test_labels_are_left_out_of_gates_at_any_depth():
    def circuit(label):
        inner, outer = QuantumCircuit(2), QuantumCircuit(2)
        inner.cx(0, 1, label=label)
        outer.append(inner.to_gate(label=label), [1, 0])
        outer.ry(T, 0, label=label)
        outer.unitary(np.diag([1, 1j]), [1], label=label)
        return outer

    labelled = circuit("mine")
    normal = normal_form(labelled)
    assert [item.label for item in normal.data] == [None] * 3
    assert normal == normal_form(circuit(None))
    assert [item.label for item in labelled.data] == ["mine"] * 3


def test_normal_circuit_is_returned_itself():
    circuit = real_amplitudes(3, reps=1)
    circuit.barrier()
    circuit.append(HGate(), [0])
    assert normal_form(circuit) is circuit


def test_parameters_keep_their_places_even_if_they_change_nothing():
    v = ParameterVector("v", 4)
    circuit = QuantumCircuit(2)
    circuit.append(_Idle(v[0]), [0])
    circuit.delay(v[3], 0)
    circuit.ry(v[2], 0)
    circuit.rx(v[1], 1)
    assert list(normal_form(circuit).parameters) == list(v)


class _Idle(Gate):
    """A gate that ignores its parameter."""

    def __init__(self, angle):
        super().__init__("idle", 1, [angle])

    def _define(self):
        self.definition = QuantumCircuit(1)


class _Matrix(Gate):
    """A gate with a matrix and no definition, named like another one."""

    def __init__(self):
        super().__init__("rz", 1, [])

    def __array__(self, dtype=None, copy=None):
        return np.array([[0, 1], [1, 0]], dtype=dtype)


def test_gate_of_a_matrix_alone_becomes_a_matrix():
    normal = normal_form(appended(_Matrix, [1]))
    assert [item.name for item in normal.data] == ["ry", "unitary"]
    np.testing.assert_array_equal(
        normal.data[1].operation.to_matrix(), [[0, 1], [1, 0]]
    )


def test_initialize_is_a_preparation_on_fresh_qubits():
    circuit = QuantumCircuit(2)
    circuit.barrier()
    circuit.append(Initialize([0, 0.6, 0.8j, 0]), [1, 0])
    normal = normal_form(circuit, fresh=ALL)
    assert is_normal(normal)
    np.testing.assert_allclose(Statevector(normal), [0, 0.8j, 0.6, 0], atol=1e-12)


def test_initialize_is_refused_on_used_qubits():
    circuit = QuantumCircuit(2)
    circuit.x(0)
    circuit.append(Initialize([0.6, 0.8]), [0])
    with pytest.raises(
        ValueError, match="must be unitary, got the instruction 'reset'"
    ):
        normal_form(circuit, fresh=ALL)


def test_unknown_gate_is_refused():
    with pytest.raises(ValueError, match="definition, got 'strange' on qubits"):
        normal_form(appended(lambda: Gate("strange", 2, []), (2, 0)))


def test_gate_on_one_qubit_twice_is_refused():
    broken = real_amplitudes(3, reps=1, entanglement=[[0, 0]])
    with pytest.raises(ValueError, match="got 'cx' on one qubit twice"):
        normal_form(broken)


def test_transpiled_circuit_is_refused_if_it_moves_qubits():
    line = CouplingMap.from_line(5)
    moved = transpile(real_amplitudes(3), coupling_map=line, initial_layout=[2, 1, 0])
    with pytest.raises(ValueError, match="transpiled to 5 qubits"):
        normal_form(moved)


def test_transpiled_circuit_is_taken_if_every_qubit_stays():
    line, circuit = CouplingMap.from_line(3), real_amplitudes(3, reps=1)
    still = transpile(circuit, coupling_map=line, initial_layout=[0, 1, 2])
    assert still.layout is not None
    assert normal_form(still).num_qubits == 3


def test_gates_nested_without_end_are_refused():
    gate = Gate("again", 1, [])
    gate.definition = QuantumCircuit(1)
    gate.definition.append(gate, [0], copy=False)
    with pytest.raises(ValueError, match="must not be nested hundreds of levels deep"):
        normal_form(appended(lambda: gate, [0]))
