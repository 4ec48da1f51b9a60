"""What the arguments of the estimators must be, each alone and together."""

import math
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

from qiskit import QuantumCircuit
from qiskit.quantum_info.operators.base_operator import BaseOperator

from skqnn._backends.backend import as_backend
from skqnn._circuits.ansatz import ANSATZE
from skqnn._images import BLACK, NORMALIZATIONS
from skqnn._training.losses import LOSSES
from skqnn._training.optimizers import OPTIMIZERS, SCHEDULES
from skqnn._training.solvers import is_qml_optimizer
from skqnn._validation import (
    Rule,
    boolean,
    check_arity,
    check_parameters,
    fraction,
    integer,
    nearest,
    non_negative,
    one_of,
    pair,
    positive,
    random_source,
)

GRADIENTS = ("auto", "adjoint", "parameter_shift", "spsa")

RULES = {
    "encoding": one_of(
        ("amplitude", "angle"), QuantumCircuit, words="a QuantumCircuit"
    )._replace(
        cure=lambda v: (
            "; give the circuit that it returns"
            if callable(v)
            else nearest(v, ("amplitude", "angle"))
        )
    ),
    "ansatz": one_of(
        ANSATZE, QuantumCircuit, Callable, words="a QuantumCircuit or a callable"
    ),
    "intercept_scaling": positive("auto", None),
    "n_copies": integer(1),
    "reps": integer(1, "auto"),
    "entanglement": Rule(
        (object,),
        lambda v: v is not None,
        "an entanglement that Qiskit knows",
        cure=lambda v: "; leave 'reverse_linear', or take 'tree' as `ansatz`",
    ),
    "observables": Rule(
        (str, list, tuple),
        lambda v: v == "auto" if isinstance(v, str) else len(v) > 0,
        "'auto' or a non-empty list of Pauli strings or SparsePauliOp objects",
        cure=lambda v: _listed(v),
    ),
    "loss": one_of(LOSSES, Callable, words="a callable"),
    "solver": Rule(
        (object,),
        lambda v: (
            v in OPTIMIZERS or v == "lbfgs"
            if isinstance(v, str)
            else is_qml_optimizer(v)
        ),
        f"one of {[*OPTIMIZERS, 'lbfgs']} or a qiskit_machine_learning optimizer",
        cure=lambda v: _solver_like(v),
    ),
    "learning_rate": one_of(SCHEDULES, Callable, words="a callable")._replace(
        cure=lambda v: (
            "; the step size is `learning_rate_init`"
            if isinstance(v, Real)
            else nearest(v, SCHEDULES)
        )
    ),
    "learning_rate_init": positive("auto"),
    "init_scale": positive(),
    "batch_size": integer(1, "auto"),
    "max_iter": integer(1),
    "shuffle": boolean(),
    "random_state": random_source(),
    "tol": non_negative(),
    "n_iter_no_change": integer(1),
    "early_stopping": boolean(),
    "validation_fraction": fraction(),
    "class_weight": Rule(
        (dict, str, type(None)),
        lambda v: _are_numbers(v) if isinstance(v, dict) else v in ("balanced", None),
        "'balanced', a dict of numbers by class label, or None",
        cure=lambda v: nearest(v, ["balanced"]),
    ),
    "warm_start": boolean(),
    "verbose": boolean(),
    "shots": integer(1, None),
    "gradient": one_of(GRADIENTS),
}


# What functions of the user are called with.
_ARGUMENTS = {
    "ansatz": ("n_qubits",),
    "loss": ("scores", "targets"),
    "learning_rate": ("progress",),
}


def _are_numbers(weights):
    return all(isinstance(weight, Real) for weight in weights.values())


