"""Noise on Pauli vectors: what Qiskit's and Aer's density matrices give."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import UnitaryGate, efficient_su2, zz_feature_map
from qiskit.quantum_info import DensityMatrix, Operator, SparsePauliOp, random_unitary
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error, reset_error

from skqnn._backends.backend import Backend
from skqnn._backends.kinds import fake_backends
from skqnn._backends.layout import transpile_best
from skqnn._backends.noise import target_noise
from skqnn._backends.pauli import PauliRun, compile_angles, noisy_channels
from skqnn._backends.primitive import PrimitiveEngine
from skqnn._backends.resolve import resolve
from skqnn._backends.transpilation import compact
from skqnn._engine.pauli_vectors import fuse, probabilities, simulate

pytest.importorskip("qiskit_ibm_runtime")

ON_AER = {"method": "density_matrix"}
# One of each set of gates among the devices.
# It has CX and ECR gates, which Qiskit then does not know how to turn around.
UNUSABLE = "fake_cairo"
SAMPLE = ["fake_armonk", "fake_manila", "fake_torino", "fake_sherbrooke", "fake_rome"]


def make_model():
    """Errors of all kinds that a NoiseModel can have, on three qubits."""
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.05, 2), ["cz"])
    swapped = depolarizing_error(0.1, 1).expand(reset_error(0.2))
    model.add_quantum_error(swapped, "cz", [1, 0], warnings=False)
    model.add_quantum_error(reset_error(0.1, 0.05), "sx", [1])
    model.add_quantum_error(depolarizing_error(0.02, 1), "rz", [2])
    model.add_all_qubit_readout_error(ReadoutError([[0.95, 0.05], [0.1, 0.9]]))
    return model


def of_density_matrix(circuit, model):
    """Return the density matrix that Qiskit gives with the errors of a NoiseModel."""
    rho = DensityMatrix.from_label("0" * circuit.num_qubits)
    known = {}
    for item in circuit.data:
        name = item.operation.name
        qubits = tuple(circuit.find_bit(q).index for q in item.qubits)
        rho = rho.evolve(Operator(item.operation), qubits)
        if (name, qubits) not in known:
            places = model._local_quantum_errors.get(name, {})
            error = places.get(qubits, model._default_quantum_errors.get(name))
            channel = None if error is None else error.to_quantumchannel()
            known[name, qubits] = channel
        if known[name, qubits] is not None:
            rho = rho.evolve(known[name, qubits], qubits)
    return rho


def on_pauli_vectors(circuit, model, values):
    channels, expressions = noisy_channels(circuit, model)
    angles = compile_angles(expressions, list(circuit.parameters))
    return simulate(fuse(channels), circuit.num_qubits, angles.values(values))


def assert_equals_density_matrix(circuit, model, n_rows=2):
    rng = np.random.default_rng(0)
    n_qubits = circuit.num_qubits
    where = [int(q) for q in rng.permutation(n_qubits)]
    values = rng.uniform(-3, 3, (n_rows, circuit.num_parameters))
    ours = probabilities(on_pauli_vectors(circuit, model, values), n_qubits, where)
    for row, outcome in zip(values, ours, strict=True):
        rho = of_density_matrix(circuit.assign_parameters(row), model)
        np.testing.assert_allclose(outcome, rho.probabilities(where), atol=1e-12)


def on_device(name, n_qubits):
    """Return a circuit in a device's gates, and the errors of its qubits."""
    device = fake_backends()[name]()
    n_qubits = min(n_qubits, device.num_qubits)
    circuit = efficient_su2(n_qubits, reps=2, entanglement="circular")
    isa, used = compact(transpile_best(circuit, device, seed=0))
    return isa.circuit, target_noise(device.target, used).gates


@pytest.mark.parametrize("name", SAMPLE)
def test_device_equals_qiskits_density_matrix(name):
    assert_equals_density_matrix(*on_device(name, 3))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::skqnn.exceptions.LowSignalWarning")
