"""The quantum model that fits the data: feature map, ansatz and observables."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp

from skqnn._circuits.ansatz import angle_encoding, build_ansatz
from skqnn._circuits.gates import Gate, compile_circuit, flatten, is_real
from skqnn._circuits.normal_form import normal_form
from skqnn._circuits.observables import (
    as_observables,
    choose_observables,
    dead_parameters,
)

_MOST_QUBITS = 1000  # of all registers together


class Model(NamedTuple):
    """Circuits and observables, everything but the trained numbers."""

    circuit: QuantumCircuit  # the ansatz, with free parameters theta
    feature_map: QuantumCircuit | None  # None: rows are amplitudes
    observables: list[SparsePauliOp]
    dead_parameters: np.ndarray  # indices of theta
    constant: float = 0.0  # size of the amplitude that every row gets, 0 for none
    n_copies: int = 1  # registers with the same row

    def n_row_qubits(self, n_features: int) -> int:
        """Return the number of qubits of one register of amplitudes."""
        if self.n_copies == 1:  # further qubits are the leading ones of the state
            return self.circuit.num_qubits
        return n_amplitude_qubits(n_features + bool(self.constant))


def changeable(
    circuits: Iterable[QuantumCircuit | None], observables: Iterable[SparsePauliOp]
) -> tuple:
    """Return what tells a model from itself after a change in place, at little cost.

    Of a circuit, that is its length only.
    """
    lengths = [None if c is None else len(c.data) for c in circuits]
    arrays = [
        part.tobytes()
        for observable in observables
        for part in (observable.coeffs, observable.paulis.x, observable.paulis.z)
    ]
    return (*lengths, *arrays)


class WholeCircuit(NamedTuple):
    """Preparation or feature map, then the ansatz, both with free parameters."""

    circuit: QuantumCircuit
    inputs: ParameterVector
    weights: ParameterVector


def whole_circuit(
    ansatz: QuantumCircuit, prefix: QuantumCircuit | None = None
) -> WholeCircuit:
    """Join what encodes a row and the ansatz, for devices and other software.

    The parameters are fresh, and the inputs ``x`` come before the weights ``θ``, in
    their order before: both circuits may have used the same ones. Whatever form the
    circuits have, the result is in normal form.
    """
    n_qubits = ansatz.num_qubits
    if prefix is None or prefix.num_qubits < n_qubits:
        narrow, prefix = prefix, QuantumCircuit(n_qubits)
        if narrow is not None:
            prefix.compose(narrow, range(narrow.num_qubits), inplace=True)
    prefix = normal_form(prefix, fresh=frozenset(range(n_qubits)))
    ansatz = normal_form(ansatz)
    inputs = ParameterVector("x", prefix.num_parameters)
    weights = ParameterVector("θ", ansatz.num_parameters)
    circuit = QuantumCircuit(n_qubits)
    circuit.compose(prefix.assign_parameters(inputs), inplace=True)
    circuit.compose(ansatz.assign_parameters(weights), inplace=True)
    return WholeCircuit(circuit, inputs, weights)


def n_amplitude_qubits(n_features: int) -> int:
    """Return the number of qubits that hold n_features amplitudes, at least 1."""
    return max(1, (n_features - 1).bit_length())


def choose_reps(n_qubits: int, n_classes: int) -> int:
    """Return how many layers follow the first, for ``reps="auto"``.

    K classes get at least ``4 K (K - 1)`` angles, and circuits of up to six qubits, of
    which one layer has few, at least ``10 - n_qubits`` layers. More than 41 layers are
    not worth their time, and more than ``2**n_qubits - 2`` train badly: they have more
    angles than there are rotations of the states.
    """
    n_angles = 4 * n_classes * (n_classes - 1)
    least = 10 - n_qubits if n_qubits <= 6 else 2
    n_layers = max(-(-n_angles // n_qubits), least)
    return max(min(n_layers, 41, 2**n_qubits - 2) - 1, 1)


class Architecture(NamedTuple):
    """The arguments of QNNClassifier that describe its model."""

    encoding: Any
    ansatz: Any
    reps: int | str
    entanglement: Any
    observables: Any
    n_copies: int = 1
    intercept_scaling: Any = "auto"

    @property
    def plain(self) -> list[tuple] | None:
        """The arguments if they are names and numbers, which say it all, else None."""
        values = [tuple(v) if isinstance(v, list) else (v,) for v in self]
        plain = all(
            isinstance(v, str | float | int | None) for row in values for v in row
        )
        return values if plain else None


def build_model(
    architecture: Architecture,
    n_features: int,
    n_classes: int,
    constant: float = 0.0,
) -> Model:
    """Choose the number of qubits, build the circuits, choose the observables.

    The qubits must hold the encoding, the observables and a circuit given as
    `ansatz`; where they hold more than the data needs, the further qubits start in
    ``|0>``.
    """
    encoding, ansatz, reps, entanglement, observables, n_copies, _ = architecture
    n_observables = 1 if n_classes == 2 else n_classes
    if isinstance(observables, str):
        measured = None
        n_needed = n_observables.bit_length()  # 2**n - 1 distinct Z strings
    else:
        measured = as_observables(observables)
        _check_number(measured, n_classes, n_observables)
        n_needed = measured[0].num_qubits
    n_data = _encoding_qubits(encoding, n_features, constant)
    _check_copies(n_copies, n_data)
    n_data *= n_copies
    if isinstance(encoding, QuantumCircuit):
        with _naming("encoding"):
            fresh = frozenset(range(encoding.num_qubits))
            encoding = normal_form(encoding, fresh=fresh).copy()
        n_needed = max(n_data, n_needed if measured else 0)
    n_qubits = max(n_data, n_needed)
    if isinstance(ansatz, QuantumCircuit):
        n_qubits = max(n_qubits, ansatz.num_qubits)
    if isinstance(reps, str):
        reps = choose_reps(n_qubits, n_classes)
    circuit = build_ansatz(ansatz, n_qubits, reps, entanglement)
    _check_own_parameters(circuit, encoding)
    with _naming("ansatz"):
        circuit = normal_form(circuit).copy()  # the user's may grow afterwards
        gates = compile_circuit(circuit)
    n_theta = circuit.num_parameters
    if measured is None:
        measured = _choose(gates, n_qubits, n_observables, n_theta)
    elif measured[0].num_qubits != n_qubits:
        raise ValueError(
            f"`observables` must act on all {n_qubits} qubits of the model, got "
            f"{measured[0].num_qubits} qubits{_padded(measured[0], n_qubits)}."
        )
    feature_map = _feature_map(encoding, n_features, n_qubits, n_copies)
    real = encodes_real(feature_map)
    dead = dead_parameters(gates, measured, n_theta, real_states=real)
    return Model(circuit, feature_map, measured, dead, constant, n_copies)


def _check_copies(n_copies: int, n_qubits: int) -> None:
    """Refuse registers that nothing could run, before a circuit of them is built."""
    if n_copies > 1 and n_copies * n_qubits > _MOST_QUBITS:
        raise ValueError(
            f"`n_copies` must be at most {max(1, _MOST_QUBITS // n_qubits)} for rows "
            f"on {n_qubits} qubits, got {n_copies}; two or three copies go far, since "
            "scores are polynomials of degree 2 n_copies."
        )


def _choose(
    gates: tuple[Gate, ...], n_qubits: int, n_observables: int, n_theta: int
) -> list[SparsePauliOp]:
    """Return different Z strings, if there are enough of them."""
    if n_observables >= 2**n_qubits:
        raise ValueError(
            f"`observables='auto'` must find {n_observables} different Z strings, "
            f"got only {n_qubits} qubits; give the observables or use more qubits."
        )
    return choose_observables(gates, n_qubits, n_observables, n_theta)


def encodes_real(feature_map: QuantumCircuit | None) -> bool:
    """Tell whether the amplitudes of all encoded rows are real."""
    return feature_map is None or is_real(flatten(feature_map))


def _check_own_parameters(ansatz: QuantumCircuit, encoding: Any) -> None:
    """Refuse an ansatz that would train the features as if they were weights."""
    if isinstance(encoding, QuantumCircuit):
        shared = set(ansatz.parameters) & set(encoding.parameters)
        if shared:
            names = ", ".join(sorted(parameter.name for parameter in shared))
            raise ValueError(
                "`ansatz` and `encoding` must have no parameter in common, got "
                f"{names}: features cannot be encoded again inside of the ansatz. Use "
                "parameters of another ParameterVector; n_copies=2 encodes rows twice."
            )


@contextmanager
def _naming(argument: str) -> Iterator[None]:
    """Say which argument an error about a circuit speaks of."""
    try:
        yield
    except ValueError as error:
        raise ValueError(
            f"`{argument}` must be a circuit that can be simulated. {error}"
        ) from error


def _check_number(observables: list, n_classes: int, n_observables: int) -> None:
    if len(observables) != n_observables:
        raise ValueError(
            f"`observables` must be a list of {n_observables} for {n_classes} classes "
            f"(one for two classes, otherwise one per class), got {len(observables)}."
        )


def _encoding_qubits(encoding: Any, n_features: int, constant: float) -> int:
    if isinstance(encoding, QuantumCircuit):
        if encoding.num_parameters != n_features:
            raise ValueError(
                "`encoding` must have one parameter per feature when it is a circuit, "
                f"got {encoding.num_parameters} parameters for {n_features} features"
                f"{_weights_of(encoding)}."
            )
        return encoding.num_qubits
    if encoding == "angle":
        return n_features
    return n_amplitude_qubits(n_features + bool(constant))


def _weights_of(encoding: QuantumCircuit) -> str:
    """Return where parameters go that Qiskit names as those to be trained."""
    if not any(p.name.startswith("θ[") for p in encoding.parameters):
        return ""
    return "; what is to be trained, such as θ[0], goes into `ansatz`"


def _feature_map(
    encoding: Any, n_features: int, n_qubits: int, n_copies: int
) -> QuantumCircuit | None:
    """Return the circuit that encodes a row, None for amplitudes."""
    if isinstance(encoding, str):
        if encoding == "amplitude":
            return None
        encoding = angle_encoding(n_features, n_features)
    if encoding.num_qubits == n_qubits:
        return encoding
    wide = QuantumCircuit(n_qubits)
    for k in range(n_copies):
        first = k * encoding.num_qubits
        register = range(first, first + encoding.num_qubits)
        wide.compose(encoding, register, inplace=True)
    return wide


def check_same_model(
    architecture: Architecture, fitted: Model, n_features: int, n_classes: int
) -> None:
    """Raise ValueError if training cannot go on: circuits or observables differ.

    Parameters count by their position: two calls give them different identities.
    """
    model = build_model(architecture, n_features, n_classes, fitted.constant)
    as_before = {
        "`ansatz`, `reps`, `entanglement`": _same_circuit(
            model.circuit, fitted.circuit
        ),
        "`encoding`": _same_circuit(model.feature_map, fitted.feature_map),
        "`observables`": list(model.observables) == list(fitted.observables),
        "`n_copies`": model.n_copies == fitted.n_copies,
        "`intercept_scaling`": architecture.intercept_scaling
        in ("auto", fitted.constant or None),
    }
    changed = ", ".join(names for names, same in as_before.items() if not same)
    if changed:
        raise ValueError(
            f"{changed} must make the model that training began with, got another one; "
            "call fit with warm_start=False to begin anew."
        )


def _same_circuit(a: QuantumCircuit | None, b: QuantumCircuit | None) -> bool:
    if a is None or b is None:
        return a is b
    if a.num_parameters != b.num_parameters or a.num_qubits != b.num_qubits:
        return False
    values = np.arange(1.0, a.num_parameters + 1)
    return a.assign_parameters(values) == b.assign_parameters(values)


def _padded(observable: SparsePauliOp, n_qubits: int) -> str:
    """Return the cure for a label that is too short: identities in front of it."""
    label = observable.paulis[0].to_label()
    if len(label) > n_qubits:
        return ""
    return f"; identities fill a label, such as {label.rjust(n_qubits, 'I')!r}"
