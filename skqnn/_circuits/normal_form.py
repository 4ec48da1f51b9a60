"""A user's circuit in one form: Qiskit's standard gates, matrices and barriers only.

Whatever else a circuit may hold is opened here, once, and before a name is looked at by
anyone: simulators, transpilers and file formats tell gates apart by name, so that a
sub-circuit called ``id`` would be left out by one and run by the other. Aer looks for
the errors of a gate by its label, so labels are left out. What has more than one
meaning (an evolution is synthesised approximately) gets that of its definition.
"""

from collections.abc import Iterator, Sequence

from qiskit import QuantumCircuit
from qiskit.circuit import (
    Barrier,
    BoxOp,
    CircuitInstruction,
    ControlFlowOp,
    Delay,
    Instruction,
    Measure,
    Operation,
    Reset,
)
from qiskit.circuit.library import GlobalPhaseGate, UnitaryGate
from qiskit.quantum_info import Operator
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import HighLevelSynthesis


def normal_form(
    circuit: QuantumCircuit, *, fresh: frozenset[int] = frozenset()
) -> QuantumCircuit:
    """Return the circuit in standard gates, `UnitaryGate` and barriers.

    Composite gates, boxes, annotated operations, Cliffords and the like are opened,
    delays and labels are left out. Qubits, registers and parameters with their order
    are kept; a circuit that has this form already is returned itself.

    Parameters
    ----------
    circuit : QuantumCircuit
        A unitary circuit as its user designed it.
    fresh : frozenset of int, default=frozenset()
        The qubits in ``|0>`` at the start. A reset that comes first on one of them does
        nothing, so that `Initialize` may stand there.

    Raises
    ------
    ValueError
        If an instruction is not unitary (measurement, reset, control flow) or unknown,
        if gates are nested too deeply, or if the circuit was transpiled for a device.
    """
    _check_layout(circuit)
    if (
        not circuit.clbits
        and not circuit.num_vars
        and all(_is_plain(item) and item.label is None for item in circuit.data)
    ):
        return circuit
    normal = QuantumCircuit(circuit.qubits, *circuit.qregs, name=circuit.name)
    try:
        _write(circuit, normal, range(circuit.num_qubits), set(fresh))
    except RecursionError as error:
        raise ValueError("Gates must not be nested hundreds of levels deep.") from error
    # Of a parameter that changes nothing, the place among the others has to be kept.
    for parameter in set(circuit.parameters) - set(normal.parameters):
        normal.global_phase += 0 * parameter
    return normal


def _check_layout(circuit: QuantumCircuit) -> None:
    """Refuse a circuit whose qubits are those of a device."""
    if circuit.layout is None:
        return
    places = circuit.layout.final_index_layout()
    first = circuit.layout.initial_index_layout(filter_ancillas=True)
    if not places == first == list(range(circuit.num_qubits)):
        raise ValueError(
            "It must be the circuit as designed, got one that was transpiled to "
            f"{circuit.num_qubits} qubits, of which {places} hold its results; give "
            "the circuit before it was transpiled, `backend` transpiles it."
        )


def _is_plain(item: CircuitInstruction) -> bool:
    """Tell whether an instruction may stand in a normal form.

    By class, never by name: Qiskit looks for its own gates among the classes.
    """
    if len(item.qubits) > 1 and len(set(item.qubits)) < len(item.qubits):
        raise ValueError(
            f"Every gate must act on different qubits, got {item.name!r} on one qubit "
            "twice."
        )
    if item.is_standard_gate():
        return item.name != "global_phase"
    return type(item.operation) in (UnitaryGate, Barrier)


def _write(
    circuit: QuantumCircuit,
    normal: QuantumCircuit,
    where: Sequence[int],
    fresh: set[int],
) -> None:
    """Append a circuit to `normal`, its qubit q on qubit ``where[q]``."""
    normal.global_phase += circuit.global_phase
    for item in circuit.data:
        operation = item.operation
        qubits = [where[circuit.find_bit(bit).index] for bit in item.qubits]
        if _is_plain(item):
            normal.append(_unlabelled(operation), qubits, copy=False)
        elif isinstance(operation, GlobalPhaseGate):
            normal.global_phase += operation.params[0]
        elif not isinstance(operation, Delay) and not (
            isinstance(operation, Reset) and fresh.issuperset(qubits)
        ):
            _write(_opened(operation, qubits), normal, qubits, fresh)
        if not isinstance(operation, Barrier | Delay | Reset):
            fresh.difference_update(qubits)


def _unlabelled(operation: Instruction) -> Instruction:
    """Return a gate without the label that it may have in drawings."""
    if operation.label is None:
        return operation
    bare = operation.to_mutable()
    bare.label = None
    return bare


def _opened(operation: Operation, qubits: Sequence[int]) -> QuantumCircuit:
    """Return the circuit that an operation stands for."""
    if isinstance(operation, BoxOp):
        return operation.body
    unitary = not isinstance(operation, Measure | Reset | ControlFlowOp)
    if not unitary or operation.num_clbits:
        raise ValueError(
            f"The circuit must be unitary, got the instruction {operation.name!r} on "
            f"qubits {list(qubits)}; remove measurements, resets and control flow."
        )
    try:
        return _definition(operation)
    except Exception as error:
        raise ValueError(
            "The circuit must consist of gates with a matrix or a definition, got "
            f"{operation.name!r} on qubits {list(qubits)}: {error}"
        ) from error


def _definition(operation: Operation) -> QuantumCircuit:
    """Return how an operation is made of others."""
    definition = None
    if isinstance(operation, Instruction):
        definition = operation.definition
    else:  # an annotated operation, a Clifford, one that a plugin synthesises
        bare = QuantumCircuit(operation.num_qubits)
        bare.append(operation, bare.qubits)
        written = PassManager([HighLevelSynthesis()]).run(bare)
        if not any(type(item.operation) is type(operation) for item in written.data):
            definition = written
    if definition is None:
        definition = QuantumCircuit(operation.num_qubits)
        definition.append(UnitaryGate(Operator(operation)), definition.qubits)
    return definition


def instructions(
    circuit: QuantumCircuit,
) -> Iterator[tuple[CircuitInstruction, tuple[int, ...]]]:
    """Yield the instructions of a circuit and the indices of their qubits."""
    for item in circuit.data:
        yield item, tuple(circuit.find_bit(bit).index for bit in item.qubits)
