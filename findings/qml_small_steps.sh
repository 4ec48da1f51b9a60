#!/usr/bin/env bash
# Small steps of an optimizer change nothing in qiskit-machine-learning.
#
# Versions:  qiskit-machine-learning 0.9.1, Qiskit 2.6.2, SciPy 1.17.1.
# Expected:  the loss that an optimizer is given is a function of the weights.
# Seen:      it returns the last value where np.isclose finds the weights unchanged: for
#            steps below 1e-5 of each weight. Differences of such steps are 0 whatever the
#            slope, SciPy's own (1.5e-8) among them, so that `minimize` without `jac` ends
#            where it started with success. GSLS, an optimizer of the package whose sampling
#            radius is 1e-6, does not move at all. With steps of 1e-3 both train, and with
#            `jac`, which most optimizers of the package use, nothing is noticed.
# Source:    ObjectiveFunction._neural_network_forward in algorithms/objective_functions.py
#            of qiskit_machine_learning
# In skqnn:  an optimizer's steps are computed, however small; a test takes such steps, and
#            docs/user_guide/migration.rst tells.
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qiskit-machine-learning==0.9.1 scipy==1.17.1
python_says <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import real_amplitudes
from qiskit_machine_learning.algorithms import NeuralNetworkRegressor
from qiskit_machine_learning.neural_networks import EstimatorQNN
from qiskit_machine_learning.optimizers import GSLS
from qiskit_machine_learning.utils import algorithm_globals
from scipy.optimize import approx_fprime, minimize

START = np.array([0.4, -0.7, 1.1, 0.6])
rng = np.random.default_rng(0)
X = rng.uniform(-1, 1, (10, 2))
y = np.cos(X[:, 0] + 0.3)

x = ParameterVector("x", 2)
circuit = QuantumCircuit(2)
circuit.ry(x[0], 0)
circuit.ry(x[1], 1)
ansatz = real_amplitudes(2, reps=1)
circuit.compose(ansatz, inplace=True)
slopes = {}


def bfgs(step):
    def optimizer(fun, x0, jac):
        slopes[step] = approx_fprime(x0, fun, step)
        slopes["jac"] = np.ravel(jac(x0))
        return minimize(fun, x0, method="BFGS", options={"eps": step, "maxiter": 5})

    return optimizer


def train(optimizer):
    """Return how far the weights move, and the result of the optimizer."""
    algorithm_globals.random_seed = 0
    network = EstimatorQNN(
        circuit=circuit, input_params=[*x], weight_params=[*ansatz.parameters]
    )
    model = NeuralNetworkRegressor(network, optimizer=optimizer, initial_point=START)
    model.fit(X, y)
    return np.abs(model.fit_result.x - START).max(), model.fit_result


print("qiskit-machine-learning", version("qiskit-machine-learning"))
moved = {
    "BFGS, SciPy's step": train(bfgs(1.5e-8)),
    "BFGS, step of 1e-3": train(bfgs(1e-3)),
    "GSLS": train(GSLS(maxiter=20)),
    "GSLS, radius of 1e-3": train(GSLS(maxiter=20, sampling_radius=1e-3)),
}
for name, (distance, result) in moved.items():
    print(f"  {name:22s} moves by {distance:.4f}, loss {result.fun:.4f}")
print("  slopes:", {step: np.round(slope, 3) for step, slope in slopes.items()})
distances = [distance for distance, _ in moved.values()]
good = np.allclose(slopes[1e-3], slopes["jac"], atol=1e-2) and np.all(slopes[1.5e-8] == 0)
good = good and moved["BFGS, SciPy's step"][1].success
sys.exit(not (good and distances[0] == distances[2] == 0 and min(distances[1::2]) > 0.05))
PYTHON
