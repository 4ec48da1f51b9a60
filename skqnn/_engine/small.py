"""Circuits of few qubits, if Numba is installed: one compiled call for each step.

Kernels for larger circuits have a dozen calls of NumPy around them, which would take
longer than the simulation itself.
"""

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any

import numpy as np

from skqnn._arrays import Rows, plain_doubles
from skqnn._circuits.gates import Gate
from skqnn._engine.turns import Program, Sequel, as_program, as_sequel, as_turns

_MAX_QUBITS = 5  # beyond, a circuit costs less on each sample than as a matrix
_ALL = np.empty(0, dtype=np.intp)  # places of all rows, in order


def compile_small(
    gates: Sequence[Gate], observables: list, n_qubits: int
) -> "dict[str, Small]":
    """Return what runs a small circuit fast on real and on complex states, "f" and "c".

    Nothing, where there is no way.

    Parameters
    ----------
    gates : sequence of Gate
    observables : list of (mask, weights)
        As the engine has them, weights (2**n_qubits, n_observables).
    n_qubits : int
    """
    if n_qubits > _MAX_QUBITS:
        return {}
    sequel = as_sequel(gates, _matrices(observables), n_qubits)
    return {} if sequel is None else dict.fromkeys("fc", Small(sequel))


class Small:
    """A small circuit and its observables."""

    real = True  # the kernels are those of any other circuit: do not wait with them

    def __init__(self, sequel: Sequel):
        self._sequel = sequel
        self._is_real = sequel.is_real

    @cached_property
    def _real(self) -> Program:
        return as_program(as_turns(self._sequel, n_parts=1))

    @cached_property
    def _complex(self) -> Program:
        return as_program(as_turns(self._sequel, n_parts=2))

    def expectations(self, states: Any, theta: np.ndarray) -> np.ndarray:
        """Return the expectations, float64 of shape (n_samples, n_observables)."""
        return self._simulate(states, theta, kept=False)[0]

    def vjp(self, states: Any, theta: np.ndarray) -> tuple[np.ndarray, Callable]:
        """Return the expectations and the pullback."""
        E, saved = self._simulate(states, theta, kept=True)
        n_parameters = len(theta)

        def pullback(cotangent: np.ndarray) -> np.ndarray:
            gradient = np.zeros(n_parameters)
            _kernels().pull(*saved, plain_doubles(cotangent), gradient)
            return gradient

        return E, pullback

    def _simulate(self, states: Any, theta: np.ndarray, kept: bool) -> tuple:
        """Return the expectations, and what pulls their cotangents."""
        kernels = _kernels()
        numbers, places, n_samples, is_real = _as_doubles(states)
        program = self._real if is_real and self._is_real else self._complex
        integers, table = program.integers, program.numbers
        n_blocks, n_lanes = kernels.n_blocks_and_lanes(n_samples)
        height = numbers.shape[1] + program.n_rows
        E = np.empty((n_samples, program.n_observables))
        circuit = np.empty(program.shape)
        blocks = np.empty((n_blocks if kept else 1, height, n_lanes))
        theta = plain_doubles(theta)
        kernels.simulate(integers, table, theta, numbers, places, E, circuit, blocks)
        return E, (integers, table, circuit, blocks)


@cache
def _kernels() -> Any:
    """Import the kernels, and Numba, when a circuit is run."""
    from skqnn._engine import turn_kernels

    return turn_kernels


def _as_doubles(states: Any) -> tuple[np.ndarray, np.ndarray, int, bool]:
    """Return states as the kernels take them, with parts in turn if they are complex.

    Then their places, how many they are, and whether they are real. Kernels work on
    four numbers of a state at a time, so a single qubit is complex.
    """
    array, places = states if isinstance(states, Rows) else (states, _ALL)
    n_samples = len(array) if places is _ALL else len(places)
    is_real = array.dtype.kind == "f" and array.shape[1] > 2
    dtype = "d" if is_real else "D"
    if array.dtype.char != dtype or not array.flags.carray:
        array = array if places is _ALL else array[places]
        array, places = array.astype(dtype, order="C"), _ALL
    return array if is_real else array.view(np.float64), places, n_samples, is_real


def _matrices(observables: list) -> list[np.ndarray]:
    """Return the observables as matrices."""
    dimension, n_observables = observables[0][1].shape
    index = np.arange(dimension)
    matrices = np.zeros((n_observables, dimension, dimension), dtype=complex)
    for mask, weights in observables:
        matrices[:, index, index if mask is None else mask] += weights.T
    return list(matrices)
