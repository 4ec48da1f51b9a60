"""The few fast operations that the exact engine applies, each of many gates.

Every step works on a block of states of shape (2**n_qubits, n_samples): amplitudes are
rows, so that all samples of a block go through one matrix product or one gather.
Blocks may be arrays of any namespace; matrices are made on the host and sent to them.
A step has five methods:

    bind(theta, dtype, send) -> bound       numbers of this step at theta, sent
    apply(bound, block, spare)              U @ block
    unapply(bound, block, spare)            U^dagger @ block
    pull(bound, states, cotangents)         small arrays, next to the states, from which
        -> overlaps                         `collect` can tell the gradient
    collect(bound, overlaps, out)           add d/dtheta Re <cotangents|states> to out,
                                            both taken after the step, on the host

`apply` and `unapply` may overwrite the block and a spare one of the same shape, and
return two blocks, the result first: new memory for every step would cost more than the
step. All overlaps of a circuit are collected at its end: a device need not wait before.
"""

from typing import Any, NamedTuple

import numpy as np

from skqnn._arrays import conj, namespace, reuse, sum_widely, take_rows
from skqnn._circuits.gates import Gate, spectral_rotation

# Qubits per Kronecker factor: 16 x 16 matrices are the best trade between the number of
# passes over the block and the flops of each matrix product (measured on AVX-512).
_GROUP = 4
_THIN, _TOGETHER = 16, 2**8  # columns, and tiny matrices that are made one
_EYE = np.eye(2)

Blocks = tuple[Any, Any]


def _keep(values: np.ndarray) -> np.ndarray:
    """Send nowhere: the states are NumPy's."""
    return values


class Factor(NamedTuple):
    """A Kronecker factor of a layer: the qubits low, ..., low + width - 1."""

    low: int
    width: int
    slots: tuple[int, ...]  # the layer's slot of each qubit, -1 where it has no gate
    trace: np.ndarray  # (n_active, 2, 2, 2**(width - 1)) indices of partial traces


