"""Is the quantum part doing anything: one model against versions of it with less."""

import logging
import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student_t
from sklearn.base import clone
from sklearn.callback import CallbackSupportMixin
from sklearn.model_selection import check_cv, cross_val_score
from sklearn.pipeline import Pipeline

from skqnn._pipelines import classifier_input, final_classifier
from skqnn.exceptions import DeadParameterWarning
from skqnn.inspection._axes import panels
from skqnn.inspection._problem import start
from skqnn.inspection._variants import VARIANTS, Size

_log = logging.getLogger(__name__)

# The limits of scikit-learn's scores of classifiers, by the beginning of their names.
_SHARES = (
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "f1",
    "jaccard",
    "precision",
    "recall",
    "roc_auc",
    "top_k_accuracy",
)
_LIMITS = dict.fromkeys(_SHARES, (0.0, 1.0)) | {
    "matthews_corrcoef": (-1.0, 1.0),
    "d2_": (-np.inf, 1.0),
    "neg_": (-np.inf, 0.0),
}


class AblationReport:
    """Scores of a model and of versions of it with less, on the same folds.

    It is recommended to make one by `ablation_report`. All parameters are stored as
    attributes; print it for a table, `plot` it for a picture.

    Parameters
    ----------
    names : sequence of str
        The variants, the model itself first.
    n_parameters : sequence of int
        How many numbers each variant trains.
    scores : ndarray of shape (n_variants, n_splits)
        Test score of each variant in each split, at least two.
    test_ratio : float
        Test samples per training sample in a split.
    confidence_level : float, default=0.95
        Of all intervals.
    limits : tuple of float, default=(-inf, inf)
        The lowest and the highest score there is: (0, 1) for accuracies.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes, Figure
        Where it is plotted.

    Notes
    -----
    Training sets of different splits overlap, so scores of different splits are not
    independent. Intervals are ``mean +- t * sqrt((1 / J + test_ratio) * s**2)`` over J
    splits, with the variance s**2 of the scores (or of the differences, split by
    split) and the quantile t of Student's distribution with J - 1 degrees of freedom:
    the corrected resampled t-test of [1]_. They are derived for random splits, and
    usual for folds as well. What lies beyond the `limits` is cut off: no true score is
    there, so that the rest covers it as often.

    Where all splits give the same number, no spread is left to judge by. This is no
    certainty, such as where all test samples are right, so there is no interval then:
    its ends are NaN, and a difference gets no star.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine
       Learning 52, 239 (2003), doi:10.1023/A:1024068626366.

    Examples
    --------
    >>> import numpy as np
    >>> from skqnn.inspection import AblationReport
    >>> scores = np.array([[0.9, 0.8, 1.0], [0.5, 0.5, 0.5]])
    >>> names = ["model", "majority class"]
    >>> AblationReport(names, [24, 0], scores, test_ratio=0.5, limits=(0, 1))
    Scores in 3 splits, with 95 % intervals; * marks a difference that excludes 0
                    parameters  score                    model minus this
    model                   24  0.900  [0.507, 1.000]
    majority class           0  0.500  all equal       +0.400  [+0.007, +0.793] *
    all equal: the same number in each split, so that none shows how far off it may be
    """

    def __init__(
        self,
        names: Sequence[str],
        n_parameters: Sequence[int],
        scores: np.ndarray,
        *,
        test_ratio: float,
        confidence_level: float = 0.95,
        limits: tuple[float, float] = (-np.inf, np.inf),
    ):
        self.names = names
        self.n_parameters = n_parameters
        self.scores = scores
        self.test_ratio = test_ratio
        self.confidence_level = confidence_level
        self.limits = limits

    def to_dict(self) -> dict[str, list]:
        """Return the table as columns, ready for ``pandas.DataFrame``.

        Returns
        -------
        table : dict of list
            Keys ``variant``, ``n_parameters``, ``score``, ``low``, ``high`` and, for
            the model's score minus this one's, ``difference``, ``difference_low``,
            ``difference_high``. Ends of an interval are NaN where all splits are equal.
        """
        lowest, highest = self.limits
        score, low, high = self._interval(self.scores, lowest, highest)
        more, more_low, more_high = self._interval(
            self.scores[0] - self.scores, lowest - highest, highest - lowest
        )
        return {
            "variant": list(self.names),
            "n_parameters": list(self.n_parameters),
            "score": score.tolist(),
            "low": low.tolist(),
            "high": high.tolist(),
            "difference": more.tolist(),
            "difference_low": more_low.tolist(),
            "difference_high": more_high.tolist(),
        }

    def _interval(
        self, samples: np.ndarray, lowest: float, highest: float
    ) -> tuple[np.ndarray, ...]:
        """Return mean, lower and upper bound over the last axis, within limits.

        The bounds are NaN where all samples are equal, up to the rounding of scores.
        """
        n_splits = samples.shape[-1]
        mean = samples.mean(axis=-1)
        variance = (1 / n_splits + self.test_ratio) * samples.var(axis=-1, ddof=1)
        quantile = student_t.ppf((1 + self.confidence_level) / 2, n_splits - 1)
        rounding = 8 * np.finfo(float).eps * np.abs(self.scores).max()
        equal = np.ptp(samples, axis=-1) <= rounding
        half = np.where(equal, np.nan, quantile * np.sqrt(variance))
        return mean, np.maximum(mean - half, lowest), np.minimum(mean + half, highest)

    def __repr__(self) -> str:
        width = max(map(len, self.names))
        lines = [
            f"Scores in {self.scores.shape[1]} splits, with "
            f"{100 * self.confidence_level:g} % intervals; * marks a difference that "
            "excludes 0",
            f"{'':<{width}}  parameters  score{'':20}model minus this",
        ]
        rows = zip(*self.to_dict().values(), strict=True)
        for k, (name, n, score, low, high, more, more_low, more_high) in enumerate(
            rows
        ):
            line = f"{name:<{width}}{n:>12}  {score:.3f}  {_ends(low, high, '.3f'):<14}"
            if k:
                star = " *" if more_low > 0 or more_high < 0 else ""
                line += f"  {more:+.3f}  {_ends(more_low, more_high, '+.3f')}{star}"
            lines.append(line.rstrip())
        if any(_NO_ENDS in line for line in lines):
            lines.append(
                f"{_NO_ENDS}: the same number in each split, so that none shows how "
                "far off it may be"
            )
        return "\n".join(lines)

    def plot(self, ax: Any = None) -> "AblationReport":
        """Plot scores with intervals, and the single splits as dots.

        A hollow mark has no interval, because all splits gave the same score.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure.

        Returns
        -------
        report : AblationReport
        """
        size = (7, 1 + 0.45 * len(self.names))
        ((panel,),) = panels(ax, 1, 1, size=size, caller="AblationReport.plot")
        mean, low, high = self._interval(self.scores, *self.limits)
        rows = np.arange(len(self.names))
        for row, scores in zip(rows, self.scores, strict=True):
            panel.plot(scores, [row] * len(scores), "o", color="0.75", markersize=4)
        colors = ["C1", *["C0"] * (len(rows) - 1)]
        for row, color in zip(rows, colors, strict=True):
            arms = [[mean[row] - low[row]], [high[row] - mean[row]]]
            style = {"mfc": "white" if np.isnan(low[row]) else color, "capsize": 4}
            panel.errorbar(mean[row], row, xerr=arms, fmt="D", color=color, **style)
        panel.axvline(mean[0], color="C1", linestyle=":", linewidth=1, zorder=0)
        labels = zip(self.names, self.n_parameters, strict=True)
        panel.set_yticks(rows, [f"{name} ({n})" for name, n in labels])
        panel.invert_yaxis()
        hollow = "; hollow: all splits equal, none" if np.isnan(low).any() else ""
        panel.set_xlabel(f"score, {100 * self.confidence_level:g} % interval{hollow}")
        panel.set_title("variant (trained parameters)", loc="left", fontsize="medium")
        panel.grid(axis="x", alpha=0.3)
        self.ax_, self.figure_ = panel, panel.figure
        return self


