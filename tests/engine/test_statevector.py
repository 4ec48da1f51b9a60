"""The exact engine against Qiskit's Statevector and finite differences."""

import pickle
import tracemalloc

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import efficient_su2, real_amplitudes, zz_feature_map
from qiskit.quantum_info import SparsePauliOp, Statevector

from skqnn._arrays import Rows
from skqnn._circuits.ansatz import angle_encoding, build_ansatz
from skqnn._circuits.observables import as_observables
from skqnn._engine import statevector as _statevector
from skqnn._engine.feature_map import FeatureMap
from skqnn._engine.statevector import StatevectorEngine


def random_circuit(seed):
    """Every kind of gate, with repeated, scaled and shifted parameters."""
    rng = np.random.default_rng(seed)
    n_qubits = int(rng.integers(3, 6))
    p, circuit = ParameterVector("p", 6), QuantumCircuit(n_qubits)
    gates = [
        lambda x, a, b, d: circuit.ry(x, a),
        lambda x, a, b, d: circuit.rx(x, a),
        lambda x, a, b, d: circuit.rz(x, a),
        lambda x, a, b, d: circuit.p(x, a),
        lambda x, a, b, d: circuit.u(x, 0.2, p[1], a),
        lambda x, a, b, d: circuit.rxx(x, a, b),
        lambda x, a, b, d: circuit.ryy(x, a, b),
        lambda x, a, b, d: circuit.rzz(x, a, b),
        lambda x, a, b, d: circuit.rzx(x, a, b),
        lambda x, a, b, d: circuit.crx(x, a, b),
        lambda x, a, b, d: circuit.cry(x, a, b),
        lambda x, a, b, d: circuit.crz(x, a, b),
        lambda x, a, b, d: circuit.cp(x, a, b),
        lambda x, a, b, d: circuit.h(a),
        lambda x, a, b, d: circuit.y(a),
        lambda x, a, b, d: circuit.cx(a, b),
        lambda x, a, b, d: circuit.cz(a, b),
        lambda x, a, b, d: circuit.swap(a, b),
        lambda x, a, b, d: circuit.ecr(a, b),
        lambda x, a, b, d: circuit.ccx(a, b, d),
    ]
    circuit.ry(p[0], 0)
    for _ in range(12):
        qubits = map(int, rng.choice(n_qubits, size=3, replace=False))
        angle = p[rng.integers(6)] * rng.choice([1, -0.5, 2]) + rng.choice([0, 0.3])
        gates[rng.integers(len(gates))](angle, *qubits)
    return circuit


def random_states(n_samples, n_qubits, rng):
    states = rng.normal(size=(n_samples, 2**n_qubits))
    return states / np.linalg.norm(states, axis=1, keepdims=True)


def problem(seed, n_samples=5):
    """Return engine, states, theta, circuit and observables, not all diagonal."""
    rng = np.random.default_rng(seed)
    circuit = random_circuit(seed)
    n_qubits = circuit.num_qubits
    labels = ["".join(rng.choice(list("IXYZ"), n_qubits)) for _ in range(2)]
    observables = as_observables([SparsePauliOp(labels, [0.7, -0.3]), "Z" * n_qubits])
    theta = rng.normal(size=circuit.num_parameters)
    states = random_states(n_samples, n_qubits, rng)
    engine = StatevectorEngine(circuit, observables)
    engine._compiled = {}  # `test_small.py` tests the kernels of small circuits
    return engine, states, theta, circuit, observables


@pytest.mark.parametrize("dtype", "dDfF")
def test_no_samples_have_no_expectations_and_no_gradient(dtype):
    engine, states, theta, *_ = problem(0)
    none = states[:0].astype(dtype)
    E, pullback = engine.vjp(none, theta)
    assert E.shape == engine.expectations(none, theta).shape == (0, 2)
    np.testing.assert_array_equal(pullback(E), np.zeros(len(theta)))


@pytest.mark.parametrize("seed", range(12))
def test_expectations_are_those_of_qiskit(seed):
    engine, states, theta, circuit, observables = problem(seed)
    ready = circuit.assign_parameters(theta)
    expected = [
        [Statevector(x).evolve(ready).expectation_value(o).real for o in observables]
        for x in states
    ]
    E = engine.expectations(states, theta)
    np.testing.assert_allclose(E, expected, atol=1e-12)
    np.testing.assert_array_equal(engine.vjp(states, theta)[0], E)


@pytest.mark.parametrize("seed", range(12))
def test_pullback_is_the_gradient(seed):
    engine, states, theta, *_ = problem(seed)
    E, pullback = engine.vjp(states, theta)
    cotangent = np.random.default_rng(seed).normal(size=E.shape)
    h = 1e-5

    def value(theta):
        return np.sum(cotangent * engine.expectations(states, theta))

    steps = h * np.eye(len(theta))
    expected = [(value(theta + d) - value(theta - d)) / (2 * h) for d in steps]
    np.testing.assert_allclose(pullback(cotangent), expected, atol=1e-7)


def test_pullback_can_be_called_again():
    engine, states, theta, *_ = problem(3)
    E, pullback = engine.vjp(states, theta)
    first = pullback(np.ones_like(E))
    pullback(np.zeros_like(E))
    np.testing.assert_array_equal(pullback(np.ones_like(E)), first)


@pytest.mark.parametrize("n_samples", [1, 2, 7, 8, 9, 33])
def test_results_do_not_depend_on_the_size_of_blocks(monkeypatch, n_samples):
    engine, states, theta, *_ = problem(1, n_samples)
    cotangent = np.cos(np.arange(2.0 * n_samples)).reshape(-1, 2)
    E, pullback = engine.vjp(states, theta)
    gradient = pullback(cotangent)
    monkeypatch.setattr(_statevector, "block_bytes", lambda _: 4 * states[0].nbytes)
    small_E, small_pullback = engine.vjp(states, theta)
    np.testing.assert_allclose(small_E, E, atol=1e-13)
    np.testing.assert_allclose(small_pullback(cotangent), gradient, atol=1e-12)


