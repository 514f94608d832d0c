from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel
from discmri.phantoms import Phantom, Protocol, PulseSequence
from discmri.phantoms.vendors import VENDORS, write_study

TO_RAS = np.array([-1.0, -1.0, 1.0])
ALL = (
    PulseSequence.T2,
    PulseSequence.T1,
    PulseSequence.DWI,
    PulseSequence.ADC,
    PulseSequence.LOCALIZER,
)


@pytest.fixture(scope="module")
def studies(phantom: Phantom, tmp_path_factory) -> dict[str, Path]:
    protocol = Protocol(
        sequences=ALL, spacing_mm=3.0, dwi_spacing_mm=4.0, slices=2, fov_mm=(80.0, 160.0)
    )
    root = tmp_path_factory.mktemp("studies")
    for vendor in VENDORS:
        write_study(phantom, root / vendor, vendor, protocol)
    return {vendor: root / vendor for vendor in VENDORS}


def _read(study: Path, name: str) -> list[pydicom.Dataset]:
    return [
        pydicom.dcmread(p) for p in sorted(study.rglob("*.dcm")) if p.parent.name.endswith(name)
    ]


@pytest.mark.parametrize("vendor", VENDORS)
def test_identity_is_synthetic_and_uids_are_valid(studies, vendor):
    files = [pydicom.dcmread(p) for p in studies[vendor].rglob("*.dcm")]
    assert len({d.SOPInstanceUID for d in files}) == len(files)
    assert len({d.StudyInstanceUID for d in files}) == 1
    assert len({d.FrameOfReferenceUID for d in files}) == 1
    for d in files:
        assert pydicom.uid.UID(d.SOPInstanceUID).is_valid
        assert str(d.PatientName).startswith("Phantom")
        assert d.PatientBirthDate == ""
        assert d.Modality == "MR"
        assert d.pixel_array.max() > 0


@pytest.mark.parametrize("vendor", [v for v in VENDORS if v not in ("philips", "siemens-enhanced")])
def test_classic_geometry_is_that_of_the_phantom(studies, phantom, vendor):
    slices = sorted(_read(studies[vendor], "_t2"), key=lambda d: d.InstanceNumber)
    grid = phantom.grid(Protocol(spacing_mm=3.0, slices=2, fov_mm=(80.0, 160.0)))
    for k, d in enumerate(slices):
        position = np.array(d.ImagePositionPatient, float) * TO_RAS
        np.testing.assert_allclose(position, grid.to_world((0, 0, k)), atol=1e-4)
        row = np.array(d.ImageOrientationPatient[:3], float) * TO_RAS
        np.testing.assert_allclose(row, [0, -1, 0], atol=1e-6)
        assert (d.Columns, d.Rows) == grid.shape[:2]
        assert float(d.SliceThickness) == 4.0


@pytest.mark.parametrize("vendor", ["philips", "siemens-enhanced"])
def test_enhanced_geometry_is_that_of_the_phantom(studies, phantom, vendor):
    (d,) = _read(studies[vendor], "_t2")
    grid = phantom.grid(Protocol(spacing_mm=3.0, slices=2, fov_mm=(80.0, 160.0)))
    for k, frame in enumerate(d.PerFrameFunctionalGroupsSequence):
        position = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        np.testing.assert_allclose(position * TO_RAS, grid.to_world((0, 0, k)), atol=1e-4)
    assert d.NumberOfFrames == 2
    assert d.pixel_array.shape == (2, grid.shape[1], grid.shape[0])


def _b_siemens(d: pydicom.Dataset) -> float:
    return float(d.private_block(0x19, "SIEMENS MR HEADER")[0x0C].value)


def _b_ge(d: pydicom.Dataset) -> float:
    b = int(d.private_block(0x43, "GEMS_PARM_01")[0x39].value[0]) % 1_000_000_000
    assert ("DiffusionBValue" in d) == (b > 0)
    return float(b)


def _b_philips(d: pydicom.Dataset) -> float:
    b = float(d.private_block(0x2001, "Philips Imaging DD 001")[0x03].value)
    assert b == d.DiffusionBValue
    return b


def _b_canon(d: pydicom.Dataset) -> float:
    return float(d.get("DiffusionBValue", 0.0))


@pytest.mark.parametrize(
    ("vendor", "read"),
    [
        ("siemens", _b_siemens),
        ("ge", _b_ge),
        ("philips-classic", _b_philips),
        ("canon", _b_canon),
    ],
)
def test_classic_b_values_stand_where_the_vendor_has_them(studies, vendor, read):
    found = [read(d) for d in _read(studies[vendor], "_dwi")]
    assert sorted(set(found)) == [0.0, 400.0, 800.0]
    assert len(found) == 6
    mean = [d.pixel_array.mean() for d in _read(studies[vendor], "_dwi")]
    assert mean[found.index(0.0)] > mean[found.index(400.0)] > mean[found.index(800.0)]


