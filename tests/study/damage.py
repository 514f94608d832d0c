"""Damage done to small studies on purpose, and whether the reader noticed.

Case ``n`` of a source is always the same damage: a header element of one file, or of all files of
a series, is deleted or gets a value that it cannot have; or bytes of one file are flipped, cut off
or repeated.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
from pydicom import DataElement, Dataset

from discmri.core.errors import DiscmriError
from discmri.core.findings import MeasurementError, Severity
from discmri.measurement.adc.fit import fit_adc
from discmri.study import read_study

UNUSABLE = ("", "NaN", "inf", "-1", "0", "1e38", "abc", "7\\8", "\x00", "x" * 70)
_PLACES = frozenset({
    "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness",
    "SpacingBetweenSlices",
})  # fmt: skip
_TIMING = frozenset({"EchoTime", "RepetitionTime", "EffectiveEchoTime"})
_VALUES = frozenset({"RescaleSlope", "RescaleIntercept", "RealWorldValueSlope", "PixelData"})
MAY_CHANGE = {
    "lies elsewhere": _PLACES,
    "another shape": _PLACES,
    "the weighting": _TIMING,
    "adc ": _VALUES | {"DiffusionBValue"},
    "map ": _VALUES,
    "voxels differ": _VALUES | _PLACES,
}
"""What a file may say differently and still be right, and what follows from it: nobody can know that
it was another value."""

MOST_FLIPS = 3
"""So many bits of a file are flipped at most.

