import numpy as np
import pytest

from skqnn._journal.names import digest_of, request_key

REQUEST = {
    "model": "RY, CX",
    "inputs": (np.array([[0.1], [0.2]]), np.eye(2)),
    "shots": 100,
    "salt": "ibm_manila, step 1",
}


@pytest.mark.parametrize(
    "change",
    [
        {"model": "RY, CZ"},
        {"inputs": (np.array([[0.1], [np.nextafter(0.2, 1)]]), np.eye(2))},
        {"inputs": (np.array([[0.1, 0.2]]), np.eye(2))},
        {"inputs": (np.array([[0.1], [0.2]]),)},
        {"shots": None},
        {"salt": "ibm_manila, step 2"},
    ],
    ids=str,
)
def test_request_key_depends_on_every_argument(change):
    assert request_key(**REQUEST | change) != request_key(**REQUEST)


def test_request_key_is_the_same_for_ever():
    """A journal of today must answer the requests of tomorrow's release."""
    assert request_key(**REQUEST).startswith("608c6728ab5e6328")


def test_digest_tells_how_bytes_are_cut_into_parts():
    assert digest_of([b"ab", b"c"]) != digest_of([b"a", b"bc"])
