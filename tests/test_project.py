"""The shape of the project: who imports whom, versions, and what must not creep in."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import skqnn

ROOT = Path(__file__).parents[1]
MODULES = {path.stem: path for path in sorted((ROOT / "skqnn").glob("*.py"))}

# Imports point down only: a module may import what its row names, and nothing else of
# the package. Siblings do not know each other. A new module needs a row here.
_ON_PAPER = {"_amplitudes", "_ansatz", "_arrays", "_circuit", "_observables"} | {
    "exceptions"
}
_FOUNDATIONS = _ON_PAPER | {"_preparation", "_backends", "_journal"}
_FITTING = {"_losses", "_optimizers", "_training"}
_ENGINES = {"_statevector", "_primitive"}
_BELOW_CLASSIFIER = (
    _FOUNDATIONS
    | _FITTING
    | _ENGINES
    | {"_html", "_hyperparameters", "_model", "_monitor", "_shift", "_validation"}
)
_ESTIMATORS = {"_encoder", "_classifier"}
_INTROSPECTING = _BELOW_CLASSIFIER | _ESTIMATORS | {"_axes", "_introspection"}
_DISPLAYS = {"_circuit_displays", "_displays", "_model_displays"}
_REPORTS = {"_ablation", "_cost", "_fisher", "_gradient_check", "_trainability"}
ALLOWED_IMPORTS = {
    "__init__": _ESTIMATORS | {"_show_versions", "inspection", "export"},
    "_arrays": set(),
    "_encoder": {"_arrays", "_images", "_validation"},
    "_images": {"_arrays"},
    "_validation": set(),
    "_hyperparameters": _FITTING | {"_ansatz", "_primitive", "_validation"},
    "_amplitudes": {"_arrays"},
    "_ansatz": set(),
    "_circuit": set(),
    "_observables": {"_circuit"},
    "_model": _ON_PAPER,
    "_shift": {"_circuit"},
    "_steps": {"_arrays", "_circuit"},
    "_feature_map": {"_arrays", "_circuit", "_steps"},
    "_staircase": set(),
    "_preparation": {"_staircase"},
    "_measurement": set(),
    "_transpilation": set(),
    "_noise": {"_transpilation"},
    "_readings": {"_measurement"},
    "_aer": {"_journal", "_measurement", "_noise", "_readings", "_transpilation"},
    "_estimators": {"_journal", "_measurement", "_transpilation"},
    "_ibm": {"_estimators", "_journal", "_transpilation"},
    "_backends": {"_aer", "_estimators", "_ibm", "_noise", "_transpilation"},
    "_journal_file": set(),
    "_remote": set(),
    "_journal": {"_journal_file", "_remote"},
    "_program": {"_steps"},
    "_layout": set(),
    "_schedule": {"_layout"},
    "_emitter": {"_layout"},
    "_vectors": {"_emitter", "_layout"},
    "_kernels": {"_schedule", "_vectors"},
    "_compiled": {"_arrays", "_program", "_layout", "_schedule", "_kernels"},
    "_statevector": _FOUNDATIONS | {"_compiled", "_feature_map", "_steps"},
    "_primitive": _FOUNDATIONS | {"_shift"},
    "_losses": set(),
    "_optimizers": set(),
    "_monitor": set(),
    "_html": set(),
    "_training": {"_arrays", "_losses", "_optimizers"},
    "_classifier": _BELOW_CLASSIFIER,
    "_axes": set(),
    "_introspection": _BELOW_CLASSIFIER | _ESTIMATORS,
    "_gradient_check": _INTROSPECTING,
    "_displays": _INTROSPECTING,
    "_model_displays": _INTROSPECTING,
    "_circuit_displays": _INTROSPECTING,
    "_variants": _INTROSPECTING,
    "_ablation": _INTROSPECTING | {"_variants"},
    "_fisher": set(),
    "_trainability": _INTROSPECTING | {"_fisher"},
    "_cost": _INTROSPECTING | {"_estimators", "_measurement", "_transpilation"},
    "inspection": _DISPLAYS | _REPORTS,
    "_archive_file": set(),
    "_archive_circuits": {"_circuit"},
    "_archive_requests": set(),
    "_archive_values": _BELOW_CLASSIFIER | {"_archive_circuits", "_images"},
    "_archive_checks": _BELOW_CLASSIFIER | _ESTIMATORS | {"_images"},
    "_archive": _ESTIMATORS
    | {"_archive_checks", "_archive_file", "_archive_requests", "_archive_values"}
    | {"_arrays"},
    "_circuit_export": _INTROSPECTING,
    "_qml_export": _INTROSPECTING | {"_circuit_export"},
    "_qml_import": _INTROSPECTING,
    "_show_versions": set(),
    "exceptions": set(),
    "export": {"_archive", "_archive_file"}
    | {"_circuit_export", "_qml_export", "_qml_import"},
}


def imported_modules(source):
    """Names of the skqnn modules that a source text imports, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            found.add("a relative import")
        elif isinstance(node, ast.ImportFrom) and node.module == "skqnn":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= set(re.findall(r"^skqnn\.(\w+)", node.module))
        elif isinstance(node, ast.Import):
            names = " ".join(alias.name for alias in node.names)
            found |= set(re.findall(r"\bskqnn\.(\w+)", names))
    return found


