"""Which engine a model runs on: made, kept for the next call, and closed."""

import logging
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from copy import copy
from functools import partial
from operator import is_
from typing import Any, NamedTuple

import numpy as np

from skqnn._arrays import numpy_dtype, to_numpy
from skqnn._backends.backend import Backend
from skqnn._backends.engines import Kept, open_engine
from skqnn._circuits.gates import compile_circuit
from skqnn._circuits.model import Model, changeable
from skqnn._circuits.shift import parameter_shift, shift_rules
from skqnn._engine.states import amplitude_rows
from skqnn._engine.statevector import StatevectorEngine
from skqnn._memory import memory_limit, require_memory
from skqnn._training.losses import as_loss
from skqnn._training.objective import Objective
from skqnn._training.solvers import Plan
from skqnn._training.undo import put_back_if_it_fails
from skqnn._verbose import inform, verbose_logging

_log = logging.getLogger(__name__)

_KEPT_SHARE = 32  # all circuits that are kept take at most this part of the memory,
_NOT_COUNTED = 2**20  # bytes, without those that take less


class Setting(NamedTuple):
    """The arguments of QNNClassifier that say where circuits run."""

    backend: Backend | None
    shots: int | None
    verbose: bool


class Engines:
    """The engines of a fitted model, compiled once for each model and backend.

    What is compiled is kept beside the model that it belongs to, not in copies and
    pickles. Calls from several threads share it.
    """

    def __init__(self) -> None:
        self._exact: tuple[tuple, tuple, Any] = ((), (), None)
        self._kept: Kept | None = None

    @contextmanager
    def open(
        self, model: Model, setting: Setting, seed: int, stream: int | None
    ) -> Iterator[Any]:
        """Return the engine of a model, and close what it opened."""
        with verbose_logging(setting.verbose):
            if setting.backend is None:
                yield self.exact(model)
                return
            with put_back_if_it_fails(setting.backend.random_state):
                self._kept = kept = open_engine(
                    setting.backend,
                    model.circuit,
                    model.observables,
                    feature_map=model.feature_map,
                    n_copies=model.n_copies,
                    shots=setting.shots,
                    seed=seed,
                    stream=stream,
                    kept=self._kept,
                )
                with closing(kept.engine) as engine:
                    yield engine

    def exact(self, model: Model) -> StatevectorEngine:
        """Return the simulator of a model."""
        circuits = model.circuit, model.feature_map
        parts = (*circuits, *model.observables)
        values = (model.n_copies, *changeable(circuits, model.observables))
        kept, kept_values, engine = self._exact
        same = len(kept) == len(parts) and all(map(is_, kept, parts))
        if not same or kept_values != values:
            engine = exact_engine(model)
            if _kept_circuits.admit(self, engine.held_bytes):
                self._exact = parts, values, engine
        return copy(engine)

    def forget(self) -> None:
        """Give up the compiled circuit; the next call compiles it again."""
        self._exact = (), (), None


class _KeptCircuits:
    """Who keeps a large circuit of how many bytes, the latest last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[tuple[weakref.ref[Engines], int]] = []

    def admit(self, owner: Engines, n_bytes: int) -> bool:
        """Tell whether an owner may keep a circuit; the first ones give up theirs."""
        if n_bytes < _NOT_COUNTED:
            return True
        limit = memory_limit() // _KEPT_SHARE
        if n_bytes > limit:
            return False
        with self._lock:
            kept = [entry for entry in self._kept if entry[0]() not in (None, owner)]
            while sum(size for _, size in kept) > limit - n_bytes:
                first, _ = kept.pop(0)
                if (other := first()) is not None:
                    other.forget()
            self._kept = [*kept, (weakref.ref(owner), n_bytes)]
        return True


_kept_circuits = _KeptCircuits()


def exact_engine(model: Model) -> StatevectorEngine:
    """Return a new simulator of a model."""
    return StatevectorEngine(
        model.circuit,
        model.observables,
        feature_map=model.feature_map,
        n_copies=model.n_copies,
    )


def model_rows(X: Any, model: Model, *, on_host: bool) -> Any:
    """Return X as amplitudes of one register, or as features of the feature map."""
    if on_host:
        X = to_numpy(X)
    if model.feature_map is not None:
        return X
    n_qubits = model.n_row_qubits(X.shape[1])
    require_memory(n_qubits, X.shape[0], numpy_dtype(X).itemsize)
    states = amplitude_rows(X, n_qubits, model.constant)
    # Rows that are states are not copied, whatever their order in memory; a solver
    # would copy them for each mini-batch.
    return np.ascontiguousarray(states) if isinstance(states, np.ndarray) else states


def gradient_method(gradient: str, plan: Plan, backend: Any, engine: Any) -> str:
    """Return the method in use; "auto" says what it chose."""
    has_adjoint = backend is None or engine.differentiable
    if gradient == "adjoint" and not has_adjoint:
        raise ValueError(
            "`gradient` must be 'auto', 'parameter_shift' or 'spsa' on this backend, "
            "got 'adjoint', which needs the exact engine (backend=None) or a fake "
            "device, with shots=None and without a journal and options."
        )
    if gradient != "auto":
        return gradient
    if has_adjoint:
        return "spsa" if plan.solver == "spsa" else "adjoint"
    prefers_spsa = plan.solver == "spsa" or not engine.affords_shifts
    method = "spsa" if plan.takes_batches and prefers_spsa else "parameter_shift"
    inform(_log, "Gradients by %s", method)
    return method


def objective_of(
    model: Model, engine: Any, loss: str | Callable, gradient: str = "adjoint"
) -> Objective:
    """Return the objective whose circuits an engine runs."""
    n_theta = model.circuit.num_parameters
    vjp = engine.vjp
    if gradient == "parameter_shift":
        shifts = shift_rules(compile_circuit(model.circuit), n_theta)
        vjp = partial(parameter_shift, engine.expectations, shifts)
    compiled = isinstance(engine, StatevectorEngine) and engine.is_compiled
    return Objective(engine.expectations, vjp, as_loss(loss), n_theta, compiled)
