"""Names out, dates shifted, UIDs replaced: nothing planted in a header may come through."""

from __future__ import annotations

import runpy
from datetime import datetime, timedelta

import pytest
from pydicom import Dataset, Sequence
from tests.study.builder import SeriesSpec, uid, write

from discmri.core.errors import NothingToMeasureError, UsageError
from discmri.results.jsonable import dumps, jsonable
from discmri.study import read_study
from discmri.study.deidentify import Disguise, Pseudonyms, header_without_names

KEYS = Pseudonyms("x" * 32, {"4711": "S01"})
PLANTED = ("Doe", "Jane", "4711", "19500101", "ACC-77", "Miller", "20240105", "SN-5", "left knee")


def test_a_key_gives_the_same_in_every_process_and_another_key_something_else():
    other = Pseudonyms("y" * 32)
    assert KEYS.subject("12") == Pseudonyms("x" * 32).subject("12") != other.subject("12")
    assert KEYS.uid("1.2.3") == Pseudonyms("x" * 32).uid("1.2.3") != other.uid("1.2.3")
    assert KEYS.subject("12") != KEYS.subject("13")
    assert KEYS.subject("4711") == "S01"
    assert KEYS.uid("1.2.840.10008.5.1.4.1.1.4") == "1.2.840.10008.5.1.4.1.1.4"
    assert 366 <= -KEYS.shift("12").days < 3653


def test_dates_go_back_one_to_ten_years_and_any_number_of_days_between():
    days = [-KEYS.shift(str(patient)).days for patient in range(300)]
    assert 366 <= min(days) < 550
    assert 3400 < max(days) < 3653
    assert len(set(days)) > 250


def test_names_of_three_letters_go_and_shorter_ones_may_be_anything():
    """Ax stands for axial as well."""
    header = Dataset()
    header.PatientName = "Ax^Ann"
    disguise = Disguise.of(KEYS, "4711", [header])
    assert disguise.text("t2 ax of ANN, annulus 4711") == "t2 ax of ***, annulus ***"


def test_dates_keep_their_intervals_and_times():
    disguise = Disguise.of(KEYS, "12", [])

    def date(stamp: str) -> datetime:
        return datetime.strptime(stamp[:8], "%Y%m%d")

    first, later = disguise.date("20240105101500.25"), disguise.date("20240112")
    assert first[8:] == "101500.25"
    assert first[:8] < "20230110"
    days = [Disguise.of(KEYS, p, []).date("20240105") for p in ("12", "13", "14")]
    assert len(set(days)) == 3
    assert date(later) - date(first) == timedelta(days=7)
    assert disguise.date("no date") == disguise.date("") == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "does not exist; make one with: python"),
        ("secret = 'short'", "at least 32 characters"),
        ("secret = ", "cannot be read"),
        (f"secret = '{'x' * 32}'\n[subjects]\n1 = 2", 'lines such as "4711" = "S01"'),
        (f"secret = '{'x' * 32}'\n[subjects]\n1 = 'A'\n2 = 'A'", "one name to two patients"),
    ],
)
def test_a_key_file_that_will_not_do_is_told_in_a_line(tmp_path, text, message):
    path = tmp_path / "site.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=message) as error:
        Pseudonyms.read(path)
    assert "\n" not in str(error.value)


def planted(**tags) -> SeriesSpec:
    return SeriesSpec(
        "t2", patient="4711",
        tags={
            "AccessionNumber": "ACC-77", "ReferringPhysicianName": "Miller^Ann",
            "DeviceSerialNumber": "SN-5", "SeriesDescription": "T2 sag DOE JANE",
            "ImageComments": "left knee of Jane", "StudyDescription": "Doe, lumbar",
            **tags,
        },
    )  # fmt: skip


