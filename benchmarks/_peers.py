"""Other simulators at one task: expectation values and their weighted gradient.

Each peer is a function of a `Task` that does its set-up and returns a function without
arguments which computes ``(E, gradient)``; only the latter is timed. A peer is one
function and one line in `PEERS`.
"""

from collections.abc import Callable
from itertools import groupby
from typing import NamedTuple

import numpy as np
from _jax import jax_kronecker, jax_runner
from _task import Result, Task, gates, parity_signs, qiskit_circuit

# Samples at a time, so that JAX's intermediate states stay in the cache.
_CHUNK = 8


class Peer(NamedTuple):
    """A simulator and the way it is used.

    Attributes
    ----------
    build : callable
        Maps a `Task` to the function that is timed.
    distribution : str
        What to install; its version is reported.
    takes_amplitudes : bool
        False: the peer has no amplitude encoding and gets RY angles instead.
    n_samples : int, or None
        As many samples are run, and the time is extrapolated. None: all samples.
    precision : {"double", "single"}
        The best precision that the peer can compute in.
    public : bool
        False: not a simulator that one can install, but code written for this task.
    """

    build: Callable[[Task], Callable[[], Result]]
    distribution: str
    takes_amplitudes: bool = True
    n_samples: int | None = None
    precision: str = "double"
    public: bool = True


def lightning_adjoint(task: Task) -> Callable[[], Result]:
    """PennyLane lightning.qubit: a tape per sample, the device's own adjoint VJP."""
    import pennylane as qml

    n = task.n_qubits
    c_dtype = np.result_type(task.states.dtype, np.complex64)
    device = qml.device("lightning.qubit", wires=n, c_dtype=c_dtype)
    config = qml.devices.ExecutionConfig(gradient_method="adjoint")
    parity = qml.expval(qml.prod(*(qml.PauliZ(w) for w in range(n))))
    trainable = range(1, len(task.theta) + 1)  # parameter 0 is the state

    def run() -> Result:
        # Wire 0 is the most significant bit of a PennyLane state.
        ansatz = [
            qml.RY(task.theta[b], n - 1 - a)
            if name == "ry"
            else qml.CNOT([n - 1 - a, n - 1 - b])
            for name, a, b in gates(task)
        ]
        tapes = [
            qml.tape.QuantumScript(
                [qml.StatePrep(state, range(n), validate_norm=False), *ansatz],
                [parity],
                trainable_params=trainable,
            )
            for state in task.states
        ]
        cotangents = [(c,) for c in task.cotangent]
        values, pulled = device.execute_and_compute_vjp(tapes, cotangents, config)
        return np.ravel(values), np.sum(pulled, axis=0).ravel()

    return run


def pennylane_jax(task: Task) -> Callable[[], Result]:
    """PennyLane default.qubit: parameter broadcasting, backpropagation, jax.jit."""
    import pennylane as qml

    n = task.n_qubits
    device = qml.device("default.qubit", wires=n)

    @qml.qnode(device, interface="jax", diff_method="backprop")
    def circuit(theta, states):
        qml.StatePrep(states, range(n), validate_norm=False)
        for name, a, b in gates(task):
            if name == "ry":
                qml.RY(theta[b], n - 1 - a)
            else:
                qml.CNOT([n - 1 - a, n - 1 - b])
        return qml.expval(qml.prod(*(qml.PauliZ(w) for w in range(n))))

    return jax_runner(task, circuit, _CHUNK)


