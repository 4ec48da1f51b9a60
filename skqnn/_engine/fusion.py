"""Gates gathered into runs of one kind, and these made steps."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from skqnn._circuits.gates import Gate
from skqnn._engine.steps import Dense, Diagonal, Layer, Permutation


def fuse(gates: tuple[Gate, ...], n_qubits: int) -> list[Any]:
    """Gather gates into steps."""
    return [
        Layer(n_qubits, rounds(members)) if kind is Layer else kind(n_qubits, members)
        for kind, members in gather(gates, _kind, alone=Dense)
    ]


def gather(
    gates: Iterable[Gate], kind_of: Callable[[Gate], Any], alone: Any = None
) -> list[tuple[Any, list[Gate]]]:
    """Gather gates into runs of one kind; the kind `alone` is not gathered.

    A gate joins the earliest run of its kind that it can reach without passing one
    that touches its qubits; disjoint gates commute, so the unitary is unchanged. Gates
    written pair by pair, as in a brickwork, so become few runs.
    """
    runs: list[tuple[Any, list[Gate], set[int]]] = []
    for gate in gates:
        kind, qubits = kind_of(gate), set(gate.qubits)
        home = None
        for run in reversed(runs):
            if run[0] is kind and kind is not alone:
                home = run
            if run[2] & qubits:
                break
        if home is None:
            runs.append((kind, [gate], qubits))
        else:
            home[1].append(gate)
            home[2].update(qubits)
    return [(kind, members) for kind, members, _ in runs]


def rounds(gates: list[Gate]) -> list[dict[int, Gate]]:
    """Distribute single-qubit gates to rounds with at most one gate per qubit."""
    rounds: list[dict[int, Gate]] = []
    depth: dict[int, int] = {}
    for gate in gates:
        (q,) = gate.qubits
        level = depth[q] = depth.get(q, -1) + 1
        if level == len(rounds):
            rounds.append({})
        rounds[level][q] = gate
    return rounds


def _kind(gate: Gate) -> type:
    """Return the class of step that suits a gate."""
    if len(gate.qubits) == 1:
        return Layer
    matrix = np.asarray(gate.matrix)
    if gate.parameter >= 0:
        return Diagonal if np.array_equal(matrix, np.diag(np.diag(matrix))) else Dense
    nonzero = np.abs(matrix) > 1e-12
    monomial = np.all(nonzero.sum(axis=0) == 1) and np.all(nonzero.sum(axis=1) == 1)
    return Permutation if monomial else Dense
