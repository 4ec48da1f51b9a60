"""Take a model elsewhere: files anyone may open, circuits and other libraries."""

from skqnn._archive.estimators import load, save
from skqnn._archive.file import ArchiveError
from skqnn.export._circuit_export import bound_circuit
from skqnn.export._qml_export import TrainedQNN, qnn_inputs, to_estimator_qnn
from skqnn.export._qml_import import from_qiskit_machine_learning

__all__ = [
    "ArchiveError",
    "TrainedQNN",
    "bound_circuit",
    "from_qiskit_machine_learning",
    "load",
    "qnn_inputs",
    "save",
    "to_estimator_qnn",
]
