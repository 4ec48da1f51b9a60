"""Amplitude rows -> layers of gates between neighbours + fitted angles per row.

A layer is one CZ for each pair of neighbours, each followed by an RY of both qubits. It
begins with the pair in the middle and goes outwards in both directions, so that layers
follow each other closely and qubits hardly wait. More such layers meet a row better
than fewer layers of SO(4) gates [1]_, which take two CX each, with as many CX.

References
----------
.. [1] S.-J. Ran, "Encoding of matrix product states into quantum circuits of one- and
   two-qubit gates", Phys. Rev. A 101, 032310 (2020), arXiv:1908.07958.
.. [2] Y. Nesterov, "A method for solving the convex programming problem with
   convergence rate O(1/k**2)", Dokl. Akad. Nauk SSSR 269, 543 (1983).
"""

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

from skqnn._circuits.pair_gates import gates_of, improve

__all__ = ["MAX_SWEEPS", "TOL", "fit_layers", "layers_template"]

MAX_SWEEPS = 50
TOL = 1e-7

# Rows are fitted in chunks of about this many amplitudes, so that they stay in cache.
_CHUNK_AMPLITUDES = 2**15
_STEPS = 20  # per gate, before the first sweep
_SPREAD = 0.4  # radians, leads away from saddle points


def layers_template(n_qubits: int, n_layers: int) -> QuantumCircuit:
    """Build the circuit whose parameters `fit_layers` computes.

    Parameters
    ----------
    n_qubits : int
        Number of qubits, at least 2.
    n_layers : int
        Number of layers, at least 1.

    Returns
    -------
    circuit : QuantumCircuit
        ``n_qubits + 2 * (n_qubits - 1) * n_layers`` parameters and ``(n_qubits - 1) *
        n_layers`` CX between neighbours on the line 0, 1, ..., n_qubits - 1.

    Notes
    -----
    Every other qubit is kept in a frame where its RY are RZ, which take no time and
    have no errors on devices, and where each CZ is a CX that it is the target of.
    """
    pairs = _pairs(n_qubits) * n_layers
    framed = range(0, n_qubits, 2)
    angles = iter(ParameterVector("x", n_qubits + 2 * len(pairs)))
    circuit = QuantumCircuit(n_qubits)

    def rotate(*qubits: int) -> None:
        for qubit in qubits:
            gate = circuit.rz if qubit in framed else circuit.ry
            gate(next(angles), qubit)

    circuit.sdg(framed)  # with H: X, Y, Z become Y, Z, X
    circuit.h(framed)
    rotate(*reversed(range(n_qubits)))
    for pair in pairs:
        low = n_qubits - 2 - pair
        target = low if low in framed else low + 1
        circuit.cx(2 * low + 1 - target, target)
        rotate(low + 1, low)
    circuit.h(framed)
    circuit.s(framed)
    return circuit


def _pairs(n_qubits: int) -> list[int]:
    """Return the pairs of a layer in order of application.

    Pair k are the qubits k and k + 1, counted from the most significant one.
    """
    middle = (n_qubits - 2) // 2
    return [*range(middle, -1, -1), *range(middle + 1, n_qubits - 1)]


