"""Training: objective and gradients, the order of steps, full-batch minimisers."""

import numpy as np
import pytest
from qiskit_machine_learning.optimizers import ADAM, COBYLA, GSLS, L_BFGS_B, SPSA
from scipy.optimize import approx_fprime
from sklearn.exceptions import ConvergenceWarning

from skqnn._arrays import Rows
from skqnn._training.data import Data
from skqnn._training.losses import LOSSES
from skqnn._training.objective import Objective, split
from skqnn._training.optimizers import OPTIMIZERS
from skqnn._training.solvers import (
    Plan,
    Step,
    batch_gradient,
    batches,
    is_qml_optimizer,
    minimize,
    steps,
)

RNG = np.random.default_rng(0)
STATES = RNG.normal(size=(12, 2))
WEIGHTS = np.r_[np.full(6, 0.5), np.full(6, 1.5)]
TARGETS = {1: np.arange(12.0)[:, None] % 2, 3: np.eye(3)[np.arange(12) % 3]}
PARAMS = {1: np.array([0.3, -0.8, 1.2, 0.1]), 3: RNG.normal(size=6)}


def expectations(states, theta):
    """Stand in for an engine: one smooth function for each angle, K = any."""
    if theta.ndim == 2:
        return np.stack([expectations(states, row) for row in theta])
    return np.cos(states @ theta)[:, None] * np.array([1.0, -0.5, 0.25])


def engine(n_scores):
    def values(states, theta):
        return expectations(states, theta)[..., :n_scores]

    def vjp(states, theta):
        slope = -np.sin(states @ theta)[:, None] * states
        factors = np.array([1.0, -0.5, 0.25])[:n_scores]
        return values(states, theta), lambda cotangent: slope.T @ (cotangent @ factors)

    return values, vjp


def objective(loss, n_scores):
    return Objective(*engine(n_scores), LOSSES[loss], n_theta=2)


def data(n_scores=1):
    return Data(STATES, TARGETS[n_scores], WEIGHTS)


CASES = [(loss, n_scores) for loss in LOSSES for n_scores in PARAMS]


@pytest.mark.parametrize("loss, n_scores", CASES)
def test_value_is_the_weighted_mean_loss(loss, n_scores):
    theta, scale, bias = split(PARAMS[n_scores], 2)
    scores = scale * expectations(STATES, theta)[:, :n_scores] + bias
    losses, _ = LOSSES[loss].value_and_slope(scores, TARGETS[n_scores])
    value = objective(loss, n_scores).value(PARAMS[n_scores], data(n_scores))
    assert value == pytest.approx(np.average(losses, weights=WEIGHTS))


@pytest.mark.parametrize("loss, n_scores", CASES)
def test_gradient_equals_finite_differences(loss, n_scores):
    function = objective(loss, n_scores)
    params, batch = PARAMS[n_scores], data(n_scores)
    value, gradient = function.value_and_gradient(params, batch)
    assert value == pytest.approx(function.value(params, batch))
    numeric = approx_fprime(params, lambda p: function.value(p, batch), 1e-7)
    np.testing.assert_allclose(gradient, numeric, atol=1e-5)


def test_spsa_gradient_is_unbiased():
    function, rng = objective("log_loss", 1), np.random.default_rng(0)
    draws = [
        function.value_and_spsa(PARAMS[1], data(), 1e-4, rng)[1] for _ in range(400)
    ]
    _, exact = function.value_and_gradient(PARAMS[1], data())
    error = np.std(draws, axis=0) / np.sqrt(400)
    assert np.all(np.abs(np.mean(draws, axis=0) - exact) < 4 * error + 1e-6)


def test_spsa_gradient_asks_for_two_evaluations_at_once():
    seen = []

    def values(states, thetas):
        seen.append(thetas)
        return expectations(states, thetas)[..., :1]

    function = Objective(values, None, LOSSES["log_loss"], 2)
    function.value_and_spsa(PARAMS[1], data(), 0.25, np.random.default_rng(0))
    ((up, down),) = seen
    np.testing.assert_allclose(up + down, 2 * PARAMS[1][:2])
    np.testing.assert_allclose(np.abs(up - down), 0.5)


def test_loss_that_is_not_finite_is_refused():
    function = Objective(
        lambda states, theta: np.full((12, 1), np.nan),
        lambda states, theta: (np.full((12, 1), np.nan), None),
        LOSSES["log_loss"],
        2,
    )
    with pytest.raises(ValueError, match="training loss must be finite, got nan"):
        function.value_and_gradient(PARAMS[1], data())
    with pytest.raises(ValueError, match="training loss must be finite, got nan"):
        function.value(PARAMS[1], data())


