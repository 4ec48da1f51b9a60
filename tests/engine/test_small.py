"""Kernels of small circuits against Qiskit and the NumPy path of the same engine."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import UnitaryGate
from qiskit.quantum_info import SparsePauliOp, Statevector, random_unitary

from skqnn._arrays import Rows
from skqnn._circuits.ansatz import build_ansatz
from skqnn._circuits.observables import as_observables
from skqnn._engine import small
from skqnn._engine.small import Small
from skqnn._engine.statevector import StatevectorEngine

pytest.importorskip("numba")

# Names of gates by the number of their angles and qubits.
GATES = {
    (1, 1): ["ry", "rx", "rz", "p"],
    (1, 2): ["rxx", "ryy", "rzz", "rzx", "crx", "cry", "crz", "cp"],
    (0, 1): ["h", "x", "y", "z", "s", "sdg", "t", "sx"],
    (0, 2): ["cx", "cz", "cy", "ch", "swap", "iswap", "ecr"],
    (0, 3): ["ccx", "ccz", "cswap"],
}
REAL = {(1, 1): ["ry"], (1, 2): ["cry"], (0, 1): ["h", "x", "z"], (0, 2): ["cx", "ch"]}
TOLERANCE = {"d": 1e-12, "D": 1e-12, "f": 1e-5, "F": 1e-5}


def random_circuit(rng, n_qubits, gates):
    """Repeated, scaled, shifted and fixed angles on all kinds of gates."""
    p, circuit = ParameterVector("p", 5), QuantumCircuit(n_qubits)
    circuit.ry(p[0], 0)
    kinds = [kind for kind in gates if kind[1] <= n_qubits]
    for _ in range(rng.integers(2, 25)):
        kind = kinds[rng.integers(len(kinds))]
        angle = rng.choice([-2, 1, 0.5]) * p[int(rng.integers(5))] + 0.3
        angle = float(rng.uniform(-4, 4)) if rng.random() < 0.1 else angle
        qubits = rng.permutation(n_qubits)[: kind[1]].tolist()
        getattr(circuit, rng.choice(gates[kind]))(*[angle][: kind[0]], *qubits)
    if gates is GATES and n_qubits > 1 and rng.random() < 0.3:
        circuit.append(UnitaryGate(random_unitary(4, seed=0)), [n_qubits - 1, 0])
        circuit.rx(p[1], 0)
    return circuit


def random_observables(rng, n_qubits):
    observables = []
    for _ in range(rng.integers(1, 4)):
        letters = ["IZ", "IX", "IXYZ"][rng.integers(3)]
        labels = rng.choice(list(letters), size=(rng.integers(1, 4), n_qubits))
        labels = ["".join(label) for label in labels]
        observables.append(SparsePauliOp(labels, rng.normal(size=len(labels))))
    return as_observables(observables)


def random_states(rng, n_samples, n_qubits, dtype="d"):
    states = rng.normal(size=(n_samples, 2**n_qubits))
    if np.dtype(dtype).kind == "c":
        states = states + 1j * rng.normal(size=states.shape)
    return (states / np.linalg.norm(states, axis=1, keepdims=True)).astype(dtype)


def problem(seed, dtype="d"):
    """Return engine, states, theta, cotangent, circuit and observables."""
    rng = np.random.default_rng(seed)
    n_qubits = int(rng.integers(1, 6))
    circuit = random_circuit(rng, n_qubits, [GATES, REAL][seed % 2])
    observables = random_observables(rng, n_qubits)
    states = random_states(rng, int(rng.choice([1, 2, 16, 33])), n_qubits, dtype)
    theta = rng.uniform(-9, 9, circuit.num_parameters)
    cotangent = rng.normal(size=(len(states), len(observables)))
    engine = StatevectorEngine(circuit, observables)
    return engine, states, theta, cotangent, circuit, observables


def value_and_gradient(engine, states, theta, cotangent):
    E, pullback = engine.vjp(states, theta)
    return E, pullback(cotangent), engine.expectations(states, theta)


def check(seed, dtype):
    """Compare a random problem with NumPy, and its last sample with Qiskit."""
    engine, states, theta, cotangent, circuit, observables = problem(seed, dtype)
    assert isinstance(engine._compiled[states.dtype.kind], Small)
    fast = value_and_gradient(engine, states, theta, cotangent)
    engine._compiled = {}
    wide = states.astype(np.result_type(states, np.float64))
    slow = value_and_gradient(engine, wide, theta, cotangent)
    for a, b in zip(fast, slow, strict=True):
        atol = TOLERANCE[dtype] * max(1.0, np.abs(b).max())
        np.testing.assert_allclose(a, b, atol=atol, rtol=0)
    np.testing.assert_array_equal(fast[0], fast[2])
    final = Statevector(wide[-1]).evolve(circuit.assign_parameters(theta))
    expected = [final.expectation_value(o).real for o in observables]
    atol = 1e-12 * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(slow[0][-1], expected, atol=atol, rtol=0)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("seed", range(30))
def test_kernels_agree_with_numpy_and_qiskit(seed, dtype):
    check(seed, dtype)


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(1, 11))
def test_kernels_agree_on_many_random_circuits(hundred):
    for seed in range(100 * hundred, 100 * hundred + 100):
        check(seed, "dD"[seed // 2 % 2])


@pytest.mark.parametrize("seed", range(8))
def test_pullback_is_the_gradient(seed):
    engine, states, theta, cotangent, *_ = problem(seed, "dD"[seed % 2])
    _, gradient, _ = value_and_gradient(engine, states, theta, cotangent)
    h = 1e-5

    def value(theta):
        return np.sum(cotangent * engine.expectations(states, theta))

    steps = h * np.eye(len(theta))
    expected = [(value(theta + d) - value(theta - d)) / (2 * h) for d in steps]
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_pullback_can_be_called_again():
    engine, states, theta, cotangent, *_ = problem(4)
    _, pullback = engine.vjp(states, theta)
    first = pullback(cotangent)
    pullback(np.zeros_like(cotangent))
    np.testing.assert_array_equal(pullback(cotangent), first)


def test_pullback_keeps_what_the_caller_changes():
    engine, states, theta, cotangent, *_ = problem(3)
    _, expected, _ = value_and_gradient(engine, states, theta, cotangent)
    _, pullback = engine.vjp(states, theta)
    states[:], theta[:] = 0.0, 0.0
    np.testing.assert_array_equal(pullback(cotangent), expected)


def test_threads_can_share_an_engine():
    engine, states, theta, cotangent, *_ = problem(5)
    expected = value_and_gradient(engine, states, theta, cotangent)

    def run(_):
        return value_and_gradient(engine, states, theta, cotangent)

    with ThreadPoolExecutor(4) as threads:
        for got in threads.map(run, range(100)):
            for a, b in zip(got, expected, strict=True):
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", "dD")
@pytest.mark.parametrize("n_samples", [0, 1, 8, 127, 128, 129, 300])
def test_blocks_of_samples_are_independent(n_samples, dtype):
    engine = StatevectorEngine(
        build_ansatz("real_amplitudes", 2, 1, "linear"), as_observables(["ZZ", "XI"])
    )
    rng = np.random.default_rng(0)
    theta, states = rng.normal(size=4), random_states(rng, 300, 2, dtype)[:n_samples]
    cotangent = rng.normal(size=(n_samples, 2))
    E, gradient, _ = value_and_gradient(engine, states, theta, cotangent)
    parts = [
        value_and_gradient(engine, states[k : k + 1], theta, cotangent[k : k + 1])
        for k in range(n_samples)
    ]
    assert E.shape == (n_samples, 2)
    np.testing.assert_allclose(gradient, sum(part[1] for part in parts), atol=1e-12)
    for k, (one, _, _) in enumerate(parts):
        np.testing.assert_allclose(E[k], one[0], atol=1e-14)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_rows_in_any_order_and_memory(dtype):
    rng = np.random.default_rng(0)
    engine = StatevectorEngine(
        build_ansatz("efficient_su2", 3, 2, "linear"), as_observables(["ZZZ", "IXI"])
    )
    theta = rng.normal(size=engine.n_parameters)
    states = random_states(rng, 40, 3, dtype)
    places = rng.permutation(40)[:21]
    expected = engine.expectations(states[places], theta)
    frozen = states.copy()
    frozen.setflags(write=False)
    for array in (states, frozen, np.asfortranarray(states)):
        np.testing.assert_array_equal(
            engine.expectations(Rows(array, places), theta), expected
        )


@pytest.mark.parametrize("n_qubits", range(1, 6))
@pytest.mark.parametrize("dtype", "dD")
def test_all_rows_and_no_rows(n_qubits, dtype):
    ansatz = build_ansatz("real_amplitudes", n_qubits, 1, "linear")
    engine = StatevectorEngine(ansatz, as_observables(["X" * n_qubits, "Z" * n_qubits]))
    rng = np.random.default_rng(n_qubits)
    theta, states = (
        rng.normal(size=2 * n_qubits),
        random_states(rng, 5, n_qubits, dtype),
    )
    cotangent = rng.normal(size=(5, 2))
    expected = value_and_gradient(engine, states, theta, cotangent)
    all_rows, no_rows = Rows(states, np.arange(5)), Rows(states, np.arange(0))
    for a, b in zip(
        value_and_gradient(engine, all_rows, theta, cotangent), expected, strict=True
    ):
        np.testing.assert_array_equal(a, b)
    E, gradient, _ = value_and_gradient(engine, no_rows, theta, cotangent[:0])
    assert E.shape == (0, 2)
    np.testing.assert_array_equal(gradient, np.zeros(2 * n_qubits))


def test_arguments_in_any_memory_take_the_same_kernels():
    engine, states, theta, cotangent, *_ = problem(6)
    expected = value_and_gradient(engine, states, theta, cotangent)
    theta, cotangent = np.repeat(theta, 2)[::2], np.asfortranarray(cotangent)
    theta.setflags(write=False)
    kernels = small._kernels()
    known = len(kernels.simulate.signatures), len(kernels.pull.signatures)
    got = value_and_gradient(engine, states, theta, cotangent)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert known == (len(kernels.simulate.signatures), len(kernels.pull.signatures))


@pytest.mark.parametrize("sizes", [(1e10, 1e-6), (1e200, 1e-100), (0.0, 1e-200)])
@pytest.mark.parametrize("name", ["real_amplitudes", "efficient_su2"])
def test_observables_need_not_be_of_one_size(name, sizes):
    ansatz = build_ansatz(name, 3, 1, "linear")
    rng = np.random.default_rng(0)
    theta = rng.normal(size=ansatz.num_parameters)
    states = random_states(rng, 4, 3)
    cotangent = np.ones((4, 1))
    together = [SparsePauliOp("ZIZ", sizes[0]), SparsePauliOp("XXI", sizes[1])]
    E = StatevectorEngine(ansatz, together).expectations(states, theta)
    for k, observable in enumerate(together):
        alone = value_and_gradient(
            StatevectorEngine(ansatz, [observable]), states, theta, cotangent
        )
        _, pullback = StatevectorEngine(ansatz, together).vjp(states, theta)
        gradient = pullback(np.eye(2)[[k] * 4])
        np.testing.assert_allclose(E[:, k], alone[0][:, 0], rtol=1e-12)
        np.testing.assert_allclose(gradient, alone[1], rtol=0, atol=1e-12 * sizes[k])
        unit = SparsePauliOp(observable.paulis)
        expected = StatevectorEngine(ansatz, [unit]).expectations(states, theta)
        np.testing.assert_allclose(E[:, k], sizes[k] * expected[:, 0], rtol=1e-12)


def test_a_circuit_without_visible_gates():
    circuit = QuantumCircuit(2)
    circuit.ry(ParameterVector("p", 1)[0], 0)
    engine = StatevectorEngine(circuit, as_observables(["ZI"]))
    E, pullback = engine.vjp(np.eye(4), np.ones(1))
    np.testing.assert_array_equal(E[:, 0], [1, 1, -1, -1])
    np.testing.assert_array_equal(pullback(np.ones((4, 1))), [0])


def test_engine_with_kernels_can_be_pickled():
    engine, states, theta, cotangent, *_ = problem(2)
    expected = value_and_gradient(engine, states, theta, cotangent)
    copy = pickle.loads(pickle.dumps(engine))
    got = value_and_gradient(copy, states, theta, cotangent)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_engine_works_without_numba(monkeypatch):
    monkeypatch.setattr("skqnn._engine.statevector.find_spec", lambda name: None)
    engine, states, theta, cotangent, *_ = problem(2)
    assert engine._compiled == {}
    E, gradient, _ = value_and_gradient(engine, states, theta, cotangent)
    monkeypatch.undo()
    engine, *_ = problem(2)
    fast_E, fast_gradient, _ = value_and_gradient(engine, states, theta, cotangent)
    np.testing.assert_allclose(fast_E, E, atol=1e-12)
    np.testing.assert_allclose(fast_gradient, gradient, atol=1e-12)
