"""Write a model file of this version, and what it predicts, next to this script.

Run once for each release; tests/test_archive.py reads the files of all versions.
"""

import json
from pathlib import Path

from qiskit.circuit.library import real_amplitudes
from qiskit.quantum_info import SparsePauliOp
from sklearn.datasets import load_digits
from sklearn.pipeline import Pipeline

import skqnn
from skqnn.export import save

X, numbers = load_digits(n_class=3, return_X_y=True)
classifier = skqnn.QNNClassifier(
    ansatz=real_amplitudes(5, reps=1),
    observables=[SparsePauliOp(["ZIIII", "XXIII"], [0.8, 0.2]), "IZIZI", "IIZIZ"],
    class_weight={"zero": 1.0, "one": 1.0, "two": 2},
    solver="lbfgs",
    max_iter=100,
    random_state=0,
)
encoder = skqnn.BinaryAmplitudeEncoder(image_size=(4, 4))
model = Pipeline([("encode", encoder), ("classify", classifier)])
model.fit(X, [("zero", "one", "two")[number] for number in numbers])

path = Path(__file__).with_name(f"model_{skqnn.__version__}.skqnn")
save(model, path)
expected = {
    "decision_function": model.decision_function(X[:3]).tolist(),
    "predict": model.predict(X[:3]).tolist(),
}
text = json.dumps(expected, indent=1) + "\n"
path.with_suffix(".json").write_text(text, encoding="utf-8")
