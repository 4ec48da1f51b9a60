"""Backend: where circuits run and how, as parameters and nothing else."""

import functools
import os
import re
from collections.abc import Mapping
from inspect import signature
from numbers import Integral
from typing import Any

from qiskit.primitives import BaseEstimatorV2, BaseSamplerV2
from qiskit.providers import BackendV2
from sklearn.base import BaseEstimator

from skqnn._backends.accounts import portable_account
from skqnn._backends.kinds import is_window, portable
from skqnn._circuits.preparation import PREPARATIONS
from skqnn._validation import (
    Rule,
    boolean,
    check_parameters,
    integer,
    nearest,
    non_negative,
    one_of,
    random_source,
)

STATE_PREPARATIONS = ("auto", "direct", *PREPARATIONS)
MODES = ("job", "batch", "session")


class Backend(BaseEstimator):
    """Where circuits run, and how they are prepared, transpiled, corrected and kept.

    The value of `QNNClassifier`'s `backend`. A name, a backend or an estimator of
    Qiskit is shorthand for a Backend with defaults: ``"aer"`` for ``Backend("aer")``.
    It only holds parameters: nothing is looked up, opened or checked before a
    classifier runs, and then everything is, before any circuit is made. A keyword that
    a kind of backend cannot honour is refused by name unless it has its default.

    Read more in the :ref:`User Guide <backend_options>`.

    Parameters
    ----------
    target : str, BackendV2 or BaseEstimatorV2
        Where circuits run.

        - ``"aer"`` or ``"aer_<method>"``: Aer without noise, for ``"statevector"``,
          ``"density_matrix"`` and ``"matrix_product_state"``; with the `options`
          ``noise_model``, ``coupling_map`` or ``basis_gates``, like an `AerSimulator`
          made with them;
        - ``"fake_<name>"``, such as ``"fake_torino"``: the noise of a device,
          simulated from its calibration;
        - ``"ibm_<name>"`` or ``"least_busy"``: IBM Quantum; the device that is found at
          the first call is kept for the next ones, with the transpiled circuits, as
          long as model and backend stay the same, but not in copies and pickles;
        - a backend of Qiskit: an `AerSimulator`, a fake or a live device of IBM, or
          any other;
        - an estimator primitive of Qiskit.
    state_preparation : {"auto", "direct", "exact", "frqi", "layers"}, default="auto"
        How amplitudes are prepared, on all kinds of backend: "direct" sets the state
        of a noiseless Aer; "exact" is a circuit of ``2**n_qubits - n_qubits - 1`` CZ
        gates; "frqi" needs half of them, for images of `BinaryAmplitudeEncoder` with
        ``normalization="pixel"``; "layers" is an approximation by ``(n_qubits - 1) *
        n_preparation_layers`` CX gates between neighbours, which is by far the most
        accurate under noise. "auto" is "direct" or "exact" without noise, otherwise
        what needs the fewest gates. Feature maps are circuits already.
    n_preparation_layers : int, default=4
        Layers of ``state_preparation="layers"``.
    optimization_level : {"auto", 0, 1, 2, 3}, default="auto"
        How circuits are transpiled to a backend with gates and connections of its own:
        all but noiseless Aer and estimators without a backend. "auto": what Qiskit's
        levels 1 to 3 give is moved to where the calibration is best, and what keeps
        most of the signal is taken. A number: that level of Qiskit's transpiler, which
        chooses the qubits, too.
    n_transpilations : int, default=3
        Number of seeds with which a circuit is transpiled, to keep the best; concerns
        the same backends. With ``optimization_level="auto"`` a circuit that fits
        without swapping qubits takes one.
    correct_readout : bool, default=True
        Whether mean values are corrected for the known readout errors of simulated
        noise: Aer and fake devices. IBM Quantum has ``resilience_level`` instead.
    journal : path-like, "auto" or None, default="auto"
        File that remembers requests, so that running again after a crash pays for
        nothing twice; for all kinds. "auto": ``skqnn_journal.sqlite`` in the working
        directory for IBM Quantum, none elsewhere.
    mode : {"job", "batch", "session"}, Session or Batch, default="job"
        How jobs are submitted to IBM Quantum; a session or batch of your own stays
        open.
    max_time : int or str, default=None
        Longest duration of a batch or session on IBM Quantum, in seconds or as "2h".
        None: 2 hours.
    lookup_time : float, default=120
        Seconds to look for a job, by the tag that it carries, when it is not known
        whether IBM Quantum accepted it. One that is listed later than that is paid for
        twice; every lost answer costs the time. See :ref:`journal`.
    use_fractional_gates : bool, default=False
        Whether ``"ibm_<name>"`` and ``"least_busy"`` mean a device with RX gates of any
        angle. Its RZZ gates are not used: they take angles from 0 to pi/2 only.
    account : str or callable, default=None
        Account of ``"ibm_<name>"`` and ``"least_busy"``: the name under which
        `QiskitRuntimeService.save_account` saved it, or a function without arguments
        that returns a `QiskitRuntimeService`. None: the default account. A token is
        refused at once, so that it cannot be printed. A function is not pickled, and
        has to be set again where the copy is to run jobs.
    options : dict, default=None
        For Aer and fake devices, options of `AerSimulator` (``device="GPU"``,
        ``max_parallel_threads=1``); for IBM Quantum, those of
        `qiskit_ibm_runtime.executor_estimator.Estimator` (``resilience_level``,
        ``dynamical_decoupling``, ``max_execution_time`` in seconds). Other objects
        have their own options.
    random_state : int, RandomState instance or None, default=None
        Source of shot noise. None: follows the classifier's `random_state`, so that
        the same prediction gives the same numbers again. An int: likewise, with
        other numbers for each int. A RandomState: fresh numbers at every call.
        Concerns backends whose random numbers are drawn here or take a seed; a device
        has its own, and an int or RandomState then only gives requests other names in
        the journal, i.e. they are run anew.

    See Also
    --------
    skqnn.inspection.estimate_cost : What running on a device would cost.

    Examples
    --------
    >>> from skqnn import Backend, QNNClassifier
    >>> backend = Backend("fake_torino", state_preparation="layers")
    >>> backend.set_params(n_preparation_layers=2)
    Backend(n_preparation_layers=2, state_preparation='layers',
            target='fake_torino')
    """

    def __init__(
        self,
        target,
        *,
        state_preparation="auto",
        n_preparation_layers=4,
        optimization_level="auto",
        n_transpilations=3,
        correct_readout=True,
        journal="auto",
        mode="job",
        max_time=None,
        lookup_time=120.0,
        use_fractional_gates=False,
        account=None,
        options=None,
        random_state=None,
    ):
        self.target = target
        self.state_preparation = state_preparation
        self.n_preparation_layers = n_preparation_layers
        self.optimization_level = optimization_level
        self.n_transpilations = n_transpilations
        self.correct_readout = correct_readout
        self.journal = journal
        self.mode = mode
        self.max_time = max_time
        self.lookup_time = lookup_time
        self.use_fractional_gates = use_fractional_gates
        self.account = account
        self.options = options
        self.random_state = random_state

    @property
    def account(self):
        """The saved account's name, or a function that returns the service."""
        return self._account

    @account.setter
    def account(self, value):
        # Checked at once, and never shown: whatever is set here is printed by repr.
        secretive = callable(value) and not isinstance(value, functools.partial)
        is_token = isinstance(value, str) and bool(_TOKEN.fullmatch(value))
        if is_token or not (value is None or isinstance(value, str) or secretive):
            got = "what looks like a token" if is_token else type(value).__name__
            raise TypeError(
                "`account` must be the name of a saved account, a function that "
                f"returns a QiskitRuntimeService, or None, got {got}; call "
                "QiskitRuntimeService.save_account(name=..., token=...) once and give "
                "the name."
            )
        self._account = value

    @property
    def options(self):
        """The options; one that is named like a secret is kept as three stars."""
        return self._options

    @options.setter
    def options(self, value):
        self._options = _masked(value)

    def set_params(self, **params):
        """Set keywords, and refuse an unknown one with the nearest name.

        Parameters
        ----------
        **params : dict
            Names and values.

        Returns
        -------
        self : Backend
        """
        known = list(self.get_params(deep=False))
        for name in params:
            if name not in known:
                raise ValueError(
                    f"`{name}` must be a keyword of Backend, one of {known}, got "
                    f"another name{nearest(name, known)}."
                )
        return super().set_params(**params)

    def __getstate__(self):
        # A live connection cannot be pickled, and would carry the account's token.
        state = super().__getstate__()
        return state | {
            "target": portable(self.target),
            "mode": self.mode if isinstance(self.mode, str) else "job",
            "_account": portable_account(self.account),
        }


