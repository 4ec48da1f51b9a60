"""IBM Quantum, by the real client against the stand-in: modes, options, journal."""

import functools
import logging
import multiprocessing
import os
import pickle
import re
import signal

import numpy as np
import pytest
from rich.logging import RichHandler
from sklearn.base import clone
from sklearn.callback import ProgressBar

pytest.importorskip("qiskit_ibm_runtime")

import qiskit_ibm_runtime
from fake_cloud import BACKEND, FakeCloud, connect
from qiskit.circuit.library import real_amplitudes
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import Session
from qiskit_ibm_runtime.executor_estimator import Estimator

from skqnn import QNNClassifier
from skqnn._backends import primitive as _primitive
from skqnn._backends.primitive import PrimitiveEngine
from skqnn._backends.resolve import resolve
from skqnn._journal import requests as _journal
from skqnn._journal.requests import Patience, RequestError

OPTIONS = {"resilience_level": 0, "n_transpilations": 2}
PATIENCE = Patience(
    poll=0.01, contact=20.0, lookups=(0.0, 0.05), busy=0.01, submissions=3
)
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
    run_once = functools.partial(_journal.run_once, patience=PATIENCE)
    monkeypatch.setattr(_primitive, "run_once", run_once)
    monkeypatch.chdir(tmp_path)


def watch(cloud, act):
    """Call a function at each request to the service, before it is answered."""
    cloud.fault = lambda *request: (act() and None) or FakeCloud.fault(cloud, *request)


def make_classifier(backend, **options):
    return QNNClassifier(
        backend=backend,
        shots=options.pop("shots", 200),
        backend_options=OPTIONS | options,
        max_iter=2,
        learning_rate="cosine",
        batch_size=3,
        random_state=0,
    )


@pytest.fixture(scope="module")
def trained():
    return QNNClassifier(max_iter=200, random_state=0).fit(X, Y)


def on(trained, backend, **options):
    copy = pickle.loads(pickle.dumps(trained))
    return copy.set_params(
        backend=backend, shots=2000, backend_options=OPTIONS | options
    )


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


def test_training_on_hardware_is_by_spsa(cloud, backend):
    classifier = make_classifier(backend).fit(X, Y)
    assert classifier.gradient_ == "spsa"
    assert len(cloud.jobs) == 4  # two epochs of two mini-batches
    tags = [job.tags for job in cloud.jobs.values()]
    assert all(len(tag) == 1 and tag[0].startswith("skqnn-") for tag in tags)
    assert len({tag[0] for tag in tags}) == 4


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
        on(trained, estimator).set_params(backend_options=None).predict(X)
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
        ({"foo": 1}, "`options` must be options .*'foo'"),
        ({"resilience_level": 7}, "`options` must be options"),
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


def test_large_requests_are_cut_into_jobs_within_the_limits(backend):
    device = resolve(backend, shots=4000, n_qubits=2, options=OPTIONS)
    program = device.compile(real_amplitudes(2), [SparsePauliOp("ZZ")], 0)
    assert program.max_bindings == 2500
    two = [SparsePauliOp("ZZ"), SparsePauliOp("XX")]
    assert device.compile(real_amplitudes(2), two, 0).max_bindings == 1250
    extrapolated = resolve(
        backend, shots=4000, n_qubits=2, options=OPTIONS | {"resilience_level": 2}
    )
    program = extrapolated.compile(real_amplitudes(2), [SparsePauliOp("ZZ")], 0)
    assert program.max_bindings == 833
    wide = resolve(backend, shots=1, n_qubits=2, options=OPTIONS)
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
    classifier = on(trained, "fake_manila").set_params(journal=tmp_path / "journal")
    classifier.set_params(backend_options={"n_transpilations": 1}).predict(X)
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
    assert sum("submitted" in line for line in lines) == 4


def test_journal_none_remembers_nothing(cloud, backend, trained, tmp_path):
    classifier = on(trained, backend).set_params(journal=None)
    classifier.predict(X)
    classifier.predict(X)
    assert len(cloud.jobs) == 2
    assert list(tmp_path.iterdir()) == []


def test_unwritable_journal_is_refused_before_anything_is_sent(
    cloud, backend, trained, tmp_path
):
    classifier = on(trained, backend).set_params(journal=tmp_path / "no" / "journal")
    with pytest.raises(OSError, match="`journal` must be a file that can be written"):
        classifier.predict(X)
    assert len(cloud.jobs) == 0


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
    assert len(cloud.jobs) == 4


def test_interrupted_fit_continues_from_the_journal(cloud, backend, undisturbed):
    classifier, refusal = make_classifier(backend), ("POST", "/jobs", 401)
    watch(cloud, lambda: len(cloud.jobs) == 2 and cloud.inject(*refusal))
    with pytest.raises(RequestError, match="was refused"):
        classifier.fit(X, Y)
    assert len(cloud.jobs) == 2
    watch(cloud, lambda: cloud.heal())
    classifier.fit(X, Y)
    np.testing.assert_array_equal(classifier.theta_, undisturbed)
    assert len(cloud.jobs) == 4


def test_live_backends_become_names_in_pickles(backend, trained):
    classifier = on(trained, backend)
    copy = pickle.loads(pickle.dumps(classifier))
    assert copy.backend == BACKEND
    assert classifier.backend is backend
    estimator = on(trained, Estimator(mode=backend))
    assert pickle.loads(pickle.dumps(estimator)).backend == BACKEND
    assert clone(classifier).backend is not None


def test_engine_pickles_without_its_connection(account, backend):
    device = resolve(backend, shots=500, n_qubits=2, options=OPTIONS)
    engine = PrimitiveEngine(real_amplitudes(2), [SparsePauliOp("ZZ")], device)
    states, theta = engine.prepare(np.eye(4)[:2]), np.zeros(8)
    E = engine.expectations(states, theta)
    copy = pickle.loads(pickle.dumps(engine))
    np.testing.assert_allclose(copy.expectations(states, theta), E, atol=0.2)


def fit_and_save(url, directory, result):
    os.chdir(directory)
    _primitive.run_once = functools.partial(_journal.run_once, patience=PATIENCE)
    backend = connect(url).backend(BACKEND)
    np.save(result, make_classifier(backend).fit(X, Y).theta_)


@pytest.mark.slow
@pytest.mark.parametrize("n_requests", [9, 10, 17, 30])
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
        assert len(cloud.jobs) == 4
    np.testing.assert_array_equal(np.load(result), undisturbed)
