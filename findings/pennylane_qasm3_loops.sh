#!/usr/bin/env bash
# PennyLane leaves out the last turn of a loop in OpenQASM 3.
#
# Versions:  Qiskit 2.6.2, qiskit-qasm3-import 0.6.0, PennyLane 0.45.1, openqasm3 1.0.1.
# Expected:  `for int i in [0:2]` has three turns: a range of OpenQASM 3 includes both of
#            its ends, and Qiskit writes and reads it so.
# Seen:      `pennylane.from_qasm3` runs two, without a word, and two of the three turns
#            of [0:2:4]; a set {0, 1, 2} has its three. A circuit with a `for_loop` that
#            Qiskit writes is another circuit in PennyLane.
# Source:    https://openqasm.com/versions/3.0/language/classical.html#for-loops
# In skqnn:  circuits with control flow are refused, and the files that it writes have no
#            loops.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qiskit-qasm3-import==0.6.0 pennylane==0.45.1 openqasm3==1.0.1 \
    antlr4-python3-runtime==4.13.2
python_says <<'PYTHON'
import sys

import numpy as np
import pennylane as qml
import qiskit
from qiskit import QuantumCircuit, qasm3

INCLUDE = 'include "stdgates.inc";\n'


def angle_in_pennylane(text):
    """Return the angle by which a program turns |0> about X."""
    wire = "q[0]"

    @qml.qnode(qml.device("default.qubit", wires=[wire]))
    def circuit():
        qml.from_qasm3(text.replace(INCLUDE, ""), {wire: wire})()  # not known to it
        return qml.state()

    state = circuit()
    return 2 * np.arctan2(-state[1].imag, state[0].real)


def turns_in_qiskit(text):
    """Return the values of a loop."""
    (loop,) = [item.operation for item in qasm3.loads(text) if item.name == "for_loop"]
    return list(loop.params[0])


def program(values):
    loop = f"for int i in {values} {{ rx(0.1) q[0]; }}\n"
    return f"OPENQASM 3.0;\n{INCLUDE}qubit[1] q;\n{loop}"


circuit = QuantumCircuit(qiskit.QuantumRegister(1, "q"))
with circuit.for_loop(range(3)):
    circuit.rx(0.1, 0)
texts = {values: program(values) for values in ("[0:2]", "[0:2:4]", "{0, 1, 2}")}
texts["by Qiskit"] = qasm3.dumps(circuit)
print("Qiskit", qiskit.__version__, "PennyLane", qml.__version__)
seen = {}
for name, text in texts.items():
    seen[name] = len(turns_in_qiskit(text)), round(angle_in_pennylane(text) / 0.1, 6)
    print(f"{name:10s} turns in Qiskit {seen[name][0]}, in PennyLane {seen[name][1]:.0f}")
sys.exit(set(seen.values()) != {(3, 2), (3, 3)} or seen["{0, 1, 2}"] != (3, 3))
PYTHON
