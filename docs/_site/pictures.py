"""Pictures in README and the site, taken of the program as it stands: ``make pictures``.

Reports are photographed by Chromium or Chrome, the viewer on its screen or that of ``xvfb-run``.
OHIF is photographed by its own tests, where ``make ohif`` has fetched it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from discmri.cli import main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_OHIF = ROOT / "build" / "ohif" / "package" / "dist"
_GREY = 8  # red, green and blue differ by no more: a palette without enough greys tints scans


def take() -> None:
    """Take every picture."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        sys.exit(f"no browser to take pictures with; install one of {', '.join(_BROWSERS)}")
    with tempfile.TemporaryDirectory() as folder:
        _reports(browser, Path(folder))
        _viewer(Path(folder))
        _ohif(Path(folder))


def _reports(browser: str, folder: Path) -> None:
    study = ROOT / "sample_phantoms" / "siemens_mixed_grades" / "study"
    _call("measure", study, "-o", folder / "measured" / "siemens_mixed_grades")
    _call("qc", folder / "measured", "-o", folder / "qc")
    _call("phantom", "trial", folder / "demo")
    _call("trial", "run", folder / "demo" / "trial.csv", "-o", folder / "trial")
    report = folder / "measured" / "siemens_mixed_grades" / "report.html"
    _photograph(browser, report, DOCS / "report.png", (1060, 1560))
    _photograph(browser, folder / "qc" / "qc.html", DOCS / "qc.png", (1225, 840))
    _photograph(browser, folder / "trial" / "report.html", DOCS / "trial.png", (1225, 1530))


def _viewer(folder: Path) -> None:
    screen = [] if "DISPLAY" in os.environ else ["xvfb-run", "-a", "-s", "-screen 0 1600x1000x24"]
    command = [*screen, sys.executable, "-m", "benchmarks.viewer_pictures", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT)
    for name in ("reading_open.png", "reading_blinded.png"):
        _keep(folder / name, DOCS / name)


def _ohif(folder: Path) -> None:
    if not _OHIF.is_dir():
        print("The pictures of OHIF stay as they are; make ohif fetches it.")
        return
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "ohif", "tests/pacs"],
        check=True, cwd=ROOT, env=os.environ | {"OHIF": str(_OHIF), "OHIF_PICTURES": str(folder)},
    )  # fmt: skip
    _keep(folder / "seg.png", DOCS / "pacs" / "ohif_seg.png")
    _keep(folder / "lines_sr.png", DOCS / "pacs" / "ohif_lines.png")


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
    _keep(picture, picture)


def _keep(taken: Path, picture: Path) -> None:
    """Write a picture with a palette: half of it greys, half the colours that occur."""
    with Image.open(taken) as image:
        page = np.asarray(image.convert("RGB")).astype(int)
    colours, places = np.unique(page.reshape(-1, 3), axis=0, return_inverse=True)
    coloured = page[np.ptp(page, axis=2) > _GREY].astype(np.uint8)
    found = Image.fromarray(coloured[None])
    frequent, rare = (
        np.reshape(found.quantize(64, method=one).getpalette() or [], (-1, 3))[:64]
        for one in (Image.Quantize.MEDIANCUT, Image.Quantize.MAXCOVERAGE)
    )
    greys = np.linspace(0, 255, 128).astype(int).repeat(3).reshape(-1, 3)
    palette = np.vstack([greys, frequent, rare])
    nearest = [np.abs(palette - one).sum(axis=1).argmin() for one in colours]
    small = Image.fromarray(np.take(nearest, places).reshape(page.shape[:2]).astype(np.uint8), "P")
    small.putpalette([*map(int, palette.ravel())])
    small.save(picture, optimize=True)


if __name__ == "__main__":
    take()
