"""Broken, absurd and hostile input: one line that says what, where and what to do."""

import stat
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset, config
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
)
from tests.study.builder import SeriesSpec, save, write

from discmri.core.errors import DicomError, NothingToMeasureError, UsageError
from discmri.core.findings import Code, Severity
from discmri.study import jpeg, pixels, read_study, scan, source


def one_line(error: pytest.ExceptionInfo) -> str:
    text = str(error.value)
    assert text
    assert "\n" not in text
    return text


def test_paths_that_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist") as error:
        read_study(tmp_path / "missing")
    assert "missing" in one_line(error)
    assert not issubclass(UsageError, NothingToMeasureError)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (None, b"", "holds no files"),
        ("notes.txt", b"hello", "no DICOM or NIfTI"),
        ("a.zip", b"PK\3\4 not really", "give a.zip itself"),
        ("x.dcm", b"\0" * 128 + b"DICM" + b"\xff" * 40, "damaged"),
        ("x.dcm", b"\0" * 128 + b"DICM", "damaged"),
    ],
)
def test_nothing_to_measure(
    tmp_path: Path, name: str | None, content: bytes, expected: str
) -> None:
    if name:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(NothingToMeasureError, match=expected) as error:
        read_study(tmp_path)
    assert str(tmp_path) in one_line(error)


def test_other_modalities_are_counted(tmp_path: Path) -> None:
    write(tmp_path, SeriesSpec(tags={"Modality": "CT"}))
    with pytest.raises(NothingToMeasureError, match="5 CT"):
        read_study(tmp_path)


