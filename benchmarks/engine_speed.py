"""Speed of the exact engine next to public simulators, in one run.

Value and gradient of a batch of amplitude-encoded samples: Z on all qubits after
``real_amplitudes(n_qubits, reps, entanglement="reverse_linear")``, and the gradient of
``sum_i c_i E_i``, on one core. Run with

    python benchmarks/engine_speed.py [--qubits 11] [--reps 1 4] [--csv speed.csv]

With ``--workloads`` what people run first is compared instead, textbook circuits and
complex ones, see `_workloads.py`: by default all of them.

Peers that cannot be imported are left out (``pip install -e ".[bench]"``; sQUlearn is
extra). Every result is compared with ours. All take turns, so that other load hits all
of them; at its turn each is called for at least 20 ms, and the smallest processor time
of a call counts.
"""

import argparse
import csv
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
from _any_circuit import PEERS as PEERS_OF_ANY_CIRCUIT
from _machine import cpu_seconds, describe_machine, installed_version, run_on_one_core
from _peers import PEERS, Peer
from _task import Result, Task, first_samples, make_tasks, minimal_flops
from _workloads import WORKLOADS, Workload, make_workload
from qiskit.circuit.library import real_amplitudes
from qiskit.quantum_info import SparsePauliOp

import skqnn
from skqnn._engine.statevector import StatevectorEngine

OURS, GEMM = "skqnn", "GEMM"
MIN_REPEATS = 3
TURN = 0.02  # seconds


def exact_engine(task: Task) -> Callable[[], Result]:
    """Return our own side of the comparison."""
    ansatz = real_amplitudes(
        task.n_qubits, reps=task.reps, entanglement="reverse_linear"
    )
    engine = StatevectorEngine(ansatz, [SparsePauliOp("Z" * task.n_qubits)])
    states = engine.prepare(task.states)
    theta = task.theta.astype(np.float64)

    def run() -> Result:
        values, pullback = engine.vjp(states, theta)
        return values[:, 0], pullback(task.cotangent[:, None])

    return run


def matrix_product(dtype) -> Callable[[], np.ndarray]:
    """Return a 1024 x 1024 matrix product: the roof of the arithmetic."""
    a, b = np.random.default_rng(0).normal(size=(2, 1024, 1024)).astype(dtype)
    return lambda: a @ b


def difference(result: Result, expected: Result) -> float:
    """Return the largest absolute difference of values and gradients."""
    pairs = zip(result, expected, strict=True)
    return max(float(np.max(np.abs(np.asarray(a) - b))) for a, b in pairs)


def set_up(name: str, peer: Peer, tasks: dict[bool, Task]):
    """Build a peer, warm it up and check its result.

    Returns (row, run), or (row, None) if the peer cannot be imported.
    """
    task = tasks[peer.takes_amplitudes]
    n_samples = min(peer.n_samples or len(task.states), len(task.states))
    scale = len(task.states) / n_samples
    task = first_samples(task, n_samples)
    row = {
        "peer": name,
        "version": installed_version(peer.distribution),
        "reps": task.reps,
        "scale": scale,
    }
    try:
        run = peer.build(task)
        result = run()
    except ImportError as error:
        return row | {"note": f"cannot be imported: {error}"}, None
    expected = exact_engine(task)()
    row["max_difference"] = difference(result, expected)
    double = peer.precision == "double" and task.states.dtype == np.float64
    tolerance = 1e-6 if double else 1e-4
    agrees = row["max_difference"] <= tolerance
    notes = [
        "" if agrees else f"DIFFERS by more than {tolerance}",
        "" if peer.takes_amplitudes else "angle-encoded",
        "" if scale == 1 else f"{n_samples} samples, extrapolated",
        "single precision" if peer.precision == "single" else "",
    ]
    return row | {"note": ", ".join(filter(None, notes))}, run


