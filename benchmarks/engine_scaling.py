"""How the exact engine's time grows with samples, qubits, layers and threads.

Value and gradient of a batch of amplitude rows, `real_amplitudes` with the parity
observable. Each sweep varies one quantity. Writes a table, a plot and what it prints to
``benchmarks/results/engine_scaling.*``::

    python benchmarks/engine_scaling.py

Two fractions are given, both against a matrix product that takes turns with the engine:

- `nominal`: the work of the textbook (3 flops per amplitude and rotation, 2 for its
  derivative, 10 for the observable). It is no bound: the kernels need 2 flops for a
  rotation, so it may exceed 1.
- `utilisation`: the flops that the kernels do execute. It cannot exceed 1.

One thread is timed in processor seconds. Two threads need wall time and an idle
machine: they are left out, and the output says so, while other processes use the
cores. Their reference is twice the speed of one thread.
"""

import argparse
import csv
import os
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from _machine import describe_machine
from threadpoolctl import threadpool_limits

from skqnn._ansatz import build_ansatz
from skqnn._observables import as_observables
from skqnn._statevector import StatevectorEngine

RESULTS = Path(__file__).parent / "results"
SEED = 0


class Point(NamedTuple):
    """One measurement."""

    sweep: str
    engine: str  # "kernels" (Numba) or "numpy"
    n_qubits: int
    reps: int
    n_samples: int
    dtype: str
    n_threads: int


def points(threads: tuple[int, ...]) -> list[Point]:
    """Return all measurements, three sweeps around one point."""
    sweeps = [
        *(("qubits", n, 4, 256) for n in range(4, 15)),
        *(("layers", 11, reps, 64) for reps in (1, 2, 4, 10, 20, 50, 100)),
        *(("samples", 11, 1, 4**k) for k in range(7)),
    ]
    kinds = [("kernels", d, t) for d in ("float64", "float32") for t in threads]
    return [
        Point(sweep, engine, n, reps, size, dtype, n_threads)
        for sweep, n, reps, size in sweeps
        for engine, dtype, n_threads in [*kinds, ("numpy", "float64", 1)]
    ]


def idle_threads() -> tuple[int, ...]:
    """Return the numbers of threads that can be measured now."""
    free = (os.cpu_count() or 1) - os.getloadavg()[0]
    return (1, 2) if free > 1.7 else (1,)


def fastest_in_turn(functions: list, clock, seconds: float) -> list[float]:
    """Return the smallest time of each function; they take turns."""
    for function in functions:
        function()
    times: list[list[float]] = [[] for _ in functions]
    end = time.perf_counter() + seconds
    while len(times[0]) < 5 or time.perf_counter() < end:
        for function, taken in zip(functions, times, strict=True):
            start = clock()
            function()
            taken.append(clock() - start)
    return [min(taken) for taken in times]


def nominal_flops(point: Point) -> int:
    """Return the flops of the textbook: 65 n / 11 per amplitude, and 88 n / 11 more."""
    n = point.n_qubits
    return 5 * n + 10 + 8 * n * (point.reps - 1)


def executed_flops(point: Point) -> int:
    """Return the flops per amplitude of the kernels, a lower bound.

    A multiply-add per rotation forwards, per rotation backwards but in the first layer,
    and per derivative.
    """
    return 2 * point.n_qubits * (3 * (point.reps + 1) - 1)


def measure(point: Point, seconds: float) -> dict:
    """Return the seconds of one value and gradient, and the fractions."""
    rng = np.random.default_rng(SEED)
    n = point.n_qubits
    circuit = build_ansatz("real_amplitudes", n, point.reps, "reverse_linear")
    engine = StatevectorEngine(circuit, as_observables(["Z" * n]))
    if point.engine == "numpy":
        engine._compiled = None
    states = rng.normal(size=(point.n_samples, 2**n)).astype(point.dtype)
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    theta = rng.normal(size=circuit.num_parameters)
    cotangent = rng.normal(size=(point.n_samples, 1))
    matrix = np.ones((256, 256), dtype=point.dtype)
    product = np.empty_like(matrix)
    os.environ["OMP_NUM_THREADS"] = str(point.n_threads)  # what the engine reads
    clock = time.process_time if point.n_threads == 1 else time.perf_counter
    with threadpool_limits(1, user_api="blas"):
        took, reference = fastest_in_turn(
            [
                lambda: engine.vjp(states, theta)[1](cotangent),
                lambda: np.matmul(matrix, matrix, out=product),
            ],
            clock,
            seconds,
        )
    speed = point.n_threads * 2 * 256**3 / reference
    amplitudes = states.size
    return {
        "seconds": float(f"{took:.4g}"),
        "us_per_sample": float(f"{took / point.n_samples * 1e6:.4g}"),
        "product_gflops": round(speed / 1e9, 1),
        "nominal": round(nominal_flops(point) * amplitudes / speed / took, 3),
        "utilisation": round(executed_flops(point) * amplitudes / speed / took, 3),
        "gbytes_per_s": round(states.nbytes / took / 1e9, 2),
        "load": round(os.getloadavg()[0], 1),
    }


