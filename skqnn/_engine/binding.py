"""A program laid out for the kernels, and bound to values of its parameters."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from skqnn._engine.layout import Layout, lay_out, vector_bytes
from skqnn._engine.moves import Move, pauli_images
from skqnn._engine.program import Program
from skqnn._engine.schedule import backward, blocks, forward
from skqnn._engine.strings import fold_table

_MAX_GROWTH = 60  # rotations before states are rescaled: a factor of at most 2**30
# A tape of more, or of larger blocks, takes longer to fetch than to calculate again.
_TAPE_BYTES, _TAPED_BLOCK_BYTES = 2**24, 2**20


@cache
def kernels() -> Any:
    """Import the kernels, and Numba, when a circuit is run."""
    from skqnn._engine import kernels

    return kernels


class _Angles(NamedTuple):
    """Linear functions of theta, each at a place of an array."""

    base: np.ndarray  # what theta is added to
    at: np.ndarray  # of each term, in the flattened array
    parameter: np.ndarray
    slope: np.ndarray

    def bind(self, theta: np.ndarray) -> np.ndarray:
        values = self.base.copy()
        np.add.at(values.reshape(-1), self.at, self.slope * theta[self.parameter])
        return values

    def pull(self, totals: np.ndarray, n_parameters: int):
        """Return the derivatives by theta, from those by the values."""
        terms = totals.reshape(-1)[self.at] * self.slope
        return np.bincount(self.parameter, terms, n_parameters).astype(np.float64)


class Bound(NamedTuple):
    """What a task's results have to be multiplied by."""

    task: Any  # `kernels.Task`
    scale: float  # of expectations
    slopes: np.ndarray  # of derivatives by angles
    overlaps: np.ndarray  # (n_strings,), of overlaps before phases


class Binding:
    """A program's layout, and what changes in it with the parameters."""

    def __init__(self, program: Program, n_qubits: int):
        self._program = program
        active = [[r.qubit for r in layer] for layer in program.rotations]
        sources = [move.source for move in program.moves]
        turned = [bool(move.turns) for move in program.moves]
        self._phases, which = _Phases.of(program)
        folded = program.string is not None
        self.layout = layout = lay_out(active, sources, which, turned, n_qubits, folded)
        self.n_sweeps = layout.n_sweeps
        block = 2**n_qubits * vector_bytes()
        tape = blocks(layout, True).number * block
        self._taped = block <= _TAPED_BLOCK_BYTES and tape <= _TAPE_BYTES
        taped = {True: self._taped, False: False}  # with and without derivatives
        self._forward = {k: forward(layout, taped[k], k) for k in taped}
        self._backward = backward(layout, self._taped, self._forward[True][1])
        self._n_work = {k: blocks(layout, taped[k]).number for k in taped}
        self._rotations = self._find_rotations(np.array(which) >= 0, turned[0])
        self._angles = _rotation_angles(program, layout)
        terms = [(term.observable, term.mask) for term in program.measured]
        self._terms = np.array(terms, dtype=np.int64)
        self._weights = np.array([term.weights for term in program.measured])
        self.n_observables = 1 + max(term.observable for term in program.measured)

    def _find_rotations(self, rescaled: np.ndarray, opened: bool) -> tuple:
        layout = self.layout
        mirrors = np.zeros_like(layout.qubits)
        for k, layer in enumerate(self._program.rotations):
            for rotation in layer:
                mirrors[k][layout.qubits[k] == rotation.qubit] = rotation.mirror
        folded = self._program.string is not None
        images = self._phases.images
        return layout.qubits, mirrors, images, self.n_sweeps, rescaled, opened, folded

    def bind(self, theta: np.ndarray, dtype: np.dtype, width: int, pulled: bool):
        """Return the program at theta, for states of a (real) dtype."""
        layout, program, masks = self.layout, self._program, self._terms[:, 1]
        angles = self._angles.bind(theta)
        n_layers, *shape = layout.qubits.shape
        tangents = np.zeros((2, n_layers + 1, *shape))
        slopes, factors = np.zeros((n_layers, *shape)), np.ones(n_layers)
        flips, overlaps = np.zeros(n_layers, dtype=np.int64), np.ones(n_layers)
        filled = tangents, slopes, factors, flips, overlaps
        taped = pulled and self._taped
        rotations = kernels().Rotations(*self._rotations)
        x, z, odd, scale = kernels().bind(rotations, angles, taped, *filled)
        phases, signs = self._phases.bind(theta, flips)
        weights = self._weights
        if program.string is not None and layout.fold is not None:
            string, fold = program.string, layout.fold
            sign = string.coefficient * (1 - 2 * ((x & string.mask).bit_count() & 1))
            scale, slopes, overlaps = sign * scale, sign * slopes, sign * overlaps
            weights = eigenvalues(fold.rows & string.mask & ~odd)[np.newaxis]
            x = fold.flip(odd)
        elif np.any(masks):
            weights = weights * eigenvalues(z & masks)[:, np.newaxis]
        number = dtype if program.real else np.result_type(dtype, np.complex64)
        schedule, final = self._forward[pulled]
        task = kernels().Task(
            schedule,
            self._backward,
            final,
            self._n_work[pulled],
            layout.tables,
            phases.astype(number, copy=False),
            *self._phases.folds,
            tangents.astype(dtype, copy=False),
            factors.astype(dtype, copy=False),
            self._terms,
            weights.astype(number, order="C", copy=False),
            x,
            width,
            program.string is not None,
        )
        layers = self._phases.layers[self._phases.strings[:, 0]]
        return Bound(task, scale, slopes, signs * overlaps[layers])

    def collect(
        self, bound: Bound, angles: np.ndarray, overlaps: np.ndarray, n_parameters: int
    ) -> np.ndarray:
        """Return the gradient, from the kernels' sums over all samples.

        Parameters
        ----------
        bound : Bound
        angles : ndarray of shape (n_layers, n_sweeps, 4, lanes)
        overlaps : ndarray of shape (n_strings, lanes)
            Lanes of real and of imaginary parts in turn.
        n_parameters : int
        """
        slopes = bound.slopes * angles.sum(axis=-1)
        gradient = self._angles.pull(slopes, n_parameters)
        if len(overlaps):
            parts = overlaps[:, ::2].sum(axis=1) - overlaps[:, 1::2].sum(axis=1)
            scaled = 0.5 * bound.overlaps * parts
            gradient += self._phases.weights.pull(scaled, n_parameters)
        return gradient


