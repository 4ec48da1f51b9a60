"""Pictures of numbers over epochs and samples: training curves, shot noise."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skqnn._pipelines import classifier_input, final_classifier
from skqnn.inspection._axes import panels, same_length, style, whole_numbers

_MOST_CLASSES_INSIDE = 3  # of a legend within a panel


class TrainingCurveDisplay:
    """Loss, validation score and gradient norm over the epochs of a fit.

    Shows at a glance whether training has converged, overfits or has stalled. It is
    recommended to use `from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    loss_curve : array-like of shape (n_epochs,)
        Training loss.
    validation_scores : array-like of shape (n_epochs,), default=None
        Score of the held-out part, with early stopping; NaN for epochs without. Of the
        last epochs, it may have none.
    gradient_norms : array-like of shape (n_epochs,), default=None
        Norm of the loss's gradient, averaged over the steps of an epoch; likewise.
    name : str, default=None
        Title.

    Attributes
    ----------
    ax_, axes_, figure_ : matplotlib Axes, ndarray of Axes, Figure
        The first panel, all panels from top to bottom, and their figure.
    lines_ : list of matplotlib Line2D
        One curve per panel.

    Examples
    --------
    >>> from skqnn.inspection import TrainingCurveDisplay
    >>> display = TrainingCurveDisplay([0.7, 0.5, 0.4], gradient_norms=[1, 0.5, 0.3])
    >>> len(display.plot().axes_)
    2
    """

    def __init__(
        self,
        loss_curve: Sequence[float],
        *,
        validation_scores: Sequence[float] | None = None,
        gradient_norms: Sequence[float] | None = None,
        name: str | None = None,
    ):
        self.loss_curve = loss_curve
        self.validation_scores = validation_scores
        self.gradient_norms = gradient_norms
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | None = None,
        ax: Any = None,
        line_kw: dict | None = None,
    ) -> "TrainingCurveDisplay":
        """Plot the curves that a fitted classifier remembers.

        Parameters
        ----------
        estimator : fitted QNNClassifier or Pipeline that ends in one
            Its `gradient_norm_curve_` is empty for solvers that do not tell.
        name : str, default=None
            Title; None: the name of the classifier's class.
        ax : matplotlib Axes or sequence of Axes, default=None
            See `plot`.
        line_kw : dict, default=None
            See `plot`.

        Returns
        -------
        display : TrainingCurveDisplay
        """
        classifier = final_classifier(estimator)
        check_is_fitted(classifier, "loss_curve_")
        display = cls(
            classifier.loss_curve_,
            validation_scores=classifier.validation_scores_,
            gradient_norms=classifier.gradient_norm_curve_ or None,
            name=type(classifier).__name__ if name is None else name,
        )
        return display.plot(ax, line_kw=line_kw)

    def plot(
        self, ax: Any = None, *, line_kw: dict | None = None
    ) -> "TrainingCurveDisplay":
        """Plot one panel for each curve there is, one above the other.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of Axes, default=None
            One is divided into as many panels as needed. None: a new figure.
        line_kw : dict, default=None
            Passed to `Axes.plot`.

        Returns
        -------
        display : TrainingCurveDisplay
        """
        given = {
            "training loss": self.loss_curve,
            "validation score": self.validation_scores,
            "gradient norm": self.gradient_norms,
        }
        curves = {label: c for label, c in given.items() if c is not None}
        for name in ("validation_scores", "gradient_norms"):
            if getattr(self, name) is not None:
                _check_epochs(name, getattr(self, name), len(self.loss_curve))
        axes = panels(
            ax, len(curves), 1, size=(6, 2.1), caller="TrainingCurveDisplay.plot"
        )[:, 0]
        self.lines_ = []
        for k, (panel, (label, curve)) in enumerate(
            zip(axes, curves.items(), strict=True)
        ):
            # A curve of one epoch is a point.
            marker = "o" if np.sum(np.isfinite(curve)) == 1 else None
            defaults = {"color": f"C{k}", "marker": marker}
            epochs = np.arange(1, len(curve) + 1)
            self.lines_ += panel.plot(epochs, curve, **style(defaults, line_kw))
            panel.set_ylabel(label)
            panel.margins(x=0.02)
            panel.grid(alpha=0.3)
            whole_numbers(panel.xaxis)
            panel.tick_params(labelbottom=panel is axes[-1])
        if self.gradient_norms is not None and _spans_a_decade(self.gradient_norms):
            axes[-1].set_yscale("log")
        if self.validation_scores is not None:
            _mark_best(axes, self.validation_scores)
        axes[-1].set_xlabel("epoch")
        axes[0].set_title(self.name)
        axes[0].figure.align_ylabels(axes)
        self.axes_, self.ax_, self.figure_ = axes, axes[0], axes[0].figure
        return self


def _check_epochs(name: str, curve: Sequence[float], n_epochs: int) -> None:
    """Refuse a curve without numbers, or with epochs that the loss does not have."""
    if not 0 < len(curve) <= n_epochs or np.all(np.isnan(curve)):
        raise ValueError(
            f"`{name}` must have numbers for some of the {n_epochs} epochs of "
            f"`loss_curve`, got {curve!r}; None if there are none."
        )


def _mark_best(axes: np.ndarray, scores: Sequence[float]) -> None:
    """Mark the epoch whose weights early stopping keeps."""
    best = int(np.nanargmax(scores))
    for panel in axes:
        panel.axvline(best + 1, color="0.5", linestyle=":")
    text = f"best: {scores[best]:.4g} in epoch {best + 1}"
    axes[1].set_title(text, loc="right", fontsize="small")


def _spans_a_decade(values: Sequence[float]) -> bool:
    return 0 < 10 * np.nanmin(values) <= np.nanmax(values)


class ShotNoiseDisplay:
    """Decision values with error bars: which decisions could shot noise flip.

    A device estimates every expectation value from a finite number of shots, so a
    decision value has a standard deviation. Where the error bar crosses zero, another
    run may well give the other class.

    Parameters
    ----------
    decision_values : array-like of shape (n_samples,) or (n_samples, n_classes)
        Scores. With more than two classes, the margin between the largest and the
        second largest is shown.
    std : array-like of the same shape
        Their standard deviations.
    y_true : array-like of shape (n_samples,), default=None
        Class labels, shown as colours.
    n_std : float, default=2
        Half the length of an error bar, in standard deviations.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes, Figure
        Where it is plotted.
    uncertain_ : ndarray of shape (n_samples,), bool
        Samples whose error bar reaches zero.

    Notes
    -----
    The standard deviation of a margin is taken as that of independent scores.

    Examples
    --------
    >>> import numpy as np
    >>> from skqnn.inspection import ShotNoiseDisplay
    >>> values, std = np.array([-0.5, 0.1, 0.9]), np.array([0.1, 0.1, 0.1])
    >>> ShotNoiseDisplay.from_predictions([0, 1, 1], values, std).uncertain_
    array([False,  True, False])
    """

    def __init__(
        self,
        decision_values: ArrayLike,
        std: ArrayLike,
        *,
        y_true: ArrayLike | None = None,
        n_std: float = 2,
    ):
        self.decision_values = decision_values
        self.std = std
        self.y_true = y_true
        self.n_std = n_std

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        n_std: float = 2,
        ax: Any = None,
    ) -> "ShotNoiseDisplay":
        """Ask a fitted classifier for decision values and their errors, and plot.

        Parameters
        ----------
        estimator : fitted QNNClassifier or Pipeline that ends in one
            With a backend that samples; an exact one has no shot noise.
        X : array-like of shape (n_samples, n_features)
            Data.
        y : array-like of shape (n_samples,), default=None
            Class labels, shown as colours.
        n_std : float, default=2
            Half the length of an error bar, in standard deviations.
        ax : matplotlib Axes, default=None
            See `plot`.

        Returns
        -------
        display : ShotNoiseDisplay
        """
        classifier = final_classifier(estimator)
        check_is_fitted(classifier, "theta_")
        seen = classifier_input(estimator, X)
        values, std = classifier.decision_function(seen, return_std=True)
        return cls(values, std, y_true=y, n_std=n_std).plot(ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike | None,
        decision_values: ArrayLike,
        std: ArrayLike,
        *,
        n_std: float = 2,
        ax: Any = None,
    ) -> "ShotNoiseDisplay":
        """Plot decision values and standard deviations that were measured before.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or None
            Class labels, shown as colours.
        decision_values, std : array-like of shape (n_samples[, n_classes])
            Scores and their standard deviations.
        n_std : float, default=2
            Half the length of an error bar, in standard deviations.
        ax : matplotlib Axes, default=None
            See `plot`.

        Returns
        -------
        display : ShotNoiseDisplay
        """
        return cls(decision_values, std, y_true=y_true, n_std=n_std).plot(ax)

    def plot(
        self, ax: Any = None, *, errorbar_kw: dict | None = None
    ) -> "ShotNoiseDisplay":
        """Plot the samples in the order of their decision values.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure.
        errorbar_kw : dict, default=None
            Passed to `Axes.errorbar`.

        Returns
        -------
        display : ShotNoiseDisplay
        """
        (axes,) = panels(ax, 1, 1, size=(6.4, 3.6), caller="ShotNoiseDisplay.plot")
        panel = axes[0]
        values, std = self._margins()
        if self.y_true is not None:
            same_length("y_true", self.y_true, len(values))
        order = np.argsort(values)
        rank = np.argsort(order)
        labels = np.zeros(len(values)) if self.y_true is None else self.y_true
        for c, label in enumerate(np.unique(labels)):
            chosen = np.asarray(labels) == label
            defaults = {
                "color": "C0" if self.y_true is None else f"C{c}",
                "fmt": "o",
                "markersize": 3,
                "elinewidth": 1,
                "label": None if self.y_true is None else f"class {label}",
            }
            panel.errorbar(
                rank[chosen],
                values[chosen],
                self.n_std * std[chosen],
                **style(defaults, errorbar_kw),
            )
        panel.axhline(0, color="0.3", linewidth=0.8)
        self.uncertain_ = np.abs(values) <= self.n_std * std
        panel.set(
            xlabel="samples, in order",
            ylabel="margin" if np.ndim(self.decision_values) == 2 else "decision value",
            title=f"{np.sum(self.uncertain_)} of {len(values)} decisions within "
            f"{self.n_std:g} standard deviations of 0",
        )
        if self.y_true is not None:
            _add_legend(panel, n_classes=len(np.unique(labels)))
        self.ax_, self.figure_ = panel, panel.figure
        return self

    def _margins(self) -> tuple[np.ndarray, np.ndarray]:
        """Return decision values and standard deviations of shape (n_samples,)."""
        values, std = np.asarray(self.decision_values), np.asarray(self.std)
        if std.shape != values.shape:
            raise ValueError(
                "`std` must have the shape of the decision values, "
                f"{values.shape}, got {std.shape}."
            )
        if values.ndim == 1:
            return values, std
        top = np.argsort(values, axis=1)[:, :-3:-1]
        first, second = np.take_along_axis(values, top, axis=1).T
        return first - second, np.hypot(*np.take_along_axis(std, top, axis=1).T)


def _add_legend(panel: Any, n_classes: int) -> None:
    """Put a legend where samples in ascending order leave room, or beside the panel."""
    if n_classes <= _MOST_CLASSES_INSIDE:
        panel.legend(loc="upper left")
    else:
        outside = {"loc": "upper left", "bbox_to_anchor": (1, 1), "frameon": False}
        panel.legend(**outside, borderaxespad=0.2)
