"""What is bound to theta once, next to the same numbers written out."""

import numpy as np
import pytest

from skqnn._circuits.ansatz import build_ansatz
from skqnn._circuits.observables import as_observables
from skqnn._engine import compiled
from skqnn._engine.binding import Binding
from skqnn._engine.moves import Move, Term, Turn, identity
from skqnn._engine.program import Program, Rotation
from skqnn._engine.statevector import StatevectorEngine

pytest.importorskip("numba")

N_QUBITS = 6
INDEX = np.arange(2**N_QUBITS)
PHASE = np.exp(0.1j * INDEX**2)
FLIPS, OVERLAPS = np.array([0, 37]), np.array([2.0, 3.0])


def eigenvalues(bits):
    """Return 1 for even numbers of ones, -1 for odd ones."""
    return 1.0 - 2.0 * (np.bitwise_count(bits) & 1)


def bound_phases(turns, phase, theta):
    """Return what phases before the second of two layers become behind FLIPS."""
    moves = [identity(N_QUBITS), Move(INDEX, phase, turns)]
    layers = 2 * [[Rotation(0, [], 0.3, False)]]
    measured = [Term(0, 0, np.cos(INDEX))]
    binding = Binding(Program(moves, layers, measured, None, False), N_QUBITS)
    still = np.ones((1, len(INDEX)))
    rows, factors = binding._bind_phases(still, theta, FLIPS, OVERLAPS)
    np.testing.assert_array_equal(rows[0], 1)
    return rows[1], factors


@pytest.mark.parametrize("phase", [np.ones(64), PHASE], ids=["plain", "fixed"])
@pytest.mark.parametrize(
    "masks",
    [[1, 2, 4, 8, 16, 32], [63], [3, 6, 12, 24, 48, 33], [40, 8, 32, 41], range(1, 64)],
)
def test_phases_of_strings_are_the_exponential_of_their_sum(masks, phase):
    theta = np.linspace(-5, 9, len(masks))
    turns = [Turn(k, 0.7, [(mask, -1.0)]) for k, mask in enumerate(masks)]
    row, factors = bound_phases(turns, phase, theta)
    values = [eigenvalues(mask & (INDEX ^ FLIPS[1])) for mask in masks]
    expected = phase[INDEX ^ FLIPS[1]] * np.exp(0.35j * theta @ values)
    np.testing.assert_allclose(row, expected, atol=1e-14)
    signs = [eigenvalues(mask & FLIPS[1]) for mask in masks]
    np.testing.assert_allclose(factors, 0.5 * OVERLAPS[1] * np.array(signs))


def test_strings_of_several_parameters_share_their_phases():
    turns = [Turn(0, 1.0, [(5, 0.5), (2, 1.0)]), Turn(1, -2.0, [(5, 1.0)])]
    row, factors = bound_phases(turns, np.ones(64), np.array([0.3, 1.1]))
    five, two = (eigenvalues(mask & (INDEX ^ FLIPS[1])) for mask in (5, 2))
    np.testing.assert_allclose(row, np.exp(-0.5j * (0.3 * two - 2.05 * five)))
    assert len(factors) == 2


@pytest.mark.parametrize("n_samples", [0, 1, 8, 13])
@pytest.mark.parametrize("width, n_observables", [(1, 1), (2, 1), (1, 3), (2, 3)])
def test_lanes_of_a_sample_have_its_cotangents(n_samples, width, n_observables):
    shape = n_samples, n_observables
    cotangent = np.arange(1.0, 1 + n_samples * n_observables).reshape(shape)
    blocks = compiled._as_blocks(cotangent, np.dtype(np.float64), width, lanes=8)
    lanes = blocks.swapaxes(1, 2).reshape(-1, width, n_observables)
    for part in range(width):
        np.testing.assert_array_equal(lanes[:n_samples, part], cotangent)
    assert not np.any(lanes[n_samples:])
    sums = compiled._as_samples(blocks, n_samples, width, scale=0.5)
    np.testing.assert_array_equal(sums, 0.5 * width * cotangent)


def test_parameters_and_cotangents_in_any_memory_take_the_same_kernels():
    from skqnn._engine import binding_kernels

    circuit = build_ansatz("real_amplitudes", N_QUBITS, 1, "linear")
    engine = StatevectorEngine(circuit, as_observables(["Z" * N_QUBITS]))
    states, theta = np.eye(64)[:9], np.linspace(-3, 3, circuit.num_parameters)
    cotangent = np.cos(np.arange(9.0))[:, np.newaxis]
    E, pullback = engine.vjp(states, theta)
    gradient, known = pullback(cotangent), len(binding_kernels.bind.signatures)
    n_pull = len(binding_kernels.pull.signatures)
    theta.flags.writeable = False
    strided = np.repeat(cotangent, 3, axis=0)[::3].astype(np.float32)
    again, pullback = engine.vjp(states, theta)
    np.testing.assert_array_equal(again, E)
    np.testing.assert_allclose(pullback(strided), gradient, atol=1e-5)
    assert len(binding_kernels.bind.signatures) == known
    assert len(binding_kernels.pull.signatures) == n_pull


@pytest.mark.parametrize("n_observables", [1, 2])
@pytest.mark.parametrize("ansatz", ["real_amplitudes", "efficient_su2"])
def test_no_samples_have_no_gradient(ansatz, n_observables):
    circuit = build_ansatz(ansatz, N_QUBITS, 1, "linear")
    observables = as_observables(["Z" * N_QUBITS, "IIIIIZ"][:n_observables])
    engine = StatevectorEngine(circuit, observables)
    kernels = engine._compiled["f"]
    E, pullback = kernels.vjp(np.empty((0, 64)), np.ones(circuit.num_parameters))
    assert E.shape == (0, n_observables)
    assert not np.any(pullback(np.empty((0, n_observables))))
