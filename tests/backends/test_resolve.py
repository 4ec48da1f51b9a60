"""Names and objects: what they become, and what is refused before anything runs."""

import builtins
import importlib.util
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import BackendEstimatorV2, StatevectorEstimator
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2

from skqnn import Backend
from skqnn._backends import kinds
from skqnn._backends.kinds import fake_backends, portable
from skqnn._backends.resolve import resolve

pytest.importorskip("qiskit_ibm_runtime")
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

RX_NOISE = AerSimulator.from_backend(FakeManilaV2())

# backend -> (device's name, noisy, sets_states, exact values)
KINDS = [
    ("aer", ("aer", False, True, True)),
    ("aer_statevector", ("aer_statevector", False, True, True)),
    ("aer_density_matrix", ("aer_density_matrix", False, False, True)),
    ("aer_matrix_product_state", ("aer_matrix_product_state", False, False, True)),
    ("fake_manila", ("fake_manila", True, False, True)),
    (FakeManilaV2(), ("fake_manila", True, False, True)),
    (AerSimulator(), ("aer_simulator", False, True, True)),
    (RX_NOISE, ("aer_simulator_from(fake_manila)", True, False, True)),
    (GenericBackendV2(3), ("generic_backend_3q", True, False, False)),
    (StatevectorEstimator(), ("StatevectorEstimator", False, False, True)),
    (EstimatorV2(), ("EstimatorV2", False, False, True)),
    (
        BackendEstimatorV2(backend=FakeManilaV2()),
        ("fake_manila", True, False, False),
    ),
    (Estimator(mode=FakeManilaV2()), ("fake_manila", True, False, False)),
]


def kind_name(value):
    """Return an id that is the same in every process."""
    return value if isinstance(value, str) else type(value).__name__


@pytest.mark.parametrize(
    "backend, n_qubits",
    [
        ("fake_manila", 5),
        (FakeManilaV2(), 5),
        (GenericBackendV2(3), 3),
        (BackendEstimatorV2(backend=FakeManilaV2()), 5),
    ],
    ids=kind_name,
)
def test_backend_with_too_few_qubits_is_refused(backend, n_qubits):
    resolve(backend, shots=100, n_qubits=n_qubits)
    words = f"at least {n_qubits + 1} qubits .* with {n_qubits} qubits; take another"
    with pytest.raises(ValueError, match=words):
        resolve(backend, shots=100, n_qubits=n_qubits + 1)


@pytest.mark.parametrize("backend, expected", KINDS, ids=kind_name)
def test_kind_of_device(backend, expected):
    name, noisy, sets_states, exact = expected
    device = resolve(backend, shots=100, n_qubits=3)
    assert (device.name, device.noisy, device.sets_states) == (name, noisy, sets_states)
    assert device.shots == 100
    assert not device.remote
    if exact:
        assert resolve(backend, shots=None, n_qubits=3).shots is None
    else:
        with pytest.raises(ValueError, match="`shots` must be a positive integer"):
            resolve(backend, shots=None, n_qubits=3)


@pytest.mark.parametrize("backend", [kind[0] for kind in KINDS], ids=kind_name)
def test_values_of_every_kind_are_near_the_truth(backend):
    circuit, observable = real_amplitudes(3, reps=1), SparsePauliOp("ZII")
    values = np.linspace(0.2, 1.4, 12).reshape(2, 6)
    exact = StatevectorEstimator().run([(circuit, observable, values)]).result()[0]
    device = resolve(backend, shots=4000, n_qubits=3)
    program = device.compile(circuit, [observable], 0)
    evs, stds = program.run(values, np.random.default_rng(0))
    assert evs.shape == stds.shape == (2, 1)
    # The noisiest device damps by a quarter; 4,000 shots add 0.016.
    np.testing.assert_allclose(evs[:, 0], exact.data.evs, atol=0.35)
    assert program.max_bindings >= 1
    device.close()


@pytest.mark.parametrize("backend", [kind[0] for kind in KINDS[:11]], ids=kind_name)
def test_devices_pickle(backend):
    device = pickle.loads(pickle.dumps(resolve(backend, shots=10, n_qubits=3)))
    assert device.shots == 10


