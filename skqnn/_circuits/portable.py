"""Circuits and observables in pickles: as data, which any version of Qiskit reads."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from skqnn._circuits.documents import circuit_document, read_circuit

_MARK = "skqnn: kind"
_COUNTED = re.compile(r"circuit-[\d-]+")  # by Qiskit, in each process


def as_data(value: Any) -> Any:
    """Return a value without objects of Qiskit, the inverse of `from_data`.

    Circuits become documents, operators labels and coefficients, also within lists and
    tuples. What has no document, as a circuit with a measurement, stays as it is.
    """
    if type(value) in (list, tuple):
        return type(value)(map(as_data, value))
    for name, (kind, write, _) in _KINDS.items():
        if isinstance(value, kind):
            with suppress(IndexError, KeyError, TypeError, ValueError):
                return {_MARK: name} | write(value)
    return value


def from_data(value: Any) -> Any:
    """Return a value with the objects of Qiskit that `as_data` took out."""
    if type(value) in (list, tuple):
        return type(value)(map(from_data, value))
    if type(value) is dict and _MARK in value:
        return _KINDS[value[_MARK]][2](value)
    return value


def _circuit_document(circuit: QuantumCircuit) -> dict[str, Any]:
    """Return the document of a circuit, in which equal circuits have equal names.

    Raises
    ------
    ValueError, TypeError, KeyError, IndexError
        If there is none that can be read back. A circuit with resets has none: where
        they are refused, they must be refused afterwards, too.
    """
    document = circuit_document(circuit, fresh=False)
    read_circuit(document)
    if _COUNTED.fullmatch(circuit.name):
        document["name"] = "circuit"
    return document


def _operator_document(operator: SparsePauliOp) -> dict[str, Any]:
    return {"labels": operator.paulis.to_labels(), "coeffs": operator.coeffs}


def _read_operator(document: dict[str, Any]) -> SparsePauliOp:
    return SparsePauliOp(document["labels"], document["coeffs"])


# What is written: its type, how to write it, how to read it.
_KINDS: dict[str, tuple[type, Callable, Callable]] = {
    "circuit": (QuantumCircuit, _circuit_document, read_circuit),
    "operator": (SparsePauliOp, _operator_document, _read_operator),
}
