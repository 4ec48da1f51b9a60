"""Grey images as rows of amplitudes and back: the pure functions."""

import math
from typing import NamedTuple

import numpy as np


class Encoding(NamedTuple):
    """Everything that decides how pixels become amplitudes.

    Attributes
    ----------
    pixel_range : tuple of float
        Values of a black (p = 0) and of a white (p = 1) pixel.
    image_shape, image_size : tuple of int
        (height, width) of the images given, and of the images encoded.
    interval : tuple of float or None
        Closed interval of p in which darkness is written; None: no black channel.
    normalization : {"image", "pixel"}
        What has unit norm: the whole vector, or each pixel's (white, black) pair.
    threshold : float or None
        Smallest p that becomes 1 while all below become 0.
    """

    pixel_range: tuple[float, float]
    image_shape: tuple[int, int]
    image_size: tuple[int, int]
    interval: tuple[float, float] | None = (0.125, 0.875)
    normalization: str = "image"
    threshold: float | None = None

    @property
    def grid(self) -> tuple[int, int, int]:
        """Channels, rows and columns of the register, each a power of two."""
        n_channels = 1 if self.interval is None else 2
        rows, columns = (1 << (side - 1).bit_length() for side in self.image_size)
        # A register has at least one qubit, so a lone amplitude gets a neighbour.
        return n_channels, rows, max(columns, 2 // (n_channels * rows))

    @property
    def magnitude(self) -> float:
        """Bound on every intermediate number, infinite if float64 overflows."""
        return 2.0 * math.prod(self.image_shape) * max(map(abs, self.pixel_range))

    def widen(self, *dtypes) -> np.dtype:
        """Find the smallest type to compute in that is none of these narrowed."""
        return np.result_type(*dtypes, np.min_scalar_type(self.magnitude))


def area_overlaps(n_in: int, n_out: int) -> np.ndarray:
    """Measure how `n_out` equal cells cover `n_in` equal cells of the same line.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of cells, at least 1. `n_out` may be the larger one.

    Returns
    -------
    overlaps : ndarray of shape (n_out, n_in), int64
        Lengths in units of 1 / `n_out` of an input cell. Each row sums to `n_in`:
        ``overlaps / n_in`` averages, and the integers keep means of equals exact.
    """
    start, cell = np.arange(n_out)[:, None] * n_in, np.arange(n_in) * n_out
    overlaps = np.minimum(start + n_in, cell + n_out) - np.maximum(start, cell)
    return np.maximum(overlaps, 0)


def scale_pixels(X: np.ndarray, encoding: Encoding, dtype="float64") -> np.ndarray:
    """Map raw pixels to p in [0, 1]: clip, average over areas, binarise.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite real pixels, in the units of `encoding.pixel_range`.
    encoding : Encoding
        The range, the two shapes and the threshold.
    dtype : dtype, default="float64"
        Least precise type to compute in. Types that X or the range need win.

    Returns
    -------
    pixels : ndarray of shape (n_samples, height, width)
        A new floating array.
    """
    dtype = encoding.widen(X.dtype, dtype)
    # Bounds of the pixels' own type make (high - low) / (high - low) exactly 1.
    low, high = map(dtype.type, encoding.pixel_range)
    # One memory layout makes sums, and so the result, independent of that of X.
    pixels = X.astype(dtype, order="C").reshape(-1, *encoding.image_shape)
    np.clip(pixels, low, high, out=pixels)
    pixels -= low
    unit = (high - low) or dtype.type(1)  # constant images are black
    if encoding.image_size != encoding.image_shape:
        shapes = zip(encoding.image_shape, encoding.image_size, strict=True)
        by_row, by_column = (area_overlaps(*sides).astype(dtype) for sides in shapes)
        pixels = by_row @ (pixels @ by_column.T)
        # Dividing once, after integer weights, leaves a mean of equals exact.
        unit *= math.prod(encoding.image_shape)
    pixels /= unit
    np.minimum(pixels, 1, out=pixels)  # a mean may round upwards
    if encoding.threshold is not None:
        np.greater_equal(pixels, encoding.threshold, out=pixels)
    return pixels


def encode(X: np.ndarray, encoding: Encoding, out: np.ndarray | None = None):
    """Write images as amplitudes of unit norm.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite real pixels, in the units of `encoding.pixel_range`.
    encoding : Encoding
        What to write where.
    out : ndarray of shape (n_samples, 2**n_qubits), default=None
        C-contiguous float array of zeros that receives the result; None: a new
        float64 array.

    Returns
    -------
    amplitudes : ndarray of shape (n_samples, 2**n_qubits)
        Rows of unit norm; `out` if it was given.
    """
    if out is None:
        out = np.zeros((len(X), math.prod(encoding.grid)))
    pixels = scale_pixels(X, encoding, out.dtype)
    write = NORMALIZATIONS[encoding.normalization][0]
    write(pixels, encoding.interval, out.reshape(-1, *encoding.grid))
    return out


def decode(amplitudes: np.ndarray, encoding: Encoding) -> np.ndarray:
    """Read images back from their amplitudes.

    Parameters
    ----------
    amplitudes : ndarray of shape (n_samples, 2**n_qubits)
        Rows made by `encode` with the same encoding.
    encoding : Encoding
        What was written where.

    Returns
    -------
    X : ndarray of shape (n_samples, height * width)
        Pixels in the units of `encoding.pixel_range`, inside that range.
    """
    height, width = encoding.image_size
    grid = amplitudes.reshape(-1, *encoding.grid)[:, :, :height, :width]
    read = NORMALIZATIONS[encoding.normalization][1]
    pixels = read(grid, encoding.interval)
    X = pixels.astype(encoding.widen(pixels.dtype)).reshape(len(pixels), -1)
    low, high = encoding.pixel_range
    return np.clip(low + (high - low) * X, low, high)


def _write_image(pixels, interval, grid):
    """Write (p, 1 - p inside the interval) / norm into a grid of zeros."""
    channels = [pixels]
    if interval is not None:
        low, high = interval
        channels.append((1 - pixels) * ((low <= pixels) & (pixels <= high)))
    squares = sum(np.square(channel).sum(axis=(1, 2)) for channel in channels)
    # Squares this small have lost digits to underflow.
    empty = squares < np.finfo(pixels.dtype).tiny / np.finfo(pixels.dtype).eps
    norms = np.sqrt(np.where(empty, np.inf, squares))[:, None, None]
    height, width = pixels.shape[1:]
    for k, channel in enumerate(channels):
        target = grid[:, k, :height, :width]
        np.divide(channel, norms, out=target, casting="same_kind")
    grid[empty, 0, 0, 0] = 1


def _read_image(grid, interval):
    """Invert `_write_image`: white + black is 1 / norm where both are written."""
    white = grid[:, 0]
    unit = white.max(axis=(1, 2))
    if interval is not None:
        both = grid[:, 1] > 0
        n_both = both.sum(axis=(1, 2))
        total = grid.sum(axis=1).sum(axis=(1, 2), where=both)
        np.divide(total, n_both, out=unit, where=n_both > 0)
    if interval is None or interval[0] > 0:
        # A black image was the zero vector, for which |0...0> stands.
        alone = np.count_nonzero(grid, axis=(1, 2, 3)) == 1
        unit[alone & (white[:, 0, 0] > 0)] = np.inf
    unit[unit <= 0] = np.inf  # rows that are no image
    return white / unit[:, None, None]


def _write_pixel(pixels, interval, grid):
    """Write (sin, cos)(p * pi / 2), all positions with the same weight."""
    weight = 1 / math.sqrt(grid[0, 0].size)
    grid[:, 1] = weight  # padding is black background
    height, width = pixels.shape[1:]
    # cos(x) as sin(pi / 2 - x): exactly 0 where p = 1.
    for k, level in enumerate((pixels, 1 - pixels)):
        grid[:, k, :height, :width] = weight * np.sin(level * (math.pi / 2))


def _read_pixel(grid, interval):
    """Invert `_write_pixel`."""
    return np.arctan2(grid[:, 0], grid[:, 1]) * (2 / math.pi)


NORMALIZATIONS = {
    "image": (_write_image, _read_image),
    "pixel": (_write_pixel, _read_pixel),
}
# The interval of p in which a pixel's darkness is written as well.
BLACK = {
    "edge": lambda edge: edge,
    "full": lambda edge: (0.0, 1.0),
    "none": lambda edge: None,
}
