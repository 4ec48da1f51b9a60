"""JAX as a peer: the runner for every simulator on JAX, and a hand-written one."""

import timeit
from collections.abc import Callable

import numpy as np
from _task import Result, Task, cx_permutation


def jax_runner(task: Task, expectations, chunk: int) -> Callable[[], Result]:
    """Compile values and gradient of ``expectations(theta, states)``, by chunks."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", task.states.dtype == np.float64)
    n_samples = len(task.states)
    chunk = n_samples if n_samples % chunk else chunk
    theta, states, cotangent = (
        jnp.asarray(a) for a in (task.theta, task.states, task.cotangent)
    )

    @jax.jit
    def values_and_gradient(theta, states, cotangent):
        def step(gradient, rows):
            values, pull = jax.vjp(lambda t: expectations(t, rows[0]), theta)
            return gradient + pull(rows[1])[0], values

        rows = states.reshape(-1, chunk, states.shape[1]), cotangent.reshape(-1, chunk)
        gradient, values = jax.lax.scan(step, jnp.zeros_like(theta), rows)
        return values.ravel(), gradient

    return lambda: jax.block_until_ready(values_and_gradient(theta, states, cotangent))


def jax_kronecker(task: Task) -> Callable[[], Result]:
    """Hand-written JAX: real numbers, Kronecker layers, chunks, jit.

    Groups of at most four qubits make one matrix per group and layer, a layer of CX is
    one permutation, and the last layer is folded into the observable, whose quadratic
    form has a custom derivative that applies it once.
    """
    import jax
    import jax.numpy as jnp

    n, n_groups = task.n_qubits, -(-task.n_qubits // 4)
    groups = np.array_split(np.arange(n)[::-1], n_groups)  # axis 1: the highest qubits
    shape = (-1, *(2 ** len(group) for group in groups))
    permutation = cx_permutation(task)

    def kron(blocks, group):  # the first factor of a Kronecker product is the highest
        matrix = jnp.ones((1, 1), task.states.dtype)
        for q in group:
            matrix = jnp.kron(matrix, blocks[..., q])
        return matrix

    def apply(matrices, states):
        letters = "abcdefgh"[:n_groups]
        for k, matrix in enumerate(matrices):
            out = letters.replace(letters[k], "z")
            states = jnp.einsum(f"z{letters[k]},s{letters}->s{out}", matrix, states)
        return states

    @jax.custom_vjp
    def quadratic(matrices, states):
        return forward(matrices, states)[0]

    def forward(matrices, states):
        moved, pull = jax.vjp(lambda m: apply(m, states), matrices)
        axes = tuple(range(1, states.ndim))
        return jnp.sum(states * moved, axes), (states, moved, pull)

    def backward(saved, cotangent):
        states, moved, pull = saved
        cotangent = cotangent.reshape(-1, *[1] * n_groups)
        return pull(cotangent * states)[0], 2 * cotangent * moved

    quadratic.defvjp(forward, backward)

    def parity(theta, states):
        *first, last = theta.reshape(-1, n)
        for layer in first:
            c, s = jnp.cos(layer / 2), jnp.sin(layer / 2)
            rotations = jnp.array([[c, -s], [s, c]])
            states = apply([kron(rotations, g) for g in groups], states.reshape(shape))
            states = states.reshape(-1, 2**n)[:, permutation]
        c, s = jnp.cos(last), jnp.sin(last)  # RY^T Z RY
        observable = jnp.array([[c, -s], [-s, -c]])
        return quadratic([kron(observable, g) for g in groups], states.reshape(shape))

    return fastest([jax_runner(task, parity, chunk) for chunk in (2, 4, 8)])


def fastest(runners: list[Callable[[], Result]]) -> Callable[[], Result]:
    """Compile and try each of them, return the fastest."""
    return min(runners, key=_seconds)


def _seconds(run: Callable[[], Result]) -> float:
    run()
    return min(timeit.repeat(run, number=1, repeat=5))
