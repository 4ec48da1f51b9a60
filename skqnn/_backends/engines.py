"""A model on a backend: from what a user set to an engine that is ready to run."""

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from skqnn._backends.backend import Backend
from skqnn._backends.description import describe, describe_settings
from skqnn._backends.estimators import settled
from skqnn._backends.primitive import PrimitiveEngine
from skqnn._backends.resolve import resolve
from skqnn._circuits.model import changeable


class Kept(NamedTuple):
    """An engine with its compiled programs, and all that they were compiled for."""

    objects: tuple  # that must be the same ones
    values: tuple  # that must be equal
    engine: PrimitiveEngine


def open_engine(
    backend: Backend,
    circuit: QuantumCircuit,
    observables: Sequence[SparsePauliOp],
    *,
    feature_map: QuantumCircuit | None = None,
    n_copies: int = 1,
    shots: int | None,
    seed: int,
    stream: int | None = None,
    kept: Kept | None = None,
) -> Kept:
    """Return an engine for a model on a backend, all of whose settings are checked.

    Transpiling a circuit and making a simulator of its noise take much longer than
    running a row. Whoever keeps what is returned, and gives it back as `kept`, gets an
    engine that shares the compiled programs, as long as model, backend, shots and seed
    are the same; the shot noise begins anew. It must not be pickled.

    Parameters
    ----------
    backend : Backend
        From `skqnn._backends.backend.as_backend`.
    circuit, observables, feature_map, n_copies
        The model, as for `PrimitiveEngine`. They are the same if they are the same
        objects, and have not been changed in place.
    shots : int or None
        None: exact expectation values.
    seed : int
        Of transpilation.
    stream : int, default=None
        Of the shot noise, together with the backend's `random_state`. None: `seed`.
    kept : Kept, default=None
        From an earlier call.

    Returns
    -------
    kept : Kept
        ``kept.engine`` is to be closed after use, and may be used again nevertheless.
    """
    noise_seed = _noise_seed(backend, seed if stream is None else stream)
    objects = (circuit, feature_map, *observables) + tuple(
        value
        for value in (backend.target, backend.mode, backend.account)
        if not isinstance(value, str)
    )
    parts = changeable((circuit, feature_map), observables)
    values = (n_copies, parts, *_values(backend, shots, seed))
    if kept is not None and _is_for(kept, objects, values):
        return kept._replace(engine=kept.engine.restart(noise_seed))
    device = resolve(backend, shots=shots, n_qubits=circuit.num_qubits)
    engine = PrimitiveEngine(
        circuit,
        observables,
        device,
        backend=backend,
        feature_map=feature_map,
        n_copies=n_copies,
        seed=seed,
        noise_seed=noise_seed,
    )
    return Kept(objects, values, engine)


def _values(backend: Backend, shots: int | None, seed: int) -> tuple:
    """Return whatever decides what is compiled and remembered, if not by identity."""
    names = [v for v in (backend.mode, backend.account) if isinstance(v, str)]
    path = backend.journal  # no path is the word "auto"
    journal = path if isinstance(path, str | None) else (os.fspath(path),)
    kept = (backend.max_time, backend.lookup_time, journal)
    others = (*kept, shots, seed, *names)
    described = (settled(backend.target), backend.options, others)
    return (describe_settings(backend), *map(describe, described))


def _is_for(kept: Kept, objects: tuple, values: tuple) -> bool:
    same = len(kept.objects) == len(objects) and all(
        one is other for one, other in zip(kept.objects, objects, strict=True)
    )
    return same and kept.values == values


def _noise_seed(backend: Backend, stream: int) -> tuple[int, ...]:
    source = backend.random_state
    if source is None:
        return (stream,)
    if isinstance(source, np.random.RandomState):
        source = source.randint(2**31 - 1)
    return (stream, int(source))
