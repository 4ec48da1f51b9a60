"""The steps of a feature map: what differs between rows, and what does not.

Steps act on blocks of states of shape (2**n_qubits, n_samples), or one column as long
as all rows are equal. They have two methods:

    bind(dtype, X) -> bound                   the numbers of the step, next to X
    apply(bound, block, values, phases)       U @ block; `values` are the functions of
        -> block                              the rows, see `Basis`, and `phases` keeps
                                              what another step can use again
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from skqnn._arrays import namespace, sender, take_rows
from skqnn._circuits.gates import Elementary
from skqnn._engine.basis import Basis

_TABLE_BYTES = 2**25  # of the weights of a run; larger ones are made anew, in parts


class Product:
    """Gates on single qubits of ``|0...0>``, which leave it a product."""

    def __init__(self, gates: list[Elementary], n_qubits: int, basis: Basis):
        self.n_qubits = n_qubits
        self.gates = gates
        angles = [basis.coordinates(g.angle) for g in gates if g.angle is not None]
        self.places = np.array(sorted({place for angle in angles for place in angle}))
        self.weights = np.zeros((len(angles), len(self.places)))  # of half the angles
        for k, angle in enumerate(angles):
            at = np.searchsorted(self.places, list(angle))
            self.weights[k, at] = 0.5 * np.array(list(angle.values()))

    def bind(self, dtype: np.dtype, X: Any) -> tuple:
        """Return ``|0>``, matrices and weights next to X, and the dtype."""
        send = sender(X)
        matrices = [g.matrix if g.angle is None else -1j * g.matrix for g in self.gates]
        zero = send(np.array([[1], [0]], dtype=dtype))
        return (
            zero,
            [send(_cast(m, dtype)) for m in matrices],
            send(self.weights),
            dtype,
        )

    def start(self, bound: tuple, values: Any) -> Any:
        """Return states of shape (2**n_qubits, n_samples), or 1 if all are equal."""
        zero, matrices, weights, dtype = bound
        xp, _ = namespace(values)
        factors, k = [zero] * self.n_qubits, 0
        if len(self.places):
            half = weights @ take_rows(values, self.places)
            cosines, sines = _cosine_and_sine(half, dtype)
        for gate, matrix in zip(self.gates, matrices, strict=True):
            (q,) = gate.qubits
            turned = matrix @ factors[q]
            if gate.angle is not None:
                turned = cosines[k, :] * factors[q] + sines[k, :] * turned
                k += 1
            factors[q] = turned
        block = factors[0]
        for factor in factors[1:]:
            block = factor[:, None, :] * block[None, :, :]
            block = xp.reshape(block, (-1, block.shape[2]))
        return block


class Fixed:
    """A step of the engine without parameters."""

    def __init__(self, step: Any):
        self.step = step

    def bind(self, dtype: np.dtype, X: Any) -> tuple:
        """Return the numbers of the step next to X, and whether it sees real states."""
        # Real matrices need not be multiplied as complex ones.
        is_real = getattr(self.step, "real", False)
        as_real = isinstance(X, np.ndarray) and is_real and dtype.kind == "c"
        dtype = _real(dtype) if as_real else dtype
        return self.step.bind(np.zeros(1), dtype, sender(X)), as_real

    def apply(self, bound: tuple, block: Any, values: Any, phases: dict) -> Any:
        """Return the states after this step, (2**n_qubits, n_samples)."""
        numbers, as_real = bound
        kind = block.dtype
        block = block.view(_real(kind)) if as_real else block
        spare = namespace(block)[0].empty_like(block)
        block, _ = self.step.apply(numbers, block, spare)
        return block.view(kind) if as_real else block


class Phases:
    """Diagonal gates, and gates that permute and rephase basis states, in one."""

    def __init__(self, gates, n_qubits: int, basis: Basis, tables: dict[tuple, int]):
        self.gates = [
            (gate, None if gate.angle is None else basis.coordinates(gate.angle))
            for gate in gates
        ]
        places = {place for _, angle in self.gates if angle for place in angle}
        self.places = sorted(places | {Basis.CONSTANT})
        index = np.arange(2**n_qubits)
        self.source, _ = self._trace(index, weighted=False)
        self.moves = not np.array_equal(self.source, index)
        size = max(1, _TABLE_BYTES // (8 * len(self.places)))
        self.parts = list(gen_batches(len(index), size))
        self.weights, self.table = None, None
        if len(self.parts) == 1:
            _, self.weights = self._trace(index)
            key = (tuple(self.places), self.weights.tobytes())
            self.table = tables.setdefault(key, len(tables))

    def _trace(self, index: np.ndarray, weighted: bool = True) -> tuple:
        """Follow basis states from the end of the run to its beginning.

        Returns
        -------
        source : ndarray
            Where the amplitudes of these states come from.
        weights : ndarray of shape (len(index), len(places))
            Their phases in radians are ``weights @ values[places]``.
        """
        column = {place: k for k, place in enumerate(self.places)}
        weights = np.zeros((len(index) if weighted else 0, len(column)))
        for gate, angle in reversed(self.gates):
            local = _local(index, gate.qubits)
            if angle is not None:
                slopes = -0.5 * np.real(np.diag(gate.matrix))
                for place, coefficient in angle.items() if weighted else ():
                    weights[:, column[place]] += coefficient * slopes[local]
                continue
            row, source = np.arange(len(gate.matrix)), _sources(gate.matrix)
            if weighted:
                phases = np.angle(gate.matrix[row, source])
                weights[:, column[Basis.CONSTANT]] += phases[local]
            index = _moved(index, gate.qubits, source[local])
        return index, weights

    def bind(self, dtype: np.dtype, X: Any) -> tuple:
        """Return sources and weights next to X, and what sends there."""
        send = sender(X)
        source = send(self.source) if self.moves else None
        weights = None if self.weights is None else send(self.weights)
        return source, weights, send

    def apply(self, bound: tuple, block: Any, values: Any, phases: dict) -> Any:
        """Return the states after this step, (2**n_qubits, n_samples)."""
        source, weights, send = bound
        block = block if source is None else take_rows(block, source)
        factor = phases.get(self.table)
        if factor is None:
            used = take_rows(values, np.array(self.places))
            angles = (w @ used for w in self._weights(weights, send))
            factors = [_exponential(part, block.dtype) for part in angles]
            factor = namespace(block)[0].concat(factors)
        if self.table is not None:
            phases[self.table] = factor
        return _times(block, factor)

    def _weights(self, weights: Any, send: Any) -> Iterator:
        """Yield the weights in parts, which are made here if they are not kept."""
        if weights is not None:
            yield weights
            return
        for part in self.parts:
            yield send(self._trace(np.arange(part.start, part.stop))[1])


class Rotation:
    """A rotation that mixes pairs of basis states, by an angle of each row.

    With a generator G whose square is a projector,
    ``exp(-i a G / 2) = 1 + (cos(a / 2) - 1) G^2 - i sin(a / 2) G``.
    """

    def __init__(self, gate: Elementary, n_qubits: int, basis: Basis):
        norm = float(np.max(np.abs(gate.matrix)))
        angle = basis.coordinates(gate.angle)
        self.angle = {place: norm * a for place, a in angle.items()}
        index = np.arange(2**n_qubits)
        local = _local(index, gate.qubits)
        row, source = np.arange(len(gate.matrix)), _sources(gate.matrix)
        self.source = _moved(index, gate.qubits, source[local])
        self.factor = -1j * (gate.matrix[row, source] / norm)[local, None]

    def bind(self, dtype: np.dtype, X: Any) -> tuple:
        """Return sources, factors, and where they are not 0, next to X."""
        send = sender(X)
        idle = self.factor == 0
        idle = send(idle.astype(_real(dtype))) if np.any(idle) else None
        return send(self.source), send(_cast(self.factor, dtype)), idle, dtype

    def apply(self, bound: tuple, block: Any, values: Any, phases: dict) -> Any:
        """Return the states after this step, (2**n_qubits, n_samples)."""
        source, factor, idle, dtype = bound
        half = sum(0.5 * a * values[place, :] for place, a in self.angle.items())
        cosine, sine = _cosine_and_sine(half, dtype)
        moved = _times(take_rows(block, source) * factor, sine[None, :])
        if idle is not None:
            cosine = cosine + idle * (1 - cosine)
        return moved + block * cosine


def _local(index: np.ndarray, qubits: tuple[int, ...]) -> np.ndarray:
    """Return the row of a gate's matrix on `qubits` for each basis state."""
    return np.sum([((index >> q) & 1) << k for k, q in enumerate(qubits)], axis=0)


