"""No job is lost and none is paid twice, whatever the network or a crash does."""

import json
import multiprocessing
import re
import shutil
import time
from importlib.metadata import version

import numpy as np
import pytest
from packaging.version import Version
from qiskit.primitives import DataBin, PubResult, StatevectorEstimator

pytest.importorskip("qiskit_ibm_runtime")

from _journal_worker import (
    PATIENCE,
    key_of,
    make_circuit,
    make_remote,
    run_step,
    run_steps,
    values_of,
)
from fake_cloud import BACKEND, RAN_TOO_LONG, FakeCloud, connect, halved
from qiskit_ibm_runtime import Batch, Session

from skqnn._journal import service
from skqnn._journal.asking import RequestError, lookups_within
from skqnn._journal.file import Journal
from skqnn._journal.requests import run_once
from skqnn._journal.service import Remote

PRELOAD = [
    "skqnn._journal.requests",
    "qiskit_aer",
    "qiskit_ibm_runtime.executor_estimator",
]


@pytest.fixture(autouse=True, scope="module")
def fast_client():
    """Stop the client from inspecting the stack in each request."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("USAGE_DATA_OPT_OUT", "True")
        yield


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path):
    with Journal(path) as journal:
        yield journal


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """Results of five requests that nothing disturbed, (5, 2)."""
    directory = tmp_path_factory.mktemp("undisturbed")
    with FakeCloud() as cloud:
        run_steps(cloud.url, directory / "journal", 5, directory / "evs.npy")
    return np.load(directory / "evs.npy").reshape(5, 2)


def assert_result(result, expected, step=0):
    np.testing.assert_array_equal(result[0].ravel(), expected[step])


def start(url, path, n_steps=1, result_path=None, die_at=None):
    if "forkserver" not in multiprocessing.get_all_start_methods():
        pytest.skip("no forkserver on this system")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    arguments = (url, path, n_steps, result_path, die_at)
    process = context.Process(target=run_steps, args=arguments, daemon=True)
    process.start()
    return process


@pytest.mark.parametrize("seconds", [0, 0.5, 3, 120, 1000.0])
def test_looks_for_a_lost_job_take_the_time_that_was_asked_for(seconds):
    delays = lookups_within(seconds)
    assert delays[0] == 0
    assert sum(delays) == seconds
    assert max(delays) <= 30


def test_undisturbed_results_agree_with_the_state_vector(expected):
    circuit, observable = make_circuit()
    for step in range(5):
        pub = (circuit, [[observable]], values_of(step))
        exact = StatevectorEstimator().run([pub]).result()[0].data.evs
        np.testing.assert_allclose(expected[step], exact.ravel(), atol=4 * 64**-0.5)
    assert len(np.unique(expected)) > 5


def test_finished_request_is_read_from_the_journal(cloud, backend, path, expected):
    with Journal(path) as journal:
        first = run_step(journal, backend)
    n_requests = len(cloud.requests)
    states = []
    with Journal(path) as journal:
        again = run_step(journal, backend, report=lambda *event: states.append(event))
    assert (len(cloud.jobs), len(cloud.requests)) == (1, n_requests)
    assert states == [("replayed", next(iter(cloud.jobs)), None)]
    for one, other in zip(first, again, strict=True):
        assert one.tobytes() == other.tobytes()
    assert_result(again, expected)


def test_report_tells_each_change_of_state(journal):
    with FakeCloud(queue=2) as cloud:
        events = []
        backend = cloud.service().backend(BACKEND)
        run_step(journal, backend, report=lambda *event: events.append(event))
        (job_id,) = cloud.jobs
    assert events == [
        ("submitting", None, None),
        ("submitted", job_id, None),
        ("QUEUED", job_id, 1),
        ("DONE", job_id, None),
    ]


@pytest.mark.parametrize(
    "faults",
    [
        [("POST", "/jobs", None, False, 1)],
        [("POST", "/jobs", None, False, 2)],
        [("POST", "/jobs", None, True, 1)],
        [("POST", "/jobs", 500, False, 1)],
        [("POST", "/jobs", 503, False, 2)],
        [("POST", "/jobs", 504, True, 1)],
        [("POST", "/jobs", 429, False, 2)],
        [("POST", "/jobs", 429, False, 1), ("POST", "/jobs", None, True, 1)],
        [("POST", "/jobs", None, True, 1), ("GET", "/jobs", None, False, 8)],
        [("POST", "/jobs", 504, True, 1), ("GET", "/jobs", 429, False, 2)],
        [("GET", "/backends/.*/status", None, False, 6)],
        [("GET", "/instances/usage", 503, False, 6)],
        [("GET", "/jobs", None, False, 6)],
        [("GET", "/jobs/[^/]+", None, False, 14)],
        [("GET", "/jobs/[^/]+", 502, False, 8), ("GET", "/jobs/.+", 429, False, 3)],
        [("GET", "/jobs/.+/results", None, True, 12)],
        [("GET", "/jobs/.+/metrics", 403, True, 2)],
    ],
    ids=str,
)
def test_disturbed_request_is_paid_once(journal, expected, faults):
    with FakeCloud(queue=2, lag=1) as cloud:
        backend = cloud.service().backend(BACKEND)
        for fault in faults:
            cloud.inject(*fault)
        result = run_step(journal, backend, report=lambda *_: None)
        assert len(cloud.jobs) == 1
    assert_result(result, expected)


@pytest.mark.parametrize(
    "fault, message, n_posts",
    [
        (("POST", "/jobs", 503), "sent 3 times without success .*503", 3),
        (("POST", "/jobs", None), "sent 3 times without success", 3),
        (("POST", "/jobs", 429), "sent 3 times without success .*429", 3),
        (("POST", "/jobs", 400), "was refused .*400.* Remove the cause", 1),
        (("POST", "/jobs", 401), "was refused .*401", 1),
        (("GET", "/jobs/[^/]+", None), "No answer about job .* for 0.1 s", 1),
        (("GET", "/jobs/[^/]+", 401), "No access to job .* same", 1),
        (("GET", "/jobs/.+/results", 500), "No answer about job", 1),
    ],
    ids=str,
)
def test_lasting_trouble_stops_and_running_again_pays_once(
    cloud, backend, journal, expected, fault, message, n_posts
):
    cloud.inject(*fault, times=np.inf)
    with pytest.raises(RequestError, match=message):
        run_step(journal, backend, patience=PATIENCE._replace(contact=0.1))
    assert cloud.count("POST", "/jobs") == n_posts
    cloud.heal()
    assert_result(run_step(journal, backend), expected)
    assert len(cloud.jobs) == 1


def test_refusal_after_an_unknown_outcome_does_not_forget_the_job(journal, expected):
    with FakeCloud(lag=4) as cloud:
        backend = cloud.service().backend(BACKEND)
        cloud.inject("POST", "/jobs", None, after=True)
        cloud.inject("POST", "/jobs", 401)
        with pytest.raises(RequestError, match="was refused"):
            run_step(journal, backend)
        assert_result(run_step(journal, backend), expected)
        assert len(cloud.jobs) == 1


@pytest.mark.parametrize(
    "outcome, message",
    [
        ({"status": "Failed", "reason": "bad qubit"}, "failed .*bad qubit"),
        ({"status": "Cancelled"}, "failed .*cancelled"),
        (
            {
                "status": "Cancelled",
                "reason": "ran too long",
                "reason_code": RAN_TOO_LONG,
            },
            "failed .*ran too long",
        ),
    ],
)
def test_job_without_result_stops_and_running_again_submits_anew(
    cloud, backend, journal, expected, outcome, message
):
    cloud.outcomes = [outcome]
    with pytest.raises(RequestError, match=message):
        run_step(journal, backend)
    assert journal.last(key_of(0)).state == "failed"
    assert_result(run_step(journal, backend), expected)
    assert len(cloud.jobs) == 2
    assert journal.last(key_of(0)).attempt == 2


@pytest.mark.parametrize("mode", [Session, Batch])
def test_requests_run_in_a_session_or_batch(cloud, backend, journal, expected, mode):
    with mode(backend) as session:
        assert_result(run_step(journal, session), expected)
    (job,) = cloud.jobs.values()
    assert job.body["session_id"] == session.session_id


@pytest.mark.parametrize("by_whom", ["user", "service"])
def test_closed_session_refuses_and_running_again_pays_once(
    cloud, backend, journal, expected, by_whom
):
    session = Session(backend)
    close = {"user": session.close, "service": cloud.close_session}[by_whom]
    close(*[session.session_id] * (by_whom == "service"))
    with pytest.raises(RequestError, match=r"was refused .*ession.* closed"):
        run_step(journal, session)
    assert not cloud.jobs
    assert_result(run_step(journal, Session(backend)), expected)
    assert len(cloud.jobs) == 1


def test_session_closed_by_the_service_still_runs_its_queue(journal, expected):
    with FakeCloud(queue=2) as cloud:
        session = Session(cloud.service().backend(BACKEND))

        def close_session(state, job_id, position):
            if state == "QUEUED":
                cloud.close_session(session.session_id)

        assert_result(run_step(journal, session, report=close_session), expected)
        assert len(cloud.jobs) == 1


def test_session_cancelled_by_the_service_stops_with_nothing_paid(journal, expected):
    with FakeCloud(queue=2) as cloud:
        session = Session(cloud.service().backend(BACKEND))

        def cancel_session(state, job_id, position):
            if state == "QUEUED":
                cloud.cancel_session(session.session_id)

        with pytest.raises(RequestError, match="Running again submits"):
            run_step(journal, session, report=cancel_session)
        session = Session(cloud.service().backend(BACKEND))
        assert_result(run_step(journal, session), expected)
        assert (len(cloud.jobs), len(cloud.paid)) == (2, 1)


def test_duplicates_of_a_client_that_repeats_are_cancelled(journal, expected):
    def make(backend, submit):  # a client in which nothing stops the repetition
        service = backend.service
        find = lambda tag: service.jobs(job_tags=[tag], limit=None)  # noqa: E731
        return Remote(submit, find, service.job)

    with FakeCloud(queue=2) as cloud:
        cloud.inject("POST", "/jobs", 504, after=True, times=2)
        backend = cloud.service().backend(BACKEND)
        assert_result(run_step(journal, backend, make=make), expected)
        first = next(iter(cloud.jobs.values()))
        assert (len(cloud.jobs), cloud.paid) == (3, [first])


def test_job_listed_too_late_cancels_its_duplicate(journal, expected, caplog):
    with FakeCloud(queue=9, lag=5) as cloud:
        cloud.inject("POST", "/jobs", None, after=True)
        backend = cloud.service().backend(BACKEND)
        assert_result(run_step(journal, backend), expected)
        assert (len(cloud.jobs), len(cloud.paid)) == (2, 1)
    assert "a duplicate of" in caplog.text


def test_keyboard_interrupt_leaves_the_job_to_the_next_run(journal, expected):
    def interrupt(state, job_id, position):
        if state == "QUEUED":
            raise KeyboardInterrupt

    with FakeCloud(queue=2) as cloud:
        backend = cloud.service().backend(BACKEND)
        with pytest.raises(KeyboardInterrupt):
            run_step(journal, backend, report=interrupt)
        assert_result(run_step(journal, backend), expected)
        assert len(cloud.jobs) == 1


def test_job_of_another_account_is_not_submitted_again(backend, journal):
    run_step(journal, backend)
    entry = journal.begin(key_of(1))
    journal.submitted(entry, "job-of-somebody-else")
    with pytest.raises(RequestError, match="No access to job job-of-somebody-else"):
        run_step(journal, backend, step=1)


@pytest.mark.parametrize("word", ["Cancelled - Ran too long", "Failed - No power"])
def test_final_state_in_other_words_ends_the_wait(cloud, backend, journal, word):
    cloud.outcomes = [{"status": word}]
    with pytest.raises(RequestError, match=f"(?i)failed .*its status is '{word}'"):
        run_step(journal, backend)
    assert journal.last(key_of(0)).state == "failed"


@pytest.mark.parametrize("word", ["Held", "Completed - Almost"])
def test_unknown_status_is_waited_for_as_long_as_silence(
    cloud, backend, journal, expected, caplog, word
):
    cloud.outcomes = [{"status": word}]
    patience = PATIENCE._replace(contact=0.1)
    with pytest.raises(RequestError, match=r"status '[A-Z -]+', which is unknown here"):
        run_step(journal, backend, patience=patience)
    assert "Unknown status of job" in caplog.text
    assert journal.last(key_of(0)).state == "submitted"
    next(iter(cloud.jobs.values())).outcome = None
    assert_result(run_step(journal, backend), expected)
    assert len(cloud.jobs) == 1


def test_status_without_a_state_ends_the_wait(cloud, backend, journal, expected):
    cloud.outcomes = [{}]
    with pytest.raises(RequestError, match=r"cannot be read .*drop_request"):
        run_step(journal, backend, patience=PATIENCE._replace(poll=0.001))
    next(iter(cloud.jobs.values())).outcome = None
    assert_result(run_step(journal, backend), expected)
    assert len(cloud.jobs) == 1


def without_bits(text):
    """Return a result without what was measured."""
    result = json.loads(text)
    del result["data"][0]
    return json.dumps(result)


SPOILERS = {
    "cut": lambda text: text[: len(text) // 2],
    "HTML": lambda text: "<html>Bad gateway</html>",
    "empty": lambda text: "",
    "JSON": lambda text: "{}",
    "list": lambda text: "[1, 2]",
    "bits": without_bits,
    "tensor": lambda text: re.sub(r'"data":"[^"]{9}', '"data":"AAAAAAAAA', text),
}


@pytest.mark.skipif(
    Version(version("qiskit-ibm-runtime")) < Version("0.51"),
    reason="an older client does not show what was measured",
)
def test_fewer_shots_than_asked_for_are_told_and_have_larger_errors(
    cloud, backend, journal, tmp_path
):
    with Journal(tmp_path / "other") as other:
        _, usual = run_step(other, backend)
    cloud.spoil = [halved]
    with pytest.warns(UserWarning, match=r"took 32 shots .* and 64 were asked"):
        _, stds = run_step(journal, backend)
    np.testing.assert_allclose(stds / usual, np.sqrt(2), rtol=0.3)


@pytest.mark.parametrize("spoil", SPOILERS.values(), ids=SPOILERS)
def test_damaged_result_is_fetched_again(cloud, backend, journal, expected, spoil):
    cloud.spoil = [spoil] * 2
    assert_result(run_step(journal, backend), expected)
    assert len(cloud.jobs) == 1


@pytest.mark.parametrize("spoil", SPOILERS.values(), ids=SPOILERS)
def test_result_that_stays_damaged_stops_and_is_not_kept(
    cloud, backend, journal, expected, spoil
):
    cloud.spoil = [spoil] * 3
    patience = PATIENCE._replace(poll=0.001, fetches=3)
    with pytest.raises(RequestError, match=r"result is damaged.*drop_request"):
        run_step(journal, backend, patience=patience)
    assert journal.last(key_of(0)).state == "submitted"
    assert_result(run_step(journal, backend), expected)
    assert len(cloud.jobs) == 1


class FinishedJob:
    """A job whose result is what a test likes."""

    def __init__(self, evs, stds):
        self.data = DataBin(evs=np.array(evs), stds=np.array(stds))

    def job_id(self):
        return "job"

    def status(self):
        return "DONE"

    def result(self):
        return [PubResult(self.data)]


@pytest.mark.parametrize(
    "evs, stds, message",
    [
        ([[np.nan, 0.5]], [[0.1, 0.1]], "NaN or infinity"),
        ([[0.5, np.inf]], [[0.1, 0.1]], "NaN or infinity"),
        ([[0.5]], [[0.1]], r"shapes \(1, 1\) and \(1, 1\), not \(1, 2\)"),
        ([[0.5, 0.5]], [0.1, 0.1], r"shapes \(1, 2\) and \(2,\)"),
    ],
)
def test_impossible_result_is_not_kept_and_can_be_dropped(
    path, journal, evs, stds, message
):
    made = [FinishedJob(evs, stds), FinishedJob([[0.5, -0.5]], [[0.1, 0.1]])]
    remote = Remote(
        lambda tags: made.pop(0), lambda tag: [], lambda job_id: FinishedJob(evs, stds)
    )
    patience = PATIENCE._replace(poll=0.001, fetches=2)
    for _ in range(2):
        with pytest.raises(RequestError, match=message):
            run_once(journal, "ab" * 32, remote, shape=(1, 2), patience=patience)
    assert journal.last("ab" * 32).state == "submitted"
    journal.drop("job")
    result = run_once(journal, "ab" * 32, remote, shape=(1, 2), patience=patience)
    np.testing.assert_array_equal(result, [[[0.5, -0.5]], [[0.1, 0.1]]])


def test_impossible_result_of_a_local_simulator_is_not_kept(journal):
    remote = Remote(lambda tags: FinishedJob([[np.nan]], [[0.1]]))
    with pytest.raises(ValueError, match="must return finite expectation values"):
        run_once(journal, "ab" * 32, remote)
    assert journal.last("ab" * 32) is None


def test_list_that_ignores_tags_touches_no_job_of_others(journal, expected):
    with FakeCloud(queue=2) as cloud:
        cloud.filters = False
        backend = cloud.service().backend(BACKEND)
        for _ in range(3):
            make_remote(backend, values_of(1)).submit(["of somebody else"])
        cloud.inject("POST", "/jobs", None, after=True)
        assert_result(run_step(journal, backend), expected)
        assert (len(cloud.jobs), len(cloud.paid)) == (4, 4)


def test_deleted_job_is_not_paid_again_until_it_is_dropped(
    cloud, backend, journal, expected
):
    with pytest.raises(KeyboardInterrupt):
        run_step(journal, backend, report=interrupt_at("DONE"))
    (job_id,) = cloud.jobs
    cloud.jobs.clear()
    with pytest.raises(RequestError, match=f"drop_request.*{job_id}"):
        run_step(journal, backend)
    assert not cloud.jobs
    entry = journal.last(key_of(0))
    journal.drop(entry.tag)
    assert_result(run_step(journal, backend), expected)


def interrupt_at(expected_state):
    def report(state, job_id, position):
        if state == expected_state:
            raise KeyboardInterrupt

    return report


def test_copy_of_a_journal_adopts_the_listed_job(
    cloud, backend, path, tmp_path, expected
):
    """Of two machines with the same journal, the later one finds the tag."""
    Journal(path).close()
    shutil.copy(path, tmp_path / "copy")
    for name in (path, tmp_path / "copy"):
        with Journal(name) as journal:
            assert_result(run_step(journal, backend), expected)
    assert len(cloud.jobs) == 1


def test_duplicates_that_must_be_paid_for_are_counted(journal, expected, caplog):
    with FakeCloud(lag=4) as cloud:
        cloud.inject("POST", "/jobs", None, after=True)
        cloud.inject("POST", "/jobs/.+/cancel", 409, times=np.inf)
        backend = cloud.service().backend(BACKEND)
        assert_result(run_step(journal, backend), expected)
        assert len(cloud.jobs) == 2
    assert "may have to be paid for, number 1 of this request" in caplog.text


def test_damaged_journal_is_found_before_anything_is_paid_again(
    cloud, backend, path, journal
):
    run_step(journal, backend)
    journal._execute("UPDATE requests SET key = 'x'")
    with Journal(path) as again, pytest.raises(ValueError, match="was altered"):
        run_step(again, backend)
    assert len(cloud.jobs) == 1


def test_answer_that_never_comes_is_asked_for_again(
    cloud, journal, expected, monkeypatch
):
    monkeypatch.setattr(service, "_READ_TIMEOUT", 0.2)
    backend = cloud.service().backend(BACKEND)
    cloud.inject("GET", "/jobs/[^/]+", hang=1.0, times=2)
    assert_result(run_step(journal, backend), expected)
    assert len(cloud.jobs) == 1


def test_preparation_comes_first_and_its_errors_are_raised_as_they_are(journal):
    def prepare(is_new):
        raise ValueError(f"no account, new: {is_new}")

    remote = Remote(None, find=None, retrieve=lambda job_id: None, prepare=prepare)
    with pytest.raises(ValueError, match="no account, new: True"):
        run_once(journal, "ab" * 32, remote)
    assert journal.last("ab" * 32) is None


def test_mistakes_of_a_program_are_raised_as_they_are(journal):
    def submit(tags):
        raise TypeError("a mistake")

    remote = Remote(submit, find=lambda tag: [], retrieve=lambda job_id: None)
    with pytest.raises(TypeError, match="a mistake"):
        run_once(journal, "ab" * 32, remote, patience=PATIENCE)
    assert journal.last("ab" * 32).state == "intent"


def test_jobs_of_a_local_simulator_are_submitted_again(journal):
    circuit, observable = make_circuit()
    pub = (circuit, [[observable]], values_of(0))
    remote = Remote(lambda tags: StatevectorEstimator().run([pub]))
    lost = journal.submitted(journal.begin("ab" * 32), "job of a dead process")
    evs, _ = run_once(journal, "ab" * 32, remote)
    np.testing.assert_array_equal(evs, remote.submit([]).result()[0].data.evs)
    assert journal.last("ab" * 32).attempt == lost.attempt + 1


def test_remote_is_not_called_if_the_journal_is_damaged(cloud, path):
    path.write_text("")
    with pytest.raises(ValueError, match="the file is empty"):
        run_steps(cloud.url, path, 1)
    assert not cloud.jobs


@pytest.mark.parametrize("state", ["submitting", "submitted", "QUEUED", "DONE"])
def test_killed_process_is_continued(path, expected, state):
    with FakeCloud(queue=2) as cloud:
        process = start(cloud.url, path, die_at=state)
        process.join()
        assert process.exitcode == -9
        assert len(cloud.jobs) == (state != "submitting")
        with Journal(path) as journal:
            result = run_step(journal, connect(cloud.url).backend(BACKEND))
        assert len(cloud.jobs) == 1
    assert_result(result, expected)


def test_two_processes_share_one_journal(path, tmp_path, expected):
    with FakeCloud(queue=2, lag=1) as cloud:
        paths = [tmp_path / "one.npy", tmp_path / "two.npy"]
        processes = [start(cloud.url, path, 3, result_path) for result_path in paths]
        for process in processes:
            process.join()
        assert len(cloud.jobs) == 3
    for result_path in paths:
        np.testing.assert_array_equal(np.load(result_path).reshape(3, 2), expected[:3])


@pytest.mark.parametrize("die_at", ["submitting", "submitted", "QUEUED"])
def test_process_continues_where_another_is_killed(path, tmp_path, expected, die_at):
    with FakeCloud(queue=2, lag=1) as cloud:
        first = start(cloud.url, path, 3, die_at=die_at)
        while not cloud.requests:  # let it get ahead
            time.sleep(0.01)
        second = start(cloud.url, path, 3, tmp_path / "evs.npy")
        first.join()
        second.join()
        assert len(cloud.jobs) == 3
    evs = np.load(tmp_path / "evs.npy").reshape(3, 2)
    np.testing.assert_array_equal(evs, expected[:3])


def test_process_waits_for_one_that_submits(cloud, backend, path, journal, tmp_path):
    with journal.lock():
        entry = journal.begin(key_of(0))
        process = start(cloud.url, path, 1, tmp_path / "evs.npy")
        process.join(1.0)
        make_remote(backend, values_of(0)).submit([entry.tag])
    process.join()
    assert process.exitcode == 0
    assert len(cloud.jobs) == 1


@pytest.mark.slow
def test_process_killed_at_random_moments_twenty_times(tmp_path, expected):
    random = np.random.default_rng(0)
    n_kills = n_runs = 0
    while n_kills < 20:
        n_runs += 1
        paths = tmp_path / f"journal{n_runs}", tmp_path / f"evs{n_runs}.npy"
        with FakeCloud(queue=3, lag=1) as cloud:
            while not paths[1].exists():
                process = start(cloud.url, paths[0], 5, paths[1])
                kill_after(cloud, process, random.integers(8, 30), random.random())
                n_kills += process.exitcode == -9
            assert len(cloud.jobs) == 5
        np.testing.assert_array_equal(np.load(paths[1]).reshape(5, 2), expected)


def kill_after(cloud, process, n_requests, fraction):
    """Kill a process some milliseconds after the cloud got `n_requests` from it."""
    last = len(cloud.requests) + n_requests
    while process.is_alive() and len(cloud.requests) < last:
        time.sleep(0.001)
    time.sleep(0.03 * fraction)
    process.kill()
    process.join()