@pytest.mark.parametrize(
    "name, close",
    [
        ("fake_turino", "fake_torino"),
        ("fake_manilla", "fake_manila"),
        ("Aer", "aer"),
        ("aer_statvector", "aer_statevector"),
        ("aer_stabilizer", "aer"),
        ("leastbusy", "least_busy"),
        ("torino", "ibm_<name>"),
        ("FakeTorino", "nearest names are 'fake_torino'"),
        ("FakeManilaV2", "nearest names are 'fake_manila'"),
        ("AerSimulator", "it is 'aer' here."),
        ("exact", "it is None here."),
        ("none", "it is None here."),
        ("simulator", "it is 'aer' here."),
        ("ibmq_manila", "nearest names are 'ibm_manila', 'fake_manila'."),
        ("torino", "nearest names are 'ibm_torino', 'fake_torino'."),
        ("aer-statevector", "nearest names are 'aer_statevector'"),
        ("qasm_simulator", "it is 'aer' here."),
        ("statevector_simulator", "it is 'aer_statevector' here."),
        ("", "least_busy"),
    ],
)
def test_wrong_name_is_refused_with_close_ones(name, close):
    with pytest.raises(ValueError, match=f"`backend` must be .* {name!r}") as caught:
        resolve(name, shots=None, n_qubits=2)
    assert close in str(caught.value)


@pytest.mark.parametrize("backend", [3, AerSimulator, FakeManilaV2, [], object()])
def test_wrong_type_is_refused(backend):
    with pytest.raises(TypeError, match="`backend` must be None, a name, a BackendV2"):
        resolve(backend, shots=None, n_qubits=2)


@pytest.mark.parametrize(
    "backend", [StatevectorEstimator(), BackendEstimatorV2(backend=GenericBackendV2(3))]
)
def test_options_of_an_estimator_are_refused(backend):
    with pytest.raises(ValueError, match="other objects take theirs when they are"):
        resolve(Backend(backend, options={"foo": 1}), shots=10, n_qubits=2)


@pytest.mark.parametrize(
    "option, value",
    [
        ("basis_gates", "rz,sx,cx"),
        ("basis_gates", ["rz", 1]),
        ("coupling_map", 5),
        ("coupling_map", [[0, "a"]]),
        ("coupling_map", "linear"),
        ("device", "XPU"),
        ("max_parallel_threads", "two"),
        ("precision", "half"),
        ("zero_threshold", "small"),
    ],
    ids=str,
)
@pytest.mark.parametrize("target", ["aer", "fake_manila"])
def test_value_that_aer_refuses_is_told_before_anything_runs(target, option, value):
    if target != "aer" and option in ("basis_gates", "coupling_map"):
        pytest.skip("the device has its own")
    rule = rf"`options\['{option}'\]` must be .*, got {re.escape(repr(value))}"
    with pytest.raises(ValueError, match=rule):
        resolve(Backend(target, options={option: value}), shots=None, n_qubits=2)


def test_every_fake_backend_has_a_name():
    names = fake_backends()
    assert len(names) > 50
    assert {"fake_torino", "fake_fez", "fake_manila", "fake_sherbrooke"} <= set(names)
    assert all(name.startswith("fake_") for name in names)


def test_missing_package_is_named_with_its_cure(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        kinds,
        "find_spec",
        lambda name: None if name == "qiskit_ibm_runtime" else find(name),
    )
    for name in ("fake_torino", "ibm_torino", "least_busy"):
        with pytest.raises(ImportError, match="pip install qiskit-ibm-runtime"):
            resolve(name, shots=10, n_qubits=2)


def test_aer_is_imported_when_it_is_needed():
    code = """
import numpy as np
from skqnn import QNNClassifier
X, y = np.eye(4), [0, 1, 0, 1]
for shots in (None, 10):
    options = {"learning_rate": "cosine", "max_iter": 1, "shots": shots}
    QNNClassifier(backend="aer", **options).fit(X, y).predict(X)
"""
    command = [sys.executable, "-W", "error", "-c", code]
    subprocess.run(command, check=True)


def test_portable_keeps_what_is_no_connection():
    simulator = AerSimulator()
    assert portable(simulator) is simulator
    assert portable("aer") == "aer"
    assert portable(None) is None


def test_aer_needs_no_runtime_package(monkeypatch):
    imported = builtins.__import__

    def refuse(name, *rest):
        if name.startswith("qiskit_ibm_runtime"):
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert resolve("aer", shots=None, n_qubits=2).name == "aer"