def test_axial_only_says_what_there_is(tmp_path: Path) -> None:
    axial = SeriesSpec("ax t2", orientation=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
    study = read_study(write(tmp_path, axial))
    with pytest.raises(NothingToMeasureError, match="ax t2: axial") as error:
        study.target()
    one_line(error)


def test_several_patients_and_studies_are_listed(tmp_path: Path) -> None:
    write(tmp_path, SeriesSpec(), SeriesSpec("b", patient="P2", study="S2"))
    with pytest.raises(NothingToMeasureError, match="2 studies") as error:
        read_study(tmp_path)
    text = one_line(error)
    wanted = SeriesSpec(patient="P2", study="S2").dataset(0).StudyInstanceUID
    assert all(word in text for word in ("P1", "P2", wanted, "--study"))
    assert read_study(tmp_path, study_uid=wanted).subject_id == "P2"
    with pytest.raises(NothingToMeasureError, match=r"holds no study 1\.2\.3"):
        read_study(tmp_path, study_uid="1.2.3")


def test_two_patients_in_one_study_are_refused(tmp_path: Path) -> None:
    write(tmp_path, SeriesSpec(), SeriesSpec("b", patient="P2"))
    with pytest.raises(NothingToMeasureError, match=r"P1.*P2"):
        read_study(tmp_path)


def test_nothing_identifying_is_kept(tmp_path: Path, t2: Path) -> None:
    named = tmp_path / "DOE^JANE"
    write(named, SeriesSpec())
    (named / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 40)
    study = read_study(t2)
    for text in (repr(study), repr(study.describe()), repr(study.series[0].images)):
        assert "Doe" not in text
        assert "1950" not in text
    (finding,) = (f for f in read_study(named).findings if f.code is Code.FILE_UNREADABLE)
    assert "DOE" not in finding.text


def test_control_characters_are_stripped(tmp_path: Path) -> None:
    ds = SeriesSpec().dataset(0)
    ds.PatientID = "A\x1b[2J\x07B"
    ds.SeriesDescription = "t2\x1b]0;x\x07"
    save(ds, tmp_path / "1")
    study = read_study(tmp_path)
    assert study.subject_id == "A[2JB"
    assert "\x1b" not in study.target().description


def test_folder_name_serves_without_patient_id(tmp_path: Path) -> None:
    folder = write(tmp_path / "case 7", SeriesSpec(patient=""))
    assert read_study(folder).subject_id == "case 7"


def test_truncated_file_is_left_out_and_said(t2: Path) -> None:
    victim = t2 / "t2_004"
    victim.write_bytes(victim.read_bytes()[:-50])
    study = read_study(t2)
    assert study.target().slices == 4
    (finding,) = (f for f in study.findings if f.code is Code.FILE_UNREADABLE)
    assert finding.severity is Severity.WARNING
    assert "190 of 240 bytes" in finding.text


@pytest.mark.parametrize("kept", [140, 300, 700])
def test_any_header_cut_is_survived(t2: Path, kept: int) -> None:
    victim = t2 / "t2_000"
    victim.write_bytes(victim.read_bytes()[:kept])
    assert read_study(t2).target().slices == 4


@pytest.mark.parametrize(
    "tags",
    [
        {"Rows": 65535, "Columns": 65535},
        {"NumberOfFrames": 2_000_000_000},
        {"Rows": 0},
        {"BitsAllocated": 12},
        {"SamplesPerPixel": 200},
        {"NumberOfFrames": 3},
    ],
)
def test_absurd_headers_are_refused_before_allocating(t2: Path, tags: dict) -> None:
    save(SeriesSpec(tags=tags).dataset(0), t2 / "t2_000")
    study = read_study(t2)
    assert study.target().slices == 4
    assert Code.FILE_UNREADABLE in {f.code for f in study.findings}


def test_a_series_too_large_for_memory(t2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "MAX_SERIES_BYTES", 1000)
    study = read_study(t2)
    with pytest.raises(DicomError, match="of pixel values by its headers"):
        study.read(study.target())


def test_nonsense_values_do_not_stop_the_rest(t2: Path) -> None:
    raw = (t2 / "t2_001").read_bytes()
    (t2 / "t2_001").write_bytes(raw.replace(b"100 ", b"1x0 "))
    study = read_study(t2)
    assert study.target().contrast.te_ms == 100


@pytest.mark.parametrize("value", [["1", "2"], ["nan", "0", "0"], ["1e400", "0", "0"]])
def test_a_slice_without_a_place_is_no_part_of_the_stack(t2: Path, value: list[str]) -> None:
    raw = SeriesSpec().dataset(4)
    raw.ImagePositionPatient = ["0.123456", "0", "0"]
    save(raw, t2 / "t2_004")
    content = (t2 / "t2_004").read_bytes()
    text = "\\".join(value).encode()
    (t2 / "t2_004").write_bytes(content.replace(b"0.123456\\0\\0", text.ljust(12)))
    study = read_study(t2)
    assert study.target().slices == 4


def compressed(path: Path, syntax: str) -> Path:
    ds = SeriesSpec(slices=1).dataset(0)
    save(ds, path)
    ds.compress(syntax, generate_instance_uid=False)
    ds.save_as(path, enforce_file_format=True)
    return path


def test_a_stream_larger_than_its_header_is_refused(tmp_path: Path) -> None:
    path = compressed(tmp_path / "1", JPEGLSLossless)
    content = path.read_bytes()
    frame = struct.pack(">BBHBHH", 0xFF, 0xF7, 11, 16, 12, 10)
    assert content.count(frame) == 1
    path.write_bytes(
        content.replace(frame, struct.pack(">BBHBHH", 0xFF, 0xF7, 11, 16, 60000, 60000))
    )
    study = read_study(tmp_path)
    with pytest.raises(DicomError, match="60000 x 60000") as error:
        study.read(study.target())
    one_line(error)


def test_size_inside_a_jpeg2000_stream() -> None:
    marker = struct.pack(">HHHH4I", 0xFF4F, 0xFF51, 47, 0, 70, 50, 6, 2)
    assert pixels.encoded_size(marker + bytes(40)) == (48, 64)
    assert pixels.encoded_size(b"anything") is None
    assert JPEG2000Lossless.is_compressed


def test_damaged_compressed_pixels(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    path = compressed(tmp_path / "1", JPEGLSLossless)
    content = bytearray(path.read_bytes())
    content[-40:-16] = b"\xff" * 24
    path.write_bytes(bytes(content))
    study = read_study(tmp_path)
    with pytest.raises(DicomError, match="cannot be decoded") as error:
        study.read(study.target())
    one_line(error)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("cut", [4, 20, 60])
def test_truncated_compressed_file_is_left_out(t2: Path, cut: int) -> None:
    path = compressed(t2 / "t2_000", JPEGLSLossless)
    path.write_bytes(path.read_bytes()[:-cut])
    study = read_study(t2)
    assert study.read(study.target()).shape[2] == 4
    (finding,) = (f for f in study.findings if f.code is Code.FILE_UNREADABLE)
    assert "truncated" in finding.text


def test_a_decoder_that_dies_ends_only_its_process() -> None:
    """Some damaged JPEG streams end the process of the decoder."""
    broken = (b"\xfe\xff\x00\xe0" + bytes(4), JPEGLosslessSV1, [0], {})
    with pytest.raises(ValueError, match="damaged"):
        jpeg.decode([broken])


def test_a_file_that_vanishes(t2: Path) -> None:
    study = read_study(t2)
    (t2 / "t2_000").unlink()
    with pytest.raises(DicomError, match="cannot be read again"):
        study.read(study.target())


def test_deflated_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, SeriesSpec(), syntax=DeflatedExplicitVRLittleEndian)
    path = tmp_path / "t2_000"
    content = path.read_bytes()
    (length,) = struct.unpack_from("<I", content, 140)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = packer.compress(b"\0" * (8 << 20)) + packer.flush()
    path.write_bytes(content[: 144 + length] + bomb)
    monkeypatch.setattr(scan, "MAX_INFLATED_BYTES", 4 << 20)
    study = read_study(tmp_path)
    (finding,) = (f for f in study.findings if f.code is Code.FILE_UNREADABLE)
    assert "inflates" in finding.text


def test_zip_names_cannot_leave_the_folder(tmp_path: Path, t2: Path) -> None:
    archive = tmp_path / "s.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for n, path in enumerate(sorted(t2.iterdir())):
            packed.write(path, ("../" * 6 + f"tmp/evil{n}", f"/abs{n}", f"C:\\x{n}")[n % 3])
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, "/etc/passwd")
    study = read_study(archive)
    folder = study.source.keeper.path
    assert study.target().slices == 5
    assert all(folder in file.path.parents for file in study.source.files)
    assert sorted(p.name for p in folder.iterdir()) == [f"{n:06d}" for n in range(5)]