A flipped bit of a pixel value leaves no trace: DICOM keeps no checksum of it.  Plain files hold one
voxel a value.  RLE codes each row of a picture by itself (DICOM PS3.5 G.3.1) and a run of equal
bytes in it as one value, so that one flipped bit can change voxels of one row and of no other.  That
much is "the same within noise": signals are medians over hundreds of voxels, and a border is
traced through many rows.  More than that must be noticed.
"""

Facts = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """A clean study and what its files may lose unnoticed.

    Parameters
    ----------
    folder
        Where it lies.
    several
        Whether several files tell the same, so that one that differs must be noticed.
    """

    folder: Path
    several: bool


def damaged(source: Source, case: int, folder: Path) -> tuple[Path, str]:
    """The study with one damage, and what it was."""
    rng = np.random.default_rng([case, len(source.folder.name)])
    shutil.copytree(source.folder, folder)
    files = sorted(path for path in folder.iterdir() if path.is_file())
    file = files[rng.integers(len(files))]
    if case % 2 or file.suffix in (".gz", ".nii", ".bval"):
        return folder, f"{file.name}: {_bytes_damaged(file, rng)}"
    return folder, _header_damaged(file, files, rng)


def _bytes_damaged(file: Path, rng: np.random.Generator) -> str:
    content = bytearray(file.read_bytes())
    kind = rng.integers(8)
    at = int(rng.integers(len(content)))
    if kind == 0:
        del content[at:]
        what = f"cut off at byte {at}"
    elif kind == 1:
        del content[at : at + int(rng.integers(1, 9))]
        what = f"bytes missing at {at}"
    else:  # most elements lie in the first part of a file
        reach = len(content) if kind == 2 else min(len(content), 1600)
        places = rng.integers(reach, size=int(rng.integers(1, MOST_FLIPS + 1)))
        for place in places:
            content[place] ^= 1 << int(rng.integers(8))
        what = f"bits flipped at {places.tolist()}"
    file.write_bytes(content)
    return what


def _header_damaged(file: Path, files: list[Path], rng: np.random.Generator) -> str:
    ds = pydicom.dcmread(file)
    places = [one for one in _elements(ds) if one.tag != (0x7FE0, 0x0010)]
    chosen = places[rng.integers(len(places))]
    value = None if rng.random() < 0.25 else UNUSABLE[rng.integers(len(UNUSABLE))]
    together = bool(rng.random() < 0.4)
    series = ds.get("SeriesInstanceUID")
    for path in files if together else [file]:
        one = pydicom.dcmread(path)
        if one.get("SeriesInstanceUID") == series:
            _set(one, chosen.tag, value)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                one.save_as(path, enforce_file_format=False)
    where = "its series" if together else file.name
    return f"{where}: {chosen.keyword or chosen.tag} {'deleted' if value is None else repr(value)}"


def _elements(ds: Dataset) -> Iterator[DataElement]:
    for element in ds:
        yield element
        if element.VR == "SQ":
            for item in element.value:
                yield from _elements(item)


def _set(ds: Dataset, tag: int, value: str | None) -> None:
    """Delete or replace an element wherever it stands; text goes into any kind of element."""
    for element in list(ds):
        if element.VR == "SQ" and element.tag != tag:
            for item in element.value:
                _set(item, tag, value)
        elif element.tag == tag:
            del ds[tag]
            if value is not None:
                raw = value.encode().ljust(len(value) + len(value) % 2)
                ds[tag] = pydicom.dataelem.RawDataElement(
                    element.tag, element.VR, len(raw), raw, 0, False, True
                )


def facts_of(folder: Path) -> Facts:
    """What a study says, as numbers; a refusal is one as well."""
    try:
        study = read_study(folder)
        found: Facts = {"warnings": {f.code for f in study.findings if f.severity is not _INFO}}
        target = study.target()
        volume = study.read(target)
        found |= {"affine": volume.affine, "array": volume.array, "t2": target.t2_weighted}
        try:
            diffusion, scanner = study.diffusion(), study.adc_map()
            if diffusion is not None:
                found["adc"] = float(np.median(fit_adc(diffusion).adc.array))
            if scanner is not None:
                found["map"] = float(np.median(scanner.volume.array))
        except (DiscmriError, MeasurementError) as error:
            found["no adc"] = str(error)
    except DiscmriError as error:
        return {"refused": str(error)}
    return found


_INFO = Severity.INFO


def unnoticed(clean: Facts, now: Facts, rle: bool = False) -> str:
    """What differs from the clean study although nothing was said; empty for nothing.

    Images may differ as :data:`MOST_FLIPS` says, by voxels or, where ``rle``, by rows.
    """
    if "refused" in now or now["warnings"] - clean["warnings"]:
        return ""
    differences = {
        "the image has another shape": now["array"].shape != clean["array"].shape,
        "the image lies elsewhere": not np.allclose(now["affine"], clean["affine"], atol=0.01),
        "the weighting is another": now["t2"] != clean["t2"],
    }
    for name in ("adc", "map"):
        if name in now and name in clean:
            text = f"{name} {now[name]:.3f} instead of {clean[name]:.3f}"
            differences[text] = abs(now[name] / clean[name] - 1) > 0.03
    found = [text for text, differs in differences.items() if differs]
    if not found:
        odd = np.abs(now["array"] - clean["array"]) > 0.5
        if int((odd.any(axis=0) if rle else odd).sum()) > MOST_FLIPS:
            found.append(f"{int(odd.sum())} voxels differ")
    return "; ".join(found)


def explained(said: str, changed: set[str]) -> bool:
    """Whether every difference follows from elements that may be different."""
    return all(
        any(words in part and changed & causes for words, causes in MAY_CHANGE.items())
        for part in said.split("; ")
    )


def changed_elements(clean: Path, folder: Path) -> set[str]:
    """Keywords of all elements that differ; ``unreadable`` where that cannot be told."""
    changed: set[str] = set()
    for path in sorted(folder.iterdir()):
        before = clean / path.name
        if before.read_bytes() == path.read_bytes():
            continue
        try:
            if path.suffix in (".gz", ".nii"):
                changed |= _changed_nifti(nib.load(before), nib.load(path))
            else:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    changed |= _changed(pydicom.dcmread(before), pydicom.dcmread(path))
        except Exception:  # noqa: BLE001 - whatever their libraries cannot read
            changed.add("unreadable")
    return changed


def _changed(before: Dataset, after: Dataset) -> set[str]:
    one, other = (
        {(e.tag, str(e.value)): e.keyword for e in _elements(d) if e.VR != "SQ"}
        for d in (before, after)
    )
    return {(one | other)[key] or str(key[0]) for key in one.keys() ^ other.keys()}


def _changed_nifti(before: Any, after: Any) -> set[str]:
    return {
        name
        for name in before.header
        if before.header[name].tobytes() != after.header[name].tobytes()
    }
