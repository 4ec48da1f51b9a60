"""The file on disk that remembers requests: their names, jobs and results."""

import contextlib
import os
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from skqnn._journal.database import connect, hold, make_private, transaction
from skqnn._journal.rows import (
    COLUMNS,
    SCHEMA,
    Entry,
    Row,
    from_bytes,
    read_row,
    to_bytes,
)

_APPLICATION_ID = 0x736B716E  # "skqn": marks a SQLite file as one of ours
_VERSION = 1

_MARKS = f"({', '.join('?' for _ in COLUMNS)})"
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM requests"
_INSERT = f"INSERT INTO requests VALUES {_MARKS}"
_UPDATE = f"UPDATE requests SET ({', '.join(COLUMNS)}) = {_MARKS} WHERE tag = ?"


class Journal:
    """A file that remembers which requests were submitted and what they returned.

    Several processes may share one journal on a local disk. Every change is synced to
    the disk before the method returns. Each request has a checksum, compared whenever
    it is read: opening the file and reading a request take the same time however many
    there are.

    Parameters
    ----------
    path : path-like or None
        A new file or an existing journal. ``path + ".lock"`` is created beside it; only
        their owner may read them. None: in memory, gone when it is closed.

    Raises
    ------
    OSError
        If the file cannot be created or written.
    ValueError
        If the file is not a journal, is damaged, or of another version.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        # Resolved, because a link to the journal must not get a lock of its own.
        self.path = None if path is None else Path(path).resolve()
        self._lock: sqlite3.Connection | None = None
        self._is_sound = False
        with contextlib.ExitStack() as stack, self._clear_errors():
            self._database = self._open(stack)
            self._id = self._check_head()
            self._stack = stack.pop_all()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    @contextlib.contextmanager
    def lock(self, limit: float = 3600.0) -> Iterator[None]:
        """Hold the right to submit, which one process has at a time.

        The operating system frees the lock of a process that dies.

        Raises
        ------
        TimeoutError
            If another process has held it for `limit` seconds.
        """
        if self._lock is None or self.path is None:
            yield
            return
        with hold(self._lock, self.path, limit):
            yield

    def last(self, key: str) -> Entry | None:
        """Return the newest attempt at a request, or None if it was never made."""
        row = self._find("WHERE key = ? ORDER BY attempt DESC", key)
        return row and row.entry

    def begin(self, key: str) -> Entry:
        """Write the intent to submit a request; call it under the lock."""
        return self._add(key, state="intent")

    def keep(self, key: str, job_id: str, evs: np.ndarray, stds: np.ndarray) -> Entry:
        """Write the result of a request that cost nothing, in one step."""
        last = self.last(key)
        if last is not None and last.state == "done":
            return last
        result = {"evs": to_bytes(evs), "stds": to_bytes(stds)}
        return self._add(key, state="done", job_id=job_id, **result)

    def submitted(self, entry: Entry, job_id: str) -> Entry:
        """Write which job runs the request."""
        return self._change(entry.tag, state="submitted", job_id=job_id)

    def failed(self, entry: Entry, error: Exception) -> None:
        """Write that this attempt has no result; the next one starts afresh."""
        self._change(entry.tag, state="failed", error=str(error))

    def done(self, entry: Entry, evs: np.ndarray, stds: np.ndarray) -> None:
        """Write the result, unless another process did so before."""
        self._change(entry.tag, state="done", evs=to_bytes(evs), stds=to_bytes(stds))

    def drop(self, name: str) -> Entry:
        """Forget a request, by its tag or the id of its job: the next run repeats it.

        The line stays, so that the next attempt gets another tag.

        Raises
        ------
        ValueError
            If no request has this tag or job, or several have this job.
        """
        rows = self._execute(f"{_SELECT} WHERE ? IN (tag, job_id)", name)
        if len(rows) != 1:
            several = f", the job of {len(rows)} requests; give a tag" if rows else ""
            raise ValueError(
                f"`name` must be the tag or the job of a request in '{self.path}', got "
                f"{name!r}{several}."
            )
        return self._change(self._read(rows[0]).tag, unless=(), state="dropped")

    def rows(self) -> list[Row]:
        """Return all attempts, in the order in which they were made."""
        return [self._read(row) for row in self._execute(f"{_SELECT} ORDER BY rowid")]

    def result(self, entry: Entry) -> tuple[np.ndarray, np.ndarray]:
        """Return the expectation values and standard errors of a finished request."""
        row = self._row(entry.tag)
        if row.evs is None or row.stds is None:
            raise ValueError(
                f"`journal` must hold a result of {entry.tag}, got none in "
                f"'{self.path}'."
            )
        return from_bytes(row.evs), from_bytes(row.stds)

    def check(self) -> None:
        """Check the whole file, once: what is lost from it would be paid for again.

        Raises
        ------
        ValueError
            If the file is damaged.
        """
        if self._is_sound:
            return
        ((verdict,),) = self._execute("PRAGMA integrity_check(1)")
        if verdict != "ok":
            raise self._damaged(verdict.splitlines()[-1])
        self.rows()
        self._is_sound = True

    def _open(self, stack: contextlib.ExitStack) -> sqlite3.Connection:
        if self.path is None:
            database = stack.enter_context(connect(":memory:", 0.0))
            _fill(database)
            return database
        lock = make_private(Path(f"{self.path}.lock"))
        self._lock = stack.enter_context(connect(lock, 0.2))
        if not self.path.exists():
            with self.lock():
                _create(self.path)
        database = stack.enter_context(connect(self.path, 60.0))
        database.execute("PRAGMA synchronous = EXTRA")  # sync the directory, too
        return database

    def _check_head(self) -> str:
        """Return the journal's id if the file is ours, whole and can be written."""
        ask = self._database.execute
        with transaction(self._database, "DEFERRED"):  # no writer changes the size
            size = None if self.path is None else self.path.stat().st_size
            if size == 0:
                raise self._damaged("the file is empty")
            if ask("PRAGMA application_id").fetchone() != (_APPLICATION_ID,):
                raise self._damaged("the file belongs to another program")
            (version,) = ask("PRAGMA user_version").fetchone()
            if version != _VERSION:
                raise self._damaged(
                    f"its version is {version}, and this skqnn reads {_VERSION}"
                )
            names = tuple(name for _, name, *_ in ask("PRAGMA table_info(requests)"))
            identity = ask("SELECT id FROM journal").fetchone()
            if names != COLUMNS or identity is None:
                raise self._damaged("a table lacks columns or rows")
            (n_pages,) = ask("PRAGMA page_count").fetchone()
            (page_size,) = ask("PRAGMA page_size").fetchone()
            # SQLite would read zeros in a missing place.
            if size not in (None, n_pages * page_size):
                raise self._damaged("the end of the file is missing")
        ask("UPDATE journal SET n_openings = n_openings + 1")
        return identity[0]

    def _add(self, key: str, **fields: Any) -> Entry:
        with self._clear_errors(), transaction(self._database, "IMMEDIATE"):
            last = self.last(key)
            attempt = last.attempt + 1 if last else 1
            # The journal's id keeps apart the same request of two users or two runs.
            tag = f"skqnn-{self._id}-{key[:24]}-{attempt}"
            row = Row(tag, key, attempt, **fields)
            self._database.execute(_INSERT, (*row, row.checksum))
        return row.entry

    def _change(
        self, tag: str, unless: tuple[str, ...] = ("done",), **fields: Any
    ) -> Entry:
        """Change a line, but none in one of the states `unless`."""
        with self._clear_errors(), transaction(self._database, "IMMEDIATE"):
            row = self._row(tag)
            if row.state not in unless:
                row = row._replace(**fields)
                self._database.execute(_UPDATE, (*row, row.checksum, tag))
        return row.entry

    def _row(self, tag: str) -> Row:
        row = self._find("WHERE tag = ?", tag)
        if row is None:
            raise self._damaged(f"request {tag!r} is missing")
        return row

    def _find(self, where: str, *values: object) -> Row | None:
        rows = self._execute(f"{_SELECT} {where} LIMIT 1", *values)
        return self._read(rows[0]) if rows else None

    def _read(self, columns: tuple) -> Row:
        try:
            return read_row(columns)
        except ValueError as error:
            raise self._damaged(error) from error

    def _execute(self, statement: str, *values: object) -> list[tuple]:
        with self._clear_errors():
            return self._database.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.ProgrammingError, TimeoutError):
            raise
        except UnicodeDecodeError as error:
            raise self._damaged(error) from error
        except sqlite3.DatabaseError as error:
            usable = isinstance(error, sqlite3.OperationalError)
            if usable and not str(error).startswith("no such"):  # table or column
                raise self._unusable(error) from error
            raise self._damaged(error) from error
        except OSError as error:
            if error.errno is None:  # in our words already
                raise
            raise self._unusable(error) from error

    def _unusable(self, why: object) -> OSError:
        return OSError(
            f"`journal` must be a file that can be written, got '{self.path}' ({why})."
        )

    def _damaged(self, why: object) -> ValueError:
        return ValueError(
            "`journal` must be a new file or a journal in good order, got "
            f"'{self.path}' ({why}). Restore it from a copy, or give a new path to pay "
            "for its requests again."
        )


def _create(path: Path) -> None:
    """Create the file in one step: a crash leaves no half-made journal."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        with connect(make_private(draft), 0.0) as database:
            _fill(database)
        draft.replace(path)


def _fill(database: sqlite3.Connection) -> None:
    """Make the tables of a new journal."""
    database.executescript(
        f"BEGIN; PRAGMA application_id = {_APPLICATION_ID}; "
        f"PRAGMA user_version = {_VERSION}; {SCHEMA} COMMIT;"
    )
    database.execute("INSERT INTO journal VALUES (?, 0)", (uuid.uuid4().hex[:8],))
