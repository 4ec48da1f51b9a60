"""Run circuits on any Qiskit estimator."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.primitives import BackendEstimatorV2, BaseEstimatorV2, StatevectorEstimator
from qiskit.providers import BackendV2
from qiskit.quantum_info import SparsePauliOp

from skqnn._backends.description import describe
from skqnn._backends.kept_signal import Demand
from skqnn._backends.kinds import is_a
from skqnn._backends.layout import transpile_best
from skqnn._backends.measurement import measured_bases, supports_of
from skqnn._backends.seeding import reseeded
from skqnn._backends.simulators import device_like
from skqnn._backends.transpilation import Isa, unroll
from skqnn._compat import settle, simulator_of, with_options
from skqnn._journal.service import Remote

# A job takes a minute or two to upload at this size; the service gives it 15.
_MAX_BYTES = 40_000_000
_BYTES_PER_VALUE = 12  # of a parameter in a submitted job: base64, and some structure
_DEVICE_GATES = frozenset({"rz", "sx", "x", "cx", "cz", "ecr"})
_MAX_EXECUTIONS = 10_000_000  # circuits times shots that IBM accepts in a job


class EstimatorDevice:
    """A `BaseEstimatorV2` that somebody else configured.

    Parameters
    ----------
    name : str
        For messages.
    estimator : BaseEstimatorV2
        Runs the circuits.
    shots : int or None
        The precision asked for is ``shots ** -0.5``. None: exact expectation values,
        or as the estimator pleases if it is not known to give them.
    backend : BackendV2, default=None
        What the circuits are transpiled for. None: the estimator takes any circuit.
    transpile : callable
        `skqnn._backends.layout.transpile_best` with its settings.

    Attributes
    ----------
    gaussian : bool
        Whether it adds normal deviations to exact values instead of taking shots.
    """

    remote = False
    sets_states = False
    differentiable = False

    def __init__(
        self,
        name: str,
        estimator: BaseEstimatorV2,
        *,
        shots: int | None,
        backend: BackendV2 | None = None,
        transpile: Callable[..., Isa] = transpile_best,
    ):
        self.name, self.shots, self.backend = name, shots, backend
        self.noisy = backend is not None and has_errors(backend)
        if _is_aers(estimator) and simulator_of(estimator).options.noise_model:
            self.noisy, estimator = True, _average(estimator, shots)
        self.gaussian = _adds_noise(estimator)
        self._estimator = estimator
        self.transpile = transpile

    @property
    def salt(self) -> Any:
        """All that changes results, as `repr` prints it."""
        return describe(self._estimator)

    def demand(self, supports: Sequence[tuple[int, ...]]) -> Demand:
        """Return what measuring Pauli strings on some qubits asks of a circuit."""
        return Demand(tuple(supports), self.shots)

    def compile(
        self, circuit: QuantumCircuit, observables: Sequence[SparsePauliOp], seed: int
    ) -> "EstimatorProgram":
        """Transpile a circuit if the estimator needs it."""
        isa = Isa(unroll(circuit), tuple(range(circuit.num_qubits)))
        if self.backend is not None:
            demand = self.demand(supports_of(observables))
            isa = self.transpile(
                circuit,
                self.backend,
                seed=seed,
                demand=demand,
                gates=_gates_of(self._estimator, self.backend),
            )
        return EstimatorProgram(circuit, isa, observables, self._submit, self.shots)

    def _submit(self, pub: tuple, tags: list[str], rng: np.random.Generator) -> Any:
        precision = _exact_precision(self._estimator)
        if self.shots is not None:
            precision = precision_of(self.shots)
        return reseeded(self._estimator, rng).run([pub], precision=precision)

    def hold(self) -> None:
        """Do nothing: calls share nothing that could be closed."""

    def close(self) -> None:
        """Do nothing: the estimator is the user's."""


