"""A program laid out for the kernels, and bound to values of its parameters."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from skqnn._engine.layout import lay_out, vector_bytes
from skqnn._engine.program import Program
from skqnn._engine.schedule import blocks, schedule
from skqnn._engine.tables import phase_table, rotation_table

# A tape of more, or of larger blocks, takes longer to fetch than to calculate again.
_TAPE_BYTES, _TAPED_BLOCK_BYTES = 2**24, 2**20
_NOTHING = np.empty(0)
_SIGNS = np.array(8 * [1.0, -1.0])  # of lanes of real and imaginary parts


@cache
def kernels() -> Any:
    """Import the kernels, and Numba, when a circuit is run."""
    from skqnn._engine import kernels

    return kernels


@cache
def _kernels() -> Any:
    from skqnn._engine import binding_kernels

    return binding_kernels


class Bound(NamedTuple):
    """A program at one theta, and what its results have to be multiplied by."""

    task: Any  # `kernels.Task`
    scale: float  # of expectations
    slopes: np.ndarray  # (n_rotations,), of derivatives by angles
    overlaps: np.ndarray  # (n_strings,), of overlaps before phases


class Binding:
    """A program's layout, and what changes in it with the parameters."""

    def __init__(self, program: Program, n_qubits: int):
        active = [[r.qubit for r in layer] for layer in program.rotations]
        sources = [move.source for move in program.moves]
        turned = [bool(move.turns) for move in program.moves]
        self._phases, images, which = phase_table(program)
        self._folded = program.string is not None
        self.layout = layout = lay_out(
            active, sources, which, turned, n_qubits, self._folded
        )
        self.n_sweeps = layout.n_sweeps
        block = 2**n_qubits * vector_bytes()
        tape = blocks(layout, True).number * block
        self._taped = block <= _TAPED_BLOCK_BYTES and tape <= _TAPE_BYTES
        taped = {True: self._taped, False: False}  # with and without derivatives
        self._schedule = {k: schedule(layout, taped[k], k) for k in taped}
        self._n_work = {k: blocks(layout, taped[k]).number for k in taped}
        self._rotations = rotation_table(program, layout, images, np.array(which) >= 0)
        self._circuit = tuple(self._rotations)
        terms = [(term.observable, term.mask) for term in program.measured]
        self._terms = np.array(terms, dtype=np.int64)
        self._flips = bool(np.any(self._terms[:, 1]))
        self._weights = np.array([term.weights for term in program.measured])
        self._real = program.real
        self.n_observables = 1 + max(term.observable for term in program.measured)
        self._constants: dict[np.dtype, tuple] = {}

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
        strings = _NOTHING
        if len(self._phases.layers):
            phases, strings = self._bind_phases(phases, theta, flips, numbers[1])
        if self._folded:
            weights = signs
        elif self._flips:
            flipped = np.bitwise_count(z & self._terms[:, 1]) & 1
            if np.any(flipped):
                weights = weights * (1.0 - 2.0 * flipped)[:, np.newaxis]
        task = kernels().Task(
            self._schedule[pulled],
            self._n_work[pulled],
            self.layout.tables,
            phases.astype(number, copy=False),
            self._phases.folds,
            self._phases.starts,
            tangents.astype(dtype, copy=False),
            numbers[0].astype(dtype, copy=False),
            self._terms,
            weights.astype(number, copy=False),
            flip,
            width,
        )
        return Bound(task, scale, slopes, strings)

    def _in_precision_of(self, dtype: np.dtype) -> tuple:
        """Return the dtype of numbers, and phases and weights that never change."""
        known = self._constants.get(dtype)
        if known is None:
            number = dtype if self._real else np.result_type(dtype, np.complex64)
            still, weights = (
                np.asarray(values, dtype=number)
                for values in (self._phases.still, self._weights)
            )
            self._constants[dtype] = known = number, still, weights
        return known

    def _bind_phases(
        self, still: np.ndarray, theta: np.ndarray, flips: np.ndarray, overlaps: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return all rows, and what the overlaps with strings are multiplied by."""
        phases, n_still = self._phases, len(still)
        shape = n_still + len(phases.layers), still.shape[1]
        rows = np.empty(shape, dtype=np.float64 if self._real else np.complex128)
        rows[:n_still], rows[n_still:] = still, 1
        factors = np.zeros(len(phases.strings))
        if len(factors):
            units = np.empty(len(factors) + 1, dtype=np.complex128)
            table = phases.strings, phases.terms, phases.slope, phases.products
            filled = units, factors, rows[n_still:]
            _kernels().turn(table, theta, flips, overlaps, *filled)
        if len(phases.fixed):
            index = np.arange(shape[1])
            for k, layer in enumerate(phases.layers):
                rows[n_still + k] *= phases.fixed[k, index ^ flips[layer]]
        return rows, factors

    def collect(
        self,
        bound: Bound,
        derivatives: list[np.ndarray],
        factors: np.ndarray,
        n_parameters: int,
    ) -> np.ndarray:
        """Return the gradient, from the kernels' sums over some samples.

        Parameters
        ----------
        bound : Bound
        derivatives : list of two ndarrays
            By angles, shape (n_rows, n_layers, n_sweeps, 4, lanes), and overlaps with
            strings, shape (n_rows, n_strings, lanes): lanes of real and of imaginary
            parts in turn.
        factors : ndarray of shape (n_rows, lanes), float64
            What they are multiplied by.
        n_parameters : int
        """
        angles, overlaps = derivatives
        gradient, pull = np.zeros(n_parameters), _kernels().pull
        rows = angles.reshape(len(angles), self.layout.qubits.size, angles.shape[-1])
        sums, by = np.zeros(rows.shape[1]), self._rotations
        pull(by.terms, by.slope, bound.slopes, rows, factors, sums, gradient)
        if len(bound.overlaps):
            signed = factors * _SIGNS[: factors.shape[1]]
            sums, of = np.zeros(len(bound.overlaps)), self._phases
            numbers = bound.overlaps, overlaps, signed, sums, gradient
            pull(of.terms, of.slope, *numbers)
        return gradient
