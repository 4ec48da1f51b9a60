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
from typing import Any

import numpy as np

from skqnn._journal import service
from skqnn._journal.asking import (
    JobFailedError,
    Patience,
    RequestError,
    UnreadableError,
    ask,
    check_result,
    read_result,
)
from skqnn._journal.file import Journal
from skqnn._journal.rows import Entry
from skqnn._journal.service import Remote

logger = logging.getLogger(__name__)

Report = Callable[[str, str | None, int | None], None]


def run_once(
    journal: Journal,
    key: str,
    remote: Remote,
    *,
    shape: tuple[int, ...] | None = None,
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
        Name of the request, see `skqnn._journal.names.request_key`.
    remote : Remote
        Calls to the service.
    shape : tuple of int, optional
        What the shape of the expectation values must be.
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
        If the service refused the request, stayed silent for too long, sent nothing
        that can be read, or its job ended without a result. The message says what
        running again will do.
    TimeoutError
        If another process holds the right to submit for too long.
    """
    request = _Request(journal, key, remote, shape, patience, report)
    entry = journal.last(key)
    if entry is not None and entry.state == "done":
        request.report("replayed", entry.job_id, None)
    elif remote.retrieve is None:
        entry = request.run_here()
    else:
        entry = request.run_there(entry)
    return journal.result(entry)


class _Request:
    """One run of one request; `doubt` says that it may have more jobs than we know."""

    def __init__(
        self,
        journal: Journal,
        key: str,
        remote: Remote,
        shape: tuple[int, ...] | None,
        patience: Patience,
        report: Report | None,
    ) -> None:
        self.journal, self.key, self.remote = journal, key, remote
        self.shape, self.patience = shape, patience
        self.report = report or (lambda *_: None)
        self.position = remote.position if report else None  # costs a call each time
        self.doubt = False
        self.duplicates: set[str] = set()
        self.paid_twice: list[str] = []

    def run_here(self) -> Entry:
        """Run a request that costs nothing, and keep what it gave."""
        self.report("submitting", None, None)
        job = self.remote.submit([])
        self.report("submitted", job.job_id(), None)
        data = job.result()[0].data
        evs, stds = np.asarray(data.evs), np.asarray(data.stds)
        try:
            check_result(evs, stds, self.shape)
        except UnreadableError as error:
            raise ValueError(
                f"`backend` must return finite expectation values, but {error}."
            ) from error
        entry = self.journal.keep(self.key, job.job_id(), evs, stds)
        self.report("DONE", job.job_id(), None)
        return entry

    def run_there(self, entry: Entry | None) -> Entry:
        """Run a request that costs money, or wait for the job that does."""
        is_new = entry is None or entry.state != "submitted"
        if self.remote.prepare is not None:
            self.remote.prepare(is_new)
        job = None
        if entry is None or is_new:
            self.journal.check()  # a damaged file may hide that it was paid for
            with self.journal.lock(self.patience.lock):
                entry, job = self.submit()
        self.collect(entry, job)
        return entry

    def submit(self) -> tuple[Entry, Any]:
        """Return the entry with its job's id, and the job if it is at hand."""
        entry = self.journal.last(self.key)
        if entry is not None and entry.state in ("submitted", "done"):
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
            job = self._look_up(entry)
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
        """Return the job that carries the tag, or None if there is none.

        Without a doubt one look tells whether a copy of the journal was used elsewhere.
        """
        delays = self.patience.lookups if self.doubt else (0.0,)
        for delay in delays if self.remote.find else ():
            if delay:
                logger.info("Looking for a job with the tag %s", entry.tag)
                time.sleep(delay)
            jobs = self._find(entry)
            if jobs:
                return jobs[-1]
        return None

    def _find(self, entry: Entry) -> list[Any]:
        find = self.remote.find
        return self._ask(entry, lambda: find(entry.tag)) if find else []

    def _keep_first(self, entry: Entry, job: Any) -> Any:
        """Return the oldest job that carries the tag and cancel the others.

        There are several if a client repeats a submission which the service had
        accepted, or if the service listed a job too late.
        """
        jobs = self._find_quietly(entry)
        first = jobs[-1] if jobs else job
        self._cancel(jobs + [job], first.job_id())
        return first

    def _find_quietly(self, entry: Entry) -> list[Any]:
        """Return the jobs that carry the tag, none if there is no answer."""
        try:
            return self.remote.find(entry.tag) if self.remote.find else []
        except Exception as error:
            logger.info("No look for duplicates of %s: %s", entry.tag, error)
            return []

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
                self.paid_twice.append(job_id)
                logger.warning(
                    "Job %s is a duplicate of %s and may have to be paid for, number "
                    "%d of this request: %s",
                    *(job_id, keep, len(self.paid_twice), error),
                )

    def collect(self, entry: Entry, job: Any) -> None:
        """Wait for the job and write its result, once it has been checked."""
        retrieve = self.remote.retrieve
        if entry.state == "done" or retrieve is None:
            return
        if job is None:
            job = self._ask(entry, lambda: retrieve(entry.job_id))
        self._wait(entry, job)
        evs, stds = self._ask(entry, lambda: read_result(job, self.shape, self.remote))
        self.journal.done(entry, evs, stds)
        if self.doubt:
            self._cancel(self._find_quietly(entry), entry.job_id)

    def _wait(self, entry: Entry, job: Any) -> None:
        """Return when the job is done, raise if it ended otherwise."""
        start, known, strange_since = time.monotonic(), None, None
        while True:
            status = self._ask(entry, job.status)
            status = getattr(status, "name", status)  # an enumeration or a string
            state = (status, entry.job_id, self._position(job, status))
            if state != known:
                self.report(*state)
            known = state
            meaning, now = service.outcome(status), time.monotonic()
            if meaning == service.DONE:
                return
            if meaning == service.FAILED:
                raise self._failure(entry, service.reason(job, status))
            if meaning == service.WAITING:
                strange_since = None
            elif strange_since is None:
                strange_since = now
                logger.warning("Unknown status of job %s: %s", entry.job_id, status)
            elif now - strange_since > self.patience.contact:
                raise self._error(
                    f"Job {entry.job_id} has the status {status!r}, which is unknown "
                    f"here, for {self.patience.contact:g} s. Run again with the same "
                    f"journal to go on waiting. If it is lost, {self._forget(entry)}."
                )
            if self.doubt:
                self._cancel(self._find_quietly(entry), entry.job_id)
            time.sleep(max(self.patience.poll, min((now - start) / 20, 30.0)))

    def _position(self, job: Any, status: str) -> int | None:
        if self.position is None or status != "QUEUED":
            return None
        try:
            return self.position(job)
        except Exception as error:
            logger.debug("No place in the queue: %s", error)
            return None

    def _ask(self, entry: Entry, question: Callable[[], Any]) -> Any:
        """Ask the service until it answers, and write down that a job failed."""
        job = f"job {entry.job_id}" if entry.job_id else "the job"
        try:
            return ask(question, job, self.patience, self._forget(entry))
        except JobFailedError as error:
            raise self._failure(entry, error) from error
        except RequestError as error:
            raise self._error(str(error)) from error

    def _failure(self, entry: Entry, reason: Exception) -> RequestError:
        self.journal.failed(entry, reason)
        return self._error(
            f"No result: job {entry.job_id} failed ({reason}). Running again submits "
            "the request anew; a higher `max_execution_time` does not change which "
            "requests are finished."
        )

    def _error(self, text: str) -> RequestError:
        if self.paid_twice:
            text += f" Jobs that may have to be paid for twice: {self.paid_twice}."
        return RequestError(text)

    def _forget(self, entry: Entry) -> str:
        name = entry.job_id or entry.tag
        return (
            f"skqnn.journal.drop_request({str(self.journal.path)!r}, {name!r}) forgets "
            "it, and the next run pays for it anew"
        )
