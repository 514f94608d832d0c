"""Numbers in the source of a module that decide something."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any


def deciding(tree: ast.Module, source: str) -> Iterator[tuple[str, ast.Constant]]:
    """Numbers by what holds them: ``CONSTANT``, ``Class.field`` or ``function()``."""
    for name, value in _assigned(tree):
        if name.strip("_(").isupper():
            yield from ((name, node) for node in _numbers(value))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and "dataclass" in map(_called, node.decorator_list):
            for name, value in _assigned(node):
                yield from ((f"{node.name}.{name}", one) for one in _defaults(value))
        elif isinstance(node, ast.FunctionDef):
            yield from ((f"{node.name}()", one) for one in _compared(node, source))


def _assigned(within: ast.Module | ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for statement in within.body:
        if isinstance(statement, ast.Assign):
            yield ", ".join(ast.unparse(one) for one in statement.targets), statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            yield ast.unparse(statement.target), statement.value


def _called(value: ast.expr) -> str:
    return ast.unparse(value.func if isinstance(value, ast.Call) else value)


def _numbers(value: ast.AST) -> Iterator[ast.Constant]:
    for node in ast.walk(value):
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield node


def _defaults(value: ast.expr) -> Iterator[ast.Constant]:
    """Numbers of a default, unless it means nothing, all or one of something."""
    if isinstance(value, ast.Constant | ast.Tuple):
        yield from (one for one in _numbers(value) if one.value not in (0, 1))


def _compared(function: ast.FunctionDef, source: str) -> Iterator[ast.Constant]:
    """Limits in a function: numbers that are compared by size.

    Left out are counts and indices, nothing, half, one and two, roundings, and numbers of a file format
    (in hexadecimal).
    """
    for comparison in _of_its_own(function, ast.FunctionDef):
        if not isinstance(comparison, ast.Compare) or _by_count(comparison):
            continue
        for node in _of_its_own(comparison, ast.Slice | ast.Subscript | ast.Compare):
            if isinstance(node, ast.Constant) and type(node.value) in (int, float):
                written = ast.get_source_segment(source, node) or ""
                small = node.value < _ROUNDING or repr(node.value) in _NO_LIMITS
                if not small and not written.startswith("0x"):
                    yield node


_ROUNDING = 1e-5
"""Smaller numbers allow for the rounding of floats."""

_NO_LIMITS = ("1", "2", "0.5")
"""Counts, and the half that fills a voxel or ends at its border."""


def _by_count(comparison: ast.Compare) -> bool:
    sides = [comparison.left, *comparison.comparators]
    counted = any(
        (isinstance(one, ast.Call) and _called(one) == "len")
        or (isinstance(one, ast.Attribute) and one.attr in ("ndim", "shape"))
        for one in sides
    )
    by_size = isinstance(comparison.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE)
    return counted or not by_size


def _of_its_own(node: ast.AST, others: Any) -> Iterator[ast.AST]:
    """The parts of a node, without those of ``others`` within it, which have their own turn."""
    for part in ast.iter_child_nodes(node):
        if not isinstance(part, others):
            yield from _of_its_own(part, others)
        yield part
