"""Compile by Numba: without the GIL, with a cache on disk where one can be written.

Import this where a function is to be compiled: Numba may not be there, and importing it
takes longer than a short fit.
"""

from collections.abc import Callable
from functools import partial

from numba import njit


def jit(
    function: Callable | None = None, *, fastmath: bool | set[str] = False
) -> Callable:
    """Return the function, compiled when it is called. A decorator."""
    if function is None:
        return partial(jit, fastmath=fastmath)
    try:
        return njit(function, nogil=True, cache=True, fastmath=fastmath)
    except RuntimeError:  # no directory for the cache
        return njit(function, nogil=True, fastmath=fastmath)
