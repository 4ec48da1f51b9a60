"""Rows of any matrix as amplitudes: padded to a power of two, of unit norm."""

import numpy as np


def n_amplitude_qubits(n_features: int) -> int:
    """Return the number of qubits that hold n_features amplitudes, at least 1."""
    return max(1, (n_features - 1).bit_length())


def amplitude_rows(X: np.ndarray, n_qubits: int) -> np.ndarray:
    """Return X as states of shape (n_samples, 2**n_qubits).

    Rows are padded with zeros and divided by their Euclidean norm. A row of zeros
    becomes ``|0...0>``. If all rows already are states, X itself is returned.
    """
    norms = np.sqrt(np.einsum("ij,ij->i", X, X, dtype=np.float64))
    tolerance = 16 * np.finfo(X.dtype).eps * np.sqrt(X.shape[1])
    if X.shape[1] == 2**n_qubits and np.all(np.abs(norms - 1) <= tolerance):
        return X
    states = np.zeros((len(X), 2**n_qubits), dtype=X.dtype)
    inside = states[:, : X.shape[1]]
    # Dividing by the largest entry first keeps tiny and huge rows from under- or
    # overflowing when they are squared.
    largest = np.abs(X).max(axis=1, keepdims=True)
    empty = largest[:, 0] == 0
    np.divide(X, np.where(largest == 0, 1, largest), out=inside)
    norms = np.sqrt(np.einsum("ij,ij->i", inside, inside, dtype=np.float64))
    inside /= np.where(empty, 1, norms).astype(X.dtype)[:, None]
    states[empty, 0] = 1
    return states
