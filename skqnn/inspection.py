"""Look into a model: is its gradient right, what has it learnt, and from what."""

from skqnn._ablation import AblationReport, ablation_report
from skqnn._circuit_displays import CircuitDisplay, EncodingDisplay
from skqnn._cost import CostEstimate, estimate_cost
from skqnn._displays import ShotNoiseDisplay, TrainingCurveDisplay
from skqnn._fisher import FisherSummary
from skqnn._gradient_check import GradientCheck, check_gradients
from skqnn._model_displays import ObservableDisplay, ParameterDisplay
from skqnn._trainability import TrainabilityReport, trainability_report

__all__ = [
    "AblationReport",
    "CircuitDisplay",
    "CostEstimate",
    "EncodingDisplay",
    "FisherSummary",
    "GradientCheck",
    "ObservableDisplay",
    "ParameterDisplay",
    "ShotNoiseDisplay",
    "TrainabilityReport",
    "TrainingCurveDisplay",
    "ablation_report",
    "check_gradients",
    "estimate_cost",
    "trainability_report",
]
