"""Can this model be trained: gradient variance, dead parameters, Fisher information."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from qiskit import QuantumCircuit
from sklearn.utils import check_random_state

from skqnn._circuits.ansatz import build_ansatz
from skqnn._circuits.gates import compile_circuit
from skqnn._circuits.observables import (
    as_observables,
    choose_observables,
    dead_parameters,
)
from skqnn._classifier import QNNClassifier
from skqnn._engine.statevector import StatevectorEngine
from skqnn._memory import require_memory
from skqnn._pipelines import final_classifier, is_started
from skqnn._training.losses import as_loss
from skqnn.inspection._axes import panels, whole_numbers
from skqnn.inspection._fisher import FisherSummary, summarize
from skqnn.inspection._problem import Problem, pose


class TrainabilityReport:
    """How gradients fare with more qubits and layers, and what the angles can do.

    It is recommended to make one by `trainability_report`. All parameters are stored
    as attributes; print it for a summary, `plot` it for a picture.

    Parameters
    ----------
    n_qubits, reps : sequence of int
        Sizes of the circuits.
    gradient_variance : ndarray of shape (len(n_qubits), len(reps))
        Variance of a derivative over random angles, averaged over the angles that are
        not dead.
    n_dead : ndarray of shape (len(n_qubits), len(reps)), int
        Number of dead angles of these circuits.
    fisher : FisherSummary, default=None
        Of one model on its data.

    Attributes
    ----------
    ax_, axes_, figure_ : matplotlib Axes, ndarray of Axes, Figure
        The first panel, all panels, and their figure.

    Examples
    --------
    >>> import numpy as np
    >>> from skqnn.inspection import TrainabilityReport
    >>> TrainabilityReport([2, 4], [1], np.array([[0.2], [0.05]]), np.array([[0], [0]]))
    Variance of the gradient over random angles:
      qubits    reps=1
           2   2.0e-01
           4   5.0e-02
    per qubit    x 0.50
    """

    def __init__(
        self,
        n_qubits: Sequence[int],
        reps: Sequence[int],
        gradient_variance: np.ndarray,
        n_dead: np.ndarray,
        fisher: FisherSummary | None = None,
    ):
        self.n_qubits = n_qubits
        self.reps = reps
        self.gradient_variance = gradient_variance
        self.n_dead = n_dead
        self.fisher = fisher

    @property
    def decay_per_qubit(self) -> np.ndarray:
        """Factor by which each qubit multiplies the variance, shape (len(reps),).

        From a straight line through the logarithms of the variance; nan with fewer
        than two numbers of qubits. A factor that stays below 1 means a barren plateau.
        """
        if len(self.n_qubits) < 2 or np.any(self.gradient_variance <= 0):
            return np.full(len(self.reps), np.nan)
        return np.exp(np.polyfit(self.n_qubits, np.log(self.gradient_variance), 1)[0])

    def to_dict(self) -> dict[str, list]:
        """Return one row for each circuit as columns, ready for ``pandas.DataFrame``.

        Returns
        -------
        table : dict of list
            Keys ``n_qubits``, ``reps``, ``gradient_variance`` and ``n_dead``.
        """
        n_qubits, reps = np.meshgrid(self.n_qubits, self.reps, indexing="ij")
        columns = {
            "n_qubits": n_qubits,
            "reps": reps,
            "gradient_variance": self.gradient_variance,
            "n_dead": self.n_dead,
        }
        return {name: np.ravel(column).tolist() for name, column in columns.items()}

    def __repr__(self) -> str:
        lines = [
            "Variance of the gradient over random angles:",
            "  qubits" + "".join(f"{f'reps={r}':>10}" for r in self.reps),
        ]
        for n, variances in zip(self.n_qubits, self.gradient_variance, strict=True):
            lines.append(f"{n:>8}" + "".join(f"{v:>10.1e}" for v in variances))
        decay = self.decay_per_qubit
        if not np.isnan(decay).any():
            lines.append("per qubit" + "".join(f"{f'x {d:.2f}':>10}" for d in decay))
        if self.fisher is not None:
            fisher = self.fisher
            lines += [
                f"Angles: {fisher.n_parameters}, of which dead: "
                f"{len(fisher.dead_parameters)}",
                f"Rank of the Fisher information: {fisher.rank}",
                f"Effective dimension with {fisher.n_data} data: "
                f"{fisher.effective_dimension:.1f}",
            ]
        return "\n".join(lines)

    def plot(self, ax: Any = None) -> "TrainabilityReport":
        """Plot the variance against the qubits, and the Fisher spectrum if known.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of Axes, default=None
            One is divided into as many panels as needed. None: a new figure.

        Returns
        -------
        report : TrainabilityReport
        """
        n_panels = 1 if self.fisher is None else 2
        axes = panels(
            ax, 1, n_panels, size=(4.8, 3.4), caller="TrainabilityReport.plot"
        )[0]
        for k, r in enumerate(self.reps):
            variance = self.gradient_variance[:, k]
            axes[0].semilogy(self.n_qubits, variance, "o-", label=f"reps={r}")
        axes[0].set(xlabel="qubits", ylabel="variance of the gradient")
        axes[0].set_xticks(self.n_qubits)
        axes[0].grid(alpha=0.3)
        axes[0].legend()
        if self.fisher is not None:
            _plot_spectrum(axes[1], self.fisher)
        self.axes_, self.ax_, self.figure_ = axes, axes[0], axes[0].figure
        return self


def _plot_spectrum(panel: Any, fisher: FisherSummary) -> None:
    """Plot the eigenvalues that are not numerically zero."""
    eigenvalues = fisher.eigenvalues[: fisher.rank]
    panel.bar(np.arange(1, len(eigenvalues) + 1), eigenvalues, color="C0")
    panel.set_yscale("log")
    panel.set_xlim(0.4, fisher.n_parameters + 0.6)
    panel.axvspan(fisher.rank + 0.5, fisher.n_parameters + 0.6, color="0.92", zorder=0)
    whole_numbers(panel.xaxis)
    panel.set(
        xlabel="direction in the space of angles",
        ylabel="Fisher information",
        title=f"rank {fisher.rank} of {fisher.n_parameters}, "
        f"effective dimension {fisher.effective_dimension:.1f}",
    )


def trainability_report(
    estimator: Any,
    X: ArrayLike | None = None,
    y: ArrayLike | None = None,
    *,
    n_qubits: Sequence[int] = (2, 4, 6, 8),
    reps: Sequence[int] = (1, 2, 4),
    observables: Any = "auto",
    n_draws: int = 100,
    max_samples: int = 50,
    random_state: Any = None,
) -> TrainabilityReport:
    """Measure how trainable a model is, before spending time or money on it.

    Gradients of deep random circuits vanish exponentially with the number of qubits, a
    barren plateau [1]_; observables on all qubits show it in shallow circuits too
    [2]_. The report tells how the ansatz fares as it grows and, given data, how many
    directions in the space of its angles matter for them.

    Parameters
    ----------
    estimator : QNNClassifier, Pipeline, str, callable or QuantumCircuit
        The model, if in a pipeline then at its end; or only an `ansatz` as
        `QNNClassifier` takes it. An ansatz that is a circuit has one size, one that is
        a callable has one depth.
    X : array-like of shape (n_samples, n_features), default=None
        Data for dead parameters and the Fisher information; None: leave these out.
    y : array-like of shape (n_samples,), default=None
        Class labels; needed with X if the estimator is not fitted.
    n_qubits, reps : sequence of int, default=(2, 4, 6, 8) and (1, 2, 4)
        Sizes of the circuits to try.
    observables : "auto" or callable, default="auto"
        What to measure on n qubits. "auto": what `QNNClassifier` chooses for two
        classes. A callable maps n to a list of Pauli strings or `SparsePauliOp`.
    n_draws : int, default=100
        Number of random points in the space of angles.
    max_samples : int, default=50
        The Fisher information uses the first rows of X, up to this many.
    random_state : int, RandomState instance or None, default=None
        Decides the angles.

    Returns
    -------
    report : TrainabilityReport
        Print it or `plot` it.

    Raises
    ------
    ValueError
        If `n_draws` or `max_samples` is too small, or y is missing.

    Notes
    -----
    Angles are uniform in [-pi, pi). The variance is that of ``dE / dtheta_j``, with the
    circuit acting on ``|0...0>``, averaged over the observables and over those j that
    are not dead.

    The Fisher information is that of the angles, at scale 1 and bias 0: with log-loss
    ``F(theta) = E_x E_y [grad log p(y | x) grad log p(y | x)^T]``, with squared error
    the same for normal targets of variance 1. The expectation over x is the mean over
    rows of X, that over y is exact. With n rows, d angles and ``kappa = n / (2 pi log
    n)``, the effective dimension [3]_ is ::

        2 log( mean over theta of sqrt(det(1 + kappa F'(theta))) ) / log(kappa),
        F'(theta) = d F(theta) / (mean over theta of trace F(theta)),

    the definition of [3]_ with gamma = 1. It can exceed d where n is small.

    The time is that of ``n_draws`` gradients for each circuit, and of
    ``n_draws * max_samples * n_observables`` gradients of one row for the Fisher
    information.

    References
    ----------
    .. [1] J. R. McClean, S. Boixo, V. N. Smelyanskiy, R. Babbush and H. Neven, "Barren
       plateaus in quantum neural network training landscapes", Nature Communications
       9, 4812 (2018), arXiv:1803.11173.
    .. [2] M. Cerezo, A. Sone, T. Volkoff, L. Cincio and P. J. Coles, "Cost function
       dependent barren plateaus in shallow parametrized quantum circuits", Nature
       Communications 12, 1791 (2021), arXiv:2001.00550.
    .. [3] A. Abbas, D. Sutter, C. Zoufal, A. Lucchi, A. Figalli and S. Woerner, "The
       power of quantum neural networks", Nature Computational Science 1, 403 (2021),
       arXiv:2011.00027.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skqnn import QNNClassifier
    >>> from skqnn.inspection import trainability_report
    >>> X, y = load_iris(return_X_y=True)
    >>> report = trainability_report(
    ...     QNNClassifier(), X[:100], y[:100], n_draws=20, random_state=0
    ... )
    >>> report.fisher.n_parameters, report.fisher.rank
    (18, 13)
    """
    for name, value in (("n_draws", n_draws), ("max_samples", max_samples)):
        if not isinstance(value, int | np.integer) or value < 2:
            raise ValueError(f"`{name}` must be an integer of at least 2, got {value}.")
    if isinstance(estimator, str | QuantumCircuit) or callable(estimator):
        estimator = QNNClassifier(ansatz=estimator)
    classifier = final_classifier(estimator)
    problem = None if X is None else _pose(estimator, X, y)
    rng = check_random_state(random_state)
    n_qubits, reps = _sizes(classifier.ansatz, n_qubits, reps)
    require_memory(max(n_qubits), 1)
    variance = np.empty((len(n_qubits), len(reps)))
    n_dead = np.empty(variance.shape, dtype=int)
    for (i, j), _ in np.ndenumerate(variance):
        circuit = build_ansatz(
            classifier.ansatz, n_qubits[i], reps[j], classifier.entanglement
        )
        variance[i, j], n_dead[i, j] = _gradient_variance(
            circuit, observables, n_draws, rng
        )
    fisher = None
    if problem is not None:
        states = problem.data.states
        fisher = summarize(
            problem.engine,
            states[:max_samples],
            as_loss(problem.classifier.loss).metric,
            problem.classifier.dead_parameters_,
            rng.uniform(-np.pi, np.pi, (n_draws, problem.engine.n_parameters)),
            len(states),
        )
    return TrainabilityReport(n_qubits, reps, variance, n_dead, fisher)


def _pose(estimator: Any, X: ArrayLike, y: ArrayLike | None) -> Problem:
    if y is None:
        if not is_started(estimator):
            raise ValueError(
                "`y` must be given with X for an estimator that is not fitted, got "
                "None."
            )
        # No label enters the Fisher information of a model that exists.
        y = np.resize(final_classifier(estimator).classes_, len(np.asarray(X)))
    return pose(estimator, X, y)


def _sizes(ansatz: Any, n_qubits: Sequence[int], reps: Sequence[int]) -> tuple:
    """Return the sizes that an ansatz can have."""
    if isinstance(ansatz, QuantumCircuit):
        return [ansatz.num_qubits], [1]
    return list(n_qubits), list(reps) if isinstance(ansatz, str) else [1]


def _gradient_variance(
    circuit: QuantumCircuit, observables: Any, n_draws: int, rng: Any
) -> tuple[float, int]:
    """Return the mean variance of living angles and the number of dead ones."""
    n_qubits, n_theta = circuit.num_qubits, circuit.num_parameters
    gates = compile_circuit(circuit)
    if isinstance(observables, str):
        measured = choose_observables(gates, n_qubits, 1, n_theta)
    else:
        measured = as_observables(observables(n_qubits))
    engine = StatevectorEngine(circuit, measured)
    zero = np.eye(1, 2**n_qubits)
    gradients = np.empty((n_draws, len(measured), n_theta))
    for draw in gradients:
        _, pullback = engine.vjp(zero, rng.uniform(-np.pi, np.pi, n_theta))
        draw[:] = [pullback(row[None]) for row in np.eye(len(measured))]
    dead = dead_parameters(gates, measured, n_theta, real_states=True)
    living = np.delete(gradients.var(axis=0), dead, axis=1)
    return float(living.mean()) if living.size else 0.0, len(dead)
