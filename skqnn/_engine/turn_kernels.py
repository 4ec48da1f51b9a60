"""The inner loops of small circuits, compiled by Numba: two calls for each step.

The circuit is applied to all basis states at once. Samples only meet the finished
matrix, and their cotangents are summed before they are pulled back through it. They are
lanes of blocks, so that processors work on several of them at a time.
"""

import math

import numpy as np

from skqnn._engine.turns import Turns
from skqnn._jit import jit

_FAST = {"contract", "nsz", "reassoc"}  # sums may be taken in several parts
_MOST_LANES = 128  # samples side by side, which stay in the cache
_jit = jit(fastmath=_FAST)


@_jit
def simulate(parts, theta, states, places, kept):
    """Return the expectations of some states, and what `pull` needs.

    Parameters
    ----------
    parts : tuple of ndarray
        Those of `Turns`; a plain tuple reaches compiled code sooner.
    theta : ndarray of shape (n_parameters,)
    states : ndarray of shape (n_states, n_parts * 2**n_qubits)
        Real parts, or real and imaginary parts in turn.
    places : ndarray of shape (n_samples,)
        The row of `states` of each sample.
    kept : bool
        Whether `pull` will be called.

    Returns
    -------
    E : ndarray of shape (n_samples, n_observables)
    circuit : ndarray of shape (n_rows, 2**n_qubits)
        Column i is what becomes of basis state i.
    finals : ndarray of shape (n_blocks, n_rows, n_lanes), or one block if not kept
        Sample i is lane ``i % n_lanes`` of block ``i // n_lanes``.
    """
    turns = Turns(*parts)
    n_terms, n_observables, n_rows = turns.weights.shape
    n_samples, width = len(places), states.shape[1]
    circuit = _run(turns, theta)
    images = _images(circuit, width)
    n_blocks, n_lanes = _blocks(n_samples)
    finals = np.empty((n_blocks if kept else 1, n_rows, n_lanes))
    samples, totals = np.zeros((width, n_lanes)), np.empty(n_lanes)
    E = np.empty((n_samples, n_observables))
    for block in range(n_blocks):
        first = block * n_lanes
        _load(samples, states, places, first)
        final = finals[block if kept else 0]
        _transform(images, samples, final)
        for k in range(n_observables):
            totals[:] = 0.0
            for m in range(n_terms):
                for r in range(n_rows):
                    weight, source = turns.weights[m, k, r], turns.sources[m, r]
                    for s in range(n_lanes):
                        totals[s] += weight * final[r, s] * final[source, s]
            for s in range(min(n_lanes, n_samples - first)):
                E[first + s, k] = totals[s]
    return E, circuit, finals


@_jit
def pull(parts, theta, states, places, circuit, finals, cotangent):
    """Return the gradient of ``sum(cotangent * E)``, shape (n_parameters,).

    Takes the arguments and the results of `simulate`, and the cotangent of shape
    (n_samples, n_observables).
    """
    turns = Turns(*parts)
    n_terms, n_observables, n_rows = turns.weights.shape
    n_samples, width, dimension = len(places), states.shape[1], turns.dimension
    n_blocks, _, n_lanes = finals.shape
    bras = np.zeros((width, n_rows))  # what `images` are to `circuit`
    samples, bra = np.zeros((width, n_lanes)), np.empty((n_rows, n_lanes))
    factors = np.zeros((n_observables, n_lanes))
    for block in range(n_blocks):
        first = block * n_lanes
        _load(samples, states, places, first)
        for k in range(n_observables):
            for s in range(n_lanes):
                known = first + s < n_samples
                factors[k, s] = 2 * cotangent[first + s, k] if known else 0.0
        bra[:] = 0.0
        for m in range(n_terms):
            for k in range(n_observables):
                for r in range(n_rows):
                    weight, source = turns.weights[m, k, r], turns.sources[m, r]
                    for s in range(n_lanes):
                        bra[r, s] += weight * factors[k, s] * finals[block, source, s]
        _add_products(samples, bra, bras)
    both = np.empty((n_rows, 2 * dimension))
    n_parts = width // dimension
    for r in range(n_rows):
        for c in range(dimension):
            both[r, c] = circuit[r, c]
            both[r, dimension + c] = bras[n_parts * c, r]
    if n_parts == 2:
        for r in range(dimension):
            for c in range(dimension):
                both[r, dimension + c] += bras[2 * c + 1, dimension + r]
                both[dimension + r, dimension + c] -= bras[2 * c + 1, r]
    gradient = np.zeros(len(theta))
    for s in range(len(turns.steps) - 1, -1, -1):
        matrix, start, stop, parameter = turns.steps[s]
        if matrix >= 0:
            both = _times(turns.matrices[matrix].T, both)
            continue
        half = turns.base[s] + turns.slope[s] * theta[parameter]
        overlap = 0.0
        for p in range(start, stop):
            i, j = turns.pairs[p, 0], turns.pairs[p, 1]
            for c in range(dimension):
                overlap += both[j, dimension + c] * both[i, c]
                overlap -= both[i, dimension + c] * both[j, c]
        gradient[parameter] += turns.slope[s] * overlap
        _turn(both, turns.pairs, start, stop, math.cos(half), -math.sin(half))
    return gradient


