"""Private parts of other packages that this package needs, each with the reason.

`tests/test_compat.py` fails when one of them changes.
"""

from collections.abc import Mapping
from copy import copy
from typing import Any, NamedTuple

# Array API: scikit-learn's own estimators use these, and there is no public way to what
# `config_context(array_api_dispatch=True)` decides.
from sklearn.utils._array_api import (
    _is_numpy_namespace as is_numpy_namespace,
)
from sklearn.utils._array_api import (
    _matching_numpy_dtype as matching_numpy_dtype,
)
from sklearn.utils._array_api import (
    _max_precision_float_dtype as max_precision_float_dtype,
)
from sklearn.utils._array_api import (
    check_same_namespace,
    get_namespace_and_device,
    move_to,
)

# An encoder names its amplitudes itself, and still has to check those of the pixels.
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in

# The public `check_array` and `column_or_1d` do not fill in ones, nor take a scalar.
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "NoiseParts",
    "callback_context",
    "check_feature_names_in",
    "check_same_namespace",
    "check_sample_weight",
    "decoders_of",
    "get_namespace_and_device",
    "has_callbacks",
    "instance_of",
    "is_numpy_namespace",
    "matching_numpy_dtype",
    "max_precision_float_dtype",
    "move_to",
    "noise_parts",
    "session_of",
    "settle",
    "simulator_of",
    "style_keywords",
    "target_encoder",
    "validate_steps",
    "visual_block",
    "with_options",
]


def with_options(estimator: Any, options: Any) -> Any:
    """Return a copy of an estimator of Aer or of IBM's deprecated one, with options.

    Their options can be read, and be set only in the constructor, which would also make
    the simulator anew, or warn of the deprecation.
    """
    changed = copy(estimator)
    changed._options = options
    return changed


def has_callbacks(estimator: Any) -> bool:
    """Tell whether anybody would hear of the tasks of a fit, which cost some time."""
    return bool(getattr(estimator, "_skl_callbacks", ()))


def simulator_of(estimator: Any) -> Any:
    """Return the AerSimulator that Aer's EstimatorV2 runs, which it does not tell."""
    return estimator._backend


def settle(device: Any) -> None:
    """Let a simulated device make its simulator now, if it makes one in its first run.

    Then it puts a noise model among its options, and would seem to be another device.
    """
    unmade = object()
    simulator = getattr(device, "sim", getattr(device, "_sim", unmade))
    if simulator is None:
        device._setup_sim()


class NoiseParts(NamedTuple):
    """The errors of a NoiseModel of Aer."""

    gates: Mapping[str, Any]  # QuantumError, by the gate's name, on any qubits
    gates_at: Mapping[str, Mapping[tuple[int, ...], Any]]  # on these qubits only
    readout: Any  # ReadoutError of all qubits, or None
    readout_at: Mapping[tuple[int, ...], Any]
    passes: list[Any]  # transpiler passes that insert noise


def noise_parts(model: Any) -> NoiseParts:
    """Return the errors of a NoiseModel.

    Its one public way to them, copies in text form, takes seconds for a large device.
    """
    return NoiseParts(
        model._default_quantum_errors,
        model._local_quantum_errors,
        model._default_readout_error,
        model._local_readout_errors,
        model._custom_noise_passes,
    )


def instance_of(backend: Any) -> str | None:
    """Return IBM's instance that a backend is charged to, None if it tells none."""
    return getattr(backend, "_instance", None)


def session_of(service: Any, instance: str | None) -> tuple[Any, Any]:
    """Return IBM's client of an instance and its HTTP session, whose retries we set.

    There are no options against repeated submissions, nor for time limits.

    Raises
    ------
    AttributeError
        If this version of the client hides them.
    """
    client = service._get_api_client(instance)
    return client, client._session


def decoders_of(job: Any) -> list[Any]:
    """Return what IBM's client reads a job's result by, one after the other.

    What the device measured is between the first and the second, and no longer in what
    the last one returns. Before qiskit-ibm-runtime 0.51 there was one for everything.
    """
    return list(getattr(job, "_result_decoders", ()))


def target_encoder(model: Any) -> Any:
    """Return what a classifier of qiskit-machine-learning has fitted to its labels."""
    return model._target_encoder


def callback_context(estimator: Any, max_subtasks: int | None = 0) -> Any:
    """Begin the fit that scikit-learn's callbacks see."""
    return estimator._init_callback_context(max_subtasks=max_subtasks)


def validate_steps(pipeline: Any) -> None:
    """Refuse steps that are no transformers, which a Pipeline does only in `fit`."""
    pipeline._validate_steps()


def style_keywords(defaults: dict, given: dict) -> dict:
    """Join keyword arguments for matplotlib as scikit-learn's displays do."""
    from sklearn.utils._plotting import _validate_style_kwargs

    return _validate_style_kwargs(defaults, given)


def visual_block(estimator: Any, name: str, caption: str | None) -> Any:
    """Return the box of an estimator in scikit-learn's HTML, with a caption.

    `BaseEstimator` calls our `_sk_visual_block_`, which has to return one.
    """
    from sklearn.utils._repr_html.estimator import _VisualBlock

    return _VisualBlock(
        "single",
        estimator,
        names=name,
        name_details=str(estimator),
        name_caption=caption,
    )
