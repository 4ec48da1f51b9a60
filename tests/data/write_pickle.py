"""Pickle models and their scores next to this script.

Run with the oldest Qiskit that is supported, and again where classes of skqnn that are
pickled move: pickles are for the version of skqnn that wrote them, and any Qiskit.
"""

import pickle
from pathlib import Path

import qiskit
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from qiskit.quantum_info import SparsePauliOp
from sklearn.datasets import load_iris

from skqnn import QNNClassifier

X, y = load_iris(return_X_y=True)
X = X / 4
OWN = {
    "encoding": zz_feature_map(4, reps=1),
    "ansatz": real_amplitudes(4, reps=2),
    "observables": [SparsePauliOp(["ZZII", "XXII"], [0.8, 0.2]), "IZZI", "IIZZ"],
}
models = []
for arguments in ({}, {"encoding": "angle"}, OWN):
    model = QNNClassifier(max_iter=20, random_state=0, **arguments).fit(X, y)
    models.append((model, model.decision_function(X[::50])))
path = Path(__file__).with_name(f"models_qiskit_{qiskit.__version__}.pickle")
path.write_bytes(pickle.dumps(models, protocol=2))
