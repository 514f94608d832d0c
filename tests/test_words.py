"""Plain English in what people read: turns of phrase that came back too often are refused.

A pattern stands here with what to write instead.  Texts are those of README, docs and notebooks, of templates,
of public docstrings, and every string of the program that is long enough to be a message or help.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.test_documentation import public

import discmri

ROOT = Path(__file__).parents[1]
SOURCE = Path(discmri.__file__).parent

INSTEAD = {
    r"\bfor want of\b": "because … is missing",
    r"\bwhoever\b": "anyone who, or name the person",
    r"\b(any|no)body looks\b": "before the data are seen",
    r"\bcould not be had\b": "missing value",
    r"\bmeans? nothing here\b": "is not used",
    r"\bdealt\b": "distributed",
    r"\bbelieve[ds]?\b": "is used",
    r"\bbreaks? off\b|\bbroken off\b": "is truncated",
    r"\bwhat (was|is|were|it) (noticed|looked at)\b": "findings; the checked item",
    r"\b(headers?|scanners?|segmenters?|networks?|pictures?) (says?|claims?|knows?|wants?|tells?)\b": "states",
    r"\btold apart\b|\btells? \w+( \w+)? apart\b": "distinguished, separated",
    r"\bworn\b": "degenerated",
    r"\bst(ands?|ood) in for\b": "is used as",
    r"\bthe word of\b|\b(reader|user|list)'s word\b": "sets, says",
    r"\bh[eo]ld \w+( \w+)? against\b": "compare with",
    r"\bof (all|it all)\b \(default": "random seed",
    r"\bgoes? without\b|\bwill not do\b|\bdoes not serve\b": "is not supported",
    r"\b(bears?|bore) (the|a|Series|no)\b": "has",
    r"\bnothing listens\b|\bbrings what\b|\bwhat answers\b": "state the fact",
    r"\b(people|patients) are no\b|\boutshine|\bdivides nothing\b": "state the fact with its number",
    r"\bserves? anybody\b|\btells? nobody\b": "is used",
    r"\beverybody meets\b|\bended and named\b|\bthe report tells\b": "stopped and reported; says so",
    r"\bleft or right edge of the picture\b": "patient left, patient right",
    r"\bat hand\b": "current, available",
}
_MESSAGE_WORDS = 4


def texts() -> Iterator[tuple[str, str]]:
    """Where a text stands, and the text."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        yield page.relative_to(ROOT).as_posix(), _without_code(page.read_text(encoding="utf-8"))
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                yield notebook.name, _without_code("".join(cell["source"]))
    for name, member in public():
        yield name, inspect.getdoc(member) or ""
    for template in sorted(SOURCE.rglob("*.j2")):
        text = re.sub(
            r"(?s)<style>.*?</style>|{%.*?%}|{{.*?}}|<[^>]*>", " ", template.read_text("utf-8")
        )
        yield template.name, text
    for module in sorted(SOURCE.rglob("*.py")):
        for line, text in _strings(ast.parse(module.read_text(encoding="utf-8"))):
            yield f"{module.relative_to(SOURCE).as_posix()}:{line}", text


def _without_code(text: str) -> str:
    return re.sub(r"(?s)```.*?```|`[^`]*`", " ", text)


def _strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Strings of several words that are no docstrings."""
    described = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (one.value if isinstance(one, ast.Constant) else "…" for one in node.values)
            text = "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if id(node) not in described and len(text.split()) >= _MESSAGE_WORDS:
            yield node.lineno, text


def found_in(text: str) -> list[str]:
    """What is to be written otherwise in a text."""
    plain = " ".join(text.split())
    return [
        f"{found[0]!r}: write {instead!r}"
        for pattern, instead in INSTEAD.items()
        if (found := re.search(pattern, plain, re.IGNORECASE))
    ]


def test_what_people_read_is_plain_english():
    wrong = [f"{where}: {one}" for where, text in texts() for one in found_in(text)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("No grade is suggested for want of signal.", 1),
        ("what the trial asks, before anybody looks", 1),
        ("There is no sagittal series, and the result is no longer valid.", 0),
        ("the words stand for a missing value", 0),
        ("a single slice; its thickness stands in for the spacing", 1),
        ("the grade of the disc at hand", 1),
        ("the scan shows one hand and what it holds", 0),
    ],
)
def test_a_phrase_is_found_and_its_neighbour_is_not(text, count):
    assert len(found_in(text)) == count


def _types(tree: ast.Module) -> Iterator[str]:
    """Names of public classes, and of types that a module gives a name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(
            statement.value, ast.Subscript | ast.BinOp
        ):
            for target in statement.targets:
                if re.fullmatch(r"[A-Z]\w*[a-z]\w*", name := ast.unparse(target)):
                    yield name


def test_a_public_type_has_a_name_of_its_own():
    places = defaultdict(list)
    for module in sorted(SOURCE.rglob("*.py")):
        for name in _types(ast.parse(module.read_text(encoding="utf-8"))):
            places[name].append(module.relative_to(SOURCE).as_posix())
    assert len(places) > 300
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
