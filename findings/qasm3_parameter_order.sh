#!/usr/bin/env bash
# A circuit read back from OpenQASM 3 takes an array of parameters in another order.
#
# Versions:  Qiskit 2.6.2, qiskit-qasm3-import 0.6.0.
# Expected:  `qasm3.loads(qasm3.dumps(circuit))` with the same array of values assigned
#            prepares the same state.
# Seen:      theta[10] comes back as a parameter of its own named "_θ_10_". Names are
#            sorted as text where elements of a vector are sorted by their index, so it
#            stands before "_θ_2_". From eleven parameters on, an array of trained values
#            lands on other gates, without a word: the overlap with the right state of
#            three qubits and twelve angles is 0.28. Values given by name are not affected.
# Source:    https://quantum.cloud.ibm.com/docs/api/qiskit/qasm3
# In skqnn:  a circuit whose names end in numbers in another order is warned of (see "Files"
#            in the user guide), and skqnn's own files keep the order.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qiskit-qasm3-import==0.6.0
python_says <<'PYTHON'
import sys

import numpy as np
import qiskit
from qiskit import qasm3
from qiskit.circuit.library import real_amplitudes
from qiskit.quantum_info import Statevector, state_fidelity

circuit = real_amplitudes(3, reps=3)
again = qasm3.loads(qasm3.dumps(circuit))
values = np.linspace(0.1, 2, circuit.num_parameters)
states = [Statevector(c.assign_parameters(values)) for c in (circuit, again)]
overlap = state_fidelity(*states)
print("Qiskit", qiskit.__version__, "order:", *[p.name for p in again.parameters])
print("overlap of the two states:", round(overlap, 3))
sys.exit(bool(overlap > 0.9))
PYTHON
