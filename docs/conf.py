"""Sphinx configuration: `sphinx-build -W -b html docs docs/_build/html`."""

import os
import sys
from pathlib import Path

import skqnn

sys.path.insert(0, str(Path(__file__).parent))  # for _gallery, _mathml

project = "skqnn"
author = "The skqnn developers"
copyright = "The skqnn developers"
version = release = skqnn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "_mathml",
    "matplotlib.sphinxext.plot_directive",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
toc_object_entries_show_parents = "hide"
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates"]
html_static_path = ["_static"]
default_role = "code"
smartquotes = False  # quotes are of Python here

# Docstrings that scikit-learn wrote refer to pages of its own documentation.
autodoc_inherit_docstrings = False
autodoc_typehints = "none"  # the docstrings name the types, in fewer words
autodoc_default_options = {
    "exclude-members": ", ".join(
        f"set_{method}_request"
        for method in ("fit", "partial_fit", "decision_function", "predict", "score")
    )
}
autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
# Every parameter is documented, under its name and in its place.
numpydoc_validation_checks = {"PR01", "PR02", "PR03"}
# A record has attributes instead.
numpydoc_validation_exclude = {r"\.(CostEstimate|GradientCheck|TrainedQNN)$"}  # records

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"(^|/)(?!plot_)[^/]*\.py$",  # those are run by hand
    "within_subsection_order": "_gallery.Order",
    "reset_modules": ("matplotlib", "_gallery.warnings_are_errors"),
    "reset_modules_order": "both",
    "capture_repr": ("_repr_html_",),  # what is to be read is printed
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skqnn",),
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,
}

# Pictures of pages are drawn when the pages are built.
plot_basedir = str(Path(__file__).parent)
plot_include_source = True
plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 110)]
plot_rcparams = {"figure.constrained_layout.use": True, "figure.figsize": (6.4, 4.2)}
plot_apply_rcparams = True

# Inventories are fetched from the network, which a build must not depend on.
intersphinx_mapping = {
    "python": ("https://docs.python.org/3", None),
    "numpy": ("https://numpy.org/doc/stable", None),
    "scipy": ("https://docs.scipy.org/doc/scipy", None),
    "sklearn": ("https://scikit-learn.org/stable", None),
    "qiskit": ("https://quantum.cloud.ibm.com/docs/api/qiskit", None),
}
if not os.environ.get("SKQNN_DOCS_ONLINE"):
    intersphinx_mapping = {}

# Prompts and output are not copied; of text without a prompt, everything is.
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = "skqnn"
html_show_sourcelink = False
# Pages without others beside them have nothing to navigate.
html_sidebars = {
    page: [] for page in ("index", "getting_started", "long_runs", "findings")
}
html_css_files = ["skqnn.css"]
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}
