"""Hyper-parameters checked against a table of rules, and packages that are missing."""

import numbers
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
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


def nearest(value: Any, names: Iterable[str]) -> str:
    """Return the name that a misspelt one is closest to, as a cure, or nothing."""
    found = get_close_matches(value.lower(), names, 1) if isinstance(value, str) else []
    return f"; the nearest name is {found[0]!r}" if found else ""


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
