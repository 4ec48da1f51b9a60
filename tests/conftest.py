"""Fixtures that several test modules share, and an option of the tests."""

import importlib
import signal

import pytest


def pytest_addoption(parser):
    parser.addoption(
        "--require-imports",
        action="store_true",
        help="a test whose packages cannot be imported fails, and is not skipped",
    )


def pytest_configure(config):
    if config.option.require_imports:
        pytest.importorskip = importlib.import_module


@pytest.fixture(scope="session", autouse=True)
def interrupts():
    """Let Ctrl-C arrive, which a shell keeps from what it starts in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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
