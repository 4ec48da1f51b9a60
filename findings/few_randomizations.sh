#!/usr/bin/env bash
# Error bars of IBM's estimator come from two numbers where few shots are asked for.
#
# Versions:  qiskit-ibm-runtime 0.51.0, qiskit-mitigation 0.1.1, Qiskit 2.6.2.
# Expected:  `precision=0.1`, which is 100 shots, returns values with a standard error of
#            about 0.1 that says so.
# Seen:      by default 64 shots or more share a random flip of the bits, and `stds` is the
#            scatter of these groups: two of them up to 128 shots. Half of the errors are
#            below half of the truth, some are 0, and a quarter of all values are more than
#            three errors off, instead of 0.3 %. `ensemble_standard_error` beside it is
#            right, and so is `stds` of 64 shots (one group) or of thousands.
# Source:    calculate_twirling_shots.py of qiskit_ibm_runtime/executor, and MitigationTask
#            in qiskit_mitigation/mitigation_task.py
# In skqnn:  errors are never less than the shots allow (skqnn/_backends/error_bars.py).
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qiskit-aer==0.18.2 qiskit-ibm-runtime==0.51.0 \
    qiskit-mitigation==0.1.1
python_says <<'PYTHON'
import sys

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.executor_estimator import Estimator

REPETITIONS = 1000
circuit = QuantumCircuit(1)
circuit.sx(0)  # <Z> is 0
circuit.rz(Parameter("repetition"), 0)
repetitions = np.zeros((REPETITIONS, 1))
estimator = Estimator(mode=AerSimulator(seed_simulator=1))
far = {}
for shots in (64, 100, 4096):
    pub = (circuit, SparsePauliOp("Z"), repetitions)
    data = estimator.run([pub], precision=shots**-0.5 + 1e-12).result()[0].data
    far[shots] = np.mean(np.abs(data.evs) > 3 * data.stds)
    print(f"{shots} shots: scatter {np.std(data.evs):.3f}, told {np.median(data.stds):.3f}",
          f"(from {data.stds.min():.3f} to {data.stds.max():.3f}; all shots together:",
          f"{np.median(data.ensemble_standard_error):.3f}), {far[shots]:.1%} off")
sys.exit(not (0.2 < far[100] < 0.36 and far[64] < 0.02 and far[4096] < 0.03))
PYTHON
