"""Loading, painting and looking at a study, without a window."""

from __future__ import annotations

import shutil
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from discmri import reading
from discmri.core.errors import NothingToMeasureError, SessionError
from discmri.core.levels import DiscLevel
from discmri.core.volume import Grid, SoftMask
from discmri.measurement import disc_values, pipeline
from discmri.napari import opening
from discmri.napari.browser import StudyBrowser
from discmri.napari.brush import Brush
from discmri.napari.case import LoadedCase, edited_values
from discmri.napari.images import border_of, images_of
from discmri.napari.loading import (
    load_adc,
    load_images,
    measure_loaded,
    measure_painted,
    repeatable,
    unpacked,
)
from discmri.napari.panel import Question
from discmri.napari.view import SagittalView
from discmri.reading import Mode, open_session
from discmri.reading.results import metrics_of, read_record
from discmri.study import read_study

L45 = DiscLevel.L4_L5
LEVELS = ["T12-L1", "L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"]


def silent(_text, _share):
    pass


@pytest.fixture(scope="module")
def record(visits):
    return read_record(visits[0].results)[0]


@pytest.fixture(scope="module")
def numbers(record):
    return {disc.level: disc.level.label_id for disc in record.records}


@pytest.fixture(scope="module")
def loaded(visits, numbers):
    study = read_study(visits[0].study)
    return load_images(study, visits[0].results, numbers)


@pytest.fixture(scope="module")
def adc(loaded):
    return load_adc(loaded, silent)


@pytest.fixture(scope="module")
def measured(loaded, record):
    return measure_loaded(loaded, record, silent)


@pytest.fixture
def case(loaded, measured, numbers):
    made = LoadedCase.of(loaded, numbers)
    made.set_measured(measured)
    return made


def bump(case, level=L45, rows=3):
    """Paint a block above the middle of a disc."""
    shown = case.shown
    voxels = np.argwhere(shown == case.numbers[level])
    slices = np.unique(voxels[:, 0])
    column = int(np.median(voxels[:, 2]))
    for number in slices:
        top = voxels[(voxels[:, 0] == number) & (voxels[:, 2] == column)]
        if len(top):
            first = int(top[:, 1].min())
            shown[number, first - rows : first, column - 8 : column + 8] = case.numbers[level]


# ------------------------------------------------------------------ images and marks
def test_pictures_lie_side_by_side_on_one_lattice(loaded, adc):
    images = loaded.images
    assert [one.name for one in images.pictures] == ["T2", "T1"]
    assert {one.array.shape for one in (*images.pictures, adc)} == {images.view.shape}
    np.testing.assert_allclose(images.view.spacing_mm, [4.4, 1.1, 1.1], atol=1e-6)
    t2, t1 = images.pictures
    assert t2.limits[0] < np.median(t2.array) < t2.limits[1]
    assert not np.array_equal(t1.array, t2.array)


def test_the_adc_is_in_its_unit_and_in_its_place(case, adc, measured, record):
    inside = case.shown == case.numbers[DiscLevel.L2_L3]
    mean = record.record(DiscLevel.L2_L3).get("adc_disc_um2_ms")
    assert np.median(adc.array[inside]) == pytest.approx(mean, rel=0.15)
    assert adc.limits == (0.0, 3.0)
    view = case.loaded.images.view
    as_measured = view.shown(measured.diffusion.on(view.grid).array)
    np.testing.assert_allclose(adc.array, as_measured, atol=0.01, err_msg="placed as it was")


def test_the_place_of_the_adc_is_kept_until_it_is_there(loaded, numbers, adc):
    made = LoadedCase.of(loaded, numbers)
    assert [one.title for one in made.pictures] == ["T2", "T1", "ADC …"]
    assert not np.any(made.pictures[-1].array)
    made.set_adc(adc)
    assert [one.title for one in made.pictures] == ["T2", "T1", "ADC µm²/ms"]
    assert made.left_out == ()


