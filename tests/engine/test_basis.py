"""Angles as polynomials of the features, against Qiskit's own evaluation."""

import math

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from skqnn._engine.basis import Basis, polynomial

x, y, z = Parameter("x"), Parameter("y"), Parameter("z")
COLUMNS = {x: 0, y: 1, z: 2}

POLYNOMIALS = [  # angle, coefficients by hand
    (2 * x, {(0,): 2}),
    (x - x + y + 1, {(): 1, (1,): 1}),
    (x * x, {(0, 0): 1}),
    (x * x / 2 + y, {(0, 0): 0.5, (1,): 1}),
    ((1 - x) * (2 - y), {(): 2, (0,): -2, (1,): -1, (0, 1): 1}),
    ((x + y) * (x - y), {(0, 0): 1, (1, 1): -1}),
    (y * x * z - 1, {(): -1, (0, 1, 2): 1}),
    ((1 - x) * (1 - z), {(): 1, (0,): -1, (2,): -1, (0, 2): 1}),
]


@pytest.mark.parametrize("angle, expected", POLYNOMIALS, ids=lambda p: str(p)[:20])
def test_polynomial_by_hand(angle, expected):
    assert polynomial(angle, COLUMNS) == pytest.approx(expected)


OTHERS = [x.sin(), abs(x), x.sign(), x / y, 1 / x, x**0.5, x**3, x * y.exp(), x.tan()]


@pytest.mark.parametrize("angle", OTHERS, ids=str)
def test_other_functions_are_no_polynomials(angle):
    assert polynomial(angle, COLUMNS) is None


def feature_map(angles):
    circuit = QuantumCircuit(1)
    for angle in [x, y, z, *angles]:
        circuit.rz(angle, 0)
    return circuit


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_basis_spans_all_angles(dtype):
    angles = [angle for angle, _ in POLYNOMIALS] + OTHERS
    angles += [math.pi * (math.pi - x) * (math.pi - y) * (math.pi - z), (x - 1) ** 2]
    basis = Basis(feature_map(angles))
    coordinates = [basis.coordinates(angle) for angle in angles]
    X = np.random.default_rng(0).uniform(0.1, 1.4, size=(6, 3)).astype(dtype)
    values = basis.evaluate(X)
    assert values.dtype == np.float64
    for angle, terms in zip(angles, coordinates, strict=True):
        got = sum(a * values[place] for place, a in terms.items())
        rows = [dict(zip((x, y, z), row, strict=True)) for row in X.tolist()]
        used = angle.parameters
        expected = [angle.bind({p: row[p] for p in used}) for row in rows]
        np.testing.assert_allclose(got, np.array(expected, float), rtol=1e-13)


def test_basis_evaluates_a_function_once():
    angles = [x.sin() for _ in range(3)] + [x * y, 2 * x * y, y * x, x + y]
    basis = Basis(feature_map(angles))
    for angle in angles:
        basis.coordinates(angle)
    assert len(basis.evaluate(np.ones((2, 3)))) == 1 + 1 + 1 + 2  # 1, sin x, xy, x, y
