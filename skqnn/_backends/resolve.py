"""Backends by name or object -> a device, which transpiles and runs circuits.

The modules below this one are the only ones that know Aer and IBM. Every device has

- ``name``, ``shots``, ``backend`` (what circuits are transpiled for, or None);
- ``noisy`` (gates have errors), ``sets_states`` (states need no preparation),
  ``remote`` (running costs money), ``n_repeats``
  (of a circuit, for error mitigation) and ``salt`` (all that changes results, as text);
- ``transpile(circuit, backend, seed=...)`` to the gates of a backend;
- ``compile(circuit, observables, seed) -> program``, with ``program.run(values, rng)
  -> (evs, stds)``, both (n_bindings, n_observables), ``program.remote(values, rng)``
  for a journal, ``program.max_bindings`` and ``program.circuits``;
- ``close()``.
"""

import difflib
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from typing import Any, NoReturn

from qiskit.primitives import BackendEstimatorV2, BaseEstimatorV2
from qiskit.providers import BackendV2

from skqnn._backends import aer
from skqnn._backends.aer import AerDevice
from skqnn._backends.estimators import EstimatorDevice, backend_of, check_exact
from skqnn._backends.ibm import MODES, IBMDevice
from skqnn._backends.noise import model_noise, target_noise
from skqnn._backends.transpilation import transpile_best

Device = AerDevice | EstimatorDevice | IBMDevice

# Options of this package in `backend_options`, with their defaults; for Aer and IBM
# all others are options of AerSimulator and of IBM's Estimator.
_TRANSPILATION = {"n_transpilations": 50, "optimization_level": 1}
_SIMULATION = _TRANSPILATION | {"correct_readout": True}
_IBM = _TRANSPILATION | {
    "mode": "job",
    "max_time": None,
    "use_fractional_gates": False,
    "account": None,
}


def resolve(
    backend: Any, *, shots: int | None, n_qubits: int, options: Mapping | None = None
) -> Device:
    """Return the device that a user means.

    Parameters
    ----------
    backend : str, BackendV2 or BaseEstimatorV2
        - ``"aer"`` or ``"aer_<method>"``: a noiseless simulation;
        - ``"fake_<name>"``: simulation of a device's noise, from its calibration;
        - ``"ibm_<name>"`` or ``"least_busy"``: IBM Quantum, with the saved account;
        - a BackendV2 (an AerSimulator, a fake or an IBM backend, or another one);
        - any estimator primitive.
    shots : int or None
        None: exact expectation values.
    n_qubits : int
        Number of qubits of the model.
    options : Mapping, default=None
        See `QNNClassifier`'s `backend_options`.

    Raises
    ------
    ValueError
        If the backend or an option is unknown, or the backend cannot do what is asked.
    TypeError
        If `backend` has another type.
    ImportError
        If a package is missing.
    """
    options = dict(options or {})
    for kind, make in _KINDS:
        if kind(backend):
            return make(backend, shots, n_qubits, options)
    raise TypeError(
        "`backend` must be None, a name, a BackendV2 or a BaseEstimatorV2, got "
        f"{backend!r}."
    )


def _named(*prefixes: str) -> Callable[[Any], bool]:
    return lambda backend: isinstance(backend, str) and backend.startswith(prefixes)


def _is_a(module: str, *names: str) -> Callable[[Any], bool]:
    """Return a test for classes of a module that need not be installed or loaded."""

    def test(backend: Any) -> bool:
        loaded = sys.modules.get(module)
        kinds = [getattr(loaded, name) for name in names] if loaded else []
        return isinstance(backend, tuple(kinds))

    return test


def _aer_by_name(name, shots, n_qubits, options) -> AerDevice:
    method = name.removeprefix("aer").removeprefix("_") or "automatic"
    if method not in aer.METHODS:
        _refuse(name)
    _, rest = _split(options, _SIMULATION)
    return AerDevice(name, {"method": method} | rest, shots=shots)


def _aer_object(backend, shots, n_qubits, options) -> AerDevice:
    known, rest = _split(options, _SIMULATION)
    own = {key: value for key, value in backend.options.items() if value is not None}
    settings = own | rest
    model = settings.pop("noise_model", None)
    ideal = model is None or model.is_ideal()
    plain = ideal and backend.coupling_map is None
    return AerDevice(
        backend.name,
        settings,
        shots=shots,
        backend=None if plain else backend,
        noise=None if ideal else partial(model_noise, model),
        **known,
    )


def _fake_by_name(name, shots, n_qubits, options) -> AerDevice:
    classes = fake_backends()
    if name not in classes:
        _refuse(name)
    return _fake_object(classes[name](), shots, n_qubits, options)


def _fake_object(backend, shots, n_qubits, options) -> AerDevice:
    known, rest = _split(options, _SIMULATION)
    return AerDevice(
        backend.name,
        rest,
        shots=shots,
        backend=backend,
        noise=partial(target_noise, backend.target),
        **known,
    )


