"""Standard errors that can be true: those of an estimator, or what shots allow."""

from collections.abc import Sequence

import numpy as np
from qiskit.quantum_info import SparsePauliOp

from skqnn._backends.measurement import expected_error


def plausible_errors(
    evs: np.ndarray,
    stds: np.ndarray,
    observables: Sequence[SparsePauliOp],
    shots: int,
    *,
    gaussian: bool,
) -> np.ndarray:
    """Return standard errors, raised where the reported ones cannot be true.

    No mean over shots is more accurate than the spread of the shots allows, and error
    mitigation makes it less so. An error that is reported as infinite, NaN or 0 tells
    nothing: then it is what the number of shots says.

    Parameters
    ----------
    evs, stds : ndarray of shape (n_bindings, n_observables)
        As an estimator reports them.
    observables : sequence of SparsePauliOp
    shots : int
        Of each circuit.
    gaussian : bool
        Whether the estimator adds normal deviations of ``shots ** -0.5`` to exact
        values, instead of taking shots.
    """
    known = np.isfinite(stds) & (stds > 0)
    if gaussian:
        return np.where(known, stds, shots**-0.5)
    lowest = np.zeros_like(evs)
    instead = np.zeros_like(evs)
    for k, observable in enumerate(observables):
        acts = (observable.paulis.x | observable.paulis.z).any(axis=1)
        factors = np.real(observable.coeffs)
        if np.count_nonzero(acts) == 1:
            (factor,), constant = factors[acts], factors[~acts].sum()
            lowest[:, k] = _of_one_term(evs[:, k], factor, constant, shots)
            instead[:, k] = lowest[:, k]
        else:
            instead[:, k] = np.linalg.norm(factors[acts]) * shots**-0.5
    return np.where(known, np.maximum(stds, lowest), instead)


def _of_one_term(
    evs: np.ndarray, factor: float, constant: float, shots: int
) -> np.ndarray:
    """Return the standard errors of ``constant + factor * Z...Z``."""
    if factor == 0:
        return np.zeros_like(evs)
    mean = np.clip((evs - constant) / factor, -1.0, 1.0)
    limits = np.array([[-1.0], [1.0]])
    return abs(factor) * np.sqrt(
        expected_error(mean, np.ones_like(mean), shots, limits)
    )
