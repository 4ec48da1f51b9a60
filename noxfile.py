"""The checks of CONTRIBUTING.md, each in a fresh environment: `nox -l` lists them.

`lowest` and `newest` are the matrix: the oldest Python with the lowest version of all
that pyproject.toml allows, and every Python with what pip chooses today. A Python that
is not installed is passed over. `.ci/run` calls the same sessions.
"""

from pathlib import Path

import nox
from packaging.requirements import Requirement

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)

# The newest build looks for a CUDA driver and fails where there is none.
TORCH = "torch==2.13.0"

# Two processes with one thread each are the fastest way to use two cores.
PARALLEL = ("-n", "2")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
ENVIRONMENT = dict.fromkeys(THREADS, "1") | {"MPLBACKEND": "Agg"}

nox.options.sessions = ["lint", "types", "lowest", "newest"]
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False


def lower_bounds():
    """Return the least that pyproject.toml allows, as constraints of pip."""
    extras = PROJECT["project"]["optional-dependencies"].values()
    lines = sum(extras, start=PROJECT["project"]["dependencies"])
    return [
        f"{requirement.name}=={bound.version}"
        for requirement in map(Requirement, lines)
        for bound in requirement.specifier
        if bound.operator == ">="
    ]


def pytest(session, *arguments, **environment):
    """Run pytest with these arguments and those that follow `--`."""
    command = ("python", "-m", "pytest", *arguments, *session.posargs)
    session.run(*command, env=ENVIRONMENT | environment)


def fast_tests(session):
    """Run the tests that need no extra but `test`, all of which must be importable."""
    selection = "not slow and not interop and not pennylane"
    arguments = (*PARALLEL, "--dist", "loadfile", "-m", selection)
    pytest(session, "--require-imports", *arguments)


@nox.session(python=PYTHONS[0])
def lowest(session):
    """Test with the lowest versions that pyproject.toml allows."""
    constraints = Path(session.create_tmp(), "lowest.txt")
    constraints.write_text("\n".join(lower_bounds()), encoding="utf-8")
    session.install("-e", ".[test]", "-c", str(constraints))
    fast_tests(session)


@nox.session(python=PYTHONS)
def newest(session):
    """Test with the newest versions, on each Python."""
    session.install("-e", ".[test]")
    fast_tests(session)


@nox.session
def interop(session):
    """Test with the packages of the extra `interop`, and with arrays of PyTorch."""
    session.install("-e", ".[interop,test]", TORCH)
    cpu = {"CUDA_VISIBLE_DEVICES": ""}
    selection = "interop and not pennylane"
    pytest(session, "--require-imports", "-m", selection, **cpu)
    # SciPy reads the variable when it is imported, so this is a run of its own.
    cpu["SCIPY_ARRAY_API"] = "1"
    pytest(session, *PARALLEL, "tests/test_array_api.py", **cpu)


@nox.session
def pennylane(session):
    """Test with PennyLane, in the Qiskit that its plugin needs."""
    session.install("-e", ".", "pennylane-qiskit", "pytest", "pytest-timeout")
    pytest(session, "--require-imports", "-m", "pennylane", "tests/test_interop.py")


@nox.session
def lint(session):
    """Check style, format and spelling."""
    session.install("-e", ".[dev]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")


@nox.session
def types(session):
    """Check the types."""
    session.install("-e", ".[dev]")
    session.run("mypy")


@nox.session
def docs(session):
    """Build the documentation with its gallery; a warning is an error."""
    session.install("-e", ".[dev]")
    options = ("-q", "-W", "--keep-going", "-b", "html")
    session.run("sphinx-build", *options, "docs", "docs/_build/html", env=ENVIRONMENT)


@nox.session
def doctest(session):
    """Run the examples in docstrings and pages, and the notebook."""
    session.install("-e", ".[dev]")
    options = ("--doctest-modules", "--doctest-glob=*.rst", "--ignore=docs/conf.py")
    pytest(session, *options, "skqnn", "docs")
    pytest(session, "--nbmake", "examples/tutorial.ipynb")
