"""Any gate as a product of gates of the two kinds that the compiled kernels know.

A *rotation* acts on one qubit: RY, or a fixed real matrix. A *monomial* gate moves and
rephases basis states, by an affine map of their bits (X, CX, SWAP, CZ, S, ...), or is a
rotation with a diagonal generator (RZ, RZZ, CP, ...). For instance, RXX is an RX
between two CX, and any gate on one qubit is an RY between two phases.
"""

import math
from collections.abc import Iterator
from itertools import permutations, product

import numpy as np
from qiskit.circuit.library import CXGate
from qiskit.quantum_info import Operator
from qiskit.synthesis import TwoQubitBasisDecomposer, TwoQubitWeylDecomposition

from skqnn._circuits.gates import PAULIS, Gate
from skqnn._engine.steps import on_all_qubits

_TOLERANCE = 1e-12
_SAME_CLASS = 1e-9  # angles of gates that may be equal but for gates on one qubit
_H = np.array([[1.0, 1.0], [1.0, -1.0]]) / math.sqrt(2)
_S = np.diag([1, 1j])
_CX = np.eye(4)[[0, 3, 2, 1]]
_CZ = np.diag([1.0, 1.0, 1.0, -1.0])
BASES = {"X": _H, "Y": _S @ _H}  # the columns are eigenvectors of the Pauli matrix


def elements(gate: Gate) -> Iterator[Gate]:
    """Yield rotations and monomial gates whose product is the gate, the first first.

    Global phases are dropped. A gate without such a form is yielded as it is.
    """
    n_qubits = len(gate.qubits)
    if is_rotation(gate) or is_monomial(gate):
        yield gate
    elif gate.parameter >= 0 and np.array_equal(gate.matrix, PAULIS["X"]):
        yield from (Gate(gate.qubits, _S), gate._replace(matrix=PAULIS["Y"]))
        yield Gate(gate.qubits, _S.conj())
    elif gate.parameter >= 0 and n_qubits <= 2:
        yield from _rotation(gate)
    elif n_qubits == 1:
        yield from _euler(gate)
    elif n_qubits == 2:
        yield from _synthesise(gate)
    else:
        yield from _larger(gate)


def is_rotation(gate: Gate) -> bool:
    """Tell whether this is an RY or a fixed real gate on one qubit."""
    if len(gate.qubits) > 1:
        return False
    if gate.parameter >= 0:
        return np.array_equal(gate.matrix, PAULIS["Y"])
    return not np.any(np.imag(gate.matrix))


def is_monomial(gate: Gate) -> bool:
    """Tell whether a gate only multiplies and moves amplitudes, by an affine map."""
    nonzero = np.abs(gate.matrix) > _TOLERANCE
    if gate.parameter >= 0:
        return not np.any(nonzero & ~np.eye(len(nonzero), dtype=bool))
    if not _is_permutation(nonzero):
        return False
    return linear_part(np.argmax(nonzero, axis=1)) is not None


def linear_part(values: np.ndarray) -> np.ndarray | None:
    """Return f of each bit, if values[i] is values[0] xor f(i) with f linear."""
    n_bits = len(values).bit_length() - 1
    columns = values[1 << np.arange(n_bits)] ^ values[0]
    span = values[:1]
    for column in columns:
        span = np.concatenate([span, span ^ column])
    return columns if np.array_equal(span, values) else None


