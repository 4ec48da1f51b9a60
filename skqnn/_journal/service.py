"""The calls to a service that runs jobs, and what its answers mean."""

import functools
import json
import logging
import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from skqnn._compat import decoders_of, instance_of, session_of

logger = logging.getLogger(__name__)

# What an error says about a request.
REFUSED = "refused"  # nothing was accepted, nor will be
BUSY = "busy"  # nothing was accepted now
UNKNOWN = "unknown"  # accepted or not, answered or not
FAILED = "failed"  # the job ended without a result

# What a status says about a job, besides FAILED and UNKNOWN.
WAITING = "waiting"
DONE = "done"

_STATUSES = {"DONE": DONE} | dict.fromkeys(
    ("INITIALIZING", "VALIDATING", "QUEUED", "RUNNING"), WAITING
)
_READ_TIMEOUT = 60.0  # seconds without a byte; the client itself would wait for ever
_PAGE, _MAX_PAGES = 50, 10  # jobs in a list, and lists read when one looks for a tag


class Remote(NamedTuple):
    """The calls to a service that a request needs.

    Parameters
    ----------
    submit : callable
        Maps a list of tags to a new job that carries them.
    find : callable, optional
        Maps a tag to the list of all jobs that carry it, newest first.
    retrieve : callable, optional
        Maps a job id to the job. Without it the jobs cost nothing and die with their
        process, as those of a local simulator do: they are run again.
    position : callable, optional
        Maps a job to its place in the queue or None.
    prepare : callable, optional
        Called before any other call, with whether a job may have to be submitted: it
        connects and makes what is sent, and its errors are not about the request.
    errors : callable, optional
        Maps the values of a job that took too few shots, their standard errors and the
        number of shots to standard errors that can be true.
    """

    submit: Callable[[list[str]], Any]
    find: Callable[[str], list[Any]] | None = None
    retrieve: Callable[[Any], Any] | None = None
    position: Callable[[Any], int | None] | None = None
    prepare: Callable[[bool], Any] | None = None
    errors: Callable[[np.ndarray, np.ndarray, int], np.ndarray] | None = None


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
    service, instance = backend.service, instance_of(backend)
    return Remote(
        submit,
        find=functools.partial(_find, service, instance, tame(service, instance)),
        retrieve=service.job,
        position=lambda job: job.metrics().get("position_in_queue"),
    )


def tame(service: Any, instance: str | None) -> Any:
    """Forbid the client to repeat a submission by itself, or to wait for ever.

    It repeats a POST up to five times after a 5xx answer, although the service may have
    accepted the first one, and it has no limit on the time until an answer; there are
    no options against either. Other methods are repeated as before.

    Returns
    -------
    client : RuntimeClient or None
        What sends the requests; None if this version of the client hides it.
    """
    from urllib3.util.retry import Retry

    try:
        client, session = session_of(service, instance)
        policy = session.get_adapter(session.base_url).max_retries
    except AttributeError as error:
        logger.warning("The client may repeat submissions by itself: %s.", error)
        return None
    once = Retry(  # which never repeats a POST, unlike the client's subclass
        total=policy.total,
        connect=policy.connect,
        backoff_factor=policy.backoff_factor,
        status_forcelist=policy.status_forcelist,
    )
    session.mount(session.base_url, _adapter()(max_retries=once))
    return client


@functools.cache
def _adapter() -> type:
    """Return the class of an HTTP adapter that waits for an answer, but not for ever.

    It is made late, because requests comes with the client only.
    """
    from requests.adapters import HTTPAdapter

    class PatientAdapter(HTTPAdapter):
        def send(
            self,
            request,
            stream=False,
            timeout=None,
            verify=True,
            cert=None,
            proxies=None,
        ):
            connect, read = timeout if isinstance(timeout, tuple) else (timeout,) * 2
            timeout = connect or _READ_TIMEOUT, read or _READ_TIMEOUT
            return super().send(request, stream, timeout, verify, cert, proxies)

    return PatientAdapter


def _find(service: Any, instance: str | None, client: Any, tag: str) -> list[Any]:
    """Return the jobs that carry a tag, newest first.

    The tags are compared here, too: a list that ignored the filter would otherwise have
    the jobs of others adopted or cancelled, and be read to its end.
    """
    if client is None:
        jobs = service.jobs(job_tags=[tag], limit=_PAGE, instance=instance)
        return [job for job in jobs if tag in (job.tags or ())]
    found: list[str] = []
    for n in range(_MAX_PAGES):
        answer = client.jobs_get(limit=_PAGE, skip=n * _PAGE, job_tags=[tag])
        page = answer["jobs"]
        found += [job["id"] for job in page if tag in (job.get("tags") or ())]
        if len(page) < _PAGE:
            break
    else:
        logger.warning("The service lists more than %d jobs.", _PAGE * _MAX_PAGES)
    return [service.job(job_id) for job_id in dict.fromkeys(found)]


def result_of(job: Any) -> tuple[Any, int | None]:
    """Return the result of a finished job, and its shots if these are too few.

    Then it warns. The standard errors count the shots that were taken, so those that
    are not 0 remain true.
    """
    first, *others = decoders_of(job) or [None]
    if not others:
        return job.result(), None
    counter = _ShotCounter()
    return job.result(decoder=[first, counter, *others]), counter.too_few


class _ShotCounter:
    """What passes on, as one of the client's decoders, what a device measured.

    Attributes
    ----------
    too_few : int or None
        The shots that were taken of a circuit, if more were asked for.
    """

    too_few: int | None = None

    def is_applicable(self, measured: Any) -> bool:
        """Tell whether this is what a device measured."""
        return hasattr(measured, "passthrough_data")

    def decode(self, measured: Any) -> Any:
        """Return what was measured, and warn if that is too little."""
        request = (measured.passthrough_data or {}).get("post_processor") or {}
        asked = request.get("shots", 0)
        taken = [
            math.prod(bits.shape[:1] + bits.shape[-2:-1]) for bits in _bits(measured)
        ]
        if min(taken, default=asked) < asked:
            self.too_few = min(taken)
            text = (
                f"The job took {min(taken)} shots of a circuit, and {asked} were asked "
                "for. Its standard errors are those of the shots that it took."
            )
            logger.warning(text)
            warnings.warn(text, stacklevel=2)
        return measured


def _bits(measured: Any) -> list[Any]:
    """Return arrays (randomisations, ..., shots, bits), one for each circuit."""
    return [item["_meas"] for item in measured if "_meas" in item]


def outcome(status: str) -> str:
    """Return what the status of a job means: WAITING, DONE, FAILED or UNKNOWN."""
    known = _STATUSES.get(status.upper())
    if known is None and status.upper().startswith(("CANCEL", "ERROR", "FAIL")):
        return FAILED  # "CANCELLED - RAN TOO LONG" is a word, too
    return known or UNKNOWN


def reason(job: Any, status: str) -> Exception:
    """Return why a job ended without a result."""
    if status in ("ERROR", "CANCELLED"):  # else the client would wait for ever
        try:
            job.result()
        except Exception as error:
            if meaning(error) == FAILED:
                return error
            logger.info("No reason for the status %s: %s", status, error)
    return RuntimeError(f"its status is {status!r}")


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
