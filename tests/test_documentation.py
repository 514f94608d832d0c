"""Every name in a public ``__all__`` says what it takes, gives and raises, and shows an example."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path

import pytest

import discmri

SOURCE = Path(discmri.__file__).parent


def public() -> Iterator[tuple[str, object]]:
    """Classes and functions in the ``__all__`` of every package, each once."""
    known = set()
    for path in sorted(SOURCE.rglob("__init__.py")):
        if "__all__" not in path.read_text(encoding="utf-8"):
            continue
        name = ".".join(("discmri", *path.parent.relative_to(SOURCE).parts))
        package = import_module(name)
        for one in package.__all__:
            member = getattr(package, one)
            if (inspect.isclass(member) or inspect.isfunction(member)) and member not in known:
                known.add(member)
                yield f"{name}.{one}", member


def sections(member: object) -> dict[str, str]:
    """Text of each numpydoc section by its heading."""
    parts = re.split(r"(?m)^([A-Z][a-z]+)\n-{3,}\n", inspect.getdoc(member) or "")
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def documented(section: str) -> set[str]:
    """Names of the parameters in a section."""
    heads = re.findall(r"(?m)^(\*{0,2}\w.*)$", section.replace("\\\n", " "))
    return {name.strip(" *") for head in heads for name in head.split(":")[0].split(",")}


def missing(member: object) -> list[str]:
    """What the documentation of a name lacks."""
    found = sections(member)
    if inspect.isclass(member):
        if issubclass(member, (Enum, Exception)):
            return [] if inspect.getdoc(member) else ["a docstring"]
        taken = inspect.signature(member).parameters
        found["Parameters"] = found.get("Parameters", "") + found.get("Attributes", "")
        needed: set[str] = set()
    else:
        signature = inspect.signature(member)
        taken = signature.parameters
        tree = ast.parse(textwrap.dedent(inspect.getsource(member)))
        raises = any(isinstance(node, ast.Raise) for node in ast.walk(tree))
        returns = signature.return_annotation not in (None, "None")
        needed = {"Examples"} | ({"Raises"} if raises else set())
        needed |= {"Returns"} if returns else set()
    names = {name for name in taken if not name.startswith("_")}
    lacking = [
        name for name in sorted(names) if name not in documented(found.get("Parameters", ""))
    ]
    return [*sorted(needed - set(found)), *lacking]


PUBLIC = dict(public())


def test_the_search_finds_the_public_names():
    assert {"discmri.measure", "discmri.reading.Session", "discmri.phantoms.SpineOptions"} < set(
        PUBLIC
    )


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_documented(name):
    assert missing(PUBLIC[name]) == []


def test_the_check_sees_what_is_missing():
    def undocumented(first: int, second: int) -> int:
        """Only ``first`` is told.

        Parameters
        ----------
        first
            One number.
        """
        if first:
            raise ValueError
        return second

    assert missing(undocumented) == ["Examples", "Raises", "Returns", "second"]
