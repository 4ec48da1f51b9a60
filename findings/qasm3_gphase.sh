#!/usr/bin/env bash
# The phase of a gate in OpenQASM 3 under a control: lost in Braket, turned in PennyLane.
#
# Versions:  Qiskit 2.6.2, qiskit-qasm3-import 0.6.0, PennyLane 0.45.1, openqasm3 1.0.1,
#            amazon-braket-default-simulator 1.41.2.
# Expected:  `ctrl @` makes the `gphase` of a gate a phase of its control. The controlled
#            RZ is that of the standard library, where RZ is U(0, 0, t) behind
#            gphase(-t/2); Qiskit reads it so.
# Seen:      Braket's simulator leaves the phase global where it stands in the body of a
#            gate, so that the same RZ under a control is a controlled phase: the control
#            of h q[0]; ctrl @ my_rz(0.7) q[0], q[1]; is off by 0.35. PennyLane turns
#            `ctrl @ gphase(0.7)` by -0.7. Both without a word. A bare `ctrl @ gphase` is
#            right in Braket.
# Source:    https://openqasm.com/language/gates.html
# In skqnn:  the files that it writes have no modifiers.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qiskit-qasm3-import==0.6.0 pennylane==0.45.1 openqasm3==1.0.1 \
    amazon-braket-default-simulator==1.41.2
python_says <<'PYTHON'
import logging
import sys
from importlib.metadata import version

import numpy as np
import pennylane as qml
from braket.default_simulator import StateVectorSimulator
from braket.ir.openqasm import Program
from qiskit import qasm3
from qiskit.quantum_info import Statevector

logging.disable()  # Braket's note that not all devices know all of the language
PLUS = "h q[0];\n"
PROGRAMS = {
    "gphase": PLUS + "ctrl @ gphase(0.7) q[0];\n",
    "rz": PLUS + "ctrl @ rz(0.7) q[0], q[1];\n",
    "my_rz": "gate my_rz(t) a { gphase(-t/2); U(0, 0, t) a; }\n"
    + PLUS
    + "ctrl @ my_rz(0.7) q[0], q[1];\n",
}
RIGHT = {"gphase": 0.7, "rz": -0.35, "my_rz": -0.35}


def text(program, include=""):
    return f"OPENQASM 3.0;\n{include}qubit[2] q;\n{program}"


def in_qiskit(program):
    state = Statevector(qasm3.loads(text(program, 'include "stdgates.inc";\n'))).data
    return np.angle(state[1] / state[0])


def in_braket(program):
    pragma = "rx(0) q[1];\n#pragma braket result state_vector\n"
    result = StateVectorSimulator().run(Program(source=text(program) + pragma), shots=0)
    state = np.asarray(result.resultTypes[0].value)
    return np.angle(state[2] / state[0])


def in_pennylane(program):
    wires = ["q[0]", "q[1]"]

    @qml.qnode(qml.device("default.qubit", wires=wires))
    def circuit():
        qml.from_qasm3(text(program), {wire: wire for wire in wires})()
        return qml.state()

    state = circuit()
    return np.angle(state[2] / state[0])


versions = map(version, ("qiskit", "amazon-braket-default-simulator", "pennylane"))
print("Qiskit, Braket's simulator, PennyLane:", *versions)
found = {
    (name, reader.__name__): reader(program)
    for reader in (in_qiskit, in_braket, in_pennylane)
    for name, program in PROGRAMS.items()
    if (name, reader) != ("my_rz", in_pennylane)  # knows no U
}
for (name, reader), phase in found.items():
    print(f"{name:7s} {reader:13s} phase of the control {phase:+.2f}, right {RIGHT[name]:+.2f}")
mistaken = {("my_rz", "in_braket"): 0.0, ("gphase", "in_pennylane"): -0.7}
seen = [abs(phase - mistaken.get(key, RIGHT[key[0]])) < 1e-6 for key, phase in found.items()]
sys.exit(not all(seen))
PYTHON
