"""Slices of a source as points of the patient, on headers of a few numbers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from pydicom import Dataset

from discmri.core.errors import ResultsError
from discmri.core.volume import Grid
from discmri.results.dicom import parametric
from discmri.results.dicom.source import _SERIES_NUMBERS, DicomSource, Slice, _slices_of


def sagittal(left_mm: float) -> Slice:
    """Rows run to the back, columns to the feet, from 10 mm in front and 50 mm above."""
    along_row, along_column = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, -1.0])
    at = np.array([left_mm, -10.0, 50.0])
    return Slice(Dataset(), None, at, along_row, along_column, (2.0, 0.5))


def test_a_point_of_the_patient_has_a_pixel_and_a_distance():
    """Right, anterior, superior against left, posterior, superior."""
    cut = sagittal(8.0)
    assert cut.pixel(np.array([0.0, 10.0, 50.0])) == pytest.approx((0.5, 0.5))
    assert cut.pixel(np.array([0.0, 4.0, 50.0])) == pytest.approx((12.5, 0.5))
    assert cut.pixel(np.array([0.0, 10.0, 30.0])) == pytest.approx((0.5, 10.5))
    assert cut.distance_mm(np.array([-8.0, 0.0, 0.0])) == pytest.approx(0.0)
    assert abs(cut.distance_mm(np.array([-5.0, 7.0, -3.0]))) == pytest.approx(3.0)


def header() -> Dataset:
    ds = Dataset()
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [8, -10, 50], [0, 1, 0, 0, 0, -1]
    ds.PixelSpacing = [2.0, 0.5]  # of rows, of columns
    return ds


@pytest.mark.parametrize("enhanced", [False, True])
def test_a_header_gives_the_spacing_of_rows_first(enhanced):
    whole = header()
    if enhanced:
        place, turn, size = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = whole.ImagePositionPatient
        turn.ImageOrientationPatient = whole.ImageOrientationPatient
        size.PixelSpacing = whole.PixelSpacing
        frame, shared, whole = Dataset(), Dataset(), Dataset()
        frame.PlanePositionSequence = [place]
        shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [turn], [size]
        whole.PerFrameFunctionalGroupsSequence = [frame]
        whole.SharedFunctionalGroupsSequence = [shared]
    (cut,) = _slices_of(whole)
    assert cut.frame == (1 if enhanced else None)
    assert cut.pixel_mm == (2.0, 0.5)
    point = np.array([0.0, 4.0, 30.0])
    assert cut.pixel(point) == pytest.approx(sagittal(8.0).pixel(point))


@pytest.mark.parametrize(("right_mm", "nearest"), [(-9.0, 0), (-6.5, 0), (-5.5, 1), (20.0, 2)])
def test_the_nearest_slice_may_lie_on_either_side(right_mm, nearest):
    cuts = tuple(sagittal(left) for left in (8.0, 4.0, 0.0))
    found = DicomSource.nearest(SimpleNamespace(slices=cuts), np.array([right_mm, 0.0, 0.0]))
    assert found is cuts[nearest]


@pytest.mark.parametrize(("off_mm", "refused"), [(0.07, False), (0.15, True)])
@pytest.mark.parametrize("axis", range(3))
def test_labels_off_the_slices_are_refused(off_mm, refused, axis):
    """Two slices 4 mm apart, the grid of the labels so far off along one axis."""
    cuts = [sagittal(8.0), sagittal(4.0)]
    # axes of the array: to the back, to the feet, to the right
    affine = np.array([[0.0, 0, 4, -8], [-0.5, 0, 0, 10], [0, -2, 0, 50], [0, 0, 0, 1]])
    affine[axis, 3] += off_mm
    labels = SimpleNamespace(label_map=SimpleNamespace(grid=Grid((9, 9, 2), affine)))
    source = SimpleNamespace(result=SimpleNamespace(**vars(labels), series_uid="1.2"), slices=cuts)
    if refused:
        with pytest.raises(ResultsError, match=r"off the slices of series 1\.2"):
            DicomSource._refuse_another_grid(source)
    else:
        DicomSource._refuse_another_grid(source)


def test_series_numbers_are_no_scanners_and_differ():
    numbers = list(_SERIES_NUMBERS.values())
    assert len(set(numbers)) == len(numbers)
    assert all(9000 <= number <= 9999 for number in numbers)


def test_an_adc_map_is_shown_from_nothing_to_free_water():
    """Its window is that of MR at body temperature: fat is black, fluid is white."""
    centre, width = parametric._WINDOW_MM2_PER_S
    assert centre - width / 2 == pytest.approx(0.0, abs=1e-4)
    assert 2.8e-3 < centre + width / 2 < 3.3e-3
