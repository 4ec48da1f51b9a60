"""Many states in one circuit give what each gives in a circuit of its own."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp, Statevector
from scipy.stats import chi2

from skqnn._backends import packing
from skqnn._backends.primitive import PrimitiveEngine
from skqnn._backends.resolve import resolve
from skqnn._engine.statevector import StatevectorEngine


def make_states(n_states, n_qubits):
    rng = np.random.default_rng(0)
    states = rng.normal(size=(n_states, 2**n_qubits))
    return states / np.linalg.norm(states, axis=1, keepdims=True)


@pytest.mark.parametrize(
    "n_qubits, n_states, size",
    [(3, 1, 0), (3, 2, 1), (3, 5, 3), (3, 10**6, 11), (14, 9, 0), (20, 9, 0)],
)
def test_register_holds_all_states_or_fills_the_circuit(n_qubits, n_states, size):
    assert packing.register_size(n_qubits, n_states) == size


@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_packed_states_have_norm_one_and_come_back(size):
    states = make_states(5, 2)
    packed = np.array(list(packing.pack(3 * states, size)))
    np.testing.assert_allclose(np.linalg.norm(packed, axis=1), 1, atol=1e-15)
    joint = np.abs(packed[:, None, :]) ** 2
    unpacked = packing.unpack(joint, size, len(states))
    np.testing.assert_allclose(unpacked, states**2, atol=1e-15)


def test_rows_are_ordered_by_state_then_by_binding():
    joint = np.arange(24.0).reshape(2, 3, 4)  # 2 circuits, 3 bindings, 2 x 2 outcomes
    rows = packing.unpack(joint, 1, 3)
    expected = joint.reshape(2, 3, 2, 2).swapaxes(1, 2).reshape(12, 2)[:9]
    expected = expected / expected.sum(axis=1, keepdims=True)
    np.testing.assert_array_equal(rows, expected)


def test_circuit_leaves_the_register_alone():
    pytest.importorskip("qiskit_aer")
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    state = next(packing.pack(make_states(4, 2), 2))
    full, register = packing.begin_with(state, circuit, 2)
    assert list(register) == [2, 3]
    used = {full.find_bit(q).index for item in full.data[1:] for q in item.qubits}
    assert used == {0, 1}


@pytest.mark.parametrize("n_states, limit", [(1, 14), (7, 14), (20, 5), (20, 4)])
def test_any_number_of_rows_and_angles_is_exact(monkeypatch, n_states, limit):
    rng = np.random.default_rng(0)
    monkeypatch.setattr(packing, "_MAX_QUBITS", limit)
    ansatz = efficient_su2(3, reps=1)
    observables = [
        SparsePauliOp("ZXI"),
        SparsePauliOp.from_list([("YIZ", 2), ("IIZ", 1)]),
    ]
    states = make_states(n_states, 3)
    thetas = rng.uniform(-3, 3, (4, ansatz.num_parameters))
    device = resolve("aer", shots=None, n_qubits=3)
    engine = PrimitiveEngine(ansatz, observables, device)
    E = engine.expectations(engine.prepare(states), thetas)
    expected = StatevectorEngine(ansatz, observables).expectations(states, thetas)
    np.testing.assert_allclose(E, expected, atol=1e-10)


def test_frequencies_of_each_row_are_those_of_its_state():
    """Pearson's statistic of all rows; rows that shared draws would widen it."""
    rng = np.random.default_rng(0)
    shots, n_rows = 5000, 64
    states = make_states(n_rows, 3)
    bits = [SparsePauliOp("Z" * 3), SparsePauliOp("IIZ"), SparsePauliOp("ZII")]
    device = resolve("aer", shots=shots, n_qubits=3)
    engine = PrimitiveEngine(efficient_su2(3, reps=1), bits, device, seed=3)
    theta = rng.uniform(-3, 3, 12)
    E, _ = engine.measure(engine.prepare(states), theta)
    evolved = efficient_su2(3, reps=1).assign_parameters(theta)
    exact = [
        [Statevector(s).evolve(evolved).expectation_value(o).real for o in bits]
        for s in states
    ]
    z = (E - exact) * np.sqrt(shots / (1 - np.square(exact)))
    for k in range(len(bits)):
        assert (
            chi2.ppf(1e-4, n_rows) < np.sum(z[:, k] ** 2) < chi2.ppf(1 - 1e-4, n_rows)
        )
    correlation = np.corrcoef(z[:-1].T, z[1:].T)[:3, 3:]
    assert np.abs(correlation).max() < 4 / np.sqrt(n_rows)
