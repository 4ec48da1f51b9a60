"""Noisy circuits on real vectors: density matrices in the basis of Pauli strings.

A density matrix of n qubits is the vector of its 4**n expectation values
``r[j] = Tr(P_j rho)``, which are real: digit q of j in base 4 is the Pauli matrix
(I, X, Y or Z) on qubit q. A gate with its errors is a real transfer matrix
``R[i, j] = Tr(P_i E(P_j)) / 2**k``, and measuring an observable is a scalar product. In
the Heisenberg picture R transposed carries the observable back instead, for all rows
at once. The derivative of a circuit is that of a product of matrices.

References
----------
D. Greenbaum, "Introduction to quantum gate set tomography", arXiv:1509.02921 (2015).
"""

from collections.abc import Iterable, Sequence
from functools import cache, reduce
from itertools import product
from typing import NamedTuple

import numpy as np
from sklearn.utils import gen_batches

from skqnn._circuits.gates import PAULIS

_BLOCK_BYTES = 2**21  # of vectors that are evolved together, to stay in the cache


class Channel(NamedTuple):
    """A gate and its errors: a transfer matrix, in general a function of an angle.

    The matrix is the sum over f of ``cosines[f] * cos(frequencies[f] * angle)`` and
    ``sines[f] * sin(frequencies[f] * angle)``; without an angle it is ``cosines[0]``.
    """

    qubits: tuple[int, ...]  # ascending
    frequencies: np.ndarray  # (n_frequencies,)
    cosines: np.ndarray  # (n_frequencies, 4**k, 4**k)
    sines: np.ndarray  # likewise
    angle: int = -1  # which one of the circuit's angles; -1: none


class Block(NamedTuple):
    """Channels on the same one or two qubits, applied as one matrix."""

    qubits: tuple[int, ...]  # ascending
    channels: tuple[Channel, ...]


def transfer_matrix(superoperator: np.ndarray) -> np.ndarray:
    """Return the transfer matrix, complex, of a map of column-stacked matrices."""
    dimension = int(np.sqrt(len(superoperator)))
    n_qubits = dimension.bit_length() - 1
    stacked = _stacked_strings(n_qubits)
    return stacked.conj().T @ superoperator @ stacked / dimension


@cache
def _stacked_strings(n_qubits: int) -> np.ndarray:
    """Return the Pauli strings in order, one stacked column each."""
    strings = product(*[PAULIS.values()] * n_qubits)
    return np.array([reduce(np.kron, string).T.ravel() for string in strings]).T


def fixed(qubits: Sequence[int], matrix: np.ndarray) -> Channel:
    """Return a channel without an angle from its (real) transfer matrix."""
    one = matrix[None]
    return _ascending(Channel(tuple(qubits), np.zeros(1), one, np.zeros_like(one)))


def rotation(qubits: Sequence[int], generator: np.ndarray, angle: int) -> Channel:
    """Return ``exp(-i angle generator / 2)`` as a channel.

    With projectors ``A_m`` onto the eigenspaces of the generator, rho becomes the sum
    of ``exp(-i f angle) A_m rho A_n`` over m and n, where f is half the difference of
    two eigenvalues; the terms of -f are the conjugates of those of f.
    """
    eigenvalues, vectors = np.linalg.eigh(generator)
    gaps = ((eigenvalues[:, None] - eigenvalues) / 2).round(9)
    projectors = np.einsum("im,jm->mij", vectors, vectors.conj())
    frequencies = np.unique(gaps[gaps >= 0])
    waves = []
    for f in frequencies:
        pairs = zip(*np.nonzero(gaps == f), strict=True)
        maps = [np.kron(projectors[n].conj(), projectors[m]) for m, n in pairs]
        waves.append(transfer_matrix(np.sum(maps, axis=0)) * (2 if f else 1))
    cosines, sines = np.real(waves), np.imag(waves)
    return _ascending(Channel(tuple(qubits), frequencies, cosines, sines, angle))


def followed_by(channel: Channel, qubits: Sequence[int], error: np.ndarray) -> Channel:
    """Return a channel and then another one on the same qubits, without an angle."""
    (matrix,) = fixed(qubits, error).cosines
    return channel._replace(
        cosines=matrix @ channel.cosines, sines=matrix @ channel.sines
    )


def _ascending(channel: Channel) -> Channel:
    """Return the channel with its qubits in ascending order."""
    order = np.argsort(channel.qubits)
    k, shape = len(order), channel.cosines.shape
    axes = [k - 1 - int(j) for j in order[::-1]]  # axis 0 is the most significant
    axes = [0, *(1 + a for a in axes), *(1 + k + a for a in axes)]
    cosines, sines = (
        part.reshape(-1, *(4,) * (2 * k)).transpose(axes).reshape(shape)
        for part in (channel.cosines, channel.sines)
    )
    qubits = tuple(sorted(channel.qubits))
    return channel._replace(qubits=qubits, cosines=cosines, sines=sines)


def fuse(channels: Iterable[Channel]) -> tuple[Block, ...]:
    """Group channels into as few blocks on two qubits as their order allows.

    A channel joins the last block of its qubits if that is the same for both.
    """
    blocks: list[tuple[tuple[int, ...], list[Channel]]] = []
    last: dict[int, int] = {}
    waiting: dict[int, list[Channel]] = {}
    for channel in channels:
        places = {last.get(q, -1) for q in channel.qubits}
        if len(places) == 1 and -1 not in places:
            blocks[places.pop()][1].append(channel)
        elif len(channel.qubits) == 1:
            waiting.setdefault(channel.qubits[0], []).append(channel)
        else:
            before = [c for q in channel.qubits for c in waiting.pop(q, [])]
            last |= dict.fromkeys(channel.qubits, len(blocks))
            blocks.append((channel.qubits, [*before, channel]))
    blocks += [((q,), alone) for q, alone in waiting.items()]
    return tuple(Block(qubits, tuple(inside)) for qubits, inside in blocks)


