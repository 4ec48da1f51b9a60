"""Hyper-parameters checked against a table of rules, and packages that are missing."""

import numbers
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from inspect import signature
from typing import Any, NamedTuple

import numpy as np


class Rule(NamedTuple):
    """What a hyper-parameter must be: types, a test of the value, words, and a cure."""

    types: tuple[type, ...]
    test: Callable[[Any], bool]
    words: str
    elements: type = object  # the type of the elements of a tuple or list
    cure: Callable[[Any], str] = lambda value: ""  # what to do, begins with "; "


def check_parameters(parameters: Mapping[str, Any], rules: Mapping[str, Rule]) -> None:
    """Raise TypeError or ValueError for the first parameter that breaks its rule."""
    for name, rule in rules.items():
        value = parameters[name]
        message = f"`{name}` must be {rule.words}, got {value!r}{rule.cure(value)}."
        elements = value if isinstance(value, tuple | list) else ()
        if not _has_type(value, rule.types) or not all(
            _has_type(element, (rule.elements,)) for element in elements
        ):
            raise TypeError(message)
        if not rule.test(value):
            raise ValueError(message)


def _has_type(value: Any, types: tuple[type, ...]) -> bool:
    """Tell whether a value has one of the types; a bool is no number here."""
    if isinstance(value, bool | np.bool_) and bool not in types:
        return object in types
    return isinstance(value, types)


def integer(low: int, *others: str | None) -> Rule:
    """Return the rule of an integer of at least `low`, or one of the other values."""
    words = {0: "a non-negative integer", 1: "a positive integer"}
    return _number(numbers.Integral, words[low], lambda v: v >= low, others)


def positive(*others: str | None) -> Rule:
    """Return the rule of a positive, finite number, or one of the other values."""
    return _number(
        numbers.Real, "a positive finite number", lambda v: 0 < v < np.inf, others
    )


def non_negative() -> Rule:
    """Return the rule of a finite number of at least 0."""
    return _number(
        numbers.Real, "a non-negative finite number", lambda v: 0 <= v < np.inf, ()
    )


def fraction() -> Rule:
    """Return the rule of a number strictly between 0 and 1."""
    return _number(
        numbers.Real, "a number strictly between 0 and 1", lambda v: 0 < v < 1, ()
    )


def _number(kind: type, words: str, test: Callable, others: tuple) -> Rule:
    types = (kind, *(type(other) for other in others))
    words = " or ".join([words, *map(repr, others)])

    def passes(value: Any) -> bool:
        if value is None or isinstance(value, str):
            return value in others
        return test(value)

    return Rule(types, passes, words)


def one_of(names: Any, *also: Any, words: str = "") -> Rule:
    """Return the rule of one of some names, or an instance of the types `also`."""
    text = f"one of {list(names)}" + (f" or {words}" if words else "")
    return Rule(
        (str, *also),
        lambda v: not isinstance(v, str) or v in names,
        text,
        cure=lambda v: nearest(v, names),
    )


# What things that have a name here are called elsewhere.
_ELSEWHERE = {
    "bce": "log_loss",
    "binary_cross_entropy": "log_loss",
    "categorical_cross_entropy": "log_loss",
    "cross_entropy": "log_loss",
    "nll": "log_loss",
    "l2": "squared_error",
    "mean_squared_error": "squared_error",
    "mse": "squared_error",
    "momentum": "sgd",
    "nesterov": "sgd",
    "all_to_all": "full",
    "chain": "linear",
    "cyclic": "circular",
    "ring": "circular",
    "hardware_efficient": "efficient_su2",
    "mps": "staircase",
    "ttn": "tree",
    "two_local": "n_local",
    "backprop": "adjoint",
}


def close_names(
    value: Any, names: Iterable[str], n: int = 1, cutoff: float = 0.6
) -> list[str]:
    """Return up to n names that may be meant by another one, or by a class."""
    word = getattr(value, "__name__", value)
    if not isinstance(word, str):
        return []
    word, names = word.lower().replace("-", "_").replace(" ", "_"), list(names)
    if _ELSEWHERE.get(word) in names:
        return [_ELSEWHERE[word]]
    return get_close_matches(word, names, n, cutoff)


def nearest(value: Any, names: Iterable[str], n: int = 1, cutoff: float = 0.6) -> str:
    """Return the names that may be meant by another one, as a cure, or nothing."""
    found = close_names(value, names, n, cutoff)
    words = "names are" if len(found) > 1 else "name is"
    return f"; the nearest {words} {', '.join(map(repr, found))}" if found else ""


def check_arity(name: str, function: Callable, arguments: tuple[str, ...]) -> None:
    """Raise TypeError if a function of the user does not take these arguments."""
    try:
        taken = signature(function)
    except (TypeError, ValueError):  # of some functions that are written in C
        return
    try:
        taken.bind(*arguments)
    except TypeError as error:
        raise TypeError(
            f"`{name}` must be a function of ({', '.join(arguments)}), got one of "
            f"{taken}."
        ) from error


@contextmanager
def curing_rows() -> Iterator[None]:
    """Say what to do with text, complex numbers and images where rows are needed."""
    try:
        yield
    except ValueError as error:
        if str(error).startswith("Complex data not supported"):
            raise ValueError(
                "`X` must be real numbers, got complex ones. Complex data not "
                "supported; take X.real if the phases say nothing, or give a circuit "
                "that prepares the states as `encoding`."
            ) from error
        if "could not convert string to float" in str(error):
            raise ValueError(
                f"`X` must be numbers, got text: {error}; encode columns of text "
                "first, for instance with OneHotEncoder."
            ) from error
        found = re.match(r"Found array with dim (\d+)", str(error))
        if found is None:
            raise
        grey = "" if found[1] == "3" else ", of colour images after X.mean(axis=-1)"
        raise ValueError(
            f"`X` must have one row for each sample, got {found[1]} dimensions; images "
            f"become rows by X.reshape(len(X), -1){grey}."
        ) from error


def pair(kind: type, words: str, test: Callable, *, optional: bool) -> Rule:
    """Return the rule of two elements of a type, `optional` if None will do."""
    types = (tuple, list, type(None)) if optional else (tuple, list)

    def passes(value: Any) -> bool:
        return value is None or (len(value) == 2 and test(*value))

    return Rule(types, passes, words + (", or None" if optional else ""), kind)


def boolean() -> Rule:
    """Return the rule of a bool."""
    return Rule((bool, np.bool_), lambda v: True, "True or False")


def random_source() -> Rule:
    """Return the rule of a `random_state`."""
    return Rule(
        (numbers.Integral, np.random.RandomState, type(None)),
        lambda v: not isinstance(v, numbers.Integral) or 0 <= int(v) < 2**32,
        "an integer between 0 and 2**32 - 1, a RandomState or None",
    )


def missing_package(what: str, package: str, extra: str) -> ImportError:
    """Return the error of something that needs a package that is not installed."""
    return ImportError(
        f"{what} needs {package}, which is not installed: run `pip install {package}` "
        f"(it is one of the extra {extra!r} of skqnn)."
    )
