"""The exact engine's inner loops, compiled by Numba.

They follow the orders of `schedule` on one block of samples after the other.
"""

import inspect
import math
import sys
from typing import NamedTuple

import numpy as np
from numba import njit

from skqnn._engine.measure import square_sums, weigh
from skqnn._engine.phases import fold, rescale, unrescale
from skqnn._engine.schedule import (
    CONTRACT,
    CONTRACT_UNROTATE,
    LOAD,
    OVERLAP,
    REFLECT,
    UNRESCALE,
    UNROTATE,
    UNROTATE_CONTRACT,
    Schedule,
)
from skqnn._engine.vectors import load, sweep
from skqnn._jit import jit


class Rotations(NamedTuple):
    """Where the angles of a circuit are, as `bind` needs it."""

    qubits: np.ndarray  # (n_layers, n_sweeps, 4), -1 where there is no angle
    mirrors: np.ndarray  # the same, int; 1: a Z follows the rotation
    images: np.ndarray  # (n_layers, n_qubits, 2, 2), see `pauli_images`
    n_sweeps: np.ndarray  # (n_layers,)
    rescaled: np.ndarray  # (n_layers,) bool
    opened: bool  # whether the first layer is un-applied as all others are
    folded: bool  # whether the last layer is folded into a Pauli string


class Task(NamedTuple):
    """A circuit at one theta, as `run` needs it.

    Complex phases say that the states are complex, also where the samples are not.
    """

    forward: Schedule
    backward: Schedule
    final: int  # the block of the final state
    n_work: int  # blocks of the workspace
    tables: np.ndarray  # (n_tables, n_rows), see `Layout`
    phases: np.ndarray  # (n_phases, n_rows), real or complex
    folds: np.ndarray  # (n_folds, 4), of all layers with turns, see `strings.Fold`
    starts: np.ndarray  # (n_turned + 1,), the first fold of each of these layers
    tangents: np.ndarray  # (2, n_layers + 1, n_sweeps, 4), see `bind`
    factors: np.ndarray  # (n_layers,)
    terms: np.ndarray  # (n_terms, 2), observable and mask, see `moves.Term`
    weights: np.ndarray  # (n_terms, n_rows), of the signs after a reflection
    flip: int  # of rows of the final state, or of positions in the sweep so ordered
    width: int  # lanes of a sample, 2 if it is complex
    folded: bool


