"""Zeros and ones with a quantum neural network.

Run ``python examples/digits.py`` for the 8x8 digits that scikit-learn ships, or
``python examples/digits.py --mnist`` for all 28x28 MNIST zeros and ones, which
scikit-learn downloads once (to read its 15 MB takes about a minute). Both need nothing
but what skqnn itself needs.
"""

import sys
import time

import numpy as np
from sklearn.datasets import fetch_openml, load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

if "--mnist" in sys.argv:
    X, y = fetch_openml(
        "mnist_784",
        version=1,
        return_X_y=True,
        as_frame=False,
        parser="liac-arff",  # the other one needs pandas
    )
    zero_one = np.isin(y, ["0", "1"])
    n_train = zero_one[: len(y) * 6 // 7].sum()  # the standard split: 60,000 of 70,000
    X, y = X[zero_one], y[zero_one]
    X_train, X_test = X[:n_train], X[n_train:]
    y_train, y_test = y[:n_train], y[n_train:]
else:
    X, y = load_digits(n_class=2, return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.5, stratify=y, random_state=0
    )

model = make_pipeline(
    BinaryAmplitudeEncoder(dtype="float32"),
    QNNClassifier(
        learning_rate="one_cycle", batch_size=50, max_iter=100, random_state=0
    ),
)
start = time.perf_counter()
model.fit(X_train, y_train)
seconds = time.perf_counter() - start
accuracy = model.score(X_test, y_test)

n_parameters = model[-1].n_parameters_
baseline = make_pipeline(PCA(n_parameters - 1), LogisticRegression(max_iter=1000))
baseline.fit(X_train, y_train)

print(f"images               {len(X_train)} train, {len(X_test)} test")
print("model                BinaryAmplitudeEncoder, QNNClassifier")
print(f"qubits               {model[-1].n_qubits_}")
print(f"trained parameters   {n_parameters}")
print(f"fit                  {seconds:.1f} s")
print(f"test accuracy        {accuracy:.2%}")
print(
    f"baseline             {baseline.score(X_test, y_test):.2%} "
    f"(logistic regression on principal components, {n_parameters} parameters)"
)
