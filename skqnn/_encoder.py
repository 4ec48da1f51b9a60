"""Turn grey images into unit-norm rows of quantum amplitudes, and back."""

import math
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_array, gen_batches
from sklearn.utils.validation import (
    _check_feature_names_in,
    check_is_fitted,
    validate_data,
)

# Numbers per working buffer: 1 MiB of float64, so that a chunk stays in cache.
CHUNK_SIZE = 2**17


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
CHOICES = {
    "black": tuple(BLACK),
    "normalization": tuple(NORMALIZATIONS),
    "dtype": ("float64", "float32"),
}
_SIZE = "a pair (height, width) of positive integers, or None"
PAIRS = {
    "edge": (
        "a pair (low, high) with 0 <= low <= high <= 1",
        Real,
        lambda low, high: 0 <= low <= high <= 1,
    ),
    "pixel_range": (
        "a pair (low, high) of finite numbers with low < high, or None",
        Real,
        lambda low, high: -math.inf < low < high < math.inf,
    ),
    "image_shape": (_SIZE, Integral, lambda height, width: min(height, width) > 0),
    "image_size": (_SIZE, Integral, lambda height, width: min(height, width) > 0),
}


class BinaryAmplitudeEncoder(TransformerMixin, BaseEstimator):
    """Encode grey images as quantum amplitudes, brightness next to darkness.

    Plain amplitude encoding divides an image by its norm and so cannot tell it from
    a dimmed copy. This encoder writes each pixel p in [0, 1] twice, as brightness p
    (white channel) and as darkness 1 - p (black channel), and brightness survives.
    A row of X becomes a real unit vector that a circuit on `n_qubits_` qubits can
    start from.

    Parameters
    ----------
    black : {"edge", "full", "none"}, default="edge"
        Where the black channel holds 1 - p: only where p lies in the grey interval
        `edge`, everywhere, or nowhere (no black channel, one qubit less: plain
        amplitude encoding). It is 0 elsewhere.
    edge : tuple (low, high), default=(0.125, 0.875)
        Grey interval with 0 <= low <= high <= 1, both ends included. Only used by
        `black="edge"` with `normalization="image"`.
    normalization : {"image", "pixel"}, default="image"
        "image" divides both channels by their common norm. "pixel" writes
        (sin, cos)(p * pi / 2) for each pixel and gives all positions the same
        weight: FRQI [1]_, which needs half the two-qubit gates on hardware. It
        fills both channels by definition: "edge" and "full" then mean the same,
        and "none" is refused.
    threshold : float in [0, 1], default=None
        Binarise: p >= threshold becomes 1, everything else 0. None keeps greys.
    pixel_range : tuple (low, high), default=None
        Values of a black and of a white pixel, such as (0, 255), with low < high.
        None learns minimum and maximum of all pixels in `fit`. Values outside are
        clipped. Where all pixels seen in `fit` are equal, every image is black.
    image_shape : tuple (height, width), default=None
        Shape of the images in the rows of X, row by row. None: square where
        `n_features` is a square number, otherwise (1, n_features).
    image_size : tuple (height, width), default=None
        Resize images to this shape, which sets the number of qubits. Each new pixel
        is the mean of the area it covers, also if that cuts pixels (3 to 2: weights
        2/3 and 1/3) or lies within one (enlarging). None keeps `image_shape`.
    dtype : {"float64", "float32"}, default="float64"
        Type of the amplitudes for any input but float32, which always gives
        float32: "float32" halves the memory of integer and float64 images too.

    Attributes
    ----------
    n_qubits_ : int
        Number of qubits; the output has ``2**n_qubits_`` columns.
    pixel_range_ : tuple of float
        Values of p = 0 and p = 1, given or learnt.
    image_shape_, image_size_ : tuple of int
        (height, width) of the images given, and of the images encoded.
    n_features_in_ : int
        Number of pixels seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the pixels seen in `fit`, where X has names that are all strings.

    Notes
    -----
    The order is: clip and scale to [0, 1], resize, binarise, encode. The amplitude
    of channel c (white 0, black 1), row r and column k has index
    ``(c * H + r) * W + k``, where H and W are height and width rounded up to powers
    of two. Qubit 0 is the least significant bit: the lowest qubits hold the column,
    then come those of the row, and the channel is the highest. Padding has amplitude
    0; in "pixel" normalization it is black, so that all H * W positions have weight
    ``1 / sqrt(H * W)``, whereas [1]_ takes images that need no padding. There is at
    least one qubit.

    An image whose vector is zero (all black, unless darkness is written at p = 0)
    becomes ``|0...0>``. So does one of norm below 1e-146 (3e-16 in float32).

    Time and memory are linear in the size of the output. Beyond the output, only
    chunks of about a megabyte are held; sparse X is made dense chunk by chunk.

    References
    ----------
    .. [1] P. Q. Le, F. Dong, K. Hirota, "A flexible representation of quantum images
       for polynomial preparation, image compression, and processing operations",
       Quantum Information Processing 10, 63 (2011),
       https://doi.org/10.1007/s11128-010-0177-y

    Examples
    --------
    >>> from skqnn import BinaryAmplitudeEncoder
    >>> encoder = BinaryAmplitudeEncoder(black="full", pixel_range=(0, 1))
    >>> amplitudes = encoder.fit_transform([[0, 0.5, 0.5, 1]])
    >>> (amplitudes * 3**0.5).round(3)
    array([[0. , 0.5, 0.5, 1. , 1. , 0.5, 0.5, 0. ]])
    >>> encoder.n_qubits_
    3
    >>> encoder.get_feature_names_out()[[1, 6]].tolist()
    ['white_r0_c1', 'black_r1_c0']
    >>> encoder.inverse_transform(amplitudes).round(12)
    array([[0. , 0.5, 0.5, 1. ]])
    """

    def __init__(
        self,
        *,
        black="edge",
        edge=(0.125, 0.875),
        normalization="image",
        threshold=None,
        pixel_range=None,
        image_shape=None,
        image_size=None,
        dtype="float64",
    ):
        self.black = black
        self.edge = edge
        self.normalization = normalization
        self.threshold = threshold
        self.pixel_range = pixel_range
        self.image_shape = image_shape
        self.image_size = image_size
        self.dtype = dtype

    def fit(self, X, y=None):
        """Settle the pixel range and the shapes.

        Parameters
        ----------
        X : {array-like, sparse} of shape (n_samples, n_features)
            Images, one per row, finite.
        y : None
            Ignored.

        Returns
        -------
        self : BinaryAmplitudeEncoder
            The fitted encoder.

        Raises
        ------
        ValueError, TypeError
            If a parameter is refused, `image_shape` does not match X, or X is not a
            finite real matrix with at least one row and column.
        """
        given = _check_parameters(self.get_params())
        X = validate_data(self, X, accept_sparse="csr")
        self.image_shape_ = _image_shape(given["image_shape"], X.shape[1])
        self.image_size_ = given["image_size"] or self.image_shape_
        self.pixel_range_ = given["pixel_range"] or (float(X.min()), float(X.max()))
        self._encoding = Encoding(
            self.pixel_range_,
            self.image_shape_,
            self.image_size_,
            BLACK[given["black"]](given["edge"]),
            given["normalization"],
            given["threshold"],
        )
        if not math.isfinite(self._encoding.magnitude):
            raise ValueError(
                f"The range of the pixels must be summable in float64, got "
                f"{self.pixel_range_}. Divide X by a constant."
            )
        self.n_qubits_ = math.prod(self._encoding.grid).bit_length() - 1
        return self

    def transform(self, X):
        """Encode images as amplitudes.

        Parameters
        ----------
        X : {array-like, sparse} of shape (n_samples, n_features)
            Images, one per row, finite. Values outside `pixel_range_` are clipped.

        Returns
        -------
        amplitudes : ndarray of shape (n_samples, 2**n_qubits_)
            Non-negative rows of unit norm; float32 if X is, otherwise `dtype`.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", reset=False)
        dtype = "float32" if X.dtype == np.float32 else self.dtype
        amplitudes = np.zeros((X.shape[0], 2**self.n_qubits_), dtype)
        for rows in self._chunks(X.shape[0]):
            chunk = X[rows].toarray() if sparse.issparse(X) else X[rows]
            encode(chunk, self._encoding, out=amplitudes[rows])
        return amplitudes

    def inverse_transform(self, X):
        """Read images back from amplitudes.

        Exact to rounding where brightness can be known: with `black="full"`, with
        `normalization="pixel"`, and for each image with a pixel in `edge`, whose two
        amplitudes add up to 1 / norm. Without such a pixel (always so for
        `black="none"`) the amplitudes do not tell brightness, and the brightest
        pixel is taken to be white. Binary images are exact either way. ``|0...0>`` is
        read as the black image, unless black images have darkness.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2**n_qubits_)
            Amplitudes, as `transform` returns them.

        Returns
        -------
        images : ndarray of shape (n_samples, height * width of `image_size_`)
            Pixels in the units of `pixel_range_`, float32 if X is (and can hold
            them), otherwise float64. What clipping, resizing and thresholding took
            stays lost.
        """
        check_is_fitted(self)
        X = check_array(X, dtype=[np.float64, np.float32], input_name="X")
        n_amplitudes = 2**self.n_qubits_
        if X.shape[1] != n_amplitudes:
            raise ValueError(
                f"`X` must have {n_amplitudes} columns (2**{self.n_qubits_} "
                f"amplitudes), got {X.shape[1]}."
            )
        shape = (len(X), math.prod(self.image_size_))
        images = np.empty(shape, self._encoding.widen(X.dtype))
        for rows in self._chunks(len(X)):
            images[rows] = decode(X[rows], self._encoding)
        return images

    def get_feature_names_out(self, input_features=None):
        """Name the amplitudes: channel, row and column.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Only checked against the names or the number of pixels seen in `fit`.

        Returns
        -------
        names : ndarray of shape (2**n_qubits_,), object
            ``"white_r0_c0", "white_r0_c1", ...``, padded positions included.
        """
        check_is_fitted(self)
        _check_feature_names_in(self, input_features, generate_names=False)
        n_channels, n_rows, n_columns = self._encoding.grid
        names = [
            f"{channel}_r{row}_c{column}"
            for channel in ("white", "black")[:n_channels]
            for row in range(n_rows)
            for column in range(n_columns)
        ]
        return np.asarray(names, dtype=object)

    def _chunks(self, n_samples):
        """Slice the samples so that a working buffer stays in cache."""
        widest = max(self.n_features_in_, 2**self.n_qubits_)
        return gen_batches(n_samples, max(1, CHUNK_SIZE // widest))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        if self.dtype == "float64":
            tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        else:
            tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _image_shape(image_shape, n_features):
    """Return the shape given, if it matches, or the most square one of two."""
    if image_shape is None:
        side = math.isqrt(n_features)
        return (side, side) if side * side == n_features else (1, n_features)
    if math.prod(image_shape) != n_features:
        raise ValueError(
            f"`image_shape` must hold the {n_features} features of X, got "
            f"{image_shape} = {math.prod(image_shape)}."
        )
    return image_shape


def _is_number(value, kind):
    return isinstance(value, kind) and not isinstance(value, bool)


def _checked_choice(name, value):
    choices = CHOICES[name]
    message = f"`{name}` must be one of {', '.join(map(repr, choices))}, got {value!r}."
    if not isinstance(value, str):
        raise TypeError(message)
    if value not in choices:
        raise ValueError(message)
    return value


def _checked_pair(name, value):
    """Return a pair of plain floats or ints, or None where that is allowed."""
    rule, kind, accepts = PAIRS[name]
    if value is None and rule.endswith("None"):
        return None
    message = f"`{name}` must be {rule}, got {value!r}."
    if not isinstance(value, tuple | list):
        raise TypeError(message)
    if not all(_is_number(v, kind) for v in value):
        raise TypeError(message)
    if len(value) != 2 or not accepts(*value):
        raise ValueError(message)
    return tuple(int(v) if kind is Integral else float(v) for v in value)


def _checked_threshold(value):
    if value is None:
        return None
    message = f"`threshold` must be a number from 0 to 1, or None, got {value!r}."
    if not _is_number(value, Real):
        raise TypeError(message)
    if not 0 <= value <= 1:
        raise ValueError(message)
    return float(value)


def _check_parameters(params):
    """Return all parameters checked, each alone and then together."""
    checked = {name: _checked_choice(name, params[name]) for name in CHOICES}
    checked |= {name: _checked_pair(name, params[name]) for name in PAIRS}
    checked["threshold"] = _checked_threshold(params["threshold"])
    if checked["black"] == "none" and checked["normalization"] == "pixel":
        raise ValueError(
            "`black` must be 'edge' or 'full' with normalization='pixel', which "
            "writes both channels of every pixel, got 'none'."
        )
    return checked
