"""
Is the quantum part doing anything?
===================================

A good score does not show that the circuit earned it. `ablation_report` trains the
model and versions of it with less, on the same folds, and compares.
"""

# %%
# An easy task
# ------------
# Zeros against ones. The difference to the model counts, with its confidence interval:
# where the interval contains zero, these folds do not show that the part is needed. Nor
# do they show that it is not: more data or repetitions may. Where all splits give the
# same number, there is no interval: six times all images right is no proof that the
# next one will be.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline

from skqnn import BinaryAmplitudeEncoder, QNNClassifier
from skqnn.inspection import ablation_report

X, y = load_digits(return_X_y=True)
cv = RepeatedStratifiedKFold(n_splits=2, n_repeats=3, random_state=0)


def make_model(**options):
    """Return the pipeline that is put to the test."""
    options = {"learning_rate": "one_cycle", "max_iter": 30} | options
    classifier = QNNClassifier(batch_size=50, random_state=0, **options)
    return make_pipeline(BinaryAmplitudeEncoder(), classifier)


easy = y < 2
report = ablation_report(make_model(), X[easy], y[easy], cv=cv)
print(report)
report.plot()

# %%
# Logistic regression with as many parameters does as well, so nothing quantum is needed
# here. Even without entanglers little is lost. Only a circuit with frozen angles, of
# which a scale and a bias are all that is trained, falls behind.
#
# A harder task
# -------------
# Threes against eights, with a circuit of four layers.

hard = np.isin(y, (3, 8))
report = ablation_report(make_model(reps=4), X[hard], y[hard], cv=cv)
print(report)
report.plot()

# %%
# Here the entanglers matter to some runs, and the intervals are wide because the runs
# without them differ so much. Logistic regression of the same size still does as well
# as the circuit. That is what an honest report looks like on such data; see
# :ref:`limits`.

import matplotlib.pyplot as plt

plt.show()
