"""Gates on two neighbours as two pairs of phases, in which each is linear."""

import numpy as np

__all__ = ["gates_of", "improve"]

_ROUNDS = 2  # in turn, of both pairs of phases of a gate
_TINY = 1e-300

# A gate (RY_a x RY_b) CZ (RY_c x RY_d) is linear in each of four half angles, and so
# bilinear in two pairs of phases: exp(i (a - d)), exp(i (a + d)) and
# exp(i (b - c)), exp(i (b + c)). The RY of gates that follow each other on a qubit are
# merged at the end.


def _gate_basis() -> np.ndarray:
    """Real matrices that a gate is made of, (16, 16): 4 x 4, for 4 x 4 components."""
    turns = [np.eye(2), np.array([[0.0, -1.0], [1.0, 0.0]])]
    cz = np.diag([1.0, 1.0, 1.0, -1.0])
    # cos and sin of a - d and of a + d -> cos, sin of a times cos, sin of d.
    split = np.array([[1, 0, 0, 1], [0, -1, 1, 0], [1, 0, 0, -1], [0, 1, 1, 0]]) / 2
    split = split.reshape(4, 2, 2)
    products = np.array([[np.kron(a, b) for b in turns] for a in turns])
    gates = np.einsum("abij,jk,cdkl->adbcil", products, cz, products)
    basis = np.einsum("pad,qbc,adbcil->pqil", split, split, gates)
    return np.ascontiguousarray(basis.reshape(16, 16))


_BASIS = _gate_basis()


def improve(matrices: np.ndarray, phases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return phases that raise ``tr(gate.T @ matrices)``, and what it becomes.

    For given second phases, the best first ones are known, and vice versa.
    """
    # One product per matrix: a product over all rows could round with their number.
    form = (matrices.reshape(-1, 1, 16) @ _BASIS.T).reshape(-1, 4, 4)
    second = phases[:, 1]
    for _ in range(_ROUNDS):
        first = _unit(form @ second.view(float)[:, :, np.newaxis])
        reached = first.view(float)[:, np.newaxis] @ form
        second = _unit(reached)
    overlap = np.einsum("sij,sj->s", reached, second.view(float))
    return np.stack([first, second], axis=1), overlap


def _unit(values: np.ndarray) -> np.ndarray:
    """Return the phases of pairs of complex numbers; that of 0 is 1."""
    numbers = values.reshape(-1, 4).view(complex) + _TINY
    return numbers / np.abs(numbers)


def gates_of(phases: np.ndarray) -> np.ndarray:
    """Return the matrices of gates, (..., 2, 2) -> (..., 4, 4)."""
    parts = phases.view(float)
    weights = parts[..., 0, :, np.newaxis] * parts[..., 1, np.newaxis, :]
    shape = phases.shape[:-2]
    return (weights.reshape(*shape, 1, 16) @ _BASIS).reshape(*shape, 4, 4)
