"""The shape of the project: who imports whom, versions, and what must not creep in."""

import ast
import doctest
import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

import skqnn
from skqnn import export, inspection

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "skqnn"
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

# A room is a folder, or one of these groups of files beside the folders.
BESIDE = {
    "__init__": "front door",
    "_arrays": "ground",
    "_classifier": "estimators",
    "_compat": "ground",
    "_execution": "estimators",
    "_fitting": "estimators",
    "_encoder": "estimators",
    "_frequencies": "estimators",
    "_html": "ground",
    "_hyperparameters": "estimators",
    "_images": "estimators",
    "_jit": "ground",
    "_memory": "ground",
    "_pipelines": "estimators",
    "_show_versions": "ground",
    "_threads": "ground",
    "_validation": "ground",
    "_verbose": "ground",
    "exceptions": "ground",
    "journal": "front door",
}

# The arrows between rooms, all of them: a new one needs a place here, and one that
# nothing uses any more has to go.
IMPORTS = {
    "ground": set(),
    "_circuits": {"ground"},
    "_engine": {"_circuits", "ground"},
    "_journal": {"ground"},
    "_backends": {"_circuits", "_engine", "_journal", "ground"},
    "_training": {"ground"},
    "estimators": {"_backends", "_circuits", "_engine", "_training", "ground"},
    "front door": {"_backends", "_journal", "estimators", "ground"},
    "_archive": {"_circuits", "_training", "estimators", "ground"},
    "inspection": {"_backends", "_circuits", "_engine", "_training"}
    | {"estimators", "ground"},
    "export": {"_archive", "_circuits", "estimators", "ground"},
}


def room(module):
    """Return the room in which a module stands."""
    return BESIDE.get(module.split(".")[0], module.split(".")[0])


def imports_of(module):
    """Return the modules of the package that a module imports."""
    found = imported_modules(MODULES[module].read_text(encoding="utf-8"))
    assert "a relative import" not in found
    return {name if name in MODULES else f"{name}.__init__" for name in found}


def without_a_circle(arrows):
    """Tell whether a graph, as {node: nodes it points to}, has no circle."""
    seen = set()
    while len(seen) < len(arrows):
        free = {node for node, below in arrows.items() if below <= seen} - seen
        if not free:
            return False
        seen |= free
    return True


