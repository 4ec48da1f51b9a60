"""Compile by Numba: without the GIL, with a cache on disk where one can be written.

Import this where a function is to be compiled: Numba may not be there, and importing it
takes longer than a short fit.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from numba import njit

# C never calls what is compiled, and nothing expects a ZeroDivisionError: without both,
# compiling takes less time.
_LEAN: dict[str, Any] = {
    "nogil": True,
    "no_cfunc_wrapper": True,
    "error_model": "numpy",
}


def jit(
    function: Callable | None = None, *, fastmath: bool | set[str] = False
) -> Callable:
    """Return the function, compiled when it is called. A decorator."""
    if function is None:
        return partial(jit, fastmath=fastmath)
    try:
        return njit(function, cache=True, fastmath=fastmath, **_LEAN)
    except (RuntimeError, KeyError):  # no directory, or a source that is not there
        return njit(function, fastmath=fastmath, **_LEAN)


def jit_part(*, fastmath: set[str]) -> Callable:
    """Return a decorator for functions that become parts of compiled ones."""
    return njit(fastmath=fastmath, inline="always", no_cpython_wrapper=True, **_LEAN)