def test_results_that_do_not_say_where_a_corrected_adc_lies_say_so(loaded, numbers):
    older = replace(loaded.diffusion, distortion_corrected=True, phase_axis=())
    made = LoadedCase.of(replace(loaded, diffusion=older), numbers)
    made.set_adc(load_adc(made.loaded, silent))
    assert [one.name for one in made.pictures] == ["T2", "T1"]
    assert "measure the study again to show it" in made.left_out[0]
    assert load_adc(replace(loaded, diffusion=None), silent) == "", "none was measured"


def test_the_border_of_whole_voxels_is_rounded_and_no_smaller():
    grid = Grid((3, 40, 60), np.diag([4.0, 1.0, 1.0, 1.0]))
    k, j = np.meshgrid(np.arange(60), np.arange(40))
    plane = np.abs(k - 30) / 20.0 + np.abs(j - 20 - 0.2 * (k - 30)) / 6.0 < 1
    disc = np.stack([plane] * 3).astype(np.float32)
    border = border_of(SagittalView.of(grid), SoftMask.from_fractions(disc, grid.affine))
    loop = border[border[:, 0, 0] == border[0, 0, 0]][:, 0, 1:]
    rows, columns = loop.T
    area = 0.5 * abs(np.dot(rows, np.roll(columns, 1)) - np.dot(columns, np.roll(rows, 1)))
    assert area == pytest.approx(plane.sum(), rel=0.04)
    pieces = np.diff(np.vstack([loop, loop[:1]]), axis=0)
    way = np.unwrap(np.arctan2(pieces[:, 0], pieces[:, 1]))
    assert np.abs(np.diff(way)).sum() < 2.0 * (2 * np.pi), "steps would turn it many times more"


def test_marks_stand_in_the_discs_and_names_in_front(case):
    view = case.loaded.images.view
    heights = []
    for level, number in case.numbers.items():
        mark = case.mark(level)
        heights.append(mark.centre_mm[1])
        index = tuple(np.round(mark.centre_mm / view.spacing_mm).astype(int))
        assert case.shown[index] == number, "the centre lies in the disc"
        columns = np.argwhere(case.shown == number)[:, 2] * view.spacing_mm[2]
        assert mark.name_mm[1] < columns.min() - 10.0
        assert mark.lines_mm.shape == (3, 2, 3)
        assert len(np.unique(mark.lines_mm[..., 0])) == 1, "on one slice"
    assert heights == sorted(heights)


def test_height_lines_are_as_long_as_the_heights(case, record):
    for disc in record.records:
        lines = case.mark(disc.level).lines_mm
        lengths = np.linalg.norm(lines[:, 0] - lines[:, 1], axis=-1)
        values = [disc.get(f"height_{n}_mm") for n in ("anterior", "middle", "posterior")]
        # A value is fitted over 6 % of the width; the line joins the borders in the middle of it.
        np.testing.assert_allclose(lengths, values, atol=0.2)


def test_results_without_borders_show_those_of_the_labels(visits, numbers, tmp_path):
    folder = tmp_path / "results"
    shutil.copytree(visits[0].results, folder)
    (folder / "outlines.json").unlink()
    case = LoadedCase.of(load_images(read_study(visits[0].study), folder, numbers), numbers)
    assert len(case.mark(L45).lines_mm) == 0
    assert len(case.border(L45)) > 20


def test_labels_of_another_grid_are_refused(visits, loaded):
    study = read_study(visits[0].study)
    labels = loaded.images.labels
    grid = loaded.images.view.grid
    shifted = grid.affine.copy()
    shifted[0, 3] += 3.0
    with pytest.raises(SessionError, match="does not lie on the grid"):
        images_of(study, labels, Grid(grid.shape, shifted), {})


def test_a_broken_label_map_is_told(visits, tmp_path, numbers):
    shutil.copy(visits[0].results / "study.json", tmp_path)
    (tmp_path / "labels.nii.gz").write_bytes(b"no gzip")
    with pytest.raises(SessionError, match="label map cannot be read"):
        load_images(read_study(visits[0].study), tmp_path, numbers)


# ------------------------------------------------------------------ measuring as the results were
def test_measured_again_as_the_results_were(measured, record):
    again = {r.level: r for r in measured.result.records}
    assert [level.value for level in again] == LEVELS
    for disc in record.records:
        for name, known in disc.values.items():
            value = again[disc.level].get(name)
            assert value == pytest.approx(known.value), (disc.level, name)


