"""Every member of every list against the contract of that list.

A new height, reader, vendor, segmenter, scheme, exporter, check, statistic or command is tested
here before anyone writes a test for it.
"""

from __future__ import annotations

import argparse
import csv
import inspect
import re
from dataclasses import replace
from functools import partial
from importlib import import_module

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from tests.conftest import SMALL

from discmri import agreement, cli
from discmri.agreement.bootstrap import estimates
from discmri.agreement.ratings import SCALES
from discmri.agreement.sums import counts, moments
from discmri.core.diffusion import BValue
from discmri.core.findings import MEANINGS, Code, Finding, MeasurementError
from discmri.core.labels import FoundSpine
from discmri.core.settings import Settings
from discmri.measurement import qc
from discmri.measurement.outline import trace_disc
from discmri.measurement.segment import SEGMENTERS
from discmri.measurement.segment.schemes import SCHEMES
from discmri.measurement.whole_study import measure
from discmri.phantoms import vendors
from discmri.results.export import EXPORTERS
from discmri.results.height import DEFINITIONS, HEIGHT_METHODS
from discmri.results.records import PARAMETER, PARAMETERS
from discmri.study import read_study
from discmri.study.bvalues import READERS
from discmri.trial.analysis import analyse
from discmri.trial.change import course_of
from discmri.trial.comparability import HEIGHT
from discmri.trial.declaration import default_declaration
from discmri.trial.follow_up import FollowUp
from discmri.trial.outputs import write_outputs
from discmri.trial.plan import Scan, Subject, Trial
from discmri.trial.registration import Registration
from discmri.trial.values import read_scan


@pytest.fixture(scope="session")
def outlines(phantom):
    labels = phantom.labels(phantom.grid(SMALL), SMALL.slice_thickness_mm)
    return {level: trace_disc(labels, level) for level in labels.discs}


@pytest.fixture(scope="session")
def truths(phantom):
    return phantom.truth()


@pytest.fixture(scope="session")
def result(phantom_result):
    return phantom_result


@pytest.fixture(scope="session")
def spine(result) -> qc.MeasuredSpine:
    """What the checks look at."""
    values = {record.level: record.values for record in result.records}
    return qc.MeasuredSpine(result.image, result.labels, result.outlines, values, {})


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda one: one.code)
def test_height_definition(definition, outlines, truths):
    assert PARAMETER[definition.parameter] == definition.column
    assert definition.column.unit == ("mm" if definition.code in HEIGHT_METHODS else "{ratio}")
    assert definition.parameter.startswith(HEIGHT), "a change of the disc's height concerns it"
    assert definition.meaning.endswith(".")
    assert inspect.getdoc(definition.measure)
    for level, outline in outlines.items():
        truth = truths[level].to_dict().get(definition.parameter)
        if truth is not None:  # the exact value need not be known
            tolerance = 0.6 if definition.column.unit == "mm" else 0.03
            assert definition.measure(outline) == pytest.approx(truth, abs=tolerance)


def test_codes_of_definitions_and_parameters_are_unique_and_short_enough():
    assert len({one.code for one in DEFINITIONS}) == len(DEFINITIONS)
    codes = [one.sdtm_code for one in PARAMETERS]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[A-Z][A-Z0-9]{0,7}", code) for code in codes)


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", HEIGHT_METHODS)
def test_primary_height_through_every_format_and_a_trial(name, wide, tmp_path):
    definition = HEIGHT_METHODS[name]
    masks = wide.folder / "labels.nii.gz"
    settings = Settings(segmenter="masks", masks=masks, height_method=name)
    found = tmp_path / "found"
    measure(read_study(wide.study), settings).write(found)
    discs = table(found / "discs.csv")
    assert len(discs) == 3
    for disc in discs:
        assert (disc["height_mm"], disc["height_method"]) == (disc[definition.parameter], name)
        assert float(disc["height_sd_mm"]) > 0
    assert f"height: {definition.label}</span>" in (found / "report.html").read_text("utf-8")

    scans = tuple(Scan("S1", visit, wide.study, week=n) for n, visit in enumerate("ab"))
    measured = {scan.name: read_scan(scan, found) for scan in scans}
    names = {level: level for level in measured["S1 / a"].discs}
    carried = {scan.name: Registration(names, np.eye(4), 1.0, 1.0) for scan in scans}
    subject = Subject("S1", scans, (list(names)[-1],))
    analysis = analyse(
        [course_of(subject, measured, FollowUp(carried))],
        ("a", "b"),
        declaration=default_declaration(("a", "b"), ("height_mm",)),
    )
    written = write_outputs(Trial((subject,)), analysis, tmp_path, "T")
    assert {"long.csv", "redcap_import.csv", "sdtm_findings.csv"} <= set(written)
    for parameter in ("height_mm", definition.parameter):
        changes = [row for row in table(tmp_path / "long.csv") if row["parameter"] == parameter]
        later = [row for row in changes if row["visit"] == "b"]
        assert len(later) == len(discs)
        for row in later:
            assert (row["method"], row["verdict"]) == (name, "within noise")
            assert row["noise_source"]
    tests = {row["MKTESTCD"] for row in table(tmp_path / "sdtm_findings.csv")}
    assert definition.sdtm_code in tests


