"""Quantum neural networks that behave like any other scikit-learn estimator."""

from skqnn._classifier import QNNClassifier
from skqnn._encoder import BinaryAmplitudeEncoder

__version__ = "0.1.0"

__all__ = ["BinaryAmplitudeEncoder", "QNNClassifier", "__version__"]
