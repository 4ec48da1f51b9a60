"""Sums over rows with the signs of Z strings, as few additions as they need.

A Walsh transform finds the sums of all strings in place: the two halves of the rows
become their sum and their difference, for strings without and with a Z on the highest
qubit, and each half is treated in the same way. Circuits need few strings, mostly those
of one qubit, and so does a half: where no string is left the rest is not calculated.
The lowest qubits come first, while rows are in registers: all strings of them, or only
those of one qubit if there are no others.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

GROUP_BITS = 4  # qubits that come first


class Fold(NamedTuple):
    """Replace two halves of some rows by their sum and their difference."""

    start: int  # rows start, ..., start + 2 half - 1
    half: int
    low: int  # where the total of the sums belongs, -1 if nobody asks for it
    high: int  # likewise of the differences


def folds(masks: list[int], n_rows: int, first: int = 0) -> list[Fold]:
    """Return the folds that find the sums of some Z strings, in their order.

    Groups of 2**GROUP_BITS neighbours are transformed already: the sum of a group with
    the signs of a string of its qubits is row ``string * n_groups + group``.

    Parameters
    ----------
    masks : list of int
        Bit q: there is a Z on qubit q; all different, none is 0.
    n_rows : int
        A power of two, at least two groups.
    first : int
        Where the sum of the first string belongs.
    """
    n_groups = n_rows >> GROUP_BITS
    places: dict[int, dict[int, int]] = {}  # of all strings that are alike in groups
    for k, mask in enumerate(masks):
        high, low = divmod(mask, 2**GROUP_BITS)
        places.setdefault(low, {})[high] = first + k
    return [
        fold
        for low, highs in places.items()
        for fold in _folds(highs, low * n_groups, n_groups)
    ]


def whole_folds(masks: list[int], n_rows: int) -> list[Fold]:
    """Return the folds for rows of which no group is transformed, see `folds`."""
    places = {mask: k for k, mask in enumerate(masks)}
    return list(_folds(places, 0, n_rows)) if places else []


def _folds(places: dict[int, int], start: int, n_rows: int) -> Iterator[Fold]:
    half = n_rows // 2
    low = {mask: place for mask, place in places.items() if not mask & half}
    high = {mask ^ half: place for mask, place in places.items() if mask & half}
    totals = low.pop(0, -1), high.pop(0, -1)
    yield Fold(start, half, *totals)
    if low:
        yield from _folds(low, start, half)
    if high:
        yield from _folds(high, start + half, half)


def lowest_alone(masks: list[int], first: int = 0) -> tuple[int, ...] | None:
    """Return where the sums of Z on each qubit of groups belong, -1 if nobody asks.

    None, if a string has such a qubit and another one.
    """
    lowest = {mask: first + k for k, mask in enumerate(masks) if mask % 2**GROUP_BITS}
    places = tuple(lowest.pop(1 << q, -1) for q in range(GROUP_BITS))
    return None if lowest else places


def fold_table(
    strings: np.ndarray, layers: Sequence[int], n_rows: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the folds that find the sums of all strings, layer by layer.

    Parameters
    ----------
    strings : ndarray of shape (n_strings, 2)
        The layers of the strings, in order, and their masks.
    layers : sequence of int
    n_rows : int
        A power of two.

    Returns
    -------
    table : ndarray of shape (n_folds, 4), see `Fold`
    starts : ndarray of shape (n_layers + 1,)
        The layer at place k has the folds starts[k], ..., starts[k + 1] - 1.
    alone : ndarray of shape (n_layers, 1 + GROUP_BITS)
        1 and `lowest_alone`, whose sums need no folds, or 0.
    """
    table: list[Fold] = []
    starts = [0]
    alone = np.zeros((len(layers), 1 + GROUP_BITS), dtype=np.int64)
    for layer, places in zip(layers, alone, strict=True):
        masks = strings[strings[:, 0] == layer, 1].tolist()
        first = int(np.searchsorted(strings[:, 0], layer))
        found = folds(masks, n_rows, first)
        if lowest := lowest_alone(masks, first):
            places[:] = 1, *lowest
            n_groups = n_rows >> GROUP_BITS
            found = [fold for fold in found if fold.start + 2 * fold.half <= n_groups]
        table += found
        starts.append(len(table))
    return np.array(table, dtype=np.int64).reshape(-1, 4), np.array(starts), alone
