#!/usr/bin/env bash
# PennyLane's `compile` moves a gate through a controlled one that does not let it.
#
# Versions:  PennyLane 0.45.1.
# Expected:  `qml.compile(circuit)` gives the results of `circuit`.
# Seen:      a Hadamard or a Rot in front of the target of a CRot, or of one of the qubits
#            that a CSWAP exchanges, comes out behind it: an <X> of -0.14 for 0.13. It is the
#            pass `commute_controlled`, which is in the default of `compile`, and says not a
#            word. CRX, CRY, CRZ, Toffoli and controlled phases are right.
# Source:    https://docs.pennylane.ai/en/stable/code/api/pennylane.transforms.commute_controlled.html
# In skqnn:  circuits are compiled by its own passes and by Qiskit's.
source "$(dirname "$0")/_run.sh"
packages pennylane==0.45.1
python_says <<'PYTHON'
import sys

import numpy as np
import pennylane as qml

ANGLES = 1.5, 0.4, -0.8
WIRES = 3
FIRST = {
    "Hadamard": lambda: qml.Hadamard(1),
    "Rot": lambda: qml.Rot(0.7, 1.1, -0.3, wires=1),
}
SECOND = {
    "CRot": lambda: qml.CRot(*ANGLES, wires=[0, 1]),
    "CSWAP": lambda: qml.CSWAP([0, 1, 2]),
    "CRX": lambda: qml.CRX(ANGLES[0], wires=[0, 1]),
    "CRZ": lambda: qml.CRZ(ANGLES[0], wires=[0, 1]),
    "Toffoli": lambda: qml.Toffoli([0, 2, 1]),
}


def make(first, second):
    @qml.qnode(qml.device("default.qubit", wires=WIRES))
    def circuit():
        for wire in range(WIRES):
            qml.RY(2.4 - 0.7 * wire, wires=wire)
        qml.Barrier(range(WIRES))
        first()
        second()
        return qml.expval(qml.X(1)), qml.expval(qml.Y(1)), qml.expval(qml.Z(1))

    return circuit


print("PennyLane", qml.__version__)
same = {}
for second in SECOND:
    for first in FIRST:
        circuit = make(FIRST[first], SECOND[second])
        right, found = np.array(circuit()), np.array(qml.compile(circuit)())
        alone = np.array(qml.transforms.commute_controlled(circuit)())
        same[second, first] = np.allclose(found, right)
        print(f"{first:8s} {second:7s} <X> <Y> <Z>", right.round(2), "compiled", found.round(2))
        if not np.allclose(found, alone):
            sys.exit("it is not commute_controlled alone")
print(qml.draw(make(FIRST["Hadamard"], SECOND["CRot"]))())
print(qml.draw(qml.compile(make(FIRST["Hadamard"], SECOND["CRot"])))())
expected = {key: key[0] not in ("CRot", "CSWAP") for key in same}
sys.exit(same != expected)
PYTHON