class EstimatorProgram:
    """A transpiled circuit with observables, to be run for many rows of parameters.

    Attributes
    ----------
    circuits : list of QuantumCircuit
        The one transpiled circuit.
    max_bindings : int
        Number of rows that keeps a job within the limits on executions and size.
    """

    def __init__(
        self,
        circuit: QuantumCircuit,
        isa: Isa,
        observables: Sequence[SparsePauliOp],
        submit: Callable[[tuple, list[str], np.random.Generator], Any],
        shots: int | None,
    ):
        self.circuits, self.isa = [isa.circuit], isa
        width = isa.circuit.num_qubits
        self._observables = [
            [observable.apply_layout(list(isa.final), num_qubits=width)]
            for observable in observables
        ]
        # Transpilation keeps the parameters, but may lose one that has no effect.
        order = {parameter: j for j, parameter in enumerate(circuit.parameters)}
        self._columns = [order[p] for p in isa.circuit.parameters]
        self._submit = submit
        n_circuits = len(measured_bases(observables))
        self.max_bindings = max_bindings(len(self._columns), n_circuits, shots)

    def run(
        self, values: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return expectation values and standard errors, (n_bindings, n_observables).

        The generator seeds the estimator, if it is of a kind that takes a seed.
        """
        data = self._submit(self._pub(values), [], rng).result()[0].data
        return np.asarray(data.evs).T, np.asarray(data.stds).T

    def remote(self, values: np.ndarray, rng: np.random.Generator) -> Remote:
        """Return the calls that a journal needs to run these rows once."""
        pub = self._pub(values)
        return Remote(lambda tags: self._submit(pub, tags, rng))

    def _pub(self, values: np.ndarray) -> tuple:
        return self.isa.circuit, self._observables, values[:, self._columns]


def max_bindings(n_parameters: int, n_circuits: int, shots: int | None) -> int:
    """Return how many rows of parameters fit in a job.

    Parameters
    ----------
    n_parameters : int
        Length of a row.
    n_circuits : int
        Circuits that are run for each row.
    shots : int or None
        None: they do not count.
    """
    by_executions = _MAX_EXECUTIONS // ((shots or 1) * n_circuits)
    by_size = _MAX_BYTES // (_BYTES_PER_VALUE * max(1, n_parameters))
    return max(1, min(by_executions, by_size))


def precision_of(shots: int) -> float:
    """Return the precision that makes a primitive take exactly this many shots.

    It rounds ``precision ** -2`` up, so that rounding errors would cost a shot.
    """
    return math.sqrt(1 / shots) * (1 + 1e-12)


def has_errors(backend: BackendV2) -> bool:
    """Return whether a backend's calibration data contain an error of a gate."""
    target = backend.target
    return any(
        getattr(properties, "error", None)
        for name in target.operation_names
        if name != "measure"
        for properties in (target[name] or {}).values()
    )


def backend_of(estimator: BaseEstimatorV2) -> BackendV2 | None:
    """Return the backend that an estimator needs its circuits transpiled for."""
    if isinstance(estimator, BackendEstimatorV2):
        return estimator.backend
    if _is_aers(estimator):
        simulator = simulator_of(estimator)
        return device_like(simulator, simulator.options.noise_model)
    if type(estimator).__module__.startswith("qiskit_ibm_runtime."):
        return estimator.backend()
    return None


def settled(target: Any) -> Any:
    """Return a target that its first run, by a BackendEstimatorV2, leaves as it is."""
    if isinstance(target, BackendEstimatorV2):
        settle(target.backend)
    elif _is_generic(target):
        settle(target)
    return target


def _gates_of(estimator: BaseEstimatorV2, backend: BackendV2) -> Any:
    """Return the gates that an estimator takes, None if these are the backend's.

    IBM's client rewrites circuits before it runs them, and knows the gates of devices:
    on a simulator that has more, it refuses RY with a parameter.
    """
    module = type(estimator).__module__
    is_client = module.startswith("qiskit_ibm_runtime.executor_estimator")
    return _DEVICE_GATES if is_client and "ry" in backend.target else None


def check_exact(estimator: BaseEstimatorV2, shots: int | None) -> None:
    """Raise ValueError if exact values are asked of an estimator that samples."""
    if _is_aers(estimator):
        _check_aers(simulator_of(estimator), shots)
    elif shots is None and backend_of(estimator) is not None:
        raise ValueError(
            f"`shots` must be a positive integer with {type(estimator).__name__}, "
            "which has no exact expectation values, got None."
        )


def _average(estimator: Any, shots: int | None) -> Any:
    """Let Aer's estimator average over random errors so often that it hardly shows.

    It adds a deviation of ``shots ** -0.5`` to an average over a number of runs of its
    own choice; with four times as many runs as shots, that adds an eighth at most.
    """
    options = estimator.options
    if shots is None or "shots" in options.run_options:
        return estimator
    run_options = options.run_options | {"shots": 4 * shots}
    return with_options(estimator, replace(options, run_options=run_options))


def _check_aers(simulator: Any, shots: int | None) -> None:
    """Refuse what looks exact in Aer's estimator, and averages over random errors."""
    noisy = simulator.options.noise_model is not None
    if noisy and shots is None and simulator.options.method != "density_matrix":
        raise ValueError(
            "`shots` must be a positive integer with Aer's EstimatorV2 and noise, got "
            "None: it averages over random errors. Make it with method="
            "'density_matrix', or give the AerSimulator itself."
        )


def _exact_precision(estimator: BaseEstimatorV2) -> float | None:
    """Return the precision that stands for exact, None to leave it to the estimator."""
    return 0.0 if _adds_noise(estimator) else None


_is_aers = is_a("qiskit_aer.primitives", "EstimatorV2")
_is_generic = is_a("qiskit.providers.fake_provider", "GenericBackendV2")


def _adds_noise(estimator: BaseEstimatorV2) -> bool:
    """Tell whether an estimator adds normal deviations to exact values."""
    return _is_aers(estimator) or isinstance(estimator, StatevectorEstimator)
