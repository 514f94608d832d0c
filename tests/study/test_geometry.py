"""Voxels end up where their headers put them, whatever order and orientation."""

import math
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.study.builder import SeriesSpec, brightness, save, write

from discmri.core.diffusion import BValue, DirectionKind
from discmri.core.errors import NothingToMeasureError
from discmri.core.findings import Code, Severity
from discmri.core.volume import Grid, Volume
from discmri.study import Plane, Role, Study, read_study
from discmri.study.series import plane_of
from discmri.study.stack import _regular_run, same_grid, same_weighting

LPS = np.array([-1.0, -1.0, 1.0])


def assert_in_place(volume: Volume) -> None:
    """Every voxel holds the brightness of its own place."""
    index = np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij"), axis=-1)
    expected = brightness(volume.grid.to_world(index) * LPS)
    np.testing.assert_allclose(volume.array, expected, atol=0.51)


def codes(study: Study) -> set[Code]:
    return {finding.code for finding in study.findings}


def rotation(a: float, b: float, c: float) -> np.ndarray:
    def about(axis: int, angle: float) -> np.ndarray:
        m = np.eye(3)
        i, j = (n for n in range(3) if n != axis)
        m[i, i] = m[j, j] = math.cos(angle)
        m[i, j], m[j, i] = -math.sin(angle), math.sin(angle)
        return m

    return about(0, a) @ about(1, b) @ about(2, c)


