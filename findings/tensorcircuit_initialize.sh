#!/usr/bin/env bash
# TensorCircuit-NG reads an `initialize` of Qiskit on other qubits, or not at all.
#
# Versions:  Qiskit 2.6.2, tensorcircuit-ng 1.10.0.
# Expected:  `Circuit.from_qiskit` gives the state that Qiskit gives (bits reversed), or
#            raises for an instruction that it does not know.
# Seen:      an `initialize` that stands first is taken as if on qubits 0, 1, 2, whatever
#            qubits it names: overlap 0.87. One that stands later is dropped: overlap 0.
#            Both without a word. The same state by `prepare_state` is right.
# Source:    https://tensorcircuit-ng.readthedocs.io/en/latest/api/translation.html
# In skqnn:  the benchmark against TensorCircuit builds its circuits there, gate by gate;
#            `bound_circuit` prepares rows by gates, never by `initialize`.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 tensorcircuit-ng==1.10.0
python_says <<'PYTHON'
import sys

import numpy as np
import qiskit
import tensorcircuit as tc
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector

tc.set_dtype("complex128")
amplitudes = np.arange(1, 9) / np.linalg.norm(np.arange(1, 9))


def overlap(circuit):
    expected = Statevector(circuit).reverse_qargs().data
    found = np.asarray(tc.Circuit.from_qiskit(circuit).state())
    return abs(np.vdot(expected, found)) ** 2


moved, prepared, later = QuantumCircuit(3), QuantumCircuit(3), QuantumCircuit(2)
moved.initialize(amplitudes, [2, 0, 1])
prepared.prepare_state(amplitudes, [2, 0, 1])
later.h(0)
later.initialize([0, 1], 1)
overlaps = [round(overlap(c), 3) for c in (moved, later, prepared)]
print("Qiskit", qiskit.__version__, "tensorcircuit-ng", tc.__version__)
print("first, on other qubits; after a gate; by prepare_state:", *overlaps)
sys.exit(not (overlaps[0] < 0.9 and overlaps[1] < 0.1 and overlaps[2] > 0.999))
PYTHON
