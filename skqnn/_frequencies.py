"""The lowest frequencies of images: a discrete cosine transform, cut off."""

from typing import Any

import numpy as np
from scipy.fft import idct

from skqnn._arrays import namespace


def lowest_frequencies(size: tuple[int, int], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Order the frequencies (r, c) of an image by r + c, then max(r, c), then r.

    Parameters
    ----------
    size : tuple of int
        (height, width) of the image.
    n : int
        How many to keep.

    Returns
    -------
    rows, columns : ndarray of shape (n,), int
        Half-waves from top to bottom, and from left to right.
    """
    r, c = np.indices(size).reshape(2, -1)
    order = np.lexsort((r, np.maximum(r, c), r + c))[:n]
    return r[order], c[order]


def emphasised(size: tuple[int, int], n: int, emphasis: float) -> np.ndarray:
    """Return the factor (1 + r + c)**emphasis of each kept frequency, shape (n,)."""
    rows, columns = lowest_frequencies(size, n)
    return (1.0 + rows + columns) ** emphasis


def spectrum(pixels: Any, n: int) -> Any:
    """Return the lowest frequencies of images.

    Parameters
    ----------
    pixels : array of shape (n_samples, height, width)
        Images of a floating type.
    n : int
        How many to keep.

    Returns
    -------
    frequencies : array of shape (n_samples, n)
        Coefficients of the orthonormal DCT-II, in the order of `lowest_frequencies`.
    """
    xp, device = namespace(pixels)
    by_row, by_column, places = _cosines(pixels.shape[1:], n)
    # Two small products are as fast as a fast transform, of which most is thrown away.
    by_row, by_column = (
        xp.asarray(matrix, dtype=pixels.dtype, device=device)
        for matrix in (by_row, np.ascontiguousarray(by_column.T))
    )
    waves = by_row @ (pixels @ by_column)
    waves = xp.reshape(waves, (waves.shape[0], -1))
    return xp.take(waves, xp.asarray(places, device=device), axis=1)


def image_of(frequencies: Any, size: tuple[int, int]) -> Any:
    """Return the images of smallest norm that have these lowest frequencies.

    Parameters
    ----------
    frequencies : array of shape (n_samples, n)
        What `spectrum` returns.
    size : tuple of int
        (height, width) of the images.

    Returns
    -------
    pixels : array of shape (n_samples, height, width)
    """
    xp, device = namespace(frequencies)
    n_samples, n = frequencies.shape
    by_row, by_column, places = _cosines(size, n)
    # Frequencies that were not kept take the zero that is appended.
    sources = np.full(len(by_row) * len(by_column), n)
    sources[places] = np.arange(n)
    zeros = xp.zeros((n_samples, 1), dtype=frequencies.dtype, device=device)
    frequencies = xp.concat([frequencies, zeros], axis=1)
    waves = xp.take(frequencies, xp.asarray(sources, device=device), axis=1)
    waves = xp.reshape(waves, (n_samples, len(by_row), len(by_column)))
    by_row, by_column = (
        xp.asarray(matrix, dtype=frequencies.dtype, device=device)
        for matrix in (np.ascontiguousarray(by_row.T), by_column)
    )
    return by_row @ (waves @ by_column)


def _cosines(size: tuple[int, int], n: int) -> tuple:
    """Return both matrices of the transform, and where its n frequencies stand.

    A row of a matrix is a cosine of the orthonormal DCT-II. Only rows that some of the
    n lowest frequencies need are there.
    """
    rows, columns = lowest_frequencies(size, n)
    n_rows, n_columns = rows.max() + 1, columns.max() + 1
    by_row = idct(np.eye(n_rows, size[0]), norm="ortho")
    by_column = idct(np.eye(n_columns, size[1]), norm="ortho")
    return by_row, by_column, rows * n_columns + columns
