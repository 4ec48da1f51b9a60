"""Run a paid request exactly once: intent, job id and result are on disk in time.

A request is written down before it is submitted, under a tag that its job carries on
the service. Whatever happens afterwards (lost connection, crash, power cut), a second
run finds the job again by its id or its tag and does not pay for another one.

What cannot be excluded: a service that accepts a job, does not say so, and does not
list it within ``sum(Patience.lookups)`` seconds gets the request again. The second job
is cancelled as soon as both are listed, if it has not run by then.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from skqnn._journal import service
from skqnn._journal.file import Entry, Journal, request_key
from skqnn._journal.service import Remote, ibm_remote

__all__ = [
    "Journal",
    "Patience",
    "Remote",
    "Report",
    "RequestError",
    "ibm_remote",
    "request_key",
    "run_once",
]

logger = logging.getLogger(__name__)

Report = Callable[[str, str | None, int | None], None]


class RequestError(RuntimeError):
    """A request ended without a result; the journal is intact."""


class Patience(NamedTuple):
    """How long to wait for what, in seconds.

    Parameters
    ----------
    poll : float
        Time between two questions for the status of a job; it grows to a twentieth
        of the time waited, at most 30 s.
    contact : float
        Time without any answer from the service after which to stop.
    lookups : tuple of float
        Delays before each look-up of a tag whose job may or may not exist. Their sum
        must exceed the time the service needs to list a new job.
    busy : float
        First delay after the service answered "too many requests"; doubles each time.
    submissions : int
        Number of times a request is sent before giving up.
    """

    poll: float = 1.0
    contact: float = 3600.0
    lookups: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 15.0)
    busy: float = 5.0
    submissions: int = 5


def run_once(
    journal: Journal,
    key: str,
    remote: Remote,
    *,
    patience: Patience = Patience(),  # noqa: B008 (an immutable tuple)
    report: Report | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the result of a request, paying for it only if nobody has.

    A finished request is read from the journal, a submitted one is waited for, one of
    unknown fate is looked up by its tag, and only then is it submitted.

    Parameters
    ----------
    journal : Journal
        Where requests are remembered.
    key : str
        Name of the request, see `request_key`.
    remote : Remote
        Calls to the service.
    patience : Patience, optional
        How long to wait for what.
    report : callable, optional
        Called with (state, job id or None, place in the queue or None) when the state
        changes: submitting, submitted, adopted, QUEUED, RUNNING, DONE, replayed.

    Returns
    -------
    evs, stds : ndarray
        Expectation values and standard errors of the job's only PUB, always as read
        from the disk.

    Raises
    ------
    RequestError
        If the service refused the request, stayed silent for too long, or its job
        ended without a result. The message says what running again will do.
    """
    request = _Request(journal, key, remote, patience, report)
    entry, job = journal.last(key), None
    if entry is None or request.is_open(entry):
        with journal.lock():
            entry, job = request.submit()
    if entry.state == "done":
        request.report("replayed", entry.job_id, None)
    else:
        request.collect(entry, job)
    return journal.result(entry)


