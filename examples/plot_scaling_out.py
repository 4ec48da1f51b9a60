"""
Scaling out
===========

A grid search whose fits run on other computers: scikit-learn hands them to joblib,
joblib to a cluster. Here the cluster is two processes on this computer; with the
address of a scheduler instead of `LocalCluster` it is as many machines as there are.
Needs the extra ``dask``.
"""

# %%
# A search, here and there
# ------------------------
# Fits are independent, so they are what to distribute; a single fit is not split. The
# guard is needed because workers import this file.

import joblib
import matplotlib.pyplot as plt
import numpy as np
from dask.distributed import Client, LocalCluster, get_task_stream
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

X, y = load_digits(n_class=2, return_X_y=True)
model = make_pipeline(
    BinaryAmplitudeEncoder(),
    QNNClassifier(learning_rate="one_cycle", max_iter=100, random_state=0),
)
grid = {
    "qnnclassifier__reps": [1, 2, 4],
    "qnnclassifier__learning_rate_init": [0.03, 0.1],
}
search = GridSearchCV(model, grid, cv=3)

if __name__ == "__main__":
    here = clone(search).fit(X, y)
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="localhost:0"
    )
    with cluster, Client(cluster) as client:
        with get_task_stream(client) as stream, joblib.parallel_config(backend="dask"):
            there = clone(search).fit(X, y)

# %%
# The same results
# ----------------
# Training does not depend on where it runs.

if __name__ == "__main__":
    scores = [s.cv_results_["mean_test_score"] for s in (here, there)]
    print(f"best parameters: {there.best_params_}")
    print(f"equal scores of all candidates: {np.array_equal(*scores)}")

# %%
# Who did what
# ------------
# Each bar is a fit; the first ones include the import of the libraries. :ref:`scaling`
# says what to distribute and what not, how a search survives a worker that dies, and
# how to do the same with Ray or on a Slurm cluster.

if __name__ == "__main__":
    runs = [
        (task["worker"], step["start"], step["stop"])
        for task in stream.data
        for step in task["startstops"]
        if step["action"] == "compute"
    ]
    workers = sorted({worker for worker, *_ in runs})
    first = min(start for _, start, _ in runs)
    fig, ax = plt.subplots(figsize=(6.4, 2), layout="constrained")
    for worker, start, stop in runs:
        row = workers.index(worker)
        ax.barh(row, stop - start, left=start - first, color=f"C{row}", edgecolor="w")
    ax.set_yticks(range(len(workers)), [f"worker {k + 1}" for k in range(len(workers))])
    ax.set_xlabel("seconds since the first fit began")
    plt.show()
