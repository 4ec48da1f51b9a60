#!/usr/bin/env bash
# pytket's and TensorCircuit-NG's converters leave out the fourth angle of an open CU.
#
# Versions:  pytket-qiskit 0.79.0, pytket 2.18.5, tensorcircuit-ng 1.10.0, Qiskit 2.6.2.
# Expected:  CUGate(theta, phi, lambda, gamma, ctrl_state=0), which Qiskit itself opens
#            into X, CU, X, has the phase gamma where its control is 0.
# Seen:      both converters return the gate without gamma, as if it were 0, and say
#            nothing. Where the control is closed TensorCircuit-NG is right, and pytket
#            refuses: "CUGate with nonzero phase". Gates with open controls go another way,
#            through `base_gate`, which is a U gate of three angles: of all gates of
#            Qiskit's library this is the only one that is more than its base gate under a
#            control.
# Source:    qiskit_convert.py of pytket-qiskit; qiskit2tc in tensorcircuit/translation.py
# In skqnn:  circuits are compiled from matrices and definitions, never from base gates; a
#            test has this gate.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 pytket==2.18.5 pytket-qiskit==0.79.0 tensorcircuit-ng==1.10.0 \
    cotengra==0.8.3
python_says <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import tensorcircuit
from pytket.extensions.qiskit import qiskit_to_tk
from qiskit import QuantumCircuit
from qiskit.circuit.library import CUGate
from qiskit.quantum_info import Operator

print("pytket-qiskit", version("pytket-qiskit"),
      "tensorcircuit-ng", version("tensorcircuit-ng"))
tensorcircuit.set_dtype("complex128")
CONVERTERS = {
    "pytket": lambda circuit: qiskit_to_tk(circuit).get_unitary(),
    "TensorCircuit-NG": lambda circuit: np.asarray(
        tensorcircuit.Circuit.from_qiskit(circuit).matrix()
    ),
}


def circuit_of(gamma, ctrl_state):
    circuit = QuantumCircuit(2)
    circuit.append(CUGate(0.1, 0.2, 0.3, gamma, ctrl_state=ctrl_state), [0, 1])
    return circuit


def same(unitary, circuit):
    """Tell whether they are the same up to a phase; both count qubit 0 most."""
    right = Operator(circuit.reverse_bits()).data
    return bool(abs(np.vdot(right, unitary)) > len(right) - 1e-9)


seen = []
for name, unitary_of in CONVERTERS.items():
    circuit, without = circuit_of(0.4, 0), circuit_of(0.0, 0)
    unitary = unitary_of(circuit)
    opened = unitary_of(circuit.decompose(reps=2))
    print(f"{name}: open CU right: {same(unitary, circuit)}; as without gamma:",
          f"{same(unitary, without)}; opened before: {same(opened, circuit)}")
    seen += [not same(unitary, circuit), same(unitary, without), same(opened, circuit)]
closed = circuit_of(0.4, 1)
seen.append(same(CONVERTERS["TensorCircuit-NG"](closed), closed))
try:
    CONVERTERS["pytket"](closed)
except NotImplementedError as error:
    print("pytket, closed:", error)
    seen.append("nonzero phase" in str(error))
sys.exit(not all(seen) or len(seen) < 8)
PYTHON
