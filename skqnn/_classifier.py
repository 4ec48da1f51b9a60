"""QNNClassifier: validate, wire, remember."""

from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from skqnn._arrays import check_fitted_namespace, follow, namespace, to_numpy
from skqnn._backends.backend import as_backend, check_nested
from skqnn._backends.kinds import portable
from skqnn._circuits.doubts import warn_of_doubts
from skqnn._circuits.model import Architecture, Model, build_model, check_same_model
from skqnn._circuits.portable import as_data, from_data
from skqnn._compat import check_sample_weight
from skqnn._engine.states import constant_amplitude
from skqnn._execution import (
    Engines,
    Setting,
    gradient_method,
    model_rows,
)
from skqnn._fitting import train, train_epoch, winner
from skqnn._html import FittedHTML, visual_block
from skqnn._hyperparameters import check_execution, check_hyperparameters
from skqnn._training.data import (
    check_classes,
    check_labels,
    check_same_classes,
    check_two_classes,
    class_indices,
    class_weighted,
    known_classes,
    warn_of_rows,
    weighted_rows,
)
from skqnn._training.losses import LOSSES, reading_of
from skqnn._training.monitor import Curves, fitted_curves, own_history
from skqnn._training.objective import joined, split
from skqnn._training.optimizers import OPTIMIZERS
from skqnn._training.solvers import Plan, plain
from skqnn._training.undo import undone_if_it_fails
from skqnn._validation import curing_rows


class QNNClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """Classify with a quantum neural network that trains exactly and fast.

    A row of X becomes a quantum state, a parametrised circuit (the ansatz) acts on it,
    and observables are measured. The scores ``scale * E + bias`` of their expectation
    values E are trained like those of any other classifier. Circuits are simulated
    exactly by default; the same fitted estimator predicts on other backends after
    ``set_params(backend=...)``.

    Read more in the :ref:`User Guide <user_guide>`.

    Parameters
    ----------
    encoding : {"amplitude", "angle"} or QuantumCircuit, default="amplitude"
        How a row becomes a state. "amplitude": with a constant (`intercept_scaling`),
        padded with zeros to a power of two and divided by its norm; rows of
        `BinaryAmplitudeEncoder` pass unchanged. "angle": RY(x_i) on qubit i, x in
        radians, one qubit per feature. A circuit: a feature map with one parameter per
        feature, in the order of ``circuit.parameters``.
    intercept_scaling : "auto", float or None, default="auto"
        Size of a constant amplitude that every row gets before it is padded and
        normalised. Without it x, 2 x and -x are the same state; with it scores are
        quadratic functions with linear and constant terms. "auto" is twice the root
        mean square norm of the training rows, or none if they are states already: of
        unit norm, with a power of two of columns, like those of
        `BinaryAmplitudeEncoder`. For ``encoding="amplitude"`` only.
    n_copies : int, default=1
        Number of registers that hold the same row. Scores then are polynomials of
        degree ``2 n_copies`` in the amplitudes, on ``n_copies`` times as many qubits.
    ansatz : {"real_amplitudes", "efficient_su2", "n_local", "tree", "staircase"}, \
            QuantumCircuit or callable, default="real_amplitudes"
        The trainable circuit. "n_local" is RY and CZ; "efficient_su2" has RZ before
        RY, so that no parameter is dead; "tree" and "staircase" have the structure of
        a tree tensor network and a matrix product state. A callable gets the number of
        qubits and returns a circuit.
    reps : int or "auto", default="auto"
        Repetitions of the layers of a named ansatz. "auto" takes so many that K classes
        get 4 K (K - 1) angles of "real_amplitudes", at least ``9 - n_qubits`` up to six
        qubits, else one, and not more than ``2**n_qubits - 3`` or 40.
    entanglement : str or list, default="reverse_linear"
        Which qubits are entangled, as in :mod:`qiskit.circuit.library`; "tree" and
        "staircase" ignore it. For "real_amplitudes", "full" is built as the equal but
        much shorter "reverse_linear".
    observables : "auto" or list of str or SparsePauliOp, default="auto"
        What is measured: one observable for two classes, otherwise one per class.
        "auto" takes Z on all qubits for two classes and different Z strings for more,
        chosen so that no parameter of the ansatz is dead. In a Pauli string the last
        letter is qubit 0.
    loss : {"log_loss", "squared_error"} or callable, default="log_loss"
        Cross-entropy of sigmoid or softmax, or squared distance to -1 and +1. Or a
        function of scores and one-hot targets, see :ref:`own-loss`.
    solver : {"adam", "sgd", "spsa", "lbfgs"} or optimizer, default="adam"
        "adam", "sgd" (Nesterov momentum 0.9) and "spsa" (two evaluations per step, for
        shots) take mini-batches; "lbfgs" and the optimizers of
        :mod:`qiskit_machine_learning.optimizers` take all data at once.
    learning_rate : {"constant", "cosine", "one_cycle"} or callable, default="constant"
        How the step size changes over the `max_iter` epochs of a fit; a callable maps
        progress in [0, 1] to a factor. Only "constant" is stopped by `tol`.
    learning_rate_init : float or "auto", default="auto"
        The (largest) step size of a mini-batch solver. "auto" is 0.7 for "spsa", 0.1
        otherwise, or ``10 / n_angles`` for more than 100 angles and a constant step.
    init_scale : float, default=0.5
        First angles are uniform in [-init_scale, init_scale] radians. Circuits that
        start near the identity avoid most of the poor local minima.
    batch_size : int or "auto", default="auto"
        Size of mini-batches; "auto" is ``min(200, n_samples)``.
    max_iter : int, default=1000
        Maximum number of epochs, or of iterations of "lbfgs".
    shuffle : bool, default=True
        Whether to shuffle the samples in each epoch.
    random_state : int, RandomState instance or None, default=None
        Decides first angles, shuffling, the validation split, SPSA's directions and the
        seeds of simulators. The same int gives the same bits.
    tol : float, default=1e-4
        Training stops when the loss (the validation score with `early_stopping`) has
        not improved by more than this for `n_iter_no_change` epochs in a row; "lbfgs"
        also where the largest entry of the gradient is below it. Gradients by SPSA are
        too noisy for such a rule: they use all of `max_iter`.
    n_iter_no_change : int, default=10
        See `tol`. An epoch of less than 5 steps counts as that fraction of an epoch.
    early_stopping : bool, default=False
        Whether to hold out a stratified part of the training data, stop when its
        accuracy no longer improves, and restore the best weights. It stays the same
        part where training continues on the same data.
    validation_fraction : float, default=0.1
        The part held out by `early_stopping`, between 0 and 1.
    class_weight : dict, "balanced" or None, default=None
        Weights by class label; "balanced" gives every class the same total weight.
    warm_start : bool, default=False
        Whether `fit` continues from the present weights and optimizer state.
    verbose : bool, default=False
        Whether to log one line per epoch, and each change of a job that waits for a
        device (logger "skqnn").
    backend : None, Backend, str, BackendV2 or BaseEstimatorV2, default=None
        Where circuits run. None: the exact engine. "aer" or "aer_<method>": Aer without
        noise. "fake_torino" and the like: the noise of a device, simulated from its
        calibration. "ibm_<name>" or "least_busy": IBM Quantum, through the saved
        account. Or a backend or estimator object of Qiskit. `skqnn.Backend` joins one
        of these with all that says how it is used; alone it has the defaults.
    shots : int, default=None
        Measurements per circuit. None: exact expectation values, where the backend has
        them.
    gradient : {"auto", "adjoint", "parameter_shift", "spsa"}, default="auto"
        "adjoint" needs the exact engine, or the exact noise of a fake device
        (``shots=None``); "parameter_shift" and "spsa" run on any backend, with two or
        four evaluations for each angle and two for all together. "auto" is adjoint if
        possible, SPSA on hardware, for ``solver="spsa"`` and for circuits without a
        shift rule, and parameter shift elsewhere; `gradient_` says which.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    theta_ : ndarray of shape (n_angles,)
        Trained angles of the ansatz in radians, in the order of
        ``circuit_.parameters``.
    scale_ : ndarray of shape (1,)
        Trained factor of the expectation values, shared by all scores.
    bias_ : ndarray of shape (n_scores,)
        Trained offset of each score; one score for two classes, else one per class.
    intercept_scaling_ : float
        Size of the constant amplitude of every row, 0 for none.
    n_copies_ : int
        Number of registers with the same row.
    n_parameters_ : int
        Number of trained numbers: angles, scale and biases.
    n_qubits_ : int
        Number of qubits.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of X, if X has string names.
    circuit_ : QuantumCircuit
        The ansatz with free parameters.
    feature_map_ : QuantumCircuit or None
        The circuit that encodes a row; None for amplitudes.
    observables_ : list of SparsePauliOp
        The measured observables.
    dead_parameters_ : ndarray of int
        Indices of angles that provably change no observable (outside of its light
        cone); a warning names their number.
    loss_ : float
        Loss of the last epoch; for full-batch solvers, of the returned weights.
    loss_curve_ : list of float
        Loss of every epoch, averaged over its mini-batches.
    gradient_norm_curve_ : list of float
        Norm of the gradient, averaged likewise; empty for full-batch solvers. NaN for
        epochs of one before others.
    validation_scores_ : list of float or None
        Accuracy on the held-out data after every epoch, with `early_stopping`; NaN for
        epochs without it before others.
    best_validation_score_ : float or None
        The best of them in the last fit.
    gradient_ : {"adjoint", "parameter_shift", "spsa"}
        How gradients were computed.
    n_iter_ : int
        Number of epochs, iterations of "lbfgs", or evaluations of another optimizer.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` ends training with a constant step size, or the loss is not below
        that of scores that are the same for all rows.
    DeadParameterWarning
        If angles of the ansatz are outside of the observables' light cone.

    See Also
    --------
    BinaryAmplitudeEncoder : Images to amplitudes.

    Notes
    -----
    With ``U(theta)`` the ansatz and ``|x>`` the state of a row, ``E_k = <x|
    U^dagger O_k U |x>``. Bit order is Qiskit's: qubit 0 is the least significant bit of
    the index of an amplitude. An epoch costs O(n_samples * n_gates * 2**n_qubits) time
    for value and gradient together, whatever the number of parameters; memory is the
    states and one copy of a mini-batch. The compiled circuit is kept for the next call,
    but not in copies and pickles.

    References
    ----------
    M. Schuld, A. Bocharov, K. Svore, N. Wiebe, "Circuit-centric quantum classifiers",
    Phys. Rev. A 101, 032308 (2020), arXiv:1804.00633.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from skqnn import BinaryAmplitudeEncoder, QNNClassifier
    >>> X, y = load_digits(n_class=2, return_X_y=True)
    >>> model = make_pipeline(BinaryAmplitudeEncoder(), QNNClassifier(random_state=0))
    >>> model.fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.98
    True
    >>> model[-1].n_parameters_
    16
    """

    classes_: np.ndarray
    _built_from: list[tuple] | None
    _optimizer_state: Any

    def __init__(
        self,
        *,
        encoding="amplitude",
        intercept_scaling="auto",
        n_copies=1,
        ansatz="real_amplitudes",
        reps="auto",
        entanglement="reverse_linear",
        observables="auto",
        loss="log_loss",
        solver="adam",
        learning_rate="constant",
        learning_rate_init="auto",
        init_scale=0.5,
        batch_size="auto",
        max_iter=1000,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        class_weight=None,
        warm_start=False,
        verbose=False,
        backend=None,
        shots=None,
        gradient="auto",
    ):
        self.encoding = encoding
        self.intercept_scaling = intercept_scaling
        self.n_copies = n_copies
        self.ansatz = ansatz
        self.reps = reps
        self.entanglement = entanglement
        self.observables = observables
        self.loss = loss
        self.solver = solver
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.init_scale = init_scale
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.verbose = verbose
        self.backend = backend
        self.shots = shots
        self.gradient = gradient

    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Train the classifier.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Amplitudes or features, see `encoding`.
        y : array-like of shape (n_samples,)
            Class labels of any type.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights. Weight 0 removes a sample, weight 2 counts it twice.

        Returns
        -------
        self : QNNClassifier
            Interrupting with Ctrl-C keeps the weights of the last finished step. On
            a backend that is paid for the KeyboardInterrupt is raised again, so that
            nothing that follows is paid for.
        """
        self._check_parameters()
        warm = self.warm_start and hasattr(self, "theta_")
        X, y, weights = self._check_training_data(X, y, sample_weight, reset=not warm)
        seen = {"X": X, "y": y, "metadata": {"sample_weight": sample_weight}}
        classes, labels = np.unique(y, return_inverse=True)
        check_two_classes(classes)
        weights = class_weighted(weights, labels, classes, self.class_weight)
        X, labels, weights = weighted_rows(X, labels, weights)
        if warm:
            check_same_classes(classes, self.classes_)
            self._check_architecture()
        with undone_if_it_fails(self, everything=warm):
            if not warm:
                self._start(classes, X.shape[1], self._constant(X, labels, weights))
            try:
                with self._training_engine(X) as engine:
                    weights = weights / weights.mean()
                    train(self, engine, seen, X, labels, weights, fresh=not warm)
            except BaseException:
                if not warm and self._optimizer_state is None and not self._curves.loss:
                    del self.theta_  # not a step was taken: this is not fitted
                raise
        return self

    def _takes_batches(self):
        if self._plan().takes_batches:
            return True
        raise AttributeError(
            f"partial_fit needs a mini-batch solver, one of {list(OPTIMIZERS)}, got "
            f"solver={self.solver!r}."
        )

    @available_if(_takes_batches)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train for one epoch on these samples, continuing from earlier calls.

        What ``"auto"`` takes from the data it takes from those of the first call.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Amplitudes or features, see `encoding`.
        y : array-like of shape (n_samples,)
            Class labels, all of them in `classes`.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever occur; needed at the first call.

        Returns
        -------
        self : QNNClassifier
        """
        self._check_parameters()
        if self.early_stopping:
            raise ValueError(
                "`early_stopping` must be False for partial_fit, which knows no later "
                "epochs, got True."
            )
        first = not hasattr(self, "theta_")
        known = known_classes(classes, None if first else self.classes_)
        with undone_if_it_fails(self, everything=True):
            X, y, weights = self._check_training_data(
                X, y, sample_weight, reset=first, stacklevel=5
            )
            labels = class_indices(y, known)
            weights = class_weighted(weights, labels, known, self.class_weight)
            X, labels, weights = weighted_rows(X, labels, weights)
            if first:
                constant = self._constant(X, labels, weights, stacklevel=4)
                self._start(known, X.shape[1], constant, stacklevel=4)
            else:
                self._check_architecture()
            with self._training_engine(X) as engine:
                train_epoch(self, engine, X, labels, weights, fresh=first)
        return self

    def _check_parameters(self):
        check_hyperparameters(vars(self))

    def _architecture(self):
        return Architecture(
            *(plain(getattr(self, name)) for name in Architecture._fields)
        )

    def _plan(self):
        return Plan(*(plain(getattr(self, name)) for name in Plan._fields))

    def _setting(self):
        return Setting(as_backend(self.backend), self.shots, self.verbose)

    @property
    def _model(self):
        """The fitted circuits and observables."""
        return Model(
            self.circuit_,
            self.feature_map_,
            self.observables_,
            self.dead_parameters_,
            self.intercept_scaling_,
            self.n_copies_,
        )

    def _check_architecture(self):
        """Refuse to continue training with the circuits of other arguments."""
        architecture = self._architecture()
        if architecture.plain is None or architecture.plain != self._built_from:
            n_features, n_classes = self.n_features_in_, len(self.classes_)
            check_same_model(architecture, self._model, n_features, n_classes)
            self._built_from = architecture.plain

    def _check_training_data(self, X, y, sample_weight, reset, stacklevel=6):
        """Return X, y and weights, which stay on the host next to y."""
        y = to_numpy(y)
        check_labels(y, stacklevel)
        with curing_rows():
            X, y = validate_data(self, X, y, dtype=_floating(X), reset=reset)
        y = column_or_1d(y, warn=True)
        check_classes(y)
        weights = check_sample_weight(
            to_numpy(sample_weight), y, dtype=np.float64, ensure_non_negative=True
        )
        return X, y, weights

    def _constant(self, X, labels, weights, stacklevel=5):
        """Return the size of the constant amplitude for training rows."""
        scaling = self.intercept_scaling if self.encoding == "amplitude" else None
        constant = constant_amplitude(X, weights, scaling)
        warn_of_rows(X, labels, self.encoding, scaling, constant, stacklevel)
        return constant

    def _start(self, classes, n_features, constant=0.0, stacklevel=5):
        """Build the model and draw the first parameters."""
        architecture = self._architecture()
        model = build_model(architecture, n_features, len(classes), constant)
        warn_of_doubts(model, stacklevel)
        self._seed = check_random_state(self.random_state).randint(2**31 - 1)
        self._rng = np.random.default_rng(self._seed)
        self._built_from = architecture.plain
        self._loss = reading_of(self.loss)
        self._engines = Engines()
        self.classes_ = classes
        self.circuit_, self.feature_map_, self.observables_ = model[:3]
        self.dead_parameters_ = model.dead_parameters
        self.intercept_scaling_, self.n_copies_ = constant, model.n_copies
        self.n_qubits_ = model.circuit.num_qubits
        n_theta, n_scores = model.circuit.num_parameters, len(model.observables)
        self.n_parameters_ = n_theta + 1 + n_scores
        theta = self._rng.uniform(-self.init_scale, self.init_scale, n_theta)
        self._curves = Curves([], [], [])
        self._remember(np.r_[theta, 1.0, np.zeros(n_scores)], None)

    @contextmanager
    def _training_engine(self, X):
        """Make the engine of a fit; its shot noise is drawn from our generator.

        What is fitted is on the host meanwhile; then it follows X, by convention. A
        fitted model answers with the loss that it was trained with.
        """
        self._loss = reading_of(self.loss)
        self._remember(self._params(), self._optimizer_state)
        stream = None if self.backend is None else int(self._rng.integers(2**31 - 1))
        try:
            with self._engine(stream) as engine:
                self.gradient_ = gradient_method(
                    self.gradient, self._plan(), self.backend, engine
                )
                yield engine
        finally:
            for name in ("theta_", "scale_", "bias_", "dead_parameters_"):
                setattr(self, name, follow(getattr(self, name), X))

    def _engine(self, stream=None):
        """Return the context of an engine for the fitted model.

        A `stream` has shot noise of its own; without one, calls have the same.
        """
        engines = self.__dict__.setdefault("_engines", Engines())
        return engines.open(self._model, self._setting(), self._seed, stream)

    def _rows(self, X):
        """Return X as amplitudes, or as features of the feature map."""
        return model_rows(X, self._model, on_host=self.backend is not None)

    def _params(self):
        theta, scale, bias = map(to_numpy, (self.theta_, self.scale_, self.bias_))
        n_theta, n_scores = self.circuit_.num_parameters, len(self.observables_)
        return joined(theta, scale, bias, n_theta, n_scores)

    def _remember(self, params, optimizer_state):
        n_theta = len(params) - 1 - len(self.observables_)
        self.theta_, self.scale_, self.bias_ = split(params, n_theta)
        self._optimizer_state = optimizer_state

    def _remember_curves(self, monitor=None):
        self.__dict__.update(fitted_curves(self._curves, monitor))

    def _reconstruction(self):
        """Return what a copy needs to predict as if training had stopped here."""
        names = ("theta_", "scale_", "bias_", "loss_", "n_iter_")
        copies = {name: np.copy(getattr(self, name)) for name in names[:3]}
        others = {name: getattr(self, name) for name in (*names[3:], "_engines")}
        return copies | others | own_history(vars(self))

    def _checked(self, X, method="predict"):
        """Return X as rows for the engine, of a fitted classifier."""
        check_is_fitted(self, "theta_")
        check_execution(vars(self))
        check_fitted_namespace(X, self, attribute="theta_", method=method)
        with curing_rows():
            X = validate_data(self, X, dtype=_floating(X), reset=False)
        return self._rows(X)

    def _scores(self, X, method):
        """Return scale * E + bias, shape (n_samples, n_observables), on the host."""
        rows = self._checked(X, method)
        theta, scale, bias = split(self._params(), self.circuit_.num_parameters)
        with self._engine() as engine:
            E = engine.expectations(engine.prepare(rows), theta)
        return scale * E + bias

    def decision_function(self, X, return_std=False):
        """Return the scores ``scale * E + bias``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Amplitudes or features, see `encoding`.
        return_std : bool, default=False
            Whether to return the standard errors too. A score that is not several of
            them away from the threshold could be flipped by the shot noise.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            With two classes, positive means ``classes_[1]``; otherwise the largest
            score wins. With ``loss="log_loss"`` they are logits.
        std : ndarray of the same shape
            Standard errors from the finite number of shots, 0 without. Noise of a
            device adds a bias that they do not contain. Only if `return_std`.
        """
        if return_std:
            return self._scores_and_std(X)
        scores = self._scores(X, "decision_function")
        return follow(scores[:, 0] if scores.shape[1] == 1 else scores, X)

    def _scores_and_std(self, X):
        rows = self._checked(X, "decision_function")
        theta, scale, bias = split(self._params(), self.circuit_.num_parameters)
        with self._engine() as engine:
            E, std = engine.measure(engine.prepare(rows), theta)
        results = scale * E + bias, np.abs(scale) * std
        return tuple(follow(r[:, 0] if r.shape[1] == 1 else r, X) for r in results)

    def preparation_fidelity(self, X):
        """Return how closely the backend's circuit prepares the state of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Amplitudes or features, see `encoding`.

        Returns
        -------
        fidelity : ndarray of shape (n_samples,)
            Squared overlap of the state of a row with the one that the circuit
            prepares without noise; 1 unless states are prepared by "layers". Nothing
            is run.
        """
        rows = self._checked(X, "preparation_fidelity")
        with self._engine() as engine:
            engine.prepare(rows)
            return follow(engine.fidelity, X)

    def predict(self, X):
        """Return the most probable class of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Amplitudes or features, see `encoding`.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Elements of `classes_`.
        """
        winners = winner(self._scores(X, "predict"))  # first: is this fitted?
        return follow(self.classes_[winners], X)

    def predict_proba(self, X):
        """Return class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Amplitudes or features, see `encoding`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In [0, 1], rows sum to 1, columns in the order of `classes_`.
        """
        return follow(np.exp(self._log_probabilities(X, "predict_proba")), X)

    def predict_log_proba(self, X):
        """Return logarithms of class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Amplitudes or features, see `encoding`.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            Exact also where the probability itself would round to 0 or 1.
        """
        return follow(self._log_probabilities(X, "predict_log_proba"), X)

    def _log_probabilities(self, X, method):
        scores = self._scores(X, method)
        return LOSSES[self._loss].log_probabilities(scores)

    def set_params(self, **params):
        """Set parameters, those of a Backend as ``backend__<name>``.

        Parameters
        ----------
        **params : dict
            Names and values.

        Returns
        -------
        self : QNNClassifier
        """
        check_nested(params, self.backend)
        return super().set_params(**params)

    def __getstate__(self):
        # A live connection cannot be pickled, and would carry the account's token.
        state = super().__getstate__() | {"backend": portable(self.backend)}
        state.pop("_engines", None)
        state |= own_history(state)
        # A model that was trained on a device must open on a machine without one.
        return {name: as_data(to_numpy(value)) for name, value in state.items()}

    def __setstate__(self, state):
        super().__setstate__({name: from_data(part) for name, part in state.items()})

    def _sk_visual_block_(self):
        return visual_block(self)

    def _get_fitted_attr_html(self, doc_link=""):
        return FittedHTML(super()._get_fitted_attr_html(doc_link), self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.array_api_support = True
        tags.non_deterministic = self.shots is not None
        return tags


def _floating(X):
    """Return the types that X may keep, in its own namespace."""
    xp, _ = namespace(X)
    return xp.float64, xp.float32
