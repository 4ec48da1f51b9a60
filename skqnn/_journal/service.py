"""The calls to a service that runs jobs, and what its errors mean."""

import functools
import json
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

logger = logging.getLogger(__name__)

REFUSED = "refused"  # nothing was accepted, nor will be
BUSY = "busy"  # nothing was accepted now
UNKNOWN = "unknown"  # accepted or not, answered or not
FAILED = "failed"  # the job ended without a result


class Remote(NamedTuple):
    """The calls to a service that a request needs.

    Parameters
    ----------
    submit : callable
        Maps a list of tags to a new job that carries them.
    find : callable, optional
        Maps a tag to the list of all jobs that carry it, newest first.
    retrieve : callable, optional
        Maps a job id to the job. Without it the jobs die with their process, as those
        of a local simulator do, and an unfinished request is submitted again.
    position : callable, optional
        Maps a job to its place in the queue or None.
    """

    submit: Callable[[list[str]], Any]
    find: Callable[[str], list[Any]] | None = None
    retrieve: Callable[[Any], Any] | None = None
    position: Callable[[Any], int | None] | None = None


def ibm_remote(backend: Any, submit: Callable[[list[str]], Any]) -> Remote:
    """Return the calls to IBM Quantum, and make its client send each job once.

    Parameters
    ----------
    backend : IBMBackend
        Backend that the jobs run on, alone or in a session or batch.
    submit : callable
        Maps a list of tags to a new job that carries them.

    Returns
    -------
    remote : Remote
        The calls, for `skqnn._journal.requests.run_once`.
    """
    service, instance = backend.service, getattr(backend, "_instance", None)
    _send_once(service, instance)
    return Remote(
        submit,
        find=lambda tag: service.jobs(job_tags=[tag], limit=None, instance=instance),
        retrieve=service.job,
        position=lambda job: job.metrics().get("position_in_queue"),
    )


def _send_once(service: Any, instance: str | None) -> None:
    """Forbid the client to repeat a submission by itself.

    It repeats a POST up to five times after a 5xx answer, although the service may have
    accepted the first one, and has no option against it. Other methods are repeated
    as before.
    """
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    try:
        session = service._get_api_client(instance)._session
        jobs = f"{session.base_url}/jobs"
        policy = session.get_adapter(jobs).max_retries
    except AttributeError as error:
        logger.warning("The client may repeat submissions by itself: %s.", error)
        return
    once = Retry(  # which never repeats a POST, unlike the client's subclass
        total=policy.total,
        connect=policy.connect,
        backoff_factor=policy.backoff_factor,
        status_forcelist=policy.status_forcelist,
    )
    session.mount(jobs, HTTPAdapter(max_retries=once))


@functools.cache
def _meanings() -> tuple[tuple[type[Exception], str | None], ...]:
    """Return what errors mean: the first row that fits counts.

    None leaves it to the HTTP status. Exceptions of ``requests`` are `OSError`s.
    """
    network = ((OSError, UNKNOWN), (json.JSONDecodeError, UNKNOWN))
    try:
        from qiskit_ibm_runtime import exceptions as ibm
    except ImportError:
        return network
    return (
        (ibm.RuntimeJobFailureError, FAILED),
        (ibm.RuntimeJobMaxTimeoutError, FAILED),
        (ibm.RuntimeInvalidStateError, FAILED),
        (ibm.IBMNotAuthorizedError, REFUSED),
        (ibm.IBMInputValueError, REFUSED),
        (ibm.RuntimeProgramNotFound, REFUSED),
        (ibm.RuntimeJobNotFound, REFUSED),
        (ibm.IBMError, None),
        *network,
    )


def meaning(error: Exception) -> str | None:
    """Return what an error says about a request, or None if it is not about one."""
    for kind, known in _meanings():
        if isinstance(error, kind):
            return known or _meaning_of_status(error)
    return None


def _meaning_of_status(error: BaseException | None) -> str:
    """Return the meaning of the HTTP status, which the client hides in the context."""
    while error is not None:
        status = getattr(error, "status_code", None)
        if status is not None:
            refused = 400 <= status < 500 and status != 408
            return {429: BUSY}.get(status, REFUSED if refused else UNKNOWN)
        error = error.__cause__ or error.__context__
    return REFUSED  # by the client itself, before it sent anything
