"""Pictures of reports in README and the site, taken of the program as it stands: ``make pictures``.

Needs Chromium or Chrome; those of the viewer are taken by its own test.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from discmri.cli import main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_COLOURS = 256  # pages hold few colours; a palette makes the files small


def take() -> None:
    """Measure, run a trial, and photograph the pages."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        sys.exit(f"no browser to take pictures with; install one of {', '.join(_BROWSERS)}")
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        study = ROOT / "sample_phantoms" / "siemens_mixed_grades" / "study"
        _call("measure", study, "-o", here / "measured" / "siemens_mixed_grades")
        _call("qc", here / "measured", "-o", here / "qc")
        _call("phantom", "trial", here / "demo")
        _call("trial", "run", here / "demo" / "trial.csv", "-o", here / "trial")
        report = here / "measured" / "siemens_mixed_grades" / "report.html"
        _photograph(browser, report, DOCS / "report.png", (1060, 1560))
        _photograph(browser, here / "qc" / "qc.html", DOCS / "qc.png", (1225, 840))
        _photograph(browser, here / "trial" / "report.html", DOCS / "trial.png", (1225, 1530))


def _call(*arguments: object) -> None:
    if code := main([str(one) for one in arguments]):
        sys.exit(code)


def _photograph(browser: str, page: Path, picture: Path, size: tuple[int, int]) -> None:
    width, height = size
    subprocess.run(
        [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         f"--window-size={width},{height}", f"--screenshot={picture}", page.as_uri()],
        check=True, capture_output=True,
    )  # fmt: skip
    with Image.open(picture) as taken:
        small = taken.convert("RGB").quantize(
            _COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    small.save(picture, optimize=True)


if __name__ == "__main__":
    take()
