"""
Trained exactly, used under noise
=================================

The classifier trains on its exact engine, in a second. How would it do on a device,
where every gate errs? The noise of a device is simulated from its calibration, so that
nobody has to queue for an answer. Needs the extra ``ibm``.
"""

# %%
# Train exactly
# -------------
# Seven qubits hold an 8 x 8 image in two channels.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skqnn import Backend, BinaryAmplitudeEncoder, QNNClassifier
from skqnn.exceptions import LowSignalWarning

X, y = load_digits(n_class=2, return_X_y=True)
rows = BinaryAmplitudeEncoder().fit_transform(X)
rows_train, rows_test, y_train, y_test = train_test_split(
    rows, y, test_size=40, random_state=0
)
classifier = QNNClassifier(learning_rate="one_cycle", batch_size=30, random_state=0)
classifier.fit(rows_train, y_train)
exact = classifier.decision_function(rows_test)
print(f"exact: test accuracy {classifier.score(rows_test, y_test):.2%}")

# %%
# Run elsewhere
# -------------
# The same estimator, with another backend. "layers" prepares the states approximately
# with 24 two-qubit gates, "exact" needs several times as many after routing.

runs = {
    "Aer, 1024 shots": Backend("aer"),
    "FakeTorino, layers": Backend("fake_torino", state_preparation="layers"),
    "FakeTorino, exact preparation": Backend("fake_torino", state_preparation="exact"),
}
scores = {}
for name, backend in runs.items():
    classifier.set_params(shots=1024, backend=backend)
    with warnings.catch_warnings():  # the third run is warned of, rightly
        warnings.simplefilter("ignore", LowSignalWarning)
        scores[name] = classifier.decision_function(rows_test, return_std=True)
    agree = np.mean((scores[name][0] > 0) == (exact > 0))
    print(f"{name}: {agree:.1%} of the decisions as without noise")

# %%
# The third number is that of a coin, and a `LowSignalWarning` has told so. The last
# section of this page says why, and cures it.

# %%
# What noise does to the scores
# -----------------------------
# Shots scatter the scores around the diagonal, by the standard errors drawn as bars.
# Noise pulls them towards the score of a zero expectation value, the more so the more
# gates there are. A decision changes where a point is in one of the shaded quadrants.

figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), sharex=True, sharey=True)
limit = 1.1 * np.abs(exact).max()
for axis, (name, (values, std)) in zip(axes, scores.items(), strict=True):
    axis.fill([0, limit, limit, 0], [0, 0, -limit, -limit], color="0.92")
    axis.fill([0, -limit, -limit, 0], [0, 0, limit, limit], color="0.92")
    axis.axline((0, 0), slope=1, color="0.5", linewidth=1)
    for label in (0, 1):
        shown = y_test == label
        axis.errorbar(
            exact[shown], values[shown], std[shown], fmt=".", label=f"digit {label}"
        )
    axis.set(title=name, xlabel="exact score", xlim=(-limit, limit))
axes[0].set(ylabel="score", ylim=(-limit, limit))
axes[0].legend()
figure.tight_layout()

# %%
# A shifted threshold, and the cure
# ---------------------------------
# Exact preparation agrees in about half of the decisions: as often as a coin. Yet the
# two classes lie apart in the third picture. Noise has shrunk the expectation values so
# much that the scores, ``scale * E + bias``, gather around the bias, nearly all on one
# side of zero. What is lost is the place of the threshold, not the order of the rows:

from sklearn.metrics import roc_auc_score

values, _ = scores["FakeTorino, exact preparation"]
print(f"area under the ROC curve {roc_auc_score(y_test, values):.3f}")
low, high = np.percentile(values, (5, 95))
print(
    f"nine of ten scores from {low:.1f} to {high:.1f}, bias {classifier.bias_[0]:.1f}"
)

# %%
# The best cure is a shallower preparation, the default: "layers". The other one is to
# find the threshold where the scores are measured, with some rows whose labels are
# known. scikit-learn does that for any classifier; its rows are not those of the test.

from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import TunedThresholdClassifierCV

tuned = TunedThresholdClassifierCV(
    FrozenEstimator(classifier),
    response_method="decision_function",
    cv="prefit",
    refit=False,
)
tuned.fit(rows_train[:40], y_train[:40])
print(f"threshold {tuned.best_threshold_:.2f} instead of 0")
print(f"accuracy {tuned.score(rows_test, y_test):.1%}")

# %%
# Training under noise, :ref:`sphx_glr_auto_examples_plot_noise_training.py`, avoids the
# shift from the start.

plt.show()
