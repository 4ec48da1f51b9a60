"""One thread for BLAS where its matrices are small, and what it had before after."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

_held = threading.Lock()


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Keep BLAS to one thread meanwhile.

    The limit counts for the whole process, and OpenBLAS obeys the thread that set it
    only. So of calls that overlap, one sets it and takes it back, and the others leave
    it alone; if it ends before they do, they lose some speed.
    """
    if not _held.acquire(blocking=False):
        yield
        return
    try:
        with _controller().limit(limits=1, user_api="blas"):
            yield
    finally:
        _held.release()


@cache
def _controller() -> ThreadpoolController:
    """Return the libraries of this process, which takes milliseconds to find."""
    return ThreadpoolController()
