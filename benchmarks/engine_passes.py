"""Where the time of the exact engine goes: its passes, one by one.

    python benchmarks/engine_passes.py [--qubits 11] [--reps 1 4] [--rounds 40]

Value and gradient of 256 rows, the first workload of `engine_speed.py`. The schedule is
cut off after each pass in turn, and what another pass takes longer is its time. Next to
it stands what its flops would take at the speed of a large matrix product: two for each
amplitude and qubit that is rotated or compared. Processor time on one core, the least
of some rounds, in which all take turns and are called a few times in a row.
"""

import argparse

import numpy as np
from _machine import cpu_seconds, describe_machine, run_on_one_core
from _task import make_tasks, minimal_flops
from engine_speed import matrix_product
from qiskit.circuit.library import real_amplitudes
from qiskit.quantum_info import SparsePauliOp

from skqnn._arrays import as_rows
from skqnn._engine.compiled import Compiled
from skqnn._engine.orders import (
    CONTRACT,
    CONTRACT_UNROTATE,
    LOAD,
    REFLECT,
    ROTATE,
    UNROTATE,
    UNROTATE_CONTRACT,
    Order,
    Schedule,
)
from skqnn._engine.statevector import StatevectorEngine

N_SAMPLES = 256
CALLS = 5
NAMES = {
    LOAD: "load and rotate",
    ROTATE: "rotate",
    UNROTATE: "rotate back",
    CONTRACT: "compare",
    UNROTATE_CONTRACT: "rotate back and compare",
    CONTRACT_UNROTATE: "compare and rotate back",
    REFLECT: "reflect and compare",
}
TIMES_TWO = {UNROTATE_CONTRACT, CONTRACT_UNROTATE, REFLECT}  # flops


def orders_of(schedule: Schedule, p: int) -> list[Order]:
    """Return the orders of a pass."""
    first, last, _ = schedule.passes[p]
    start, stop = schedule.parts[first, 0], schedule.parts[last - 1, 1]
    return [Order(*row) for row in schedule.orders[start:stop].tolist()]


def flops(orders: list[Order], n_qubits: int) -> float:
    """Return the flops of some orders for all samples."""
    per_row = [2 * o.n_bits * (1 + (o.kind in TIMES_TWO)) for o in orders]
    return sum(per_row) * N_SAMPLES * 2.0**n_qubits


def measure(n_qubits: int, reps: int, rounds: int) -> None:
    """Print the passes of one circuit."""
    task = make_tasks(n_qubits, reps, N_SAMPLES, "float64", 0)[True]
    ansatz = real_amplitudes(n_qubits, reps=reps, entanglement="reverse_linear")
    engine = StatevectorEngine(ansatz, [SparsePauliOp("Z" * n_qubits)])
    kernels, rows = engine._compiled["f"], as_rows(engine.prepare(task.states))
    if not isinstance(kernels, Compiled):
        raise SystemExit("--qubits must be at least 6: below there are no passes")
    theta = task.theta.astype(np.float64)
    bound = kernels._bind(theta, rows, pulled=True)

    schedule = bound.task.schedule

    def run_until(n_passes):
        cut = schedule._replace(passes=np.ascontiguousarray(schedule.passes[:n_passes]))
        some = bound._replace(task=bound.task._replace(schedule=cut))
        return lambda: kernels._run(some, rows, 1)

    def whole():
        _, pullback = engine.vjp(rows, theta)
        pullback(task.cotangent[:, None])

    n_passes = len(schedule.passes)
    runs = [*(run_until(n) for n in range(n_passes + 1)), whole]
    product = matrix_product("float64")
    seconds = [
        [min(cpu_seconds(run) for _ in range(CALLS)) for run in runs]
        for _ in range(rounds)
    ]
    *until, total = np.min(seconds, axis=0)
    rate = 2 * 1024**3 / min(cpu_seconds(product) for _ in range(CALLS))
    passes = [orders_of(schedule, p) for p in range(n_passes)]
    print(f"\n{n_qubits} qubits, reps={reps}       ms  as a GEMM, ms")
    for orders, step in zip(passes, np.diff(until), strict=True):
        bound_ms = 1e3 * flops(orders, n_qubits) / rate
        text = "; ".join(f"{NAMES[o.kind]} {o.n_bits}" for o in orders)
        print(f"{1e3 * step:>22.3f}{bound_ms:>16.3f}  {text}")
    counted = sum(flops(orders, n_qubits) for orders in passes)
    least = 1e3 * counted / rate
    print(f"{1e3 * (until[-1] - until[0]):>22.3f}{least:>16.3f}  all passes")
    print(f"{1e3 * (total - until[-1] + until[0]):>22.3f}{0:>16.3f}  around them")
    ours, textbook = (n / task.states.size for n in (counted, minimal_flops(task)))
    print(
        f"{ours:.0f} flops per amplitude; a roofline of engine_speed.py: {textbook:.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--qubits", type=int, default=11)
    parser.add_argument("--reps", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--rounds", type=int, default=40)
    args = parser.parse_args()
    run_on_one_core()
    print(describe_machine())
    for reps in args.reps:
        measure(args.qubits, reps, args.rounds)


if __name__ == "__main__":
    main()