def test_settings_of_the_results_are_used(record):
    known = record.provenance.settings
    assert known.masks.name == str(known.masks), "only its name is recorded"
    settings = repeatable(replace(known, height_method="dabbs"))
    assert (settings.segmenter, settings.masks) == ("masks", None)
    assert settings.height_method == "dabbs"


def test_soft_masks_are_used_where_the_segmenter_still_gives_the_labels(
    loaded, record, measured, monkeypatch
):
    asked = []

    def study_steps(_study, settings):
        asked.append((settings.segmenter, settings.masks))
        return measured

    monkeypatch.setattr("discmri.napari.loading.StudySteps", study_steps)
    provenance = record.provenance
    own = replace(provenance, settings=replace(provenance.settings, segmenter="builtin"))
    by_segmenter = replace(record, provenance=own)
    measure_loaded(loaded, by_segmenter, silent)
    assert asked == [("builtin", None)]
    asked.clear()
    other = loaded.images.labels.copy()
    other[0, 0, 0] = 44
    changed = replace(loaded, images=replace(loaded.images, labels=other))
    measure_loaded(changed, by_segmenter, silent)
    assert asked == [("builtin", None), ("masks", loaded.labels_file)]


def test_only_the_painted_disc_is_measured_and_as_a_whole_measurement_would(
    loaded, record, numbers, monkeypatch
):
    ready = measure_loaded(loaded, record, silent)
    assert {"labels", "bias_corrected", "diffusion", "signals"} <= vars(ready).keys()
    assert not {"grades", "adc", "result"} & vars(ready).keys()
    case, asked = LoadedCase.of(loaded, numbers), []
    bump(case)
    measure = disc_values.measure_heights
    monkeypatch.setattr(
        disc_values, "measure_heights", lambda *one: (asked.append(one), measure(*one))[1]
    )
    painted = (case.loaded.images, L45, case.where(L45), case.numbers[L45])
    again = measure_painted(ready, *painted)
    assert len(asked) == 1, "the heights of all other discs are those of the results"
    whole = pipeline.StudySteps(loaded.study, ready.settings)
    wanted = measure_painted(whole, *painted)
    assert again.record == wanted.record != record.record(L45)
    assert again.findings == wanted.findings


def test_results_of_which_no_disc_was_judged_are_measured_again(loaded, record):
    early = replace(record, records=tuple(replace(one, quality=None) for one in record.records))
    assert "checks" not in vars(measure_loaded(loaded, early, silent))


# ------------------------------------------------------------------ painting
def test_strokes_before_the_study_is_measured_are_measured_when_it_is(loaded, measured, numbers):
    case, moved = LoadedCase.of(loaded, numbers), []
    brush = Brush(NoCanvas(), at_once, lambda: moved.append(True), pytest.fail)
    brush.start(case, L45, erase=False)
    bump(case)
    brush.stroke()
    assert brush.values == {}
    asked = []
    brush.when_measured(lambda: asked.append(brush.values))
    brush.catch_up()
    assert (brush.values, asked) == ({}, [])
    case.set_measured(measured)
    brush.catch_up()
    assert asked[0]["height_mm"] > 0


class NoCanvas:
    """Where nothing is drawn."""

    def __getattr__(self, _name):
        return lambda *_: None


def at_once(job, done, failed):
    try:
        result = job(silent)
    except DeprecationWarning as error:
        failed(error)
    else:
        done(result)


def test_painting_measures_that_disc_and_no_other(case, record):
    moved = []
    brush = Brush(NoCanvas(), at_once, lambda: moved.append(True), pytest.fail)
    brush.start(case, L45, erase=False)
    assert not brush.changed
    bump(case)
    brush.stroke()
    assert brush.changed
    assert moved
    known = record.record(L45)
    added = brush.values["height_middle_mm"] - known.get("height_middle_mm")
    assert added == pytest.approx(3 * 1.1, abs=0.6), "three rows of 1.1 mm"
    assert brush.values["height_posterior_mm"] == pytest.approx(
        known.get("height_posterior_mm"), abs=0.6
    )
    assert brush.mark(L45).lines_mm.shape == (3, 2, 3)
    assert brush.mark(DiscLevel.L3_L4) is None


