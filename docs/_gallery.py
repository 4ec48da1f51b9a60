"""How the gallery is built: its order, and warnings that are errors."""

import contextlib
import warnings

ORDER = (
    "plot_digits.py",
    "plot_encoding.py",
    "plot_ten_digits.py",
    "plot_notebook_claim.py",
    "plot_grid_search.py",
    "plot_callbacks.py",
    "plot_calibration.py",
    "plot_streaming.py",
    "plot_scaling_out.py",
    "plot_decision_boundary.py",
    "plot_inside.py",
    "plot_ablation.py",
    "plot_noise.py",
    "plot_noise_training.py",
    "plot_hardware.py",
)
_filters = contextlib.ExitStack()


class Order:
    """Sort examples as they are listed above, from first steps to hardware."""

    def __init__(self, src_dir):
        self.src_dir = src_dir

    def __call__(self, filename):
        """Return the place of a file: listed ones first, then by name."""
        place = ORDER.index(filename) if filename in ORDER else len(ORDER)
        return place, filename


def warnings_are_errors(gallery_conf, fname, when):
    """Let an example fail when it warns; what Sphinx does in between may warn."""
    if when == "before" and fname is not None:
        _filters.enter_context(warnings.catch_warnings())
        warnings.simplefilter("error")
        # Scripts end with plt.show(), which opens no windows here.
        warnings.filterwarnings("ignore", message=".*is non-interactive")
    else:
        _filters.close()
