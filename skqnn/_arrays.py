"""Arrays of any library that speaks the Python array API, after scikit-learn's way.

Without ``sklearn.config_context(array_api_dispatch=True)`` every namespace is NumPy's.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator

from skqnn._compat import (
    check_same_namespace,
    get_namespace_and_device,
    is_numpy_namespace,
    matching_numpy_dtype,
    max_precision_float_dtype,
    move_to,
)

__all__ = [
    "Rows",
    "as_rows",
    "block_bytes",
    "check_fitted_namespace",
    "clip",
    "conj",
    "follow",
    "into",
    "is_on_host",
    "namespace",
    "numbers",
    "numpy_dtype",
    "on_host",
    "real",
    "reuse",
    "sender",
    "sum_widely",
    "take_rows",
    "to_numpy",
    "widest_float",
]


class Rows(NamedTuple):
    """Some rows of an array that are not copied before they are used."""

    array: Any
    places: np.ndarray  # of the rows in the array


def as_rows(states: Any) -> Rows:
    """Return all rows of an array, or the rows that are given."""
    if isinstance(states, Rows):
        return states
    return Rows(states, np.arange(states.shape[0]))


def plain_doubles(numbers: np.ndarray) -> np.ndarray:
    """Return numbers as compiled code takes them: float64, contiguous, writeable."""
    if numbers.dtype == np.float64 and numbers.flags.carray:
        return numbers
    return np.array(numbers, dtype=np.float64, order="C")


def namespace(array: Any) -> tuple:
    """Return the namespace and the device of an array."""
    if isinstance(array, np.ndarray):  # NumPy itself has all functions, and is fastest
        return np, "cpu"
    xp, _, device = get_namespace_and_device(array)
    return xp, device


def block_bytes(array: Any) -> int:
    """Return a good size for a block of work: in cache, or keeping a device busy."""
    return 2**19 if is_on_host(array) else 2**27


def is_on_host(array: Any) -> bool:
    """Tell whether an array is in the machine's own memory, and near its caches."""
    return str(namespace(array)[1]).lower().startswith("cpu")


def numpy_dtype(array: Any) -> np.dtype:
    """Return NumPy's name for the type of an array."""
    known = isinstance(array, np.ndarray)
    return array.dtype if known else matching_numpy_dtype(array)


def check_fitted_namespace(
    X: Any, estimator: BaseEstimator, *, attribute: str, method: str
) -> None:
    """Refuse X on another device than that of an estimator fitted on a device.

    An estimator that was fitted on NumPy, or loaded, takes X of any namespace.
    """
    fitted = getattr(estimator, attribute, None)
    if not isinstance(fitted, np.ndarray | None):
        check_same_namespace(X, estimator, attribute=attribute, method=method)


def numbers(X: Any) -> Any:
    """Return X, whose categories become numbers if it is a DataFrame of such.

    scikit-learn's `check_array` leaves them as objects unless a dtype is asked for.
    """
    return X.astype(np.float64) if X.dtype == object else X


def to_numpy(value: Any) -> Any:
    """Copy an array of another library to the host; anything else is returned as is."""
    if isinstance(value, np.ndarray | np.generic) or not hasattr(value, "__dlpack__"):
        return value
    # A model may outlive the context in which it was trained.
    dispatch = config_context(array_api_dispatch=True)
    with suppress(ImportError, RuntimeError), dispatch:
        return move_to(value, xp=np, device="cpu")
    # scikit-learn refuses where SCIPY_ARRAY_API is not set, or SciPy is too old for it,
    # which labels do not need.
    return np.from_dlpack(value)


def on_host(estimator: BaseEstimator) -> Any:
    """Return an estimator with NumPy attributes only: a shallow copy, or itself."""
    values = {name: to_numpy(value) for name, value in vars(estimator).items()}
    if all(values[name] is value for name, value in vars(estimator).items()):
        return estimator
    copy = object.__new__(type(estimator))
    vars(copy).update(values)
    return copy


def follow(values: Any, reference: Any) -> Any:
    """Move numbers to the namespace and the device of a reference; text stays."""
    values = to_numpy(values)
    xp, device = namespace(reference)
    if is_numpy_namespace(xp) or values.dtype.kind not in "biufc":
        return values
    return move_to(values, xp=xp, device=device)


def sender(reference: Any) -> Callable[[np.ndarray], Any]:
    """Return the function that brings NumPy arrays next to a reference.

    Doubles become single precision numbers on a device that has no doubles.
    """
    if isinstance(reference, np.ndarray):
        return lambda values: values
    xp, device = namespace(reference)
    narrow = widest_float(reference) == xp.float32

    def send(values: np.ndarray) -> Any:
        values = np.ascontiguousarray(values)
        if narrow and values.dtype == np.float64:
            values = values.astype(np.float32)
        return xp.asarray(values, device=device)

    return send


def conj(array: Any) -> Any:
    """Return the complex conjugate; real numbers are not copied."""
    if isinstance(array, np.ndarray):
        return array.conj()
    xp, _ = namespace(array)
    return xp.conj(array) if xp.isdtype(array.dtype, "complex floating") else array


def real(array: Any) -> Any:
    """Return the real part, without a copy."""
    if isinstance(array, np.ndarray):
        return array.real
    xp, _ = namespace(array)
    return xp.real(array) if xp.isdtype(array.dtype, "complex floating") else array


def widest_float(array: Any) -> Any:
    """Return the type of floats of the highest precision that an array's device has."""
    return _widest_float(*namespace(array))


@cache
def _widest_float(xp: Any, device: Any) -> Any:
    return max_precision_float_dtype(xp, device)


def sum_widely(array: Any) -> Any:
    """Return the sum over the first axis in the highest precision of its device."""
    xp, _ = namespace(array)
    dtype = xp.result_type(array.dtype, widest_float(array))
    return xp.sum(array, axis=0, dtype=dtype)


def into(out: Any, function: Callable, *arguments: Any) -> Any:
    """Write ``function(*arguments)`` into `out` and return it, in NumPy without a copy.

    `out` may be a slice: with arrays that can be written to, slices are views.
    """
    if isinstance(out, np.ndarray):
        return function(*arguments, out=out)
    out[...] = function(*arguments)
    return out


def reuse(out: Any, function: Callable, *arguments: Any) -> Any:
    """Return ``function(*arguments)``: `out` in NumPy, elsewhere a new array."""
    if isinstance(out, np.ndarray):
        return function(*arguments, out=out)
    return function(*arguments)


def clip(array: Any, low: Any, high: Any) -> Any:
    """Return an array between two bounds, in its own memory where that is NumPy's."""
    if isinstance(array, np.ndarray):
        return np.clip(array, low, high, out=array)
    return namespace(array)[0].clip(array, low, high)


def take_rows(array: Any, rows: Any, out: np.ndarray | None = None) -> Any:
    """Return some rows; a slice does not copy. NumPy writes into `out`, if given."""
    if isinstance(array, Rows):
        return Rows(array.array, array.places[rows])
    if isinstance(array, np.ndarray):
        if out is None:
            return array[rows]
        return np.take(array, rows, axis=0, out=out, mode="clip")
    if isinstance(rows, slice):  # inside the bounds, as the standard wants it
        return array[slice(*rows.indices(array.shape[0])), ...]
    xp, device = namespace(array)
    return xp.take(array, xp.asarray(rows, device=device), axis=0)
