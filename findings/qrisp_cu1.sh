#!/usr/bin/env bash
# Qrisp reads `cu1` and `csx` without a phase, so that a QFT of a file finds a wrong number.
#
# Versions:  qrisp 0.9.9, Qiskit 2.6.2.
# Expected:  `QuantumCircuit.from_qasm_str` and `from_qiskit` give the circuit; `cu1(x)` is
#            diag(1, 1, 1, exp(ix)) by qelib1.inc, as `cp(x)` is.
# Seen:      controlled gates become the control of their base gate, and those of `cu1` and
#            `csx` are Qrisp's RZ and a square root of X of determinant 1: right up to a
#            phase, which a control makes a phase of its own. `cu1` is the one controlled
#            phase of the first qelib1.inc, and files with Fourier transforms are made of it:
#            an inverse one that is fed with the phases of 5 finds it with probability 0.59
#            instead of 1, if it names the qubit of each pair that has had no H yet as the
#            control. `csx` is off as well, also with three controls; `cp`, `cs`, `ch`,
#            `cu3`, and `u1` and `sx` themselves are right. `cu` is refused.
# Source:    convert_from_qiskit in qrisp/interface/converter/qiskit_converter.py, U1Gate and
#            SXGate in qrisp/circuit/standard_operations.py
# In skqnn:  the user guide on files says so; the files that it leads to have neither.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qrisp==0.9.9
python_says <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from qiskit import QuantumCircuit, qasm2
from qiskit.circuit import library
from qiskit.quantum_info import Operator, Statevector
from qrisp import QuantumCircuit as QrispCircuit

LEGACY = qasm2.LEGACY_CUSTOM_INSTRUCTIONS
N_QUBITS, NUMBER = 3, 5


def overlap(gate):
    """Compare the matrices of a gate, up to a global phase."""
    circuit = QuantumCircuit(gate.num_qubits)
    circuit.append(gate, range(gate.num_qubits))
    found = QrispCircuit.from_qiskit(circuit).get_unitary()
    return abs(np.vdot(Operator(circuit.reverse_bits()).data, found)) / len(found)


def fourier(name):
    """Write the phases of a number, and the inverse Fourier transform that finds it."""
    lines = ['OPENQASM 2.0;\ninclude "qelib1.inc";', f"qreg q[{N_QUBITS}];"]
    for qubit in range(N_QUBITS):
        lines.append(f"h q[{qubit}];\nu1({np.pi * NUMBER / 2**qubit}) q[{qubit}];")
    for qubit in range(N_QUBITS):
        for other in range(qubit):
            angle = -np.pi / 2 ** (qubit - other)
            lines.append(f"{name}({angle}) q[{qubit}],q[{other}];")
        lines.append(f"h q[{qubit}];")
    return "\n".join(lines) + "\n"


print("qrisp", version("qrisp"))
wrong = [library.CU1Gate(0.9), library.CSXGate(), library.C3SXGate()]
right = [library.CPhaseGate(0.9), library.CSGate(), library.CHGate(), library.U1Gate(0.9)]
right += [library.SXGate(), library.CU3Gate(0.7, 0.4, 1.1), library.CRZGate(7)]
overlaps = {gate.name: overlap(gate) for gate in wrong + right}
print("  overlaps:", {name: round(float(value), 3) for name, value in overlaps.items()})
seen = [overlaps[gate.name] < 0.99 for gate in wrong]
seen += [overlaps[gate.name] > 1 - 1e-6 for gate in right]
chances = {}
for name in ("cp", "cu1"):
    circuit = qasm2.loads(fourier(name), custom_instructions=LEGACY)
    expected = Statevector(circuit).reverse_qargs().probabilities()
    matrix = QrispCircuit.from_qasm_str(fourier(name)).get_unitary()
    chances[name] = np.abs(matrix[np.argmax(expected), 0]) ** 2
    print(f"  with {name:3s}: {chances[name]:.3f} for {expected.max():.3f}")
    seen.append(expected.max() > 1 - 1e-9)
sys.exit(not (all(seen) and chances["cp"] > 0.999 and abs(chances["cu1"] - 0.59) < 0.01))
PYTHON