def fit_layers(
    states: np.ndarray,
    n_layers: int,
    *,
    max_sweeps: int = MAX_SWEEPS,
    tol: float = TOL,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit the angles of the layers to each row.

    Layers are found last to first, each so that undoing it leaves little to prepare
    [1]_. Then the gates are replaced in turn by those that raise the overlap while all
    others are held. Before each such sweep, all are carried on in the direction in
    which the last one moved them [2]_; a sweep that lowers the fidelity is undone, and
    the next one begins without momentum. The fidelity never falls.

    Parameters
    ----------
    states : ndarray of shape (n_samples, 2**n_qubits), float64
        Real unit vectors of at least two qubits.
    n_layers : int
        Number of layers, at least 1.
    max_sweeps : int, default=50
        Sweeps over all gates, at least 1.
    tol : float, default=1e-7
        A row is left alone after the first sweep that raises its fidelity by no more
        than this.

    Returns
    -------
    angles : ndarray of shape (n_samples, n_qubits + 2 * (n_qubits - 1) * n_layers)
        Angles in radians, in the order of the parameters of `layers_template`.
    fidelity : ndarray of shape (n_samples,)
        Squared overlap of each row with the state its circuit prepares.

    Notes
    -----
    Rows never see each other: a row gives the same angles in every batch, up to the
    rounding of matrix products. They are not a continuous function of the row, and
    another LAPACK or BLAS may end at slightly different fidelities.

    A sweep costs O(n_samples n_layers n_qubits 2**n_qubits) operations.
    """
    n_samples, n_amplitudes = states.shape
    n_qubits = n_amplitudes.bit_length() - 1
    pairs = _pairs(n_qubits) * n_layers
    angles = np.empty((n_samples, n_qubits + 2 * len(pairs)))
    fidelity = np.empty(n_samples)
    step = max(1, _CHUNK_AMPLITUDES // n_amplitudes)
    for start in range(0, n_samples, step):
        rows = slice(start, start + step)
        phases = _first_phases(states[rows], n_layers)
        phases, fidelity[rows] = _sweep_all(
            states[rows], phases, pairs, max_sweeps, tol
        )
        angles[rows] = _angles(phases, pairs, n_qubits)
    return angles, fidelity


def _first_phases(states: np.ndarray, n_layers: int) -> np.ndarray:
    """Disentangle the states layer by layer [1]_; the last layer is found first."""
    n_qubits = states.shape[1].bit_length() - 1
    pairs = _pairs(n_qubits)
    turns = _turns(states, pairs)
    layers: list[np.ndarray] = []
    for _ in range(n_layers):
        layers.insert(0, _disentangling_layer(states, pairs, turns))
        _, rest = _pull_back(states, gates_of(layers[0]), turns)
        states = _turn(rest, -pairs[0] % n_qubits).reshape(states.shape)
    phases = np.concatenate(layers, axis=1)
    spread = np.arange(phases[0].size) * (5**0.5 - 1) / 2 % 1 - 0.5
    return phases * np.exp(2j * _SPREAD * spread).reshape(phases[0].shape)


def _disentangling_layer(
    states: np.ndarray, pairs: list[int], turns: list[int]
) -> np.ndarray:
    """Return the layer that prepares much of the states.

    Undoing a gate takes as much weight as it can to |0> on those of its qubits that the
    layer has not used before; what remains elsewhere is lost to this layer.
    """
    n_qubits = states.shape[1].bit_length() - 1
    phases = np.empty((len(states), len(pairs), 2, 2), dtype=complex)
    for i in reversed(range(len(pairs))):
        upper_is_new, lower_is_new = pairs[i] <= pairs[0], pairs[i] >= pairs[0]
        kept = np.kron([1, not upper_is_new], [1, not lower_is_new])
        states = _turn(states, -turns[i] % n_qubits)
        density = states @ states.swapaxes(1, 2)
        phases[:, i] = np.exp([[0.3j, -0.3j], [0.3j, -0.3j]])
        # The weight is a convex function of the gate, so that each step raises it.
        for _ in range(_STEPS):
            gates = gates_of(phases[:, i])
            phases[:, i], _ = improve(density @ gates * kept, phases[:, i])
        gates = gates_of(phases[:, i])
        states = kept[:, np.newaxis] * (gates.swapaxes(1, 2) @ states)
    return phases


def _sweep_all(
    states: np.ndarray,
    phases: np.ndarray,
    pairs: list[int],
    max_sweeps: int,
    tol: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return improved phases (n_samples, n_gates, 2, 2) and the fidelity."""
    ahead, fidelity = phases.copy(), np.zeros(len(states))
    age = np.zeros(len(states))  # sweeps since the last one without momentum
    active = np.arange(len(states))
    for _ in range(max_sweeps):
        swept, reached = _sweep(states[active], ahead[active], pairs)
        gain = reached - fidelity[active]
        better = gain > 0
        done = (gain <= tol) & (better | (age[active] == 0))
        rows, swept = active[better], swept[better]
        age[rows] += 1
        momentum = (age[rows] / (age[rows] + 3)).reshape(-1, 1, 1, 1)
        ahead[rows] = swept + momentum * (swept - phases[rows])
        ahead[rows] /= np.abs(ahead[rows])
        phases[rows], fidelity[rows] = swept, reached[better]
        fallen = active[~better]
        ahead[fallen], age[fallen] = phases[fallen], 0
        active = active[~done]
        if not active.size:
            break
    return phases, fidelity


def _sweep(
    states: np.ndarray, phases: np.ndarray, pairs: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Improve each gate once, first to last, given all others; return fidelity, too."""
    turns = _turns(states, pairs)
    bras, ket = _pull_back(states, gates_of(phases), turns)
    ket = np.zeros_like(ket)
    ket[:, 0, 0] = 1
    swept = np.empty_like(phases)
    for i, (bra, turn) in enumerate(zip(bras, turns, strict=True)):
        swept[:, i], overlap = improve(bra @ ket.swapaxes(1, 2), phases[:, i])
        ket = _turn(gates_of(swept[:, i]) @ ket, turn)
    return swept, overlap**2


# A state of shape (n_samples, 4, rest) has the two qubits a gate acts on in front.
# Turning it brings other neighbours there: every gate is one matrix product.


def _turns(states: np.ndarray, pairs: list[int]) -> list[int]:
    """Return by how many qubits to turn after each gate, the first comes after all."""
    n_qubits = states.shape[1].bit_length() - 1
    return [
        (after - pair) % n_qubits
        for pair, after in zip(pairs, [*pairs[1:], 0], strict=True)
    ]


def _turn(states: np.ndarray, n_qubits: int) -> np.ndarray:
    """Move the first `n_qubits` qubits to the end."""
    n_samples = len(states)
    front = states.reshape(n_samples, 2**n_qubits, -1)
    moved = np.empty((n_samples, front.shape[2], front.shape[1]))
    # One strided pass per value is three times faster than copying a transpose.
    if n_qubits == 0 or front.shape[1] <= front.shape[2]:
        for value in range(front.shape[1]):
            moved[:, :, value] = front[:, value]
    else:
        for value in range(front.shape[2]):
            moved[:, value] = front[:, :, value]
    return moved.reshape(n_samples, 4, -1)


def _pull_back(
    states: np.ndarray, gates: np.ndarray, turns: list[int]
) -> tuple[list[np.ndarray], np.ndarray]:
    """Undo the gates, last to first; return the states after each and before all."""
    n_qubits = states.shape[1].bit_length() - 1
    inverse = np.ascontiguousarray(gates.transpose(1, 0, 3, 2))
    after: list[np.ndarray] = []
    for gate, turn in zip(inverse[::-1], turns[::-1], strict=True):
        after.insert(0, _turn(states, -turn % n_qubits))
        states = gate @ after[0]
    return after, states


def _angles(phases: np.ndarray, pairs: list[int], n_qubits: int) -> np.ndarray:
    """Return the angles of the circuit: those of gates, merged on each qubit."""
    turned = np.angle(phases)
    sums = turned[..., 1] + turned[..., 0]  # twice the half angles a, b
    differences = turned[..., 1] - turned[..., 0]  # d, c
    angles = np.zeros((len(phases), n_qubits + 2 * len(pairs)))
    last = list(range(n_qubits))  # the column of the last RY of each qubit
    for i, pair in enumerate(pairs):
        angles[:, last[pair]] += differences[:, i, 1]
        angles[:, last[pair + 1]] += differences[:, i, 0]
        last[pair], last[pair + 1] = n_qubits + 2 * i, n_qubits + 2 * i + 1
        angles[:, last[pair]] = sums[:, i, 0]
        angles[:, last[pair + 1]] = sums[:, i, 1]
    return angles