def _other_object(backend, shots, n_qubits, options) -> EstimatorDevice:
    estimator = BackendEstimatorV2(backend=backend)
    return _estimator(estimator, shots, n_qubits, options)


def _estimator(estimator, shots, n_qubits, options) -> EstimatorDevice:
    known, rest = _split(options, _TRANSPILATION)
    _refuse_options(rest, _TRANSPILATION)
    check_exact(estimator, shots)
    backend = backend_of(estimator)
    name = type(estimator).__name__ if backend is None else backend.name
    return EstimatorDevice(name, estimator, shots=shots, backend=backend, **known)


def _ibm_by_name(name, shots, n_qubits, options) -> IBMDevice:
    return _ibm(name, None, shots, n_qubits, options)


def _ibm_object(backend, shots, n_qubits, options) -> IBMDevice:
    return _ibm(backend.name, backend, shots, n_qubits, options)


def _ibm_estimator(estimator, shots, n_qubits, options) -> IBMDevice:
    backend = estimator.backend()
    mode = {"mode": estimator.mode or "job"}
    _, rest = _split(options, _IBM)
    _refuse_options(rest, _IBM)
    device = _ibm(backend.name, backend, shots, n_qubits, mode | options)
    device.options = estimator.options
    return device


def _ibm(name, backend, shots, n_qubits, options) -> IBMDevice:
    _need_runtime(name)
    known, rest = _split(options, _IBM)
    if isinstance(known["mode"], str) and known["mode"] not in MODES:
        raise ValueError(
            f"`backend_options['mode']` must be one of {MODES}, got {known['mode']!r}."
        )
    if shots is None:
        raise ValueError(
            f"`shots` must be a positive integer with {name!r}: a device has no exact "
            "expectation values, got None."
        )
    return IBMDevice(
        name, shots=shots, n_qubits=n_qubits, backend=backend, options=rest, **known
    )


def _split(options: dict[str, Any], defaults: dict[str, Any]) -> tuple[dict, dict]:
    """Return the device's arguments in this package's options, and all others."""
    known = {key: options.get(key, default) for key, default in defaults.items()}
    known["transpile"] = partial(
        transpile_best,
        n_trials=known.pop("n_transpilations"),
        optimization_level=known.pop("optimization_level"),
    )
    return known, {k: v for k, v in options.items() if k not in defaults}


def _refuse_options(rest: dict[str, Any], known: dict[str, Any]) -> None:
    if rest:
        raise ValueError(
            f"`backend_options` must have keys among {list(known)} for this backend, "
            f"got {list(rest)}."
        )


def _refuse(name: str) -> NoReturn:
    names = ["aer", *(f"aer_{method}" for method in aer.METHODS[1:]), "least_busy"]
    if name.startswith("fake"):
        names = list(fake_backends())
    close = difflib.get_close_matches(name, names, cutoff=0.5) or names
    raise ValueError(
        "`backend` must be None, 'aer', 'aer_<method>', 'fake_<name>', 'ibm_<name>' or "
        f"'least_busy', got {name!r}. Close to it: {', '.join(close)}."
    )


def _need_runtime(name: str) -> None:
    if find_spec("qiskit_ibm_runtime") is None:
        raise ImportError(
            f"`backend` {name!r} needs qiskit-ibm-runtime: run "
            'pip install "skqnn[ibm]".'
        )


def fake_backends() -> dict[str, type]:
    """Return the classes of all fake backends by name."""
    _need_runtime("fake_...")
    from qiskit_ibm_runtime import fake_provider

    classes = vars(fake_provider).items()
    fakes = [c for name, c in classes if name.startswith("Fake")]
    return {c.backend_name: c for c in fakes if hasattr(c, "backend_name")}


def portable(backend: Any) -> Any:
    """Return the backend without a live connection: an IBM backend becomes its name."""
    if _is_ibm_backend(backend):
        return backend.name
    if _is_ibm_estimator(backend):
        return backend.backend().name
    return backend


_is_ibm_backend = _is_a("qiskit_ibm_runtime", "IBMBackend")


def _is_ibm_estimator(backend: Any) -> bool:
    kind = _is_a("qiskit_ibm_runtime.executor_estimator", "Estimator")
    return kind(backend) and _is_ibm_backend(backend.backend())


# The first kind that fits counts.
_KINDS: tuple[tuple[Callable[[Any], bool], Callable[..., Device]], ...] = (
    (_named("aer"), _aer_by_name),
    (_named("fake_"), _fake_by_name),
    (_named("ibm_", "least_busy"), _ibm_by_name),
    (_named(""), lambda name, *_: _refuse(name)),
    (_is_a("qiskit_aer", "AerSimulator"), _aer_object),
    (
        _is_a("qiskit_ibm_runtime.fake_provider.fake_backend", "FakeBackendV2"),
        _fake_object,
    ),
    (_is_ibm_backend, _ibm_object),
    (lambda backend: isinstance(backend, BackendV2), _other_object),
    (_is_ibm_estimator, _ibm_estimator),
    (lambda backend: isinstance(backend, BaseEstimatorV2), _estimator),
)
