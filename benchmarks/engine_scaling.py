"""How the exact engine's time grows with samples, qubits, layers and threads.

Value and gradient of a batch of amplitude rows, `real_amplitudes` with the parity
observable: every combination of 4 to 14 qubits, 1 to 100 layers, 1 to 4,096 samples,
both precisions, one and two threads. Then the peers of ``engine_speed.py`` at some of
these points. Writes tables, a plot and what it prints to
``benchmarks/results/engine_scaling*`` (about 20 minutes, half of it the peers)::

    python benchmarks/engine_scaling.py [--no-peers]

The roofline is the larger of two times, both measured in the same run: the flops of the
textbook (`_task.minimal_flops`) at the speed of a matrix product, and the bytes of the
samples, read once, at the speed of a dot product of long vectors. The kernels need 2
flops for a rotation instead of the textbook's 3, so a fraction may exceed 1.

One thread is timed in processor seconds. Two threads need wall time and an idle
machine: they are left out, and the output says so, while other processes use the
cores. Their roofline has twice the flops and the same bandwidth.
"""

import argparse
import csv
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from _machine import describe_machine
from _task import make_tasks, minimal_flops
from threadpoolctl import threadpool_limits

from skqnn._circuits.ansatz import build_ansatz
from skqnn._circuits.observables import as_observables
from skqnn._engine.statevector import StatevectorEngine

RESULTS = Path(__file__).parent / "results"
SEED = 0
QUBITS, REPS, SAMPLES = tuple(range(4, 15)), (1, 4, 20, 100), (1, 16, 256, 4096)
PEERS = ["--qubits", "4", "8", "11", "14", "--reps", "1", "4", "--samples", "64"]
SWEEPS = {  # column: the fixed values of the other two
    "n_samples": {"n_qubits": 11, "reps": 4},
    "n_qubits": {"reps": 4, "n_samples": 256},
    "reps": {"n_qubits": 11, "n_samples": 256},
}


class Point(NamedTuple):
    """One measurement."""

    engine: str  # "kernels" (Numba), or "numpy"
    n_qubits: int
    reps: int
    n_samples: int
    dtype: str
    n_threads: int


def points(threads: tuple[int, ...]) -> list[Point]:
    """Return all measurements; below 6 qubits the engine runs in NumPy anyway."""
    grid = itertools.product(QUBITS, REPS, SAMPLES, ("float64", "float32"), threads)
    chosen = [Point("kernels" if p[0] >= 6 else "numpy", *p) for p in grid]
    slow = itertools.product(QUBITS[2:], REPS[:-1], [256], ["float64"], [1])
    return chosen + [Point("numpy", *p) for p in slow]


def idle_threads() -> tuple[int, ...]:
    """Return the numbers of threads that can be measured now."""
    free = (os.cpu_count() or 1) - os.getloadavg()[0]
    return (1, 2) if free > 1.5 else (1,)


def fastest(function: Callable, clock: Callable, seconds: float) -> float:
    """Return the smallest time of a call, called for some seconds, at least once."""
    times = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = clock()
        function()
        times.append(clock() - start)
    return min(times)


