"""Notebooks as pages, each run from top to bottom, with what its cells print and draw."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

_INLINE = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
_TIMEOUT_S = 1800  # ends what would hang


def pages(notebooks: Sequence[Path]) -> Mapping[str, str | bytes]:
    """A page of each notebook, and its pictures.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        Where a cell fails.
    """
    made: dict[str, str | bytes] = {}
    for path in notebooks:
        parts: list[str] = []
        for cell in _run(path).cells:
            if cell.cell_type == "markdown":
                parts.append(cell.source)
                continue
            parts.append(_fenced("python", cell.source))
            for name, output in _outputs(cell):
                if isinstance(output, bytes):
                    picture = f"{path.stem}-{len(made)}.png"
                    made[f"notebooks/{picture}"] = output
                    parts.append(f"![{name}]({picture})")
                else:
                    parts.append(output)
        parts.append(f"[The notebook]({path.name})")
        made[f"notebooks/{path.name}"] = path.read_bytes()
        made[f"notebooks/{path.stem}.md"] = "\n\n".join(parts)
    return made


def _run(path: Path) -> NotebookNode:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=_TIMEOUT_S,
        startup_timeout=_TIMEOUT_S,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute(env=os.environ | _INLINE)
    return notebook


def _outputs(cell: NotebookNode) -> Iterator[tuple[str, str | bytes]]:
    """What a cell shows, in Markdown; pictures as PNG."""
    for output in cell.outputs:
        if output.output_type == "stream":
            yield output.name, _fenced("text", output.text)
            continue
        shown = output.data
        if "image/png" in shown:
            yield shown["text/plain"], base64.b64decode(shown["image/png"])
        elif "text/html" in shown:
            yield "table", _embedded(shown["text/html"])
        else:
            yield "text", _fenced("text", shown["text/plain"])


def _embedded(html: str) -> str:
    """HTML that Markdown leaves as it is; tables of pandas look like those of the site."""
    if 'class="dataframe"' in html:
        html = re.sub(r'(?s)<style.*?</style>| (?:border|class|style)="[^"]*"', "", html)
    lines = (line for line in html.splitlines() if line.strip())
    return "<div>\n" + "\n".join(lines) + "\n</div>"


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"
