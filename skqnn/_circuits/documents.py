"""Circuits as JSON: standard gates by name, other gates opened or as matrices.

Qiskit's own format, QPY, is not used to read files that others may have made: forged
QPY can make its reader take minutes or end the process for want of memory.
"""

import ast
import math
import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Parameter, ParameterExpression, ParameterVector
from qiskit.circuit.library import UnitaryGate, get_standard_gate_name_mapping
from qiskit.circuit.parametervector import ParameterVectorElement

from skqnn._circuits.angles import is_fixed
from skqnn._circuits.normal_form import instructions, normal_form

_MAX_QUBITS = 1000
_MAX_UNUSED = 2**16  # elements of parameter vectors, which take memory nevertheless
_MAX_FORMULA = 2000  # characters, so that neither parser can run out of stack

_PHASE = "global_phase"
_GATES = {
    name: gate.base_class
    for name, gate in get_standard_gate_name_mapping().items()
    if isinstance(gate, Gate)
}

_FUNCTIONS: dict[str, Callable] = {
    "sin": ParameterExpression.sin,
    "cos": ParameterExpression.cos,
    "tan": ParameterExpression.tan,
    "asin": ParameterExpression.arcsin,
    "acos": ParameterExpression.arccos,
    "atan": ParameterExpression.arctan,
    "exp": ParameterExpression.exp,
    "log": ParameterExpression.log,
    "abs": ParameterExpression.abs,
    "sign": ParameterExpression.sign,
}
_OPERATORS: dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


def circuit_document(circuit: QuantumCircuit, *, fresh: bool = True) -> dict[str, Any]:
    """Return a unitary circuit as JSON, with arrays for its matrices.

    Composite gates are opened; global phases without parameters and the names of
    registers are dropped. An angle is a number, or a formula in which ``p0, p1, ...``
    are the parameters. `fresh` qubits begin in ``|0>``, where resets change nothing.

    Raises
    ------
    ValueError
        If an instruction is not unitary, or an angle has no formula that can be read
        back.
    """
    qubits_in_0 = frozenset(range(circuit.num_qubits) if fresh else ())
    normal = normal_form(circuit, fresh=qubits_in_0)
    parameters = list(normal.parameters)
    names = {parameter: Parameter(f"p{j}") for j, parameter in enumerate(parameters)}
    matrices: list[np.ndarray] = []
    gates: list[list] = []
    for item, qubits in instructions(normal):
        if item.name == "unitary":
            matrices.append(item.operation.to_matrix())
            gates.append([item.name, list(qubits), len(matrices) - 1])
        else:
            values = [] if item.name == "barrier" else item.params
            angles = [_write_angle(value, names) for value in values]
            gates.append([item.name, list(qubits), angles])
    if not is_fixed(normal.global_phase):  # it holds parameters that change nothing
        gates.append([_PHASE, [], [_write_angle(normal.global_phase, names)]])
    gates += [[_PHASE, [], [formula]] for formula in _unwritten(names, gates)]
    return {
        "name": normal.name,
        "n_qubits": normal.num_qubits,
        "parameters": [_write_parameter(parameter) for parameter in parameters],
        "gates": gates,
        "matrices": matrices,
    }


def _write_parameter(parameter: Parameter) -> list:
    if isinstance(parameter, ParameterVectorElement):
        vector = parameter.vector
        return [vector.name, len(vector), parameter.index]
    return [parameter.name]


def _write_angle(angle: Any, names: dict[Parameter, Parameter]) -> float | str:
    if is_fixed(angle):
        return float(angle)
    if isinstance(angle, Parameter):
        return names[angle].name
    formula = str(angle.subs({p: names[p] for p in angle.parameters}))
    _parse(formula, {p.name: p for p in names.values()})
    return formula


def _unwritten(names: dict[Parameter, Parameter], gates: list[list]) -> list[str]:
    """Return formulas that are zero, of the parameters that stand in no other.

    Qiskit writes ``0 * p`` and ``p - p`` as 0, although they still hold p.
    """
    written = {
        word
        for name, _, angles in gates
        if name != "unitary"
        for angle in angles
        if isinstance(angle, str)
        for word in re.findall(r"p\d+", angle)
    }
    return [f"0*{p.name}" for p in names.values() if p.name not in written]


