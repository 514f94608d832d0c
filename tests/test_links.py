"""Every link of README and its neighbours that leads into the tree leads to something.

Those of ``docs`` are checked by the build of the site.  Every Python file that a page names is there.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(ROOT.glob("*.md"))
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")


def _anchors(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for target, anchor in _LINK.findall(page.read_text(encoding="utf-8")):
        goal = page.parent / target if target else page
        assert goal.exists(), target
        if anchor:
            assert anchor in _anchors(goal), f"{target}#{anchor}"


def test_every_python_file_that_a_page_names_is_there():
    folders = ("src", "tests", "docs", "benchmarks", "training")
    there = {
        "/" + path.relative_to(ROOT).as_posix()
        for one in folders
        for path in (ROOT / one).rglob("*.py")
    }
    for page in (
        *PAGES,
        *ROOT.glob("*/README.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("src/**/*.md"),
    ):
        for name in re.findall(r"`([\w./-]+\.py)`", page.read_text(encoding="utf-8")):
            assert any(path.endswith("/" + name) for path in there), (page, name)