@pytest.mark.parametrize(
    "source, expected",
    [
        ("import numpy, skqnn._losses", {"_losses"}),
        ("from skqnn import _circuit", {"_circuit"}),
        ("from skqnn._circuit import ansatz", {"_circuit"}),
        ("def f():\n    from skqnn.export import save", {"export"}),
        ("from . import _circuit", {"a relative import"}),
        ("import scipy.optimize", set()),
    ],
)
def test_imported_modules_sees_every_form_of_import(source, expected):
    assert imported_modules(source) == expected


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down_only(module):
    assert module in ALLOWED_IMPORTS, f"give {module} a row in ALLOWED_IMPORTS"
    found = imported_modules(MODULES[module].read_text(encoding="utf-8"))
    assert found <= ALLOWED_IMPORTS[module]


def test_allowed_imports_have_no_cycle():
    seen = set()
    while len(seen) < len(ALLOWED_IMPORTS):
        free = {m for m, below in ALLOWED_IMPORTS.items() if below <= seen} - seen
        assert free, "the table of allowed imports has a cycle"
        seen |= free


@pytest.mark.parametrize("module", MODULES)
def test_package_never_prints(module):
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    assert not any(isinstance(f, ast.Name) and f.id == "print" for f in calls)


def test_import_leaves_optional_and_heavy_packages_alone():
    heavy = ["matplotlib", "numba", "qiskit_aer", "qiskit_ibm_runtime"]
    code = f"import sys, skqnn; sys.exit(repr(set({heavy}) & {{*sys.modules}}))"
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stderr.strip() == "set()"


def test_version_is_a_literal_that_the_build_can_read():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    source = project["tool"]["setuptools"]["dynamic"]["version"]["attr"]
    assert source == "skqnn.__version__"
    text = MODULES["__init__"].read_text(encoding="utf-8")
    assert f'__version__ = "{skqnn.__version__}"' in text


def test_newest_release_in_changelog_is_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(.+?)\]", text, flags=re.MULTILINE)
    if released and ".dev" not in skqnn.__version__:
        assert released[0] == skqnn.__version__


def test_changes_have_a_kind_that_the_changelog_knows():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    kinds = "|".join(project["tool"]["towncrier"]["fragment"])
    names = {path.name for path in (ROOT / "changelog.d").iterdir()} - {"README.md"}
    wrong = [n for n in names if not re.fullmatch(rf"(\d+|\+\w+)\.({kinds})\.md", n)]
    assert not wrong


def test_package_declares_its_types():
    assert (Path(skqnn.__file__).parent / "py.typed").is_file()


def test_commit_hooks_use_the_linter_version_of_the_project():
    pins = {
        name: set(re.findall(r"\bruff==([\d.]+)", (ROOT / name).read_text("utf-8")))
        for name in ("pyproject.toml", ".pre-commit-config.yaml")
    }
    assert len(pins["pyproject.toml"]) == 1
    assert pins[".pre-commit-config.yaml"] == pins["pyproject.toml"]
