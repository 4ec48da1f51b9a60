"""Training data: labels, weights, targets, and the rows that are held out."""

import warnings
from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError
from scipy.special import betainc
from sklearn.model_selection import train_test_split
from sklearn.utils import gen_batches
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from skqnn._arrays import namespace, take_rows, to_numpy

_LARGE_ANGLE = 100.0  # radians; no reasonable scale of angles gets there
_ALMOST = 0.01  # by which norms of rounded states are off
_BLOCK = 2**18  # numbers that are looked at together


class Data(NamedTuple):
    """Training data: states, indicator targets, weights of mean 1.

    States may be on a device; all other numbers of a training are NumPy's, and few.
    """

    states: Any
    targets: np.ndarray
    weights: np.ndarray

    def take(self, rows: Any) -> "Data":
        """Return some rows; a slice does not copy."""
        states = take_rows(self.states, rows)
        if isinstance(rows, slice):
            return Data(states, self.targets[rows], self.weights[rows])
        return Data(states, self.targets.take(rows, axis=0), self.weights.take(rows))


def weighted_rows(X: Any, labels: np.ndarray, weights: np.ndarray) -> tuple:
    """Return rows, labels and weights without the samples of weight 0."""
    used = np.flatnonzero(weights > 0)
    if len(used) == len(weights):
        return X, labels, weights
    return take_rows(X, used), labels[used], weights[used]


def check_labels(y: Any, stacklevel: int) -> None:
    """Raise ValueError, with its cure, for what is often taken for labels."""
    y = np.asarray(y, dtype=object if isinstance(y, list | tuple) else None)
    if y.ndim == 2 and y.shape[1] > 1:
        raise ValueError(
            f"`y` must be a 1d array of labels, got an array of shape {y.shape}; "
            "one-hot rows become labels by y.argmax(axis=1)."
        )
    if y.ndim == 0:  # None and sparse matrices, which scikit-learn refuses
        return
    labels = y.ravel()
    missing = np.flatnonzero(_are_missing(labels))
    if len(missing):
        raise ValueError(
            f"`y` must have a label for every row, got {labels[missing[0]]} in "
            f"{_rows(missing)}; leave such rows out."
        )
    _warn_of_text(labels, stacklevel)
    if labels.dtype.kind != "O":
        return
    kinds = {"str" if isinstance(v, str) else type(v).__name__ for v in labels}
    if "str" in kinds and len(kinds) > 1:
        raise ValueError(
            f"`y` must have labels of one type, got {' and '.join(sorted(kinds))}; "
            "make all of them text, by [str(label) for label in y]."
        )


def _are_missing(labels: np.ndarray) -> np.ndarray:
    """Tell which labels are None, NaN, or what NumPy and pandas have for them."""
    if labels.dtype.kind == "f":
        return np.isnan(labels)
    if labels.dtype.kind in "mM":
        return np.isnat(labels)
    if labels.dtype.kind != "O":
        return np.zeros(len(labels), bool)
    return np.array([_is_missing(label) for label in labels], bool)


def _is_missing(label: Any) -> bool:
    """Tell whether an object is None, NaN, or what pandas has for them."""
    return label is None or (
        not isinstance(label, str) and str(label) in ("nan", "<NA>", "NaT")
    )


def _rows(rows: np.ndarray) -> str:
    """Return the first row and the number of the others, as words."""
    return f"row {rows[0]}" + (f" and {len(rows) - 1} more" if len(rows) > 1 else "")


def _warn_of_text(labels: np.ndarray, stacklevel: int) -> None:
    """Warn of a class that NumPy may have made of missing labels among text."""
    rows = np.flatnonzero(labels == "nan") if labels.dtype.kind == "U" else labels[:0]
    if len(rows):
        warnings.warn(
            f"`y` should have a label for every row, got the text 'nan' in "
            f"{_rows(rows)}, which NumPy makes of missing labels among text; unless "
            "it is the name of a class, leave such rows out.",
            UserWarning,
            stacklevel=stacklevel,
        )


def check_classes(y: np.ndarray) -> None:
    """Raise ValueError if labels are none, in scikit-learn's words and with a cure."""
    try:
        check_classification_targets(y)
    except ValueError as error:
        if y.dtype.kind != "f":
            raise
        odd = y[y != np.floor(y)][0]
        raise ValueError(
            f"`y` must be class labels, got numbers such as {odd:.3g} (Unknown label "
            "type: continuous); make classes of them first, by y > threshold or "
            "KBinsDiscretizer."
        ) from error


