"""Noise, gates and connections that a user gives are those that run."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, ParameterVector
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp, random_unitary
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from qiskit_aer.primitives import EstimatorV2

from skqnn import Backend
from skqnn._backends.resolve import resolve

OBSERVABLES = [SparsePauliOp("ZZZ"), SparsePauliOp("IIZ")]
VALUES = np.array([[0.3, 1.2, 0.5], [1.0, 0.1, 2.0]])
CHAIN = [[0, 1], [1, 2]]


def make_circuit():
    theta = ParameterVector("t", 3)
    circuit = QuantumCircuit(3)
    for qubit in range(3):
        circuit.ry(theta[qubit], qubit)
    circuit.cx(0, 1)
    circuit.cx(0, 2)
    return circuit


def run(backend, shots=None, circuit=None):
    circuit = circuit or make_circuit()
    program = resolve(backend, shots=shots, n_qubits=3).compile(circuit, OBSERVABLES, 0)
    return program.run(VALUES, np.random.default_rng(0))[0]


EXACT = np.transpose(
    StatevectorEstimator()
    .run([(make_circuit(), [[o] for o in OBSERVABLES], VALUES)])
    .result()[0]
    .data.evs
)


def depolarized(gates, p, n_qubits=1):
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(p, n_qubits), list(gates))
    return model


# After RY on each qubit every term of an expectation value shrinks by 1 - p for each of
# its qubits, and CX permutes terms: <ZZZ> = <IZZ> before, <IIZ> stays.
@pytest.mark.parametrize(
    "make",
    [
        lambda model: AerSimulator(noise_model=model),
        lambda model: Backend("aer", options={"noise_model": model}),
        lambda model: Backend("aer_density_matrix", options={"noise_model": model}),
        lambda model: Backend(AerSimulator(), options={"noise_model": model}),
        lambda model: EstimatorV2(
            options={
                "backend_options": {"noise_model": model, "method": "density_matrix"}
            }
        ),
    ],
    ids=["object", "name", "method", "object with option", "estimator"],
)
@pytest.mark.parametrize("p", [0.1, 0.5])
def test_errors_of_a_noise_model_damp_by_hand(make, p):
    kept = run(make(depolarized(["ry"], p))) / EXACT
    n_qubits = np.array([3, 1])  # ZZZ came from Z on all three qubits
    np.testing.assert_allclose(kept, np.tile((1 - p) ** n_qubits, (2, 1)), rtol=1e-6)


def test_errors_of_readout_as_an_option_are_those_of_the_object():
    model = NoiseModel()
    model.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.2, 0.8]]))
    keywords = {"correct_readout": False}
    as_option = Backend("aer", options={"noise_model": model}, **keywords)
    of_object = Backend(AerSimulator(noise_model=model), **keywords)
    np.testing.assert_array_equal(run(as_option, 5000), run(of_object, 5000))
    read = 0.7 * EXACT[:, 1] - 0.1 + 0.2  # <z> = (1 - u - d) <Z> + d - u
    np.testing.assert_allclose(run(as_option, 50_000)[:, 1], read, atol=0.02)


def test_own_noise_model_takes_the_place_of_that_of_a_fake_device():
    pytest.importorskip("qiskit_ibm_runtime")
    silent = Backend("fake_manila", options={"noise_model": NoiseModel()})
    np.testing.assert_allclose(run(silent), EXACT, atol=1e-9)
    loud = Backend("fake_manila", options={"noise_model": depolarized(["sx"], 0.9)})
    assert np.abs(run(loud)).max() < 0.3 < np.abs(run("fake_manila")).max()


def test_errors_on_a_gate_that_is_not_in_the_circuit_do_nothing():
    """A free RY would be translated to H and others if H has errors."""
    np.testing.assert_allclose(
        run(AerSimulator(noise_model=depolarized(["h"], 0.5))), EXACT, atol=1e-9
    )


def test_errors_on_a_gate_that_is_in_the_circuit_stay():
    circuit = make_circuit()
    circuit.h(2)
    noisy, exact = (
        run(backend, circuit=circuit)[:, 0]
        for backend in (AerSimulator(noise_model=depolarized(["h"], 0.5)), "aer")
    )
    np.testing.assert_allclose(noisy, 0.5 * exact, atol=1e-9)


def test_errors_on_a_gate_of_a_device_count_after_translation():
    model = depolarized(["sx"], 0.1)
    assert np.all(np.abs(run(AerSimulator(noise_model=model))) < np.abs(EXACT))


def test_errors_on_a_gate_that_is_opened_are_refused():
    model = depolarized(["mine"], 0.1)
    with pytest.raises(ValueError, match=r"gates of Qiskit only, got .*\['mine'\]"):
        run(AerSimulator(noise_model=model), circuit=make_circuit())
    assert Gate("mine", 1, []).name in model.noise_instructions


@pytest.mark.parametrize("gate", ["cry", "dcx", "csx", "unitary", "cp"])
def test_errors_on_a_gate_of_the_circuit_that_is_opened_are_refused(gate):
    circuit = make_circuit()
    model = depolarized([gate], 0.1, 2)
    draw = {
        "unitary": lambda: circuit.unitary(random_unitary(4, seed=0), [0, 1]),
        "dcx": lambda: circuit.dcx(0, 1),
        "csx": lambda: circuit.csx(0, 1),
    }
    draw.get(gate, lambda: getattr(circuit, gate)(0.3, 0, 1))()
    for backend in (AerSimulator(noise_model=model), options_of(model)):
        with pytest.raises(ValueError, match=rf"`noise_model` must .*\['{gate}'\]"):
            run(backend, circuit=circuit)


def options_of(model):
    return Backend("aer", options={"noise_model": model})


def test_errors_on_a_gate_that_a_device_lacks_are_refused():
    pytest.importorskip("qiskit_ibm_runtime")
    model = depolarized(["ry"], 0.1)
    for backend in (
        Backend("fake_manila", options={"noise_model": model}),
        AerSimulator(basis_gates=["rz", "sx", "cx"], noise_model=model),
    ):
        with pytest.raises(ValueError, match=r"`noise_model` must .* got .*\['ry'\]"):
            run(backend)


@pytest.mark.parametrize("shots", [None, 20_000])
@pytest.mark.parametrize(
    "backend",
    [
        AerSimulator(coupling_map=CHAIN),
        Backend("aer", options={"coupling_map": CHAIN}),
        Backend("aer", options={"basis_gates": ["rz", "sx", "cx"]}),
        AerSimulator(basis_gates=["rz", "sx", "cz"], coupling_map=CHAIN),
    ],
    ids=["map", "map by name", "gates by name", "both"],
)
def test_gates_and_connections_are_used_and_change_no_value(backend, shots):
    tolerance = 1e-9 if shots is None else 0.05
    np.testing.assert_allclose(run(backend, shots), EXACT, atol=tolerance)


def test_gates_and_connections_are_those_of_the_transpiled_circuit():
    model = depolarized(["cx"], 0.01, 2)
    simulator = AerSimulator(
        noise_model=model, coupling_map=CHAIN, basis_gates=["rz", "sx", "cx"]
    )
    program = resolve(simulator, shots=None, n_qubits=3).compile(
        make_circuit(), OBSERVABLES, 0
    )
    (circuit,) = program.circuits
    assert set(circuit.count_ops()) <= {"rz", "sx", "cx"}


@pytest.mark.parametrize("shots", [1000, None])
def test_aers_estimator_for_a_device(shots):
    fake = pytest.importorskip("qiskit_ibm_runtime.fake_provider").FakeManilaV2()
    simulator = AerSimulator.from_backend(fake, method="density_matrix")
    noisy = run(EstimatorV2.from_backend(simulator), shots)
    assert 0.001 < np.abs(noisy - EXACT).max() < 0.3


def test_aers_estimator_that_averages_over_errors_is_not_exact():
    options = {"backend_options": {"noise_model": depolarized(["ry"], 0.5)}}
    estimator = EstimatorV2(options=options)
    with pytest.raises(ValueError, match=r"`shots` must be .* averages over random"):
        run(estimator)
    np.testing.assert_allclose(run(estimator, 4000)[:, 1], EXACT[:, 1] / 2, atol=0.08)
