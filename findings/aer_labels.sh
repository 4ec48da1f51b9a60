#!/usr/bin/env bash
# A gate with a label has no noise in Aer.
#
# Versions:  Qiskit 2.6.2, qiskit-aer 0.18.2.
# Expected:  `circuit.cx(0, 1, label="entangle")` has the errors of `cx`: a label is what
#            drawings write on a gate, and the instruction is named `cx` as before.
# Seen:      errors are looked for by the label, and there are none of that name. All
#            labelled gates run without noise, before and after transpilation, and
#            without a word. Errors that are added for the label are found.
# Source:    https://qiskit.github.io/qiskit-aer/stubs/qiskit_aer.noise.NoiseModel.html
# In skqnn:  labels are left out of all circuits (docs/user_guide/noise.rst).
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qiskit-aer==0.18.2
python_says <<'PYTHON'
import sys

import qiskit
import qiskit_aer
from qiskit import QuantumCircuit, transpile
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error

noise = NoiseModel()
noise.add_all_qubit_quantum_error(depolarizing_error(0.4, 2), ["cx"])
simulator = AerSimulator(noise_model=noise, method="density_matrix")


def purity(label, transpiled):
    circuit = QuantumCircuit(2)
    circuit.cx(0, 1, label=label)
    circuit.save_density_matrix()
    if transpiled:
        circuit = transpile(circuit, simulator)
    return simulator.run(circuit).result().data()["density_matrix"].purity().real


print("Qiskit", qiskit.__version__, "Aer", qiskit_aer.__version__)
seen = []
for transpiled in (False, True):
    plain, mine, same = (purity(label, transpiled) for label in (None, "mine", "cx"))
    print(f"purity {plain:.3f}, with a label {mine:.3f}, with the label 'cx' {same:.3f}")
    seen.append(plain < 0.6 and mine > 1 - 1e-9 and abs(same - plain) < 1e-9)
sys.exit(not all(seen))
PYTHON
