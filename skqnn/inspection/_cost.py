"""What running a model on a device would cost, without running it."""

from collections.abc import Iterator, Mapping
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.providers import BackendV2
from sklearn.utils.validation import check_is_fitted, validate_data

from skqnn._backends.backend import Backend, as_backend
from skqnn._backends.billing import Bill, bill
from skqnn._backends.estimators import max_bindings
from skqnn._backends.ibm import IBMDevice
from skqnn._backends.kinds import is_fake_backend
from skqnn._backends.measurement import measured_bases, supports_of
from skqnn._backends.primitive import PrimitiveEngine
from skqnn._backends.resolve import resolve
from skqnn._backends.transpilation import success_probability, two_qubit_gates
from skqnn._circuits.gates import compile_circuit
from skqnn._circuits.shift import shift_rules
from skqnn._classifier import QNNClassifier
from skqnn._execution import model_rows
from skqnn._pipelines import classifier_input, final_classifier, is_started
from skqnn.inspection._problem import start

FREE_SECONDS = 600  # of IBM's Open Plan in 28 days, as of 2026

_REP_DELAY = 250e-6  # seconds between shots, the default of IBM's devices
_PASSES = {
    "prediction": "one prediction",
    "epoch_spsa": "one epoch, SPSA",
    "epoch_parameter_shift": "one epoch, parameter shift",
}


class CostEstimate(Mapping):
    """A mapping of names to numbers that prints as a table.

    See :func:`estimate_cost` for the names.
    """

    def __init__(self, values: Mapping[str, Any]):
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        lines = [
            f"{self['backend']}: {self['n_qubits']} qubits, preparation "
            f"{self['preparation']} (mean fidelity {self['preparation_fidelity']:.3f})",
            f"{self['two_qubit_gates']} two-qubit gates, depth {self['depth']}, "
            f"probability without an error {self['success_probability']:.2f}",
            f"{self['shots']} shots of {1e6 * self['seconds_per_shot']:.0f} us, delay "
            "between shots included",
            "",
            f"{'':28s}{'jobs':>6s}{'circuits':>10s}{'executions':>13s}"
            f"{'QPU time':>11s}  free plan",
        ]
        for name, words in _PASSES.items():
            row = self[name]
            if row is None:
                lines.append(f"{words:28s}not possible with this circuit")
                continue
            fits = "fits" if row["fits_free_plan"] else "does not fit"
            lines.append(
                f"{words:28s}{row['jobs']:6d}{row['circuits']:10,d}"
                f"{row['executions']:13,d}{_duration(row['qpu_seconds']):>11s}  {fits}"
            )
        return "\n".join(lines)


def estimate_cost(
    estimator: Any,
    X: ArrayLike,
    backend: Any = None,
    *,
    y: ArrayLike | None = None,
    shots: int | None = None,
) -> CostEstimate:
    """Estimate what predicting or training on a device would cost.

    Nothing is run, and with a fake backend nothing leaves the computer: look at it
    before you pay. Calibration data of a fake backend are as old as its snapshot.

    Parameters
    ----------
    estimator : QNNClassifier, or Pipeline that ends in one
        Fitted or not. The parameters of the classifier say how large mini-batches are.
    X : array-like of shape (n_samples, n_features)
        The rows to predict, or to train on for an epoch, as the estimator takes them.
    backend : str, BackendV2 or Backend, default=None
        The device, such as "fake_torino" or "ibm_torino", and how it is used. None:
        those of the classifier.
    y : array-like of shape (n_samples,), default=None
        Class labels; needed if the estimator is not fitted.
    shots : int, default=None
        Measurements per circuit. None: those of the classifier.

    Returns
    -------
    cost : CostEstimate
        A mapping that prints as a table, with

        - ``backend``, ``n_qubits``, ``shots`` as they are asked for;
        - ``preparation`` and ``preparation_fidelity``, the mean over the rows;
        - ``two_qubit_gates`` and ``depth`` of the transpiled circuit;
        - ``success_probability``, that no gate and no readout fails, by calibration;
        - ``seconds_per_shot``, from gate times and the delay between shots;
        - ``prediction``, ``epoch_spsa`` and ``epoch_parameter_shift``: mappings with
          ``jobs``, ``pubs``, ``circuits`` (parameter rows times measured bases),
          ``executions`` (circuits times shots, and those that each job needs to learn
          the readout errors), ``qpu_seconds`` and ``fits_free_plan``. None if the
          circuit has no shift rule.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted and `y` is not given.
    TypeError
        If the estimator does not end in a QNNClassifier, or no backend is given.
    ValueError
        If the number of shots is not known, or the backend is no device.

    Notes
    -----
    Without the overhead of loading a job, some seconds each. Counted is what IBM's
    client submits by its options, for a fake device by its default ones: from
    ``resilience_level=1`` on it takes shots in up to 32 groups of 64 or more, of the
    same size, and as many again in each job to learn the readout errors; at level 2 it
    runs each circuit at three levels of noise. What probabilistic error cancellation
    (``resilience.pec_mitigation``) adds depends on the noise, and is not counted.
    Other makers' devices count with the shots that are asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from skqnn import QNNClassifier
    >>> from skqnn.inspection import estimate_cost
    >>> X, y = np.random.default_rng(0).normal(size=(20, 8)), np.arange(20) % 2
    >>> classifier = QNNClassifier(tol=0.1, random_state=0).fit(X, y)
    >>> cost = estimate_cost(classifier, X, "fake_torino", shots=1000)
    >>> cost["prediction"]["circuits"], cost["prediction"]["executions"]
    (20, 21504)
    """
    classifier, rows = _model_and_rows(estimator, X, y)
    shots = _shots(classifier.shots if shots is None else shots)
    settings = _settings(classifier.backend if backend is None else backend)
    device = _device(settings, shots, classifier.n_qubits_)
    engine = PrimitiveEngine(
        classifier.circuit_,
        classifier.observables_,
        device,
        backend=settings,
        feature_map=classifier.feature_map_,
        n_copies=classifier.n_copies_,
        seed=0,
    )
    engine.prepare(rows)
    circuit = engine.model_circuit()
    demand = device.demand(supports_of(classifier.observables_))
    isa = device.transpile(circuit, device.backend, seed=0, demand=demand)
    seconds = _seconds_per_shot(isa.circuit, device.backend)
    billed = _bill(device)
    n_per_row = len(measured_bases(classifier.observables_)) * billed.n_repeats
    most = max_bindings(circuit.num_parameters, n_per_row, billed.shots)
    task = _Task(len(rows), n_per_row, most, billed, seconds)
    n_terms = _n_shifts(classifier.circuit_)
    batch = classifier._plan().rows_per_step(len(rows))
    return CostEstimate(
        {
            "backend": device.name,
            "n_qubits": classifier.n_qubits_,
            "shots": shots,
            "preparation": engine.method,
            "preparation_fidelity": float(np.mean(engine.fidelity)),
            "two_qubit_gates": two_qubit_gates(isa.circuit),
            "depth": isa.circuit.depth(),
            "success_probability": success_probability(isa, device.backend.target),
            "seconds_per_shot": seconds,
            "prediction": _cost(task, 1, len(rows)),
            "epoch_spsa": _cost(task, 2, batch),
            "epoch_parameter_shift": n_terms and _cost(task, 1 + n_terms, batch),
        }
    )


