import os
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp

from skqnn._journal.file import Journal, request_key

RESULT = np.array([[0.1, -0.0], [1.0, 1e-300]]), np.array([[0.5, 0.25], [0.0, 1.0]])


def make_circuit(angle=0.5):
    circuit = QuantumCircuit(2)
    circuit.rz(Parameter("a"), 0)
    circuit.rz(angle, 1)
    return circuit


REQUEST = {
    "circuit": make_circuit(),
    "observables": [SparsePauliOp("ZI")],
    "parameter_values": np.array([[0.1], [0.2]]),
    "shots": 100,
    "salt": "ibm_manila, step 1",
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


def fill(path, n_requests=3):
    with Journal(path) as journal:
        for k in range(n_requests):
            entry = journal.begin(f"{k:02}" * 32)
            journal.done(journal.submitted(entry, f"job {k}"), *RESULT)


@pytest.mark.parametrize(
    "change",
    [
        {"circuit": make_circuit(0.6)},
        {"observables": [SparsePauliOp("IZ")]},
        {"observables": [SparsePauliOp("ZI", 2.0)]},
        {"observables": [SparsePauliOp("ZI")] * 2},
        {"parameter_values": np.array([[0.1], [np.nextafter(0.2, 1)]])},
        {"parameter_values": np.array([[0.1, 0.2]])},
        {"shots": None},
        {"salt": "ibm_manila, step 2"},
    ],
)
def test_request_key_depends_on_every_argument(change):
    assert request_key(**REQUEST | change) != request_key(**REQUEST)


def test_request_key_is_equal_in_another_process():
    program = (
        f"import runpy; names = runpy.run_path({__file__!r});"
        "print(names['request_key'](**names['REQUEST']))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    other = subprocess.run(
        [sys.executable, "-c", program],
        env=environment | {"PYTHONHASHSEED": "1"},
        capture_output=True,
        check=True,
        text=True,
    )
    assert other.stdout.strip() == request_key(**REQUEST)


def test_entries_and_results_survive_reopening(path):
    fill(path)
    with Journal(path) as journal:
        entry = journal.last("01" * 32)
        assert (entry.attempt, entry.state, entry.job_id) == (1, "done", "job 1")
        for found, expected in zip(journal.result(entry), RESULT, strict=True):
            assert found.tobytes() == expected.tobytes()
        assert journal.last("ab" * 32) is None


def test_begin_after_failure_is_a_new_attempt_with_a_new_tag(path):
    with Journal(path) as journal:
        first = journal.begin("ab" * 32)
        journal.failed(first, ValueError("why"))
        assert journal.last("ab" * 32).state == "failed"
        second = journal.begin("ab" * 32)
        assert (first.attempt, second.attempt) == (1, 2)
        assert first.tag != second.tag


def test_first_result_stays(path):
    fill(path, n_requests=1)
    with Journal(path) as journal:
        entry = journal.last("00" * 32)
        journal.done(entry, *np.zeros((2, 2, 2)))
        journal.failed(entry, ValueError())
        assert journal.last("00" * 32).state == "done"
        np.testing.assert_array_equal(journal.result(entry), RESULT)


def test_tags_of_two_journals_differ(tmp_path):
    with Journal(tmp_path / "a") as one, Journal(tmp_path / "b") as two:
        assert one.begin("ab" * 32).tag != two.begin("ab" * 32).tag


@pytest.fixture(scope="module")
def sound_journal(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "journal.sqlite"
    fill(path, n_requests=30)
    return path.read_bytes()


@pytest.mark.parametrize("fraction", [0.0, 0.001, 0.3, 0.5, 0.9, 0.9999])
def test_truncated_file_is_refused(path, sound_journal, fraction):
    path.write_bytes(sound_journal[: int(fraction * len(sound_journal))])
    with pytest.raises(ValueError, match="journal in good order"):
        Journal(path)


def test_other_files_are_refused_and_left_alone(path):
    path.write_text("hello " * 1000)
    with pytest.raises(ValueError, match="file is not a database"):
        Journal(path)
    assert path.read_text() == "hello " * 1000
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE requests (a)")
    database.close()
    with pytest.raises(ValueError, match="belongs to another program"):
        Journal(path)


def test_path_that_cannot_be_a_file_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing" / "journal.sqlite"):
        with pytest.raises(OSError, match="must be a file that can be written"):
            Journal(path)


@pytest.mark.parametrize("read_only", ["file", "directory"])
def test_read_only_journal_is_refused(path, read_only):
    fill(path)
    target = path if read_only == "file" else path.parent
    mode = target.stat().st_mode
    target.chmod(mode & 0o555)
    try:
        if os.access(target, os.W_OK):
            pytest.skip("this user may write anywhere")
        with pytest.raises(OSError, match="must be a file that can be written"):
            Journal(path)
    finally:
        target.chmod(mode)


def test_lock_is_held_by_one_at_a_time_and_freed(path):
    with Journal(path) as one, Journal(path) as two:
        with one.lock(), pytest.raises(sqlite3.OperationalError, match="locked"):
            two._lock.execute("BEGIN EXCLUSIVE")
        with two.lock():
            pass


def test_journal_opens_while_another_process_submits(path):
    with Journal(path) as one, one.lock(), Journal(path) as two:
        assert two.last("ab" * 32) is None