def test_nothing_that_was_planted_is_left_in_facts_or_headers(tmp_path):
    study = read_study(write(tmp_path / "Doe_Jane", planted()), pseudonyms=KEYS)
    facts = study.describe()
    told = dumps(jsonable({**jsonable(facts), "path": ""}))
    (header, *_) = study.headers(study.target().images)
    for word in PLANTED:
        assert word.lower() not in told.lower()
        assert word.lower() not in str(header).lower()
    assert study.subject_id == header.PatientID == "S01"
    assert facts.series[0].description == "T2 sag *** ***"
    assert [one.code.value for one in study.findings].count("deidentified") == 1
    assert uid("S1") not in told
    assert study.study_uid == header.StudyInstanceUID == KEYS.uid(uid("S1"))
    assert header.PatientIdentityRemoved == "YES"


def test_geometry_and_values_stay(tmp_path):
    folder = write(tmp_path / "study", planted())
    plain, disguised = read_study(folder), read_study(folder, pseudonyms=KEYS)
    a, b = plain.read(plain.target()), disguised.read(disguised.target())
    assert (a.array == b.array).all()
    assert (a.affine == b.affine).all()


def test_a_study_is_picked_by_the_uid_that_it_bears(tmp_path):
    other = SeriesSpec("t1", patient="4711", study="S2")
    folder = write(tmp_path / "study", planted(), other)
    study = read_study(folder, study_uid=uid("S2"), pseudonyms=KEYS)
    assert study.study_uid == KEYS.uid(uid("S2"))


def test_text_burned_into_a_picture_is_refused(tmp_path):
    folder = write(tmp_path / "study", planted(BurnedInAnnotation="YES"))
    with pytest.raises(NothingToMeasureError, match="burned into"):
        read_study(folder, pseudonyms=KEYS)


def test_sequences_are_walked_and_private_elements_go():
    header, item = Dataset(), Dataset()
    item.ReferencedSOPInstanceUID, item.ContentDate, item.PatientName = "1.2.3", "20240105", "Doe"
    header.ReferencedImageSequence = Sequence([item])
    header.private_block(0x0009, "ACME", create=True).add_new(1, "LO", "Doe")
    disguise = Disguise.of(KEYS, "4711", [])
    made = header_without_names(header, disguise)
    (inner,) = made.ReferencedImageSequence
    assert inner.ReferencedSOPInstanceUID == KEYS.uid("1.2.3")
    assert inner.ContentDate == disguise.date("20240105")
    assert "PatientName" not in inner
    assert not any(element.tag.is_private for element in made)


def test_what_was_acquired_and_where_is_kept_and_other_groups_go():
    header, frame = Dataset(), Dataset()
    frame.InStackPositionNumber = 3
    kept = {
        "Modality": "MR", "EchoTime": 100, "InstanceNumber": 7, "Rows": 12,
        "PerFrameFunctionalGroupsSequence": Sequence([frame]),
    }  # fmt: skip
    gone = {"PatientSex": "F", "PatientWeight": 70, "StudyStatusID": "READ"}
    for keyword, value in (kept | gone).items():
        setattr(header, keyword, value)
    made = header_without_names(header, Disguise.of(KEYS, "4711", []))
    assert [keyword for keyword in kept if keyword not in made] == []
    assert [keyword for keyword in gone if made.get(keyword)] == []
    assert made.PerFrameFunctionalGroupsSequence[0].InStackPositionNumber == 3


def test_the_images_of_the_recipe_bear_the_same_names_as_the_results(tmp_path):
    recipe = runpy.run_path("docs/pacs/deidentify_images.py")
    key = tmp_path / "site.toml"
    key.write_text(f'secret = "{KEYS.secret}"\n[subjects]\n4711 = "S01"')
    folder = write(tmp_path / "in", planted())
    recipe["main"](str(key), str(folder), str(tmp_path / "out"))
    results, images = read_study(folder, pseudonyms=KEYS), read_study(tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 5
    for word in PLANTED:
        assert not any(word.encode() in path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert images.subject_id == "S01"
    assert images.study_date == results.study_date
    assert images.inputs(images.target()) == results.inputs(results.target())
