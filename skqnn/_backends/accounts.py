"""From the name of an IBM backend to the live one, through a saved account."""

import threading
from collections.abc import Callable
from typing import Any

from qiskit.providers import BackendV2

from skqnn._journal.service import tame
from skqnn._validation import close_names

Account = str | Callable[[], Any] | None

_CONNECTING = 300.0  # seconds; the client alone would wait for ever


def find_backend(
    name: str, n_qubits: int, use_fractional_gates: bool, account: Account
) -> BackendV2:
    """Return a backend of an account.

    Parameters
    ----------
    name : str
        Name of the backend, or ``"least_busy"``.
    n_qubits : int
        Qubits needed, for the choice of the least busy backend.
    use_fractional_gates : bool
        Whether to ask for a backend with RX and RZZ gates.
    account : str, callable or None
        Name of a saved account, or a function that returns the service. None: the
        default account.

    Raises
    ------
    ValueError
        If there is no account, or no such backend in it.
    TimeoutError, ConnectionError
        If the service does not answer, or only in part.
    """
    from qiskit.providers.exceptions import QiskitBackendNotFoundError
    from qiskit_ibm_runtime.accounts.exceptions import AccountNotFoundError

    try:
        service = _within(_CONNECTING, lambda: _service(account), name)
    except AccountNotFoundError as error:
        raise ValueError(
            f"`backend` {name!r} needs an IBM Quantum account on this computer: call "
            "QiskitRuntimeService.save_account(token=..., instance=...) once."
        ) from error
    tame(service, None)
    try:
        if name == "least_busy":
            return service.least_busy(
                min_num_qubits=n_qubits,
                operational=True,
                use_fractional_gates=use_fractional_gates,
            )
        return service.backend(name, use_fractional_gates=use_fractional_gates)
    except QiskitBackendNotFoundError as error:
        names = [backend.name for backend in service.backends()]
        if not names or name in names:  # the client means an answer that was lost, too
            listed = "lists it, but did not describe it" if names else "listed none"
            raise ConnectionError(
                f"IBM Quantum {listed} when `backend` {name!r} was looked up; nothing "
                "was submitted. Run again later, or with an account whose instance has "
                "backends."
            ) from error
        close = close_names(name, names, 3) or names
        raise ValueError(
            f"`backend` must be a backend of your account with at least {n_qubits} "
            f"qubits, such as {close}, got {name!r}."
        ) from error


def portable_account(account: Account) -> Account:
    """Return what stands for an account in pickles and deep copies: no function."""
    return lost_account if callable(account) else account


def lost_account() -> Any:
    """Refuse to run jobs on the default account in place of another one."""
    raise ValueError(
        "`account` must be set again in a copy or pickle, which hold no function, for "
        "instance by set_params(backend__account=...), or be the name of a saved "
        "account."
    )


def _service(account: Account) -> Any:
    from qiskit_ibm_runtime import QiskitRuntimeService

    if callable(account):
        return account()
    return QiskitRuntimeService(**({"name": account} if account else {}))


def _within(seconds: float, make: Callable[[], Any], name: str) -> Any:
    """Call a function that may never return, and wait for it no longer than this."""
    results: list[Any] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(make())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(
            f"IBM Quantum did not answer for {seconds:g} s when `backend` {name!r} was "
            "looked up; nothing was submitted. Run again later."
        )
    return results[0]
