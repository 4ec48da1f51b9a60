"""The exact engine's inner loops, compiled by Numba.

They follow the orders of `_schedule` on one block of samples after the other.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from skqnn._schedule import CONTRACT, RESCALE, UNROTATE, UNROTATE_CONTRACT, Schedule
from skqnn._vectors import rescale, square_sums, sweep, transpose, weigh


class Rotations(NamedTuple):
    """Where the angles of a circuit are, as `bind` needs it."""

    qubits: np.ndarray  # (n_layers, n_sweeps, 4), -1 where there is no angle
    mirrors: np.ndarray  # the same, int; 1: a Z follows the rotation
    images: np.ndarray  # (n_layers, n_qubits, 2, 2), see `_program`
    n_sweeps: np.ndarray  # (n_layers,)
    rescaled: np.ndarray  # (n_layers,) bool


class Task(NamedTuple):
    """A circuit at one theta, as `run` needs it."""

    forward: Schedule
    backward: Schedule
    final: int  # the block of the final state
    n_work: int  # blocks of the workspace
    tables: np.ndarray  # (n_tables, n_rows), see `Layout`
    signs: np.ndarray  # (n_signs, n_rows)
    tangents: np.ndarray  # (2, n_layers, n_sweeps, 4), see `bind`
    factors: np.ndarray  # (n_layers,)
    weights: np.ndarray  # (n_observables, n_rows)
    flip: int


def _jit(function):
    """Compile without the GIL, with a cache on disk where one can be written."""
    try:
        return njit(function, nogil=True, cache=True)
    except RuntimeError:  # no directory for the cache
        return njit(function, nogil=True)


@_jit
def bind(layout, angles, taped, tangents, slopes, factors):
    """Reduce all angles to at most 45 degrees and keep the books on the scale.

    A rotation by a quarter turn is a Pauli operator, which is pushed to the end of the
    circuit. Sweeps lack the factor cos(angle) of every rotation, so that states grow
    until they are rescaled.

    Parameters
    ----------
    layout : Rotations
    angles : ndarray of shape (n_layers, n_sweeps, 4)
        In radians, half of the angle of an RY gate.
    taped : bool
        Whether the states before the last sweeps are kept, or found by un-applying.
    tangents : ndarray of shape (2, n_layers, n_sweeps, 4), filled
        Of the reduced angles, and of their negatives.
    slopes : ndarray of shape (n_layers, n_sweeps, 4), filled
        What derivatives must be multiplied by.
    factors : ndarray of shape (n_layers,), filled
        What states are multiplied by before a layer.

    Returns
    -------
    flip : int
        Final amplitude i stands for amplitude i ^ flip.
    growth : float
        The final states are this factor too large.
    """
    n_layers, n_sweeps, _ = angles.shape
    top, low, after = np.ones(n_layers), np.ones(n_layers), np.ones(n_layers)
    x, z, growth = 0, 0, 1.0
    for i in range(n_layers):
        x, z = _push(layout.images[i], x, z)
        factors[i] = 1 / growth if layout.rescaled[i] else 1.0
        last = layout.n_sweeps[i] - 1
        for k in range(last + 1):
            for j in range(4):
                qubit = layout.qubits[i, k, j]
                if qubit < 0:
                    continue
                # X and Z anticommute with the generator of a rotation.
                turn = -1 if (x ^ z) >> qubit & 1 else 1
                angle = turn * angles[i, k, j]
                quarters = math.floor(angle / (math.pi / 2) + 0.5)
                angle -= quarters * (math.pi / 2)
                slopes[i, k, j] = turn
                tangents[0, i, k, j] = math.tan(angle)
                tangents[1, i, k, j] = -math.tan(angle)
                cosines = top if k == last and last > 0 else low
                cosines[i] *= math.cos(angle)
                odd = quarters & 1
                x, z = x ^ odd << qubit, z ^ odd << qubit
                z ^= layout.mirrors[i, k, j] << qubit
        growth *= factors[i] / (top[i] * low[i])
        after[i] = growth
    bras, kets = growth, growth * top[-1]
    for i in range(n_layers - 1, -1, -1):
        if taped:
            kets = after[i] * top[i]
        for k in range(n_sweeps):
            for j in range(4):
                slopes[i, k, j] *= top[i] / (kets * bras)
        bras *= factors[i] / (top[i] * low[i])
        kets *= factors[i] / (low[i] * top[i - 1])
    return x, growth


@_jit
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


@_jit
def _execute(passes, orders, tables, angles, signs, factors, work, out):
    """Follow orders on the blocks of `work`; derivatives are added to `out`."""
    n_rows = tables.shape[1]
    for p in range(len(passes)):
        chunk = passes[p, 2]
        for first in range(0, n_rows, chunk):
            rows = (first, first + chunk)
            for i in range(passes[p, 0], passes[p, 1]):
                kind, layer = orders[i, 0], orders[i, 1]
                way = 0 if kind == 0 else 1
                at, to = (way, layer, orders[i, 2]), (layer, orders[i, 2])
                of = (orders[i, 3], orders[i, 4], orders[i, 5])
                by, bits = (orders[i, 6], orders[i, 7]), orders[i, 8]
                if kind <= UNROTATE:
                    o = "rotate"
                    sweep(o, work, of, tables, by, rows, bits, angles, at, out, to)
                elif kind == CONTRACT:
                    o = "contract"
                    sweep(o, work, of, tables, by, rows, bits, angles, at, out, to)
                elif kind == UNROTATE_CONTRACT:
                    o = "rotate contract"
                    sweep(o, work, of, tables, by, rows, bits, angles, at, out, to)
                elif kind == RESCALE:
                    rescale(work, of[:2], signs, by[0], factors, layer)
                else:
                    o = "contract rotate"
                    sweep(o, work, of, tables, by, rows, bits, angles, at, out, to)


@_jit
def run(task, states, places, blocks, work, cotangents, E, out, blocks_per_row):
    """Simulate some blocks of samples.

    Parameters
    ----------
    task : Task
    states : ndarray of shape (n_states, n_rows)
    places : ndarray of shape (n_samples,)
        The row of `states` of each sample.
    blocks : (first, last)
        The blocks of samples first, ..., last - 1 are simulated.
    work : ndarray of shape (n_work, block_size)
        The workspace: the tape, bras, other, now, see `_schedule.Blocks`.
    cotangents, E : ndarray of shape (n_blocks, n_observables, lanes)
        The expectations are stored in E.
    out : ndarray of shape (n_out, n_layers, n_sweeps, 4, lanes)
        The derivatives of block b by the angles are added to row
        ``b // blocks_per_row``. No rows: they are not calculated.
    """
    now, bras = len(work) - 1, len(work) - 3
    tables, signs, weights, flip = task.tables, task.signs, task.weights, task.flip
    angles, factors = task.tangents, task.factors
    forward, backward = task.forward, task.backward
    samples = np.empty(E.shape[2], dtype=np.int64)
    nowhere = np.empty((1, 1, 4, E.shape[2]), dtype=E.dtype)
    for block in range(blocks[0], blocks[1]):
        for lane in range(len(samples)):
            samples[lane] = places[min(block * len(samples) + lane, len(places) - 1)]
        transpose(states, samples, work, now)
        passes, orders = forward.passes, forward.orders
        _execute(passes, orders, tables, angles, signs, factors, work, nowhere)
        square_sums(work, task.final, weights, flip, E, block)
        if len(out) > 0:
            weigh(work, (task.final, bras), weights, flip, cotangents, block)
            passes, orders = backward.passes, backward.orders
            row = out[block // blocks_per_row]
            _execute(passes, orders, tables, angles, signs, factors, work, row)
