"""
Callbacks and early stopping
============================

Watch a fit epoch by epoch, stop it when it no longer improves, or stop it for a reason
of your own, with scikit-learn's callbacks.
"""

# %%
# Stop when validation no longer improves
# ---------------------------------------
# `early_stopping=True` sets a tenth of the training data aside, here a fifth, scores it
# after every epoch, stops after `n_iter_no_change` epochs without improvement, and
# restores the weights of the best epoch. A fifth are 53 images: with so few, the best
# epoch may be a lucky one, and seeds differ in when they stop.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier
from skqnn.inspection import TrainingCurveDisplay

X, y = load_digits(return_X_y=True)
pair = np.isin(y, (3, 8))
X_train, X_test, y_train, y_test = train_test_split(
    X[pair], y[pair], stratify=y[pair], random_state=0
)
classifier = QNNClassifier(
    reps=4,
    batch_size=30,
    early_stopping=True,
    validation_fraction=0.2,
    n_iter_no_change=15,
    random_state=1,
)
model = make_pipeline(BinaryAmplitudeEncoder(), classifier).fit(X_train, y_train)
print(f"{classifier.n_iter_} epochs, test accuracy {model.score(X_test, y_test):.3f}")
TrainingCurveDisplay.from_estimator(model)

# %%
# Watch any score
# ---------------
# `ScoringMonitor` computes scores on the training data after every epoch. A callback is
# attached with `set_callbacks`, as for scikit-learn's own estimators;
# ``sklearn.callback.ProgressBar`` is another.

from sklearn.callback import ScoringMonitor

encoder = BinaryAmplitudeEncoder().fit(X_train)
amplitudes = encoder.transform(X_train)
monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
classifier = QNNClassifier(max_iter=40, learning_rate="cosine", random_state=0)
classifier.set_callbacks(monitor).fit(amplitudes, y_train)

epochs = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
for epoch in epochs[::8]:
    print(
        f"epoch {epoch['task_id']:2d}: accuracy {epoch['accuracy']:.3f}, "
        f"log-loss {-epoch['neg_log_loss']:.3f}"
    )

# %%
# A callback of your own
# ----------------------
# Any object with these four methods will do. Here: look at a test set while training,
# and stop as soon as it is good enough. Returning True stops the fit. What was trained
# until then is kept; `fitted_estimator` is a copy of it that can predict.


class StopAt:
    """Stop a fit when the accuracy on some data reaches a goal."""

    def __init__(self, goal, X, y):
        self.goal, self.X, self.y = goal, X, y
        self.scores = []

    def setup(self, estimator, context):
        """Begin a fit."""

    def teardown(self, estimator, context):
        """End a fit."""

    def on_fit_task_begin(self, estimator, context, **kwargs):
        """Begin a fit or an epoch."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None, **kwargs):
        """Score after an epoch, and stop at the goal."""
        if context.task_name != "epoch" or fitted_estimator is None:
            return False
        self.scores.append(fitted_estimator.score(self.X, self.y))
        return self.scores[-1] >= self.goal


stop = StopAt(0.97, encoder.transform(X_test), y_test)
classifier = QNNClassifier(reps=4, batch_size=30, random_state=0)
classifier.set_callbacks(stop).fit(amplitudes, y_train)
print(f"stopped after {classifier.n_iter_} epochs at accuracy {stop.scores[-1]:.3f}")

# %%
# (Looking at test data while training is fine for watching and bad for choosing: use
# `early_stopping`, or a validation set, for decisions that you report.)
#
# Interrupting
# ------------
# Ctrl-C ends a fit with a warning and keeps the weights of the last finished step. With
# `warm_start=True` the next `fit` continues from them, with the optimizer's moments.

classifier = QNNClassifier(
    max_iter=5, learning_rate="cosine", warm_start=True, random_state=0
)
for _ in range(3):
    classifier.fit(amplitudes, y_train)
    print(f"{classifier.n_iter_} epochs, loss {classifier.loss_:.3f}")

# %%
# Run as a script, this shows the pictures.

import matplotlib.pyplot as plt

plt.show()
