"""Rows on Aer and noise on Pauli vectors, beside Aer's own ways, in one run.

    python benchmarks/noise_speed.py                 all parts
    python benchmarks/noise_speed.py --part device   one of them

rows: states that share circuits of Aer, beside a circuit for each. device: rows on a
fake device without transpilation, and a whole prediction with it, on Pauli vectors and
on Aer's density matrices. gradient: value and gradient under noise, by the adjoint
method and by parameter shift on either simulation. Times are processor time, medians
of interleaved rounds where one takes less than seconds; results are compared first.
"""

import argparse
import statistics
from functools import partial
from unittest import mock

import numpy as np
from _machine import cpu_seconds, describe_machine, run_on_one_core
from qiskit.circuit.library import real_amplitudes
from qiskit.quantum_info import SparsePauliOp
from sklearn.datasets import load_digits

from skqnn import Backend, BinaryAmplitudeEncoder, QNNClassifier
from skqnn._backends import packing
from skqnn._backends.primitive import PrimitiveEngine
from skqnn._backends.resolve import resolve

SHOTS = 4096
OURS = Backend("fake_torino")
AERS = Backend("fake_torino", options={"method": "density_matrix"})


def random_states(n_rows, n_qubits):
    """Return random unit vectors."""
    states = np.random.default_rng(0).normal(size=(n_rows, 2**n_qubits))
    return states / np.linalg.norm(states, axis=1, keepdims=True)


def make_engine(backend, n_qubits, shots):
    """Return the engine of `real_amplitudes(reps=1)` and its parity."""
    return PrimitiveEngine(
        real_amplitudes(n_qubits, reps=1, entanglement="reverse_linear"),
        [SparsePauliOp("Z" * n_qubits)],
        resolve(backend, shots=shots, n_qubits=n_qubits),
        backend=backend,
    )


def compare(label, ours, theirs, rounds=3):
    """Print the seconds of both sides and their ratio."""
    pairs = [(cpu_seconds(ours), cpu_seconds(theirs)) for _ in range(rounds)]
    seconds = [statistics.median(side) for side in zip(*pairs, strict=True)]
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"{label:52s}{seconds[0]:9.3f}{seconds[1]:9.3f}{ratio:9.1f}", flush=True)


def rows(n_rows=1000):
    """Rows of Aer in shared circuits, beside a circuit for each row."""
    for n_qubits in (4, 7):
        states = random_states(n_rows, n_qubits)
        theta = np.linspace(-1, 1, 2 * n_qubits)
        for shots in (None, SHOTS):
            engine = make_engine(Backend("aer"), n_qubits, shots)
            prepared = engine.prepare(states)
            call = partial(engine.expectations, prepared, theta)
            alone = mock.patch.object(packing, "_MAX_QUBITS", 0)
            shared = call()
            with alone:
                difference = np.abs(call() - shared).max()
            assert shots or difference < 1e-10, difference
            label = f"{n_rows} rows, {n_qubits} qubits, shots={shots}"
            compare(label, call, alone(call), rounds=1)


def device(n_rows=60, n_digits=500):
    """Rows under the noise of fake_torino, beside Aer's density matrices."""
    for n_qubits in (4, 7):
        engines = [make_engine(backend, n_qubits, None) for backend in (OURS, AERS)]
        states = random_states(n_rows, n_qubits)
        theta = np.linspace(-1, 1, 2 * n_qubits)
        calls = []
        for engine in engines:
            prepared = engine.prepare(states)
            calls.append(partial(engine.expectations, prepared, theta))
        difference = np.abs(calls[0]() - calls[1]()).max()  # transpiles, too
        assert difference < 1e-6, difference
        compare(f"{n_rows} rows, {n_qubits} qubits, no transpilation", *calls)

    X, y = load_digits(return_X_y=True)
    encoded = BinaryAmplitudeEncoder().fit_transform(X)
    model = QNNClassifier(random_state=0, max_iter=5).fit(encoded, y % 2)

    def predict(backend):
        model.set_params(backend=backend, shots=SHOTS)
        model.predict(encoded[:n_digits])

    calls = [partial(predict, backend) for backend in (OURS, AERS)]
    compare(f"{n_digits} digits, 7 qubits, whole prediction", *calls, rounds=1)


def gradient(few=4, batch=64, n_qubits=7):
    """Value and gradient of a batch under noise, beside parameter shift."""
    states = random_states(batch, n_qubits)
    theta = np.linspace(-1, 1, 2 * n_qubits)
    cotangent = np.ones((batch, 1))
    ours, shifted, aers = (
        make_engine(backend, n_qubits, None) for backend in (OURS, OURS, AERS)
    )
    rows = [
        ours.keep(ours.prepare(states)),
        shifted.prepare(states),
        aers.prepare(states),
    ]

    def one(which, n):
        engine = (ours, shifted, aers)[which]
        return engine.vjp(rows[which][:n], theta)[1](cotangent[:n])

    adjoint = one(0, few)
    assert np.abs(adjoint - one(1, few)).max() < 1e-12
    assert np.abs(adjoint - one(2, few)).max() < 1e-6
    label = f"gradient by 14 angles, {few} rows, 7 qubits"
    compare(label, partial(one, 0, few), partial(one, 2, few), rounds=1)
    label = f"  {batch} rows, beside shifts on Pauli vectors"
    compare(label, partial(one, 0, batch), partial(one, 1, batch))
    seconds = cpu_seconds(lambda: ours.keep(ours.prepare(states)))
    print(f"{f'  preparing {batch} rows, once for a training':52s}{seconds:9.3f}")


PARTS = {f.__name__: f for f in (rows, device, gradient)}


if __name__ == "__main__":
    run_on_one_core()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=PARTS, action="append")
    chosen = parser.parse_args().part or list(PARTS)
    print(describe_machine())
    print(f"{'':52s}{'ours, s':>9s}{'other, s':>9s}{'ratio':>9s}")
    for part in chosen:
        print(PARTS[part].__doc__, flush=True)
        PARTS[part]()
