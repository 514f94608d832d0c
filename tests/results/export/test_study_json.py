"""``study.json`` and its schema."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from importlib import resources

import jsonschema
import numpy as np
import pytest

from discmri.core.levels import DiscLevel
from discmri.results.document import document as document_of
from discmri.results.document import parse
from discmri.results.export import study_json
from discmri.results.jsonable import dumps, jsonable
from discmri.results.read import result_of
from discmri.results.records import PARAMETERS
from discmri.results.residual import residual_discs
from discmri.results.schema import schema


@pytest.fixture(scope="module")
def document(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("json")
    study_json.export(result, folder)
    return json.loads((folder / "study.json").read_text(encoding="utf-8"))


def _valid(data) -> bool:
    return jsonschema.Draft202012Validator(schema()).is_valid(data)


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(schema())


def test_the_schema_that_ships_is_that_of_the_model():
    shipped = resources.files("discmri.results.schema").joinpath("study.schema.json")
    assert shipped.read_text(encoding="utf-8") == dumps(schema())


def test_a_result_obeys_the_schema(document):
    jsonschema.validate(document, schema())
    for key in ("discs", "findings", "numbering_confidence"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({k: v for k, v in document.items() if k != key}, schema())


def test_a_failure_obeys_the_schema_and_is_the_only_file(failed, tmp_path):
    folder = failed.write(tmp_path / "out")
    data = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    jsonschema.validate(data, schema())
    assert [p.name for p in folder.iterdir()] == ["study.json"]
    assert data["status"] == "nothing_to_measure"
    assert data["findings"][0]["code"] == "nothing_to_measure"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.pop("series"),
        lambda d: d.update(patient_name="Doe^Jane"),
        lambda d: d["discs"][0].pop("flags"),
        lambda d: d["discs"][0].update(level="L7-S1"),
        lambda d: d["discs"][0]["values"]["height_mm"].update(value=None),
        lambda d: d["discs"][0]["values"]["height_mm"].update(unit="cm"),
        lambda d: d["discs"][0]["values"]["height_mm"].pop("method"),
        lambda d: d["discs"][0]["values"]["height_mm"].update(sd=-1.0),
        lambda d: d["findings"][0].update(severity="fatal"),
        lambda d: d["findings"][0].update(text=""),
        lambda d: d.update(numbering="guessed"),
        lambda d: d.update(discs=[]),
        lambda d: d.update(study_date="31.01.2024"),
        lambda d: d["files"].update({"discs.csv": "nohash"}),
        lambda d: d.update(status="nothing_to_measure"),
        lambda d: d["versions"].pop("discmri"),
        lambda d: d.update(subject_id="two\nlines"),
    ],
)
def test_the_schema_catches_mistakes(document, spoil):
    spoilt = copy.deepcopy(document)
    spoil(spoilt)
    assert not _valid(spoilt)


def test_values_carry_unit_method_and_uncertainty(document):
    disc = document["discs"][4]
    assert disc["level"] == "L3-L4"
    assert disc["values"]["height_mm"] == {
        "value": 8.6,
        "unit": "mm",
        "method": "columns",
        "sd": 0.21,
    }
    assert "volume_mm3" not in disc["values"]
    assert disc["evidence"]["uncertainty"] == {"border_mm": 0.11}


def test_used_codes_are_explained_and_parameters_too(document):
    assert set(document["meanings"]) == {"series_chosen", "low_confidence", "adc_few_voxels"}
    assert set(document["parameters"]) == {parameter.name for parameter in PARAMETERS}
    assert document["findings"][1] == {
        "code": "low_confidence", "severity": "warning", "text": "confidence 0.31", "level": "L5-S1",
    }  # fmt: skip


def test_raw_identifier_without_the_quote_of_the_csv(changed):
    assert document_of(changed(subject_id="=1+1"))["subject_id"] == "=1+1"


def test_odd_values_become_plain_json():
    odd = {
        "array": np.array([1.5, np.nan]), "set": {"b", "a"}, "enum": DiscLevel.L4_L5,
        "flag": np.bool_(True), "count": np.int16(3), "half": "\ud800",
    }  # fmt: skip
    assert jsonable(odd) == {
        "array": [1.5, None], "set": ["a", "b"], "enum": "L4-L5",
        "flag": True, "count": 3, "half": "?",
    }  # fmt: skip
    assert json.loads(dumps(jsonable(odd)))["count"] == 3


def test_a_residual_disc_has_its_place_and_size_and_is_no_row(with_residual):
    document = document_of(with_residual)
    assert _valid(document)
    assert "S1-S2" not in [disc["level"] for disc in document["discs"]]
    (residual,) = document["residual_discs"]
    assert (residual["level"], residual["label_id"]) == ("S1-S2", 101)
    mask = with_residual.labels.residual_discs[DiscLevel.S1_S2]
    assert residual["centre_mm"] == pytest.approx(list(mask.centroid_mm), abs=1e-3)
    assert residual["depth_mm"] == pytest.approx(36.0, abs=1.0)  # the ellipse is 36 by 9 mm,
    assert residual["height_mm"] == pytest.approx(np.pi / 4 * 9.0, abs=0.5)  # its area / 36 mm
    assert result_of(parse(dumps(document).encode(), "x")) == with_residual
    assert "S1-S2" not in {row["level"] for row in with_residual.rows()}
    assert not any("residual_s1_s2" in row["flags"] for row in with_residual.rows())


@pytest.mark.parametrize("remnants", [set(), {DiscLevel.S1_S2}])
def test_a_residual_disc_says_whether_the_segmenter_outlined_it(with_residual, remnants):
    labels = replace(with_residual.labels, remnants=frozenset(remnants))
    told = replace(with_residual, residual_discs=residual_discs(labels))
    document = document_of(told)
    assert [one["outlined"] for one in document["residual_discs"]] == [not remnants]
    assert result_of(parse(dumps(document).encode(), "x")).residual_discs == told.residual_discs
    del document["residual_discs"][0]["outlined"]  # of an earlier version
    assert result_of(parse(dumps(document).encode(), "x")).residual_discs[0].outlined


def test_a_result_of_before_there_were_residual_discs_obeys_the_schema(document):
    assert _valid({key: value for key, value in document.items() if key != "residual_discs"})
