#!/usr/bin/env bash
# The decision function of qiskit-machine-learning's PegasosQSVC points to the first class.
#
# Versions:  qiskit-machine-learning 0.9.1, Qiskit 2.6.2, scikit-learn 1.9.1.
# Expected:  `decision_function` is positive where the second of two classes is predicted,
#            as it is for QSVC beside it and for all classifiers of scikit-learn.
# Seen:      it is positive for the first, smaller label. `predict` is right, so nobody
#            notices, but the area under the ROC curve comes out as one minus itself, 0.03
#            for a classifier of 0.97. Thresholds and calibrations that are learnt on the
#            scores are those of the wrong class.
# Source:    https://qiskit-community.github.io/qiskit-machine-learning/stubs/qiskit_machine_learning.algorithms.PegasosQSVC.html
# In skqnn:  positive means classes_[1].
source "$(dirname "$0")/_run.sh"
packages qiskit==2.6.2 qiskit-machine-learning==0.9.1 scikit-learn==1.9.1
python_says <<'PYTHON'
import sys

import numpy as np
import qiskit_machine_learning
from qiskit.circuit.library import zz_feature_map
from qiskit_machine_learning.algorithms import QSVC, PegasosQSVC
from qiskit_machine_learning.kernels import FidelityStatevectorKernel
from sklearn.metrics import roc_auc_score

rng = np.random.default_rng(0)
X = rng.uniform(0, 1.5, (60, 2))
y = np.where(X[:, 0] + 0.1 * rng.normal(size=60) > 0.75, "yes", "no")
kernel = FidelityStatevectorKernel(feature_map=zz_feature_map(2, reps=1))
models = {
    "QSVC": QSVC(quantum_kernel=kernel),
    "PegasosQSVC": PegasosQSVC(quantum_kernel=kernel, C=1000, num_steps=200, seed=1),
}
print("qiskit-machine-learning", qiskit_machine_learning.__version__)
seen = {}
for name, model in models.items():
    scores = np.ravel(model.fit(X, y).decision_function(X))
    accuracy, area = np.mean(model.predict(X) == y), roc_auc_score(y, scores)
    is_second = model.predict(X) == "yes"
    seen[name] = area > 0.5, set(is_second[scores > 0].tolist())
    print(f"{name:12s} accuracy {accuracy:.2f}, area under the ROC curve {area:.2f};",
          "positive scores are", set(model.predict(X)[scores > 0].tolist()))
    if accuracy < 0.75:
        sys.exit("does not learn")
sys.exit(seen != {"QSVC": (True, {True}), "PegasosQSVC": (False, {False})})
PYTHON