def test_zip_bombs_and_broken_zips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, t2: Path
) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", b"\0" * (16 << 20))
    monkeypatch.setattr(source, "RATIO_MATTERS_FROM_BYTES", 4 << 20)
    with pytest.raises(DicomError, match="unpacks to more than") as error:
        read_study(bomb)
    one_line(error)
    monkeypatch.setattr(source, "MAX_UNZIPPED_BYTES", 1 << 20)
    with pytest.raises(DicomError, match="unpacks to more than"):
        read_study(bomb)

    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w") as packed:
        for path in t2.iterdir():
            packed.write(path, path.name)
    content = bytearray(whole.read_bytes())
    content[900:930] = bytes(30)
    (tmp_path / "damaged.zip").write_bytes(bytes(content))
    (tmp_path / "text.zip").write_text("no zip")
    for name in ("damaged.zip", "text.zip"):
        with pytest.raises(DicomError, match=name) as error:
            read_study(tmp_path / name)
        one_line(error)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zips_with_damaged_streams(tmp_path: Path, t2: Path, method: int) -> None:
    """Each decompressor has an error of its own; all of them are damage of the file."""
    archive = tmp_path / "s.zip"
    with zipfile.ZipFile(archive, "w", method) as packed:
        packed.writestr("x", b"".join(path.read_bytes() for path in sorted(t2.iterdir())))
    whole = archive.read_bytes()
    for start in range(60, 360, 20):
        archive.write_bytes(whole[:start] + b"\x77" * 40 + whole[start + 40 :])
        with pytest.raises(DicomError, match="cannot be unpacked") as error:
            read_study(archive)
        one_line(error)