@pytest.mark.parametrize("vendor", ["philips", "siemens-enhanced"])
def test_enhanced_b_values_stand_in_the_frames(studies, vendor):
    (d,) = _read(studies[vendor], "_dwi")
    frames = d.PerFrameFunctionalGroupsSequence
    items = [f.MRDiffusionSequence[0] for f in frames]
    assert [i.DiffusionBValue for i in items] == [0, 0, 400, 400, 800, 800]
    assert {i.DiffusionDirectionality for i in items} == {"NONE", "ISOTROPIC"}


def _adc_um2_ms(d: pydicom.Dataset, vendor: str) -> np.ndarray:
    stored = d.pixel_array.astype(float)
    if vendor == "philips":
        frame = d.PerFrameFunctionalGroupsSequence[0]
        mapping = frame.RealWorldValueMappingSequence[0]
        rescale = frame.PixelValueTransformationSequence[0]
        assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "mm2/s"
        by_mapping = stored * mapping.RealWorldValueSlope * 1e3
        np.testing.assert_allclose(by_mapping, stored * float(rescale.RescaleSlope))
        return by_mapping
    return stored * float(d.get("RescaleSlope", 1e-3))


@pytest.mark.parametrize("vendor", VENDORS)
def test_adc_maps_hold_the_truth_in_the_vendors_unit(studies, phantom, vendor):
    values = np.concatenate(
        [_adc_um2_ms(d, vendor).ravel() for d in _read(studies[vendor], "_adc")]
    )
    inside = values[values > 0]
    assert 0.2 < np.median(inside) < 3.0
    assert values.max() <= 4.0 + 1e-6
    assert phantom.truth()[DiscLevel.L1_L2].adc_disc_um2_ms < inside.max()


def test_philips_scaling_gives_back_comparable_signal(studies):
    images = _read(studies["philips-classic"], "_t2")
    assert images
    for d in images:
        block = d.private_block(0x2005, "Philips MR Imaging DD 001")
        displayed = d.pixel_array * float(d.RescaleSlope) + float(d.RescaleIntercept)
        true = displayed / (float(d.RescaleSlope) * block[0x0E].value)
        assert 0.1 < np.percentile(true, 99.5) < 3.0  # tissue signal, about 1 for water


def test_directions_can_be_stored_one_by_one(phantom: Phantom, coarse: Protocol, tmp_path: Path):
    protocol = replace(
        coarse, trace=False, sequences=(PulseSequence.DWI,), slices=1, dwi_spacing_mm=8.0
    )
    write_study(phantom, tmp_path, "ge", protocol)
    kinds = [d[0x0043, 0x1030].value for d in map(pydicom.dcmread, sorted(tmp_path.rglob("*.dcm")))]
    assert kinds == [14, 3, 4, 5, 3, 4, 5]
    write_study(phantom, tmp_path / "s", "siemens", protocol)
    files = [pydicom.dcmread(p) for p in sorted((tmp_path / "s").rglob("*.dcm"))]
    assert [d.ImageType[3] for d in files] == ["NONE"] * 7
    assert files[1][0x0019, 0x100E].value == [-1.0, 0.0, 0.0]


@pytest.mark.parametrize("compression", ["none", "rle", "jpeg-ls"])
def test_same_seed_same_bytes_and_lossless(phantom, coarse, tmp_path, compression):
    protocol = replace(coarse, sequences=(PulseSequence.T2,), slices=1, spacing_mm=4.0)
    a = write_study(phantom, tmp_path / "a", "siemens", protocol, compression)
    b = write_study(phantom, tmp_path / "b", "siemens", protocol, compression)
    assert [p.read_bytes() for p in a] == [p.read_bytes() for p in b]
    plain = write_study(phantom, tmp_path / "c", "siemens", protocol)
    one, other = (pydicom.dcmread(p[0]).pixel_array for p in (a, plain))
    np.testing.assert_array_equal(one, other)


def test_another_seed_is_another_study(coarse, tmp_path: Path):
    from discmri.phantoms import lumbar_spine, make_phantom

    protocol = replace(coarse, sequences=(PulseSequence.T2,), slices=1, spacing_mm=6.0)
    files = [
        write_study(make_phantom(lumbar_spine(seed=s)), tmp_path / str(s), "canon", protocol)[0]
        for s in (1, 2)
    ]
    a, b = map(pydicom.dcmread, files)
    assert a.StudyInstanceUID != b.StudyInstanceUID
    assert a.PatientID != b.PatientID


def test_unknown_vendor_or_compression_is_refused(phantom, coarse, tmp_path: Path):
    with pytest.raises(UsageError, match="unknown vendor"):
        write_study(phantom, tmp_path, "acme", coarse)
    with pytest.raises(UsageError, match="unknown compression"):
        write_study(phantom, tmp_path, "ge", coarse, "zip")
