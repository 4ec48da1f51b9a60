"""The inner loops of small circuits, compiled by Numba: two calls for each step.

The circuit is applied to all basis states at once. Samples only meet the finished
matrix, and their cotangents are summed before they are pulled back through it. They are
lanes of blocks, so that processors work on several of them at a time.
"""

import math

import numpy as np

from skqnn._jit import jit, jit_part

_FAST = {"contract", "nsz", "reassoc"}  # sums may be taken in several parts
_MOST_LANES = 128  # samples side by side, which stay in the cache
_jit = jit(fastmath=_FAST)
_part = jit_part(fastmath=_FAST)


def n_blocks_and_lanes(n_samples: int) -> tuple[int, int]:
    """Return how many blocks of how many lanes hold the samples."""
    n_samples = max(n_samples, 1)
    n_blocks = -(-n_samples // _MOST_LANES)
    return n_blocks, -(-n_samples // (8 * n_blocks)) * 8


@_jit
def simulate(parts, theta, states, places, E, circuit, finals):
    """Calculate the expectations of some states, and what `pull` needs.

    Results are stored where the caller has made place for them: compiled code takes
    longer to return an array than to take one.

    Parameters
    ----------
    parts : tuple of ndarray
        Those of `turns.Turns`; a plain tuple reaches compiled code sooner.
    theta : ndarray of shape (n_parameters,)
    states : ndarray of shape (n_states, n_parts * 2**n_qubits)
        Real parts, or real and imaginary parts in turn.
    places : ndarray of shape (n_samples,)
        The row of `states` of each sample.
    E : ndarray of shape (n_samples, n_observables), filled
    circuit : ndarray of shape (n_rows, 2**n_qubits), filled
        Column i is what becomes of basis state i.
    finals : ndarray of shape (n_blocks, n_rows, n_lanes), filled
        Sample i is lane ``i % n_lanes`` of block ``i // n_lanes``. If there is one
        block only, others take its place.
    """
    sources, weights = parts[6], parts[7]
    n_terms, n_observables, n_rows = weights.shape
    n_samples, width, n_lanes = len(places), states.shape[1], finals.shape[2]
    _run(parts, theta, circuit)
    images = _images(circuit, width)
    samples, totals = np.empty((width, n_lanes)), np.empty((1, n_lanes))
    for first in range(0, n_samples, n_lanes):
        _load(samples, states, places, first)
        final = finals[first // n_lanes % len(finals)]
        _transform(images, samples, final)
        for k in range(n_observables):
            totals[:] = 0.0
            for m in range(n_terms):
                for r in range(n_rows):
                    weight, source = weights[m, k, r], sources[m, r]
                    for s in range(n_lanes):
                        totals[0, s] += weight * final[r, s] * final[source, s]
            for s in range(n_lanes):
                if first + s < n_samples:
                    E[first + s, k] = totals[0, s]


@_jit
def pull(parts, theta, states, places, circuit, finals, cotangent, gradient):
    """Calculate the gradient of ``sum(cotangent * E)``.

    Takes the arguments and the results of `simulate`, all blocks of them, the cotangent
    of shape (n_samples, n_observables), and the gradient, which is 0 before.
    """
    dimension, steps, slope, base, pairs, matrices, sources, weights = parts
    n_terms, n_observables, n_rows = weights.shape
    n_samples, width = len(places), states.shape[1]
    n_lanes = finals.shape[2]
    bras = np.empty((width, n_rows))  # what `images` are to `circuit`
    bras[:] = 0.0
    samples, bra = np.empty((width, n_lanes)), np.empty((n_rows, n_lanes))
    factors = np.empty((n_observables, n_lanes))
    for first in range(0, n_samples, n_lanes):
        final = finals[first // n_lanes]
        _load(samples, states, places, first)
        for k in range(n_observables):
            for s in range(n_lanes):
                known = first + s < n_samples
                factors[k, s] = 2 * cotangent[first + s, k] if known else 0.0
        bra[:] = 0.0
        for m in range(n_terms):
            for k in range(n_observables):
                for r in range(n_rows):
                    weight, source = weights[m, k, r], sources[m, r]
                    for s in range(n_lanes):
                        bra[r, s] += weight * factors[k, s] * final[source, s]
        _add_products(samples, bra, bras)
    both = _side_by_side(circuit, bras)
    for s in range(len(steps) - 1, -1, -1):
        matrix, parameter = steps[s, 0], steps[s, 3]
        if matrix >= 0:
            _multiply(matrices[matrix], both, True)
            continue
        half = base[s] + slope[s] * theta[parameter]
        overlap = 0.0
        start, stop = steps[s, 1], steps[s, 2]
        for p in range(start, stop):
            i, j = pairs[p, 0], pairs[p, 1]
            for c in range(dimension):
                overlap += both[j, dimension + c] * both[i, c]
                overlap -= both[i, dimension + c] * both[j, c]
        gradient[parameter] += slope[s] * overlap
        _turn(both, pairs, start, stop, math.cos(half), -math.sin(half))


@_part
def _load(samples, states, places, first):
    """Fill the lanes of a block with samples; where none are left, with anything."""
    for s in range(samples.shape[1]):
        place = places[first + s if first + s < len(places) else 0]
        for j in range(samples.shape[0]):
            samples[j, s] = states[place, j]


@_part
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


@_part
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


@_part
def _run(parts, theta, circuit):
    """Store the circuit as a matrix of shape (n_rows, 2**n_qubits)."""
    dimension, steps, slope, base, pairs, matrices = parts[:6]
    circuit[:] = 0.0
    for c in range(dimension):
        circuit[c, c] = 1.0
    for s in range(len(steps)):
        matrix, parameter = steps[s, 0], steps[s, 3]
        if matrix >= 0:
            _multiply(matrices[matrix], circuit, False)
        else:
            half = base[s] + slope[s] * theta[parameter]
            start, stop = steps[s, 1], steps[s, 2]
            _turn(circuit, pairs, start, stop, math.cos(half), math.sin(half))


@_part
def _turn(rows, pairs, start, stop, cosine, sine):
    """Turn pairs of rows in place."""
    for p in range(start, stop):
        i, j = pairs[p, 0], pairs[p, 1]
        for c in range(rows.shape[1]):
            x, y = rows[i, c], rows[j, c]
            rows[i, c] = cosine * x - sine * y
            rows[j, c] = sine * x + cosine * y


@_part
def _multiply(matrix, rows, transposed):
    """Multiply rows in place; many entries of small unitaries are 0."""
    before = np.empty(rows.shape)
    for i in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            before[i, c] = rows[i, c]
            rows[i, c] = 0.0
    for i in range(rows.shape[0]):
        for j in range(rows.shape[0]):
            entry = matrix[j, i] if transposed else matrix[i, j]
            if entry != 0.0:
                for c in range(rows.shape[1]):
                    rows[i, c] += entry * before[j, c]


@_part
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


@_part
def _side_by_side(circuit, bras):
    """Return the circuit and its cotangents, the bras of `_images`, as one matrix."""
    n_rows, dimension = circuit.shape
    n_parts = bras.shape[0] // dimension
    both = np.empty((n_rows, 2 * dimension))
    for c in range(dimension):
        for r in range(n_rows):
            both[r, c] = circuit[r, c]
            both[r, dimension + c] = bras[n_parts * c, r]
        if n_parts == 2:
            for r in range(dimension):
                both[r, dimension + c] += bras[2 * c + 1, dimension + r]
                both[dimension + r, dimension + c] -= bras[2 * c + 1, r]
    return both
