import os
import subprocess
import sys

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import UnitaryGate
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error

from skqnn._backends.description import describe
from skqnn._backends.naming import model_name

OBSERVABLES = [SparsePauliOp("ZI")]


def make_circuit(angle=0.5, name="x", factor=2):
    vector = ParameterVector(name, 2)
    circuit = QuantumCircuit(2)
    circuit.rz(factor * vector[1] + vector[0], 0)
    circuit.rz(angle, 1)
    circuit.cx(0, 1)
    return circuit


def turned():
    circuit = make_circuit()
    circuit.data.reverse()
    return circuit


def wrapped():
    circuit = QuantumCircuit(2)
    circuit.append(make_circuit().to_gate(), [0, 1])
    return circuit


@pytest.mark.parametrize(
    "circuit, observables",
    [
        (make_circuit(0.6), OBSERVABLES),
        (make_circuit(factor=3), OBSERVABLES),
        (turned(), OBSERVABLES),
        (QuantumCircuit(2), OBSERVABLES),
        (make_circuit(), [SparsePauliOp("IZ")]),
        (make_circuit(), [SparsePauliOp("ZI", 2.0)]),
        (make_circuit(), OBSERVABLES * 2),
    ],
)
def test_name_depends_on_all_that_changes_a_result(circuit, observables):
    assert model_name(circuit, observables) != model_name(make_circuit(), OBSERVABLES)


def test_name_does_not_depend_on_words():
    expected = model_name(make_circuit(), OBSERVABLES)
    assert model_name(make_circuit(name="y"), OBSERVABLES) == expected
    assert model_name(wrapped(), OBSERVABLES) == expected


def test_name_tells_parameters_apart_by_their_places():
    one, other = QuantumCircuit(2), QuantumCircuit(2)
    for circuit, qubits in ((one, (0, 1)), (other, (1, 0))):
        for name, qubit in zip("ab", qubits, strict=True):
            circuit.ry(Parameter(name), qubit)
    assert model_name(one, OBSERVABLES) != model_name(other, OBSERVABLES)


def test_name_of_a_matrix_is_that_of_the_gate():
    named, matrix = QuantumCircuit(2), QuantumCircuit(2)
    named.cx(0, 1)
    matrix.append(UnitaryGate(named.data[0].operation.to_matrix()), [0, 1])
    assert model_name(named, OBSERVABLES) == model_name(matrix, OBSERVABLES)


def describe_all():
    """Return what names a request: the circuit, and a simulator with noise."""
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 2), ["cx", "cz"])
    device = describe(AerSimulator(noise_model=model))
    return repr((model_name(make_circuit(), OBSERVABLES), device))


def test_names_and_descriptions_are_equal_in_another_process():
    program = f"import runpy; print(runpy.run_path({__file__!r})['describe_all']())"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    other = subprocess.run(
        [sys.executable, "-c", program],
        env=environment | {"PYTHONHASHSEED": "1"},
        capture_output=True,
        check=True,
        text=True,
    )
    assert other.stdout.strip() == describe_all()
