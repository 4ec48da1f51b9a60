#!/usr/bin/env bash
# AerSimulator with a coupling map cannot be transpiled for.
#
# Versions:  Qiskit 2.6.2, Aer 0.18.2.
# Expected:  AerSimulator(coupling_map=...) is documented as a way to give a simulator the
#            connections of a device, so that `transpile` inserts swaps for it.
# Seen:      `transpile` refuses it: the simulator's default basis holds gates on three
#            qubits, which have no place on a map of pairs. With basis_gates of one and
#            two qubits beside the map it works.
# Source:    https://qiskit.github.io/qiskit-aer/stubs/qiskit_aer.AerSimulator.html
# In skqnn:  the gates are restricted where a map is given (skqnn/_backends/simulators.py).
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qiskit-aer==0.18.2
python_says <<'PYTHON'
import sys

import qiskit
import qiskit_aer
from qiskit import QuantumCircuit, transpile
from qiskit_aer import AerSimulator

circuit = QuantumCircuit(3)
circuit.h(0)
circuit.cx(0, 2)
line = [[0, 1], [1, 0], [1, 2], [2, 1]]
print("Qiskit", qiskit.__version__, "Aer", qiskit_aer.__version__)
try:
    transpile(circuit, AerSimulator(coupling_map=line), seed_transpiler=0)
    refused = False
except Exception as error:
    refused = True
    print("with a map alone:", type(error).__name__, str(error)[:100])
basis = ["rz", "sx", "x", "cx"]
simulator = AerSimulator(coupling_map=line, basis_gates=basis)
print("with gates, too:", dict(transpile(circuit, simulator, seed_transpiler=0).count_ops()))
sys.exit(not refused)
PYTHON
