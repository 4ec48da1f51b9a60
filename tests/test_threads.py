"""One thread for BLAS: set by one call at a time, which takes it back."""

import threading

import numpy as np  # noqa: F401  (brings the BLAS that is looked at)
from threadpoolctl import threadpool_info, threadpool_limits

from skqnn._threads import single_blas_thread


def n_threads():
    return [
        lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"
    ]


def test_limit_ends_with_the_block():
    with threadpool_limits(2, user_api="blas"):
        before = n_threads()
        with single_blas_thread():
            assert set(n_threads()) == {1}
        assert n_threads() == before


def test_limit_ends_with_the_block_when_it_raises():
    with threadpool_limits(2, user_api="blas"):
        before = n_threads()
        try:
            with single_blas_thread():
                raise RuntimeError
        except RuntimeError:
            assert n_threads() == before


def test_limit_inside_a_limit_does_not_end_it():
    with threadpool_limits(2, user_api="blas"), single_blas_thread():
        with single_blas_thread():
            pass
        assert set(n_threads()) == {1}


def test_calls_that_overlap_leave_what_was_there_before():
    entered, leave = threading.Event(), threading.Event()

    def other():
        with single_blas_thread():
            entered.set()
            leave.wait(10)

    with threadpool_limits(2, user_api="blas"):
        before = n_threads()
        thread = threading.Thread(target=other)
        with single_blas_thread():
            thread.start()
            assert entered.wait(10)
        leave.set()
        thread.join()
        assert n_threads() == before