def test_encrypted_zip(tmp_path: Path) -> None:
    archive = tmp_path / "s.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("x", b"secret")
    content = bytearray(archive.read_bytes())
    content[6] |= 1
    content[content.rfind(b"PK\1\2") + 8] |= 1
    archive.write_bytes(bytes(content))
    with pytest.raises(DicomError, match=r"s\.zip is encrypted; unpack it"):
        read_study(archive)


def test_header_cut_before_the_size_of_the_picture(tmp_path: Path) -> None:
    content = save(SeriesSpec(slices=1).dataset(0), tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(content[: content.index(b"\x28\x00\x02\x00")])
    with pytest.raises(NothingToMeasureError, match="header is truncated"):
        read_study(tmp_path)


def test_native_pixels_under_a_compressed_syntax(tmp_path: Path) -> None:
    path = save(SeriesSpec(slices=1).dataset(0), tmp_path / "x")
    native, rle = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0"
    path.write_bytes(path.read_bytes().replace(native, rle))
    with pytest.raises(NothingToMeasureError, match="not compressed as its transfer syntax"):
        read_study(tmp_path)


def test_a_dicomdir_alone(tmp_path: Path) -> None:
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.1.3.10", "1.2.3"
    ds.FileSetID = "DISC"
    ds.DirectoryRecordSequence = []
    save(ds, tmp_path / "DICOMDIR")
    with pytest.raises(NothingToMeasureError, match="none of the files it lists"):
        read_study(tmp_path)


def test_two_patients_under_one_study_are_not_offered_as_a_choice(tmp_path: Path) -> None:
    write(tmp_path, SeriesSpec(), SeriesSpec(name="other", patient="P2"))
    with pytest.raises(NothingToMeasureError, match=r"P1.*P2.*its own folder") as error:
        read_study(tmp_path)
    assert "--study" not in one_line(error)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"PatientID": "..\\..\\etc"}, ("..\\..\\etc", "20240105")),
        ({"StudyDate": "2024.01.06"}, ("P1", "20240106")),
        ({"StudyDate": "<b>today"}, ("P1", "")),
        ({"StudyDate": "20240105-20240107"}, ("P1", "")),
    ],
)
def test_identifiers_as_they_stand_and_dates_that_are_dates(
    tmp_path: Path, tags: dict[str, object], expected: tuple[str, str]
) -> None:
    with config.disable_value_validation():
        study = read_study(write(tmp_path / "s", SeriesSpec(tags=tags)))
    assert (study.subject_id, study.study_date) == expected


@pytest.mark.parametrize("odd", ["size", "tilt"])
def test_slices_that_do_not_fit_into_their_series_are_told(tmp_path: Path, odd: str) -> None:
    whole = SeriesSpec(slices=6)
    for k, ds in enumerate(whole.datasets()):
        if k >= 4 and odd == "size":
            ds.Rows, ds.PixelData = 6, ds.PixelData[: 6 * 10 * 2]
        if k >= 4 and odd == "tilt":
            ds.ImageOrientationPatient = [0.1, 0.99499, 0, 0, 0, -1]
        save(ds, tmp_path / str(k))
    study = read_study(tmp_path)
    assert study.target().slices == 4
    split = [f for f in study.findings if f.code is Code.SERIES_SPLIT]
    assert Severity.WARNING in {f.severity for f in split}
    assert ("different sizes" if odd == "size" else "orientations") in " ".join(
        f.text for f in split
    )


