import numpy as np
import pytest

from skqnn._journal.file import Journal
from skqnn.journal import drop_request, list_requests


@pytest.fixture
def path(tmp_path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        first = journal.submitted(journal.begin("ab" * 32), "job 1")
        journal.done(first, np.ones((1, 2)), np.zeros((1, 2)))
        second = journal.submitted(journal.begin("cd" * 32), "job 2")
        journal.failed(second, ValueError("bad qubit"))
        journal.begin("ef" * 32)
    return tmp_path / "journal.sqlite"


def test_requests_are_listed_in_order(path):
    requests = list_requests(path)
    assert [r["state"] for r in requests] == ["done", "failed", "intent"]
    assert [r["job_id"] for r in requests] == ["job 1", "job 2", None]
    assert [r["error"] for r in requests] == [None, "bad qubit", None]
    assert all(r["tag"].startswith("skqnn-") for r in requests)


@pytest.mark.parametrize("name", ["tag", "job_id"])
def test_dropped_request_is_made_again(path, name):
    drop_request(path, list_requests(path)[0][name])
    assert [r["state"] for r in list_requests(path)] == ["dropped", "failed", "intent"]
    with Journal(path) as journal:
        assert journal.begin("ab" * 32).attempt == 2


def test_unknown_request_and_missing_file_are_refused(path, tmp_path):
    with pytest.raises(ValueError, match="the tag or the job of a request"):
        drop_request(path, "job 9")
    for act in (list_requests, lambda path: drop_request(path, "job 1")):
        with pytest.raises(FileNotFoundError):
            act(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
