"""A model on a backend: from what a user set to an engine that is ready to run."""

from collections.abc import Sequence

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from skqnn._backends.backend import Backend
from skqnn._backends.primitive import PrimitiveEngine
from skqnn._backends.resolve import resolve


def open_engine(
    backend: Backend,
    circuit: QuantumCircuit,
    observables: Sequence[SparsePauliOp],
    *,
    feature_map: QuantumCircuit | None = None,
    shots: int | None,
    seed: int,
) -> PrimitiveEngine:
    """Return an engine for a model on a backend, all of whose settings are checked.

    Parameters
    ----------
    backend : Backend
        From `skqnn._backends.backend.as_backend`.
    circuit, observables, feature_map
        The model, as for `PrimitiveEngine`.
    shots : int or None
        None: exact expectation values.
    seed : int
        Of transpilation and, together with the backend's `random_state`, of the shot
        noise.
    """
    device = resolve(backend, shots=shots, n_qubits=circuit.num_qubits)
    source = backend.random_state
    if isinstance(source, np.random.RandomState):
        source = source.randint(2**31 - 1)
    return PrimitiveEngine(
        circuit,
        observables,
        device,
        backend=backend,
        feature_map=feature_map,
        seed=seed,
        noise_seed=(seed,) if source is None else (seed, int(source)),
    )
