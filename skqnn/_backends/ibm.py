"""Run circuits on IBM Quantum: the account, the mode, the options and the tags."""

import difflib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit.quantum_info import SparsePauliOp

from skqnn._backends.estimators import EstimatorProgram, precision_of
from skqnn._backends.transpilation import Isa, transpile_best
from skqnn._journal.requests import ibm_remote

# Zero-noise extrapolation runs each circuit at three noise levels.
_REPEATS = {0: 1, 1: 1, 2: 3}


class IBMDevice:
    """An IBM backend as it is asked for; the connection is made when it is needed.

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
        Largest duration of the session or batch, in seconds or as "2h".
    use_fractional_gates : bool
        Whether to ask for a backend with RX and RZZ gates.
    account : str or callable, default=None
        Name of a saved account, or a function that returns the service.
    transpile : callable
        `skqnn._backends.transpilation.transpile_best` with its settings.
    options : Mapping or EstimatorOptions
        Options of `qiskit_ibm_runtime.executor_estimator.Estimator`.
    """

    remote = True
    gaussian = False
    noisy = True
    sets_states = False

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
        account: str | Callable[[], Any] | None = None,
        transpile: Callable[..., Isa] = transpile_best,
        options: Any = (),
    ):
        self.name, self.shots = name, shots
        self._n_qubits, self._backend = n_qubits, backend
        self._mode, self._max_time = mode, max_time
        self._fractional, self._account = use_fractional_gates, account
        self.transpile = transpile
        self.options = _estimator_options(options)
        self._window: Any = None  # the session or batch that this device opened

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is alive, and with it the account's token."""
        mode = self._mode if isinstance(self._mode, str) else "job"
        return self.__dict__ | {"_backend": None, "_window": None, "_mode": mode}

    @property
    def backend(self) -> BackendV2:
        """The live backend."""
        if self._backend is None:
            self._backend = _find_backend(
                self.name, self._n_qubits, self._fractional, self._account
            )
        return self._backend

    @property
    def n_repeats(self) -> int:
        """How often a circuit is run, for error mitigation."""
        return _REPEATS[self.options.resilience_level]

    @property
    def salt(self) -> str:
        """Whatever changes results, for the name of a request."""
        return self.name + self.options.model_dump_json(exclude={"environment"})

    def compile(
        self, circuit: QuantumCircuit, observables: Sequence[SparsePauliOp], seed: int
    ) -> EstimatorProgram:
        """Transpile a circuit to the gates of the backend."""
        isa = self.transpile(circuit, self.backend, seed=seed)
        return EstimatorProgram(
            circuit,
            isa,
            observables,
            self._submit,
            self.shots,
            n_repeats=self.n_repeats,
            make_remote=partial(ibm_remote, self.backend),
        )

    def _submit(self, pub: tuple, tags: list[str], rng: Any = None) -> Any:
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
        from qiskit_ibm_runtime import Batch, Session

        if not isinstance(self._mode, str):
            return self._mode
        if self._mode == "job":
            return self.backend
        if self._window is None:
            kind = {"batch": Batch, "session": Session}[self._mode]
            self._window = kind(backend=self.backend, max_time=self._max_time)
        return self._window

    def close(self) -> None:
        """Close the session or batch that this device opened; its jobs go on."""
        window, self._window = self._window, None
        if window is not None:
            window.close()


def _estimator_options(options: Any) -> Any:
    """Return EstimatorOptions, checked by pydantic."""
    from pydantic import ValidationError
    from qiskit_ibm_runtime.options_models import EstimatorOptions

    if isinstance(options, EstimatorOptions):
        return options
    try:
        return EstimatorOptions(**dict(options))
    except ValidationError as error:
        raise ValueError(
            "`options` must be options of "
            f"qiskit_ibm_runtime.executor_estimator.Estimator, got {options}: {error}"
        ) from error


def _find_backend(
    name: str,
    n_qubits: int,
    use_fractional_gates: bool,
    account: str | Callable[[], Any] | None,
) -> BackendV2:
    """Return a backend of the saved account."""
    from qiskit.providers.exceptions import QiskitBackendNotFoundError
    from qiskit_ibm_runtime import QiskitRuntimeService
    from qiskit_ibm_runtime.accounts.exceptions import AccountNotFoundError

    try:
        if callable(account):
            service = account()
        else:
            service = QiskitRuntimeService(**({"name": account} if account else {}))
    except AccountNotFoundError as error:
        raise ValueError(
            f"`backend` {name!r} needs an IBM Quantum account on this computer: call "
            "QiskitRuntimeService.save_account(token=..., instance=...) once."
        ) from error
    try:
        if name == "least_busy":
            return service.least_busy(
                min_num_qubits=n_qubits,
                operational=True,
                use_fractional_gates=use_fractional_gates,
            )
        return service.backend(name, use_fractional_gates=use_fractional_gates)
    except QiskitBackendNotFoundError as error:
        names = [backend.name for backend in service.backends()]
        close = difflib.get_close_matches(name, names) or names
        raise ValueError(
            f"`backend` must be a backend of your account with at least {n_qubits} "
            f"qubits, such as {close}, got {name!r}."
        ) from error
