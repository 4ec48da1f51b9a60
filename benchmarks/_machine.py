"""One core, one thread, and what identifies a run."""

import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import skqnn

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}
LIBRARIES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "qiskit",
    "qiskit-machine-learning",
    "numba",
    "jaxlib",
)


def run_on_one_core() -> None:
    """Start the script again with one thread on one core.

    The core is the last one that the process may use: choose it with ``taskset``.
    """
    pinned = True
    if hasattr(os, "sched_getaffinity"):
        cores = os.sched_getaffinity(0)
        pinned = len(cores) == 1
        os.sched_setaffinity(0, {max(cores)})
    if not pinned or any(os.environ.get(k) != v for k, v in ONE_THREAD.items()):
        os.environ.update(ONE_THREAD)
        os.execv(sys.executable, sys.orig_argv)


def describe_machine() -> str:
    """Return processor, cores, load, Python and library versions in two lines."""
    processor = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            names = [
                line.split(":")[1].strip() for line in file if "model name" in line
            ]
        processor = names[0] if names else processor
    installed = [f"{name} {v}" for name in LIBRARIES if (v := installed_version(name))]
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{processor}, {os.cpu_count()} cores{load}, {platform.system()}, one thread\n"
        f"Python {platform.python_version()}, skqnn {skqnn.__version__}, "
        f"{', '.join(installed)}"
    )


def installed_version(distribution: str) -> str | None:
    """Return the version of a distribution, None if it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def cpu_seconds(function: Callable[[], object]) -> float:
    """Return the processor time of one call.

    On one core it is the wall time without the share that other processes took.
    """
    start = time.process_time()
    function()
    return time.process_time() - start