def take_turns(runs: dict[str, Callable], repeat: int, budget: float) -> dict:
    """Time all functions in turn; slow ones stop when their budget is spent.

    Returns the list of seconds for each name.
    """
    times = {name: [] for name in runs}
    for _ in range(repeat):
        for name, run in runs.items():
            if len(times[name]) < MIN_REPEATS or sum(times[name]) < budget:
                end = time.perf_counter() + TURN
                times[name].append(cpu_seconds(run))
                while time.perf_counter() < end:
                    times[name].append(cpu_seconds(run))
    return times


def compare(args: argparse.Namespace, n_qubits: int, reps: int):
    """Return one row per peer, ours first, and the roofline at one size."""
    tasks = make_tasks(n_qubits, reps, args.samples, args.dtype, args.seed)
    runs = {GEMM: matrix_product(args.dtype), OURS: exact_engine(tasks[True])}
    ours = {"peer": OURS, "version": skqnn.__version__, "reps": reps}
    rows = [ours | {"scale": 1, "max_difference": 0.0, "note": ""}]
    for name in args.peers:
        row, run = set_up(name, PEERS[name], tasks)
        rows.append(row)
        if run is not None:
            runs[name] = run
    for run in runs.values():
        run()
    times = take_turns(runs, args.repeat, args.budget)
    for row in rows:
        row |= {"n_qubits": n_qubits, "n_samples": args.samples, "dtype": args.dtype}
        if seconds := times.get(row["peer"]):
            row["ms"] = 1e3 * row["scale"] * min(seconds)
            row["median_ms"] = 1e3 * row["scale"] * statistics.median(seconds)
            row["repeats"] = len(seconds)
            row["ratio"] = row["ms"] / rows[0]["ms"]
    flops = minimal_flops(tasks[True])
    gflops = 2 * 1024**3 / min(times[GEMM]) / 1e9
    bound = flops / gflops / 1e6
    roofline = {
        "reps": reps,
        "gemm_gflops": gflops,
        "flops_per_amplitude": flops / tasks[True].states.size,
        "bound_ms": bound,
        "fraction": bound / rows[0]["ms"],
    }
    return rows, roofline


def our_workload(work: Workload) -> Callable[[], Result]:
    """Return our own side of the comparison for any circuit."""
    engine = StatevectorEngine(work.circuit, work.observables)

    def run() -> Result:
        values, pullback = engine.vjp(work.states, work.theta)
        return values, pullback(work.cotangent)

    for _ in range(20):  # complex circuits are compiled after the first few calls
        run()
    return run


def compare_workload(args: argparse.Namespace, name: str, n_qubits: int) -> dict:
    """Return one row: times in ms, how often ours fits in, the largest difference."""
    work = make_workload(name, n_qubits, args.dtype, args.seed)
    runs = {OURS: our_workload(work)}
    expected = runs[OURS]()
    row = {"workload": name, "n_qubits": n_qubits, "n_samples": len(work.states)}
    gaps = []
    for peer in args.peers:
        if build := PEERS_OF_ANY_CIRCUIT.get(peer):
            try:
                runs[peer] = build(work)
            except ImportError:
                continue
            gaps.append(difference(runs[peer](), expected))
    for peer, seconds in take_turns(runs, args.repeat, args.budget).items():
        row[peer] = 1e3 * min(seconds)
    return row | {"max_difference": max(gaps, default=0.0)}


def print_workloads(args: argparse.Namespace) -> list[dict]:
    """Print a line per workload: times and ratios to ours, below 1 where we lose."""
    rows = []
    peers = [peer for peer in args.peers if peer in PEERS_OF_ANY_CIRCUIT]
    heads = "".join(f"{f'{peer}, ms':>22}{'ratio':>8}" for peer in peers)
    print(f"{'':<26}{'qubits':>6}{'rows':>5}{'ours, ms':>10}{heads}{'max diff':>10}")
    for name in args.workloads or WORKLOADS:
        for n_qubits in WORKLOADS[name][3]:
            if n_qubits > args.max_qubits:
                continue
            row = compare_workload(args, name, n_qubits)
            rows.append(row)
            line = f"{name:<26}{n_qubits:>6}{row['n_samples']:>5}{row[OURS]:>10.3f}"
            for peer in peers:
                if peer in row:
                    ratio = row[peer] / row[OURS]
                    line += f"{row[peer]:>22.2f}{ratio:>7.1f}x"
                else:
                    line += f"{'-':>22}{'-':>8}"
            print(f"{line}{row['max_difference']:>10.0e}", flush=True)
    return rows


