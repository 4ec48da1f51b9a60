"""What a journal of paid requests holds, and how to give one of them up."""

import os
from typing import Any

from skqnn._journal.file import Journal

__all__ = ["drop_request", "list_requests"]


def list_requests(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Return the requests that a journal remembers.

    A table to look up what was paid for, and what still is in a queue.
    ``pandas.DataFrame`` shows it well.

    Parameters
    ----------
    path : path-like
        The journal, see the `journal` of a backend.

    Returns
    -------
    requests : list of dict
        One for each attempt, in the order in which they were made, with the keys
        ``"tag"``, which its job carries, ``"job_id"`` or None, ``"attempt"``,
        ``"error"`` or None, and ``"state"``:

        - "intent": to be submitted, or its process ended while it was;
        - "submitted": not known to have ended;
        - "done": the result is in the journal;
        - "failed": without a result, the next run submits it again;
        - "dropped": given up, likewise.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not a journal, or is damaged.

    See Also
    --------
    drop_request : Give up one of them.
    """
    names = ("tag", "job_id", "attempt", "state", "error")
    with _open(path) as journal:
        return [{name: getattr(row, name) for name in names} for row in journal.rows()]


def drop_request(path: str | os.PathLike[str], name: str) -> None:
    """Give up a request: the next run pays for it anew, under another tag.

    For a job that somebody deleted, one that never ends, or a result that must be
    measured again; all other requests stay finished. A job in a queue is not cancelled.

    Parameters
    ----------
    path : path-like
        The journal.
    name : str
        The tag of the request, or the id of its job.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the journal has no such request, several with this job, as those that were
        simulated, or is damaged.

    See Also
    --------
    list_requests : What there is to be given up.
    """
    with _open(path) as journal:
        journal.drop(name)


def _open(path: str | os.PathLike[str]) -> Journal:
    """Open a journal, but do not make a new one."""
    os.stat(path)
    return Journal(path)
