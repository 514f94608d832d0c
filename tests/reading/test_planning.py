"""From results folders to a session."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from tests.reading.builder import LEVELS, make_results

from discmri import reading
from discmri.core.errors import SessionError, UsageError
from discmri.core.levels import DiscLevel
from discmri.reading import Mode, Order, SessionOptions
from discmri.reading.plan import PlannedDisc, from_content, to_content


def test_a_plan_survives_the_store(results, tmp_path):
    options = SessionOptions(("ann", "ben"), Mode.BLINDED, repeats=0.3, seed=4, title="Lumbar =1+1",
                    planner="zoe")  # fmt: skip
    planned = reading.plan_session(dict.fromkeys(results), options, beside=tmp_path)
    store = reading.create_session(tmp_path / "x.session", planned)
    assert store.plan() == planned.plan
    assert from_content(json.loads(json.dumps(to_content(planned.plan)))) == planned.plan
    assert store.entries()[0].row["reader"] == "zoe"
    assert len(planned.plan.cases) == 6
    assert [disc.level for disc in planned.plan.cases[0].discs] == list(LEVELS)
    assert planned.plan.cases[0].discs[2].suggested_grade == "4"


@pytest.mark.parametrize("more", [False, True])
def test_what_plans_of_earlier_versions_lack_is_stored_only_if_it_is_there(results, more):
    """So their first entry, and its hash, stay the same."""
    plan = reading.plan_session(dict.fromkeys(results), SessionOptions(("ann",))).plan
    residual = (PlannedDisc(DiscLevel.S1_S2, 9),)
    cases = tuple(
        replace(case, residual_discs=residual * more, remnants=residual * more)
        for case in plan.cases
    )
    stored = to_content(replace(plan, cases=cases, practice=more))
    assert ("practice" in stored) is more
    for case in stored["cases"]:
        assert case["discs"][2][::2] == ["L3-L4", "4"]
        for name in ("residual_discs", "remnants"):
            assert case.get(name) == ([["S1-S2", 9, ""]] if more else None)
    assert [one.level for one in cases[0].all_discs[len(LEVELS) :]] == [DiscLevel.S1_S2] * more


@pytest.mark.parametrize(
    ("mode", "identity", "before", "after"),
    [
        (Mode.OPEN, True, True, True),
        (Mode.LOCKED, True, False, True),
        (Mode.BLINDED, False, False, False),
    ],
)
def test_what_a_mode_shows(mode, identity, before, after):
    assert mode.shows_identity is identity
    assert (mode.shows_metrics(revealed=False), mode.shows_metrics(revealed=True)) == (
        before,
        after,
    )


def test_folders_of_results_are_found(results, tmp_path):
    assert reading.results_folders([tmp_path / "data"]) == [path.resolve() for path in results]
    assert reading.results_folders([results[1], results[1]]) == [results[1].resolve()]
    batch = tmp_path / "batch"
    (batch / "studies" / "S1").mkdir(parents=True)
    (batch / "studies" / "S1" / "study.json").touch()
    assert reading.results_folders([batch]) == [(batch / "studies" / "S1").resolve()]
    (tmp_path / "none").mkdir()
    for wrong in (tmp_path / "none", tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="results folders of discmri measure"):
            reading.results_folders([wrong])


def test_what_was_not_measured_is_left_out(results, tmp_path):
    failed = make_results(
        tmp_path / "data" / "failed", "SUBJ-D", "20240131", status="nothing_to_measure"
    )
    planned = reading.plan_session(dict.fromkeys([*results, failed]), SessionOptions(("ann",)))
    assert planned.left_out == (failed.resolve(),)
    assert len(planned.plan.cases) == 6
    with pytest.raises(UsageError, match="has measured discs"):
        reading.plan_session({failed: None}, SessionOptions(("ann",)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (SessionOptions(()), "needs readers"),
        (SessionOptions(("ann", " ")), "needs readers"),
        (SessionOptions(("ann", "ann")), "named twice"),
        (SessionOptions(("ann",), Mode.BLINDED, Order.AS_GIVEN), "visits are shuffled"),
        (SessionOptions(("ann",), repeats=0.9), "share of repeats"),
    ],
)
def test_wishes_that_contradict_each_other(results, options, message):
    with pytest.raises(UsageError, match=message):
        reading.plan_session(dict.fromkeys(results), options)


def test_no_results_no_session():
    with pytest.raises(UsageError, match="needs cases"):
        reading.plan_session({}, SessionOptions(("ann",)))


def test_the_same_visit_twice_is_refused(results, tmp_path):
    twin = tmp_path / "data" / "twin"
    shutil.copytree(results[0], twin)
    with pytest.raises(UsageError, match="are the same visit of SUBJ-A"):
        reading.plan_session(dict.fromkeys([*results, twin]), SessionOptions(("ann",)))


@pytest.mark.parametrize("content", ["", "[]", '{"schema": "other-1"}', "{"])
def test_what_discmri_did_not_write_is_refused(results, content):
    (results[0] / "study.json").write_text(content)
    with pytest.raises(SessionError, match=r"study\.json"):
        reading.plan_session(dict.fromkeys(results), SessionOptions(("ann",)))


def test_a_session_is_never_overwritten(plan, results):
    path = plan()
    planned = reading.plan_session(dict.fromkeys(results), SessionOptions(("cat",)))
    with pytest.raises(UsageError, match="never overwritten"):
        reading.create_session(path, planned)
    assert reading.Store.open(path).plan().readers == ("ann", "ben")


def test_a_session_moves_together_with_its_data(plan, tmp_path):
    plan()
    moved = tmp_path.parent / f"{tmp_path.name}-moved"
    tmp_path.rename(moved)
    with reading.open_session(moved / "open.session", "ann") as session:
        item = session.cases[0].item
        assert session.labels_file(item).read_bytes() == b"labels"
        assert session.metrics(item, LEVELS[0]).number("height_mm") == 7.0
    moved.rename(tmp_path)


def test_a_root_can_be_named(plan, tmp_path):
    path = plan()
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    with reading.open_session(path, "ann") as session:
        item = session.cases[0].item
        with pytest.raises(SessionError, match="restore the results"):
            session.labels_file(item)
    with reading.open_session(path, "ann", root=tmp_path / "elsewhere") as session:
        assert session.labels_file(item).is_file()
