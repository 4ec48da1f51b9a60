"""The model on paper: any Qiskit circuit as a short list of elementary gates.

An elementary gate is either a fixed unitary or a rotation ``exp(-i angle G / 2)`` with
a Hermitian generator ``G`` from `GENERATORS`. Everything that calculates with a circuit
(the exact engine, parameter shift, the light cone) reads this list and never Qiskit's
circuit. Global phases are dropped: no expectation value can see them.

Bit order is Qiskit's: qubit 0 is the least significant bit of an amplitude's index, and
the first qubit of a gate is the least significant bit of its matrix.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterExpression

from skqnn._circuits.angles import is_fixed, linear_form
from skqnn._circuits.normal_form import instructions, normal_form

_I = np.eye(2)
_X = np.array([[0, 1], [1, 0]])
_Y = np.array([[0, -1j], [1j, 0]])
_Z = np.diag([1, -1])
_ONE = np.diag([0, 1])  # the projector |1><1|

PAULIS = {"I": _I, "X": _X, "Y": _Y, "Z": _Z}

# To teach the package a new one-parameter gate of Qiskit's standard ones, add its
# generator here; gates without a row are opened. Controlled gates have their control on
# the first qubit, the right-hand factor of `np.kron`.
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
    return spectral_rotation(*np.linalg.eigh(generator), angle)


def spectral_rotation(
    eigenvalues: np.ndarray, vectors: np.ndarray, angle: float
) -> np.ndarray:
    """Return the `rotation_matrix` of a generator with these eigenvectors."""
    phases = np.exp(-0.5j * angle * eigenvalues)
    return (vectors * phases) @ vectors.conj().T


def flatten(
    circuit: QuantumCircuit, *, fresh: frozenset[int] | None = None
) -> Iterator[Elementary]:
    """Yield the elementary gates of a circuit in order of application.

    Parameters
    ----------
    circuit : QuantumCircuit
        A unitary circuit; barriers are skipped and composite gates opened.
    fresh : frozenset of int, default=None
        The qubits known to be in ``|0>`` at the start, see `normal_form`. None: all.

    Raises
    ------
    ValueError
        If the circuit has no normal form, because an instruction is not unitary.
    """
    if fresh is None:
        fresh = frozenset(range(circuit.num_qubits))
    normal = normal_form(circuit, fresh=fresh)
    yield from _elementary(normal, range(circuit.num_qubits))


def _elementary(circuit: QuantumCircuit, where: Sequence[int]) -> Iterator[Elementary]:
    """Yield the gates of a circuit in normal form, its qubit q on ``where[q]``."""
    for item, inner in instructions(circuit):
        name, parameters = item.name, item.params
        qubits = tuple(where[q] for q in inner)
        if name in ("barrier", "id", "global_phase"):
            continue
        fixed = all(map(is_fixed, parameters))
        if name in GENERATORS and not fixed:
            yield Elementary(qubits, GENERATORS[name], parameters[0])
        elif name in ("u", "u3") and not fixed:
            theta, phi, lam = parameters
            yield from _euler(qubits, (("rz", lam), ("ry", theta), ("rz", phi)))
        elif name == "unitary" or (fixed and len(qubits) <= _MAX_MATRIX_QUBITS):
            yield Elementary(qubits, item.operation.to_matrix(), None)
        else:
            yield from _elementary(normal_form(item.operation.definition), qubits)


def _euler(qubits: tuple[int, ...], rotations: tuple) -> Iterator[Elementary]:
    """Yield the rotations of a gate with three Euler angles, some of them numbers."""
    for name, angle in rotations:
        if is_fixed(angle):
            matrix = rotation_matrix(GENERATORS[name], float(angle))
            yield Elementary(qubits, matrix, None)
        else:
            yield Elementary(qubits, GENERATORS[name], angle)


def compile_circuit(
    circuit: QuantumCircuit, *, fresh: frozenset[int] = frozenset()
) -> tuple[Gate, ...]:
    """Turn an ansatz into gates whose angles are linear in one parameter each.

    An angle that is a sum of several parameters becomes as many gates.

    Parameters
    ----------
    circuit : QuantumCircuit
        The ansatz; ``theta[j]`` is the value of ``circuit.parameters[j]``.
    fresh : frozenset of int, default=frozenset()
        The qubits that are in ``|0>`` before the ansatz, see `flatten`.

    Raises
    ------
    ValueError
        If an instruction is not unitary, or an angle is not a sum of terms
        ``a * parameter`` and a number, all of them real.
    """
    index = {parameter: j for j, parameter in enumerate(circuit.parameters)}
    gates = []
    for qubits, matrix, angle in flatten(circuit, fresh=fresh):
        if angle is None:
            gates.append(Gate(qubits, matrix))
            continue
        form = linear_form(angle)
        if form is None:
            raise ValueError(
                "Every angle of the ansatz must be linear in its parameters (a sum of "
                f"terms a * parameter, and a number), got {angle!s}; a feature map "
                "goes into `encoding`."
            )
        offset = form.offset
        for parameter, slope in form.terms:
            gates.append(Gate(qubits, matrix, index[parameter], slope, offset))
            offset = 0.0
        if not form.terms:
            gates.append(Gate(qubits, rotation_matrix(matrix, offset)))
    return tuple(gates)


def is_real(gates: Iterable[Gate | Elementary]) -> bool:
    """Tell whether the gates map real amplitudes to real amplitudes.

    A fixed gate must be a real matrix; a rotation ``exp(-i angle G / 2)`` is real if
    and only if its generator is purely imaginary, as the Y of an RY gate.
    """
    return not any(
        np.any(np.real(g.matrix) if _rotates(g) else np.imag(g.matrix)) for g in gates
    )


def _rotates(gate: Gate | Elementary) -> bool:
    if isinstance(gate, Gate):
        return gate.parameter >= 0
    return gate.angle is not None
