"""Enhanced multi-frame images: functional groups, shared and per frame."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, Sequence
from pydicom.uid import RLELossless
from tests.study.builder import ENHANCED_MR, SeriesSpec, brightness, save, uid

from discmri.core.diffusion import DirectionKind
from discmri.core.findings import Code
from discmri.study import Role, read_study

LPS = np.array([-1.0, -1.0, 1.0])


def item(**elements: object) -> Sequence:
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return Sequence([ds])


def enhanced(spec: SeriesSpec, frames: list[tuple[Dataset, np.ndarray]]) -> Dataset:
    """One object of the given per-frame groups and pixels; what frames share stands once."""
    first = spec.dataset(0)
    ds = Dataset()
    for keyword in (
        "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "StudyDate",
        "SeriesNumber", "SeriesDescription", "Modality", "Manufacturer", "Rows", "Columns",
        "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit",
        "PixelRepresentation",
    ):  # fmt: skip
        setattr(ds, keyword, getattr(first, keyword))
    ds.SOPClassUID, ds.SOPInstanceUID = ENHANCED_MR, uid(spec.study, spec.name)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    ds.EchoPulseSequence, ds.AcquisitionDateTime = "SPIN", "20240105101500"
    shared = Dataset()
    row, column = spec.orientation
    shared.PlaneOrientationSequence = item(ImageOrientationPatient=[*row, *column])
    shared.PixelMeasuresSequence = item(PixelSpacing=list(spec.spacing), SliceThickness=3.5)
    shared.MRTimingAndRelatedParametersSequence = item(RepetitionTime=3500.0, RFEchoTrainLength=12)
    shared.MRFOVGeometrySequence = item(InPlanePhaseEncodingDirection="ROW")
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    ds.PerFrameFunctionalGroupsSequence = Sequence([group for group, _ in frames])
    ds.NumberOfFrames = len(frames)
    ds.PixelData = b"".join(pixels.tobytes() for _, pixels in frames)
    return ds


def group(position: np.ndarray, te: float = 100.0) -> Dataset:
    ds = Dataset()
    ds.PlanePositionSequence = item(ImagePositionPatient=[f"{x:.8f}" for x in position])
    ds.MREchoSequence = item(EffectiveEchoTime=te)
    return ds


def t2_frames(spec: SeriesSpec) -> list[tuple[Dataset, np.ndarray]]:
    return [(group(position), spec.pixels(position)) for position in spec.positions()]


@pytest.mark.parametrize("compress", [False, True])
def test_frames_in_any_order(tmp_path: Path, compress: bool) -> None:
    spec = SeriesSpec(slices=6)
    frames = t2_frames(spec)
    ds = enhanced(spec, [frames[k] for k in (3, 0, 5, 1, 4, 2)])
    path = save(ds, tmp_path / "e.dcm")
    if compress:
        ds.compress(RLELossless, generate_instance_uid=False)
        ds.save_as(path, enforce_file_format=True)
    study = read_study(tmp_path)
    series = study.target()
    assert series.role is Role.SAG_T2
    assert (series.contrast.te_ms, series.contrast.tr_ms, series.contrast.echo_train) == (
        100,
        3500,
        12,
    )
    assert series.phase_axis == pytest.approx((0, -1, 0))
    volume = study.read(series)
    index = np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij"), axis=-1)
    np.testing.assert_allclose(
        volume.array, brightness(volume.grid.to_world(index) * LPS), atol=0.51
    )
    assert study.inputs(series).sop_instance_uids == (ds.SOPInstanceUID,)
    assert study.findings == ()


def test_per_frame_rescale_and_signal(tmp_path: Path) -> None:
    spec = SeriesSpec(slices=3)
    frames = t2_frames(spec)
    for k, (ds, pixels) in enumerate(frames):
        ds.PixelValueTransformationSequence = item(
            RescaleSlope=float(k + 1), RescaleIntercept=2.0, RescaleType="US"
        )
        pixels[:] = 10
    save(enhanced(spec, frames), tmp_path / "e.dcm")
    study = read_study(tmp_path)
    assert study.read(study.target()).array[0, 0].tolist() == [12.0, 22.0, 32.0]


def test_diffusion_with_trace_and_map_in_one_object(tmp_path: Path) -> None:
    spec = SeriesSpec("dwi", slices=3)
    frames = []
    for b, kind, direction in (
        (0.0, "NONE", None),
        (800.0, "DIRECTIONAL", [1.0, 0, 0]),
        (800.0, "DIRECTIONAL", [0, 1.0, 0]),
        (800.0, "DIRECTIONAL", [0, 0, 1.0]),
        (800.0, "ISOTROPIC", None),
    ):
        for position in spec.positions():
            ds = group(position, 60.0)
            ds.MRDiffusionSequence = item(DiffusionBValue=b, DiffusionDirectionality=kind)
            if direction:
                ds.MRDiffusionSequence[0].DiffusionGradientDirectionSequence = item(
                    DiffusionGradientOrientation=direction
                )
            frames.append((ds, np.full((12, 10), round(1000 * np.exp(-b * 0.0015)), np.uint16)))
    for position in spec.positions():
        ds = group(position, 60.0)
        ds.MRImageFrameTypeSequence = item(FrameType=["DERIVED", "PRIMARY", "DIFFUSION", "ADC"])
        unit = item(CodeValue="mm2/s", CodingSchemeDesignator="UCUM", CodeMeaning="mm2/s")
        ds.RealWorldValueMappingSequence = item(
            RealWorldValueSlope=2e-6,
            RealWorldValueIntercept=0.0,
            MeasurementUnitsCodeSequence=unit,
        )
        frames.append((ds, np.full((12, 10), 750, np.uint16)))
    multi = enhanced(spec, frames)
    multi.EchoPlanarPulseSequence = "YES"
    save(multi, tmp_path / "e.dcm")
    study = read_study(tmp_path)
    series = study.diffusion()
    assert series.b_s_per_mm2.tolist() == [0, 800, 800, 800]
    assert {b.kind for b in series.b_values[1:]} == {DirectionKind.DIRECTIONAL}
    assert {b.source for b in series.b_values} == {"(0018,9117) > (0018,9087)"}
    scanner = study.adc_map()
    assert scanner.volume.array.max() == pytest.approx(1.5, rel=1e-5)
    assert scanner.unit_source == "Real World Value Mapping (mm2/s)"


def test_frames_without_groups_are_refused(tmp_path: Path) -> None:
    spec = SeriesSpec(slices=3)
    ds = enhanced(spec, t2_frames(spec))
    del ds.PerFrameFunctionalGroupsSequence
    save(ds, tmp_path / "e.dcm")
    save(SeriesSpec("other", slices=3).dataset(0), tmp_path / "o.dcm")
    study = read_study(tmp_path)
    assert [series.description for series in study.series] == ["other"]
    assert Code.FILE_UNREADABLE in {f.code for f in study.findings}