def imported_modules(source):
    """Names of the skqnn modules that a source text imports, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            found.add("a relative import")
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {m for name in names if (m := module_named(name))}
        elif isinstance(node, ast.Import):
            found |= {m for alias in node.names if (m := module_named(alias.name))}
    return found


def module_named(name):
    """Return the module of the package that a dotted name lies in, None elsewhere."""
    first, *parts = name.split(".")
    if first != "skqnn":
        return None
    while parts and ".".join(parts) not in MODULES:
        if f"{'.'.join(parts)}.__init__" in MODULES:
            return ".".join(parts)
        parts = parts[:-1]
    return ".".join(parts) or "__init__"


@pytest.mark.parametrize(
    "source, expected",
    [
        ("import numpy, skqnn._training.losses", {"_training.losses"}),
        ("from skqnn import _circuits", {"_circuits"}),
        ("from skqnn import __version__", {"__init__"}),
        ("from skqnn._circuits import ansatz", {"_circuits.ansatz"}),
        ("from skqnn._circuits.ansatz import tree", {"_circuits.ansatz"}),
        ("def f():\n    from skqnn.export import save", {"export"}),
        ("from . import _circuit", {"a relative import"}),
        ("import scipy.optimize", set()),
    ],
)
def test_imported_modules_sees_every_form_of_import(source, expected):
    assert imported_modules(source) == expected


@pytest.mark.parametrize("name", IMPORTS)
def test_a_room_imports_what_its_row_says_and_nothing_else(name):
    inside = [module for module in MODULES if room(module) == name]
    used = {room(other) for module in inside for other in imports_of(module)}
    assert used - {name} == IMPORTS[name]


def test_every_module_stands_in_a_room():
    assert {room(module) for module in MODULES} == set(IMPORTS)


def test_rooms_stand_on_floors():
    assert without_a_circle(IMPORTS)


@pytest.mark.parametrize("name", IMPORTS)
def test_there_is_no_circle_inside_a_room(name):
    inside = {module for module in MODULES if room(module) == name}
    assert without_a_circle({module: imports_of(module) & inside for module in inside})


def test_a_circle_is_seen():
    assert not without_a_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": set()})


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


def test_public_modules_need_no_import_of_their_own():
    public = sorted({name.split(".")[0] for name in MODULES if name[0] != "_"})
    assert "inspection" in public
    code = (
        f"import skqnn; assert {{*{public}}} <= {{*dir(skqnn)}}\n"
        f"for name in {public}: getattr(skqnn, name).__doc__\n"
        "skqnn.no_such_module"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    message = "AttributeError: module 'skqnn' has no attribute 'no_such_module'"
    assert result.stderr.strip().endswith(message)


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


def test_map_of_the_code_is_whole():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = {f"`{name}/`" for name in IMPORTS if (PACKAGE / name).is_dir()}
    files = {f"`{name}`" for name in BESIDE if BESIDE[name] in ("ground", "estimators")}
    public = [name for facade in (skqnn, export, inspection) for name in facade.__all__]
    names = {f"`{name}`" for name in public if not name.startswith("__")}
    assert len(rooms) == 8
    assert not {name for name in rooms | files | names if name not in text}


def test_files_that_the_pages_name_exist():
    folders = "skqnn|tests|benchmarks|docs|examples|findings"
    path = re.compile(rf"(?<![\w/.-])(?:{folders})/[\w/.-]*\.[a-z]+\b")
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.rst")]
    named = {
        (page.name, name)
        for page in pages
        for name in path.findall(page.read_text(encoding="utf-8"))
        if "auto_examples" not in name and page.name != "CHANGELOG.md"
    }
    assert len(named) > 50
    assert not [pair for pair in named if not (ROOT / pair[1]).exists()]


def python_blocks(page):
    """Return the blocks of Python code of a page in Markdown."""
    return re.findall(r"^```python\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("k", range(2))
def test_each_example_of_readme_runs_alone_without_a_warning(k, capsys):
    blocks = python_blocks((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(blocks) == 2
    exec(compile(blocks[k], "README.md", "exec"), {"__name__": "__main__"})
    accuracies = [
        float(word) for word in re.findall(r"\d\.\d*", capsys.readouterr().out)
    ]
    assert len(accuracies) == (6, 5)[k]
    assert min(accuracies) > 0.85


def examples_that_cannot_be_pasted(text):
    """Return compound statements that the next prompt follows without a blank line.

    Python before 3.13 takes a pasted line that follows such a block for a part of it.
    """
    compound = ast.For | ast.While | ast.If | ast.With | ast.Try | ast.FunctionDef
    found = []
    text = re.sub("# doctest: .*", "", text)  # options of pytest among them
    for example, following in pairwise(doctest.DocTestParser().get_examples(text)):
        lines = (example.source + example.want).count("\n")
        last = ast.parse(example.source).body[-1]
        touching = example.lineno + lines == following.lineno
        if touching and isinstance(last, compound | ast.ClassDef):
            found.append(example.source)
    return found


def test_examples_can_be_pasted_into_a_prompt():
    sources = [*(ROOT / "docs").glob("**/*.rst"), *PACKAGE.rglob("*.py")]
    texts = {path: path.read_text(encoding="utf-8") for path in sources}
    assert sum(">>> " in text for text in texts.values()) > 20
    found = {path.name: examples_that_cannot_be_pasted(texts[path]) for path in texts}
    assert not {name: examples for name, examples in found.items() if examples}


@pytest.mark.parametrize(
    "text, n_found",
    [
        (">>> for k in x:\n...     f(k)\n>>> g()\n", 1),
        (">>> with x as y:\n...     f(y)\n1\n>>> g()\n", 1),
        (">>> for k in x:\n...     f(k)\n\n>>> g()\n", 0),
        (">>> f(\n...     1)\n>>> g()\n", 0),
    ],
)
def test_examples_that_cannot_be_pasted_are_found(text, n_found):
    assert len(examples_that_cannot_be_pasted(text)) == n_found


def test_gallery_orders_all_its_examples():
    [order] = re.findall(
        r"ORDER = \((.*?)\)", (ROOT / "docs" / "_gallery.py").read_text(), re.DOTALL
    )
    names = [path.name for path in (ROOT / "examples").glob("plot_*.py")]
    assert sorted(re.findall(r'"(\w+\.py)"', order)) == sorted(names)


def test_package_declares_its_types():
    assert (Path(skqnn.__file__).parent / "py.typed").is_file()


def test_commit_hooks_use_the_linter_version_of_the_project():
    pins = {
        name: set(re.findall(r"\bruff==([\d.]+)", (ROOT / name).read_text("utf-8")))
        for name in ("pyproject.toml", ".pre-commit-config.yaml")
    }
    assert len(pins["pyproject.toml"]) == 1
    assert pins[".pre-commit-config.yaml"] == pins["pyproject.toml"]


def test_results_that_are_spoken_of_are_stored():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.rst")]
    text = "\n".join(page.read_text() for page in pages)
    names = set(re.findall(r"benchmarks/results/(\w+\.\w+)", text))
    [loop] = re.findall(r"for script in ([\w\s\\]+);", text)
    names |= {f"{script}.txt" for script in loop.replace("\\", "").split()}
    assert len(names) > 10
    missing = [n for n in names if not (ROOT / "benchmarks" / "results" / n).exists()]
    assert missing == []
