"""Run circuits on Aer: exact, with shots, and under the noise of a device.

Outcomes are drawn from the probabilities that Aer computes, once for all shots and with
our own generator: Aer would give all circuits of a request the same random numbers, and
the same ones again in the next request.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import DataBin, PrimitiveResult, PubResult
from qiskit.providers import BackendV2
from qiskit.quantum_info import SparsePauliOp

from skqnn._journal import Remote
from skqnn._measurement import (
    Basis,
    all_outcomes,
    mean_and_variance,
    measured_bases,
    misread,
    outcome_values,
    sample,
)
from skqnn._noise import Noise
from skqnn._transpilation import Isa, compact, transpile_best, unroll

METHODS = ("automatic", "statevector", "density_matrix", "matrix_product_state")

_MAX_LISTED_BITS = 14  # outcomes of more bits are counted, not listed
_MAX_DENSITY = 10  # qubits; beyond, one trajectory for each shot is cheaper
_MAX_EXACT_DENSITY = 13
_CHUNK_BYTES = 2**27


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
    n_transpilations, optimization_level : int
        See `skqnn._transpilation.transpile_best`.

    Attributes
    ----------
    noisy : bool
        Whether gates have errors.
    sets_states : bool
        Whether states can be set directly instead of being prepared by gates.
    remote : bool
        False.
    """

    remote = False
    n_repeats = 1

    def __init__(
        self,
        name: str,
        options: dict[str, Any],
        *,
        shots: int | None,
        backend: BackendV2 | None = None,
        noise: Callable[[list[int]], Noise] | None = None,
        correct_readout: bool = True,
        n_transpilations: int = 1,
        optimization_level: int = 1,
    ):
        self.name, self.shots = name, shots
        self.noisy = noise is not None
        self.backend = backend
        method = options.get("method", "automatic")
        self.sets_states = backend is None and method in ("automatic", "statevector")
        self._options, self._noise = options, noise
        self._correct_readout = correct_readout
        self._n_trials, self._level = n_transpilations, optimization_level

    @property
    def salt(self) -> str:
        """Whatever changes results, for the name of a request."""
        return repr((self.name, sorted(self._options.items()), self._correct_readout))

    def compile(
        self, circuit: QuantumCircuit, observables: Sequence[SparsePauliOp], seed: int
    ) -> "AerProgram":
        """Transpile a circuit, once for each measured basis."""
        if self.shots is None:
            runs = [self._expectations(circuit, observables, seed)]
        else:
            bases = measured_bases(observables)
            runs = [self._measurement(circuit, basis, seed) for basis in bases]
        parameters = list(circuit.parameters)
        return AerProgram(parameters, runs, self.shots, len(observables))

    def _expectations(self, circuit, observables, seed) -> "_Run":
        isa, options, _ = self._transpile(circuit, seed)
        if self.noisy and options["method"] != "density_matrix":
            raise ValueError(
                f"`shots` must be given to simulate the noise of {self.name!r} on "
                f"{isa.circuit.num_qubits} qubits with method={options['method']!r}, "
                "got None."
            )
        for k, observable in enumerate(observables):
            isa.circuit.save_expectation_value(observable, isa.final, label=str(k))
        return _Run(isa.circuit, simulator(options))

    def _measurement(self, circuit, basis: Basis, seed) -> "_Run":
        isa, options, readout = self._transpile(basis.rotate(circuit), seed)
        where = [isa.final[q] for q in basis.measured]
        listed = not self.noisy or options["method"] == "density_matrix"
        if listed and len(where) <= _MAX_LISTED_BITS:
            isa.circuit.save_probabilities(where)
        else:
            listed = False
            isa.circuit.add_register(ClassicalRegister(len(where), "outcome"))
            isa.circuit.measure(where, range(len(where)))
        readout = None if readout is None else readout[where]
        known = readout if self._correct_readout else None
        return _Run(isa.circuit, simulator(options), basis, listed, readout, known)

    def _transpile(self, circuit: QuantumCircuit, seed: int) -> tuple:
        """Return the circuit, options of its simulator and the readout errors."""
        circuit = unroll(circuit)
        if self.backend is None:
            return Isa(circuit, tuple(range(circuit.num_qubits))), self._options, None
        isa = transpile_best(
            circuit,
            self.backend,
            n_trials=self._n_trials,
            optimization_level=self._level,
            seed=seed,
        )
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

    def close(self) -> None:
        """Do nothing: a simulator has nothing to close."""


