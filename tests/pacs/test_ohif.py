"""What OHIF shows of our objects; run by ``make ohif``, since the viewer is large and slow."""

from __future__ import annotations

import io
import os
import runpy
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.pacs.conftest import free_port, needs_orthanc, send

from discmri.results.dicom.instance import to_bytes

RECIPE = Path(__file__).parents[2] / "docs/pacs/ohif.py"
BROWSER = [
    "chromium", "--headless=new", "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader", "--window-size=1200,800", "--virtual-time-budget=90000",
]  # fmt: skip
pytestmark = [
    pytest.mark.ohif,
    needs_orthanc,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium"),
]


@pytest.fixture
def viewer(orthanc, case, tmp_path) -> Iterator[str]:
    """OHIF in front of an archive that holds a study of odd size and its objects."""
    images = [path for path in case.study.rglob("*") if path.is_file()]
    for name, one in case.made.objects.items():
        (tmp_path / f"{name}.dcm").write_bytes(to_bytes(one))
    send(orthanc, [*images, *tmp_path.glob("*.dcm")])
    make = runpy.run_path(str(RECIPE))["server"]
    served = make(Path(os.environ["OHIF"]), f"{orthanc}/dicom-web", free_port())
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    served.server_close()


def shown(viewer: str, case, name: str, tmp_path) -> np.ndarray:
    """(rows, columns, 3) of the viewport that shows one object over its images."""
    one = case.made.objects[name]
    address = (
        f"{viewer}/viewer?StudyInstanceUIDs={one.StudyInstanceUID}&hangingprotocolId=default"
        f"&SeriesInstanceUIDs={case.result.series_uid},{one.SeriesInstanceUID}"
        f"&initialSeriesInstanceUID={one.SeriesInstanceUID}"
    )
    picture = Path(os.environ.get("OHIF_PICTURES", tmp_path)) / f"{name}.png"
    subprocess.run([*BROWSER, f"--screenshot={picture}", address], check=True, timeout=300)
    pixels = np.asarray(Image.open(io.BytesIO(picture.read_bytes())).convert("RGB")).astype(int)
    return pixels[165:780, 300:1100]  # of the viewport, without its borders


def coloured(pixels: np.ndarray) -> np.ndarray:
    """Where something is drawn over the grey picture."""
    return np.asarray(np.ptp(pixels, axis=2) > 60)


def test_discs_lie_as_few_compact_shapes_over_the_picture(viewer, case, tmp_path):
    """Frames of odd size that are read from the wrong bit are stripes all over it."""
    from scipy.ndimage import find_objects, label

    drawn, _ = label(coloured(shown(viewer, case, "seg", tmp_path)), np.ones((3, 3)))
    boxes = [box for n, box in enumerate(find_objects(drawn), 1) if (drawn == n).sum() > 100]
    assert 2 <= len(boxes) <= len(case.result.records)
    for rows, columns in boxes:
        assert (rows.stop - rows.start) < (columns.stop - columns.start) * 1.5 < 400


def test_the_lines_and_their_numbers_are_drawn(viewer, case, tmp_path):
    drawn = coloured(shown(viewer, case, "lines_sr", tmp_path))
    assert 0.002 < drawn.mean() < 0.1
