"""The images of a case are proven to be those that were measured."""

from __future__ import annotations

import shutil

import numpy as np
import pydicom
import pytest

from discmri import reading
from discmri.core.errors import SessionError, UsageError
from discmri.reading import Mode, SessionOptions


@pytest.fixture(scope="module")
def measured(phantom_study, phantom_result, tmp_path_factory):
    """A phantom's study and its results, side by side under one name."""
    root = tmp_path_factory.mktemp("measured")
    shutil.copytree(phantom_study, root / "scans" / "sub-01")
    phantom_result.write(root / "results" / "sub-01", ("json", "nifti"))
    return root


@pytest.fixture
def session(measured, tmp_path):
    """A function: a session of some mode on a copy that may be harmed."""
    shutil.copytree(measured, tmp_path / "copy")
    results, scans = tmp_path / "copy" / "results" / "sub-01", tmp_path / "copy" / "scans"
    made = []

    def start(mode=Mode.OPEN):
        images = reading.find_study(results, scans)
        planned = reading.plan_session({results: images}, SessionOptions(("ann",), mode), tmp_path)
        reading.create_session(tmp_path / f"{mode.value}.session", planned)
        made.append(reading.open_session(tmp_path / f"{mode.value}.session", "ann"))
        return made[-1]

    yield start
    for one in made:
        one.close()


def files(tmp_path):
    study = tmp_path / "copy" / "scans" / "sub-01"
    return [path for path in study.rglob("*") if path.is_file()]


def of_target(tmp_path, uid):
    return next(path for path in files(tmp_path) if pydicom.dcmread(path).SeriesInstanceUID == uid)


def test_images_and_labels_fit_each_other(session):
    import nibabel as nib

    opened = session()
    item = opened.next_case().item
    study = opened.images(item)
    labels = nib.load(opened.labels_file(item))
    assert study.read(study.target()).shape == labels.shape
    numbers = set(np.unique(np.asarray(labels.dataobj)))
    assert {disc.label_id for disc in opened.case(item).discs} <= numbers
    assert opened.metrics(item, opened.case(item).discs[0].key).number("height_mm") > 3


def test_pixels_that_changed_are_refused(session, tmp_path):
    opened = session()
    case = opened.plan.cases[0]
    path = of_target(tmp_path, case.series_uid)
    dataset = pydicom.dcmread(path)
    pixels = dataset.pixel_array.copy()
    pixels[0, 0] += 1
    dataset.PixelData = pixels.tobytes()
    dataset.save_as(path)
    with pytest.raises(SessionError, match="not those that were measured"):
        opened.images(case.key + ".1")


def test_images_that_are_gone_are_told(session, tmp_path):
    opened = session(Mode.BLINDED)
    shutil.rmtree(tmp_path / "copy" / "scans")
    with pytest.raises(SessionError, match="files of Case 1 of 1 are missing or changed") as caught:
        opened.images(opened.cases[0].item)
    assert "sub-01" not in str(caught.value)


def test_other_images_are_no_plan(measured, tmp_path):
    results = measured / "results" / "sub-01"
    shutil.copytree(measured / "scans" / "sub-01", tmp_path / "other")
    for path in (tmp_path / "other").rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.SeriesInstanceUID = f"1.2.3.{dataset.SeriesNumber}"
        dataset.save_as(path)
    with pytest.raises(SessionError, match="does not contain the images that were measured"):
        reading.plan_session({results: tmp_path / "other"}, SessionOptions(("ann",)))
    with pytest.raises(SessionError, match="cannot be read"):
        reading.plan_session({results: tmp_path / "nowhere"}, SessionOptions(("ann",)))
    with pytest.raises(UsageError, match="no study named sub-01"):
        reading.find_study(results, tmp_path / "other")


@pytest.mark.parametrize("name", ["sub-01/study", "sub-01", "sub-01.zip", "sub-01.nii.gz"])
def test_where_images_are_looked_for(tmp_path, name):
    place = tmp_path / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.mkdir() if "." not in name else place.write_bytes(b"")
    assert reading.find_study(tmp_path / "results" / "sub-01", tmp_path) == place
