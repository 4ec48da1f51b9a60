#!/usr/bin/env bash
# Braket's provider for Qiskit leaves out the bits of a circuit that nothing is measured to.
#
# Versions:  Qiskit 2.6.2, qiskit-aer 0.18.2, qiskit-braket-provider 0.27.1.
# Expected:  counts have one character for each classical bit, bit 0 last, and a space
#            between registers, as those of Qiskit's other backends.
# Seen:      bits that no qubit is measured to are left out and registers are joined: the
#            outcome "010" of a measurement to the middle one of three bits is "1", so that
#            whoever reads key[-2], or the number int(key, 2), reads another bit. Bits that
#            are all measured, in any order, are right.
# Source:    https://github.com/qiskit-community/qiskit-braket-provider
# In skqnn:  the circuits that it measures have no other bits.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qiskit-aer==0.18.2 qiskit-braket-provider==0.27.1
python_says <<'PYTHON'
import sys
from importlib.metadata import version

from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit_aer import AerSimulator
from qiskit_braket_provider import BraketLocalBackend

middle = QuantumCircuit(3, 3)
middle.x(0)
middle.measure(0, 1)
registers = QuantumCircuit(
    QuantumRegister(2, "q"), ClassicalRegister(1, "a"), ClassicalRegister(1, "b")
)
registers.x(0)
registers.measure([0, 1], [1, 0])
crossed = QuantumCircuit(3, 3)
crossed.x(0)
crossed.measure([0, 1, 2], [2, 0, 1])


def outcome(backend, circuit):
    (key,) = backend.run(circuit, shots=100).result().get_counts()
    return key


print("qiskit-braket-provider", version("qiskit-braket-provider"))
seen = {}
circuits = {"middle": middle, "registers": registers, "crossed": crossed}
for name, circuit in circuits.items():
    seen[name] = outcome(AerSimulator(), circuit), outcome(BraketLocalBackend(), circuit)
    print(f"{name:10s} Aer {seen[name][0]!r}, Braket {seen[name][1]!r}")
expected = {"middle": ("010", "1"), "registers": ("1 0", "10"), "crossed": ("100", "100")}
sys.exit(seen != expected)
PYTHON
