"""Circuits that users bring x everything that runs them: one meaning, or refused.

Every animal is drawn twice, as its user would and in plain gates. The plain one, run by
Qiskit's `Statevector`, is what the exact engine, Aer, an estimator, the exports and the
archive have to agree with.
"""

import io
from copy import copy

import numpy as np
import pytest
import qiskit
from packaging.version import Version
from qiskit import ClassicalRegister, QuantumCircuit, qasm2, qasm3, qpy, transpile
from qiskit.circuit import AnnotatedOperation, Gate, ParameterVector
from qiskit.circuit.library import (
    CUGate,
    CXGate,
    DiagonalGate,
    GlobalPhaseGate,
    HGate,
    MCXGate,
    PauliEvolutionGate,
    PauliGate,
    PermutationGate,
    QFTGate,
    RXGate,
    StatePreparation,
    UnitaryGate,
)
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import (
    Kraus,
    Operator,
    SparsePauliOp,
    Statevector,
    random_clifford,
)
from qiskit.transpiler import CouplingMap
from sklearn.preprocessing import normalize

from skqnn import QNNClassifier
from skqnn.export import bound_circuit, load, qnn_inputs, save, to_estimator_qnn

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum iterations", "ignore:.*cannot", "ignore:The loss ended"
)
RNG = np.random.default_rng(0)
N_QUBITS, N_ANGLES = 3, 4
OBSERVABLE = SparsePauliOp.from_list([("ZXZ", 0.7), ("IYX", -0.4), ("ZII", 0.5)])
AMPLITUDES = normalize(RNG.normal(size=(2, 8)))
FEATURES = RNG.normal(size=(2, N_ANGLES))
LABELS = np.array([0, 1])


def content(circuit, angle, qubits=(2, 0)):
    """Draw what no standard gate does."""
    a, b = qubits
    circuit.h(a)
    circuit.rx(angle, a)
    circuit.cx(a, b)


def sub_circuit(name, angle):
    inner = QuantumCircuit(2, name=name)
    content(inner, angle, (0, 1))
    return inner


def boxed(circuit, angle):
    with circuit.box():
        content(circuit, angle)


def delayed(circuit, angle):
    circuit.delay(100, 0)
    content(circuit, angle)
    circuit.delay(20, 2, unit="ns")


def nested(circuit, angle):
    outer = QuantumCircuit(2, name="x")
    outer.append(sub_circuit("y", angle).to_gate(), [1, 0])
    circuit.append(outer.to_instruction(), [0, 2])


def qasm2_file(name):
    """Return what draws a gate that a file defines under one of Qiskit's names."""
    program = f"""OPENQASM 2.0;
        gate {name}(p) a, b {{ U(pi/2, 0, pi) a; U(p, -pi/2, pi/2) a; CX a, b; }}
        qreg q[2];
        {name}(0.5) q[0], q[1];"""
    return lambda c, t: c.compose(qasm2.loads(program), [2, 0], inplace=True)


def evolution(circuit, angle):
    operator = SparsePauliOp(["XI", "ZZ", "IY"], [0.5, 0.3, -1.0])
    circuit.append(PauliEvolutionGate(operator, time=angle), [0, 1])


def trotterised(circuit, angle):
    """Draw the first-order product formula, in the order of the terms."""
    circuit.rx(angle, 1)
    circuit.rzz(0.6 * angle, 0, 1)
    circuit.ry(-2 * angle, 0)


def impostor(circuit, angle):
    gate = HGate().to_mutable()
    gate.name = "x"
    circuit.append(gate, [1])
    content(circuit, angle)


class _Matrix(Gate):
    """A gate that has a matrix and nothing else, under another gate's name."""

    def __init__(self):
        super().__init__("ecr", 2, [])

    def __array__(self, dtype=None, copy=None):
        return np.eye(4, dtype=dtype)[[2, 0, 3, 1]]


def matrix_of(operation):
    """Return a matrix; Operator has none for an annotated operation."""
    if isinstance(operation, AnnotatedOperation):
        return operation.to_matrix()
    return Operator(operation)


