"""
Calibration and thresholds
==========================

Are the probabilities of the classifier probabilities? And where should the threshold be
when one error is worse than the other? scikit-learn's tools apply as they are.
"""

# %%
# An imbalanced, noisy task
# -------------------------
# Find the nines among the digits: one in ten. Noise on the pixels keeps it from being
# too easy.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

X, y = load_digits(return_X_y=True)
X = np.clip(X + np.random.default_rng(0).normal(0, 4, X.shape), 0, 16)
y = (y == 9).astype(int)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.5, stratify=y, random_state=0
)


def make_model(**options):
    """Return the pipeline, with options of its classifier."""
    classifier = QNNClassifier(
        reps=8,
        learning_rate="one_cycle",
        batch_size=50,
        max_iter=40,
        random_state=0,
        **options,
    )
    return make_pipeline(BinaryAmplitudeEncoder(black="none"), classifier)


# %%
# Is 0.7 seventy per cent?
# ------------------------
# With the logistic loss, the default, scores are trained as logits, and probabilities
# come out near to frequencies, here a little too timid. With the squared error they are
# only a linear rule that is clipped to [0, 1]. `class_weight="balanced"` finds more
# nines, at the price of probabilities that are too high; `CalibratedClassifierCV`
# brings those back. (Most images are in the lowest of five bins. Some dozens in each of
# the others leave their points uncertain by up to 0.1.)

import matplotlib.pyplot as plt
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.metrics import balanced_accuracy_score, log_loss

models = {
    "logistic loss": make_model(),
    "squared error": make_model(loss="squared_error"),
    "balanced": make_model(class_weight="balanced"),
    "balanced, calibrated": CalibratedClassifierCV(
        make_model(class_weight="balanced"), cv=3
    ),
}
fig, ax = plt.subplots(figsize=(6, 5), layout="constrained")
for (name, model), marker in zip(models.items(), "sovD", strict=True):
    model.fit(X_train, y_train)
    display = CalibrationDisplay.from_estimator(
        model, X_test, y_test, n_bins=5, name=name, ax=ax, marker=marker
    )
    p = np.clip(model.predict_proba(X_test)[:, 1], 1e-6, 1 - 1e-6)
    balanced = balanced_accuracy_score(y_test, model.predict(X_test))
    print(
        f"{name:22s} log-loss {log_loss(y_test, p):.3f}, "
        f"balanced accuracy {balanced:.3f}"
    )

# %%
# Choose the threshold
# --------------------
# Missing a nine may cost more than a false alarm. `TunedThresholdClassifierCV` finds
# the threshold that is best for a score, by cross-validation on the training data.

from sklearn.metrics import confusion_matrix
from sklearn.model_selection import TunedThresholdClassifierCV

tuned = TunedThresholdClassifierCV(
    make_model(), scoring="balanced_accuracy", cv=3, random_state=0
).fit(X_train, y_train)
for name, model in {"threshold 0.5": models["logistic loss"], "tuned": tuned}.items():
    _, false_alarms, missed, found = confusion_matrix(
        y_test, model.predict(X_test)
    ).ravel()
    print(f"{name:14s} found {found}, missed {missed}, false alarms {false_alarms}")
print(f"tuned threshold {tuned.best_threshold_:.3f}")

# %%
# All thresholds at once
# ----------------------

from sklearn.metrics import PrecisionRecallDisplay

fig, ax = plt.subplots(figsize=(6, 5), layout="constrained")
for name in ("logistic loss", "balanced"):
    PrecisionRecallDisplay.from_estimator(
        models[name], X_test, y_test, name=name, ax=ax
    )

plt.show()
