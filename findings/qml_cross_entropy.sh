#!/usr/bin/env bash
# qiskit-machine-learning takes the slope of the squared error for that of cross-entropy.
#
# Versions:  qiskit-machine-learning 0.9.1, Qiskit 2.6.2.
# Expected:  the gradient of `loss="cross_entropy"`, the default of VQC, is that of the
#            loss that is reported.
# Seen:      CrossEntropyLoss.gradient returns the difference of probabilities and
#            targets, which is right behind a softmax. There is none: the network's outputs
#            are probabilities already, and so the gradient by the weights is exactly that
#            of half the squared error. Where a model gives the right class 1 %, a step is
#            70 times too short, and an optimizer that compares the loss with its
#            gradient (L-BFGS-B, SLSQP) gets two functions that do not belong together.
# Source:    utils/loss_functions/loss_functions.py of qiskit_machine_learning
# In skqnn:  losses and gradients are checked against each other by finite differences;
#            docs/user_guide/migration.rst tells of the difference.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qiskit-machine-learning==0.9.1
python_says <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import StatevectorSampler
from qiskit_machine_learning.algorithms.objective_functions import (
    OneHotObjectiveFunction,
)
from qiskit_machine_learning.neural_networks import SamplerQNN
from qiskit_machine_learning.utils.loss_functions import CrossEntropyLoss, L2Loss

print("qiskit-machine-learning", version("qiskit-machine-learning"))


class Exact:
    """p(1) = sin(theta / 2)**2 and its slope, as a network of one weight."""

    output_shape = (2,)
    num_inputs, num_weights = 0, 1

    def forward(self, X, weights):
        p = np.sin(weights[0] / 2) ** 2
        return np.tile([1 - p, p], (len(X), 1))

    def backward(self, X, weights):
        slope = np.sin(weights[0]) / 2
        return None, np.tile([[[-slope], [slope]]], (len(X), 1, 1))


X, targets = np.zeros((1, 1)), np.array([[0.0, 1.0]])


def slopes(loss, theta, step=1e-6):
    """Return the gradient that an optimizer gets, and that of the values it gets."""
    # A new one each time: it takes weights that are nearly equal for those before.
    functions = [OneHotObjectiveFunction(X, targets, Exact(), loss) for _ in range(3)]
    up, down = (
        f.objective(np.array([theta + d]))
        for f, d in zip(functions, (step, -step), strict=False)
    )
    gradient = functions[2].gradient(np.array([theta]))
    return float(np.ravel(gradient)[0]), float(up - down) / (2 * step)


seen = []
for p in (0.5, 0.1, 0.01):
    theta = 2 * np.arcsin(np.sqrt(p))
    told, true = slopes(CrossEntropyLoss(), theta)
    squared = slopes(L2Loss(), theta)
    print(f"p = {p}: told {told:.3f}, slope of the loss {true:.3f}, ratio {true / told:.1f};",
          f"squared error: told {squared[0]:.3f}, slope {squared[1]:.3f}")
    seen += [np.isclose(told, squared[1] / 2), np.isclose(*squared)]
    seen.append(np.isclose(true / told, 1 / (p * (1 - p) * 2 * np.log(2)), rtol=1e-3))

# The same through a circuit and VQC's kind of network.
angle = Parameter("angle")
circuit = QuantumCircuit(1)
circuit.ry(angle, 0)
network = SamplerQNN(
    circuit=circuit,
    weight_params=[angle],
    sampler=StatevectorSampler(default_shots=100_000, seed=1),
)
rows = np.zeros((1, 0))
function = OneHotObjectiveFunction(rows, targets, network, CrossEntropyLoss())
told = float(np.ravel(function.gradient(np.array([theta])))[0])
print(f"SamplerQNN at p = {p}: told {told:.3f}")
seen.append(abs(told - slopes(CrossEntropyLoss(), theta)[0]) < 0.02)
sys.exit(not all(seen))
PYTHON
