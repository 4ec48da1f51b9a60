import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

from skqnn._journal import database
from skqnn._journal.file import Journal

RESULT = np.array([[0.1, -0.0], [1.0, 1e-300]]), np.array([[0.5, 0.25], [0.0, 1.0]])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


def fill(path, n_requests=3):
    with Journal(path) as journal:
        for k in range(n_requests):
            entry = journal.begin(f"{k:02}" * 32)
            journal.done(journal.submitted(entry, f"job {k}"), *RESULT)


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


def test_files_are_for_their_owner_only(path):
    fill(path)
    for name in (path, path.with_name(f"{path.name}.lock")):
        assert name.stat().st_mode & 0o777 == 0o600


def change(path, statement):
    """Change a journal as somebody would who does not know it."""
    with sqlite3.connect(path) as other:
        other.execute(statement)
    other.close()


@pytest.mark.parametrize(
    "statement, message",
    [
        ("PRAGMA user_version = 7", "its version is 7, and this skqnn reads 1"),
        ("DELETE FROM journal", "lacks columns or rows"),
        ("DROP TABLE journal", "no such table: journal"),
        ("ALTER TABLE requests DROP COLUMN error", "lacks columns or rows"),
        ("ALTER TABLE requests ADD COLUMN extra", "lacks columns or rows"),
    ],
)
def test_journal_of_another_make_is_refused(path, statement, message):
    fill(path)
    change(path, statement)
    with pytest.raises(ValueError, match=f"good order, got .*{message}"):
        Journal(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE requests SET state = 'intent' WHERE job_id = 'job 1'",
        "UPDATE requests SET evs = zeroblob(length(evs)) WHERE job_id = 'job 1'",
        "UPDATE requests SET stds = NULL WHERE job_id = 'job 1'",
        "UPDATE requests SET job_id = 'job 2' WHERE job_id = 'job 1'",
        "UPDATE requests SET attempt = 2 WHERE job_id = 'job 1'",
    ],
)
def test_altered_request_is_refused(path, statement):
    fill(path)
    change(path, statement)
    with Journal(path) as journal:
        assert journal.last("00" * 32).state == "done"
        with pytest.raises(ValueError, match=r"request 'skqnn-.*' was altered"):
            journal.last("01" * 32)
        with pytest.raises(ValueError, match="was altered"):
            journal.check()


def test_check_finds_a_request_whose_key_was_altered(path):
    """It would look as if it had never been paid for."""
    fill(path)
    change(path, "UPDATE requests SET key = 'x' WHERE job_id = 'job 1'")
    with Journal(path) as journal:
        assert journal.last("01" * 32) is None
        with pytest.raises(ValueError, match="was altered"):
            journal.check()


def test_unknown_state_is_refused(path):
    fill(path)
    with Journal(path) as journal:
        entry = journal.last("01" * 32)
        journal._change(entry.tag, unless=(), state="paused")
        with pytest.raises(ValueError, match="unknown state 'paused'"):
            journal.last("01" * 32)


def test_flipped_bits_are_found_or_harmless(path, sound_journal):
    """Neither a wrong result, nor a request that looks as if it were not paid for."""
    rng = np.random.default_rng(0)
    n_found = 0
    for _ in range(300):
        data = bytearray(sound_journal)
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        path.write_bytes(data)
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
        try:
            with Journal(path) as journal:
                journal.check()
        except (ValueError, OSError):
            n_found += 1
            continue
        with Journal(path) as journal:
            for k in range(30):
                found = journal.result(journal.last(f"{k:02}" * 32))
                np.testing.assert_array_equal(found, RESULT)
    assert n_found > 150


def test_flipped_bits_that_are_met_without_a_check_are_told_in_our_words(path):
    """Requests that cost nothing do not wait for a check of the whole file."""
    with Journal(path) as journal:
        journal.keep("00" * 32, "simulated", *RESULT)
    sound, seen = path.read_bytes(), set()
    places = [k for k, byte in enumerate(sound) if byte]
    for k in np.random.default_rng(0).choice(places, 80):
        data = bytearray(sound)
        data[k] ^= 4
        path.write_bytes(data)
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
        try:
            with Journal(path) as journal:
                entry = journal.keep("00" * 32, "simulated", *RESULT)
                np.testing.assert_array_equal(journal.result(entry), RESULT)
        except (ValueError, OSError) as error:
            seen.add((type(error.__cause__), str(error).split(",")[0]))
    causes, words = zip(*seen, strict=True)
    assert sqlite3.IntegrityError in causes
    assert all(text.startswith("`journal` must be a") for text in words)


