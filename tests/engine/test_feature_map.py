"""Feature maps of many rows against Qiskit's simulation of each row."""

import math
import pickle

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import pauli_feature_map, zz_feature_map
from qiskit.quantum_info import Statevector

from skqnn._circuits import gates
from skqnn._circuits.ansatz import angle_encoding
from skqnn._engine import feature_map as _feature_map
from skqnn._engine import row_steps
from skqnn._engine.feature_map import FeatureMap

# Gates on qubits a, b, d with angles t and u.
GATES = {
    "rx": lambda c, t, u, a, b, d: c.rx(t, a),
    "ry": lambda c, t, u, a, b, d: c.ry(t, a),
    "rz": lambda c, t, u, a, b, d: c.rz(t, a),
    "p": lambda c, t, u, a, b, d: c.p(t, a),
    "u": lambda c, t, u, a, b, d: c.u(t, 0.3, u, a),
    "rxx": lambda c, t, u, a, b, d: c.rxx(t, a, b),
    "ryy": lambda c, t, u, a, b, d: c.ryy(t, a, b),
    "rzz": lambda c, t, u, a, b, d: c.rzz(t, a, b),
    "rzx": lambda c, t, u, a, b, d: c.rzx(t, a, b),
    "crx": lambda c, t, u, a, b, d: c.crx(t, a, b),
    "cry": lambda c, t, u, a, b, d: c.cry(t, a, b),
    "crz": lambda c, t, u, a, b, d: c.crz(t, a, b),
    "cp": lambda c, t, u, a, b, d: c.cp(t, a, b),
    "h": lambda c, t, u, a, b, d: c.h(a),
    "sx": lambda c, t, u, a, b, d: c.sx(a),
    "t": lambda c, t, u, a, b, d: c.t(a),
    "y": lambda c, t, u, a, b, d: c.y(a),
    "cx": lambda c, t, u, a, b, d: c.cx(a, b),
    "iswap": lambda c, t, u, a, b, d: c.iswap(a, b),
    "ecr": lambda c, t, u, a, b, d: c.ecr(a, b),
    "ccx": lambda c, t, u, a, b, d: c.ccx(a, b, d),
}


def random_map(seed, n_gates=25):
    """Gates of every kind, with angles of every kind that may occur."""
    rng = np.random.default_rng(seed)
    n_qubits = int(rng.integers(3, 6))
    x, circuit = ParameterVector("x", 3), QuantumCircuit(n_qubits)
    angles = [
        x[0],
        2 * x[1] - 1,
        x[0] * x[0],
        (math.pi - x[0]) * (math.pi - x[2]),
        x[2].sin(),
        x[0] + 2 * x[1] * x[2],
    ]
    for q, feature in enumerate(x):
        circuit.ry(feature, q)
    for _ in range(n_gates):
        name = rng.choice(list(GATES))
        t, u = (angles[k] for k in rng.integers(len(angles), size=2))
        GATES[name](circuit, t, u, *map(int, rng.permutation(n_qubits)[:3]))
    return circuit


def assert_states_are_qiskits(circuit, X, states):
    """Up to the global phase, which the engine drops."""
    for row, state in zip(X.astype(float), states, strict=True):
        expected = Statevector(circuit.assign_parameters(row)).data
        overlap = np.vdot(expected, state)
        np.testing.assert_allclose(state, overlap * expected, atol=1e-12)
        assert abs(overlap) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("seed", range(25))
def test_states_of_random_maps(seed):
    circuit = random_map(seed)
    X = np.random.default_rng(seed).normal(size=(3, 3))
    assert_states_are_qiskits(circuit, X, FeatureMap(circuit).encode(X))


@pytest.mark.parametrize("name", GATES)
def test_states_of_a_gate_after_rows_differ(name):
    x, circuit = ParameterVector("x", 3), QuantumCircuit(3)
    for q in range(3):
        circuit.ry(x[q], q)
    circuit.cx(0, 1)
    GATES[name](circuit, x[0] * x[1], x[2], 1, 0, 2)
    GATES[name](circuit, x[1], x[2].exp(), 2, 1, 0)
    X = np.random.default_rng(0).normal(size=(3, 3))
    assert_states_are_qiskits(circuit, X, FeatureMap(circuit).encode(X))


MAPS = {
    "zz": zz_feature_map(3, reps=2),
    "linear": zz_feature_map(4, entanglement="linear", reps=3),
    "pauli": pauli_feature_map(3, reps=2, paulis=["X", "YZ", "XYZ"]),
    "angle": angle_encoding(3, 4),
    "function": zz_feature_map(3, data_map_func=lambda v: v[0] ** 2),
}