def _rotation_angles(program: Program, layout: Layout) -> _Angles:
    base, terms = np.zeros(layout.qubits.shape), []
    for k, layer in enumerate(program.rotations):
        for rotation in layer:
            ((s, j),) = np.argwhere(layout.qubits[k] == rotation.qubit)
            base[k, s, j] = rotation.base
            at = int(np.ravel_multi_index((k, s, j), base.shape))
            terms += [(at, *term) for term in rotation.slopes]
    return _linear(base, terms)


def _linear(base: np.ndarray, terms: list[tuple[int, int, float]]) -> _Angles:
    columns = list(zip(*terms, strict=True)) or [(), (), ()]
    at, parameter = (np.array(column, dtype=np.intp) for column in columns[:2])
    return _Angles(base, at, parameter, np.array(columns[2], dtype=np.float64))


class _Phases(NamedTuple):
    """The rows of phases, those that are always the same first."""

    still: np.ndarray  # (n_still, 2**n_qubits), the first row is 1
    fixed: np.ndarray  # (n_bound, 2**n_qubits), the fixed part of the others
    layers: np.ndarray  # (n_bound,), where they are
    strings: np.ndarray  # (n_strings, 2), their Z strings: row of `fixed`, mask
    weights: _Angles  # of these strings
    folds: tuple[np.ndarray, np.ndarray]  # that pull the strings, see `fold_table`
    images: np.ndarray  # (n_layers, n_qubits, 2, 2), see `pauli_images`

    @classmethod
    def of(cls, program: Program) -> tuple["_Phases", list[int]]:
        """Return the phases, and the row to apply before each layer, -1 for none."""
        ones = np.ones(len(program.moves[0].phase))
        rows: dict[bytes, int] = {ones.tobytes(): 0}
        images, pushed = _all_images(program.moves)
        which, growth = [], 0
        for move, layer, still in zip(
            program.moves, program.rotations, pushed, strict=True
        ):
            row = rows.setdefault(move.phase.tobytes(), len(rows)) if still else 1
            growth += len(layer)
            rescaled = row > 0 or growth > _MAX_GROWTH
            growth = len(layer) if rescaled else growth
            which.append(row if rescaled else -1)
        layers = np.flatnonzero(~np.array(pushed))
        for number, k in enumerate(layers):
            which[k] = len(rows) + number
        fixed = np.array([program.moves[k].phase for k in layers])
        fixed = fixed.reshape(len(layers), len(ones))
        terms = []
        places: dict[tuple[int, int], int] = {}
        for number, k in enumerate(layers):
            for turn in program.moves[k].turns:
                for mask, weight in turn.strings:
                    at = places.setdefault((number, mask), len(places))
                    terms.append((at, turn.parameter, turn.coefficient * weight))
        strings = np.array(list(places), dtype=np.int64).reshape(-1, 2)
        weights = _linear(np.zeros(len(strings)), terms)
        turned = [n for n, k in enumerate(layers) if program.moves[k].turns]
        folds = fold_table(strings, turned, len(ones))
        still_rows = np.array([np.frombuffer(row) for row in rows])
        found = cls(still_rows, fixed, layers, strings, weights, folds, images)
        return found, which

    def bind(self, theta: np.ndarray, flips: np.ndarray) -> tuple:
        """Return all rows, and the signs of the Z strings behind flips."""
        if not len(self.layers):
            return self.still, np.ones(0)
        flips = flips[self.layers]
        row, mask = self.strings.T
        signs = eigenvalues(mask & flips[row])
        index = np.arange(self.fixed.shape[1])
        rows = self.fixed[np.arange(len(flips))[:, np.newaxis], index ^ flips[:, None]]
        if len(signs):
            rows = rows.astype(complex)
            sums = np.zeros(self.fixed.shape)
            sums[row, mask] = signs * self.weights.bind(theta)
            kernels().turn(sums, rows)
        return np.concatenate([self.still, rows]), signs


def _all_images(moves: list[Move]) -> tuple[np.ndarray, list[bool]]:
    """Return `pauli_images` of all moves."""
    known: dict[bytes, tuple] = {}  # most circuits repeat one permutation
    images, pushed = [], []
    for move in moves:
        key = move.source.tobytes() + move.phase.tobytes() + bytes([bool(move.turns)])
        found = known.setdefault(key, ()) or pauli_images(move)
        known[key] = found
        images.append(found[0])
        pushed.append(found[1])
    return np.array(images), pushed


def eigenvalues(bits: Any) -> Any:
    """Return 1 for even numbers of ones, -1 for odd ones."""
    return 1.0 - 2.0 * (np.bitwise_count(bits) & 1)
