"""Damaged files: read as before, flagged or refused, and never an error of the program.

``make fuzz`` runs many more cases of the same kind (``DISCMRI_FUZZ`` per source).
"""

from __future__ import annotations

import os
import shutil
import time
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom.uid import RLELossless
from tests.study.builder import SAGITTAL, SeriesSpec, save
from tests.study.damage import (
    MOST_FLIPS,
    Source,
    changed_elements,
    damaged,
    explained,
    facts_of,
    unnoticed,
)
from tests.study.test_diffusion import image, standard
from tests.study.test_enhanced import enhanced, t2_frames

CASES = int(os.environ.get("DISCMRI_FUZZ", "40"))
LONGEST_S = 20.0


def diffusion() -> list:
    """DWI with b 0 and 800, and the scanner's ADC map."""
    weighted = [ds for b in (0.0, 800.0) for ds in image("dwi", b, standard)]
    adc = SeriesSpec("adc", picture=lambda p: np.full(p.shape[:-1], 1500.0)).datasets()
    for ds in adc:
        ds.ImageType, ds.SeriesDescription, ds.SeriesNumber = (
            ["DERIVED", "PRIMARY", "ADC"],
            "ADC",
            9,
        )
    return weighted + adc


def classic(folder: Path) -> None:
    for n, ds in enumerate([*SeriesSpec().datasets(), *diffusion()]):
        save(ds, folder / f"{n:03d}")


def compressed(folder: Path) -> None:
    for n, ds in enumerate(SeriesSpec().datasets()):
        path = save(ds, folder / f"{n:03d}")
        ds.compress(RLELossless, generate_instance_uid=False)
        ds.save_as(path, enforce_file_format=True)


def multiframe(folder: Path) -> None:
    save(enhanced(SeriesSpec(), t2_frames(SeriesSpec())), folder / "e")


def mosaic(folder: Path) -> None:
    """A T2 and a DWI whose tiles share one picture."""
    for n, ds in enumerate(SeriesSpec().datasets()):
        save(ds, folder / f"{n:03d}")
    spec = SeriesSpec("mosaic", slices=2, rows=24, columns=20)
    for n, ds in enumerate(spec.datasets()):
        ds.ImageType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "MOSAIC"]
        ds.Manufacturer, ds.ScanningSequence, ds.SeriesNumber = "SIEMENS", "EP", 8
        ds.DiffusionBValue = 800.0 * n
        block = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0A, "US", 4)
        save(ds, folder / f"m{n}")


def nifti(folder: Path) -> None:
    row, column = (np.array(one) for one in SAGITTAL)
    spec = SeriesSpec()
    affine = np.eye(4)
    affine[:3] = np.diag([-1, -1, 1]) @ np.column_stack(
        [row * 0.75, column * 1.5, np.cross(row, column) * 4, spec.origin]
    )
    array = np.stack([spec.pixels(one).T for one in spec.positions()], axis=-1).astype(np.int16)
    picture = nib.Nifti1Image(array, affine)
    picture.set_qform(affine, 1)
    nib.save(picture, folder / "sub-1_T2w.nii")
    shutil.copy(folder / "sub-1_T2w.nii", folder / "x_T2w.nii")
    nib.save(picture, folder / "sub-1_T2w.nii.gz")
    (folder / "sub-1_T2w.nii").unlink()
    (folder / "x_T2w.nii").unlink()


SOURCES = {one.__name__: one for one in (classic, compressed, multiframe, mosaic, nifti)}
SINGLE = ("multiframe", "nifti")


@pytest.mark.parametrize("name", SOURCES)
def test_damage_is_noticed(tmp_path, name):
    source = Source(tmp_path / name, name not in SINGLE)
    source.folder.mkdir()
    SOURCES[name](source.folder)
    clean = facts_of(source.folder)
    assert "array" in clean
    missed = []
    for case in range(CASES):
        folder, what = damaged(source, case, tmp_path / "damaged")
        begun = time.monotonic()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pydicom, about the damage
            try:
                said = unnoticed(clean, facts_of(folder), name == "compressed")
            except Exception as error:  # noqa: BLE001 - what is looked for
                said = f"{type(error).__name__}: {error}"
        if time.monotonic() - begun > LONGEST_S:
            said = said or "took too long"
        changed = changed_elements(source.folder, folder) if said else set()
        if said and not explained(said, changed):
            missed.append(f"case {case}, {what} ({', '.join(sorted(changed))}): {said}")
        shutil.rmtree(folder)
    assert not missed, "\n" + "\n".join(missed)


@pytest.mark.parametrize(
    ("rle", "lines", "length", "noticed"),
    [(True, MOST_FLIPS, 10, True), (True, MOST_FLIPS + 1, 1, False),
     (False, MOST_FLIPS, 1, True), (False, 1, MOST_FLIPS + 1, False)],
)  # fmt: skip
def test_what_counts_as_the_same_within_noise(rle, lines, length, noticed) -> None:
    clean = {"array": np.zeros((10, 12, 5)), "affine": np.eye(4), "t2": True, "warnings": set()}
    now = clean | {"array": clean["array"].copy()}
    now["array"][:length, :lines, 2] = 7
    assert (unnoticed(clean, now, rle) == "") == noticed
