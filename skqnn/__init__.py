"""Quantum neural networks that behave like any other scikit-learn estimator."""

from importlib import import_module
from types import ModuleType

from skqnn._backends.backend import Backend
from skqnn._classifier import QNNClassifier
from skqnn._encoder import BinaryAmplitudeEncoder
from skqnn._show_versions import show_versions

__version__ = "0.1.0"

__all__ = [
    "Backend",
    "BinaryAmplitudeEncoder",
    "QNNClassifier",
    "__version__",
    "show_versions",
]

_SUBMODULES = ("exceptions", "export", "inspection", "journal")  # imported when used


def __getattr__(name: str) -> ModuleType:
    if name in _SUBMODULES:
        return import_module(f"skqnn.{name}")
    raise AttributeError(f"module 'skqnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *_SUBMODULES]
