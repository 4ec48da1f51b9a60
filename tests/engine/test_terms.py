"""Terms of observables against their matrices."""

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp

from skqnn._engine.elements import elements
from skqnn._engine.terms import (
    as_terms,
    common_basis,
    in_z_basis,
    on_real_states,
    pauli_masks,
)

OBSERVABLES = [
    SparsePauliOp(["ZIX", "YYI", "III"], [0.3, -2.0, 0.5]),
    SparsePauliOp(["IIY"], [1.5]),
]


def matrix_of(terms, observable):
    index = np.arange(8)
    return sum(
        term.weights[:, np.newaxis] * np.eye(8)[index ^ term.mask]
        for term in terms
        if term.observable == observable
    )


@pytest.mark.parametrize("k", [0, 1])
def test_terms_are_the_observables(k):
    terms = as_terms(pauli_masks(OBSERVABLES, 3), 2)
    np.testing.assert_allclose(matrix_of(terms, k), OBSERVABLES[k].to_matrix())


def test_every_observable_has_a_term():
    operators = [SparsePauliOp("ZZZ"), SparsePauliOp("XII", 0.0)]
    terms = as_terms(pauli_masks(operators, 3), 2)
    assert {term.observable for term in terms} == {0, 1}


@pytest.mark.parametrize("k", [0, 1])
def test_real_states_see_the_real_part(k):
    terms = on_real_states(as_terms(pauli_masks(OBSERVABLES, 3), 2))
    expected = OBSERVABLES[k].to_matrix().real
    np.testing.assert_allclose(matrix_of(terms, k), expected)


@pytest.mark.parametrize(
    "labels, basis",
    [
        (["ZZI", "IZZ"], {0: "Z", 1: "Z", 2: "Z"}),
        (["XIY", "IZY"], {0: "Y", 1: "Z", 2: "X"}),
        (["XII", "ZII"], None),
        (["III"], {}),
    ],
)
def test_common_basis(labels, basis):
    assert common_basis([SparsePauliOp(label) for label in labels]) == basis


def test_observables_are_moved_to_the_z_basis():
    observables = [SparsePauliOp(["XIY", "IZY"], [0.5, 2.0])]
    gates, (moved,) = in_z_basis(observables, common_basis(observables))
    change = np.eye(8)
    for gate in gates:
        (q,) = gate.qubits
        wide = np.kron(np.eye(2 ** (2 - q)), np.kron(gate.matrix, np.eye(2**q)))
        change = wide @ change
        assert list(elements(gate))
    found = change.conj().T @ moved.to_matrix() @ change
    np.testing.assert_allclose(found, observables[0].to_matrix(), atol=1e-12)
