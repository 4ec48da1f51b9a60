"""Run circuits on IBM Quantum: the mode, the options and the tags."""

import functools
import logging
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit.quantum_info import SparsePauliOp

from skqnn._backends.accounts import Account, find_backend, portable_account
from skqnn._backends.billing import Bill, bill
from skqnn._backends.error_bars import plausible_errors
from skqnn._backends.estimators import EstimatorProgram, max_bindings, precision_of
from skqnn._backends.kept_signal import Demand
from skqnn._backends.layout import transpile_best
from skqnn._backends.measurement import measured_bases, supports_of
from skqnn._backends.transpilation import Isa
from skqnn._journal import service
from skqnn._journal.service import Remote, ibm_remote

_MAX_TIME = 2 * 3600  # seconds; a killed process cannot close its session
_log = logging.getLogger(__name__)


class IBMDevice:
    """An IBM backend as it is asked for; the connection is made when it is needed.

    What was paid for and is finished is read from the journal without a connection.

    Parameters
    ----------
    name : str
        Name of the backend, or ``"least_busy"``.
    shots : int
        Number of shots of each circuit.
    n_qubits : int
        Qubits needed, for the choice of the least busy backend.
    backend : IBMBackend, default=None
        None: through `QiskitRuntimeService` and the saved account.
    mode : {"job", "batch", "session"}, Session or Batch
        How jobs are submitted; a session or batch of the caller is not closed here.
    max_time : int or str, default=None
        Largest duration of the session or batch, in seconds or as "2h". None: 2 hours.
    use_fractional_gates : bool
        Whether to ask for a backend with RX and RZZ gates.
    account : str or callable, default=None
        Name of a saved account, or a function that returns the service.
    transpile : callable
        `skqnn._backends.layout.transpile_best` with its settings.
    options : Mapping or EstimatorOptions
        Options of `qiskit_ibm_runtime.executor_estimator.Estimator`.
    """

    remote = True
    gaussian = False
    noisy = True
    sets_states = False
    differentiable = False

    def __init__(
        self,
        name: str,
        *,
        shots: int,
        n_qubits: int,
        backend: BackendV2 | None = None,
        mode: Any = "job",
        max_time: int | str | None = None,
        use_fractional_gates: bool = False,
        account: Account = None,
        transpile: Callable[..., Isa] = transpile_best,
        options: Any = (),
    ):
        self._asked, self.shots = name, shots
        self._n_qubits, self._backend = n_qubits, backend
        self._mode, self._max_time = mode, max_time
        self._fractional, self._account = use_fractional_gates, account
        self.transpile = transpile
        self.options = _estimator_options(options)
        self._window: Any = None  # the session or batch that this device opened
        self._n_calls, self._lock = 0, threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is alive, and with it the account's token."""
        return self.__dict__ | {
            "_backend": None,
            "_window": None,
            "_n_calls": 0,
            "_lock": None,
            "_mode": self._mode if isinstance(self._mode, str) else "job",
            "_account": portable_account(self._account),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    @property
    def name(self) -> str:
        """Name of the backend, which the least busy one has once it is chosen."""
        return self._asked if self._backend is None else self._backend.name

    @property
    def backend(self) -> BackendV2:
        """The live backend."""
        if self._backend is None:
            self._backend = find_backend(
                self._asked, self._n_qubits, self._fractional, self._account
            )
        return self._backend

    @property
    def bill(self) -> Bill:
        """What is executed for the shots, by the options."""
        return bill(self.options, self.shots)

    @property
    def salt(self) -> str:
        """Whatever changes results, for the name of a request.

        How long a job may take and what it is tagged with do not: raising the limit
        after a job ran too long must not pay for the finished ones again.
        """
        options = self.options.model_dump_json(
            exclude={
                "environment": {"job_tags", "log_level", "max_execution_time"},
                "max_execution_time": True,
                "simulator": True,
            }
        )
        settings = sorted(getattr(self.transpile, "keywords", {}).items())
        return repr((self._asked, self._fractional, settings, options))

    def demand(self, supports: Sequence[tuple[int, ...]]) -> Demand:
        """Return what measuring Pauli strings on some qubits asks of a circuit."""
        return Demand(tuple(supports), self.shots)

    def compile(
        self, circuit: QuantumCircuit, observables: Sequence[SparsePauliOp], seed: int
    ) -> "IBMProgram":
        """Return what transpiles the circuit when a job has to be sent."""
        return IBMProgram(self, circuit, observables, seed)

    def submit(self, pub: tuple, tags: list[str], rng: Any = None) -> Any:
        """Submit a job with these tags, in the mode that was asked for."""
        from qiskit_ibm_runtime.executor_estimator import Estimator

        environment = self.options.environment
        tagged = environment.model_copy(
            update={"job_tags": [*environment.job_tags, *tags]}
        )
        options = self.options.model_copy(update={"environment": tagged})
        estimator = Estimator(mode=self._open(), options=options)
        return estimator.run([pub], precision=precision_of(self.shots))

    def _open(self) -> Any:
        """Return the mode of the next job, opening a session only now."""
        if not isinstance(self._mode, str):
            return self._mode
        if self._mode == "job":
            return self.backend
        with self._lock:
            if self._window is None:
                self._window = self._new_window()
            return self._window

    def _new_window(self) -> Any:
        from qiskit_ibm_runtime import Batch, Session

        kind = {"batch": Batch, "session": Session}[self._mode]
        limit = _MAX_TIME if self._max_time is None else self._max_time
        try:
            window = kind(backend=self.backend, max_time=limit)
        except Exception as error:
            if service.meaning(error) == service.UNKNOWN:
                _warn(
                    f"The answer to the opening of a {self._mode} on {self.name} was "
                    f"lost ({error}): one may be open, and ends by itself after "
                    f"{limit} s at the latest."
                )
            raise
        _log.info("%s, %s %s: opened", self.name, self._mode, window.session_id)
        return window

    def hold(self) -> None:
        """Count one more call that shares a session or batch, until it calls `close`.

        A callback predicts in the middle of a fit, and another thread at any time.
        """
        with self._lock:
            self._n_calls += 1

    def close(self) -> None:
        """Close the session or batch that this device opened, after the last call.

        Its jobs go on. A closing that fails is a warning: it must not take the place of
        a result, nor of an error that says more.
        """
        with self._lock:
            self._n_calls -= 1
            if self._n_calls <= 0:
                self._close_window()

    def _close_window(self) -> None:
        window, self._window = self._window, None
        if window is None:
            return
        try:
            window.close()
        except Exception as error:
            _warn(
                f"The {self._mode} {window.session_id} on {self.name} could not be "
                f"closed ({error}). It costs money until it ends by itself: close it "
                "with Session.from_id(...).close(), or on the web page."
            )


class IBMProgram:
    """A circuit with observables, transpiled when a job has to be sent and not before.

    Attributes
    ----------
    max_bindings : int
        Number of rows that keeps a job within the limits on executions and size.
    """

    def __init__(
        self,
        device: IBMDevice,
        circuit: QuantumCircuit,
        observables: Sequence[SparsePauliOp],
        seed: int,
    ):
        self._device, self._circuit = device, circuit
        self._observables, self._seed = observables, seed
        n_repeats, shots, _ = device.bill
        n_circuits = len(measured_bases(observables)) * n_repeats
        self.max_bindings = max_bindings(circuit.num_parameters, n_circuits, shots)

    @functools.cached_property
    def _transpiled(self) -> EstimatorProgram:
        device = self._device
        demand = device.demand(supports_of(self._observables))
        isa = device.transpile(
            self._circuit, device.backend, seed=self._seed, demand=demand
        )
        return EstimatorProgram(
            self._circuit, isa, self._observables, device.submit, device.shots
        )

    @property
    def circuits(self) -> list[QuantumCircuit]:
        """The one transpiled circuit."""
        return self._transpiled.circuits

    def remote(self, values: np.ndarray, rng: np.random.Generator) -> Remote:
        """Return the calls that a journal needs to run these rows once.

        Each of them connects if need be: what is finished needs no connection.
        """

        def submit(tags: list[str]) -> Any:
            return self._transpiled.remote(values, rng).submit(tags)

        @functools.cache
        def live() -> Any:  # a Remote in which no call is None
            return ibm_remote(self._device.backend, submit)

        def prepare(is_new: bool) -> None:
            live()
            if is_new:
                self._transpiled  # noqa: B018 (transpiles)

        return Remote(
            submit,
            find=lambda tag: live().find(tag),
            retrieve=lambda job_id: live().retrieve(job_id),
            position=lambda job: live().position(job),
            prepare=prepare,
            errors=self._errors,
        )

    def _errors(self, evs: np.ndarray, stds: np.ndarray, shots: int) -> np.ndarray:
        """Return errors that can be true with so many shots, of transposed results."""
        seen = evs.T, stds.T, self._observables
        return plausible_errors(*seen, shots, gaussian=False).T


def _warn(text: str) -> None:
    """Tell what may cost money, in the log and to whoever reads no log."""
    _log.warning(text)
    warnings.warn(text, stacklevel=2)


def _estimator_options(options: Any) -> Any:
    """Return EstimatorOptions, checked by pydantic.

    An error names the options and never their values, which may be secrets.
    """
    from pydantic import ValidationError
    from qiskit_ibm_runtime.options_models import EstimatorOptions

    if isinstance(options, EstimatorOptions):
        return options
    try:
        return EstimatorOptions(**dict(options))
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(map(str, reason['loc']))!r}: {reason['msg']}"
            for reason in error.errors(include_input=False, include_context=False)
        )
    raise ValueError(
        "`options` must be options of "
        f"qiskit_ibm_runtime.executor_estimator.Estimator, got {reasons}."
    )
