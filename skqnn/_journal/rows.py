"""One attempt at a request as a line of a table, with a checksum of all it holds."""

import hashlib
import io
from typing import NamedTuple

import numpy as np

STATES = ("intent", "submitted", "done", "failed", "dropped")


class Entry(NamedTuple):
    """One attempt at a request; its state is one of `STATES`."""

    tag: str
    attempt: int
    state: str
    job_id: str | None


class Row(NamedTuple):
    """What the table holds of an attempt, but for the checksum."""

    tag: str
    key: str
    attempt: int
    state: str
    job_id: str | None = None
    error: str | None = None
    evs: bytes | None = None
    stds: bytes | None = None

    @property
    def entry(self) -> Entry:
        """The attempt without its result."""
        return Entry(self.tag, self.attempt, self.state, self.job_id)

    @property
    def checksum(self) -> str:
        """A digest of all columns: a flipped bit in any of them is noticed."""
        digest = hashlib.sha256()
        for value in self:
            part = value if isinstance(value, bytes) else repr(value).encode()
            digest.update(len(part).to_bytes(8, "little") + part)
        return digest.hexdigest()[:32]


COLUMNS = (*Row._fields, "checksum")
SCHEMA = """
CREATE TABLE journal (id TEXT NOT NULL, n_openings INTEGER NOT NULL);
CREATE TABLE requests (
    tag TEXT PRIMARY KEY, key TEXT NOT NULL, attempt INTEGER NOT NULL,
    state TEXT NOT NULL, job_id TEXT, error TEXT, evs BLOB, stds BLOB,
    checksum TEXT NOT NULL, UNIQUE (key, attempt)
);
"""


def read_row(columns: tuple) -> Row:
    """Return a line as it was written.

    Raises
    ------
    ValueError
        If it was altered, or is in a state that this version does not know.
    """
    *fields, checksum = columns
    row = Row(*fields)
    if row.checksum != checksum:
        raise ValueError(f"request {row.tag!r} was altered")
    if row.state not in STATES:
        raise ValueError(f"request {row.tag!r} has the unknown state {row.state!r}")
    return row


def to_bytes(array: np.ndarray) -> bytes:
    """Return an array in the npy format."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def from_bytes(text: bytes) -> np.ndarray:
    """Return the array of `to_bytes`."""
    return np.load(io.BytesIO(text), allow_pickle=False)
