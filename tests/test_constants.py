"""The list of deciding constants is whole; ``python -m tests.constants`` tries them."""

from __future__ import annotations

import ast

from tests.constants import EXEMPT, LEFT_OUT, ROOT, SOURCE, TESTS, Change, changes
from tests.deciding import deciding

MODULES = {
    path.relative_to(SOURCE).with_suffix("").as_posix()
    for path in SOURCE.rglob("*.py")
    if "migrations" not in path.parts
}


def test_every_module_with_numbers_in_its_constants_is_tried_or_left_out_with_a_reason():
    left = tuple(LEFT_OUT)
    unlisted = MODULES - TESTS.keys()
    assert [one for one in unlisted if any(changes(one)) and not one.startswith(left)] == []
    assert [one for one in TESTS if one.startswith(left)] == []


def test_what_is_listed_exists():
    assert TESTS.keys() <= MODULES
    assert [one for one in LEFT_OUT if not any(module.startswith(one) for module in MODULES)] == []
    assert {
        one for tests in TESTS.values() for one in tests if not (ROOT / "tests" / one).exists()
    } == set()


def test_what_is_exempt_has_numbers():
    stale = []
    for one in EXEMPT:
        module, _, name = one.partition(":")
        source = (SOURCE / f"{module}.py").read_text(encoding="utf-8")
        named = {found for found, _ in deciding(ast.parse(source), source)}
        stale += [one] * (module not in TESTS or name not in named)
    assert stale == []


def test_numbers_are_found_in_constants_dataclasses_and_comparisons():
    source = """
LIMIT_MM = (0.3, 4)
lower = 0.3

@dataclass(frozen=True)
class Limits:
    share: float = 0.2
    several: bool = 1

class Colour(Enum):
    RED = 3

def decides(x, y):
    def inner(z):
        return z > 0.7
    if len(x) > 3 or x[3] >= 2 or x == 5 or x.ndim < 4 or y < 0x20:
        return x > 1e-9
    return -8 < y <= 0.5 or x + 0.6 < y
"""
    assert sorted((name, node.value) for name, node in deciding(ast.parse(source), source)) == [
        ("LIMIT_MM", 0.3), ("LIMIT_MM", 4), ("Limits.share", 0.2), ("decides()", 0.6),
        ("decides()", 8), ("inner()", 0.7),
    ]  # fmt: skip


def test_a_change_reaches_its_number_and_nothing_else():
    change = Change("x", "A", 1, 11, 14, "0.5", "1.0")  # µ takes two bytes
    assert change.applied('A = {"µ": 0.5}\nB = 0.5\n') == 'A = {"µ": 1.0}\nB = 0.5\n'