def qulacs_adjoint(task: Task) -> Callable[[], Result]:
    """Qulacs: adjoint gradient sample by sample, one call per layer of gates.

    Qulacs' own ``backprop`` can only start from |0...0>, and a gate that prepares the
    sample there (``StateReflection``) has no inverse, which it needs.
    """
    import qulacs
    from qulacs.state import inner_product

    n = task.n_qubits
    parity = qulacs.gate.Pauli(list(range(n)), [3] * n)
    ys = [qulacs.gate.Y(q) for q in range(n)]
    state, bra, moved = (qulacs.QuantumState(n) for _ in range(3))

    def run() -> Result:
        layers = []
        for name, group in groupby(gates(task), key=lambda gate: gate[0]):
            layers.append(qulacs.QuantumCircuit(n))
            for _, a, b in group:
                if name == "ry":
                    layers[-1].add_RY_gate(a, -task.theta[b])  # exp(+i angle Y / 2)
                else:
                    layers[-1].add_CNOT_gate(a, b)
        inverses = [layer.get_inverse() for layer in layers]
        values, gradient = np.empty(len(task.states)), np.zeros(len(task.theta))
        for i, row in enumerate(task.states):
            state.load(row)
            for layer in layers:
                layer.update_quantum_state(state)
            bra.load(state)
            parity.update_quantum_state(bra)
            values[i] = inner_product(state, bra).real
            for k in reversed(range(len(layers))):
                if k % 2 == 0:
                    for q, y in enumerate(ys):  # 2 Re <bra| -i/2 Y |state>
                        moved.load(state)
                        y.update_quantum_state(moved)
                        slope = inner_product(bra, moved).imag
                        gradient[k // 2 * n + q] += task.cotangent[i] * slope
                if k > 0:
                    inverses[k].update_quantum_state(state)
                    inverses[k].update_quantum_state(bra)
        return values, gradient

    return run


def tensorcircuit_jax(task: Task) -> Callable[[], Result]:
    """TensorCircuit-NG, jax backend: vmap over samples, jit."""
    import jax
    import tensorcircuit as tc

    n = task.n_qubits
    tc.set_backend("jax")
    tc.set_dtype("complex128" if task.states.dtype == np.float64 else "complex64")

    def parity(theta, state):
        circuit = tc.Circuit(n, inputs=state)
        for name, a, b in gates(task):  # qubit 0 is the most significant bit here
            if name == "ry":
                circuit.ry(n - 1 - a, theta=theta[b])
            else:
                circuit.cnot(n - 1 - a, n - 1 - b)
        return tc.backend.real(circuit.expectation_ps(z=list(range(n))))

    return jax_runner(task, jax.vmap(parity, in_axes=(None, 0)), _CHUNK)


def torchquantum_batch(task: Task) -> Callable[[], Result]:
    """TorchQuantum: batched statevector and autograd, complex64 only."""
    import torch
    import torchquantum as tq
    import torchquantum.functional as tqf

    n = task.n_qubits
    torch.set_num_threads(1)
    states = torch.tensor(task.states, dtype=torch.complex64)
    cotangent = torch.tensor(task.cotangent, dtype=torch.float32)
    signs = torch.tensor(parity_signs(n), dtype=torch.float32)

    def run() -> Result:
        theta = torch.tensor(task.theta, dtype=torch.float32, requires_grad=True)
        device = tq.QuantumDevice(n_wires=n, bsz=len(states))
        device.set_states(states)
        for name, a, b in gates(task):  # wire 0 is the most significant bit
            if name == "ry":
                tqf.ry(device, n - 1 - a, params=theta[b])
            else:
                tqf.cnot(device, [n - 1 - a, n - 1 - b])
        values = (device.get_states_1d().abs() ** 2) @ signs
        (values @ cotangent).backward()
        return values.detach().numpy(), theta.grad.numpy()

    return run


def squlearn_qnn(task: Task) -> Callable[[], Result]:
    """Run sQUlearn's LowLevelQNN on its Qulacs executor."""
    from squlearn import Executor
    from squlearn.encoding_circuit import QiskitEncodingCircuit
    from squlearn.observables import CustomObservable
    from squlearn.qnn.lowlevel_qnn import LowLevelQNN

    n = task.n_qubits
    circuit, _, _ = qiskit_circuit(task)
    encoding = QiskitEncodingCircuit(circuit, feature_label="x", parameter_label="p")
    observable = CustomObservable(n, "Z" * n)
    qnn = LowLevelQNN(encoding, observable, Executor("qulacs"), n, caching=False)

    def run() -> Result:
        result = qnn.evaluate(task.angles, task.theta, [], "f", "dfdp")
        return result["f"].ravel(), task.cotangent @ result["dfdp"]

    return run


def estimator_qnn(task: Task) -> Callable[[], Result]:
    """qiskit-machine-learning's EstimatorQNN on its own exact estimator."""
    from qiskit.quantum_info import SparsePauliOp
    from qiskit_machine_learning.gradients import ParamShiftEstimatorGradient
    from qiskit_machine_learning.neural_networks import EstimatorQNN
    from qiskit_machine_learning.primitives import QMLEstimator

    circuit, x, theta = qiskit_circuit(task)
    estimator = QMLEstimator()
    qnn = EstimatorQNN(
        circuit=circuit,
        estimator=estimator,
        observables=SparsePauliOp("Z" * task.n_qubits),
        input_params=x,
        weight_params=theta,
        gradient=ParamShiftEstimatorGradient(estimator),
    )

    def run() -> Result:
        values = qnn.forward(task.angles, task.theta).ravel()
        _, slopes = qnn.backward(task.angles, task.theta)
        return values, task.cotangent @ slopes[:, 0]

    return run


PEERS = {
    "lightning adjoint": Peer(lightning_adjoint, "pennylane-lightning"),
    "PennyLane + JAX": Peer(pennylane_jax, "pennylane"),
    "Qulacs adjoint": Peer(qulacs_adjoint, "qulacs"),
    "TensorCircuit-NG": Peer(tensorcircuit_jax, "tensorcircuit-ng"),
    "TorchQuantum": Peer(torchquantum_batch, "torchquantum", precision="single"),
    "sQUlearn": Peer(squlearn_qnn, "squlearn", takes_amplitudes=False),
    "EstimatorQNN": Peer(
        estimator_qnn, "qiskit-machine-learning", takes_amplitudes=False, n_samples=2
    ),
    "hand-written JAX": Peer(jax_kronecker, "jax", public=False),
}
