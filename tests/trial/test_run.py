"""A trial from its list to its report, through the whole chain."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import replace

import pytest

from discmri.cohort import Workers
from discmri.core.errors import NothingToMeasureError, UsageError
from discmri.core.settings import Settings
from discmri.results.decisions import Decision, Decisions, JudgedDisc, QcVerdict
from discmri.results.records import PARAMETERS
from discmri.simulation.trial import WEEKS, Effect, make_trial, trial_scans
from discmri.trial import (
    IssueSeverity,
    TrialOptions,
    check_trial,
    default_declaration,
    read_listing,
    read_trial,
    run_trial,
)
from discmri.trial.outputs import analyse_table
from discmri.trial.redcap import DICTIONARY
from discmri.trial.responders import Response
from discmri.trial.sdtm import MAPPING, finding_rows
from discmri.trial.tables import LONG
from discmri.trial.values_table import read_values

OPTIONS = TrialOptions(
    Settings(segmenter="masks"),
    Workers(2),
    declaration=default_declaration(("baseline", "week 24"), ("height_mm",)),
    name="DEMO",
)


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def done(rendered, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "results"
    trial = read_trial(rendered.root / "trial_with_masks.csv")
    return trial, run_trial(trial, out, OPTIONS), out


def test_the_gain_is_found_and_measured_right(done, rendered):
    _, outcome, _ = done
    (judged,) = outcome.analysis.judged
    assert judged.response is Response.RESPONDER
    truth = {
        (row["visit"], row["repeat"]): float(row["height_columns_mm"])
        for row in rows_of(rendered.root / "truth.csv")
        if row["level"] == row["treated"]
    }
    expected = truth["week 24", "1"] - truth["baseline", "1"]
    assert expected > 1.5
    (change,) = [
        one for one in outcome.analysis.changes if one.treated and one.parameter == "height_mm"
    ]
    assert change.change == pytest.approx(expected, abs=0.5)
    assert "published" in change.band.origin.value


def test_the_long_table_holds_every_value_once(done):
    trial, _, out = done
    rows = rows_of(out / "long.csv")
    assert list(rows[0]) == list(LONG)
    keys = {(r["subject"], r["visit"], r["repeat"], r["level"], r["parameter"]) for r in rows}
    assert (
        len(keys)
        == len(rows)
        == len(trial.scans) * len(PARAMETERS) * len({r["level"] for r in rows})
    )
    later = [r for r in rows if r["visit"] == "week 24" and r["parameter"] == "height_mm"]
    for row in later:
        difference = float(row["value"]) - float(row["baseline"])
        assert float(row["change"]) == pytest.approx(difference, abs=2e-3)
        assert row["verdict"] in ("beyond noise", "within noise")
        assert "Boos 1996" in row["noise_source"]
    assert not any(r["change"] for r in rows if r["visit"] == "baseline")
    measured = out / "measured" / "cohort.csv"
    values = {r["height_mm"] for r in rows_of(measured)}
    assert {r["value"] for r in rows if r["parameter"] == "height_mm"} == values


def test_the_long_table_gives_the_same_conclusions_without_images(done, tmp_path):
    _, outcome, out = done
    table = read_values(out / "long.csv", tuple(LONG))
    again, _ = analyse_table(table, tmp_path / "again", OPTIONS.declaration, OPTIONS.name)
    assert again.judged == outcome.analysis.judged
    for name in ("long.csv", "groups.csv", "responders.csv", "treated_untreated.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes(), name


def test_the_dictionary_names_every_column_and_parameter(done):
    _, _, out = done
    named = {row["name"] for row in rows_of(out / "data_dictionary.csv") if row["meaning"]}
    assert set(LONG) <= named
    assert {row["parameter"] for row in rows_of(out / "long.csv")} <= named


def test_redcap_fields_obey_its_rules(done):
    _, _, out = done
    fields = rows_of(out / "redcap_dictionary.csv")
    assert list(fields[0]) == list(DICTIONARY)
    names = [row["Variable / Field Name"] for row in fields]
    assert names[0] == "record_id"
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,99}", name) for name in names)
    assert len(set(names)) == len(names)
    rows = rows_of(out / "redcap_import.csv")
    system = {"redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"}
    assert set(rows[0]) - system == set(names)
    assert {row["redcap_event_name"] for row in rows} == {"baseline_arm_1", "week_24_arm_1"}
    assert sum(row["disc_treated"] == "1" for row in rows) == 2


def test_the_findings_table_is_mapped_and_short_enough(done):
    trial, outcome, out = done
    found = list(finding_rows(outcome.analysis, "DEMO", trial.visits))
    assert all(set(row) <= set(MAPPING) for row in found)
    assert all(len(str(row["MKTEST"])) <= 40 for row in found)
    rows = rows_of(out / "sdtm_findings.csv")
    assert [row["MKSEQ"] for row in rows] == [str(n + 1) for n in range(len(rows))]
    assert all(bool(row["MKORRES"]) != (row["MKSTAT"] == "NOT DONE") for row in rows)
    assert {row["USUBJID"] for row in rows} == {f"DEMO-{trial.subjects[0].name}"}


def test_the_report_is_one_offline_page_with_pictures(done):
    _, _, out = done
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert page.count('<figure><img alt="') == 2
    assert page.count("data:image/png") == 4
    assert page.index('class="answer"') < page.index("<dl>"), "the answer comes first"
    assert "<strong>" in page.split('class="named"')[1][:60]
    text = re.sub(r'"data:[^"]*"', "", page)
    assert not re.findall(r"\b(?:height|adc|area|volume)_[a-z0-9_]+", text), "names as people say"


def test_the_record_says_how_names_were_carried(done):
    _, _, out = done
    record = json.loads((out / "trial.json").read_text(encoding="utf-8"))
    assert [scan["repeat"] for scan in record["scans"]] == [1, 1, 2]
    assert record["answer"][0].startswith("Not answered: too few subjects")
    assert "Noise band" in record["plan"]
    for scan in record["scans"][1:]:
        assert scan["correlation"] > 0.9
        assert scan["lead"] > 0.1
        assert scan["numbering"] == ""
        assert 0 < scan["tilt_deg"] < 8


def test_again_measures_nothing_and_writes_the_same(done):
    trial, _, out = done
    before = {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()}
    again = run_trial(trial, out, OPTIONS)
    assert again.kept == len(trial.scans)
    assert {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()} == before


def test_a_disc_rejected_in_quality_control_is_compared_with_nothing(done, tmp_path):
    trial, before, out = done
    shutil.copytree(out, tmp_path / "out")
    (judged,) = before.analysis.judged
    scan = next(one.name for one in trial.scans if one.visit == "week 24")
    rejected = Decision(JudgedDisc(scan, judged.level), QcVerdict.REJECT)
    options = replace(OPTIONS, decisions=Decisions("qc.csv", "", (rejected,)))
    after = run_trial(trial, tmp_path / "out", options)
    assert after.kept == len(trial.scans)
    assert after.analysis.judged[0].response is not Response.RESPONDER
    reasons = {one.level: one.reasons for one in after.analysis.changes if one.visit == "week 24"}
    assert "rejected at week 24: rejected_in_qc" in reasons[judged.level]
    assert any("1 disc rejected and left out" in note for note in after.notes)
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "1 rejected, 1 of them in quality control" in report


def test_a_visit_that_cannot_be_measured_costs_only_itself(done, rendered, tmp_path):
    _, _, out = done
    copy = tmp_path / "demo"
    shutil.copytree(rendered.root, copy)
    results = tmp_path / "out"
    shutil.copytree(out, results)
    last = next(p for p in (copy / "studies").iterdir() if p.name.endswith("week24"))
    for file in (last / "study").rglob("*.dcm"):
        file.unlink()
    outcome = run_trial(read_trial(copy / "trial_with_masks.csv"), results, OPTIONS)
    assert outcome.analysis.changes == ()
    assert outcome.analysis.judged[0].response is Response.NOT_JUDGED
    page = (results / "report.html").read_text(encoding="utf-8")
    assert "week 24: no result" in page
    assert any(row["condition"] == "result" for row in rows_of(results / "comparability.csv"))


# ------------------------------------------------------------------ before anything runs
def issues(path):
    listing = read_listing(path)
    return [*listing.issues, *check_trial(listing.trial)]


def test_a_check_of_good_scans_finds_nothing_wrong(rendered):
    found = issues(rendered.root / "trial.csv")
    assert not [one for one in found if one.severity is IssueSeverity.ERROR]
    warned = [str(one) for one in found if one.severity is IssueSeverity.WARNING]
    assert warned == ["no scan has usable diffusion images: no ADC"]


@pytest.mark.parametrize(
    ("change", "severity", "said"),
    [
        (("2025-08-", "2025-09-"), IssueSeverity.WARNING, "date 2025-09-"),
        (("week24/study", "week24/none"), IssueSeverity.ERROR, "does not exist"),
    ],
)
def test_a_check_says_what_does_not_agree(rendered, change, severity, said):
    path = rendered.root / "changed.csv"
    text = (rendered.root / "trial.csv").read_text(encoding="utf-8")
    assert change[0] in text
    path.write_text(text.replace(*change), encoding="utf-8")
    found = [one for one in issues(path) if said in one.text]
    path.unlink()
    assert [one.severity for one in found] == [severity]


def test_a_check_tells_copies_and_strangers(rendered, tmp_path):
    lines = (rendered.root / "trial.csv").read_text(encoding="utf-8").splitlines()
    subject, folder = rendered.scans[0].subject, rendered.scans[0].folder
    shutil.copytree(rendered.root / "studies", tmp_path / "studies")
    shutil.copytree(tmp_path / "studies" / folder, tmp_path / "studies" / "copy")
    copied = lines[-1].replace(rendered.scans[-1].folder, "copy")
    other = lines[-1].replace(f"{subject},", "S99,", 1)
    path = tmp_path / "trial.csv"
    path.write_text("\n".join([*lines[:-1], copied, other]) + "\n", encoding="utf-8")
    said = [str(one) for one in issues(path) if one.severity is IssueSeverity.ERROR]
    assert any("are the same examination" in one for one in said)
    assert any(f"subjects {subject} and S99: have the same patient" in one for one in said)


# ------------------------------------------------------------------ refusals
def declaring(parameters=("height_mm",), at=""):
    return TrialOptions(declaration=default_declaration(("baseline", "week 24"), parameters, at))


def test_wrong_options_are_refused_before_the_work(rendered, tmp_path):
    trial = read_trial(rendered.root / "trial_with_masks.csv")
    for options, said in (
        (declaring(at="week 99"), "there is no visit 'week 99' after the first"),
        (declaring(("suggested_grade",)), "is not a number"),
        (declaring(("hight_mm",)), "is not a parameter"),
        (TrialOptions(reads=tmp_path / "none.csv"), "cannot be read"),
    ):
        with pytest.raises(UsageError, match=said):
            run_trial(trial, tmp_path / "out", options)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="something other than a trial"):
        run_trial(trial, tmp_path / "full", OPTIONS)


def test_a_trial_without_any_result_says_so(rendered, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "later").mkdir()
    path = tmp_path / "trial.csv"
    path.write_text("subject,visit,week,path\nS1,a,0,empty\nS1,b,4,later\n", encoding="utf-8")
    with pytest.raises(NothingToMeasureError, match="none of 2 scans"):
        run_trial(read_trial(path), tmp_path / "out", TrialOptions(workers=Workers(1)))


# ------------------------------------------------------------------ the synthetic trial
def test_two_of_five_gain_and_only_at_the_treated_disc():
    scans = trial_scans(7, Effect(1.0, 0.2))
    assert len(scans) == 25
    assert len({scan.subject for scan in scans if scan.responds}) == 2
    for scan in scans:
        last = scan.week == 24
        base = next(s for s in scans if s.subject == scan.subject and s.week == 0)
        for before, after in zip(base.spec.discs, scan.spec.discs, strict=True):
            gained = last and scan.responds and after.level is scan.treated
            share = after.height_mm - before.height_mm
            near = 0.075 * 0.1 * after.height_mm * 8 + 0.2  # the day's course and its noise
            assert abs(share - (1.0 if gained else 0.0)) < near
    assert sum(scan.vendor == "ge" for scan in scans) == 1
    assert not any(scan.responds for scan in scans if scan.vendor == "ge")


def test_a_trial_folder_is_continued_but_never_mixed(rendered):
    make_trial(rendered.scans, rendered.root, Workers(1))  # all there: nothing to do
    with pytest.raises(UsageError, match="something other than this synthetic trial"):
        make_trial(trial_scans(6, subjects=2), rendered.root, Workers(1))
    assert WEEKS == (0, 4, 12, 24)
