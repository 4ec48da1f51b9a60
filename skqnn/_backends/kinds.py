"""Which kind of backend a value is, whether or not its package is installed."""

import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from skqnn._validation import missing_package


def named(*prefixes: str) -> Callable[[Any], bool]:
    """Return a test for names that begin in one of some ways."""
    return lambda target: isinstance(target, str) and target.startswith(prefixes)


def is_a(module: str, *names: str) -> Callable[[Any], bool]:
    """Return a test for classes of a module that need not be installed or loaded."""

    def test(target: Any) -> bool:
        loaded = sys.modules.get(module)
        kinds = [getattr(loaded, name) for name in names] if loaded else []
        return isinstance(target, tuple(kinds))

    return test


is_ibm_backend = is_a("qiskit_ibm_runtime", "IBMBackend")
is_fake_backend = is_a("qiskit_ibm_runtime.fake_provider.fake_backend", "FakeBackendV2")
is_aer_simulator = is_a("qiskit_aer", "AerSimulator")
is_window = is_a("qiskit_ibm_runtime", "Session", "Batch")


def is_ibm_estimator(target: Any) -> bool:
    """Tell whether a value is IBM's client-side estimator for a live backend."""
    kind = is_a("qiskit_ibm_runtime.executor_estimator", "Estimator")
    return kind(target) and is_ibm_backend(target.backend())


def portable(target: Any) -> Any:
    """Return the target without a live connection: an IBM backend becomes its name."""
    if is_ibm_backend(target):
        return target.name
    if is_ibm_estimator(target):
        return target.backend().name
    return target


def need_runtime(name: str) -> None:
    """Raise ImportError if the client of IBM Quantum is not installed."""
    if find_spec("qiskit_ibm_runtime") is None:
        raise missing_package(f"`backend` {name!r}", "qiskit-ibm-runtime", "ibm")


def fake_backends() -> dict[str, type]:
    """Return the classes of all fake backends by name."""
    need_runtime("fake_...")
    from qiskit_ibm_runtime import fake_provider

    classes = vars(fake_provider).items()
    fakes = [c for name, c in classes if name.startswith("Fake")]
    return {c.backend_name: c for c in fakes if hasattr(c, "backend_name")}
