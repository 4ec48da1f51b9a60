"""Private parts of other packages that this package needs, each with the reason.

`tests/test_compat.py` fails when one of them changes.
"""

from copy import copy
from typing import Any


def with_options(estimator: Any, options: Any) -> Any:
    """Return a copy of an estimator of Aer or of IBM's deprecated one, with options.

    Their options can be read, and be set only in the constructor, which would also make
    the simulator anew, or warn of the deprecation.
    """
    changed = copy(estimator)
    changed._options = options
    return changed


def simulator_of(estimator: Any) -> Any:
    """Return the AerSimulator that Aer's EstimatorV2 runs, which it does not tell."""
    return estimator._backend
