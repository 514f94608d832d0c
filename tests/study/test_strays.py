"""An image that is lost at the end of its stack is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from tests.study.builder import SeriesSpec, save, write

from discmri.core.findings import Code
from discmri.core.volume import Grid
from discmri.study import read_study
from discmri.study.strays import _continues, strays

STACK = Grid((10, 12, 5), np.diag([0.75, 1.5, 4.0, 1.0]))


def warnings_of(folder: Path) -> set[Code]:
    return {one.code for one in read_study(folder).findings if one.severity.value == "warning"}


@pytest.mark.parametrize("keyword", ["ImageOrientationPatient", "PixelSpacing", "Rows"])
def test_an_image_with_a_damaged_header_at_the_end_of_a_stack(tmp_path, keyword) -> None:
    images = SeriesSpec().datasets()
    del images[-1][keyword]
    for n, ds in enumerate(images):
        save(ds, tmp_path / f"{n}")
    assert warnings_of(tmp_path)


@pytest.mark.parametrize("modality", [None, "", "XX"])
def test_an_image_without_its_modality_stays_in_its_stack(tmp_path, modality) -> None:
    images = SeriesSpec().datasets()
    images[-1].Modality = modality or ""
    if modality is None:
        del images[-1].Modality
    for n, ds in enumerate(images):
        save(ds, tmp_path / f"{n}")
    assert read_study(tmp_path).target().slices == 5


class _Image:
    """The least of an image: where it lies."""

    b_value = None

    def __init__(self, grid: Grid) -> None:
        self.grid = grid


@pytest.mark.parametrize(
    ("k", "count", "told"),
    [
        (5, 1, True), (6, 1, True), (-1, 2, True),  # next to the stack, or one further
        (7, 1, False), (2, 1, False),  # elsewhere, or another contrast of a slice within
        (5, 3, False),  # a stack of its own
    ],
)  # fmt: skip
def test_what_would_be_the_next_image_of_a_stack_is_told(tmp_path, k, count, told) -> None:
    series = read_study(write(tmp_path, SeriesSpec())).target()
    stack = replace(series, images=(_Image(STACK),), slices=5)
    beside = STACK.cropped((0, 0, k), (10, 12, 1))
    other = replace(series, part="TE 20 ms", images=(_Image(beside),), slices=count)
    found = list(strays([stack, other], [stack]))
    assert [one.code for one in found] == [Code.SLICE_MISSING] * told
    assert list(strays([stack, replace(other, uid="x", number=99)], [stack])) == []


@pytest.mark.parametrize(
    ("index", "next_to_it"),
    [((0.9, 0, 5), True), ((1.1, 0, 5), False), ((0, -0.9, 5), True), ((0, -1.1, 5), False),
     ((0, 0, 4.6), True), ((0, 0, 4.4), False), ((0, 0, -0.6), True), ((0, 0, -0.4), False)],
)  # fmt: skip
def test_the_next_image_lies_within_a_pixel_and_half_a_slice_beyond(index, next_to_it) -> None:
    affine = STACK.affine.copy()
    affine[:3, 3] = STACK.to_world(index)
    assert _continues(Grid((10, 12, 1), affine), STACK) is next_to_it


@pytest.mark.parametrize("at", ["cut", "bit", "shift", "empty"])
@pytest.mark.parametrize("which", [0, 2, 4])
def test_an_image_without_its_beginning_is_named(tmp_path, at, which) -> None:
    folder = write(tmp_path, SeriesSpec())
    (folder / "README").write_text("not an image")
    path = sorted(folder.glob("t2_*"))[which]
    content = bytearray(path.read_bytes())
    if at == "bit":
        content[129] ^= 4
    damage = {
        "cut": content[:90],
        "bit": content,
        "shift": content[:61] + content[64:],
        "empty": b"",
    }
    path.write_bytes(damage[at])
    (told,) = (f for f in read_study(folder).findings if f.code is Code.FILE_UNREADABLE)
    assert told.text.startswith(f"{path.name}: ")
    assert told.severity.value == "warning"


def test_other_files_beside_images_are_no_images(tmp_path) -> None:
    folder = write(tmp_path, SeriesSpec())
    (folder / "notes 1.txt").write_text("UID 1.2.840.10008.5.1.4.1.1.4")
    (folder / "1.png").write_bytes(bytes(300))
    assert read_study(folder).findings == ()
    (folder / "copy.DCM").write_bytes(bytes(300))
    assert [f.code for f in read_study(folder).findings] == [Code.FILE_UNREADABLE]


@pytest.mark.parametrize(
    ("shifted", "kept"), [((8,), 8), ((0, 8), 7), ((4,), 4), ((0, 4, 8), None)]
)
def test_a_few_slices_shifted_in_their_plane_are_left_out(tmp_path, shifted, kept) -> None:
    images = SeriesSpec(slices=9).datasets()
    for n, k in enumerate(shifted):
        x, y, z = images[k].ImagePositionPatient
        images[k].ImagePositionPatient = [x, y + 9.0 * (n + 1), z]
    for n, ds in enumerate(
        [*images, *SeriesSpec("t1", tags={"EchoTime": 12, "SeriesNumber": 4}).datasets()]
    ):
        save(ds, tmp_path / f"{n}")
    study = read_study(tmp_path)
    t2 = next(one for one in study.series if one.description == "t2")
    if kept is None:
        assert "shifted against each other" in t2.problem
        return
    assert t2.images[0].grid.shape[2] == kept
    assert any("shifted within their plane" in found.text for found in study.findings)


@pytest.mark.parametrize(("together", "strays"), [(2, True), (3, False)])
def test_three_slices_at_one_place_are_a_station(tmp_path, together: int, strays: bool) -> None:
    images = SeriesSpec(slices=13).datasets()
    for ds in images[:together]:
        x, y, z = ds.ImagePositionPatient
        ds.ImagePositionPatient = [x, y + 9.0, z]
    for n, ds in enumerate(images):
        save(ds, tmp_path / f"{n}")
    texts = [found.text for found in read_study(tmp_path).findings]
    assert any("shifted within their plane" in text for text in texts) is strays


@pytest.mark.parametrize(("lost", "told"), [("IM5", 1), ("im5", 0), ("other", 0)])
def test_an_image_that_a_dicomdir_lists_is_missed(tmp_path, lost, told) -> None:
    """A disc's names are upper case; an image of a series that is not measured is no loss."""
    images = SeriesSpec().datasets()
    index = Dataset()
    index.SOPClassUID, index.SOPInstanceUID = "1.2.840.10008.1.3.10", "1.2.3"
    records: list[Dataset] = []
    for series, names in ((images[0].SeriesInstanceUID, "12345"), ("1.2.9", "X")):
        records.append(Dataset())
        records[-1].DirectoryRecordType, records[-1].SeriesInstanceUID = "SERIES", series
        for name in names:
            records.append(Dataset())
            records[-1].DirectoryRecordType = "IMAGE"
            records[-1].ReferencedFileID = ["DICOM", f"IM{name}"]
    index.DirectoryRecordSequence = records
    save(index, tmp_path / "DICOMDIR")
    for n, ds in enumerate(images[: 4 if lost == "IM5" else 5], 1):
        save(ds, tmp_path / "DICOM" / ("im5" if lost == "im5" and n == 5 else f"IM{n}"))
    found = [one for one in read_study(tmp_path).findings if "DICOMDIR lists 1 more" in one.text]
    assert len(found) == told
