"""Descriptions: equal for equal settings, in any process, and for no others."""

import math
import os
import subprocess
import sys
from decimal import Decimal
from functools import lru_cache, partial, wraps

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import BackendEstimatorV2, StatevectorEstimator
from qiskit.providers.basic_provider import BasicSimulator
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import PassManager
from qiskit_aer import AerSimulator
from qiskit_aer.noise import (
    NoiseModel,
    ReadoutError,
    RelaxationNoisePass,
    depolarizing_error,
)
from qiskit_aer.primitives import EstimatorV2

from skqnn import Backend
from skqnn._backends.backend import DEFAULTS
from skqnn._backends.description import describe, describe_settings
from skqnn._backends.resolve import resolve


def noisy(p=0.1, gates=("cx",), readout=None, qubits=None):
    model = NoiseModel()
    error = depolarizing_error(p, 2)
    if qubits is None:
        model.add_all_qubit_quantum_error(error, list(gates))
    else:
        model.add_quantum_error(error, list(gates), qubits)
    if readout is not None:
        table = [[1 - readout, readout], [readout, 1 - readout]]
        model.add_all_qubit_readout_error(ReadoutError(table))
    return model


def aer_estimator(**options):
    return EstimatorV2(options=options)


def times(factor):
    return lambda x: factor * x


def counted(function):
    """Return a function that keeps what it wraps in a cell."""
    return wraps(function)(lambda *values: function(*values))


class Own:
    """An object of somebody else."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)
        self.itself = self

    def method(self):
        """Do nothing."""


def made(base=object, module="a", step=1, **attributes):
    """Return a class that others have the name of."""

    class Same(base):
        size = 1

        def __init__(self, **options):
            super().__init__(**options)

        def run(self, *values):
            return values[:step]

        @property
        def n_steps(self):
            return step

        @staticmethod
        def most():
            return step

    Same.__module__ = module
    if module == "__main__":
        Same.__qualname__ = "Same"
    for name, value in attributes.items():
        setattr(Same, name, value)
    return Same


def own_gate(angle):
    """Return a circuit with a gate that Qiskit names by a count."""
    inner, outer = QuantumCircuit(1), QuantumCircuit(1)
    inner.rx(angle, 0)
    outer.append(inner.to_gate(), [0])
    return outer


# Each row: functions that make the values of one kind, all of them different.
DIFFERENT = [
    [
        lambda: noisy(),
        lambda: noisy(0.2),
        lambda: noisy(gates=("cz",)),
        lambda: noisy(readout=0.1),
        lambda: noisy(readout=0.2),
        lambda: noisy(qubits=[0, 1]),
        lambda: noisy(qubits=[1, 0]),
    ],
    [
        lambda: AerSimulator(),
        lambda: AerSimulator(noise_model=noisy()),
        lambda: AerSimulator(noise_model=noisy(0.3)),
        lambda: AerSimulator(coupling_map=[[0, 1]]),
        lambda: AerSimulator(basis_gates=["rz", "sx", "cx"]),
        lambda: AerSimulator(method="statevector"),
    ],
    [
        lambda: aer_estimator(),
        lambda: aer_estimator(default_precision=0.1),
        lambda: aer_estimator(backend_options={"noise_model": noisy()}),
        lambda: aer_estimator(backend_options={"noise_model": noisy(0.5)}),
        lambda: aer_estimator(run_options={"seed_simulator": 1}),
        lambda: EstimatorV2.from_backend(AerSimulator(noise_model=noisy())),
    ],
    [
        lambda: StatevectorEstimator(),
        lambda: StatevectorEstimator(seed=0),
        lambda: StatevectorEstimator(default_precision=0.1),
    ],
    [
        lambda: GenericBackendV2(3, seed=0),
        lambda: GenericBackendV2(3, seed=1),
        lambda: GenericBackendV2(4, seed=0),
        lambda: BasicSimulator(),
        lambda: BackendEstimatorV2(backend=BasicSimulator()),
        lambda: BackendEstimatorV2(
            backend=BasicSimulator(), options={"abelian_grouping": False}
        ),
    ],
    [
        lambda: Own(level=1),
        lambda: Own(level=2),
        lambda: Own(level=np.arange(3)),
        lambda: Own(level=[1, {"a": 2}]),
        lambda: Own(level=[1, {"a": 3}]),
        lambda: Own(level=Decimal(1)),
        lambda: Own(level=Decimal(2)),
        lambda: Own(level=partial(max, 1)),
        lambda: Own(level=partial(max, 2)),
        lambda: Own(level=lambda x: x),
        lambda: Own(level=lambda x: 2 * x),
        lambda: Own(level=lambda x, n=1: x),
        lambda: Own(level=lambda x, *, n=1: x),
        lambda: Own(level=lambda x: lambda: x + 1),
        lambda: Own(level=lambda x: lambda: x + 2),
        lambda: Own(level=times(2)),
        lambda: Own(level=times(3)),
        lambda: Own(level=counted(times(3))),
        lambda: Own(level=counted(times(4))),
        lambda: Own(level=lru_cache(times(5))),
        lambda: Own(level=lru_cache(times(6))),
        lambda: Own(level=Decimal(3).compare),
        lambda: Own(level=Decimal(4).compare),
        lambda: Own(level=Own(level=1).method),
        lambda: Own(level=Own(level=2).method),
        lambda: Own(level=Own.method),
        lambda: Own(level=math.sin),
        lambda: Own(level=math.cos),
    ],
    [
        lambda: made(),
        lambda: made()(),
        lambda: made(module="b"),
        lambda: made(module="b")(),
        lambda: made(step=2),
        lambda: made(size=2),
        lambda: made(most=lambda: 3),
        lambda: made(n_steps=property(lambda self: 3)),
        lambda: made(run=lambda self: 3),
        lambda: made(module="__main__"),
        lambda: made(module="__main__", step=2),
        lambda: made(base=made()),
        lambda: made(base=made(step=2)),
        lambda: made(own=made(step=3)),
    ],
    [
        lambda: AerSimulator(),
        lambda: made(AerSimulator)(),
        lambda: made(AerSimulator, module="b")(),
        lambda: made(AerSimulator, step=2)(),
    ],
    [
        lambda: BackendEstimatorV2(backend=BasicSimulator()),
        lambda: made(BackendEstimatorV2)(backend=BasicSimulator()),
        lambda: made(BackendEstimatorV2, module="b")(backend=BasicSimulator()),
        lambda: made(BackendEstimatorV2)(backend=made(BasicSimulator)()),
    ],
    [
        lambda: made(PassManager)(),
        lambda: made(PassManager, module="b")(),
    ],
    [
        lambda: own_gate(0.1),
        lambda: own_gate(0.2),
    ],
]


@pytest.mark.parametrize("makers", DIFFERENT)
def test_descriptions_differ_if_results_may(makers):
    texts = [repr(describe(make())) for make in makers]
    assert len(set(texts)) == len(texts)
    values = [describe(make()) for make in makers]
    assert all(a != b for k, a in enumerate(values) for b in values[:k])


@pytest.mark.parametrize("make", [make for makers in DIFFERENT for make in makers])
def test_descriptions_are_equal_for_equal_settings(make):
    value = make()
    assert describe(value) == describe(value)
    text = repr(describe(value))
    assert text == repr(describe(make()))
    assert " at 0x" not in text


def relaxing(t1):
    model = noisy()
    model._custom_noise_passes.append(RelaxationNoisePass(t1s=[t1], t2s=[1.0]))
    return model


def test_pass_in_a_noise_model_is_described_without_its_random_hash():
    one, other, same = relaxing(1.0), relaxing(2.0), relaxing(1.0)
    same._custom_noise_passes[0]._hash = -7  # as in another process
    same._custom_noise_passes[0].property_set["of a run"] = 1
    assert repr(describe(one)) == repr(describe(same)) != repr(describe(other))


@pytest.mark.slow
def test_descriptions_are_equal_in_any_process():
    pytest.importorskip("qiskit_ibm_runtime")
    code = """