@pytest.mark.filterwarnings("ignore:Properties of fake_nighthawk")
@pytest.mark.parametrize("part", range(4))  # so that processes share the devices
@pytest.mark.parametrize("n_qubits", [2, 5])
def test_every_device_equals_qiskits_density_matrix(n_qubits, part):
    n_checked = 0
    for name in sorted(set(fake_backends()) - {UNUSABLE})[part::4]:
        circuit, model = on_device(name, n_qubits)
        if circuit.num_qubits <= 7:
            assert_equals_density_matrix(circuit, model, n_rows=1)
            n_checked += 1
    assert n_checked > 5


def test_model_with_all_kinds_of_errors_equals_the_density_matrix():
    circuit = QuantumCircuit(3)
    x = ParameterVector("x", 3)
    for q in range(3):
        circuit.sx(q)
        circuit.rz(x[q] * x[0] + 0.3, q)
        circuit.id(q)
    circuit.cz(1, 0)
    circuit.cz(0, 1)
    circuit.u(x[0], 0.3, x[1] - x[2], 2)
    circuit.append(UnitaryGate(random_unitary(4, seed=1)), [2, 0])
    circuit.cry(x[2], 2, 1)
    circuit.cz(2, 1)
    assert_equals_density_matrix(circuit, make_model())


def make_engine(target, shots=None, n_qubits=3, feature_map=None, **keywords):
    backend = Backend(target, **keywords)
    ansatz = efficient_su2(n_qubits, reps=1)
    terms = [("Z" * n_qubits, 1.0), ("X" + "I" * (n_qubits - 2) + "Y", 0.5)]
    last = SparsePauliOp("I" * (n_qubits - 1) + "Z")
    return PrimitiveEngine(
        ansatz,
        [SparsePauliOp.from_list(terms), last],
        resolve(backend, shots=shots, n_qubits=n_qubits),
        backend=backend,
        feature_map=feature_map,
        seed=1,
    )


def make_rows(n_rows, n_qubits):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(n_rows, 2**n_qubits))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("feature_map", [None, zz_feature_map(3, reps=1)])
@pytest.mark.parametrize("shots", [None, 400])
def test_engine_equals_aer(shots, feature_map):
    """Aer's density matrices are exact to about 1e-8; shots are the same draws."""
    rng = np.random.default_rng(0)
    rows = make_rows(3, 3) if feature_map is None else rng.uniform(-1, 1, (3, 3))
    theta = rng.uniform(-3, 3, (2, 12))
    results = []
    for options in (None, ON_AER):
        name = "fake_torino" if shots is None else "fake_manila"
        engine = make_engine(name, shots, feature_map=feature_map, options=options)
        results.append(engine.measure(engine.prepare(rows), theta))
        runs = engine._program()._runs
        assert all(isinstance(run, PauliRun) == (options is None) for run in runs)
    (ours, std), (aers, aers_std) = results
    if shots is None:
        np.testing.assert_allclose(ours, aers, atol=1e-6)
        assert not np.any(std)
    else:
        np.testing.assert_allclose(std, aers_std, rtol=0.5)
        assert np.abs(ours - aers).max() < 5 * np.hypot(std, aers_std).max()


def test_standard_errors_are_those_of_many_repetitions():
    rng = np.random.default_rng(0)
    engine = make_engine("fake_manila", 200)
    rows = np.repeat(make_rows(1, 3), 400, axis=0)
    theta = rng.uniform(-3, 3, 12)
    E, std = engine.measure(engine.prepare(rows), theta)
    # Without shots other circuits run, on which other errors act.
    precise = make_engine("fake_manila", 10**9)
    expected = precise.expectations(precise.prepare(rows[:1]), theta)
    spread = E.std(axis=0)
    np.testing.assert_allclose(std.mean(axis=0), spread, rtol=0.15)
    assert np.all(np.abs(E.mean(axis=0) - expected) < 5 * spread / 20)