def test_job_of_several_requests_does_not_say_which_to_drop(path):
    with Journal(path) as journal:
        for key in ("00" * 32, "01" * 32):
            journal.keep(key, "simulated", *RESULT)
        with pytest.raises(ValueError, match="the job of 2 requests; give a tag"):
            journal.drop("simulated")
        journal.drop(journal.last("01" * 32).tag)
        assert [row.state for row in journal.rows()] == ["done", "dropped"]


@pytest.mark.parametrize("by", ["tag", "job_id"])
def test_dropped_request_is_made_anew_under_another_tag(path, by):
    fill(path)
    with Journal(path) as journal:
        first = journal.last("01" * 32)
        journal.drop(getattr(first, by))
        assert journal.last("01" * 32).state == "dropped"
        assert journal.last("00" * 32).state == "done"
        second = journal.begin("01" * 32)
        assert (second.attempt, second.tag != first.tag) == (2, True)


def test_dropping_what_is_not_there_is_refused(path):
    fill(path)
    with Journal(path) as journal, pytest.raises(ValueError, match="got 'job 9'"):
        journal.drop("job 9")


def test_kept_result_stays(path):
    with Journal(path) as journal:
        first = journal.keep("ab" * 32, "simulated", *RESULT)
        second = journal.keep("ab" * 32, "simulated", *np.zeros((2, 2, 2)))
        assert first == second
        np.testing.assert_array_equal(journal.result(second), RESULT)


def test_journal_in_memory_forgets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        with Journal(None) as journal, journal.lock():
            assert journal.last("ab" * 32) is None
            journal.keep("ab" * 32, "simulated", *RESULT)
            journal.check()
    assert list(tmp_path.iterdir()) == []


def test_waiting_for_a_lock_is_told_and_ends(path, caplog, monkeypatch):
    monkeypatch.setattr(database, "_TELL_AFTER", 0.1)
    with Journal(path) as one, Journal(path) as two, one.lock():
        with pytest.raises(TimeoutError, match=r"held the lock .* `fuser '.*lock'`"):
            with two.lock(limit=0.5):
                pass
    assert "another process that submits with" in caplog.text


def test_stopped_process_does_not_hold_up_for_ever(path):
    fill(path)
    program = (
        f"import sqlite3; lock = sqlite3.connect({str(path) + '.lock'!r});"
        "lock.execute('BEGIN EXCLUSIVE'); print('locked', flush=True); input()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], **pipes) as process:
        process.stdout.readline()
        os.kill(process.pid, signal.SIGSTOP)
        with Journal(path) as journal:
            start = time.monotonic()
            with pytest.raises(TimeoutError, match="then run again"):
                with journal.lock(limit=0.3):
                    pass
            assert time.monotonic() - start < 10
            process.kill()
            with journal.lock(limit=60.0):
                pass


def test_opening_and_reading_do_not_depend_on_the_number_of_requests(path, tmp_path):
    """Count what SQLite does, in its own steps, for 10 and for 2,000 requests."""

    def name(k):
        return hashlib.sha256(b"%d" % k).hexdigest()

    steps = {}
    for n in (10, 2000):
        with Journal(tmp_path / f"{n}") as journal:
            journal._database.execute("PRAGMA synchronous = OFF")
            for k in range(n):
                journal.keep(name(k), "simulated", *RESULT)
        steps[n] = 0
        with Journal(tmp_path / f"{n}") as journal:

            def count(n=n):
                steps[n] += 1

            journal._database.set_progress_handler(count, 1)
            journal._check_head()
            journal.result(journal.last(name(n // 2)))
    assert steps[2000] <= 1.2 * steps[10]
