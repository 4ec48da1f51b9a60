"""Measured bases, readout errors and statistics, by hand and against Statevector."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp, Statevector, random_pauli_list

from skqnn._backends.measurement import (
    all_outcomes,
    expected_error,
    mean_and_variance,
    measured_bases,
    misread,
    outcome_values,
    sample,
    value_limits,
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


def test_every_term_is_in_one_basis_that_measures_it():
    operators = [
        SparsePauliOp(random_pauli_list(4, 40, seed=seed, phase=False)).simplify()
        for seed in range(2)
    ]
    bases = measured_bases(operators)
    found = [
        (term.k, tuple(basis.letters[q] if q in term.qubits else "I" for q in range(4)))
        for basis in bases
        for term in basis.terms
    ]
    expected = [
        (k, tuple(reversed(label)))
        for k, operator in enumerate(operators)
        for label in operator.paulis.to_labels()
    ]
    assert sorted(found) == sorted(expected)
    assert len(bases) < len({letters for _, letters in expected}) / 2


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
    limits = np.array([[-2.0], [1.0]])
    mean, variance = mean_and_variance(frequencies, values, 50, limits)
    assert mean.mean() == pytest.approx(0.05, abs=0.01)
    assert mean.std() == pytest.approx(np.sqrt(variance).mean(), rel=0.05)


@pytest.mark.parametrize("shots", [1, 2, 5, 100])
def test_expected_error_is_that_of_all_equally_likely_truths(shots):
    rng = np.random.default_rng(0)
    truth = rng.uniform(-1, 1, 20_000)
    ones = rng.binomial(shots, (1 + truth) / 2)
    mean = 2 * ones / shots - 1
    limits = np.array([[-1.0], [1.0]])
    claimed = expected_error(mean[:, None], np.ones((20_000, 1)), shots, limits)[:, 0]
    for k in range(shots + 1):  # for each result that one can see
        seen = ones == k
        if np.count_nonzero(seen) > 2000:
            actual = np.mean((mean - truth)[seen] ** 2)
            assert actual == pytest.approx(claimed[seen][0], rel=0.1)
    assert np.mean((mean - truth) ** 2) == pytest.approx(claimed.mean(), rel=0.05)


def test_expected_error_of_many_shots_is_the_usual_one():
    mean, square = np.array([[0.3]]), np.array([[2.0]])
    limits = np.array([[-3.0], [3.0]])
    variance = expected_error(mean, square, 10**6, limits)
    np.testing.assert_allclose(variance, (2.0 - 0.3**2) / 10**6, rtol=1e-4)


def test_limits_hold_for_all_outcomes():
    readout = np.array([[0.02, 0.05], [0.1, 0.2], [0.0, 0.3]])
    observables = [
        SparsePauliOp(["ZZZ", "IZI", "III"], [1.0, -0.5, 2.0]),
        SparsePauliOp(["III"], [3.0]),
    ]
    (basis,) = measured_bases(observables)
    for known in (None, readout):
        low, high = value_limits(basis, known, 2)
        values = outcome_values(basis, all_outcomes(3), known, 2)
        assert np.all(low <= values.min(axis=0))
        assert np.all(high >= values.max(axis=0))
        assert low[1] == high[1] == 3
