#!/usr/bin/env bash
# PauliEvolutionGate has two meanings: its matrix, and the circuit that runs.
#
# Versions:  Qiskit 2.6.2.
# Expected:  the matrix of a gate is that of its definition.
# Seen:      `to_matrix` is the exact exponential, while the definition, which every
#            transpiler and simulator runs, is one Trotter step: for X + Z and time 1 they
#            differ by 0.7 in an entry. `Operator` of the gate gives the first,
#            `Operator` of the circuit after one `decompose` the second.
# Source:    https://quantum.cloud.ibm.com/docs/api/qiskit/qiskit.circuit.library.PauliEvolutionGate
# In skqnn:  the gate is synthesised once, and engine, Aer and exports share the result.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2
python_says <<'PYTHON'
import sys

import numpy as np
import qiskit
from qiskit import QuantumCircuit
from qiskit.circuit.library import PauliEvolutionGate
from qiskit.quantum_info import Operator, SparsePauliOp

gate = PauliEvolutionGate(SparsePauliOp(["X", "Z"]), time=1.0)
circuit = QuantumCircuit(1)
circuit.append(gate, [0])
exact, runs = Operator(circuit).data, Operator(circuit.decompose()).data
difference = np.abs(exact - runs).max()
print("Qiskit", qiskit.__version__, "largest difference of an entry:", difference.round(3))
sys.exit(bool(difference < 0.1))
PYTHON
