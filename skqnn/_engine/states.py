"""Rows as amplitudes of states, on the device of the rows."""

import math
from typing import Any

import numpy as np

from skqnn._arrays import into, namespace


def amplitude_rows(X: Any, n_qubits: int) -> Any:
    """Return X as states of shape (n_samples, 2**n_qubits).

    Rows are padded with zeros and divided by their Euclidean norm. A row of zeros
    becomes ``|0...0>``. If all rows already are states, X itself is returned.
    """
    xp, device = namespace(X)
    n_samples, n_features = X.shape
    tolerance = 16 * float(xp.finfo(X.dtype).eps) * math.sqrt(n_features)
    if n_features == 2**n_qubits and xp.all(xp.abs(_norms(X) - 1) <= tolerance):
        return X
    states = xp.zeros((n_samples, 2**n_qubits), dtype=X.dtype, device=device)
    inside = states[:, :n_features]
    # Dividing by the largest entry first keeps tiny and huge rows from under- or
    # overflowing when they are squared.
    largest = xp.max(xp.abs(X), axis=1, keepdims=True)
    empty = largest[:, 0] == 0
    into(inside, xp.divide, X, xp.where(largest == 0, 1.0, largest))
    norms = xp.astype(xp.where(empty, 1.0, _norms(inside)), X.dtype)
    into(inside, xp.divide, inside, norms[:, None])
    states[:, 0] += xp.astype(empty, X.dtype)
    return states


def _norms(X: Any) -> Any:
    """Return the Euclidean norm of each row."""
    if isinstance(X, np.ndarray):  # in double precision, and without a copy of X
        return np.sqrt(np.einsum("ij,ij->i", X, X, dtype=np.float64))
    xp, _ = namespace(X)
    return xp.sqrt(xp.vecdot(X, X))