def test_several_thetas_are_a_leading_axis():
    engine, states, theta, *_ = problem(2)
    E = engine.expectations(states, np.stack([theta, theta + 1]))
    np.testing.assert_array_equal(E[1], engine.expectations(states, theta + 1))
    assert E.shape == (2, 5, 2)


@pytest.mark.parametrize("n_qubits", [4, 7])  # without and with kernels
def test_rows_of_an_array_are_like_a_copy_of_them(n_qubits):
    rng = np.random.default_rng(0)
    circuit = build_ansatz("real_amplitudes", n_qubits, 1, "linear")
    engine = StatevectorEngine(circuit, as_observables(["Z" * n_qubits]))
    states, theta = random_states(40, n_qubits, rng), rng.normal(size=2 * n_qubits)
    places = rng.permutation(40)[:21]
    E, pullback = engine.vjp(Rows(states, places), theta)
    expected, expected_pullback = engine.vjp(states[places], theta)
    cotangent = rng.normal(size=E.shape)
    np.testing.assert_array_equal(E, expected)
    np.testing.assert_array_equal(pullback(cotangent), expected_pullback(cotangent))


@pytest.mark.parametrize(
    "ansatz, kind", [("real_amplitudes", "f"), ("efficient_su2", "c")]
)
def test_real_circuits_are_simulated_in_real_numbers(ansatz, kind):
    circuit = build_ansatz(ansatz, 4, 1, "linear")
    engine = StatevectorEngine(circuit, as_observables(["ZZZZ"]))
    assert engine._dtype(np.ones((1, 16))).kind == kind
    assert engine._dtype(np.ones((1, 16), dtype=complex)).kind == "c"


@pytest.mark.parametrize("ansatz", ["real_amplitudes", "efficient_su2"])
def test_float32_states_give_float64_results_close_to_exact(ansatz):
    rng = np.random.default_rng(0)
    circuit = build_ansatz(ansatz, 5, 2, "linear")
    engine = StatevectorEngine(circuit, as_observables(["ZZZZZ"]))
    states, theta = random_states(6, 5, rng), rng.normal(size=circuit.num_parameters)
    E = engine.expectations(states.astype(np.float32), theta)
    assert E.dtype == np.float64
    np.testing.assert_allclose(E, engine.expectations(states, theta), atol=1e-6)


def test_gates_that_no_observable_sees_are_left_out():
    circuit = build_ansatz("real_amplitudes", 5, 1, "linear")
    engine = StatevectorEngine(circuit, as_observables(["IIIIZ"[::-1]]))
    assert (
        sum(len(step.qubits) for step in engine._steps if hasattr(step, "qubits")) < 10
    )


def test_engine_can_be_pickled():
    engine, states, theta, *_ = problem(0)
    copy = pickle.loads(pickle.dumps(engine))
    expected = engine.expectations(states, theta)
    np.testing.assert_array_equal(copy.expectations(states, theta), expected)


def test_prepare_runs_the_feature_map():
    circuit = build_ansatz("real_amplitudes", 3, 1, "linear")
    feature_map = angle_encoding(3, 3)
    engine = StatevectorEngine(
        circuit, as_observables(["ZZZ"]), feature_map=feature_map
    )
    X = np.random.default_rng(0).normal(size=(4, 3))
    np.testing.assert_array_equal(engine.prepare(X), FeatureMap(feature_map).encode(X))


def test_engine_refuses_40_qubits_before_it_allocates():
    circuit = QuantumCircuit(40)
    circuit.ry(ParameterVector("p", 1)[0], 0)
    with pytest.raises(MemoryError, match="40 qubits"):
        StatevectorEngine(circuit, [SparsePauliOp("Z" * 40)])


Z, X_AND_Z = SparsePauliOp("Z" * 15), [SparsePauliOp(letter * 15) for letter in "XZ"]
MODELS = {
    "real": (real_amplitudes, [Z], None),
    "complex": (efficient_su2, [Z], None),
    "feature map": (real_amplitudes, [Z], zz_feature_map(15, 1, "linear")),
    "ten observables": (real_amplitudes, [Z] * 10, None),
    "many flips": (
        real_amplitudes,
        [SparsePauliOp(["X" * k + "Z" * (15 - k) for k in range(12)])],
        None,
    ),
    "flips of two": (real_amplitudes, X_AND_Z, None),
}


@pytest.mark.parametrize("name", MODELS)
def test_memory_is_checked_for_what_is_taken(name, monkeypatch):
    ansatz, observables, feature_map = MODELS[name]
    n_qubits, asked = 15, []

    def spy(n_qubits, n_samples, itemsize=8, others=0, cure=""):
        asked.append((n_samples * itemsize + others) * 2**n_qubits)

    monkeypatch.setattr(_statevector, "require_memory", spy)
    model = {"feature_map": feature_map or angle_encoding(n_qubits, n_qubits)}
    X = np.random.default_rng(0).uniform(size=(30, n_qubits))
    theta = np.zeros(ansatz(n_qubits, reps=1).num_parameters)
    for _ in range(2):  # kernels that the first compiles are kept
        tracemalloc.start()
        engine = StatevectorEngine(ansatz(n_qubits, reps=1), observables, **model)
        states = engine.prepare(X)
        E, pullback = engine.vjp(states, theta)
        pullback(np.ones_like(E))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert 0.6 * peak < max(asked) < 2 * peak
