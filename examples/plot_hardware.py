"""
From a laptop to a quantum computer
===================================

Train exactly, ask what a device would cost, predict there, and lose no job that was
paid for. The device is a fake one here, so that the page can be built without an
account; the only line that changes is the name of the backend.
"""

# %%
# Train where it is fast
# ----------------------
# Few qubits are kind to a device: images of 4 x 4 pixels in two channels are five.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skqnn import Backend, BinaryAmplitudeEncoder, QNNClassifier

X, y = load_digits(n_class=2, return_X_y=True)
encoder = BinaryAmplitudeEncoder(image_size=(4, 4), pixel_range=(0, 16))
A_train, A_test, y_train, y_test = train_test_split(
    encoder.fit_transform(X), y, test_size=40, stratify=y, random_state=0
)
classifier = QNNClassifier(solver="lbfgs", random_state=0).fit(A_train, y_train)
print(f"{classifier.n_qubits_} qubits, accuracy {classifier.score(A_test, y_test):.3f}")

# %%
# Ask for the price
# -----------------
# Nothing is run. The circuit is transpiled for the device, and its gate times, error
# rates and the delay between shots give the rest. An epoch of training there by
# parameter shift costs twenty times as much as predicting, and training takes many
# epochs.

from skqnn.inspection import estimate_cost

cost = estimate_cost(classifier, A_test, "fake_torino", shots=1024)
print(cost)

# %%
# It is a mapping, too, so that a script can decide.

print(cost["two_qubit_gates"], cost["prediction"]["fits_free_plan"])

# %%
# What would be run
# -----------------
# Approximate preparation of one image, in layers between neighbouring qubits, and the
# trained circuit.

from skqnn.export import bound_circuit

circuit = bound_circuit(
    classifier, A_test[0], state_preparation="layers", n_preparation_layers=2
)
circuit.draw("mpl", fold=24, scale=0.6)

# %%
# Predict there
# -------------
# The same fitted object, another backend. The journal is a file in which every request
# is written down before it is sent.

import tempfile
from pathlib import Path

journal = Path(tempfile.mkdtemp()) / "journal.sqlite"
classifier.set_params(backend=Backend("fake_torino", journal=journal), shots=1024)
measured = classifier.decision_function(A_test)
print(f"accuracy {((measured > 0) == y_test).mean():.3f}")

# %%
# Run it again, as after a crash: the answer is the same to the last bit, because
# nothing is sent a second time.

repeated = classifier.decision_function(A_test)
print((measured == repeated).all())

# %%
# On IBM Quantum
# --------------
# Save your account once, with a token that is asked for (see :ref:`hardware`). Then
#
# .. code-block:: python
#
#    classifier.set_params(backend="ibm_torino")  # or "least_busy"
#    estimate_cost(classifier, A_test)
#    classifier.predict(A_test)
#
# waits in the queue, and writes a journal in the working directory. Interrupt it, close
# the computer, run the script again tomorrow: finished jobs are read from the journal,
# running ones are found again, and only what is missing is sent.

import matplotlib.pyplot as plt

plt.show()
