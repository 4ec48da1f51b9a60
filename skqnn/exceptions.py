"""Warnings that can be filtered by their category."""


class DeadParameterWarning(UserWarning):
    """Some parameters of the ansatz cannot change any observable.

    Examples
    --------
    >>> import warnings
    >>> from skqnn.exceptions import DeadParameterWarning
    >>> warnings.simplefilter("ignore", DeadParameterWarning)
    """


class LowSignalWarning(UserWarning):
    """The errors of a device leave less of the signal than the shots resolve.

    A typical expectation value, 0.3, is expected to shrink below two of its standard
    errors: more than one in forty decisions about such values would be wrong.

    Examples
    --------
    >>> import warnings
    >>> from skqnn.exceptions import LowSignalWarning
    >>> warnings.simplefilter("error", LowSignalWarning)
    """


class ParameterOrderWarning(UserWarning):
    """Parameters of a circuit are not in the order of the numbers in their names.

    Qiskit sorts parameters by name, as text: ``x10`` comes before ``x2``. Columns of X
    and angles are counted in that order, but the elements of a `ParameterVector` by
    their index.

    Examples
    --------
    >>> import warnings
    >>> from skqnn.exceptions import ParameterOrderWarning
    >>> warnings.simplefilter("ignore", ParameterOrderWarning)
    """


class PreparationWarning(UserWarning):
    """Some rows are prepared as states that differ much from what they encode.

    Examples
    --------
    >>> import warnings
    >>> from skqnn.exceptions import PreparationWarning
    >>> warnings.simplefilter("error", PreparationWarning)
    """
