"""What a notebook shows of a fitted classifier: its size and its circuit."""

import html
from typing import Any

from qiskit import QuantumCircuit

from skqnn import _compat

_MAX_GATES = 250  # more are counted and not drawn
_PRE = 'style="line-height: 1.15; overflow-x: auto; margin: 0.5em; text-align: left"'


class FittedHTML:
    """A drawing of the circuit above scikit-learn's table of fitted attributes.

    Parameters
    ----------
    attributes : object
        What :class:`sklearn.base.BaseEstimator` shows.
    classifier : QNNClassifier
        Fitted.
    """

    def __init__(self, attributes: Any, classifier: Any):
        self.attributes = attributes
        self.classifier = classifier

    def __len__(self) -> int:
        return len(self.attributes)

    def _repr_html_inner(self) -> str:
        circuit = self.classifier.circuit_
        return (
            f'<div class="estimator-table"><details><summary>Circuit: '
            f"{html.escape(_count(circuit))}</summary>{_drawing(circuit)}"
            f"</details></div>{self.attributes._repr_html_inner()}"
        )


def visual_block(classifier: Any) -> Any:
    """Return scikit-learn's block for an estimator, with a caption once it is fitted.

    scikit-learn shows its own block if this one cannot be made.
    """
    caption = None
    if hasattr(classifier, "theta_"):
        caption = (
            f"{classifier.n_parameters_} parameters on {classifier.n_qubits_} qubits"
        )
    return _compat.visual_block(classifier, type(classifier).__name__, caption)


def _count(circuit: QuantumCircuit) -> str:
    gates = ", ".join(f"{n} {name}" for name, n in circuit.count_ops().items())
    return f"{circuit.num_qubits} qubits, {circuit.num_parameters} angles, {gates}"


def _drawing(circuit: QuantumCircuit) -> str:
    if len(circuit.data) > _MAX_GATES:
        return f"<p>depth {circuit.depth()}, too long to be drawn here</p>"
    text = circuit.draw("text", fold=100)
    return f"<pre {_PRE}>{html.escape(str(text))}</pre>"
