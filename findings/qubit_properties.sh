#!/usr/bin/env bash
# What is written into the properties of a target's qubits is lost, those of gates stay.
#
# Versions:  Qiskit 2.6.2.
# Expected:  `target.qubit_properties[0].t1 = ...` changes the target, as
#            `target["cx"][(0, 1)].error = ...` does, or raises.
# Seen:      the attribute is a new list of copies at every access. The assignment works
#            on a copy that nobody keeps, without a word, so that a noise model for a
#            "worse" device is that of the old one. A new list has to be assigned whole.
# Source:    https://quantum.cloud.ibm.com/docs/api/qiskit/qiskit.transpiler.Target
# In skqnn:  targets are only read; devices are changed in tests by whole lists.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2
python_says <<'PYTHON'
import sys

import qiskit
from qiskit.circuit.library import CXGate
from qiskit.transpiler import InstructionProperties, QubitProperties, Target

target = Target(qubit_properties=[QubitProperties(t1=1e-4), QubitProperties(t1=1e-4)])
target.add_instruction(CXGate(), {(0, 1): InstructionProperties(error=0.01)})
target.qubit_properties[0].t1 = 5e-5
target["cx"][0, 1].error = 0.5
t1, error = target.qubit_properties[0].t1, target["cx"][0, 1].error
print("Qiskit", qiskit.__version__, "t1 stays", t1, "s, the error becomes", error)
sys.exit((t1, error) != (1e-4, 0.5))
PYTHON
