"""QNNClassifier: what each argument does, what is remembered, what is refused."""

import logging
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from qiskit_machine_learning.optimizers import ADAM, COBYLA, L_BFGS_B, SPSA
from sklearn.exceptions import ConvergenceWarning

from skqnn import QNNClassifier
from skqnn._model import DeadParameterWarning

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
Y3 = np.array(["a", "b", "c"])[np.arange(40) % 3]


def train(X=X, y=Y, sample_weight=None, **arguments):
    """Fit for a few epochs, which is never long enough to converge."""
    arguments = {"max_iter": 3, "random_state": 0} | arguments
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return QNNClassifier(**arguments).fit(X, y, sample_weight)


def params(classifier):
    return np.concatenate([classifier.theta_, classifier.scale_, classifier.bias_])


# --- Solvers -------------------------------------------------------------------------

OPTIMIZERS = {
    "ADAM": (lambda: ADAM(maxiter=60, lr=0.1), 60),
    "COBYLA": (lambda: COBYLA(maxiter=150), 100),
    "SPSA": (lambda: SPSA(maxiter=60), 120),
    "L_BFGS_B": (lambda: L_BFGS_B(maxiter=30), 10),
}


@pytest.mark.filterwarnings("ignore:.*disp.*iprint:DeprecationWarning")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_solver_of_qiskit_machine_learning_runs_its_own_length(name):
    make, least = OPTIMIZERS[name]
    classifier = QNNClassifier(solver=make(), max_iter=1, random_state=0).fit(X, Y)
    assert classifier.n_iter_ >= least
    assert classifier.loss_ < classifier.loss_curve_[0] - 0.05


def test_solver_changed_between_warm_starts_begins_with_fresh_state():
    classifier = train(warm_start=True)
    before = classifier.loss_
    with pytest.warns(ConvergenceWarning):
        classifier.set_params(solver="sgd").fit(X, Y)
    assert classifier.n_iter_ == 6
    assert classifier.loss_ < before


# --- Warnings ------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd", "spsa", "lbfgs"])
def test_convergence_warning_points_at_the_caller(solver):
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\)") as caught:
        QNNClassifier(solver=solver, max_iter=2).fit(X, Y)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_dead_parameters_warning_points_at_the_caller(method):
    classifier = QNNClassifier(observables=["IZ"], learning_rate="cosine", max_iter=2)
    arguments = {"classes": [0, 1]} if method == "partial_fit" else {}
    with pytest.warns(DeadParameterWarning, match="1 of 4 parameters .*`reps`") as w:
        getattr(classifier, method)(X, Y, **arguments)
    assert w[0].filename == __file__
    assert_array_equal(classifier.dead_parameters_, [3])


# --- Log -----------------------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
def test_verbose_logs_one_line_per_epoch(caplog, early_stopping):
    train(verbose=True, early_stopping=early_stopping)
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(",")[0] for line in lines] == [
        f"Iteration {k}" for k in (1, 2, 3)
    ]
    assert all(("validation score" in line) == early_stopping for line in lines)
    assert logging.getLogger("skqnn").level == logging.NOTSET


def test_verbose_is_seen_on_standard_output_without_logging_set_up(capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger("skqnn"), "propagate", False)
    train(verbose=False)
    assert capsys.readouterr().out == ""
    train(verbose=True)
    assert len(capsys.readouterr().out.splitlines()) == 3
