"""The file on disk that remembers requests: their names, jobs and results."""

import contextlib
import hashlib
import io
import logging
import os
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from qiskit import QuantumCircuit, qasm3
from qiskit.quantum_info import SparsePauliOp

logger = logging.getLogger(__name__)

_APPLICATION_ID = 0x736B716E  # "skqn": marks a SQLite file as one of ours
_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION_ID};
CREATE TABLE journal (id TEXT NOT NULL, n_openings INTEGER NOT NULL);
CREATE TABLE requests (
    tag TEXT PRIMARY KEY, key TEXT NOT NULL, attempt INTEGER NOT NULL,
    state TEXT NOT NULL, job_id TEXT, error TEXT, evs BLOB, stds BLOB,
    UNIQUE (key, attempt)
);
"""


class Entry(NamedTuple):
    """One attempt at a request: ``state`` is intent, submitted, done or failed."""

    tag: str
    attempt: int
    state: str
    job_id: str | None


class Journal:
    """A file that remembers which requests were submitted and what they returned.

    Several processes may share one journal on a local disk. Every change is synced to
    the disk before the method returns.

    Parameters
    ----------
    path : path-like
        A new file or an existing journal. ``path + ".lock"`` is created beside it.

    Raises
    ------
    OSError
        If the file cannot be created or written.
    ValueError
        If the file is not a journal, or is damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        # Resolved, because a link to the journal must not get a lock of its own.
        self.path = Path(path).resolve()
        with contextlib.ExitStack() as stack, self._clear_errors():
            self._lock = stack.enter_context(_connect(f"{self.path}.lock", 0.2))
            if not self.path.exists():
                self._create()
            self._database = stack.enter_context(_connect(self.path, 60.0))
            self._database.execute("PRAGMA synchronous = EXTRA")  # sync the directory
            self._id = self._check()
            self._stack = stack.pop_all()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the right to submit, which one process has at a time.

        The operating system frees the lock of a process that dies.
        """
        while not self._try_lock():
            logger.debug("Waiting for another process that uses %s", self.path)
        try:
            yield
        finally:
            self._lock.execute("ROLLBACK")

    def last(self, key: str) -> Entry | None:
        """Return the newest attempt at a request, or None if it was never made."""
        row = self._execute(
            "SELECT tag, attempt, state, job_id FROM requests WHERE key = ? "
            "ORDER BY attempt DESC LIMIT 1",
            key,
        ).fetchone()
        return row and Entry(*row)

    def begin(self, key: str) -> Entry:
        """Write the intent to submit a request; call it under the lock."""
        last = self.last(key)
        attempt = last.attempt + 1 if last else 1
        # The journal's id keeps apart the same request of two users or two runs.
        tag = f"skqnn-{self._id}-{key[:24]}-{attempt}"
        self._execute(
            "INSERT INTO requests (tag, key, attempt, state) VALUES (?, ?, ?, ?)",
            *(tag, key, attempt, "intent"),
        )
        return Entry(tag, attempt, "intent", None)

    def submitted(self, entry: Entry, job_id: str) -> Entry:
        """Write which job runs the request."""
        self._execute(
            "UPDATE requests SET state = 'submitted', job_id = ? WHERE tag = ?",
            *(job_id, entry.tag),
        )
        return entry._replace(state="submitted", job_id=job_id)

    def failed(self, entry: Entry, error: Exception) -> None:
        """Write that this attempt has no result; the next one starts afresh."""
        self._execute(
            "UPDATE requests SET state = 'failed', error = ? "
            "WHERE tag = ? AND state != 'done'",
            *(str(error), entry.tag),
        )

    def done(self, entry: Entry, evs: np.ndarray, stds: np.ndarray) -> None:
        """Write the result, unless another process did so before."""
        self._execute(
            "UPDATE requests SET state = 'done', evs = ?, stds = ? "
            "WHERE tag = ? AND state != 'done'",
            *(_to_bytes(evs), _to_bytes(stds), entry.tag),
        )

    def result(self, entry: Entry) -> tuple[np.ndarray, np.ndarray]:
        """Return the expectation values and standard errors of a finished request."""
        row = self._execute(
            "SELECT evs, stds FROM requests WHERE tag = ?", entry.tag
        ).fetchone()
        return _from_bytes(row[0]), _from_bytes(row[1])

    def _try_lock(self) -> bool:
        with self._clear_errors():
            try:
                self._lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                return False
        return True

    def _create(self) -> None:
        """Create the file in one step: a crash leaves no half-made journal."""
        with self.lock():
            if not self.path.exists():
                self._write_new()

    def _write_new(self) -> None:
        draft = self.path.with_name(f"{self.path.name}.{uuid.uuid4().hex}")
        with _connect(draft, 0.0) as database:
            database.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
            database.execute(
                "INSERT INTO journal VALUES (?, 0)", (uuid.uuid4().hex[:8],)
            )
        draft.replace(self.path)

    def _check(self) -> str:
        """Return the journal's id if the file is sound and can be written."""
        size = self.path.stat().st_size
        if size == 0:
            raise sqlite3.DatabaseError("the file is empty")
        (mark,) = self._database.execute("PRAGMA application_id").fetchone()
        if mark != _APPLICATION_ID:
            raise sqlite3.DatabaseError("the file belongs to another program")
        (page_size,) = self._database.execute("PRAGMA page_size").fetchone()
        if size % page_size:  # SQLite would read zeros in the missing place
            raise sqlite3.DatabaseError("the end of the file is missing")
        (verdict,) = self._database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict.splitlines()[-1])
        self._database.execute("UPDATE journal SET n_openings = n_openings + 1")
        return self._database.execute("SELECT id FROM journal").fetchone()[0]

    def _execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        with self._clear_errors():
            return self._database.execute(statement, values)

    @contextlib.contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except sqlite3.OperationalError as error:
            raise OSError(
                f"`journal` must be a file that can be written, got '{self.path}' "
                f"({error})."
            ) from error
        except sqlite3.DatabaseError as error:
            raise ValueError(
                "`journal` must be a new file or a journal in good order, got "
                f"'{self.path}' ({error}). Restore it from a copy, or give a new path "
                "to pay for its requests again."
            ) from error