def test_chunks_of_rows_do_not_change_draws(monkeypatch):
    rng = np.random.default_rng(0)
    rows, theta = make_rows(5, 3), rng.uniform(-3, 3, 12)
    draws = []
    for limit in (2**26, 2 * 8 * 4**3):
        monkeypatch.setattr("skqnn._backends.pauli._MAX_BYTES", limit)
        engine = make_engine("fake_manila", 100)
        draws.append(engine.expectations(engine.prepare(rows), theta))
    np.testing.assert_array_equal(*draws)


def test_kept_rows_give_the_same_values():
    rng = np.random.default_rng(0)
    engine = make_engine("fake_manila", feature_map=zz_feature_map(3, reps=1))
    states = engine.prepare(rng.uniform(-1, 1, (4, 3)))
    thetas = rng.uniform(-3, 3, (2, 12))
    expected = engine.expectations(states, thetas)
    kept = engine.keep(states)
    assert kept.shape == (4, 4**3 + 3)
    np.testing.assert_allclose(
        engine.expectations(kept[2:], thetas), expected[:, 2:], atol=1e-13
    )
    np.testing.assert_allclose(
        engine.measure(kept, thetas[0]), [expected[0], 0 * expected[0]], atol=1e-13
    )


@pytest.mark.parametrize("limit", [2**30, 0])
@pytest.mark.parametrize("feature_map", [None, zz_feature_map(3, reps=1)])
def test_gradient_is_that_of_parameter_shift(monkeypatch, feature_map, limit):
    """Without a map rows come first; with it, on this device, both overlap."""
    rng = np.random.default_rng(0)
    monkeypatch.setattr("skqnn._backends.primitive._MAX_KEPT_BYTES", limit)
    engine = make_engine("fake_manila", feature_map=feature_map)
    rows = make_rows(4, 3) if feature_map is None else rng.uniform(-1, 1, (4, 3))
    states, theta = engine.prepare(rows), rng.uniform(-3, 3, 12)
    expected, shifted = engine.vjp(states, theta)
    kept = engine.keep(states)
    assert (kept is states) == (limit == 0)
    assert bool(engine._ansatz.parts.overlap) == (feature_map is not None)
    E, pullback = engine.vjp(kept, theta)
    cotangent = rng.normal(size=E.shape)
    np.testing.assert_allclose(E, expected, atol=1e-13)
    np.testing.assert_allclose(pullback(cotangent), shifted(cotangent), atol=1e-12)


def test_only_exact_noise_is_differentiable():
    assert make_engine("fake_manila").differentiable
    assert not make_engine("fake_manila", 100).differentiable
    assert not make_engine("fake_manila", options=ON_AER).differentiable
    assert not make_engine("fake_manila", journal="some.sqlite").differentiable
    assert not make_engine("aer").differentiable


def test_engine_that_holds_nothing_keeps_rows_as_they_are():
    engine = make_engine("aer")
    states = engine.prepare(make_rows(2, 3))
    assert engine.keep(states) is states


def test_angle_of_row_and_theta_together_has_its_slope():
    a, b = ParameterVector("a", 1), ParameterVector("b", 1)
    circuit = QuantumCircuit(1)
    circuit.sx(0)
    circuit.rz(a[0] - 0.5 * b[0], 0)
    circuit.sx(0)
    device = resolve(Backend("fake_manila"), shots=None, n_qubits=1)
    program = device.compile(circuit, [SparsePauliOp("Z")], 0)
    ansatz, row = program.ansatz(1), np.array([[0.7]])
    E, pullback = ansatz.vjp(ansatz.load(row), np.array([0.4]))
    np.testing.assert_allclose(E, [[-np.cos(0.7 - 0.2)]], atol=0.01)
    (slope,) = pullback(np.ones((1, 1)))
    np.testing.assert_allclose(slope, -0.5 * np.sin(0.7 - 0.2), atol=0.01)
