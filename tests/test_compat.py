"""The private parts of other packages are still what we take them for."""

import dataclasses

from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2

from skqnn._compat import simulator_of, with_options


def test_options_of_aers_estimator_can_be_replaced():
    estimator = EstimatorV2(options={"default_precision": 0.5})
    options = dataclasses.replace(estimator.options, default_precision=0.25)
    changed = with_options(estimator, options)
    assert changed.options.default_precision == 0.25
    assert estimator.options.default_precision == 0.5


def test_simulator_of_aers_estimator():
    simulator = AerSimulator(method="statevector")
    assert simulator_of(EstimatorV2.from_backend(simulator)) is simulator
