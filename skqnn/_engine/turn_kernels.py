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
    n_blocks = -(-n_samples // _MOST_LANES) or 1
    return n_blocks, (-(-n_samples // (8 * n_blocks)) or 1) * 8


@_jit
def simulate(integers, numbers, theta, states, places, E, circuit, blocks):
    """Calculate the expectations of some states, and what `pull` needs.

    Results are stored where the caller has made place for them: compiled code takes
    longer to return an array than to take one.

    Parameters
    ----------
    integers, numbers : ndarray
        Those of `turns.Program`.
    theta : ndarray of shape (n_parameters,)
    states : ndarray of shape (n_states, n_parts * 2**n_qubits)
        Real parts, or real and imaginary parts in turn.
    places : ndarray of shape (n_samples,)
        The row of `states` of each sample; those of all in order, if empty.
    E : ndarray of shape (n_samples, n_observables), filled
    circuit : ndarray of shape (n_steps + n_rows, 2**n_qubits), filled
        Cosine and sine of each step, and below them the circuit. Its column i is what
        becomes of basis state i.
    blocks : ndarray of shape (n_blocks, states.shape[1] + n_rows, n_lanes), filled
        Samples before the circuit, below them after it. Sample i is lane
        ``i % n_lanes`` of block ``i // n_lanes``. If there is one block only, others
        take its place.
    """
    n_steps, n_rows, n_terms = integers[0, 0], numbers.shape[1], integers[0, 1]
    sources, weights = integers[0, 2], integers[0, 3]
    (n_samples, n_observables), width = E.shape, states.shape[1]
    _run(integers, numbers, theta, circuit)
    images = circuit[n_steps:]
    if width > images.shape[1]:
        images = _complex_images(images)
    n_lanes = blocks.shape[2]
    totals = np.empty((1, n_lanes))
    for first in range(0, n_samples, n_lanes):
        block = blocks[first // n_lanes % len(blocks)]
        final = block[width:]
        _load(block, states, places, first, n_samples)
        _transform(images, block, final)
        for k in range(n_observables):
            totals[:] = 0.0
            for m in range(n_terms):
                for r in range(n_rows):
                    weight = numbers[weights + m * n_observables + k, r]
                    source = np.uint64(integers[sources + m * n_rows + r, 0])
                    for s in range(n_lanes):
                        totals[0, s] += weight * final[r, s] * final[source, s]
            for s in range(min(n_lanes, n_samples - first)):
                E[first + s, k] = totals[0, s]


@_jit
def pull(integers, numbers, circuit, blocks, cotangent, gradient):
    """Calculate the gradient of ``sum(cotangent * E)``.

    Takes the arguments and the results of `simulate`, all blocks of them, the cotangent
    of shape (n_samples, n_observables), and the gradient, which is 0 before.
    """
    n_steps, n_rows, n_terms = integers[0, 0], numbers.shape[1], integers[0, 1]
    sources, weights = integers[0, 2], integers[0, 3]
    n_samples, n_observables = cotangent.shape
    n_lanes, width = blocks.shape[2], blocks.shape[1] - n_rows
    bras = np.empty((n_rows, width))  # what `images` are to `circuit`
    bras[:] = 0.0
    bra, factors = np.empty((n_rows, n_lanes)), np.empty((1, n_lanes))
    for first in range(0, n_samples, n_lanes):
        block = blocks[first // n_lanes]
        final = block[width:]
        bra[:] = 0.0
        for k in range(n_observables):
            for s in range(n_lanes):
                known = first + s < n_samples
                factors[0, s] = 2 * cotangent[first + s, k] if known else 0.0
            for m in range(n_terms):
                for r in range(n_rows):
                    weight = numbers[weights + m * n_observables + k, r]
                    source = np.uint64(integers[sources + m * n_rows + r, 0])
                    for s in range(n_lanes):
                        bra[r, s] += weight * factors[0, s] * final[source, s]
        _add_products(block, bra, bras)
    both = _side_by_side(circuit[n_steps:], bras)
    for s in range(n_steps - 1, -1, -1):
        matrix, start, stop = integers[s + 1, 0], integers[s + 1, 1], integers[s + 1, 2]
        if matrix < 0:
            cosine, sine = circuit[s, 0], circuit[s, 1]
            overlap = _turn_back(both, integers, start, stop, cosine, sine)
            gradient[integers[s + 1, 3]] += numbers[s, 1] * overlap
        else:
            _multiply(numbers, matrix, both, True)


@_part
def _load(samples, states, places, first, n_samples):
    """Fill the lanes of a block with samples; where none are left, with anything."""
    for s in range(samples.shape[1]):
        place = first + s if first + s < n_samples else 0
        place = places[place] if len(places) > 0 else place
        for j in range(states.shape[1]):
            samples[j, s] = states[place, j]


@_part
def _transform(images, samples, finals):
    """Store ``images @ samples``, by tiles of 2 x 4."""
    finals[:] = 0.0
    for r in range(0, finals.shape[0], 2):
        for j in range(0, images.shape[1], 4):
            a, b = images[r, j], images[r, j + 1]
            c, d = images[r, j + 2], images[r, j + 3]
            e, f = images[r + 1, j], images[r + 1, j + 1]
            g, h = images[r + 1, j + 2], images[r + 1, j + 3]
            for s in range(samples.shape[1]):
                x, y = samples[j, s], samples[j + 1, s]
                z, w = samples[j + 2, s], samples[j + 3, s]
                finals[r, s] += a * x + b * y + c * z + d * w
                finals[r + 1, s] += e * x + f * y + g * z + h * w


@_part
def _add_products(samples, bra, bras):
    """Add ``bra @ samples.T``, by tiles of 2 x 4."""
    for r in range(0, bra.shape[0], 2):
        for j in range(0, bras.shape[1], 4):
            a = b = c = d = e = f = g = h = 0.0
            for s in range(samples.shape[1]):
                x, y = samples[j, s], samples[j + 1, s]
                z, w = samples[j + 2, s], samples[j + 3, s]
                u, v = bra[r, s], bra[r + 1, s]
                a, b, c, d = a + x * u, b + y * u, c + z * u, d + w * u
                e, f, g, h = e + x * v, f + y * v, g + z * v, h + w * v
            products = (a, b, c, d), (e, f, g, h)
            for i in range(4):
                bras[r, j + i] += products[0][i]
                bras[r + 1, j + i] += products[1][i]


@_part
def _run(integers, numbers, theta, circuit):
    """Store cosines, sines and the circuit as `simulate` does."""
    n_steps = integers[0, 0]
    rows = circuit[n_steps:]
    rows[:] = 0.0
    for c in range(rows.shape[1]):
        rows[c, c] = 1.0
    for s in range(n_steps):
        matrix, start, stop = integers[s + 1, 0], integers[s + 1, 1], integers[s + 1, 2]
        if matrix < 0:
            half = numbers[s, 0] + numbers[s, 1] * theta[integers[s + 1, 3]]
            cosine, sine = math.cos(half), math.sin(half)
            circuit[s, 0], circuit[s, 1] = cosine, sine
            _turn(rows, integers, start, stop, cosine, sine)
        else:
            _multiply(numbers, matrix, rows, False)


@_part
def _turn(rows, pairs, start, stop, cosine, sine):
    """Turn pairs of rows in place."""
    for p in range(start, stop):
        i, j = np.uint64(pairs[p, 0]), np.uint64(pairs[p, 1])  # never negative
        for c in range(rows.shape[1]):
            x, y = rows[i, c], rows[j, c]
            rows[i, c] = cosine * x - sine * y
            rows[j, c] = sine * x + cosine * y


@_part
def _turn_back(both, pairs, start, stop, cosine, sine):
    """Turn pairs of rows in place, return the overlap of the turned with the others."""
    n, overlap = both.shape[1] // 2, 0.0
    for p in range(start, stop):
        i, j = np.uint64(pairs[p, 0]), np.uint64(pairs[p, 1])
        for c in range(n):
            x, y, u, v = both[i, c], both[j, c], both[i, n + c], both[j, n + c]
            overlap += v * x - u * y
            both[i, c] = cosine * x + sine * y
            both[j, c] = cosine * y - sine * x
            both[i, n + c] = cosine * u + sine * v
            both[j, n + c] = cosine * v - sine * u
    return overlap


@_part
def _multiply(numbers, matrix, rows, transposed):
    """Multiply rows in place; many entries of small unitaries are 0."""
    before = np.empty(rows.shape)
    for i in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            before[i, c] = rows[i, c]
            rows[i, c] = 0.0
    for i in range(rows.shape[0]):
        for j in range(rows.shape[0]):
            entry = numbers[matrix + j, i] if transposed else numbers[matrix + i, j]
            if entry != 0.0:
                for c in range(rows.shape[1]):
                    rows[i, c] += entry * before[j, c]


@_part
def _complex_images(circuit):
    """Return what the circuit does to every number of a complex state."""
    n_rows, dimension = circuit.shape
    images = np.empty((n_rows, 2 * dimension))
    for r in range(dimension):
        for c in range(dimension):
            images[r, 2 * c] = circuit[r, c]
            images[r, 2 * c + 1] = -circuit[dimension + r, c]  # i times that
            images[dimension + r, 2 * c] = circuit[dimension + r, c]
            images[dimension + r, 2 * c + 1] = circuit[r, c]
    return images


@_part
def _side_by_side(circuit, bras):
    """Return the circuit and its cotangents, the bras of its images, as one matrix."""
    n_rows, dimension = circuit.shape
    both = np.empty((n_rows, 2 * dimension))
    for r in range(n_rows):
        for c in range(dimension):
            both[r, c] = circuit[r, c]
    if bras.shape[1] == dimension:
        for r in range(n_rows):
            for c in range(dimension):
                both[r, dimension + c] = bras[r, c]
        return both
    for r in range(dimension):
        for c in range(dimension):
            real, imaginary = both[r], both[dimension + r]
            below = bras[dimension + r]
            real[dimension + c] = bras[r, 2 * c] + below[2 * c + 1]
            imaginary[dimension + c] = below[2 * c] - bras[r, 2 * c + 1]
    return both