from qiskit import QuantumCircuit
from qiskit.primitives import BackendEstimatorV2
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeManilaV2
from skqnn._backends.description import describe
from skqnn._backends.estimators import settled
device = GenericBackendV2(3, seed=1)
for target in (
    device,
    FakeManilaV2(),
    AerSimulator.from_backend(FakeManilaV2()),
    BackendEstimatorV2(backend=device),
    BackendEstimatorV2(backend=FakeManilaV2()),
):
    print(repr(describe(settled(target))))
"""
    command = [sys.executable, "-c", code]
    one, other = (
        subprocess.check_output(command, env=os.environ | {"PYTHONHASHSEED": seed})
        for seed in "12"
    )
    assert len(one.splitlines()) == 5
    assert one == other


def test_order_of_options_does_not_matter():
    assert describe({"a": 1, "b": 2}) == describe({"b": 2, "a": 1})
    assert describe({1, 2}) == describe({2, 1})


@pytest.mark.parametrize(
    "name, value",
    [
        ("state_preparation", "exact"),
        ("n_preparation_layers", 2),
        ("optimization_level", 2),
        ("n_transpilations", 4),
        ("correct_readout", False),
        ("use_fractional_gates", True),
    ],
)
def test_keyword_that_changes_results_is_described(name, value):
    backend = Backend("fake_manila")
    changed = Backend("fake_manila", **{name: value})
    assert describe_settings(backend) != describe_settings(changed)


def test_a_new_keyword_would_be_described():
    left_out = {"journal", "mode", "max_time", "account", "random_state", "options"}
    left_out |= {"lookup_time"}
    assert len(describe_settings(Backend("aer"))) == 1 + len(DEFAULTS) - len(left_out)


@pytest.mark.parametrize("target", ["aer", "fake_manila"])
def test_options_of_simulations_are_in_their_salt(target):
    plain, changed = (
        resolve(Backend(target, options=options), shots=10, n_qubits=2)
        for options in (None, {"noise_model": noisy(0.3)})
    )
    assert repr(plain.salt) != repr(changed.salt)
