"""Peers for any circuit: hand-written JAX on fused gates, and lightning's adjoint."""

from collections.abc import Callable
from functools import reduce

import numpy as np
from _jax import fastest
from _task import Result
from _workloads import Workload

from skqnn._circuits.gates import Gate, compile_circuit, is_real
from skqnn._engine.fusion import fuse
from skqnn._engine.steps import Diagonal, Layer, Permutation
from skqnn._engine.terms import pauli_masks

_GROUP = 4  # qubits of a Kronecker factor


def jax_fused(work: Workload) -> Callable[[], Result]:
    """Hand-written JAX: the gates fused as ours are, chunks of rows, jit.

    Layers are Kronecker factors of up to four qubits, permutations one gather,
    diagonal gates one exponential; real circuits on real states stay real.
    """
    import jax
    import jax.numpy as jnp

    double = work.states.dtype in (np.float64, np.complex128)
    jax.config.update("jax_enable_x64", double)
    n, gates = work.circuit.num_qubits, compile_circuit(work.circuit)
    masks = pauli_masks(work.observables, n)
    if is_real(gates) and work.states.dtype.kind == "f":
        dtype = work.states.dtype
    else:
        dtype = np.result_type(work.states, np.complex64)
    steps = [_jax_step(step, n, dtype) for step in fuse(gates, n)]
    weights = [(m, jnp.asarray(_cast(w, dtype))) for m, w in masks]

    def expectations(theta, states):
        for step in steps:
            states = step(theta, states)
        values = 0.0
        for mask, weight in weights:
            moved = states if mask is None else states[:, mask]
            values = values + jnp.real((jnp.conj(states) * moved) @ weight)
        return values

    def runner(chunk):
        arrays = work.theta, work.states.astype(dtype), work.cotangent
        theta, states, cotangent = (jnp.asarray(a) for a in arrays)

        @jax.jit
        def values_and_gradient(theta, states, cotangent):
            def one(gradient, rows):
                values, pull = jax.vjp(lambda t: expectations(t, rows[0]), theta)
                slope = rows[1].astype(values.dtype)
                return gradient + pull(slope)[0], values

            k = cotangent.shape[1]
            rows = states.reshape(-1, chunk, 2**n), cotangent.reshape(-1, chunk, k)
            gradient, values = jax.lax.scan(one, jnp.zeros_like(theta), rows)
            return values.reshape(-1, k), gradient

        run = values_and_gradient
        return lambda: jax.block_until_ready(run(theta, states, cotangent))

    return fastest([runner(chunk) for chunk in (2, 8)])


