"""IBM Quantum, by the real client against the stand-in: modes, options, journal."""

import functools
import logging
import multiprocessing
import os
import pickle
import re
import signal
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from types import SimpleNamespace

import numpy as np
import pytest
from rich.logging import RichHandler
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

pytest.importorskip("qiskit_ibm_runtime")

import qiskit_ibm_runtime
from fake_cloud import BACKEND, FakeCloud, connect, halved
from packaging.version import Version
from qiskit.circuit.library import real_amplitudes
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import Session
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_machine_learning.optimizers import COBYLA

from skqnn import Backend, QNNClassifier
from skqnn._backends import accounts
from skqnn._backends import primitive as _primitive
from skqnn._backends.backend import DEFAULTS
from skqnn._backends.primitive import PrimitiveEngine
from skqnn._backends.resolve import resolve
from skqnn._journal.asking import Patience, RequestError

PATIENCE = Patience(
    poll=0.01, contact=20.0, lookups=(0.0, 0.05), busy=0.01, submissions=3
)
# Two epochs teach little.
pytestmark = pytest.mark.filterwarnings(
    "ignore:The loss ended at:sklearn.exceptions.ConvergenceWarning"
)

SMALL = {
    "intercept_scaling": None,  # two qubits, the fewest gates
    "reps": 1,
    "learning_rate": "cosine",
    "random_state": 0,
}
X = np.random.default_rng(0).normal(size=(6, 4))
Y = np.array([0, 1, 0, 1, 1, 0])


@pytest.fixture
def account(cloud, monkeypatch):
    """What `QiskitRuntimeService` finds with a saved account."""
    seen = []

    def service(**arguments):
        seen.append(arguments)
        return cloud.service()

    monkeypatch.setattr(qiskit_ibm_runtime, "QiskitRuntimeService", service)
    return seen


@pytest.fixture(autouse=True)
def impatient(monkeypatch, tmp_path):
    monkeypatch.setattr(_primitive, "Patience", lambda **_: PATIENCE)
    # Else the client inspects the stack in each request.
    monkeypatch.setenv("USAGE_DATA_OPT_OUT", "True")
    monkeypatch.chdir(tmp_path)


def watch(cloud, act):
    """Call a function at each request to the service, before it is answered."""
    cloud.fault = lambda *request: (act() and None) or FakeCloud.fault(cloud, *request)


def make_backend(target, **settings):
    """Return a Backend; what is none of its keywords is an option of the Estimator."""
    ours = {name: settings.pop(name) for name in [*settings] if name in DEFAULTS}
    options = {"resilience_level": 0} | settings
    return Backend(target, **{"n_transpilations": 2, "options": options} | ours)


def make_device(target, shots, **settings):
    return resolve(make_backend(target, **settings), shots=shots, n_qubits=2)


def make_classifier(target):
    """Return a classifier that trains by two jobs, one in each epoch."""
    return QNNClassifier(
        backend=make_backend(target), shots=200, max_iter=2, batch_size=len(X), **SMALL
    )


@pytest.fixture(scope="module")
def trained():
    return QNNClassifier(**SMALL, max_iter=50).fit(X, Y)


def on(trained, target, **settings):
    copy = pickle.loads(pickle.dumps(trained))
    return copy.set_params(backend=make_backend(target, **settings), shots=2000)


@pytest.mark.parametrize("name", [BACKEND, "least_busy"])
def test_prediction_by_name(cloud, account, trained, name):
    scores, std = on(trained, name).decision_function(X, return_std=True)
    deviation = (scores - trained.decision_function(X)) / std
    assert np.abs(deviation).max() < 5
    assert len(cloud.jobs) == 1
    assert account == [{}]


def test_account_options_choose_the_account(account, trained):
    on(trained, BACKEND, account="mine").predict(X)
    assert account == [{"name": "mine"}]


@pytest.mark.parametrize("shots", [100, 1000])
def test_shots_are_those_of_the_job(cloud, backend, trained, shots):
    on(trained, backend).set_params(shots=shots).predict(X)
    (job,) = cloud.jobs.values()
    assert job.body["params"]["quantum_program"]["shots"] == shots


