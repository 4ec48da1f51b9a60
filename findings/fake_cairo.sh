#!/usr/bin/env bash
# No ring of three CX can be transpiled for FakeCairoV2, which has CX and ECR gates.
#
# Versions:  Qiskit 2.6.2, qiskit-ibm-runtime 0.51.0.
# Expected:  a snapshot of a device that IBM ships is a target that `transpile` knows, as
#            those of all other devices of the package are.
# Seen:      its couplers have CX in one direction, ECR in others. Where a CX would have
#            to be turned around, every optimization level from 1 on raises a
#            TranspilerError that says no rule is known, although both gates are in its
#            list of rules; for a ring of three CX that is so with all of 20 seeds.
# Source:    https://quantum.cloud.ibm.com/docs/api/qiskit-ibm-runtime/fake-provider-fake-cairo-v2
# In skqnn:  the error names the device; the benchmark over all fake devices leaves it out.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qiskit-ibm-runtime==0.51.0
python_says <<'PYTHON'
import sys

import qiskit
from qiskit import QuantumCircuit, transpile
from qiskit.transpiler.exceptions import TranspilerError
from qiskit_ibm_runtime.fake_provider import FakeCairoV2, FakeHanoiV2

circuit = QuantumCircuit(3)
for pair in ((0, 1), (1, 2), (2, 0)):
    circuit.cx(*pair)


def n_failures(device):
    failures = 0
    for level in (1, 2, 3):
        for seed in range(20):
            try:
                transpile(
                    circuit, device, optimization_level=level, seed_transpiler=seed
                )
            except TranspilerError:
                failures += 1
    return failures


cairo, hanoi = n_failures(FakeCairoV2()), n_failures(FakeHanoiV2())
print("Qiskit", qiskit.__version__, f"fails in {cairo} of 60 tries; Hanoi in {hanoi}")
sys.exit((cairo, hanoi) != (60, 0))
PYTHON
