"""All that decides results, as nested tuples that are equal if and only if it is.

A description is compared in a process, to use a compiled program again, and printed
across processes, to name a request: `repr` depends on no address, no order of a dict
and no random name. What cannot change is not looked into when descriptions are compared
(`Leaf`), since a noise model has tens of thousands of numbers.
"""

import dataclasses
import hashlib
import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Instruction
from qiskit.primitives import BackendEstimatorV2, BaseEstimatorV2
from qiskit.providers import BackendV2
from qiskit.transpiler import CouplingMap, PassManager, Target
from qiskit.transpiler.basepasses import BasePass

from skqnn._backends.backend import DEFAULTS, Backend
from skqnn._backends.kinds import is_a, is_aer_simulator, is_ibm_backend
from skqnn._compat import noise_parts

# They decide what is remembered, where and how long, but no result; `options` and
# the target are described as what they become.
_NO_RESULT = (
    "journal",
    "mode",
    "max_time",
    "lookup_time",
    "account",
    "random_state",
    "options",
)


# Attributes of a transpiler pass that differ between processes, or between runs.
_OF_A_PROCESS = ("_hash", "property_set")


class Leaf:
    """An object that never changes: equal if identical, printed as a digest."""

    def __init__(self, value: Any, describe: Callable[[Any], Any]):
        self._value, self._describe = value, describe

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Leaf) and self._value is other._value

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def _digest(self) -> str:
        text = repr(self._describe(self._value))
        return hashlib.sha256(text.encode()).hexdigest()

    def __repr__(self) -> str:
        return self._digest


def describe_settings(backend: Backend) -> Any:
    """Return the keywords of a Backend that change results, all but the target's."""
    names = [name for name in DEFAULTS if name not in _NO_RESULT]
    return describe({name: getattr(backend, name) for name in names})


def describe(value: Any, above: tuple[int, ...] = ()) -> Any:
    """Return a value as nested tuples of plain values and leaves.

    Parameters
    ----------
    value : object
    above : tuple of int
        Identities of the objects that contain this one.
    """
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return value
    for kind, parts in _PARTS:
        if kind(value):
            return parts(value)
    if id(value) in above:
        return (_name(type(value)), "inside of itself")
    if isinstance(value, type):
        return _class(value, above)
    above = (*above, id(value))
    name = _class(type(value), above)
    if isinstance(value, Mapping):
        items = [(repr(describe(k)), describe(v, above)) for k, v in value.items()]
        return (name, *sorted(items, key=lambda item: item[0]))
    if isinstance(value, tuple | list):
        return (name, *(describe(item, above) for item in value))
    if isinstance(value, set | frozenset):
        return (name, *sorted(repr(describe(item)) for item in value))
    if callable(value) and hasattr(value, "__qualname__"):
        module = getattr(value, "__module__", None)
        return (module, value.__qualname__, *_function(value, above))
    if dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return (name, describe(fields, above))
    return (name, describe(_attributes(value), above))


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _class(kind: type, above: tuple[int, ...] = ()) -> Any:
    """Return the name of a class, and what it does where others may have that name.

    Those are the classes of a script or a notebook, and those made in a function.
    """
    own = [
        base
        for base in kind.__mro__
        if base.__module__ == "__main__" or "<locals>" in base.__qualname__
    ]
    if not own or id(kind) in above:
        return _name(kind)
    parts = [
        (name, (part.fget, part.fset) if isinstance(part, property) else part)
        for base in own
        for name, part in sorted(vars(base).items())
        if inspect.isroutine(part) or not name.startswith("__")
    ]
    return (_name(kind), describe(parts, (*above, id(kind))))


def _function(value: Any, above: tuple[int, ...]) -> tuple:
    """Return what tells functions of one name apart: lambdas, closures, methods.

    That is what they do, with which constants, and on which object. The global names
    that they use are not followed.
    """
    owner, function = (
        getattr(value, "__self__", None),
        getattr(value, "__func__", value),
    )
    parts = () if isinstance(owner, ModuleType | None) else (owner,)
    if not isinstance(function, FunctionType):
        function = inspect.unwrap(function)  # of functools.lru_cache, or compiled
    if not isinstance(function, FunctionType):
        return tuple(describe(part, above) for part in parts)
    cells = [_content(cell) for cell in function.__closure__ or ()]
    parts += (*cells, function.__defaults__, function.__kwdefaults__)
    return (_code(function.__code__), *(describe(part, above) for part in parts))


def _content(cell: CellType) -> Any:
    """Return what a variable of an enclosing function holds, if it holds anything."""
    try:
        return cell.cell_contents
    except ValueError:
        return ()


def _code(code: CodeType) -> tuple:
    """Return what a function does, wherever it is written."""
    constants = [
        _code(constant) if isinstance(constant, CodeType) else describe(constant)
        for constant in code.co_consts
    ]
    digest = hashlib.sha256(code.co_code).hexdigest()
    return (digest, code.co_names, *constants)


