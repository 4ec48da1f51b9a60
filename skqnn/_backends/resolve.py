"""Backends by name or object -> a device, which transpiles and runs circuits.

The modules below this one are the only ones that know Aer and IBM. Every device has

- ``name``, ``shots``, ``backend`` (what circuits are transpiled for, or None);
- ``noisy`` (gates have errors), ``sets_states`` (states need no preparation),
  ``differentiable`` (``program.ansatz(n_theta)`` has a gradient), ``remote`` (running
  costs money), ``gaussian`` (noise is added, not sampled) and ``salt`` (what changes
  results besides the keywords of the Backend, as `repr` prints it);
- ``transpile(circuit, backend, seed=..., demand=...)`` to the gates of a backend, and
  ``demand(supports)``, what that is judged by;
- ``compile(circuit, observables, seed) -> program``, with ``program.run(values, rng)
  -> (evs, stds)``, both (n_bindings, n_observables), ``program.remote(values, rng)``
  for a journal, ``program.max_bindings`` and ``program.circuits``;
- ``hold()`` and ``close()``, at the beginning and the end of each call.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple, NoReturn

from qiskit.primitives import BackendEstimatorV2, BaseEstimatorV2
from qiskit.providers import BackendV2

from skqnn._backends import aer
from skqnn._backends.aer import AerDevice
from skqnn._backends.backend import DEFAULTS, Backend, as_backend, non_defaults
from skqnn._backends.description import describe
from skqnn._backends.estimators import EstimatorDevice, backend_of, check_exact
from skqnn._backends.ibm import IBMDevice
from skqnn._backends.kinds import (
    fake_backends,
    is_aer_simulator,
    is_fake_backend,
    is_ibm_backend,
    is_ibm_estimator,
    named,
    need_runtime,
)
from skqnn._backends.layout import check_width, transpile_best
from skqnn._backends.noise import model_noise, target_noise
from skqnn._backends.options import (
    GATES,
    aer_options,
    check_effect,
    ibm_options,
    refuse_keyword,
)
from skqnn._backends.simulators import (
    check_gates,
    check_noise,
    check_opened,
    device_like,
)
from skqnn._validation import close_names, nearest

Device = AerDevice | EstimatorDevice | IBMDevice


def resolve(backend: Any, *, shots: int | None, n_qubits: int) -> Device:
    """Return the device that a user means; nothing runs, nothing is opened.

    Parameters
    ----------
    backend : Backend, str, BackendV2 or BaseEstimatorV2
        See `Backend`.
    shots : int or None
        None: exact expectation values.
    n_qubits : int
        Number of qubits of the model.

    Raises
    ------
    ValueError
        If the backend or an option is unknown, or the backend cannot do what is asked.
    TypeError
        If `backend` or a keyword has another type.
    ImportError
        If a package is missing.
    """
    settings = as_backend(backend)
    if settings is None:
        raise TypeError("`backend` must be a device, got None.")
    target = settings.target
    kind = next(kind for kind in _KINDS if kind.fits(target))
    for name, value in non_defaults(settings).items():
        if name not in kind.honours:
            refuse_keyword(name, value, target)
    device = kind.make(target, settings, shots, n_qubits)
    if not device.remote and device.backend is not None:  # which is not asked for here
        check_width(n_qubits, device.backend)
    return device


class Kind(NamedTuple):
    """A kind of backend: which targets it has, how, and the keywords it honours."""

    fits: Callable[[Any], bool]
    make: Callable[[Any, Backend, int | None, int], Device]
    honours: frozenset[str] = frozenset()


def _aer_by_name(name, settings, shots, n_qubits) -> AerDevice:
    method = name.removeprefix("aer").removeprefix("_") or "automatic"
    if method not in aer.METHODS:
        _refuse_name(name)
    options = aer_options(settings, name, gates=True)
    if method != "automatic" and options.get("method", method) != method:
        raise ValueError(
            f"`options['method']` must be {method!r} with {name!r}, got "
            f"{options['method']!r}."
        )
    simulator = aer.simulator({"method": method} | options)
    return _aer(name, simulator, {"method": method} | options, settings, shots)


def _aer_object(simulator, settings, shots, n_qubits) -> AerDevice:
    options = aer_options(settings, simulator.name, gates=False)
    own = {k: v for k, v in simulator.options.items() if v is not None}
    aer.simulator(options)
    return _aer(simulator.name, simulator, own | options, settings, shots)


def _aer(name, simulator, options, settings, shots) -> AerDevice:
    """Return Aer with the gates and connections of a simulator, and some options."""
    options = {k: v for k, v in options.items() if k not in GATES}
    salt = describe((simulator, options))
    model = _noise(options)
    _check_method(options, name, settings)
    like = device_like(simulator, model)
    if model is not None:
        check_gates(model, like)
    device = AerDevice(
        name,
        options,
        shots=shots,
        backend=like,
        noise=None if model is None else partial(model_noise, model),
        correct_readout=settings.correct_readout,
        transpile=_transpile(settings),
        salt=salt,
        check=None if model is None else partial(check_opened, model=model),
    )
    _need_gates(device, settings)
    return device


def _noise(options: dict[str, Any]) -> Any:
    """Take the NoiseModel out of some options, None if there are no errors."""
    model = options.pop("noise_model", None)
    if model is None or model.is_ideal():
        return None
    check_noise(model)
    return model


def _check_method(options: Mapping[str, Any], name: str, settings: Backend) -> None:
    method = options.get("method", "automatic")
    if method not in (*aer.METHODS, "tensor_network"):
        raise ValueError(
            f"`options['method']` must be one of {list(aer.METHODS)} with {name!r}, "
            f"got {method!r}, which cannot run circuits with angles."
        )
    check_effect(settings, name, method, options.get("device", "CPU"))


def _fake_by_name(name, settings, shots, n_qubits) -> AerDevice:
    classes = fake_backends()
    if name not in classes:
        _refuse_name(name)
    return _fake_object(classes[name](), settings, shots, n_qubits)


def _fake_object(backend, settings, shots, n_qubits) -> AerDevice:
    options = aer_options(settings, backend.name, gates=False)
    aer.simulator(options)
    _check_method(options, backend.name, settings)
    salt = describe((backend, options))
    replaced = "noise_model" in options
    model = _noise(options)
    noise = None if model is None else partial(model_noise, model)
    if model is not None:
        check_gates(model, backend)
    if not replaced:
        noise = partial(target_noise, backend.target)
    return AerDevice(
        backend.name,
        options,
        shots=shots,
        backend=backend,
        noise=noise,
        correct_readout=settings.correct_readout,
        transpile=_transpile(settings),
        salt=salt,
        check=None if model is None else partial(check_opened, model=model),
        vectors=not settings.options,
    )


def _other_object(backend, settings, shots, n_qubits) -> EstimatorDevice:
    estimator = BackendEstimatorV2(backend=backend)
    return _estimator(estimator, settings, shots, n_qubits)


def _estimator(estimator, settings, shots, n_qubits) -> EstimatorDevice:
    check_exact(estimator, shots)
    backend = backend_of(estimator)
    name = type(estimator).__name__ if backend is None else backend.name
    device = EstimatorDevice(
        name, estimator, shots=shots, backend=backend, transpile=_transpile(settings)
    )
    _need_gates(device, settings)
    return device


def _ibm_by_name(name, settings, shots, n_qubits) -> IBMDevice:
    return _ibm(name, None, settings, shots, n_qubits)


def _ibm_object(backend, settings, shots, n_qubits) -> IBMDevice:
    return _ibm(backend.name, backend, settings, shots, n_qubits)


def _ibm_estimator(estimator, settings, shots, n_qubits) -> IBMDevice:
    backend = estimator.backend()
    device = _ibm(backend.name, backend, settings, shots, n_qubits, estimator.mode)
    device.options = estimator.options
    return device


def _ibm(name, backend, settings, shots, n_qubits, mode=None) -> IBMDevice:
    need_runtime(name)
    if shots is None:
        raise ValueError(
            f"`shots` must be a positive integer with {name!r}: a device has no exact "
            "expectation values, got None."
        )
    if settings.max_time is not None and settings.mode not in ("batch", "session"):
        raise ValueError(
            f"`max_time` must be None with mode={settings.mode!r}, got "
            f"{settings.max_time!r}: it limits the batch or session that is opened "
            "here; options={'max_execution_time': ...} limits a job."
        )
    return IBMDevice(
        name,
        shots=shots,
        n_qubits=n_qubits,
        backend=backend,
        mode=mode or settings.mode,
        max_time=settings.max_time,
        use_fractional_gates=settings.use_fractional_gates,
        account=settings.account,
        transpile=_transpile(settings),
        options=ibm_options(settings, name),
    )


def _transpile(settings: Backend) -> Callable[..., Any]:
    return partial(
        transpile_best,
        n_trials=settings.n_transpilations,
        optimization_level=settings.optimization_level,
    )


def _need_gates(device: Any, settings: Backend) -> None:
    """Refuse settings of the transpiler for a device that takes any circuit."""
    if device.backend is None:
        for name in ("optimization_level", "n_transpilations"):
            if name in non_defaults(settings):
                refuse_keyword(name, getattr(settings, name), device.name)


def _refuse_name(name: str) -> NoReturn:
    words = re.sub(r"V\d$", "", name)
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", words).lower()
    if words in _FORMER:  # no need to import a package for its names
        cure = f"; it is {_FORMER[words]!r} here"
    else:
        cure = nearest(words, _names_like(words), 3, cutoff=0.5)
    raise ValueError(
        "`backend` must be None, 'aer', 'aer_<method>', 'fake_<name>', 'ibm_<name>' or "
        f"'least_busy', got {name!r}{cure}."
    )


def _names_like(words: str) -> list[str]:
    """Return the names among which one may be meant: a device has two."""
    words = re.sub("^ibmq_", "ibm_", words)  # as devices were called until 2021
    if words.startswith("fake"):
        return list(fake_backends())
    device: list[str] = []
    if find_spec("qiskit_ibm_runtime") is not None:
        fakes = [name.removeprefix("fake_") for name in fake_backends()]
        device = close_names(words, fakes, cutoff=0.75)
    if device:
        return [f"fake_{device[0]}", f"ibm_{device[0]}"]
    return ["aer", *(f"aer_{method}" for method in aer.METHODS[1:]), "least_busy"]


# Names of Qiskit's former providers, of classes, and of PennyLane, in lower case.
_FORMER: dict[str, str | None] = {
    "none": None,
    "exact": None,
    "statevector": None,
    "statevector_estimator": None,
    "default.qubit": None,
    "lightning.qubit": None,
    "simulator": "aer",
    "aer_simulator": "aer",
    "basic_simulator": "aer",
    "qasm_simulator": "aer",
    "ibmq_qasm_simulator": "aer",
    "statevector_simulator": "aer_statevector",
    "simulator_statevector": "aer_statevector",
    "simulator_mps": "aer_matrix_product_state",
}
_ANY = frozenset(
    {"state_preparation", "n_preparation_layers", "journal", "random_state"}
)
_GATED = _ANY | {"optimization_level", "n_transpilations"}
_SIMULATED = _GATED | {"correct_readout", "options"}
_IBM = _GATED | {"mode", "max_time", "lookup_time", "options"}
_IBM_BY_NAME = _IBM | {"use_fractional_gates", "account"}

# The first kind that fits counts.
_KINDS = (
    Kind(named("aer"), _aer_by_name, _SIMULATED),
    Kind(named("fake_"), _fake_by_name, _SIMULATED),
    Kind(named("ibm_", "least_busy"), _ibm_by_name, _IBM_BY_NAME),
    Kind(named(""), lambda name, *_: _refuse_name(name), frozenset(DEFAULTS)),
    Kind(is_aer_simulator, _aer_object, _SIMULATED),
    Kind(is_fake_backend, _fake_object, _SIMULATED),
    Kind(is_ibm_backend, _ibm_object, _IBM),
    Kind(lambda target: isinstance(target, BackendV2), _other_object, _GATED),
    Kind(is_ibm_estimator, _ibm_estimator, _GATED | {"lookup_time"}),
    Kind(lambda target: isinstance(target, BaseEstimatorV2), _estimator, _GATED),
)
