"""
Digits in ten lines
===================

Zeros and ones, 8 x 8 pixels, told apart by a quantum circuit of seven qubits: the
shortest complete program, and what to look at after it.
"""

# %%
# The ten lines
# -------------
# The encoder writes an image into the 128 amplitudes of a state of seven qubits. The
# classifier trains the angles of a circuit that acts on it.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

X, y = load_digits(n_class=2, return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)
classifier = QNNClassifier(learning_rate="one_cycle", max_iter=100, random_state=0)
model = make_pipeline(BinaryAmplitudeEncoder(), classifier).fit(X_train, y_train)
print(f"test accuracy {model.score(X_test, y_test):.2%}")

# %%
# How many numbers were trained? Two angles on each of the seven qubits, one scale and
# one bias. The observable is Z on every qubit, the parity of the measured bits.
print(f"{classifier.n_qubits_} qubits, {classifier.n_parameters_} trained parameters")
print(f"observable {classifier.observables_[0].paulis.to_labels()[0]}")

# %%
# Did training converge?
# ----------------------
# The classifier remembers its loss and the norm of its gradient for every epoch.

from skqnn.inspection import TrainingCurveDisplay

TrainingCurveDisplay.from_estimator(model)

# %%
# What was measured?
# ------------------
# Each test image gives one expectation value between -1 and 1, and a threshold decides.
# Images near the threshold are the ones to look at.

from skqnn.inspection import ObservableDisplay

ObservableDisplay.from_estimator(model, X_test, y_test)

# %%
import matplotlib.pyplot as plt
import numpy as np

doubtful = np.argsort(np.abs(model.decision_function(X_test)))[:6]
fig, axes = plt.subplots(1, 6, figsize=(9, 2), layout="constrained")
probabilities = model.predict_proba(X_test[doubtful])[:, 1]
for ax, row, p in zip(axes, doubtful, probabilities, strict=True):
    ax.imshow(X_test[row].reshape(8, 8), cmap="gray")
    ax.set_title(f"a {y_test[row]}\np(one) = {p:.2f}", fontsize="medium")
    ax.set_axis_off()

# %%
# Is that good?
# -------------
# Zeros and ones are easy. Logistic regression with as many parameters, on 15 principal
# components, does as well, and so does one with two. An accuracy says little without
# such a baseline; for tasks where it matters, see
# :ref:`sphx_glr_auto_examples_plot_ablation.py`.

from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

for n_components in (15, 1):
    baseline = make_pipeline(PCA(n_components), LogisticRegression())
    accuracy = baseline.fit(X_train, y_train).score(X_test, y_test)
    print(f"logistic regression, {n_components + 1:2d} parameters: {accuracy:.2%}")

plt.show()
