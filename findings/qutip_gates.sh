#!/usr/bin/env bash
# QuTiP leaves out gates in the definitions of a QASM file that it refuses outside of them.
#
# Versions:  qutip-qip 0.4.2, QuTiP 5.3.1, Qiskit 2.6.2.
# Expected:  `read_qasm` reads a gate that a file defines, or says which part it cannot.
# Seen:      gates that it does not know, `swap`, `sx`, `p`, `cp`, `crx`, `rzz` and others of
#            qelib1.inc among them, are an error in the circuit itself, but in the body of a
#            definition they are left out without a word. `gate flip a,b { x a; swap a,b; }`
#            flips the wrong qubit: the overlap with the right state is 0.
# Source:    _initialize_pass of qutip_qip/qasm.py, whose branch for bodies has no `else`
# In skqnn:  the user guide on files says so; the files that it leads to define no gates.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qutip-qip==0.4.2 qutip==5.3.1
python_says <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import qutip
from qiskit import qasm2
from qiskit.quantum_info import Statevector
from qutip_qip.qasm import read_qasm

HEAD = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
QUBITS = 2
KNOWN = ["cx {0},{1}", "h {1}", "u2(0.4,0.9) {0}", "cu1(0.9) {0},{1}", "crz(0.9) {0},{1}"]
UNKNOWN = [
    *("swap {0},{1}", "cp(0.9) {0},{1}", "crx(0.9) {0},{1}", "rzz(0.9) {0},{1}"),
    *("sx {0}", "p(0.9) {0}"),
]


def state(text):
    start = qutip.tensor([qutip.basis(2, 0)] * QUBITS)
    return read_qasm(text, strmode=True).run(start).full().ravel()


def overlap(text):
    instructions = qasm2.LEGACY_CUSTOM_INSTRUCTIONS
    expected = Statevector(qasm2.loads(text, custom_instructions=instructions))
    return abs(np.vdot(expected.reverse_qargs().data, state(text))) ** 2


def program(gate, inside):
    """Write a circuit with an X and the gate, in a definition of its own or not."""
    body = f"x {{0}}; {gate};"
    own = f"gate mine a,b {{ {body.format('a', 'b')} }}\n" if inside else ""
    call = "mine q[0],q[1];" if inside else body.format("q[0]", "q[1]")
    around = "ry(0.4) q[0];\nry(1.1) q[1];\n{}\nrx(0.7) q[0];\nrx(0.7) q[1];\n"
    return f"{HEAD}{own}qreg q[2];\n{around.format(call)}"


def is_refused(text):
    try:
        state(text)
    except SyntaxError:
        return True
    return False


print("qutip-qip", version("qutip-qip"))
seen = [overlap(program(gate, inside=True)) > 1 - 1e-9 for gate in KNOWN]
for gate in UNKNOWN:
    inside = overlap(program(gate, inside=True))
    refused = is_refused(program(gate, inside=False))
    name = gate.format("a", "b")
    print(f"  {name:13s} inside: overlap {inside:.3f}; outside: refused, {refused}")
    seen.append(inside < 0.99 and refused)
flip = f"{HEAD}gate flip a,b {{ x a; swap a,b; }}\nqreg q[2];\nflip q[0],q[1];\n"
print(f"  flip: overlap {overlap(flip):.3f}")
sys.exit(not (all(seen) and overlap(flip) < 1e-9))
PYTHON
