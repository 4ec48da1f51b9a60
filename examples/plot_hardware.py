"""
From a laptop to a quantum computer
===================================

Train exactly, ask what a device would cost, predict there, and lose no job that was
paid for. The device is a fake one here, so that the page can be built without an
account; the only line that changes is the name of the backend. Needs the extra ``ibm``.
"""

# %%
# Train where it is fast
# ----------------------
# Few qubits and few gates are kind to a device: images of 4 x 4 pixels in two channels
# are five qubits, and one layer of CX gates lies between two of rotations.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skqnn import Backend, BinaryAmplitudeEncoder, QNNClassifier

X, y = load_digits(n_class=2, return_X_y=True)
encoder = BinaryAmplitudeEncoder(image_size=(4, 4), pixel_range=(0, 16))
A_train, A_test, y_train, y_test = train_test_split(
    encoder.fit_transform(X), y, test_size=40, stratify=y, random_state=0
)
classifier = QNNClassifier(reps=1, solver="lbfgs", random_state=0)
classifier.fit(A_train, y_train)
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
# trained circuit. The device knows its own few gates and connections only. Qiskit's
# transpiler translates, chooses qubits of the device (the numbers after the arrows),
# and merges gates that follow each other on a qubit or cancel.

import matplotlib.pyplot as plt
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime.fake_provider import FakeTorino

from skqnn.export import bound_circuit

circuit = bound_circuit(classifier, A_test[0], state_preparation="layers")
manager = generate_preset_pass_manager(3, backend=FakeTorino(), seed_transpiler=0)
transpiled = manager.run(circuit)
print(f"written: {circuit.size()} gates, run: {transpiled.size()} gates")
print(dict(transpiled.count_ops()))

transpiled.global_phase = 0  # changes nothing that can be measured, only the picture
figure, axis = plt.subplots(figsize=(10, 7.4), layout="constrained")
transpiled.draw("mpl", idle_wires=False, fold=20, ax=axis)

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

plt.show()
