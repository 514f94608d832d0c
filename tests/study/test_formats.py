"""Every container and transfer syntax gives the same voxels."""

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from tests.study.builder import SeriesSpec, save, write

from discmri.core.findings import Code
from discmri.study import read_study


@pytest.fixture
def expected(t2: Path) -> np.ndarray:
    study = read_study(t2)
    return study.read(study.target()).array


def voxels(path: Path, **options) -> np.ndarray:
    study = read_study(path, **options)
    return study.read(study.target()).array


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_native_syntaxes(tmp_path: Path, expected: np.ndarray, syntax: str) -> None:
    folder = write(tmp_path / "other", SeriesSpec(), syntax=syntax)
    np.testing.assert_array_equal(voxels(folder), expected)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
@pytest.mark.parametrize("threads", [1, 2])
def test_compressed_syntaxes(
    tmp_path: Path, expected: np.ndarray, syntax: str, threads: int
) -> None:
    for k, ds in enumerate(SeriesSpec().datasets()):
        path = save(ds, tmp_path / "c" / str(k))
        ds.compress(syntax, generate_instance_uid=False)
        ds.save_as(path, enforce_file_format=True)
    np.testing.assert_array_equal(voxels(tmp_path / "c", threads=threads), expected)


@pytest.mark.parametrize(
    ("name", "syntax"),
    [("JPEGLosslessProcess14_1", JPEGLosslessSV1), ("JPEG2000Lossless", JPEG2000Lossless)],
)
def test_syntaxes_written_by_gdcm(
    tmp_path: Path, t2: Path, expected: np.ndarray, name: str, syntax: str
) -> None:
    gdcm = pytest.importorskip("gdcm")
    (tmp_path / "c").mkdir()
    for path in t2.iterdir():
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, name)))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(tmp_path / "c" / path.name))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
    study = read_study(tmp_path / "c")
    assert study.target().images[0].frames[0].pixels.syntax == syntax
    np.testing.assert_array_equal(study.read(study.target()).array, expected)


def test_signed_values_in_twelve_bits(tmp_path: Path) -> None:
    for k, ds in enumerate(SeriesSpec(slices=3).datasets()):
        ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 12, 11, 1
        ds.PixelData = np.full((ds.Rows, ds.Columns), 0x0FFB, np.uint16).tobytes()
        save(ds, tmp_path / str(k))
    assert set(voxels(tmp_path).ravel()) == {-5.0}


def test_without_preamble(tmp_path: Path, t2: Path, expected: np.ndarray) -> None:
    """Old exports begin with the data set itself, in implicit VR."""
    (tmp_path / "old").mkdir()
    implicit = write(tmp_path / "implicit", SeriesSpec(), syntax=ImplicitVRLittleEndian)
    for path in implicit.iterdir():
        content = path.read_bytes()
        meta_bytes = 132 + 12 + int.from_bytes(content[140:144], "little")
        (tmp_path / "old" / path.name).write_bytes(content[meta_bytes:])
    np.testing.assert_array_equal(voxels(tmp_path / "old"), expected)


def test_folder_off_a_cd(tmp_path: Path, t2: Path, expected: np.ndarray) -> None:
    """Nested folders, duplicates, other files, a DICOMDIR, a link to itself and a pipe."""
    cd = tmp_path / "cd"
    shutil.copytree(t2, cd / "DICOM" / "ST000" / "SE000")
    shutil.copytree(t2, cd / "copy")
    (cd / "AUTORUN.INF").write_text("[autorun]\n")
    (cd / "viewer.exe").write_bytes(b"MZ" + bytes(range(256)) * 8)
    (cd / "empty").write_bytes(b"")
    (cd / "._t2_000").write_bytes(b"\0" * 200)
    (cd / "loop").symlink_to(cd, target_is_directory=True)
    (cd / "nowhere").symlink_to(cd / "missing")
    os.mkfifo(cd / "pipe")
    directory = SeriesSpec().dataset(0)
    for keyword in ("Modality", "Rows", "PixelData"):
        delattr(directory, keyword)
    directory.SOPClassUID = "1.2.840.10008.1.3.10"
    directory.DirectoryRecordSequence = []
    save(directory, cd / "DICOMDIR")
    study = read_study(cd)
    np.testing.assert_array_equal(study.read(study.target()).array, expected)
    assert [f.code for f in study.findings if f.code is Code.DUPLICATE_INSTANCE]
    assert len(study.series) == 1
    assert study.other_files == {"no DICOM": 3, "DICOMDIR": 1}
    np.testing.assert_array_equal(voxels(cd / "DICOMDIR"), expected)


def test_zip(tmp_path: Path, t2: Path, expected: np.ndarray) -> None:
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in t2.iterdir():
            packed.write(path, f"a/b/{path.name}")
    study = read_study(archive)
    np.testing.assert_array_equal(study.read(study.target()).array, expected)
    folder = study.source.keeper.path
    assert folder.is_dir()
    del study
    assert not folder.exists()


def test_several_series_in_one_folder(tmp_path: Path) -> None:
    t1 = SeriesSpec("t1", tags={"EchoTime": 10, "RepetitionTime": 600, "SeriesNumber": 4})
    folder = write(tmp_path / "s", SeriesSpec(), t1)
    study = read_study(folder)
    assert [s.role.value for s in study.series] == ["sagittal T2", "sagittal T1"]
    assert study.target().description == "t2"


def test_many_files_use_threads(tmp_path: Path) -> None:
    spec = SeriesSpec(slices=70, rows=3, columns=3, step=1.0)
    folder = write(tmp_path / "s", spec)
    np.testing.assert_array_equal(voxels(folder, threads=2), voxels(folder, threads=1))


def test_inputs_depend_on_content_alone(tmp_path: Path, t2: Path) -> None:
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    for n, path in enumerate(sorted(t2.iterdir(), reverse=True)):
        shutil.copy(path, renamed / f"x{n}")
    one, two = read_study(t2), read_study(renamed)
    first = one.inputs(one.target())
    assert first == two.inputs(two.target())
    assert len(first.sop_instance_uids) == 5
    changed = SeriesSpec().dataset(2)
    changed.PixelData = bytes(len(changed.PixelData))
    save(changed, t2 / "t2_002")
    three = read_study(t2)
    assert three.inputs(three.target()).pixels_sha256 != first.pixels_sha256


@pytest.mark.parametrize(("high", "shift"), [(11, 0), (15, 4), (13, 2), (3, 0), (16, 0)])
def test_high_bit_says_where_the_value_stands(tmp_path: Path, high: int, shift: int) -> None:
    """A High Bit below the bits stored, or beyond those allocated, cannot be and counts as 11."""
    spec = SeriesSpec(slices=2)
    for k, ds in enumerate(spec.datasets()):
        ds.BitsStored, ds.HighBit = 12, high
        ds.PixelData = np.full((spec.rows, spec.columns), 900 << shift, np.uint16).tobytes()
        save(ds, tmp_path / str(k))
    study = read_study(tmp_path)
    assert np.unique(study.read(study.target()).array).tolist() == [900]
