"""The same classifier on Aer and under the noise of a device, and what it costs.

    python benchmarks/backends.py                   all parts
    python benchmarks/backends.py --part agreement  one of them

agreement: trained exactly, how many decisions change with shots and with noise.
gradient: one parameter-shift gradient, beside qiskit-machine-learning's on the same
estimator. training: on Aer with shots. overhead: what is spent outside of Aer.

Times are of the process, so that other load on the machine does not count.
"""

import argparse
import contextlib
import time
import warnings
from unittest import mock

import numpy as np
from _mnist import load_mnist, versions
from qiskit.circuit.library import real_amplitudes
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2
from qiskit_machine_learning.gradients import ParamShiftEstimatorGradient
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skqnn import Backend, BinaryAmplitudeEncoder, QNNClassifier
from skqnn._backends.backend import as_backend
from skqnn._backends.engines import open_engine
from skqnn._circuits.preparation import prepare
from skqnn._engine.statevector import StatevectorEngine

N_TEST = 500
SHOTS = 4096
NOISY = "fake_torino"


def agreement():
    """Train exactly on 8x8 MNIST 0 and 1, then predict elsewhere."""
    X, y, X_test, y_test = load_mnist(0, 1)
    encoder = BinaryAmplitudeEncoder(pixel_range=(0, 255), image_size=(8, 8))
    model = QNNClassifier(learning_rate="one_cycle", max_iter=40, random_state=0)
    model.fit(encoder.fit_transform(X), y)
    rows, labels = encoder.transform(X_test[:N_TEST]), y_test[:N_TEST]
    exact = model.predict(rows)
    print(
        f"7 qubits, {N_TEST} test images; exact accuracy {np.mean(exact == labels):.3f}"
    )
    print(
        f"{'backend':14s}{'preparation':14s}{'agree':>8s}{'accuracy':>10s}{'CPU s':>8s}"
    )
    for backend, preparation in (
        ("aer", "auto"),
        (NOISY, "auto"),
        (NOISY, "exact"),
    ):
        start = time.process_time()
        where = Backend(backend, state_preparation=preparation)
        model.set_params(backend=where, shots=SHOTS)
        decisions = model.predict(rows)
        print(
            f"{backend:14s}{preparation:14s}{np.mean(decisions == exact):8.3f}"
            f"{np.mean(decisions == labels):10.3f}{time.process_time() - start:8.1f}",
            flush=True,
        )


def gradient(n_qubits=7, n_samples=64):
    """Time one gradient of a batch on the same Aer estimator."""
    rng = np.random.default_rng(0)
    states = rng.normal(size=(n_samples, 2**n_qubits))
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    ansatz = real_amplitudes(n_qubits, reps=1, entanglement="reverse_linear")
    observable = SparsePauliOp("Z" * n_qubits)
    theta = rng.uniform(-np.pi, np.pi, ansatz.num_parameters)
    cotangent = np.ones((n_samples, 1))
    _, pullback = StatevectorEngine(ansatz, [observable]).vjp(states, theta)
    adjoint = pullback(cotangent)

    for name, backend in (("aer", "aer"), ("Aer EstimatorV2", EstimatorV2())):
        where = as_backend(backend)
        engine = open_engine(where, ansatz, [observable], shots=None, seed=0).engine
        rows = engine.prepare(states)
        engine.vjp(rows[:1], theta)  # transpiles
        start = time.process_time()
        ours = engine.vjp(rows, theta)[1](cotangent)
        seconds = time.process_time() - start
        error = np.abs(ours - adjoint).max()
        print(f"skqnn, {name:18s}{seconds:8.2f} s   from adjoint {error:.1e}")

    template, angles, _ = prepare(states, "exact")
    circuit = template.compose(ansatz)
    parameters = list(ansatz.parameters)
    order = {p: j for j, p in enumerate([*template.parameters, *parameters])}
    values = np.hstack([angles, np.tile(theta, (n_samples, 1))])
    values = values[:, [order[p] for p in circuit.parameters]]
    peer = ParamShiftEstimatorGradient(EstimatorV2())
    start = time.process_time()
    job = peer.run(
        [circuit] * n_samples,
        [observable] * n_samples,
        values,
        [parameters] * n_samples,
    )
    theirs = np.sum(job.result().gradients, axis=0)
    peer_seconds = time.process_time() - start
    difference = np.abs(ours - theirs).max()
    print(
        f"ParamShiftEstimatorGradient {peer_seconds:.2f} s   from ours "
        f"{difference:.1e}   ratio {peer_seconds / seconds:.1f}"
    )


def training():
    """Train on Aer with shots, by parameter shift and by SPSA."""
    X, y = load_digits(n_class=2, return_X_y=True)
    rows = BinaryAmplitudeEncoder().fit_transform(X)
    train, test, y_train, y_test = train_test_split(rows, y, random_state=0)
    for options in (
        {"gradient": "parameter_shift", "max_iter": 5},
        {"gradient": "spsa", "max_iter": 20},
        {"solver": "spsa", "learning_rate_init": 1.0, "max_iter": 20},
    ):
        model = QNNClassifier(
            backend="aer", shots=1024, batch_size=32, random_state=0, **options
        )
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(train, y_train)
        seconds = time.process_time() - start
        accuracy = model.score(test, y_test)
        print(f"{options!s:75s} accuracy {accuracy:.3f}  {seconds:6.1f} s", flush=True)


def overhead(n_qubits=7, n_samples=1000):
    """Compare the whole path of a prediction with the time that Aer reports."""
    rng = np.random.default_rng(0)
    states = rng.normal(size=(n_samples, 2**n_qubits))
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    ansatz = real_amplitudes(n_qubits, reps=1, entanglement="reverse_linear")
    theta = rng.uniform(-np.pi, np.pi, ansatz.num_parameters)
    for preparation in ("direct", "exact"):
        for shots in (None, 1024):
            backend = Backend("aer", state_preparation=preparation)
            observables = [SparsePauliOp("Z" * n_qubits)]
            with _watch_aer() as spent:
                start = time.process_time()
                kept = open_engine(backend, ansatz, observables, shots=shots, seed=0)
                engine = kept.engine
                engine.expectations(engine.prepare(states), theta)
                total = time.process_time() - start
            print(
                f"{preparation:8s} shots {shots!s:6s} total {total:6.2f} s, "
                f"beyond Aer {total - sum(spent):6.2f} s",
                flush=True,
            )


@contextlib.contextmanager
def _watch_aer():
    """Collect the seconds that Aer's controller takes."""
    spent = []
    execute = AerSimulator._execute_circuits_job

    def timed(*args, **kwargs):
        start = time.process_time()
        result = execute(*args, **kwargs)
        spent.append(time.process_time() - start)
        return result

    with mock.patch.object(AerSimulator, "_execute_circuits_job", timed):
        yield spent


PARTS = {f.__name__: f for f in (agreement, gradient, training, overhead)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=PARTS, action="append")
    chosen = parser.parse_args().part or list(PARTS)
    print(versions())
    for part in chosen:
        print(f"\n{part}: {PARTS[part].__doc__}")
        PARTS[part]()
