"""Look into a model: is its gradient right, what has it learnt, and from what."""

from skqnn.inspection._ablation import AblationReport, ablation_report
from skqnn.inspection._circuit_displays import CircuitDisplay, EncodingDisplay
from skqnn.inspection._cost import CostEstimate, estimate_cost
from skqnn.inspection._displays import ShotNoiseDisplay, TrainingCurveDisplay
from skqnn.inspection._fisher import FisherSummary
from skqnn.inspection._gradient_check import GradientCheck, check_gradients
from skqnn.inspection._model_displays import ObservableDisplay, ParameterDisplay
from skqnn.inspection._trainability import TrainabilityReport, trainability_report

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
