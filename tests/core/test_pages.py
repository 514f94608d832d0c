"""The one renderer of pages."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

import discmri
from discmri.core.pages import render

PACKAGE = Path(discmri.__file__).parent
TEMPLATES = sorted(PACKAGE.rglob("*.html.j2"))


def test_text_is_escaped_and_nothing_is_silently_empty():
    with pytest.raises(jinja2.UndefinedError, match="is undefined"):
        render("discmri.agreement/report.html.j2", title="<b>")
    html = render(
        "discmri.validation/qualification.html.j2",
        passed=True, failed=0, checks=[], parts=[], facts={"a": "<script>"}, phantoms=[],
    )  # fmt: skip
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_only_one_file_makes_an_environment():
    makers = [p for p in PACKAGE.rglob("*.py") if "Environment(" in p.read_text(encoding="utf-8")]
    assert [path.relative_to(PACKAGE).as_posix() for path in makers] == ["core/pages.py"]


@pytest.mark.parametrize(
    "path", TEMPLATES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}"
)
def test_every_page_stands_on_the_shared_one(path):
    text = path.read_text(encoding="utf-8")
    shared = path.parent.parent.name == "core"
    assert shared != text.startswith('{% extends "discmri.core/page.html.j2" %}')
    assert shared == ("<!DOCTYPE html>" in text)
