"""Expectation values are smooth functions of the angles of a circuit."""

import matplotlib.pyplot as plt
import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp, Statevector

angles = np.linspace(-np.pi, np.pi, 61)


def expectation(angle, label):
    """Return the mean of an observable of two qubits that one angle entangles."""
    circuit = QuantumCircuit(2)
    circuit.ry(angle, 0)
    circuit.cx(0, 1)
    circuit.ry(angle / 2, 1)
    return Statevector(circuit).expectation_value(SparsePauliOp(label)).real


figure, axis = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
for label in ("IZ", "ZI", "ZZ"):
    axis.plot(angles, [expectation(angle, label) for angle in angles], label=label)
axis.set(xlabel="angle of a circuit (radians)", ylabel="expectation value")
axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
axis.legend(title="observable", loc="center left", bbox_to_anchor=(1, 0.5))