CLIFFORD = random_clifford(2, seed=1)
NAMES = ["block", "id", "global_phase", "initialize", "state_preparation", "reset"]
NAMES += ["measure", "delay", "barrier", "unitary", "ecr", "iswap", "u", "cx", "h"]
FIXED = {  # operations without parameters, and their qubits
    "Clifford": (lambda: CLIFFORD, [2, 0]),
    "Pauli": (lambda: PauliGate("XYZ"), [0, 1, 2]),
    "permutation": (lambda: PermutationGate([2, 0, 1]), [0, 1, 2]),
    "diagonal": (lambda: DiagonalGate([1, -1, 1j, 1]), [2, 1]),
    "open control": (lambda: CXGate(ctrl_state=0), [2, 0]),
    "open CU": (lambda: CUGate(0.1, 0.2, 0.3, 0.4, ctrl_state=0), [0, 1]),
    "MCX": (lambda: MCXGate(2), [0, 1, 2]),
    "QFT": (lambda: QFTGate(3), [0, 1, 2]),
    "state preparation": (lambda: StatePreparation([0.6, 0, 0, 0.8j]), [1, 2]),
    "labelled": (lambda: HGate(label="x"), [1]),
    "annotated": (lambda: HGate().control(2, annotated=True), [0, 1, 2]),
    "matrix": (lambda: UnitaryGate(Operator(CLIFFORD).data, label="h"), [0, 2]),
    "only a matrix": (_Matrix, [2, 1]),
}
if Version(qiskit.__version__) < Version("2.6"):  # whose transpiler ends in a panic
    del FIXED["permutation"]
ZOO = {  # what a user draws, and the same in plain gates
    **{
        f"{name}, {form}": (
            lambda c, t, name=name, form=form: c.append(
                getattr(sub_circuit(name, t), f"to_{form}")(), [2, 0]
            ),
            content,
        )
        for name in NAMES
        for form in ("gate", "instruction")
    },
    **{
        f"QASM 2 defines {name}": (qasm2_file(name), lambda c, t: content(c, 0.5))
        for name in ("ecr", "iswap", "u", "initialize", "id")
    },
    **{
        name: (
            lambda c, t, make=make, qubits=qubits: c.append(make(), qubits),
            lambda c, t, make=make, qubits=qubits: c.unitary(matrix_of(make()), qubits),
        )
        for name, (make, qubits) in FIXED.items()
    },
    "annotated rotation": (
        lambda c, t: c.append(RXGate(t).control(annotated=True), [0, 1]),
        lambda c, t: c.crx(t, 0, 1),
    ),
    "box": (boxed, content),
    "delay": (delayed, content),
    "nested": (nested, lambda c, t: content(c, t, (2, 0))),
    "evolution": (evolution, trotterised),
    "impostor": (impostor, lambda c, t: (c.h(1), content(c, t))),
    "cu": (
        lambda c, t: c.cu(t, 2 * t, 0.3, -t, 0, 2),
        lambda c, t: (
            c.p(-t, 0), c.p(t + 0.15, 0), c.crz(0.3, 0, 2), c.cry(t, 0, 2),
            c.crz(2 * t, 0, 2),
        ),
    ),
    "global phase": (
        lambda c, t: (c.append(GlobalPhaseGate(t), []), content(c, t)),
        content,
    ),
}  # fmt: skip


def whole(draw):
    """Return a circuit with this in its middle."""
    t = ParameterVector("t", N_ANGLES)
    circuit = QuantumCircuit(N_QUBITS)
    for qubit in range(N_QUBITS):
        circuit.ry(t[qubit], qubit)
    draw(circuit, t[3])
    for qubit in range(N_QUBITS):
        circuit.ry(0.7 * t[qubit] + qubit, qubit)
    if circuit.num_parameters < N_ANGLES:
        circuit.ry(t[3], 0)
    return circuit


def fitted(rows, **circuits):
    """Return a model of these circuits, after one step of training."""
    model = QNNClassifier(
        observables=[OBSERVABLE], max_iter=1, random_state=0, **circuits
    )
    return model.fit(rows, LABELS), rows


def as_ansatz(circuit):
    return fitted(AMPLITUDES, ansatz=circuit)


def as_feature_map(circuit):
    return fitted(FEATURES, encoding=circuit)


def expected(model, rows, plain):
    """Return the expectation values by Qiskit, of the circuit in plain gates."""
    values = []
    for row in rows:
        if model.feature_map_ is None:
            state = Statevector(row).evolve(plain.assign_parameters(model.theta_))
        else:
            state = Statevector(plain.assign_parameters(row)).evolve(
                model.circuit_.assign_parameters(model.theta_)
            )
        values.append(state.expectation_value(OBSERVABLE).real)
    return np.array(values)


def measured(model, rows, **arguments):
    """Return the expectation values that the scores are made of."""
    model = copy(model).set_params(**arguments)
    return (model.decision_function(rows) - model.bias_[0]) / model.scale_[0]


