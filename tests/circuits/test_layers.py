"""Layers: gates, template, fit and independence of rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from qiskit import transpile
from qiskit.quantum_info import Operator, Statevector
from sklearn.datasets import load_digits

from skqnn._circuits.layers import (
    _angles,
    fit_layers,
    layers_template,
)
from skqnn._circuits.pair_gates import gates_of, improve


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


def random_phases(shape, seed=0):
    turns = np.random.default_rng(seed).uniform(size=(*shape, 2, 2))
    return np.exp(2j * np.pi * turns)


def test_gate_angles_reproduce_any_gate():
    phases = random_phases((20, 1))
    angles = _angles(phases, [0], 2)
    for gates, row in zip(gates_of(phases), angles, strict=True):
        circuit = Operator(bind(layers_template(2, 1), row)).data
        assert_allclose(circuit, gates[0], atol=1e-14)


@pytest.mark.parametrize("n_qubits, n_layers", [(3, 2), (6, 1)])
def test_angles_of_all_gates_are_merged(n_qubits, n_layers):
    template = layers_template(n_qubits, n_layers)
    pairs = [n_qubits - 2 - low for low in lower_qubits(template)]
    phases = random_phases((2, len(pairs)))
    for row, gates in zip(
        _angles(phases, pairs, n_qubits), gates_of(phases), strict=True
    ):
        product = np.eye(2**n_qubits)
        for pair, gate in zip(pairs, gates, strict=True):
            above, below = np.eye(2**pair), np.eye(2 ** (n_qubits - 2 - pair))
            product = np.kron(np.kron(above, gate), below) @ product
        assert_allclose(Operator(bind(template, row)).data, product, atol=1e-13)


@pytest.mark.parametrize("scale", [1.0, 1e-9, 0.0])
def test_improved_gates_are_bounded_and_reached(scale):
    matrices = scale * np.random.default_rng(1).normal(size=(5, 4, 4))
    phases = random_phases((5,))
    before = (gates_of(phases) * matrices).sum((1, 2))
    for _ in range(50):
        phases, overlap = improve(matrices, phases)
        assert_allclose((gates_of(phases) * matrices).sum((1, 2)), overlap, atol=1e-14)
        assert np.all(overlap >= before - 1e-14 * scale)
        before = overlap
    # Nothing close by is better.
    others = phases * np.exp(0.01j * np.random.default_rng(2).normal(size=(9, 5, 2, 2)))
    assert np.all((gates_of(others) * matrices).sum((2, 3)) <= overlap + 1e-14)


def lower_qubits(circuit):
    """The lower qubits of all two-qubit gates."""
    return [
        min(circuit.find_bit(qubit).index for qubit in step.qubits)
        for step in circuit.data
        if step.operation.num_qubits == 2
    ]


@pytest.mark.parametrize("n_qubits, n_layers", [(2, 1), (2, 3), (3, 2), (6, 1), (7, 3)])
def test_template_has_one_gate_for_each_pair_of_neighbours(n_qubits, n_layers):
    circuit = layers_template(n_qubits, n_layers)
    expected = sorted(list(range(n_qubits - 1)) * n_layers)
    assert sorted(lower_qubits(circuit)) == expected
    assert circuit.count_ops()["cx"] == (n_qubits - 1) * n_layers
    assert circuit.num_parameters == n_qubits + 2 * (n_qubits - 1) * n_layers


@pytest.mark.parametrize(
    "n_qubits, n_layers, depth", [(2, 4, 4), (7, 1, 4), (8, 4, 10)]
)
def test_layers_go_outwards_and_follow_each_other_closely(n_qubits, n_layers, depth):
    circuit = layers_template(n_qubits, n_layers)
    assert circuit.depth(lambda step: step.operation.num_qubits == 2) == depth


@pytest.mark.parametrize("n_qubits", [2, 3, 4, 7])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_reported_fidelity_is_that_of_the_circuit(n_qubits, n_layers):
    states = random_states(3, n_qubits)
    circuit = layers_template(n_qubits, n_layers)
    angles, fidelity = fit_layers(states, n_layers)
    for state, row, reported in zip(states, angles, fidelity, strict=True):
        overlap = abs(state @ Statevector(bind(circuit, row)).data)
        assert overlap**2 == pytest.approx(reported, abs=1e-12)


@pytest.mark.parametrize("n_qubits, n_layers", [(2, 1), (3, 2), (4, 3)])
def test_a_few_layers_prepare_any_state_of_few_qubits(n_qubits, n_layers):
    states = random_states(20, n_qubits)
    _, fidelity = fit_layers(states, n_layers, max_sweeps=300, tol=1e-9)
    assert_allclose(fidelity, 1, atol=1e-5)


def test_the_fidelity_never_falls():
    states = random_states(10, 5)
    curves = [fit_layers(states, 2, max_sweeps=n, tol=0)[1] for n in range(1, 20)]
    assert np.all(np.diff(curves, axis=0) >= 0)


@pytest.mark.parametrize("index", [0, 5, 15])
def test_basis_states_are_met_to_the_tolerance(index):
    _, fidelity = fit_layers(np.eye(16)[[index]], 2)
    assert fidelity == pytest.approx(1, abs=1e-4)


def test_more_layers_and_more_sweeps_raise_the_fidelity_of_digits():
    states = digit_states(40)
    one, two, four = (fit_layers(states, layers)[1] for layers in (1, 2, 4))
    assert np.all(one < two)
    assert np.all(two < four)
    assert four.mean() > 0.93
    short, longer = (
        fit_layers(states, 2, max_sweeps=sweeps, tol=0)[1] for sweeps in (1, 5)
    )
    assert np.all(short < longer)


def test_tol_stops_each_row_by_itself():
    states = digit_states(20)
    angles, fidelity = fit_layers(states, 2, tol=1.0)
    once, _ = fit_layers(states, 2, max_sweeps=1)
    np.testing.assert_allclose(angles, once, atol=1e-9)
    assert np.all(fidelity < fit_layers(states, 2, tol=1e-3)[1])


@pytest.mark.parametrize("n_qubits", [2, 3, 7])
def test_rows_do_not_see_each_other(n_qubits):
    states = digit_states(300) if n_qubits == 7 else random_states(50, n_qubits)
    angles, fidelity = fit_layers(states, 2, max_sweeps=8)
    order = np.random.default_rng(0).permutation(len(states))
    shuffled, _ = fit_layers(states[order], 2, max_sweeps=8)
    np.testing.assert_allclose(shuffled, angles[order], atol=1e-9)
    alone, alone_fidelity = fit_layers(states[[7]], 2, max_sweeps=8)
    np.testing.assert_allclose(alone[0], angles[7], atol=1e-9)
    assert alone_fidelity[0] == pytest.approx(fidelity[7], abs=1e-12)


def test_arguments_are_left_alone():
    states = random_states(3, 4)
    before = states.copy()
    fit_layers(states, 2)
    np.testing.assert_array_equal(states, before)


def test_transpiled_to_a_line_needs_no_swap():
    circuit = layers_template(5, 2)
    line = [[q, q + 1] for q in range(4)] + [[q + 1, q] for q in range(4)]
    isa = transpile(
        circuit,
        basis_gates=["rz", "sx", "x", "cz"],
        coupling_map=line,
        initial_layout=range(5),
        optimization_level=1,
    )
    assert isa.count_ops()["cz"] == 4 * 2
    angles, _ = fit_layers(random_states(1, 5), 2)
    bound = Statevector(bind(isa, angles[0]))
    assert bound.equiv(Statevector(bind(circuit, angles[0])))
