"""The exact engine's inner loops, compiled by Numba.

They follow orders, see `orders`, on one block of samples after the other.
"""

import hashlib
import inspect
import marshal
import sys
from typing import NamedTuple

import numpy as np
from numba import njit

from skqnn._engine.measure import square_sums, weigh
from skqnn._engine.orders import (
    CONTRACT_UNROTATE,
    GATHER,
    LOAD,
    MEASURE,
    OVERLAP,
    REFLECT,
    SCATTER,
    UNRESCALE,
    UNROTATE,
    Schedule,
)
from skqnn._engine.phases import fold, rescale, unrescale
from skqnn._engine.transfers import load, move
from skqnn._engine.vectors import sweep
from skqnn._jit import jit


class Task(NamedTuple):
    """A circuit at one theta, as `run` needs it.

    Complex phases say that the states are complex, also where the samples are not.
    """

    schedule: Schedule
    n_work: int  # blocks of the workspace
    tables: np.ndarray  # (n_tables, n_rows), see `Layout`
    spread: np.ndarray | None  # (n_spread, n_rows, lanes), a row is of one sample only
    patterns: np.ndarray  # (2, n_patterns, size), see `Layout`
    phases: np.ndarray  # (n_phases, n_rows[, lanes]), real or complex
    folds: np.ndarray  # (n_folds, 4), of all layers with turns, see `strings.Fold`
    starts: np.ndarray  # (n_turned + 1,), the first fold of each of these layers
    alone: np.ndarray  # (n_turned, 1 + GROUP_BITS), what needs no folds in them
    tangents: np.ndarray  # (2, n_layers + 1, *qubits.shape[1:]), see `Layout`
    factors: np.ndarray  # (n_layers,)
    terms: np.ndarray  # (n_terms, 2), observable and mask, see `moves.Term`
    weights: np.ndarray  # (n_terms, n_rows[, lanes]), or signs after a reflection
    flip: int  # of rows of the final state, or of positions in the sweep so ordered;
    # higher bits are for lanes
    width: int  # lanes of a sample, 2 if it is complex


@njit(nogil=True, inline="always")
def _execute(pulled, task, states, samples, work, cotangents, E, block, out, over):
    """Follow orders on the blocks of `work`; derivatives are added to `out`, `over`.

    It is inlined, as a call with that many arguments would take as long as a pass.
    """
    passes, parts, orders, n_forward = task.schedule
    tables, spread, angles = task.tables, task.spread, task.tangents
    patterns = task.patterns
    n_rows = tables.shape[1]
    reflected = (task.weights, cotangents, E)
    for p in range(len(passes) if pulled else n_forward):
        apart = passes[p, 2]
        for start in range(0, n_rows, apart):
            for q in range(passes[p, 0], passes[p, 1]):
                chunk = parts[q, 2]
                for first in range(start, start + apart, chunk):
                    r = (first, first + chunk)
                    for i in range(parts[q, 0], parts[q, 1]):
                        kind, layer = orders[i, 0], orders[i, 1]
                        way = 1 if UNROTATE <= kind <= CONTRACT_UNROTATE else 0
                        at, to = (way, layer, orders[i, 2]), (layer, orders[i, 2])
                        of = (orders[i, 3], orders[i, 4], orders[i, 5])
                        by, n = (orders[i, 6], orders[i, 7]), orders[i, 8]
                        f = task.flip * orders[i, 9]
                        if kind <= REFLECT:
                            sweep(
                                kind,
                                work,
                                of,
                                tables,
                                spread,
                                by,
                                r,
                                n,
                                f,
                                orders[i, 10],
                                patterns,
                                angles,
                                at,
                                out,
                                to,
                                reflected,
                                block,
                            )
                        elif kind == LOAD:
                            v = task.phases
                            load(states, samples, work, of[1], r, angles, at, v)
                        elif kind == GATHER or kind == SCATTER:
                            far = kind - GATHER
                            move(work, of[:2], tables, spread, patterns, far, by, r)
                        elif kind == OVERLAP:
                            v, blocks = task.phases, (of[0], of[2], of[1])
                            factors, alone = task.factors, task.alone
                            unrescale(work, blocks, v, by, factors, layer, alone, over)
                            for k in range(task.starts[by[1]], task.starts[by[1] + 1]):
                                fold(work, of[1], task.folds, k, over)
                        elif kind == MEASURE:
                            pair, v = of[:2], (task.terms, task.weights)
                            if pulled:
                                weigh(work, pair, v, f, cotangents, E, block)
                            else:
                                square_sums(work, of[0], v, f, E, block)
                        else:
                            v, back = task.phases, kind == UNRESCALE
                            rescale(work, of[:2], v, by[0], task.factors, layer, back)


def code_hash(module):
    """Return a hash of a module's source, or of its code where there is no source.

    So it is in a frozen application, and in an archive of compiled modules.
    """
    try:
        code = inspect.getsource(module).encode()
    except OSError:
        code = marshal.dumps(module.__loader__.get_code(module.__name__))
    return hashlib.sha256(code).hexdigest()


def _build_run(hashes):
    """Return `run`.

    Numba's cache on disk knows the source of this module only. What a function has in
    its closure is part of the key, so here are the hashes of the other modules.
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
        out : ndarray of shape (n_out, *qubits.shape, lanes), see `Layout`
            The derivatives of block b by the angles are added to row ``b // per_row``.
            No rows: they are not calculated.
        over : ndarray of shape (n_out, n_strings, lanes)
            The overlaps with the Z strings in phases with parameters, likewise.

        E, `out` and `over` are float64, as long sums in float32 would lose digits.
        """
        hashes  # noqa: B018
        n_samples = E.shape[2] // task.width
        pulled = len(out) > 0
        samples, end = np.empty(n_samples, dtype=np.int64), len(places) - 1
        nowhere = np.empty((*out.shape[1:4], E.shape[2]), dtype=out.dtype)
        no_overlaps = np.empty((over.shape[1], E.shape[2]), dtype=over.dtype)
        for block in range(blocks[0], blocks[1]):
            for k in range(n_samples):
                samples[k] = places[min(block * n_samples + k, end)]
            row, overlaps = nowhere, no_overlaps
            if pulled:
                row, overlaps = out[block // per_row], over[block // per_row]
            _execute(
                pulled,
                task,
                states,
                samples,
                work,
                cotangents,
                E,
                block,
                row,
                overlaps,
            )

    return run


_USED = "emitter layout measure orders phases strings transfers vectors".split()
run = _build_run("".join(code_hash(sys.modules[f"skqnn._engine.{m}"]) for m in _USED))
