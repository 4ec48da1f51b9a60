"""What must hold for the fitted part of an estimator that a file describes."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from skqnn._circuits.gates import compile_circuit
from skqnn._classifier import QNNClassifier
from skqnn._encoder import BinaryAmplitudeEncoder
from skqnn._hyperparameters import GRADIENTS
from skqnn._training.monitor import Curves, fitted_curves
from skqnn._training.optimizers import OPTIMIZERS, AdamState

_MAX_PIXELS = 2**24


def check_fitted(estimator: Any) -> None:
    """Raise an error if fitting could not have left these attributes.

    Raises
    ------
    ValueError, AttributeError, TypeError
        If an attribute is missing, of the wrong type or shape, or contradicts another.
    """
    for holds, name in _CHECKS[type(estimator)](estimator):
        if not holds:
            raise ValueError(f"`{name}` is impossible for a fitted estimator")


def _check_encoder(encoder: BinaryAmplitudeEncoder) -> Iterator[tuple[bool, str]]:
    """Yield what must hold, and the attribute that is wrong otherwise."""
    encoding = encoder._encoding
    sizes = (*encoding.image_shape, *encoding.image_size)
    yield (
        all(type(side) is int and 0 < side < 2**20 for side in sizes),
        "image_size_",
    )
    yield math.prod(encoding.image_size) <= _MAX_PIXELS, "image_size_"
    yield np.prod(encoding.image_shape) == encoder.n_features_in_, "n_features_in_"
    n_kept = encoding.n_frequencies
    yield (
        n_kept is None
        or (
            type(n_kept) is int
            and bool(0 < n_kept <= math.prod(encoding.image_size))
            and encoding.interval is None
        ),
        "n_frequencies",
    )
    yield type(encoding.emphasis) is float and 0 <= encoding.emphasis <= 2, "emphasis"
    yield np.prod(encoding.grid) == 2**encoder.n_qubits_, "n_qubits_"
    yield all(map(np.isfinite, encoding.pixel_range)), "pixel_range_"


def _check_classifier(classifier: QNNClassifier) -> Iterator[tuple[bool, str]]:
    """Yield what must hold, and the attribute that is wrong otherwise."""
    circuit, feature_map = classifier.circuit_, classifier.feature_map_
    observables, n_features = classifier.observables_, classifier.n_features_in_
    n_qubits, n_classes = circuit.num_qubits, len(classifier.classes_)
    yield (
        isinstance(circuit, QuantumCircuit) and bool(compile_circuit(circuit)),
        "circuit_",
    )
    yield classifier.n_qubits_ == n_qubits, "n_qubits_"
    yield (
        np.array_equal(np.unique(classifier.classes_), classifier.classes_),
        "classes_",
    )
    yield n_classes >= 2, "classes_"
    yield len(observables) == (1 if n_classes == 2 else n_classes), "observables_"
    yield all(isinstance(op, SparsePauliOp) for op in observables), "observables_"
    yield all(op.num_qubits == n_qubits for op in observables), "observables_"
    yield type(n_features) is int and n_features > 0, "n_features_in_"
    constant = classifier.intercept_scaling_
    yield type(constant) is float and 0 <= constant < np.inf, "intercept_scaling_"
    n_copies = classifier.n_copies_
    yield type(n_copies) is int and 0 < n_copies <= n_qubits, "n_copies_"
    if feature_map is None and n_copies > 1:
        n_row_qubits = classifier._model.n_row_qubits(n_features)
        yield n_copies * n_row_qubits <= n_qubits, "n_copies_"
    if feature_map is None:
        yield n_features + bool(constant) <= 2**n_qubits, "n_features_in_"
    else:
        yield isinstance(feature_map, QuantumCircuit), "feature_map_"
        yield feature_map.num_qubits == n_qubits, "feature_map_"
        yield feature_map.num_parameters == n_features, "feature_map_"
    shapes = (circuit.num_parameters,), (1,), (len(observables),)
    for name, shape in zip(("theta_", "scale_", "bias_"), shapes, strict=True):
        numbers = getattr(classifier, name)
        yield numbers.dtype == np.float64 and numbers.shape == shape, name
        yield bool(np.all(np.isfinite(numbers))), name

    reps = classifier.reps  # each adds an angle at least to a named ansatz
    yield type(reps) is not int or reps <= max(1, circuit.num_parameters), "reps"
    yield from _check_training(classifier, sum(shape[0] for shape in shapes))


def _check_training(classifier: QNNClassifier, n: int) -> Iterator[tuple[bool, str]]:
    """Yield what must hold for training of n numbers to go on."""
    seed, state, curves = (
        classifier._seed,
        classifier._optimizer_state,
        classifier._curves,
    )
    yield type(seed) is int and 0 <= seed < 2**31, "_seed"
    yield isinstance(classifier._rng, np.random.Generator), "_rng"
    yield isinstance(curves, Curves) and all(map(_is_curve, curves)), "_curves"
    yield max(map(len, curves)) == len(curves.loss), "_curves"
    yield from _check_told(classifier)
    states = [optimizer.init(np.zeros(n)) for optimizer in OPTIMIZERS.values()]
    yield (
        state is None
        or any(
            type(state) is type(first) and all(map(_could_become, first, state))
            for first in states
        ),
        "_optimizer_state",
    )
    if isinstance(state, AdamState):
        yield bool(np.all(state.square >= 0)), "_optimizer_state"


def _check_told(classifier: QNNClassifier) -> Iterator[tuple[bool, str]]:
    """Yield what must hold of that which only tells how training went."""
    told = fitted_curves(classifier._curves, None)
    for name in ("loss_curve_", "gradient_norm_curve_", "validation_scores_"):
        # As text, in which NaN equals NaN.
        yield repr(getattr(classifier, name)) == repr(told[name]), name
    yield isinstance(classifier.loss_, float), "loss_"
    best = classifier.best_validation_score_
    yield isinstance(best, float | None), "best_validation_score_"
    n_iter = classifier.n_iter_
    yield type(n_iter) is int and n_iter >= 0, "n_iter_"
    yield classifier.gradient_ in GRADIENTS, "gradient_"


def _is_curve(curve: Any) -> bool:
    """Tell whether this is one number per epoch."""
    return type(curve) is list and all(type(value) is float for value in curve)


def _could_become(first: Any, later: Any) -> bool:
    """Tell whether a field of an optimizer's first state could have this value."""
    if not isinstance(first, np.ndarray):
        return type(later) is int and later >= first
    same = isinstance(later, np.ndarray) and later.dtype == first.dtype
    return same and later.shape == first.shape and bool(np.all(np.isfinite(later)))


_CHECKS: dict[type, Callable[[Any], Iterator[tuple[bool, str]]]] = {
    QNNClassifier: _check_classifier,
    BinaryAmplitudeEncoder: _check_encoder,
}
