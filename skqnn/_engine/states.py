"""Rows to states: as amplitudes, or by a feature map, on the device of the rows."""

import math
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterExpression
from sklearn.utils import gen_batches

from skqnn._arrays import block_bytes, into, namespace, numpy_dtype, sender, to_numpy
from skqnn._circuits.angles import evaluate, linear_form
from skqnn._circuits.gates import Elementary, flatten, is_real
from skqnn._engine.steps import from_front, to_front


def amplitude_rows(X: Any, n_qubits: int) -> Any:
    """Return X as states of shape (n_samples, 2**n_qubits).

    Rows are padded with zeros and divided by their Euclidean norm. A row of zeros
    becomes ``|0...0>``. If all rows already are states, X itself is returned.
    """
    xp, device = namespace(X)
    n_samples, n_features = X.shape
    tolerance = 16 * float(xp.finfo(X.dtype).eps) * math.sqrt(n_features)
    if n_features == 2**n_qubits and xp.all(xp.abs(_norms(X) - 1) <= tolerance):
        return X
    states = xp.zeros((n_samples, 2**n_qubits), dtype=X.dtype, device=device)
    inside = states[:, :n_features]
    # Dividing by the largest entry first keeps tiny and huge rows from under- or
    # overflowing when they are squared.
    largest = xp.max(xp.abs(X), axis=1, keepdims=True)
    empty = largest[:, 0] == 0
    into(inside, xp.divide, X, xp.where(largest == 0, 1.0, largest))
    norms = xp.astype(xp.where(empty, 1.0, _norms(inside)), X.dtype)
    into(inside, xp.divide, inside, norms[:, None])
    states[:, 0] += xp.astype(empty, X.dtype)
    return states


def _norms(X: Any) -> Any:
    """Return the Euclidean norm of each row."""
    if isinstance(X, np.ndarray):  # in double precision, and without a copy of X
        return np.sqrt(np.einsum("ij,ij->i", X, X, dtype=np.float64))
    xp, _ = namespace(X)
    return xp.sqrt(xp.vecdot(X, X))


def encode(feature_map: QuantumCircuit, X: Any) -> Any:
    """Simulate a feature map for every row of X.

    Parameters
    ----------
    feature_map : QuantumCircuit
        ``feature_map.parameters[j]`` is the parameter of column j. Angles may be any
        expression of the features.
    X : array of shape (n_samples, n_features)

    Returns
    -------
    states : array of shape (n_samples, 2**n_qubits)
        Real if the circuit keeps amplitudes real, otherwise complex.
    """
    n_qubits = feature_map.num_qubits
    gates = list(flatten(feature_map))
    dtype = numpy_dtype(X)
    if not is_real(gates):
        dtype = np.result_type(dtype, np.complex64)
    xp, device = namespace(X)
    shape = (X.shape[0], 2**n_qubits)
    states = xp.empty(shape, dtype=getattr(xp, dtype.name), device=device)
    size = max(1, block_bytes(X) // (dtype.itemsize * 2**n_qubits))
    for batch in gen_batches(X.shape[0], size):
        rows = X[batch, ...]
        matrices = (
            _matrices(gate, feature_map, rows, states.dtype, batch.start)
            for gate in gates
        )
        block = _simulate(gates, matrices, n_qubits, rows, states.dtype)
        states[batch, ...] = block.T
    return states


def _simulate(gates: list[Elementary], matrices, n_qubits: int, rows: Any, dtype):
    """Apply one matrix per gate and sample to ``|0...0>``, result (2**n_qubits, n)."""
    xp, device = namespace(rows)
    n = rows.shape[0]
    zero = xp.zeros((2, n), dtype=dtype, device=device)
    zero[0, :] = 1
    qubits: list[Any] = [zero] * n_qubits
    block = None
    for gate, matrix in zip(gates, matrices, strict=True):
        if block is None and len(gate.qubits) == 1:
            # As long as gates act on single qubits, the state is a product.
            (q,) = gate.qubits
            qubits[q] = _multiply(matrix, qubits[q][:, None, :])[:, 0, :]
            continue
        block = _product(qubits) if block is None else block
        grid = to_front(block, gate.qubits, n_qubits)
        flat = xp.reshape(grid, (matrix.shape[0], -1, n))
        moved = xp.reshape(_multiply(matrix, flat), grid.shape)
        block = xp.reshape(from_front(moved, gate.qubits, n_qubits), (-1, n))
    return _product(qubits) if block is None else block


def _multiply(matrix: Any, block: Any) -> Any:
    """Multiply (d, d, n) by (d, r, n), for each of n samples on its own."""
    terms = (matrix[:, j, None, :] * block[j, ...] for j in range(matrix.shape[0]))
    return sum(terms)


def _product(qubits: list) -> Any:
    """Return the Kronecker product of (2, n) factors, (2**n_qubits, n)."""
    block = qubits[0]
    for qubit in qubits[1:]:
        block = qubit[:, None, :] * block[None, :, :]
        block = namespace(block)[0].reshape(block, (-1, qubit.shape[1]))
    return block


def _matrices(gate: Elementary, feature_map, X: Any, dtype, first_row: int) -> Any:
    """Return the matrix of a gate for every row of X, shape (2**k, 2**k, n_samples)."""
    xp, _ = namespace(X)
    send = sender(X)
    size = len(gate.matrix)
    is_real = xp.isdtype(dtype, "real floating")
    if gate.angle is None:
        matrix = send(
            np.repeat(np.asarray(gate.matrix)[:, :, None], X.shape[0], axis=2)
        )
    else:
        eigenvalues, vectors = np.linalg.eigh(gate.matrix)
        projectors = vectors[:, None, :] * vectors.conj()[None, :, :]
        angles = _angles(gate.angle, feature_map, X, first_row)
        half = angles * send(-0.5 * eigenvalues[:, None])
        cosine, sine = (xp.astype(f(half), xp.complex128) for f in (xp.cos, xp.sin))
        flat = send(projectors.reshape(size * size, size).astype(complex))
        matrix = xp.reshape(flat @ (cosine + 1j * sine), (size, size, -1))
    if is_real and xp.isdtype(matrix.dtype, "complex floating"):
        matrix = xp.real(matrix)
    return xp.astype(matrix, dtype, copy=False)


def _angles(angle: ParameterExpression, feature_map, X: Any, first_row: int) -> Any:
    """Evaluate an angle for every row of X, shape (n_samples,), in radians."""
    xp, device = namespace(X)
    columns = {p: j for j, p in enumerate(feature_map.parameters)}
    form = linear_form(angle)
    if form is None:
        values = evaluate(angle, columns, to_numpy(X), first_row=first_row)
        return sender(X)(values)
    values = xp.zeros(X.shape[0], dtype=xp.float64, device=device) + form.offset
    for parameter, slope in form.terms:
        values = values + slope * xp.astype(X[:, columns[parameter]], xp.float64)
    return values