_NO_ENDS = "all equal"


def _ends(low: float, high: float, form: str) -> str:
    """Return an interval as text, or that there is none."""
    return _NO_ENDS if np.isnan(low) else f"[{low:{form}}, {high:{form}}]"


def ablation_report(
    estimator: Any,
    X: ArrayLike,
    y: ArrayLike,
    *,
    cv: Any = 5,
    scoring: Any = None,
    confidence_level: float = 0.95,
    n_jobs: int | None = None,
) -> AblationReport:
    """Compare a model with versions of it with less, on the same data and folds.

    Answers whether the quantum part does anything: if the score stays when the
    entanglers go, when the circuit is not trained, or when a classical model of the
    same size takes its place, then it does not, on these data.

    Parameters
    ----------
    estimator : QNNClassifier or Pipeline that ends in one
        The model; it is cloned. The other steps of a pipeline stay in all variants.
    X : array-like of shape (n_samples, n_features)
        Data.
    y : array-like of shape (n_samples,)
        Class labels.
    cv : int, splitter or iterable, default=5
        As in `sklearn.model_selection.cross_validate`: an integer means stratified
        folds. At least two splits; with ten or more, such as of
        `RepeatedStratifiedKFold`, intervals are much narrower.
    scoring : str or callable, default=None
        As there; None: accuracy.
    confidence_level : float, default=0.95
        Of the intervals.
    n_jobs : int, default=None
        Splits to run in parallel.

    Returns
    -------
    report : AblationReport
        Print it, `plot` it, or make a data frame of its `to_dict`.

    Raises
    ------
    ValueError
        If `cv` gives fewer than two splits, or if `confidence_level` is not between 0
        and 1.

    Notes
    -----
    The variants:

    - *model*: as it is.
    - *entanglers removed*: fixed gates on two or more qubits are dropped, rotations on
      several qubits act on the last of them alone; same parameters, same observables,
      same training. What the encoding entangles stays.
    - *circuit frozen*: random angles, drawn as `fit` draws them; scale and bias
      minimise the same loss to convergence.
    - *logistic regression*: on the first principal components, standardised, as many
      as keep coefficients and intercepts within the model's number of parameters:
      ``K (k + 1) <= n_parameters_`` with k components and K = 1 for two classes,
      otherwise one K per class. Fitting the components is not counted.
    - *perceptron*: likewise, with one hidden layer of h tanh units:
      ``h (k + 1) + K (h + 1) <= n_parameters_``, h at least 2 and K where that leaves
      two components, then k as large as possible.
    - *majority class*: knows the class frequencies only.

    Classical models see what the classifier sees, the output of the steps before it,
    and train to convergence.

    The logger "skqnn" tells at the level INFO when a variant is done, with its mean
    score and the seconds since the start. The fits of the estimator itself are silent:
    its callbacks are not called, and nothing is `verbose`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skqnn import QNNClassifier
    >>> from skqnn.inspection import ablation_report
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = QNNClassifier(encoding="angle", solver="lbfgs", random_state=0)
    >>> report = ablation_report(classifier, X, y)
    >>> dict(zip(report.names, report.n_parameters))
    {'model': 28, 'entanglers removed': 28, 'circuit frozen': 4,
     'logistic regression': 15, 'perceptron': 27, 'majority class': 0}
    """
    if not 0 < confidence_level < 1:
        raise ValueError(
            "`confidence_level` must be a number strictly between 0 and 1, got "
            f"{confidence_level!r}."
        )
    splits = list(check_cv(cv, y, classifier=True).split(X, y))
    if len(splits) < 2:
        raise ValueError(f"`cv` must give at least two splits, got {len(splits)}.")
    variants = _build(estimator, X, y, min(len(train) for train, _ in splits))
    scores, start_time = [], time.monotonic()
    for name, variant in variants.items():
        with warnings.catch_warnings():
            if name != "model":  # whose dead parameters its owner should know about
                warnings.simplefilter("ignore", DeadParameterWarning)
            scores.append(
                cross_val_score(
                    variant.estimator,
                    X,
                    y,
                    cv=splits,
                    scoring=scoring,
                    n_jobs=n_jobs,
                    error_score="raise",
                )
            )
        done, elapsed = f"{len(scores)}/{len(variants)}", time.monotonic() - start_time
        mean = np.mean(scores[-1])
        _log.info("%s, %s: score %.3f, after %.0f s", done, name, mean, elapsed)
    return AblationReport(
        list(variants),
        [variant.n_parameters for variant in variants.values()],
        np.array(scores),
        test_ratio=float(np.mean([len(test) / len(train) for train, test in splits])),
        confidence_level=confidence_level,
        limits=_limits("accuracy" if scoring is None else scoring),
    )


