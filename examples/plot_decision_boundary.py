"""
Decision boundaries and feature maps
====================================

Data that are not images: features become angles of rotations, or enter through a
feature map of Qiskit. With two features the boundary can be drawn.
"""

# %%
# Two moons
# ---------
# `encoding="angle"` turns one qubit per feature, so features are scaled to about the
# range of a rotation first. Any Qiskit circuit with one parameter per feature is a
# feature map too; here Qiskit's own `zz_feature_map`, and one that repeats both
# features on four qubits, so that higher frequencies become available.

import matplotlib.pyplot as plt
import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import zz_feature_map
from sklearn.datasets import make_moons
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skqnn import QNNClassifier

X, y = make_moons(200, noise=0.15, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

x = ParameterVector("x", 2)
repeated = QuantumCircuit(4)
for qubit in range(4):
    repeated.ry(x[qubit % 2], qubit)


def make_model(encoding):
    """Return a classifier of scaled features."""
    scale = MinMaxScaler(feature_range=(-np.pi / 2, np.pi / 2))
    classifier = QNNClassifier(
        encoding=encoding, reps=4, solver="lbfgs", max_iter=300, random_state=0
    )
    return make_pipeline(scale, classifier)


models = {
    "logistic regression": LogisticRegression(),
    "angles, 2 qubits": make_model("angle"),
    "ZZ feature map": make_model(zz_feature_map(2, reps=1)),
    "angles twice, 4 qubits": make_model(repeated),
}
fig, axes = plt.subplots(2, 2, figsize=(8, 7), layout="constrained")
for ax, (name, model) in zip(axes.ravel(), models.items(), strict=True):
    model.fit(X_train, y_train)
    DecisionBoundaryDisplay.from_estimator(
        model,
        X,
        response_method="predict_proba",
        grid_resolution=60,
        eps=0.4,
        cmap="RdBu_r",
        alpha=0.6,
        ax=ax,
    )
    ax.scatter(*X_test.T, c=y_test, cmap="bwr", edgecolors="white", s=40)
    ax.set(title=f"{name}: {model.score(X_test, y_test):.2f}", xticks=[], yticks=[])

# %%
# Which one is right is a matter of the data, not of the number of qubits: choose by
# cross-validation.
#
# More data, or a better model?
# -----------------------------
# The learning curve tells whether more samples would help.

from sklearn.model_selection import LearningCurveDisplay

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
LearningCurveDisplay.from_estimator(
    models["angles twice, 4 qubits"],
    X,
    y,
    train_sizes=[0.1, 0.2, 0.4, 0.7, 1.0],
    cv=3,
    shuffle=True,
    random_state=0,
    score_type="both",
    ax=ax,
)

plt.show()
