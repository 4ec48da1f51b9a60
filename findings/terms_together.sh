#!/usr/bin/env bash
# IBM's estimator takes terms that are measured together for independent ones.
#
# Versions:  qiskit-ibm-runtime 0.51.0, qiskit-mitigation 0.1.1, Qiskit 2.6.2.
# Expected:  the standard error of a sum of Pauli strings is that of the sum. The mean Z of
#            eight qubits in a GHZ state is 1 or -1 in each shot, and 4,096 shots leave
#            an error of 1/64 = 0.016.
# Seen:      `stds` and `ensemble_standard_error` add the variances of the terms, which all
#            come from the same shots: 0.0055, too small by the square root of eight. A
#            difference of two bits that always agree, known exactly, gets an error of
#            0.022. EstimatorV2, which this estimator replaces, and BackendEstimatorV2 add
#            the standard errors instead, which is never too small.
# Source:    MitigationTask in qiskit_mitigation/mitigation_task.py
# In skqnn:  observables that are chosen are single strings; docs/user_guide/hardware.rst
#            tells of sums.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qiskit-aer==0.18.2 qiskit-ibm-runtime==0.51.0 \
    qiskit-mitigation==0.1.1
python_says <<'PYTHON'
import sys

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import BackendEstimatorV2
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.executor_estimator import Estimator

SIMULATOR = AerSimulator(seed_simulator=1)
SHOTS, REPETITIONS = 4096, 100


def ghz(n_qubits):
    """Return a GHZ state behind a parameter that does nothing but repeat it."""
    circuit = QuantumCircuit(n_qubits)
    circuit.h(0)
    for qubit in range(n_qubits - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.rz(Parameter("repetition"), 0)
    return circuit


def scatter_and_errors(estimator, n_qubits, factors):
    terms = [("Z", [qubit], factor) for qubit, factor in enumerate(factors)]
    observable = SparsePauliOp.from_sparse_list(terms, n_qubits)
    pub = (ghz(n_qubits), observable, np.zeros((REPETITIONS, 1)))
    data = estimator.run([pub], precision=SHOTS**-0.5).result()[0].data
    return np.std(data.evs), np.mean(data.stds)


level = {"resilience_level": 0}
estimators = {
    "Estimator": Estimator(mode=SIMULATOR, options=level),
    "BackendEstimatorV2": BackendEstimatorV2(backend=SIMULATOR),
}
seen = {}
for name, estimator in estimators.items():
    seen[name] = scatter_and_errors(estimator, 8, [1 / 8] * 8)
    seen[name] += scatter_and_errors(estimator, 2, [1, -1])
    print(f"{name:18s} mean of 8: scatter {seen[name][0]:.4f}, told {seen[name][1]:.4f};",
          f"difference of 2: scatter {seen[name][2]:.4f}, told {seen[name][3]:.4f}")
scatter, told, none, still_told = seen["Estimator"]
as_seen = abs(told / SHOTS**-0.5 - 8**-0.5) < 0.02 and scatter > 2 * told
sys.exit(not (as_seen and none == 0 and still_told > 0.02))
PYTHON
