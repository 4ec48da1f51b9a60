"""Amplitude rows -> state-preparation circuit template + angles per row.

Every method has one circuit for all rows of a given size and one row of angles for each
state, so that a circuit is transpiled once and a batch is an array of parameters.
"""

import math
from collections.abc import Callable
from numbers import Integral
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

from skqnn._circuits.layers import fit_layers, layers_template
from skqnn._circuits.multiplexed import (
    TOLERANCE,
    exact_angles,
    exact_template,
    frqi_angles,
    frqi_template,
    uneven_rows,
)
from skqnn._memory import angles_that_fit

__all__ = [
    "PREPARATIONS",
    "Method",
    "Preparation",
    "choose",
    "preparation_circuit",
    "prepare",
    "unit_tolerance",
]


def unit_tolerance(eps: float, n_amplitudes: int) -> float:
    """Return how far from 1 the norm of a row may be that was normalised.

    Parameters
    ----------
    eps : float
        The distance from 1 to the next number of the rows' type.
    n_amplitudes : int
        Whose squares the norm sums up, perhaps in the rows' own precision.
    """
    return 4 * eps * math.sqrt(n_amplitudes)


class Preparation(NamedTuple):
    """Circuit template, its angles for each row, and how close each row is met."""

    circuit: QuantumCircuit
    angles: np.ndarray
    fidelity: np.ndarray


class Method(NamedTuple):
    """A way to prepare states; `n_layers` matters to the layers only.

    Attributes
    ----------
    template : callable (n_qubits, n_layers) -> QuantumCircuit
        The circuit, with parameters in the order of the columns of the angles.
    angles : callable (states, n_layers) -> (angles, fidelity)
        The angles in radians, (n_samples, n_parameters), and the squared overlap of
        each row with the prepared state, (n_samples,). Trusts its argument.
    n_two_qubit_gates : callable (n_qubits, n_layers) -> int
        Two-qubit gates of the template before routing.
    """

    template: Callable[[int, int], QuantumCircuit]
    angles: Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]
    n_two_qubit_gates: Callable[[int, int], int]


def prepare(
    states: ArrayLike, method: str, n_layers: int = 4, n_copies: int = 1
) -> Preparation:
    """Compute the circuit and the angles that prepare each row from |0...0>.

    Parameters
    ----------
    states : array-like of shape (n_samples, 2**n_qubits)
        Real unit vectors, qubit 0 being the least significant bit of the column index.
        Amplitudes may be negative or zero.
    method : {"exact", "frqi", "layers"}
        A key of `PREPARATIONS`:

        - ``"exact"``: any real state, ``2**n_qubits - 1`` angles and ``2**n_qubits -
          n_qubits - 1`` CZ.
        - ``"frqi"``: states that give the same weight to each position (all bits but
          the most significant, which is the channel), exactly, with ``2**(n_qubits -
          1)`` angles and one CZ less.
        - ``"layers"``: any real state, approximately, with ``n_qubits + 2 * (n_qubits -
          1) * n_layers`` angles and ``(n_qubits - 1) * n_layers`` CX between
          neighbouring qubits: no SWAP on a line.
    n_layers : int, default=4
        Number of layers, used by ``"layers"`` only. On current hardware three to five
        give the most accurate expectation values: further layers add more noise than
        fidelity.
    n_copies : int, default=1
        Number of registers, side by side, that get the state of a row each.

    Returns
    -------
    preparation : Preparation
        Named tuple of the template ``circuit``, the ``angles`` in radians of shape
        (n_samples, n_parameters), in the order of ``circuit.parameters``, and the
        ``fidelity`` of shape (n_samples,). The sign of a prepared state is free.

    Raises
    ------
    ValueError
        If the rows are complex, no unit vectors, or not of length ``2**n_qubits`` with
        ``n_qubits >= 1``; if `method` is unknown; if `n_layers` is not positive; if
        `method` is ``"frqi"`` and a row cannot be prepared in this way.

    Examples
    --------
    >>> from skqnn._circuits.preparation import prepare
    >>> circuit, angles, fidelity = prepare([[0.6, 0.0, 0.0, -0.8]], "exact")
    >>> circuit.count_ops()["cz"], angles.shape
    (1, (1, 3))
    """
    if method not in PREPARATIONS:
        known = ", ".join(map(repr, PREPARATIONS))
        raise ValueError(f"`method` must be one of {known}, got {method!r}.")
    _check_n_layers(n_layers)
    states = _check_states(states)
    _check_size(method, _n_qubits(states), n_layers, n_copies)
    _, compute_angles, _ = PREPARATIONS[method]
    angles, fidelity = compute_angles(states, n_layers)
    circuit = preparation_circuit(method, _n_qubits(states), n_layers, n_copies)
    # Rounding may carry a perfect fidelity above 1.
    fidelity = np.minimum(fidelity, 1.0) ** n_copies
    return Preparation(circuit, np.tile(angles, (1, n_copies)), fidelity)


