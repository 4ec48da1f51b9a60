"""Save and load estimators as data: no pickle, nothing in a file is ever executed."""

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from qiskit import qasm3
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from skqnn._archive.checks import check_fitted
from skqnn._archive.file import ArchiveError, read_members, write_members
from skqnn._archive.values import Reader, Writer
from skqnn._arrays import to_numpy
from skqnn._classifier import QNNClassifier
from skqnn._compat import validate_steps
from skqnn._encoder import BinaryAmplitudeEncoder
from skqnn._validation import missing_package

_MODEL = "model.json"

# A file says what a model is, not where it runs, whom that bills or what is logged in
# with: these parameters come back at their defaults, and callbacks do not come back.
_NOT_SAVED = {
    "_built_from",
    "_engines",
    "_limits",
    "_metadata_request",  # stands in a place of its own
    "_skl_callbacks",
    "backend",
    "shots",
}
_PRIVATE = {
    "_curves",
    "_encoding",
    "_optimizer_state",
    "_loss",
    "_rng",
    "_seed",
    "_sklearn_output_config",
}
_CURES = {
    "ansatz": "estimator.set_params(ansatz=estimator.circuit_) keeps the trained one",
    "learning_rate": "set the name of a schedule",
    "loss": "set loss='log_loss', which reads the scores in the same way",
    "memory": "set memory=None",
    "observables": "give Pauli strings or SparsePauliOp objects",
    "random_state": "set an integer or None",
    "solver": "set the name of a solver",
}


def save(
    estimator: QNNClassifier | BinaryAmplitudeEncoder | Pipeline,
    path: str | os.PathLike[str],
) -> None:
    """Save an estimator to a file that anyone may open without risk.

    Unlike a pickle, the file holds data only: numbers as npy, everything else as JSON,
    and the trained circuit once more as OpenQASM 3 for people to read. `load` gets
    back an estimator that predicts the same and continues training where it stopped;
    metadata requests and the output that was set (`set_output`) come back, too.

    Parameters
    ----------
    estimator : QNNClassifier, BinaryAmplitudeEncoder or Pipeline
        Fitted or not. Other steps of a pipeline are kept by skops, which must be
        installed then, and must consist of types that skops trusts.
    path : path-like
        Where to save. An existing file is replaced, at once and only on success.

    Raises
    ------
    TypeError
        If the estimator is of another class, or a parameter or attribute is an object
        that only code could rebuild (a callable, an optimizer): the error names it.
    ValueError
        If a circuit cannot be written as gates and formulas.
    ImportError
        If skops is needed and missing.

    See Also
    --------
    load : Read the file.
    bound_circuit : The trained circuit alone, for Qiskit.

    Notes
    -----
    A file says what a model is, not where it runs: `backend` and `shots` come back at
    their defaults, and callbacks do not come back. Composite gates of a circuit are
    opened, and its global phase is dropped.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from sklearn.datasets import load_digits
    >>> from skqnn import BinaryAmplitudeEncoder
    >>> from skqnn.export import load, save
    >>> X, _ = load_digits(return_X_y=True)
    >>> encoder = BinaryAmplitudeEncoder(black="full").fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(encoder, pathlib.Path(folder) / "encoder.skqnn")
    ...     loaded = load(pathlib.Path(folder) / "encoder.skqnn")

    >>> loaded
    BinaryAmplitudeEncoder(black='full')
    >>> bool((loaded.transform(X) == encoder.transform(X)).all())
    True
    """
    writer = Writer()
    document = _write_estimator(writer, estimator)
    last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    text = _qasm(last) if isinstance(last, QNNClassifier) else None
    members = {_MODEL: json.dumps(document, allow_nan=False).encode(), **writer.members}
    if text is not None:
        members["circuit.qasm"] = text.encode()
    write_members(path, members)


def load(
    path: str | os.PathLike[str],
) -> QNNClassifier | BinaryAmplitudeEncoder | Pipeline:
    """Load an estimator that `save` has written, by this version or an earlier one.

    The file is not trusted: format version, names, sizes and SHA-256 checksums of its
    parts, all parameters, and types and shapes of what was fitted are checked, and
    nothing in it is executed. Checksums reveal damage, not an author who means harm: a
    forged file can hold any model, but it can do no more than any model can.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    estimator : QNNClassifier, BinaryAmplitudeEncoder or Pipeline

    Raises
    ------
    ArchiveError
        A `ValueError`: the file is damaged, altered, made by a newer version, or not a
        model.
    OSError
        If there is no such file, or it cannot be opened.
    ImportError
        If a step of a pipeline needs skops and it is missing.

    See Also
    --------
    save : Write the file.
    """
    members = read_members(path)
    try:
        document = json.loads(members[_MODEL])
        return _read_estimator(Reader(members), document)
    except (ArchiveError, ImportError):
        raise
    except RecursionError as error:
        raise ArchiveError(
            f"{os.fspath(path)!r} does not describe a model: it nests values deeper "
            "than any model does."
        ) from error
    except Exception as error:  # a forged document may break anything
        raise ArchiveError(
            f"{os.fspath(path)!r} does not describe a model that this version can "
            f"build: {type(error).__name__}: {error}"
        ) from error


def _qasm(classifier: QNNClassifier) -> str | None:
    """Return the trained circuit as text, if OpenQASM has the words for it."""
    if not hasattr(classifier, "theta_"):
        return None
    theta = to_numpy(classifier.theta_)
    with suppress(qasm3.QASM3ExporterError):
        return qasm3.dumps(classifier.circuit_.assign_parameters(theta))
    return None