class _Run(NamedTuple):
    """A circuit to run for each row of parameters, and how to read its result."""

    circuit: QuantumCircuit
    simulator: Any
    basis: Basis | None = None  # None: expectation values are saved
    listed: bool = False  # whether probabilities of all outcomes are saved
    readout: np.ndarray | None = None  # errors made, of the measured qubits
    known: np.ndarray | None = None  # errors to correct for


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
        runs: list[_Run],
        shots: int | None,
        n_observables: int,
    ):
        self._parameters, self._runs = parameters, runs
        self._shots, self._n_observables = shots, n_observables
        self.circuits = [run.circuit for run in runs]
        n_outcomes = max(
            2 ** len(run.basis.measured) if run.listed else 1 for run in runs
        )
        width = max(len(parameters), n_outcomes)
        self.max_bindings = max(1, _CHUNK_BYTES // (8 * width))

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
        mean = variance = 0.0
        for run in self._runs:
            results = self._simulate(run, values, rng, states)
            if run.basis is None:
                names = [str(k) for k in range(self._n_observables)]
                evs = np.array([[np.real(r[k]) for k in names] for r in results])
                return evs, np.zeros_like(evs)
            read = _read_list if run.listed else _read_counts
            part = read(run, results, self._shots, self._n_observables, rng)
            mean, variance = mean + part[0], variance + part[1]
        return mean, np.sqrt(variance)

    def remote(self, values: np.ndarray, rng: np.random.Generator, states=None):
        """Return the calls that a journal needs to run these rows once."""
        return Remote(lambda tags: _Job(*self.run(values, rng, states)))

    def _simulate(self, run: _Run, values, rng, states) -> list[dict[str, Any]]:
        circuits = [run.circuit]
        if states is not None:
            circuits = [_from_state(state, run.circuit) for state in states]
        present = run.circuit.parameters
        columns = {
            parameter: column
            for parameter, column in zip(self._parameters, values.T, strict=True)
            if parameter in present
        }
        counted = run.basis is not None and not run.listed
        result = run.simulator.run(
            circuits,
            parameter_binds=[columns] * len(circuits),
            runtime_parameter_bind_enable=True,
            shots=self._shots if counted else 1,
            seed_simulator=int(rng.integers(2**31)),
        ).result()
        if not result.success:
            raise RuntimeError(f"Aer could not run the circuit: {result.status}.")
        return [experiment.data.to_dict() for experiment in result.results]


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


def _from_state(state: np.ndarray, circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit with its state set at the start."""
    state = state.astype(np.complex128)
    full = circuit.copy_empty_like()
    full.set_statevector(state / np.linalg.norm(state))
    full.compose(circuit, inplace=True, copy=False)
    return full


def _read_list(run: _Run, results, shots, n_observables, rng) -> tuple:
    """Sample from the probabilities of all outcomes."""
    probabilities = np.array([result["probabilities"] for result in results])
    if run.readout is not None:
        probabilities = misread(probabilities, run.readout)
    bits = all_outcomes(len(run.basis.measured))
    values = outcome_values(run.basis, bits, run.known, n_observables)
    return mean_and_variance(sample(probabilities, shots, rng), values, shots)


def _read_counts(run: _Run, results, shots, n_observables, rng) -> tuple:
    """Read the outcomes that Aer sampled."""
    places = np.arange(len(run.basis.measured))
    parts = []
    for result in results:
        outcomes = [int(text, 16) for text in result["counts"]]
        bits = np.array([[(x >> int(j)) & 1 for j in places] for x in outcomes])
        values = outcome_values(run.basis, bits, run.known, n_observables)
        frequencies = np.array([*result["counts"].values()])[None] / shots
        parts.append(mean_and_variance(frequencies, values, shots))
    mean, variance = zip(*parts, strict=True)
    return np.concatenate(mean), np.concatenate(variance)


def simulator(options: dict[str, Any]) -> Any:
    """Return an AerSimulator, which also adds the save instructions to circuits.

    Raises
    ------
    ValueError
        If Aer does not know an option or its value.
    """
    from qiskit_aer import AerError, AerSimulator

    try:
        return AerSimulator(**options)
    except AerError as error:
        raise ValueError(
            f"`backend_options` must be options of AerSimulator, got {options}: {error}"
        ) from error
