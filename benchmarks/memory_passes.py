"""Large circuits: what their passes over memory would take at the speed of a copy.

    python benchmarks/memory_passes.py [--rounds 9]

Value and gradient of 8 rows, the last workloads of `_workloads.py`. Blocks of states
beyond the caches are read and written again in each pass of the kernels' schedule. A
pass reads each block that it needs once and writes each that it changes once; what is
written without having been read is fetched all the same. A copy of 64 MiB is counted
alike. The quotient is the least time, if arithmetic cost nothing and no row were out of
order; what the flops of the textbook take at the speed of a matrix product stands next
to it. Processor time on one core, the smallest of some rounds.
"""

import argparse

import numpy as np
from _machine import cpu_seconds, describe_machine, run_on_one_core
from _workloads import make_workload
from engine_speed import matrix_product, our_workload

from skqnn._engine.layout import vector_bytes
from skqnn._engine.orders import (
    CONTRACT,
    CONTRACT_UNROTATE,
    LOAD,
    OVERLAP,
    REFLECT,
    UNROTATE_CONTRACT,
    Order,
    Schedule,
)
from skqnn._engine.statevector import StatevectorEngine

CASES = {
    "real": ("few rows, real ansatz", (16, 18, 20)),
    "complex": ("few rows, su2 ansatz", (16, 18)),
}
COMPARING = {CONTRACT, UNROTATE_CONTRACT, CONTRACT_UNROTATE, OVERLAP, REFLECT}  # kets
COPIED = 2**26  # bytes


def blocks_moved(schedule: Schedule) -> int:
    """Return how many blocks the passes of a schedule read, write and fetch."""
    moved = 0
    for first, last, _ in schedule.passes:
        start, stop = schedule.parts[first, 0], schedule.parts[last - 1, 1]
        read: set[int] = set()
        written: set[int] = set()
        for order in (Order(*row) for row in schedule.orders[start:stop]):
            sources = {order.source}
            if order.kind in COMPARING:
                sources.add(order.kets)
            if order.kind == LOAD:
                moved += 1  # the samples
                sources = set()
            read |= sources - written
            if order.kind != CONTRACT:
                written.add(order.target)
            if order.kind == OVERLAP:
                written.add(order.source)
        moved += len(read) + len(written) + len(written - read)
    return moved


def flops(n_qubits: int, reps: int, n_samples: int) -> float:
    """Return the flops of `_task.minimal_flops` for a real circuit of this size."""
    per_amplitude = 3 * n_qubits * (2 * reps - 1) + 2 * n_qubits * reps + 10
    return per_amplitude * n_samples * 2.0**n_qubits


def measure(kind: str, name: str, n_qubits: int, rounds: int) -> str:
    """Return one line of the table."""
    work = make_workload(name, n_qubits, "float64", 0)
    engine = StatevectorEngine(work.circuit, work.observables)
    binding = engine._compiled["f"].binding(work.states.dtype)
    run, product = our_workload(work), matrix_product("float64")
    a, b = np.ones((2, COPIED // 8))
    seconds = [
        [cpu_seconds(f) for f in (run, lambda: np.copyto(a, b), product)]
        for _ in range(rounds)
    ]
    ours, copy, gemm = np.min(seconds, axis=0)
    width = 1 if kind == "real" else 2
    width *= binding.n_lanes
    n_blocks = len(work.states) * width * 8 // vector_bytes()
    block = 2**n_qubits // binding.n_lanes * vector_bytes()
    schedule = binding._schedule[True]
    n_bytes = blocks_moved(schedule) * n_blocks * block
    n_passes = len(schedule.passes)
    bound = n_bytes / (3 * COPIED / copy)
    line = f"{kind:<8}{n_qubits:>7}{n_passes:>8}{n_bytes / 1e6:>10.0f}"
    line += f"{1e3 * bound:>15.1f}"
    if kind == "real":
        rate = 2 * 1024**3 / gemm
        line += f"{1e3 * flops(n_qubits, 2, len(work.states)) / rate:>15.1f}"
    else:
        line += f"{'':>15}"
    states = work.states.nbytes * (1 if kind == "real" else 2)  # when simulated
    held = binding._n_work[True] * block / states
    return f"{line}{1e3 * ours:>10.1f}{held:>20.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    run_on_one_core()
    print(describe_machine())
    print(
        "         qubits  passes  MB moved  as a copy, ms  as a GEMM, ms  ours, ms"
        "  workspace / states"
    )
    for kind, (name, sizes) in CASES.items():
        for n_qubits in sizes:
            print(measure(kind, name, n_qubits, rounds), flush=True)


if __name__ == "__main__":
    main()