def _write_estimator(writer: Writer, estimator: Any) -> Any:
    if estimator is None or isinstance(estimator, str):  # "passthrough"
        return estimator
    if type(estimator) is Pipeline:
        return _write_pipeline(writer, estimator)
    name = type(estimator).__name__
    if type(estimator) is not _CLASSES.get(name):
        raise TypeError(
            f"`estimator` must be one of {[*_CLASSES]} or a Pipeline of them to be "
            f"saved, got {name}."
        )
    parameters = estimator.get_params(deep=False)
    fitted = {
        name: to_numpy(value)
        for name, value in vars(estimator).items()
        if name not in parameters
    }
    return {
        "class": name,
        "parameters": _write_all(writer, parameters),
        "attributes": _write_all(writer, fitted),
        "requests": _requests_document(estimator),
    }


def _write_pipeline(writer: Writer, pipeline: Pipeline) -> dict[str, Any]:
    parameters = pipeline.get_params(deep=False)
    steps = parameters.pop("steps")
    return {
        "class": "Pipeline",
        "parameters": _write_all(writer, parameters),
        "requests": _requests_document(pipeline),
        "steps": [[name, _write_step(writer, step)] for name, step in steps],
    }


def _write_step(writer: Writer, step: Any) -> Any:
    ours = step is None or isinstance(step, (str, Pipeline, *_CLASSES.values()))
    if ours:
        return _write_estimator(writer, step)
    skops_io = _import_skops(type(step).__name__)
    data = skops_io.dumps(step)
    unknown = skops_io.get_untrusted_types(data=data)
    if unknown:
        raise TypeError(
            "The steps of a pipeline must consist of types that skops trusts to be "
            f"saved, got {unknown} in {step!r}."
        )
    return {"skops": writer.add("skops", data)}


def _write_all(writer: Writer, values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _write_named(writer, name, value)
        for name, value in values.items()
        if name not in _NOT_SAVED
    }


def _write_named(writer: Writer, name: str, value: Any) -> Any:
    try:
        return writer.write(value)
    except TypeError as error:
        cure = f"; {_CURES[name]}" if name in _CURES else ""
        raise TypeError(
            f"`{name}` must be made of numbers, strings, arrays, circuits or operators "
            f"to be saved, got {value!r}: {error}{cure}."
        ) from error


def _import_skops(needed_by: str) -> Any:
    try:
        import skops.io
    except ImportError as error:
        what = f"Saving or loading a pipeline with a step of class {needed_by}"
        raise missing_package(what, "skops", "interop") from error
    return skops.io


def _read_estimator(reader: Reader, document: Any) -> Any:
    if document["class"] == "Pipeline":
        return _read_pipeline(reader, document)
    cls = _CLASSES[document["class"]]
    estimator = cls(**_read_all(reader, document["parameters"]))
    estimator._check_parameters()
    _request_again(estimator, document.get("requests", {}))
    attributes = _read_all(reader, document["attributes"])
    for name, value in attributes.items():
        public = name.endswith("_") and not name.startswith("_")
        if not (public or name in _PRIVATE) or hasattr(cls, name):
            raise ValueError(f"{cls.__name__} has no attribute {name!r}")
        setattr(estimator, name, value)
    if attributes:
        check_fitted(estimator)
        if cls is QNNClassifier:
            estimator._built_from = None  # compared with the arguments when it matters
    return estimator


def _read_pipeline(reader: Reader, document: dict[str, Any]) -> Pipeline:
    steps = [(name, _read_step(reader, step)) for name, step in document["steps"]]
    pipeline = Pipeline(steps, **_read_all(reader, document["parameters"]))
    validate_steps(pipeline)
    _request_again(pipeline, document.get("requests", {}))
    return pipeline


def _read_step(reader: Reader, document: Any) -> Any:
    if document is None or document == "passthrough":
        return document
    if set(document) == {"skops"}:
        skops_io = _import_skops("another package")
        step = skops_io.loads(reader.members[document["skops"]])
        if not isinstance(step, BaseEstimator):
            raise ValueError(f"{type(step).__name__} is not an estimator")
        return step
    return _read_estimator(reader, document)


def _read_all(reader: Reader, document: dict[str, Any]) -> dict[str, Any]:
    if not _NOT_SAVED.isdisjoint(document):
        raise ValueError(f"a file must not set {sorted(_NOT_SAVED & set(document))}")
    return {name: reader.read(value) for name, value in document.items()}


_CLASSES: dict[str, Any] = {
    cls.__name__: cls for cls in (QNNClassifier, BinaryAmplitudeEncoder)
}


def _requests_document(estimator: Any) -> dict[str, dict[str, bool | str]]:
    """Return what is requested of each method, empty if nothing was ever set."""
    requests = vars(estimator).get("_metadata_request")
    if requests is None:
        return {}
    own = {method: getattr(requests, method).requests for method in _methods(estimator)}
    return {
        method: {name: alias for name, alias in of.items() if alias is not None}
        for method, of in own.items()
    }


def _request_again(estimator: Any, document: Mapping[str, Mapping[str, Any]]) -> None:
    """Set the requests of a document, which scikit-learn checks.

    Raises
    ------
    Exception
        Of many types, if the document is not one that `_requests_document` makes.
    """
    unknown = set(document) - set(_methods(estimator))
    if unknown:
        raise ValueError(f"{type(estimator).__name__} has no requests of {unknown}")
    with config_context(enable_metadata_routing=True):
        for method, requests in document.items():
            getattr(estimator, f"set_{method}_request")(**requests)


def _methods(estimator: Any) -> list[str]:
    found = (re.fullmatch(r"set_(\w+)_request", name) for name in dir(estimator))
    return [match[1] for match in found if match]
