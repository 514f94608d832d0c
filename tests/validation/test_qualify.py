"""The acceptance test of a site, with one tiny phantom and with figures made up."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from importlib.metadata import PathDistribution
from types import SimpleNamespace

import pytest
from tests.conftest import TINY

from discmri.cohort import Workers, workers
from discmri.core import software
from discmri.core.errors import UsageError
from discmri.phantoms import SpineOptions, lumbar_spine
from discmri.phantoms.population import Member
from discmri.phantoms.vendors import COMPRESSIONS, VENDORS
from discmri.validation.limits import FIGURES, LIMITS, WHOLE, Limit
from discmri.validation.qualify import (
    PHANTOMS,
    AcceptanceCheck,
    Qualification,
    _installation,
    clear,
    page,
    qualify,
)

ONE = (Member("one", 4, SpineOptions(grades=[2, 3, 4, 5, 7]), "siemens", TINY, "none"),)
HEIGHT = tuple(one for one in LIMITS if one.parameter == "height_columns_mm")
IMPOSSIBLE = Limit("masks", "height_columns_mm", "bias", 5.0, 6.0, "never so far off")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("qualify") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "has_dask", lambda: False)
        told = []
        result = qualify(
            folder, "site 7", Workers(2), lambda text, share: told.append(share), ONE,
            (*HEIGHT, IMPOSSIBLE),
        )  # fmt: skip
    assert told == sorted(told)
    return folder, result


def test_figures_are_held_against_limits(done):
    _, result = done
    checks = {(check.part, check.name): check for check in result.checks}
    assert checks["true outlines", "height, mean of columns: SD"].passed
    assert checks["repeatability", "one study measured twice"].passed
    wrong = [check for check in result.checks if not check.passed and check.part != "installation"]
    assert [(check.name, check.wanted) for check in wrong] == [
        ("height, mean of columns: bias", "5 to 6")
    ]
    assert not result.passed


def test_the_sheet_tells_what_was_tested(done):
    folder, result = done
    record = json.loads((folder / "qualification.json").read_text(encoding="utf-8"))
    assert record["passed"] is False
    assert record["facts"]["site"] == "site 7"
    assert record["facts"]["package SHA-256"] == software.package_sha256()
    assert [check["name"] for check in record["checks"]] == [check.name for check in result.checks]
    text = (folder / "qualification.html").read_text(encoding="utf-8")
    assert "Failed" in text
    assert record["facts"]["package SHA-256"] in text
    assert "http:" not in text
    assert (folder / "validation-builtin" / "validation.html").is_file()


def test_a_finished_test_is_only_replaced_when_asked(done, tmp_path):
    folder, _ = done
    with pytest.raises(UsageError, match="finished qualification"):
        qualify(folder)
    (tmp_path / "letter.txt").write_text("keep me")
    for refuse in (qualify, clear):
        with pytest.raises(UsageError):
            refuse(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_clear_removes_what_it_made_and_nothing_else(tmp_path):
    for name in ("phantoms", "results-masks", "validation-builtin", "results-again"):
        (tmp_path / name).mkdir()
    for name in ("phantoms/recipe.txt", "qualification.json", "notes.txt"):
        (tmp_path / name).write_text("")
    clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    clear(tmp_path / "nowhere")


def test_every_limit_says_why_and_can_be_looked_up():
    for limit in LIMITS:
        assert limit.figure in ({*FIGURES, *WHOLE})
        assert limit.low <= limit.high
        assert limit.reason
    strict = {(one.parameter, one.figure): one for one in LIMITS if one.segmenter == "masks"}
    assert strict["height_columns_mm", "bias"].high <= 0.1
    assert strict["height_columns_mm", "SD"].high <= 0.2
    assert strict["adc_disc_um2_ms", "bias in %"].high <= 1.0
    assert strict["adc_disc_um2_ms", "SD in %"].high <= 3.0


@pytest.mark.parametrize(
    ("found", "holds"), [(0.1, True), (-0.1, True), (0.1001, False), (-9.0, False), (None, False)]
)
def test_a_figure_must_lie_within_and_be_there(found, holds):
    assert Limit("masks", "height_mm", "bias", -0.1, 0.1, "so").holds(found) is holds


def test_a_value_that_was_not_measured_fails():
    nothing = SimpleNamespace(overall=list)
    limit = Limit("masks", "adc_disc_um2_ms", "bias", -1.0, 1.0, "so")
    assert limit.found(nothing) is None
    assert not limit.holds(limit.found(nothing))


def test_the_fixed_set_covers_vendors_codings_and_grades():
    assert {one.vendor for one in PHANTOMS} == set(VENDORS)
    assert {one.compression for one in PHANTOMS} == set(COMPRESSIONS)
    grades = {str(g) for one in PHANTOMS for g in one.options.grades}
    assert set("12345678") <= grades
    assert {one.protocol.snr for one in PHANTOMS} == {30.0}
    for one in PHANTOMS:
        assert len(lumbar_spine(one.options, one.seed).discs) == 8


def test_words_of_a_site_are_harmless():
    check = AcceptanceCheck("<i>", "name", "a", "b", True, "so")
    text = page(Qualification((check,), {"site": "<script>alert(1)</script>"}, ONE))
    assert "<script>" not in text
    assert "Passed" in text


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package of two modules, and a way to install it: as a wheel does, or for development."""

    def install(editable):
        package, site = tmp_path / "clone" / "discmri", tmp_path / "site"
        package = package if editable else site / "discmri"
        info = site / "discmri-1.0.dist-info"
        for folder in (package / "__pycache__", info):
            folder.mkdir(parents=True)
        for name in ("__init__.py", "height.py", "__pycache__/height.pyc"):
            (package / name).write_text(name)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: discmri\nVersion: 1.0\n")
        covered = [info / "METADATA", *([] if editable else package.glob("*.py"))]
        lines = [f"{path.relative_to(site)},sha256={_digest(path)},1" for path in covered]
        (info / "RECORD").write_text("\n".join([*lines, "discmri-1.0.dist-info/RECORD,,"]))
        monkeypatch.setattr(software.discmri, "__file__", str(package / "__init__.py"))
        monkeypatch.setattr(software, "distribution", lambda _: PathDistribution(info))
        return package

    return install


def _digest(path):
    return urlsafe_b64encode(sha256(path.read_bytes()).digest()).rstrip(b"=").decode()


def _installation_lines():
    return [(check.found, check.passed) for check in _installation()]


def test_an_untouched_wheel_passes(installed):
    installed(editable=False)
    assert _installation_lines() == [("none", True), ("none", True)]


@pytest.mark.parametrize(
    "damage", [lambda path: path.write_text("else"), lambda path: path.unlink()]
)
def test_a_file_of_a_wheel_that_was_edited_or_lost_fails(installed, damage):
    damage(installed(editable=False) / "height.py")
    assert _installation_lines() == [("discmri/height.py", False), ("none", True)]


def test_a_file_that_was_added_to_a_wheel_fails(installed):
    (installed(editable=False) / "extra.py").write_text("x = 1")
    assert _installation_lines() == [("none", True), ("not checked: extra.py", False)]


@pytest.mark.parametrize("edited", [False, True])
def test_an_editable_installation_is_not_checked_and_does_not_pass(installed, edited):
    package = installed(editable=True)
    if edited:
        (package / "height.py").write_text("else")
    assert _installation_lines() == [("none", True), ("not checked: all", False)]
