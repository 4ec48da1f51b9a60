"""Compiling where there is no source: in frozen applications, archives, packages."""

import importlib
import os
import py_compile
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import skqnn

pytest.importorskip("numba")

DOUBLE = """
from skqnn._jit import jit

@jit
def double(x):
    return 2 * x
"""


def compile_to(folder, name, text, said=None):
    """Return a module that is there as compiled code only, and says where it was."""
    source, path = folder / f"{name}.py", folder / f"{name}.pyc"
    source.write_text(text)
    py_compile.compile(source, cfile=path, dfile=said, doraise=True)
    source.unlink()
    return path


@pytest.mark.parametrize("zipped", [False, True])
def test_functions_without_source_are_compiled(tmp_path, monkeypatch, zipped):
    name = f"double_{'zipped' if zipped else 'alone'}"
    folder = tmp_path / "all.zip" if zipped else tmp_path
    path = compile_to(tmp_path, name, DOUBLE, said=folder / f"{name}.py")
    if zipped:
        with zipfile.ZipFile(folder, "w") as archive:
            archive.write(path, path.name)
    monkeypatch.syspath_prepend(folder)
    assert importlib.import_module(name).double(1.5) == 3.0


def test_modules_without_source_have_hashes(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    code_hash = importlib.import_module("skqnn._engine.kernels").code_hash
    hashes = []
    for name, text in (("one", "def f(): return 1"), ("two", "def f(): return 2")):
        compile_to(tmp_path, f"without_source_{name}", text)
        module = importlib.import_module(f"without_source_{name}")
        hashes.append(code_hash(module))
        assert code_hash(importlib.reload(module)) == hashes[-1]
    assert hashes[0] != hashes[1]


@pytest.mark.slow
def test_the_package_runs_without_its_source(tmp_path):
    package = tmp_path / "skqnn"
    shutil.copytree(Path(skqnn.__file__).parent, package)
    command = [sys.executable, "-m", "compileall", "-b", "-q", package]
    subprocess.run(command, check=True)
    for source in package.rglob("*.py"):
        source.unlink()
    code = """
import numpy as np
from qiskit.circuit.library import real_amplitudes
from qiskit.quantum_info import SparsePauliOp
from skqnn._engine.statevector import StatevectorEngine
engine = StatevectorEngine(real_amplitudes(6, reps=1), [SparsePauliOp("ZZZZZZ")])
assert engine.is_compiled and __import__("skqnn").__file__.endswith("pyc")
print(engine.expectations(np.eye(1, 64), np.zeros(12))[0, 0])
"""
    printed = subprocess.check_output(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        text=True,
    )
    assert float(printed) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    "settings, n_bytes",
    [
        ({"NUMBA_CPU_NAME": "generic"}, 32),
        ({"NUMBA_CPU_FEATURES": "+avx2,+fma"}, 32),
        ({"NUMBA_CPU_FEATURES": "+avx2,+avx512f"}, 64),
    ],
)
def test_rows_are_those_of_the_processor_that_is_compiled_for(settings, n_bytes):
    """Not of the one at hand: several, set up alike, may share a cache on disk."""
    code = "from skqnn._engine.layout import vector_bytes; print(vector_bytes())"
    printed = subprocess.check_output(
        [sys.executable, "-c", code], env=os.environ | settings, text=True
    )
    assert int(printed) == n_bytes