@pytest.mark.parametrize("name", SEGMENTERS)
def test_segmenter(name, phantom_study, phantom_labels, truths):
    study = read_study(phantom_study)
    image = study.read(study.target())
    found = SEGMENTERS[name](image, Settings(masks=phantom_labels))
    assert isinstance(found, FoundSpine)
    assert found.grid.shape == image.shape
    assert found.method.startswith(name)
    heights = [disc.mask.centroid_mm[2] for disc in found.discs]
    assert heights == sorted(heights, reverse=True)
    truths = [np.array(t.centre_mm) for t in truths.values()]
    for disc in found.discs:
        assert 0 <= disc.confidence <= 1
        assert min(np.linalg.norm(disc.mask.centroid_mm - c) for c in truths) < 5


@pytest.mark.parametrize("name", SCHEMES)
def test_scheme(name):
    scheme = SCHEMES[name]
    assert scheme.discs or scheme.joint_discs
    numbers = [*scheme.discs, *scheme.vertebrae, *scheme.canal, *scheme.sacrum]
    numbers += [n for n in (scheme.joint_discs, scheme.joint_vertebrae) if n]
    assert len(numbers) == len(set(numbers)), "one number, one meaning"
    assert 0 not in numbers


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.__module__.split(".")[-1])
def test_b_value_reader(reader):
    assert inspect.getdoc(inspect.getmodule(reader))
    assert reader(Dataset()) is None, "an empty header has no b-value"
    broken = Dataset()
    broken.Manufacturer = "NOBODY"
    broken.add_new(0x00189087, "FD", float("nan"))
    found = reader(broken)
    assert found is None or isinstance(found, BValue)


@pytest.mark.parametrize("name", vendors.VENDORS)
def test_vendor(name, phantom, tmp_path):
    protocol = replace(SMALL, slices=3, spacing_mm=1.5, dwi_spacing_mm=3.0)
    vendors.write_study(phantom, tmp_path, name, protocol)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {pydicom.dcmread(path, stop_before_pixels=True).Modality for path in files} == {"MR"}
    study = read_study(tmp_path)
    volume = study.read(study.target())
    expected = phantom.grid(protocol)
    assert sorted(volume.shape) == sorted(expected.shape)
    middle = expected.to_world((np.array(expected.shape) - 1) / 2)
    ours = volume.grid.to_world((np.array(volume.shape) - 1) / 2)
    np.testing.assert_allclose(ours, middle, atol=0.01)
    diffusion = study.diffusion()
    assert diffusion is not None
    assert sorted(set(diffusion.b_s_per_mm2)) == [0, 400, 800]
    adc = study.adc_map()
    assert adc is not None
    inside = adc.volume.array[adc.volume.array > 0]
    assert 0.2 < np.median(inside) < 3.2, "um2/ms"