def _attributes(value: Any) -> Any:
    """Return what an object is made of: its attributes, or what pickle would keep."""
    if isinstance(value, BasePass):  # the NoiseModel of a device holds one
        return {k: v for k, v in vars(value).items() if k not in _OF_A_PROCESS}
    with suppress(Exception):  # what cannot be pickled has no parts that we know
        return getattr(value, "__dict__", None) or value.__reduce_ex__(4)[1:3]
    return ()


def _array(value: np.ndarray) -> Any:
    values = np.ascontiguousarray(value)
    if values.dtype == object:
        return ("array", values.shape, describe(values.ravel().tolist()))
    digest = hashlib.sha256(values.tobytes()).hexdigest()
    return ("array", values.dtype.str, values.shape, digest)


def _noise_model(model: Any) -> Any:
    """Describe a NoiseModel, whose errors never change once they are in it."""

    def leaves(errors: Mapping) -> list:
        return sorted((repr(where), Leaf(e, _error)) for where, e in errors.items())

    parts = noise_parts(model)
    local = [(name, leaves(places)) for name, places in parts.gates_at.items()]
    return (
        "NoiseModel",
        sorted(model.basis_gates),
        leaves(parts.gates),
        sorted(local, key=lambda item: item[0]),
        None if parts.readout is None else Leaf(parts.readout, _error),
        leaves(parts.readout_at),
        [describe(noise) for noise in parts.passes],
    )


def _error(error: Any) -> Any:
    """Describe a ReadoutError or QuantumError."""
    if not hasattr(error, "circuits"):
        return describe(np.asarray(error.probabilities))
    circuits = [_circuit(circuit) for circuit in error.circuits]
    return (circuits, [float(p) for p in error.probabilities])


def _circuit(circuit: QuantumCircuit) -> Any:
    find = circuit.find_bit
    return [
        (
            _gate_name(item.operation),
            [find(q).index for q in item.qubits],
            [describe(p) for p in item.operation.params],
        )
        for item in circuit.data
    ]


def _gate_name(operation: Any) -> Any:
    """Return the name of a gate, or what one made of a circuit does.

    Qiskit names these by a count, ``circuit-165``, which is another in each process.
    """
    definition = (
        operation.definition if type(operation) in (Gate, Instruction) else None
    )
    return operation.name if definition is None else _circuit(definition)


def _target(target: Target) -> Any:
    """Describe gates, where they act, their errors and durations, and T1 and T2."""
    rows = [
        (
            name,
            where,
            getattr(properties, "error", None),
            getattr(properties, "duration", None),
        )
        for name in sorted(target.operation_names)
        for where, properties in (target[name] or {None: None}).items()
    ]
    times = [(q.t1, q.t2) if q else None for q in target.qubit_properties or ()]
    return ("Target", target.num_qubits, times, sorted(rows, key=repr))


def _aer_simulator(simulator: Any) -> Any:
    options = {k: v for k, v in simulator.options.items() if v is not None}
    configuration = simulator.configuration()
    return (
        _class(type(simulator)),
        simulator.name,
        describe(options),
        sorted(configuration.basis_gates),
        describe(simulator.coupling_map),
    )


def _backend(backend: BackendV2) -> Any:
    return (
        _class(type(backend)),
        backend.name,
        describe(dict(backend.options.items())),
        _target(backend.target),
    )


def _ibm_backend(backend: Any) -> Any:
    """Describe a device without its calibration, which changes overnight."""
    fractional = getattr(backend.options, "use_fractional_gates", None)
    return ("IBMBackend", backend.name, bool(fractional))


def _backend_estimator(estimator: BackendEstimatorV2) -> Any:
    return (
        _class(type(estimator)),
        describe(estimator.backend),
        describe(estimator.options),
    )


def _runtime_estimator(estimator: Any) -> Any:
    """Describe an estimator of IBM without its session and its account."""
    options = estimator.options
    dump = getattr(options, "model_dump_json", None)
    told = describe(options) if dump is None else dump()
    return (_class(type(estimator)), describe(estimator.backend()), told)


def _kind(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds)


def _name_only(value: Any) -> Any:
    return _name(type(value))


def _is_runtime_estimator(value: Any) -> bool:
    ours = type(value).__module__.startswith("qiskit_ibm_runtime.")
    return ours and isinstance(value, BaseEstimatorV2)


# The first kind that fits counts; everything else is described by its attributes.
_PARTS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...] = (
    (_kind(np.ndarray, np.generic), _array),
    (is_a("qiskit_aer.noise", "NoiseModel"), _noise_model),
    (_kind(Target), _target),
    (_kind(CouplingMap), lambda value: sorted(value.get_edges())),
    (_kind(QuantumCircuit), _circuit),
    (is_aer_simulator, _aer_simulator),
    (is_ibm_backend, _ibm_backend),
    (_kind(BackendV2), _backend),
    (_kind(BackendEstimatorV2), _backend_estimator),
    (_is_runtime_estimator, _runtime_estimator),
    # Made from what is described elsewhere, or a state that moves on.
    (_kind(PassManager, np.random.Generator, np.random.RandomState), _name_only),
)
