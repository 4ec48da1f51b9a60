"""Staircase circuits: gates, fit and independence of rows."""

import numpy as np
import pytest
from qiskit import transpile
from qiskit.quantum_info import Operator, Statevector
from scipy.stats import special_ortho_group
from sklearn.datasets import load_digits

from skqnn._circuits.staircase import (
    _best_rotation,
    _euler_angles,
    fit_staircase,
    staircase_template,
)


def random_states(n_samples, n_qubits, seed=0):
    states = np.random.default_rng(seed).normal(size=(n_samples, 2**n_qubits))
    return states / np.linalg.norm(states, axis=1, keepdims=True)


def digit_states(n_samples):
    """Two channels of 8 x 8 digits: seven qubits."""
    white = load_digits().data[:n_samples] / 16
    states = np.hstack([white, 1 - white])
    return states / np.linalg.norm(states, axis=1, keepdims=True)


def bind(circuit, angles):
    return circuit.assign_parameters(dict(zip(circuit.parameters, angles, strict=True)))


def test_gate_angles_reproduce_any_rotation():
    rotations = special_ortho_group.rvs(4, size=20, random_state=0)
    for rotation, angles in zip(rotations, _euler_angles(rotations), strict=True):
        gate = Operator(bind(staircase_template(2, 1), angles)).data
        # The two quaternions are known up to a common sign only.
        assert min(abs(gate - rotation).max(), abs(gate + rotation).max()) < 1e-14


@pytest.mark.parametrize("scale", [1.0, 1e-9])
def test_best_rotation_beats_random_ones(scale):
    matrices = scale * np.random.default_rng(1).normal(size=(5, 4, 4))
    best, overlap = _best_rotation(matrices)
    np.testing.assert_allclose(
        best @ best.swapaxes(1, 2), np.tile(np.eye(4), (5, 1, 1)), atol=1e-14
    )
    np.testing.assert_allclose(np.linalg.det(best), 1)
    np.testing.assert_allclose((best * matrices).sum((1, 2)), overlap, atol=1e-14)
    others = special_ortho_group.rvs(4, size=200, random_state=0)
    assert np.all(np.einsum("aij,bij->ab", matrices, others) <= overlap[:, None])


@pytest.mark.parametrize("n_qubits, n_layers", [(2, 1), (2, 3), (3, 2), (6, 1), (7, 3)])
def test_template_uses_neighbours_and_two_cx_per_gate(n_qubits, n_layers):
    circuit = staircase_template(n_qubits, n_layers)
    pairs = [
        tuple(circuit.find_bit(qubit).index for qubit in step.qubits)
        for step in circuit.data
        if step.operation.num_qubits == 2
    ]
    assert len(pairs) == 2 * (n_qubits - 1) * n_layers
    assert all(abs(a - b) == 1 for a, b in pairs)
    assert circuit.num_parameters == 6 * (n_qubits - 1) * n_layers


@pytest.mark.parametrize("n_qubits", [2, 3, 4, 7])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_reported_fidelity_is_that_of_the_circuit(n_qubits, n_layers):
    states = random_states(3, n_qubits)
    circuit = staircase_template(n_qubits, n_layers)
    angles, fidelity = fit_staircase(states, n_layers)
    for state, row, reported in zip(states, angles, fidelity, strict=True):
        overlap = abs(state @ Statevector(bind(circuit, row)).data)
        assert overlap**2 == pytest.approx(reported, abs=1e-12)


@pytest.mark.parametrize("n_qubits", [2, 3, 5, 8])
def test_one_layer_is_exact_for_matrix_product_states_of_bond_two(n_qubits):
    n_parameters = 6 * (n_qubits - 1)
    angles = np.random.default_rng(2).uniform(-3, 3, n_parameters)
    circuit = staircase_template(n_qubits, 1)
    state = Statevector(bind(circuit, angles)).data
    _, fidelity = fit_staircase(np.real(state)[None], 1)
    assert fidelity == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("index", [0, 5, 15])
def test_basis_states_are_exact(index):
    _, fidelity = fit_staircase(np.eye(16)[[index]], 2)
    assert fidelity == pytest.approx(1, abs=1e-12)


def test_more_layers_and_more_sweeps_raise_the_fidelity_of_digits():
    states = digit_states(40)
    one, two, three = (fit_staircase(states, layers)[1] for layers in (1, 2, 3))
    assert np.all(one < two)
    assert np.all(two < three)
    assert three.mean() > 0.98
    short, longer = (
        fit_staircase(states, 2, max_sweeps=sweeps, tol=0)[1] for sweeps in (1, 5)
    )
    assert np.all(short < longer)


def test_tol_stops_each_row_by_itself():
    states = digit_states(20)
    angles, fidelity = fit_staircase(states, 2, tol=1.0)
    once, _ = fit_staircase(states, 2, max_sweeps=1)
    np.testing.assert_allclose(angles, once, atol=1e-9)
    assert np.all(fidelity < fit_staircase(states, 2, tol=1e-3)[1])


@pytest.mark.parametrize("n_qubits", [2, 3, 7])
def test_rows_do_not_see_each_other(n_qubits):
    states = digit_states(300) if n_qubits == 7 else random_states(50, n_qubits)
    angles, fidelity = fit_staircase(states, 2, max_sweeps=8)
    order = np.random.default_rng(0).permutation(len(states))
    shuffled, _ = fit_staircase(states[order], 2, max_sweeps=8)
    np.testing.assert_allclose(shuffled, angles[order], atol=1e-9)
    alone, alone_fidelity = fit_staircase(states[[7]], 2, max_sweeps=8)
    np.testing.assert_allclose(alone[0], angles[7], atol=1e-9)
    assert alone_fidelity[0] == pytest.approx(fidelity[7], abs=1e-12)


def test_arguments_are_left_alone():
    states = random_states(3, 4)
    before = states.copy()
    fit_staircase(states, 2)
    np.testing.assert_array_equal(states, before)


def test_transpiled_to_a_line_needs_no_swap():
    circuit = staircase_template(5, 2)
    line = [[q, q + 1] for q in range(4)] + [[q + 1, q] for q in range(4)]
    isa = transpile(
        circuit,
        basis_gates=["rz", "sx", "x", "cz"],
        coupling_map=line,
        initial_layout=range(5),
        optimization_level=1,
    )
    assert isa.count_ops()["cz"] <= 2 * 4 * 2
    angles, _ = fit_staircase(random_states(1, 5), 2)
    bound = Statevector(bind(isa, angles[0]))
    assert bound.equiv(Statevector(bind(circuit, angles[0])))
