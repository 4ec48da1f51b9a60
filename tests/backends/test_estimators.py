"""Estimators of other packages: circuits in the gates that they take."""

import numpy as np
import pytest
from qiskit.circuit.library import real_amplitudes
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.executor_estimator import Estimator

from skqnn._backends.resolve import resolve


@pytest.mark.parametrize("basis", [None, ["rz", "sx", "x", "ry", "cz"]])
def test_client_estimator_rehearses_on_a_simulator(basis):
    circuit = real_amplitudes(3, reps=1)  # ends in RY with parameters
    values = np.random.default_rng(0).uniform(-np.pi, np.pi, (2, 6))
    observables = [SparsePauliOp("ZZZ"), SparsePauliOp("IIX")]
    simulator = AerSimulator() if basis is None else AerSimulator(basis_gates=basis)
    estimator = Estimator(mode=simulator)
    estimator.options.resilience_level = 0
    estimator.options.simulator.seed_simulator = 1
    evs = []
    for backend, shots in ((estimator, 10_000), ("aer", None)):
        device = resolve(backend, shots=shots, n_qubits=3)
        program = device.compile(circuit, observables, 0)
        evs.append(program.run(values, np.random.default_rng(0))[0])
    assert np.allclose(evs[0], evs[1], atol=0.05)


def test_client_estimator_gets_the_gates_of_its_device():
    device = resolve(Estimator(mode=AerSimulator()), shots=100, n_qubits=3)
    program = device.compile(real_amplitudes(3), [SparsePauliOp("ZZZ")], 0)
    assert set(program.circuits[0].count_ops()) <= {"rz", "sx", "x", "cx", "cz", "ecr"}
