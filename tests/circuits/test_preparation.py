"""State preparation: every method against Qiskit's Statevector, and its refusals."""

import numpy as np
import pytest
from qiskit import transpile
from qiskit.quantum_info import Statevector
from sklearn.datasets import load_digits

from skqnn import _memory
from skqnn._circuits.preparation import (
    PREPARATIONS,
    choose,
    preparation_circuit,
    prepare,
)

LARGE = [  # method, qubits, layers, words
    ("layers", 3, 10**12, ["`n_preparation_layers` must be at most 65536", "10"]),
    ("exact", 18, 1, ["`state_preparation` must be 'layers' for 18 qubits", "'exact'"]),
    ("frqi", 19, 1, ["`state_preparation` must be 'layers' for 19 qubits", "'frqi'"]),
]


@pytest.mark.parametrize("method, n_qubits, n_layers, words", LARGE)
def test_circuits_that_do_not_fit_into_memory_are_not_built(
    method, n_qubits, n_layers, words, monkeypatch
):
    monkeypatch.setattr(_memory, "memory_limit", lambda: 2**27)
    states = np.full((1, 2**n_qubits), 2 ** (-n_qubits / 2))
    for call in (
        lambda: prepare(states, method, n_layers),
        lambda: preparation_circuit(method, n_qubits, n_layers),
    ):
        with pytest.raises(ValueError, match="memory") as caught:
            call()
        assert [word for word in words if word not in str(caught.value)] == []


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def dense(n_qubits, n_samples=3):
    rng = np.random.default_rng(n_qubits)
    return unit(rng.normal(size=(n_samples, 2**n_qubits)))


def sparse(n_qubits, n_samples=3):
    rng = np.random.default_rng(n_qubits)
    rows = dense(n_qubits, n_samples) * (rng.random((n_samples, 2**n_qubits)) < 0.2)
    rows[:, -1] -= 0.1
    return unit(rows)


def basis(n_qubits):
    return np.eye(2**n_qubits)[[0, 1, -1]] * [[1], [-1], [1]]


def blank(n_qubits):
    """Uniform images, half of the amplitudes zero (negative zero included)."""
    zeros = np.zeros((1, 2 ** (n_qubits - 1)))
    return unit(
        np.vstack([np.hstack([zeros + 1, -zeros]), np.hstack([-zeros, -1 - zeros])])
    )


def positions(n_qubits, n_samples=3):
    """Rows of uniform position weights and any signs: FRQI."""
    rng = np.random.default_rng(n_qubits)
    turns = rng.uniform(-4, 4, size=(n_samples, 2 ** (n_qubits - 1)))
    return unit(np.hstack([np.cos(turns), np.sin(turns)]))


def digits(normalization):
    """Two-channel states of 8 x 8 digits, the channel being the top of seven qubits."""
    p = load_digits().data[:5] / 16
    if normalization == "image":
        return unit(np.hstack([p, 1 - p]))
    return unit(np.hstack([np.sin(np.pi / 2 * p), np.cos(np.pi / 2 * p)]))


def bind(circuit, angles):
    return circuit.assign_parameters(dict(zip(circuit.parameters, angles, strict=True)))


def prepared(circuit, angles):
    return np.array([Statevector(bind(circuit, row)).data for row in angles])


def two_qubit_gates(circuit):
    return sum(step.operation.num_qubits == 2 for step in circuit.data)


CASES = [
    (method, kind, n_qubits)
    for method, kinds in {
        "exact": (dense, sparse, basis, blank, positions),
        "frqi": (positions, blank),
        "layers": (dense, sparse, basis, blank),
    }.items()
    for kind in kinds
    for n_qubits in (1, 2, 3, 4, 6)
]


@pytest.mark.parametrize("method, kind, n_qubits", CASES)
def test_fidelity_and_template_of_every_method(method, kind, n_qubits):
    states = kind(n_qubits)
    circuit, angles, fidelity = prepare(states, method, 2)
    assert angles.shape == (len(states), circuit.num_parameters)
    overlap = np.einsum("sa,sa->s", prepared(circuit, angles), states)
    np.testing.assert_allclose(abs(overlap) ** 2, fidelity, atol=1e-12)
    assert np.all(fidelity <= 1)
    expected = PREPARATIONS[method].n_two_qubit_gates(n_qubits, 2)
    assert two_qubit_gates(circuit) == (expected if n_qubits > 1 else 0)


@pytest.mark.parametrize("kind", [dense, sparse, basis, blank])
@pytest.mark.parametrize("n_qubits", [1, 2, 3, 5, 8])
def test_exact_reproduces_every_amplitude(kind, n_qubits):
    states = kind(n_qubits)[-2:]
    circuit, angles, fidelity = prepare(states, "exact")
    np.testing.assert_allclose(prepared(circuit, angles), states, atol=1e-14)
    assert np.all(fidelity == 1)
    assert circuit.count_ops().get("cz", 0) == 2**n_qubits - n_qubits - 1
    assert set(circuit.count_ops()) <= {"ry", "cz"}


@pytest.mark.parametrize("kind", [positions, blank])
@pytest.mark.parametrize("n_qubits", [1, 2, 3, 5, 9])
def test_frqi_reproduces_every_amplitude_at_half_the_cost(kind, n_qubits):
    states = kind(n_qubits)[-2:]
    circuit, angles, _ = prepare(states, "frqi")
    np.testing.assert_allclose(prepared(circuit, angles), states, atol=1e-14)
    assert circuit.count_ops().get("cz", 0) == 2 ** (n_qubits - 1) - 1


