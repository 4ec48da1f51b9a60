"""What IBM's estimator executes for the shots that are asked for."""

import math
from typing import Any, NamedTuple

# Zero-noise extrapolation runs each circuit at these levels of noise.
_NOISE_FACTORS = (1, 3, 5)
_FEWEST, _MOST_GROUPS = 64, 32  # shots of a group, and groups


class Bill(NamedTuple):
    """What is executed, and paid for, beyond one run of each circuit.

    Attributes
    ----------
    n_repeats : int
        How often a circuit is run, at other levels of noise.
    shots : int
        Shots of each run.
    calibration : int
        Executions that a job needs to learn the readout errors.
    """

    n_repeats: int
    shots: int
    calibration: int


def bill(options: Any, shots: int) -> Bill:
    """Return what jobs with some options and shots execute.

    Shots that share a random flip of bits or gates are a group, and groups have the
    same size, so that up to a group more is executed than was asked for.

    Parameters
    ----------
    options : EstimatorOptions
        Options of `qiskit_ibm_runtime.executor_estimator.Estimator`.
    shots : int
        Number of shots that are asked for.

    Notes
    -----
    The client decides this anew in every version; a test compares with what it submits.
    What probabilistic error cancellation adds depends on the noise, and is not known
    here.
    """
    level, resilience = options.resilience_level, options.resilience
    learns = _known(resilience.measure_mitigation, level > 0)
    extrapolates = _known(resilience.zne_mitigation, level > 1)
    amplifies = extrapolates and resilience.zne.amplifier == "pea"
    twirled = (
        learns
        or amplifies
        or bool(resilience.pec_mitigation)
        or _known(options.twirling.enable_measure, level > 0)
        or _known(options.twirling.enable_gates, level > 1)
    )
    n_groups, size = _groups(options, shots) if twirled else (1, shots)
    factors = _known(resilience.zne.noise_factors, _NOISE_FACTORS)
    n_learning = _known(resilience.measure_noise_learning.num_randomizations, n_groups)
    return Bill(
        len(factors) if extrapolates else 1,
        n_groups * size,
        n_learning * size if learns else 0,
    )


def _groups(options: Any, shots: int) -> tuple[int, int]:
    """Return how many groups of shots there are, and their size."""
    twirling = options.twirling
    n_groups, size = twirling.num_randomizations, twirling.shots_per_randomization
    if size == "auto" and n_groups == "auto":
        # Cancellation of errors draws from many circuits, in groups of the least size.
        most = shots if options.resilience.pec_mitigation else _MOST_GROUPS
        size = max(_FEWEST, math.ceil(shots / most))
    elif size == "auto":
        size = math.ceil(shots / n_groups)
    return _known(n_groups, math.ceil(shots / size)), size


def _known(value: Any, default: Any) -> Any:
    """Return what was set, or else what the client then takes."""
    return default if value is None or value == "auto" else value