def read_circuit(document: dict[str, Any]) -> QuantumCircuit:
    """Build a circuit from its document; the inverse of `circuit_document`.

    Raises
    ------
    ValueError, TypeError, KeyError, IndexError
        If the document is not one that `circuit_document` writes.
    """
    n_qubits, gates = document["n_qubits"], document["gates"]
    if type(n_qubits) is not int or not 1 <= n_qubits <= _MAX_QUBITS:
        raise ValueError(f"A circuit must have 1 to {_MAX_QUBITS} qubits.")
    parameters = _read_parameters(document["parameters"])
    names = {f"p{j}": parameter for j, parameter in enumerate(parameters)}
    circuit = QuantumCircuit(n_qubits, name=str(document["name"]))
    for name, qubits, values in gates:
        if not all(type(q) is int and 0 <= q < n_qubits for q in qubits):
            raise ValueError(f"A gate must act on qubits 0 to {n_qubits - 1}.")
        if name == "barrier":
            circuit.barrier(qubits)
        elif name == _PHASE:
            (angle,) = values
            circuit.global_phase += _read_angle(angle, names)
        elif name == "unitary":
            circuit.append(UnitaryGate(document["matrices"][values]), qubits)
        else:
            angles = [_read_angle(value, names) for value in values]
            circuit.append(_GATES[name](*angles), qubits)
    if list(circuit.parameters) != parameters:
        raise ValueError("A circuit must use its parameters, in their order.")
    return circuit


def _read_parameters(entries: list[list]) -> list[Parameter]:
    """Return the parameters; vectors end with the last element that is used.

    A declared length is not believed: every element takes memory.
    """
    lengths: dict[str, int] = {}
    for entry in entries:
        if len(entry) > 1:
            name, length, index = entry
            if type(index) is not int or type(length) is not int:
                raise ValueError("Length and index of a parameter must be integers.")
            if not 0 <= index < length:
                raise ValueError("The index of a parameter must be within its vector.")
            lengths[name] = max(lengths.get(name, 0), index + 1)
    if sum(lengths.values()) > _MAX_UNUSED + len(entries):
        raise ValueError(f"Vectors must have at most {_MAX_UNUSED} unused elements.")
    vectors = {name: ParameterVector(str(name), n) for name, n in lengths.items()}
    return [
        vectors[entry[0]][entry[2]] if len(entry) > 1 else Parameter(str(entry[0]))
        for entry in entries
    ]


def _read_angle(angle: Any, names: dict[str, Parameter]) -> Any:
    if isinstance(angle, str):
        return _parse(angle, names)
    if not isinstance(angle, float) or not math.isfinite(angle):
        raise ValueError("An angle must be a finite number or a formula.")
    return angle


def _parse(formula: str, names: dict[str, Parameter]) -> ParameterExpression:
    """Calculate a formula of numbers, parameters, operators and known functions."""
    try:
        if len(formula) > _MAX_FORMULA:
            raise ValueError(f"it has more than {_MAX_FORMULA} characters")
        return _evaluate(ast.parse(formula, mode="eval").body, names)
    except Exception as error:
        raise ValueError(
            f"An angle must be a real formula of the parameters, got {formula!r}."
        ) from error


def _evaluate(node: ast.expr, names: dict[str, Parameter]) -> Any:
    match node:
        case ast.Name(id=name):
            return names[name]
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.UnaryOp(op=sign, operand=operand):
            return _OPERATORS[type(sign)](_evaluate(operand, names))
        case ast.BinOp(left=left, op=sign, right=right):
            return _OPERATORS[type(sign)](
                _evaluate(left, names), _evaluate(right, names)
            )
        case ast.Call(func=ast.Name(id=name), args=[operand], keywords=[]):
            return _FUNCTIONS[name](_evaluate(operand, names))
    raise ValueError(f"unknown syntax: {ast.dump(node)}")