def request_key(
    circuit: QuantumCircuit,
    observables: list[SparsePauliOp],
    parameter_values: np.ndarray,
    shots: int | None,
    salt: str = "",
) -> str:
    """Return the name of a request: equal contents have equal keys in any process.

    Parameters
    ----------
    circuit : QuantumCircuit
        Transpiled circuit. Custom gates are not allowed: their names may hold object
        ids. Another version of Qiskit may write the same circuit differently.
    observables : list of SparsePauliOp
        Observables, on the layout of the circuit.
    parameter_values : ndarray of shape (..., n_parameters)
        Values in the order of ``circuit.parameters``.
    shots : int or None
        Number of shots.
    salt : str
        Whatever else tells two requests apart: backend, options, step.

    Returns
    -------
    key : str
        64 hexadecimal digits.
    """
    # QPY would not do: its bytes differ from process to process.
    values = np.ascontiguousarray(parameter_values, dtype=np.float64)
    parts = [qasm3.dumps(circuit).encode()]
    for observable in observables:
        parts += ["|".join(observable.paulis.to_labels()).encode()]
        parts += [observable.coeffs.astype(np.complex128).tobytes()]
    parts += [repr((values.shape, shots, salt)).encode(), values.tobytes()]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


@contextlib.contextmanager
def _connect(path: str | Path, timeout: float) -> Iterator[sqlite3.Connection]:
    """Open a SQLite file in which each statement is a transaction."""
    database = sqlite3.connect(path, timeout=timeout, isolation_level=None)
    try:
        yield database
    finally:
        database.close()


def _to_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _from_bytes(text: bytes) -> np.ndarray:
    return np.load(io.BytesIO(text), allow_pickle=False)
