"""Errors of the few qubits that a circuit uses, from calibration data or a NoiseModel.

A noise model of a whole device would cost seconds in every request.
"""

from typing import Any, NamedTuple

import numpy as np
from qiskit.transpiler import Target

from skqnn._backends.transpilation import restrict
from skqnn._compat import noise_parts


class Noise(NamedTuple):
    """Errors of a few qubits: of gates, as a NoiseModel, and of readout."""

    gates: Any
    readout: np.ndarray  # (n_qubits, 2), the probabilities to read 1 for 0, 0 for 1


def target_noise(target: Target, qubits: list[int]) -> Noise:
    """Return the errors that a device's calibration data imply."""
    from qiskit_aer.noise import NoiseModel
    from qiskit_aer.noise.device import (
        basic_device_gate_errors,
        basic_device_readout_errors,
    )

    part = restrict(target, qubits)
    model = NoiseModel(basis_gates=list(part.operation_names))
    for name, where, error in basic_device_gate_errors(target=part):
        model.add_quantum_error(error, name, where)
    for where, error in basic_device_readout_errors(target=part):
        model.add_readout_error(error, where)
    return Noise(model, _readout(model, len(qubits)))


def model_noise(model: Any, qubits: list[int]) -> Noise:
    """Return the part of a NoiseModel that acts on some qubits, renumbered from 0."""
    from qiskit_aer.noise import NoiseModel

    index = {q: j for j, q in enumerate(qubits)}
    errors, part = noise_parts(model), NoiseModel(basis_gates=model.basis_gates)
    for name, error in errors.gates.items():
        part.add_all_qubit_quantum_error(error, name, warnings=False)
    for name, places in errors.gates_at.items():
        for where, error in places.items():
            if all(q in index for q in where):
                inside = [index[q] for q in where]
                part.add_quantum_error(error, name, inside, warnings=False)
    if errors.readout is not None:
        part.add_all_qubit_readout_error(errors.readout, warnings=False)
    for where, error in errors.readout_at.items():
        if all(q in index for q in where):
            inside = [index[q] for q in where]
            part.add_readout_error(error, inside, warnings=False)
    return Noise(part, _readout(part, len(qubits)))


def _readout(model: Any, n_qubits: int) -> np.ndarray:
    """Return the readout errors of a NoiseModel, shape (n_qubits, 2)."""
    parts, misread = noise_parts(model), np.zeros((n_qubits, 2))
    for q in range(n_qubits):
        error = parts.readout_at.get((q,), parts.readout)
        if error is not None:
            (_, up), (down, _) = error.probabilities
            misread[q] = up, down
    return misread
