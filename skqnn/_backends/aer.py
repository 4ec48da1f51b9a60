"""Run circuits on Aer: exact, with shots, and under the noise of a device.

The noise of a device on few qubits is simulated without Aer, see `pauli`.

Outcomes are drawn from the probabilities that Aer computes, once for all shots and with
our own generator: Aer would give all circuits of a request the same random numbers, and
the same ones again in the next request.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import DataBin, PrimitiveResult, PubResult
from qiskit.providers import BackendV2
from qiskit.quantum_info import SparsePauliOp

from skqnn._backends.kept_signal import Demand
from skqnn._backends.layout import transpile_best
from skqnn._backends.measurement import Basis, measured_bases, supports_of
from skqnn._backends.noise import Noise
from skqnn._backends.packing import begin_with, pack, register_size, unpack
from skqnn._backends.pauli import NoisyAnsatz, PauliRun, pauli_run
from skqnn._backends.readings import Counted, Listed, Saved
from skqnn._backends.transpilation import Isa, compact, unroll
from skqnn._journal.service import Remote

METHODS = ("automatic", "statevector", "density_matrix", "matrix_product_state")

_MAX_LISTED_BITS = 14  # outcomes of more bits are counted, not listed
_MAX_DENSITY = 10  # qubits; beyond, one trajectory for each shot is cheaper
_MAX_EXACT_DENSITY = 13
_CHUNK_BYTES = 2**27  # of one request
_USELESS = 1e-6  # part of the signal that a readout keeps
_ROW_BYTES = 4096  # of Python objects in the result of one row
_SEED_STEP = 2113  # between the seeds of circuits of a job, where each shot has its own


class AerDevice:
    """Aer as it is asked for: method, noise and number of shots.

    Parameters
    ----------
    name : str
        For messages.
    options : dict
        Options of `AerSimulator`.
    shots : int or None
        None: exact expectation values, which know of no readout and its errors.
    backend : BackendV2, default=None
        The device whose gates and connections are simulated. None: Aer's own.
    noise : callable, default=None
        Maps a list of qubits of `backend` to their `Noise`. None: no errors.
    correct_readout : bool
        Whether to correct mean values for the known readout errors.
    transpile : callable
        `skqnn._backends.layout.transpile_best` with its settings.
    salt : object
        All that changes results, as `repr` prints it.
    check : callable, default=None
        Called with each circuit that is compiled; raises if the noise misses its gates.
    vectors : bool, default=False
        Whether density matrices are simulated as Pauli vectors instead of by Aer.

    Attributes
    ----------
    noisy : bool
        Whether gates have errors.
    sets_states : bool
        Whether states can be set directly instead of being prepared by gates.
    remote : bool
        False.
    differentiable : bool
        Whether programs have an ``ansatz``, with a gradient.
    """

    remote = False
    gaussian = False

    def __init__(
        self,
        name: str,
        options: dict[str, Any],
        *,
        shots: int | None,
        backend: BackendV2 | None = None,
        noise: Callable[[list[int]], Noise] | None = None,
        correct_readout: bool = True,
        transpile: Callable[..., Isa] = transpile_best,
        salt: Any = None,
        check: Callable[[QuantumCircuit], None] | None = None,
        vectors: bool = False,
    ):
        self.name, self.shots, self.salt = name, shots, salt
        self.noisy = noise is not None
        self.backend = backend
        method = options.get("method", "automatic")
        self.sets_states = backend is None and method in ("automatic", "statevector")
        self._options, self._noise = options, noise
        self._correct_readout, self._vectors = correct_readout, vectors
        self.transpile, self._check = transpile, check
        self.differentiable = vectors and shots is None

    def demand(self, supports: Sequence[tuple[int, ...]]) -> Demand:
        """Return what measuring Pauli strings on some qubits asks of a circuit."""
        misread = self.noisy and self.shots is not None
        return Demand(tuple(supports), self.shots, readout=misread, waiting=False)

    def compile(
        self, circuit: QuantumCircuit, observables: Sequence[SparsePauliOp], seed: int
    ) -> "AerProgram":
        """Transpile a circuit, once for each measured basis."""
        if self._check is not None:
            self._check(circuit)
        few = self.sets_states and circuit.num_qubits <= _MAX_LISTED_BITS
        if self.shots is None and not few:
            runs = [self._expectations(circuit, observables, seed)]
        else:
            runs = [
                self._measurement(circuit, basis, len(observables), seed)
                for basis in measured_bases(observables)
            ]
        return AerProgram(list(circuit.parameters), runs, self.shots)

    def _run(self, circuit, isa: Isa, where, options, reading) -> "Run | PauliRun":
        """Return a run on Aer, or on Pauli vectors where they can do it."""
        dense = self._vectors and options["method"] == "density_matrix"
        if dense and not isinstance(reading, Counted):
            parameters, model = list(circuit.parameters), options["noise_model"]
            with suppress(ValueError):  # an instruction without a transfer matrix
                return pauli_run(isa.circuit, model, parameters, where, reading)
        return Run(isa.circuit, where, simulator(options), reading)

    def _expectations(self, circuit, observables, seed) -> "Run | PauliRun":
        demand = self.demand(supports_of(observables))
        isa, options, _ = self._lower(circuit, seed, demand)
        if self.noisy and options["method"] != "density_matrix":
            raise ValueError(
                f"`shots` must be given to simulate the noise of {self.name!r} on "
                f"{isa.circuit.num_qubits} qubits with method={options['method']!r}, "
                "got None."
            )
        return self._run(circuit, isa, isa.final, options, Saved(observables))

    def _measurement(
        self, circuit, basis: Basis, n_observables, seed
    ) -> "Run | PauliRun":
        demand = self.demand([term.qubits for term in basis.terms])
        isa, options, errors = self._lower(basis.rotate(circuit), seed, demand)
        where = [isa.final[q] for q in basis.measured]
        errors = None if errors is None else errors[where]
        known = errors if self._correct_readout else None
        if known is not None:
            _check_correctable(self.name, known)
        listed = not self.noisy or options["method"] == "density_matrix"
        reading: Listed | Counted = Counted(basis, known, n_observables)
        if listed and len(where) <= _MAX_LISTED_BITS:
            reading = Listed(basis, errors, known, n_observables)
        return self._run(circuit, isa, where, options, reading)

    def _lower(self, circuit: QuantumCircuit, seed: int, demand: Demand) -> tuple:
        """Return the circuit, options of its simulator and the readout errors."""
        circuit = unroll(circuit)
        if self.backend is None:
            return Isa(circuit, tuple(range(circuit.num_qubits))), self._options, None
        isa = self.transpile(circuit, self.backend, seed=seed, demand=demand)
        isa, used = compact(isa)
        if self._noise is None:
            return isa, self._options, None
        noise = self._noise(used)
        method = self._options.get("method", "automatic")
        if method == "automatic":
            most = _MAX_EXACT_DENSITY if self.shots is None else _MAX_DENSITY
            method = "density_matrix" if len(used) <= most else "statevector"
        noisy = {"method": method, "noise_model": noise.gates}
        return isa, self._options | noisy, noise.readout

    def hold(self) -> None:
        """Do nothing: calls share nothing that could be closed."""

    def close(self) -> None:
        """Do nothing: a simulator has nothing to close."""


def _check_correctable(name: str, readout: np.ndarray) -> None:
    """Raise ValueError if a qubit is read as 0 as often whatever its state."""
    n_useless = np.count_nonzero(np.abs(1 - readout.sum(axis=1)) < _USELESS)
    if n_useless:
        raise ValueError(
            f"`correct_readout` must be False with {name!r}, got True: {n_useless} of "
            f"the {len(readout)} measured qubits are read as 0 as often whatever their "
            "state, which nothing corrects. Or take another device or noise."
        )


class Run(NamedTuple):
    """A circuit to run for each row of parameters, and how to read its qubits."""

    circuit: QuantumCircuit
    where: Sequence[int]  # the qubits to read
    simulator: Any
    reading: Saved | Listed | Counted


class AerProgram:
    """Transpiled circuits, to be run for many rows of parameters.

    Attributes
    ----------
    circuits : list of QuantumCircuit
        One for each measured basis.
    max_bindings : int
        Number of rows that keeps a request within the memory set aside for it.
    """

    def __init__(
        self,
        parameters: Sequence[Parameter],
        runs: "list[Run | PauliRun]",
        shots: int | None,
    ):
        self._parameters, self._runs = parameters, runs
        self._shots = shots
        self.circuits = [run.circuit for run in runs]
        width = max(len(parameters), *(run.reading.n_numbers for run in runs))
        self.max_bindings = max(1, _CHUNK_BYTES // (_ROW_BYTES + 8 * width))

    def run(
        self,
        values: np.ndarray,
        rng: np.random.Generator,
        states: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return expectation values and their standard errors.

        Parameters
        ----------
        values : ndarray of shape (n_bindings, n_parameters)
            Angles in radians, in the order of the circuit's parameters.
        rng : Generator
            Source of the shot noise.
        states : ndarray of shape (n_samples, 2**n_qubits), default=None
            States to set before the circuit; every one is run with all `values`.

        Returns
        -------
        evs, stds : ndarray of shape ([n_samples *] n_bindings, n_observables)
        """
        parts = [self._read(run, values, rng, states) for run in self._runs]
        means, variances = zip(*parts, strict=True)
        return np.sum(means, axis=0), np.sqrt(np.sum(variances, axis=0))

    def ansatz(self, n_theta: int) -> NoisyAnsatz | None:
        """Return the circuit whose last parameters are theta, None if Aer runs it."""
        (run,) = self._runs
        if not isinstance(run, PauliRun):
            return None
        return run.ansatz(len(self._parameters) - n_theta)

    def remote(self, values: np.ndarray, rng: np.random.Generator, states=None):
        """Return the calls that a journal needs to run these rows once."""
        return Remote(lambda tags: _Job(*self.run(values, rng, states)))

    def _read(self, run: "Run | PauliRun", values, rng, states) -> tuple:
        if isinstance(run, PauliRun):
            return run.read(values, self._shots, rng)
        results = self._simulate(run, values, rng, states)
        return run.reading.read(results, self._shots, rng)

    def _simulate(self, run: Run, values, rng, states) -> list[dict[str, Any]]:
        """Return a result for each row, that is for each state and binding."""
        if states is None:
            circuits = [run.circuit.copy()]
            run.reading.save(circuits[0], run.where)
            return self._results(run, circuits, values, rng)
        size, circuits = 0, []
        if isinstance(run.reading, Listed):
            size = register_size(run.circuit.num_qubits, len(states))
        for state in pack(states, size):
            circuit, register = begin_with(state, run.circuit, size)
            run.reading.save(circuit, [*run.where, *register])
            circuits.append(circuit)
        results = self._results(run, circuits, values, rng)
        if not size:
            return results
        joint = np.array([result["probabilities"] for result in results])
        joint = joint.reshape(len(circuits), len(values), -1)
        return [{"probabilities": row} for row in unpack(joint, size, len(states))]

    def _results(self, run: Run, circuits, values, rng) -> list[dict[str, Any]]:
        """Return a result for each circuit and binding, those of a circuit together.

        In a job of more shots, circuits would share them (findings/aer_seeds.sh).
        """
        shots = self._shots if isinstance(run.reading, Counted) else 1
        if shots is None or shots <= _SEED_STEP:
            return self._job(run, circuits, values, shots, rng)
        return [
            self._job(run, [circuit], values[k : k + 1], shots, rng)[0]
            for circuit in circuits
            for k in range(len(values))
        ]

    def _job(self, run: Run, circuits, values, shots, rng) -> list[dict[str, Any]]:
        present = run.circuit.parameters
        columns = {
            parameter: column
            for parameter, column in zip(self._parameters, values.T, strict=True)
            if parameter in present
        }
        result = run.simulator.run(
            circuits,
            parameter_binds=[columns] * len(circuits),
            runtime_parameter_bind_enable=True,
            shots=shots,
            seed_simulator=int(rng.integers(2**31)),
        ).result()
        if not result.success:
            raise _failure(_why(result), run.circuit.num_qubits)
        return [experiment.data.to_dict() for experiment in result.results]


