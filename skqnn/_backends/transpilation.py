"""Circuits for a device: the best of many transpilations, on the qubits it needs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Instruction
from qiskit.exceptions import QiskitError
from qiskit.providers import BackendV2
from qiskit.transpiler import Target, generate_preset_pass_manager

_ELEMENTARY = (
    ["id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg"]
    + ["rx", "ry", "rz", "p", "r", "u"]
    + ["cx", "cy", "cz", "swap", "ecr", "rxx", "ryy", "rzz", "rzx"]
)


class Isa(NamedTuple):
    """A circuit in the device's gates, and where its virtual qubits end."""

    circuit: QuantumCircuit
    final: tuple[int, ...]  # final[q] is the qubit of `circuit` that holds qubit q


def transpile_best(
    circuit: QuantumCircuit,
    backend: BackendV2,
    *,
    n_trials: int = 1,
    optimization_level: int = 1,
    seed: int,
) -> Isa:
    """Transpile with `n_trials` seeds and keep the circuit with the fewest errors.

    The fewest two-qubit gates win; among equals the largest expected success
    probability, readout of all qubits of `circuit` included.

    Raises
    ------
    ValueError
        If the backend has too few qubits, or lacks gates that the circuit needs.
    """
    target = backend.target
    available = backend.num_qubits
    if available is not None and circuit.num_qubits > available:
        raise ValueError(
            f"`backend` must have at least {circuit.num_qubits} qubits for this model, "
            f"got {backend.name!r} with {available} qubits."
        )
    if target.build_coupling_map() is None:
        n_trials = 1  # all qubits are connected: nothing to route
    trials = (
        _transpile(circuit, backend, optimization_level, seed + trial)
        for trial in range(n_trials)
    )
    return min(
        trials,
        key=lambda isa: (two_qubit_gates(isa.circuit), _log_failure(isa, target)),
    )


def _transpile(
    circuit: QuantumCircuit, backend: BackendV2, level: int, seed: int
) -> Isa:
    try:
        manager = generate_preset_pass_manager(
            level, backend=backend, seed_transpiler=seed
        )
        transpiled = manager.run(circuit)
    except QiskitError as error:
        raise ValueError(
            "`backend` must have gates that the circuit can be translated to, got "
            f"{backend.name!r}: {error}"
        ) from error
    layout = transpiled.layout
    final = layout.final_index_layout() if layout else range(circuit.num_qubits)
    return Isa(transpiled, tuple(final))


def unroll(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit in elementary gates, on the same qubits.

    Among them is no controlled rotation: Aer 0.17 and 0.18 silently ignore the values
    of their parameters if they are bound in the request.
    """
    manager = generate_preset_pass_manager(0, basis_gates=_ELEMENTARY)
    unrolled = manager.run(circuit)
    unrolled.global_phase = 0  # Aer cannot bind a parameter in it
    return unrolled


def two_qubit_gates(circuit: QuantumCircuit) -> int:
    """Return the number of gates on two or more qubits."""
    return circuit.num_nonlocal_gates()


def _log_failure(isa: Isa, target: Target) -> float:
    """Return ``-log`` of the probability that no gate and no readout fails."""
    errors = [error_of(target, "measure", (q,)) for q in isa.final]
    find = isa.circuit.find_bit
    for item in isa.circuit.data:
        qubits = tuple(find(q).index for q in item.qubits)
        errors.append(error_of(target, item.operation.name, qubits))
    return float(-np.sum(np.log1p(-np.minimum(errors, 0.999999))))


def success_probability(isa: Isa, target: Target) -> float:
    """Return the probability that no gate and no readout fails, by calibration."""
    return float(np.exp(-_log_failure(isa, target)))


def error_of(target: Target, name: str, qubits: tuple[int, ...]) -> float:
    """Return the calibrated error of an instruction, 0 if unknown."""
    if name not in target:
        return 0.0
    properties = target[name].get(qubits) if target[name] else None
    error = getattr(properties, "error", None)
    return 0.0 if error is None else float(error)


def compact(isa: Isa) -> tuple[Isa, list[int]]:
    """Drop the qubits that are not used, and return which are."""
    find = isa.circuit.find_bit
    used = sorted(
        {find(q).index for item in isa.circuit.data for q in item.qubits}
        | set(isa.final)
    )
    index = {q: j for j, q in enumerate(used)}
    small = QuantumCircuit(len(used))  # without the phase, which no observable sees
    for item in isa.circuit.data:
        if item.operation.name != "barrier":
            small.append(item.operation, [index[find(q).index] for q in item.qubits])
    return Isa(small, tuple(index[q] for q in isa.final)), used


def restrict(target: Target, qubits: Sequence[int]) -> Target:
    """Return the part of a target that acts on some qubits, renumbered from 0."""
    index = {q: j for j, q in enumerate(qubits)}
    properties = target.qubit_properties
    part = Target(
        num_qubits=len(qubits),
        dt=target.dt,
        qubit_properties=[properties[q] for q in qubits] if properties else None,
    )
    for name in target.operation_names:
        operation = target.operation_from_name(name)
        if not isinstance(operation, Instruction):
            continue  # control flow is a class
        kept = {
            tuple(index[q] for q in where): how
            for where, how in (target[name] or {}).items()
            if where is not None and all(q in index for q in where)
        }
        if kept:
            part.add_instruction(operation, kept, name=name)
    return part
