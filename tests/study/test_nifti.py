"""NIfTI with BIDS sidecars."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from discmri.core.diffusion import DirectionKind
from discmri.core.errors import NothingToMeasureError
from discmri.core.findings import Code
from discmri.core.volume import Grid
from discmri.study import Plane, Role, read_study
from discmri.study.nifti import _b_values
from discmri.study.source import InputFile

SAGITTAL = np.array([[0, 0, 4.0, -20], [0.8, 0, 0, -60], [0, -0.9, 0, 70], [0, 0, 0, 1]])
T2 = {"EchoTime": 0.1, "RepetitionTime": 3.5, "ScanningSequence": "SE", "Manufacturer": "ACME"}


def image(path: Path, array: np.ndarray | None = None, affine=SAGITTAL, sidecar=None) -> Path:
    array = np.arange(8 * 9 * 5, dtype=np.int16).reshape(8, 9, 5) if array is None else array
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine), path)
    if sidecar is not None:
        path.with_name(path.name.replace(".nii.gz", ".json")).write_text(json.dumps(sidecar))
    return path


def test_t2_with_sidecar(tmp_path: Path) -> None:
    image(tmp_path / "anat" / "sub-01_ses-2_T2w.nii.gz", sidecar=T2)
    study = read_study(tmp_path)
    assert (study.subject_id, study.study_uid) == ("sub-01", "sub-01_ses-2")
    series = study.target()
    assert series.role is Role.SAG_T2
    assert (series.contrast.te_ms, series.contrast.tr_ms) == (100, 3500)
    volume = study.read(series)
    assert volume.array.dtype == np.float32
    np.testing.assert_allclose(volume.affine, SAGITTAL, atol=1e-5)
    assert volume.array[1, 2, 3] == 1 * 45 + 2 * 5 + 3
    assert study.findings == ()


def test_one_file_and_its_sidecar(tmp_path: Path) -> None:
    path = image(tmp_path / "x.nii.gz", sidecar=T2)
    image(tmp_path / "y.nii.gz")
    study = read_study(path)
    assert study.target().contrast.te_ms == 100
    assert study.subject_id == "x"
    assert len(study.series) == 1


def test_name_alone(tmp_path: Path) -> None:
    image(tmp_path / "case_T2w_sag.nii.gz")
    series = read_study(tmp_path).target()
    assert series.role is Role.SAG_T2
    assert "from its description only" in " ".join(series.reasons)


def test_scaling_and_not_a_number(tmp_path: Path) -> None:
    array = np.ones((8, 9, 5), np.float32)
    array[0, 0, 0] = np.nan
    image(tmp_path / "t2.nii.gz", array)
    study = read_study(tmp_path)
    assert set(study.read(study.target()).array.ravel()) == {0.0, 1.0}


@pytest.mark.parametrize("trace", [False, True])
def test_dwi(tmp_path: Path, trace: bool) -> None:
    b = [0, 0, 800, 800, 800]
    array = np.stack([np.full((8, 9, 5), 1000 * np.exp(-x * 0.0015)) for x in b], axis=-1)
    image(
        tmp_path / "sub-1_dwi.nii.gz",
        array.astype(np.float32),
        sidecar={"PhaseEncodingDirection": "j-"},
    )
    (tmp_path / "sub-1_dwi.bval").write_text(" ".join(map(str, b)))
    vectors = np.zeros((3, 5))
    if not trace:
        vectors[:, 2:] = np.eye(3)
    (tmp_path / "sub-1_dwi.bvec").write_text("\n".join(" ".join(map(str, row)) for row in vectors))
    image(tmp_path / "sub-1_T2w.nii.gz", sidecar=T2)
    study = read_study(tmp_path)
    series = study.diffusion()
    assert series.b_s_per_mm2.tolist() == b
    expected = DirectionKind.TRACE if trace else DirectionKind.DIRECTIONAL
    assert [v.kind for v in series.b_values] == [DirectionKind.NONE] * 2 + [expected] * 3
    fitted = np.log(series.signal[0, 0, 0, 0] / series.signal[0, 0, 0, -1]) / 800
    assert fitted == pytest.approx(0.0015, rel=1e-4)
    assert series.phase_axis == pytest.approx((0, 0, -1))
    assert series.frame_of_reference_uid == study.target().frame_of_reference_uid


def test_adc_map(tmp_path: Path) -> None:
    image(tmp_path / "sub-1_T2w.nii.gz", sidecar=T2)
    image(tmp_path / "sub-1_ADC.nii.gz", np.full((8, 9, 5), 1400, np.int16))
    scanner = read_study(tmp_path).adc_map()
    assert scanner.volume.array.max() == pytest.approx(1.4)
    assert scanner.unit_source == "only possible factor (10-6.mm2/s)"


def test_isotropic_volume_in_any_storage_order(tmp_path: Path) -> None:
    image(tmp_path / "t2.nii.gz", affine=np.diag([0.9, 0.9, 0.9, 1.0]))
    assert read_study(tmp_path).target().plane is Plane.SAGITTAL


def test_nearly_cubic_voxels_count_as_sagittal(tmp_path: Path) -> None:
    image(tmp_path / "t2.nii.gz", affine=np.diag([0.9, 0.9, 1.0, 1.0]), sidecar=T2)
    assert read_study(tmp_path).series[0].plane is Plane.SAGITTAL


def test_slices_twice_as_thick_as_their_pixels_have_a_plane(tmp_path: Path) -> None:
    image(tmp_path / "t2.nii.gz", affine=np.diag([1.0, 1.0, 2.0, 1.0]), sidecar=T2)
    assert read_study(tmp_path).series[0].plane is Plane.AXIAL


def test_several_subjects_are_listed(tmp_path: Path) -> None:
    for name in ("sub-1", "sub-2"):
        image(tmp_path / name / f"{name}_T2w.nii.gz", sidecar=T2)
    with pytest.raises(NothingToMeasureError, match=r"sub-1, sub-2.*--study"):
        read_study(tmp_path)
    assert read_study(tmp_path, study_uid="sub-2").subject_id == "sub-2"


def test_zip_of_nifti(tmp_path: Path) -> None:
    path = image(tmp_path / "in" / "case.nii.gz", sidecar=T2)
    with zipfile.ZipFile(tmp_path / "n.zip", "w") as packed:
        for part in path.parent.iterdir():
            packed.write(part, f"deep/{part.name}")
    study = read_study(tmp_path / "n.zip")
    assert study.target().role is Role.SAG_T2
    assert study.read(study.target()).shape == (8, 9, 5)


def header(**fields: object) -> bytes:
    head = nib.Nifti1Header()
    head.set_data_shape((8, 9, 5))
    head.set_data_dtype(np.int16)
    head.set_sform(SAGITTAL, 1)
    head.set_zooms((0.8, 0.9, 4.0))
    head.set_data_offset(352)
    for name, value in fields.items():
        head[name] = value
    return head.binaryblock + b"\0" * 4


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"not nifti at all", "cannot be read as NIfTI"),
        (header(dim=[3, 32767, 32767, 32767, 1, 1, 1, 1]), "its header describes"),
        (header(sform_code=0, qform_code=0), "has no orientation"),
        (header(dim=[2, 8, 9, 1, 1, 1, 1, 1]), "not that of a volume"),
        (header(dim=[4, 8, 9, 5, 3, 1, 1, 1]), "3 volumes but 0 b-values"),
        (header(srow_x=[0.5, 0.5, 4, 0]), "orthogonal"),
        (header(srow_x=[0, 0, 4e5, 0]), "impossible"),
        (header(datatype=128, bitpix=24), "colours"),
        (header(datatype=32, bitpix=64), "complex"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "t2.nii.gz").write_bytes(gzip.compress(content))
    with pytest.raises(NothingToMeasureError, match=expected) as error:
        read_study(tmp_path)
    assert "\n" not in str(error.value)


def test_cut_off_file(tmp_path: Path) -> None:
    path = image(tmp_path / "t2.nii.gz", np.random.default_rng(0).random((8, 9, 5)))
    path.write_bytes(path.read_bytes()[:1200])
    study = read_study(tmp_path)
    with pytest.raises(NothingToMeasureError, match="is truncated"):
        study.read(study.target())


def test_damaged_stream(tmp_path: Path) -> None:
    """Whether the stream breaks or only its checksum is wrong: never voxels without a word."""
    values = np.random.default_rng(0).integers(0, 500, (8, 9, 200)).astype(np.int16)
    path = image(tmp_path / "t2.nii.gz", values)
    whole = path.read_bytes()
    for place in range(300, len(whole) - 8, 1500):
        damaged = bytearray(whole)
        damaged[place] ^= 0x5A
        path.write_bytes(bytes(damaged))
        with pytest.raises(NothingToMeasureError, match=r"damaged|cannot be read as NIfTI"):
            read_study(path).read(read_study(path).target())


def test_label_maps_and_bad_sidecars_do_not_get_in_the_way(tmp_path: Path) -> None:
    image(tmp_path / "t2.nii.gz")
    image(tmp_path / "t2_seg.nii.gz")
    (tmp_path / "t2.json").write_text("{broken")
    study = read_study(tmp_path)
    assert study.target().description == "t2"
    assert [s.problem for s in study.series if s.problem] == ["it is a label map by its name"]


def placed(path: Path, sform: np.ndarray, qform: np.ndarray) -> Path:
    """A T2 whose header places it in two ways."""
    nifti = nib.Nifti1Image(np.arange(8 * 9 * 5, dtype=np.int16).reshape(8, 9, 5), qform)
    nifti.set_qform(qform, 1)
    nifti.set_sform(sform, 1)
    nib.save(nifti, path)
    return path


@pytest.mark.parametrize(("scale", "refused"), [(1.005, False), (0.995, False), (1.02, True)])
def test_voxel_sizes_of_sform_and_pixdim_must_agree(tmp_path, scale, refused) -> None:
    path = placed(tmp_path / "T2w.nii.gz", SAGITTAL @ np.diag([scale, 1, 1, 1]), SAGITTAL)
    if refused:
        with pytest.raises(NothingToMeasureError, match=r"0\.816 x .* sform and 0\.8 x .* pixdim"):
            read_study(path)
    else:
        assert read_study(path).findings == ()


def turned(degrees: float) -> np.ndarray:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize(("degrees", "refused"), [(25, False), (35, True), (180, True)])
def test_a_sform_turned_against_the_qform(tmp_path, degrees, refused) -> None:
    path = placed(tmp_path / "T2w.nii.gz", turned(degrees) @ SAGITTAL, SAGITTAL)
    if refused:
        with pytest.raises(NothingToMeasureError, match=f"by {degrees} degrees"):
            read_study(path)
    else:
        found = read_study(path).findings
        assert [one.code.value for one in found] == ["header_contradicts_geometry"]
        assert "25.0 degrees" in found[0].text


@pytest.mark.parametrize(("shift_mm", "told"), [(0.9, False), (1.1, True)])
def test_a_sform_beside_the_qform_is_told(tmp_path, shift_mm, told) -> None:
    sform = SAGITTAL.copy()
    sform[2, 3] += shift_mm
    found = read_study(placed(tmp_path / "T2w.nii.gz", sform, SAGITTAL)).findings
    assert bool(found) is told


@pytest.mark.parametrize("offset", [0.0, 348.0, float("nan"), float("inf"), -16.0])
def test_voxels_that_would_begin_in_the_header_are_refused(tmp_path, offset) -> None:
    path = image(tmp_path / "T2w.nii")
    content = bytearray(path.read_bytes())
    content[108:112] = np.float32(offset).tobytes()
    path.write_bytes(content)
    with pytest.raises(NothingToMeasureError, match=r"T2w\.nii"):
        read_study(path)


@pytest.mark.parametrize("text", ["{", "[1]", "", "\x00"])
def test_a_broken_sidecar_is_told(tmp_path: Path, text: str) -> None:
    path = image(tmp_path / "case_T2w.nii.gz")
    path.with_name("case_T2w.json").write_text(text)
    (told,) = read_study(tmp_path).findings
    assert (told.code, told.severity.value) == (Code.FILE_UNREADABLE, "warning")
    assert told.text.startswith("case_T2w.json: ")


def test_a_sidecar_with_a_mark_of_its_byte_order(tmp_path: Path) -> None:
    path = image(tmp_path / "case_T2w.nii.gz")
    path.with_name("case_T2w.json").write_text(json.dumps(T2), encoding="utf-8-sig")
    assert read_study(tmp_path).target().contrast.te_ms == 100


@pytest.mark.parametrize(("slope", "told"), [("nan", True), ("inf", True), ("0", False)])
def test_a_slope_that_is_no_number_is_told(tmp_path: Path, slope: str, told: bool) -> None:
    path = image(tmp_path / "case_T2w.nii")
    content = bytearray(path.read_bytes())
    content[112:116] = np.float32(slope).tobytes()
    path.write_bytes(content)
    study = read_study(tmp_path)
    assert [found.code for found in study.findings] == [Code.RESCALE_UNUSABLE] * told
    assert study.read(study.target()).array[0, 0, 1] == 1


@pytest.mark.parametrize("unit", ["meter", "micron"])
def test_lengths_in_another_unit_are_refused(tmp_path: Path, unit: str) -> None:
    picture = nib.Nifti1Image(np.zeros((8, 9, 5), np.int16), SAGITTAL)
    picture.header.set_xyzt_units(unit)
    nib.save(picture, tmp_path / "case_T2w.nii.gz")
    with pytest.raises(NothingToMeasureError, match=f"lengths in {unit}"):
        read_study(tmp_path)


@pytest.mark.parametrize("table", [None, "0 800", "0 abc 800", "0 -400 800", "0 400 80000"])
def test_b_values_that_do_not_fit_their_volumes_are_told(tmp_path: Path, table) -> None:
    image(tmp_path / "sub-1_T2w.nii.gz")
    image(tmp_path / "sub-1_dwi.nii.gz", np.ones((8, 9, 5, 3), np.int16))
    if table:
        (tmp_path / "sub-1_dwi.bval").write_text(table)
    study = read_study(tmp_path)
    assert study.diffusion() is None
    (told,) = (found for found in study.findings if found.code is Code.SERIES_LEFT_OUT)
    assert (told.severity.value, "volumes but" in told.text) == ("warning", True)


@pytest.mark.parametrize("name", ["case.hdr", "case.nrrd", "case.mha"])
def test_other_formats_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(NothingToMeasureError, match=f"convert {name} to NIfTI"):
        read_study(tmp_path)


@pytest.mark.parametrize(("seconds", "te_ms", "told"), [(2.0, 2000, 0), (20, None, 1)])
def test_times_in_milliseconds_are_told_and_left_out(tmp_path, seconds, te_ms, told) -> None:
    """An echo time of 20 ms, written as 20, would make a proton-density picture T2-weighted."""
    image(tmp_path / "case_T2w.nii.gz", sidecar=T2 | {"EchoTime": seconds})
    study = read_study(tmp_path)
    assert study.series[0].contrast.te_ms == te_ms
    assert sum("EchoTime 20 s is impossible" in found.text for found in study.findings) == told


@pytest.mark.parametrize(
    ("key", "longest_s"), [("EchoTime", 2.0), ("RepetitionTime", 60.0), ("InversionTime", 20.0)]
)
def test_the_longest_times_that_are_possible(tmp_path: Path, key: str, longest_s: float) -> None:
    """Cerebrospinal fluid has a T1 of about 4 s and a T2 of about 2 s: nobody waits for longer."""
    for name, seconds, told in (("in", longest_s, 0), ("out", longest_s * 1.1, 1)):
        path = image(tmp_path / name / "case_T2w.nii.gz", sidecar=T2 | {key: seconds})
        texts = [found.text for found in read_study(path).findings]
        assert sum(f"{key} {seconds:g} s is impossible" in text for text in texts) == told


@pytest.mark.parametrize(("more", "te_ms"), [(0, 100), (1, None)])
def test_a_sidecar_of_16_mib_is_read_and_no_larger_one(tmp_path: Path, more: int, te_ms) -> None:
    path = image(tmp_path / "case_T2w.nii.gz")
    text = json.dumps(T2).ljust(16 * 1024 * 1024 + more)
    path.with_name("case_T2w.json").write_text(text)
    assert read_study(tmp_path).series[0].contrast.te_ms == te_ms


@pytest.mark.parametrize(("slices", "refused"), [(2048, False), (2049, True)])
def test_a_header_of_4_gib_of_voxels_is_the_largest(tmp_path: Path, slices, refused) -> None:
    """1024 x 1024 x 2048 voxels of two bytes, of 0.1 mm."""
    head = nib.Nifti1Header.from_fileobj(
        io.BytesIO(header(dim=[3, 1024, 1024, slices, 1, 1, 1, 1], pixdim=[1, *[0.1] * 7]))
    )
    head.set_sform(np.diag([0.1, 0.1, 0.1, 1.0]), 1)
    path = tmp_path / "case_T2w.nii"
    path.write_bytes(head.binaryblock + b"\0" * 4)
    if refused:
        with pytest.raises(NothingToMeasureError, match="its header describes 4098 MiB"):
            read_study(path)
    else:
        assert read_study(path).target().problem == ""


@pytest.mark.parametrize(
    ("b", "length", "read"),
    [(800, 0.02, (800.0, "trace")), (800, 0.04, (800.0, "directional")), (5, 1, (5.0, "directional")),
     (4.9, 1, (0.0, "none"))],
)  # fmt: skip
def test_small_b_values_and_short_vectors_are_zero(tmp_path, b, length, read) -> None:
    for name, text in (("bval", f"{b}\n"), ("bvec", f"{length}\n0\n0\n")):
        (tmp_path / name).write_text(text)
    files = (InputFile(tmp_path / name, name) for name in ("bval", "bvec"))
    (found,) = _b_values(*files, "dwi", Grid((2, 2, 2), np.eye(4)))
    assert (found.value_s_per_mm2, found.kind.value) == read
