"""Quantum neural networks that behave like any other scikit-learn estimator."""

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
