"""The list of deciding constants is whole; ``python -m tests.constants`` tries them."""

from __future__ import annotations

import ast

from tests.constants import EXEMPT, LEFT_OUT, ROOT, SOURCE, TESTS, Change, changes

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
        source = ast.parse((SOURCE / f"{module}.py").read_text(encoding="utf-8"))
        named = {
            target.id
            for statement in source.body
            if isinstance(statement, ast.Assign | ast.AnnAssign)
            for target in ast.walk(statement)
            if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store)
        }
        stale += [one] * (module not in TESTS or name not in named)
    assert stale == []


def test_a_change_reaches_its_number_and_nothing_else():
    change = Change("x", "A", 1, 11, 14, "0.5", "1.0")  # µ takes two bytes
    assert change.applied('A = {"µ": 0.5}\nB = 0.5\n') == 'A = {"µ": 1.0}\nB = 0.5\n'