def test_exact_angles_by_hand():
    # One qubit: RY(2 atan2(0.8, 0.6)); |0...0> needs no rotation, not even full turns.
    _, angles, _ = prepare([[0.6, 0.8]], "exact")
    np.testing.assert_allclose(angles, [[2 * np.arctan2(0.8, 0.6)]])
    _, angles, _ = prepare(np.eye(8)[:1], "exact")
    np.testing.assert_array_equal(angles, np.zeros((1, 7)))


@pytest.mark.parametrize(
    "method, normalization, n_layers, lowest",
    [
        ("exact", "image", 1, 1),
        ("exact", "pixel", 1, 1),
        ("frqi", "pixel", 1, 1 - 1e-12),
        ("layers", "image", 3, 0.86),
        ("layers", "image", 6, 0.96),
    ],
)
def test_encoded_digits_reach_the_expected_fidelity(
    method, normalization, n_layers, lowest
):
    states = digits(normalization)
    circuit, angles, fidelity = prepare(states, method, n_layers)
    assert np.all(fidelity >= lowest)
    overlap = np.einsum("sa,sa->s", prepared(circuit, angles), states)
    np.testing.assert_allclose(abs(overlap) ** 2, fidelity, atol=1e-12)


@pytest.mark.parametrize("method", PREPARATIONS)
def test_rows_do_not_see_each_other(method):
    states = positions(5, n_samples=40)
    _, angles, fidelity = prepare(states, method, 2)
    _, reverse, _ = prepare(states[::-1], method, 2)
    np.testing.assert_allclose(reverse[::-1], angles, atol=1e-9)
    _, twice, twice_fidelity = prepare(states[[3, 3]], method, 2)
    np.testing.assert_allclose(twice, angles[[3, 3]], atol=1e-9)
    np.testing.assert_allclose(twice_fidelity, fidelity[[3, 3]], atol=1e-9)


@pytest.mark.parametrize("method", PREPARATIONS)
def test_transpiled_template_prepares_the_same_states(method):
    states = positions(4)
    circuit, angles, _ = prepare(states, method, 2)
    line = [[q, q + 1] for q in range(3)] + [[q + 1, q] for q in range(3)]
    isa = transpile(
        circuit,
        basis_gates=["rz", "sx", "x", "cz"],
        coupling_map=line if method == "layers" else None,
        initial_layout=range(4),
        optimization_level=1,
        seed_transpiler=0,
    )
    assert list(isa.parameters) == list(circuit.parameters)
    assert two_qubit_gates(isa) <= two_qubit_gates(circuit)
    for row in angles:
        assert Statevector(bind(isa, row)).equiv(Statevector(bind(circuit, row)))


@pytest.mark.parametrize("method", PREPARATIONS)
def test_float32_rows_and_no_rows_are_prepared(method):
    states = positions(7).astype(np.float32)
    _, angles, fidelity = prepare(states, method, 1)
    assert angles.dtype == fidelity.dtype == np.float64
    _, none, no_fidelity = prepare(states[:0], method, 1)
    assert none.shape == (0, angles.shape[1])
    assert no_fidelity.shape == (0,)


@pytest.mark.parametrize(
    "kind, n_qubits, noisy, n_layers, expected",
    [
        (dense, 7, False, 3, "exact"),
        (positions, 7, False, 3, "frqi"),
        (dense, 7, True, 4, "layers"),
        (positions, 7, True, 4, "layers"),
        (dense, 2, True, 4, "exact"),
        (dense, 3, True, 2, "exact"),
        (dense, 3, True, 1, "layers"),
        (positions, 4, True, 4, "frqi"),
        (positions, 6, True, 7, "frqi"),
        (positions, 6, True, 4, "layers"),
    ],
)
def test_choose_weighs_errors_of_two_qubit_gates(
    kind, n_qubits, noisy, n_layers, expected
):
    states = kind(n_qubits)
    assert choose(states, noisy=noisy, n_layers=n_layers) == expected


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((dense(2), "tree"), "`method` must be one of 'exact', 'frqi', 'layers', got"),
        ((dense(2), "exact", 0), "`n_layers` must be a positive integer, got 0"),
        ((dense(2), "layers", 1.5), "`n_layers` must be a positive integer, got 1.5"),
        ((dense(2) + 0j, "exact"), "`states` must be real .* got dtype complex128"),
        ((np.eye(3), "exact"), r"`states` must have shape .* got \(3, 3\)"),
        ((np.ones(4) / 2, "exact"), r"`states` must have shape .* got \(4,\)"),
        ((np.ones((3, 1)), "exact"), r"`states` must have shape .* got \(3, 1\)"),
        ((2 * basis(2), "exact"), "`states` must have rows of norm 1, got 2 in row 0"),
        ((np.full((1, 4), np.nan), "exact"), "rows of norm 1, got nan in row 0"),
        ((np.zeros((1, 4)), "layers"), "rows of norm 1, got 0 in row 0"),
        ((dense(3), "frqi"), "`states` cannot be prepared by FRQI: row 0 does not"),
        ((digits("image"), "frqi"), 'Encode with normalization="pixel" or prepare'),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        prepare(*arguments)


@pytest.mark.parametrize("n_layers, states", [(0, dense(2)), (1, dense(2) + 0j)])
def test_choose_refuses_what_prepare_refuses(n_layers, states):
    with pytest.raises(ValueError):
        choose(states, noisy=True, n_layers=n_layers)
