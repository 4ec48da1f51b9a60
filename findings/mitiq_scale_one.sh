#!/usr/bin/env bash
# Mitiq's noise scaling by one adds half of the CX gates to a circuit of RZZ gates.
#
# Versions:  Mitiq 1.1.0, Cirq 1.6.1, Qiskit 2.6.2.
# Expected:  fold_global(circuit, 1) and insert_id_layers(circuit, 1) are the circuit that
#            was given: a factor of 1 is the noise of the device.
# Seen:      the circuit goes to Cirq and comes back in other gates. RZZ, RXX, CP, CRZ, CRX
#            and CSX, two CX each, return as three CX, so that the first point of an
#            extrapolation has 1.5 times the noise of the circuit and a factor of 3 is one
#            of 4.5: more to extrapolate over than the device made. Circuits of CX, CZ and
#            rotations of one qubit keep their number of CX; transpiled to such gates
#            before, these do, too.
# Source:    mitiq/interface/conversions.py (accept_qprogram_and_validate)
# In skqnn:  nothing; ansatz circuits by name are RY, RZ and CX or CZ only.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qiskit-aer==0.18.2 mitiq==1.1.0 cirq-core==1.6.1 ply==3.11
python_says <<'PYTHON'
import sys
from importlib.metadata import version

from mitiq.zne.scaling import fold_global, insert_id_layers
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import Operator

print("Mitiq", version("mitiq"), "Cirq", version("cirq-core"))


def n_cx(circuit):
    """Return the CX gates of a circuit, each gate opened for itself."""
    opened = transpile(circuit, basis_gates=["rz", "sx", "cx"], optimization_level=0)
    return opened.count_ops().get("cx", 0)


def chain(name, *angle):
    circuit = QuantumCircuit(4)
    for qubit in range(3):
        circuit.ry(0.3 + qubit, qubit)
        getattr(circuit, name)(*angle, qubit, qubit + 1)
    return circuit


seen = []
for name, *angle in (["rzz", 0.3], ["rxx", 0.3], ["cp", 0.3], ["crz", 0.3], ["csx"]):
    circuit = chain(name, *angle)
    one, three = fold_global(circuit, 1), fold_global(circuit, 3)
    layers = insert_id_layers(circuit, 1)
    cx = transpile(circuit, basis_gates=["rz", "sx", "cx"], optimization_level=1)
    counts = [n_cx(c) for c in (circuit, one, layers, three, cx, fold_global(cx, 1))]
    print(f"{name}: {counts[0]} CX, scaled by one {counts[1]} and {counts[2]}, by three "
          f"{counts[3]}; as CX gates {counts[4]} and {counts[5]}")
    seen.append(counts == [6, 9, 9, 27, 6, 6])
    seen.append(Operator(one).equiv(Operator(circuit), atol=1e-6))
for name in ("cx", "cz"):
    counts = n_cx(chain(name)), n_cx(fold_global(chain(name), 1))
    print(f"{name}: {counts[0]} CX, scaled by one {counts[1]}")
    seen.append(counts == (3, 3))
sys.exit(not all(seen))
PYTHON
