"""What a circuit and its observables do, as text that is equal in any process."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp

from skqnn._circuits.gates import flatten
from skqnn._journal.names import digest_of


def model_name(circuit: QuantumCircuit, observables: Sequence[SparsePauliOp]) -> str:
    """Return a name for what is run, whatever its gates and parameters are called.

    The elementary gates are read, not a file format: QPY has other bytes in every
    process, and the words of OpenQASM change between versions of Qiskit.

    Parameters
    ----------
    circuit : QuantumCircuit
        Circuit before transpilation: that of a device changes with its calibration.
    observables : sequence of SparsePauliOp
        Observables on its qubits.

    Returns
    -------
    name : str
        64 hexadecimal digits.
    """
    places = {p: Parameter(f"p{j}") for j, p in enumerate(circuit.parameters)}
    parts = [repr((circuit.num_qubits, len(places))).encode()]
    matrices: dict[int, tuple[np.ndarray, bytes]] = {}  # most gates share a few
    for qubits, matrix, angle in flatten(circuit):
        if id(matrix) not in matrices:
            # Another machine may give another last digit.
            matrices[id(matrix)] = matrix, _to_bytes(np.round(matrix, 12))
        parts += [repr((qubits, _formula(angle, places))).encode()]
        parts += [matrices[id(matrix)][1]]
    for observable in observables:
        parts += ["|".join(observable.paulis.to_labels()).encode()]
        parts += [_to_bytes(observable.coeffs)]
    return digest_of(parts)


def _formula(angle: Any, places: dict[Parameter, Parameter]) -> str | None:
    """Return an angle as a formula of the parameters' places in the circuit."""
    if angle is None:
        return None
    if isinstance(angle, Parameter):
        return places[angle].name
    return str(angle.subs({p: places[p] for p in angle.parameters}))


def _to_bytes(values: np.ndarray) -> bytes:
    """Return numbers as bytes, the same for -0.0 and 0.0."""
    return (np.asarray(values, dtype=np.complex128) + 0.0).tobytes()
