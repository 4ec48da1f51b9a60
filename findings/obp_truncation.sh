#!/usr/bin/env bash
# Qiskit's addon for backpropagation drops terms of half the largest one, for an error of 0.
#
# Versions:  qiskit-addon-obp 0.3.0, Qiskit 2.6.2.
# Expected:  with a budget of 0.001, terms are dropped whose coefficients have a sum of
#            0.001 at most, and the error that is reported bounds the true one.
# Seen:      of Z + 0.5 ZZ only Z is left, and the error is 0: <Z + 0.5 ZZ> of the state
#            |11> is -1 instead of -0.5, by `backpropagate` as well. A search halves the
#            range of thresholds: it counts terms below the threshold, but then keeps those
#            above it, so that a term that equals one is in neither. Thresholds are the
#            largest coefficient times 1/2, 1/4, 3/4, ..., where the terms of a Hamiltonian
#            with coupling 1 and field 0.5 are. 0.3 and 0.499 stay. Of equal
#            terms all are dropped, ten fields of 0.5 for the same error of 0.
# Source:    truncate_binary_search in qiskit_addon_obp/utils/truncating.py
# In skqnn:  nothing rests on it; observables are measured whole.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qiskit-addon-obp==0.3.0
python_says <<'PYTHON'
import sys
from importlib.metadata import version

from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_addon_obp import backpropagate
from qiskit_addon_obp.utils.truncating import setup_budget, truncate_binary_search

BUDGET = 1e-3
FIELDS = 10


def dropped(coefficients):
    """Return the sum of what truncation leaves out, and the error that it reports."""
    n_terms = len(coefficients)
    labels = ["I" * k + "Z" + "I" * (n_terms - k - 1) for k in range(n_terms)]
    kept, error = truncate_binary_search(SparsePauliOp(labels, coefficients), BUDGET)
    return sum(map(abs, coefficients)) - abs(kept.coeffs).sum(), error


print("qiskit-addon-obp", version("qiskit-addon-obp"), "budget", BUDGET)
wrong = [[1, 0.5], [1, -0.25], [1, 0.75], [0.6, 0.3], [2, 1], [1] + [0.5] * FIELDS]
right = [[1, 0.3], [1, 0.499], [1, 1], [1, 0.3, 0.0005]]
seen = []
for coefficients in wrong + right:
    lost, error = dropped(coefficients)
    print(f"  {str(coefficients[:4]):22s} {lost:.4f} dropped, error {error:.4f}")
    much = lost > 200 * BUDGET and error == 0
    seen.append(much if coefficients in wrong else lost <= BUDGET)

observable = SparsePauliOp(["IZ", "ZZ"], [1, 0.5])
state = QuantumCircuit(2)
state.x([0, 1])
last = QuantumCircuit(2)
last.rzz(0.3, 0, 1)  # commutes with the observable, which comes back as it was
budget = setup_budget(max_error_per_slice=BUDGET)
reduced, _, metadata = backpropagate(observable, [last], truncation_error_budget=budget)
exact = Statevector(state.compose(last)).expectation_value(observable).real
found = Statevector(state).expectation_value(reduced).real
error = metadata.accumulated_error(0)
print(f"  <Z + 0.5 ZZ> {found:.2f} for {exact:.2f}, reported error {error:.4f}")
seen.append(abs(found - exact) > 0.4 and error == 0)
sys.exit(not all(seen))
PYTHON
