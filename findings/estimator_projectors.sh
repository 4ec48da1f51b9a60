#!/usr/bin/env bash
# Qiskit's estimators take a projector on the highest qubit for a sign.
#
# Versions:  Qiskit 2.6.2.
# Expected:  the observable "1Z", |1><1| on qubit 1 times Z on qubit 0, has the expectation
#            value that its matrix has, or is refused. Estimators take a SparseObservable,
#            which has the letters 0, 1, +, -, r and l besides I, X, Y and Z.
# Seen:      StatevectorEstimator reads "1Z" and "+Z" as Z, "-Z" as -Z and "1I" as the
#            identity, all without a word. Projectors on other qubits, and "0", "r" and
#            "l", are refused. BackendEstimatorV2 reads "-Z" as Z: the two differ in sign.
# Source:    https://quantum.cloud.ibm.com/docs/api/qiskit/qiskit.primitives.BaseEstimatorV2
# In skqnn:  observables are Pauli strings and SparsePauliOps; other letters are refused.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2
python_says <<'PYTHON'
import sys

import numpy as np
import qiskit
from qiskit import QuantumCircuit
from qiskit.primitives import BackendEstimatorV2, StatevectorEstimator
from qiskit.providers.basic_provider import BasicSimulator
from qiskit.quantum_info import Pauli, SparseObservable, SparsePauliOp, Statevector

circuit = QuantumCircuit(2)
circuit.ry(0.7, 0)
circuit.ry(0.4, 1)
exactly = StatevectorEstimator()
by_shots = BackendEstimatorV2(backend=BasicSimulator(), options={"seed_simulator": 1})


def value(estimator, observable, precision):
    data = estimator.run([(circuit, observable)], precision=precision).result()[0].data
    return float(data.evs)


print("Qiskit", qiskit.__version__)
seen = []
for label, mistaken in (("1Z", "IZ"), ("+Z", "IZ"), ("-Z", "-IZ"), ("1I", "II")):
    observable = SparseObservable(label)
    matrix = SparsePauliOp.from_sparse_observable(observable)
    right = Statevector(circuit).expectation_value(matrix).real
    wrong = Statevector(circuit).expectation_value(Pauli(mistaken)).real
    found = value(exactly, observable, 0), value(exactly, label, 0)
    print(f"{label}: {right:.3f}, found {found[0]:.3f}, which is that of {mistaken}")
    seen.append(abs(right - wrong) > 0.1 and np.allclose(found, wrong))
sampled = value(by_shots, "-Z", 0.01)
print(f"-Z by BackendEstimatorV2: {sampled:.2f}")
seen.append(abs(sampled - np.cos(0.7)) < 0.1)
sys.exit(not all(seen))
PYTHON
