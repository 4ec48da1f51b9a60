"""States of many rows under `zz_feature_map(n_qubits, reps=2)`, on one core.

    python benchmarks/feature_maps.py [--qubits 4 6 8 10] [--rows 256]

Next to Qiskit's `Statevector`, row by row; states are compared first, up to the global
phase. Compiling the circuit happens once for each model and is listed apart. The
smallest processor time of several calls counts.
"""

import argparse

import numpy as np
from _machine import cpu_seconds, describe_machine, run_on_one_core
from qiskit.circuit.library import zz_feature_map
from qiskit.quantum_info import Statevector

from skqnn._engine.feature_map import FeatureMap

PEER_ROWS = 16  # simulated by the peer, whose time is extrapolated


def largest_difference(circuit, X, states) -> float:
    """Return the largest difference from Qiskit's states."""
    gaps = []
    for row, state in zip(X, states, strict=True):
        expected = Statevector(circuit.assign_parameters(row)).data
        phase = np.vdot(expected, state)
        gaps.append(np.max(np.abs(state - phase / abs(phase) * expected)))
    return float(max(gaps))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--qubits", type=int, nargs="+", default=[4, 6, 8, 10])
    parser.add_argument("--rows", type=int, default=256)
    args = parser.parse_args()
    run_on_one_core()
    print(describe_machine())
    print("qubits  compile, ms  encode, ms  Qiskit, ms   ratio  difference")
    for n_qubits in args.qubits:
        circuit = zz_feature_map(n_qubits, reps=2)
        X = np.random.default_rng(0).uniform(0, 1, (args.rows, n_qubits))
        compile_time = cpu_seconds(lambda circuit=circuit: FeatureMap(circuit))
        encoded = FeatureMap(circuit)
        few = X[:PEER_ROWS]
        gap = largest_difference(circuit, few, encoded.encode(few))
        ours, peer = [], []
        for _ in range(5):
            ours.append(cpu_seconds(lambda e=encoded, X=X: e.encode(X)))
            peer.append(
                cpu_seconds(
                    lambda c=circuit, few=few: [
                        Statevector(c.assign_parameters(row)) for row in few
                    ]
                )
            )
        a, b = min(ours), min(peer) * args.rows / PEER_ROWS
        print(
            f"{n_qubits:>6} {1e3 * compile_time:>12.1f} {1e3 * a:>11.2f} "
            f"{1e3 * b:>11.0f} {b / a:>7.0f} {gap:>11.0e}",
            flush=True,
        )


if __name__ == "__main__":
    main()
