"""Fused steps against the product of the gates' own matrices."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.quantum_info import Operator

from skqnn._circuits.gates import compile_circuit
from skqnn._engine.fusion import fuse
from skqnn._engine.steps import Dense, Diagonal, Layer, Permutation

A, B = Parameter("a"), Parameter("b")
THETA = np.array([0.7, -1.9])

# One step of each kind, and what is special about it.
SINGLE_STEPS = {
    "layer of 5 qubits": (Layer, lambda c: [c.ry(A, q) for q in range(5)]),
    "layer with gaps": (Layer, lambda c: [c.ry(A, 0), c.rx(2 * A, 4)]),
    "layer of two rounds": (Layer, lambda c: [c.ry(A, 1), c.h(1), c.rz(B, 1)]),
    "CX chain": (Permutation, lambda c: [c.cx(q + 1, q) for q in range(4)]),
    "signs": (Permutation, lambda c: [c.cz(0, 3), c.swap(1, 2), c.cx(3, 1)]),
    "phases": (Permutation, lambda c: [c.cy(0, 2), c.iswap(1, 4)]),
    "toffoli": (Permutation, lambda c: c.ccx(4, 0, 2)),
    "diagonal": (Diagonal, lambda c: [c.rzz(A, 0, 3), c.cp(B, 1, 4)]),
    "dense rotation": (Dense, lambda c: c.rxx(A, 3, 1)),
    "dense fixed": (Dense, lambda c: c.ecr(2, 0)),
}


def build(draw):
    circuit = QuantumCircuit(5)
    draw(circuit)
    return circuit


def unitary(circuit):
    values = {p: dict(zip((A, B), THETA, strict=True))[p] for p in circuit.parameters}
    return Operator(circuit.assign_parameters(values)).data


def bound_step(circuit):
    step, *others = fuse(compile_circuit(circuit), circuit.num_qubits)
    assert not others
    names = [p.name for p in circuit.parameters]
    theta = np.array([dict(zip("ab", THETA, strict=True))[n] for n in names] or [0.0])
    return step, step.bind(theta, np.dtype(complex)), theta


def moved_by(method, bound, block):
    """Call `apply` or `unapply`, which may overwrite the blocks they get."""
    return method(bound, block.copy(), np.empty_like(block))[0]


def random_block(seed, n_samples=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(32, n_samples)) + 1j * rng.normal(size=(32, n_samples))


def equal_up_to_phase(matrix, other):
    phase = np.vdot(matrix, other)
    return np.allclose(matrix * phase / abs(phase), other, atol=1e-12)


@pytest.mark.parametrize("name", SINGLE_STEPS)
def test_apply_is_the_unitary_of_the_circuit(name):
    kind, draw = SINGLE_STEPS[name]
    circuit = build(draw)
    step, bound, _ = bound_step(circuit)
    matrix = moved_by(step.apply, bound, np.eye(32, dtype=complex))
    assert type(step) is kind
    assert equal_up_to_phase(matrix, unitary(circuit))


@pytest.mark.parametrize("name", SINGLE_STEPS)
def test_unapply_undoes_apply(name):
    step, bound, _ = bound_step(build(SINGLE_STEPS[name][1]))
    block = random_block(0)
    back = moved_by(step.unapply, bound, moved_by(step.apply, bound, block))
    np.testing.assert_allclose(back, block, atol=1e-12)


@pytest.mark.parametrize("n_samples", [1, 3, 40])
@pytest.mark.parametrize("name", [n for n, s in SINGLE_STEPS.items() if "a" in n])
def test_pull_is_the_derivative_of_the_overlap(name, n_samples):
    circuit = build(SINGLE_STEPS[name][1])
    step, _, theta = bound_step(circuit)
    block, cotangents = random_block(1, n_samples), random_block(2, n_samples)

    def overlap(theta):
        bound = step.bind(theta, np.dtype(complex))
        moved = moved_by(step.apply, bound, block)
        return moved, np.vdot(cotangents, moved).real

    bound = step.bind(theta, np.dtype(complex))
    gradient = np.zeros(len(theta))
    overlaps = step.pull(bound, overlap(theta)[0], cotangents)
    step.collect(bound, overlaps, gradient)
    h = 1e-6
    expected = [
        (overlap(theta + h * d)[1] - overlap(theta - h * d)[1]) / (2 * h)
        for d in np.eye(len(theta))
    ]
    if circuit.num_parameters == 0:
        expected = [0.0]
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_fuse_gathers_the_default_ansatz_into_three_steps():
    p = ParameterVector("p", 10)
    circuit = QuantumCircuit(5)
    for q in range(5):
        circuit.ry(p[q], q)
    for q in range(4):
        circuit.cx(q, q + 1)
    for q in range(5):
        circuit.ry(p[5 + q], q)
    kinds = [type(step) for step in fuse(compile_circuit(circuit), 5)]
    assert kinds == [Layer, Permutation, Layer]


def test_fuse_moves_gates_past_others_on_different_qubits_only():
    circuit = build(lambda c: [c.ry(A, 0), c.cx(0, 1), c.ry(B, 4), c.ry(A, 1)])
    steps = fuse(compile_circuit(circuit), 5)
    assert [type(step) for step in steps] == [Layer, Permutation, Layer]
    assert steps[0].qubits == [0, 4]


def test_fuse_finds_the_layers_of_a_brickwork_written_pair_by_pair():
    def draw(c):
        for low in (0, 2, 1, 3):
            for _ in range(2):
                c.ry(A, low), c.ry(B, low + 1), c.cx(low, low + 1)

    circuit = build(draw)
    steps = fuse(compile_circuit(circuit), 5)
    assert [type(step) for step in steps] == 4 * [Layer, Permutation]
    assert [len(step.qubits) for step in steps[::2]] == [5, 4, 3, 4]
    block = np.eye(32, dtype=complex)
    for step in steps:
        block = moved_by(step.apply, step.bind(THETA, np.dtype(complex)), block)
    assert equal_up_to_phase(block, unitary(circuit))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_real_layers_stay_in_their_dtype(dtype):
    circuit = build(SINGLE_STEPS["layer of 5 qubits"][1])
    (step,) = fuse(compile_circuit(circuit), 5)
    block = np.ones((32, 2), dtype=dtype)
    bound = step.bind(np.array([0.3]), np.dtype(dtype))
    moved = moved_by(step.apply, bound, block)
    assert moved.dtype == dtype