def test_every_prefix_of_a_file_is_survived(tmp_path: Path) -> None:
    """No cut of a file raises anything but the package's own errors."""
    content = save(SeriesSpec(slices=1).dataset(0), tmp_path / "whole").read_bytes()
    (tmp_path / "whole").unlink()
    random = np.random.default_rng(1)
    for kept in sorted(random.integers(0, len(content), 60)):
        (tmp_path / "cut").write_bytes(content[:kept])
        with pytest.raises(NothingToMeasureError):
            read_study(tmp_path).target()


def test_random_damage_is_survived(tmp_path: Path) -> None:
    content = save(SeriesSpec(slices=1).dataset(0), tmp_path / "whole").read_bytes()
    (tmp_path / "whole").unlink()
    random = np.random.default_rng(2)
    survived = 0
    for _ in range(120):
        damaged = bytearray(content)
        for place in random.integers(132, len(content) - 240, 4):
            damaged[place] = random.integers(0, 256)
        (tmp_path / "x").write_bytes(bytes(damaged))
        try:
            study = read_study(tmp_path)
            study.read(study.target())
            survived += 1
        except NothingToMeasureError:
            pass
    assert 0 < survived < 120


@pytest.mark.parametrize(
    ("tags", "cause"),
    [
        ({"PhotometricInterpretation": "MONOCHROME1"}, "inverted"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "colour"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "secondary capture"),
    ],
)
@pytest.mark.parametrize("name", ["000", "zzz"])
def test_pictures_without_signals_stay_out_of_a_stack(
    tmp_path: Path, tags: dict, cause: str, name: str
) -> None:
    """Also where they have the series, the place and the acquisition of a slice."""
    capture = SeriesSpec(tags=tags).dataset(4)
    capture.SOPInstanceUID, capture.PixelData = "1.2.3", bytes(240)
    save(capture, write(tmp_path, SeriesSpec()) / name)
    study = read_study(tmp_path)
    assert study.read(study.target()).array.min() > 1000
    assert study.target().slices == 5
    assert cause in next(one.problem for one in study.series if one is not study.target())


def test_frames_of_reference_that_differ_within_a_series(tmp_path: Path) -> None:
    slices = SeriesSpec().datasets()
    slices[4].FrameOfReferenceUID = "1.2.3"
    for n, ds in enumerate(slices):
        save(ds, tmp_path / f"{n}")
    (told,) = read_study(tmp_path).findings
    assert (told.code, told.severity) == (Code.HEADER_CONTRADICTS_GEOMETRY, Severity.WARNING)


def test_a_header_that_describes_less_than_the_file_holds(tmp_path: Path) -> None:
    """Fewer columns than were stored would shear the picture."""
    slices = SeriesSpec().datasets()
    for n, ds in enumerate(slices):
        ds.Columns = 8
        save(ds, tmp_path / f"{n}")
    with pytest.raises(NothingToMeasureError, match="240 bytes of pixel values instead of"):
        read_study(tmp_path)


def test_the_kind_of_pixel_values_is_damaged(tmp_path: Path) -> None:
    folder = write(tmp_path, SeriesSpec())
    path = folder / "t2_004"
    path.write_bytes(path.read_bytes().replace(b"\xe0\x7f\x10\x00OW", b"\xe0\x7f\x10\x00OU"))
    (told,) = (one for one in read_study(folder).findings if one.code is Code.FILE_UNREADABLE)
    assert told.text == "t2_004: the beginning of its pixel values is damaged"


@pytest.mark.parametrize("lost", ["Rows", "SOPClassUID"])
def test_an_image_that_only_its_file_header_calls_mr(tmp_path: Path, lost: str) -> None:
    folder = write(tmp_path, SeriesSpec())
    ds = pydicom.dcmread(folder / "t2_004")
    if lost == "SOPClassUID":
        for element in list(ds):
            if element.tag != (0x0008, 0x0008):
                del ds[element.tag]
        ds.SOPClassUID = "1.2.3"
    else:
        del ds.Rows
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.3"
    ds.save_as(folder / "t2_004", enforce_file_format=False)
    assert Code.FILE_UNREADABLE in {one.code for one in read_study(folder).findings}
