"""Fixtures that several test modules share."""

import pytest


@pytest.fixture
def cloud():
    """The stand-in for IBM Quantum, running."""
    pytest.importorskip("qiskit_ibm_runtime")
    from fake_cloud import FakeCloud

    with FakeCloud() as cloud:
        yield cloud


@pytest.fixture
def backend(cloud):
    """The device of the stand-in, through the real client."""
    from fake_cloud import BACKEND

    return cloud.service().backend(BACKEND)