@settings(max_examples=15)
@given(
    angles=st.tuples(st.floats(-3.1, 3.1), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
    row_sign=st.sampled_from([-1.0, 1.0]),
    column_sign=st.sampled_from([-1.0, 1.0]),
    order=st.permutations(range(4)),
    step=st.floats(1.0, 6.0),
)
def test_any_orientation_and_order(angles, row_sign, column_sign, order, step) -> None:
    turn = rotation(*angles)
    row, column = turn @ [0, row_sign, 0], turn @ [0, 0, column_sign]
    spec = SeriesSpec(
        slices=4, step=step, orientation=(tuple(row), tuple(column)), rows=6, columns=5
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, k in enumerate(order):
            ds = spec.dataset(k)
            ds.InstanceNumber = 7 * name % 5  # says nothing about the place
            save(ds, Path(folder) / f"{name}")
        study = read_study(folder)
        volume = study.read(study.target())
    assert volume.shape == (5, 6, 4)
    assert volume.spacing_mm == pytest.approx([0.75, 1.5, step], abs=1e-4)
    assert_in_place(volume)


def test_same_as_an_independent_reader(tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    turn = rotation(0.2, 0.15, -0.1)
    spec = SeriesSpec(orientation=(tuple(turn @ [0, 1, 0]), tuple(turn @ [0, 0, -1])))
    folder = write(tmp_path / "s", spec)
    study = read_study(folder)
    ours = study.read(study.target())

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    theirs = reader.Execute()
    points = ours.grid.to_world([[0, 0, 0], [3, 4, 2], [9, 11, 4], [1, 10, 3]])
    for point, value in zip(points, ours.sample(points), strict=True):
        continuous = theirs.TransformPhysicalPointToContinuousIndex((point * LPS).tolist())
        index = [round(c) for c in continuous]
        assert continuous == pytest.approx(index, abs=1e-3)
        assert theirs.GetPixel(*index) == pytest.approx(value, abs=1e-3)


def test_headers_that_contradict_positions_are_not_believed(tmp_path: Path) -> None:
    lies = {"SpacingBetweenSlices": 9.0, "SliceThickness": 1.0, "SliceLocation": 5.0}
    study = read_study(write(tmp_path / "s", SeriesSpec(tags=lies)))
    assert_in_place(study.read(study.target()))
    (finding,) = (f for f in study.findings if f.code is Code.HEADER_CONTRADICTS_GEOMETRY)
    assert finding.severity is Severity.INFO
    assert "9 mm" in finding.text
    assert "4.000 mm" in finding.text


def test_a_clean_study_has_no_warning(t2: Path) -> None:
    study = read_study(t2)
    assert codes(study) == set()
    assert study.target().role is Role.SAG_T2
    assert study.read(study.target()).array.dtype == np.float32


@pytest.mark.parametrize(("missing", "kept"), [(2, 6), (5, 5), (0, 8)])
def test_longest_run_without_a_gap(tmp_path: Path, missing: int, kept: int) -> None:
    spec = SeriesSpec(slices=9)
    for k, ds in enumerate(spec.datasets()):
        if k != missing:
            save(ds, tmp_path / str(k))
    study = read_study(tmp_path)
    volume = study.read(study.target())
    assert volume.shape[2] == kept
    assert_in_place(volume)
    assert (Code.SLICE_MISSING in codes(study)) == (missing != 0)


def test_repeated_position_keeps_the_later_image(tmp_path: Path) -> None:
    spec = SeriesSpec()
    folder = write(tmp_path / "s", spec)
    again = spec.dataset(2)
    again.SOPInstanceUID += ".9"
    again.AcquisitionTime = "101700"
    again.PixelData = np.full((spec.rows, spec.columns), 77, np.uint16).tobytes()
    save(again, folder / "again")
    study = read_study(folder)
    volume = study.read(study.target())
    assert codes(study) == {Code.SLICE_REPEATED}
    assert (volume.array == 77).any(axis=(0, 1)).sum() == 1


def test_repetitions_become_volumes_of_their_own(tmp_path: Path) -> None:
    spec = SeriesSpec()
    folder = write(tmp_path / "s", spec)
    for k, ds in enumerate(spec.datasets()):
        ds.SOPInstanceUID += ".9"
        ds.AcquisitionNumber = 2
        save(ds, folder / f"again{k}")
    study = read_study(folder)
    assert len(study.target().images) == 2
    assert codes(study) == {Code.SERIES_SPLIT}
    assert_in_place(study.read(study.target()))


def test_slightly_uneven_spacing_is_used_and_said(tmp_path: Path) -> None:
    spec = SeriesSpec()
    offsets = [0.0, 0.2, 0.0, -0.2, 0.0]
    for k, (position, offset) in enumerate(zip(spec.positions(), offsets, strict=True)):
        save(spec.dataset(k, position - [offset, 0, 0]), tmp_path / str(k))
    study = read_study(tmp_path)
    assert study.read(study.target()).spacing_mm[2] == pytest.approx(4.0, abs=0.1)
    assert codes(study) == {Code.SPACING_IRREGULAR}


def kept(folder: Path, spec: SeriesSpec, positions: list) -> tuple[int, set[Code]]:
    """Slices that are used when they lie at these positions, and what is said."""
    for k, position in enumerate(positions):
        save(spec.dataset(k, np.array(position, dtype=float)), folder / str(k))
    study = read_study(folder)
    return study.read(study.target()).shape[2], codes(study)


@pytest.mark.parametrize(("off_mm", "said"), [(0.10, set()), (0.13, {Code.SPACING_IRREGULAR})])
def test_places_may_be_off_by_two_percent_and_a_hundredth_of_a_millimetre(
    tmp_path: Path, off_mm: float, said: set[Code]
) -> None:
    """The best line through 0, off, 0, -off, 0 leaves 0.8 times the offset; 0.09 mm may be left."""
    spec = SeriesSpec()
    offsets = np.array([0.0, off_mm, 0.0, -off_mm, 0.0])
    positions = [p - [o, 0, 0] for p, o in zip(spec.positions(), offsets, strict=True)]
    assert kept(tmp_path, spec, positions) == (5, said)


@pytest.mark.parametrize(("gap_mm", "slices"), [(4.38, 9), (4.42, 5)])
def test_a_gap_a_tenth_wider_than_the_others_breaks_the_run(
    tmp_path: Path, gap_mm: float, slices: int
) -> None:
    spec = SeriesSpec(slices=9)
    first, direction = spec.positions()[0], np.sign(spec.positions()[1] - spec.positions()[0])
    along = np.cumsum([0.0, 4, 4, 4, 4, gap_mm, 4, 4, 4])
    found, said = kept(tmp_path, spec, [first + at * direction for at in along])
    assert (found, Code.SLICE_MISSING in said) == (slices, slices == 5)


def test_two_slices_of_many_are_no_volume(tmp_path: Path) -> None:
    spec = SeriesSpec()
    first = spec.positions()[0]
    with pytest.raises(NothingToMeasureError, match="distances"):
        kept(tmp_path, spec, [first + np.array([x, 0, 0]) for x in (0.0, 4.0, 12.0, 16.0)])


@pytest.mark.parametrize(("apart_mm", "repeated"), [(0.04, True), (0.06, False)])
def test_slices_a_twentieth_of_a_millimetre_apart_lie_at_one_place(
    tmp_path: Path, apart_mm: float, repeated: bool
) -> None:
    spec = SeriesSpec(slices=6)
    places = spec.positions()[:5]
    direction = np.sign(places[1] - places[0])
    _, said = kept(tmp_path, spec, [*places, places[4] + apart_mm * direction])
    assert (Code.SLICE_REPEATED in said) is repeated


@pytest.mark.parametrize(("shift_mm", "refused"), [(0.17, False), (0.21, True)])
def test_slices_may_be_shifted_by_a_quarter_of_a_pixel(
    tmp_path: Path, shift_mm: float, refused: bool
) -> None:
    """The smaller side of a pixel is 0.75 mm."""
    spec = SeriesSpec()
    positions = [p + np.array([0, k * shift_mm / 4, 0]) for k, p in enumerate(spec.positions())]
    if refused:
        with pytest.raises(NothingToMeasureError, match="shifted"):
            kept(tmp_path, spec, positions)
    else:
        assert kept(tmp_path, spec, positions) == (5, set())


@pytest.mark.parametrize(
    ("b", "direction", "same"),
    [
        (800.9, (1.0, 0.0, 0.0), True), (801.1, (1.0, 0.0, 0.0), False),
        (800.0, (1.0, 0.019, 0.0), True), (800.0, (1.0, 0.021, 0.0), False),
    ],
)  # fmt: skip
def test_weightings_are_the_same_to_within_rounding(b, direction, same) -> None:
    """One s/mm², and 0.02 of each component of a direction."""
    one, other = (
        SimpleNamespace(b_value=BValue(value, "t", DirectionKind.DIRECTIONAL, vector))
        for value, vector in ((800.0, (1.0, 0.0, 0.0)), (b, direction))
    )
    assert same_weighting(one, other) is same


def test_uneven_and_sheared_stacks_are_refused(tmp_path: Path) -> None:
    spec = SeriesSpec()
    for k, x in enumerate([0.0, 3.0, 8.0, 10.0, 17.0]):
        save(spec.dataset(k, np.array([x, -20, 30])), tmp_path / "uneven" / str(k))
        save(spec.dataset(k, np.array([4.0 * k, -20 + k, 30])), tmp_path / "sheared" / str(k))
    for name, word in (("uneven", "distances"), ("sheared", "shifted")):
        study = read_study(tmp_path / name)
        with pytest.raises(NothingToMeasureError, match=word) as error:
            study.target()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(("turn", "slices"), [(0.0016, 7), (0.0024, 6)])
def test_directions_may_differ_by_two_thousandths(tmp_path: Path, turn: float, slices: int) -> None:
    spec = SeriesSpec(slices=7)
    row = rotation(0.0, 0.0, turn) @ [0, 1, 0]
    for k, ds in enumerate(spec.datasets()):
        if k == 6:
            ds.ImageOrientationPatient = [*row.round(9), 0, 0, -1]
        save(ds, tmp_path / str(k))
    assert read_study(tmp_path).target().slices == slices


def test_a_tilted_slice_is_told_apart(tmp_path: Path) -> None:
    spec = SeriesSpec(slices=7)
    tilted = rotation(0.0, 0.0, 0.05)
    for k, ds in enumerate(spec.datasets()):
        if k == 6:
            ds.ImageOrientationPatient = [*(tilted @ [0, 1, 0]).round(9), 0, 0, -1]
        save(ds, tmp_path / str(k))
    study = read_study(tmp_path)
    assert study.target().slices == 6
    assert Code.SERIES_SPLIT in codes(study)
    assert_in_place(study.read(study.target()))


def test_differing_sizes_are_told_apart(tmp_path: Path) -> None:
    spec = SeriesSpec(slices=6)
    small = replace(spec, rows=8)
    for k in range(6):
        save((small if k == 5 else spec).dataset(k), tmp_path / str(k))
    study = read_study(tmp_path)
    assert study.target().shape == (10, 12, 5)
    assert "12 x 10" in study.target().part


def test_a_single_slice_takes_its_thickness(tmp_path: Path) -> None:
    study = read_study(write(tmp_path / "s", SeriesSpec(slices=1)))
    volume = study.read(study.target())
    assert volume.spacing_mm == pytest.approx([0.75, 1.5, 3.5])
    assert codes(study) == {Code.SINGLE_SLICE}
    assert_in_place(volume)

    bare = SeriesSpec(slices=1).dataset(0)
    del bare.SliceThickness
    save(bare, tmp_path / "bare" / "1")
    with pytest.raises(NothingToMeasureError, match="Slice Thickness"):
        read_study(tmp_path / "bare").target()


def test_rescale_and_padding_apply_per_slice(tmp_path: Path) -> None:
    spec = SeriesSpec(slices=3)
    for k, ds in enumerate(spec.datasets()):
        ds.RescaleSlope, ds.RescaleIntercept = 0.5 * (k + 1), 10
        ds.PixelPaddingValue = 0
        pixels = np.full((spec.rows, spec.columns), 100, np.uint16)
        pixels[0, 0] = 0
        ds.PixelData = pixels.tobytes()
        save(ds, tmp_path / str(k))
    study = read_study(tmp_path)
    array = study.read(study.target()).array
    assert array[1, 1].tolist() == [60.0, 110.0, 160.0]
    assert array[0, 0].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(("degrees", "known"), [(39.0, True), (41.0, False)])
@pytest.mark.parametrize("axis", range(3))
def test_a_plane_is_named_within_forty_degrees_of_its_normal(axis, degrees, known) -> None:
    normal = np.roll([np.cos(np.deg2rad(degrees)), 0.0, np.sin(np.deg2rad(degrees))], axis)
    named = (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)[axis]
    assert plane_of(normal) is (named if known else Plane.OBLIQUE)


@pytest.mark.parametrize(("off_mm", "same"), [(0.0208, True), (0.0212, False)])
def test_grids_are_the_same_to_two_percent_of_a_voxel_and_a_micrometre(off_mm, same) -> None:
    affine = np.diag([4.0, 1.0, 2.0, 1.0])
    moved = affine.copy()
    moved[1, 3] = off_mm
    assert same_grid(Grid((3, 4, 5), affine), Grid((3, 4, 5), moved)) is same


@pytest.mark.parametrize(("stated_mm", "said"), [(4.19, 0), (4.21, 1), (3.81, 0), (3.79, 1)])
def test_a_stated_spacing_off_by_five_percent_is_told(stated_mm, said) -> None:
    header = SimpleNamespace(between_mm=stated_mm)
    _, spacing, _, found = _regular_run(4.0 * np.arange(9), header)
    assert spacing == pytest.approx(4.0)
    assert [one.code for one in found] == [Code.HEADER_CONTRADICTS_GEOMETRY] * said


@pytest.mark.parametrize(("deviation_mm", "said"), [(0.088, 0), (0.092, 1)])
def test_two_percent_of_the_spacing_and_a_hundredth_of_a_millimetre(deviation_mm, said) -> None:
    """The middle one of nine slices is moved; the line through all follows by a ninth of that."""
    distances = 4.0 * np.arange(9)
    distances[4] += deviation_mm * 9 / 8
    *_, found = _regular_run(distances, SimpleNamespace(between_mm=None))
    assert [one.code for one in found] == [Code.SPACING_IRREGULAR] * said


def test_three_slices_are_a_volume() -> None:
    distances = np.array([0.0, 4.0, 8.0, 14.0, 18.0])
    run, *_ = _regular_run(distances, SimpleNamespace(between_mm=None))
    assert run == slice(0, 3)
