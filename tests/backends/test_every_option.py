"""Every kind of backend, every keyword and option: honoured or refused by name.

Nothing here is picked by hand but the values: what is not refused must have the effect
that its keyword promises, and leave the expectation values where they are known to be.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.primitives import BackendEstimatorV2, StatevectorEstimator
from qiskit.providers.basic_provider import BasicSimulator
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from qiskit_aer.primitives import EstimatorV2

from skqnn import Backend
from skqnn._backends.backend import DEFAULTS
from skqnn._backends.engines import open_engine
from skqnn._circuits.ansatz import angle_encoding

SHOTS = 2000
DAMPING = 0.8  # of an expectation value by the errors of a rotation
READ = 0.9  # of an expectation value by the errors of readout


def noise():
    model = NoiseModel()
    error = depolarizing_error(1 - DAMPING, 1)
    model.add_all_qubit_quantum_error(error, ["ry"])
    model.add_all_qubit_readout_error(ReadoutError([[0.95, 0.05], [0.05, 0.95]]))
    return model


def fake():
    runtime = pytest.importorskip("qiskit_ibm_runtime.fake_provider")
    return runtime.FakeManilaV2()


# kind -> (target, its options, damping by each rotation: 1 is ideal, None unknown)
KINDS = {
    "aer": (lambda: "aer", None, 1),
    "aer_density_matrix": (lambda: "aer_density_matrix", None, 1),
    "aer, noise": (lambda: "aer", lambda: {"noise_model": noise()}, DAMPING),
    "AerSimulator": (AerSimulator, None, 1),
    "AerSimulator, noise": (lambda: AerSimulator(noise_model=noise()), None, DAMPING),
    "AerSimulator, map": (lambda: AerSimulator(coupling_map=[[0, 1]]), None, 1),
    "fake_manila": (lambda: "fake_manila", None, None),
    "FakeManilaV2": (fake, None, None),
    "GenericBackendV2": (lambda: GenericBackendV2(2, seed=0), None, None),
    "BasicSimulator": (BasicSimulator, None, 1),
    "StatevectorEstimator": (StatevectorEstimator, None, 1),
    "Aer EstimatorV2": (EstimatorV2, None, 1),
    "BackendEstimatorV2": (
        lambda: BackendEstimatorV2(backend=BasicSimulator()),
        None,
        1,
    ),
    "ibm_torino": (lambda: "ibm_torino", None, None),
}
VALUES = {  # keyword -> another value than the default
    "state_preparation": "layers",
    "n_preparation_layers": 2,
    "optimization_level": 2,
    "n_transpilations": 2,
    "correct_readout": False,
    "journal": "journal.sqlite",
    "mode": "batch",
    "max_time": "2h",
    "lookup_time": 7.0,
    "use_fractional_gates": True,
    "account": "work",
    "options": {"max_parallel_threads": 1},
    "random_state": 3,
}
TOGETHER = {  # what a keyword needs to matter
    "n_preparation_layers": {"state_preparation": "layers"},
    "max_time": {"mode": "batch"},
}
ROWS = np.array([[0.3, 1.2], [0.9, -0.4], [2.0, 0.1]])  # angles
STATES = np.abs(np.random.default_rng(0).normal(size=(3, 4)))
STATES /= np.linalg.norm(STATES, axis=1, keepdims=True)
THETA = np.array([0.2, -0.3])
OBSERVABLES = [SparsePauliOp("IZ"), SparsePauliOp("ZI")]


def make_circuit():
    theta = ParameterVector("t", 2)
    circuit = QuantumCircuit(2)
    circuit.ry(theta[0], 0)
    circuit.ry(theta[1], 1)
    return circuit


CIRCUIT = make_circuit()


def make_backend(kind, keywords):
    target, options, _ = KINDS[kind]
    if options is not None:
        keywords = keywords | {"options": options() | keywords.get("options", {})}
    return Backend(target(), **keywords)


def open_one(backend, rows=ROWS):
    feature_map = angle_encoding(2, 2) if rows is ROWS else None
    model = {"circuit": CIRCUIT, "observables": OBSERVABLES, "feature_map": feature_map}
    return open_engine(backend, shots=SHOTS, seed=0, **model).engine


def measure(backend):
    engine = open_one(backend)
    return engine.measure(engine.prepare(ROWS), THETA)


def test_every_keyword_has_a_value_and_an_effect():
    assert VALUES.keys() == DEFAULTS.keys() == EFFECTS.keys()


def is_refused(backend, keywords):
    """Tell whether a backend is refused, for one of these keywords by its name."""
    try:
        open_one(backend)
    except ValueError as error:
        _, name, rule = str(error).split("`", 2)
        return name in keywords and rule.startswith(" must be ")
    return False


@pytest.mark.parametrize("keyword", VALUES)
@pytest.mark.parametrize("kind", KINDS)
def test_keyword_is_honoured_or_refused(kind, keyword, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("qiskit_ibm_runtime")
    others = TOGETHER.get(keyword, {})
    value = VALUES[keyword]
    if keyword == "options" and kind == "ibm_torino":
        value = {"resilience_level": 0}
    changed = make_backend(kind, others | {keyword: value})
    if is_refused(changed, {keyword, *others}):
        return
    engine = open_one(changed)
    plain = make_backend(kind, {k: v for k, v in others.items() if k != "mode"})
    assert EFFECTS[keyword](engine, changed, plain)
    if kind != "ibm_torino":
        check_values(kind, keyword, changed)


def check_values(kind, keyword, backend):
    evs, stds = measure(backend)
    damping = KINDS[kind][2]
    exact = np.cos(ROWS + THETA)
    if damping is None:
        np.testing.assert_allclose(evs, exact, atol=0.3)
        return
    read = READ if damping < 1 and keyword == "correct_readout" else 1
    deviation = (evs - exact * damping**2 * read) / stds
    assert np.abs(deviation).max() < 4.5


# --- Options of AerSimulator ---------------------------------------------------------

SIMULATED = ["aer", "aer_statevector", "aer_matrix_product_state", "fake_manila"]
OTHER_VALUES = {  # what AerSimulator checks, and what would take its time
    "method": "density_matrix",
    "noise_model": noise(),
    "device": "GPU",
    "precision": "single",
    "executor": ThreadPoolExecutor(1),
    "extended_stabilizer_sampling_method": "metropolis",
    "mps_sample_measure_algorithm": "mps_probabilities",
    "mps_swap_direction": "mps_swap_right",
}


def other_value(option, default):
    """Return another value of an option than its default."""
    if option in OTHER_VALUES:
        return OTHER_VALUES[option]
    return not default if isinstance(default, bool) else (default or 0) + 3


def is_refused_for(backend, option):
    """Tell whether a backend is refused, for this option by its name."""
    try:
        open_one(backend)
    except ValueError as error:
        text = str(error)
        named = text.startswith("`options") and f"'{option}'" in text
        return named or text.startswith(f"`{option}` must ")
    return False


@pytest.mark.parametrize("target", SIMULATED)
def test_option_of_aer_reaches_every_run_or_is_refused(target):
    pytest.importorskip("qiskit_ibm_runtime")
    n_honoured = 0
    for option, default in AerSimulator().options.__dict__.items():
        value = other_value(option, default)
        backend = Backend(target, options={option: value})
        if is_refused_for(backend, option):
            continue
        n_honoured += 1
        engine = open_one(backend)
        if option == "noise_model":
            assert engine._device.noisy
            continue
        engine.prepare(ROWS)
        for run in engine._program()._runs:
            assert getattr(run.simulator.options, option) == value, option
    assert n_honoured > 20


# --- What each keyword promises ------------------------------------------------------


def prepares_otherwise(engine, changed, plain):
    one, other = (open_one(backend, STATES) for backend in (changed, plain))
    shapes = one.prepare(STATES).shape, other.prepare(STATES).shape
    return shapes[0] != shapes[1] and one.method == "layers"


def reaches_the_transpiler(engine, changed, plain):
    trials, level = changed.n_transpilations, changed.optimization_level
    keywords = engine._device.transpile.keywords
    return (keywords["n_trials"], keywords["optimization_level"]) == (trials, level)


def keeps_readout_errors(engine, changed, plain):
    if not engine._device.noisy:
        return True  # there is nothing to correct, and the values are checked
    return not np.array_equal(measure(changed)[0], measure(plain)[0])


def writes_the_file(engine, changed, plain):
    if engine._device.remote:
        return engine._journal_path.name == changed.journal
    engine.expectations(engine.prepare(ROWS), THETA)
    engine.close()
    return engine._journal_path.exists()


def draws_other_numbers(engine, changed, plain):
    if engine._device.remote:
        return engine._noise_seed != open_one(plain)._noise_seed
    return not np.array_equal(measure(changed)[0], measure(plain)[0])


def reaches_the_device(name, attribute):
    def test(engine, changed, plain):
        return getattr(engine._device, attribute) == getattr(changed, name)

    return test


def reaches_the_simulator_or_the_service(engine, changed, plain):
    if engine._device.remote:
        return engine._device.options.resilience_level == 0
    given = engine._device._options
    return given["max_parallel_threads"] == 1


def decides_how_long_jobs_are_looked_for(engine, changed, plain):
    return engine._patience != open_one(plain)._patience


EFFECTS = {
    "state_preparation": prepares_otherwise,
    "n_preparation_layers": prepares_otherwise,
    "optimization_level": reaches_the_transpiler,
    "n_transpilations": reaches_the_transpiler,
    "correct_readout": keeps_readout_errors,
    "journal": writes_the_file,
    "mode": reaches_the_device("mode", "_mode"),
    "max_time": reaches_the_device("max_time", "_max_time"),
    "lookup_time": decides_how_long_jobs_are_looked_for,
    "use_fractional_gates": reaches_the_device("use_fractional_gates", "_fractional"),
    "account": reaches_the_device("account", "_account"),
    "options": reaches_the_simulator_or_the_service,
    "random_state": draws_other_numbers,
}
