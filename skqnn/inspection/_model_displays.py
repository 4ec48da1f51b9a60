"""Pictures of what a model measures and of what can be trained in it."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from skqnn._circuits.gates import compile_circuit
from skqnn.inspection._axes import panels, same_length, style, whole_numbers
from skqnn.inspection._problem import (
    count_of_angles,
    loss_gradients,
    observable_name,
    pose,
)

_MAX_HISTOGRAM_CLASSES = 3
_MAX_NUMBERED_LAYERS = 12


class ObservableDisplay:
    """How each measured expectation value is distributed within each class.

    A useful observable separates its class from the others; one whose distributions
    coincide carries no information, whatever scale and bias do to it afterwards.

    Parameters
    ----------
    expectations : array-like of shape (n_samples, n_observables)
        Expectation values, in [-1, 1] for Pauli strings.
    y_true : array-like of shape (n_samples,)
        Class labels.
    observable_names : sequence of str, default=None
        Titles of the panels; None: numbers.
    threshold : float, default=None
        Expectation value at which the decision of two classes turns.

    Attributes
    ----------
    ax_, axes_, figure_ : matplotlib Axes, ndarray of Axes, Figure
        The first panel, the panel of each observable, and their figure.

    Examples
    --------
    >>> from skqnn.inspection import ObservableDisplay
    >>> display = ObservableDisplay.from_predictions([0, 0, 1], [[-0.5], [0], [0.7]])
    >>> display.ax_.get_xlabel()
    'expectation value'
    """

    def __init__(
        self,
        expectations: ArrayLike,
        y_true: ArrayLike,
        *,
        observable_names: Any = None,
        threshold: float | None = None,
    ):
        self.expectations = expectations
        self.y_true = y_true
        self.observable_names = observable_names
        self.threshold = threshold

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: ArrayLike, y: ArrayLike, *, ax: Any = None
    ) -> "ObservableDisplay":
        """Measure the observables of a classifier on data, exactly, and plot.

        Parameters
        ----------
        estimator : QNNClassifier or Pipeline that ends in one
            Fitted, or not: then at random angles, as `fit` draws them.
        X : array-like of shape (n_samples, n_features)
            Data.
        y : array-like of shape (n_samples,)
            Class labels.
        ax : matplotlib Axes or sequence of Axes, default=None
            See `plot`.

        Returns
        -------
        display : ObservableDisplay
        """
        classifier, engine, data = pose(estimator, X, y)
        E = engine.expectations(data.states, classifier.theta_)
        names = [observable_name(operator) for operator in classifier.observables_]
        threshold = None
        if len(names) == 1:
            if classifier.scale_[0]:
                threshold = float(-classifier.bias_[0] / classifier.scale_[0])
        else:
            names = [
                f"class {c}: {name}"
                for c, name in zip(classifier.classes_, names, strict=True)
            ]
        display = cls(E, y, observable_names=names, threshold=threshold)
        return display.plot(ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        expectations: ArrayLike,
        *,
        observable_names: Any = None,
        ax: Any = None,
    ) -> "ObservableDisplay":
        """Plot expectation values that were measured elsewhere.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Class labels.
        expectations : array-like of shape (n_samples, n_observables)
            Expectation values.
        observable_names : sequence of str, default=None
            Titles of the panels; None: numbers.
        ax : matplotlib Axes or sequence of Axes, default=None
            See `plot`.

        Returns
        -------
        display : ObservableDisplay
        """
        display = cls(expectations, y_true, observable_names=observable_names)
        return display.plot(ax)

    def plot(self, ax: Any = None) -> "ObservableDisplay":
        """Plot one panel for each observable.

        Up to three classes are histograms, more are boxes (quartiles, and whiskers
        from the 1st to the 99th percentile), the observable's own class in colour. It
        should stand out, on the left where the classifier's `scale_` is negative.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of Axes, default=None
            One is divided into as many panels as needed. None: a new figure.

        Returns
        -------
        display : ObservableDisplay
        """
        labels = np.asarray(self.y_true)  # a list of strings equals no string
        expectations = np.asarray(self.expectations)
        if expectations.ndim != 2:
            raise ValueError(
                "`expectations` must have the shape (n_samples, n_observables), got "
                f"{expectations.shape}."
            )
        same_length("y_true", labels, len(expectations))
        classes = np.unique(labels)
        n_panels = expectations.shape[1]
        n_columns = min(n_panels, 3 if n_panels <= 9 else 5)
        n_rows = -(-n_panels // n_columns)
        many = len(classes) > _MAX_HISTOGRAM_CLASSES
        size = (2.6 if many else 3.6, 2.6) if n_panels > 1 else (6, 3.2)
        axes = panels(
            ax, n_rows, n_columns, size=size, caller="ObservableDisplay.plot"
        ).ravel()
        draw = _boxes if many else _histograms
        for k, panel in enumerate(axes[:n_panels]):
            by_class = [expectations[labels == c, k] for c in classes]
            draw(panel, by_class, classes, k)
            if self.observable_names is not None:
                panel.set_title(self.observable_names[k], fontsize="medium")
            panel.set_xlim(*_limits(expectations))
            if many and k % n_columns == 0:
                panel.set_ylabel("class")
            if k + n_columns >= n_panels:
                panel.set_xlabel("expectation value")
        for panel in axes[n_panels:]:
            panel.set_axis_off()
        if self.threshold is not None and abs(self.threshold) <= 1:
            axes[0].axvline(self.threshold, color="0.3", linestyle="--")
            axes[0].plot([], [], "--", color="0.3", label="decision")
        if not many:
            _add_legend(axes[0], outside=ax is None and n_panels > 1)
        self.axes_, self.ax_, self.figure_ = axes[:n_panels], axes[0], axes[0].figure
        return self


def _limits(expectations: np.ndarray) -> tuple[float, float]:
    """Return -1 and 1, or more where an observable is not a Pauli string."""
    bound = max(1.0, float(np.max(np.abs(expectations))))
    return -1.02 * bound, 1.02 * bound


def _add_legend(panel: Any, *, outside: bool) -> None:
    """Put a legend below all panels of a figure, or into a panel."""
    if outside:
        handles, labels = panel.get_legend_handles_labels()
        below = {"loc": "outside lower center", "ncols": len(labels)}
        panel.figure.legend(handles, labels, **below)
    else:
        panel.legend()


def _histograms(panel: Any, by_class: list, classes: np.ndarray, k: int) -> None:
    edges = np.linspace(*_limits(np.concatenate(by_class)), 52)
    for c, (values, label) in enumerate(zip(by_class, classes, strict=True)):
        look = {"color": f"C{c}", "histtype": "stepfilled", "alpha": 0.55}
        panel.hist(values, edges, label=f"class {label}", **look)
    whole_numbers(panel.yaxis)
    panel.set_ylabel("samples" if k == 0 else None)


def _boxes(panel: Any, by_class: list, classes: np.ndarray, k: int) -> None:
    boxes = panel.boxplot(
        by_class,
        orientation="horizontal",
        whis=(1, 99),
        showfliers=False,
        patch_artist=True,
        widths=0.7,
        medianprops={"color": "black"},
        tick_labels=[str(label) for label in classes],
    )
    for c, box in enumerate(boxes["boxes"]):
        box.set_facecolor("C1" if c == k else "0.85")
    panel.invert_yaxis()
    panel.axvline(0, color="0.8", linewidth=0.8, zorder=0)


class ParameterDisplay:
    """Where in the circuit the loss has a slope: gradient variance by parameter.

    A parameter whose gradient has a tiny variance over random starting points is hard
    to train, and a dead one cannot be trained at all, since no observable sees it.

    Parameters
    ----------
    gradient_variance : ndarray of shape (n_parameters,)
        Variance of the derivative by each ansatz parameter.
    grid : ndarray of shape (n_qubits, n_layers), int
        Which parameter turns a qubit in a layer of rotations, -1 for none.
    dead_parameters : ndarray of int
        Indices of parameters that no observable sees.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes, Figure
        Where it is plotted.
    im_ : matplotlib AxesImage
        The map of variances.

    Notes
    -----
    A gate on several qubits is shown on its first one. Layers count only gates with
    parameters. A variance below ``1e-20`` of the largest is shown as none.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skqnn import QNNClassifier
    >>> from skqnn.inspection import ParameterDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = QNNClassifier(
    ...     intercept_scaling=None, reps=1, observables=["IZ"], random_state=0
    ... )
    >>> display = ParameterDisplay.from_estimator(classifier, X[:100], y[:100])
    >>> display.grid
    array([[0, 2],
           [1, 3]])
    >>> display.dead_parameters
    array([3])
    """

    def __init__(
        self,
        gradient_variance: np.ndarray,
        grid: np.ndarray,
        *,
        dead_parameters: ArrayLike = (),
    ):
        self.gradient_variance = gradient_variance
        self.grid = grid
        self.dead_parameters = dead_parameters

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike,
        *,
        n_draws: int = 100,
        random_state: Any = None,
        ax: Any = None,
    ) -> "ParameterDisplay":
        """Sample gradients of the training loss at random starting points and plot.

        Parameters
        ----------
        estimator : QNNClassifier or Pipeline that ends in one
            Fitted or not: what it has learnt does not count, nor does `init_scale`.
            Angles are uniform in [-pi, pi], with scale 1 and bias 0.
        X : array-like of shape (n_samples, n_features)
            Data; some hundred rows are enough.
        y : array-like of shape (n_samples,)
            Class labels.
        n_draws : int, default=100
            Number of random starting points.
        random_state : int, RandomState instance or None, default=None
            Decides them.
        ax : matplotlib Axes or sequence of Axes, default=None
            See `plot`.

        Returns
        -------
        display : ParameterDisplay
        """
        problem = pose(estimator, X, y)
        classifier = problem.classifier
        rng = check_random_state(random_state)
        gradients = loss_gradients(problem, n_draws, rng)
        gates = compile_circuit(classifier.circuit_)
        display = cls(
            gradients.var(axis=0),
            _parameter_grid(gates, classifier.n_qubits_),
            dead_parameters=classifier.dead_parameters_,
        )
        return display.plot(ax)

    def plot(self, ax: Any = None, *, im_kw: dict | None = None) -> "ParameterDisplay":
        """Plot a map with a row for each qubit and a column for each layer.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure.
        im_kw : dict, default=None
            Passed to `Axes.imshow`.

        Returns
        -------
        display : ParameterDisplay
        """
        n_qubits, n_layers = self.grid.shape
        size = (min(12.0, 2.4 + 0.5 * n_layers), 1.2 + 0.32 * n_qubits)
        size = (max(4.5, size[0]), max(2.4, size[1]))
        (axes,) = panels(ax, 1, 1, size=size, caller="ParameterDisplay.plot")
        panel = axes[0]
        from matplotlib.colors import LogNorm

        variance = np.where(self.grid >= 0, self.gradient_variance[self.grid], 0.0)
        shown = variance > 1e-20 * variance.max()
        high = variance.max() if shown.any() else 1.0
        # At least a decade of colours, lest chance look like a pattern.
        norm = LogNorm(min(variance[shown].min(initial=high), high / 10), high)
        look = style({"cmap": "viridis", "norm": norm, "aspect": "auto"}, im_kw)
        self.im_ = panel.imshow(np.where(shown, variance, np.nan), **look)
        bar = panel.figure.colorbar(self.im_, ax=panel)
        bar.set_label("gradient variance", labelpad=8)  # clear of numbers at 70 dpi
        self._write(panel, shown & (self.im_.norm(variance) < 0.6))
        panel.set(xlabel="layer of rotations", ylabel="qubit")
        panel.set_yticks(range(n_qubits))
        whole_numbers(panel.xaxis)
        n_dead = len(np.atleast_1d(self.dead_parameters))
        angles = count_of_angles(len(self.gradient_variance))
        panel.set_title(f"{angles}, {n_dead} dead")
        self.ax_, self.figure_ = panel, panel.figure
        return self

    def _write(self, panel: Any, dark: np.ndarray) -> None:
        """Write the numbers of parameters and cross out the dead ones."""
        dead = np.isin(self.grid, self.dead_parameters) & (self.grid >= 0)
        rows, columns = np.nonzero(dead)
        panel.scatter(columns, rows, marker="x", color="C3", s=60, zorder=3)
        if self.grid.shape[1] > _MAX_NUMBERED_LAYERS:
            return
        center = {"ha": "center", "va": "center", "fontsize": "small"}
        for row, column in np.argwhere((self.grid >= 0) & ~dead):
            color = "white" if dark[row, column] else "black"
            panel.text(column, row, str(self.grid[row, column]), color=color, **center)


def _parameter_grid(gates: tuple, n_qubits: int) -> np.ndarray:
    """Place every gate with a parameter in the first layer in which it fits."""
    level = [0] * n_qubits
    cells = {}
    for gate in gates:
        if gate.parameter >= 0:
            layer = max(level[q] for q in gate.qubits)
            cells[gate.qubits[0], layer] = gate.parameter
            for q in gate.qubits:
                level[q] = layer + 1
    grid = np.full((n_qubits, max(level)), -1)
    for cell, parameter in cells.items():
        grid[cell] = parameter
    return grid
