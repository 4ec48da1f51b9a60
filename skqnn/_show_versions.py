"""What a bug report should say about the system."""

import os
import platform
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from threadpoolctl import threadpool_info

_PACKAGES = (
    "skqnn",
    "scikit-learn",
    "qiskit",
    "qiskit-aer",
    "qiskit-machine-learning",
    "qiskit-ibm-runtime",
    "numpy",
    "scipy",
    "joblib",
    "threadpoolctl",
    "matplotlib",
    "numba",
    "skops",
)


def show_versions() -> None:
    """Print versions and system information, for bug reports.

    Packages are looked up and not imported. ``None`` means not installed.

    Examples
    --------
    >>> from skqnn import show_versions
    >>> show_versions()
    <BLANKLINE>
    System:
         python: ...
    """
    system = {
        "python": sys.version.replace("\n", " "),
        "executable": sys.executable,
        "machine": platform.platform(),
        "cores": os.cpu_count(),
    }
    lines = ["", "System:", *_table(system.items())]
    packages = [(name, _version(name)) for name in _PACKAGES]
    lines += ["", "Python dependencies:", *_table(packages)]
    # Linear algebra libraries explain most differences in speed.
    for library in threadpool_info():
        lines += ["", "threadpoolctl info:", *_table(library.items())]
    sys.stdout.write("\n".join(lines) + "\n")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _table(rows: Iterable[tuple[str, object]]) -> list[str]:
    rows = list(rows)
    width = max(len(name) for name, _ in rows)
    return [f"{name:>{width}}: {value}" for name, value in rows]
