"""Observables: labels, light cones against numerical gradients, the choice."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import efficient_su2, real_amplitudes
from qiskit.quantum_info import (
    Operator,
    Pauli,
    SparsePauliOp,
    Statevector,
    random_statevector,
)

from skqnn._circuits.ansatz import ANSATZE, build_ansatz
from skqnn._circuits.gates import compile_circuit
from skqnn._circuits.observables import (
    as_observables,
    choose_observables,
    dead_parameters,
    visible_gates,
)

PAULI = [("XZ", 0.5), ("YI", 2.0)]


@pytest.mark.parametrize(
    "item, expected",
    [
        ("ZIX", [("ZIX", 1)]),
        (SparsePauliOp.from_list(PAULI), PAULI),
        (SparsePauliOp.from_list([*PAULI, *PAULI]), [(p, 2 * c) for p, c in PAULI]),
        (Pauli("XY"), [("XY", 1)]),
        (Operator(np.diag([1.0, -1.0])), [("Z", 1)]),
        (np.diag([1.0, 0.0]), [("Z", 0.5), ("I", 0.5)]),
    ],
)
def test_as_observables_accepts(item, expected):
    (operator,) = as_observables([item])
    assert operator.equiv(SparsePauliOp.from_list(expected))
    assert len(operator) == len(expected)


REFUSED = [
    ("ZQ", ValueError, r"`observables` must be Pauli strings.*got 'ZQ'"),
    ("zz", ValueError, "`observables` must be Pauli strings"),
    ("", ValueError, "`observables` must be Pauli strings"),
    (3.5, TypeError, r"`observables` must be Pauli strings or Sparse.*got 3\.5"),
    (None, TypeError, r"`observables` must be Pauli strings or Sparse.*got None"),
    (SparsePauliOp("Z", 1j), ValueError, "must be Hermitian"),
    (Pauli("iZ"), ValueError, "must be Hermitian"),
    (SparsePauliOp("Z", np.nan), ValueError, "finite numbers as coefficients"),
    (
        SparsePauliOp(["Z"], np.array([Parameter("a")])),
        ValueError,
        "finite numbers as coefficients",
    ),
]


@pytest.mark.parametrize("item, error, message", REFUSED)
def test_as_observables_refuses(item, error, message):
    with pytest.raises(error, match=message):
        as_observables([item])


def test_as_observables_of_different_widths_is_refused():
    with pytest.raises(ValueError, match=r"same number of qubits, got \{2, 3\}"):
        as_observables(["ZZ", "ZZZ"])


def largest_gradients(circuit, observables, n_draws=3):
    """Return the largest numerical slope of each parameter over random states."""
    rng = np.random.default_rng(0)
    matrices = [np.asarray(o.to_matrix()) for o in observables]

    def values(theta, state):
        final = state.evolve(circuit.assign_parameters(theta)).data
        return np.array([np.real(final.conj() @ m @ final) for m in matrices])

    slopes = np.zeros((n_draws, circuit.num_parameters))
    for draw in range(n_draws):
        state = random_statevector(2**circuit.num_qubits, seed=draw)
        theta = rng.uniform(-3, 3, circuit.num_parameters)
        for j, step in enumerate(1e-4 * np.eye(len(theta))):
            difference = values(theta + step, state) - values(theta - step, state)
            slopes[draw, j] = np.abs(difference).max() / 2e-4
    return slopes.max(axis=0)


def random_circuit(seed):
    rng = np.random.default_rng(seed)
    theta, circuit = ParameterVector("t", 8), QuantumCircuit(4)
    for angle in theta:
        pair = rng.permutation(4)[:2].tolist()
        gate = rng.choice(["rx", "ry", "rz", "rzz", "crx"])
        getattr(circuit, gate)(angle, *pair[: 1 if len(gate) == 2 else 2])
        pair = rng.permutation(4)[:2].tolist()
        getattr(circuit, rng.choice(["cx", "cz", "swap"]))(*pair)
    return circuit


def dead_in(circuit, observables):
    gates = compile_circuit(circuit)
    return dead_parameters(gates, observables, circuit.num_parameters)


@pytest.mark.parametrize("label", ["ZIII", "IIZI", "XIIY", "IIII"])
@pytest.mark.parametrize("seed", range(4))
def test_dead_parameters_on_random_circuits_have_no_gradient(seed, label):
    circuit, observables = random_circuit(seed), as_observables([label])
    dead = dead_in(circuit, observables)
    slopes = largest_gradients(circuit, observables)
    assert np.all(slopes[dead] < 1e-9)


@pytest.mark.parametrize(
    "reps, label", [(1, "ZIII"), (1, "IIIZ"), (1, "IZZI"), (1, "XIII"), (2, "ZZZZ")]
)
@pytest.mark.parametrize("ansatz", ANSATZE)
def test_dead_parameters_are_those_without_gradient(ansatz, reps, label):
    circuit = build_ansatz(ansatz, 4, reps, "reverse_linear")
    observables = as_observables([label])
    slopes = largest_gradients(circuit, observables)
    np.testing.assert_array_equal(
        dead_in(circuit, observables), np.flatnonzero(slopes < 1e-9)
    )


DEAD_AT_11 = [  # observable, dead parameters of real_amplitudes(11, reps=1), by hand:
    ("Z" * 11, []),
    ("I" * 10 + "Z", range(12, 22)),  # only the last RY of qubit 0 matters
    ("Z" + "I" * 10, [*range(9), *range(11, 21)]),  # CX(9, 10) only: qubits 9 and 10
]


@pytest.mark.parametrize("label, dead", DEAD_AT_11)
def test_dead_parameters_of_real_amplitudes(label, dead):
    circuit = real_amplitudes(11, reps=1, entanglement="reverse_linear")
    np.testing.assert_array_equal(dead_in(circuit, as_observables([label])), dead)


def test_dead_parameters_repeated_parameter_lives_if_one_gate_does():
    a, circuit = Parameter("a"), QuantumCircuit(2)
    circuit.ry(a, 0)
    circuit.ry(a, 1)
    assert len(dead_in(circuit, as_observables(["IZ"]))) == 0


@pytest.mark.parametrize("angle", [1e-9, 1e-6])
def test_visible_gates_sees_a_small_fixed_rotation(angle):
    circuit = QuantumCircuit(2)
    circuit.rz(angle, 0)
    circuit.rz(angle, 1)
    gates = compile_circuit(circuit)
    seen = visible_gates(gates, as_observables(["IX"]))
    assert seen.tolist() == [True, False]


SIZES = [(n, k) for n in [1, 2, 3, 4, 5, 8] for k in [1, 3, 4, 7, 10] if k < 2**n]


@pytest.mark.parametrize("n_qubits, n_observables", SIZES)
@pytest.mark.parametrize("reps", [1, 2])
@pytest.mark.parametrize("ansatz", ANSATZE)
def test_choose_observables_distinct_and_nothing_dead(
    ansatz, reps, n_qubits, n_observables
):
    circuit = build_ansatz(ansatz, n_qubits, reps, "reverse_linear")
    gates = compile_circuit(circuit)
    n_parameters = circuit.num_parameters
    chosen = choose_observables(gates, n_qubits, n_observables, n_parameters)
    labels = {operator.paulis.to_labels()[0] for operator in chosen}
    assert len(labels) == n_observables
    assert all(set(label) <= {"I", "Z"} and "Z" in label for label in labels)
    assert len(dead_parameters(gates, chosen, n_parameters)) == 0


def test_choose_observables_binary_is_the_parity():
    gates = compile_circuit(build_ansatz("real_amplitudes", 5, 1, "linear"))
    assert choose_observables(gates, 5, 1, 10) == [SparsePauliOp("ZZZZZ")]


def changes(circuit, labels, real_states):
    """Return which parameters change an expectation value, by finite differences."""
    rng = np.random.default_rng(0)
    state = rng.normal(size=4) + (0 if real_states else 1j * rng.normal(size=4))
    theta = rng.uniform(-1, 1, circuit.num_parameters)
    observables = as_observables(labels)

    def values(theta):
        final = Statevector(state / np.linalg.norm(state)).evolve(
            circuit.assign_parameters(theta)
        )
        return np.array([final.expectation_value(op).real for op in observables])

    steps = 1e-2 * np.eye(len(theta))
    return [
        j
        for j, step in enumerate(steps)
        if abs(values(theta + step) - values(theta)).max() > 1e-9
    ]


@pytest.mark.parametrize("real_states", [True, False])
@pytest.mark.parametrize(
    "labels", [["YI"], ["YY"], ["YI", "IZ"], ["XY", "ZI"], ["YZ", "ZY"]], ids=str
)
@pytest.mark.parametrize("gates", [["ry"], ["rz", "ry"]], ids=str)
def test_odd_numbers_of_y_see_nothing_of_real_states(gates, labels, real_states):
    circuit = efficient_su2(2, reps=1, su2_gates=gates)
    dead = dead_parameters(
        compile_circuit(circuit),
        as_observables(labels),
        circuit.num_parameters,
        real_states=real_states,
    )
    alive = changes(circuit, labels, real_states)
    assert dead.tolist() == [j for j in range(circuit.num_parameters) if j not in alive]
