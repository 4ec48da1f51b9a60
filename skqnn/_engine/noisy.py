"""Exact expectation values under noise, and their gradient.

A circuit prepares its rows and then applies an ansatz, the same one to all rows. What
prepares them is evolved forward once for each row, observables are carried back through
the ansatz once for all rows, and expectation values are scalar products of the two. The
gradient meets them inside the ansatz: with ``E[i, k] = <o_k| R |r_i>`` and a cotangent
c, it is that of the sum over k of ``<o_k| R |w_k>``, where ``w_k = sum_i c[i, k] r_i``.
Its cost does not depend on the number of rows.

On a device that moves qubits around, both may overlap: what is neither before the first
angle of the ansatz nor after the last one of a row is evolved, and differentiated in
reverse, row by row.
"""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np
from sklearn.utils import gen_batches

from skqnn._engine.pauli_vectors import (
    Block,
    Channel,
    block_matrix,
    evolve,
    fuse,
    simulate,
)

_MAX_BYTES = 2**26  # of the vectors kept for the reverse pass

Steps = list[tuple[Block, np.ndarray]]  # blocks with their matrices


class Parts(NamedTuple):
    """The blocks of a circuit, in order of application."""

    preparation: tuple[Block, ...]  # with angles of the rows only
    overlap: tuple[Block, ...]
    ansatz: tuple[Block, ...]  # with angles of theta only


def separate(
    channels: Sequence[Channel], of_rows: Collection[int], of_theta: Collection[int]
) -> Parts:
    """Separate what depends on the rows alone from what follows.

    Parameters
    ----------
    channels : sequence of Channel
    of_rows, of_theta : collection of int
        The angles that depend on the row, and those that depend on theta.
    """
    first, rest = _leading(channels, of_theta)
    last, between = _leading(rest[::-1], of_rows)
    return Parts(*map(fuse, (first, between[::-1], last[::-1])))


def _leading(channels: Sequence[Channel], barred: Collection[int]) -> tuple:
    """Return the channels that can go before all with a barred angle, and the rest."""
    leading: list[Channel] = []
    rest: list[Channel] = []
    taken: set[int] = set()  # the qubits of the rest
    for channel in channels:
        if channel.angle in barred or not taken.isdisjoint(channel.qubits):
            taken.update(channel.qubits)
            rest.append(channel)
        else:
            leading.append(channel)
    return leading, rest


def prepare(parts: Parts, n_qubits: int, angles: np.ndarray) -> np.ndarray:
    """Return the vectors of all rows before the ansatz, (n_rows, 4**n_qubits)."""
    return simulate(parts.preparation, n_qubits, angles)


def expectations(
    parts: Parts, observables: np.ndarray, vectors: np.ndarray, angles: np.ndarray
) -> np.ndarray:
    """Return the expectation values after the ansatz, (n_rows, n_observables).

    Parameters
    ----------
    observables : ndarray of shape (n_observables, 4**n_qubits)
        Coefficients of Pauli strings.
    vectors : ndarray of shape (n_rows, 4**n_qubits)
        From `prepare`.
    angles : ndarray of shape (n_rows, n_angles)
        Those of theta are the same in each row.
    """
    earlier = _back(observables, _steps(parts.ansatz, angles[:1]))
    return _overlapped(parts, vectors, angles) @ earlier.T


def vjp(
    parts: Parts, observables: np.ndarray, vectors: np.ndarray, angles: np.ndarray
) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Return expectation values and their pullback, (n_rows, n_observables) -> angles.

    Parameters are those of `expectations`; the gradient is summed over rows and has
    zeros for the angles that prepare them. The observables are kept as they are after
    each block: ``8 * 4**n_qubits`` bytes for each block and observable.
    """
    steps = _steps(parts.ansatz, angles[:1])
    after = [observables]
    for step in reversed(steps):
        after.append(_back(after[-1], [step]))
    first = after.pop()
    final = _overlapped(parts, vectors, angles)

    def pullback(cotangent: np.ndarray) -> np.ndarray:
        gradient = np.zeros(angles.shape[1])
        weighted = cotangent.T @ final
        for (block, matrix), behind in zip(steps, reversed(after), strict=True):
            gradient += _slopes(block, angles[:1], behind, weighted)
            weighted = evolve(weighted, _n_qubits(weighted), [(block, matrix)])
        if parts.overlap:
            behind = cotangent @ first
            for batch in _batches(parts, vectors):
                gradient += _reverse(
                    parts, vectors[batch], angles[batch], behind[batch]
                )
        return gradient

    return final @ first.T, pullback


def _steps(blocks: Sequence[Block], angles: np.ndarray) -> Steps:
    return [(block, block_matrix(block, angles)) for block in blocks]


def _back(observables: np.ndarray, steps: Steps) -> np.ndarray:
    """Return the observables before some blocks instead of after them."""
    transposed = [(block, matrix.swapaxes(1, 2)) for block, matrix in reversed(steps)]
    return evolve(observables, _n_qubits(observables), transposed)


def _batches(parts: Parts, vectors: np.ndarray):
    row_bytes = vectors[:1].nbytes * (1 + len(parts.overlap))
    return gen_batches(len(vectors), max(1, _MAX_BYTES // max(1, row_bytes)))


def _overlapped(parts: Parts, vectors: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Return the vectors of all rows after the blocks between."""
    if not parts.overlap:
        return vectors
    n_qubits = _n_qubits(vectors)
    return np.concatenate(
        [
            evolve(vectors[batch], n_qubits, _steps(parts.overlap, angles[batch]))
            for batch in _batches(parts, vectors)
        ]
    )


def _reverse(
    parts: Parts, vectors: np.ndarray, angles: np.ndarray, behind: np.ndarray
) -> np.ndarray:
    """Return the gradient of ``sum(behind * result)`` by the angles between."""
    gradient = np.zeros(angles.shape[1])
    steps = _steps(parts.overlap, angles)
    before = [vectors]
    for step in steps[:-1]:
        before.append(evolve(before[-1], _n_qubits(vectors), [step]))
    for step, ahead in zip(reversed(steps), reversed(before), strict=True):
        gradient += _slopes(step[0], angles, behind, ahead)
        behind = _back(behind, [step])
    return gradient


def _slopes(
    block: Block, angles: np.ndarray, behind: np.ndarray, ahead: np.ndarray
) -> np.ndarray:
    """Return the gradient of ``sum(behind * (block applied to ahead))``."""
    gradient = np.zeros(angles.shape[1])
    outer = _outer(behind, ahead, block.qubits)
    if len(angles) == 1:
        outer = outer.sum(axis=0, keepdims=True)
    for channel in block.channels:
        if channel.angle >= 0:
            change = block_matrix(block, angles, channel)
            gradient[channel.angle] += np.sum(outer * change)
    return gradient


def _outer(left: np.ndarray, right: np.ndarray, qubits: Sequence[int]) -> np.ndarray:
    """Return outer products on some qubits, summed over the strings of all others."""
    n_qubits = _n_qubits(left)
    fronts = [
        np.moveaxis(
            vectors.reshape(-1, *(4,) * n_qubits),
            [n_qubits - q for q in reversed(qubits)],
            range(1, 1 + len(qubits)),
        ).reshape(len(vectors), 4 ** len(qubits), -1)
        for vectors in (left, right)
    ]
    return np.matmul(fronts[0], fronts[1].swapaxes(1, 2))


def _n_qubits(vectors: np.ndarray) -> int:
    return (vectors.shape[1].bit_length() - 1) // 2
