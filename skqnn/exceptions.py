"""Warnings that can be filtered by their category."""


class DeadParameterWarning(UserWarning):
    """Some parameters of the ansatz cannot change any observable.

    Examples
    --------
    >>> import warnings
    >>> from skqnn.exceptions import DeadParameterWarning
    >>> warnings.simplefilter("ignore", DeadParameterWarning)
    """


class PreparationWarning(UserWarning):
    """Some rows are prepared as states that differ much from what they encode.

    Examples
    --------
    >>> import warnings
    >>> from skqnn.exceptions import PreparationWarning
    >>> warnings.simplefilter("error", PreparationWarning)
    """
