import json

import pytest

pytest.importorskip("qiskit_ibm_runtime")

from _journal_worker import make_remote, values_of
from fake_cloud import BACKEND, FakeCloud
from qiskit_ibm_runtime import exceptions as ibm
from qiskit_ibm_runtime.api.exceptions import RequestsApiError

from skqnn._journal import service
from skqnn._journal.service import Remote, ibm_remote


@pytest.fixture(scope="module")
def cloud():
    with FakeCloud() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def backend(cloud):
    return cloud.service().backend(BACKEND)


def submit_and_catch(backend):
    with pytest.raises(Exception) as caught:
        make_remote(backend, values_of(0)).submit(["tag"])
    return caught.value


@pytest.mark.parametrize(
    "status, meaning",
    [
        (400, service.REFUSED),
        (401, service.REFUSED),
        (403, service.REFUSED),
        (404, service.REFUSED),
        (408, service.UNKNOWN),
        (409, service.REFUSED),
        (413, service.REFUSED),
        (429, service.BUSY),
        (500, service.UNKNOWN),
        (502, service.UNKNOWN),
        (503, service.UNKNOWN),
        (504, service.UNKNOWN),
        (524, service.UNKNOWN),
        (None, service.UNKNOWN),
    ],
)
def test_meaning_of_what_the_client_raises_when_it_submits(
    cloud, backend, status, meaning
):
    cloud.inject("POST", "/jobs", status=status)
    assert service.meaning(submit_and_catch(backend)) == meaning


@pytest.mark.parametrize(
    "error, meaning",
    [
        (ConnectionResetError(), service.UNKNOWN),
        (json.JSONDecodeError("not JSON", "<html>", 0), service.UNKNOWN),
        (RequestsApiError("no answer"), service.UNKNOWN),
        (ibm.IBMRuntimeError("The session is closed."), service.REFUSED),
        (ibm.IBMInputValueError("not an ISA circuit"), service.REFUSED),
        (ibm.RuntimeJobNotFound("job"), service.REFUSED),
        (ibm.RuntimeJobFailureError("job"), service.FAILED),
        (ibm.RuntimeJobMaxTimeoutError("job"), service.FAILED),
        (ibm.RuntimeInvalidStateError("job"), service.FAILED),
        (TypeError("a mistake in a program"), None),
    ],
)
def test_meaning_of_an_exception(error, meaning):
    assert service.meaning(error) == meaning


def test_client_alone_pays_three_times_for_one_request():
    """The trap: drop `_send_once` on the day this test fails."""
    with FakeCloud() as cloud:
        cloud.inject("POST", "/jobs", status=504, after=True, times=2)
        backend = cloud.service().backend(BACKEND)
        remote = make_remote(backend, values_of(0), make=lambda _, f: Remote(f))
        remote.submit(["tag"])
        assert len(cloud.jobs) == 3


def test_ibm_remote_sends_a_job_once_but_repeats_questions():
    with FakeCloud() as cloud:
        backend = cloud.service().backend(BACKEND)
        cloud.inject("POST", "/jobs", status=504, after=True, times=2)
        submit_and_catch(backend)
        assert cloud.count("POST", "/jobs") == 1
        cloud.heal()
        cloud.inject("GET", "/jobs", status=503, times=2)
        remote = make_remote(backend, values_of(0))
        assert len(remote.find("tag")) == 1
        assert cloud.count("GET", "/jobs") == 3


def test_ibm_remote_warns_if_it_cannot_reach_into_the_client(caplog):
    class AnotherClient:
        job = jobs = None

    class Backend:
        service = AnotherClient()

    ibm_remote(Backend(), submit=None)
    assert "may repeat submissions by itself" in caplog.text


def test_ibm_remote_finds_and_retrieves_jobs_by_tag_and_id(backend):
    remote = make_remote(backend, values_of(0))
    jobs = [remote.submit(["same"]), remote.submit(["same"]), remote.submit(["other"])]
    ids = [job.job_id() for job in jobs]
    assert [job.job_id() for job in remote.find("same")] == ids[1::-1]
    assert remote.retrieve(ids[2]).job_id() == ids[2]
