"""Names of requests: equal contents have equal names in any process."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np


def digest_of(parts: Iterable[bytes]) -> str:
    """Return 64 hexadecimal digits that tell sequences of parts apart."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def request_key(
    model: str, inputs: Sequence[np.ndarray], shots: int | None, salt: str = ""
) -> str:
    """Return the name of a request.

    Parameters
    ----------
    model : str
        Name of the circuit and its observables, made once for many requests.
    inputs : sequence of ndarray
        Values of the circuit's parameters, and states to set before it if there are
        any.
    shots : int or None
        Number of shots.
    salt : str
        Whatever else tells two requests apart: backend, options, step.

    Returns
    -------
    key : str
        64 hexadecimal digits.
    """
    arrays = [np.ascontiguousarray(values, dtype=np.float64) for values in inputs]
    shapes = [values.shape for values in arrays]
    head = repr((model, shapes, shots, salt)).encode()
    return digest_of([head, *(values.tobytes() for values in arrays)])
