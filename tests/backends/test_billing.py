"""What is executed for the shots: by hand, and what IBM's client really submits."""

import math

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp

from skqnn._backends.billing import Bill, bill
from skqnn._backends.estimators import precision_of

pytest.importorskip("qiskit_ibm_runtime")
from qiskit_ibm_runtime.executor_estimator.prepare import prepare
from qiskit_ibm_runtime.options_models import EstimatorOptions

N_ROWS = 3

OPTIONS = [
    {"resilience_level": 0},
    {},
    {"resilience_level": 2},
    {
        "twirling": {"enable_measure": False},
        "resilience": {"measure_mitigation": False},
    },
    {"resilience": {"measure_mitigation": False}},
    {"resilience_level": 0, "twirling": {"enable_gates": True}},
    {"twirling": {"num_randomizations": 7}},
    {"twirling": {"shots_per_randomization": 30}},
    {"twirling": {"num_randomizations": 5, "shots_per_randomization": 10}},
    {"resilience": {"measure_noise_learning": {"num_randomizations": 9}}},
    {"resilience": {"zne_mitigation": True}},
    {"resilience_level": 2, "resilience": {"zne": {"noise_factors": [1, 2, 3, 4]}}},
    {"resilience_level": 2, "resilience": {"zne_mitigation": False}},
]


def submitted(options, shots):
    """Return how many circuits with how many shots IBM's client makes of three rows."""
    circuit = QuantumCircuit(2)
    circuit.rz(Parameter("angle"), 0)
    circuit.cz(0, 1)
    observables = [[SparsePauliOp("ZZ")], [SparsePauliOp("XI")]]  # two bases
    pub = (circuit, observables, np.zeros((N_ROWS, 1)))
    program, _ = prepare([pub], options, precision=precision_of(shots))
    sizes = [math.prod(getattr(item, "shape", ())) for item in program.items]
    return sum(sizes) * program.shots


@pytest.mark.parametrize("shots", [1, 100, 1000, 5000])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_bill_is_what_the_client_submits(options, shots):
    options = EstimatorOptions(**options)
    n_repeats, each, calibration = bill(options, shots)
    expected = 2 * N_ROWS * n_repeats * each + calibration
    assert submitted(options, shots) == expected


@pytest.mark.parametrize(
    "options, shots, expected",
    [
        ({"resilience_level": 0}, 1000, Bill(1, 1000, 0)),
        ({}, 1000, Bill(1, 16 * 64, 16 * 64)),
        ({}, 10, Bill(1, 64, 64)),
        ({}, 5000, Bill(1, 32 * 157, 32 * 157)),
        ({"resilience_level": 2}, 100, Bill(3, 2 * 64, 2 * 64)),
        # Error cancellation: groups of 64, and more of them by the noise.
        ({"resilience": {"pec_mitigation": True}}, 5000, Bill(1, 79 * 64, 79 * 64)),
    ],
)
def test_bill_by_hand(options, shots, expected):
    assert bill(EstimatorOptions(**options), shots) == expected
