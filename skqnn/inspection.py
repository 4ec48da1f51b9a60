"""Look into a model: is its gradient right, what has it learnt, and from what."""

from skqnn._gradient_check import GradientCheck, check_gradients

__all__ = ["GradientCheck", "check_gradients"]