def skipped(point: Point) -> bool:
    """Tell whether a point would run in NumPy all the same, or take minutes."""
    below = point.engine == "kernels" and point.n_qubits < 6  # these run in NumPy
    slow = point.engine == "numpy" and point.reps > 20
    return below or slow


def exponents(rows: list[dict]) -> list[str]:
    """Fit time ~ quantity**exponent to the upper half of each sweep."""
    quantity = {
        "samples": lambda row: row["n_samples"],
        "qubits": lambda row: 2 ** row["n_qubits"],
        "layers": lambda row: row["reps"] + 1,
    }
    lines = []
    for sweep, of in quantity.items():
        kinds = {(row["engine"], row["dtype"], row["n_threads"]) for row in rows}
        for engine, dtype, n_threads in sorted(kinds):
            chosen = [
                (of(row), row["seconds"])
                for row in rows
                if (row["sweep"], row["engine"], row["dtype"], row["n_threads"])
                == (sweep, engine, dtype, n_threads)
            ]
            x, y = np.log(np.array(sorted(chosen)[len(chosen) // 2 :])).T
            name = {"qubits": "amplitudes", "layers": "layers and parameters"}
            lines.append(
                f"time ~ {name.get(sweep, sweep)}**{np.polyfit(x, y, 1)[0]:.2f}  "
                f"({engine}, {dtype}, {n_threads} thread(s))"
            )
    return lines


def plot(rows: list[dict], path: Path) -> None:
    """Draw time per sample, and the fraction of the roofline, for each sweep."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(11, 6), layout="constrained")
    columns = {"qubits": "n_qubits", "layers": "reps", "samples": "n_samples"}
    for (sweep, column), (upper, lower) in zip(columns.items(), axes.T, strict=True):
        labels = sorted({(r["engine"], r["dtype"], r["n_threads"]) for r in rows})
        for label in labels:
            keys = ("engine", "dtype", "n_threads")
            mine = [
                r
                for r in rows
                if r["sweep"] == sweep and tuple(r[k] for k in keys) == label
            ]
            x = [r[column] for r in mine]
            text = f"{label[0]}, {label[1]}, {label[2]} thread(s)"
            upper.plot(x, [r["us_per_sample"] for r in mine], "o-", ms=3, label=text)
            lower.plot(x, [r["utilisation"] for r in mine], "o-", ms=3)
        upper.set(yscale="log", ylabel="µs per sample")
        lower.set(xlabel=column, ylabel="utilisation", ylim=(0, None))
        for axis in (upper, lower):
            if sweep != "qubits":
                axis.set_xscale("log")
    axes[0, 0].legend(fontsize=7)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seconds", type=float, default=0.5, help="spent on each point (default 0.5)"
    )
    seconds = parser.parse_args().seconds
    threads = idle_threads()
    lines = [describe_machine().replace(", one thread", ""), f"seed {SEED}"]
    if len(threads) == 1:
        lines.append("two threads: not measured, other processes use the cores")
    print(*lines, sep="\n")
    rows: list[dict] = []
    for point in points(threads):
        if skipped(point):
            continue
        row = point._asdict() | measure(point, seconds)
        if not rows:
            print(*row)
        rows.append(row)
        print(*row.values(), flush=True)
    fits = exponents(rows)
    print(*fits, sep="\n")
    RESULTS.mkdir(exist_ok=True)
    with open(RESULTS / "engine_scaling.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    text = "\n".join([*lines, *fits]) + "\n"
    (RESULTS / "engine_scaling.txt").write_text(text)
    plot(rows, RESULTS / "engine_scaling.png")


if __name__ == "__main__":
    main()