def _solver_like(name):
    """Return what may be meant by the name of another solver, as a cure."""
    names = [*OPTIMIZERS, "lbfgs"]
    near = nearest(name, names, cutoff=0.75)
    if near or not isinstance(name, str):
        return near
    from qiskit_machine_learning import optimizers  # takes a while

    word = name.upper().replace("-", "_")
    if hasattr(optimizers, word):
        return f"; give an object, {word}() of qiskit_machine_learning.optimizers"
    return nearest(name, names)


def _listed(value):
    """Return how one observable becomes the list that is needed, as a cure."""
    if isinstance(value, str):
        return f"; write [{value!r}]" if value not in ("", "auto") else ""
    return "; write [observable]" if isinstance(value, BaseOperator) else ""


def _size(height, width):
    return min(height, width) > 0


def _as_size(value):
    """Return how one number, or the shape of a coloured image, becomes a pair."""
    is_number = not isinstance(value, bool) and isinstance(value, Integral)
    if is_number and int(value) > 0:
        return f"; write ({value}, {value})"
    if isinstance(value, tuple | list) and len(value) == 3:
        return "; make coloured images grey first, such as by X.mean(axis=-1)"
    return ""


def _as_share(value):
    """Return what a threshold is a share of, for one that is a value of a pixel."""
    if isinstance(value, Real) and float(value) > 1:
        return "; it is a share of the way from black to white, 0.5 for the middle"
    return ""


_SIZE = pair(
    Integral, "a pair (height, width) of positive integers", _size, optional=True
)._replace(cure=_as_size)

ENCODER_RULES = {
    "black": one_of(BLACK),
    "normalization": one_of(NORMALIZATIONS),
    "dtype": one_of(("float64", "float32")),
    "edge": pair(
        Real,
        "a pair (low, high) with 0 <= low <= high <= 1",
        lambda low, high: 0 <= low <= high <= 1,
        optional=False,
    ),
    "threshold": Rule(
        (Real, type(None)),
        lambda v: v is None or 0 <= v <= 1,
        "a number from 0 to 1, or None",
        cure=_as_share,
    ),
    "pixel_range": pair(
        Real,
        "a pair (low, high) of finite numbers with low < high",
        lambda low, high: -math.inf < low < high < math.inf,
        optional=True,
    ),
    "image_shape": _SIZE,
    "image_size": _SIZE,
    "n_frequencies": integer(1, None),
    "emphasis": Rule(
        (Real,),
        lambda v: 0 <= v <= 2,
        "a number from 0 to 2",
    ),
}


def check_execution(parameters: Mapping[str, Any]) -> None:
    """Raise TypeError or ValueError if an argument of where circuits run is wrong."""
    check_parameters(parameters, {"shots": RULES["shots"]})
    as_backend(parameters["backend"])
    if parameters["backend"] is None and parameters["shots"] is not None:
        raise ValueError(
            "`shots` must be None with the exact engine (backend=None), got "
            f"{parameters['shots']}; set backend='aer' to sample."
        )


def check_hyperparameters(parameters: Mapping[str, Any]) -> None:
    """Raise TypeError or ValueError if an argument breaks its rule, alone or not."""
    check_parameters(parameters, RULES)
    for name, arguments in _ARGUMENTS.items():
        if callable(parameters[name]):
            check_arity(name, parameters[name], arguments)
    check_execution(parameters)
    if parameters["encoding"] != "amplitude" and parameters[
        "intercept_scaling"
    ] not in ("auto", None):
        raise ValueError(
            "`intercept_scaling` must be 'auto' or None unless encoding='amplitude', "
            f"got {parameters['intercept_scaling']!r}."
        )
    solver, gradient = parameters["solver"], parameters["gradient"]
    if solver == "spsa" and gradient not in ("auto", "spsa"):
        raise ValueError(
            f"`gradient` must be 'auto' or 'spsa' when solver='spsa', got {gradient!r}."
        )
    if gradient == "spsa" and solver not in tuple(OPTIMIZERS):
        raise ValueError(
            f"`solver` must be one of {list(OPTIMIZERS)} when gradient='spsa', got "
            f"{solver!r}."
        )