def _limits(scoring: Any) -> tuple[float, float]:
    """Return the lowest and the highest score that a scorer of this name can give."""
    known = (k for k in _LIMITS if isinstance(scoring, str) and scoring.startswith(k))
    return _LIMITS.get(next(known, ""), (-np.inf, np.inf))


def _build(estimator: Any, X: ArrayLike, y: ArrayLike, n_train: int) -> dict:
    """Return all variants by name, in pipelines like that of the estimator."""
    final_classifier(estimator)  # which refuses what is none
    estimator = _silent(estimator)
    classifier = final_classifier(estimator)
    started = start(classifier, classifier_input(clone(estimator), X, y), y)
    n_scores = len(started.observables_)
    n_components = min(started.n_features_in_, n_train)
    size = Size(started.n_parameters_, n_components, n_scores)
    variants = {}
    for name, build in VARIANTS.items():
        variant = build(classifier, started, size)
        whole = _replace_classifier(estimator, variant.estimator)
        variants[name] = variant._replace(estimator=whole)
    return variants


def _silent(estimator: Any) -> Any:
    """Return a clone whose fits call no callbacks and tell nothing."""
    silent = clone(estimator)
    parameters = silent.get_params()
    for part in (silent, *parameters.values()):
        if isinstance(part, CallbackSupportMixin):
            part.set_callbacks()
    told = [name for name in parameters if name.split("__")[-1] == "verbose"]
    return silent.set_params(**dict.fromkeys(told, False))


def _replace_classifier(estimator: Any, other: Any) -> Any:
    """Return the estimator, not fitted, with another one as its last step."""
    if not isinstance(estimator, Pipeline):
        return other
    return clone(estimator).set_params(**{estimator.steps[-1][0]: other})
