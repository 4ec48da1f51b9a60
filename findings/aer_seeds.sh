#!/usr/bin/env bash
# Aer's runs with neighbouring seeds are the same, and so are circuits of a long job.
#
# Versions:  Qiskit 2.6.2, qiskit-aer 0.18.2.
# Expected:  runs with `seed_simulator` 0, 1, 2, ... are independent repetitions, and so
#            are the circuits, or the bindings of parameters, of one job.
# Seen:      where each shot is a run of its own (a circuit goes on after a measurement or
#            a reset, or noise is simulated on state vectors), shot k has the random
#            numbers of the seed plus k: the next seed has the outcomes of this one
#            without the first. Means over 1,024 shots scatter over 20 seeds by a tenth of
#            what they should. In a job, each circuit has a seed 2,113 higher: of 10,000
#            shots, it repeats 7,887 of the circuit before.
# Source:    https://qiskit.github.io/qiskit-aer/stubs/qiskit_aer.AerSimulator.html
# In skqnn:  seeds are drawn at random, and circuits of more shots than that are run one
#            by one where shots are runs (skqnn/_backends/aer.py).
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qiskit-aer==0.18.2
python_says <<'PYTHON'
import sys

import numpy as np
import qiskit
import qiskit_aer
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, pauli_error

STEP = 2113
again = QuantumCircuit(1, 2)
again.h(0)
again.measure(0, 0)
again.h(0)
again.measure(0, 1)
flipped = QuantumCircuit(1, 1)
flipped.id(0)
flipped.measure(0, 0)
flips = NoiseModel()
flips.add_all_qubit_quantum_error(pauli_error([("X", 0.5), ("I", 0.5)]), ["id"])
cases = {
    "measured twice": (again, AerSimulator()),
    "noise": (flipped, AerSimulator(method="statevector", noise_model=flips)),
}


def outcomes(name, seed, shots, n_circuits=1):
    """Return the last bit of each shot, one row for each circuit of a job."""
    circuit, simulator = cases[name]
    options = {"shots": shots, "seed_simulator": seed, "memory": True}
    result = simulator.run([circuit] * n_circuits, **options).result()
    memories = map(result.get_memory, range(n_circuits))
    return np.array([[int(bits[-1]) for bits in memory] for memory in memories])


print("Qiskit", qiskit.__version__, "Aer", qiskit_aer.__version__)
seen = []
for name in cases:
    (first,), (second,) = (outcomes(name, seed, 1024) for seed in (1, 2))
    shifted = np.mean(first[1:] == second[:-1])
    means = [outcomes(name, seed, 1024).mean() for seed in range(20)]
    scatter = np.std(means, ddof=1) / (0.5 / np.sqrt(1024))
    one, other = outcomes(name, 1, 10_000, n_circuits=2)
    repeated = np.mean(one[STEP:] == other[:-STEP])
    print(f"{name}: the next seed has the same outcomes, one shot later: {shifted:.3f}")
    print(f"  20 means scatter by {scatter:.2f} times what they should")
    print(f"  the next circuit of the job repeats {repeated:.3f} of {len(one) - STEP}")
    seen.append(shifted == 1 and scatter < 0.3 and repeated == 1)
sys.exit(not all(seen))
PYTHON
