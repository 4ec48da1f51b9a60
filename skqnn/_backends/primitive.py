"""The engine methods on a backend: state preparation, ansatz and shots as one circuit.

One circuit with parameters serves all rows: the angles that prepare a row (or its
features) and the angles of the ansatz are the columns of one array, and a mini-batch
with all its shifted angles is one request for each chunk of rows.
"""

import logging
import math
import os
import time
import warnings
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from skqnn._backends.backend import Backend
from skqnn._backends.description import describe_settings
from skqnn._backends.error_bars import plausible_errors
from skqnn._backends.naming import model_name
from skqnn._circuits.angles import check_domain
from skqnn._circuits.gates import compile_circuit
from skqnn._circuits.model import whole_circuit
from skqnn._circuits.preparation import choose, preparation_circuit, prepare
from skqnn._circuits.shift import parameter_shift, shift_rules
from skqnn._engine.states import copies
from skqnn._journal.asking import Patience, lookups_within
from skqnn._journal.file import Journal
from skqnn._journal.names import request_key
from skqnn._journal.requests import Report, run_once
from skqnn._journal.service import Remote
from skqnn._verbose import inform, is_read
from skqnn.exceptions import PreparationWarning

_JOURNAL = "skqnn_journal.sqlite"
_LOW_FIDELITY = 0.8
_MAX_STATES = 1000  # circuits in a request, each of which sets its state
_MAX_KEPT_BYTES = 2**30
_log = logging.getLogger(__name__)