def warn_of_rows(
    X: Any,
    labels: np.ndarray,
    encoding: Any,
    scaling: Any,
    constant: float,
    stacklevel: int,
) -> None:
    """Warn if the encoding loses of the rows what should be learnt."""
    if encoding == "angle" or isinstance(encoding, QuantumCircuit):
        text = _many_turns(X, encoding)
    elif constant:
        text = _almost_states(X) if scaling == "auto" else ""
    else:
        text = _lost_sign(X, labels)
    if text:
        warnings.warn(text, UserWarning, stacklevel=stacklevel)


def _many_turns(X: Any, encoding: Any) -> str:
    """Say if features make angles of many turns, between which nothing is smooth."""
    xp, _ = namespace(X)
    sizes = xp.max(xp.abs(X), axis=1)
    largest, what = float(xp.max(sizes)), "with encoding='angle'"
    if not isinstance(encoding, str):
        row = to_numpy(X[int(xp.argmax(sizes)), :])
        largest, what = _largest_angle(encoding, row), "in the gates of `encoding`"
    if largest <= _LARGE_ANGLE:
        return ""
    return (
        f"`X` should make angles of a few radians {what}, got up to {largest:.0f}, "
        f"which is {largest / (2 * np.pi):.0f} turns; scale first, for instance with "
        "MinMaxScaler((-1.5, 1.5))."
    )


def _largest_angle(circuit: QuantumCircuit, row: np.ndarray) -> float:
    """Return the largest angle of a feature map for a row, 0 where it has none."""
    try:
        bound = circuit.assign_parameters(row.astype(float).tolist())
    except (ArithmeticError, QiskitError, RuntimeError, TypeError, ValueError):
        return 0.0  # refused where circuits are read, in words of their own
    return max(_sizes_of_angles(bound), default=0.0)


def _sizes_of_angles(circuit: QuantumCircuit) -> Iterator[float]:
    """Yield the sizes of all angles in a circuit, down to gates without definition."""
    for item in circuit.data:
        definition = getattr(item.operation, "definition", None)
        for part in [definition] if definition is not None else item.params:
            if isinstance(part, QuantumCircuit):  # or the body of a box
                yield from _sizes_of_angles(part)
            elif isinstance(part, Real):
                yield abs(float(part))


def _almost_states(X: Any) -> str:
    """Say if rows that got a constant look like states that were rounded."""
    xp, _ = namespace(X)
    n_columns = X.shape[1]
    if n_columns < 2 or n_columns & (n_columns - 1) or xp.max(xp.abs(X)) > 2:
        return ""
    off = float(xp.max(xp.abs(xp.linalg.vector_norm(X, axis=1) - 1)))
    if off > _ALMOST:
        return ""
    return (
        "`X` should be unit vectors to the last digit if its rows are states, got "
        f"norms that are off by up to {off:.1g}, so that each row got a constant "
        "amplitude, on one more qubit. Divide rows by their norms, or set "
        "`intercept_scaling` to None (no constant) or to a number."
    )