def _why(result: Any) -> str:
    """Return why a run failed: of all its circuits, what is told of the first."""
    reasons = [one.status for one in result.results if not one.success]
    return str(reasons[0] if reasons else result.status).removeprefix("ERROR:").strip()


def _failure(why: str, n_qubits: int) -> Exception:
    """Return the error of a run that failed."""
    if why.startswith("Insufficient memory"):
        return MemoryError(
            f"Aer could not run the circuit on {n_qubits} qubits: {why}; use fewer "
            "qubits, or backend='aer_matrix_product_state' for one that entangles few "
            "of them."
        )
    return RuntimeError(f"Aer could not run the circuit: {why}.")


class _Job:
    """What a finished job looks like to a journal."""

    def __init__(self, evs: np.ndarray, stds: np.ndarray):
        self._data = DataBin(evs=evs.T, stds=stds.T)

    def job_id(self) -> str:
        return "simulated"

    def status(self) -> str:
        return "DONE"

    def result(self) -> PrimitiveResult:
        return PrimitiveResult([PubResult(self._data)])


def simulator(options: dict[str, Any]) -> Any:
    """Return an AerSimulator, which also adds the save instructions to circuits.

    Raises
    ------
    ValueError
        If Aer does not know an option or its value.
    """
    from qiskit_aer import AerError, AerSimulator
    from qiskit_aer.noise import NoiseModel

    model = options.get("noise_model")
    if not isinstance(model, NoiseModel | None):
        raise ValueError(
            "`options['noise_model']` must be a NoiseModel of Aer or None, got "
            f"{type(model).__name__}."
        )
    try:
        return AerSimulator(**options)
    except AerError as error:
        raise ValueError(
            f"`options` must be options of AerSimulator, got {sorted(options)}: {error}"
        ) from error
