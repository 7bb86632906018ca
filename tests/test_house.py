"""The walls of the house: which wing may import which, how large a room may be, and what a wing's face holds."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "chaterload"

# From top to bottom; wings on one line do not know each other.
FLOORS = (
    ("locustfile",),
    ("wiring", "contract", "clean"),
    ("web",),
    ("run",),
    ("report",),
    ("load",),
    ("judge", "standin"),
    ("chater",),
    ("internals",),
    ("turns",),
    ("exits",),
)
FLOOR_OF = {wing: floor for floor, wings in enumerate(FLOORS) for wing in wings}
WINGS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in [*PACKAGE.rglob("*.py"), ROOT / "locustfile.py"]
    if path != PACKAGE / "__init__.py"
}
LONGEST_MODULE, LONGEST_CLASS = 300, 200
EXCUSE = "# longer than the house allows, because"
"""Begins a comment in a module that says why it is."""


def wing_of(module: str) -> str:
    """The wing of a module, or the module itself where it stands beside the wings."""
    return module.removeprefix("chaterload.").split(".")[0]


def imports(module: str) -> list[tuple[str, str | None]]:
    """What a module imports of ours, at its top or within: (module, name); the name is None where all of it is."""
    found: list[tuple[str, str | None]] = []
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "chaterload":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.append((whole, None) if whole in MODULES else (node.module, alias.name))
        elif isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names if alias.name.split(".")[0] == "chaterload"]
    return [(name, what) for name, what in found if name in MODULES]  # the package itself holds the version alone


def foreign_imports(module: str) -> set[str]:
    """The packages of others that a module imports."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    froms = {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    plain = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    return froms | plain


def test_every_module_has_its_floor():
    """A new wing, or a module beside the wings, is given its place in the order first."""
    assert {wing_of(module) for module in MODULES} <= FLOOR_OF.keys()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_run_downwards(module):
    """No module imports one of a wing above its own, or of another wing on its floor."""
    own = wing_of(module)
    upwards = [name for name, _ in imports(module) if wing_of(name) != own and FLOOR_OF[wing_of(name)] <= FLOOR_OF[own]]
    assert upwards == []


def test_no_circle_within_a_wing():
    """Within a wing, too, imports run in one direction."""
    graph = {module: {name for name, _ in imports(module)} - {module} for module in MODULES}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"these import each other in a circle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("module", sorted(MODULES))
def test_private_names_stay_private(module):
    """No module imports a name with an underscore from another one."""
    assert [
        (name, what) for name, what in imports(module) if what and what.startswith("_") and what != "__version__"
    ] == []


@pytest.mark.parametrize("module", sorted(name for name in MODULES if wing_of(name) == "judge"))
def test_the_judge_is_pure(module):
    """judge/ knows neither Locust nor gevent nor the network, so that it can be tried in milliseconds."""
    assert foreign_imports(module) & {"locust", "gevent", "requests", "socket", "flask", "geventhttpclient"} == set()


@pytest.mark.parametrize("wing", WINGS)
def test_a_wings_face(wing):
    """A wing's __init__ says in one sentence what the wing is, and holds nothing else."""
    (sentence,) = ast.parse((PACKAGE / wing / "__init__.py").read_text(encoding="utf-8")).body
    assert isinstance(sentence, ast.Expr)
    assert isinstance(sentence.value, ast.Constant)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_room_is_too_large(module):
    """A module has at most 300 lines and a class 200, unless a comment in it says why it has more."""
    text = MODULES[module].read_text(encoding="utf-8")
    classes = {
        node.name: (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef)
    }
    too_large = {name: lines for name, lines in classes.items() if lines > LONGEST_CLASS}
    if (lines := text.count("\n")) > LONGEST_MODULE:
        too_large[module] = lines
    assert not too_large or EXCUSE in text, too_large


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_is_told_to_newcomers(wing):
    """docs/contributing.md has each wing with its own sentence, and in its drawing."""
    (sentence,) = ast.parse((PACKAGE / wing / "__init__.py").read_text(encoding="utf-8")).body
    assert isinstance(sentence, ast.Expr)
    assert isinstance(sentence.value, ast.Constant)
    page = (ROOT / "docs/contributing.md").read_text(encoding="utf-8")
    assert f"| `chaterload/{wing}/` | {sentence.value.value!s} |" in page
    assert f"\n  {wing}/ " in page


def test_the_tests_mirror_the_wings():
    """Each wing's tests stand in a folder of its name."""
    assert [wing for wing in WINGS if not (ROOT / "tests" / wing).is_dir()] == []


def test_what_is_kept_rare():
    """At most twelve lines are hidden from mypy, each with its reason, and no function sets another's variables."""
    sources = [path.read_text(encoding="utf-8") for path in MODULES.values()]
    hidden = [line.strip() for source in sources for line in source.splitlines() if "# type: ignore" in line]
    assert len(hidden) <= 12, hidden
    assert [line for line in hidden if not re.search(r"# type: ignore\[[\w, -]+\]  # \w", line)] == []
    assert not any(isinstance(node, ast.Nonlocal) for source in sources for node in ast.walk(ast.parse(source)))
