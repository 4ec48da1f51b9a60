"""A program laid out for the kernels, and bound to values of its parameters."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from skqnn._engine.layout import lay_out, vector_bytes
from skqnn._engine.program import Program
from skqnn._engine.schedule import blocks, schedule
from skqnn._engine.tables import phase_table, rotation_table

# A tape of more, or of larger blocks, takes longer to fetch than to calculate again. A
# block of one sample is calculated less easily, and takes less memory.
_TAPE_BYTES, _TAPED_BLOCK_BYTES = 2**24, 2**20
_TAPE_OF_ONE_BYTES = 2**26
PAGE = 4096
_NOTHING = np.empty(0)
_PLUS, _PLUS_MINUS = np.ones(16), np.array(8 * [1.0, -1.0])  # signs of lanes


@cache
def kernels() -> Any:
    """Import the kernels, and Numba, when a circuit is run."""
    from skqnn._engine import kernels

    return kernels


@cache
def _kernels() -> Any:
    from skqnn._engine import binding_kernels

    return binding_kernels


def is_taped(n_blocks: int, block: int, alone: bool) -> bool:
    """Tell whether the states of all layers are kept, in so many blocks of some bytes.

    `alone`: a block is of one sample.
    """
    if alone:
        return n_blocks * block <= _TAPE_OF_ONE_BYTES
    return block <= _TAPED_BLOCK_BYTES and n_blocks * block <= _TAPE_BYTES


class Bound(NamedTuple):
    """A program at one theta, and what its results have to be multiplied by."""

    binding: "Binding"
    task: Any  # `kernels.Task`
    width: int  # lanes of a sample
    scale: float  # of expectations
    slopes: np.ndarray  # (n_rotations,), of derivatives by angles
    overlaps: np.ndarray  # (n_strings,), of overlaps before phases
    signs: np.ndarray | None  # (n_lanes,), of the observable; None: they are 1


class Binding:
    """A program's layout, and what changes in it with the parameters.

    With several lanes, a row of a block has as many amplitudes of the same sample.
    """

    def __init__(self, program: Program, n_qubits: int, n_lanes: int = 1):
        active = [[r.qubit for r in layer] for layer in program.rotations]
        sources = [move.source for move in program.moves]
        turned = [bool(move.turns) for move in program.moves]
        self._phases, images, which = phase_table(program)
        self._folded = program.string is not None
        self.layout = layout = lay_out(
            active, sources, which, turned, n_qubits, self._folded, n_lanes
        )
        self.n_lanes = n_lanes
        self.n_sweeps = int(layout.n_sweeps.sum())
        block = 2**n_qubits // n_lanes * vector_bytes()
        self._taped = is_taped(blocks(layout, True).number, block, n_lanes > 1)
        taped = {True: self._taped, False: False}  # with and without derivatives
        self._schedule = {k: schedule(layout, taped[k], k) for k in taped}
        self._n_work = {k: blocks(layout, taped[k]).number for k in taped}
        self._rotations = rotation_table(program, layout, images, np.array(which) >= 0)
        self._circuit = tuple(self._rotations)
        terms = [(term.observable, term.mask) for term in program.measured]
        self._terms = np.array(terms, dtype=np.int64)
        self._flips = bool(np.any(self._terms[:, 1]))
        weights = np.array([term.weights for term in program.measured])
        self._weights = weights if np.any(np.imag(weights)) else np.real(weights)
        self._real = program.real
        self._constants: dict[np.dtype, tuple] = {}
        used = int(layout.tables.max()) + vector_bytes()
        self.block_bytes = -(-used // PAGE) * PAGE

    def bind(
        self, theta: np.ndarray, dtype: np.dtype, width: int, pulled: bool
    ) -> Bound:
        """Return the program at theta, for states of a (real) dtype."""
        n_layers, *shape = self.layout.qubits.shape
        tangents = np.zeros((2, n_layers + 1, *shape))
        slopes = np.empty(len(self._rotations.base))
        numbers, flips = np.empty((5, n_layers)), np.empty(n_layers, dtype=np.int64)
        signs = np.empty((1, len(self._rotations.rows)))
        taped = pulled and self._taped
        filled = tangents.reshape(2, -1), slopes, numbers, flips, signs
        flip, z, scale = _kernels().bind(self._circuit, theta, taped, *filled)
        number, phases, weights = self._in_precision_of(dtype)
        strings, lanes = _NOTHING, None
        if len(self._phases.layers):
            phases, strings = self._bind_phases(phases, theta, flips, numbers[1])
        if self._folded:
            weights = signs.astype(dtype, copy=False)
            lanes = signs[0, -self.n_lanes :] if self.n_lanes > 1 else None
        elif self._flips:
            flipped = np.bitwise_count(z & self._terms[:, 1]) & 1
            if np.any(flipped):
                turned = (1.0 - 2.0 * flipped).reshape(-1, *(weights.ndim - 1) * [1])
                weights = (weights * turned).astype(weights.dtype)
        task = kernels().Task(
            self._schedule[pulled],
            self._n_work[pulled],
            self.layout.tables,
            self.layout.spread,
            self.layout.patterns,
            phases.astype(number, copy=False),
            self._phases.folds,
            self._phases.starts,
            self._phases.alone,
            tangents.astype(dtype, copy=False),
            numbers[0].astype(dtype, copy=False),
            self._terms,
            weights,
            flip,
            width,
        )
        width *= self.n_lanes
        return Bound(self, task, width, scale, slopes, strings, lanes)

    def _in_precision_of(self, dtype: np.dtype) -> tuple:
        """Return the dtype of numbers, and phases and weights that never change."""
        known = self._constants.get(dtype)
        if known is None:
            wide = np.result_type(dtype, np.complex64)
            number = dtype if self._real else wide
            still = np.asarray(self._by_lanes(self._phases.still), dtype=number)
            of = wide if np.iscomplexobj(self._weights) else dtype
            weights = np.asarray(self._by_lanes(self._weights), dtype=of)
            self._constants[dtype] = known = number, still, weights
        return known

    def _by_lanes(self, values: np.ndarray) -> np.ndarray:
        """Arrange numbers for all amplitudes, (n, 2**n_qubits), as rows of blocks."""
        if self.n_lanes == 1:
            return values
        parts = values.reshape(len(values), self.n_lanes, -1)
        return np.ascontiguousarray(parts.swapaxes(1, 2))

    def _bind_phases(
        self, still: np.ndarray, theta: np.ndarray, flips: np.ndarray, overlaps: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return all rows, and what the overlaps with strings are multiplied by."""
        phases, n_still = self._phases, len(still)
        n_bound, n_amplitudes = len(phases.layers), phases.still.shape[1]
        number = np.float64 if self._real else np.complex128
        rows = np.empty((n_still + n_bound, *still.shape[1:]), dtype=number)
        bound = rows[n_still:]
        if self.n_lanes > 1:
            bound = np.empty((n_bound, n_amplitudes))
        rows[:n_still], bound[...] = still, 1
        factors = np.zeros(len(phases.strings))
        if len(factors):
            units = np.empty(len(factors) + 1, dtype=np.complex128)
            table = phases.strings, phases.terms, phases.slope, phases.products
            _kernels().turn(table, theta, flips, overlaps, units, factors, bound)
        if len(phases.fixed):
            index = np.arange(n_amplitudes)
            for k, layer in enumerate(phases.layers):
                bound[k] *= phases.fixed[k, index ^ flips[layer]]
        if self.n_lanes > 1:
            rows[n_still:] = self._by_lanes(bound)
        return rows, factors

    def collect(
        self,
        bound: Bound,
        derivatives: list[np.ndarray],
        cotangent: np.ndarray,
        width: int,
        n_parameters: int,
    ) -> np.ndarray:
        """Return the gradient, from the kernels' sums over some samples.

        Parameters
        ----------
        bound : Bound
        derivatives : list of two ndarrays
            By angles, shape (n_rows, *layout.qubits.shape, lanes), and overlaps with
            strings, shape (n_rows, n_strings, lanes): lanes of real and of imaginary
            parts in turn.
        cotangent : ndarray of shape (n_samples, 1), float64
            What they are multiplied by, if a sample takes `width` lanes.
        width : int
        n_parameters : int
        """
        angles, overlaps = derivatives
        gradient, pull = np.zeros(n_parameters), _kernels().pull
        n_places, n_lanes = self.layout.qubits.size, angles.shape[-1]
        rows = angles.reshape(-1, n_places, n_lanes)
        factors, by, of = np.empty(n_lanes), self._rotations, self._phases
        sums = np.zeros(n_places)
        cotangents = cotangent, width, _PLUS, sums, factors
        pull(by.terms, by.slope, bound.slopes, rows, *cotangents, gradient)
        if len(bound.overlaps):
            sums = np.zeros(len(bound.overlaps))
            cotangents = cotangent, width, _PLUS_MINUS, sums, factors
            pull(of.terms, of.slope, bound.overlaps, overlaps, *cotangents, gradient)
        return gradient
