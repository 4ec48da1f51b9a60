"""Do quantum classifiers keep scikit-learn's contract: ours, MLPClassifier, and peers.

    pip install . squlearn qiskit-machine-learning pandas
    python benchmarks/peer_contract.py > benchmarks/results/peer_contract.csv

Every check is a small program that a user of scikit-learn expects to work, run on each
classifier with the friendliest settings that it has. A cell says what came out; an
exception is an answer, too. What peers print goes to standard error.
"""

import contextlib
import csv
import importlib.metadata
import io
import os
import pickle
import sys
import warnings
from functools import partial

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator

from skqnn import QNNClassifier

N_QUBITS = 2


def ours(encoding="angle"):
    """Return our classifier."""
    return QNNClassifier(encoding=encoding, solver="lbfgs", max_iter=30, random_state=0)


def perceptron():
    """Return scikit-learn's neural network, the bar."""
    return MLPClassifier((8,), solver="lbfgs", max_iter=200, random_state=0)


def squlearn(circuit="YZ_CX_EncodingCircuit", **width):
    """Return sQUlearn's QNNClassifier."""
    from squlearn import Executor, encoding_circuit
    from squlearn.observables import SummedPaulis
    from squlearn.optimizers import SLSQP
    from squlearn.qnn import QNNClassifier as SquQNNClassifier
    from squlearn.qnn.loss import SquaredLoss

    return SquQNNClassifier(
        getattr(encoding_circuit, circuit)(N_QUBITS, num_layers=2, **width),
        SummedPaulis(N_QUBITS),
        Executor("pennylane"),
        SquaredLoss(),
        SLSQP({"maxiter": 30}),
        callback=None,
    )


def vqc():
    """Return qiskit-machine-learning's VQC with its default feature map."""
    from qiskit_machine_learning.algorithms import VQC
    from qiskit_machine_learning.optimizers import COBYLA

    _seed_qiskit()
    return VQC(N_QUBITS, optimizer=COBYLA(maxiter=60))


def estimator_qnn():
    """Return qiskit-machine-learning's classifier on the circuit of `ours`."""
    from qiskit.circuit import ParameterVector, QuantumCircuit
    from qiskit.circuit.library import real_amplitudes
    from qiskit_machine_learning.algorithms import NeuralNetworkClassifier
    from qiskit_machine_learning.neural_networks import EstimatorQNN
    from qiskit_machine_learning.optimizers import COBYLA
    from qiskit_machine_learning.primitives import QMLEstimator

    _seed_qiskit()
    x = ParameterVector("x", N_QUBITS)
    circuit = QuantumCircuit(N_QUBITS)
    for qubit, angle in enumerate(x):
        circuit.ry(angle, qubit)
    ansatz = real_amplitudes(N_QUBITS, reps=1)
    circuit.compose(ansatz, inplace=True)
    qnn = EstimatorQNN(
        circuit=circuit,
        estimator=QMLEstimator(),
        input_params=list(x),
        weight_params=list(ansatz.parameters),
    )
    return NeuralNetworkClassifier(qnn, optimizer=COBYLA(maxiter=60))


def _seed_qiskit():
    from qiskit_machine_learning.utils import algorithm_globals

    algorithm_globals.random_seed = 0


# Name: distribution, how to make it, and one for data of any width if that is another:
# thirty features as angles would be thirty qubits.
CLASSIFIERS = {
    "skqnn QNNClassifier": ("skqnn", ours, partial(ours, "amplitude")),
    "scikit-learn MLPClassifier": ("scikit-learn", perceptron, perceptron),
    "sQUlearn QNNClassifier": (
        "squlearn",
        partial(squlearn, num_features=N_QUBITS),
        partial(squlearn, "HighDimEncodingCircuit"),
    ),
    "qiskit-machine-learning VQC": ("qiskit-machine-learning", vqc, vqc),
    "qiskit-machine-learning NeuralNetworkClassifier": (
        "qiskit-machine-learning",
        estimator_qnn,
        estimator_qnn,
    ),
}


def data():
    """Return two clouds of 20 points, as angles, that a line separates."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 20)
    X = rng.normal(0, 0.2, (40, N_QUBITS)) + np.where(y, 0.9, 0.1)[:, None]
    return X, y


def checks(make):
    """Run scikit-learn's own checks."""
    results = check_estimator(make(), on_fail=None, on_skip=None)
    failed = sum(result["status"] == "failed" for result in results)
    return f"{failed} of {len(results)} fail"


def copies(make):
    """Make an unfitted copy with the same parameters."""
    clone(make())
    return "yes"


def is_known_as_classifier(make):
    """Let cross-validation stratify."""
    return _yes(is_classifier(make()))


def chains(make):
    """Write ``fit(X, y).predict(X)``."""
    X, y = data()
    make().fit(X, y).predict(X)
    return "yes"