def exact(model, rows, folder):
    return measured(model, rows)


def aer(model, rows, folder):
    return measured(model, rows, backend="aer")


def estimator(model, rows, folder):
    return measured(model, rows, backend=StatevectorEstimator())


def exported(model, rows, folder):
    states = [Statevector(bound_circuit(model, row)) for row in rows]
    return np.array([state.expectation_value(OBSERVABLE).real for state in states])


def network(model, rows, folder):
    qnn, weights = to_estimator_qnn(model)
    return qnn.forward(qnn_inputs(model, rows), weights)[:, 0]


def text(model, rows, folder):
    pytest.importorskip("qiskit_qasm3_import")
    circuits = [qasm3.loads(qasm3.dumps(bound_circuit(model, row))) for row in rows[:1]]
    states = [Statevector(circuit) for circuit in circuits]
    return np.array([state.expectation_value(OBSERVABLE).real for state in states])


def archive(model, rows, folder):
    save(model, folder / "model")
    return measured(load(folder / "model"), rows)


RUNS = [exact, aer, estimator, exported, network, text, archive]


PLACES = {"gate": [as_ansatz], "instruction": [as_feature_map]}
CASES = [
    (animal, place)
    for animal in ZOO
    for place in PLACES.get(animal.split(", ")[-1], [as_ansatz, as_feature_map])
]


@pytest.mark.parametrize("animal, place", CASES)
def test_circuit_means_the_same_everywhere(animal, place, tmp_path):
    draw, plain = ZOO[animal]
    model, rows = place(whole(draw))
    values = expected(model, rows, whole(plain))
    for run in RUNS:
        found = run(model, rows, tmp_path)
        np.testing.assert_allclose(
            found, values[: len(found)], atol=1e-10, err_msg=run.__name__
        )


def through_qpy(circuit):
    stream = io.BytesIO()
    qpy.dump(circuit, stream)
    stream.seek(0)
    return qpy.load(stream)[0]


FILES = {
    "QPY": through_qpy,
    "untouched layout": lambda c: transpile(
        c, coupling_map=CouplingMap.from_full(3), initial_layout=[0, 1, 2]
    ),
    "copied": lambda c: c.copy(),
    "wrapped": lambda c: QuantumCircuit(3).compose(c, wrap=True),
    "inverted twice": lambda c: c.inverse().inverse(),
}


@pytest.mark.parametrize("place", [as_ansatz, as_feature_map])
@pytest.mark.parametrize("way", FILES)
def test_circuit_that_went_a_way_means_the_same(way, place, tmp_path):
    model, rows = place(FILES[way](whole(content)))
    values = expected(model, rows, whole(content))
    for run in (exact, aer, exported, archive):
        found = run(model, rows, tmp_path)
        np.testing.assert_allclose(found, values, atol=1e-10, err_msg=run.__name__)


def conditioned(circuit):
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(0)


def repeated(circuit):
    with circuit.for_loop(range(2)):
        circuit.h(0)


REFUSED = {
    "measurement": lambda c: c.measure_all(),
    "measurement in a box": lambda c: c.append(measured_inside(), [0, 1, 2], [0]),
    "reset": lambda c: c.reset(0),
    "condition": conditioned,
    "loop": repeated,
    "opaque gate": lambda c: c.append(Gate("h", 1, []), [0]),
    "initialize": lambda c: c.initialize([0.6, 0.8], [0]),
    "channel": lambda c: c.append(
        Kraus([np.diag([1, 0]), np.diag([0, 1])]).to_instruction(), [0]
    ),
}


def measured_inside():
    inner = QuantumCircuit(3, 1)
    inner.measure(0, 0)
    return inner.to_instruction()


@pytest.mark.parametrize(
    "place, argument", [(as_ansatz, "ansatz"), (as_feature_map, "encoding")]
)
@pytest.mark.parametrize("animal", REFUSED)
def test_what_is_not_unitary_is_refused_by_name(animal, place, argument):
    circuit = whole(content)
    circuit.add_register(ClassicalRegister(1))
    REFUSED[animal](circuit)
    with pytest.raises(ValueError, match=f"`{argument}` must be a circuit that can be"):
        place(circuit)


def test_layout_is_refused_by_name():
    line = CouplingMap.from_line(5)
    for place, argument in ((as_ansatz, "ansatz"), (as_feature_map, "encoding")):
        moved = transpile(whole(content), coupling_map=line, initial_layout=[4, 2, 1])
        with pytest.raises(ValueError, match=f"`{argument}` .*before it was trans"):
            place(moved)
