"""The model on paper: any Qiskit circuit as a short list of elementary gates.

An elementary gate is either a fixed unitary or a rotation ``exp(-i angle G / 2)`` with
a Hermitian generator ``G`` from `GENERATORS`. Everything that calculates with a circuit
(the exact engine, parameter shift, the light cone) reads this list and never Qiskit's
circuit. Global phases are dropped: no expectation value can see them.

Bit order is Qiskit's: qubit 0 is the least significant bit of an amplitude's index, and
the first qubit of a gate is the least significant bit of its matrix.
"""

from collections.abc import Container, Iterator
from typing import NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Instruction, ParameterExpression
from qiskit.circuit.library import get_standard_gate_name_mapping

_I = np.eye(2)
_X = np.array([[0, 1], [1, 0]])
_Y = np.array([[0, -1j], [1j, 0]])
_Z = np.diag([1, -1])
_ONE = np.diag([0, 1])  # the projector |1><1|

PAULIS = {"I": _I, "X": _X, "Y": _Y, "Z": _Z}

# To teach the package a new one-parameter gate, add its generator here. Controlled
# gates have their control on the first qubit, the right-hand factor of `np.kron`.
GENERATORS: dict[str, np.ndarray] = {
    "rx": _X,
    "ry": _Y,
    "rz": _Z,
    "p": _Z,  # equal to rz up to a global phase
    "u1": _Z,
    "rxx": np.kron(_X, _X),
    "ryy": np.kron(_Y, _Y),
    "rzz": np.kron(_Z, _Z),
    "rzx": np.kron(_X, _Z),
    "crx": np.kron(_X, _ONE),
    "cry": np.kron(_Y, _ONE),
    "crz": np.kron(_Z, _ONE),
    "cp": -2 * np.kron(_ONE, _ONE),
    "cu1": -2 * np.kron(_ONE, _ONE),
}

_STANDARD = get_standard_gate_name_mapping()

# Fixed gates on up to this many qubits are used as matrices; larger ones are replaced
# by their definition, which is cheaper to apply.
_MAX_MATRIX_QUBITS = 3


class Elementary(NamedTuple):
    """A gate as it stands in the circuit: fixed if `angle` is None, else a rotation."""

    qubits: tuple[int, ...]
    matrix: np.ndarray  # the unitary of a fixed gate, the generator of a rotation
    angle: ParameterExpression | None


class Gate(NamedTuple):
    """A gate whose angle is ``coefficient * theta[parameter] + offset`` radians.

    A fixed gate has ``parameter == -1`` and `matrix` is its unitary; otherwise `matrix`
    is the generator.
    """

    qubits: tuple[int, ...]
    matrix: np.ndarray
    parameter: int = -1
    coefficient: float = 1.0
    offset: float = 0.0


def rotation_matrix(generator: np.ndarray, angle: float) -> np.ndarray:
    """Return ``exp(-i angle generator / 2)``, shape (2**k, 2**k), complex."""
    eigenvalues, vectors = np.linalg.eigh(generator)
    phases = np.exp(-0.5j * angle * eigenvalues)
    return (vectors * phases) @ vectors.conj().T


def is_fixed(angle: object) -> bool:
    """Tell whether a Qiskit gate parameter is a number."""
    return not isinstance(angle, ParameterExpression) or not angle.parameters


def flatten(
    circuit: QuantumCircuit,
    *,
    fresh: frozenset[int] | None = None,
    _qubits: tuple[int, ...] | None = None,
) -> Iterator[Elementary]:
    """Yield the elementary gates of a circuit in order of application.

    Parameters
    ----------
    circuit : QuantumCircuit
        A unitary circuit; barriers are skipped and composite gates opened.
    fresh : frozenset of int, default=None
        The qubits known to be in ``|0>`` at the start. Only there may `Initialize` be
        the first instruction, because there its reset does nothing. None: all.

    Raises
    ------
    ValueError
        If an instruction is not unitary (measurement, reset, control flow).
    """
    where = _qubits or tuple(range(circuit.num_qubits))
    untouched = set(range(circuit.num_qubits) if fresh is None else fresh)
    for item in circuit.data:
        local = [circuit.find_bit(bit).index for bit in item.qubits]
        operation = item.operation
        if operation.name in ("barrier", "id", "global_phase"):
            continue
        if operation.name == "initialize" and untouched.issuperset(local):
            # Without its resets the definition is a unitary state preparation.
            operation = operation.definition.data[-1].operation
        untouched.difference_update(local)
        yield from _elementary(operation, tuple(where[q] for q in local))


