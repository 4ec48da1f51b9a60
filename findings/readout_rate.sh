#!/usr/bin/env bash
# Readout mitigation of IBM's client: a probability is used as a rate.
#
# Versions:  qiskit-ibm-runtime 0.51.0, qiskit-mitigation 0.1.1, Qiskit 2.6.2.
# Expected:  resilience_level=1 (TREX) divides <Z> by 1 - 2 p, which a readout error of
#            probability p leaves of it.
# Seen:      it divides by exp(-2 p): the measured probability becomes the rate of a
#            PauliLindbladMap. With p = 0.1, 97.7 % of <Z> are left, of three qubits 93 %.
# Source:    TREX._compute_noise_model_0_1 in qiskit_mitigation/trex.py
# In skqnn:  docs/user_guide/hardware.rst tells; on simulators the package's own correction
#            divides by 1 - 2 p.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qiskit-aer==0.18.2 qiskit-ibm-runtime==0.51.0 \
    qiskit-mitigation==0.1.1
python_says <<'PYTHON'
import sys

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError
from qiskit_ibm_runtime.executor_estimator import Estimator

model = NoiseModel()
model.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.1, 0.9]]))
simulator = AerSimulator(noise_model=model, basis_gates=["rz", "sx", "x", "cx"])
seen = {}
for n_qubits in (1, 3):
    circuit = QuantumCircuit(n_qubits)
    circuit.rz(0.4, 0)
    circuit.sx(0)
    circuit.sx(0)
    for qubit in range(1, n_qubits):
        circuit.x(qubit)
    pub = (circuit, [[SparsePauliOp("Z" * n_qubits)]])
    options = {"resilience_level": 1, "simulator": {"seed_simulator": 1}}
    estimator = Estimator(mode=simulator, options=options)
    data = estimator.run([pub], precision=100_000**-0.5).result()[0].data
    seen[n_qubits] = abs(float(np.ravel(data.evs)[0]))
    print(f"{n_qubits} qubits: |<Z...Z>| {seen[n_qubits]:.4f}, right: 1.0000,",
          f"by exp(-2 p): {(0.8 * np.exp(0.2)) ** n_qubits:.4f}")
sys.exit(not (abs(seen[1] - 0.977) < 0.01 and abs(seen[3] - 0.933) < 0.02))
PYTHON
