"""The keywords and options of a Backend that a kind of backend does not honour.

They are refused by name, with what to do instead, before anything runs.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NoReturn

from qiskit import QuantumCircuit
from qiskit.transpiler import CouplingMap

from skqnn._backends.backend import DEFAULTS, Backend
from skqnn._backends.kinds import need_runtime
from skqnn._validation import close_names

_WHY = {
    "optimization_level": "it takes any gate, so nothing is transpiled",
    "n_transpilations": "it takes any gate, so nothing is transpiled",
    "correct_readout": "only simulated noise is corrected here; IBM Quantum has "
    "options={'resilience_level': 1}",
    "mode": "IBM Quantum only, and not with an estimator, which has its own",
    "max_time": "IBM Quantum only, and not with an estimator, which has its own",
    "lookup_time": "IBM Quantum only",
    "use_fractional_gates": "only for devices of IBM Quantum that are given by name",
    "account": "only for devices of IBM Quantum that are given by name",
    "options": "only for Aer, fake devices and IBM Quantum; other objects take theirs "
    "when they are made",
}


def refuse_keyword(name: str, value: Any, target: Any) -> NoReturn:
    """Raise ValueError for a keyword that a target cannot honour."""
    shown = target if isinstance(target, str) else type(target).__name__
    got = "" if name in ("account", "options") else f", got {value!r}"
    raise ValueError(
        f"`{name}` must be {DEFAULTS[name]!r} with {shown!r}{got}: {_WHY[name]}."
    )


# What makes a simulator and is no option of its runs.
GATES = ("coupling_map", "basis_gates")
# Options of AerSimulator that are something else here.
_OURS = {
    "shots": "set `shots` on the classifier",
    "seed_simulator": "set `random_state`",
    "coupling_map": "the backend has its own",
    "basis_gates": "the backend has its own",
    "runtime_parameter_bind_enable": "parameters are always bound at run time",
    "memory": "no single outcomes are returned",
    "accept_distributed_results": "no single outcomes are returned",
    "fusion_verbose": "no log of Aer is returned",
    "mps_log_data": "no log of Aer is returned",
}
# Beginnings of the names of options -> the methods that heed them.
_METHODS = {
    "statevector_": ("statevector", "density_matrix"),
    "matrix_product_state_": ("matrix_product_state",),
    "mps_": ("matrix_product_state",),
    "stabilizer_": (),
    "extended_stabilizer_": (),
    "tensor_network_": ("tensor_network",),
    "use_cuTensorNet_": ("tensor_network",),
}
_GPU = ("cuStateVec_enable", "batched_shots_gpu", "batched_shots_gpu_max_qubits")


def aer_options(settings: Backend, target: str, *, gates: bool) -> dict[str, Any]:
    """Return the options of a simulation, whose names are known.

    `gates`: whether the gates and connections are still to be chosen.
    """
    known = _aer_names() - set(_OURS) | set(GATES if gates else ())
    options = _checked(settings, known, f"AerSimulator with {target!r}", _is_ibms)
    _check_gates(options)
    _check_values({k: v for k, v in options.items() if k not in _SEEN_ELSEWHERE})
    return options


# Options whose values are checked where they are used, and in better words.
_SEEN_ELSEWHERE = (*GATES, "method", "noise_model")


def _check_gates(options: dict[str, Any]) -> None:
    """Raise ValueError if gates or connections are not what Aer would iterate over."""
    names, pairs = options.get("basis_gates"), options.get("coupling_map")
    listed = isinstance(names, list | None)
    if not listed or not all(isinstance(name, str) for name in names or ()):
        raise ValueError(
            "`options['basis_gates']` must be a list of the names of gates, such as "
            f"['rz', 'sx', 'cx'], got {names!r}."
        )
    if pairs is None or isinstance(pairs, CouplingMap):
        return
    try:
        CouplingMap(pairs)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            "`options['coupling_map']` must be a CouplingMap or a list of pairs of "
            f"qubits, such as [[0, 1], [1, 2]], got {pairs!r}."
        ) from error


def _check_values(options: dict[str, Any]) -> None:
    """Raise ValueError if Aer refuses a value, which it tells when it runs something.

    It says so without the name of the option, or without that of its own class.
    """
    from qiskit_aer import AerError, AerSimulator

    for name, value in options.items():
        try:
            AerSimulator(**{name: value}).run(QuantumCircuit(1)).result()
        except (AerError, RuntimeError, TypeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"`options[{name!r}]` must be a value that AerSimulator takes on this "
                f"machine, got {value!r}: {reason}"
            ) from error


def check_effect(settings: Backend, target: str, method: str, device: str) -> None:
    """Raise ValueError for an option that this method or device would ignore."""
    for name in settings.options or {}:
        wants = [m for start, m in _METHODS.items() if name.startswith(start)]
        if wants and method not in ("automatic", *wants[0]):
            cure = f"with method={method!r} it has no effect"
        elif wants == [()]:
            cure = "its method cannot run circuits with angles"
        elif name in _GPU and device != "GPU":
            cure = "it needs device='GPU'"
        else:
            continue
        raise ValueError(
            f"`options` must be options of AerSimulator with {target!r}, got {name!r}: "
            f"{cure}."
        )


def ibm_options(settings: Backend, target: str) -> dict[str, Any]:
    """Return the options of IBM's Estimator, whose names are known."""
    return _checked(
        settings, _ibm_names(), f"IBM's Estimator with {target!r}", _is_aers
    )


def _aer_names() -> set[str]:
    from qiskit_aer import AerSimulator

    return {*AerSimulator().options.__dict__, *GATES}


def _ibm_names() -> set[str]:
    need_runtime("ibm_...")
    from qiskit_ibm_runtime.options_models import EstimatorOptions

    return set(EstimatorOptions.model_fields)


def _is_aers(name: str) -> str | None:
    return "Aer only" if name in _aer_names() else None


def _is_ibms(name: str) -> str | None:
    installed = find_spec("qiskit_ibm_runtime") is not None
    return "IBM only" if installed and name in _ibm_names() else None


def _checked(
    settings: Backend, known: set[str], words: str, elsewhere: Callable
) -> dict[str, Any]:
    """Return the options, or raise ValueError for the first unknown one."""
    options = dict(settings.options or {})
    for name in options:
        if name in known:
            continue
        close = close_names(str(name), known, cutoff=0.0)
        cure = _OURS.get(name) or elsewhere(name) or f"did you mean {close[0]!r}?"
        if name in DEFAULTS:
            cure = f"it is a keyword, Backend(..., {name}=...)"
        raise ValueError(f"`options` must be options of {words}, got {name!r}: {cure}")
    return options
