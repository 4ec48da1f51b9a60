"""SQLite files: opened, locked, changed in one step, private to their owner."""

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)

_TELL_AFTER = 10.0  # seconds between two lines in the log about a lock


@contextlib.contextmanager
def connect(path: str | Path, timeout: float) -> Iterator[sqlite3.Connection]:
    """Open a SQLite file in which each statement is a transaction."""
    # Any thread may collect, and close, what an interrupted call leaves behind.
    database = sqlite3.connect(
        path, timeout=timeout, isolation_level=None, check_same_thread=False
    )
    try:
        yield database
    finally:
        database.close()


@contextlib.contextmanager
def transaction(database: sqlite3.Connection, kind: str) -> Iterator[None]:
    """Make several statements one change, or none."""
    database.execute(f"BEGIN {kind}")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def hold(lock: sqlite3.Connection, path: Path, limit: float) -> Iterator[None]:
    """Hold a lock that one process has at a time, and say so if another has it.

    Raises
    ------
    TimeoutError
        If another process has held it for `limit` seconds.
    """
    start = told = time.monotonic()
    while not _try(lock):
        now = time.monotonic()
        if now - start > limit:
            raise TimeoutError(
                f"Another process has held the lock of the journal '{path}' for "
                f"{limit:g} s; `fuser '{path}.lock'` names it. Let it go on or end it, "
                "then run again: nothing is lost."
            )
        if now - told > _TELL_AFTER:
            told = now
            logger.warning(
                "Waiting for %.0f s for another process that submits with %s.",
                *(now - start, path),
            )
    try:
        yield
    finally:
        lock.execute("ROLLBACK")


def _try(lock: sqlite3.Connection) -> bool:
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def make_private(path: Path) -> Path:
    """Create a file that only its owner may read; one that exists stays as it is."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    return path
