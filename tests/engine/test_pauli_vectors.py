"""Pauli vectors: equal to Qiskit's density matrices with the same channels."""

import numpy as np
import pytest
from qiskit.quantum_info import (
    DensityMatrix,
    Kraus,
    Operator,
    Pauli,
    SuperOp,
    random_quantum_channel,
    random_unitary,
)

from skqnn._circuits.gates import GENERATORS, rotation_matrix
from skqnn._engine import pauli_vectors
from skqnn._engine.pauli_vectors import (
    block_matrix,
    evolve,
    fixed,
    followed_by,
    fuse,
    probabilities,
    rotation,
    simulate,
    transfer_matrix,
    zero_state,
)

N_QUBITS = 4
LETTERS = "IXYZ"


def random_circuit(seed, n_gates=25):
    """Return channels, and the maps of Qiskit with which to compare them."""
    rng = np.random.default_rng(seed)
    channels, maps, angles = [], [], []
    names = list(GENERATORS)
    for step in range(n_gates):
        k = int(rng.integers(1, 3))
        qubits = [int(q) for q in rng.permutation(N_QUBITS)[:k]]
        error = SuperOp(random_quantum_channel(2**k, seed=seed + step, rank=2))
        if step % 2:
            fits = [n for n in names if len(GENERATORS[n]) == 2**k]
            generator = GENERATORS[str(rng.choice(fits))]
            channel = rotation(qubits, generator, len(angles))
            angles.append(rng.uniform(-3, 3))
            gate = Operator(rotation_matrix(generator, angles[-1]))
        else:
            gate = random_unitary(2**k, seed=seed + step)
            channel = fixed(qubits, transfer_matrix(SuperOp(gate).data).real)
        if step % 3:
            channel = followed_by(channel, qubits, transfer_matrix(error.data).real)
            gate = SuperOp(gate).compose(error)
        channels.append(channel)
        maps.append((gate, qubits))
    return channels, maps, np.array([angles])


def density_matrix(maps):
    rho = DensityMatrix.from_label("0" * N_QUBITS)
    for gate, qubits in maps:
        rho = rho.evolve(gate, qubits)
    return rho


@pytest.mark.parametrize("seed", range(5))
def test_expectation_values_are_those_of_the_density_matrix(seed):
    channels, maps, angles = random_circuit(seed)
    (vector,) = simulate(fuse(channels), N_QUBITS, angles)
    rho = density_matrix(maps)
    assert abs(vector[0] - 1) < 1e-12
    for j in np.random.default_rng(seed).integers(0, 4**N_QUBITS, 20):
        label = "".join(LETTERS[j >> 2 * q & 3] for q in range(N_QUBITS))[::-1]
        expected = rho.expectation_value(Pauli(label)).real
        np.testing.assert_allclose(vector[j], expected, atol=1e-12)


@pytest.mark.parametrize("where", [[0], [2, 0], [3, 1, 2], [0, 1, 2, 3]])
def test_probabilities_are_those_of_the_density_matrix(where):
    channels, maps, angles = random_circuit(7)
    vectors = simulate(fuse(channels), N_QUBITS, angles)
    expected = density_matrix(maps).probabilities(where)
    np.testing.assert_allclose(
        probabilities(vectors, N_QUBITS, where), [expected], atol=1e-12
    )


def test_rows_are_chunked_and_independent(monkeypatch):
    channels, _, angles = random_circuit(3)
    rows = angles + np.linspace(0, 1, 7)[:, None]
    blocks = fuse(channels)
    together = simulate(blocks, N_QUBITS, rows)
    monkeypatch.setattr(pauli_vectors, "_BLOCK_BYTES", 3 * 8 * 4**N_QUBITS)
    np.testing.assert_allclose(simulate(blocks, N_QUBITS, rows), together, atol=1e-15)
    alone = simulate(blocks, N_QUBITS, rows[4:5])
    np.testing.assert_allclose(alone, together[4:5], atol=1e-15)


def test_blocks_are_as_few_as_the_pairs_that_take_turns():
    eye, eye2 = np.eye(4), np.eye(16)
    pairs = [(0, 1), (1, 0), (0, 1), (2, 3), (1, 2), (2, 1)]
    channels = [fixed([0], eye)]
    for pair in pairs:
        channels += [fixed(pair, eye2), fixed(pair[:1], eye)]
    blocks = fuse([*channels, fixed([4], eye), fixed([4], eye)])
    assert [block.qubits for block in blocks] == [(0, 1), (2, 3), (1, 2), (4,)]
    assert [len(block.channels) for block in blocks] == [7, 2, 4, 2]


def test_transposed_blocks_carry_observables_back():
    channels, _, angles = random_circuit(11)
    steps = [(block, block_matrix(block, angles)) for block in fuse(channels)]
    back = [(block, matrix.swapaxes(1, 2)) for block, matrix in reversed(steps)]
    observables = np.random.default_rng(0).normal(size=(3, 4**N_QUBITS))
    (vector,) = evolve(zero_state(1, N_QUBITS), N_QUBITS, steps)
    earlier = evolve(observables, N_QUBITS, back)
    np.testing.assert_allclose(
        observables @ vector, earlier @ zero_state(1, N_QUBITS)[0], atol=1e-12
    )


@pytest.mark.parametrize("gate", GENERATORS)
def test_slope_of_a_rotation_is_its_finite_difference(gate):
    k = len(GENERATORS[gate]).bit_length() - 1
    (block,) = fuse([rotation(range(k)[::-1], GENERATORS[gate], 0)])
    slope = block_matrix(block, np.array([[0.7]]), slope=block.channels[0])
    above, below = block_matrix(block, np.array([[0.7 + 1e-6], [0.7 - 1e-6]]))
    np.testing.assert_allclose(slope[0], (above - below) / 2e-6, atol=1e-9)


def test_transfer_matrix_of_a_channel_that_does_not_keep_the_maximally_mixed_state():
    """Full relaxation by hand: everything becomes |0><0|."""
    relax = SuperOp(Kraus([np.diag([1, 0]), np.array([[0, 1], [0, 0]])]))
    expected = np.zeros((4, 4))
    expected[[0, 3], 0] = 1
    np.testing.assert_allclose(transfer_matrix(relax.data), expected, atol=1e-15)
