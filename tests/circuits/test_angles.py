"""Angles: linear forms, values by row, and names whose numbers are out of order."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector

from skqnn._circuits.angles import check_domain, evaluate, linear_form, out_of_order

A, B = Parameter("a"), Parameter("b")


@pytest.mark.parametrize(
    "angle, terms, offset",
    [
        (A, {A: 1.0}, 0.0),
        (0.3 - A / 2, {A: -0.5}, 0.3),
        (3 * (B + 1) - A, {A: -1.0, B: 3.0}, 3.0),
        (A - A + B, {B: 1.0}, 0.0),
        (0 * A + 2, {}, 2.0),
    ],
    ids=str,
)
def test_linear_angles_are_understood(angle, terms, offset):
    form = linear_form(angle)
    assert dict(form.terms) == pytest.approx(terms)
    assert form.offset == pytest.approx(offset)


@pytest.mark.parametrize("angle", [A * A, A.sin(), A * B, A.sign(), 1j * A, A + 1j])
def test_other_angles_have_no_linear_form(angle):
    assert linear_form(angle) is None


def test_angle_is_evaluated_for_every_row():
    X = np.array([[9.0, 0.5, 2.0], [9.0, -0.25, 4.0]])
    values = evaluate(A.sign() * B + A.arcsin(), {B: 2, A: 1}, X)
    np.testing.assert_allclose(values, [2 + np.arcsin(0.5), -4 - np.arcsin(0.25)])


@pytest.mark.parametrize(
    "angle, value",
    [(A.arcsin(), 2.0), (A.log(), -1.0), (A.log(), 0.0), (1 / A, 0.0), (A**0.5, -1.0)],
    ids=str,
)
def test_value_outside_of_the_domain_is_named(angle, value):
    circuit = QuantumCircuit(1)
    circuit.rz(A - B, 0)
    circuit.ry(angle, 0)
    X = np.array([[0.5, 7.0], [0.5, 7.0], [value, 7.0]])
    check_domain(circuit, X[:2])
    with pytest.raises(ValueError, match=rf"a = {value} \(column 0\) in row 2, where"):
        check_domain(circuit, X)


@pytest.mark.parametrize(
    "names, expected",
    [
        (["x0", "x1", "x10", "x11", "x2"], ("x11", "x2")),
        (["_x_10_", "_x_2_"], ("_x_10_", "_x_2_")),
        (["a1", "a2", "b1"], None),
        (["x01", "x02", "x10"], None),
        (["x1_9", "x2_1"], None),
        (["alpha", "beta"], None),
    ],
)
def test_numbers_out_of_order_are_found(names, expected):
    assert out_of_order(map(Parameter, names)) == expected


def test_elements_of_a_vector_are_in_order():
    circuit = QuantumCircuit(1)
    for angle in ParameterVector("v", 12):
        circuit.ry(angle, 0)
    assert out_of_order(circuit.parameters) is None
