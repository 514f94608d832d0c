"""Examples in docstrings as code, also where no heading stands above them.

The parser of mkdocstrings knows examples only below the heading ``Examples``; elsewhere Markdown would
take ``>>>`` for a quotation within a quotation within a quotation.
"""

from __future__ import annotations

import inspect
import re

import griffe

_HEADING = re.compile(r"(?m)^(\w[\w ]*)\n-{3,}\n")


class Doctests(griffe.Extension):
    """Puts fences around examples that stand in running text."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Change the docstring of a module, class, function or attribute."""
        if obj.docstring is None or ">>>" not in obj.docstring.value:
            return
        text, *sections = _HEADING.split(inspect.cleandoc(obj.docstring.value))
        parts = [_fenced(text)]
        for heading, body in zip(sections[::2], sections[1::2], strict=True):
            shown = body if heading == "Examples" else _fenced(body)
            parts.append(f"{heading}\n{'-' * len(heading)}\n{shown}")
        obj.docstring.value = "".join(parts)


def _fenced(text: str) -> str:
    return re.sub(r"(?ms)^>>> .*?(?=\n\n|\n?\Z)", r"```pycon\n\g<0>\n```", text)