def accuracy_with(zero, one):
    """Return a check of the training accuracy with two labels."""

    def check(make):
        X, y = data()
        y = np.where(y, one, zero)
        model = make()
        model.fit(X, y)
        return f"{np.mean(np.ravel(model.predict(X)) == y):.2f}"

    return check


def weighs_samples(make):
    """Remove samples by weight zero."""
    X, y = data()
    y = np.where(np.arange(40) % 4 == 0, 1 - y, y)  # wrong labels, of weight zero
    model = make()
    model.fit(X, y, sample_weight=(np.arange(40) % 4 != 0).astype(float))
    return f"yes, accuracy {np.mean(np.ravel(model.predict(X)) == data()[1]):.2f}"


def gives_probabilities(make):
    """Return rows in [0, 1] that sum to 1."""
    X, y = data()
    model = make()
    model.fit(X, y)
    p = np.asarray(model.predict_proba(X))
    if p.shape != (40, 2):
        return f"no, shape {p.shape}, from {p.min():.2f} to {p.max():.2f}"
    return _yes(p.min() >= 0 and np.allclose(p.sum(axis=1), 1))


def pickles(make):
    """Predict the same after pickle."""
    X, y = data()
    model = make()
    model.fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    return _yes(np.array_equal(copy.predict(X), model.predict(X)))


def repeats(make):
    """Give the same scores in a second fit of a new estimator."""
    X, y = data()
    scores = []
    for _ in range(2):
        model = make()
        model.fit(X, y)
        scores.append(np.asarray(model.predict_proba(X)))
    return _yes(np.array_equal(*scores))


def cross_validates(make):
    """Score three folds of data that are sorted by class."""
    X, y = data()
    scores = cross_val_score(make(), X, y, cv=3, error_score="raise")
    return f"yes, {np.mean(scores):.2f}"


def searches(make):
    """Search a pipeline on two processes."""
    X, y = data()
    pipeline = make_pipeline(MinMaxScaler(), make())
    grid = {"minmaxscaler__feature_range": [(0, 1), (0, 1.5)]}
    GridSearchCV(pipeline, grid, cv=2, n_jobs=2, error_score="raise").fit(X, y)
    return "yes"


def calibrates(make):
    """Wrap in CalibratedClassifierCV."""
    X, y = data()
    CalibratedClassifierCV(make(), cv=2).fit(X, y).predict_proba(X)
    return "yes"


def takes_frames(make):
    """Fit a pandas DataFrame, remember the names of its columns."""
    import pandas as pd

    X, y = data()
    model = make()
    model.fit(pd.DataFrame(X, columns=["a", "b"]), y)
    return "yes" if hasattr(model, "feature_names_in_") else "yes, forgets names"


def refuses_nan(make):
    """Refuse NaN in X before any work, as a ValueError."""
    X, y = data()
    X[0, 0] = np.nan
    try:
        make().fit(X, y)
    except ValueError as error:
        return _yes("NaN" in str(error))
    return "no, it trains"


CHECKS = {
    "``check_estimator``": checks,
    "``clone``": copies,
    "``is_classifier``": is_known_as_classifier,
    "``fit(X, y).predict(X)``": chains,
    "accuracy, labels 0 and 1": accuracy_with(0, 1),
    "accuracy, labels -1 and 1": accuracy_with(-1, 1),
    "accuracy, labels 3 and 7": accuracy_with(3, 7),
    'accuracy, labels "no" and "yes"': accuracy_with("no", "yes"),
    "``sample_weight``": weighs_samples,
    "probabilities are probabilities": gives_probabilities,
    "pickle": pickles,
    "same seed, same bits": repeats,
    "``cross_val_score``": cross_validates,
    "``GridSearchCV(n_jobs=2)``": searches,
    "``CalibratedClassifierCV``": calibrates,
    "``DataFrame``": takes_frames,
    "refuses NaN": refuses_nan,
}


def _yes(fact):
    return "yes" if fact else "no"


def run(check, make):
    """Return what a check says, or the error that it ends in."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            return check(make)
        except Exception as error:
            return type(error).__name__


def main():
    """Print the table as CSV."""
    os.environ["PYTHONWARNINGS"] = "ignore"  # of worker processes
    writer = csv.writer(sys.stdout, lineterminator="\n")
    versions = [importlib.metadata.version(name) for name, _, _ in CLASSIFIERS.values()]
    names = [f"{c} {v}" for c, v in zip(CLASSIFIERS, versions, strict=True)]
    writer.writerow(["", *names])
    for name, check in CHECKS.items():
        cells = [
            run(check, any_width if check is checks else make)
            for _, make, any_width in CLASSIFIERS.values()
        ]
        writer.writerow([name, *cells])
        sys.stdout.flush()


if __name__ == "__main__":
    main()
