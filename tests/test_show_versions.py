import re
from importlib.metadata import version

import skqnn
from skqnn import _show_versions


def test_versions_are_shown_without_importing_anything(capsys, monkeypatch):
    monkeypatch.setattr(_show_versions, "_PACKAGES", ("skqnn", "qiskit", "no-such"))
    skqnn.show_versions()
    text = capsys.readouterr().out
    assert f"skqnn: {skqnn.__version__}\n" in text
    assert f"qiskit: {version('qiskit')}\n" in text
    assert "no-such: None\n" in text
    assert re.search(r"System:\n +python: 3\.", text)