# An API key of IBM Cloud has 44 of these characters, older ones have more.
_TOKEN = re.compile(r"[\w-]{40,}")
_SECRET = re.compile("token|passw|secret|credential|api_?key", re.IGNORECASE)


def _masked(options: Any) -> Any:
    """Return options without values that are named like a secret, at any depth.

    No option of Aer or IBM has such a name: it is refused later, and printed before.
    """
    if not isinstance(options, Mapping):
        return options
    masked = {
        name: "***" if _SECRET.search(str(name)) else _masked(value)
        for name, value in options.items()
    }
    same = all(
        masked[name] is value or value == "***" for name, value in options.items()
    )
    return options if same else masked


_TARGETS = (str, BackendV2, BaseEstimatorV2)


def _instead(value: Any) -> str:
    """Return what to give instead of what cannot run circuits, as a cure."""
    kind = value if isinstance(value, type) else type(value)
    if issubclass(kind, BaseSamplerV2):
        return (
            "; a sampler gives no expectation values, an estimator does, such as "
            "StatevectorEstimator() or BackendEstimatorV2(backend=...)"
        )
    if kind.__name__ == "NoiseModel":  # of Aer, which takes a while to import
        return "; a simulator has it, AerSimulator(noise_model=...)"
    if kind is value:
        return f"; make an object of this class, {kind.__name__}(...)"
    return ""