class PrimitiveEngine:
    """Expectation values and gradients of a parametrised circuit, on a backend.

    Parameters
    ----------
    circuit : QuantumCircuit
        The ansatz; ``theta[j]`` is the value of ``circuit.parameters[j]``, in radians.
    observables : sequence of SparsePauliOp
        Hermitian operators on the qubits of `circuit`.
    device : Device
        From `skqnn._backends.resolve.resolve`.
    backend : Backend, default=None
        What the device was made from. Its `state_preparation` "direct" sets the state
        of a noiseless simulator; "auto" does so where it can, prepares exactly on other
        noiseless backends, and otherwise with the fewest gates. Its `journal` is where
        requests are remembered, see `skqnn._journal.requests.run_once`; "auto":
        ``skqnn_journal.sqlite`` if the device is paid for. None: defaults.
    feature_map : QuantumCircuit, default=None
        Circuit with one parameter per feature. None: rows are amplitudes.
    n_copies : int, default=1
        Registers that are prepared in the state of the same row, each on its own.
    seed : int
        Of transpilation and of the shot noise, which differs from request to request.
    noise_seed : tuple of int, default=None
        Of the shot noise, instead of `seed`.
    """

    def __init__(
        self,
        circuit: QuantumCircuit,
        observables: Sequence[SparsePauliOp],
        device: Any,
        *,
        backend: Backend | None = None,
        feature_map: QuantumCircuit | None = None,
        n_copies: int = 1,
        seed: int = 0,
        noise_seed: tuple[int, ...] | None = None,
    ):
        self._circuit = circuit
        self._gates = compile_circuit(circuit)
        self._observables = list(observables)
        self._device, self._feature_map = device, feature_map
        self._n_copies, self._n_row_qubits = n_copies, circuit.num_qubits
        backend = Backend(device.name) if backend is None else backend
        self._settings = describe_settings(backend)
        self._method = backend.state_preparation
        self._n_layers, journal = backend.n_preparation_layers, backend.journal
        self._patience = Patience(lookups=lookups_within(backend.lookup_time))
        if journal == "auto":
            journal = _JOURNAL if device.remote else None
        self._asked_journal, self._journal_path = journal, _absolute(journal)
        self._journal: Journal | None = None
        self._noise_seed = (seed,) if noise_seed is None else noise_seed
        self._seed, self._n_requests = seed, 0
        self._salt: str | None = None
        self._compiled: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._ansatz: Any = None  # set by `keep`
        self._keeps = False
        device.hold()

    def restart(self, noise_seed: tuple[int, ...]) -> "PrimitiveEngine":
        """Return an engine for the next call, which shares the compiled programs."""
        engine = copy(self)  # which leaves out the programs, as pickling does
        engine._compiled = self._compiled
        engine._journal_path = _absolute(self._asked_journal)
        engine._noise_seed, engine._n_requests = noise_seed, 0
        engine._ansatz, engine._keeps = None, False
        engine._device.hold()
        return engine

    def prepare(self, X: np.ndarray) -> np.ndarray:
        """Return what the circuit takes for each row: amplitudes, angles or features.

        Sets `method`, how rows are prepared, and `fidelity` (n_samples,), how closely.
        Only the rows of the last call can be run.

        Warns
        -----
        PreparationWarning
            If the fidelity of a row is below 0.8.
        """
        self.fidelity = np.ones(len(X))
        self._ansatz, self._keeps = None, False
        if self._feature_map is not None:
            self.method = "feature map"
            check_domain(self._feature_map, X)
            return X
        self.method = self._choose(X)
        if self.method == "direct":
            return copies(X, self._n_copies, self._circuit.num_qubits)
        self._n_row_qubits = X.shape[1].bit_length() - 1
        preparation = prepare(X, self.method, self._n_layers, self._n_copies)
        self.fidelity = preparation.fidelity
        self._warn_low_fidelity()
        return preparation.angles

    @property
    def differentiable(self) -> bool:
        """Whether rows that are kept have a gradient without shifted angles."""
        return self._device.differentiable and self._journal_path is None

    def keep(self, states: np.ndarray) -> np.ndarray:
        """Return prepared rows as the device holds them if they are run many times.

        A simulation of noise without shots runs them up to the ansatz, once, as far as
        memory allows. Other devices hold what `prepare` returned.
        """
        if not self.differentiable:
            return states
        self._ansatz = ansatz = self._program().ansatz(self._circuit.num_parameters)
        self._keeps = (
            ansatz is not None and len(states) * ansatz.row_bytes <= _MAX_KEPT_BYTES
        )
        return ansatz.load(states) if self._keeps else states

    def expectations(self, states: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """Return the expectation values for all rows, observables and sets of angles.

        Parameters
        ----------
        states : ndarray of shape (n_samples, n_inputs)
            What `prepare` returned, or `keep` after it, or some of the rows.
        theta : ndarray of shape (n_parameters,) or (n_thetas, n_parameters)
            Angles in radians, or several sets of them.

        Returns
        -------
        expectations : ndarray of shape ([n_thetas,] n_samples, n_observables)
        """
        return self.measure(states, theta)[0]

    def measure(
        self, states: np.ndarray, theta: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return expectation values and their standard errors, as `expectations`."""
        thetas = np.atleast_2d(theta)
        if self._keeps:
            E = self._ansatz.expectations(states, thetas)
            E = E if theta.ndim == 2 else E[0]
            return E, np.zeros_like(E)
        run = self._run_direct if self.method == "direct" else self._run_circuit
        evs, stds = run(states, thetas)
        return (evs, stds) if theta.ndim == 2 else (evs[0], stds[0])

    def vjp(
        self, states: np.ndarray, theta: np.ndarray
    ) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
        """Return the expectations and their pullback.

        By parameter shift, but for the rows of `keep` on a device that has a gradient.
        """
        if self._ansatz is not None:
            vectors = states if self._keeps else self._ansatz.load(states)
            return self._ansatz.vjp(vectors, theta)
        shifts = shift_rules(self._gates, self._circuit.num_parameters)
        return parameter_shift(self.expectations, shifts, states, theta)

    @property
    def affords_shifts(self) -> bool:
        """Whether the circuit has shift rules and running them costs only time."""
        if self._device.remote:
            return False
        try:
            shift_rules(self._gates, self._circuit.num_parameters)
        except ValueError:
            return False
        return True

    @property
    def is_paid(self) -> bool:
        """Whether running costs money."""
        return self._device.remote

    def close(self) -> None:
        """Close the journal, and the session or batch if one was opened."""
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()
        self._device.close()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what holds on to a file or a connection."""
        return self.__dict__ | {"_compiled": {}, "_journal": None}

    def _choose(self, X: np.ndarray) -> str:
        method, device = self._method, self._device
        if method == "auto":
            if device.sets_states:
                return "direct"
            return choose(X, noisy=device.noisy, n_layers=self._n_layers)
        if method == "direct" and not device.sets_states:
            raise ValueError(
                "`state_preparation='direct'` needs a noiseless Aer simulator that "
                f"holds the state vector, got {device.name!r}; use 'auto'."
            )
        return method

    def _warn_low_fidelity(self) -> None:
        low = np.count_nonzero(self.fidelity < _LOW_FIDELITY)
        if low:
            warnings.warn(
                f"{low} of {len(self.fidelity)} rows are prepared with a fidelity "
                f"below {_LOW_FIDELITY} (lowest: {self.fidelity.min():.2f}); raise "
                "`n_preparation_layers` or set state_preparation='exact'.",
                PreparationWarning,
                stacklevel=5,
            )

    def _program(self) -> Any:
        """Return the transpiled circuit for the method in use."""
        if self.method not in self._compiled:
            circuit = self.model_circuit()
            seed = int(np.random.default_rng([self._seed, 0]).integers(2**31))
            self._compiled[self.method] = self._device.compile(
                circuit, self._observables, seed
            )
        return self._compiled[self.method]

    def model_circuit(self) -> QuantumCircuit:
        """Return preparation and ansatz for the rows last prepared, not transpiled."""
        return whole_circuit(self._circuit, self._prefix()).circuit

    def _prefix(self) -> QuantumCircuit | None:
        """Return what stands before the ansatz, if anything does."""
        if self.method == "direct":
            return None
        if self._feature_map is not None:
            return self._feature_map
        return preparation_circuit(
            self.method, self._n_row_qubits, self._n_layers, self._n_copies
        )

    def _run_circuit(self, states: np.ndarray, thetas: np.ndarray) -> tuple:
        """Run all pairs of a row and a set of angles, as many as allowed at a time."""
        program = self._program()
        n_rows, n_pairs = len(states), len(states) * len(thetas)
        parts = []
        for start in range(0, n_pairs, program.max_bindings):
            pair = np.arange(start, min(start + program.max_bindings, n_pairs))
            values = np.hstack([states[pair % n_rows], thetas[pair // n_rows]])
            parts.append(self._request(program, values))
        shape = (len(thetas), n_rows, len(self._observables))
        return tuple(
            np.concatenate(part).reshape(shape) for part in zip(*parts, strict=True)
        )

    def _run_direct(self, states: np.ndarray, thetas: np.ndarray) -> tuple:
        """Run all sets of angles after each state."""
        program = self._program()
        size = max(1, min(program.max_bindings // len(thetas), _MAX_STATES))
        parts = [
            self._request(program, thetas, states[start : start + size])
            for start in range(0, len(states), size)
        ]
        shape = (len(states), len(thetas), len(self._observables))
        evs, stds = (
            np.concatenate(part).reshape(shape) for part in zip(*parts, strict=True)
        )
        return evs.swapaxes(0, 1), stds.swapaxes(0, 1)

    def _request(self, program: Any, values: np.ndarray, *states: np.ndarray) -> tuple:
        """Run one chunk, remembered by the journal if there is one."""
        rng = np.random.default_rng([*self._noise_seed, 1, self._n_requests])
        self._n_requests += 1
        if self._journal_path is None and not self._device.remote:
            evs, stds = program.run(values, rng, *states)
        else:
            remote = program.remote(values, rng, *states)
            evs, stds = self._remembered(remote, (values, *states))
        if not np.all(np.isfinite(evs)):
            raise ValueError(
                "`backend` must return finite expectation values, got NaN or infinity "
                f"from {self._device.name!r}."
            )
        device = self._device
        if device.shots is not None:
            stds = plausible_errors(
                evs, stds, self._observables, device.shots, gaussian=device.gaussian
            )
        return evs, stds

    def _remembered(
        self, remote: Remote, inputs: tuple[np.ndarray, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run one chunk through the journal, which a device that is paid for needs.

        The request is named by the circuit before transpilation: that of a device may
        change overnight, with its calibration, and the job be in flight.
        """
        if self._salt is None:
            self._salt = repr((self._device.salt, self._settings))
        salt = (self._salt, self.method, self._n_requests, self._noise_seed)
        key = request_key(self._model_name(), inputs, self._device.shots, repr(salt))
        if self._journal is None:
            self._journal = Journal(self._journal_path)
        n_rows = math.prod(len(part) for part in inputs)
        evs, stds = run_once(
            self._journal,
            key,
            remote,
            shape=(len(self._observables), n_rows),
            patience=self._patience,
            report=self._reporter(),
        )
        return evs.T, stds.T

    def _reporter(self) -> Report | None:
        """Return what logs each change of a job, None if nobody reads it."""
        if not is_read(_log):
            return None  # asking for the place in the queue is a call each time
        return partial(_report, self._device, time.monotonic())

    def _model_name(self) -> str:
        """Return what names the circuit and observables; making it takes a while."""
        if self.method not in self._names:
            name = model_name(self.model_circuit(), self._observables)
            self._names[self.method] = name
        return self._names[self.method]


def _absolute(journal: str | os.PathLike[str] | None) -> Path | None:
    """Return the path, which a later change of the working directory leaves alone."""
    return None if journal is None else Path(journal).absolute()


def _report(
    device: Any, start: float, state: str, job_id: str | None, position: int | None
) -> None:
    job = "a job" if job_id is None else f"job {job_id}"
    place = "" if position is None else f", number {position} in the queue"
    elapsed = time.monotonic() - start
    inform(_log, "%s, %s: %s%s, after %.0f s", device.name, job, state, place, elapsed)
