"""Metadata requests (`set_fit_request` and the like) of an estimator as JSON."""

import re
from collections.abc import Mapping
from typing import Any

from sklearn import config_context


def requests_document(estimator: Any) -> dict[str, dict[str, bool | str]]:
    """Return what is requested of each method, empty if nothing was ever set."""
    requests = vars(estimator).get("_metadata_request")
    if requests is None:
        return {}
    own = {method: getattr(requests, method).requests for method in _methods(estimator)}
    return {
        method: {name: alias for name, alias in of.items() if alias is not None}
        for method, of in own.items()
    }


def request_again(estimator: Any, document: Mapping[str, Mapping[str, Any]]) -> None:
    """Set the requests of a document, which scikit-learn checks.

    Raises
    ------
    Exception
        Of many types, if the document is not one that `requests_document` makes.
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
