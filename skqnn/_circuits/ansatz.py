"""Circuits by name: the ansatz table and the built-in angle encoding."""

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import efficient_su2, n_local, real_amplitudes

from skqnn._memory import angles_that_fit
from skqnn._validation import nearest


def _real_amplitudes(n_qubits: int, reps: int, entanglement: Any) -> QuantumCircuit:
    # "full" and "reverse_linear" are the same unitary with the same parameters; the
    # latter needs n - 1 CX gates instead of n (n - 1) / 2.
    if isinstance(entanglement, str) and entanglement == "full":
        entanglement = "reverse_linear"
    return real_amplitudes(n_qubits, entanglement=entanglement, reps=reps)


def _efficient_su2(n_qubits: int, reps: int, entanglement: Any) -> QuantumCircuit:
    # Qiskit's default order ends with RZ gates, which no Z observable can see.
    return efficient_su2(
        n_qubits, su2_gates=["rz", "ry"], entanglement=entanglement, reps=reps
    )


def _n_local(n_qubits: int, reps: int, entanglement: Any) -> QuantumCircuit:
    # Qiskit refuses a two-qubit gate on one qubit even where it is never used.
    blocks = "cz" if n_qubits > 1 else []
    return n_local(n_qubits, "ry", blocks, entanglement=entanglement, reps=reps)


def _tree(n_qubits: int, reps: int, entanglement: Any) -> QuantumCircuit:
    """Tree tensor network: pairs of qubits are merged level by level up to a root."""
    pairs, alive = [], list(range(n_qubits))
    while len(alive) > 1:
        merged = list(zip(alive[0::2], alive[1::2], strict=False))
        pairs += merged
        alive = [b for _, b in merged] + alive[2 * len(merged) :]
    return _blocks(n_qubits, pairs, reps)


def _staircase(n_qubits: int, reps: int, entanglement: Any) -> QuantumCircuit:
    """Matrix product state: blocks on neighbouring qubits, from qubit 0 upwards."""
    return _blocks(n_qubits, [(q, q + 1) for q in range(n_qubits - 1)], reps)


def _blocks(n_qubits: int, pairs: list, reps: int) -> QuantumCircuit:
    """Place `reps` times RY, RY, CX on each pair, and a last RY on the last qubit."""
    theta = iter(ParameterVector("θ", 2 * reps * len(pairs) + 1))
    circuit = QuantumCircuit(n_qubits)
    for low, high in pairs:
        for _ in range(reps):
            circuit.ry(next(theta), low)
            circuit.ry(next(theta), high)
            circuit.cx(low, high)
    circuit.ry(next(theta), n_qubits - 1)
    return circuit


# To add an ansatz, write a function (n_qubits, reps, entanglement) -> QuantumCircuit
# and name it here.
ANSATZE: dict[str, Callable[[int, int, Any], QuantumCircuit]] = {
    "real_amplitudes": _real_amplitudes,
    "efficient_su2": _efficient_su2,
    "n_local": _n_local,
    "tree": _tree,
    "staircase": _staircase,
}


_COUNTED_QUBITS = 256
_ENTANGLEMENTS = ("full", "linear", "reverse_linear", "pairwise", "circular", "sca")


def build_ansatz(
    ansatz: str | QuantumCircuit | Callable[[int], QuantumCircuit],
    n_qubits: int,
    reps: int,
    entanglement: Any,
) -> QuantumCircuit:
    """Return the trainable circuit on `n_qubits` qubits.

    Raises
    ------
    ValueError
        If the circuit has no parameters or the wrong number of qubits, if its layers
        cannot fit into memory, or if Qiskit refuses the entanglement.
    TypeError
        If a callable does not return a `QuantumCircuit`.
    """
    if isinstance(ansatz, str):
        _check_reps(ansatz, n_qubits, reps)
        _check_entanglement(entanglement, n_qubits, reps)
        try:
            circuit = ANSATZE[ansatz](n_qubits, reps, entanglement)
        except Exception as error:
            why = "" if isinstance(entanglement, str) else f" ({error})"
            raise ValueError(
                f"`entanglement` must be one of {list(_ENTANGLEMENTS)} or pairs of "
                f"qubits that Qiskit accepts for {ansatz!r} on {n_qubits} qubits, got "
                f"{entanglement!r}{why}{nearest(entanglement, _ENTANGLEMENTS)}."
            ) from error
    else:
        circuit = ansatz if isinstance(ansatz, QuantumCircuit) else ansatz(n_qubits)
    if not isinstance(circuit, QuantumCircuit):
        raise TypeError(
            "`ansatz` must return a QuantumCircuit when it is a callable, got "
            f"{type(circuit).__name__}."
        )
    if circuit.num_qubits != n_qubits:
        raise ValueError(
            f"`ansatz` must act on {n_qubits} qubits for this data and these "
            f"observables, got a circuit on {circuit.num_qubits} qubits; a feature map "
            "goes into `encoding`."
        )
    if circuit.num_parameters == 0:
        raise ValueError(
            "`ansatz` must have at least one unbound parameter to train, got a "
            "circuit with 0 parameters."
        )
    return circuit


def _check_reps(ansatz: str, n_qubits: int, reps: int) -> None:
    """Refuse layers that cannot fit into memory, before they are built.

    The angles of one layer are counted, of a part of a wide one; entanglers have none.
    """
    if angles_that_fit(reps * (n_qubits + 1) ** 2) is None:  # more than layers have
        return
    width = min(n_qubits, _COUNTED_QUBITS)
    one, two = (ANSATZE[ansatz](width, r, "linear").num_parameters for r in (1, 2))
    per_layer = (two - one) * n_qubits // width
    fit = angles_that_fit(reps * per_layer)
    if fit is not None:
        raise ValueError(
            f"`reps` must be at most {fit // per_layer} for ansatz={ansatz!r} on "
            f"{n_qubits} qubit(s), since more layers of {per_layer} angle(s) do not "
            f"fit into memory, got {reps}; leave 'auto', which takes up to 40."
        )


def _check_entanglement(entanglement: Any, n_qubits: int, reps: int) -> None:
    """Refuse qubits with which Qiskit builds a broken circuit."""
    if callable(entanglement):
        entanglement = [entanglement(layer) for layer in range(reps)]
    if not isinstance(entanglement, (list, tuple, np.ndarray)):
        return
    if not all(isinstance(item, Integral) for item in entanglement):
        for item in entanglement:
            _check_entanglement(item, n_qubits, reps)
        return
    block = [int(qubit) for qubit in entanglement]
    inside = all(0 <= qubit < n_qubits for qubit in block)
    if not inside or len(set(block)) < len(block):
        raise ValueError(
            f"`entanglement` must connect different qubits from 0 to {n_qubits - 1}, "
            f"got {block}."
        )


def angle_encoding(n_features: int, n_qubits: int) -> QuantumCircuit:
    """Return the feature map RY(x_i) on qubit i, further qubits left in ``|0>``."""
    features = ParameterVector("x", n_features)
    circuit = QuantumCircuit(n_qubits)
    for qubit, feature in enumerate(features):
        circuit.ry(feature, qubit)
    return circuit
