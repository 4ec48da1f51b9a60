"""Private parts of other packages that this package needs, each with the reason.

`tests/test_compat.py` fails when one of them changes.
"""

from copy import copy
from typing import Any

# Array API: scikit-learn's own estimators use these, and there is no public way to what
# `config_context(array_api_dispatch=True)` decides.
from sklearn.utils._array_api import (
    _is_numpy_namespace as is_numpy_namespace,
)
from sklearn.utils._array_api import (
    _matching_numpy_dtype as matching_numpy_dtype,
)
from sklearn.utils._array_api import (
    check_same_namespace,
    get_namespace_and_device,
    move_to,
)

# The public `check_array` and `column_or_1d` do not fill in ones, nor take a scalar.
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "check_same_namespace",
    "check_sample_weight",
    "get_namespace_and_device",
    "has_callbacks",
    "is_numpy_namespace",
    "matching_numpy_dtype",
    "move_to",
    "session_of",
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


def target_encoder(model: Any) -> Any:
    """Return what a classifier of qiskit-machine-learning has fitted to its labels."""
    return model._target_encoder


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