class _Request:
    """One run of one request; `doubt` says that it may have more jobs than we know."""

    def __init__(
        self,
        journal: Journal,
        key: str,
        remote: Remote,
        patience: Patience,
        report: Report | None,
    ) -> None:
        self.journal, self.key, self.remote = journal, key, remote
        self.patience = patience
        self.report = report or (lambda *_: None)
        self.position = remote.position if report else None  # costs a call each time
        self.doubt = False
        self.duplicates: set[str] = set()

    def is_open(self, entry: Entry) -> bool:
        """Return whether an entry has neither a result nor a job to wait for."""
        if entry.state == "submitted":
            return self.remote.retrieve is None
        return entry.state != "done"

    def submit(self) -> tuple[Entry, Any]:
        """Return the entry with its job's id, and the job if it is at hand."""
        entry = self.journal.last(self.key)
        if entry is not None and not self.is_open(entry):
            return entry, None  # another process was faster
        if entry is not None and entry.state == "intent":
            self.doubt = True  # its process died, perhaps after it had submitted
        else:
            entry = self.journal.begin(self.key)
        job = self._keep_first(entry, self._send_or_find(entry))
        return self.journal.submitted(entry, job.job_id()), job

    def _send_or_find(self, entry: Entry) -> Any:
        error: Exception | None = None
        for n in range(self.patience.submissions + 1):
            job = self._look_up(entry) if self.doubt else None
            if job is not None:
                self.report("adopted", job.job_id(), None)
                return job
            if n == self.patience.submissions:
                break
            self.report("submitting", None, None)
            try:
                job = self.remote.submit([entry.tag])
            except Exception as caught:
                error = caught
                self._judge_submission(entry, error, n)
            else:
                self.report("submitted", job.job_id(), None)
                return job
        raise RequestError(
            f"The request was sent {self.patience.submissions} times without success "
            f"({error}). Run again later with the same journal: it looks for the job "
            "before it submits another."
        ) from error

    def _judge_submission(self, entry: Entry, error: Exception, n: int) -> None:
        """Wait, note a doubt, or raise, according to what the error means."""
        meaning = service.meaning(error)
        logger.warning("Submission %d of %s: %s (%s)", n + 1, entry.tag, meaning, error)
        if meaning == service.REFUSED:
            if not self.doubt:
                self.journal.failed(entry, error)
            raise RequestError(
                f"The request was refused ({error}). Remove the cause and run again "
                "with the same journal."
            ) from error
        if meaning == service.BUSY:
            time.sleep(self.patience.busy * 2**n)
        elif meaning == service.UNKNOWN:
            self.doubt = True
        else:
            raise error

    def _look_up(self, entry: Entry) -> Any:
        """Return the job that carries the tag, or None if there is none."""
        for delay in self.patience.lookups if self.remote.find else ():
            time.sleep(delay)
            jobs = self._find(entry)
            if jobs:
                return jobs[-1]
        return None

    def _find(self, entry: Entry) -> list[Any]:
        find = self.remote.find
        return self._persist(entry, lambda: find(entry.tag)) if find else []

    def _keep_first(self, entry: Entry, job: Any) -> Any:
        """Return the oldest job that carries the tag and cancel the others.

        There are several if a client repeats a submission which the service had
        accepted, or if the service listed a job too late.
        """
        try:
            jobs = self.remote.find(entry.tag) if self.remote.find else []
        except Exception as error:
            logger.info("No look for duplicates of %s: %s", job.job_id(), error)
            jobs = []
        first = jobs[-1] if jobs else job
        self._cancel(jobs + [job], first.job_id())
        return first

    def _cancel(self, jobs: list[Any], keep: str | None) -> None:
        for job in jobs:
            job_id = job.job_id()
            if job_id == keep or job_id in self.duplicates:
                continue
            self.duplicates.add(job_id)
            try:
                job.cancel()
                logger.warning("Cancelled job %s, a duplicate of %s.", job_id, keep)
            except Exception as error:
                logger.warning(
                    "Job %s is a duplicate of %s and may have to be paid for: %s",
                    *(job_id, keep, error),
                )

    def collect(self, entry: Entry, job: Any) -> None:
        """Wait for the job and write its result."""
        retrieve = self.remote.retrieve
        if job is None and retrieve is not None:
            job = self._persist(entry, lambda: retrieve(entry.job_id))
        start, known = time.monotonic(), None
        while True:
            status = self._persist(entry, job.status)
            status = getattr(status, "name", status)  # an enumeration or a string
            state = (status, entry.job_id, self._position(job, status))
            if state != known:
                self.report(*state)
            known = state
            if status in ("DONE", "ERROR", "CANCELLED"):
                break
            if self.doubt:
                self._cancel(self._find(entry), entry.job_id)
            waited = time.monotonic() - start
            time.sleep(max(self.patience.poll, min(waited / 20, 30.0)))
        data = self._persist(entry, job.result)[0].data
        self.journal.done(entry, np.asarray(data.evs), np.asarray(data.stds))

    def _position(self, job: Any, status: str) -> int | None:
        if self.position is None or status != "QUEUED":
            return None
        try:
            return self.position(job)
        except Exception as error:
            logger.debug("No place in the queue: %s", error)
            return None

    def _persist(self, entry: Entry, ask: Callable[[], Any]) -> Any:
        """Ask the service until it answers."""
        silent_since = time.monotonic()
        job = f"job {entry.job_id}" if entry.job_id else "the job"
        while True:
            try:
                return ask()
            except Exception as caught:
                error, meaning = caught, service.meaning(caught)
            if meaning == service.FAILED:
                self.journal.failed(entry, error)
                raise RequestError(
                    f"No result: {job} failed ({error}). Running again submits the "
                    "request anew."
                ) from error
            if meaning == service.REFUSED:
                raise RequestError(
                    f"No access to {job} ({error}). Run again with the account that "
                    "submitted it and the same journal or, if somebody deleted the "
                    "job, with a new journal."
                ) from error
            if meaning not in (service.BUSY, service.UNKNOWN):
                raise error
            if time.monotonic() - silent_since > self.patience.contact:
                raise RequestError(
                    f"No answer about {job} for {self.patience.contact:g} s ({error}). "
                    "It is not lost: run again with the same journal."
                ) from error
            logger.info("No answer about %s: %s", job, error)
            time.sleep(self.patience.poll)
