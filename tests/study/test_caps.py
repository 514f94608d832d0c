"""How much is read: what a study may hold is read, what none can hold is refused.

No test makes gigabytes: archives and streams here only say how long their pieces are.
"""

from __future__ import annotations

import io
import shutil
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.study.builder import SeriesSpec, save

from discmri.core.errors import DicomError, NothingToMeasureError
from discmri.study import pixels, scan, source
from discmri.study.source import InputFile

KIB, MIB, GIB = 2**10, 2**20, 2**30


class Piece(bytes):
    """An empty piece that says it is 64 MiB long."""

    def __len__(self) -> int:
        return 64 * MIB


class Archive:
    """A zip of members that hold 64 MiB each."""

    def __init__(self, members: int, encrypted: bool = False) -> None:
        member = zipfile.ZipInfo("image")
        member.flag_bits = int(encrypted)
        self.members = [member] * members

    def infolist(self) -> list[zipfile.ZipInfo]:
        return self.members

    def open(self, _: zipfile.ZipInfo) -> Archive:
        self.pieces = iter([Piece()])
        return self

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None: ...

    def read(self, _: int) -> bytes:
        return next(self.pieces, b"")


def extract(folder: Path, packed: int, unpacked: int) -> int:
    """How many members are unpacked."""
    path = folder / "study.zip"
    with path.open("wb") as file:
        file.truncate(packed)  # a file without blocks
    return len(source._extract(Archive(unpacked // (64 * MIB)), path, folder))


@pytest.mark.parametrize(
    ("packed", "fits", "swollen"),
    [
        (2 * GIB, 7.5 * GIB, 8.5 * GIB),
        (4 * MIB, 750 * MIB, 900 * MIB),  # times 187 and 225
        (KIB, 192 * MIB, 320 * MIB),  # so little that any multiple is possible
    ],
)
def test_what_a_zip_may_unpack_to(tmp_path: Path, packed: int, fits: float, swollen: float) -> None:
    assert extract(tmp_path, packed, int(fits)) == fits // (64 * MIB)
    with pytest.raises(DicomError, match="impossible for a study"):
        extract(tmp_path, packed, int(swollen))


def test_how_many_files_a_zip_may_hold(tmp_path: Path) -> None:
    path = tmp_path / "study.zip"
    path.touch()
    with pytest.raises(DicomError, match="encrypted"):  # so it was not too many
        source._extract(Archive(150_000, encrypted=True), path, tmp_path)
    with pytest.raises(NothingToMeasureError, match="more than"):
        source._extract(Archive(300_000, encrypted=True), path, tmp_path)


@pytest.mark.parametrize(("pieces", "fits"), [(3, True), (5, False)])
def test_what_a_deflated_file_may_inflate_to(
    monkeypatch: pytest.MonkeyPatch, pieces: int, fits: bool
) -> None:
    class Inflater:
        """Gives pieces of 256 MiB."""

        left = pieces
        unconsumed_tail = b"more"

        @property
        def eof(self) -> bool:
            return not self.left

        def decompress(self, *_: object) -> range:
            self.left -= 1
            return range(256 * MIB)

    monkeypatch.setattr(scan.zlib, "decompressobj", lambda _: Inflater())
    stream = io.BytesIO(bytes(140) + struct.pack("<I", 0) + b"content")
    if fits:
        scan._refuse_inflating(stream)
    else:
        with pytest.raises(DicomError, match="inflates to more than"):
            scan._refuse_inflating(stream)


@pytest.mark.parametrize(
    ("frames", "rows", "columns", "fits"),
    [
        (1, 6000, 16, True),
        (1, 16, 6000, True),
        (1, 12_000, 16, False),
        (1, 16, 12_000, False),
        (15_000, 16, 16, True),
        (30_000, 16, 16, False),
    ],
)
def test_how_large_a_picture_a_header_may_state(
    frames: int, rows: int, columns: int, fits: bool
) -> None:
    ds = SeriesSpec(slices=1).dataset(0)
    ds.Rows, ds.Columns, ds.NumberOfFrames = rows, columns, frames
    if frames > 1:
        ds.PerFrameFunctionalGroupsSequence = [type(ds)()] * frames
    if fits:
        assert scan._pixel_module(ds).frames == frames
    else:
        with pytest.raises(DicomError, match="impossible for MR"):
            scan._pixel_module(ds)


@pytest.mark.parametrize(
    ("keyword", "kind"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")]
)
def test_values_may_be_stored_as_floats(tmp_path: Path, keyword: str, kind: str) -> None:
    ds = SeriesSpec(slices=1).dataset(0)
    values = np.frombuffer(ds.PixelData, np.uint16).reshape(ds.Rows, ds.Columns).astype(kind) / 7
    del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation
    ds.BitsAllocated = 8 * values.itemsize
    setattr(ds, keyword, values.tobytes())
    path = save(ds, tmp_path / "float.dcm")
    (frame,) = scan.scan([InputFile(path, path.name)]).frames
    assert frame.pixels.keyword == keyword
    assert pixels.stored_values([frame])[0] == pytest.approx(values, rel=1e-6)


@pytest.mark.parametrize(("frames", "fits"), [(14, True), (18, False)])
def test_how_much_a_series_may_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: int, fits: bool
) -> None:
    """Frames of 256 MiB, which are not decoded here."""
    path = save(SeriesSpec(slices=1).dataset(0), tmp_path / "one.dcm")
    (frame,) = scan.scan([InputFile(path, path.name)]).frames
    large = replace(frame, pixels=replace(frame.pixels, rows=8192, columns=8192))
    monkeypatch.setattr(pixels, "_file_frames", lambda _, indices: [np.empty(0)] * len(indices))
    if fits:
        assert len(pixels.stored_values([large] * frames)) == frames
    else:
        with pytest.raises(DicomError, match="more than discmri reads"):
            pixels.stored_values([large] * frames)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(("files", "refused"), [(3, False), (4, True)])
def test_a_study_has_a_limited_number_of_files(tmp_path, monkeypatch, files, refused, zipped):
    """What macOS adds does not count and is not read."""
    monkeypatch.setattr(source, "MAX_FILES", 3)
    folder = tmp_path / "study"
    (folder / "__MACOSX").mkdir(parents=True)
    for name in (*(f"{number}.dcm" for number in range(files)), "._0.dcm", "__MACOSX/0.dcm"):
        (folder / name).write_bytes(b"x")
    if zipped:
        folder = Path(shutil.make_archive(str(tmp_path / "study"), "zip", folder))
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    monkeypatch.setattr(source, "temporary_folder", lambda: unpacked)
    if refused:
        with pytest.raises(NothingToMeasureError, match="more than 3 files") as caught:
            source.open_source(folder)
        assert caught.traceback, "which holds what the functions held"
        assert unpacked.exists() is not zipped, "nothing is left behind until it is let go"
    else:
        assert [file.name for file in source.open_source(folder).files] == [
            "0.dcm", "1.dcm", "2.dcm",
        ]  # fmt: skip


def test_files_are_in_order_of_their_names(tmp_path):
    for name in ("b", "a/y", "a/x", "c/z"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    names = [file.name for file in source.open_source(tmp_path).files]
    assert names == ["a/x", "a/y", "b", "c/z"]


def test_a_nifti_file_comes_with_what_belongs_to_it_and_no_other_image(tmp_path):
    for name in ("dwi.nii.gz", "dwi.nii", "dwi.bval", "dwi.bvec", "dwi.json", "t2.nii", "t2.json"):
        (tmp_path / name).write_bytes(b"x")
    names = [file.name for file in source.open_source(tmp_path / "dwi.nii.gz").files]
    assert names == ["dwi.bval", "dwi.bvec", "dwi.json", "dwi.nii.gz"]


@pytest.mark.parametrize("name", ["DICOMDIR", "dicomdir"])
def test_a_directory_file_stands_for_its_folder(tmp_path, name):
    for one in (name, "image"):
        (tmp_path / one).write_bytes(b"x")
    found = source.open_source(tmp_path / name)
    assert found.root == tmp_path
    assert {file.name for file in found.files} == {name, "image"}


@pytest.mark.parametrize(
    ("start", "dicom"),
    [
        (b"\x08\0\x05\0CS\x0a\0", True),
        (b"\x08\0\x05\0cs\x0a\0", False),
        (b"\x08\0\x05\0\xff\0\0\0", True),  # implicit VR, 255 bytes long
        (b"\x08\0\x05\0\0\x01\0\0", False),  # 256 bytes
        (b"\x08\0\x20\0\x0a\0\0\0", False),
        (b"\x10\0\x05\0\x0a\0\0\0", False),
    ],
)
def test_old_exports_begin_with_a_short_element(start, dicom):
    assert scan.looks_like_dicom(start.ljust(16, b"\0")) is dicom
    assert not scan.looks_like_dicom(start.ljust(15, b"\0"))
