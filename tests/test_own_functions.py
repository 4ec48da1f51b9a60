"""A loss and a step-size schedule of the user's own: trained with, copied, refused."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from skqnn import QNNClassifier
from skqnn._training.losses import LOSSES, squared_error
from skqnn._training.optimizers import one_cycle
from skqnn.export import load, save
from skqnn.inspection import ablation_report, check_gradients, trainability_report

X, Y = load_iris(return_X_y=True)
X, Y = X[::3], Y[::3]
TWO = Y < 2
SMALL = {"reps": 1, "max_iter": 3, "learning_rate": "one_cycle", "random_state": 0}


def squared_hinge(scores, targets):
    """Return the squared distance from the right side of the margin."""
    sign = 2 * targets - 1
    gap = np.maximum(1 - sign * scores, 0)
    return (gap**2).sum(axis=1), -2 * sign * gap


def thirds(progress):
    """Return 1, 0.1 and 0.01 in the three thirds of the training."""
    return 0.1 ** int(3 * progress)


@pytest.mark.parametrize("rows", [TWO, slice(None)])
def test_training_follows_the_gradient_of_the_loss(rows):
    model = QNNClassifier(loss=squared_hinge, **SMALL).fit(X[rows], Y[rows])
    differences = check_gradients(model, X[rows], Y[rows]).max_differences
    assert differences["finite_differences"] < 1e-6
    assert model.loss_curve_[-1] < model.loss_curve_[0]


def test_a_function_of_the_table_trains_the_same_bits():
    names = QNNClassifier(loss="squared_error", **SMALL).fit(X, Y)
    ours = SMALL | {"learning_rate": one_cycle}
    functions = QNNClassifier(loss=squared_error, **ours).fit(X, Y)
    np.testing.assert_array_equal(names.theta_, functions.theta_)


@pytest.mark.parametrize("rows", [TWO, slice(None)])
def test_scores_are_read_as_logits(rows):
    model = QNNClassifier(loss=squared_hinge, **SMALL).fit(X[rows], Y[rows])
    scores = model.decision_function(X[rows])
    scores = scores[:, None] if scores.ndim == 1 else scores
    expected = LOSSES["log_loss"].log_probabilities(scores)
    np.testing.assert_array_equal(model.predict_log_proba(X[rows]), expected)


@pytest.mark.filterwarnings("ignore:Maximum iterations")
def test_a_loss_may_write_into_its_targets():
    """All data at once are views of the labels, which would be lost."""

    def careless(scores, targets):
        result = squared_hinge(scores, targets)
        targets[:] = 0
        return result

    options = SMALL | {"solver": "lbfgs"}
    careful = QNNClassifier(loss=squared_hinge, **options).fit(X, Y)
    model = QNNClassifier(loss=careless, **options).fit(X, Y)
    np.testing.assert_array_equal(model.theta_, careful.theta_)


@pytest.mark.parametrize("broken", [0, 1])
def test_a_loss_that_is_not_finite_is_named(broken):
    def loss(scores, targets):
        result = [part.copy() for part in squared_hinge(scores, targets)]
        result[broken][0] = np.nan
        return tuple(result)

    message = "`loss` must return finite values and slopes, got nan.*; avoid"
    with pytest.raises(ValueError, match=message):
        QNNClassifier(loss=loss, **SMALL).fit(X, Y)


def test_factors_multiply_the_step_size():
    begun = []
    for factor in (1.0, 0.5, 0.0):
        plain = SMALL | {"solver": "sgd", "learning_rate_init": 1e-3, "max_iter": 1}
        model = QNNClassifier(**plain | {"learning_rate": lambda p, f=factor: f})
        begun.append(model.fit(X, Y).bias_)
    whole, half = begun[0] - begun[2], begun[1] - begun[2]
    assert np.all(whole != 0)
    np.testing.assert_allclose(half, whole / 2, rtol=1e-9)


def test_own_schedule_uses_all_epochs():
    model = QNNClassifier(
        learning_rate=thirds, max_iter=30, tol=10.0, random_state=0, reps=1
    ).fit(X, Y)
    assert model.n_iter_ == 30


def test_functions_survive_copies_pickles_and_searches():
    model = QNNClassifier(**SMALL | {"loss": squared_hinge, "learning_rate": thirds})
    assert clone(model).loss is squared_hinge
    assert clone(model).learning_rate is thirds
    again = pickle.loads(pickle.dumps(model.fit(X, Y)))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    grid = {"loss": [squared_hinge, "log_loss"], "learning_rate": [thirds]}
    search = GridSearchCV(clone(model), grid, cv=2, n_jobs=1).fit(X, Y)
    assert search.best_params_["learning_rate"] is thirds


@pytest.mark.parametrize(
    "name, cure", [("loss", "loss='log_loss'"), ("learning_rate", "a schedule")]
)
def test_archive_holds_no_functions(name, cure, tmp_path):
    function = {"loss": squared_hinge, "learning_rate": thirds}[name]
    model = QNNClassifier(**SMALL | {name: function}).fit(X, Y)
    with pytest.raises(TypeError, match=f"`{name}` must be .* {cure}"):
        save(model, tmp_path / "model.skqnn")
    named = {"loss": "log_loss", "learning_rate": "constant"}[name]
    save(model.set_params(**{name: named}), tmp_path / "model.skqnn")
    again = load(tmp_path / "model.skqnn").predict_proba(X)
    np.testing.assert_array_equal(again, model.predict_proba(X))


def test_reports_take_an_own_loss():
    model = QNNClassifier(loss=squared_hinge, **SMALL)
    assert "model" in str(ablation_report(model, X[TWO], Y[TWO], cv=2))
    options = {"n_draws": 2, "n_qubits": (2,), "reps": (1,), "max_samples": 2}
    assert trainability_report(model, X, Y, **options).fisher.rank > 0


def mean(scores, targets):
    """Return one number, as losses of other libraries do."""
    return np.mean((scores - targets) ** 2)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"loss": mean}, "`loss` must return a tuple .* got float64.* one value per"),
        (
            {"loss": lambda scores, targets: (scores.sum(), scores)},
            r"`loss` must return .*\(50,\) and \(50, 3\).*got tuple.*\[\(\), \(50, 3\)",
        ),
        (
            {"learning_rate": lambda progress: -1.0},
            "`learning_rate` must return .*got -1.0 for 0; it is a factor",
        ),
        ({"learning_rate": lambda progress: None}, "`learning_rate` .* got None"),
    ],
)
def test_wrong_returns_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        QNNClassifier(**SMALL | arguments).fit(X, Y)
