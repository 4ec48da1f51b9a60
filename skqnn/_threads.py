"""One thread for BLAS where its matrices are small, and what it had before after."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_n_inside = 0
_limit: Any = None


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Keep BLAS to one thread meanwhile.

    The limit counts for the whole process. Of calls that overlap, the first one sets
    it and the last one takes it back.
    """
    global _n_inside, _limit
    with _lock:
        if _n_inside == 0:
            _limit = _controller().limit(limits=1, user_api="blas")
        _n_inside += 1
    try:
        yield
    finally:
        with _lock:
            _n_inside -= 1
            if _n_inside == 0:
                _limit.restore_original_limits()
                _limit = None


@cache
def _controller() -> ThreadpoolController:
    """Return the libraries of this process, which takes milliseconds to find."""
    return ThreadpoolController()
