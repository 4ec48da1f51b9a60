"""What is measured: observables from labels, their light cone, and a choice of them.

The light cone is followed backwards through the gates (the Heisenberg picture). Each
Pauli term of an observable starts as one Pauli letter per qubit and grows to a *set* of
letters per qubit. The sets are supersets of the truth, so a gate that commutes with all
of them is proven invisible; the converse is not claimed.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from qiskit.quantum_info import Operator, SparsePauliOp

from skqnn._circuits.gates import PAULIS, Gate, is_real, rotation_matrix

_LETTERS = "IXYZ"  # bit k of a set of letters stands for the k-th of them
_IDENTITY, _ALL = 0b0001, 0b1111
_MAX_CONE_QUBITS = 3  # larger gates are taken to reach every Pauli on their qubits
_GENERIC_ANGLE = 1.2345  # at which no coefficient of a rotated Pauli vanishes


def as_observables(observables: Sequence) -> list[SparsePauliOp]:
    """Convert Pauli labels and operators to a list of Hermitian `SparsePauliOp`.

    Raises
    ------
    TypeError
        If an element is neither a Pauli label nor a Qiskit operator.
    ValueError
        If a label is not a Pauli string, an operator is not Hermitian or not finite,
        or the operators act on different numbers of qubits.
    """
    operators = [_as_observable(item) for item in observables]
    widths = {op.num_qubits for op in operators}
    if len(widths) > 1:
        raise ValueError(
            f"`observables` must all act on the same number of qubits, got {widths}."
        )
    return operators


def _as_observable(item: object) -> SparsePauliOp:
    if isinstance(item, str):
        if not item or not set(item) <= set(_LETTERS):
            raise ValueError(
                "`observables` must be Pauli strings made of I, X, Y and Z, such as "
                f"'ZZI' (the last letter is qubit 0), got {item!r}."
            )
        return SparsePauliOp(item)
    try:
        operator = item if isinstance(item, SparsePauliOp) else SparsePauliOp(item)
    except Exception:
        try:
            operator = SparsePauliOp.from_operator(Operator(item))
        except Exception as error:
            raise TypeError(
                "`observables` must be Pauli strings or SparsePauliOp objects, got "
                f"{item!r}."
            ) from error
    coefficients = operator.coeffs
    if coefficients.dtype == object or not np.all(np.isfinite(coefficients)):
        raise ValueError(
            f"`observables` must have finite numbers as coefficients, got {item!r}."
        )
    operator = operator.simplify()
    if np.any(np.abs(operator.coeffs.imag) > 1e-12):
        raise ValueError(
            f"`observables` must be Hermitian (real coefficients), got {item!r}."
        )
    return operator


def same_but_constant(observables: Sequence[SparsePauliOp]) -> tuple[int, int] | None:
    """Return the first two observables that differ by a multiple of 1, if any do."""
    seen: dict[tuple, int] = {}
    for k, operator in enumerate(observables):
        terms = operator.simplify().to_list()
        key = tuple(sorted((p, c.real) for p, c in terms if p.strip("I")))
        if key in seen:
            return seen[key], k
        seen[key] = k
    return None


def visible_gates(
    gates: tuple[Gate, ...],
    observables: Sequence[SparsePauliOp],
    *,
    real_states: bool = False,
) -> np.ndarray:
    """Tell for each gate whether an observable might see it, bool of (n_gates,).

    Where states are real, a Pauli string with an odd number of Y is identically 0, and
    sees nothing, unless it sees a complex gate.
    """
    terms = {label for op in observables for label, _ in op.label_iter()}
    visible = np.zeros(len(gates), dtype=bool)
    kinds = [(gate.matrix.tobytes(), gate.parameter >= 0) for gate in gates]
    number = {kind: k for k, kind in enumerate(dict.fromkeys(kinds))}
    backwards = [
        (position, gates[position].qubits, number[kinds[position]])
        for position in range(len(gates) - 1, -1, -1)
    ]
    transfers: dict = {}
    memo: dict = {}
    for term in sorted(terms):
        letters = [1 << _LETTERS.index(letter) for letter in reversed(term)]
        found = []
        for position, qubits, kind in backwards:
            before = tuple([letters[q] for q in qubits])
            if max(before) == _IDENTITY:
                continue
            if (kind, before) not in memo:
                if kind not in transfers:
                    transfers[kind] = _transfer(gates[position])
                memo[kind, before] = _pull_back(transfers[kind], before)
            seen, after = memo[kind, before]
            if seen:
                found.append(position)
                for qubit, letter in zip(qubits, after, strict=True):
                    letters[qubit] = letter
        odd = real_states and term.count("Y") % 2 == 1
        if not (odd and is_real(gates[position] for position in found)):
            visible[found] = True
    return visible


def _transfer(gate: Gate) -> tuple[np.ndarray, np.ndarray] | None:
    """Expand U^dagger P U in Pauli strings for all strings P on k qubits.

    Returns
    -------
    changed : ndarray of shape (4,) * k
        Whether the gate changes a string; the last axis is the first qubit's letter.
    reached : ndarray of shape (4,) * k + (4,) * k
        Whether the second string is in the expansion of the first.

    Gates on more qubits than `_MAX_CONE_QUBITS` are not expanded: None.
    """
    n_qubits = len(gate.qubits)
    if n_qubits > _MAX_CONE_QUBITS:
        return None
    unitary = gate.matrix
    if gate.parameter >= 0:
        unitary = rotation_matrix(gate.matrix, _GENERIC_ANGLE)
    letters = np.array([PAULIS[letter] for letter in _LETTERS])
    strings = np.eye(1)[None]
    for size in range(1, n_qubits + 1):
        product = np.einsum("aij,bkl->abikjl", letters, strings)
        strings = product.reshape(4**size, 2**size, 2**size)
    evolved = unitary.conj().T @ strings @ unitary
    changed = np.abs(evolved - strings).max(axis=(1, 2)) > 1e-12
    overlaps = np.abs(np.einsum("qij,pij->pq", strings.conj(), evolved))
    shape = (4,) * n_qubits
    return changed.reshape(shape), (overlaps > 1e-10).reshape(shape + shape)


def _pull_back(transfer: tuple | None, before: tuple[int, ...]) -> tuple[bool, tuple]:
    """Return whether a gate changes these letter sets, and the sets before it."""
    n_qubits = len(before)
    if transfer is None:
        return True, (_ALL,) * n_qubits
    changed, reached = transfer
    chosen = np.ix_(*[[b for b in range(4) if s >> b & 1] for s in before[::-1]])
    after = reached[chosen].any(axis=tuple(range(n_qubits)))
    sets = []
    for axis in range(n_qubits - 1, -1, -1):
        others = tuple(k for k in range(n_qubits) if k != axis)
        sets.append(int(after.any(axis=others) @ (1, 2, 4, 8)))
    return bool(changed[chosen].any()), tuple(sets)


def dead_parameters(
    gates: tuple[Gate, ...],
    observables: Sequence[SparsePauliOp],
    n_parameters: int,
    *,
    real_states: bool = False,
) -> np.ndarray:
    """Return the indices of parameters that provably change no expectation value."""
    visible = visible_gates(gates, observables, real_states=real_states)
    alive = {g.parameter for g, seen in zip(gates, visible, strict=True) if seen}
    return np.array([j for j in range(n_parameters) if j not in alive], dtype=np.intp)


def choose_observables(
    gates: tuple[Gate, ...], n_qubits: int, n_observables: int, n_parameters: int
) -> list[SparsePauliOp]:
    """Choose Z strings of which the ansatz leaves as few parameters dead as possible.

    Candidates are tried in the order of `_candidates`; the first one without a dead
    parameter wins, otherwise the one with the fewest.
    """
    best: list[SparsePauliOp] = []
    fewest = n_parameters + 1
    for labels in _candidates(n_qubits, n_observables):
        observables = as_observables(labels)
        dead = len(dead_parameters(gates, observables, n_parameters))
        if dead < fewest:
            best, fewest = observables, dead
        if fewest == 0:
            break
    return best


def _candidates(n_qubits: int, n_observables: int):
    """Yield sets of distinct Z strings, best first."""
    if n_observables == 1:
        yield ["Z" * n_qubits]
        yield from ([_z_string(n_qubits, [q])] for q in range(n_qubits - 1, -1, -1))
        return
    if n_observables <= n_qubits:
        yield [
            _z_string(n_qubits, range(k, n_qubits, n_observables))
            for k in range(n_observables)
        ]
    subsets = itertools.chain.from_iterable(
        itertools.combinations(range(n_qubits), size) for size in range(1, n_qubits + 1)
    )
    smallest = list(itertools.islice(subsets, n_observables))
    yield [_z_string(n_qubits, subset) for subset in smallest]
    everyone = range(n_qubits)
    yield [
        _z_string(n_qubits, [q for q in everyone if q not in subset])
        for subset in [(), *smallest[:-1]]
    ]


def _z_string(n_qubits: int, qubits: Sequence[int]) -> str:
    """Return the label with Z on the given qubits; the last letter is qubit 0."""
    return "".join("Z" if q in qubits else "I" for q in range(n_qubits - 1, -1, -1))
