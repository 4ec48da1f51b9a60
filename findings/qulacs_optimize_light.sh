#!/usr/bin/env bash
# Qulacs's light optimizer moves gates past a parametric one that does not let them.
#
# Versions:  qulacs 0.6.14.
# Expected:  `QuantumCircuitOptimizer().optimize_light(circuit)` leaves what a circuit does
#            as it is, as `optimize(circuit, 1)` does.
# Seen:      the two H of H, RZ(parameter), H on one qubit are merged to the identity in
#            front of the RZ: another circuit, without a word. For an ansatz of layers,
#            energies and gradients are those of an ansatz whose fixed gates have moved.
# Source:    https://github.com/qulacs/qulacs/issues/718, put right after this release
# In skqnn:  the benchmark against Qulacs does not optimize its circuits.
source "$(dirname "$0")/_run.sh"
packages numpy==2.4.6 qulacs==0.6.14
python_says <<'PYTHON'
import sys

import numpy as np
import qulacs
from qulacs.circuit import QuantumCircuitOptimizer


def make(angle):
    circuit = qulacs.ParametricQuantumCircuit(1)
    circuit.add_H_gate(0)
    circuit.add_parametric_RZ_gate(0, angle)
    circuit.add_H_gate(0)
    return circuit


def state(circuit):
    vector = qulacs.QuantumState(1)
    circuit.update_quantum_state(vector)
    return vector.get_vector()


print("qulacs", qulacs.__version__)
seen = {}
for name in ("optimize", "optimize_light"):
    circuit = make(2.0)
    arguments = (1,) if name == "optimize" else ()
    getattr(QuantumCircuitOptimizer(), name)(circuit, *arguments)
    seen[name] = abs(np.vdot(state(circuit), state(make(2.0)))) ** 2
    gates = [circuit.get_gate(k).get_name() for k in range(circuit.get_gate_count())]
    print(f"{name:15s} overlap with the right state {seen[name]:.3f}", gates)
right = np.cos(1.0) ** 2  # of |0> with H RZ(2) H |0>
sys.exit(not np.allclose([seen["optimize"], seen["optimize_light"]], [1, right]))
PYTHON
