"""The model that fits the data: how many qubits, which circuits and observables."""

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import CouplingMap

from skqnn._circuits.ansatz import ANSATZE
from skqnn._circuits.doubts import warn_of_doubts
from skqnn._circuits.model import (
    Architecture,
    build_model,
    choose_reps,
)
from skqnn.exceptions import DeadParameterWarning, ParameterOrderWarning

DEFAULTS = {
    "encoding": "amplitude",
    "ansatz": "real_amplitudes",
    "reps": 1,
    "entanglement": "reverse_linear",
    "observables": "auto",
    "n_features": 4,
    "n_classes": 2,
}


def build(**arguments):
    values = DEFAULTS | arguments
    n_features, n_classes = values.pop("n_features"), values.pop("n_classes")
    return build_model(Architecture(**values), n_features, n_classes)


N_QUBITS = [  # arguments, n_qubits
    ({"n_features": 2048}, 11),
    ({"n_features": 2049}, 12),
    ({"n_features": 1}, 1),
    ({"n_features": 2, "n_classes": 3}, 2),  # two different Z strings need two qubits
    ({"n_features": 2, "n_classes": 4}, 3),
    ({"n_features": 4, "n_classes": 10}, 4),
    ({"n_features": 3, "encoding": "angle"}, 3),
    ({"n_features": 1, "n_classes": 10, "encoding": "angle"}, 4),
    ({"observables": ["ZZZZZ"]}, 5),
    ({"ansatz": real_amplitudes(6)}, 6),
    ({"n_features": 3, "encoding": zz_feature_map(3)}, 3),
    ({"n_features": 3, "encoding": zz_feature_map(3), "observables": ["ZIZI"]}, 4),
    ({"n_features": 3, "encoding": zz_feature_map(3), "ansatz": real_amplitudes(5)}, 5),
]


@pytest.mark.parametrize("arguments, n_qubits", N_QUBITS)
def test_build_model_holds_data_observables_and_ansatz(arguments, n_qubits):
    model = build(**arguments)
    assert model.circuit.num_qubits == n_qubits
    assert {o.num_qubits for o in model.observables} == {n_qubits}
    if model.feature_map is not None:
        assert model.feature_map.num_qubits == n_qubits
        assert model.feature_map.num_parameters == arguments["n_features"]


@pytest.mark.parametrize("n_classes, n_observables", [(2, 1), (3, 3), (10, 10)])
@pytest.mark.parametrize("n_features", [1, 5, 64])
@pytest.mark.parametrize("ansatz", ANSATZE)
def test_build_model_has_distinct_observables_and_nothing_dead(
    ansatz, n_features, n_classes, n_observables
):
    model = build(ansatz=ansatz, n_features=n_features, n_classes=n_classes)
    labels = {o.paulis.to_labels()[0] for o in model.observables}
    assert len(labels) == n_observables
    assert len(model.dead_parameters) == 0


def test_build_model_feature_map_is_widened_on_further_qubits():
    encoding = zz_feature_map(2)
    model = build(encoding=encoding, n_features=2, observables=["ZZZ"])
    assert model.feature_map.parameters == encoding.parameters
    assert 2 not in {
        model.feature_map.find_bit(q).index
        for item in model.feature_map.data
        for q in item.qubits
    }


REFUSED = [
    ({"observables": ["ZZ", "ZI"]}, "list of 1 for 2 classes .*got 2"),
    ({"observables": ["ZZ"], "n_classes": 3}, "list of 3 for 3 classes .*got 1"),
    ({"observables": ["Z"]}, "act on all 2 qubits of the model, got 1"),
    ({"observables": ["Z"], "ansatz": real_amplitudes(3)}, "all 3 qubits .*got 1"),
    ({"ansatz": real_amplitudes(1)}, "`ansatz` must act on 2 qubits"),
    ({"encoding": zz_feature_map(3)}, "3 parameters for 4 features"),
    ({"encoding": QuantumCircuit(2)}, "0 parameters for 4 features"),
]


@pytest.mark.parametrize("arguments, message", REFUSED)
def test_build_model_refuses_what_does_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        build(**arguments)


def test_warning_of_dead_parameters_says_how_many_and_what_to_change():
    alive, dying = build(), build(observables=["IZ"])
    warn_of_doubts(alive, stacklevel=2)
    message = r"1 of 4 parameters .*observables='auto' .*`reps` .*`entanglement`"
    with pytest.warns(DeadParameterWarning, match=message) as caught:
        warn_of_doubts(dying, stacklevel=2)
    assert caught[0].filename == __file__
    assert issubclass(DeadParameterWarning, UserWarning)
    np.testing.assert_array_equal(dying.dead_parameters, [3])


