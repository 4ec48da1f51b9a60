"""
All ten digits
==============

Ten classes need a deeper circuit and ten observables. How far do a few hundred
parameters get, and what gets there with less effort?
"""

# %%
# The model
# ---------
# Six qubits hold 64 pixels, without a black channel. Sixty layers that start near the
# identity, a ring of CX gates between them, and step sizes that rise and fall over a
# fixed number of epochs. Ten observables, one for each digit, are chosen by the
# classifier so that no angle is dead.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.25, stratify=y, random_state=0
)
model = make_pipeline(
    BinaryAmplitudeEncoder(black="none"),
    QNNClassifier(
        reps=60,
        entanglement="circular",
        init_scale=0.1,
        learning_rate="one_cycle",
        learning_rate_init=0.08,
        batch_size=50,
        max_iter=30,
        random_state=0,
    ),
).fit(X_train, y_train)
classifier = model[-1]
print(f"{classifier.n_qubits_} qubits, {classifier.n_parameters_} parameters")
print(f"training accuracy {model.score(X_train, y_train):.3f}")
print(f"test accuracy     {model.score(X_test, y_test):.3f}")

# %%
# Which digits are confused?
# --------------------------

import matplotlib.pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay

fig, ax = plt.subplots(figsize=(5.5, 5), layout="constrained")
ConfusionMatrixDisplay.from_estimator(
    model, X_test, y_test, cmap="Blues", colorbar=False, ax=ax
)

# %%
# What does each observable see?
# ------------------------------
# Boxes span the quartiles of the expectation value for the images of each class. In
# colour: the class whose score it is, which should stand out, to the right if the scale
# that all scores share was trained to be positive, to the left if it is negative.

from skqnn.inspection import ObservableDisplay

print(f"scale {classifier.scale_[0]:.1f}")
ObservableDisplay.from_estimator(model, X_test, y_test)

# %%
# Honest comparison
# -----------------
# Logistic regression with as many parameters, on principal components, is a point
# behind, which are six of the 450 images. On all pixels it does about as well, and it
# trains in a fraction of a second; a support vector machine is better than both. The
# circuit is a curious and compact model, not the best one for this task.

from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

n_components = (
    classifier.n_parameters_ // 10 - 1
)  # ten classes, weights and a bias each
baselines = {
    f"logistic regression, {10 * (n_components + 1)} parameters": make_pipeline(
        PCA(n_components, random_state=0),
        StandardScaler(),
        LogisticRegression(max_iter=1000),
    ),
    "logistic regression on all pixels, 650 parameters": make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=1000)
    ),
    "support vector machine": make_pipeline(StandardScaler(), SVC()),
}
for name, baseline in baselines.items():
    accuracy = baseline.fit(X_train, y_train).score(X_test, y_test)
    print(f"{accuracy:.3f}  {name}")

plt.show()
