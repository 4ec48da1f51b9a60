"""Estimators of Qiskit with random numbers of their own for each request.

Without a seed they would break the promise that the same `random_state` gives the same
bits. With an int as their seed they draw the same numbers in every request (some even
the same deviation for all observables), so that the noise of a difference cancels and a
gradient looks exact.
"""

import dataclasses
from typing import Any

import numpy as np
from qiskit.primitives import BackendEstimatorV2, BaseEstimatorV2, StatevectorEstimator

from skqnn._backends.kinds import is_a, is_ibm_estimator
from skqnn._compat import with_options

_is_aers = is_a("qiskit_aer.primitives", "EstimatorV2")
_is_ibms = is_a("qiskit_ibm_runtime.executor_estimator", "Estimator")
_is_old = is_a("qiskit_ibm_runtime", "EstimatorV2")


def reseeded(estimator: BaseEstimatorV2, rng: np.random.Generator) -> BaseEstimatorV2:
    """Return an estimator like this one, with random numbers from a generator.

    An int that the user chose as its seed still counts, together with the generator;
    a Generator that the user made is left to draw its own numbers. Other estimators
    than those of Qiskit, Aer and IBM's local mode are returned as they are.
    """
    for kind, seed in _SEEDED:
        if kind(estimator):
            return seed(estimator, rng)
    return estimator


def _mixed(seed: Any, rng: np.random.Generator) -> int:
    """Return a seed for one request; 0 would count as none for IBM's old estimator."""
    drawn = int(rng.integers(1, 2**31))
    if not isinstance(seed, int | np.integer):
        return drawn
    mixed = np.random.default_rng([abs(int(seed)), drawn])
    return int(mixed.integers(1, 2**31))


def _statevector(estimator: StatevectorEstimator, rng: np.random.Generator) -> Any:
    if isinstance(estimator.seed, np.random.Generator):
        return estimator
    return StatevectorEstimator(
        default_precision=estimator.default_precision,
        seed=np.random.default_rng(_mixed(estimator.seed, rng)),
    )


def _of_backend(estimator: BackendEstimatorV2, rng: np.random.Generator) -> Any:
    options = dataclasses.asdict(estimator.options)
    seed = _mixed(options["seed_simulator"], rng)
    options |= {"seed_simulator": seed}
    return BackendEstimatorV2(backend=estimator.backend, options=options)


def _aer(estimator: Any, rng: np.random.Generator) -> Any:
    run_options = estimator.options.run_options
    seed = {"seed_simulator": _mixed(run_options.get("seed_simulator"), rng)}
    options = dataclasses.replace(estimator.options, run_options=run_options | seed)
    return with_options(estimator, options)


def _ibm(estimator: Any, rng: np.random.Generator) -> Any:
    """Seed IBM's estimator, which runs on a fake device or a simulator."""
    simulator = estimator.options.simulator
    seed = {"seed_simulator": _mixed(simulator.seed_simulator, rng)}
    options = estimator.options.model_copy(
        update={"simulator": simulator.model_copy(update=seed)}
    )
    mode = estimator.mode or estimator.backend()
    return type(estimator)(mode=mode, options=options)


def _old_ibm(estimator: Any, rng: np.random.Generator) -> Any:
    simulator = estimator.options.simulator
    seed = _mixed(simulator.seed_simulator, rng)
    simulator = dataclasses.replace(simulator, seed_simulator=seed)
    options = dataclasses.replace(estimator.options, simulator=simulator)
    return with_options(estimator, options)


def _is_local(estimator: Any) -> bool:
    return _is_ibms(estimator) and not is_ibm_estimator(estimator)


_SEEDED = (
    (lambda estimator: isinstance(estimator, StatevectorEstimator), _statevector),
    (lambda estimator: isinstance(estimator, BackendEstimatorV2), _of_backend),
    (_is_aers, _aer),
    (_is_local, _ibm),
    (_is_old, _old_ibm),
)
