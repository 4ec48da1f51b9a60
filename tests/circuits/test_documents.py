import json

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import (
    UnitaryGate,
    XGate,
    efficient_su2,
    real_amplitudes,
    zz_feature_map,
)
from qiskit.quantum_info import Operator, random_unitary

from skqnn._circuits.documents import circuit_document, read_circuit


def composite():
    block = real_amplitudes(2, reps=1, name="block")
    circuit = QuantumCircuit(4, global_phase=0.3)
    circuit.append(UnitaryGate(random_unitary(4, seed=0)), [2, 0])
    circuit.append(block.to_gate(), [1, 2])
    circuit.append(XGate().control(2, ctrl_state=1), [0, 1, 2])
    circuit.barrier(0, 2)
    return circuit


def formulas():
    x, y = Parameter("x"), Parameter("a strange* name")
    circuit = QuantumCircuit(1)
    for angle in (
        2 * x - 1 / 3,
        -(x * y) / 7,
        (x + y).sin().abs() ** 0.5,
        (x**2 + 1e-20).log() * 1e20,
        2.5**y,
        (x / 9).arcsin() + (y / 9).arccos() + x.arctan() + y.cos() * x.tan() + y.exp(),
        x.sign(),
    ):
        circuit.ry(angle, 0)
        circuit.rx(0.5, 0)
    return circuit


def many_parameters():
    circuit = QuantumCircuit(2)
    for angle in ParameterVector("v", 12):
        circuit.u(angle, 0.1, -angle, 1)
    return circuit


CIRCUITS = {
    "real_amplitudes": lambda: real_amplitudes(4, reps=2),
    "efficient_su2": lambda: efficient_su2(3),
    "zz_feature_map": lambda: zz_feature_map(3),
    "composite": composite,
    "formulas": formulas,
    "many_parameters": many_parameters,
}


def through_text(circuit):
    """Write a circuit, matrices aside, as JSON text and read it back."""
    document = circuit_document(circuit)
    matrices = document.pop("matrices")
    return read_circuit(json.loads(json.dumps(document)) | {"matrices": matrices})


@pytest.mark.parametrize("make", CIRCUITS.values(), ids=CIRCUITS)
def test_circuit_survives_with_its_parameters_in_order(make):
    circuit = make()
    copy = through_text(circuit)
    assert copy.name == circuit.name
    assert [p.name for p in copy.parameters] == [p.name for p in circuit.parameters]
    values = np.random.default_rng(0).uniform(0.1, 2, circuit.num_parameters)
    assert Operator(copy.assign_parameters(values)).equiv(
        circuit.assign_parameters(values), atol=1e-12
    )


def test_gate_that_only_borrows_a_standard_name_is_opened():
    impostor = QuantumCircuit(4, name="mcx")
    impostor.h(0)
    circuit = QuantumCircuit(4)
    circuit.append(impostor.to_gate(), range(4))
    assert [item.name for item in through_text(circuit).data] == ["h"]


def test_measurement_is_refused():
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    with pytest.raises(ValueError, match="must be unitary"):
        circuit_document(circuit)


@pytest.mark.parametrize(
    "change",
    [
        {"n_qubits": 10**9},
        {"n_qubits": 0},
        {"n_qubits": True},
        {"gates": [["ry", [1], ["p0"]]]},
        {"gates": [["ry", [-1], ["p0"]]]},
        {"gates": [["measure", [0], []]]},
        {"gates": [["ry", [0], []]]},
        {"gates": [["ry", [0, 0], ["p0"]]]},
        {"gates": [["ry", [0], [float("nan")]]]},
        {"gates": [["ry", [0], ["p1"]]]},
        {"gates": [["ry", [0], ["p0.__class__"]]]},
        {"gates": [["ry", [0], ["__import__('os').system('true')"]]]},
        {"gates": [["ry", [0], ["p0 if p0 else p0"]]]},
        {"gates": [["ry", [0], ["(" * 500 + "p0" + ")" * 500]]]},
        {"gates": [["ry", [0], ["-" * 1500 + "p0"]]]},
        {"gates": [["ry", [0], ["9**9**9**9*p0"]]]},
        {"gates": [["unitary", [0], 0]], "parameters": []},
        {"gates": []},
        {"parameters": [["v", 10**9, 10**9 - 1]]},
        {"parameters": [["v", 3, 0.0]]},
        {"parameters": [["v", 3, -1]]},
        {"parameters": [["v", 3, 3]]},
        {"parameters": [["p", 1]]},
    ],
    ids=str,
)
def test_forged_document_is_refused(change):
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("p"), 0)
    document = circuit_document(circuit)
    assert read_circuit(document).num_parameters == 1
    with pytest.raises(Exception, match=r"."):
        read_circuit(document | change)


def test_length_that_a_vector_declares_is_not_believed():
    circuit = QuantumCircuit(1)
    circuit.ry(ParameterVector("v", 3)[1], 0)
    document = circuit_document(circuit) | {"parameters": [["v", 10**9, 1]]}
    (parameter,) = read_circuit(document).parameters
    assert (parameter.name, len(parameter.vector)) == ("v[1]", 2)


def test_parameter_of_no_gate_keeps_its_place():
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(1, global_phase=a)
    circuit.ry(b, 0)
    assert [p.name for p in through_text(circuit).parameters] == ["a", "b"]


def test_parameter_without_effect_keeps_its_place():
    a, b, c, d = map(Parameter, "abcd")
    block = QuantumCircuit(1, global_phase=d)
    circuit = QuantumCircuit(1, global_phase=-d)
    circuit.append(block.to_gate(), [0])
    circuit.ry(0 * a + b, 0)
    circuit.ry(c - c, 0)
    copy = through_text(circuit)
    assert [p.name for p in copy.parameters] == ["a", "b", "c", "d"]
    copy = through_text(copy)
    assert [p.name for p in copy.parameters] == ["a", "b", "c", "d"]
    expected = circuit.assign_parameters([0.1, 0.2, 0.3, 0.4])
    assert Operator(copy.assign_parameters([0.1, 0.2, 0.3, 0.4])) == Operator(expected)


@pytest.mark.parametrize("name", ["initialize", "id", "unitary", "barrier"])
def test_gate_may_have_any_name(name):
    inner = QuantumCircuit(1, name=name)
    inner.h(0)
    circuit = QuantumCircuit(1)
    circuit.append(inner.to_instruction(), [0])
    assert [item.name for item in through_text(circuit).data] == ["h"]
