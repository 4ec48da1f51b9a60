#!/usr/bin/env bash
# A user's own gate that is named like a basis gate is never opened.
#
# Versions:  Qiskit 2.6.2.
# Expected:  a circuit turned into a gate keeps its definition: `transpile` opens what is
#            not one of Qiskit's own gates and returns an equal circuit.
# Seen:      with optimization_level=0 and the name in `basis_gates`, it is taken for the
#            basis gate: a sub-circuit named "x" that holds an H comes out as "x". A
#            target that knows only the true X runs another circuit, without a word.
# Source:    https://quantum.cloud.ibm.com/docs/api/qiskit/qiskit.transpiler.passes.BasisTranslator
# In skqnn:  users' circuits are opened, by class and not by name, before anything else
#            sees them (skqnn/_circuits/normal_form.py).
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2
python_says <<'PYTHON'
import sys

import qiskit
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import Operator

inner = QuantumCircuit(1, name="x")
inner.h(0)
circuit = QuantumCircuit(1)
circuit.append(inner.to_gate(), [0])
out = transpile(circuit, basis_gates=["x", "rz", "sx"], optimization_level=0)
names = [item.operation.name for item in out.data]
is_standard = type(out.data[0].operation).__name__ == "XGate"
print("Qiskit", qiskit.__version__, "returns", names, "| Qiskit's own X:", is_standard)
print("the circuit is H:", Operator(circuit).equiv(Operator.from_label("H")))
sys.exit(names != ["x"] or is_standard)
PYTHON