class _Task(NamedTuple):
    """What is run, and how it is cut into jobs."""

    n_rows: int
    n_per_row: int  # circuits
    n_rows_per_job: int  # at most
    bill: Bill
    seconds_per_shot: float


def _cost(task: _Task, n_thetas: int, n_at_once: int) -> dict[str, Any]:
    """Return the cost of all rows, `n_at_once` per step, each for `n_thetas` models."""
    starts = range(0, task.n_rows, n_at_once)
    sizes = [min(n_at_once, task.n_rows - start) for start in starts]
    jobs = sum(-(-n_thetas * size // task.n_rows_per_job) for size in sizes)
    circuits = n_thetas * task.n_rows * task.n_per_row
    executions = circuits * task.bill.shots + jobs * task.bill.calibration
    qpu_seconds = executions * task.seconds_per_shot
    return {
        "jobs": jobs,
        "pubs": jobs,
        "circuits": circuits,
        "executions": executions,
        "qpu_seconds": qpu_seconds,
        "fits_free_plan": qpu_seconds <= FREE_SECONDS,
    }


def _model_and_rows(
    estimator: Any, X: ArrayLike, y: Any
) -> tuple[QNNClassifier, np.ndarray]:
    """Return the classifier with a model, and X as amplitudes or features."""
    if y is None:
        check_is_fitted(final_classifier(estimator), "theta_")
    seen = classifier_input(estimator, X, y)
    classifier = final_classifier(estimator)
    if not is_started(estimator):
        classifier = start(classifier, seen, y)
    rows = validate_data(classifier, seen, dtype=(np.float64, np.float32), reset=False)
    return classifier, model_rows(rows, classifier._model, on_host=True)


def _shots(shots: Any) -> int:
    if isinstance(shots, bool) or not isinstance(shots, Integral) or shots < 1:
        raise ValueError(
            f"`shots` must be a positive integer, got {shots!r}; pass shots=... or "
            "set it on the classifier."
        )
    return int(shots)


def _settings(backend: Any) -> Backend:
    settings = as_backend(backend)
    if settings is None:
        raise TypeError(
            "`backend` must be a device or a fake of one, such as 'fake_torino', got "
            "None; pass backend=..., or set it on the classifier."
        )
    return settings


def _device(settings: Backend, shots: int, n_qubits: int) -> Any:
    device = resolve(settings, shots=shots, n_qubits=n_qubits)
    if device.backend is None:
        raise ValueError(
            "`backend` must be a device or a fake of one, such as 'fake_torino', got "
            f"{device.name!r}, which costs nothing but time."
        )
    return device


def _bill(device: Any) -> Bill:
    """Return what is executed for the shots; a fake stands for the device."""
    if isinstance(device, IBMDevice):
        return device.bill
    if not is_fake_backend(device.backend):
        return Bill(1, device.shots, 0)
    from qiskit_ibm_runtime.options_models import EstimatorOptions

    return bill(EstimatorOptions(), device.shots)


def _n_shifts(circuit: QuantumCircuit) -> int | None:
    """Return the number of shifted evaluations of a gradient, None without a rule."""
    try:
        rules = shift_rules(compile_circuit(circuit), circuit.num_parameters)
    except ValueError:
        return None
    return len(rules.parameter)


def _seconds_per_shot(circuit: QuantumCircuit, backend: BackendV2) -> float:
    """Return the time of gates, readout and the delay before the next shot."""
    measured = circuit.copy()
    measured.measure_active()
    try:
        seconds = measured.estimate_duration(backend.target, unit="s")
    except QiskitError as error:
        raise ValueError(
            f"`backend` must know the durations of its gates, got {backend.name!r}: "
            f"{error}"
        ) from error
    configuration = getattr(backend, "configuration", None)
    delay = getattr(configuration and configuration(), "default_rep_delay", None)
    return float(seconds) + (_REP_DELAY if delay is None else float(delay))


def _duration(seconds: float) -> str:
    """Return seconds in a readable unit."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