def print_tables(rows: list[dict], rooflines: list[dict]) -> None:
    """Print a line per peer with a column pair per depth, then ratios and roofline."""
    depths = [roofline["reps"] for roofline in rooflines]
    heads = "".join(f"{f'reps={r}, ms':>13}{'ratio':>10}" for r in depths)
    print(f"{'':<19}{'version':<9}{heads}{'max diff':>10}  note")
    for name in dict.fromkeys(row["peer"] for row in rows):
        own = {row["reps"]: row for row in rows if row["peer"] == name}
        first = own[depths[0]]
        line = f"{name:<19}{first['version'] or '-':<9}"
        for r in depths:
            timed = "ms" in own[r]
            line += f"{own[r]['ms']:>13.2f}" if timed else f"{'-':>13}"
            line += f"{own[r]['ratio']:>9.1f}x" if timed else f"{'-':>10}"
        gaps = [row["max_difference"] for row in own.values() if "ms" in row]
        line += f"{max(gaps):>10.0e}" if gaps else f"{'-':>10}"
        print(f"{line}  {max((row['note'] for row in own.values()), key=len)}")
    print()
    for roofline in rooflines:
        timed = [r for r in rows if r["reps"] == roofline["reps"] and "ms" in r]
        public = [r for r in timed if r["peer"] in PEERS and PEERS[r["peer"]].public]
        if public:
            best = min(public, key=lambda row: row["ms"])
            print(
                f"reps={roofline['reps']}: best public simulator {best['peer']}, "
                f"{best['ratio']:.1f} times our time"
            )
        print(
            f"reps={roofline['reps']}: {roofline['fraction']:.1%} of the roofline: "
            f"{roofline['flops_per_amplitude']:.0f} flops per amplitude at "
            f"{roofline['gemm_gflops']:.1f} GFLOP/s (GEMM) = "
            f"{roofline['bound_ms']:.3g} ms"
        )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--qubits", type=int, nargs="+", default=[11])
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--reps", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--dtype", choices=["float64", "float32"], default="float64")
    parser.add_argument("--peers", nargs="*", choices=[*PEERS], default=[*PEERS])
    parser.add_argument("--workloads", nargs="*", choices=[*WORKLOADS])
    parser.add_argument("--max-qubits", type=int, default=16, help="of workloads")
    parser.add_argument("--repeat", type=int, default=30, help="rounds of timing")
    parser.add_argument("--budget", type=float, default=4, help="seconds for a peer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="write settings and all rows to this file")
    parser.add_argument("--csv", help="write all rows to this file")
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    run_on_one_core()
    machine = describe_machine()
    print(machine)
    all_rows, all_rooflines = [], []
    if args.workloads is not None:
        all_rows = print_workloads(args)
        args.qubits = []
    for n_qubits in args.qubits:
        print(
            f"{n_qubits} qubits, {args.samples} samples, {args.dtype}, "
            f"seed {args.seed}, best of up to {args.repeat} rounds\n",
            flush=True,
        )
        results = [compare(args, n_qubits, reps) for reps in args.reps]
        rows = [row for table, _ in results for row in table]
        rooflines = [roofline for _, roofline in results]
        print_tables(rows, rooflines)
        print(flush=True)
        all_rows += rows
        all_rooflines += rooflines
    if args.json:
        record = {"machine": machine, **vars(args)}
        record |= {"rows": all_rows, "roofline": all_rooflines}
        with open(args.json, "w") as file:
            json.dump(record, file, indent=1)
    if args.csv:
        columns = list(dict.fromkeys(key for row in all_rows for key in row))
        with open(args.csv, "w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(all_rows)


if __name__ == "__main__":
    main()
