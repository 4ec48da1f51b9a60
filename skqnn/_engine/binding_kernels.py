"""What is calculated once for each theta and each gradient, compiled by Numba.

There are a few numbers for each angle, too few for NumPy: most of its calls would take
longer than their work. Tables are plain tuples, which reach compiled code sooner than
named ones, and loops are written out, which compile sooner than array expressions.
"""

import math

from skqnn._jit import jit

_MANY_TURNS = 64.0  # radians: the product with quarters below would be rounded


@jit
def bind(circuit, theta, taped, tangents, slopes, numbers, flips, weights):
    """Reduce all angles to at most 45 degrees and keep the books on the scale.

    A rotation by a quarter turn is a Pauli operator, which is pushed to the end of the
    circuit. A layer folded into a Pauli string is one reflection ``Z R(2 angle)`` for
    each qubit, and the Pauli operator is pushed to the states before that layer.
    Sweeps lack the factor cos(angle) of every rotation, so that states grow until they
    are rescaled.

    Parameters
    ----------
    circuit : tuple
        The members of `tables.Rotations`.
    theta : ndarray of shape (n_parameters,)
    taped : bool
        Whether the states before the last sweeps are kept, or found by un-applying.
    tangents : ndarray of shape (2, n_places), filled where angles are
        Of the reduced angles, and of their negatives.
    slopes : ndarray of shape (n_angles,), filled
        What derivatives must be multiplied by.
    numbers : ndarray of shape (5, n_layers), filled
        What states are multiplied by before each layer, what overlaps before its phases
        must be multiplied by, and the rest for work.
    flips : ndarray of shape (n_layers,), filled
        Before a layer, amplitude i stands for amplitude i ^ flips[layer].
    weights : ndarray of shape (1, n_rows), filled if the last layer is folded
        Of the measured term, see `kernels.Task`.

    Returns
    -------
    flip : int
        Rows of the final state are flipped, or positions, see `kernels.Task`.
    z : int
        The final state is Z^z times the one found.
    scale : float
        What expectations must be multiplied by.
    """
    layers, rotations, images, base, terms, slope = circuit[:6]
    folded, mask, coefficient, rows, shifts = circuit[6:]
    n_layers, factors, overlaps = len(layers), numbers[0], numbers[1]
    top, low, after = numbers[2], numbers[3], numbers[4]
    for k in range(len(base)):
        slopes[k] = base[k]
    for k in range(len(terms)):
        slopes[terms[k, 1]] += slope[k] * theta[terms[k, 2]]
    x, z, odd, growth, scale = 0, 0, 0, 1.0, 1.0
    for i in range(n_layers):
        flips[i] = x
        x, z = _push(images[i], x, z)
        factors[i] = 1 / growth if layers[i, 2] else 1.0
        top[i] = low[i] = 1.0
        reflects = folded and i == n_layers - 1
        for k in range(layers[i, 0], layers[i, 1]):
            place, qubit = rotations[k, 0], rotations[k, 1]
            is_top, mirror = rotations[k, 2], rotations[k, 3]
            # X and Z anticommute with the generator of a rotation.
            turn = -1 if (x ^ z) >> qubit & 1 else 1
            angle = turn * slopes[k] * (2 if reflects else 1)
            if abs(angle) > _MANY_TURNS:
                angle = math.atan2(math.sin(angle), math.cos(angle))
            quarters = math.floor(angle / (math.pi / 2) + 0.5)
            angle -= quarters * (math.pi / 2)
            slopes[k] = turn
            is_odd = quarters & 1
            cosine = math.cos(angle)
            if reflects:
                # Z R(a) is X R(a - quarter turn) up to the sign. The sweep for the top
                # qubits comes first, X after it: X R(a) = R(-a) X.
                scale *= cosine * (1 - (quarters + 1 & 2))
                odd |= is_odd << qubit
                angle = -angle if is_odd and not is_top else angle
            else:
                if is_top:
                    top[i] *= cosine
                else:
                    low[i] *= cosine
                x, z = x ^ is_odd << qubit, z ^ is_odd << qubit
                z ^= mirror << qubit
            tangents[0, place] = math.tan(angle)
            tangents[1, place] = -tangents[0, place]
        growth *= factors[i] / (top[i] * low[i])
        after[i] = growth
    bras, kets, sign = growth, growth / top[n_layers - 1], 1.0
    if folded:
        bras /= 2 * scale
        sign = coefficient * _sign(x & mask)
        x = 0
        for q in range(len(shifts)):
            if odd >> q & 1:
                x ^= shifts[q]
        for k in range(len(rows)):
            weights[0, k] = _sign(rows[k] & mask & ~odd)
    for i in range(n_layers - 1, -1, -1):
        if taped:  # they are kept
            kets = after[i] * top[i]
        for k in range(layers[i, 0], layers[i, 1]):
            slopes[k] *= sign * (top[i] / (kets * bras))
        bras *= factors[i] / (top[i] * low[i])
        kets *= factors[i] / low[i]
        if taped:
            before = after[i - 1] if i > 0 else 1.0
        else:
            before = kets
        overlaps[i] = sign / (before * bras)
        kets /= top[i - 1]
    return x, z, sign * scale / growth**2


