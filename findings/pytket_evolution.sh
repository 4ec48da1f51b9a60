#!/usr/bin/env bash
# pytket's converter runs half of a PauliEvolutionGate, and on the qubits in reverse.
#
# Versions:  pytket-qiskit 0.79.0, pytket 2.18.5, Qiskit 2.6.2.
# Expected:  `qiskit_to_tk` returns a circuit with the unitary of the one it got:
#            exp(-i t Z) on qubit 1 for PauliEvolutionGate(Pauli("ZI"), t).
# Seen:      exp(-i t/2 Z) on qubit 0. The time is divided by pi, as if pytket's angles of
#            Pauli exponentials were whole and not half turns, and the letters of a label,
#            of which Qiskit writes that of the highest qubit first, are given to the qubits
#            from the lowest one on. Nothing is said. Opened by `decompose`, the same gate
#            is converted well.
# Source:    _qpo_from_peg in pytket/extensions/qiskit/qiskit_convert.py
# In skqnn:  circuits that leave by skqnn.export have no such gates: they are written as
#            rotations.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 pytket==2.18.5 pytket-qiskit==0.79.0
python_says <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from pytket.extensions.qiskit import qiskit_to_tk
from qiskit import QuantumCircuit
from qiskit.circuit.library import PauliEvolutionGate
from qiskit.quantum_info import Operator, Pauli

print("pytket-qiskit", version("pytket-qiskit"), "pytket", version("pytket"))
TIME = 0.3


def same(a, b):
    """Tell whether two unitaries are the same up to a phase."""
    return bool(abs(np.vdot(a, b)) > len(a) - 1e-9)



def evolution(label, time):
    """Return exp(-i time P) by hand: P squared is one."""
    return np.cos(time) * np.eye(2 ** len(label)) - 1j * np.sin(time) * (
        Pauli(label).to_matrix()
    )


seen = []
for label in ("Z", "ZI", "XY", "XYZ"):
    circuit = QuantumCircuit(len(label))
    circuit.append(PauliEvolutionGate(Pauli(label), TIME), circuit.qubits)
    converted = qiskit_to_tk(circuit).get_unitary()
    opened = qiskit_to_tk(circuit.decompose(reps=3)).get_unitary()
    right = Operator(circuit.reverse_bits()).data
    of_label = Operator(circuit).data
    print(f"{label:3s} as converted: {same(converted, right)}; opened before:",
          f"{same(opened, right)}; half the time, letters in reverse:",
          same(converted, evolution(label, TIME / 2)))
    seen += [same(of_label, evolution(label, TIME)), same(opened, right)]
    seen += [not same(converted, right), same(converted, evolution(label, TIME / 2))]
sys.exit(not all(seen))
PYTHON
