"""What the site holds beside its written pages: made from the program as it stands.

MkDocs calls :func:`on_files` before it reads the pages and :func:`on_page_markdown` for each.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))  # MkDocs takes it off again

import notebooks
from generated import api, cli, columns, gallery, heights, schema

ROOT = Path(__file__).parents[2]
TREE = "tree"
"""Folder of the site for files of the repository that pages link to."""
_OUTSIDE = re.compile(r"\]\((?P<path>(?:\.\./)+[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and what written ones show of the repository."""
    made: dict[str, str | bytes] = {
        "reference/cli.md": cli(),
        "reference/columns.md": columns(),
        "reference/api.md": api(),
        **schema(),
        **heights(),
        **gallery(ROOT / "docs" / "gallery"),
        **notebooks.pages(sorted((ROOT / "notebooks").glob("*.ipynb"))),
    }
    for page in files.documentation_pages():
        for found in _OUTSIDE.finditer(page.content_string):
            target = _target(page, found["path"])
            if target is not None and not _is_run(target):
                made.setdefault(f"{TREE}/{target}", (ROOT / target).read_bytes())
    for path, content in made.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links that leave the folder of the pages lead to their copies in the site."""
    up = "../" * page.file.src_uri.count("/")

    def copied(found: re.Match[str]) -> str:
        target = _target(page.file, found["path"])
        if target is None:
            return found[0]
        if _is_run(target):
            return f"]({up}{target.removesuffix('.ipynb')}.md)"
        return f"]({up}{TREE}/{target}{found['anchor'] or ''})"

    return _OUTSIDE.sub(copied, markdown)


def _is_run(target: str) -> bool:
    """Whether a file is a notebook, which has a page of its own."""
    return target.endswith(".ipynb")


def _target(page: File, link: str) -> str | None:
    """A file of the repository outside the pages that a link leads to."""
    if page.src_uri.startswith(TREE):
        return None
    here = (ROOT / "docs" / page.src_uri).parent
    there = (here / link).resolve()
    outside = there.is_file() and not there.is_relative_to(ROOT / "docs")
    return there.relative_to(ROOT).as_posix() if outside else None