class Layer:
    """Any number of single-qubit gates on each of several qubits.

    The gates of one qubit multiply to one 2 x 2 matrix ``cos(a/2) A + sin(a/2) B`` per
    round; qubits are joined to Kronecker factors of up to 16 x 16.
    """

    def __init__(self, n_qubits: int, rounds: list[dict[int, Gate]]):
        self.n_qubits = n_qubits
        self.qubits = qubits = sorted(set().union(*rounds))
        slot = {q: k for k, q in enumerate(qubits)}
        self.n_slots = len(qubits)
        self.rounds = [
            _stack_round([(slot[q], gate) for q, gate in sorted(gates.items())])
            for gates in rounds
        ]
        self.factors = [_factor(group, slot) for group in _group(qubits)]
        numbers = [part for r in self.rounds for part in (r.cosine, r.sine)]
        self.real = not any(np.any(np.imag(part)) for part in numbers)

    def bind(self, theta: np.ndarray, dtype: np.dtype, send=_keep) -> tuple:
        """Return the Kronecker factors, their inverses, and each round's generators."""
        real = dtype.kind == "f"
        product = np.broadcast_to(np.eye(2), (self.n_slots, 2, 2)).copy()
        product = product if real else product.astype(complex)
        matrices = []
        for r in self.rounds:
            half = 0.5 * (r.coefficient * theta[r.parameter] + r.offset)
            matrix = np.cos(half)[:, None, None] * r.cosine
            matrix = matrix + np.sin(half)[:, None, None] * r.sine
            matrix = matrix.real if real else matrix
            product[r.slot] = matrix @ product[r.slot]
            matrices.append(matrix)
        factors = [_kronecker(product, f.slots).astype(dtype) for f in self.factors]
        inverses = [factor.conj().T for factor in factors]
        sent = [send(f) for f in factors], [send(f) for f in inverses]
        return (*sent, self._generators(matrices))

    def _generators(self, matrices: list[np.ndarray]) -> list[np.ndarray]:
        """Return each round's -iG moved to the end of the layer, W (-iG) W^dagger."""
        if len(self.rounds) == 1:
            return [self.rounds[0].sine]
        after = np.broadcast_to(np.eye(2, dtype=complex), (self.n_slots, 2, 2)).copy()
        moved = []
        for r, matrix in zip(reversed(self.rounds), reversed(matrices), strict=True):
            later = after[r.slot]
            moved.append(later @ r.sine @ later.conj().swapaxes(1, 2))
            after[r.slot] = later @ matrix
        return moved[::-1]

    def apply(self, bound: tuple, block: Any, spare: Any) -> Blocks:
        """Return U @ block."""
        return self._multiply(bound[0], block, spare)

    def unapply(self, bound: tuple, block: Any, spare: Any) -> Blocks:
        """Return U^dagger @ block."""
        return self._multiply(bound[1], block, spare)

    def _multiply(self, matrices: list, block: Any, spare: Any) -> Blocks:
        xp, shape = namespace(block)[0], block.shape
        for factor, matrix in zip(self.factors, matrices, strict=True):
            target, split = self._split(factor, spare), self._split(factor, block)
            result = reuse(target, xp.matmul, matrix, split)
            block, spare = xp.reshape(result, shape), block
        return block, spare

    def _split(self, factor: Factor, block: Any) -> Any:
        left = 2 ** (self.n_qubits - factor.low - factor.width)
        return namespace(block)[0].reshape(block, (left, 2**factor.width, -1))

    def pull(self, bound: tuple, states: Any, cotangents: Any) -> list:
        """Return one overlap matrix of cotangents and states for each factor."""
        xp, _ = namespace(states)
        overlaps = []
        for factor in self.factors:
            bra, ket = (self._split(factor, block) for block in (cotangents, states))
            if bra.shape[2] < _THIN:  # then many tiny products lose to few with copies
                bra, ket = _thicker(bra), _thicker(ket)
            overlaps.append(sum_widely(conj(bra) @ xp.matrix_transpose(ket)))
        return overlaps

    def collect(self, bound: tuple, overlaps: list, out: np.ndarray) -> None:
        """Add the gradient of this layer's parameters to out, shape (n_parameters,)."""
        dtype = np.result_type(float, *overlaps)
        reduced = np.zeros((self.n_slots, 2, 2), dtype=dtype)
        for factor, overlap in zip(self.factors, overlaps, strict=True):
            active = [s for s in factor.slots if s >= 0]
            reduced[active] = overlap.ravel()[factor.trace].sum(axis=-1)
        for r, generators in zip(self.rounds, bound[2], strict=True):
            slopes = np.real(generators * reduced[r.slot]).sum(axis=(1, 2))
            np.add.at(out, r.parameter, 0.5 * r.coefficient * slopes)


class _Round(NamedTuple):
    """At most one gate for each slot: cos(angle/2) cosine + sin(angle/2) sine."""

    slot: np.ndarray
    parameter: np.ndarray
    coefficient: np.ndarray  # 0 for fixed gates, whose matrix is `cosine`
    offset: np.ndarray
    cosine: np.ndarray
    sine: np.ndarray


def _stack_round(gates: list[tuple[int, Gate]]) -> _Round:
    rows: list[tuple] = []
    for slot, gate in gates:
        if gate.parameter < 0:
            rows.append((slot, 0, 0.0, 0.0, gate.matrix, np.zeros((2, 2))))
        else:
            sine = -1j * gate.matrix
            rows.append((slot, *gate[2:], np.eye(2), sine))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    for k in (4, 5):  # a layer of RY gates stays real, and fast
        if not np.any(np.imag(columns[k])):
            columns[k] = columns[k].real
    return _Round(*columns)


