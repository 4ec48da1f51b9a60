"""
Grid search over circuits
=========================

Ansatz and depth are hyper-parameters like any other: `GridSearchCV` clones, trains and
scores the classifier, in parallel if asked.
"""

# %%
# Threes and eights
# -----------------
# A harder pair than zeros and ones. The encoder is a step of the pipeline, so its
# options are searched along with those of the circuit. Every model starts from the same
# seed and trains for the same number of epochs.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

X, y = load_digits(return_X_y=True)
pair = np.isin(y, (3, 8))
X_train, X_test, y_train, y_test = train_test_split(
    X[pair], y[pair], stratify=y[pair], random_state=0
)
model = Pipeline(
    [
        ("encode", BinaryAmplitudeEncoder(black="none")),
        ("classify", QNNClassifier(learning_rate="one_cycle", max_iter=60)),
    ]
).set_params(classify__batch_size=50, classify__random_state=0)
grid = {
    "classify__ansatz": ["real_amplitudes", "n_local", "tree", "staircase"],
    "classify__reps": [1, 2, 4],
}
search = GridSearchCV(
    model, grid, cv=StratifiedKFold(3, shuffle=True, random_state=0), n_jobs=1
).fit(X_train, y_train)
print(f"best of {len(search.cv_results_['params'])}: {search.best_params_}")
print(f"cross-validated accuracy {search.best_score_:.3f}")
print(f"test accuracy            {search.score(X_test, y_test):.3f}")

# %%
# The whole table
# ---------------
# Accuracy against the number of trained parameters, which is the price. Bars show the
# standard deviation over the folds: most differences are within them, and choosing the
# shallower circuit costs little.

import matplotlib.pyplot as plt
from sklearn.base import clone

results = search.cv_results_
fig, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
for k, ansatz in enumerate(grid["classify__ansatz"]):
    rows = np.flatnonzero(results["param_classify__ansatz"] == ansatz)
    sizes = [
        clone(model)
        .set_params(**results["params"][row], classify__max_iter=1)
        .fit(X_train, y_train)[-1]
        .n_parameters_
        for row in rows
    ]
    ax.errorbar(
        np.array(sizes) + 0.4 * (k % 2),  # pairs of equal size, side by side
        results["mean_test_score"][rows],
        results["std_test_score"][rows],
        marker="os^D"[k],
        capsize=3,
        label=ansatz,
    )
ax.set(xlabel="trained parameters", ylabel="cross-validated accuracy")
ax.legend()

# %%
# The same search on all cores is ``n_jobs=-1``: a classifier is small to pickle, and
# results do not depend on the number of workers. On a cluster, wrap the call in
# ``joblib.parallel_config(backend="dask")``.

import pickle

print(f"{len(pickle.dumps(search.best_estimator_)) / 1000:.0f} kB")

plt.show()