@pytest.mark.parametrize(
    "arguments, n_dead",
    [
        ({"observables": ["YI"]}, 4),
        ({"observables": ["YI"], "encoding": "angle", "n_features": 2}, 4),
        ({"observables": ["ZI", "IZ", "IY"], "n_classes": 3}, 0),
    ],
)
def test_observables_that_are_zero_on_real_states_leave_parameters_dead(
    arguments, n_dead
):
    assert len(build(**arguments).dead_parameters) == n_dead


def test_observable_that_is_zero_is_named():
    message = r"4 of 4 parameters .* Observables \[0\] are 0 for every row: .* odd"
    with pytest.warns(DeadParameterWarning, match=message):
        warn_of_doubts(build(observables=["YI"]), stacklevel=2)


def test_odd_number_of_y_is_no_fault_after_complex_gates():
    encoding = zz_feature_map(2)
    model = build(encoding=encoding, n_features=2, observables=["YZ"])
    assert len(model.dead_parameters) < 4


def numbered(name, n):
    circuit = QuantumCircuit(n)
    for q in range(n):
        circuit.ry(Parameter(f"{name}{q}"), q)
    return circuit


@pytest.mark.parametrize(
    "arguments, name",
    [
        ({"encoding": numbered("x", 12), "n_features": 12}, "encoding"),
        ({"ansatz": numbered("t", 12), "n_features": 4096}, "ansatz"),
    ],
)
def test_order_of_numbered_parameters_is_warned_of(arguments, name):
    model = build(**arguments)
    message = rf"`{name}` count in the order .* '.11' comes before '.2'"
    with pytest.warns(ParameterOrderWarning, match=message):
        warn_of_doubts(model, stacklevel=2)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (
            {"n_classes": 10, "n_features": 128, "reps": 1},
            ["`reps`", "10 classes at least 45 angles", "got 14", "reps='auto'"],
        ),
        (
            {"n_classes": 6, "n_features": 8, "reps": 1},  # 2**3, not one each pair
            ["`reps`", "6 classes at least 8 angles", "got 6"],
        ),
        (
            {"n_classes": 3, "observables": ["ZI", "IZ", "ZI"]},
            ["`observables`", "0 and 2 the same", "never predicted", "'auto'"],
        ),
        (
            {
                "n_classes": 3,
                "observables": ["ZI", "IZ", SparsePauliOp(["II", "ZI"], [3, 1])],
            },
            ["`observables`", "0 and 2 the same but", "constant"],
        ),
    ],
)
def test_circuit_that_cannot_hold_the_classes_is_warned_of(arguments, words):
    model = build(**arguments)
    with pytest.warns(UserWarning, match="classes") as caught:
        warn_of_doubts(model, stacklevel=2)
    [warning] = caught
    assert [word for word in words if word not in str(warning.message)] == []
    assert warning.filename == __file__


@pytest.mark.parametrize("n_qubits, n_classes", [(2, 3), (3, 7), (4, 15), (7, 10)])
def test_automatic_layers_hold_the_classes(n_qubits, n_classes):
    n_features = 2**n_qubits
    warn_of_doubts(build(n_features=n_features, n_classes=n_classes, reps="auto"), 2)


def test_transpiled_circuit_is_refused_by_name():
    moved = transpile(
        zz_feature_map(3),
        coupling_map=CouplingMap.from_line(5),
        initial_layout=[2, 1, 0],
    )
    with pytest.raises(ValueError, match=r"`encoding` .*transpiled to 5 qubits"):
        build(encoding=moved, n_features=3)


def test_build_model_refuses_features_among_the_weights():
    feature_map = zz_feature_map(2, reps=1)
    ansatz = real_amplitudes(2, reps=1).compose(feature_map)
    with pytest.raises(ValueError, match=r"no parameter in common, got x\[0\], x\[1\]"):
        build(encoding=feature_map, ansatz=ansatz, n_features=2)
    with pytest.raises(ValueError, match="no parameter in common"):
        build(encoding=feature_map, ansatz=lambda n_qubits: ansatz, n_features=2)


@pytest.mark.parametrize(
    "n_qubits, n_classes, reps",
    [
        (11, 2, 1),
        (7, 2, 1),
        (5, 2, 4),
        (6, 2, 3),
        (2, 2, 1),
        (1, 2, 1),
        (3, 3, 5),
        (7, 10, 40),
    ],
)
def test_layers_follow_qubits_and_classes(n_qubits, n_classes, reps):
    assert choose_reps(n_qubits, n_classes) == reps