def _elementary(operation: Instruction, qubits: tuple[int, ...]) -> Iterator:
    """Yield one instruction as elementary gates."""
    name, parameters = operation.name, operation.params
    if name in ("reset", "measure", "delay") or getattr(operation, "blocks", None):
        raise ValueError(
            f"The circuit must be unitary, got the instruction {name!r} on qubits "
            f"{list(qubits)}; remove measurements, resets and control flow."
        )
    numbers = [p for p in parameters if isinstance(p, ParameterExpression)]
    if _is_standard(operation, GENERATORS) and not is_fixed(parameters[0]):
        yield Elementary(qubits, GENERATORS[name], parameters[0])
    elif _is_standard(operation, ("u", "u3")) and not all(map(is_fixed, parameters)):
        theta, phi, lam = parameters
        yield from _euler(qubits, (("rz", lam), ("ry", theta), ("rz", phi)))
    elif all(map(is_fixed, numbers)) and _prefers_matrix(operation):
        yield Elementary(qubits, operation.to_matrix(), None)
    elif operation.definition is not None:
        yield from flatten(operation.definition, fresh=frozenset(), _qubits=qubits)
    else:
        raise ValueError(
            f"The circuit must consist of gates with a matrix or a definition, got "
            f"{name!r} on qubits {list(qubits)}."
        )


def _is_standard(operation: Instruction, names: Container[str]) -> bool:
    """Tell whether this is Qiskit's own gate of one of the names."""
    if operation.name not in names:
        return False
    return operation.base_class is _STANDARD[operation.name].base_class


def _euler(qubits: tuple[int, ...], rotations: tuple) -> Iterator[Elementary]:
    """Yield the rotations of a gate with three Euler angles, some of them numbers."""
    for name, angle in rotations:
        if is_fixed(angle):
            matrix = rotation_matrix(GENERATORS[name], float(angle))
            yield Elementary(qubits, matrix, None)
        else:
            yield Elementary(qubits, GENERATORS[name], angle)


def _prefers_matrix(operation: Instruction) -> bool:
    """Tell whether a fixed instruction is best applied as one matrix."""
    if not hasattr(operation, "__array__"):  # `to_matrix` exists without a matrix too
        return False
    small = operation.num_qubits <= _MAX_MATRIX_QUBITS
    return small or operation.name == "unitary" or operation.definition is None


def compile_circuit(
    circuit: QuantumCircuit, *, fresh: frozenset[int] = frozenset()
) -> tuple[Gate, ...]:
    """Turn an ansatz into gates whose angles are linear in one parameter each.

    Parameters
    ----------
    circuit : QuantumCircuit
        The ansatz; ``theta[j]`` is the value of ``circuit.parameters[j]``.
    fresh : frozenset of int, default=frozenset()
        The qubits that are in ``|0>`` before the ansatz, see `flatten`.

    Raises
    ------
    ValueError
        If an instruction is not unitary, or an angle is not of the form
        ``a * parameter + b`` with real numbers a and b.
    """
    index = {parameter: j for j, parameter in enumerate(circuit.parameters)}
    gates = []
    for qubits, matrix, angle in flatten(circuit, fresh=fresh):
        if angle is None:
            gates.append(Gate(qubits, matrix))
        else:
            parameter, coefficient, offset = linear_form(angle)
            gates.append(Gate(qubits, matrix, index[parameter], coefficient, offset))
    return tuple(gates)


def linear_form(angle: ParameterExpression) -> tuple:
    """Return (parameter, a, b) of an angle ``a * parameter + b``, or raise."""
    parameters = list(angle.parameters)
    slope = angle.gradient(parameters[0]) if len(parameters) == 1 else None
    if slope is None or not is_fixed(slope) or complex(slope).imag:
        raise ValueError(
            f"Every angle of the ansatz must be linear in one parameter "
            f"(a * parameter + b), got {angle!s}."
        )
    offset = angle.bind({parameters[0]: 0.0})
    return parameters[0], float(slope), float(offset)


def is_real(gates: tuple[Gate, ...]) -> bool:
    """Tell whether the gates map real amplitudes to real amplitudes.

    A fixed gate must be a real matrix; a rotation ``exp(-i angle G / 2)`` is real if
    and only if its generator is purely imaginary, as the Y of an RY gate.
    """
    return all(
        not np.any(np.real(g.matrix) if g.parameter >= 0 else np.imag(g.matrix))
        for g in gates
    )
