"""What import-linter does not see: private names of other packages, and circles between files."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

import discmri

SOURCE = Path(discmri.__file__).parent.parent
REPOSITORY = SOURCE.parent
FILES = sorted((SOURCE / "discmri").rglob("*.py"))
TOOLS = sorted(p for name in ("benchmarks", "training") for p in (REPOSITORY / name).rglob("*.py"))


def module_of(path: Path) -> str:
    """Dotted name of a file.

    >>> module_of(SOURCE / "discmri" / "core" / "__init__.py")
    'discmri.core'
    """
    root = SOURCE if path.is_relative_to(SOURCE) else REPOSITORY
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def package_of(path: Path) -> str:
    """The package of a file, for a package's ``__init__`` itself."""
    name = module_of(path)
    return name if path.name == "__init__.py" else name.rpartition(".")[0]


def imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Module and name of everything imported at run time, ``""`` for a whole module."""
    for node in _outside_type_checking(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                yield node.module or "", alias.name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ""


def _outside_type_checking(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from _outside_type_checking(child)


# ------------------------------------------------------------------ private names
def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def strangers(path: Path, text: str) -> list[str]:
    """Private modules and names of other packages that a file uses."""
    tree, own = ast.parse(text), package_of(path)
    found = []
    for module, name in _every_import(tree):
        parts = [*module.split("."), *([name] if name else [])]
        hidden = next((n for n, part in enumerate(parts) if private(part)), None)
        if parts[0] in ("discmri", "benchmarks", "training") and hidden is not None:
            owner = ".".join(parts[:hidden])
            of_a_file = owner in _modules() and not _modules()[owner].name.startswith("__init__")
            if of_a_file or not f"{own}.".startswith(f"{owner}."):
                found.append(f"{module} {name}".strip())
    modules = {name for module, name in _every_import(tree) if f"{module}.{name}" in _modules()}
    found += [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and private(node.attr)
        and isinstance(node.value, ast.Name) and node.value.id in modules
    ]  # fmt: skip
    return found


def _every_import(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


@cache
def _modules() -> Mapping[str, Path]:
    return {module_of(path): path for path in (*FILES, *TOOLS)}


@pytest.mark.parametrize("path", [*FILES, *TOOLS], ids=module_of)
def test_no_file_uses_what_another_keeps_private(path):
    assert not strangers(path, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("line", "fine"),
    [
        ("from discmri.cli._options import path_argument", False),
        ("from discmri.agreement.bootstrap import _evaluated", False),
        ("from discmri.core import _hidden", False),
        ("import discmri.cli._options", False),
        ("from discmri.core import text\ntext._x", False),
        ("from discmri.agreement.bootstrap import intervals", True),
        ("from discmri import __version__", True),
        ("from os import _exit", True),
    ],
)
def test_the_check_of_private_names_sees_them(line, fine):
    assert (not strangers(SOURCE / "discmri" / "trial" / "noise.py", line)) == fine
    beside = SOURCE / "discmri" / "cli" / "batch.py"
    assert not strangers(beside, "from discmri.cli._options import path_argument")
    assert strangers(beside, "from discmri.cli.trial import _read")


# ------------------------------------------------------------------ circles
def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """One circle of names, first name again at the end; empty where there is none."""
    done: set[str] = set()

    def follow(name: str, trail: list[str]) -> list[str]:
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name in done:
            return []
        for other in sorted(graph.get(name, ())):
            if found := follow(other, [*trail, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := follow(name, []))), [])


def graph_of(paths: list[Path]) -> dict[str, set[str]]:
    """Which file imports which, at the top or inside a function.

    The root's own lazy look-up of public names is left out: everybody may ask it for the version.
    """
    names = {module_of(path) for path in paths}
    graph: dict[str, set[str]] = {}
    for path in paths:
        own = module_of(path)
        targets = {
            f"{module}.{name}" if f"{module}.{name}" in names else module
            for module, name in imports(ast.parse(path.read_text(encoding="utf-8")))
        }
        graph[own] = (targets & names) - {"discmri"}
    return graph


def test_no_files_import_each_other_in_a_circle():
    assert circle(graph_of(FILES)) == []


def test_the_search_for_circles_finds_one():
    straight = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert circle(straight) == []
    found = circle(straight | {"c": {"b"}})
    assert found == ["b", "c", "b"]
    assert all(two in {"b": {"c"}, "c": {"b"}}[one] for one, two in pairwise(found))
