"""What is hardly meant in a model: dead parameters, an odd order, too few angles."""

import warnings
from collections.abc import Iterator

from skqnn._circuits.angles import out_of_order
from skqnn._circuits.gates import compile_circuit
from skqnn._circuits.model import Model, encodes_real
from skqnn._circuits.observables import same_but_constant, visible_gates
from skqnn.exceptions import DeadParameterWarning, ParameterOrderWarning


def warn_of_doubts(model: Model, stacklevel: int) -> None:
    """Warn of what is hardly meant, once for each kind."""
    for doubt in (_dead, _out_of_order, _too_many_classes, _trained_features):
        for text, category in doubt(model):
            warnings.warn(text, category, stacklevel=stacklevel)


def _dead(model: Model) -> Iterator[tuple[str, type[Warning]]]:
    n_dead = len(model.dead_parameters)
    if n_dead:
        yield (
            f"{n_dead} of {model.circuit.num_parameters} parameters of the ansatz "
            "cannot change any observable and stay untrained (`dead_parameters_`). "
            + (
                _why_zero(model)
                or "Measure more qubits (observables='auto' chooses such observables), "
                "or use more `reps` or another `entanglement`."
            ),
            DeadParameterWarning,
        )


def _out_of_order(model: Model) -> Iterator[tuple[str, type[Warning]]]:
    for argument, circuit in (
        ("encoding", model.feature_map),
        ("ansatz", model.circuit),
    ):
        names = out_of_order(circuit.parameters) if circuit else None
        if names:
            yield (
                f"The parameters of `{argument}` count in the order of "
                f"`{argument}.parameters`, which is that of their names as text: "
                f"{names[0]!r} comes before {names[1]!r}. Use a ParameterVector, or "
                "numbers of equal length such as 'x02'.",
                ParameterOrderWarning,
            )


def _too_many_classes(model: Model) -> Iterator[tuple[str, type[Warning]]]:
    """Yield why the circuit cannot tell so many classes apart, if it cannot.

    Ten digits had 50 % with half an angle for each pair of classes, 63 % with 0.8, 79 %
    with 1.4 and 94 % with five (benchmarks/choices.py). Few qubits need fewer angles.
    """
    n_classes = len(model.observables)  # or two, for which nothing is needed
    n_angles = model.circuit.num_parameters - len(model.dead_parameters)
    n_needed = min(n_classes * (n_classes - 1) // 2, 2**model.circuit.num_qubits)
    twins = same_but_constant(model.observables)
    if twins:
        yield (
            f"`observables` should differ, got {twins[0]} and {twins[1]} the same but "
            "for a constant: of these two classes, one is never predicted. Leave "
            "observables='auto', or give others.",
            UserWarning,
        )
    elif n_angles < n_needed:
        yield (
            f"`reps` or `ansatz` should give {n_classes} classes at least {n_needed} "
            f"angles, about one for each pair of classes, got {n_angles}: most classes "
            "will not be told apart. Leave reps='auto', or raise it.",
            UserWarning,
        )


def _trained_features(model: Model) -> Iterator[tuple[str, type[Warning]]]:
    """Yield that one of Qiskit's feature maps, or a part of the ansatz, is trained."""
    names = [parameter.name for parameter in model.circuit.parameters]
    features = [name for name in names if name.startswith("x[")]
    joined = any(name.startswith("θ[") for name in names)
    if features and (joined or model.circuit.name.endswith("FeatureMap")):
        yield (
            f"`ansatz` should have weights only, got {features[0]!r} as in a feature "
            "map of Qiskit: all its parameters are trained, and read no features. A "
            "feature map goes into `encoding`.",
            UserWarning,
        )


def _why_zero(model: Model) -> str:
    """Say which observables are 0 for every row, because all is real."""
    gates = compile_circuit(model.circuit)
    zero = [
        k
        for k, operator in enumerate(model.observables)
        if all(label.count("Y") % 2 for label, _ in operator.label_iter())
        and not visible_gates(
            gates, [operator], real_states=encodes_real(model.feature_map)
        ).any()
    ]
    if not zero:
        return ""
    return (
        f"Observables {zero} are 0 for every row: their Pauli strings have an odd "
        "number of Y, and the states are real. Measure X and Z, or use gates that are "
        "not real, such as RZ (ansatz='efficient_su2')."
    )
