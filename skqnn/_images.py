"""Grey images as rows of amplitudes and back: the pure functions.

Images and amplitudes may be arrays of any namespace; results follow them.
"""

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from skqnn._arrays import clip, into, namespace, numpy_dtype, to_numpy
from skqnn._frequencies import emphasised, image_of, lowest_frequencies, spectrum
from skqnn._memory import require_memory

_NAME = 64  # bytes that the name of an amplitude takes


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
    n_frequencies : int or None
        Number of the lowest frequencies that are written; None: pixels.
    emphasis : float
        Power of 1 + r + c by which frequency (r, c) is multiplied.
    """

    pixel_range: tuple[float, float]
    image_shape: tuple[int, int]
    image_size: tuple[int, int]
    interval: tuple[float, float] | None = (0.125, 0.875)
    normalization: str = "image"
    threshold: float | None = None
    n_frequencies: int | None = None
    emphasis: float = 0.0

    @property
    def grid(self) -> tuple[int, int, int]:
        """Channels, rows and columns of the register, each a power of two.

        Frequencies have one channel and one row.
        """
        n_channels = 1 if self.interval is None else 2
        size = self.image_size if not self.n_frequencies else (1, self.n_frequencies)
        rows, columns = (1 << (side - 1).bit_length() for side in size)
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


def shape_of_images(
    image_shape: tuple[int, int] | None, n_features: int
) -> tuple[int, int]:
    """Return the shape given, if it matches, or the most square one of two."""
    if image_shape is None:
        side = math.isqrt(n_features)
        return (side, side) if side * side == n_features else (1, n_features)
    if math.prod(image_shape) != n_features:
        raise ValueError(
            f"`image_shape` must hold the {n_features} features of X, got "
            f"{image_shape} = {math.prod(image_shape)}."
        )
    height, width = image_shape
    return int(height), int(width)


_MANY = 64  # pixels, of which a row would be an odd image
_LOOKED_AT = 2**20  # pixels that tell whether a range fits
_USED = 0.1  # of a range, below which pixels hardly differ
_GREY = 0.05  # pixels within a range for each one outside, of which some must be


def warn_of_no_square(
    n_features: int, image_size: tuple[int, int] | None, n_frequencies: int | None
) -> None:
    """Warn if pixels that make no square, so one row, are resized or transformed."""
    if n_features < _MANY or shape_of_images(None, n_features)[0] > 1:
        return
    if image_size is not None:
        option = "`image_size` averages over areas"
    elif n_frequencies is not None:
        option = "`n_frequencies` counts waves of rows and columns"
    else:
        return
    side = math.isqrt(n_features // 3)
    colours = f", and only grey images if there are three of {side} x {side}"
    warnings.warn(
        f"{option}, but {n_features} columns are no square image and count as one "
        f"row. Set `image_shape`, leave out what is no pixel"
        f"{colours if 3 * side**2 == n_features else ''}.",
        stacklevel=4,
    )


def warn_of_range(X: Any, pixel_range: tuple[float, float]) -> None:
    """Warn if a range that was given turns greys into black and white, or into one.

    Pixels outside of it that differ are clipped to be equal; black and white pixels
    stay what they are, whatever their values.
    """
    some = X[:: 1 + math.prod(X.shape) // _LOOKED_AT, :]
    some = some.toarray() if sparse.issparse(some) else to_numpy(some)
    low, high = pixel_range
    darkest, brightest = float(some.min()), float(some.max())
    if some.size < _MANY or darkest == brightest:
        return
    share = (min(brightest, high) - max(darkest, low)) / (high - low)
    what = ""
    if share < _USED:
        what = f"they use {100 * max(share, 0):.1g} % of it, and hardly differ"
    elif darkest < low or brightest > high:
        below, above = some[some < low], some[some > high]
        n_inside = np.count_nonzero((low < some) & (some < high))
        parts = [part for part in (below, above) if part.size]
        lost = any(part.min() < part.max() for part in parts)
        if lost and n_inside < _GREY * (below.size + above.size):
            what = "almost all that differ become black or white"
    if what:
        given = f"({low:g}, {high:g})"
        warnings.warn(
            f"`pixel_range` should span the pixels of X, which go from {darkest:g} to "
            f"{brightest:g}, got {given}: {what}. Leave pixel_range=None, which learns "
            f"it, or set ({darkest:g}, {brightest:g}).",
            stacklevel=4,
        )


def scale_pixels(X: Any, encoding: Encoding, dtype="float64") -> Any:
    """Map raw pixels to p in [0, 1]: clip, average over areas, binarise.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        Finite real pixels, in the units of `encoding.pixel_range`.
    encoding : Encoding
        The range, the two shapes and the threshold.
    dtype : dtype, default="float64"
        Least precise type to compute in. Types that X or the range need win.

    Returns
    -------
    pixels : array of shape (n_samples, height, width)
        A new floating array.
    """
    xp, device = namespace(X)
    dtype = encoding.widen(numpy_dtype(X), dtype)

    def array(values):
        return xp.asarray(values, dtype=getattr(xp, dtype.name), device=device)

    # Bounds of the pixels' own type make (high - low) / (high - low) exactly 1.
    low, high = map(dtype.type, encoding.pixel_range)
    unit = (high - low) or dtype.type(1)  # constant images are black
    pixels = xp.reshape(_floats(X, dtype), (-1, *encoding.image_shape))
    pixels = clip(pixels, array(low), array(high))
    pixels -= array(low)
    if encoding.image_size != encoding.image_shape:
        shapes = zip(encoding.image_shape, encoding.image_size, strict=True)
        by_row, by_column = (area_overlaps(*sides).astype(dtype) for sides in shapes)
        pixels = array(by_row) @ (pixels @ array(by_column.T))
        # Dividing once, after integer weights, leaves a mean of equals exact.
        unit *= math.prod(encoding.image_shape)
    pixels /= array(unit)
    pixels = into(pixels, xp.minimum, pixels, array(1))  # a mean may round upwards
    if encoding.threshold is None:
        return pixels
    return xp.astype(pixels >= encoding.threshold, pixels.dtype)


def _floats(X: Any, dtype: np.dtype) -> Any:
    """Return a new array of a floating type."""
    if isinstance(X, np.ndarray):
        # One memory layout makes sums, and so the result, independent of that of X.
        return X.astype(dtype, order="C")
    xp, _ = namespace(X)
    return xp.astype(X, getattr(xp, dtype.name), copy=True)


def encode(X: Any, encoding: Encoding, out: Any = None) -> Any:
    """Write images as amplitudes of unit norm.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        Finite real pixels, in the units of `encoding.pixel_range`.
    encoding : Encoding
        What to write where.
    out : array of shape (n_samples, *encoding.grid), default=None
        Floating array of zeros that receives the result; None: a new float64 array.

    Returns
    -------
    amplitudes : array of shape (n_samples, 2**n_qubits)
        Rows of unit norm; `out`, reshaped, if it was given.
    """
    xp, device = namespace(X)
    if out is None:
        shape = (X.shape[0], *encoding.grid)
        out = xp.zeros(shape, dtype=xp.float64, device=device)
    pixels = scale_pixels(X, encoding, numpy_dtype(out))
    if encoding.n_frequencies:
        pixels = spectrum(pixels, encoding.n_frequencies)
        pixels *= _factors(encoding, like=pixels)
        pixels = pixels[:, None, :]
    write = NORMALIZATIONS[encoding.normalization][0]
    write(xp, pixels, encoding.interval, out)
    return xp.reshape(out, (out.shape[0], -1))


def decode(amplitudes: Any, encoding: Encoding) -> Any:
    """Read images back from their amplitudes.

    Parameters
    ----------
    amplitudes : array of shape (n_samples, 2**n_qubits)
        Rows made by `encode` with the same encoding.
    encoding : Encoding
        What was written where.

    Returns
    -------
    X : array of shape (n_samples, height * width)
        Pixels in the units of `encoding.pixel_range`, inside that range.
    """
    xp, device = namespace(amplitudes)
    height, width = encoding.image_size
    if encoding.n_frequencies:
        kept = amplitudes[:, : encoding.n_frequencies]
        kept = kept / _factors(encoding, like=kept)
        image = image_of(kept, encoding.image_size)
        pixels = _in_units(xp, image, xp.max(image, axis=(1, 2)))
    else:
        grid = xp.reshape(amplitudes, (-1, *encoding.grid))[:, :, :height, :width]
        read = NORMALIZATIONS[encoding.normalization][1]
        pixels = read(xp, grid, encoding.interval)
    dtype = encoding.widen(numpy_dtype(pixels))
    X = xp.reshape(pixels, (pixels.shape[0], height * width))
    X = xp.astype(X, getattr(xp, dtype.name), copy=False)
    low, high = (
        xp.asarray(bound, dtype=X.dtype, device=device)
        for bound in encoding.pixel_range
    )
    X *= high - low
    X += low
    return clip(X, low, high)


def _factors(encoding: Encoding, like: Any) -> Any:
    """Return the factors of the frequencies, next to an array and of its type."""
    factors = emphasised(
        encoding.image_size, encoding.n_frequencies or 0, encoding.emphasis
    )
    xp, device = namespace(like)
    return xp.asarray(factors, dtype=like.dtype, device=device)


def n_qubits_of(encoding: Encoding, itemsize: int = 8) -> int:
    """Return the number of qubits, if a state of them fits into memory.

    Raises
    ------
    MemoryError
        If no image could be encoded, or `itemsize` bytes for each amplitude do not fit.
    """
    n_qubits = math.prod(encoding.grid).bit_length() - 1
    require_memory(n_qubits, 1, itemsize, cure="take a smaller `image_size`")
    return n_qubits


def amplitude_names(encoding: Encoding) -> list[str]:
    """Name every amplitude of the register: channel, row, column; or frequency."""
    n_qubits_of(encoding, itemsize=_NAME)
    n_channels, n_rows, n_columns = encoding.grid
    n_kept = encoding.n_frequencies
    if n_kept:
        kept = zip(*lowest_frequencies(encoding.image_size, n_kept), strict=True)
        names = [f"frequency_r{row}_c{column}" for row, column in kept]
        return names + [f"padding_{k}" for k in range(n_kept, n_columns)]
    return [
        f"{channel}_r{row}_c{column}"
        for channel in ("white", "black")[:n_channels]
        for row in range(n_rows)
        for column in range(n_columns)
    ]


def _write_image(xp, pixels, interval, grid):
    """Write (p, 1 - p inside the interval) / norm into a grid of zeros."""
    channels = [pixels]
    if interval is not None:
        low, high = interval
        black = 1 - pixels
        black *= xp.astype((low <= pixels) & (pixels <= high), pixels.dtype)
        channels.append(black)
    squares = sum(xp.sum(channel**2, axis=(1, 2)) for channel in channels)
    # Squares this small have lost digits to underflow.
    limits = xp.finfo(pixels.dtype)
    empty = squares < float(limits.smallest_normal) / float(limits.eps)
    norms = xp.sqrt(xp.where(empty, math.inf, squares))[:, None, None]
    height, width = pixels.shape[1:]
    for k, channel in enumerate(channels):
        channel /= norms
        grid[:, k, :height, :width] = xp.astype(channel, grid.dtype, copy=False)
    grid[:, 0, 0, 0] += xp.astype(empty, grid.dtype)


def _read_image(xp, grid, interval):
    """Invert `_write_image`: white + black is 1 / norm where both are written."""
    white = grid[:, 0, :, :]
    unit = xp.max(white, axis=(1, 2))
    if interval is not None:
        both = xp.astype(grid[:, 1, :, :] > 0, grid.dtype)
        n_both = xp.sum(both, axis=(1, 2))
        both *= white + grid[:, 1, :, :]
        mean = xp.sum(both, axis=(1, 2)) / xp.where(n_both > 0, n_both, 1.0)
        unit = xp.where(n_both > 0, mean, unit)
    if interval is None or interval[0] > 0:
        # A black image was the zero vector, for which |0...0> stands.
        alone = xp.count_nonzero(grid, axis=(1, 2, 3)) == 1
        unit = xp.where(alone & (white[:, 0, 0] > 0), math.inf, unit)
    return _in_units(xp, white, unit)


def _in_units(xp, images, unit):
    """Divide each image by its unit; those without a positive one are no images."""
    return images / xp.where(unit <= 0, math.inf, unit)[:, None, None]


def _write_pixel(xp, pixels, interval, grid):
    """Write (sin, cos)(p * pi / 2), all positions with the same weight."""
    weight = 1 / math.sqrt(math.prod(grid.shape[2:]))
    grid[:, 1, :, :] = weight  # padding is black background
    height, width = pixels.shape[1:]
    # cos(x) as sin(pi / 2 - x): exactly 0 where p = 1.
    for k, level in enumerate((pixels, 1 - pixels)):
        level *= math.pi / 2
        level = into(level, xp.sin, level)
        level *= weight
        grid[:, k, :height, :width] = xp.astype(level, grid.dtype, copy=False)


def _read_pixel(xp, grid, interval):
    """Invert `_write_pixel`."""
    pixels = xp.atan2(grid[:, 0, :, :], grid[:, 1, :, :])
    pixels *= 2 / math.pi
    return pixels


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
