"""The list of gates against Qiskit's own matrices, and what is refused."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import CU3Gate, get_standard_gate_name_mapping
from qiskit.quantum_info import Operator

from skqnn._circuits.gates import (
    GENERATORS,
    compile_circuit,
    flatten,
    is_real,
    rotation_matrix,
)

A, B = Parameter("a"), Parameter("b")


def equal_up_to_phase(matrix, other):
    phase = np.vdot(matrix, other)
    return np.allclose(matrix * phase / abs(phase), other, atol=1e-12)


def single(name, angle):
    """Return a circuit with one rotation from the table."""
    gate = get_standard_gate_name_mapping()[name]
    circuit = QuantumCircuit(gate.num_qubits)
    circuit.append(type(gate)(angle), range(gate.num_qubits))
    return circuit


@pytest.mark.parametrize("name", GENERATORS)
def test_generator_gives_the_gate_of_qiskit(name):
    matrix = rotation_matrix(GENERATORS[name], 0.7)
    assert equal_up_to_phase(matrix, Operator(single(name, 0.7)).data)


@pytest.mark.parametrize("name", GENERATORS)
def test_rotation_is_compiled_to_its_generator(name):
    (gate,) = compile_circuit(single(name, A))
    np.testing.assert_array_equal(gate.matrix, GENERATORS[name])
    assert gate[2:] == (0, 1.0, 0.0)


@pytest.mark.parametrize("name", GENERATORS)
def test_fixed_rotation_is_compiled_to_its_matrix(name):
    (gate,) = compile_circuit(single(name, 0.7))
    assert gate.parameter == -1
    assert equal_up_to_phase(gate.matrix, Operator(single(name, 0.7)).data)


@pytest.mark.parametrize(
    "angle, parameter, coefficient, offset",
    [
        (A, 0, 1.0, 0.0),
        (2 * A, 0, 2.0, 0.0),
        (0.3 - A / 2, 0, -0.5, 0.3),
        (3 * (B + 1), 1, 3.0, 3.0),
    ],
)
def test_linear_angles_are_understood(angle, parameter, coefficient, offset):
    circuit = QuantumCircuit(1)
    circuit.ry(A, 0)
    circuit.ry(B, 0)
    circuit.ry(angle, 0)
    gate = compile_circuit(circuit)[-1]
    assert gate.parameter == parameter
    assert (gate.coefficient, gate.offset) == pytest.approx((coefficient, offset))


@pytest.mark.parametrize("angle", [A * A, A.sin(), A * B, A.sign()], ids=str)
def test_other_angles_are_refused(angle):
    circuit = QuantumCircuit(1)
    circuit.ry(angle, 0)
    with pytest.raises(ValueError, match="must be linear in its parameters"):
        compile_circuit(circuit)


def bound(circuit, values):
    """Return the product of the compiled gates of a circuit on up to two qubits."""
    matrix = np.eye(2**circuit.num_qubits)
    for gate in compile_circuit(circuit):
        unitary = gate.matrix
        if gate.parameter >= 0:
            angle = gate.coefficient * values[gate.parameter] + gate.offset
            unitary = rotation_matrix(gate.matrix, angle)
        whole = QuantumCircuit(circuit.num_qubits)
        whole.unitary(unitary, gate.qubits)
        matrix = Operator(whole).data @ matrix
    return matrix


@pytest.mark.parametrize(
    "draw",
    [
        lambda c, p: c.ry(2 * p[0] - p[1] + 0.4, 0),
        lambda c, p: c.rzz(p[2] + p[1], 1, 0),
        lambda c, p: c.ry(0 * p[0] + 0.4, 1),
        lambda c, p: c.cu(*p, 1, 0),
        lambda c, p: c.append(CU3Gate(*p[:3]), [0, 1]),
        lambda c, p: c.u(*p[1:], 0),
        lambda c, p: c.r(p[0], p[1], 1),
    ],
    ids=["ry", "rzz", "fixed", "cu", "cu3", "u", "r"],
)
def test_sums_of_parameters_become_several_gates(draw):
    circuit, p = QuantumCircuit(2), ParameterVector("p", 4)
    for angle in p:
        circuit.rz(angle, 0)
    draw(circuit, p)
    values = np.array([0.3, -1.1, 2.0, 0.7])
    assert equal_up_to_phase(
        bound(circuit, values), Operator(circuit.assign_parameters(values)).data
    )


@pytest.mark.parametrize("name", ["measure_all", "reset"])
def test_circuits_that_are_not_unitary_are_refused(name):
    circuit = QuantumCircuit(2)
    circuit.ry(A, 0)
    getattr(circuit, name)(*([0] if name == "reset" else []))
    with pytest.raises(ValueError, match="must be unitary, got the instruction"):
        compile_circuit(circuit)


def test_control_flow_is_refused():
    circuit = QuantumCircuit(1, 1)
    with circuit.if_test((0, 1)):
        circuit.x(0)
    with pytest.raises(ValueError, match="must be unitary"):
        compile_circuit(circuit)


def test_composite_gates_are_opened_on_the_right_qubits():
    inner = QuantumCircuit(2, name="inner")
    inner.cx(0, 1)
    inner.ry(A, 1)
    circuit = QuantumCircuit(3)
    circuit.append(inner.to_instruction(), [2, 0])
    assert [gate.qubits for gate in compile_circuit(circuit)] == [(2, 0), (0,)]


def test_barriers_and_global_phases_are_dropped():
    circuit = QuantumCircuit(2, global_phase=0.3)
    circuit.barrier()
    circuit.id(0)
    assert list(flatten(circuit)) == []


def test_initialize_is_taken_at_the_start_only():
    circuit = QuantumCircuit(1)
    circuit.initialize([0.6, 0.8], 0)
    circuit.ry(A, 0)
    first, *_ = compile_circuit(circuit, fresh=frozenset({0}))
    np.testing.assert_allclose(np.abs(first.matrix[:, 0]), [0.6, 0.8])
    with pytest.raises(ValueError, match="reset"):
        compile_circuit(circuit)


@pytest.mark.parametrize(
    "draw, expected",
    [
        (lambda c: c.ry(A, 0), True),
        (lambda c: c.cry(A, 0, 1), True),
        (lambda c: c.rz(A, 0), False),
        (lambda c: c.cx(0, 1), True),
        (lambda c: c.s(0), False),
    ],
    ids=["ry", "cry", "rz", "cx", "s"],
)
def test_is_real_tells_real_circuits(draw, expected):
    circuit = QuantumCircuit(2)
    draw(circuit)
    assert is_real(compile_circuit(circuit)) is expected
