#!/usr/bin/env bash
# `pi/(2^3)` in OpenQASM 2 is pi in quimb, qutip-qip and MQT Core.
#
# Versions:  quimb 1.16.0, qutip-qip 0.4.2, mqt-core 4.1.1, Qiskit 2.6.2.
# Expected:  an angle of pi/8. In version 2 of OpenQASM numbers are real and `^` is the
#            power, as the grammar of the language and Qiskit have it.
# Seen:      all three take `^` for the exclusive or of two whole numbers, as in Python and
#            in version 3 of OpenQASM, and 2^3 for 1. `pi^2/7`, of numbers that are not
#            whole, is an error. MQT Core 4, which reads version 2 by the rules of version
#            3, also divides whole numbers without a remainder: `ry(3/2)` turns by 1, and
#            `ry((1/4)*pi)` not at all. BQSKit has the power.
# Source:    "Open Quantum Assembly Language", arXiv:1707.03429, appendix A (the grammar)
# In skqnn:  the user guide on files says so; the files that it leads to hold numbers.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 quimb==1.16.0 autoray==0.11.0 qutip-qip==0.4.2 qutip==5.3.1 \
    mqt-core==4.1.1
python_says <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import quimb.tensor
import qutip
from mqt.core.mlir import simulate
from qiskit import qasm2
from qiskit.quantum_info import Statevector
from qutip_qip.qasm import read_qasm

READERS = {
    "qiskit": lambda text: Statevector(qasm2.loads(text)).data,
    "quimb": lambda text: quimb.tensor.Circuit.from_openqasm2_str(text).to_dense(),
    "qutip-qip": lambda text: read_qasm(text, strmode=True).run(qutip.basis(2, 0)).full(),
    "mqt-core": simulate,
}
ANGLES = ["pi/(2^3)", "2^2", "3/2", "(1/4)*pi"]
TURNS = {
    "qiskit": [np.pi / 8, 4, 1.5, np.pi / 4],
    "quimb": [np.pi, 0, 1.5, np.pi / 4],
    "qutip-qip": [np.pi, 0, 1.5, np.pi / 4],
    "mqt-core": [np.pi, 0, 1, 0],
}


def turn(reader, angle):
    """Return by how much ry(angle) turns, from the state that it makes."""
    text = f'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1];\nry({angle}) q[0];\n'
    zero, one = np.ravel(READERS[reader](text)).real
    return 2 * np.arctan2(one, zero)


print({name: version(name) for name in READERS})
seen = []
for reader in READERS:
    turns = [turn(reader, angle) for angle in ANGLES]
    print(f"  {reader:10s}", dict(zip(ANGLES, np.round(turns, 4).tolist(), strict=True)))
    # up to a global phase
    seen.append(np.allclose(np.sin((turns - np.array(TURNS[reader])) / 2), 0, atol=1e-6))
sys.exit(not all(seen))
PYTHON
