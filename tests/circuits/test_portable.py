"""Circuits and observables as data: what goes into pickles."""

import pickle

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Parameter
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from qiskit.quantum_info import Operator, SparsePauliOp

from skqnn._circuits.portable import as_data, from_data


def with_plain_parameters():
    """Return a circuit of 11 parameters of their own, one of which does nothing."""
    circuit = QuantumCircuit(2)
    for j in range(10):
        circuit.ry(2 * Parameter(f"t{j}"), j % 2)
        circuit.cx(0, 1)
    circuit.rz(0 * Parameter("z"), 0)
    return circuit


def bound(circuit):
    return circuit.assign_parameters(np.linspace(0.1, 2, circuit.num_parameters))


@pytest.mark.parametrize(
    "circuit", [real_amplitudes(3, reps=2), zz_feature_map(3), with_plain_parameters()]
)
def test_circuit_is_the_same_unitary_of_the_same_parameters(circuit):
    data = as_data([circuit, "ZZ"])
    assert b"qiskit" not in pickle.dumps(data)
    back, text = from_data(data)
    assert text == "ZZ"
    assert [p.name for p in back.parameters] == [p.name for p in circuit.parameters]
    # A global phase is left out, and nothing measures it.
    assert Operator(bound(back)).equiv(Operator(bound(circuit)))


def test_matrices_of_a_circuit_are_kept():
    circuit = QuantumCircuit(2)
    circuit.unitary(np.diag([1, 1j, -1, 1]), [1, 0])
    back = from_data(as_data(circuit))
    np.testing.assert_allclose(Operator(back), Operator(circuit), atol=1e-15)


def test_operators_are_kept_to_the_bit():
    operator = SparsePauliOp(["ZI", "XX"], [0.1, 1 / 3])
    data = as_data((operator,))
    assert b"qiskit" not in pickle.dumps(data)
    assert from_data(data) == (operator,)


def test_names_that_qiskit_counts_do_not_tell_equal_circuits_apart():
    first, second = (as_data(QuantumCircuit(1)) for _ in range(2))
    assert first == second
    assert as_data(QuantumCircuit(1, name="mine"))["name"] == "mine"


def circuit_with(name, *arguments):
    circuit = QuantumCircuit(2, 1)
    getattr(circuit, name)(*arguments)
    return circuit


@pytest.mark.parametrize(
    "value",
    [
        circuit_with("measure", 0, 0),
        circuit_with("reset", 0),
        circuit_with("initialize", [1, 0, 0, 0]),
        circuit_with("append", Gate("mystery", 1, []), [0]),
        circuit_with("ry", 1j * Parameter("a"), 0),
        QuantumCircuit(0),
        QuantumCircuit(1001),
        len,
        None,
        3,
        {"a": [1]},
        np.ones(2),
    ],
)
def test_what_has_no_document_stays_as_it_is(value):
    assert as_data(value) is value
    assert from_data(value) is value
    pickle.loads(pickle.dumps(as_data([value])))