def _sources(matrix: np.ndarray) -> np.ndarray:
    """Return the column of the entry in each row, of a row without one its own."""
    magnitude = np.abs(matrix)
    empty = magnitude.max(axis=1) < 1e-12
    return np.where(empty, np.arange(len(matrix)), np.argmax(magnitude, axis=1))


def _moved(index: np.ndarray, qubits: tuple[int, ...], local: np.ndarray) -> np.ndarray:
    """Return basis states with the bits of `qubits` replaced."""
    for k, q in enumerate(qubits):
        index = (index & ~(1 << q)) | (((local >> k) & 1) << q)
    return index


def _cosine_and_sine(half: Any, dtype: np.dtype) -> tuple:
    """Return cosine and sine of half the angles."""
    xp, _ = namespace(half)
    kind = getattr(xp, _real(dtype).name)
    return tuple(xp.astype(f(half), kind, copy=False) for f in (xp.cos, xp.sin))


def _exponential(angles: Any, dtype: Any) -> Any:
    """Return exp(i * angles)."""
    if isinstance(angles, np.ndarray):
        result = np.empty(angles.shape, dtype=dtype)
        np.cos(angles, out=result.real, casting="same_kind")
        np.sin(angles, out=result.imag, casting="same_kind")
        return result
    xp, _ = namespace(angles)
    wide = xp.result_type(angles.dtype, dtype)
    cosine, sine = (xp.astype(f(angles), wide) for f in (xp.cos, xp.sin))
    return xp.astype(cosine + 1j * sine, dtype)


def _times(block: Any, factor: Any) -> Any:
    """Multiply states, in their own memory if that is NumPy's and large enough."""
    shape = np.broadcast_shapes(block.shape, factor.shape)
    if isinstance(block, np.ndarray) and block.shape == shape:
        return np.multiply(block, factor, out=block)
    return block * factor


def _cast(matrix: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return a matrix in another dtype; a real one of a real circuit has no rest."""
    return (matrix.real if dtype.kind == "f" else matrix).astype(dtype)


def _real(dtype: np.dtype) -> np.dtype:
    """Return the dtype of real and imaginary parts."""
    return np.empty(0, dtype).real.dtype
