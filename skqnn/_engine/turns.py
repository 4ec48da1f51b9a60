"""Small circuits as plane rotations: the whole circuit is one small matrix.

A rotation ``exp(-i a G / 2)`` of Qiskit's gates turns pairs of basis states by a / 2.
With real and imaginary parts as rows of their own it turns pairs of real rows,
``(x, y) -> (cos x - sin y, sin x + cos y)``, whatever the gate. Fixed gates are moved
to the end of the circuit, where they change what is measured: CX, H and the like turn
one such rotation into another one. Where they do not, they are one matrix.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from skqnn._circuits.gates import Gate
from skqnn._engine.steps import on_all_qubits

_ROUNDING = 1e-13


class Turns(NamedTuple):
    """A circuit and its observables on real rows, as the kernels need them.

    There are ``n_rows = 2**n_qubits`` rows, or twice as many, the imaginary parts after
    the real ones. A step is a matrix or turns the pairs start, ..., stop - 1 by the
    angle ``base + slope * theta[parameter]``.
    """

    dimension: int  # 2**n_qubits
    steps: np.ndarray  # (n_steps, 4): matrix, or -1 and start, stop, parameter
    slope: np.ndarray  # (n_steps,)
    base: np.ndarray  # (n_steps,)
    pairs: np.ndarray  # (n_pairs, 2)
    matrices: np.ndarray  # (n_matrices, n_rows, n_rows)
    # <E_k> = sum over m and rows i of weights[m, k, i] * row[i] * row[sources[m, i]].
    sources: np.ndarray  # (n_terms, n_rows)
    weights: np.ndarray  # (n_terms, n_observables, n_rows)


class Program(NamedTuple):
    """`Turns` as two tables, since compiled code takes a while for each array.

    The first row of `integers` has the numbers of steps and terms, and the rows of the
    first source and the first weights. Steps, pairs and sources follow; the matrix of a
    step and its pairs are rows of the tables. In `numbers` are base and slope of each
    step, matrices and weights.
    """

    integers: np.ndarray  # (1 + n_steps + n_pairs + n_terms * n_rows, 4)
    # (n_steps + n_matrices * n_rows + n_terms * n_observables, n_rows)
    numbers: np.ndarray
    n_rows: int
    n_observables: int
    shape: tuple[int, int]  # of the circuit, see `turn_kernels.simulate`


class Turn(NamedTuple):
    """``exp(angle * generator)``, the angle being ``base + slope * theta[parameter]``.

    Where the generator is not 0, it exchanges pairs with factors 1, -1, i or -i.
    """

    generator: np.ndarray  # (2**n_qubits, 2**n_qubits), -iG
    parameter: int
    slope: float
    base: float


class Sequel(NamedTuple):
    """Turns and unitary matrices in order, and what is measured after them."""

    steps: list[Turn | np.ndarray]
    observables: list[np.ndarray]

    @property
    def is_real(self) -> bool:
        """Whether real states stay real."""
        parts = [s.generator if isinstance(s, Turn) else s for s in self.steps]
        return not any(np.any(part.imag) for part in parts)


def as_sequel(
    gates: Sequence[Gate], observables: Sequence[np.ndarray], n_qubits: int
) -> Sequel | None:
    """Return a circuit as turns, or None if a generator is of no such form.

    Parameters
    ----------
    gates : sequence of Gate
    observables : sequence of ndarray of shape (2**n_qubits, 2**n_qubits)
    n_qubits : int
    """
    steps: list[Turn | np.ndarray] = []
    frame = identity = np.eye(2**n_qubits)  # of the fixed gates so far
    for gate in gates:
        matrix = on_all_qubits(gate, n_qubits)
        if gate.parameter < 0:
            frame = matrix @ frame
            continue
        norm = np.max(np.abs(gate.matrix))
        generator = _rounded(-1j / norm * (frame.conj().T @ matrix @ frame))
        if generator is None:
            steps.append(frame)
            frame, generator = identity, _rounded(-1j / norm * matrix)
        if generator is None:
            return None
        slope, base = 0.5 * norm * gate.coefficient, 0.5 * norm * gate.offset
        steps.append(Turn(generator, gate.parameter, slope, base))
    moved = [frame.conj().T @ observable @ frame for observable in observables]
    if len(_flips(moved)) > len(_flips(observables)):
        steps.append(frame)
        moved = list(observables)
    return Sequel(steps, moved)


def as_turns(sequel: Sequel, n_parts: int) -> Turns:
    """Return the program on real rows: real parts only, or imaginary ones, too."""
    steps, slopes, bases = [], [], []
    pairs: list[tuple[int, int]] = []
    matrices: list[np.ndarray] = []
    for step in sequel.steps:
        if isinstance(step, Turn):
            turned = np.argwhere(_real_form(step.generator, n_parts) == -1)
            steps.append((-1, len(pairs), len(pairs) + len(turned), step.parameter))
            pairs += map(tuple, turned)
            slopes.append(step.slope)
            bases.append(step.base)
        else:
            steps.append((len(matrices), 0, 0, 0))
            matrices.append(_real_form(step, n_parts))
            slopes.append(0.0)
            bases.append(0.0)
    measured = [_real_form(o, n_parts) for o in sequel.observables]
    n_rows = len(measured[0])
    index, flips = np.arange(n_rows), _flips(measured)
    weights = [[o[index, index ^ flip] for o in measured] for flip in flips]
    shape = (len(flips), len(measured), n_rows)
    return Turns(
        n_rows // n_parts,
        np.array(steps, dtype=np.int64).reshape(-1, 4),
        np.array(slopes, dtype=np.float64),
        np.array(bases, dtype=np.float64),
        np.array(pairs, dtype=np.int64).reshape(-1, 2),
        np.array(matrices, dtype=np.float64).reshape(-1, n_rows, n_rows),
        np.array([index ^ flip for flip in flips], dtype=np.int64).reshape(-1, n_rows),
        np.array(weights, dtype=np.float64).reshape(shape),
    )


def as_program(turns: Turns) -> Program:
    """Return turns as the kernels take them."""
    steps = turns.steps
    n_terms, n_observables, n_rows = turns.weights.shape
    n_steps, n_pairs = len(steps), len(turns.pairs)
    first_pair, first_matrix = 1 + n_steps, n_steps
    first_source = first_pair + n_pairs
    first_weight = first_matrix + len(turns.matrices) * n_rows
    integers = np.zeros((first_source + n_terms * n_rows, 4), dtype=np.int64)
    integers[0] = n_steps, n_terms, first_source, first_weight
    integers[1:first_pair] = steps + [0, first_pair, first_pair, 0]
    matrices = first_matrix + steps[:, 0] * n_rows
    integers[1:first_pair, 0] = np.where(steps[:, 0] < 0, -1, matrices)
    integers[first_pair:first_source, :2] = turns.pairs
    integers[first_source:, 0] = turns.sources.ravel()
    numbers = np.zeros((first_weight + n_terms * n_observables, n_rows))
    numbers[:n_steps, 0], numbers[:n_steps, 1] = turns.base, turns.slope
    numbers[first_matrix:first_weight] = turns.matrices.reshape(-1, n_rows)
    numbers[first_weight:] = turns.weights.reshape(-1, n_rows)
    shape = n_steps + n_rows, turns.dimension
    return Program(integers, numbers, n_rows, n_observables, shape)


def _rounded(generator: np.ndarray) -> np.ndarray | None:
    """Return a generator of a `Turn` without rounding errors, None if it is none."""
    exact = np.round(generator)
    single = np.all(np.sum(np.abs(exact), axis=1) <= 1)
    close = np.max(np.abs(generator - exact)) < _ROUNDING
    return exact if single and close else None


def _real_form(matrix: np.ndarray, n_parts: int) -> np.ndarray:
    """Return what a matrix does to real parts, or to real and imaginary parts."""
    if n_parts == 1:
        return matrix.real
    return np.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]])


def _flips(matrices: Sequence[np.ndarray]) -> list[int]:
    """Return all f such that an entry (i, i xor f) is not 0, up to rounding.

    What is rounding in one matrix may be all there is in another.
    """
    sizes = map(np.abs, matrices)
    entries = (np.argwhere(size > _ROUNDING * np.max(size)) for size in sizes)
    return sorted({int(i ^ j) for places in entries for i, j in places})
