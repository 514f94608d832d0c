"""The documentation site, built strictly: every link leads somewhere, every example runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from discmri.cli import COMMANDS
from discmri.core.findings import Code
from discmri.results.export.csv_wide import COLUMNS

ROOT = Path(__file__).parents[1]
_LOADED = re.compile(
    r"""<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)="?(?:https?:)?//"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_no_page_loads_anything_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        assert not _LOADED.search(page.read_text(encoding="utf-8")), page
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", style.read_text("utf-8"))


def test_the_reference_names_every_command_column_and_code(site):
    def text(name):
        return (site / "reference" / name).read_text(encoding="utf-8")

    assert all(f'id="discmri-{command}"' in text("cli.html") for command in COMMANDS)
    names = [*COLUMNS, *(code.value for code in Code)]
    assert all(f"<code>{name}</code>" in text("columns.html") for name in names)
    assert "discmri.measurement.whole_study.measure" in text("api.html")
    assert "Raises:" in text("api.html")
    assert "<blockquote>" not in text("api.html"), "an example taken for a quotation"
    shipped = ROOT / "src/discmri/results/schema/study.schema.json"
    assert json.loads(text("study.schema.json")) == json.loads(shipped.read_text("utf-8"))


def test_every_script_of_the_gallery_ran_and_shows_what_it_made(site):
    scripts = sorted((ROOT / "docs" / "gallery").glob("*.py"))
    assert len(scripts) >= 4
    for script in scripts:
        page = (site / "gallery" / f"{script.stem}.html").read_text(encoding="utf-8")
        assert "<img" in page or page.count('class="highlight"') >= 2, script
    for picture in (*site.glob("gallery/*.png"), site / "explain" / "heights.png"):
        assert picture.read_bytes()[:4] == b"\x89PNG"
        assert picture.stat().st_size > 5000


def test_every_notebook_ran_and_shows_its_outputs(site):
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert len(notebooks) >= 4
    for notebook in notebooks:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        page = (site / "notebooks" / f"{notebook.stem}.html").read_text(encoding="utf-8")
        code = sum(cell["cell_type"] == "code" for cell in cells)
        assert page.count('class="highlight"') >= code, notebook
        assert page.count('class="highlight"') + page.count("<table") >= code + 3, notebook
    assert [*site.glob("notebooks/02*.png")], "a drawn figure"
    assert "notebooks/04_trial.html" in (site / "trials.html").read_text(encoding="utf-8")
