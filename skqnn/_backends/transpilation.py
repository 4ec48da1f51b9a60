"""Circuits in the gates of a device, and on the qubits that they need."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Instruction
from qiskit.exceptions import QiskitError
from qiskit.providers import BackendV2
from qiskit.transpiler import Target, generate_preset_pass_manager

ELEMENTARY = (
    ["id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg"]
    + ["rx", "ry", "rz", "p", "r", "u"]
    + ["cx", "cy", "cz", "swap", "ecr", "rxx", "ryy", "rzz", "rzx"]
)


class Isa(NamedTuple):
    """A circuit in the device's gates, and where its virtual qubits end."""

    circuit: QuantumCircuit
    final: tuple[int, ...]  # final[q] is the qubit of `circuit` that holds qubit q


def transpile_once(
    circuit: QuantumCircuit,
    backend: BackendV2,
    level: int,
    seed: int,
    target: Target | None = None,
    *,
    where: Sequence[int] | None = None,
) -> Isa:
    """Transpile at one optimization level with one seed.

    Parameters
    ----------
    target : Target, default=None
        What to use of the backend. None: all of it.
    where : sequence of int, default=None
        The qubits of the backend to start on. None: as Qiskit likes.

    Raises
    ------
    ValueError
        If the backend lacks gates that the circuit needs.
    """
    try:
        manager = generate_preset_pass_manager(
            level,
            backend=backend,
            target=target,
            initial_layout=where,
            seed_transpiler=seed,
        )
        transpiled = manager.run(circuit)
    except QiskitError as error:
        reason = _reason(target or backend.target, error.message)
        raise ValueError(
            "`backend` must have gates that the circuit can be translated to, got "
            f"{backend.name!r}: {reason}"
        ) from error
    layout = transpiled.layout
    final = layout.final_index_layout() if layout else range(circuit.num_qubits)
    return Isa(transpiled, tuple(final))


def _reason(target: Target, told: str) -> str:
    """Return why a device cannot run our circuits, or what Qiskit told if unknown."""
    gates = [gate for gate in target.operations if isinstance(gate, Gate)]
    if not any(gate.params for gate in gates):
        return (
            "it has no gate with an angle, as Clifford+T devices, which need circuits "
            "whose angles are known. Circuits are translated once here, with angles "
            "left open; take a device with RZ or U gates."
        )
    if not any(gate.num_qubits == 2 for gate in gates):
        return "it has no gate on two qubits."
    if told.startswith("Unable to translate"):  # and lists all that there is
        names = sorted(gate.name for gate in gates)
        return f"its gates {names} do not make up all others."
    return told


def unroll(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit in elementary gates, on the same qubits.

    Among them is no controlled rotation: Aer 0.17 and 0.18 silently ignore the values
    of their parameters if they are bound in the request.
    """
    manager = generate_preset_pass_manager(0, basis_gates=ELEMENTARY)
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
            where = [index[find(q).index] for q in item.qubits]
            small.append(item.operation, where, copy=False)
    return Isa(small, tuple(index[q] for q in isa.final)), used


def select(target: Target, keep: Callable[[str, tuple[int, ...]], bool]) -> Target:
    """Return the part of a target whose instructions `keep` wants.

    It is asked for a name and qubits; those are () for what all qubits have.
    """
    part = Target(
        num_qubits=target.num_qubits,
        dt=target.dt,
        qubit_properties=target.qubit_properties,
    )
    names, operations = target.operation_names, target.operations
    for name, operation in zip(names, operations, strict=True):
        properties = target[name]
        everywhere = isinstance(operation, type) or not properties
        if everywhere or None in properties:
            if keep(name, ()):
                part.add_instruction(operation, name=name)
            continue
        kept = {where: how for where, how in properties.items() if keep(name, where)}
        if kept:
            part.add_instruction(operation, kept, name=name)
    return part


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
