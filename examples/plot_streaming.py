"""
Learning from a stream
======================

Data that arrive in pieces, or do not fit into memory, are learnt with `partial_fit`:
one pass over the given rows, continuing where the last call stopped.
"""

# %%
# Chunks
# ------
# The encoder must not learn the pixel range from the first chunk, so it is given, and
# `fit` only settles shapes. The classifier must know all classes at the first call.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.25, stratify=y, random_state=0
)


def stream(n_passes, n_rows=200):
    """Yield chunks of the training data, as a file on disk would."""
    rng = np.random.default_rng(0)
    for _ in range(n_passes):
        order = rng.permutation(len(X_train))
        for start in range(0, len(order), n_rows):
            rows = order[start : start + n_rows]
            yield X_train[rows], y_train[rows]


encoder = BinaryAmplitudeEncoder(black="none", pixel_range=(0, 16)).fit(X_train[:1])
A_test = encoder.transform(X_test)
model = QNNClassifier(
    reps=10, entanglement="circular", init_scale=0.1, batch_size=50, random_state=0
).set_params(learning_rate_init=0.05)

# %%
# Learn and watch
# ---------------
# Each chunk is scored *before* it is learnt. Such progressive validation needs no test
# set, which a stream does not have.

progressive, accuracies = [], []
for chunk, labels in stream(n_passes=5):
    amplitudes = encoder.transform(chunk)
    if hasattr(model, "classes_"):
        progressive.append(model.score(amplitudes, labels))
    model.partial_fit(amplitudes, labels, classes=range(10))
    accuracies.append(model.score(A_test, y_test))
print(f"{len(accuracies)} chunks, test accuracy {accuracies[-1]:.3f}")

# %%
import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
ax.plot(range(1, len(progressive) + 1), progressive, label="next chunk")
ax.plot(range(1, len(accuracies) + 1), accuracies, label="test set")
ax.set(xlabel="chunks of 200 images learnt", ylabel="accuracy")
ax.legend()

# %%
# The world changes
# -----------------
# A stream may drift. Here all images are suddenly mirrored. The model recovers by going
# on learning; nothing has to be started again.

mirror = np.fliplr(np.arange(64).reshape(8, 8)).ravel()
A_mirrored = encoder.transform(X_test[:, mirror])
print(f"before: {model.score(A_mirrored, y_test):.3f}")
for chunk, labels in stream(n_passes=5):
    model.partial_fit(encoder.transform(chunk[:, mirror]), labels)
print(f"after:  {model.score(A_mirrored, y_test):.3f}")

plt.show()
