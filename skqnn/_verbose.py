"""Log lines that `verbose=True` shows, without a change of anybody's loggers."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# A context variable is one thread's own, so that fits that run side by side do not
# switch each other's lines on and off.
_verbose = ContextVar("verbose", default=False)


@contextmanager
def verbose_logging(verbose: bool) -> Iterator[None]:
    """Show what `inform` logs meanwhile, whatever the level of the loggers."""
    token = _verbose.set(bool(verbose))
    try:
        yield
    finally:
        _verbose.reset(token)


def is_read(logger: logging.Logger, *, quiet: int = logging.INFO) -> bool:
    """Tell whether anybody sees the lines of `inform`."""
    return _verbose.get() or logger.isEnabledFor(quiet)


def inform(
    logger: logging.Logger, message: str, *values: object, quiet: int = logging.INFO
) -> None:
    """Log a line, to the user's handlers or else to standard output.

    Its level is INFO where `verbose_logging` is on, otherwise `quiet`.
    """
    verbose = _verbose.get()
    level = logging.INFO if verbose else quiet
    if logger.isEnabledFor(level):
        logger.log(level, message, *values)
    elif verbose:
        record = logger.makeRecord(logger.name, level, "", 0, message, values, None)
        if logger.hasHandlers():
            logger.handle(record)
        else:
            logging.StreamHandler(sys.stdout).handle(record)