def channel_matrix(channel: Channel, angles: np.ndarray, slope: bool) -> np.ndarray:
    """Return the matrix for each row of angles, or its derivative by the angle.

    The shape is (n_rows, 4**k, 4**k), or (1, 4**k, 4**k) if there is no angle.
    """
    if channel.angle < 0:
        return channel.cosines
    f = channel.frequencies
    phases = angles[:, channel.angle, None] * f
    cosine, sine = np.cos(phases), np.sin(phases)
    if slope:
        cosine, sine = -sine * f, cosine * f
    waves = np.hstack([cosine, sine]) @ np.vstack(
        [part.reshape(len(f), -1) for part in (channel.cosines, channel.sines)]
    )
    return waves.reshape(-1, *channel.cosines.shape[1:])


def block_matrix(
    block: Block, angles: np.ndarray, slope: Channel | None = None
) -> np.ndarray:
    """Return the product of a block's channels, shape (n_rows or 1, 4**k, 4**k).

    `slope` is the channel that the derivative of its matrix replaces, if any.
    """
    size = 4 ** len(block.qubits)
    total = np.eye(size)[None]
    alone = dict.fromkeys(block.qubits, np.eye(4)[None])
    used = False
    for channel in block.channels:
        matrix = channel_matrix(channel, angles, channel is slope)
        if channel.qubits == block.qubits and len(block.qubits) > 1:
            if used:
                matrix = matrix @ _kron(*alone.values())
            total = matrix @ total
            alone, used = dict.fromkeys(block.qubits, np.eye(4)[None]), False
        else:
            (q,) = channel.qubits
            alone[q], used = matrix @ alone[q], True
    return _kron(*alone.values()) @ total if used else total


def _kron(low: np.ndarray, *high: np.ndarray) -> np.ndarray:
    """Return the Kronecker product of the matrices on the qubits of a block."""
    if not high:
        return low
    grid = high[0][:, :, None, :, None] * low[:, None, :, None, :]
    return grid.reshape(-1, 16, 16)


def zero_state(n_rows: int, n_qubits: int) -> np.ndarray:
    """Return ``|0...0>`` for each row, shape (n_rows, 4**n_qubits)."""
    vector = reduce(np.kron, [np.array([1.0, 0.0, 0.0, 1.0])] * n_qubits)
    return np.tile(vector, (n_rows, 1))


def evolve(
    vectors: np.ndarray, n_qubits: int, steps: Iterable[tuple[Block, np.ndarray]]
) -> np.ndarray:
    """Return the vectors after blocks, given with their matrices.

    The axes of two qubits come to the front for their block and stay there until
    others are needed, so that each block costs one copy.
    """
    order = tuple(range(n_qubits))[::-1]  # order[0] is the most significant qubit
    for block, matrix in steps:
        front, order = _to_front(vectors, order, block.qubits)
        vectors = np.matmul(matrix, front)
    return _to_front(vectors, order, range(n_qubits))[0].reshape(len(vectors), -1)


def _to_front(vectors: np.ndarray, order: tuple[int, ...], qubits: Sequence[int]):
    """Return the vectors as (n, 4**k, rest), and the new order of the qubits."""
    front = tuple(qubits)[::-1]
    new = front + tuple(q for q in order if q not in front)
    n = len(vectors)
    if new != order:
        axes = [0, *(1 + order.index(q) for q in new)]
        vectors = vectors.reshape(n, *(4,) * len(order)).transpose(axes)
    return vectors.reshape(n, 4 ** len(front), -1), new


def simulate(blocks: Sequence[Block], n_qubits: int, angles: np.ndarray) -> np.ndarray:
    """Return the vectors of a circuit, for each row of its angles.

    Parameters
    ----------
    angles : ndarray of shape (n_rows, n_angles)

    Returns
    -------
    vectors : ndarray of shape (n_rows, 4**n_qubits)
    """
    vectors = np.empty((len(angles), 4**n_qubits))
    for batch in gen_batches(len(angles), max(1, _BLOCK_BYTES // (8 * 4**n_qubits))):
        rows = angles[batch]
        steps = ((block, block_matrix(block, rows)) for block in blocks)
        vectors[batch] = evolve(zero_state(len(rows), n_qubits), n_qubits, steps)
    return vectors


def probabilities(vectors: np.ndarray, n_qubits: int, where: Sequence[int]):
    """Return the probabilities of outcomes, shape (n_rows, 2**len(where)).

    The first qubit of `where` is the least significant bit of an outcome.
    """
    n_rows, k = len(vectors), len(where)
    index = np.zeros(1, dtype=np.intp)
    for q in where:  # strings of I and Z on the measured qubits
        index = np.concatenate([index, index + 3 * 4**q])
    means = vectors[:, index].reshape(n_rows, *(2,) * k)
    for axis in range(1, k + 1):
        zero, one = np.take(means, 0, axis), np.take(means, 1, axis)
        means = np.stack([zero + one, zero - one], axis)
    return means.reshape(n_rows, -1) / 2**k