def _thicker(split: Any) -> Any:
    """Return (left, width, few) as (fewer, width, more)."""
    left, width, few = split.shape
    together = min(left, _TOGETHER)
    xp, shape = namespace(split)[0], (left // together, together, width, few)
    swapped = xp.permute_dims(xp.reshape(split, shape), (0, 2, 1, 3))
    return xp.reshape(swapped, (left // together, width, together * few))


def _group(qubits: list[int]) -> list[list[int]]:
    """Cut sorted qubits into windows of at most `_GROUP` neighbours, evenly filled."""
    windows: list[list[int]] = []
    for q in qubits:
        if windows and q - windows[-1][0] < _GROUP:
            windows[-1].append(q)
        else:
            windows.append([q])
    return windows


def _factor(group: list[int], slot: dict[int, int]) -> Factor:
    low, width = group[0], group[-1] - group[0] + 1
    dimension = 2**width
    index = np.arange(dimension)
    traces = []
    for q in group:
        bit = 1 << (q - low)
        rest = index[index & bit == 0]
        rows = np.stack([rest, rest | bit])
        traces.append(rows[:, None, :] * dimension + rows[None, :, :])
    slots = tuple(slot.get(q, -1) for q in range(low, low + width))
    return Factor(low, width, slots, np.array(traces))


def _kronecker(matrices: np.ndarray, slots: tuple[int, ...]) -> np.ndarray:
    """Return the Kronecker product, the first slot being the least significant bit."""
    factors = [matrices[slot] if slot >= 0 else _EYE for slot in slots]
    product = factors[0]
    for factor in factors[1:]:
        size = 2 * product.shape[0]
        product = factor[:, None, :, None] * product[None, :, None, :]
        product = product.reshape(size, size)
    return product


class Permutation:
    """Fixed gates that move and rephase basis states: CX, CZ, SWAP, X, ... in one."""

    def __init__(self, n_qubits: int, gates: list[Gate]):
        source = np.arange(2**n_qubits)
        factor = np.ones(2**n_qubits, dtype=complex)
        for gate in gates:
            local = local_index(gate.qubits, n_qubits)
            column = np.argmax(np.abs(gate.matrix), axis=1)
            moved = np.arange(2**n_qubits)
            for k, q in enumerate(gate.qubits):
                bit = (column[local] >> k) & 1
                moved = (moved & ~(1 << q)) | (bit << q)
            factor = factor[moved] * gate.matrix[local, column[local]]
            source = source[moved]
        self.source = source
        self.target = np.argsort(source)
        self.factor = None if np.all(factor == 1) else factor
        self.real = not np.any(factor.imag)

    def bind(self, theta: np.ndarray, dtype: np.dtype, send=_keep) -> tuple:
        """Return sources, targets, and phases of the rows or None if all are 1."""
        factor = self.factor
        if factor is not None:
            factor = factor.real if dtype.kind == "f" else factor
            factor = send(factor.astype(dtype)[:, None])
        return send(self.source), send(self.target), factor

    def apply(self, bound: tuple, block: Any, spare: Any) -> Blocks:
        """Return U @ block."""
        source, _, factor = bound
        moved = take_rows(block, source, spare)
        if factor is not None:
            moved *= factor
        return moved, block

    def unapply(self, bound: tuple, block: Any, spare: Any) -> Blocks:
        """Return U^dagger @ block."""
        _, target, factor = bound
        if factor is not None:
            block *= conj(factor)
        return take_rows(block, target, spare), block

    def pull(self, bound: tuple, states: Any, cotangents: Any) -> list:
        """Return nothing: there are no parameters."""
        return []

    def collect(self, bound: tuple, overlaps: list, out: np.ndarray) -> None:
        """Do nothing: there are no parameters."""


class Diagonal:
    """Rotations with diagonal generators on several qubits: RZZ, CP, CRZ, ... in one.

    ``U = exp(-i/2 sum_j angle_j G_j)`` multiplies row i by one phase.
    """

    def __init__(self, n_qubits: int, gates: list[Gate]):
        self.diagonals = np.array(
            [
                np.real(np.diag(gate.matrix))[local_index(gate.qubits, n_qubits)]
                for gate in gates
            ]
        )
        self.parameter = np.array([gate.parameter for gate in gates])
        self.coefficient = np.array([gate.coefficient for gate in gates])
        self.offset = np.array([gate.offset for gate in gates])

    def bind(self, theta: np.ndarray, dtype: np.dtype, send=_keep) -> Any:
        """Return the phase of each row, shape (2**n_qubits, 1)."""
        angles = self.coefficient * theta[self.parameter] + self.offset
        return send(np.exp(-0.5j * (angles @ self.diagonals)).astype(dtype)[:, None])

    def apply(self, bound: Any, block: Any, spare: Any) -> Blocks:
        """Return U @ block."""
        block *= bound
        return block, spare

    def unapply(self, bound: Any, block: Any, spare: Any) -> Blocks:
        """Return U^dagger @ block."""
        block *= conj(bound)
        return block, spare

    def pull(self, bound: Any, states: Any, cotangents: Any) -> list:
        """Return the overlap of cotangents and states in each row."""
        return [namespace(states)[0].vecdot(cotangents, states)]

    def collect(self, bound: Any, overlaps: list, out: np.ndarray) -> None:
        """Add the gradient of these parameters to out, shape (n_parameters,)."""
        weight = overlaps[0].imag
        slopes = 0.5 * self.coefficient * (self.diagonals @ weight)
        np.add.at(out, self.parameter, slopes)


class Dense:
    """One gate with a general matrix on k qubits."""

    def __init__(self, n_qubits: int, gates: list[Gate]):
        (self.gate,) = gates
        self.n_qubits = n_qubits
        if self.gate.parameter >= 0:
            self.spectrum = np.linalg.eigh(self.gate.matrix)

    def bind(self, theta: np.ndarray, dtype: np.dtype, send=_keep) -> tuple:
        """Return the matrix of the gate, shape (2**k, 2**k), and its inverse."""
        gate = self.gate
        matrix = gate.matrix
        if gate.parameter >= 0:
            angle = gate.coefficient * theta[gate.parameter] + gate.offset
            matrix = spectral_rotation(*self.spectrum, angle)
        matrix = (matrix.real if dtype.kind == "f" else matrix).astype(dtype)
        return send(matrix), send(matrix.conj().T)

    def apply(self, bound: tuple, block: Any, spare: Any) -> Blocks:
        """Return U @ block."""
        return self._multiply(bound[0], block, spare)

    def unapply(self, bound: tuple, block: Any, spare: Any) -> Blocks:
        """Return U^dagger @ block."""
        return self._multiply(bound[1], block, spare)

    def _multiply(self, matrix: Any, block: Any, spare: Any) -> Blocks:
        xp, _ = namespace(block)
        rows = to_front(block, self.gate.qubits, self.n_qubits)
        target = to_front(spare, self.gate.qubits, self.n_qubits)
        flat = xp.reshape(rows, (matrix.shape[0], -1))
        target[...] = xp.reshape(matrix @ flat, rows.shape)
        return spare, block

    def pull(self, bound: tuple, states: Any, cotangents: Any) -> list:
        """Return the overlap matrix of cotangents and states on the gate's qubits."""
        if self.gate.parameter < 0:
            return []
        xp, _ = namespace(states)
        bra, ket = (
            xp.reshape(
                to_front(block, self.gate.qubits, self.n_qubits),
                (bound[0].shape[0], -1),
            )
            for block in (cotangents, states)
        )
        return [conj(bra) @ ket.T]

    def collect(self, bound: tuple, overlaps: list, out: np.ndarray) -> None:
        """Add the gradient of the gate's parameter to out, shape (n_parameters,)."""
        gate = self.gate
        if gate.parameter < 0:
            return
        slope = np.real(-1j * np.sum(gate.matrix * overlaps[0]))
        out[gate.parameter] += 0.5 * gate.coefficient * slope


def to_front(block: Any, qubits: tuple[int, ...], n_qubits: int) -> Any:
    """View (2**n, m) as (2, ..., 2, rest, m), the last of `qubits` on the first axis.

    Flattening the first ``len(qubits)`` axes gives the row index of a gate's matrix.
    """
    xp, _ = namespace(block)
    axes = tuple(n_qubits - 1 - q for q in reversed(qubits))
    grid = xp.reshape(block, (2,) * n_qubits + (-1,))
    return xp.moveaxis(grid, axes, tuple(range(len(axes))))


def local_index(qubits: tuple[int, ...], n_qubits: int) -> np.ndarray:
    """Return the matrix row of a gate on `qubits` for each of the 2**n_qubits rows."""
    index = np.arange(2**n_qubits)
    return np.sum([((index >> q) & 1) << k for k, q in enumerate(qubits)], axis=0)


def on_all_qubits(gate: Gate, n_qubits: int) -> np.ndarray:
    """Return the matrix of a gate, or its generator, on all qubits."""
    index = np.arange(2**n_qubits)
    local = local_index(gate.qubits, n_qubits)
    others = index & ~sum(1 << q for q in gate.qubits)
    entries = np.asarray(gate.matrix)[local[:, None], local[None, :]]
    return np.where(others[:, None] == others[None, :], entries, 0)