def preparation_circuit(
    method: str, n_qubits: int, n_layers: int = 4, n_copies: int = 1
) -> QuantumCircuit:
    """Return the template of a method for registers of `n_qubits`, side by side.

    Each copy has parameters of its own; those of the first register come first.
    """
    _check_size(method, n_qubits, n_layers, n_copies)
    template = PREPARATIONS[method].template(n_qubits, n_layers)
    if n_copies == 1:
        return template
    n_angles = template.num_parameters
    angles = ParameterVector("φ", n_copies * n_angles)
    circuit = QuantumCircuit(n_copies * n_qubits)
    for k in range(n_copies):
        values = angles[k * n_angles : (k + 1) * n_angles]
        register = range(k * n_qubits, (k + 1) * n_qubits)
        circuit.compose(template.assign_parameters(values), register, inplace=True)
    return circuit


def choose(states: ArrayLike, *, noisy: bool, n_layers: int = 4) -> str:
    """Choose the method for a device: fewest two-qubit gates where each one costs.

    A noiseless device gets an exact method. A noisy one gets the layers unless an exact
    method is as cheap, as it is below four or five qubits.

    Parameters
    ----------
    states : array-like of shape (n_samples, 2**n_qubits)
        Real unit vectors.
    noisy : bool
        Whether two-qubit gates have errors.
    n_layers : int, default=4
        Number of layers that would be used.

    Returns
    -------
    method : {"exact", "frqi", "layers"}
        A key of `PREPARATIONS`.

    Raises
    ------
    ValueError
        As `prepare` does.
    """
    _check_n_layers(n_layers)
    states = _check_states(states)
    exact = "exact" if uneven_rows(states).size else "frqi"
    if not noisy:
        return exact
    return min(
        (exact, "layers"),
        key=lambda m: PREPARATIONS[m].n_two_qubit_gates(_n_qubits(states), n_layers),
    )


def _check_n_layers(n_layers: object) -> None:
    if not isinstance(n_layers, Integral) or n_layers < 1:
        raise ValueError(f"`n_layers` must be a positive integer, got {n_layers!r}.")


def _check_size(method: str, n_qubits: int, n_layers: int, n_copies: int) -> None:
    """Refuse circuits that cannot fit into memory, before they are built.

    There is an angle or more for each two-qubit gate.
    """
    count = PREPARATIONS[method].n_two_qubit_gates
    n_angles = n_copies * count(n_qubits, n_layers)
    fit = angles_that_fit(n_angles)
    if fit is None:
        return
    if n_angles == n_copies * count(n_qubits, n_layers + 1):
        raise ValueError(
            f"`state_preparation` must be 'layers' for {n_copies * n_qubits} qubits, "
            f"got {method!r}, of {n_angles} angles, where {fit} fit into memory."
        )
    most = fit // (n_copies * count(n_qubits, 1))
    raise ValueError(
        f"`n_preparation_layers` must be at most {most} for {n_copies * n_qubits} "
        f"qubits, since more do not fit into memory, got {n_layers}; three to five are "
        "best on a device, where further layers add more noise than fidelity."
    )


def _check_states(states: ArrayLike) -> np.ndarray:
    """Return the rows in float64 with norm 1 or raise ValueError."""
    states = np.asarray(states)
    if np.iscomplexobj(states):
        raise ValueError(
            "`states` must be real to be prepared by these circuits, got dtype "
            f"{states.dtype}."
        )
    n_amplitudes = states.shape[1] if states.ndim == 2 else 0
    if n_amplitudes < 2 or n_amplitudes & (n_amplitudes - 1):
        raise ValueError(
            "`states` must have shape (n_samples, 2**n_qubits) with n_qubits >= 1, "
            f"got {states.shape}."
        )
    kind = states.dtype if states.dtype.kind == "f" else np.float64
    limit = max(TOLERANCE, unit_tolerance(np.finfo(kind).eps, n_amplitudes))
    states = states.astype(np.float64)
    norms = np.linalg.norm(states, axis=1)
    wrong = np.flatnonzero(~(np.abs(norms - 1) <= limit))
    if wrong.size:
        raise ValueError(
            f"`states` must have rows of norm 1, got {norms[wrong[0]]:g} in row "
            f"{wrong[0]}."
        )
    return states / norms[:, np.newaxis]


def _n_qubits(states: np.ndarray) -> int:
    return states.shape[1].bit_length() - 1


def _layers_template(n_qubits: int, n_layers: int) -> QuantumCircuit:
    """Build the layers; a single qubit has no neighbour and needs one RY."""
    if n_qubits == 1:
        return exact_template(n_qubits, n_layers)
    return layers_template(n_qubits, n_layers)


def _layers_angles(states: np.ndarray, n_layers: int) -> tuple[np.ndarray, np.ndarray]:
    if _n_qubits(states) == 1:
        return exact_angles(states, n_layers)
    return fit_layers(states, n_layers)


PREPARATIONS = {
    "exact": Method(exact_template, exact_angles, lambda n, _: 2**n - n - 1),
    "frqi": Method(frqi_template, frqi_angles, lambda n, _: 2 ** (n - 1) - 1),
    "layers": Method(
        _layers_template, _layers_angles, lambda n, layers: (n - 1) * layers
    ),
}