@_jit
def _blocks(n_samples):
    """Return how many blocks of how many lanes hold the samples."""
    n_blocks = -(-n_samples // _MOST_LANES)
    return n_blocks, -(-n_samples // (8 * max(1, n_blocks))) * 8


@_jit
def _load(samples, states, places, first):
    """Fill the lanes of a block with samples; where none are left, with anything."""
    for s in range(samples.shape[1]):
        place = places[min(first + s, len(places) - 1)]
        for j in range(samples.shape[0]):
            samples[j, s] = states[place, j]


@_jit
def _transform(images, samples, finals):
    """Store ``images.T @ samples``, by tiles of 2 x 2."""
    finals[:] = 0.0
    for r in range(0, finals.shape[0], 2):
        for j in range(0, samples.shape[0], 2):
            a, b = images[j, r], images[j + 1, r]
            c, d = images[j, r + 1], images[j + 1, r + 1]
            for s in range(samples.shape[1]):
                x, y = samples[j, s], samples[j + 1, s]
                finals[r, s] += a * x + b * y
                finals[r + 1, s] += c * x + d * y


@_jit
def _add_products(samples, bra, bras):
    """Add ``samples @ bra.T``, by tiles of 2 x 2."""
    for r in range(0, bra.shape[0], 2):
        for j in range(0, samples.shape[0], 2):
            a = b = c = d = 0.0
            for s in range(samples.shape[1]):
                x, y = samples[j, s], samples[j + 1, s]
                a += x * bra[r, s]
                b += y * bra[r, s]
                c += x * bra[r + 1, s]
                d += y * bra[r + 1, s]
            bras[j, r] += a
            bras[j + 1, r] += b
            bras[j, r + 1] += c
            bras[j + 1, r + 1] += d


@_jit
def _run(turns, theta):
    """Return the circuit as a matrix of shape (n_rows, 2**n_qubits)."""
    circuit = np.zeros((turns.weights.shape[2], turns.dimension))
    for c in range(turns.dimension):
        circuit[c, c] = 1.0
    for s in range(len(turns.steps)):
        matrix, start, stop, parameter = turns.steps[s]
        if matrix >= 0:
            circuit = _times(turns.matrices[matrix], circuit)
        else:
            half = turns.base[s] + turns.slope[s] * theta[parameter]
            _turn(circuit, turns.pairs, start, stop, math.cos(half), math.sin(half))
    return circuit


@_jit
def _turn(rows, pairs, start, stop, cosine, sine):
    """Turn pairs of rows in place."""
    for p in range(start, stop):
        i, j = pairs[p, 0], pairs[p, 1]
        for c in range(rows.shape[1]):
            x, y = rows[i, c], rows[j, c]
            rows[i, c] = cosine * x - sine * y
            rows[j, c] = sine * x + cosine * y


@_jit
def _times(matrix, rows):
    """Return matrix @ rows; many entries of small unitaries are 0."""
    product = np.zeros(rows.shape)
    for i in range(matrix.shape[0]):
        for j in range(matrix.shape[1]):
            entry = matrix[i, j]
            if entry != 0.0:
                for c in range(rows.shape[1]):
                    product[i, c] += entry * rows[j, c]
    return product


@_jit
def _images(circuit, width):
    """Return what the circuit does to every number of a state, (width, n_rows)."""
    n_rows, dimension = circuit.shape
    n_parts = width // dimension
    images = np.empty((width, n_rows))
    for c in range(dimension):
        for r in range(n_rows):
            images[n_parts * c, r] = circuit[r, c]
        if n_parts == 2:  # i times that
            for r in range(dimension):
                images[2 * c + 1, r] = -circuit[dimension + r, c]
                images[2 * c + 1, dimension + r] = circuit[r, c]
    return images
