"""The transformer that turns grey images into quantum amplitudes, and back."""

import math

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_array, gen_batches
from sklearn.utils.validation import check_is_fitted, validate_data

from skqnn._arrays import (
    check_fitted_namespace,
    follow,
    is_on_host,
    namespace,
    numbers,
    numpy_dtype,
    to_numpy,
)
from skqnn._compat import callback_context, check_feature_names_in
from skqnn._hyperparameters import ENCODER_RULES
from skqnn._images import (
    BLACK,
    Encoding,
    amplitude_names,
    decode,
    encode,
    n_qubits_of,
    shape_of_images,
    warn_of_no_square,
    warn_of_range,
)
from skqnn._validation import check_parameters, curing_rows

# Numbers per working buffer: 1 MiB of float64, so that a chunk stays in cache, or
# enough to keep a device busy.
CHUNK_SIZE = 2**17
DEVICE_CHUNK_SIZE = 2**24


class BinaryAmplitudeEncoder(CallbackSupportMixin, TransformerMixin, BaseEstimator):
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
        clipped. Where all pixels seen in `fit` are equal, every image is black. A
        range that makes nearly all greys equal warns.
    image_shape : tuple (height, width), default=None
        Shape of the images in the rows of X, row by row. None: square where
        `n_features` is a square number, otherwise (1, n_features).
    image_size : tuple (height, width), default=None
        Resize images to this shape, which sets the number of qubits. Each new pixel
        is the mean of the area it covers, also if that cuts pixels (3 to 2: weights
        2/3 and 1/3) or lies within one (enlarging). None keeps `image_shape`.
    n_frequencies : int, default=None
        Write this many of the lowest frequencies of an image instead of its pixels:
        the first coefficients of its orthonormal discrete cosine transform (DCT-II)
        [2]_, with their signs. 32 frequencies of a 28x28 image are 5 qubits, its
        pixels are 10. There are ``height * width`` frequencies; any other number than
        a power of two is padded. Needs ``black="none"``. None writes pixels.
    emphasis : float in [0, 2], default=0
        Multiply frequency (r, c) by ``(1 + r + c)**emphasis``, so that the few lowest
        ones do not outweigh all others: frequencies of photographs fall off about
        like 1 / (r + c), which 1 would make level [3]_. Needs `n_frequencies`.
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
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the pixels seen in `fit`, where X has names that are all strings.

    Notes
    -----
    The order is: clip and scale to [0, 1], resize, binarise, transform, encode. The
    amplitude of channel c (white 0, black 1), row r and column k has index
    ``(c * H + r) * W + k``, where H and W are height and width rounded up to powers
    of two. Qubit 0 is the least significant bit: the lowest qubits hold the column,
    then come those of the row, and the channel is the highest. Padding has amplitude
    0; in "pixel" normalization it is black, so that all H * W positions have weight
    ``1 / sqrt(H * W)``, whereas [1]_ takes images that need no padding. There is at
    least one qubit.

    Frequency (r, c) has r half-waves from top to bottom and c from left to right. The
    order is r + c, then max(r, c), then r: (0, 0), (0, 1), (1, 0), (1, 1), (0, 2), ...
    The transform is orthonormal and learns nothing: without `emphasis`, overlaps of
    states are those of the images without their high frequencies.

    An image whose vector is zero (all black, unless darkness is written at p = 0)
    becomes ``|0...0>``. So does one of norm below 1e-146 (3e-16 in float32).

    Time and memory are linear in the size of the output. Beyond the output, only
    chunks of about a megabyte are held; sparse X is made dense chunk by chunk.

    With scikit-learn's array API dispatch, arrays of PyTorch, CuPy and the like stay on
    their device.

    References
    ----------
    .. [1] P. Q. Le, F. Dong, K. Hirota, "A flexible representation of quantum images
       for polynomial preparation, image compression, and processing operations",
       Quantum Information Processing 10, 63 (2011),
       https://doi.org/10.1007/s11128-010-0177-y
    .. [2] N. Ahmed, T. Natarajan, K. R. Rao, "Discrete cosine transform", IEEE
       Transactions on Computers C-23, 90-93 (1974),
       https://doi.org/10.1109/T-C.1974.223784
    .. [3] D. J. Field, "Relations between the statistics of natural images and the
       response properties of cortical cells", Journal of the Optical Society of America
       A 4, 2379-2394 (1987), https://doi.org/10.1364/JOSAA.4.002379

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

    Three of four frequencies, and the image that is nearest to the one given:

    >>> encoder.set_params(black="none", n_frequencies=3).fit([[0, 0.5, 0.5, 1]])
    BinaryAmplitudeEncoder(black='none', n_frequencies=3, pixel_range=(0, 1))
    >>> amplitudes = encoder.transform([[0, 0.5, 0.5, 1]])
    >>> (amplitudes * 6**0.5).round(3)
    array([[ 2., -1., -1.,  0.]])
    >>> encoder.get_feature_names_out().tolist()
    ['frequency_r0_c0', 'frequency_r0_c1', 'frequency_r1_c0', 'padding_3']
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
        n_frequencies=None,
        emphasis=0.0,
        dtype="float64",
    ):
        self.black = black
        self.edge = edge
        self.normalization = normalization
        self.threshold = threshold
        self.pixel_range = pixel_range
        self.image_shape = image_shape
        self.image_size = image_size
        self.n_frequencies = n_frequencies
        self.emphasis = emphasis
        self.dtype = dtype

    @with_callbacks
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
            If a parameter is refused, `image_shape` does not match X, an image has
            fewer than `n_frequencies` pixels, or X is not a finite real matrix with at
            least one row and column.
        """
        self._check_parameters()
        with curing_rows():
            X = numbers(validate_data(self, X, accept_sparse="csr"))
        task = callback_context(self)
        task.call_on_fit_task_begin(estimator=self, X=X, y=y)
        xp, _ = namespace(X)
        self.image_shape_ = shape_of_images(self.image_shape, X.shape[1])
        if self.image_shape is None:
            warn_of_no_square(X.shape[1], self.image_size, self.n_frequencies)
        if self.pixel_range is not None:
            warn_of_range(X, self.pixel_range)
        self.image_size_ = _plain(int, self.image_size or self.image_shape_)
        self.pixel_range_ = _plain(float, self.pixel_range or (xp.min(X), xp.max(X)))
        # The fitted numbers are Python's; this array stays where `fit` saw its data.
        self._limits = follow(np.array(self.pixel_range_), X)
        self._encoding = Encoding(
            self.pixel_range_,
            self.image_shape_,
            self.image_size_,
            BLACK[self.black](_plain(float, self.edge)),
            self.normalization,
            None if self.threshold is None else float(self.threshold),
            _n_frequencies(self.n_frequencies, self.image_size_),
            float(self.emphasis),
        )
        if not math.isfinite(self._encoding.magnitude):
            raise ValueError(
                f"The range of the pixels must be summable in float64, got "
                f"{self.pixel_range_}. Divide X by a constant."
            )
        self.n_qubits_ = n_qubits_of(self._encoding)
        task.call_on_fit_task_end(
            estimator=self, X=X, y=y, reconstruction_attributes={}
        )
        return self

    def _check_parameters(self):
        check_parameters(self.get_params(), ENCODER_RULES)
        if self.n_frequencies is not None and self.black != "none":
            raise ValueError(
                "`black` must be 'none' with `n_frequencies`: frequencies are written "
                f"with their signs, in one channel, got {self.black!r}."
            )
        if self.emphasis and self.n_frequencies is None:
            raise ValueError(
                "`emphasis` must be 0 without `n_frequencies`, which says how many "
                f"frequencies there are to emphasise, got {self.emphasis!r}."
            )
        if self.black == "none" and self.normalization == "pixel":
            raise ValueError(
                "`black` must be 'edge' or 'full' with normalization='pixel', which "
                "writes both channels of every pixel, got 'none'."
            )

    def transform(self, X):
        """Encode images as amplitudes.

        Parameters
        ----------
        X : {array-like, sparse} of shape (n_samples, n_features)
            Images, one per row, finite. Values outside `pixel_range_` are clipped.

        Returns
        -------
        amplitudes : array of shape (n_samples, 2**n_qubits_)
            Rows of unit norm, non-negative unless they are frequencies; float32 if X
            is, otherwise `dtype`.
        """
        check_is_fitted(self)
        check_fitted_namespace(X, self, attribute="_limits", method="transform")
        with curing_rows():
            X = numbers(validate_data(self, X, accept_sparse="csr", reset=False))
        xp, device = namespace(X)
        dtype = "float32" if numpy_dtype(X) == np.float32 else self.dtype
        shape = (X.shape[0], *self._encoding.grid)
        grid = xp.zeros(shape, dtype=getattr(xp, dtype), device=device)
        for rows in self._chunks(X):
            chunk = X[rows].toarray() if sparse.issparse(X) else X[rows, ...]
            encode(chunk, self._encoding, out=grid[rows, ...])
        return xp.reshape(grid, (shape[0], 2**self.n_qubits_))

    def inverse_transform(self, X):
        """Read images back from amplitudes.

        Exact to rounding where brightness can be known: with `black="full"`, with
        `normalization="pixel"`, and for each image with a pixel in `edge`, whose two
        amplitudes add up to 1 / norm. Without such a pixel (always so for
        `black="none"`) the amplitudes do not tell brightness, and the brightest
        pixel is taken to be white. Binary images are exact either way. ``|0...0>`` is
        read as the black image, unless black images have darkness.

        With `n_frequencies`, the image is the nearest to the given one (least squares)
        that the kept frequencies can make, up to its brightness: the brightest pixel
        becomes white here, too, and what is darker than black is clipped. It is exact
        where all are kept and a pixel is white. ``|0...0>`` is a uniform white image.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2**n_qubits_)
            Amplitudes, as `transform` returns them.

        Returns
        -------
        images : array of shape (n_samples, height * width of `image_size_`)
            Pixels in the units of `pixel_range_`, float32 if X is (and can hold
            them), otherwise float64. What clipping, resizing and thresholding took
            stays lost.
        """
        check_is_fitted(self)
        check_fitted_namespace(X, self, attribute="_limits", method="inverse_transform")
        xp, device = namespace(X)
        X = check_array(X, dtype=[xp.float64, xp.float32], input_name="X")
        n_amplitudes = 2**self.n_qubits_
        if X.shape[1] != n_amplitudes:
            raise ValueError(
                f"`X` must have {n_amplitudes} columns (2**{self.n_qubits_} "
                f"amplitudes), got {X.shape[1]}."
            )
        shape = (X.shape[0], math.prod(self.image_size_))
        dtype = self._encoding.widen(numpy_dtype(X))
        images = xp.empty(shape, dtype=getattr(xp, dtype.name), device=device)
        for rows in self._chunks(X):
            images[rows, ...] = decode(X[rows, ...], self._encoding)
        return images

    def get_feature_names_out(self, input_features=None):
        """Name the amplitudes: channel, row and column, or the frequency.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Only checked against the names or the number of pixels seen in `fit`.

        Returns
        -------
        names : ndarray of shape (2**n_qubits_,), object
            ``"white_r0_c0", "white_r0_c1", ...``, padded positions included, or
            ``"frequency_r0_c0", "frequency_r0_c1", ..., "padding_63"``.
        """
        check_is_fitted(self)
        check_feature_names_in(self, input_features, generate_names=False)
        return np.asarray(amplitude_names(self._encoding), dtype=object)

    def _chunks(self, X):
        """Slice the samples into working buffers of the right size."""
        on_host = sparse.issparse(X) or is_on_host(X)
        size = CHUNK_SIZE if on_host else DEVICE_CHUNK_SIZE
        widest = max(self.n_features_in_, 2**self.n_qubits_)
        return gen_batches(X.shape[0], max(1, size // widest))

    def __getstate__(self):
        state = super().__getstate__()
        return {name: to_numpy(value) for name, value in state.items()}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = True
        if self.dtype == "float64":
            tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        else:
            tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _n_frequencies(n_frequencies, image_size):
    """Return the number of frequencies if an image has that many, or None."""
    if n_frequencies is None:
        return None
    n_pixels = math.prod(image_size)
    if n_frequencies > n_pixels:
        raise ValueError(
            f"`n_frequencies` must be at most {n_pixels}, the number of pixels of "
            f"{image_size[0]} x {image_size[1]} images, got {n_frequencies}."
        )
    return int(n_frequencies)


def _plain(kind, values):
    """Return a tuple of Python's own numbers."""
    return tuple(map(kind, values))