@jit
def bind(layout, angles, taped, tangents, slopes, factors, flips, overlaps):
    """Reduce all angles to at most 45 degrees and keep the books on the scale.

    A rotation by a quarter turn is a Pauli operator, which is pushed to the end of the
    circuit. A layer folded into a Pauli string is one reflection ``Z R(2 angle)`` for
    each qubit, and the Pauli operator is pushed to the states before that layer.
    Sweeps lack the factor cos(angle) of every rotation, so that states grow until they
    are rescaled.

    Parameters
    ----------
    layout : Rotations
    angles : ndarray of shape (n_layers, n_sweeps, 4)
        In radians, half of the angle of an RY gate.
    taped : bool
        Whether the states before the last sweeps are kept, or found by un-applying.
    tangents : ndarray of shape (2, n_layers + 1, n_sweeps, 4), filled
        Of the reduced angles, and of their negatives. Those after the last layer
        remain 0.
    slopes : ndarray of shape (n_layers, n_sweeps, 4), filled
        What derivatives must be multiplied by.
    factors : ndarray of shape (n_layers,), filled
        What states are multiplied by before a layer.
    flips : ndarray of shape (n_layers,), filled
        Before a layer, amplitude i stands for amplitude i ^ flips[layer].
    overlaps : ndarray of shape (n_layers,), filled
        What overlaps before the phases of a layer must be multiplied by.

    Returns
    -------
    x, z : int
        The final state, with a Pauli string that before the last layer, is X^x Z^z
        times the one found: amplitude i stands for amplitude i ^ x.
    odd : int
        The qubits where the Pauli string becomes X.
    scale : float
        What expectations must be multiplied by.
    """
    n_layers, n_sweeps, n_angles = angles.shape
    top, low, after = np.ones(n_layers), np.ones(n_layers), np.ones(n_layers)
    x, z, odd, growth, scale = 0, 0, 0, 1.0, 1.0
    for i in range(n_layers):
        flips[i] = x
        x, z = _push(layout.images[i], x, z)
        factors[i] = 1 / growth if layout.rescaled[i] else 1.0
        last = layout.n_sweeps[i] - 1
        folded = layout.folded and i == n_layers - 1
        for k in range(last + 1):
            is_top = k == last and last > 0
            for j in range(n_angles):
                qubit = layout.qubits[i, k, j]
                if qubit < 0:
                    continue
                # X and Z anticommute with the generator of a rotation.
                turn = -1 if (x ^ z) >> qubit & 1 else 1
                angle = turn * angles[i, k, j] * (2 if folded else 1)
                quarters = math.floor(angle / (math.pi / 2) + 0.5)
                angle -= quarters * (math.pi / 2)
                slopes[i, k, j] = turn
                is_odd = quarters & 1
                if folded:
                    # Z R(a) is X R(a - quarter turn) up to the sign. The sweep for the
                    # top qubits comes first, X after it: X R(a) = R(-a) X.
                    scale *= math.cos(angle) * (1 - (quarters + 1 & 2))
                    odd |= is_odd << qubit
                    angle = -angle if is_odd and not is_top else angle
                else:
                    cosines = top if is_top and (i > 0 or layout.opened) else low
                    cosines[i] *= math.cos(angle)
                    x, z = x ^ is_odd << qubit, z ^ is_odd << qubit
                    z ^= layout.mirrors[i, k, j] << qubit
                tangents[0, i, k, j] = math.tan(angle)
                tangents[1, i, k, j] = -math.tan(angle)
        growth *= factors[i] / (top[i] * low[i])
        after[i] = growth
    bras, kets = growth, growth / top[-1]
    if layout.folded:
        bras /= 2 * scale
    for i in range(n_layers - 1, -1, -1):
        if taped:  # they are kept
            kets = after[i] * top[i]
        for k in range(n_sweeps):
            for j in range(n_angles):
                slopes[i, k, j] *= top[i] / (kets * bras)
        bras *= factors[i] / (top[i] * low[i])
        kets *= factors[i] / low[i]
        if taped:
            before = after[i - 1] if i > 0 else 1.0
        else:
            before = kets
        overlaps[i] = 1 / (before * bras)
        kets /= top[i - 1]
    return x, z, odd, scale / growth**2


@jit
def _push(images, x, z):
    """Move the Pauli operator X^x Z^z through a permutation of basis states."""
    new_x = new_z = 0
    for q in range(len(images)):
        if x >> q & 1:
            new_x ^= images[q, 0, 0]
            new_z ^= images[q, 0, 1]
        if z >> q & 1:
            new_z ^= images[q, 1, 1]
    return new_x, new_z


@jit
def walsh(values):
    """Transform rows in place to their sums with the signs of each Z string."""
    for row in values:
        half = 1
        while half < len(row):
            for first in range(0, len(row), 2 * half):
                for i in range(first, first + half):
                    a, b = row[i], row[i + half]
                    row[i], row[i + half] = a + b, a - b
            half *= 2


@jit
def turn(strings, phases):
    """Multiply phases by exp(-i/2 sum of weights * Z strings); weights are overwritten.

    Both arrays have shape (n_layers, n_rows); the weights are at their masks.
    """
    walsh(strings)
    for k in range(len(phases)):
        for i in range(phases.shape[1]):
            angle = -0.5 * strings[k, i]
            phases[k, i] *= complex(math.cos(angle), math.sin(angle))


