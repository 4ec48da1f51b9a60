"""The beam search, beside all placements that there are."""

from itertools import permutations

import numpy as np
import pytest

from skqnn._backends.kept_signal import Calibration, Usage
from skqnn._backends.placement import placements

GRID = [(0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5), (5, 6)]
CHAIN = [(0, 1), (1, 2), (2, 3)]
STAR = [(0, 1), (0, 2), (0, 3)]
RING = [(0, 1), (1, 2), (2, 3), (3, 0)]


def make_calibration(rng, couplers=GRID):
    gates = {("cz", pair): rng.random() for pair in couplers}
    gates |= {("sx", (q,)): cost for q, cost in enumerate(0.1 * rng.random(7))}
    names = frozenset({"cz", "sx"})
    return Calibration(gates, names, {}, rng.random(7), rng.random(7))


def make_usage(pairs, rng):
    gates = {("cz", pair): rng.integers(1, 9) for pair in pairs}
    gates |= {("sx", (q,)): n for q, n in enumerate(rng.integers(0, 9, 4))}
    idle = dict(enumerate(rng.random(4)))
    return Usage(gates, idle, {0: 1.0, 2: 0.5})


def cost_of(where, usage, calibration):
    """Return the cost of qubits 0 to 3 on `where`, infinite without a coupler."""
    cost = 0.0
    for (name, qubits), n in usage.gates.items():
        place = name, tuple(where[q] for q in qubits)
        reverse = name, place[1][::-1]
        listed = calibration.gates
        cost += n * listed.get(place, listed.get(reverse, np.inf))
    for q in range(4):
        cost += usage.idle[q] * calibration.idle[where[q]]
        flips = usage.readout.get(q, 0.0) * calibration.readout[where[q]]
        cost += flips
    return cost


@pytest.mark.parametrize("pairs", [CHAIN, STAR, RING], ids=["chain", "star", "ring"])
@pytest.mark.parametrize("seed", range(3))
def test_best_places_are_those_of_brute_force(pairs, seed):
    rng = np.random.default_rng(seed)
    calibration, usage = make_calibration(rng), make_usage(pairs, rng)
    found = placements(usage, range(4), calibration, 3)
    every = [
        (cost_of(where, usage, calibration), list(where))
        for where in permutations(range(7), 4)
    ]
    expected = sorted(every)[:3]
    assert [where for where, _ in found] == [where for _, where in expected]
    assert [cost for _, cost in found] == pytest.approx([c for c, _ in expected])


def test_no_place_is_found_where_no_coupler_fits():
    rng = np.random.default_rng(0)
    triangle = make_usage([(0, 1), (1, 2), (2, 0)], rng)
    assert placements(triangle, range(4), make_calibration(rng), 3) == []


def test_gates_that_nobody_feels_need_a_coupler():
    rng = np.random.default_rng(0)
    calibration = make_calibration(rng)
    usage = Usage({("cz", (0, 1)): 0.0, ("sx", (0,)): 1.0}, {}, {0: 1.0})
    (where, cost), *_ = placements(usage, [0, 1], calibration, 1)
    assert tuple(sorted(where)) in GRID
    assert np.isfinite(cost)


def test_parts_that_are_not_coupled_are_placed_apart():
    rng = np.random.default_rng(0)
    calibration = make_calibration(rng)
    usage = make_usage([(0, 1), (2, 3)], rng)
    (where, cost), *_ = placements(usage, range(4), calibration, 1)
    assert len(set(where)) == 4
    assert cost == pytest.approx(cost_of(where, usage, calibration))


def test_qubits_are_placed_in_the_order_of_their_names():
    rng = np.random.default_rng(1)
    calibration, usage = make_calibration(rng), make_usage(CHAIN, rng)
    renamed = Usage(
        {
            (name, tuple(9 - q for q in qubits)): n
            for (name, qubits), n in usage.gates.items()
        },
        {9 - q: time for q, time in usage.idle.items()},
        {9 - q: n for q, n in usage.readout.items()},
    )
    (where, _), *_ = placements(usage, [0, 1, 2, 3], calibration, 1)
    (other, _), *_ = placements(renamed, [9, 8, 7, 6], calibration, 1)
    assert where == other


def test_a_gate_of_another_name_may_do_on_a_coupler():
    rng = np.random.default_rng(0)
    calibration = make_calibration(rng)
    mixed = {
        ("ecr" if place[1] == (5, 6) else place[0], place[1]): cost / 1000
        if place[1] == (5, 6)
        else cost
        for place, cost in calibration.gates.items()
    }
    usage = Usage({("cz", (0, 1)): 5.0}, {}, {})
    (where, _), *_ = placements(usage, [0, 1], calibration._replace(gates=mixed), 1)
    assert sorted(where) == [5, 6]
