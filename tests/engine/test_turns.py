"""Circuits as plane rotations: which gates disappear, and what the rest turns."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import efficient_su2, real_amplitudes
from qiskit.quantum_info import Operator, SparsePauliOp

from skqnn._circuits import gates
from skqnn._circuits.gates import Gate, compile_circuit
from skqnn._engine.turns import Turn, as_program, as_sequel, as_turns

Z = np.diag([1.0, -1.0])


def sequel(circuit, label):
    observable = SparsePauliOp(label).to_matrix()
    return as_sequel(compile_circuit(circuit), [observable], circuit.num_qubits)


def test_ry_turns_one_pair_by_half_its_angle():
    gate = Gate((0,), gates.GENERATORS["ry"], 0, 3.0, 0.5)
    turns = as_turns(as_sequel([gate], [Z], 1), n_parts=1)
    np.testing.assert_array_equal(turns.pairs, [[0, 1]])
    np.testing.assert_array_equal(turns.steps, [[-1, 0, 1, 0]])
    np.testing.assert_array_equal([turns.slope, turns.base], [[1.5], [0.25]])
    np.testing.assert_array_equal(turns.weights, [[[1, -1]]])


def test_rz_turns_real_into_imaginary_parts():
    gate = Gate((0,), gates.GENERATORS["rz"], 0)
    turns = as_turns(as_sequel([gate], [Z], 1), n_parts=2)
    # exp(-i a / 2) of the first amplitude, exp(i a / 2) of the second one
    assert sorted(map(tuple, turns.pairs)) == [(1, 3), (2, 0)]


@pytest.mark.parametrize("ansatz", [real_amplitudes, efficient_su2])
def test_clifford_gates_leave_no_step(ansatz):
    circuit = QuantumCircuit(3)
    circuit.h([0, 1, 2])
    circuit.compose(ansatz(3, reps=2), inplace=True)
    circuit.s(0)
    circuit.cz(0, 2)
    steps = sequel(circuit, "ZZZ").steps
    assert len(steps) == ansatz(3, reps=2).num_parameters
    assert all(isinstance(step, Turn) for step in steps)


def test_other_gates_are_one_matrix():
    p, circuit = ParameterVector("p", 2), QuantumCircuit(2)
    circuit.ry(p[0], 0)
    circuit.t(0)
    circuit.cx(0, 1)
    circuit.rx(p[1], 0)
    kinds = [isinstance(step, Turn) for step in sequel(circuit, "ZZ").steps]
    assert kinds == [True, False, True]


@pytest.mark.parametrize("name", gates.GENERATORS)
def test_turns_are_the_rotation(name):
    generator = gates.GENERATORS[name]
    n_qubits = len(generator).bit_length() - 1
    gate = Gate(tuple(range(n_qubits)), generator, 0)
    ((turn,), _) = as_sequel([gate], [np.eye(len(generator))], n_qubits)
    half = turn.slope * 0.7 + turn.base
    squared = -turn.generator @ turn.generator  # a projector
    got = np.eye(len(generator)) - (1 - np.cos(half)) * squared
    got = got + np.sin(half) * turn.generator
    expected = gates.rotation_matrix(generator, 0.7)
    np.testing.assert_allclose(got, expected, atol=1e-14)


def test_a_generator_of_another_form_is_refused():
    gate = Gate((0,), np.array([[1, 1], [1, -1]]) / 2**0.5, 0)
    assert as_sequel([gate], [Z], 1) is None


def test_observables_become_weights_of_pairs():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    turns = as_turns(sequel(circuit, "ZZ"), n_parts=1)
    rows = np.random.default_rng(0).normal(size=4)
    E = np.sum(turns.weights[:, 0] * rows * rows[turns.sources])
    moved = Operator(circuit).data @ rows
    expected = moved @ SparsePauliOp("ZZ").to_matrix() @ moved
    assert pytest.approx(expected.real) == E


def test_a_program_holds_all_turns():
    p, circuit = ParameterVector("p", 2), QuantumCircuit(2)
    circuit.ry(p[0] + 0.5, 0)
    circuit.t(0)
    circuit.cx(0, 1)
    circuit.rx(2 * p[1], 0)
    turns = as_turns(sequel(circuit, "ZZ"), n_parts=2)
    integers, numbers, n_rows, n_observables, shape = as_program(turns)
    n_steps, n_terms, source, weight = integers[0]
    first, matrix, last = integers[1:4]
    assert (n_steps, n_terms, n_rows, n_observables, shape) == (3, 1, 8, 1, (11, 4))
    pairs = [*integers[first[1] : first[2], :2], *integers[last[1] : last[2], :2]]
    np.testing.assert_array_equal(pairs, turns.pairs)
    np.testing.assert_array_equal(first[[0, 3]], [-1, 0])
    np.testing.assert_array_equal(last[[0, 3]], [-1, 1])
    np.testing.assert_array_equal(numbers[:3, :2], np.c_[turns.base, turns.slope])
    np.testing.assert_array_equal(numbers[matrix[0] :][:8], turns.matrices[0])
    np.testing.assert_array_equal(integers[source:, 0], turns.sources[0])
    np.testing.assert_array_equal(numbers[weight:], turns.weights[0])
