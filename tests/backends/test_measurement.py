"""Measured bases, readout errors and statistics, by hand and against Statevector."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp, Statevector

from skqnn._backends.measurement import (
    all_outcomes,
    mean_and_variance,
    measured_bases,
    misread,
    outcome_values,
    sample,
)

MIXED = [
    SparsePauliOp("ZZI"),
    SparsePauliOp.from_list([("XIY", 0.5), ("III", 2.0), ("IZI", -1.0)]),
]


@pytest.mark.parametrize(
    "labels, letters",
    [
        (["ZZI", "IZZ", "III"], ["ZZZ"]),
        (["XII", "IYI"], ["IYX"]),
        (["ZII", "XII"], ["IIZ", "IIX"]),
        (["III"], ["III"]),
    ],
)
def test_terms_that_agree_share_a_basis(labels, letters):
    bases = measured_bases([SparsePauliOp(label) for label in labels])
    assert ["".join(basis.letters) for basis in bases] == letters


def test_qubit_is_measured_even_for_a_constant():
    (basis,) = measured_bases([SparsePauliOp("II", 3.0)])
    assert basis.measured == [0]
    values = outcome_values(basis, all_outcomes(1), None, 1)
    np.testing.assert_array_equal(values, [[3], [3]])


def test_all_bases_together_give_the_expectation_values():
    circuit = efficient_su2(3, reps=1)
    circuit = circuit.assign_parameters(np.linspace(-1, 2, circuit.num_parameters))
    total = np.zeros(2)
    for basis in measured_bases(MIXED):
        state = Statevector(basis.rotate(circuit))
        probabilities = state.probabilities(basis.measured)
        bits = all_outcomes(len(basis.measured))
        total += probabilities @ outcome_values(basis, bits, None, 2)
    expected = [Statevector(circuit).expectation_value(o).real for o in MIXED]
    np.testing.assert_allclose(total, expected, atol=1e-14)


def test_misread_one_qubit_by_hand():
    readout = np.array([[0.1, 0.3]])
    reported = misread(np.array([[1.0, 0.0], [0.0, 1.0]]), readout)
    np.testing.assert_allclose(reported, [[0.9, 0.1], [0.3, 0.7]])


def test_correction_undoes_misreading():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(8), size=4)
    readout = np.array([[0.02, 0.05], [0.1, 0.2], [0.0, 0.3]])
    (basis,) = measured_bases([SparsePauliOp("ZZZ"), SparsePauliOp("IZI")])
    bits = all_outcomes(3)
    true = probabilities @ outcome_values(basis, bits, None, 2)
    corrected = misread(probabilities, readout) @ outcome_values(
        basis, bits, readout, 2
    )
    np.testing.assert_allclose(corrected, true, atol=1e-14)


def test_bit_order_of_outcomes_is_that_of_qiskit():
    circuit = QuantumCircuit(3)
    circuit.x(1)
    outcome = np.argmax(Statevector(circuit).probabilities())
    np.testing.assert_array_equal(all_outcomes(3)[outcome], [0, 1, 0])


def test_standard_error_is_that_of_repeated_samples():
    rng = np.random.default_rng(1)
    probabilities = np.tile([0.1, 0.2, 0.7], (4000, 1))
    values = np.array([[1.0], [-2.0], [0.5]])
    frequencies = sample(probabilities, 50, rng)
    mean, variance = mean_and_variance(frequencies, values, 50)
    assert mean.mean() == pytest.approx(0.05, abs=0.01)
    assert mean.std() == pytest.approx(np.sqrt(variance).mean(), rel=0.05)
