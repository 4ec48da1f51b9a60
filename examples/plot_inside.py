"""
A look inside the circuit
=========================

The circuit as Qiskit draws it, the parameters that no measurement can see, gradients
checked by three methods, and how trainability changes with size.
"""

# %%
# The circuit
# -----------
# State preparation for one image, then the trained rotations. On the exact engine only
# the second part is ever computed; the first is what a device would have to run.

from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier
from skqnn.inspection import CircuitDisplay

X, y = load_digits(n_class=2, return_X_y=True)
encoder = BinaryAmplitudeEncoder(image_size=(4, 4), pixel_range=(0, 16))
model = make_pipeline(encoder, QNNClassifier(solver="lbfgs", random_state=0)).fit(X, y)
CircuitDisplay.from_estimator(model, X[:1])

# %%
# Dead parameters
# ---------------
# Measure a single qubit, and some angles cannot change the result, because no gate
# carries their effect to that qubit. The classifier finds them before training and
# warns. In the map they are crossed out; the others are coloured by the variance of
# their gradient over random starting points.

import warnings

from skqnn.inspection import ParameterDisplay

single = make_pipeline(encoder, QNNClassifier(observables=["IIIIZ"]))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    ParameterDisplay.from_estimator(single, X, y, random_state=0)
    single.fit(X, y)
print(caught[0].message)

# %%
# The default observable, Z on all qubits, leaves none dead.

ParameterDisplay.from_estimator(model, X, y, random_state=0)

# %%
# Are the gradients right?
# ------------------------
# The same derivative by the adjoint method, by the parameter-shift rule that a device
# uses, and by finite differences. The first two are exact.

from skqnn.inspection import check_gradients

print(check_gradients(model, X[:20], y[:20]))

# %%
# Barren plateaus
# ---------------
# How fast do gradients vanish as circuits of this kind grow? And how many directions in
# the space of angles matter for these data?

from skqnn.inspection import trainability_report

report = trainability_report(model, X, y, n_draws=30, random_state=0)
print(report)

# %%
report.plot()

# %%
# Run as a script, this shows the pictures.

import matplotlib.pyplot as plt

plt.show()
