"""Requests to the stand-in for IBM Quantum, from this process or one to be killed."""

import functools
import os
import signal

import numpy as np
from fake_cloud import BACKEND, connect
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime.executor_estimator import Estimator

from skqnn._journal.asking import Patience
from skqnn._journal.file import Journal
from skqnn._journal.names import request_key
from skqnn._journal.requests import run_once
from skqnn._journal.service import ibm_remote

PATIENCE = Patience(
    poll=0.01, contact=20.0, lookups=(0.0, 0.05, 0.1), busy=0.01, submissions=3
)
SHOTS = 64


def make_circuit():
    """Return RY gates and a CX in the gates of the backend, and an observable."""
    theta = ParameterVector("θ", 2)
    circuit = QuantumCircuit(5)
    for qubit in range(2):
        circuit.sx(qubit)
        circuit.rz(theta[qubit], qubit)
        circuit.sx(qubit)
    circuit.cx(0, 1)
    return circuit, SparsePauliOp(["IIIZZ", "IIIXI"], [1.0, 0.5])


def make_remote(mode, values, make=ibm_remote):
    """Return the calls that run one PUB on a backend or in a session."""
    circuit, observable = make_circuit()
    backend = mode if hasattr(mode, "target") else mode.service.backend(BACKEND)

    def submit(tags):
        options = {"resilience_level": 0, "environment": {"job_tags": tags}}
        estimator = Estimator(mode, options)
        return estimator.run([(circuit, [[observable]], values)], precision=SHOTS**-0.5)

    return make(backend, submit)


def values_of(step):
    return np.array([[0.3, 0.1], [2.0, 0.4]]) + 0.1 * step


def key_of(step):
    return request_key("RY, CX", [values_of(step)], SHOTS, salt=str(step))


def run_step(journal, mode, step=0, patience=PATIENCE, report=None, make=ibm_remote):
    remote = make_remote(mode, values_of(step), make)
    return run_once(journal, key_of(step), remote, patience=patience, report=report)


def run_steps(url, path, n_steps, result_path=None, die_at=None):
    """Run requests one after the other, and die by SIGKILL at the state `die_at`."""
    backend = connect(url).backend(BACKEND)
    with Journal(path) as journal:
        report = functools.partial(_die, die_at)
        evs = [run_step(journal, backend, k, report=report)[0] for k in range(n_steps)]
    if result_path is not None:
        np.save(result_path, evs)


def _die(die_at, state, job_id, position):
    if state == die_at:
        os.kill(os.getpid(), signal.SIGKILL)
