"""Parameter shift: equal to the adjoint gradient, or refused."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.quantum_info import random_statevector

from skqnn._circuits.gates import GENERATORS, Gate, compile_circuit
from skqnn._circuits.observables import as_observables
from skqnn._circuits.shift import parameter_shift, shift_rules
from skqnn._engine.statevector import StatevectorEngine

OBSERVABLES = as_observables(["XYZ", "YZX"])


def states(n_qubits, n_samples=4):
    rows = [random_statevector(2**n_qubits, seed=k).data for k in range(n_samples)]
    return np.array(rows)


def gradients(circuit, observables):
    """Return the gradient by shifts and by the adjoint method."""
    rng = np.random.default_rng(0)
    n_qubits, n_parameters = circuit.num_qubits, circuit.num_parameters
    engine = StatevectorEngine(circuit, observables)
    theta = rng.uniform(-3, 3, n_parameters)
    cotangent = rng.normal(size=(4, len(observables)))
    shifts = shift_rules(compile_circuit(circuit), n_parameters)
    E, pullback = parameter_shift(engine.expectations, shifts, states(n_qubits), theta)
    expected, adjoint = engine.vjp(states(n_qubits), theta)
    np.testing.assert_allclose(E, expected, atol=1e-14)
    return pullback(cotangent), adjoint(cotangent)


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("coefficient, offset", [(1, 0), (-2.5, 0.7)])
def test_parameter_shift_equals_adjoint(name, coefficient, offset):
    a, b = ParameterVector("t", 2)
    circuit = QuantumCircuit(3)
    circuit.rx(a, 0)
    circuit.h([0, 1, 2])
    qubits = [2, 0] if GENERATORS[name].shape == (4, 4) else [2]
    gate = get_standard_gate_name_mapping()[name].base_class
    circuit.append(gate(coefficient * b + offset), qubits)
    circuit.ecr(0, 2)
    by_shift, by_adjoint = gradients(circuit, OBSERVABLES)
    assert np.abs(by_adjoint).min() > 1e-3
    np.testing.assert_allclose(by_shift, by_adjoint, atol=1e-10)


@pytest.mark.parametrize("name, n_terms", [("ry", 2), ("cp", 2), ("cry", 4)])
def test_shift_rules_number_of_terms(name, n_terms):
    circuit = QuantumCircuit(2)
    getattr(circuit, name)(Parameter("a"), *[0, 1][: 1 if name == "ry" else 2])
    shifts = shift_rules(compile_circuit(circuit), 1)
    assert len(shifts.weight) == len(shifts.apply(np.zeros(1))) == n_terms


def test_shift_rules_order_is_that_of_the_parameters():
    a, b = ParameterVector("t", 2)
    circuit = QuantumCircuit(1)
    circuit.rx(b, 0)
    circuit.ry(2 * a, 0)
    shifts = shift_rules(compile_circuit(circuit), 2)
    np.testing.assert_array_equal(shifts.parameter, [0, 0, 1, 1])
    quarter = np.pi / 4
    expected = [[quarter, 5], [-quarter, 5], [0, 5 + 2 * quarter], [0, 5 - 2 * quarter]]
    np.testing.assert_allclose(shifts.apply(np.array([0.0, 5.0])), expected)


def test_parameter_shift_one_request_for_all_values():
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("a"), 0)
    engine = StatevectorEngine(circuit, as_observables(["Z"]))
    requests = []

    def expectations(states, thetas):
        requests.append(thetas.shape)
        return engine.expectations(states, thetas)

    shifts = shift_rules(compile_circuit(circuit), 1)
    _, pullback = parameter_shift(expectations, shifts, np.eye(2), np.array([0.3]))
    gradient = pullback(np.array([[1.0], [0.0]]))
    np.testing.assert_allclose(gradient, -np.sin(0.3))  # d cos / d angle
    assert requests == [(3, 1)]


def test_shift_rules_repeated_parameter_is_refused():
    a, circuit = Parameter("a"), QuantumCircuit(2)
    circuit.ry(a, 0)
    circuit.ry(a, 1)
    with pytest.raises(ValueError, match=r"exactly one gate.*parameter 0 stands in"):
        shift_rules(compile_circuit(circuit), 1)


def test_shift_rules_unsupported_generator_is_refused():
    gate = Gate((0, 1), np.diag([0.0, 1.0, 3.0, 7.0]), parameter=0)
    with pytest.raises(ValueError, match=r"supports Pauli rotations.*gradient='spsa'"):
        shift_rules((gate,), 1)
