"""Aer: noise equals that of Aer's own runs of the whole device, options count."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import BackendEstimatorV2
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

from skqnn import Backend
from skqnn._backends import aer as _aer
from skqnn._backends import resolve as _backends
from skqnn._backends.backend import DEFAULTS
from skqnn._backends.resolve import resolve

pytest.importorskip("qiskit_ibm_runtime")
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

OBSERVABLES = [SparsePauliOp("ZZZ"), SparsePauliOp("IXZ"), SparsePauliOp("IIZ")]
VALUES = np.array([[0.3, 1.2, 0.5], [1.0, 0.1, 2.0]])


def make_circuit():
    theta = ParameterVector("t", 3)
    circuit = QuantumCircuit(3)
    for _ in range(3):
        circuit.cx(0, 1)
        circuit.cx(1, 2)
    for qubit in range(3):
        circuit.ry(theta[qubit], qubit)
    circuit.cx(0, 1)
    return circuit


def run(backend, shots, seed=0, **options):
    keywords = {name: options.pop(name) for name in DEFAULTS if name in options}
    settings = Backend(backend, options=options or None, **keywords)
    device = resolve(settings, shots=shots, n_qubits=3)
    program = device.compile(make_circuit(), OBSERVABLES, 1)
    return program.run(VALUES, np.random.default_rng(seed))


def simple_noise():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.01, 2), ["cx"])
    model.add_quantum_error(depolarizing_error(0.1, 2), "cx", [0, 1], warnings=False)
    model.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.2, 0.8]]))
    model.add_readout_error(ReadoutError([[1, 0], [0.3, 0.7]]), [2], warnings=False)
    return model


def by_hand(backend, circuit):
    """Expectation values of a transpiled circuit by Aer on the whole device."""
    simulator = AerSimulator.from_backend(backend, method="density_matrix")
    estimator = BackendEstimatorV2(backend=simulator)
    layout = circuit.layout.final_index_layout()
    observables = [[o.apply_layout(layout, 5)] for o in OBSERVABLES]
    job = estimator.run([(circuit, observables, VALUES)], precision=100_000**-0.5)
    return job.result()[0].data.evs.T


def test_restricted_noise_is_that_of_the_whole_device(monkeypatch):
    isas = []
    compact = _aer.compact
    monkeypatch.setattr(_aer, "compact", lambda isa: isas.append(isa) or compact(isa))
    backend = FakeManilaV2()
    evs, stds = run("fake_manila", 100_000, correct_readout=False)
    # Of the second observable, another circuit measures X.
    expected = by_hand(backend, isas[0].circuit)[:, [0, 2]]
    np.testing.assert_allclose(evs[:, [0, 2]], expected, atol=6 * stds.max())


def test_noise_of_a_simulator_object_is_that_of_its_own_runs():
    simulator = AerSimulator(noise_model=simple_noise(), method="density_matrix")
    estimator = BackendEstimatorV2(backend=simulator)
    observables = [[observable] for observable in OBSERVABLES]
    pub = (make_circuit(), observables, VALUES)
    job = estimator.run([pub], precision=200_000**-0.5)
    evs, _ = run(simulator, 200_000, correct_readout=False)
    np.testing.assert_allclose(evs, job.result()[0].data.evs.T, atol=0.02)


@pytest.mark.parametrize(
    "backend",
    [
        "fake_manila",
        AerSimulator.from_backend(FakeManilaV2()),
        AerSimulator(noise_model=simple_noise()),
    ],
    ids=["name", "device", "noise model"],
)
def test_readout_correction_is_the_default_and_removes_the_bias(backend):
    exact, _ = run(backend, None)
    corrected, _ = run(backend, 100_000)
    raw, _ = run(backend, 100_000, correct_readout=False)
    assert np.abs(corrected - exact).max() < 0.02 < np.abs(raw - exact).max()


@pytest.mark.parametrize("up", [0.5, 0.2])
def test_readout_that_tells_nothing_is_not_corrected(up):
    model = simple_noise()
    useless = ReadoutError([[1 - up, up], [1 - up, up]])
    model.add_readout_error(useless, [1], warnings=False)
    simulator = AerSimulator(noise_model=model)
    with pytest.raises(
        ValueError, match=r"`correct_readout` must be False .* 1 of the"
    ):
        run(simulator, 100)
    raw, _ = run(simulator, 100, correct_readout=False)
    assert np.all(np.abs(raw) <= 3)
    run(simulator, None)  # exact values are not read


def test_noise_damps_expectation_values():
    noisy, _ = run("fake_manila", None)
    exact, _ = run("aer", None)
    assert 0.01 < np.abs(noisy - exact).max() < 0.3


@pytest.mark.parametrize("limit", ["_MAX_DENSITY", "_MAX_LISTED_BITS"])
def test_trajectories_and_counts_agree_with_listed_probabilities(monkeypatch, limit):
    listed, _ = run("fake_manila", 400)
    monkeypatch.setattr(_aer, limit, 1)
    counted, stds = run("fake_manila", 400)
    np.testing.assert_allclose(counted, listed, atol=6 * stds.max())
    other, _ = run("fake_manila", 400, seed=1)
    assert not np.array_equal(counted, other)


@pytest.mark.parametrize("shots, n_jobs", [(20, 1), (21, 2)])
def test_rows_of_a_request_have_shots_of_their_own(monkeypatch, shots, n_jobs):
    monkeypatch.setattr(_aer, "_MAX_DENSITY", 1)
    monkeypatch.setattr(_aer, "_SEED_STEP", 20)
    seeds, real = [], AerSimulator.run

    def note(simulator, *given, **options):
        seeds.append(options["seed_simulator"])
        return real(simulator, *given, **options)

    monkeypatch.setattr(AerSimulator, "run", note)
    evs, _ = run("fake_manila", shots)
    n_bases = 2
    assert evs.shape == (len(VALUES), len(OBSERVABLES))
    assert len(set(seeds)) == len(seeds) == n_jobs * n_bases


def test_seeds_in_a_job_of_aer_are_as_far_apart_as_is_known():
    angle = ParameterVector("t", 1)
    circuit = QuantumCircuit(1)
    circuit.ry(angle[0], 0)
    circuit.measure_all()
    binds = [{angle[0]: [0.1, 0.2, 0.3]}]
    result = AerSimulator().run(circuit, parameter_binds=binds, seed_simulator=5)
    seeds = [one.seed_simulator for one in result.result().results]
    assert seeds == [5, 5 + _aer._SEED_STEP, 5 + 2 * _aer._SEED_STEP]


def test_exact_values_of_too_many_noisy_qubits_are_refused(monkeypatch):
    monkeypatch.setattr(_aer, "_MAX_EXACT_DENSITY", 1)
    with pytest.raises(ValueError, match=r"`shots` must be given .* 'fake_manila'"):
        run("fake_manila", None)


@pytest.mark.parametrize(
    "options, changes",
    [
        ({"matrix_product_state_max_bond_dimension": 1}, True),
        ({"max_parallel_threads": 1}, False),
    ],
)
def test_other_options_reach_the_simulator(options, changes):
    plain, _ = run("aer_matrix_product_state", None)
    changed, _ = run("aer_matrix_product_state", None, **options)
    assert np.allclose(plain, changed, atol=1e-6) != changes


def test_unknown_option_is_refused():
    with pytest.raises(ValueError, match=r"options of AerSimulator .* got 'bla'"):
        run("aer", None, bla=1)


@pytest.mark.parametrize("n_transpilations", [1, 3])
def test_number_of_transpilations(monkeypatch, n_transpilations):
    seen = []
    best = _backends.transpile_best
    monkeypatch.setattr(
        _backends, "transpile_best", lambda *a, **k: seen.append(k) or best(*a, **k)
    )
    options = {"n_transpilations": n_transpilations, "optimization_level": 2}
    run("fake_manila", None, **options)
    assert seen[0]["n_trials"] == n_transpilations
    assert seen[0]["optimization_level"] == 2


def test_failure_of_aer_is_an_error(monkeypatch):
    device = resolve("aer", shots=None, n_qubits=3)
    program = device.compile(make_circuit(), OBSERVABLES, 1)
    program._runs[0].simulator.set_options(method="stabilizer")
    with pytest.raises(RuntimeError, match="Aer could not run the circuit: ") as caught:
        program.run(VALUES, np.random.default_rng(0))
    assert len(VALUES) > 1
    assert "Experiment" not in str(caught.value)  # nor a sentence for each row
    assert len(str(caught.value)) < 300


def test_circuit_too_large_for_aer_is_told_what_else_to_take():
    circuit = real_amplitudes(50, reps=1, entanglement="linear")
    device = resolve("aer_statevector", shots=10, n_qubits=50)
    program = device.compile(circuit, [SparsePauliOp("Z" * 50)], 1)
    with pytest.raises(MemoryError, match=r"on 50 qubits.*aer_matrix_product_state"):
        program.run(np.zeros((1, 100)), np.random.default_rng(0))