RULES = {
    "target": Rule(
        _TARGETS,
        lambda v: True,
        "a name, a BackendV2 or a BaseEstimatorV2",
        cure=lambda v: (
            "; backend=None, without Backend, is the exact engine"
            if v is None
            else _instead(v)
        ),
    ),
    "state_preparation": one_of(STATE_PREPARATIONS),
    "n_preparation_layers": integer(1),
    "optimization_level": Rule(
        (Integral, str),
        lambda v: v in ("auto", 0, 1, 2, 3),
        "'auto', 0, 1, 2 or 3",
        cure=lambda v: nearest(v, ["auto"]),
    ),
    "n_transpilations": integer(1),
    "correct_readout": boolean(),
    "journal": Rule(
        (str, os.PathLike, type(None)), lambda v: v != "", "'auto', a path or None"
    ),
    "mode": Rule(
        (object,),
        lambda v: v in MODES if isinstance(v, str) else is_window(v),
        f"one of {list(MODES)}, or a Session or Batch of qiskit_ibm_runtime",
        cure=lambda v: nearest(v, MODES),
    ),
    "max_time": Rule(
        (Integral, str, type(None)),
        lambda v: not isinstance(v, Integral) or int(v) > 0,
        "a positive integer (seconds), a text such as '2h', or None",
    ),
    "lookup_time": non_negative(),
    "use_fractional_gates": boolean(),
    "options": Rule((Mapping, type(None)), lambda v: True, "a dict of options or None"),
    "random_state": random_source(),
}

# Their defaults, from the signature.
DEFAULTS: Mapping[str, Any] = {
    name: parameter.default
    for name, parameter in signature(Backend).parameters.items()
    if name != "target"
}


def check_nested(params: Mapping[str, Any], backend: Any) -> None:
    """Refuse ``backend__<name>`` among parameters where the backend is no Backend."""
    nested = [name for name in params if name.startswith("backend__")]
    backend = params.get("backend", backend)
    if nested and not isinstance(backend, Backend):
        raise ValueError(
            f"`{nested[0]}` is a parameter of a Backend object, got backend="
            f"{backend!r}; first set `backend` to skqnn.Backend({backend or 'aer'!r})."
        )


def as_backend(value: Any) -> Backend | None:
    """Return what a user gave as a Backend with checked keywords; None stays None.

    Raises
    ------
    TypeError or ValueError
        If `value` or a keyword has another type, or breaks its rule.
    """
    if value is None:
        return None
    if not isinstance(value, Backend):
        if not isinstance(value, _TARGETS):
            raise TypeError(
                "`backend` must be None, a name, a BackendV2, a BaseEstimatorV2 or a "
                f"Backend, got {value!r}{_instead(value)}."
            )
        value = Backend(value)
    check_parameters(value.get_params(deep=False), RULES)
    return value


def non_defaults(backend: Backend) -> dict[str, Any]:
    """Return the keywords that somebody set to another value than the default."""
    values = {name: getattr(backend, name) for name in DEFAULTS}
    return {
        name: value
        for name, value in values.items()
        if value is not DEFAULTS[name] and value != DEFAULTS[name]
    }