def _cast(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return (values if dtype.kind == "c" else np.real(values)).astype(dtype)


def _jax_step(step, n: int, dtype: np.dtype) -> Callable:
    """Return ``step(theta, states)`` for states of shape (n_samples, 2**n)."""
    import jax.numpy as jnp

    if isinstance(step, Layer):
        return _jax_layer(step, n, dtype)
    if isinstance(step, Permutation):
        factor = 1 if step.factor is None else jnp.asarray(_cast(step.factor, dtype))
        return lambda theta, states: states[:, step.source] * factor
    if isinstance(step, Diagonal):

        def diagonal(theta, states):
            angles = step.coefficient * theta[step.parameter] + step.offset
            return states * jnp.exp(-0.5j * (angles @ step.diagonals)).astype(dtype)

        return diagonal
    return _jax_dense(step.gate, n, dtype)


def _jax_layer(step: Layer, n: int, dtype: np.dtype) -> Callable:
    import jax.numpy as jnp

    groups = np.array_split(np.arange(n)[::-1], -(-n // _GROUP))
    shape = (-1, *(2 ** len(group) for group in groups))
    letters = "abcdefgh"[: len(groups)]

    def layer(theta, states):
        product = {q: jnp.eye(2, dtype=dtype) for q in range(n)}
        for r in step.rounds:
            half = 0.5 * (r.coefficient * theta[r.parameter] + r.offset)
            cosine, sine = (_cast(part, dtype) for part in (r.cosine, r.sine))
            matrix = jnp.cos(half)[:, None, None] * cosine
            matrix = matrix + jnp.sin(half)[:, None, None] * sine
            for k, slot in enumerate(r.slot):
                q = step.qubits[slot]
                product[q] = matrix[k].astype(dtype) @ product[q]
        states = states.reshape(shape)
        for k, group in enumerate(groups):
            factor = reduce(jnp.kron, [product[q] for q in group])
            out = letters.replace(letters[k], "z")
            states = jnp.einsum(f"z{letters[k]},s{letters}->s{out}", factor, states)
        return states.reshape(-1, 2**n)

    return layer


def _jax_dense(gate: Gate, n: int, dtype: np.dtype) -> Callable:
    import jax.numpy as jnp

    values, vectors = np.linalg.eigh(gate.matrix) if gate.parameter >= 0 else (0, 0)
    axes = [n - q for q in reversed(gate.qubits)]  # axis 0: samples

    def dense(theta, states):
        matrix = jnp.asarray(gate.matrix)
        if gate.parameter >= 0:
            angle = gate.coefficient * theta[gate.parameter] + gate.offset
            matrix = (vectors * jnp.exp(-0.5j * angle * values)) @ vectors.conj().T
        grid = jnp.moveaxis(states.reshape(-1, *[2] * n), axes, range(len(axes)))
        moved = matrix.astype(dtype) @ grid.reshape(len(gate.matrix), -1)
        moved = jnp.moveaxis(moved.reshape(grid.shape), range(len(axes)), axes)
        return moved.reshape(-1, 2**n)

    return dense


def lightning_adjoint(work: Workload) -> Callable[[], Result]:
    """PennyLane lightning.qubit: a tape per sample, the device's own adjoint VJP."""
    import pennylane as qml

    n = work.circuit.num_qubits
    names = {"rxx": "IsingXX", "ryy": "IsingYY", "rzz": "IsingZZ", "cx": "CNOT"}
    place = {parameter: k for k, parameter in enumerate(work.circuit.parameters)}
    ansatz, order = [], []
    for instruction in work.circuit.decompose(["RealAmplitudes", "EfficientSU2"]).data:
        name, angles = instruction.operation.name, instruction.operation.params
        wires = [n - 1 - work.circuit.find_bit(b).index for b in instruction.qubits]
        if name == "unitary":
            ansatz.append(qml.QubitUnitary(angles[0], wires[::-1]))
        else:
            gate = getattr(qml, names.get(name, name.upper()))
            order += [place[angle] for angle in angles]
            ansatz.append(gate(*(work.theta[place[a]] for a in angles), wires=wires))
    measured = [_pennylane(qml, operator) for operator in work.observables]
    device = qml.device("lightning.qubit", wires=n)
    config = qml.devices.ExecutionConfig(gradient_method="adjoint")
    n_fixed = 1  # the state
    trained = [k for k, op in enumerate(_flat(ansatz)) if op != "QubitUnitary"]
    tapes = [
        qml.tape.QuantumScript(
            [qml.StatePrep(state, range(n), validate_norm=False), *ansatz],
            [qml.expval(observable) for observable in measured],
            trainable_params=[k + n_fixed for k in trained],
        )
        for state in work.states
    ]
    cotangents = [tuple(row) if len(row) > 1 else (row[0],) for row in work.cotangent]

    def run() -> Result:
        values, pulled = device.execute_and_compute_vjp(tapes, cotangents, config)
        gradient = np.zeros(len(work.theta))
        np.add.at(gradient, order, np.sum(pulled, axis=0).ravel())
        return np.reshape(values, work.cotangent.shape), gradient

    return run


def _flat(operations: list) -> list[str]:
    """Return the name of the gate of each parameter."""
    return [op.name for op in operations for _ in op.parameters]


def _pennylane(qml, operator):
    n = operator.num_qubits
    terms = []
    for label, coefficient in operator.label_iter():
        letters = [(c, n - 1 - q) for q, c in enumerate(reversed(label)) if c != "I"]
        factors = [getattr(qml, f"Pauli{c}")(wire) for c, wire in letters]
        product = qml.prod(*factors) if len(factors) > 1 else factors[0]
        terms.append(product if coefficient == 1 else coefficient.real * product)
    return qml.sum(*terms) if len(terms) > 1 else terms[0]


PEERS = {"lightning adjoint": lightning_adjoint, "hand-written JAX": jax_fused}