@pytest.mark.skipif(
    Version(version("qiskit-ibm-runtime")) < Version("0.51"),
    reason="an older client does not show what was measured",
)
def test_error_of_equal_shots_is_that_of_the_shots_taken(cloud, backend):
    observables = [SparsePauliOp("ZZ"), SparsePauliOp(["ZI", "II"], [2.0, 1.0])]
    device = make_device(backend, 64)
    engine = PrimitiveEngine(real_amplitudes(2, reps=1), observables, device)
    cloud.spoil = [halved]
    with pytest.warns(UserWarning, match="took 32 shots"):
        evs, stds = engine.measure(engine.prepare(np.eye(4)[:1]), np.zeros(4))
    np.testing.assert_allclose(evs, [[1.0, 3.0]])
    shots = 32  # Laplace's rule of succession, by hand
    error = np.hypot(np.sqrt((1 - (shots / 34) ** 2) / 35), 2 / 34)
    np.testing.assert_allclose(stds, [[error, 2 * error]])


def test_training_on_hardware_is_by_spsa(cloud, backend):
    classifier = make_classifier(backend).set_params(max_iter=1, batch_size=3)
    assert classifier.fit(X, Y).gradient_ == "spsa"
    assert len(cloud.jobs) == 2  # one epoch of two mini-batches
    tags = [job.tags for job in cloud.jobs.values()]
    assert all(len(tag) == 1 and tag[0].startswith("skqnn-") for tag in tags)
    assert len({tag[0] for tag in tags}) == 2


def test_least_busy_device_is_kept_by_a_model_and_not_by_its_copies(
    cloud, account, trained
):
    classifier = on(trained, "least_busy")
    for row in range(2):
        classifier.predict(X[row : row + 1])
    assert len(account) == 1
    pickle.loads(pickle.dumps(classifier)).predict(X[2:3])
    assert len(account) == 2
    assert len(cloud.jobs) == 3


@pytest.mark.parametrize("mode, n_sessions", [("job", 0), ("batch", 1), ("session", 1)])
def test_mode(cloud, backend, trained, mode, n_sessions):
    limit = {"max_time": 600} if mode != "job" else {}
    on(trained, backend, mode=mode, **limit).predict(X)
    assert cloud.count("POST", "/sessions") == n_sessions
    assert cloud.count("PATCH", "/sessions/.*") == n_sessions  # closed
    (job,) = cloud.jobs.values()
    assert ("session_id" in job.body) == bool(n_sessions)


def test_estimator_in_a_session_of_the_user(cloud, backend, trained):
    with Session(backend=backend) as session:
        estimator = Estimator(mode=session, options={"resilience_level": 0})
        on(trained, estimator, options=None).predict(X)
        assert cloud.count("PATCH", "/sessions/.*") == 0
    (job,) = cloud.jobs.values()
    assert job.body["session_id"] == session.session_id


def test_options_reach_the_estimator(cloud, backend, trained):
    on(trained, backend, environment={"job_tags": ["mine"]}).predict(X)
    (job,) = cloud.jobs.values()
    assert "mine" in job.tags
    assert len(job.tags) == 2


