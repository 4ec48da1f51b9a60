"""Pictures of how an image becomes a state and of the circuit that acts on it."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from qiskit import QuantumCircuit
from qiskit.circuit import Gate
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skqnn._circuits.preparation import prepare
from skqnn._encoder import BinaryAmplitudeEncoder
from skqnn._frequencies import lowest_frequencies
from skqnn._pipelines import (
    classifier_input,
    final_classifier,
    named_row,
    taking_nameless_rows,
)
from skqnn.inspection._axes import panels, style
from skqnn.inspection._problem import count_of_angles, observable_name

_INCHES_PER_GATE = 0.52  # of a drawn circuit
_STYLE = {"subfontsize": 10, "displaycolor": {"amplitudes": ("#dddddd", "#000000")}}
_MAX_DRAWN_PREPARATION = 60  # gates; more are drawn as one box


class EncodingDisplay:
    """An image, its white and black channels, its amplitudes, and what comes back.

    Parameters
    ----------
    image : ndarray of shape (height, width)
        Pixels as given.
    amplitudes : ndarray of shape (n_channels, n_rows, n_columns)
        The state on the grid of the register, each a power of two: white channel,
        then black, if there is one. Frequencies are one channel of one row.
    reconstruction : ndarray of shape (height, width)
        Pixels read back from the amplitudes, of the encoded size.
    pixel_range : tuple of float, default=None
        Values of a black and of a white pixel; None: those of `image`.
    frequencies : tuple of ndarray of int, default=None
        Row and column number of each frequency, if the amplitudes are frequencies.

    Attributes
    ----------
    ax_, axes_, figure_ : matplotlib Axes, ndarray of Axes, Figure
        The first panel, all panels from left to right, and their figure.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skqnn import BinaryAmplitudeEncoder
    >>> from skqnn.inspection import EncodingDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> encoder = BinaryAmplitudeEncoder().fit(X)
    >>> display = EncodingDisplay.from_estimator(encoder, X[0])
    >>> display.amplitudes.shape
    (2, 8, 8)
    """

    def __init__(
        self,
        image: np.ndarray,
        amplitudes: np.ndarray,
        reconstruction: np.ndarray,
        *,
        pixel_range: tuple[float, float] | None = None,
        frequencies: tuple[np.ndarray, np.ndarray] | None = None,
    ):
        self.image = image
        self.amplitudes = amplitudes
        self.reconstruction = reconstruction
        self.pixel_range = pixel_range
        self.frequencies = frequencies

    @classmethod
    def from_estimator(
        cls, estimator: Any, image: ArrayLike, *, ax: Any = None
    ) -> "EncodingDisplay":
        """Encode one image, read it back, and plot.

        Parameters
        ----------
        estimator : fitted BinaryAmplitudeEncoder, or Pipeline that contains one
            Steps before the encoder are applied to the image first.
        image : array-like of shape (n_features,) or (height, width)
            One image, as one row of X would hold it, or a row of a data frame.
        ax : matplotlib Axes or sequence of Axes, default=None
            See `plot`.

        Returns
        -------
        display : EncodingDisplay
        """
        with taking_nameless_rows():
            encoder, row = _find_encoder(estimator, named_row(image))
            check_is_fitted(encoder)
            _check_one_image(image, row, encoder)
            # An array, whatever `set_output` has.
            amplitudes = np.asarray(encoder.transform(row))
        display = cls(
            np.asarray(row, dtype=np.float64).reshape(encoder.image_shape_),
            amplitudes.reshape(encoder._encoding.grid),
            encoder.inverse_transform(amplitudes).reshape(encoder.image_size_),
            pixel_range=encoder.pixel_range_,
            frequencies=_frequencies(encoder),
        )
        return display.plot(ax)

    def plot(self, ax: Any = None, *, im_kw: dict | None = None) -> "EncodingDisplay":
        """Plot the stages from left to right.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of Axes, default=None
            One is divided into as many panels as needed. None: a new figure.
        im_kw : dict, default=None
            Passed to `Axes.imshow`.

        Returns
        -------
        display : EncodingDisplay
        """
        n_channels = len(self.amplitudes)
        axes = panels(
            ax,
            1,
            3 + n_channels,
            size=(1.9, 2.3),
            caller="EncodingDisplay.plot",
            # Two channels make the register a tall rectangle, beside its colour bar.
            width_ratios=[1, 1, 1.2, 1] if n_channels == 1 else [1, 1, 1, 0.85, 1],
        )[0]
        low, high = self.pixel_range or (np.min(self.image), np.max(self.image))
        pixels = style({"cmap": "gray", "vmin": low, "vmax": high}, im_kw)
        axes[0].imshow(self.image, **pixels)
        axes[0].set_title("image")
        state = style(self._state_colours(), im_kw)
        for panel, (name, channel) in zip(axes[1:], self._channels(), strict=False):
            panel.imshow(channel, **state)
            panel.set_title(name)
        self._plot_register(axes[-2], state)
        axes[-1].imshow(self.reconstruction, **pixels)
        axes[-1].set_title("reconstruction")
        for panel in axes:
            panel.set_xticks([])
            panel.set_yticks([])
        self.axes_, self.ax_, self.figure_ = axes, axes[0], axes[0].figure
        return self

    def _state_colours(self) -> dict:
        """Return colours for amplitudes from 0, or for signed ones around 0."""
        largest = float(np.abs(self.amplitudes).max())
        if self.frequencies is None:
            return {"cmap": "magma", "vmin": 0, "vmax": largest}
        return {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}

    def _channels(self) -> list[tuple[str, np.ndarray]]:
        """Return name and picture of each channel, or of all frequencies."""
        if self.frequencies is None:
            height, width = self.reconstruction.shape
            names = ("white channel", "black channel")
            pictures = self.amplitudes[:, :height, :width]
            return list(zip(names, pictures, strict=False))
        rows, columns = self.frequencies
        plane = np.full((rows.max() + 1, columns.max() + 1), np.nan)
        plane[rows, columns] = self.amplitudes.ravel()[: len(rows)]
        return [("frequencies", plane)]

    def _plot_register(self, panel: Any, look: dict) -> None:
        """Plot all amplitudes, and say which qubits count rows and columns."""
        n_channels, n_rows, n_columns = self.amplitudes.shape
        n_qubits = self.amplitudes.size.bit_length() - 1
        n_low = n_columns.bit_length() - 1
        if self.frequencies is not None:  # one long row, folded into a rectangle
            n_low = (n_qubits + 1) // 2
        register = self.amplitudes.reshape(-1, 2**n_low)
        mappable = panel.imshow(register, **look)
        if n_channels == 2:
            panel.axhline(n_rows - 0.5, color="white", linewidth=1)
        panel.set_title(f"{self.amplitudes.size} amplitudes")
        panel.set_xlabel(_qubits(0, n_low))
        panel.set_ylabel(_qubits(n_low, n_qubits))
        panel.figure.colorbar(mappable, ax=panel, shrink=0.8, label="amplitude")


def _frequencies(encoder: BinaryAmplitudeEncoder) -> tuple | None:
    """Return the numbers of the frequencies that an encoder writes, if it does."""
    n_kept = encoder._encoding.n_frequencies
    return lowest_frequencies(encoder.image_size_, n_kept) if n_kept else None


def _qubits(start: int, stop: int) -> str:
    """Name the qubits from start to stop - 1, the highest first."""
    if stop - start <= 1:
        return f"qubit {start}" if stop > start else ""
    return f"qubits {stop - 1} … {start}"


def _check_one_image(image: Any, row: Any, encoder: BinaryAmplitudeEncoder) -> None:
    """Refuse several images, and those of another size."""
    if np.shape(row)[1] != encoder.n_features_in_:
        raise ValueError(
            f"`image` must be one image of {encoder.n_features_in_} pixels, as a row "
            f"or of shape {encoder.image_shape_}, got the shape {np.shape(image)}."
        )


def _find_encoder(estimator: Any, row: Any) -> tuple:
    """Return the encoder in a pipeline, and the row as it arrives there."""
    steps: Any = estimator if isinstance(estimator, Pipeline) else [estimator]
    for k in range(len(steps)):
        if isinstance(steps[k], BinaryAmplitudeEncoder):
            return steps[k], row if k == 0 else steps[:k].transform(row)
    raise TypeError(
        "`estimator` must be a BinaryAmplitudeEncoder, or a Pipeline that contains "
        f"one, got {estimator!r}."
    )


class CircuitDisplay:
    """The circuit of a classifier: state preparation, ansatz, and what is measured.

    The drawing is Qiskit's; long circuits are folded into several lines so that they
    stay legible. Where pylatexenc is not installed, which Qiskit needs to draw with
    matplotlib, the circuit is drawn as text.

    Parameters
    ----------
    circuit : QuantumCircuit
        Any circuit.
    name : str, default=None
        Title.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes, Figure
        Where it is plotted.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skqnn import QNNClassifier
    >>> from skqnn.inspection import CircuitDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = QNNClassifier(solver="lbfgs", random_state=0).fit(X, y > 0)
    >>> display = CircuitDisplay.from_estimator(classifier)
    >>> display.ax_.get_title()
    '18 angles, measured: ZZZ'
    """

    def __init__(self, circuit: QuantumCircuit, *, name: str | None = None):
        self.circuit = circuit
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike | None = None,
        *,
        bind: bool = False,
        name: str | None = None,
        ax: Any = None,
    ) -> "CircuitDisplay":
        """Draw the circuit of a fitted classifier.

        Parameters
        ----------
        estimator : fitted QNNClassifier or Pipeline that ends in one
            What to draw.
        X : array-like of shape (1, n_features), default=None
            One row whose exact state preparation is drawn gate by gate, unless it has
            more than 60 gates. None, or more gates: amplitudes are one box, a feature
            map is drawn with the features as parameters.
        bind : bool, default=False
            Write the trained angles instead of the names of the parameters.
        name : str, default=None
            Title; None: the number of trained angles, and the observables.
        ax : matplotlib Axes or sequence of Axes, default=None
            See `plot`.

        Returns
        -------
        display : CircuitDisplay
        """
        classifier = final_classifier(estimator)
        check_is_fitted(classifier, "theta_")
        row = None if X is None else classifier_input(estimator, X)
        preparation = _preparation(classifier, row)
        ansatz = classifier.circuit_
        if bind:
            ansatz = ansatz.assign_parameters(classifier.theta_)
        circuit = QuantumCircuit(classifier.n_qubits_)
        circuit.compose(preparation, inplace=True)
        circuit.barrier()
        circuit.compose(ansatz, inplace=True)
        if name is None:
            measured = ", ".join(map(observable_name, classifier.observables_[:4]))
            more = ", …" if len(classifier.observables_) > 4 else ""
            angles = count_of_angles(len(classifier.theta_))
            name = f"{angles}, measured: {measured}{more}"
        return cls(circuit, name=name).plot(ax)

    def plot(self, ax: Any = None, *, fold: int = 20) -> "CircuitDisplay":
        """Draw the circuit.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The drawing is scaled to its width. None: a new figure of a size at which
            the gates are legible.
        fold : int, default=20
            Most gates side by side; a longer circuit is cut into lines of about the
            same length. -1: never.

        Returns
        -------
        display : CircuitDisplay
        """
        size, fold = _figure_size(self.circuit, fold)
        ((panel,),) = panels(ax, 1, 1, size=size, caller="CircuitDisplay.plot")
        try:
            self.circuit.draw("mpl", ax=panel, fold=fold, style=_STYLE)
        except ImportError:  # MissingOptionalLibraryError: pylatexenc
            text = str(self.circuit.draw("text", fold=80 if fold > 0 else -1))
            panel.text(0, 1, text, family="monospace", va="top", fontsize=6)
            panel.set_axis_off()
        panel.set_title(self.name)
        self.ax_, self.figure_ = panel, panel.figure
        return self


def _figure_size(circuit: QuantumCircuit, fold: int) -> tuple[tuple, int]:
    """Return width and height in inches of a drawing, and where to fold it."""
    columns = circuit.depth(lambda item: item.operation.name != "barrier") + 3
    if not circuit.parameters:
        columns = round(1.2 * columns)  # some numbers take two columns
    lines = 1
    if fold > 0:
        lines = -(-columns // fold)
        columns = fold = min(fold, -(-columns // lines) + 1)
    width = 1.2 + _INCHES_PER_GATE * columns
    height = 0.5 + lines * _INCHES_PER_GATE * (circuit.num_qubits + 1)
    return (max(4.0, width), height), fold


def _preparation(classifier: Any, X: Any) -> QuantumCircuit:
    """Return the circuit that prepares the state of a row, or what stands for it."""
    feature_map, n_qubits = classifier.feature_map_, classifier.n_qubits_
    rows = None if X is None else classifier._checked(X)
    if rows is not None and len(rows) != 1:
        raise ValueError(
            f"`X` must have one row to draw, got {len(rows)} rows; take one by X[:1]."
        )
    if feature_map is not None:
        return feature_map if rows is None else feature_map.assign_parameters(rows[0])
    box = QuantumCircuit(n_qubits)
    box.append(Gate("amplitudes", n_qubits, []), range(n_qubits))
    if rows is None:
        return box
    template, angles, _ = prepare(rows, "exact", n_copies=classifier.n_copies_)
    if template.size() > _MAX_DRAWN_PREPARATION:
        return box
    return template.assign_parameters(angles[0])
