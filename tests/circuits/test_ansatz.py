"""Circuits by name: parameters, structure, and what is refused."""

import re

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import efficient_su2, n_local, real_amplitudes
from qiskit.quantum_info import Operator

from skqnn import _memory
from skqnn._circuits.ansatz import ANSATZE, angle_encoding, build_ansatz

LINE = "reverse_linear"

COUNTS = {  # parameters on n qubits with r repetitions
    "real_amplitudes": lambda n, r: n * (r + 1),
    "efficient_su2": lambda n, r: 2 * n * (r + 1),
    "n_local": lambda n, r: n * (r + 1),
    "tree": lambda n, r: 2 * r * (n - 1) + 1,
    "staircase": lambda n, r: 2 * r * (n - 1) + 1,
}


@pytest.mark.parametrize("name", ANSATZE)
@pytest.mark.parametrize("n_qubits", [2, 5, 300])
def test_layers_that_do_not_fit_into_memory_are_not_built(name, n_qubits, monkeypatch):
    monkeypatch.setattr(_memory, "memory_limit", lambda: 2**28)
    per_layer = COUNTS[name](n_qubits, 2) - COUNTS[name](n_qubits, 1)
    most = 2**28 // _memory._ANGLE // per_layer
    for reps in (2 * most, 10**12):
        with pytest.raises(
            ValueError, match=f"`reps` must .* {n_qubits} .* {reps};"
        ) as e:
            build_ansatz(name, n_qubits, reps, LINE)
        found = int(re.search(r"at most (\d+)", str(e.value))[1])
        assert most <= found <= 1.02 * most


def test_functions_of_the_layer_are_not_called_for_layers_that_do_not_fit():
    with pytest.raises(ValueError, match="`reps` must be at most"):
        build_ansatz("real_amplitudes", 2, 10**12, lambda layer: LINE)


def test_one_qubit_has_no_blocks_however_often_they_are_repeated():
    assert build_ansatz("tree", 1, 10**12, LINE).num_parameters == 1


def unitary(circuit, seed=0):
    rng = np.random.default_rng(seed)
    angles = rng.uniform(-3, 3, circuit.num_parameters)
    return Operator(circuit.assign_parameters(angles))


def pairs(circuit):
    """Return the qubits of the two-qubit gates in order."""
    gates = [item.qubits for item in circuit.data if len(item.qubits) == 2]
    return [tuple(circuit.find_bit(qubit).index for qubit in gate) for gate in gates]


