#!/usr/bin/env bash
# StatevectorEstimator: error bars of zero, and one deviation for every pub.
#
# Versions:  Qiskit 2.6.2.
# Expected:  with a precision the results scatter by it, say so in `stds`, and scatter
#            independently.
# Seen:      `stds` is 0 whatever the precision, and an integer seed is used anew for each
#            pub: all of them are off by the same number. Differences of pubs, such as
#            parameter-shift gradients, then look exact.
# Source:    https://quantum.cloud.ibm.com/docs/api/qiskit/qiskit.primitives.StatevectorEstimator
# In skqnn:  such estimators are seeded for each request, and standard errors that cannot
#            be true are replaced (docs/user_guide/hardware.rst).
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2
python_says <<'PYTHON'
import sys

import numpy as np
import qiskit
from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp

pub = (QuantumCircuit(1), SparsePauliOp("Z"))
estimator = StatevectorEstimator(default_precision=0.1, seed=7)
results = estimator.run([pub] * 5).result()
values = np.array([float(result.data.evs) for result in results])
stds = np.array([float(result.data.stds) for result in results])
print("Qiskit", qiskit.__version__, "values:", values.round(4), "stds:", stds)
sys.exit(not (np.ptp(values) == 0 and values[0] != 1 and np.all(stds == 0)))
PYTHON
