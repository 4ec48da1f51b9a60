"""Gradients under noise are those of finite differences."""

import numpy as np
import pytest
from qiskit.quantum_info import SuperOp, random_quantum_channel

from skqnn._circuits.gates import GENERATORS
from skqnn._engine import noisy
from skqnn._engine.pauli_vectors import (
    fixed,
    followed_by,
    fuse,
    rotation,
    simulate,
    transfer_matrix,
)

N_QUBITS = 3
N_INPUTS, N_ANGLES = 6, 14


def random_channels(seed):
    """Return noisy rotations: the first angles are of rows, the others of theta."""
    rng = np.random.default_rng(seed)
    channels = []
    for angle in range(N_ANGLES):
        gate = str(rng.choice(list(GENERATORS)))
        k = len(GENERATORS[gate]).bit_length() - 1
        qubits = [int(q) for q in rng.permutation(N_QUBITS)[:k]]
        error = SuperOp(random_quantum_channel(2**k, seed=seed + angle, rank=2))
        matrix = 0.8 * np.eye(4**k) + 0.2 * transfer_matrix(error.data).real
        channel = rotation(qubits, GENERATORS[gate], angle)
        channels.append(followed_by(channel, qubits, matrix))
    return channels


def problem(seed, order):
    """Return channels in some order, their parts, and 5 rows of angles."""
    rng = np.random.default_rng(seed)
    channels = [random_channels(seed)[j] for j in order]
    of_rows = range(N_INPUTS)
    parts = noisy.separate(channels, of_rows, range(N_INPUTS, N_ANGLES))
    angles = rng.uniform(-3, 3, (5, N_ANGLES))
    angles[:, N_INPUTS:] = angles[0, N_INPUTS:]
    observables = rng.normal(size=(2, 4**N_QUBITS))
    return channels, parts, angles, observables


ORDERS = {
    "rows first": range(N_ANGLES),
    "interleaved": [0, 9, 1, 2, 10, 3, 8, 4, 11, 5, 13, 12, 7, 6],
    "rows last": [*range(N_INPUTS, N_ANGLES), *range(N_INPUTS)],
    "rows only": range(N_INPUTS),
    "ansatz only": range(N_INPUTS, N_ANGLES),
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_parts_give_what_the_whole_circuit_gives(order):
    channels, parts, angles, observables = problem(1, order)
    vectors = noisy.prepare(parts, N_QUBITS, angles)
    E = noisy.expectations(parts, observables, vectors, angles)
    whole = simulate(fuse(channels), N_QUBITS, angles) @ observables.T
    np.testing.assert_allclose(E, whole, atol=1e-13)


@pytest.mark.parametrize("max_bytes", [2**26, 1])
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_gradient_is_that_of_finite_differences(monkeypatch, order, max_bytes):
    monkeypatch.setattr(noisy, "_MAX_BYTES", max_bytes)
    channels, parts, angles, observables = problem(2, order)
    blocks, vectors = fuse(channels), noisy.prepare(parts, N_QUBITS, angles)
    E, pullback = noisy.vjp(parts, observables, vectors, angles)
    cotangent = np.random.default_rng(0).normal(size=E.shape)
    gradient = pullback(cotangent)
    for j in range(N_INPUTS, N_ANGLES):
        values = []
        for step in (1e-5, -1e-5):
            moved = angles.copy()
            moved[:, j] += step
            E = simulate(blocks, N_QUBITS, moved) @ observables.T
            values.append(np.sum(cotangent * E))
        slope = (values[0] - values[1]) / 2e-5
        np.testing.assert_allclose(gradient[j], slope, atol=1e-8)


def test_nothing_overlaps_if_rows_come_first():
    assert problem(1, ORDERS["rows first"])[1].overlap == ()
    assert problem(1, ORDERS["interleaved"])[1].overlap


def test_each_part_is_as_long_as_order_allows():
    eye, z = np.eye(4), GENERATORS["rz"]
    channels = [
        rotation([0], z, 0),
        rotation([1], z, 1),
        fixed([0], eye),  # not after angle 1
        fixed([1, 2], np.eye(16)),
        rotation([2], z, 0),
        fixed([0], eye),
        fixed([1], eye),  # before no angle of a row
    ]
    parts = noisy.separate(channels, {0}, {1})
    counts = [sum(len(block.channels) for block in part) for part in parts]
    assert counts == [3, 3, 1]
