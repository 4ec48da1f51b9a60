#!/usr/bin/env bash
# Qibo's matrix of a circuit leaves out gates that were fused, or that a file defines.
#
# Versions:  qibo 0.3.6.
# Expected:  `circuit.fuse().unitary()` is `circuit.unitary()`, as both run to the same
#            state; and a circuit of a QASM file with a gate of its own has the matrix of
#            what it runs.
# Seen:      fused gates count as the identity in `unitary()`, and so do those that a
#            QASM file defines, which are read as fused ones. Execution is right.
# Source:    https://qibo.science/qibo/stable/code-examples/advancedexamples.html
# In skqnn:  nothing rests on it.
source "$(dirname "$0")/_run.sh"
packages qibo==0.3.6
python_says <<'PYTHON'
import sys

import numpy as np
import qibo
from qibo import gates
from qibo.models import Circuit

FILE = """OPENQASM 2.0;
include "qelib1.inc";
gate mine(a) x, y { rx(a) y; cx x, y; }
qreg q[2];
mine(0.7) q[0],q[1];
"""
plain = Circuit(2)
plain.add([gates.RX(1, 0.7), gates.CNOT(0, 1)])
circuits = {"plain": plain, "fused": plain.fuse(), "file": Circuit.from_qasm(FILE)}
state, matrix = plain().state(), plain.unitary()
print("qibo", qibo.__version__)
same = {}
for name, circuit in circuits.items():
    same[name] = (
        np.allclose(circuit().state(), state),
        np.allclose(circuit.unitary(), matrix),
        np.allclose(circuit.unitary(), np.eye(4)),
    )
    print(name, "state, matrix as the plain one; matrix is the identity:", *same[name])
left_out = dict.fromkeys(["fused", "file"], (True, False, True))
seen = {"plain": (True, True, False)} | left_out
sys.exit(same != seen)
PYTHON