@pytest.mark.parametrize("name", EXPORTERS)
def test_exporter(name, result, tmp_path):
    written = []
    for run in ("first", "second"):
        folder = tmp_path / run
        folder.mkdir()
        EXPORTERS[name](result, folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        assert files
        written.append({path.relative_to(folder): path.read_bytes() for path in files})
    assert written[0] == written[1], "two runs write the same bytes"


@pytest.mark.parametrize("check", qc.CHECKS, ids=lambda c: c.__name__)
def test_check(check, spine):
    assert inspect.getdoc(check)
    for level in spine.labels.discs:
        for finding in check(spine, level):
            assert isinstance(finding, Finding)
            assert finding.level is level


def test_no_discs_have_no_findings(spine):
    nothing = replace(
        spine, labels=replace(spine.labels, discs={}), outlines={}, values={}, signals={}
    )
    assert qc.check(nothing, ()) == []


_SIX = [2.0, 5.0, 5.0, 7.0, 8.0, 3.0]
_NEAR = [3.0, 5.0, 6.0, 7.0, 7.0, 3.0]
_AGAINST = {  # what each becomes, with the other sign, where the columns change places
    "bias": "bias",
    "lower limit of agreement": "upper limit of agreement",
    "upper limit of agreement": "lower limit of agreement",
}


def _column_sums(make, parameter, *columns):
    values = np.column_stack(columns)
    names = tuple("abc"[: len(columns)])
    subjects = np.array(["s1", "s1", "s2", "s2", "s3", "s3"])
    levels = np.full(6, "L4-L5")
    return make(agreement.Comparison(parameter, "x", names, values, subjects, levels))


def _check_statistic(statistic, sums, twisted):
    """The contract of every statistic: documented, batched, blind to who comes first."""
    assert inspect.getdoc(statistic)
    one = estimates([statistic], sums)[0]
    assert one is not None
    assert estimates([statistic], twisted)[0] == pytest.approx(one)
    batch = statistic(sums.weighted(np.array([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [1.0, 0.0, 2.0]])))
    assert batch.shape == (3,)
    assert batch[0] == pytest.approx(one)
    assert batch[2] == pytest.approx(statistic(sums.weighted(np.array([[1.0, 0.0, 2.0]])))[0])


@pytest.mark.parametrize("name", agreement.GRADE_STATISTICS)
def test_grade_statistic(name):
    statistic = agreement.GRADE_STATISTICS[name]
    make = partial(counts, scale=SCALES["grade"])
    sums = _column_sums(make, "grade", _SIX, _NEAR, _SIX)
    _check_statistic(statistic, sums, _column_sums(make, "grade", _NEAR, _SIX, _SIX))
    perfect = _column_sums(make, "grade", _SIX, _SIX)
    assert estimates([statistic], perfect)[0] == pytest.approx(1.0)
    assert estimates([statistic], sums)[0] < 1.0 or name == "agreement within one"


@pytest.mark.parametrize("name", agreement.VALUE_STATISTICS)
def test_value_statistic(name):
    statistic = agreement.VALUE_STATISTICS[name]
    sums = _column_sums(moments, "height_mm", _SIX, _NEAR)
    twisted = _column_sums(moments, "height_mm", _NEAR, _SIX)
    if name in _AGAINST:
        other = agreement.VALUE_STATISTICS[_AGAINST[name]]
        assert estimates([other], twisted)[0] == pytest.approx(-estimates([statistic], sums)[0])
    else:
        _check_statistic(statistic, sums, twisted)
    perfect = estimates([statistic], _column_sums(moments, "height_mm", _SIX, _SIX))[0]
    assert perfect == pytest.approx(1.0 if name.startswith("ICC") else 0.0)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_command(name, capsys):
    module = import_module(f"discmri.cli.{name}")
    module.add_parser(argparse.ArgumentParser().add_subparsers())
    assert cli.main([name, "--help"]) == 0
    assert "examples:" in capsys.readouterr().out


@pytest.mark.parametrize("code", Code)
def test_finding_code(code):
    assert MEANINGS[code].endswith(".")
    assert code.value == code.name.lower()


def test_a_measurement_error_carries_its_code():
    error = MeasurementError(Code.ADC_FEW_VOXELS, "3 voxels")
    assert (error.code, str(error)) == (Code.ADC_FEW_VOXELS, "3 voxels")
