"""Lines of `verbose=True`: seen by whoever should, loggers left alone."""

import logging
import threading

import pytest

from skqnn._verbose import inform, is_read, verbose_logging


@pytest.fixture
def logger():
    """A logger that nobody has set up."""
    logger = logging.Logger("skqnn.test")  # not below the root, which pytest handles
    logger.setLevel(logging.WARNING)
    return logger


def test_line_goes_to_standard_output_without_handlers(logger, capsys):
    with verbose_logging(True):
        inform(logger, "epoch %d", 3)
    inform(logger, "unseen")
    assert capsys.readouterr().out == "epoch 3\n"
    assert logger.level == logging.WARNING
    assert logger.handlers == []


def test_line_goes_to_the_handlers_whatever_the_level(logger, capsys):
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logger.addHandler(handler)
    with verbose_logging(True):
        inform(logger, "seen", quiet=logging.DEBUG)
    assert [(r.getMessage(), r.levelname) for r in records] == [("seen", "INFO")]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("quiet, seen", [(logging.INFO, 1), (logging.DEBUG, 0)])
def test_quiet_level_counts_without_verbose(logger, quiet, seen):
    records = []
    logger.setLevel(logging.INFO)
    handler = logging.Handler()
    handler.emit = records.append
    logger.addHandler(handler)
    inform(logger, "text", quiet=quiet)
    assert len(records) == seen


def test_other_threads_stay_quiet(logger, capsys):
    with verbose_logging(True):
        assert is_read(logger)
        thread = threading.Thread(target=lambda: inform(logger, "of another fit"))
        thread.start()
        thread.join()
    assert not is_read(logger)
    assert capsys.readouterr().out == ""
