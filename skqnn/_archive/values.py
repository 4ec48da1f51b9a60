"""Values of parameters and attributes as JSON, arrays as npy: data, never code.

Numbers, strings, None and lists stand for themselves. Everything else is an object with
one key that names its kind, see `_READERS`.
"""

import io
import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from skqnn._circuits.documents import circuit_document, read_circuit
from skqnn._circuits.observables import as_observables
from skqnn._images import Encoding
from skqnn._training.monitor import Curves
from skqnn._training.optimizers import OPTIMIZERS

_ARRAY_KINDS = "biufcUS"  # booleans, numbers and strings


def _records() -> dict[str, Any]:
    """Return the named tuples that are data, among them states of optimizers."""
    states = [type(optimizer.init(np.zeros(1))) for optimizer in OPTIMIZERS.values()]
    return {record.__name__: record for record in (Encoding, Curves, *states)}


class Writer:
    """Turn values into JSON, collecting the members of the file that it refers to."""

    def __init__(self) -> None:
        self.members: dict[str, bytes] = {}

    def add(self, suffix: str, data: bytes) -> str:
        """Keep a member and return its name."""
        name = f"data/{len(self.members)}.{suffix}"
        self.members[name] = data
        return name

    def write(self, value: Any) -> Any:
        """Return a value as JSON.

        Raises
        ------
        TypeError, ValueError
            If the value, or something in it, cannot be saved.
        """
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"float": str(value)}
        if type(value) is list:
            return [self.write(item) for item in value]
        known = QuantumCircuit if isinstance(value, QuantumCircuit) else type(value)
        if known in _records().values():
            return {"record": _write_record(self, value)}
        if known not in _WRITERS:
            raise TypeError(f"{known.__name__} objects are code, not data")
        kind, content = _WRITERS[known]
        return {kind: content(self, value)}

    def write_array(self, array: np.ndarray) -> Any:
        """Return the name of the npy member; labels (objects) are listed instead."""
        if array.dtype == object and array.ndim == 1:
            if all(isinstance(label, str) for label in array):
                return array.tolist()
        if array.dtype.kind not in _ARRAY_KINDS:
            raise TypeError(f"an array of dtype {array.dtype} cannot be written")
        stream = io.BytesIO()
        np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=False)
        return self.add("npy", stream.getvalue())


def _write_items(writer: Writer, value: Any) -> list:
    return [writer.write(item) for item in value]


def _write_dict(writer: Writer, value: dict) -> list:
    return [_write_items(writer, pair) for pair in value.items()]


def _write_record(writer: Writer, value: tuple) -> list:
    return [type(value).__name__, *_write_items(writer, value)]


def _write_generator(writer: Writer, value: np.random.Generator) -> Any:
    return value.bit_generator.state


def _write_operator(writer: Writer, value: SparsePauliOp) -> list:
    return [value.paulis.to_labels(), writer.write_array(value.coeffs)]


def _write_circuit(writer: Writer, value: QuantumCircuit) -> dict:
    document = circuit_document(value)
    matrices = [writer.write_array(matrix) for matrix in document["matrices"]]
    return document | {"matrices": matrices}


_WRITERS: dict[type, tuple[str, Callable]] = {
    tuple: ("tuple", _write_items),
    dict: ("dict", _write_dict),
    np.ndarray: ("array", Writer.write_array),
    np.random.Generator: ("generator", _write_generator),
    SparsePauliOp: ("operator", _write_operator),
    QuantumCircuit: ("circuit", _write_circuit),
}


class Reader:
    """Turn JSON back into values; the inverse of `Writer`."""

    def __init__(self, members: Mapping[str, bytes]):
        self.members = members

    def read(self, document: Any) -> Any:
        """Return the value of a document.

        Raises
        ------
        Exception
            Of many types, if the document is not one that `Writer.write` makes.
        """
        if document is None or isinstance(document, bool | int | float | str):
            return document
        if isinstance(document, list):
            return [self.read(item) for item in document]
        ((kind, content),) = document.items()
        return _READERS[kind](self, content)

    def read_array(self, content: Any) -> np.ndarray:
        """Return the array of an npy member, or of a list of labels."""
        if isinstance(content, list):
            if not all(isinstance(label, str) for label in content):
                raise ValueError("An array of labels must hold strings.")
            return np.array(content, dtype=object)
        data = self.members[content]
        stream = io.BytesIO(data)
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("An array must have version 1.0 of the npy format.")
        shape, columns_first, dtype = np.lib.format.read_array_header_1_0(stream)
        order: Literal["C", "F"] = "F" if columns_first else "C"
        body = data[stream.tell() :]
        size = math.prod(shape) * dtype.itemsize
        if dtype.kind not in _ARRAY_KINDS or size != len(body):
            raise ValueError("An array must have the type and size of its header.")
        return np.frombuffer(body, dtype).reshape(shape, order=order).copy()


def _read_float(reader: Reader, content: Any) -> float:
    if content not in ("nan", "inf", "-inf"):
        raise ValueError("A special float must be 'nan', 'inf' or '-inf'.")
    return float(content)


def _read_record(reader: Reader, content: list) -> Any:
    name, *fields = content
    return _records()[name](*map(reader.read, fields))


def _read_generator(reader: Reader, content: dict) -> np.random.Generator:
    generator = np.random.default_rng(0)
    generator.bit_generator.state = content
    return generator


def _read_operator(reader: Reader, content: list) -> SparsePauliOp:
    labels, coefficients = content
    operator = SparsePauliOp(labels, reader.read_array(coefficients))
    as_observables([operator])  # refuses what is not Hermitian or not finite
    return operator


def _read_circuit(reader: Reader, content: dict) -> QuantumCircuit:
    matrices = [reader.read_array(name) for name in content["matrices"]]
    return read_circuit(content | {"matrices": matrices})


_READERS: dict[str, Callable[[Reader, Any], Any]] = {
    "float": _read_float,
    "tuple": lambda reader, content: tuple(reader.read(v) for v in content),
    "dict": lambda reader, content: {
        reader.read(key): reader.read(value) for key, value in content
    },
    "array": Reader.read_array,
    "record": _read_record,
    "generator": _read_generator,
    "operator": _read_operator,
    "circuit": _read_circuit,
}