@jit
def turn(table, theta, flips, overlaps, units, factors, rows):
    """Calculate the phases that depend on parameters.

    The diagonal ``exp(-i/2 weight Z)`` of a Z string has two values, and those of all
    strings of a layer are multiplied fold by fold: as sums over them are taken, in
    reverse.

    Parameters
    ----------
    table : tuple
        The strings, terms, slope and products of `tables.Phases`.
    theta : ndarray of shape (n_parameters,)
    flips, overlaps : ndarray of shape (n_layers,)
        Those found by `bind`.
    units : ndarray of shape (n_strings + 1,), complex, filled
        Phases for an even number of ones; the last stands for no string.
    factors : ndarray of shape (n_strings,), filled
        What the sums over overlaps must be multiplied by, 0 before.
    rows : ndarray of shape (n_bound, n_rows), multiplied by the phases
    """
    strings, terms, slope, folds = table
    for k in range(len(terms)):
        factors[terms[k, 1]] += slope[k] * theta[terms[k, 2]]
    for k in range(len(strings)):
        layer, mask = strings[k, 0], strings[k, 1]
        half = 0.5 * _sign(mask & flips[layer])
        angle = -half * factors[k]
        units[k] = complex(math.cos(angle), math.sin(angle))
        factors[k] = half * overlaps[layer]
    units[len(strings)] = 1.0
    for k in range(len(folds) - 1, -1, -1):
        row, start, size = folds[k, 0], folds[k, 1], folds[k, 2]
        a, b = units[folds[k, 3]], units[folds[k, 4]]
        for i in range(start, start + size):
            same, other = a * rows[row, i], b * rows[row, i + size]
            rows[row, i], rows[row, i + size] = same * other, same * other.conjugate()


@jit
def pull(terms, slope, slopes, rows, cotangent, width, signs, sums, factors, gradient):
    """Add the gradient by theta, from derivatives by numbers that are linear in it.

    Parameters
    ----------
    terms : ndarray of shape (n_terms, 3)
        The place of a number's derivatives in a row, the number, the parameter.
    slope : ndarray of shape (n_terms,)
    slopes : ndarray of shape (n_numbers,)
        What derivatives must be multiplied by.
    rows : ndarray of shape (n_rows, n_places, lanes)
        Sample after sample has `width` lanes; what is left of the last row is ignored.
    cotangent : ndarray of shape (n_samples, 1)
    width : int
    signs : ndarray of shape (at least lanes,)
        The cotangent of a lane is multiplied by its sign.
    sums : ndarray of shape (n_places,), 0 before
    factors : ndarray of shape (lanes,), for work
    gradient : ndarray of shape (n_parameters,), increased
    """
    n_rows, n_places, n_lanes = rows.shape
    n_samples, sample = len(cotangent), 0
    for row in range(n_rows):
        for first in range(0, n_lanes, width):
            factor = cotangent[sample, 0] if sample < n_samples else 0.0
            for lane in range(first, first + width):
                factors[lane] = signs[lane] * factor
            sample += 1
        for place in range(n_places):
            total = 0.0
            for lane in range(n_lanes):
                total += factors[lane] * rows[row, place, lane]
            sums[place] += total
    for k in range(len(terms)):
        value = slope[k] * slopes[terms[k, 1]] * sums[terms[k, 0]]
        gradient[terms[k, 2]] += value


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
def _sign(bits):
    """Return 1 for an even number of ones, -1 for an odd one."""
    bits ^= bits >> 16
    bits ^= bits >> 8
    bits ^= bits >> 4
    return -1.0 if 0b0110100110010110 >> (bits & 15) & 1 else 1.0
