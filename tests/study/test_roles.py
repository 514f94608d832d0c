"""Roles follow from physics, words only help, and every decision has a reason."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.study.builder import SeriesSpec, save, write

from discmri.core.findings import Code, Severity
from discmri.core.volume import Grid
from discmri.study import Plane, Role, read_study
from discmri.study.choose import _acquisitions
from discmri.study.frame import ContrastParameters
from discmri.study.roles import RoleEvidence, decide

AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
CORONAL = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
T1 = {"EchoTime": 10, "RepetitionTime": 600}
SE, GR, EP, IR = (frozenset({name}) for name in ("SE", "GR", "EP", "IR"))
PLAIN = ("ORIGINAL", "PRIMARY", "M", "ND")


def sagittal(te=None, tr=None, ti=None, techniques=SE, fat="", **facts) -> RoleEvidence:
    contrast = ContrastParameters(te, tr, ti, 10, techniques, fat)
    return RoleEvidence(Plane.SAGITTAL, contrast, facts.pop("words", PLAIN), slices=15, **facts)


@pytest.mark.parametrize(
    ("facts", "role", "t2"),
    [
        (sagittal(100, 3500), Role.SAG_T2, True),
        (sagittal(124, 1000), Role.SAG_T2, True),  # 3D with short TR
        (sagittal(120, None), Role.SAG_T2, True),
        (sagittal(10, 600), Role.SAG_T1, False),
        (sagittal(10, 600, text="t2 sag"), Role.SAG_T1, False),  # the name is wrong
        (sagittal(100, 3500, text="t1 sag"), Role.SAG_T2, True),
        (sagittal(12, 2500), Role.SAG_OTHER, False),  # proton density
        (sagittal(60, 4000, 160, SE | IR), Role.SAG_FS, False),  # STIR
        (sagittal(90, 4000, 100, SE, fat="ScanOptions FS"), Role.SAG_FS, True),  # spectral
        (sagittal(20, 2300, 860, SE | IR), Role.SAG_T1, False),  # T1 FLAIR
        (sagittal(120, 9000, 2500, SE | IR), Role.SAG_OTHER, False),  # FLAIR
        (sagittal(90, 4000, fat="ScanOptions FS"), Role.SAG_FS, True),
        (sagittal(10, 600, fat="ScanOptions FS"), Role.SAG_T1, False),
        (sagittal(90, 4000, words=(*PLAIN, "WATER")), Role.SAG_FS, True),
        (sagittal(90, 4000, words=(*PLAIN, "W")), Role.SAG_FS, True),
        (sagittal(90, 4000, words=(*PLAIN, "IN_PHASE")), Role.SAG_T2, True),
        (sagittal(90, 4000, words=(*PLAIN, "OPP_PHASE")), Role.DERIVED, False),
        (sagittal(90, 4000, words=(*PLAIN, "FAT")), Role.DERIVED, False),
        (sagittal(90, 4000, text="fat: sag t2 flex"), Role.DERIVED, False),
        (sagittal(1.4, 11, techniques=GR), Role.SAG_OTHER, False),
        (sagittal(text="sag t2w tse"), Role.SAG_T2, True),
        (sagittal(text="sag t2* me"), Role.SAG_OTHER, False),
        (sagittal(text="t1 sag"), Role.SAG_T1, False),
        (sagittal(text="sag stir"), Role.SAG_FS, False),
        (sagittal(text="t2 sag fs"), Role.SAG_FS, True),
        (sagittal(text="sag"), Role.SAG_OTHER, False),
        (sagittal(90, 4000, words=("DERIVED", "SECONDARY", "MPR")), Role.DERIVED, False),
        (sagittal(90, 4000, words=("DERIVED", "PRIMARY", "SUB")), Role.DERIVED, False),
        (sagittal(90, 4000, words=("DERIVED", "PRIMARY", "T2 MAP")), Role.DERIVED, False),
        (sagittal(90, 4000, words=("ORIGINAL", "PRIMARY", "P", "ND")), Role.DERIVED, False),
        (sagittal(90, 4000, words=(*PLAIN, "LOCALIZER")), Role.LOCALIZER, False),
        (sagittal(90, 1200, text="3 plane loc"), Role.LOCALIZER, False),
        (sagittal(60, 3000, techniques=EP), Role.OTHER, False),
        (
            sagittal(60, 3000, techniques=EP, b_values_s_per_mm2=(0, 800)),
            Role.DWI,
            False,
        ),
        (
            sagittal(60, 3000, techniques=SE, b_values_s_per_mm2=(0, 800)),
            Role.DWI,  # not every diffusion sequence is echo-planar
            False,
        ),
        (
            sagittal(90, 3000, b_values_s_per_mm2=(0, 800), b_from_text=True),
            Role.SAG_T2,  # "b800" in a name of a spin echo without other signs
            True,
        ),
        (
            sagittal(60, 3000, techniques=EP, words=("DERIVED", "PRIMARY", "DIFFUSION", "ADC")),
            Role.ADC_MAP,
            False,
        ),
        (
            sagittal(60, 3000, techniques=EP, words=("DERIVED",), text="dwi adc"),
            Role.ADC_MAP,
            False,
        ),
        (sagittal(60, 3000, techniques=EP, words=("DERIVED",), text="eadc"), Role.DERIVED, False),
        (
            sagittal(60, 3000, techniques=EP, words=("DERIVED", "PRIMARY", "DIFFUSION", "FA")),
            Role.DERIVED,
            False,
        ),
        (RoleEvidence(Plane.AXIAL, ContrastParameters(100, 3500)), Role.AXIAL, False),
        (RoleEvidence(Plane.CORONAL, ContrastParameters(100, 3500)), Role.CORONAL, False),
        (RoleEvidence(Plane.OBLIQUE, ContrastParameters(100, 3500)), Role.OTHER, False),
        (RoleEvidence(Plane.UNKNOWN, ContrastParameters(100, 3500)), Role.OTHER, False),
        (sagittal(100, 3500, screenshot="a secondary capture"), Role.SCREENSHOT, False),
        (sagittal(60, 3000, techniques=EP, tiles=48), Role.OTHER, False),
    ],
)
def test_role(facts: RoleEvidence, role: Role, t2: bool) -> None:
    decision = decide(facts)
    assert (decision.role, decision.t2_weighted) == (role, t2)
    assert decision.reasons
    assert all(reason and "\n" not in reason for reason in decision.reasons)


def spec(name: str, number: int, **changes) -> SeriesSpec:
    tags = {"SeriesNumber": number, **changes.pop("tags", {})}
    return SeriesSpec(name, tags=tags, **changes)


@pytest.mark.parametrize(
    ("te", "tr", "ti", "role"),
    [
        (60, 800, None, Role.SAG_T2),
        (59, 800, None, Role.SAG_OTHER),
        (60, 799, None, Role.SAG_OTHER),
        (39, 1299, None, Role.SAG_T1),
        (40, 1299, None, Role.SAG_OTHER),
        (39, 1300, None, Role.SAG_OTHER),
        (60, 4000, 80, Role.SAG_FS),
        (60, 4000, 300, Role.SAG_FS),
        (60, 4000, 79, Role.SAG_T2),
        (60, 4000, 301, Role.SAG_T2),
        (49, 2300, 860, Role.SAG_T1),
        (50, 2300, 860, Role.SAG_OTHER),
        (120, 9000, 1399, Role.SAG_T2),
        (120, 9000, 1400, Role.SAG_OTHER),
    ],
)
def test_limits_of_timing(te: float, tr: float, ti: float | None, role: Role) -> None:
    assert decide(sagittal(te, tr, ti, SE | IR)).role is role


@pytest.mark.parametrize(("tr", "said"), [(1299, "neither T1- nor T2"), (1300, "proton-density")])
def test_what_is_between_t1_and_t2_is_named(tr: float, said: str) -> None:
    assert any(said in reason for reason in decide(sagittal(45, tr)).reasons)


@pytest.mark.parametrize("told", [{"text": "3 plane loc"}, {"planes": 3}])
@pytest.mark.parametrize(("slices", "role"), [(15, Role.LOCALIZER), (16, Role.SAG_T2)])
def test_a_localizer_has_up_to_fifteen_slices(told: dict, slices: int, role: Role) -> None:
    assert decide(replace(sagittal(100, 3500, **told), slices=slices)).role is role


def test_a_usual_examination(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        spec("survey", 1, slices=3, tags={"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}),
        spec("ax", 2, orientation=AXIAL),
        spec("cor", 3, orientation=CORONAL),
        spec("one", 4),
        spec("two", 5, tags=T1),
        spec("stir", 6, tags={"InversionTime": 160, "ScanningSequence": ["SE", "IR"]}),
    )
    capture = SeriesSpec("capture", slices=1).dataset(0)
    capture.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    capture.SeriesNumber = 99
    del capture.ImagePositionPatient
    save(capture, folder / "capture")
    study = read_study(folder)
    assert [series.role for series in study.series] == [
        Role.LOCALIZER,
        Role.AXIAL,
        Role.CORONAL,
        Role.SAG_T2,
        Role.SAG_T1,
        Role.SAG_FS,
        Role.SCREENSHOT,
    ]
    assert study.target().description == "one"
    assert all(series.reasons for series in study.series)


def test_three_planes_in_one_series_are_a_localizer(tmp_path: Path) -> None:
    parts = [SeriesSpec("x", slices=3), SeriesSpec("x", slices=3, orientation=AXIAL)]
    for n, part in enumerate(parts):
        for k, ds in enumerate(part.datasets()):
            ds.SOPInstanceUID += f".{n}"
            save(ds, tmp_path / f"{n}{k}")
    study = read_study(tmp_path)
    assert {series.role for series in study.series} == {Role.LOCALIZER}
    assert len({series.uid for series in study.series}) == 1
    assert sorted(series.part for series in study.series) == ["axial", "sagittal"]


PIXELS = {mm: {"spacing": (mm, mm), "rows": 320} for mm in (0.50, 0.57, 0.65)}


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (spec("a", 4, spacing=(0.5, 0.5), rows=320), spec("b", 5, spacing=(1.0, 1.0), rows=160)),
        (spec("a", 4, slices=9), spec("b", 5, slices=7)),
        # 152 mm show most lumbar discs, 148 mm do not
        (
            spec("a", 4, spacing=(0.5, 0.5), rows=304, slices=7),
            spec("b", 5, spacing=(0.5, 0.5), rows=296, slices=9),
        ),
        # 0.15 mm finer counts more than two slices, 0.07 mm does not
        (spec("a", 4, **PIXELS[0.50], slices=7), spec("b", 5, **PIXELS[0.65], slices=9)),
        (spec("a", 4, **PIXELS[0.57], slices=9), spec("b", 5, **PIXELS[0.50], slices=7)),
        (spec("a", 5, tags={"AcquisitionTime": "110000"}), spec("b", 4)),  # a later repeat
        (spec("a", 4), spec("b", 5, tags={"SeriesDescription": "t2 sag c-spine"}, slices=9)),
        (spec("a", 4), spec("b", 5, tags={"ImageType": ["DERIVED", "SECONDARY"]}, slices=9)),
        (spec("a", 4), spec("b", 5, slices=3, spacing=(0.3, 0.3))),
    ],
)
def test_the_better_of_two(tmp_path: Path, better: SeriesSpec, worse: SeriesSpec) -> None:
    study = read_study(write(tmp_path, better, worse))
    assert study.target().number == better.tags["SeriesNumber"]
    (chosen,) = (f for f in study.findings if f.code is Code.SERIES_CHOSEN)
    assert "2 sagittal T2 series" in chosen.text


def test_without_t2_the_next_best_is_measured_and_said(tmp_path: Path) -> None:
    water = {"ImageType": [*PLAIN, "WATER"], "ScanOptions": "FS"}
    folder = write(tmp_path, spec("a", 1, tags=T1), spec("b", 2, tags=water))
    study = read_study(folder)
    assert study.target().role is Role.SAG_FS
    assert {f.code for f in study.findings} >= {Code.FAT_SUPPRESSED}
    assert Code.NOT_T2 not in {f.code for f in study.findings}  # T2 with water only
    only_t1 = read_study(write(tmp_path / "t1", spec("a", 1, tags=T1)))
    assert only_t1.target().role is Role.SAG_T1
    assert Code.NOT_T2 in {f.code for f in only_t1.findings}


def test_echoes_of_one_series_are_told_apart(tmp_path: Path) -> None:
    for echo, te in enumerate((20, 100)):
        for k, ds in enumerate(SeriesSpec().datasets()):
            ds.SOPInstanceUID += f".{echo}"
            ds.EchoTime = te
            save(ds, tmp_path / f"{echo}{k}")
    study = read_study(tmp_path)
    assert [series.part for series in study.series] == ["TE 20 ms", "TE 100 ms"]
    assert study.target().contrast.te_ms == 100


def test_description_is_json(t2: Path) -> None:
    import json

    from discmri.core.facts import StudyFacts
    from discmri.results.document import decoded
    from discmri.results.jsonable import dumps, jsonable

    facts = read_study(t2).describe()
    text = dumps(jsonable(facts))
    assert json.loads(text)["series"][0]["role"] == "sagittal T2"
    assert decoded(text.encode(), StudyFacts, "the text") == facts


HEAD, FOOT = (-8.0, -20.0, 230.0), (-8.0, -20.0, 30.0)


def station(name: str, number: int, origin: tuple, **tags) -> SeriesSpec:
    return spec(name, number, origin=origin, rows=100, tags=tags)


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        ("T2 SAG THORACIC SPINE", "T2 SAG L SPINE"),
        ("T2 SAG DORSALE", "T2 SAG LOMBARE"),
        ("t2_tse_sag_upper", "t2_tse_sag_lower"),
        ("T2 SAG BWS", "T2 SAG LWS"),
        ("T2 SAG", "T2 SAG COLUMNA LUMBAR"),
        ("T2 SAG", "T2 SAG LOMBAIRE"),
        ("T2 SAG 1", "T2 SAG 2"),
        ("Rachis dorsal T2", "T2 SAG"),
    ],
)
def test_the_lumbar_station_of_a_whole_spine(tmp_path: Path, upper: str, lower: str) -> None:
    """Every series bears the body part of the order; the upper one came last."""
    part = {"BodyPartExamined": "LSPINE"}
    study = read_study(
        write(
            tmp_path,
            station(upper, 9, HEAD, AcquisitionTime="110000", **part),
            station(lower, 3, FOOT, **part),
        )
    )
    assert study.target().description == lower
    (finding,) = (f for f in study.findings if f.code is Code.OTHER_STATION)
    assert finding.severity is Severity.WARNING
    assert upper in finding.text


def test_names_outrank_position(tmp_path: Path) -> None:
    study = read_study(
        write(tmp_path, station("T2 SAG L SPINE", 2, HEAD), station("T2 SAG SACRUM", 3, FOOT))
    )
    assert study.target().description == "T2 SAG L SPINE"


def test_a_series_without_a_name_is_ranked_by_what_lies_at_its_height(tmp_path: Path) -> None:
    """The T2 series at the height of the named T1 series, not the T2 series below it."""
    study = read_study(
        write(
            tmp_path,
            station("t2 sag", 1, HEAD),
            station("t1 l-spine", 2, HEAD, **T1),
            station("t2 sag caudal", 3, FOOT),
        )
    )
    assert study.target().description == "t2 sag"


def test_silent_series_in_two_frames_of_reference_are_said(tmp_path: Path) -> None:
    other = station("b", 3, FOOT, FrameOfReferenceUID="1.2.3")
    study = read_study(write(tmp_path, station("a", 2, HEAD), other))
    assert Code.OTHER_STATION in {f.code for f in study.findings}


def test_a_series_of_the_same_station_is_no_other_station(tmp_path: Path) -> None:
    near = (-8.0, -20.0, 160.0)  # 70 mm of 148 mm lower
    study = read_study(write(tmp_path, station("a", 2, HEAD), station("b", 3, near)))
    assert Code.OTHER_STATION not in {f.code for f in study.findings}
    far = (-8.0, -20.0, 150.0)
    study = read_study(write(tmp_path / "far", station("a", 2, HEAD), station("b", 3, far)))
    assert Code.OTHER_STATION in {f.code for f in study.findings}


@pytest.mark.parametrize(
    "name",
    ["Exponential Apparent Diffusion Coefficient", "eADC", "EXP ADC", "ADC exponential (e-bD)"],
)
@pytest.mark.parametrize("words", [["DERIVED", "SECONDARY"], ["DERIVED", "PRIMARY", "X", "ADC"]])
def test_exponential_adc_is_no_adc_map(tmp_path: Path, name: str, words: list) -> None:
    maps = spec(name, 7, tags={"ImageType": words})
    study = read_study(write(tmp_path, spec("t2", 1), maps))
    assert study.choice.adc_map is None
    assert study.series[1].role is Role.DERIVED


@pytest.mark.parametrize(("te", "groups"), [(72.9, 1), (73.1, 2)])
def test_series_of_one_b_value_belong_together_within_a_millisecond_of_echo_time(te, groups):
    grid = Grid((3, 4, 5), np.eye(4))
    series = [
        SimpleNamespace(
            frame_of_reference_uid="1", grid=grid, contrast=ContrastParameters(one),
            b_values_s_per_mm2=(b,),
        )
        for one, b in ((72.0, 800.0), (te, 0.0))
    ]  # fmt: skip
    assert len(_acquisitions(series)) == groups