# --- Mini-batches --------------------------------------------------------------------


def run_steps(n_steps, *, batch_size, shuffle=False, step_size=lambda n: 1.0):
    """Return the steps, and the first column of the states of each batch."""
    taken = []

    def gradient(params, batch, state):
        taken.append(batch.states[:, 0])
        return float(len(taken)), np.full(2, 3.0)

    numbered = Data(np.arange(7.0)[:, None], np.zeros((7, 1)), np.ones(7))
    optimizer = OPTIMIZERS["spsa"]
    iterator = steps(
        gradient,
        numbered,
        np.zeros(2),
        optimizer,
        optimizer.init(np.zeros(2)),
        batch_size=batch_size,
        shuffle=shuffle,
        rng=np.random.default_rng(0),
        step_size=step_size,
    )
    return [next(iterator) for _ in range(n_steps)], taken


def test_steps_in_order_without_shuffling():
    _, taken = run_steps(6, batch_size=3)
    expected = [[0, 1, 2], [3, 4, 5], [6]] * 2
    assert [batch.tolist() for batch in taken] == expected


@pytest.mark.parametrize("batch_size, n_batches", [(1, 7), (3, 3), (7, 1), (100, 1)])
def test_steps_shuffled_see_every_sample_once_per_epoch(batch_size, n_batches):
    _, taken = run_steps(2 * n_batches, batch_size=batch_size, shuffle=True)
    epochs = np.concatenate(taken).reshape(2, 7)
    np.testing.assert_array_equal(np.sort(epochs, axis=1), [np.arange(7)] * 2)
    assert not np.array_equal(*epochs)


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_batches_of_rows_are_those_of_arrays(size, shuffled):
    order = np.random.default_rng(0).permutation(7) if shuffled else None
    states, numbers = np.arange(7.0)[:, None], np.arange(7.0)
    arrays = Data(states, 2 * states, 3 * numbers)
    rows = arrays._replace(states=Rows(states[::-1].copy(), np.arange(7)[::-1]))
    pairs = list(
        zip(batches(arrays, order, size), batches(rows, order, size), strict=True)
    )
    for ours, theirs in pairs:
        seen = theirs.states.array[theirs.states.places], theirs.targets, theirs.weights
        if size >= 7:  # all rows, in whatever order
            seen = tuple(np.sort(part, axis=0) for part in seen)
            ours = tuple(np.sort(part, axis=0) for part in ours)
        for part, expected in zip(seen, ours, strict=True):
            np.testing.assert_array_equal(part, expected)
    assert len(pairs) == -(-7 // size)


def test_steps_loss_at_the_end_of_an_epoch_is_the_mean_over_samples():
    taken, _ = run_steps(6, batch_size=3)
    assert [step.loss for step in taken[:2]] == [None, None]
    assert taken[2].loss == pytest.approx((3 * 1 + 3 * 2 + 1 * 3) / 7)
    assert taken[5].loss == pytest.approx((3 * 4 + 3 * 5 + 1 * 6) / 7)
    assert taken[2].gradient_norm == pytest.approx(np.sqrt(18))


def test_steps_step_size_is_counted_over_all_epochs():
    asked = []
    run_steps(5, batch_size=3, step_size=lambda n: asked.append(n) or 0.0)
    assert asked == [0, 1, 2, 3, 4]


def test_batch_gradient_spsa_shrinks_the_perturbation():
    sizes = []

    class Recorder:
        def value_and_spsa(self, params, batch, size, rng):
            sizes.append(size)
            return 0.0, params

    gradient = batch_gradient(Recorder(), "spsa", np.random.default_rng(0))
    init, update = OPTIMIZERS["spsa"]
    state = init(np.zeros(2))
    gradient(np.zeros(2), data(), state)
    gradient(np.zeros(2), data(), update(state, np.zeros(2), 1.0)[1])
    np.testing.assert_allclose(sizes, [0.1, 0.1 / 2**0.101])


# --- Full batches --------------------------------------------------------------------

SOLVERS = {
    "adam": lambda: "adam",
    "lbfgs": lambda: "lbfgs",
    "ADAM": lambda: ADAM(maxiter=300, lr=0.1),
    "COBYLA": lambda: COBYLA(maxiter=300),
    "SPSA": lambda: SPSA(maxiter=100),
    "L_BFGS_B": lambda: L_BFGS_B(maxiter=100),
    "GSLS": lambda: GSLS(maxiter=100),  # samples a radius of 1e-6
}
FULL_BATCH = [name for name in SOLVERS if name != "adam"]


class Reports:
    """Remember epochs, and stop after some of them."""

    def __init__(self, most=np.inf):
        self.most, self.n_begun, self.epochs, self.last = most, 0, [], None

    def begin(self):
        self.n_begun += 1

    def step(self, step):
        self.last = step.params
        if step.loss is not None:
            self.epochs.append(step)
        return len(self.epochs) >= self.most


def minimise(solver, reports, params=PARAMS[1], tol=1e-6, max_iter=100, noise=0.0):
    plan = Plan(solver, "adjoint", "constant", 0.1, 5, True, max_iter, tol, 10)
    start = Step(params, None, None, None)
    function, rng = objective("squared_error", 1), np.random.default_rng(0)
    if noise:
        vjp = function.vjp
        shaken = lambda E: E + rng.normal(0, noise, E.shape)  # noqa: E731
        function = function._replace(vjp=lambda *at: (shaken(vjp(*at)[0]), vjp(*at)[1]))
    return minimize(function, data(), start, reports, plan, rng)


@pytest.mark.filterwarnings("ignore:.*iprint")
@pytest.mark.parametrize("name", SOLVERS)
def test_minimize_lowers_the_loss(name):
    start, reports = PARAMS[1].copy(), Reports()
    minimise(SOLVERS[name](), reports, start)
    function = objective("squared_error", 1)
    assert function.value(reports.last, data()) < function.value(start, data()) - 0.05
    np.testing.assert_array_equal(start, PARAMS[1])
    assert reports.n_begun == len(reports.epochs)


@pytest.mark.filterwarnings("ignore:.*iprint")
@pytest.mark.parametrize("name", FULL_BATCH)
def test_minimize_reports_the_loss_of_the_reported_point(name):
    reports, function = Reports(), objective("squared_error", 1)
    minimise(SOLVERS[name](), reports)
    for step in reports.epochs:
        assert step.loss == pytest.approx(function.value(step.params, data()))


@pytest.mark.filterwarnings("ignore:.*iprint")
@pytest.mark.parametrize("name", SOLVERS)
def test_minimize_stops_when_told(name):
    reports = Reports(most=3)
    assert minimise(SOLVERS[name](), reports)
    assert len(reports.epochs) == reports.n_begun == 3
    np.testing.assert_array_equal(reports.last, reports.epochs[-1].params)


@pytest.mark.parametrize("name", ["adam", "lbfgs"])
def test_minimize_says_that_it_used_up_its_epochs(name):
    reports = Reports()
    assert not minimise(SOLVERS[name](), reports, max_iter=2)
    assert len(reports.epochs) == 2


def test_minimize_by_lbfgs_from_a_minimum_reports_it():
    first, again = Reports(), Reports()
    minimise("lbfgs", first)
    minimise("lbfgs", again, first.last, tol=1.0)
    expected = objective("squared_error", 1).value(first.last, data())
    assert [step.loss for step in again.epochs] == [expected]


def test_lbfgs_that_is_lost_in_noise_warns():
    minimise("lbfgs", Reports())  # warnings are errors here
    with pytest.warns(ConvergenceWarning, match=r"no lower loss after .* 'spsa'"):
        minimise("lbfgs", Reports(), noise=0.3)


def test_lbfgs_that_ends_where_rounding_is_left_does_not_warn():
    minimise("lbfgs", Reports(), tol=0)


def test_lbfgs_that_is_told_to_stop_does_not_warn():
    minimise("lbfgs", Reports(most=1), tol=1e-12)


OPTIMIZER_LIKE = [
    (COBYLA(), True),
    (COBYLA, False),
    ("lbfgs", False),
    (None, False),
    (object(), False),
]


@pytest.mark.parametrize("solver, expected", OPTIMIZER_LIKE)
def test_is_qml_optimizer(solver, expected):
    assert is_qml_optimizer(solver) == expected


@pytest.mark.parametrize(
    "changes, n_angles, expected",
    [
        ({}, 22, 0.1),
        ({}, 400, 0.025),
        ({"learning_rate": "one_cycle"}, 400, 0.1),
        ({"solver": "spsa"}, 400, 0.7),
        ({"learning_rate_init": 0.3}, 400, 0.3),
    ],
)
def test_automatic_step_size_follows_solver_and_angles(changes, n_angles, expected):
    plan = Plan("adam", "adjoint", "constant", "auto", 5, True, 1, 0.0, 10)
    assert plan._replace(**changes).step_size(n_angles) == expected
