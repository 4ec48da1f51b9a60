"""Look into a model: is its gradient right, what has it learnt, and from what."""

from skqnn._ablation import AblationReport, ablation_report
from skqnn._circuit_displays import CircuitDisplay, EncodingDisplay
from skqnn._displays import ShotNoiseDisplay, TrainingCurveDisplay
from skqnn._gradient_check import GradientCheck, check_gradients
from skqnn._model_displays import ObservableDisplay, ParameterDisplay

__all__ = [
    "AblationReport",
    "CircuitDisplay",
    "EncodingDisplay",
    "GradientCheck",
    "ObservableDisplay",
    "ParameterDisplay",
    "ShotNoiseDisplay",
    "TrainingCurveDisplay",
    "ablation_report",
    "check_gradients",
]
