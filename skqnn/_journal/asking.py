"""Ask a service until it answers, and stop with an error that says how to go on."""

import json
import logging
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from skqnn._journal import service
from skqnn._journal.service import Remote

logger = logging.getLogger(__name__)

_LONGEST_DELAY = 30.0  # seconds between two look-ups of a tag


class RequestError(RuntimeError):
    """A request ended without a result; the journal is intact."""


class JobFailedError(RequestError):
    """The job of a request ended without a result."""


class UnreadableError(RuntimeError):
    """An answer arrived that cannot be what was asked for."""


def lookups_within(seconds: float) -> tuple[float, ...]:
    """Return delays that double up to half a minute and sum up to a time."""
    delays, left = [0.0], float(seconds)
    while left > 0:
        delay = min(max(1.0, 2 * delays[-1]), _LONGEST_DELAY, left)
        delays.append(delay)
        left -= delay
    return tuple(delays)


class Patience(NamedTuple):
    """How long to wait for what, in seconds.

    Parameters
    ----------
    poll : float
        Time between two questions for the status of a job; it grows to a twentieth
        of the time waited, at most 30 s.
    contact : float
        Time without any answer from the service, or with a status that this version
        does not know, after which to stop.
    lookups : tuple of float
        Delays before each look-up of a tag whose job may or may not exist. Their sum
        must exceed the time the service needs to list a new job.
    busy : float
        First delay after the service answered "too many requests"; doubles each time.
    submissions : int
        Number of times a request is sent before giving up.
    fetches : int
        Number of times an answer that cannot be read, such as half a result, is asked
        for before giving up.
    lock : float
        Time to wait for another process that submits with the same journal.
    """

    poll: float = 1.0
    contact: float = 3600.0
    lookups: tuple[float, ...] = lookups_within(120.0)
    busy: float = 5.0
    submissions: int = 5
    fetches: int = 5
    lock: float = 3600.0


def ask(question: Callable[[], Any], job: str, patience: Patience, forget: str) -> Any:
    """Ask the service until it answers.

    Parameters
    ----------
    question : callable
        Returns the answer, or raises what the client raises.
    job : str
        What the question is about, for messages.
    patience : Patience
        How long to ask.
    forget : str
        How to give the job up, for messages.

    Raises
    ------
    JobFailedError
        If the job ended without a result.
    RequestError
        If there is no access, no answer, or none that can be read.
    """
    silent_since, n_unreadable = time.monotonic(), 0
    while True:
        try:
            return question()
        except Exception as caught:
            error, meaning = caught, service.meaning(caught)
        if meaning == service.FAILED:
            raise JobFailedError(str(error)) from error
        if meaning == service.REFUSED:
            raise RequestError(
                f"No access to {job} ({error}). Run again with the account that "
                f"submitted it and the same journal. If somebody deleted it, {forget}."
            ) from error
        if meaning is None:
            n_unreadable += 1
        if n_unreadable >= patience.fetches:
            raise RequestError(
                f"The service's answer about {job} cannot be read ({_text(error)}). "
                "Nothing is lost: run again with the same journal to ask anew. If it "
                f"stays so, {forget}."
            ) from error
        if time.monotonic() - silent_since > patience.contact:
            raise RequestError(
                f"No answer about {job} for {patience.contact:g} s ({error}). "
                "It is not lost: run again with the same journal."
            ) from error
        logger.info("No answer about %s: %s", job, _text(error))
        time.sleep(patience.poll * 2 ** max(0, n_unreadable - 1))


def read_result(
    job: Any, shape: tuple[int, ...] | None, remote: Remote
) -> tuple[np.ndarray, np.ndarray]:
    """Return expectation values and standard errors of a finished job's only PUB.

    Whoever reads them from the journal later does not know how many shots there were.

    Raises
    ------
    UnreadableError
        If the result is damaged, incomplete, or not finite.
    """
    try:
        result, too_few = service.result_of(job)
        data = result[0].data
        evs = np.asarray(data.evs, dtype=np.float64)
        stds = np.asarray(data.stds, dtype=np.float64)
    except Exception as error:
        # Half a result breaks the client in many ways, the JSON parser among them.
        if service.meaning(error) and not isinstance(error, json.JSONDecodeError):
            raise
        raise UnreadableError(f"its result is damaged: {_text(error)}") from error
    check_result(evs, stds, shape)
    if too_few is not None and remote.errors is not None:
        stds = remote.errors(evs, stds, too_few)
    return evs, stds


def check_result(
    evs: np.ndarray, stds: np.ndarray, shape: tuple[int, ...] | None
) -> None:
    """Raise UnreadableError if these are not the values of one finite result."""
    if evs.shape != stds.shape or shape not in (None, evs.shape):
        raise UnreadableError(
            f"its result has shapes {evs.shape} and {stds.shape}"
            + (f", not {shape}" if shape else "")
        )
    if not np.all(np.isfinite(evs)):
        raise UnreadableError("its result contains NaN or infinity")


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
