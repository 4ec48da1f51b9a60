"""The engine on backends: equal to the exact engine, in values and gradients."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import (
    CU1Gate,
    U1Gate,
    efficient_su2,
    get_standard_gate_name_mapping,
    real_amplitudes,
    zz_feature_map,
)
from qiskit.primitives import (
    BackendEstimatorV2,
    BaseEstimatorV2,
    StatevectorEstimator,
)
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2

from skqnn import Backend
from skqnn._backends.primitive import PrimitiveEngine
from skqnn._backends.resolve import resolve
from skqnn._circuits.ansatz import angle_encoding
from skqnn._circuits.gates import GENERATORS
from skqnn._circuits.preparation import PREPARATIONS, prepare, unit_tolerance
from skqnn._engine.states import amplitude_rows
from skqnn._engine.statevector import StatevectorEngine
from skqnn._journal.requests import Journal
from skqnn.exceptions import PreparationWarning

N_QUBITS = 3
OBSERVABLES = [
    SparsePauliOp("ZZZ"),
    SparsePauliOp.from_list([("XIY", 0.5), ("III", 2.0), ("IZI", -1.0)]),
]
ANSATZ = efficient_su2(N_QUBITS, reps=1)
RNG = np.random.default_rng(0)
THETA = RNG.uniform(-np.pi, np.pi, ANSATZ.num_parameters)
FEATURES = RNG.uniform(-np.pi, np.pi, (4, N_QUBITS))
AMPLITUDES = RNG.normal(size=(4, 2**N_QUBITS))
AMPLITUDES /= np.linalg.norm(AMPLITUDES, axis=1, keepdims=True)
TURNS = RNG.uniform(-4, 4, (4, 2 ** (N_QUBITS - 1)))
PIXELS = np.hstack([np.cos(TURNS), np.sin(TURNS)]) / np.sqrt(TURNS.shape[1])

EXACTLY = Backend("aer", state_preparation="exact")

_GATES = {**get_standard_gate_name_mapping(), "u1": U1Gate, "cu1": CU1Gate}
_GATES = {
    name: gate if isinstance(gate, type) else type(gate)
    for name, gate in _GATES.items()
}

# name -> (rows, feature map, state preparation)
ENCODINGS = {
    "auto": (AMPLITUDES, None, "auto"),
    "exact": (AMPLITUDES, None, "exact"),
    "frqi": (PIXELS, None, "frqi"),
    "layers": (AMPLITUDES, None, "layers"),
    "angle": (FEATURES, angle_encoding(N_QUBITS, N_QUBITS), "auto"),
    "feature map": (FEATURES, zz_feature_map(N_QUBITS, reps=1), "auto"),
}

EXACT = {
    "aer": "aer",
    "aer_statevector": "aer_statevector",
    "aer_density_matrix": "aer_density_matrix",
    "aer_matrix_product_state": "aer_matrix_product_state",
    "AerSimulator": AerSimulator(),
    "StatevectorEstimator": StatevectorEstimator(),
    "Aer EstimatorV2": EstimatorV2(),
}

SAMPLING = {
    "aer": "aer",
    "aer_matrix_product_state": "aer_matrix_product_state",
    "AerSimulator": AerSimulator(),
    "BackendEstimatorV2": BackendEstimatorV2(
        backend=AerSimulator(), options={"seed_simulator": 3}
    ),
}


def make_engine(
    target="aer", shots=None, feature_map=None, preparation="auto", seed=0, **keywords
):
    backend = Backend(target, state_preparation=preparation, **keywords)
    device = resolve(backend, shots=shots, n_qubits=N_QUBITS)
    return PrimitiveEngine(
        ANSATZ,
        OBSERVABLES,
        device,
        backend=backend,
        feature_map=feature_map,
        seed=seed,
    )


def met(rows, preparation):
    """The states that a row of amplitudes is prepared in."""
    if preparation != "layers":
        return rows
    circuit, angles, _ = prepare(rows, "layers", 4)
    states = [Statevector(circuit.assign_parameters(values)) for values in angles]
    return np.real(states)


def exact(rows, feature_map, theta=THETA):
    engine = StatevectorEngine(ANSATZ, OBSERVABLES, feature_map=feature_map)
    return engine.expectations(engine.prepare(rows), theta)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("backend", EXACT)
def test_expectations_equal_those_of_the_exact_engine(backend, encoding):
    rows, feature_map, preparation = ENCODINGS[encoding]
    engine = make_engine(
        EXACT[backend], None, feature_map, preparation, n_preparation_layers=4
    )
    thetas = np.stack([THETA, THETA[::-1]])
    E = engine.expectations(engine.prepare(rows), thetas)
    rows = met(rows, preparation)
    np.testing.assert_allclose(E, exact(rows, feature_map, thetas), atol=1e-9)


@pytest.mark.parametrize("encoding", ["auto", "exact", "feature map"])
@pytest.mark.parametrize("backend", SAMPLING)
def test_sampled_expectations_are_within_their_standard_errors(backend, encoding):
    rows, feature_map, preparation = ENCODINGS[encoding]
    engine = make_engine(
        SAMPLING[backend], 2000, feature_map, preparation, n_preparation_layers=4
    )
    E, std = engine.measure(engine.prepare(rows), THETA)
    assert np.all(std > 0)
    deviation = (E - exact(rows, feature_map)) / std
    assert np.abs(deviation).max() < 4.5
    assert 0.4 < np.sqrt(np.mean(deviation**2)) < 1.8


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_parameter_shift_equals_the_adjoint_gradient(encoding):
    rng = np.random.default_rng(0)
    rows, feature_map, preparation = ENCODINGS[encoding]
    cotangent = rng.normal(size=(4, 2))
    engine = make_engine("aer", None, feature_map, preparation, n_preparation_layers=4)
    E, shifted = engine.vjp(engine.prepare(rows), THETA)
    rows = met(rows, preparation)
    reference = StatevectorEngine(ANSATZ, OBSERVABLES, feature_map=feature_map)
    _, pullback = reference.vjp(reference.prepare(rows), THETA)
    np.testing.assert_allclose(E, exact(rows, feature_map), atol=1e-9)
    np.testing.assert_allclose(shifted(cotangent), pullback(cotangent), atol=1e-10)


@pytest.mark.parametrize("backend", ["aer", EstimatorV2(), AerSimulator()])
@pytest.mark.parametrize("gate", GENERATORS)
def test_every_rotation_takes_its_parameter(gate, backend):
    """Aer ignores the bound parameters of controlled rotations."""
    angle = Parameter("a")
    circuit = QuantumCircuit(2)
    circuit.ry(0.4, 0)
    circuit.rx(0.9, 1)
    n_qubits = int(np.log2(len(GENERATORS[gate])))
    circuit.append(_GATES[gate](2 * angle + 0.1), range(n_qubits))
    paulis = ["XX", "XZ", "ZX", "YZ", "ZY", "YI", "IY", "XI", "IX"]
    observables = [SparsePauliOp(pauli) for pauli in paulis]
    theta, rows = np.array([[0.3], [1.2]]), np.eye(4)[:1]
    device = resolve(backend, shots=None, n_qubits=2)
    engine = PrimitiveEngine(circuit, observables, device, backend=EXACTLY)
    E = engine.expectations(engine.prepare(rows), theta)
    expected = StatevectorEngine(circuit, observables).expectations(rows, theta)
    np.testing.assert_allclose(E, expected, atol=1e-12)


def test_controlled_rotations_are_shifted_by_four_terms():
    theta = ParameterVector("t", 2)
    circuit = QuantumCircuit(2)
    circuit.ry(theta[0], 0)
    circuit.cry(theta[1], 0, 1)
    observables, rows = [SparsePauliOp("XZ")], np.full((1, 4), 0.5)
    values = np.array([0.4, 1.1])
    _, pullback = StatevectorEngine(circuit, observables).vjp(rows, values)
    device = resolve("aer", shots=None, n_qubits=2)
    engine = PrimitiveEngine(circuit, observables, device)
    _, shifted = engine.vjp(engine.prepare(rows), values)
    one = np.ones((1, 1))
    np.testing.assert_allclose(shifted(one), pullback(one), atol=1e-12)


def test_names_of_a_circuits_parameters_do_not_matter():
    angles = ParameterVector("x", ANSATZ.num_parameters)
    device = resolve("aer", shots=None, n_qubits=N_QUBITS)
    engine = PrimitiveEngine(
        ANSATZ.assign_parameters(angles),
        OBSERVABLES,
        device,
        backend=EXACTLY,
    )
    E = engine.expectations(engine.prepare(AMPLITUDES), THETA)
    np.testing.assert_allclose(E, exact(AMPLITUDES, None), atol=1e-12)


def test_same_seed_same_bits_and_each_request_its_own_noise():
    engines = [make_engine(shots=50, seed=seed) for seed in (1, 1, 2)]
    draws = [
        [engine.expectations(engine.prepare(AMPLITUDES), THETA) for _ in range(2)]
        for engine in engines
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0][0], draws[0][1])
    assert not np.array_equal(draws[0][0], draws[2][0])


def test_equal_rows_have_independent_noise():
    engine = make_engine(shots=50)
    E = engine.expectations(engine.prepare(np.repeat(AMPLITUDES[:1], 40, 0)), THETA)
    assert len(np.unique(E[:, 0])) > 5


@pytest.mark.parametrize("preparation", ["direct", "exact"])
@pytest.mark.parametrize("max_bindings", [1, 3, 7, 1000])
def test_chunks_do_not_change_values(preparation, max_bindings):
    engine = make_engine(preparation=preparation)
    states, thetas = engine.prepare(AMPLITUDES), np.stack([THETA, -THETA, 2 * THETA])
    program = engine._program()
    program.max_bindings = max_bindings
    sizes = []
    run = program.run
    program.run = lambda values, *rest: sizes.append(len(values)) or run(values, *rest)
    E = engine.expectations(states, thetas)
    np.testing.assert_allclose(E, exact(AMPLITUDES, None, thetas), atol=1e-12)
    assert preparation == "direct" or max(sizes) == min(max_bindings, 12)


def test_circuit_is_transpiled_once(monkeypatch):
    calls = []
    engine = make_engine()
    compile_once = engine._device.compile
    monkeypatch.setattr(
        engine._device, "compile", lambda *a: calls.append(a) or compile_once(*a)
    )
    for _ in range(3):
        engine.expectations(engine.prepare(AMPLITUDES), THETA)
    assert len(calls) == 1


@pytest.mark.parametrize(
    "backend", ["aer", "fake_manila", StatevectorEstimator(seed=1)]
)
def test_engine_pickles_before_and_after_use(backend):
    engine = make_engine(backend, shots=100)
    copy = pickle.loads(pickle.dumps(engine))
    E = engine.expectations(engine.prepare(AMPLITUDES), THETA)
    used = pickle.loads(pickle.dumps(engine))
    np.testing.assert_array_equal(copy.expectations(copy.prepare(AMPLITUDES), THETA), E)
    assert used.expectations(used.prepare(AMPLITUDES), THETA).shape == E.shape


@pytest.mark.parametrize(
    "backend, rows, expected",
    [
        ("aer", AMPLITUDES, "direct"),
        ("aer_density_matrix", AMPLITUDES, "exact"),
        ("aer_density_matrix", PIXELS, "frqi"),
        ("fake_manila", np.eye(16)[:2], "exact"),  # 11 CZ against 18 CX
        ("fake_manila", np.full((2, 32), 32**-0.5), "frqi"),
        ("fake_manila", np.eye(32)[:2], "layers"),
    ],
)
def test_auto_chooses_the_preparation(backend, rows, expected):
    n_qubits = rows.shape[1].bit_length() - 1
    device = resolve(backend, shots=None, n_qubits=n_qubits)
    ansatz, observable = real_amplitudes(n_qubits), SparsePauliOp("Z" * n_qubits)
    engine = PrimitiveEngine(ansatz, [observable], device)
    engine.prepare(rows)
    assert engine.method == expected


def layered_engine(n_qubits):
    return PrimitiveEngine(
        real_amplitudes(n_qubits),
        [SparsePauliOp("Z" * n_qubits)],
        resolve("aer", shots=None, n_qubits=n_qubits),
        backend=Backend("aer", state_preparation="layers", n_preparation_layers=1),
    )


def test_fidelity_of_layers_is_that_of_the_prepared_states():
    rows = np.random.default_rng(5).normal(size=(3, 16)) + 2
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    engine = layered_engine(4)
    angles = engine.prepare(rows)
    for row, values, fidelity in zip(rows, angles, engine.fidelity, strict=True):
        prefix = PREPARATIONS["layers"].template(4, 1)
        state = Statevector(prefix.assign_parameters(values))
        assert_allclose(fidelity, abs(np.vdot(row, state.data)) ** 2, atol=1e-12)
        assert fidelity < 1 - 1e-6


def test_prepared_states_are_the_rows_themselves():
    assert make_engine().prepare(AMPLITUDES) is AMPLITUDES


@pytest.mark.parametrize("preparation", ["direct", "exact", "layers"])
def test_whatever_row_passes_as_a_state_can_be_prepared(preparation):
    off = 0.9 * unit_tolerance(np.finfo(np.float32).eps, 2**N_QUBITS)
    rows = (AMPLITUDES * (1 + off)).astype(np.float32)
    assert amplitude_rows(rows, N_QUBITS) is rows
    engine = make_engine(preparation=preparation, n_preparation_layers=4)
    E = engine.expectations(engine.prepare(rows), THETA)
    expected = exact(met(AMPLITUDES, preparation), None)
    np.testing.assert_allclose(E, expected, atol=1e-5)


def test_low_fidelity_is_warned_about():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2, 64))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    engine = layered_engine(6)
    with pytest.warns(PreparationWarning, match="2 of 2 rows .* fidelity below 0.8"):
        engine.prepare(rows)


def test_direct_preparation_is_refused_where_states_cannot_be_set():
    engine = make_engine("aer_density_matrix", preparation="direct")
    with pytest.raises(ValueError, match="'direct'` needs a noiseless Aer simulator"):
        engine.prepare(AMPLITUDES)


def test_nan_of_an_estimator_is_refused():
    class Broken(BaseEstimatorV2):
        def run(self, pubs, *, precision=None):
            job = StatevectorEstimator().run(pubs)
            job.result()[0].data.evs[:] = np.nan
            return job

    engine = make_engine(Broken())
    with pytest.raises(ValueError, match=r"must return finite .* from 'Broken'"):
        engine.expectations(engine.prepare(AMPLITUDES), THETA)


@pytest.mark.parametrize("preparation", ["direct", "exact"])
def test_journal_replays_what_a_simulator_did(tmp_path, preparation):
    path = tmp_path / "journal.sqlite"
    arguments = {"shots": 100, "preparation": preparation, "journal": path, "seed": 4}
    engine = make_engine(**arguments)
    first = engine.measure(engine.prepare(AMPLITUDES), THETA)
    again = make_engine(**arguments)
    states = again.prepare(AMPLITUDES)
    again._program()._simulate = None  # would fail
    second = again.measure(states, THETA)
    np.testing.assert_array_equal(first, second)


def test_journal_tells_requests_apart(tmp_path):
    path = tmp_path / "journal.sqlite"
    engine = make_engine(shots=100, journal=path)
    states = engine.prepare(AMPLITUDES)
    for theta in (THETA, THETA, -THETA):
        engine.expectations(states, theta)
    engine.expectations(states[::-1], THETA)
    with Journal(path) as journal:
        count = journal._execute("SELECT COUNT(*) FROM requests")
    assert count == [(4,)]


def test_shift_rules_decide_what_is_affordable():
    theta = ParameterVector("t", 1)
    circuit = QuantumCircuit(N_QUBITS)
    circuit.ry(theta[0], 0)
    circuit.ry(theta[0], 1)
    device = resolve("aer", shots=None, n_qubits=N_QUBITS)
    assert make_engine().affords_shifts
    assert not PrimitiveEngine(circuit, OBSERVABLES, device).affords_shifts


def test_feature_outside_of_the_domain_is_named():
    feature_map = QuantumCircuit(1)
    feature_map.ry(Parameter("x").arcsin(), 0)
    engine = PrimitiveEngine(
        real_amplitudes(1, reps=1),
        [SparsePauliOp("Z")],
        resolve("aer", shots=None, n_qubits=1),
        feature_map=feature_map,
    )
    with pytest.raises(ValueError, match=r"domain .* x = 3.0 \(column 0\) in row 1"):
        engine.prepare(np.array([[0.5], [3.0]]))
