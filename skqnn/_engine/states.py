"""Rows as amplitudes of states, with a constant, on the device of the rows."""

import math
from typing import Any

import numpy as np

from skqnn._arrays import into, namespace, to_numpy
from skqnn._circuits.model import n_amplitude_qubits
from skqnn._circuits.preparation import unit_tolerance


def amplitude_rows(X: Any, n_qubits: int, constant: float = 0.0) -> Any:
    """Return X as states of shape (n_samples, 2**n_qubits).

    Rows get one more amplitude of the size `constant` unless that is 0, are padded with
    zeros and divided by their Euclidean norm. A row of zeros becomes ``|0...0>``. A row
    that already is a state stays as it is, to the bit; if all are, X itself is
    returned.
    """
    xp, device = namespace(X)
    if not _fits(constant, X):
        wide = amplitude_rows(xp.astype(X, xp.float64), n_qubits, constant)
        return xp.astype(wide, X.dtype)
    n_samples, n_features = X.shape
    whole = n_features == 2**n_qubits
    kept = (
        _are_states(X) if whole else xp.zeros(n_samples, dtype=xp.bool, device=device)
    )
    if whole and xp.all(kept):
        return X
    states = xp.zeros((n_samples, 2**n_qubits), dtype=X.dtype, device=device)
    inside = states[:, : n_features + bool(constant)]
    # Dividing by the largest entry first keeps tiny and huge rows from under- or
    # overflowing when they are squared.
    extremes = (extreme(X, axis=1, keepdims=True) for extreme in (xp.max, xp.min))
    largest = xp.maximum(*map(xp.abs, extremes))  # without a copy of X
    if constant:
        largest = xp.clip(largest, abs(constant), None)
        inside[:, -1:] = constant / largest
    empty = largest[:, 0] == 0
    unscaled = (largest == 0) | kept[:, None]
    into(states[:, :n_features], xp.divide, X, xp.where(unscaled, 1.0, largest))
    sizes = xp.where(empty | kept, 1.0, _norms(inside))
    into(inside, xp.divide, inside, xp.astype(sizes, X.dtype)[:, None])
    states[:, 0] += xp.astype(empty, X.dtype)
    return states


def constant_amplitude(X: Any, weights: np.ndarray, scaling: Any) -> float:
    """Return the size of the amplitude that all rows get, 0 if they get none.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        The rows of a training.
    weights : ndarray of shape (n_samples,)
        Their weights.
    scaling : "auto", float or None
        "auto" is twice the root mean square norm of the rows, or 0 if they are states:
        of unit norm, with a power of two of columns. Rows in double precision that
        are made of single precision numbers need be of unit norm in that only.
    """
    if scaling != "auto":
        return 0.0 if scaling is None else float(scaling)
    xp, _ = namespace(X)
    n_features = X.shape[1]
    if n_features == 2 ** n_amplitude_qubits(n_features) and _were_made_states(X):
        return 0.0
    largest = float(xp.max(xp.abs(X))) or 1.0
    squares = to_numpy(_norms(X / largest)).astype(np.float64) ** 2
    size = 2 * largest * math.sqrt(np.average(squares, weights=weights))
    return min(size, np.finfo(np.float64).max) or 1.0


def _fits(constant: float, X: Any) -> bool:
    """Tell whether the type of an array can hold the constant, a double."""
    xp, _ = namespace(X)
    limits = xp.finfo(X.dtype)
    inside = float(limits.smallest_normal) <= abs(constant) <= float(limits.max)
    return not constant or inside or X.dtype == xp.float64


def _were_made_states(X: Any) -> bool:
    """Tell whether all rows are states, perhaps made in single precision and cast."""
    xp, _ = namespace(X)
    if xp.all(_are_states(X)):
        return True
    if X.dtype == xp.float32 or not xp.all(_are_states(X, xp.float32)):
        return False
    return bool(xp.all(xp.astype(xp.astype(X, xp.float32), X.dtype) == X))


def _are_states(X: Any, dtype: Any = None) -> Any:
    """Tell of each row whether its norm is 1, up to rounding, to `dtype` if given."""
    xp, _ = namespace(X)
    eps = float(xp.finfo(X.dtype if dtype is None else dtype).eps)
    return xp.abs(_norms(X) - 1) <= unit_tolerance(eps, X.shape[1])


def _norms(X: Any) -> Any:
    """Return the Euclidean norm of each row."""
    if isinstance(X, np.ndarray):  # in double precision, and without a copy of X
        return np.sqrt(np.einsum("ij,ij->i", X, X, dtype=np.float64))
    xp, _ = namespace(X)
    return xp.sqrt(xp.vecdot(X, X))


def copies(states: Any, n_copies: int, n_qubits: int) -> Any:
    """Return the states of `n_copies` registers with the same row, on `n_qubits`.

    The further qubits are in ``|0>``. One copy is returned as it is.
    """
    if n_copies == 1:
        return states
    xp, device = namespace(states)
    n_samples, power = states.shape[0], states
    for _ in range(n_copies - 1):
        power = power[:, :, None] * states[:, None, :]
        power = xp.reshape(power, (n_samples, -1))
    if power.shape[1] == 2**n_qubits:
        return power
    wide = xp.zeros((n_samples, 2**n_qubits), dtype=states.dtype, device=device)
    wide[:, : power.shape[1]] = power
    return wide