def test_what_is_kept_is_the_label_map_with_the_edit(case, numbers):
    brush = Brush(NoCanvas(), at_once, lambda: None, pytest.fail)
    brush.start(case, L45, erase=False)
    bump(case)
    asked = []
    brush.when_measured(lambda: asked.append(brush.values))
    assert asked[0]["height_mm"] > 0
    file = unpacked(case.file())
    before = case.loaded.images.labels
    labels = file.array
    changed = labels != before
    assert np.all(labels[changed] == numbers[L45])
    assert np.array_equal(labels[~changed], before[~changed]), "bodies and canal are still there"
    np.testing.assert_allclose(file.grid.affine, case.loaded.images.view.grid.affine)
    brush.done()
    assert not brush.busy
    assert case.edited[L45].record.get("height_mm") == asked[0]["height_mm"]


def test_dropping_puts_the_label_back(case):
    before = case.discs.copy()
    brush = Brush(NoCanvas(), at_once, lambda: None, pytest.fail)
    brush.start(case, L45, erase=True)
    case.discs[:] = 0
    brush.stroke()
    assert brush.values == {}, "nothing is left to measure"
    brush.drop()
    assert np.array_equal(case.discs, before)
    assert case.edited == {}


def test_strokes_that_come_while_measuring_are_measured_together(case):
    jobs = []
    brush = Brush(NoCanvas(), lambda job, done, failed: jobs.append((job, done)), list, pytest.fail)
    brush.start(case, L45, erase=False)
    for rows in (1, 2, 3):
        bump(case, rows=rows)
        brush.stroke()
    assert len(jobs) == 1
    asked = []
    brush.when_measured(lambda: asked.append(brush.values["height_middle_mm"]))
    job, done = jobs.pop()
    done(job(silent))
    assert not asked
    job, done = jobs.pop()
    done(job(silent))
    assert len(asked) == 1
    assert not jobs


def test_edits_of_an_earlier_sitting_are_shown_with_the_border_of_their_label(
    case, session_on, measured
):
    bump(case)
    with open_session(session_on(Mode.OPEN), "ann") as session:
        item = session.cases[0].item
        session.edit_label(item, L45, {"height_mm": 9.0}, "osteophyte", case.file())
        fresh = LoadedCase.of(case.loaded, case.numbers)
        edit = session.case(item).disc(L45).edit
        fresh.apply_edits(session.painted_labels(item), {L45: edit.entry_id})
        assert np.array_equal(fresh.discs, case.discs)
        assert len(fresh.mark(L45).lines_mm) == 0, "those of the automatic border are not its own"
        assert not np.array_equal(
            fresh.border(L45), LoadedCase.of(case.loaded, case.numbers).border(L45)
        )
        session.undo()
        fresh.apply_edits(session.painted_labels(item), {})
        assert np.array_equal(fresh.discs, LoadedCase.of(case.loaded, case.numbers).discs)
        assert len(fresh.mark(L45).lines_mm) == 3


def test_only_numbers_are_recorded(measured, case):
    bump(case)
    again = measure_painted(measured, case.loaded.images, L45, case.where(L45), case.numbers[L45])
    values = edited_values(again)
    assert {"height_mm", "volume_mm3", "suggested_signal"} <= values.keys()
    assert not {"suggested_grade", "confidence"} & values.keys()
    assert all(isinstance(value, float) for value in values.values())


# ------------------------------------------------------------------ outside a session
def test_what_stands_at_a_path_is_told(visits, session_on, tmp_path):
    first = visits[0]
    assert opening.path_kind(first.study) is opening.PathKind.STUDY
    assert opening.path_kind(first.results) is opening.PathKind.RESULTS
    assert opening.path_kind(first.results / "study.json") is opening.PathKind.RESULTS
    assert opening.path_kind(session_on(Mode.OPEN)) is opening.PathKind.SESSION
    assert opening.path_kind(next(first.study.rglob("*.dcm"))) is opening.PathKind.STUDY
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("nothing")
    assert opening.path_kind(tmp_path / "notes") is None
    nameless = tmp_path / "IM0001"
    nameless.write_bytes(bytes(128) + b"DICM")
    assert opening.path_kind(nameless) is opening.PathKind.STUDY


