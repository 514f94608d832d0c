"""Files that are alike but for one element: what one of them says is never taken for the other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import Dataset
from tests.study.builder import SeriesSpec, save
from tests.study.test_enhanced import enhanced, t2_frames

from discmri.study.frame import Frame
from discmri.study.scan import scan
from discmri.study.source import InputFile

CHANGED = {
    "PatientID": "P2", "StudyInstanceUID": "1.2.3", "StudyDate": "20250606",
    "SeriesInstanceUID": "1.2.4", "EffectiveEchoTime": 30.0, "SeriesNumber": 8, "SeriesDescription": "other",
    "ProtocolName": "another", "BodyPartExamined": "LSPINE", "FrameOfReferenceUID": "1.2.5",
    "Manufacturer": "OTHER", "ManufacturerModelName": "M2", "SoftwareVersions": "7",
    "MagneticFieldStrength": 3, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4.4",
    "DeviceSerialNumber": "77", "ReceiveCoilName": "Spine", "ScanningSequence": "GR",
    "ScanOptions": "FS", "RepetitionTime": 600, "EchoTime": 10, "InversionTime": 150,
    "EchoTrainLength": 9, "EchoPulseSequence": "BOTH", "EchoPlanarPulseSequence": "YES",
    "InversionRecovery": "YES", "SpectrallySelectedSuppression": "FAT", "InversionTimes": [150.0],
    "RFEchoTrainLength": 5, "ImageType": ["DERIVED", "SECONDARY"], "FrameType": ["DERIVED"],
    "ComplexImageComponent": "PHASE", "AcquisitionContrast": "REAL",
    "InPlanePhaseEncodingDirection": "ROW", "PhotometricInterpretation": "MONOCHROME1",
    "BitsStored": 12, "HighBit": 13, "PixelRepresentation": 1,
}  # fmt: skip
"""Every element that is read once for all files which have it alike, and another value of it."""


TEXT = b"M\xc3\xbcller"
"""One text in UTF-8, another in Latin 1."""


def read(*paths: Path) -> list[Frame]:
    """What is read of files, but for the places of their values and their geometry."""
    index = scan([InputFile(path, path.name) for path in paths])
    assert index.unreadable == ()
    nowhere = InputFile(Path(), "")
    return [
        replace(
            frame, geometry=None, pixels=replace(frame.pixels, file=nowhere, offset=0, length=0)
        )
        for frame in index.frames
    ]


def assert_read_together_as_apart(folder: Path, *datasets: Dataset) -> None:
    """Each is read twice, because the first reading of an element converts it."""
    paths = [save(ds, folder / f"{n}.dcm") for n, ds in enumerate(datasets)]
    one, other = (repr(read(path)) for path in paths)
    assert one != other
    together = read(paths[0], paths[0], paths[1], paths[1], paths[0])
    assert [repr([frame]) for frame in together] == [one, one, other, other, one]


def pair() -> tuple[Dataset, Dataset]:
    one, other = SeriesSpec(slices=1).dataset(0), SeriesSpec(slices=1).dataset(0)
    del one.EchoTime, other.EchoTime  # it stands before the effective one
    return one, other


@pytest.mark.parametrize("keyword", CHANGED)
def test_one_element_differs(tmp_path: Path, keyword: str) -> None:
    one, other = pair()
    setattr(other, keyword, CHANGED[keyword])
    assert_read_together_as_apart(tmp_path, one, other)


@pytest.mark.parametrize("keyword", ["ImageType", "FrameType"])
def test_one_of_them_is_a_mosaic(tmp_path: Path, keyword: str) -> None:
    one, other = pair()
    setattr(other, keyword, ["ORIGINAL", "PRIMARY", "MOSAIC"])
    paths = [save(ds, tmp_path / f"{n}.dcm") for n, ds in enumerate((one, other))]
    assert [frame.tiles for frame in read(paths[0], *paths)] == [1, 1, 2]


@pytest.mark.parametrize("sequence", [False, True])
def test_a_b_value_is_read_wherever_it_is_stated(tmp_path: Path, sequence: bool) -> None:
    _, ds = pair()
    ds.DiffusionBValue = 500.0
    if sequence:
        inner = Dataset()
        inner.DiffusionBValue = ds.DiffusionBValue
        del ds.DiffusionBValue
        ds.MRDiffusionSequence = [inner]
    (frame,) = read(save(ds, tmp_path / "b.dcm"))
    assert frame.b_value is not None
    assert frame.b_value.value_s_per_mm2 == 500.0


@pytest.mark.parametrize(
    "shape", [{"Rows": 6}, {"Columns": 5}, {"BitsAllocated": 8}, {"SamplesPerPixel": 3}]
)
def test_the_shape_or_format_differs(tmp_path: Path, shape: dict[str, int]) -> None:
    one, other = pair()
    for ds in (one, other):
        ds.BitsStored, ds.HighBit = 8, 7
    for keyword, value in shape.items():
        setattr(other, keyword, value)
    bits = other.Rows * other.Columns * other.SamplesPerPixel * other.BitsAllocated
    other.PixelData = bytes(bits // 8)
    assert_read_together_as_apart(tmp_path, one, other)


@pytest.mark.parametrize("keyword", ["PatientID", "SeriesDescription"])
def test_the_character_set_differs(tmp_path: Path, keyword: str) -> None:
    one, other = pair()
    for ds, charset, coding in ((one, "ISO_IR 192", "utf-8"), (other, "ISO_IR 100", "latin-1")):
        ds.SpecificCharacterSet = charset
        setattr(ds, keyword, TEXT.decode(coding))
    assert_read_together_as_apart(tmp_path, one, other)


def test_the_number_of_frames_differs(tmp_path: Path) -> None:
    """One of the two has a frame too many, or describes one too few."""
    spec = SeriesSpec(slices=3)
    whole, lacking, single = (enhanced(spec, t2_frames(spec)) for _ in range(3))
    del lacking.PerFrameFunctionalGroupsSequence[2]
    single.NumberOfFrames = 2
    paths = [save(ds, tmp_path / f"{n}.dcm") for n, ds in enumerate((whole, lacking, single))]
    index = scan([InputFile(path, path.name) for path in paths])
    assert [one.reason for one in index.unreadable] == [
        "its header states 3 frames but describes 2",
        "its header states 2 frames but describes 3",
    ]
    one, other = pair()
    other.NumberOfFrames = 2
    other.PixelData = one.PixelData * 2
    paths = [save(ds, tmp_path / f"{n}.dcm") for n, ds in enumerate((one, other))]
    index = scan([InputFile(path, path.name) for path in paths])
    assert [one.reason for one in index.unreadable] == ["it holds 2 frames without their positions"]


def test_private_elements_are_those_of_their_series(tmp_path: Path) -> None:
    """Philips states fat suppression, and Siemens the slices of a mosaic, in private elements."""
    one, other = pair()
    other.SeriesInstanceUID = "1.2.4"
    other.private_block(0x2001, "Philips Imaging DD 001", create=True).add_new(0x21, "CS", "Y")
    other.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", 9)
    paths = [save(ds, tmp_path / f"{n}.dcm") for n, ds in enumerate((one, other))]
    together = read(paths[0], paths[0], paths[1])
    assert [frame.contrast.fat_suppressed for frame in together] == ["", "", "Philips SPIR"]
    assert [frame.tiles for frame in together] == [1, 1, 9]
