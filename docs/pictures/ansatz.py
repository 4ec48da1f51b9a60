"""The default ansatz on three qubits, and the box that stands for a row."""

from qiskit import QuantumCircuit
from qiskit.circuit import Gate
from qiskit.circuit.library import real_amplitudes

from skqnn.inspection import CircuitDisplay

circuit = QuantumCircuit(3)
circuit.append(Gate("amplitudes", 3, []), range(3))
circuit.barrier()
circuit.compose(real_amplitudes(3, reps=1, entanglement="reverse_linear"), inplace=True)
CircuitDisplay(circuit, name="a row, then the ansatz with its six angles").plot()
