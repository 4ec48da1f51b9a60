"""Where on a device a circuit fits best: a beam search over its couplers.

A circuit that is already routed uses some qubits and couplers, and can run wherever the
device has couplers of the same shape. Its qubits are placed one by one, each next to
one that is placed, and the cheapest partial placements are carried on. For a chain of
eight qubits on a heavy-hexagonal device these are all chains that there are.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from skqnn._backends.kept_signal import Calibration, Usage

_WIDTH = 2000  # partial placements that are carried on


def placements(
    usage: Usage,
    used: Sequence[int],
    calibration: Calibration,
    n_best: int,
) -> list[tuple[list[int], float]]:
    """Return the cheapest ways to place the qubits of a routed circuit, best first.

    Parameters
    ----------
    usage : Usage
        Of the circuit, in gates of the device.
    used : sequence of int
        The qubits of the circuit that are to be placed.
    calibration : Calibration
        Of the device.
    n_best : int
        Length of the list, which is shorter if the device has not so many places.

    Returns
    -------
    placements : list of (where, cost)
        ``where[j]`` is the qubit of the device for ``used[j]``.
    """
    on_qubit = _qubit_costs(usage, calibration)
    on_pair = _pair_costs(usage, calibration)
    order = _order(used, on_pair)
    back = [order.index(q) for q in used]
    chosen, cost = np.zeros((1, 0), dtype=int), np.zeros(1)
    for v, qubit in enumerate(order):
        total = cost[:, None] + on_qubit[qubit]
        for u, other in enumerate(order[:v]):
            if (other, qubit) in on_pair:
                total += on_pair[other, qubit][chosen[:, u]]
        np.put_along_axis(total, chosen, np.inf, axis=1)
        row, place = np.nonzero(np.isfinite(total))
        cost = total[row, place]
        best = np.argsort(cost, kind="stable")[:_WIDTH]
        chosen = np.column_stack([chosen[row], place])[best]
        cost = cost[best]
    places = chosen[:n_best, back].tolist()
    return list(zip(places, cost.tolist(), strict=False))


def _qubit_costs(usage: Usage, calibration: Calibration) -> dict[int, np.ndarray]:
    """Return for each qubit of a circuit what it costs on each qubit of the device.

    A gate that a qubit of the device lacks costs nothing: others will replace it.
    """
    tables = _tables(calibration, 1)
    n_qubits = len(calibration.idle)
    costs: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(n_qubits))
    for (name, where), n in usage.gates.items():
        if len(where) == 1 and name in tables:
            costs[where[0]] += n * np.nan_to_num(tables[name], posinf=0)
    for q, time in usage.idle.items():
        costs[q] += time * calibration.idle
    for q, n in usage.readout.items():
        costs[q] += n * calibration.readout
    return costs


def _pair_costs(
    usage: Usage, calibration: Calibration
) -> dict[tuple[int, int], np.ndarray]:
    """Return for each pair of qubits of a circuit its costs on each of the device.

    A gate that a coupler lacks counts as the best one that it has; without one, the
    cost is infinite. The pairs are listed in both orders.
    """
    tables = _tables(calibration, 2)
    if not tables:  # a device of one qubit
        return {}
    anyhow = np.minimum.reduce([np.minimum(t, t.T) for t in tables.values()])
    costs: dict[tuple[int, int], np.ndarray] = {}
    for (name, where), n in usage.gates.items():
        if len(where) == 2:
            listed = tables[name] if name in tables else anyhow
            table = np.minimum(listed, listed.T)
            table = np.where(np.isfinite(table), table, anyhow)
            table[np.isfinite(table)] *= n  # a gate that nobody feels needs a coupler
            for pair in (where, where[::-1]):
                costs[pair] = costs.get(pair, 0) + table
    return costs


def _tables(calibration: Calibration, n_qubits: int) -> dict[str, np.ndarray]:
    """Return the costs of the gates on so many qubits, infinite where there is none."""
    shape = (len(calibration.idle),) * n_qubits
    tables: dict[str, np.ndarray] = defaultdict(lambda: np.full(shape, np.inf))
    for (name, where), cost in calibration.gates.items():
        if len(where) == n_qubits:
            tables[name][where] = cost
    return tables


def _order(
    used: Sequence[int], on_pair: dict[tuple[int, int], np.ndarray]
) -> list[int]:
    """Return the qubits of a circuit, each next to as many earlier ones as possible."""
    rest, order = list(used), list[int]()
    while rest:
        links = [sum((q, other) in on_pair for other in order) for q in rest]
        order.append(rest.pop(int(np.argmax(links))))
    return order
