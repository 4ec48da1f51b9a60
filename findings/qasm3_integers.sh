#!/usr/bin/env bash
# `rz(1/3)` in OpenQASM 3 is an angle of 0 in Qiskit and Braket, a third in PennyLane.
#
# Versions:  Qiskit 2.6.2, qiskit-qasm3-import 0.6.0, PennyLane 0.45.1, openqasm3 1.0.1,
#            pyqasm 1.3.0, amazon-braket-default-simulator 1.41.2.
# Expected:  one file is one circuit. 1 and 3 are integers, and the quotient of integers is
#            an integer by the language (in OpenQASM 2, all numbers are real).
# Seen:      Qiskit and Braket follow it, PennyLane and pyqasm divide as Python does, also
#            by named constants; and in Braket `int(2.9)` stays 2.9. None of them says a
#            word, so a file of OpenQASM 2 with rz(1/3), brought to version 3 by its
#            header, loses the gate in Qiskit. With 1.0/3 or pi/3 all agree.
# Source:    https://openqasm.com/language/classical.html#integers
# In skqnn:  angles are written as decimal numbers and fractions of pi.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qiskit-qasm3-import==0.6.0 pennylane==0.45.1 openqasm3==1.0.1 \
    pyqasm==1.3.0 amazon-braket-default-simulator==1.41.2
python_says <<'PYTHON'
import logging
import sys

import numpy as np
import pennylane as qml
import pyqasm
from braket.default_simulator import StateVectorSimulator
from braket.ir.openqasm import Program
from qiskit import qasm2, qasm3
from qiskit.quantum_info import Statevector

logging.disable()  # Braket's note that not all devices know all of the language
INCLUDE = 'include "stdgates.inc";\n'
PROGRAMS = {
    "1/3": "rx(1/3) q[0];\n",
    "1.0/3": "rx(1.0/3) q[0];\n",
    "n/2": "const int n = 7;\nrx(n/2) q[0];\n",
    "int(2.9)": "float f = 2.9;\nint i = int(f);\nrx(0.1 * i) q[0];\n",
}


def text(program, include=""):
    return f"OPENQASM 3.0;\n{include}qubit[1] q;\n{program}"


def angle(state):
    """Return the angle of an RX that made a state of |0>."""
    return float(2 * np.arctan2(-state[1].imag, state[0].real))


def in_qiskit(program):
    return angle(Statevector(qasm3.loads(text(program, INCLUDE))).data)


def in_braket(program):
    source = text(program) + "#pragma braket result state_vector\n"
    result = StateVectorSimulator().run(Program(source=source), shots=0)
    return angle(np.asarray(result.resultTypes[0].value))


def in_pyqasm(program):
    module = pyqasm.loads(text(program, INCLUDE))
    module.unroll()
    return angle(Statevector(qasm3.loads(pyqasm.dumps(module))).data)


def in_pennylane(program):
    @qml.qnode(qml.device("default.qubit", wires=["q[0]"]))
    def circuit():
        qml.from_qasm3(text(program), {"q[0]": "q[0]"})()
        return qml.state()

    return angle(circuit())


found = {}
for name, program in PROGRAMS.items():
    readers = [in_braket, in_pyqasm, in_pennylane]
    if name in ("1/3", "1.0/3"):  # Qiskit has no variables
        readers.append(in_qiskit)
    found[name] = {reader.__name__[3:]: round(reader(program), 4) for reader in readers}
    print(f"{name:9s}", found[name])
header = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1];\n'
of_two = angle(Statevector(qasm2.loads(header + PROGRAMS["1/3"])).data)
print("1/3 in OpenQASM 2:", round(of_two, 4))
expected = {
    "1/3": {"braket": 0, "pyqasm": 1 / 3, "pennylane": 1 / 3, "qiskit": 0},
    "1.0/3": dict.fromkeys(("braket", "pyqasm", "pennylane", "qiskit"), 1 / 3),
    "n/2": {"braket": 3, "pyqasm": 3.5, "pennylane": 3.5},
    "int(2.9)": {"braket": 0.29, "pyqasm": 0.2, "pennylane": 0.2},
}
seen = [
    abs(found[name][reader] - value) < 1e-3
    for name, values in expected.items()
    for reader, value in values.items()
]
sys.exit(not (all(seen) and abs(of_two - 1 / 3) < 1e-6))
PYTHON
