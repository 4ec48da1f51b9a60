"""Axes to plot on: matplotlib imported when needed, one or several panels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skqnn._compat import style_keywords
from skqnn._validation import missing_package


def panels(
    ax: Any,
    n_rows: int,
    n_columns: int,
    *,
    size: tuple[float, float],
    caller: str,
    width_ratios: Sequence[float] | None = None,
) -> np.ndarray:
    """Return matplotlib axes for a display.

    Parameters
    ----------
    ax : None, Axes or array-like of Axes
        None: a new figure. One Axes: it is divided into panels (and itself blanked)
        unless one panel is enough. Several: used as they are, row by row.
    n_rows, n_columns : int
        Panels needed.
    size : tuple of float
        Width and height of one panel of a new figure, in inches.
    caller : str
        Who needs matplotlib, for the error message.
    width_ratios : sequence of float of length n_columns, default=None
        Relative widths of the columns; None: all the same.

    Returns
    -------
    axes : ndarray of shape (n_rows, n_columns), object

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If `ax` is a list of another length.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise missing_package(caller, "matplotlib", "plot") from error
    n_panels = n_rows * n_columns
    if ax is None:
        _, axes = plt.subplots(
            n_rows,
            n_columns,
            figsize=(size[0] * n_columns, size[1] * n_rows),
            layout="compressed",  # constrained, and no gaps beside images
            squeeze=False,
            width_ratios=width_ratios,
        )
        return axes
    given = np.atleast_1d(np.asarray(ax, dtype=object))
    if given.size == n_panels:
        return given.reshape(n_rows, n_columns)
    if given.size != 1:
        raise ValueError(f"`ax` must hold {n_panels} axes, got {given.size}.")
    return _divide(given[0], n_rows, n_columns, width_ratios)


def _divide(ax: Any, n_rows: int, n_columns: int, width_ratios: Any) -> np.ndarray:
    """Blank an Axes and put a grid of new ones in its place."""
    ax.set_axis_off()
    spec = ax.get_subplotspec()
    if spec is None:  # placed by hand
        (left, bottom), (right, top) = ax.get_position().get_points()
        place = {"left": left, "right": right, "bottom": bottom, "top": top}
        grid = ax.figure.add_gridspec(
            n_rows, n_columns, width_ratios=width_ratios, **place
        )
    else:
        grid = spec.subgridspec(n_rows, n_columns, width_ratios=width_ratios)
    return grid.subplots(squeeze=False)


def whole_numbers(axis: Any) -> None:
    """Let the ticks of an axis be whole numbers, also where only one of them is."""
    axis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def same_length(name: str, values: ArrayLike, n_samples: int) -> None:
    """Refuse values that are not one for each sample."""
    if np.shape(values)[:1] != (n_samples,):
        raise ValueError(
            f"`{name}` must have one value for each of the {n_samples} samples, got an "
            f"array of shape {np.shape(values)}."
        )


def style(defaults: dict, given: dict | None) -> dict:
    """Return keyword arguments for matplotlib; aliases given win over full names."""
    return style_keywords(defaults, given or {})
