#!/usr/bin/env bash
# One gate that PennyLane's lightning simulates by its matrix makes its gradients zero.
#
# Versions:  PennyLane 0.45.1, PennyLane-Lightning 0.45.0.
# Expected:  `qml.grad` on lightning.qubit, with the default of `diff_method`, is that on
#            default.qubit, as the values are.
# Seen:      behind an OrbitalRotation, a DiagonalQubitUnitary or a BlockEncode, constant
#            ones too, the derivatives by all angles are 0, without a word: an optimizer
#            stays where it started. So does GateFabric, an ansatz of chemistry made of
#            DoubleExcitation and OrbitalRotation. With diff_method="parameter-shift", or
#            with a QubitUnitary of the same matrix, gradients are right.
# Source:    https://docs.pennylane.ai/projects/lightning/en/stable/lightning_qubit/device.html
# In skqnn:  gradients are those of its own engine; the benchmark against lightning has RY
#            and CNOT only, and compares results.
source "$(dirname "$0")/_run.sh"
packages pennylane==0.45.1 pennylane-lightning==0.45.0
python_says <<'PYTHON'
import sys
from importlib.metadata import version

import pennylane as qml
from pennylane import numpy as np

PAIR = [0, 1]
PHASES = np.exp(1j * np.arange(4), requires_grad=False)
FIXED = {
    "OrbitalRotation": lambda: qml.OrbitalRotation(0.4, wires=range(4)),
    "DiagonalQubitUnitary": lambda: qml.DiagonalQubitUnitary(PHASES, wires=PAIR),
    "BlockEncode": lambda: qml.BlockEncode([[0.1, 0.2], [0.3, 0.4]], wires=PAIR),
    "QubitUnitary": lambda: qml.QubitUnitary(np.diag(PHASES), wires=PAIR),
}
SHAPE = qml.GateFabric.shape(n_layers=1, n_wires=4)


def behind(gate):
    def body(angles):
        for wire in range(4):
            qml.Hadamard(wire)
        gate()
        qml.RY(angles[0], wires=0)
        qml.RX(angles[1], wires=1)

    return body


def fabric(angles):
    angles = qml.math.reshape(angles, SHAPE)
    qml.GateFabric(angles, wires=range(4), init_state=[1, 1, 0, 0])


def gradient(body, n_angles, device, method="best"):
    @qml.qnode(qml.device(device, wires=4), diff_method=method)
    def circuit(angles):
        body(angles)
        return qml.expval(qml.Z(0) @ qml.Z(2) + qml.X(0) @ qml.X(2) + qml.Y(1))

    return qml.grad(circuit)(np.linspace(0.3, 0.9, n_angles, requires_grad=True))


print("PennyLane", qml.__version__, "Lightning", version("pennylane-lightning"))
bodies = {name: (behind(gate), 2) for name, gate in FIXED.items()}
bodies["GateFabric"] = fabric, int(np.prod(SHAPE))
zero = {}
for name, (body, n_angles) in bodies.items():
    right = gradient(body, n_angles, "default.qubit")
    found = gradient(body, n_angles, "lightning.qubit")
    shifted = gradient(body, n_angles, "lightning.qubit", "parameter-shift")
    zero[name] = not np.any(found) and np.linalg.norm(right) > 0.1
    print(f"{name:20s} right {np.round(right, 3)}, lightning {np.round(found, 3)}")
    if not np.allclose(shifted, right, atol=1e-6):
        sys.exit("parameter-shift differs")
expected = dict.fromkeys(zero, True) | {"QubitUnitary": False}
sys.exit(zero != expected)
PYTHON