@pytest.mark.parametrize("circuit", MAPS.values(), ids=MAPS)
@pytest.mark.parametrize("n_samples", [1, 7])
def test_states_of_known_maps(circuit, n_samples):
    X = np.random.default_rng(0).normal(size=(n_samples, circuit.num_parameters))
    assert_states_are_qiskits(circuit, X, FeatureMap(circuit).encode(X))


def test_a_map_without_features_gives_equal_rows():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    states = FeatureMap(circuit).encode(np.ones((3, 0)))
    np.testing.assert_allclose(states, [[0.5**0.5, 0, 0, 0.5**0.5]] * 3)


def test_angles_that_vanish():
    x, circuit = ParameterVector("x", 1), QuantumCircuit(2)
    zero = x[0] * 0.0
    for gate in (circuit.ry, circuit.rz, circuit.rx):
        gate(zero, 0)
    circuit.crx(zero, 0, 1)
    states = FeatureMap(circuit).encode(np.ones((2, 1)))
    np.testing.assert_allclose(states, [[1, 0, 0, 0]] * 2)


@pytest.mark.parametrize("bytes_per_block", [1, 500])
@pytest.mark.parametrize("table_bytes", [1, 300, 2**25])
def test_states_do_not_depend_on_the_size_of_pieces(
    monkeypatch, bytes_per_block, table_bytes
):
    circuit = random_map(1)
    X = np.random.default_rng(0).normal(size=(9, 3))
    expected = FeatureMap(circuit).encode(X)
    monkeypatch.setattr(_feature_map, "block_bytes", lambda _: bytes_per_block)
    monkeypatch.setattr(row_steps, "_TABLE_BYTES", table_bytes)
    states = FeatureMap(circuit).encode(X)
    np.testing.assert_allclose(states, expected, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_real_maps_stay_real(dtype):
    circuit = angle_encoding(3, 3)
    x = circuit.parameters
    circuit.h(0)
    circuit.cz(0, 1)
    circuit.cry(x[1] * x[2], 2, 0)
    X = np.random.default_rng(0).normal(size=(4, 3)).astype(dtype)
    states = FeatureMap(circuit).encode(X)
    assert states.dtype == dtype
    expected = FeatureMap(circuit).encode(X.astype(np.float64))
    np.testing.assert_allclose(states, expected, atol=1e-6)


def test_complex_maps_keep_the_precision_of_the_rows():
    X = np.random.default_rng(0).normal(size=(4, 3))
    encoded = FeatureMap(MAPS["zz"])
    states = encoded.encode(X.astype(np.float32))
    assert states.dtype == np.complex64
    np.testing.assert_allclose(states, encoded.encode(X), atol=1e-5)


def test_equal_runs_of_phases_share_one_table():
    steps = FeatureMap(zz_feature_map(4, reps=3))._steps
    tables = [step.table for step in steps if hasattr(step, "table")]
    assert tables == [0, 0, 0]


def test_other_rotations_are_applied_between_their_eigenvectors(monkeypatch):
    generator = np.array([[1, 1], [1, -1]]) / 2**0.5  # neither diagonal nor a swap
    monkeypatch.setitem(gates.GENERATORS, "ry", generator)
    x, circuit = ParameterVector("x", 2), QuantumCircuit(2)
    circuit.ry(x[0], 0)
    circuit.cx(0, 1)
    circuit.ry(x[0] * x[1], 1)
    X = np.array([[0.7, -1.3]])
    first, second = (gates.rotation_matrix(generator, a) for a in (0.7, -0.91))
    expected = QuantumCircuit(2)
    expected.unitary(first, [0])
    expected.cx(0, 1)
    expected.unitary(second, [1])
    assert_states_are_qiskits(expected, X[:, :0], FeatureMap(circuit).encode(X))


def test_a_feature_map_can_be_pickled():
    encoded, X = FeatureMap(random_map(2)), np.ones((2, 3))
    copy = pickle.loads(pickle.dumps(encoded))
    np.testing.assert_array_equal(copy.encode(X), encoded.encode(X))


def test_a_row_outside_of_the_domain_is_named():
    feature_map = QuantumCircuit(1)
    feature_map.ry(Parameter("x").log(), 0)
    X = np.ones((20, 1))
    assert FeatureMap(feature_map).encode(X).shape == (20, 2)
    X[17] = -1.0
    with pytest.raises(ValueError, match=r"domain .* x = -1.0 \(column 0\) in row 17"):
        FeatureMap(feature_map).encode(X)


def test_angles_may_be_functions_without_a_derivative():
    feature_map = QuantumCircuit(1)
    feature_map.ry(2 * Parameter("x").sign(), 0)
    states = FeatureMap(feature_map).encode(np.array([[3.0], [-0.1]]))
    expected = [[np.cos(1), np.sin(1)], [np.cos(1), -np.sin(1)]]
    np.testing.assert_allclose(states, expected)
