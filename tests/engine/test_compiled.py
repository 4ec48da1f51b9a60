"""Compiled kernels against the NumPy path of the same engine."""

import hashlib
import importlib
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import UnitaryGate
from qiskit.quantum_info import SparsePauliOp, Statevector, random_unitary

from skqnn._arrays import Rows
from skqnn._circuits.ansatz import build_ansatz
from skqnn._circuits.observables import as_observables
from skqnn._engine import binding, layout
from skqnn._engine import compiled as _compiled
from skqnn._engine import statevector as _statevector
from skqnn._engine.statevector import StatevectorEngine

pytest.importorskip("numba")

TOLERANCE = {
    "float64": 1e-12,
    "float32": 2e-5,
    "complex128": 1e-12,
    "complex64": 2e-5,
}
TERMS = [
    "ZZ",
    SparsePauliOp(["IZ", "ZI"], [0.3, -2.0]),
]


def random_states(n_samples, n_qubits, seed=0, dtype="float64"):
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(n_samples, 2**n_qubits))
    if np.dtype(dtype).kind == "c":
        states = states + 1j * rng.normal(size=states.shape)
    return (states / np.linalg.norm(states, axis=1, keepdims=True)).astype(dtype)


def widen(n_qubits, n_observables):
    parity = SparsePauliOp("Z" * n_qubits)
    pad = SparsePauliOp("I" * (n_qubits - 2))
    return [parity, *(SparsePauliOp(t).tensor(pad) for t in TERMS)][:n_observables]


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Compile complex circuits before the first call."""
    monkeypatch.setattr(_statevector, "_PATIENCE", 0)


def value_and_gradient(engine, states, theta, cotangent):
    E, pullback = engine.vjp(states, theta)
    return E, pullback(cotangent)


def assert_agrees(circuit, n_observables, n_samples=19, dtype="float64", seed=0):
    """Compare expectations, values and gradients with and without kernels."""
    rng = np.random.default_rng(seed)
    observables = as_observables(widen(circuit.num_qubits, n_observables))
    engine = StatevectorEngine(circuit, observables)
    states = random_states(n_samples, circuit.num_qubits, dtype=dtype)
    theta = rng.uniform(-9, 9, circuit.num_parameters)
    cotangent = rng.normal(size=(n_samples, n_observables))
    assert engine._compiled["f"] is not None
    fast = value_and_gradient(engine, states, theta, cotangent)
    E = engine.expectations(states, theta)
    engine._compiled = {}
    wide = states.astype(np.result_type(dtype, np.float64))
    slow = value_and_gradient(engine, wide, theta, cotangent)
    tolerance = TOLERANCE[dtype]
    np.testing.assert_allclose(E, slow[0], atol=tolerance)
    np.testing.assert_allclose(fast[0], slow[0], atol=tolerance)
    scale = max(1.0, np.abs(slow[1]).max())
    np.testing.assert_allclose(fast[1], slow[1], atol=tolerance * scale)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    "ansatz, reps, entanglement",
    [
        ("real_amplitudes", 1, "reverse_linear"),
        ("real_amplitudes", 3, "circular"),
        ("real_amplitudes", 2, "sca"),
        ("n_local", 2, "full"),
        ("tree", 2, "full"),
        ("staircase", 1, "full"),
        ("efficient_su2", 2, "circular"),
    ],
)
@pytest.mark.parametrize("n_qubits", range(6, 14))
def test_kernels_agree_with_numpy(n_qubits, ansatz, reps, entanglement, dtype):
    circuit = build_ansatz(ansatz, n_qubits, reps, entanglement)
    assert_agrees(circuit, 1 + n_qubits % 3, dtype=dtype)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    "ansatz, label", [("efficient_su2", "X" * 18), ("real_amplitudes", "I" * 17 + "Z")]
)
def test_long_sums_in_single_precision_keep_their_digits(ansatz, label, compiled):
    circuit = build_ansatz(ansatz, 18, 2, "reverse_linear")
    engine = StatevectorEngine(circuit, as_observables([label]))
    if not compiled:
        engine._compiled = {}
    # Amplitudes are equal or 0: most roundings of a sum are in the same direction.
    states = np.repeat([[0.0, 1, 1, 1, 1, 1, 1, 0]], 2**15, axis=0).reshape(1, -1)
    states = (states / np.linalg.norm(states)).astype(np.float32)
    theta = 1e-9 * np.arange(circuit.num_parameters)
    for single, double in zip(
        value_and_gradient(engine, states, theta, np.ones((1, 1))),
        value_and_gradient(engine, states.astype(float), theta, np.ones((1, 1))),
        strict=True,
    ):
        np.testing.assert_allclose(single, double, atol=2e-6)


@pytest.mark.parametrize("taped", [True, False])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "ansatz, reps, entanglement",
    [
        ("real_amplitudes", 1, "reverse_linear"),
        ("real_amplitudes", 3, "circular"),
        ("real_amplitudes", 40, "linear"),
        ("n_local", 2, "full"),
        ("tree", 2, "full"),
        ("staircase", 1, "full"),
    ],
)
@pytest.mark.parametrize("n_qubits", range(8, 14))
def test_kernels_agree_if_a_block_is_of_one_sample(
    monkeypatch, n_qubits, ansatz, reps, entanglement, dtype, taped
):
    monkeypatch.setattr(_compiled, "_BLOCK_BYTES", dict.fromkeys((32, 64), 0))
    monkeypatch.setattr(binding, "_TAPE_OF_ONE_BYTES", 2**26 if taped else 0)
    circuit = build_ansatz(ansatz, n_qubits, reps, entanglement)
    assert_agrees(circuit, 1 + n_qubits % 3, n_samples=3, dtype=dtype)


@pytest.mark.parametrize("taped", [True, False])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    "ansatz, reps, entanglement",
    [
        ("real_amplitudes", 1, "reverse_linear"),
        ("real_amplitudes", 3, "circular"),
        ("tree", 2, "full"),
        ("efficient_su2", 2, "circular"),
    ],
)
@pytest.mark.parametrize("n_qubits", [6, 8, 10, 13])
def test_kernels_agree_if_states_are_copied_for_a_fold(
    monkeypatch, n_qubits, ansatz, reps, entanglement, dtype, taped
):
    monkeypatch.setattr(layout, "_COPY_BYTES", 0)
    monkeypatch.setattr(binding, "_TAPE_BYTES", 2**24 if taped else 0)
    circuit = build_ansatz(ansatz, n_qubits, reps, entanglement)
    assert_agrees(circuit, 1, n_samples=3, dtype=dtype)


def test_a_block_is_of_one_sample_where_several_were_too_large():
    circuit = build_ansatz("real_amplitudes", 16, 1, "linear")
    engine = StatevectorEngine(circuit, as_observables(["Z" * 16]))
    for dtype in ("f8", "f4"):
        found = engine._compiled["f"].binding(np.dtype(dtype))
        one = 2**16 * np.dtype(dtype).itemsize
        assert one < found.block_bytes < 1.1 * one
    assert engine._compiled["f"].binding(np.dtype("c16")).n_lanes == 1
    small = build_ansatz("real_amplitudes", 12, 1, "linear")
    engine = StatevectorEngine(small, as_observables(["Z" * 12]))
    assert engine._compiled["f"].binding(np.dtype("f8")).n_lanes == 1


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("reps", [10, 60, 120])
def test_kernels_keep_the_scale_of_deep_circuits(reps, dtype):
    circuit = build_ansatz("real_amplitudes", 6, reps, "linear")
    assert_agrees(circuit, 1, dtype=dtype)


@pytest.mark.parametrize("n_observables", [1, 3])
@pytest.mark.parametrize(
    "ansatz", ["real_amplitudes", "n_local", "tree", "efficient_su2"]
)
@pytest.mark.parametrize("n_qubits", [6, 11])
def test_kernels_agree_without_a_tape(monkeypatch, n_qubits, ansatz, n_observables):
    monkeypatch.setattr(binding, "_TAPE_BYTES", 0)
    assert_agrees(build_ansatz(ansatz, n_qubits, 3, "linear"), n_observables)


@pytest.mark.parametrize("observables", [["ZIIIIIIZ", "IZIIIIII"], ["ZZZZZZZZ"]])
@pytest.mark.parametrize("ansatz", ["real_amplitudes", "tree", "efficient_su2"])
@pytest.mark.parametrize("copied_from", [0, 2**20])
def test_memory_without_a_tape_is_three_blocks(
    monkeypatch, ansatz, observables, copied_from
):
    monkeypatch.setattr(binding, "_TAPE_BYTES", 0)
    monkeypatch.setattr(layout, "_COPY_BYTES", copied_from)
    for reps in (1, 2, 7):
        circuit = build_ansatz(ansatz, 8, reps, "linear")
        engine = StatevectorEngine(circuit, as_observables(observables))
        numbers = engine._compiled["c"].binding(np.dtype(complex))._n_work
        assert numbers == {True: 3, False: 3}


@pytest.mark.parametrize("dtype", ["float64", "complex64"])
@pytest.mark.parametrize("n_samples", [1, 7, 8, 9, 255, 256, 257, 600])
@pytest.mark.parametrize("n_observables", [1, 2])
def test_kernels_agree_for_every_batch_size(n_samples, n_observables, dtype):
    circuit = build_ansatz("real_amplitudes", 6, 1, "linear")
    assert_agrees(circuit, n_observables, n_samples, dtype)


def both_paths(circuit, observable, theta, n_samples=19):
    """Return expectations and gradients with and without kernels."""
    engine = StatevectorEngine(circuit, as_observables([observable]))
    states = random_states(n_samples, circuit.num_qubits)
    cotangent = np.random.default_rng(1).normal(size=(n_samples, 1))
    assert engine._compiled["f"] is not None
    fast = value_and_gradient(engine, states, theta, cotangent)
    engine._compiled = {}
    return fast, value_and_gradient(engine, states, theta, cotangent)


def assert_equal_to_rounding(fast, slow):
    for a, b in zip(fast, slow, strict=True):
        scale = max(1.0, np.abs(b).max())
        np.testing.assert_allclose(a, b, atol=1e-13 * scale, rtol=0)


@pytest.mark.parametrize("coefficient", [1.0, -1.0, 0.3])
@pytest.mark.parametrize("label", ["ZZZZZZZZ", "IIZZIIIZ", "ZIIIIIII", "IIIIIIIZ"])
@pytest.mark.parametrize("entanglement", ["reverse_linear", "circular"])
@pytest.mark.parametrize("reps", [0, 1, 2, 4])
def test_pauli_strings_agree_with_numpy(reps, entanglement, label, coefficient):
    circuit = build_ansatz("real_amplitudes", 8, reps, entanglement)
    theta = np.random.default_rng(reps).uniform(-9, 9, circuit.num_parameters)
    observable = SparsePauliOp(label, coefficient)
    assert_equal_to_rounding(*both_paths(circuit, observable, theta))


@pytest.mark.parametrize("reps", [0, 1, 2])
@pytest.mark.parametrize("n_qubits", [6, 7, 9, 11, 12, 13, 14, 15, 16])
def test_pauli_strings_agree_for_every_number_of_qubits(n_qubits, reps):
    circuit = build_ansatz("real_amplitudes", n_qubits, reps, "reverse_linear")
    theta = np.random.default_rng(n_qubits).uniform(-9, 9, circuit.num_parameters)
    assert_equal_to_rounding(*both_paths(circuit, "Z" * n_qubits, theta, 3))


@pytest.mark.parametrize("shift", [0.0, 1e-9, -1e-9])
@pytest.mark.parametrize("unit", [np.pi / 4, np.pi / 2, np.pi])
@pytest.mark.parametrize("entanglement", ["reverse_linear", "circular"])
def test_pauli_strings_agree_where_tangents_have_poles(entanglement, unit, shift):
    circuit = build_ansatz("real_amplitudes", 9, 2, entanglement)
    steps = np.random.default_rng(3).integers(-20, 20, circuit.num_parameters)
    assert_equal_to_rounding(*both_paths(circuit, "Z" * 9, unit * steps + shift))


@pytest.mark.parametrize("change", ["x", "z", "h"])
def test_pauli_string_follows_fixed_gates_around_the_last_rotations(change):
    circuit = build_ansatz("real_amplitudes", 6, 1, "linear")
    getattr(circuit, change)([1, 4])
    circuit.cx(0, 3)
    circuit.x(2)
    circuit.ry(ParameterVector("last", 3)[0], 0)
    theta = np.linspace(-4, 4, circuit.num_parameters)
    assert_equal_to_rounding(*both_paths(circuit, "IZZIZZ", theta))


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_pauli_string_agrees_with_statevector(dtype):
    circuit = build_ansatz("real_amplitudes", 6, 2, "reverse_linear")
    theta = np.linspace(-5, 5, circuit.num_parameters)
    observable = SparsePauliOp("ZIZZIZ", -1.0)
    states = random_states(5, 6, dtype=dtype)
    engine = StatevectorEngine(circuit, as_observables([observable]))
    bound = circuit.assign_parameters(theta)
    expected = [
        Statevector(row).evolve(bound).expectation_value(observable).real
        for row in states
    ]
    E = engine.expectations(states, theta)
    np.testing.assert_allclose(E[:, 0], expected, atol=1e-13)


@pytest.mark.parametrize("jacobian_bytes", [0, 2**26])
def test_pullback_is_linear_and_can_be_called_again(monkeypatch, jacobian_bytes):
    monkeypatch.setattr(_compiled, "_JACOBIAN_BYTES", jacobian_bytes)
    circuit = build_ansatz("real_amplitudes", 7, 2, "linear")
    engine = StatevectorEngine(circuit, as_observables(["Z" * 7]))
    states, theta = random_states(90, 7), np.linspace(-3, 3, circuit.num_parameters)
    cotangent = np.cos(np.arange(90.0))[:, np.newaxis]
    E, pullback = engine.vjp(states, theta)
    gradient = pullback(cotangent)
    np.testing.assert_array_equal(pullback(cotangent), gradient)
    np.testing.assert_array_equal(pullback(0 * cotangent), 0 * gradient)
    engine._compiled = {}
    slow = value_and_gradient(engine, states, theta, cotangent)
    assert_equal_to_rounding((E, gradient), slow)


def random_real_circuit(seed):
    """Real gates in random order, with repeated, scaled and shifted parameters."""
    rng = np.random.default_rng(seed)
    n_qubits = int(rng.integers(6, 9))
    p = ParameterVector("p", 5)
    circuit = QuantumCircuit(n_qubits)
    gates = [
        lambda a, b, k: circuit.ry(-2 * p[k] + 0.3, a),
        lambda a, b, k: circuit.ry(p[k], a),
        lambda a, b, k: circuit.ry(0.7, a),
        lambda a, b, k: circuit.h(a),
        lambda a, b, k: circuit.x(a),
        lambda a, b, k: circuit.z(a),
        lambda a, b, k: circuit.cx(a, b),
        lambda a, b, k: circuit.cz(a, b),
        lambda a, b, k: circuit.swap(a, b),
    ]
    circuit.ry(p[0], 0)
    for _ in range(rng.integers(10, 60)):
        a, b = map(int, rng.choice(n_qubits, size=2, replace=False))
        gates[rng.integers(len(gates))](a, b, int(rng.integers(5)))
    circuit.ry(p[1], n_qubits - 1)
    return circuit


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("n_observables", [1, 3])
def test_kernels_agree_on_random_real_circuits(seed, n_observables):
    assert_agrees(random_real_circuit(seed), n_observables, seed=seed)


@pytest.mark.parametrize(
    "append",
    [
        lambda c: c.append(UnitaryGate(random_unitary(8, seed=0)), [0, 1, 2]),
        lambda c: c.append(UnitaryGate(np.roll(np.eye(8), 1, axis=0)), [0, 1, 2]),
    ],
    ids=["unitary", "increment"],
)
def test_large_gates_without_elements_are_left_to_numpy(append):
    circuit = build_ansatz("real_amplitudes", 6, 1, "linear")
    append(circuit)
    circuit.ry(0.3, range(6))
    engine = StatevectorEngine(circuit, as_observables(["Z" * 6]))
    assert not any(engine._compiled.values())


@pytest.mark.parametrize(
    "change, label, real",
    [
        (lambda c: c.ccx(0, 1, 2), "ZZZZZZ", True),
        (lambda c: c.cry(0.3, 0, 1), "ZZZZZZ", False),  # fixed: an unknown unitary
        (lambda c: c.cry(c.parameters[0], 0, 1), "ZZZZZZ", True),
        (lambda c: c.s(0), "ZZZZZZ", False),
        (lambda c: c.h(0), "XXIIII", True),
        (lambda c: None, "YYIIII", True),
        (lambda c: None, "YIIIII", False),
    ],
)
def test_numbers_are_real_where_they_can_be(change, label, real):
    circuit = build_ansatz("real_amplitudes", 6, 1, "linear")
    change(circuit)
    circuit.ry(ParameterVector("last", 3)[0], range(6))
    engine = StatevectorEngine(circuit, as_observables([label]))
    assert engine._compiled["c"].real == real


@pytest.mark.parametrize("entanglement", ["linear", "circular"])
def test_a_layer_of_a_complex_circuit_needs_no_pass_of_its_own(entanglement):
    circuit = build_ansatz("efficient_su2", 8, 3, entanglement)
    engine = StatevectorEngine(circuit, as_observables(["Z" * 8]))
    assert len(engine._compiled["f"].binding(np.dtype(float)).layout.layers) == 4


@pytest.mark.parametrize("n_qubits, dtype", [(6, "float64"), (7, "complex64")])
def test_arguments_in_any_memory_take_the_same_kernels(n_qubits, dtype):
    circuit = build_ansatz("real_amplitudes", n_qubits, 1, "linear")
    engine = StatevectorEngine(circuit, as_observables(["Z" * n_qubits]))
    states = random_states(8, n_qubits, dtype=dtype)
    places, cotangent = np.array([3, 0, 3, 7, 1]), np.ones((5, 1))
    theta = np.linspace(0.1, 2.0, circuit.num_parameters)
    arguments = theta, cotangent
    expected = value_and_gradient(engine, Rows(states, places), *arguments)
    run = importlib.import_module("skqnn._engine.kernels").run
    known = len(run.signatures)
    still, few = states.copy(), places.copy()
    still.setflags(write=False)
    few.setflags(write=False)
    spaced = np.repeat(states, 2, axis=1)[:, ::2]
    for some in (
        Rows(still, few),
        Rows(np.asfortranarray(states), places.astype(np.int32)),
        Rows(spaced, np.repeat(places, 2)[::2]),
    ):
        got = value_and_gradient(engine, some, *arguments)
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_array_equal(a, b)
    assert len(run.signatures) == known


@pytest.mark.parametrize("ansatz", ["real_amplitudes", "efficient_su2"])
@pytest.mark.parametrize("size", [1e3, 1e6, 1e9, 1e20])
def test_angles_of_many_turns_are_those_that_were_given(ansatz, size):
    circuit = build_ansatz(ansatz, 6, 2, "linear")
    (observable,) = observables = as_observables(["ZZZZZZ"])
    rng = np.random.default_rng(0)
    theta = size * rng.uniform(-1, 1, circuit.num_parameters)
    states = random_states(3, 6)
    E = StatevectorEngine(circuit, observables).expectations(states, theta)
    bound = circuit.assign_parameters(theta)
    expected = [
        Statevector(state).evolve(bound).expectation_value(observable).real
        for state in states
    ]
    np.testing.assert_allclose(E[:, 0], expected, atol=1e-13)


def test_complex_circuits_are_compiled_after_some_work_only(monkeypatch):
    circuit = build_ansatz("efficient_su2", 6, 1, "linear")
    engine = StatevectorEngine(circuit, as_observables(["Z" * 6]))
    rows = Rows(random_states(5, 6), np.arange(5))
    n_steps = len(engine._steps)
    monkeypatch.setattr(_statevector, "_PATIENCE", 3 * 5 * 64 * n_steps)
    found = [copy(engine)._kernels(rows) for _ in range(5)]  # each call of a model
    assert [kernels is None for kernels in found] == [True, True, True, False, False]


@pytest.mark.parametrize("ansatz", ["real_amplitudes", "efficient_su2"])
@pytest.mark.parametrize("n_observables", [1, 2])
def test_results_have_the_same_bits_for_every_number_of_threads(
    monkeypatch, n_observables, ansatz
):
    circuit = build_ansatz(ansatz, 8, 2, "linear")
    observables = as_observables(widen(8, n_observables))
    states = random_states(2000, 8)
    theta = np.linspace(-3, 3, circuit.num_parameters)
    cotangent = np.cos(np.arange(2000 * n_observables)).reshape(2000, -1)
    monkeypatch.setattr(_compiled, "_THREAD_WORK", 0)
    results = []
    for n_threads in (1, 2, 3):
        monkeypatch.setattr(_compiled, "n_effective_threads", lambda k=n_threads: k)
        engine = StatevectorEngine(circuit, observables)
        results.append(value_and_gradient(engine, states, theta, cotangent))
    for E, gradient in results[1:]:
        np.testing.assert_array_equal(E, results[0][0])
        np.testing.assert_array_equal(gradient, results[0][1])


@pytest.mark.parametrize(
    "value, n_cpus, expected",
    [("1", 4, 1), ("8", 4, 4), ("", 4, 4), ("x", 2, 2), ("1,1", 4, 1), ("2, 1", 4, 2)],
)
def test_number_of_threads_follows_the_environment(
    monkeypatch, value, n_cpus, expected
):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    monkeypatch.setattr(_compiled.joblib, "cpu_count", lambda: n_cpus)
    assert _compiled.n_effective_threads() == expected


def test_engine_with_kernels_can_be_pickled():
    circuit = build_ansatz("real_amplitudes", 6, 1, "linear")
    engine = StatevectorEngine(circuit, as_observables(["Z" * 6]))
    copy = pickle.loads(pickle.dumps(engine))
    states, theta = random_states(3, 6), np.ones(12)
    E = engine.expectations(states, theta)
    np.testing.assert_array_equal(copy.expectations(states, theta), E)


@pytest.mark.parametrize("n_qubits", [3, 6])
@pytest.mark.parametrize("value, compiles", [("1", False), ("0", True), ("", True)])
def test_nothing_is_left_to_python_instead_of_numba(
    monkeypatch, n_qubits, value, compiles
):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", value)
    circuit = build_ansatz("real_amplitudes", n_qubits, 1, "linear")
    engine = StatevectorEngine(circuit, as_observables(["Z" * n_qubits]))
    assert engine.is_compiled == compiles


@pytest.mark.parametrize("n_qubits", [3, 6])
def test_a_numba_that_cannot_be_imported_is_done_without(monkeypatch, n_qubits):
    circuit = build_ansatz("real_amplitudes", n_qubits, 1, "linear")
    observables = as_observables(["Z" * n_qubits])
    states, theta = random_states(3, n_qubits), np.ones(2 * n_qubits)
    expected = StatevectorEngine(circuit, observables).expectations(states, theta)
    again = cache(_statevector._imports_numba.__wrapped__)
    monkeypatch.setattr(_statevector, "_imports_numba", again)
    monkeypatch.setitem(sys.modules, "skqnn._jit", None)  # an ImportError
    engine = StatevectorEngine(circuit, observables)
    with pytest.warns(RuntimeWarning, match="run in NumPy, as importing Numba failed"):
        E, pullback = engine.vjp(states, theta)
    assert pullback(E).shape == theta.shape
    assert not engine.is_compiled
    np.testing.assert_allclose(E, expected, atol=1e-14)


def test_engine_works_without_numba(monkeypatch):
    monkeypatch.setattr(_statevector, "find_spec", lambda name: None)
    circuit = build_ansatz("real_amplitudes", 6, 1, "linear")
    engine = StatevectorEngine(circuit, as_observables(["Z" * 6]))
    assert engine._compiled == {}
    assert engine.expectations(random_states(3, 6), np.ones(12)).shape == (3, 1)


@pytest.mark.parametrize(
    "n_blocks, n_threads, unit, parts",
    [
        (32, 1, 1, [(0, 32)]),
        (32, 2, 1, [(0, 16), (16, 32)]),  # 256 samples of float64
        (32, 2, 8, [(0, 16), (16, 32)]),
        (9, 2, 8, [(0, 8), (8, 9)]),
        (5, 2, 8, [(0, 5)]),
        (0, 2, 1, []),
    ],
)
def test_blocks_are_shared_out_in_whole_units(n_blocks, n_threads, unit, parts):
    assert _compiled._share_out(n_blocks, n_threads, unit) == parts


@pytest.mark.parametrize("n_calls", [0, 1, 3])
def test_all_calls_are_made_in_threads(n_calls):
    seen = []
    _compiled._run_in_threads(seen.append, [(k,) for k in range(n_calls)])
    assert sorted(seen) == list(range(n_calls))


def test_the_cache_on_disk_is_keyed_with_all_sources():
    kernels = importlib.import_module("skqnn._engine.kernels")
    (hashes,) = (cell.cell_contents for cell in kernels.run.py_func.__closure__)
    for (
        name
    ) in "emitter layout measure orders phases strings transfers vectors".split():
        module = importlib.import_module(f"skqnn._engine.{name}")
        source = Path(module.__file__).read_text(encoding="utf-8")
        assert hashlib.sha256(source.encode()).hexdigest() in hashes


def test_a_permutation_that_a_circuit_repeats_is_held_once():
    ansatz = build_ansatz("real_amplitudes", 6, 5, "linear")
    engine = StatevectorEngine(ansatz, widen(6, 1))
    moves = engine._compiled["f"]._program.moves
    assert len(moves) == 6
    assert len({id(move.source) for move in moves[1:]}) == 1
    assert len({id(move.phase) for move in moves[1:]}) == 1


def test_memory_of_a_call_is_kept_for_the_next_one_if_it_is_large(monkeypatch):
    engine = StatevectorEngine(
        build_ansatz("efficient_su2", 8, 2, "linear"), as_observables(["Z" * 8])
    )
    states, theta = random_states(9, 8), np.arange(engine.n_parameters) / 7
    monkeypatch.setattr("skqnn._engine.statevector._PATIENCE", 0)
    engine.expectations(states, theta)
    expected = value_and_gradient(engine, states, theta, np.ones((9, 1)))
    spare: list = []
    monkeypatch.setattr(_compiled, "_spare", spare)
    for bounds, n_kept in (((1, 2**28), 1), ((2**25, 2**28), 0), ((1, 2), 0)):
        spare.clear()
        monkeypatch.setattr(_compiled, "_LARGE_BYTES", bounds)
        for _ in range(3):
            with ThreadPoolExecutor(4) as pool:
                calls = [
                    pool.submit(
                        value_and_gradient, engine, states, theta, np.ones((9, 1))
                    )
                    for _ in range(4)
                ]
            for call in calls:
                for a, b in zip(call.result(), expected, strict=True):
                    np.testing.assert_array_equal(a, b)
        assert len(spare) == n_kept


def test_memory_of_deep_circuits_is_counted():
    """Measured: 64 numbers more for each amplitude are held at 40 layers than at 3."""
    sizes = []
    for reps in (2, 40):
        circuit = build_ansatz("efficient_su2", 12, reps, "linear")
        engine = StatevectorEngine(circuit, as_observables(["Z" * 12]))
        sizes.append(engine.held_bytes / 2**12 / 8)
    assert sizes[0] < 60
    assert sizes[1] - sizes[0] > 100


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("reps", [1, 12])
@pytest.mark.parametrize("ansatz", ["real_amplitudes", "efficient_su2"])
def test_memory_of_the_blocks_of_all_threads_is_counted(
    monkeypatch, ansatz, reps, dtype, n_threads
):
    """Rows are counted as 64 bytes, which are 32 on many processors."""
    taken = []

    def memory(n_bytes):
        taken.append(n_bytes)
        return np.empty(n_bytes, dtype=np.uint8)

    monkeypatch.setattr(_compiled, "_memory", memory)
    monkeypatch.setattr(_compiled, "_THREAD_WORK", 0)
    monkeypatch.setattr(_compiled, "n_effective_threads", lambda: n_threads)
    circuit = build_ansatz(ansatz, 16, reps, "linear")
    engine = StatevectorEngine(circuit, as_observables(["Z" * 16]))
    states = np.zeros((24, 2**16), dtype=dtype)
    states[:, 0] = 1
    engine.vjp(states, np.zeros(circuit.num_parameters))
    counted = engine._compiled[states.dtype.kind].work_bytes(states.dtype, 24) << 16
    assert 0.95 * taken[0] < counted < 2.05 * taken[0]