@njit(nogil=True)
def _execute(schedule, task, states, samples, work, cotangents, E, block, out, over):
    """Follow orders on the blocks of `work`; derivatives are added to `out`, `over`."""
    passes, orders = schedule.passes, schedule.orders
    w, t, a, n_rows = work, task.tables, task.tangents, task.tables.shape[1]
    c = (task.weights, cotangents, E)
    for p in range(len(passes)):
        chunk = passes[p, 2]
        for first in range(0, n_rows, chunk):
            r = (first, first + chunk)
            for i in range(passes[p, 0], passes[p, 1]):
                kind, layer = orders[i, 0], orders[i, 1]
                way = 1 if UNROTATE <= kind <= CONTRACT_UNROTATE else 0
                at, to = (way, layer, orders[i, 2]), (layer, orders[i, 2])
                of = (orders[i, 3], orders[i, 4], orders[i, 5])
                by, n = (orders[i, 6], orders[i, 7]), orders[i, 8]
                f = task.flip * orders[i, 9]
                if kind == LOAD:
                    load(states, samples, work, of[1], r, a, at, task.phases)
                elif kind <= UNROTATE and f > 0:
                    o = "flip rotate"
                    sweep(o, w, of, t, by, r, n, f, a, at, out, to, c, block)
                elif kind <= UNROTATE:
                    o = "rotate"
                    sweep(o, w, of, t, by, r, n, f, a, at, out, to, c, block)
                elif kind == CONTRACT:
                    o = "contract"
                    sweep(o, w, of, t, by, r, n, f, a, at, out, to, c, block)
                elif kind == UNROTATE_CONTRACT:
                    o = "rotate contract"
                    sweep(o, w, of, t, by, r, n, f, a, at, out, to, c, block)
                elif kind == CONTRACT_UNROTATE:
                    o = "contract rotate"
                    sweep(o, w, of, t, by, r, n, f, a, at, out, to, c, block)
                elif kind == REFLECT:
                    o = "rotate weigh contract"
                    sweep(o, w, of, t, by, r, n, f, a, at, out, to, c, block)
                elif kind == OVERLAP:
                    v, blocks = task.phases, (of[0], of[2], of[1])
                    unrescale(work, blocks, v, by[0], task.factors, layer)
                    for k in range(task.starts[by[1]], task.starts[by[1] + 1]):
                        fold(work, of[1], task.folds, k, over)
                else:
                    v, back = task.phases, kind == UNRESCALE
                    rescale(work, of[:2], v, by[0], task.factors, layer, back)


def _build_run(sources):
    """Return `run`.

    Numba's cache on disk knows the source of this module only. What a function has in
    its closure is part of the key, so here are the sources of the other modules.
    """

    @jit
    def run(task, states, places, blocks, work, cotangents, E, out, over, per_row):
        """Simulate some blocks of samples.

        Parameters
        ----------
        task : Task
        states : ndarray of shape (n_states, n_rows), real or complex
        places : ndarray of shape (n_samples,)
            The row of `states` of each sample.
        blocks : (first, last)
            The blocks of samples first, ..., last - 1 are simulated.
        work : ndarray of shape (n_work, block_size)
            The workspace: the tape, bras, other, now, see `schedule.Blocks`.
        cotangents, E : ndarray of shape (n_blocks, n_observables, lanes)
            The expectations are stored in E, which is 0 before. With a Pauli string,
            they are multiplied by the cotangents. A complex sample has two lanes.
        out : ndarray of shape (n_out, n_layers, n_sweeps, 4, lanes)
            The derivatives of block b by the angles are added to row ``b // per_row``.
            No rows: they are not calculated.
        over : ndarray of shape (n_out, n_strings, lanes)
            The overlaps with the Z strings in phases with parameters, likewise.
        """
        sources  # noqa: B018
        bras = len(work) - 3
        flip, folded, measured = task.flip, task.folded, (task.terms, task.weights)
        n_samples = E.shape[2] // task.width
        samples, end = np.empty(n_samples, dtype=np.int64), len(places) - 1
        nowhere = np.empty((*out.shape[1:4], E.shape[2]), dtype=E.dtype)
        no_overlaps = np.empty((over.shape[1], E.shape[2]), dtype=E.dtype)
        for block in range(blocks[0], blocks[1]):
            for k in range(n_samples):
                samples[k] = places[min(block * n_samples + k, end)]
            row, overlaps = nowhere, no_overlaps
            if len(out) > 0:
                row, overlaps = out[block // per_row], over[block // per_row]
            at = (states, samples, work, cotangents, E, block, row, overlaps)
            _execute(task.forward, task, *at)
            if len(out) > 0:
                if not folded:
                    pair = (task.final, bras)
                    weigh(work, pair, measured, flip, cotangents, E, block)
                _execute(task.backward, task, *at)
            elif not folded:
                square_sums(work, task.final, measured, flip, E, block)

    return run


_USED = ("emitter", "layout", "measure", "phases", "schedule", "strings", "vectors")
run = _build_run(
    "".join(inspect.getsource(sys.modules[f"skqnn._engine.{name}"]) for name in _USED)
)
