#!/usr/bin/env bash
# PyZX reads `rz(pi/2+0.1)` in OpenQASM as a turn by pi/2 + 0.1 pi.
#
# Versions:  PyZX 0.10.8, Qiskit 2.6.2.
# Expected:  an expression is what arithmetic says: pi/2 + 0.1 is 1.67.
# Seen:      once `pi` occurs in an expression, every number in it is a multiple of pi:
#            pi/2 + 0.1 is 1.88, -pi/4 + 0.3 turns to the other side, (pi + 1)/2 is pi, and
#            pi*pi is pi. Alone, the numbers are right, and so are fractions of pi. No
#            message, from Circuit.from_qasm, which also reads files.
# Source:    qasmparser.py of pyzx; https://openqasm.com/language/types.html (angles)
# In skqnn:  bound_circuit writes angles as one number each, and Qiskit's exporters write
#            fractions of pi, which are read well.
source "$(dirname "$0")/_run.sh"
packages pyzx==0.10.8 qiskit==2.6.2
python_says <<'PYTHON'
import math
import sys
from importlib.metadata import version

import pyzx
from qiskit import qasm2

print("PyZX", version("pyzx"))
PROGRAM = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1];\nrz({}) q[0];\n'


def angles(expression):
    """Return what PyZX, Qiskit and Python make of an angle, in [0, 2 pi)."""
    program = PROGRAM.format(expression)
    phase = float(pyzx.Circuit.from_qasm(program).gates[0].phase) * math.pi
    qiskit = float(qasm2.loads(program).data[0].params[0])
    python = eval(expression, {"pi": math.pi})
    return [value % (2 * math.pi) for value in (phase, qiskit, python)]


seen = []
for expression, wrong in {
    "0.1": None,
    "0.1+0.2": None,
    "3*pi/4": None,
    "pi/2-pi/8": None,
    "pi/2+0.1": math.pi / 2 + 0.1 * math.pi,
    "-pi/4+0.3": 0.05 * math.pi,
    "(pi+1)/2": math.pi,
    "pi*pi": math.pi,
}.items():
    phase, qiskit, python = angles(expression)
    print(f"{expression:10s} PyZX {phase:.4f}, Qiskit {qiskit:.4f}, Python {python:.4f}")
    expected = python if wrong is None else wrong
    seen += [math.isclose(phase, expected, abs_tol=1e-6), math.isclose(qiskit, python)]
sys.exit(not all(seen))
PYTHON