def test_results_find_their_images_or_ask(visits, record, tmp_path, monkeypatch):
    first = visits[0]
    with pytest.raises(opening.ImagesMissingError, match="were not found"):
        opening.open_results(first.results, silent)
    with pytest.raises(SessionError, match="holds no study"):
        opening.open_results(first.results, silent, visits[1].study)
    look = opening.open_results(first.results, silent, first.study)
    assert look.title == "MEYER-4711, 20230517"
    assert [level.value for level in look.discs] == LEVELS
    assert look.metrics == metrics_of(record)
    monkeypatch.chdir(first.study.parent)
    assert opening.open_results(first.results, silent).study_path.samefile(first.study)


def test_results_of_a_study_without_discs_say_so(tmp_path):
    from tests.reading.builder import make_results

    folder = make_results(tmp_path / "none", "S", "20240101", status="nothing_to_measure")
    with pytest.raises(SessionError, match="have no discs: nothing there"):
        opening.open_results(folder, silent)


def test_a_folder_without_images_is_told(tmp_path):
    with pytest.raises(NothingToMeasureError):
        opening.open_study(tmp_path, silent)


def test_a_study_is_measured_when_it_is_opened_and_can_be_graded(visits, measured, tmp_path):
    from discmri.core.settings import Settings

    first = visits[0]
    settings = Settings(segmenter="masks", masks=first.results / "labels.nii.gz")
    look = opening.open_study(first.study, silent, settings)
    assert (look.discs, look.metrics) == ({}, {})
    assert len(look.loaded.images.pictures) == 2
    done, adc = opening.complete(look, silent)
    assert adc.name == "ADC"
    assert [level.value for level in done.discs] == LEVELS
    assert done.metrics[L45].number("height_mm") == pytest.approx(
        measured.result.records[4].get("height_mm")
    )
    place = tmp_path / "out" / "one.session"
    opening.plan_single(done, place, "ann")
    with open_session(place, "ann") as session:
        assert session.mode is Mode.OPEN
        session.record(session.cases[0].item, L45, reading.Grade(3))
        assert session.images(session.cases[0].item).study_uid == look.loaded.study.study_uid
    opening.plan_single(done, place, "ann")
    with open_session(place, "ann") as session:
        assert session.progress == (1, 6), "a session that exists is gone on with"


def test_looking_records_nothing_until_somebody_begins(visits, measured):
    begun = []
    viewing = StudyBrowser(lambda place, reader: begun.append((place.name, reader)))
    assert "Drop a study" in viewing.panel().rule
    look = opening.open_results(visits[0].results, silent, visits[0].study)
    viewing.show(look, ready=False)
    viewing.press("begin")
    assert "still being measured" in viewing.panel().notice
    viewing.show(look, ready=True)
    viewing.press("4")
    assert viewing.panel().notice == "Begin a session to grade."
    viewing.press("down")
    assert viewing.panel().rows[viewing.panel().current].name == "L1-L2"
    assert viewing.panel().metrics
    viewing.press("begin")
    viewing.answer("ann")
    assert isinstance(viewing.question, Question)
    assert viewing.question.given.endswith("MEYER-first.session")
    viewing.answer(viewing.question.given)
    assert begun == [("MEYER-first.session", "ann")]


def test_the_sample_is_a_study_of_its_own_that_goes_with_the_program(monkeypatch):
    monkeypatch.setattr(opening, "SAMPLE", dict(opening.SAMPLE, spacing_mm=1.4, slices=5))
    look = opening.open_sample(silent)
    assert look.fleeting
    assert opening.session_place(look).parent == look.study_path.parent
    assert look.loaded.images.pictures[0].name == "T2"
    labels = nib.load(look.settings.masks)
    assert labels.shape == look.loaded.images.view.grid.shape
