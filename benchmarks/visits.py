"""Many visits of one phantom, measured with its true labels: the same pixels by other names."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel as nib

from discmri.core.settings import Settings
from discmri.measurement.whole_study import measure
from discmri.phantoms import Protocol, SpineOptions, lumbar_spine, make_phantom
from discmri.phantoms.vendors import write_study
from discmri.study import read_study


def make_visits(
    root: Path, protocol: Protocol, count: int, with_images: int
) -> dict[Path, Path | None]:
    """Results folders with their studies; only the first have images, the rest results alone.

    Parameters
    ----------
    root
        Where to.
    protocol
        How the phantom is scanned.
    count, with_images
        How many visits, and how many of them can be opened.
    """
    phantom = make_phantom(lumbar_spine(SpineOptions(grades=[2, 3, 4, 7, 8]), seed=11))
    grid = phantom.grid(protocol)
    labels = root / "truth.nii.gz"
    root.mkdir(parents=True, exist_ok=True)
    drawn = phantom.label_map(grid, protocol.slice_thickness_mm)
    nib.save(nib.Nifti1Image(drawn, grid.affine), labels)
    study, results = root / "study", root / "measured"
    write_study(phantom, study, "siemens", protocol)
    found = read_study(study)
    measure(found, Settings(segmenter="masks", masks=labels)).write(results)
    made: dict[Path, Path | None] = {}
    for number in range(count):
        # Names of one length, so that they can be exchanged inside a file.
        uid = f"{found.study_uid[:-4]}{number:04d}"
        subject = f"{number:0{len(found.subject_id)}d}"
        names = {found.study_uid: uid, found.subject_id: subject}
        folder = root / "results" / f"{number:04d}"
        _copy(results / "study.json", folder / "study.json", names)
        for name in ("labels.nii.gz", "outlines.json"):
            shutil.copy(results / name, folder)
        images = root / "scans" / folder.name if number < with_images else None
        made[folder] = images
        if images is not None:
            for path in study.rglob("*.dcm"):
                _copy(path, images / path.relative_to(study), names)
    return made


def _copy(source: Path, target: Path, names: dict[str, str]) -> None:
    data = source.read_bytes()
    for old, new in names.items():
        data = data.replace(old.encode(), new.encode())
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