def _lost_sign(X: Any, labels: np.ndarray) -> str:
    """Say if signs tell classes apart that amplitudes alone forget.

    That is where the mean of a column is positive in one class, negative in another and
    hardly so by chance, and no column is of one sign, with which others could be
    compared.
    """
    xp, _ = namespace(X)
    low, high = (to_numpy(extreme(X, axis=0)) for extreme in (xp.min, xp.max))
    used = (low < 0) | (high > 0)
    members = np.eye(labels.max() + 1)[labels]
    members = members[:, members.any(axis=0)]
    n_rows, n_classes = members.shape
    signed = used.any() and np.all(((low < 0) & (high > 0))[used])
    if not signed or not 1 < n_classes < n_rows:
        return ""
    host, largest = to_numpy(X), max(-low.min(), high.max())
    columns = np.flatnonzero(used)
    means, share = np.empty((n_classes, len(columns))), np.empty(len(columns))
    for some in gen_batches(len(columns), max(1, _BLOCK // n_rows)):
        rows = host[:, columns[some]] / largest
        means[:, some] = members.T @ rows / members.sum(axis=0)[:, None]
        within = np.sum((rows - members @ means[:, some]) ** 2, axis=0)
        share[some] = within / np.sum((rows - rows.mean(axis=0)) ** 2, axis=0)
    # The distribution of this share for normal rows that have nothing of their class.
    chance = betainc((n_rows - n_classes) / 2, (n_classes - 1) / 2, share)
    telling = (chance < 1e-4) & (share < 0.8) & (means.min(0) < 0) & (means.max(0) > 0)
    if not telling.any():
        return ""
    column = columns[np.argmin(np.where(telling, share, 1))]
    return (
        "`intercept_scaling` should be a number where signs tell classes apart, got "
        "rows without a constant amplitude: x and -x are the same state, but the mean "
        f"of column {column} has another sign in another class. Set it to about twice "
        "the norm of the rows, or to 'auto' unless they are of norm 1."
    )


def check_two_classes(classes: np.ndarray) -> None:
    """Raise ValueError if there is nothing to tell apart."""
    if len(classes) < 2:
        raise ValueError(
            f"`y` must have at least two classes, got {len(classes)} class: {classes}."
        )


def check_same_classes(classes: np.ndarray, fitted: np.ndarray) -> None:
    """Raise ValueError if training cannot go on with these classes."""
    if not np.array_equal(classes, fitted):
        raise ValueError(
            f"`warm_start` needs the same classes as the previous fit, {fitted}, got "
            f"{classes}."
        )


def known_classes(classes: ArrayLike | None, fitted: np.ndarray | None) -> np.ndarray:
    """Return the labels of a partial fit: those given, or those of earlier calls."""
    if classes is None and fitted is None:
        raise ValueError(
            "`classes` must be given at the first call of partial_fit, got None."
        )
    known = fitted if classes is None else np.unique(to_numpy(classes))
    assert known is not None
    if fitted is not None and not np.array_equal(known, fitted):
        raise ValueError(
            f"`classes` must be the same at every call, {fitted}, got {known}."
        )
    if len(known) < 2:
        raise ValueError(f"`classes` must have at least two labels, got {known}.")
    return known


def class_indices(y: ArrayLike, classes: np.ndarray) -> np.ndarray:
    """Return the position in `classes` of every label.

    Raises
    ------
    ValueError
        If a label is not one of `classes`.
    """
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"`y` must contain only the known labels, {classes}, got {unknown}."
        )
    return np.searchsorted(classes, y)


def class_weighted(
    weights: np.ndarray,
    labels: np.ndarray,
    classes: np.ndarray,
    class_weight: Mapping | str | None,
) -> np.ndarray:
    """Return weights times class weights; a class counts by its total weight."""
    if class_weight is None:
        return weights
    if class_weight == "balanced":  # so that weight 2 is two samples
        totals = np.bincount(labels, weights, minlength=len(classes))
        present = totals > 0
        share = weights.sum() / present.sum() if present.any() else 0.0
        factors = np.divide(share, totals, out=np.zeros(len(classes)), where=present)
    else:
        _check_weighted_labels(class_weight, classes)
        factors = compute_class_weight(class_weight, classes=classes, y=classes)
    weights = weights * factors[labels]
    if not np.all(weights >= 0) or not 0 < weights.sum() < np.inf:
        raise ValueError(
            "`class_weight` must have non-negative, finite weights, one of them "
            f"positive for a class of these rows, got {class_weight}."
        )
    return weights


def _check_weighted_labels(class_weight: Any, classes: np.ndarray) -> None:
    """Refuse a label that is no class where a class has no weight: it may be meant."""
    known = classes.tolist()
    unknown = [label for label in class_weight if label not in known]
    missing = [label for label in known if label not in class_weight]
    if unknown and missing:
        raise ValueError(
            f"`class_weight` must have the labels of `y`, {known}, got {unknown[0]!r} "
            f"and no weight for {missing[0]!r}; a class without one has weight 1."
        )


def indicator_targets(labels: np.ndarray, n_classes: int, n_scores: int) -> np.ndarray:
    """Return one column per score: of two classes the second, otherwise one each."""
    if n_scores == 1:
        return labels[:, None].astype(np.float64)
    return np.eye(n_classes)[labels]


def hold_out(
    labels: np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of training and validation samples.

    Both have samples of every class, if every class has two.

    Warns
    -----
    UserWarning
        If a class has too few samples to be in both parts.
    """
    n_samples = len(labels)
    _, counts = np.unique(labels, return_counts=True)
    n_held_out = max(round(fraction * n_samples), 1)
    stratify = labels if counts.min() >= 2 else None
    if stratify is not None:
        n_held_out = max(n_held_out, len(counts))
        n_held_out = min(n_held_out, n_samples - len(counts))
    elif n_samples > 1:
        warnings.warn(
            "`early_stopping` holds out rows whatever their class: a class has only "
            f"one of the {n_samples} samples.",
            UserWarning,
            stacklevel=6,
        )
    if not 0 < n_held_out < n_samples:
        raise ValueError(
            "`validation_fraction` must leave samples to train on and to hold out, got "
            f"{fraction} of {n_samples} samples."
        )
    return train_test_split(
        np.arange(n_samples), test_size=n_held_out, stratify=stratify, random_state=seed
    )
