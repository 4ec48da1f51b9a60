"""
Training with the errors of a device
====================================

A classifier that is trained exactly meets errors only when it is used: they pull
expectation values towards zero, and relaxation pulls them to one side. Without shots
the noise of a fake device is simulated exactly and has a gradient, so that the same
classifier can be trained against the errors of the device it is meant for. Needs
the extra ``ibm``.
"""

# %%
# Trained without and with noise
# ------------------------------
# Two species of iris, four angles on four qubits, on a device of 2020 whose two-qubit
# gates err with 1 to 2 %. The deeper the ansatz, the more there is to learn about them.
# Under noise, too, ``gradient="auto"`` is the adjoint method: preparing the rows is
# simulated once, and each step then costs the ansatz alone.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler

from skqnn import Backend, QNNClassifier

X, y = load_iris(return_X_y=True)
X, y = MinMaxScaler((-1.5, 1.5)).fit_transform(X[50:]), y[50:]
rows, test_rows, labels, test_labels = train_test_split(
    X, y, test_size=50, random_state=0, stratify=y
)
device = Backend("fake_yorktown", n_transpilations=5)


def fit(reps, backend):
    """Train on a backend."""
    classifier = QNNClassifier(
        encoding="angle",
        reps=reps,
        backend=backend,
        batch_size=10,
        max_iter=30,
        learning_rate="one_cycle",
        random_state=0,
    )
    return classifier.fit(rows, labels)


def loss(classifier, backend):
    """Return the test loss on a backend."""
    classifier.set_params(backend=backend)
    return log_loss(test_labels, classifier.predict_proba(test_rows))


depths = (2, 8)
exact = {reps: fit(reps, None) for reps in depths}
noisy = {reps: fit(reps, device) for reps in depths}
print(f"gradient under noise: {noisy[8].gradient_}")
losses = {
    "trained and used exactly": [loss(exact[reps], None) for reps in depths],
    "trained exactly, used on the device": [loss(exact[r], device) for r in depths],
    "trained and used on the device": [loss(noisy[reps], device) for reps in depths],
}
for name, values in losses.items():
    print(f"{name}: test loss", *(f"{value:.3f}" for value in values))

# %%
# What it buys
# ------------
# Decisions hardly change here: damping all scores alike moves none of them across zero.
# Probabilities do: those of the classifier that never met the noise are too timid. Of
# the loss that noise adds, angles, scale and bias that expect it recover a third with
# two layers and two thirds with eight; the rest is information that the device has
# lost.

figure, (bars, scatter) = plt.subplots(1, 2, figsize=(9, 3.8))
place = np.arange(len(depths))
for shift, (name, values) in zip((-0.27, 0, 0.27), losses.items(), strict=True):
    bars.bar(place + shift, values, width=0.25, label=name)
bars.set(ylabel="log-loss of test set", ylim=(0, 1.6 * max(map(max, losses.values()))))
bars.set_xticks(place, [f"reps={reps}" for reps in depths])
bars.legend(fontsize="small", loc="upper left")

truth = (np.arange(len(test_labels)), np.searchsorted(exact[8].classes_, test_labels))
without, trained = (
    model[8].set_params(backend=device).predict_proba(test_rows)[truth]
    for model in (exact, noisy)
)
scatter.axline((0.5, 0.5), slope=1, color="0.6", linewidth=1)
scatter.scatter(without, trained, s=18)
scatter.set(
    xlabel="trained exactly",
    ylabel="trained on the device",
    title="Probability of the true species, reps=8",
    xlim=(0.45, 1.01),
    ylim=(0.45, 1.01),
)
figure.tight_layout()

plt.show()