def _is_close(matrix: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether two matrices differ by rounding errors; angles of 1e-6 do not."""
    return bool(np.all(np.abs(matrix - other) < _TOLERANCE))


def _fixed(qubits: tuple[int, ...], matrix: np.ndarray) -> Iterator[Gate]:
    """Yield the elements of a fixed gate, nothing for the identity."""
    matrix = matrix if np.any(np.abs(np.imag(matrix)) > _TOLERANCE) else matrix.real
    if not _is_close(matrix, matrix[0, 0] * np.eye(len(matrix))):
        yield from elements(Gate(qubits, matrix))


def _rotation(gate: Gate) -> Iterator[Gate]:
    """Yield the elements of a rotation: a diagonal one in another basis."""
    factors = _factors(gate.matrix)
    if factors is None:  # not a product: the basis is one of both qubits
        values, basis = np.linalg.eigh(gate.matrix)
        bases, generator = [(gate.qubits, basis)], np.diag(values)
    elif (turned := _controlled_turn(gate, factors)) is not None:
        yield from turned
        return
    elif len(factors) == 2 and (turned := _pair_turn(gate, factors)) is not None:
        yield from turned
        return
    else:
        bases, generator = [], np.eye(1)
        for qubit, factor in zip(gate.qubits, factors, strict=True):
            values, basis = _eigenbasis(factor)
            bases.append(((qubit,), basis))
            generator = np.kron(np.diag(values), generator)
    for qubits, basis in bases:
        yield from _fixed(qubits, basis.conj().T)
    yield gate._replace(matrix=generator)
    for qubits, basis in bases:
        yield from _fixed(qubits, basis)


def _eigenbasis(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return eigenvalues and eigenvectors of a Hermitian 2 x 2 matrix."""
    if _is_close(matrix, np.diag(np.diag(matrix))):
        return np.real(np.diag(matrix)), np.eye(2)
    for letter, basis in BASES.items():
        size = matrix[1, 0] / PAULIS[letter][1, 0]
        if _is_close(matrix, size * PAULIS[letter]):
            return np.real(size) * np.array([1.0, -1.0]), basis
    return np.linalg.eigh(matrix)


def _factors(matrix: np.ndarray) -> list[np.ndarray] | None:
    """Return the Hermitian factors of a product, the first qubit's first, or None."""
    if len(matrix) == 2:
        return [matrix]
    table = matrix.reshape(2, 2, 2, 2).swapaxes(1, 2).reshape(4, 4)
    low = table[np.argmax(np.abs(table).sum(axis=1))]
    square = np.trace(np.linalg.matrix_power(low.reshape(2, 2), 2))
    if abs(square) < _TOLERANCE:
        return None
    low = low / np.sqrt(square)  # a Hermitian matrix has a positive square
    high = table @ low.conj()
    if not _is_close(np.outer(high, low), table):
        return None
    return [low.reshape(2, 2), high.reshape(2, 2)]


def _controlled_turn(gate: Gate, factors: list) -> Iterator[Gate] | None:
    """Return the elements of CRX, CRY, RZX and their like, None for others.

    With ``D = a + b Z`` and P = X or Y, ``exp(-i t P D / 2) = RP(a t) CZ RP(b t) CZ``.
    """
    for target, turned in enumerate(factors):
        control = factors[1 - target] if len(factors) > 1 else np.eye(2)
        letter, size = _flip(turned)
        if letter and _is_close(control, np.diag(np.diag(control))):
            zero, one = size * np.real(np.diag(control))
            qubits, flip = gate.qubits[target : target + 1], Gate(gate.qubits, _CZ)
            first, second = (
                list(_scaled(gate, qubits, letter, weight))
                for weight in ((zero + one) / 2, (zero - one) / 2)
            )
            return iter([*first, flip, *second, flip] if second else first)
    return None


def _pair_turn(gate: Gate, factors: list) -> Iterator[Gate] | None:
    """Return the elements of RXX, RYY and their like, None for others.

    ``P X = CX (P I) CX`` if P, on the control, is X or Y; S makes X a Y.
    """
    (letter, size), (other, scale) = map(_flip, factors)
    if not letter or not other:
        return None
    control, target = gate.qubits
    before, after = (
        [Gate((target,), phases)] if other == "Y" else [] for phases in (_S.conj(), _S)
    )
    flip = Gate(gate.qubits, _CX)
    turn = _scaled(gate, (control,), letter, size * scale)
    return iter([*before, flip, *turn, flip, *after])


def _flip(matrix: np.ndarray) -> tuple[str, float]:
    """Return X or Y and its coefficient, if that is all of a Hermitian matrix."""
    for letter in "XY":
        size = float(np.real(matrix[1, 0] / PAULIS[letter][1, 0]))
        if _is_close(matrix, size * PAULIS[letter]):
            return letter, size
    return "", 0.0


def _scaled(gate: Gate, qubits: tuple[int, ...], letter: str, weight: float):
    """Yield the elements of a rotation about X or Y with a multiple of the angle."""
    if abs(weight) > _TOLERANCE:
        c, o = weight * gate.coefficient, weight * gate.offset
        yield from elements(Gate(qubits, PAULIS[letter], gate.parameter, c, o))


def _euler(gate: Gate) -> Iterator[Gate]:
    """Yield a fixed gate on one qubit as phases, a real rotation and phases."""
    (a, b), (c, d) = gate.matrix
    cosine, sine = abs(a), abs(c)
    first, second = a / cosine, c / sine
    # The phase of a tiny entry is inexact, and must not become that of a large one.
    before = d / cosine / second if cosine > sine else -b / sine / first
    yield from _fixed(gate.qubits, np.diag([1, before]))
    yield Gate(gate.qubits, np.array([[cosine, -sine], [sine, cosine]]))
    yield from _fixed(gate.qubits, np.diag([first, second]))


def _synthesise(gate: Gate) -> list[Gate]:
    """Return the elements of a fixed gate on two qubits, the fewer of two forms."""
    weyl = TwoQubitWeylDecomposition(gate.matrix, fidelity=None)
    forms = [list(_canonical(gate, weyl))]
    if abs(weyl.b) + abs(weyl.c) < _SAME_CLASS:  # of CX, or of a power of it
        forms.append(list(_with_few_flips(gate)))
    return min(filter(None, forms), key=len)


def _with_few_flips(gate: Gate) -> Iterator[Gate]:
    """Yield a fixed gate on two qubits as few CX and gates on one qubit.

    Qiskit takes a gate for one of fewer CX that is near it, up to 1e-9 in the fidelity
    and 1e-4 in the matrix. Nothing is yielded where this is not the gate itself.
    """
    circuit = TwoQubitBasisDecomposer(CXGate(), euler_basis="U")(gate.matrix)
    found = Operator(circuit).data
    phase = np.vdot(found, gate.matrix) / len(found)
    if not _is_close(phase * found, gate.matrix):
        return
    for instruction in circuit.data:
        places = (circuit.find_bit(bit).index for bit in instruction.qubits)
        matrix = instruction.operation.to_matrix()
        yield from _fixed(tuple(gate.qubits[k] for k in places), matrix)


def _canonical(gate: Gate, weyl: TwoQubitWeylDecomposition) -> Iterator[Gate]:
    """Yield any fixed gate on two qubits as phases between gates that make them so.

    The core of its Weyl decomposition is ``exp(i (a XX + b YY + c ZZ))``, and CX makes
    of XX an X on its control, of ZZ a Z on its target and of YY minus their product.
    """
    low, high = gate.qubits
    z = 1.0 - 2.0 * np.array([[0, 1, 0, 1], [0, 0, 1, 1]])  # of both qubits
    angles = weyl.a * z[0] + weyl.c * z[1] - weyl.b * z[0] * z[1]
    flip, turn = Gate(gate.qubits, _CX), Gate((low,), _H)
    yield from (*_fixed((low,), weyl.K2r), *_fixed((high,), weyl.K2l), flip, turn)
    yield from _fixed(gate.qubits, np.diag(np.exp(1j * angles)))
    yield from (turn, flip, *_fixed((low,), weyl.K1r), *_fixed((high,), weyl.K1l))


def _larger(gate: Gate) -> Iterator[Gate]:
    """Yield a Toffoli or a Fredkin gate or their like as phases between H and CX.

    Gates without such a form are yielded as they are.
    """
    moves = np.abs(gate.matrix) > _TOLERANCE
    if gate.parameter >= 0:
        yield gate
    elif _is_permutation(moves) and not _is_close(gate.matrix, moves):
        yield from _larger(Gate(gate.qubits, moves.astype(np.float64)))
        yield Gate(gate.qubits, np.diag((gate.matrix * moves).sum(axis=1)))
    else:
        yield from _between_phases(gate) or [gate]


def _is_permutation(entries: np.ndarray) -> bool:
    """Tell whether there is one entry in each row and in each column."""
    return bool(np.all(entries.sum(axis=0) == 1) and np.all(entries.sum(axis=1) == 1))


def _between_phases(gate: Gate) -> list[Gate]:
    """Return H on one qubit, perhaps after a CX, phases, and both again, or nothing."""
    n_qubits = len(gate.qubits)
    turns = [[Gate((q,), _H)] for q in range(n_qubits)]
    if n_qubits == 3:
        flips = [Gate(pair, _CX) for pair in permutations(range(n_qubits), 2)]
        turns += [[flip, *turn] for flip, turn in product(flips, turns)]
    for turn in turns:
        basis = np.eye(2**n_qubits)
        for part in turn:
            basis = on_all_qubits(part, n_qubits) @ basis
        turned = basis @ gate.matrix @ basis.T
        phases = np.diag(turned)
        if _is_close(turned, np.diag(phases)):
            before = [
                part._replace(qubits=tuple(gate.qubits[q] for q in part.qubits))
                for part in turn
            ]
            diagonal = Gate(gate.qubits, np.diag(phases / np.abs(phases)))
            return [*before, diagonal, *reversed(before)]
    return []