def machine_speed(dtype: str) -> tuple[float, float]:
    """Return flops per second of a matrix product, bytes per second of a dot product.

    Both on one thread.
    """
    matrix = np.ones((1024, 1024), dtype=dtype)
    vector = np.ones(2**26 // matrix.itemsize, dtype=dtype)
    product = fastest(lambda: matrix @ matrix, time.process_time, 0.5)
    read = fastest(lambda: vector @ vector, time.process_time, 0.5)
    return 2 * 1024**3 / product, vector.nbytes / read


def measure(point: Point, speed: tuple[float, float], seconds: float) -> dict:
    """Return the seconds of one value and gradient, and its roofline over them."""
    n = point.n_qubits
    task = make_tasks(n, point.reps, point.n_samples, point.dtype, SEED)[True]
    circuit = build_ansatz("real_amplitudes", n, point.reps, "reverse_linear")
    engine = StatevectorEngine(circuit, as_observables(["Z" * n]))
    if point.engine == "numpy":
        engine._compiled = {}
    states, theta = engine.prepare(task.states), task.theta.astype(np.float64)
    cotangent = task.cotangent[:, None]
    os.environ["OMP_NUM_THREADS"] = str(point.n_threads)  # what the engine reads
    clock = time.process_time if point.n_threads == 1 else time.perf_counter
    engine.vjp(states[:1], theta)[1](cotangent[:1])
    took = fastest(lambda: engine.vjp(states, theta)[1](cotangent), clock, seconds)
    flops, bandwidth = speed
    roof = max(
        minimal_flops(task) / flops / point.n_threads, task.states.nbytes / bandwidth
    )
    return {
        "seconds": float(f"{took:.4g}"),
        "us_per_sample": float(f"{took / point.n_samples * 1e6:.4g}"),
        "roofline": round(roof / took, 3),
    }


def sweep(rows: list[dict], column: str, kind: tuple) -> list[dict]:
    """Return the rows of one kind in which only `column` varies."""
    fixed = SWEEPS[column] | dict(
        zip(("engine", "dtype", "n_threads"), kind, strict=True)
    )
    return [row for row in rows if all(row[k] == v for k, v in fixed.items())]


def kinds(rows: list[dict]) -> list[tuple]:
    """Return the combinations of engine, precision and threads."""
    found = {(r["engine"], r["dtype"], r["n_threads"]) for r in rows}
    return sorted(kind for kind in found if kind[0] == "kernels") + [
        ("numpy", "float64", 1)
    ]


def exponents(rows: list[dict]) -> list[str]:
    """Fit time ~ quantity**exponent to the upper half of each sweep, one thread."""
    quantities = {
        "n_samples": ("samples", lambda n: n),
        "n_qubits": ("amplitudes", lambda n: 2**n),
        "reps": ("layers and parameters", lambda n: n + 1),
    }
    lines = []
    for column, (name, quantity) in quantities.items():
        for kind in [kind for kind in kinds(rows) if kind[-1] == 1]:
            chosen = sorted(
                (quantity(r[column]), r["seconds"]) for r in sweep(rows, column, kind)
            )
            if len(chosen) > 2:
                x, y = np.log(np.array(chosen[(len(chosen) - 1) // 2 :])).T
                exponent = np.polyfit(x, y, 1)[0]
                lines.append(f"time ~ {name}**{exponent:.2f}  {kind}")
    return lines


def summary(rows: list[dict]) -> list[str]:
    """Return lines on the roofline and on what two threads gain."""
    lines = []
    times = {tuple(r[k] for k in Point._fields): r["seconds"] for r in rows}
    for dtype in ("float64", "float32"):
        chosen = [
            r
            for r in rows
            if r["engine"] == "kernels" and r["dtype"] == dtype and r["n_threads"] == 1
        ]
        text = ", ".join(
            f"{np.median([r['roofline'] for r in chosen if r['reps'] == reps]):.0%} at "
            f"reps={reps}"
            for reps in REPS
        )
        lines.append(f"{dtype}, one thread, median fraction of the roofline: {text}")
        gains = [
            seconds / times[(*key[:-1], 2)]
            for key, seconds in times.items()
            if key[0] == "kernels"
            and key[3:] in [(n, dtype, 1) for n in SAMPLES[2:]]
            and seconds > 0.01
            and (*key[:-1], 2) in times
        ]
        if gains:
            lines.append(
                f"{dtype}, two threads, {len(gains)} points of at least 256 samples "
                f"and 10 ms: median {np.median(gains):.2f} times as fast as one, worst "
                f"{min(gains):.2f}"
            )
    return lines


def plot(rows: list[dict], path: Path) -> None:
    """Draw time per sample, and the fraction of the roofline, for each sweep."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(11, 6), layout="constrained")
    for column, (upper, lower) in zip(SWEEPS, axes.T, strict=True):
        for kind in kinds(rows):
            mine = sorted(sweep(rows, column, kind), key=lambda r: r[column])
            x = [r[column] for r in mine]
            text = f"{kind[0]}, {kind[1]}, {kind[2]} thread(s)"
            upper.plot(x, [r["us_per_sample"] for r in mine], "o-", ms=3, label=text)
            lower.plot(x, [100 * r["roofline"] for r in mine], "o-", ms=3)
        fixed = ", ".join(f"{k}={v}" for k, v in SWEEPS[column].items())
        upper.set(yscale="log", ylabel="µs per sample", title=fixed)
        lower.set(xlabel=column, ylabel="% of the roofline", ylim=(0, None))
        for axis in (upper, lower):
            axis.grid(alpha=0.3)
            if column != "n_qubits":
                axis.set_xscale("log")
    axes[0, 0].legend(fontsize=7)
    figure.savefig(path, dpi=110)


def write(rows: list[dict], path: Path) -> None:
    """Write rows as CSV."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Measure all points, then the peers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seconds", type=float, default=0.3, help="spent on each point (default 0.3)"
    )
    parser.add_argument("--no-peers", action="store_true", help="only the engine")
    arguments = parser.parse_args()
    threads = idle_threads()
    lines = [describe_machine().replace(", one thread", ""), f"seed {SEED}"]
    if len(threads) == 1:
        lines.append("two threads: not measured, other processes use the cores")
    rows: list[dict] = []
    with threadpool_limits(1, user_api="blas"):
        speeds = {dtype: machine_speed(dtype) for dtype in ("float64", "float32")}
        for dtype, (flops, bandwidth) in speeds.items():
            lines.append(
                f"{dtype}: matrix product {flops / 1e9:.1f} GFLOP/s, dot product "
                f"{bandwidth / 1e9:.1f} GB/s"
            )
        print(*lines, sep="\n")
        for point in points(threads):
            row = measure(point, speeds[point.dtype], arguments.seconds)
            rows.append(point._asdict() | row)
            if len(rows) == 1:
                print(*rows[0])
            print(*rows[-1].values(), flush=True)
    ends = [*summary(rows), *exponents(rows)]
    print(*ends, sep="\n", flush=True)
    write(rows, RESULTS / "engine_scaling.csv")
    (RESULTS / "engine_scaling.txt").write_text("\n".join([*lines, *ends]) + "\n")
    plot(rows, RESULTS / "engine_scaling.png")
    if not arguments.no_peers:
        script = Path(__file__).with_name("engine_speed.py")
        table = RESULTS / "engine_scaling_peers.csv"
        command = [sys.executable, script, *PEERS, "--csv", table]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
