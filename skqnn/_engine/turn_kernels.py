"""The inner loops of small circuits, compiled by Numba: two calls for each step.

The circuit is applied to all basis states at once. Samples only meet the finished
matrix, and their cotangents are summed before they are pulled back through it.
"""

import math

import numpy as np

from skqnn._jit import jit

_FAST = {"contract", "nsz", "reassoc"}  # sums may be taken in several parts
_jit = jit(fastmath=_FAST)


@_jit
def simulate(turns, theta, states, places, kept):
    """Return the expectations of some states, and what `pull` needs.

    Parameters
    ----------
    turns : Turns
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
    finals : ndarray of shape (n_samples, n_rows), or one row if not kept
    """
    n_terms, n_observables, n_rows = turns.weights.shape
    n_samples, width = len(places), states.shape[1]
    circuit = _run(turns, theta)
    images = _images(circuit, width)
    E = np.zeros((n_samples, n_observables))
    finals = np.empty((n_samples if kept else 1, n_rows))
    for i in range(n_samples):
        final, place = i if kept else 0, places[i]
        for r in range(n_rows):
            finals[final, r] = 0.0
        for j in range(width):
            amplitude = states[place, j]
            for r in range(n_rows):
                finals[final, r] += amplitude * images[j, r]
        for m in range(n_terms):
            for k in range(n_observables):
                total = 0.0
                for r in range(n_rows):
                    other = finals[final, turns.sources[m, r]]
                    total += turns.weights[m, k, r] * finals[final, r] * other
                E[i, k] += total
    return E, circuit, finals


@_jit
def pull(turns, theta, states, places, circuit, finals, cotangent):
    """Return the gradient of ``sum(cotangent * E)``, shape (n_parameters,).

    Takes the arguments and the results of `simulate`, and the cotangent of shape
    (n_samples, n_observables).
    """
    n_terms, n_observables, n_rows = turns.weights.shape
    n_samples, width, dimension = len(places), states.shape[1], turns.dimension
    bras = np.zeros((width, n_rows))  # what `images` are to `circuit`
    bra = np.empty(n_rows)
    for i in range(n_samples):
        for r in range(n_rows):
            bra[r] = 0.0
        for m in range(n_terms):
            for k in range(n_observables):
                factor = 2 * cotangent[i, k]
                for r in range(n_rows):
                    other = finals[i, turns.sources[m, r]]
                    bra[r] += factor * turns.weights[m, k, r] * other
        for j in range(width):
            amplitude = states[places[i], j]
            for r in range(n_rows):
                bras[j, r] += amplitude * bra[r]
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
    product = np.zeros_like(rows)
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
