"""What an AerSimulator asks of the circuits that it runs: gates and connections."""

from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit.library import get_standard_gate_name_mapping

from skqnn._backends.transpilation import ELEMENTARY

# Sets of gates that every gate on one qubit can be translated to.
_UNIVERSAL = ({"rz", "sx"}, {"u"}, {"u3"})


def device_like(simulator: Any, model: Any) -> Any:
    """Return what circuits are transpiled for, None if the simulator takes any.

    Parameters
    ----------
    simulator : AerSimulator
        As the user made it.
    model : NoiseModel or None
        The noise to simulate, its own or another.

    Returns
    -------
    backend : AerSimulator or None
        With the gates and connections that the user chose. A NoiseModel chooses gates
        too, those with errors among them: where gates without errors make up any
        rotation, rotations stay as they are, instead of being translated to others that
        have errors. Connections of a simulator come with gates on at most two qubits,
        which Qiskit's transpiler needs.
    """
    from qiskit_aer import AerSimulator

    coupling, own = simulator.coupling_map, simulator.options.noise_model
    method = simulator.options.method
    usual = AerSimulator(method=method, noise_model=own)
    if _gates(simulator) != _gates(usual):
        return simulator  # gates that the user chose, or those of a device
    if model is None:
        basis = set(ELEMENTARY)
        return (
            None
            if coupling is None
            else AerSimulator(coupling_map=coupling, basis_gates=sorted(basis))
        )
    basis, clean = (
        set(model.basis_gates),
        set(ELEMENTARY) - set(model.noise_instructions),
    )
    if any(some <= basis & clean for some in _UNIVERSAL):
        basis |= {name for name in clean if _GATES[name].num_qubits == 1}
    elif model is own and coupling is not None:
        return simulator
    return AerSimulator(
        coupling_map=coupling, basis_gates=sorted(basis), noise_model=model
    )


def check_noise(model: Any) -> None:
    """Raise ValueError for errors on a gate that the circuits can never contain."""
    from qiskit_aer import AerSimulator

    known = {*_GATES, *AerSimulator().configuration().basis_gates, "measure", "reset"}
    unknown = sorted(set(model.noise_instructions) - known)
    if unknown:
        raise ValueError(
            "`noise_model` must have errors on gates of Qiskit only, got errors on "
            f"{unknown}: composite gates are opened before they run, so put the errors "
            "on the gates inside."
        )


def check_gates(model: Any, backend: Any) -> None:
    """Raise ValueError for errors on a gate that circuits of a backend never have."""
    known = {*backend.target.operation_names, "measure", "reset"}
    lost = sorted(set(model.noise_instructions) - known)
    if lost:
        raise ValueError(
            f"`noise_model` must have errors on gates of {backend.name!r}, got errors "
            f"on {lost}, which no circuit contains that was translated to its gates."
        )


def check_opened(circuit: QuantumCircuit, model: Any) -> None:
    """Raise ValueError for errors on gates that are opened before they run.

    The elementary gates inside would run without them. Aer itself runs few of these
    gates, and takes no parameters for them.
    """
    names = {item.operation.name for item in circuit.data} - set(ELEMENTARY)
    lost = sorted(names & set(model.noise_instructions))
    if lost:
        raise ValueError(
            "`noise_model` must have errors on elementary gates, got errors on "
            f"{lost} of the circuit: these are opened into gates such as 'cx' and 'ry' "
            "before they run, so put the errors on those."
        )


_GATES = get_standard_gate_name_mapping()


def _gates(simulator: Any) -> set[str]:
    return set(simulator.configuration().basis_gates)
