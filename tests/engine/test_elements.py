"""Elements of gates against the gates' own matrices."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import CHGate, CSXGate, ECRGate, UnitaryGate
from qiskit.quantum_info import Operator, Pauli, random_hermitian, random_unitary
from qiskit.synthesis import TwoQubitWeylDecomposition

from skqnn._circuits.gates import GENERATORS, Gate, compile_circuit, rotation_matrix
from skqnn._engine.elements import (
    _canonical,
    _with_few_flips,
    elements,
    is_monomial,
    is_rotation,
    linear_part,
)

ANGLE = 0.7
FIXED = "h x y z s t sx sdg cx cz cy ch swap iswap ecr dcx csx ccx ccz rccx".split()


def matrix_of(gate):
    if gate.parameter < 0:
        return gate.matrix
    return rotation_matrix(gate.matrix, gate.coefficient * ANGLE + gate.offset)


def product(gates):
    circuit = QuantumCircuit(3)
    for gate in gates:
        circuit.append(UnitaryGate(matrix_of(gate)), gate.qubits)
    return Operator(circuit).data


def assert_equal_up_to_phase(matrix, other):
    overlap = np.vdot(other, matrix)  # whose size sees the square of an error only
    np.testing.assert_allclose(matrix, overlap / abs(overlap) * other, atol=2e-12)


def parts_of(gate):
    found = list(elements(gate))
    assert all(is_rotation(part) or is_monomial(part) for part in found)
    return found


@pytest.mark.parametrize("qubits", [(0, 1), (2, 0)])
@pytest.mark.parametrize("name", GENERATORS)
def test_rotations_are_the_product_of_their_elements(name, qubits):
    generator = GENERATORS[name]
    qubits = qubits[: len(generator) // 2]
    gate = Gate(qubits, generator, 0, -2.0, 0.3)
    assert_equal_up_to_phase(product(parts_of(gate)), product([gate]))


@pytest.mark.parametrize("name", FIXED)
def test_fixed_gates_are_the_product_of_their_elements(name):
    circuit = QuantumCircuit(3)
    method = getattr(circuit, name)
    n_qubits = {"c": 2}.get(name[0], 1)
    n_qubits = 3 if name in ("ccx", "ccz", "rccx") else n_qubits
    n_qubits = 2 if name in ("swap", "iswap", "ecr", "dcx") else n_qubits
    method(*(2, 0, 1)[:n_qubits])
    gates = compile_circuit(circuit)
    parts = [part for gate in gates for part in elements(gate)]
    assert_equal_up_to_phase(product(parts), Operator(circuit).data)


@pytest.mark.parametrize("seed", range(5))
def test_any_unitary_on_two_qubits_has_elements(seed):
    gate = Gate((2, 1), random_unitary(4, seed=seed).data)
    assert_equal_up_to_phase(product(parts_of(gate)), product([gate]))


@pytest.mark.parametrize("gate", [CHGate(), CSXGate(), ECRGate()])
def test_the_shorter_of_two_forms_is_taken(gate):
    gate = Gate((2, 0), gate.to_matrix())
    weyl = TwoQubitWeylDecomposition(gate.matrix, fidelity=None)
    forms = [list(_canonical(gate, weyl)), list(_with_few_flips(gate))]
    assert len(parts_of(gate)) == min(len(form) for form in forms if form)


SMALL = [1e-13, 1e-11, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2]


@pytest.mark.parametrize("angle", SMALL)
@pytest.mark.parametrize("name", ["id", "cx", "cz", "swap", "iswap", "ecr", "dcx"])
def test_gates_near_those_of_fewer_cx_are_not_taken_for_them(name, angle):
    circuit = QuantumCircuit(3)
    getattr(circuit, name)(*(2, 0)[: 2 - (name == "id")])
    error = rotation_matrix(random_hermitian(4, seed=3).data, angle)
    matrix = error @ Operator(circuit).data[np.ix_([0, 4, 1, 5], [0, 4, 1, 5])]
    for unitary in (matrix, rotation_matrix(GENERATORS["ryy"], angle) @ matrix):
        gate = Gate((2, 0), unitary)
        assert_equal_up_to_phase(product(parts_of(gate)), product([gate]))


@pytest.mark.parametrize("angle", SMALL)
@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("angles", [(0.0, 0.0, 0.0), (np.pi, 0.4, 0.9), (0.4, 0.9, 0)])
def test_small_angles_count(angles, place, angle):
    angles = [a + angle * (k == place) for k, a in enumerate(angles)]
    circuit = QuantumCircuit(3)
    circuit.u(*angles, 1)
    circuit.cu(*angles, -angle, 2, 0)
    parts = [part for gate in compile_circuit(circuit) for part in parts_of(gate)]
    assert_equal_up_to_phase(product(parts), Operator(circuit).data)


@pytest.mark.parametrize("n_qubits", [1, 2])
def test_any_generator_has_elements(n_qubits):
    generator = random_hermitian(2**n_qubits, seed=1).data
    gate = Gate((2, 0)[:n_qubits], generator, 0)
    assert_equal_up_to_phase(product(parts_of(gate)), product([gate]))


@pytest.mark.parametrize(
    "name, n_elements, n_rotations",
    [("ry", 1, 1), ("rx", 3, 1), ("rzz", 1, 0), ("rxx", 5, 1), ("ryy", 5, 1)]
    + [("rzx", 5, 1), ("cry", 4, 2), ("crx", 8, 2)],
)
def test_common_rotations_have_few_elements(name, n_elements, n_rotations):
    circuit = QuantumCircuit(2)
    generator = GENERATORS[name]
    getattr(circuit, name)(Parameter("a"), *range(len(generator) // 2))
    parts = [part for gate in compile_circuit(circuit) for part in elements(gate)]
    assert len(parts) == n_elements
    assert sum(map(is_rotation, parts)) == n_rotations


@pytest.mark.parametrize("labels", ["X", "Y", "XY", "YX", "ZY", "YZ", "XZ", "YY"])
def test_multiples_of_pauli_strings_have_one_rotation(labels):
    generator = -1.7 * Pauli(labels).to_matrix()
    gate = Gate((2, 0)[: len(labels)], generator, 0, 0.6, 0.3)
    parts = parts_of(gate)
    assert_equal_up_to_phase(product(parts), product([gate]))
    assert sum(map(is_rotation, parts)) == 1


@pytest.mark.parametrize("qubits", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("name", ["ccx", "ccz", "cswap", "rccx"])
def test_gates_on_three_qubits_have_elements(name, qubits):
    circuit = QuantumCircuit(3)
    getattr(circuit, name)(*qubits)
    circuit.append(
        UnitaryGate(Operator(circuit).data @ np.diag([1] * 7 + [1j])), qubits
    )
    for gate in compile_circuit(circuit):
        assert_equal_up_to_phase(product(parts_of(gate)), product([gate]))


def test_gates_without_elements_are_left_as_they_are():
    gate = Gate((0, 1, 2), random_unitary(8, seed=0).data)
    assert list(elements(gate)) == [gate]
    assert not is_rotation(gate)
    assert not is_monomial(gate)


@pytest.mark.parametrize(
    "values, expected",
    [
        ([0, 1, 2, 3], [1, 2]),
        ([3, 2, 1, 0], [1, 2]),  # affine: X on both qubits
        ([0, 3, 2, 1], [3, 2]),  # CX
        ([0, 1, 3, 2, 4, 5, 6, 7], None),
        ([0, 1, 1, 0], [1, 1]),
        ([0, 0, 0, 1], None),
    ],
)
def test_linear_part(values, expected):
    found = linear_part(np.array(values))
    assert expected == (None if found is None else found.tolist())