@pytest.mark.parametrize(
    "options, message",
    [
        ({"foo": 1}, "`options` must be options .*'foo': "),
        ({"resilience_level": 7}, "`options` must be options .*'resilience_level': "),
        ({"mode": "queue"}, r"`mode` must be one of \['job', 'batch', 'session'\]"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_sent(
    cloud, backend, trained, options, message
):
    before = len(cloud.requests)
    with pytest.raises(ValueError, match=message):
        on(trained, backend, **options).predict(X)
    assert len(cloud.requests) == before


def test_exact_values_are_refused(backend, trained):
    with pytest.raises(ValueError, match="a device has no exact expectation values"):
        on(trained, backend).set_params(shots=None).predict(X)


def test_unknown_backend_of_an_account(account, trained):
    with pytest.raises(ValueError, match=r"\['ibm_manila'\], got 'ibm_manilla'"):
        on(trained, "ibm_manilla").predict(X)


def test_missing_account_is_refused_with_its_cure(trained, monkeypatch, tmp_path):
    for name in ("QISKIT_IBM_TOKEN", "QISKIT_IBM_CHANNEL"):
        monkeypatch.delenv(name, raising=False)

    def account():
        filename = str(tmp_path / "accounts.json")
        return qiskit_ibm_runtime.QiskitRuntimeService(filename=filename)

    with pytest.raises(ValueError, match=r"save_account\(token=\.\.\., instance"):
        on(trained, BACKEND, account=account).predict(X)


def test_lookup_time_reaches_the_requests(cloud, backend, trained, monkeypatch):
    seen = []
    monkeypatch.setattr(
        _primitive, "Patience", lambda **given: seen.append(given) or PATIENCE
    )
    on(trained, backend, lookup_time=5).predict(X)
    assert sum(seen[0]["lookups"]) == 5


def test_large_requests_are_cut_into_jobs_within_the_limits(backend):
    device = make_device(backend, 4000)
    program = device.compile(real_amplitudes(2), [SparsePauliOp("ZZ")], 0)
    assert program.max_bindings == 2500
    two = [SparsePauliOp("ZZ"), SparsePauliOp("XX")]
    assert device.compile(real_amplitudes(2), two, 0).max_bindings == 1250
    extrapolated = make_device(backend, 4000, resilience_level=2)
    program = extrapolated.compile(real_amplitudes(2), [SparsePauliOp("ZZ")], 0)
    assert program.max_bindings == 833
    wide = make_device(backend, 1)
    program = wide.compile(real_amplitudes(2, reps=99), [SparsePauliOp("ZZ")], 0)
    assert program.max_bindings == 40_000_000 // (12 * 200)


def test_second_prediction_is_free(cloud, backend, trained):
    classifier = on(trained, backend)
    first = classifier.predict_proba(X)
    np.testing.assert_array_equal(classifier.predict_proba(X), first)
    assert len(cloud.jobs) == 1
    classifier.predict_proba(X[::-1])
    assert len(cloud.jobs) == 2


def job_lines(caplog):
    """Return what was logged about jobs, without the seconds."""
    messages = [r.message for r in caplog.records if r.name.startswith("skqnn")]
    return [re.sub(r", after \d+ s$", "", message) for message in messages]


def test_log_tells_each_change_of_a_job_once(trained, caplog):
    caplog.set_level("INFO", logger="skqnn")
    with FakeCloud(queue=8) as cloud:
        classifier = on(trained, cloud.service().backend(BACKEND))
        classifier.predict(X)
        classifier.predict(X)
        (job_id,) = cloud.jobs
    job = f"ibm_manila, job {job_id}"
    assert job_lines(caplog) == [
        "ibm_manila, a job: submitting",
        f"{job}: submitted",
        f"{job}: QUEUED, number 1 in the queue",
        f"{job}: DONE",
        f"{job}: replayed",
    ]


def test_log_of_a_fake_device(trained, caplog, tmp_path):
    caplog.set_level("INFO", logger="skqnn")
    on(trained, "fake_manila", options=None, journal=tmp_path / "journal").predict(X)
    assert job_lines(caplog) == [
        "fake_manila, a job: submitting",
        "fake_manila, job simulated: submitted",
        "fake_manila, job simulated: DONE",
    ]


@pytest.mark.parametrize("level, asked", [("INFO", True), ("WARNING", False)])
def test_place_in_the_queue_is_asked_for_only_if_it_is_read(
    trained, caplog, level, asked
):
    caplog.set_level(level, logger="skqnn")
    with FakeCloud(queue=3) as cloud:
        on(trained, cloud.service().backend(BACKEND)).predict(X)
        assert bool(cloud.count("GET", "/jobs/.+/metrics")) == asked


def test_log_names_the_least_busy_device(account, trained, caplog):
    caplog.set_level("INFO", logger="skqnn")
    on(trained, "least_busy").predict(X)
    assert all(line.startswith("ibm_manila, ") for line in job_lines(caplog))


def test_verbose_shows_jobs_of_a_prediction(backend, trained, capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger("skqnn"), "propagate", False)
    on(trained, backend).set_params(verbose=True).predict(X)
    assert re.search(r"job job-\w+: DONE, after \d s", capsys.readouterr().out)


def test_progress_bar_shows_jobs_above_itself(backend, capsys):
    handler, logger = RichHandler(), logging.getLogger("skqnn")
    logger.addHandler(handler)
    logger.setLevel("INFO")
    try:
        make_classifier(backend).set_callbacks(ProgressBar()).fit(X, Y)
    finally:
        logger.removeHandler(handler)
        logger.setLevel("NOTSET")
    *lines, bar = capsys.readouterr().out.strip().splitlines()
    assert "QNNClassifier - fit" in bar
    assert "100%" in bar
    assert sum("submitted" in line for line in lines) == 2


def test_journal_none_remembers_nothing(cloud, backend, trained, tmp_path):
    classifier = on(trained, backend, journal=None)
    classifier.predict(X)
    classifier.predict(X)
    assert len(cloud.jobs) == 2
    assert list(tmp_path.iterdir()) == []


def test_unwritable_journal_is_refused_before_anything_is_sent(
    cloud, backend, trained, tmp_path
):
    classifier = on(trained, backend, journal=tmp_path / "no" / "journal")
    with pytest.raises(OSError, match="`journal` must be a file that can be written"):
        classifier.predict(X)
    assert len(cloud.jobs) == 0


def test_killed_session_ends_by_itself(cloud, backend, trained):
    on(trained, backend, mode="session").predict(X)
    on(trained, backend, mode="batch", max_time="30m").predict(X[::-1])
    assert [s["max_ttl"] for s in cloud.sessions.values()] == [7200, 1800]


def test_calls_that_overlap_share_a_session_until_the_last_ends(
    cloud, backend, trained
):
    classifier = on(trained, backend, mode="session")
    with classifier._engine() as engine:
        states = engine.prepare(classifier._rows(X))
        engine.expectations(states, classifier.theta_)
        with ThreadPoolExecutor(2) as pool:  # so would callbacks of a fit, in line
            list(pool.map(classifier.predict, (X[:1], X[1:2])))
        engine.expectations(states, classifier.theta_ + 0.1)
        assert [s["state"] for s in cloud.sessions.values()] == ["open"]
    assert [s["state"] for s in cloud.sessions.values()] == ["closed"]
    classifier.predict(X[2:3])
    assert [s["state"] for s in cloud.sessions.values()] == ["closed"] * 2


def test_session_that_cannot_be_closed_is_a_warning_beside_the_result(
    cloud, backend, trained
):
    expected = on(trained, backend, journal=None).predict(X)
    cloud.inject("PATCH", "/sessions/.*", 500, times=np.inf)
    with pytest.warns(UserWarning, match="session .* could not be closed .*costs mon"):
        found = on(trained, backend, mode="session").predict(X)
    np.testing.assert_array_equal(found, expected)


def test_session_that_cannot_be_closed_leaves_the_first_error(cloud, backend, trained):
    cloud.inject("PATCH", "/sessions/.*", 500, times=np.inf)
    cloud.inject("POST", "/jobs", 401)
    with (
        pytest.warns(UserWarning, match="could not be closed"),
        pytest.raises(RequestError, match="was refused"),
    ):
        on(trained, backend, mode="session").predict(X)


def test_session_whose_opening_answer_is_lost_is_told(cloud, backend, trained):
    cloud.inject("POST", "/sessions", None, after=True)
    with pytest.warns(UserWarning, match="was lost .*: one may be open, and ends by"):
        on(trained, backend, mode="session").predict(X)
    assert len(cloud.sessions) == 2
    assert [s["state"] for s in cloud.sessions.values()] == ["open", "closed"]
    assert len(cloud.jobs) == 1


def test_finished_request_needs_neither_account_nor_network(
    cloud, account, trained, monkeypatch
):
    expected = on(trained, BACKEND).predict_proba(X)
    monkeypatch.delattr(qiskit_ibm_runtime, "QiskitRuntimeService")
    cloud.inject(".*", ".*", None, times=np.inf)
    n_requests = len(cloud.requests)
    np.testing.assert_array_equal(on(trained, BACKEND).predict_proba(X), expected)
    assert len(cloud.requests) == n_requests


def test_account_that_never_answers_ends_the_wait(trained, monkeypatch):
    def account():
        time.sleep(60)

    monkeypatch.setattr(accounts, "_CONNECTING", 0.1)
    with pytest.raises(TimeoutError, match=r"did not answer for 0.1 s .*nothing was"):
        on(trained, BACKEND, account=account).predict(X)


@pytest.mark.parametrize(
    "listed, words",
    [([BACKEND], "lists it, but did not describe it"), ([], "listed none")],
)
def test_device_that_cannot_be_asked_about_is_not_called_unknown(
    cloud, trained, monkeypatch, listed, words
):
    # What the client makes of an answer that is lost, in some versions of it.
    def lost(*args, **kwargs):
        raise QiskitBackendNotFoundError("No backend matches the criteria.")

    service = cloud.service()
    devices = [SimpleNamespace(name=name) for name in listed]
    monkeypatch.setattr(service, "backend", lost)
    monkeypatch.setattr(service, "backends", lambda: devices)
    with pytest.raises(ConnectionError, match=f"{words} when `backend` '{BACKEND}'"):
        on(trained, BACKEND, account=lambda: service).predict(X)
    assert not cloud.jobs


def test_journal_stays_where_the_fit_began(cloud, backend, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    watch(cloud, lambda: monkeypatch.chdir(tmp_path / "elsewhere"))
    make_classifier(backend).fit(X, Y)
    assert (tmp_path / "skqnn_journal.sqlite").exists()
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize(
    "change, is_new",
    [
        ({"max_execution_time": 600}, False),
        ({"environment": {"job_tags": ["mine"]}}, False),
        ({"mode": "batch"}, False),
        ({"resilience_level": 1}, True),
        ({"optimization_level": 3}, True),
        ({"n_transpilations": 1}, True),
    ],
    ids=str,
)
def test_what_changes_no_result_is_not_paid_for_again(
    cloud, backend, trained, change, is_new
):
    for options in ({}, change):
        on(trained, backend, **options).predict(X)
    assert len(cloud.jobs) == 1 + is_new


@pytest.mark.parametrize("wrong", ["options", "environment", "account"])
def test_error_names_no_secret(account, trained, wrong):
    secret = "dummy-token-8a3f"
    options = {
        "options": {"token": secret},
        "environment": {"environment": {"token": secret}},
        "account": {"account": {"token": secret}},
    }[wrong]
    with pytest.raises((ValueError, TypeError)) as caught:
        on(trained, BACKEND, **options).predict(X)
    text = "".join(traceback.format_exception(caught.value))
    assert secret not in text


FAILURES = {
    "none": (),
    "refused": ("POST", "/jobs", 401),
    "never accepted": ("POST", "/jobs", None, False, np.inf),
    "lost": ("POST", "/jobs", None, True),
    "damaged": ("GET", "/jobs/[^/]+/results", 200),
    "no session": ("POST", "/sessions", 403),
    "no backend": ("GET", "/backends/.*", 404, False, np.inf),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("failure", FAILURES)
def test_no_output_holds_the_token(cloud, trained, caplog, tmp_path, failure):
    token = "dummy-token-8a3f"
    caplog.set_level("DEBUG", logger="skqnn")
    if FAILURES[failure]:
        cloud.inject(*FAILURES[failure])
    mode = "session" if failure == "no session" else "job"
    account = functools.partial(connect, cloud.url, token=token)
    classifier = on(trained, BACKEND, account=lambda: account(), mode=mode)
    text = ""
    try:
        classifier.predict(X)
    except Exception as error:
        text = "".join(traceback.format_exception(error))
    assert bool(text) == (failure not in ("none", "lost", "damaged"))
    shown = [text, repr(classifier), estimator_html_repr(classifier), caplog.text]
    assert not any(token in part for part in shown)
    kept = [pickle.dumps(c) for c in (classifier, clone(classifier))]
    kept += [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(token.encode() in part for part in kept)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    with FakeCloud() as cloud, pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("undisturbed"))
        return make_classifier(cloud.service().backend(BACKEND)).fit(X, Y).theta_


@pytest.mark.parametrize(
    "faults",
    [
        [("POST", "/jobs", None, False, 1)],
        [("POST", "/jobs", None, True, 1)],
        [("POST", "/jobs", 504, True, 1)],
        [("POST", "/jobs", 429, False, 2)],
        [("GET", "/jobs/[^/]+", None, False, 30)],
    ],
    ids=str,
)
def test_disturbed_fit_pays_once_and_ends_at_the_same_weights(
    cloud, backend, undisturbed, faults
):
    for fault in faults:
        cloud.inject(*fault)
    classifier = make_classifier(backend).fit(X, Y)
    np.testing.assert_array_equal(classifier.theta_, undisturbed)
    assert len(cloud.jobs) == 2


def test_interrupted_fit_continues_from_the_journal(cloud, backend, undisturbed):
    classifier, refusal = make_classifier(backend), ("POST", "/jobs", 401)
    watch(cloud, lambda: len(cloud.jobs) == 1 and cloud.inject(*refusal))
    with pytest.raises(RequestError, match="was refused"):
        classifier.fit(X, Y)
    assert len(cloud.jobs) == 1
    watch(cloud, lambda: cloud.heal())
    classifier.fit(X, Y)
    np.testing.assert_array_equal(classifier.theta_, undisturbed)
    assert len(cloud.jobs) == 2


@pytest.fixture
def interruptible():
    """Heed Ctrl-C, which a shell tells processes in the background to ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Interrupt:
    """Ctrl-C while the service handles a request, from the n-th job on."""

    def __init__(self, cloud, n_jobs):
        self.cloud, self.n_jobs, self.armed = cloud, n_jobs, True
        watch(cloud, self)

    def __call__(self):
        if self.armed and len(self.cloud.jobs) == self.n_jobs:
            self.armed = False
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.2)  # the main thread gets it while it waits for the answer


def spend(classifier):
    """What a script does: train, then predict."""
    classifier.fit(X, Y).predict(X)


def grid_search(classifier):
    GridSearchCV(classifier, {"max_iter": [1, 2]}, cv=2).fit(X, Y)


def in_a_pipeline(classifier):
    make_pipeline(StandardScaler(), classifier).fit(X, Y).predict(X)


def by_cobyla(classifier):
    classifier.set_params(solver=COBYLA(maxiter=4)).fit(X, Y).predict(X)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_interrupt_reaches_the_user_before_more_is_paid(
    cloud, backend, undisturbed, n_jobs, interruptible
):
    classifier = make_classifier(backend)
    Interrupt(cloud, n_jobs)
    with pytest.raises(KeyboardInterrupt):
        spend(classifier)
    assert len(cloud.jobs) == n_jobs
    assert hasattr(classifier, "theta_") == (n_jobs == 2)
    np.testing.assert_array_equal(classifier.fit(X, Y).theta_, undisturbed)
    assert len(cloud.jobs) == 2


@pytest.mark.parametrize(
    "method, random_state",
    [
        ("fit", None),
        ("fit", np.random.RandomState(0)),
        ("warm", 0),
        ("partial_fit", None),
    ],
    ids=str,
)
def test_retry_in_the_same_process_pays_for_nothing_twice(
    cloud, backend, method, random_state
):
    classifier = make_classifier(backend).set_params(
        random_state=random_state, max_iter=1, batch_size=3
    )
    train = functools.partial(classifier.fit, X, Y)
    if method == "warm":
        classifier.set_params(warm_start=True).fit(X, Y)
    if method == "partial_fit":
        train = functools.partial(classifier.partial_fit, X, Y, classes=[0, 1])
        train()
    n_before = len(cloud.jobs)
    refusal = ("POST", "/jobs", 401)
    watch(cloud, lambda: len(cloud.jobs) == n_before + 1 and cloud.inject(*refusal))
    with pytest.raises(RequestError, match="was refused"):
        train()
    cloud.heal()
    watch(cloud, lambda: None)
    train()
    assert len(cloud.jobs) == n_before + 2


@pytest.mark.parametrize("method", ["fit", "predict"])
def test_retry_has_the_noise_of_a_generator_again(
    cloud, backend, trained, method, tmp_path
):
    classifier = on(trained, backend, random_state=np.random.RandomState(0))
    classifier.set_params(max_iter=1, batch_size=3)
    run = functools.partial(
        getattr(classifier, method), *(X, Y)[: 1 + (method == "fit")]
    )
    cloud.inject("GET", "/jobs/[^/]+", 401, times=np.inf)
    with pytest.raises(RequestError, match="No access"):
        run()
    cloud.heal()
    n_jobs = len(cloud.jobs)
    run()
    assert (n_jobs, len(cloud.jobs)) == (1, {"fit": 2, "predict": 1}[method])
    run()
    assert len(cloud.jobs) == {"fit": 4, "predict": 2}[method]


@pytest.mark.parametrize("script", [grid_search, in_a_pipeline, by_cobyla])
def test_interrupt_ends_whatever_is_around_a_fit(cloud, account, script, interruptible):
    classifier = make_classifier(BACKEND)
    Interrupt(cloud, 1)
    with pytest.raises(KeyboardInterrupt):
        script(classifier)
    assert len(cloud.jobs) == 1


def test_live_backends_become_names_in_pickles(backend, trained):
    classifier = on(trained, backend)
    copy = pickle.loads(pickle.dumps(classifier))
    assert copy.backend.target == BACKEND
    assert classifier.backend.target is backend
    estimator = on(trained, Estimator(mode=backend), options=None)
    assert pickle.loads(pickle.dumps(estimator)).backend.target == BACKEND
    assert clone(classifier).backend.target is not None


def test_engine_pickles_without_its_connection(account, backend):
    device = make_device(backend, 500)
    engine = PrimitiveEngine(real_amplitudes(2), [SparsePauliOp("ZZ")], device)
    states, theta = engine.prepare(np.eye(4)[:2]), np.zeros(8)
    E = engine.expectations(states, theta)
    copy = pickle.loads(pickle.dumps(engine))
    np.testing.assert_allclose(copy.expectations(states, theta), E, atol=0.2)


def fit_and_save(url, directory, result):
    os.chdir(directory)
    _primitive.Patience = lambda **_: PATIENCE
    backend = connect(url).backend(BACKEND)
    np.save(result, make_classifier(backend).fit(X, Y).theta_)


@pytest.mark.slow
@pytest.mark.parametrize("n_requests", [9, 10, 14, 18])
def test_killed_fit_continues_where_it_was(tmp_path, undisturbed, n_requests):
    """SIGKILL while the service handles one of its requests, then run again."""
    context = multiprocessing.get_context("forkserver")
    result = tmp_path / "theta.npy"
    with FakeCloud(queue=1) as cloud:

        def start():
            arguments = (cloud.url, tmp_path, result)
            process = context.Process(target=fit_and_save, args=arguments, daemon=True)
            process.start()
            return process

        first = start()
        watch(cloud, lambda: len(cloud.requests) >= n_requests and first.kill())
        first.join(60)
        assert first.exitcode == -signal.SIGKILL
        watch(cloud, lambda: None)
        second = start()
        second.join(60)
        assert second.exitcode == 0
        assert len(cloud.jobs) == 2
    np.testing.assert_array_equal(np.load(result), undisturbed)