@pytest.mark.parametrize("name", ANSATZE)
@pytest.mark.parametrize("n_qubits", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("reps", [1, 3])
def test_build_ansatz_number_of_parameters(name, n_qubits, reps):
    circuit = build_ansatz(name, n_qubits, reps, LINE)
    assert circuit.num_qubits == n_qubits
    assert circuit.num_parameters == COUNTS[name](n_qubits, reps)


@pytest.mark.parametrize("n_qubits", range(2, 7))
@pytest.mark.parametrize("reps", [1, 2])
def test_real_amplitudes_full_is_the_short_circuit_of_the_same_unitary(n_qubits, reps):
    circuit = build_ansatz("real_amplitudes", n_qubits, reps, "full")
    full = real_amplitudes(n_qubits, entanglement="full", reps=reps)
    assert unitary(circuit) == unitary(full)
    assert len(pairs(circuit)) == reps * (n_qubits - 1)


ENTANGLEMENTS = [LINE, "linear", "circular", "sca", "pairwise", [[0, 2], [1, 3]]]
QISKIT = {
    "real_amplitudes": real_amplitudes,
    "efficient_su2": lambda n, **how: efficient_su2(n, su2_gates=["rz", "ry"], **how),
    "n_local": lambda n, **how: n_local(n, "ry", "cz", **how),
}


@pytest.mark.parametrize("name", QISKIT)
@pytest.mark.parametrize("entanglement", ENTANGLEMENTS)
def test_build_ansatz_equals_qiskit(name, entanglement):
    circuit = build_ansatz(name, 4, 2, entanglement)
    assert unitary(circuit) == unitary(
        QISKIT[name](4, entanglement=entanglement, reps=2)
    )


STRUCTURES = [  # ansatz, n_qubits, the pairs
    ("tree", 4, [(0, 1), (2, 3), (1, 3)]),
    ("tree", 5, [(0, 1), (2, 3), (1, 3), (3, 4)]),
    ("tree", 8, [(0, 1), (2, 3), (4, 5), (6, 7), (1, 3), (5, 7), (3, 7)]),
    ("staircase", 4, [(0, 1), (1, 2), (2, 3)]),
    ("staircase", 1, []),
]


@pytest.mark.parametrize("name, n_qubits, expected", STRUCTURES)
@pytest.mark.parametrize("reps", [1, 2])
def test_blocks_stand_on_the_pairs_and_end_on_the_last_qubit(
    name, n_qubits, expected, reps
):
    circuit = build_ansatz(name, n_qubits, reps, LINE)
    assert pairs(circuit) == [pair for pair in expected for _ in range(reps)]
    last = circuit.data[-1]
    assert last.operation.name == "ry"
    assert circuit.find_bit(last.qubits[0]).index == n_qubits - 1


def test_build_ansatz_circuit_and_callable_are_used_as_they_are():
    circuit = build_ansatz("tree", 3, 1, LINE)
    assert build_ansatz(circuit, 3, 7, "circular") is circuit
    assert build_ansatz(lambda n: circuit, 3, 7, "circular") is circuit


def angles(n_qubits):
    circuit = QuantumCircuit(n_qubits)
    circuit.ry(Parameter("a"), 0)
    return circuit


REFUSED = [
    (lambda n: "circuit", LINE, TypeError, "must return a QuantumCircuit.*got str"),
    (lambda n: angles(2), LINE, ValueError, "on 3 qubits .*a circuit on 2 qubits"),
    (angles(4), LINE, ValueError, "on 3 qubits .*a circuit on 4 qubits"),
    (QuantumCircuit(3), LINE, ValueError, "at least one unbound parameter"),
    ("real_amplitudes", "bogus", ValueError, "`entanglement` must .*got 'bogus'"),
    ("n_local", 3.5, ValueError, r"`entanglement` must .*got 3\.5"),
    ("n_local", [[0, 3]], ValueError, "qubits from 0 to 2, got .*3"),
    ("n_local", [[[0, 1]], [[-1, 1]]], ValueError, "qubits from 0 to 2, got .*-1"),
]


@pytest.mark.parametrize("ansatz, entanglement, error, message", REFUSED)
def test_build_ansatz_refuses(ansatz, entanglement, error, message):
    with pytest.raises(error, match=message):
        build_ansatz(ansatz, 3, 1, entanglement)


def test_angle_encoding_is_ry_on_each_qubit():
    circuit = angle_encoding(2, 3)
    x = np.array([0.4, -1.3])
    (a, b) = ([np.cos(v / 2), np.sin(v / 2)] for v in x)
    state = Operator(circuit.assign_parameters(x)).data[:, 0]
    np.testing.assert_allclose(state, np.kron([1, 0], np.kron(b, a)), atol=1e-15)


@pytest.mark.parametrize(
    "entanglement",
    [
        [[0, 0]],
        [[0, 5]],
        [[-1, 0]],
        [[True, 1]],
        np.array([[0, 1], [2, 2]]),
        [[(0, 1)], [(1, np.int8(1))]],
        lambda layer: [[layer, 1]],
    ],
    ids=lambda e: "callable" if callable(e) else str(e),
)
@pytest.mark.parametrize("name", ["real_amplitudes", "efficient_su2", "n_local"])
def test_entanglement_of_qubits_that_make_no_gate_is_refused(name, entanglement):
    with pytest.raises(ValueError, match="must connect different qubits from 0 to 2"):
        build_ansatz(name, 3, 2, entanglement)


@pytest.mark.parametrize(
    "entanglement",
    ["linear", [[0, 1], [2, 0]], np.array([[0, 1]]), lambda layer: [[layer, 2]]],
    ids=lambda e: "callable" if callable(e) else str(e),
)
def test_other_entanglements_are_those_of_qiskit(entanglement):
    expected = real_amplitudes(3, entanglement=entanglement, reps=2)
    circuit = build_ansatz("real_amplitudes", 3, 2, entanglement)
    assert circuit.count_ops() == expected.count_ops()
