"""What files of earlier versions say, in the words of this one."""

from collections.abc import Mapping
from typing import Any

# Parameters that say where a model runs, which a file does not any more.
_RETIRED = {"QNNClassifier": {"state_preparation", "n_preparation_layers"}}

# What later parameters and attributes must be for a model to stay what it was.
_PARAMETERS = {"QNNClassifier": {"intercept_scaling": None}}
_ATTRIBUTES = {"QNNClassifier": {"intercept_scaling_": 0.0, "n_copies_": 1}}


def upgrade(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of an estimator with today's parameters and attributes."""
    name = document["class"]
    given, attributes = document["parameters"], document["attributes"]
    retired = _RETIRED.get(name, set())
    parameters = {key: value for key, value in given.items() if key not in retired}
    later = _ATTRIBUTES.get(name, {}) if attributes else {}
    if later and "loss" in given:
        later = later | {"_loss": given["loss"]}  # the one that was trained with
    return {
        **document,
        "parameters": _PARAMETERS.get(name, {}) | parameters,
        "attributes": later | attributes,
    }
