"""Moves against the product of the gates' own matrices."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import Operator, Pauli, SparsePauliOp

from skqnn._circuits.gates import compile_circuit
from skqnn._engine.moves import Term, make_move, pauli_images, signs_of
from skqnn._engine.terms import pauli_masks

N = 4
INDEX = np.arange(2**N)
P = ParameterVector("p", 2)
THETA = np.array([0.7, -1.9])

MOVES = {
    "permutation": lambda c: [c.cx(0, 2), c.swap(1, 3), c.x(0), c.cx(3, 0)],
    "signs": lambda c: [c.cz(0, 1), c.cx(1, 2), c.cz(2, 3)],
    "phases": lambda c: [c.s(0), c.cx(0, 1), c.t(1), c.iswap(2, 3)],
    "turns": lambda c: [c.rz(P[0], 0), c.cx(0, 1), c.x(1), c.rzz(2 * P[1] + 0.3, 1, 2)],
    "controlled turns": lambda c: [c.cx(3, 1), c.cp(P[0], 1, 2), c.crz(P[1], 0, 3)],
}


def build(name):
    circuit = QuantumCircuit(N)
    MOVES[name](circuit)
    gates = list(compile_circuit(circuit))
    theta = {p: dict(zip(P, THETA, strict=True))[p] for p in circuit.parameters}
    values = np.array([theta[p] for p in circuit.parameters])
    unitary = Operator(circuit.assign_parameters(theta)).data
    return make_move(gates, N), unitary, values


def z_string(mask):
    return 1.0 - 2.0 * (np.bitwise_count(INDEX & mask) & 1)


def matrix_of(move, theta):
    angles = np.zeros(2**N)
    for turn in move.turns:
        diagonal = sum(weight * z_string(mask) for mask, weight in turn.strings)
        angles += turn.coefficient * theta[turn.parameter] * diagonal
    phases = move.phase * np.exp(-0.5j * angles)
    return np.diag(phases)[move.source]


def assert_equal_up_to_phase(matrix, other):
    assert abs(np.vdot(matrix, other)) == pytest.approx(len(matrix), abs=1e-10)


@pytest.mark.parametrize("name", MOVES)
def test_a_move_is_the_product_of_its_gates(name):
    move, unitary, theta = build(name)
    assert_equal_up_to_phase(matrix_of(move, theta), unitary)


@pytest.mark.parametrize(
    "name, pushed",
    [("permutation", True), ("signs", True), ("phases", False), ("turns", False)],
)
def test_pauli_operators_are_pushed_through_moves(name, pushed):
    move, *_ = build(name)
    images, found = pauli_images(move)
    assert found is pushed
    bare = move if pushed else move._replace(phase=np.ones(2**N))
    matrix = matrix_of(bare._replace(turns=[]), THETA)
    for q in range(N):
        for kind, letter in enumerate("XZ"):
            before = pauli(1 << q, 0) if letter == "X" else pauli(0, 1 << q)
            after = pauli(*map(int, images[q, kind]))
            assert_equal_up_to_phase(after @ matrix, matrix @ before)


def pauli(x, z):
    """Return X^x Z^z."""
    bits = [[mask >> k & 1 == 1 for k in range(N)] for mask in (z, x)]
    return Pauli(tuple(np.array(b) for b in bits)).to_matrix()


@pytest.mark.parametrize("label", ["ZIZI", "XXII", "YIXZ"])
@pytest.mark.parametrize("name", ["permutation", "signs", "phases"])
def test_terms_before_a_move_measure_the_same(name, label):
    move, unitary, _ = build(name)
    ((mask, weights),) = pauli_masks([SparsePauliOp(label)], N)
    term = Term(0, 0 if mask is None else int(mask[0]), weights[:, 0]).moved_by(move)
    found = term.weights[:, np.newaxis] * np.eye(2**N)[INDEX ^ term.mask]
    expected = unitary.conj().T @ Pauli(label).to_matrix() @ unitary
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("mask", [0, 1, 6, 15])
def test_signs_of_finds_z_strings(mask):
    assert signs_of(-0.3 * z_string(mask)) == mask


def test_signs_of_other_values_are_none():
    assert signs_of(np.where(INDEX == 15, -1.0, 1.0)) is None
    assert signs_of(np.arange(16.0)) is None
