"""Every recipe of CONTRIBUTING followed to the letter, on a copy of the package.

A dummy member is added to each list as the recipe says: one file and one line.  Then the
program is called as a user would call it, in a process of its own, and must use the member.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

import discmri
from discmri.results.height.columns import COLUMNS
from discmri.trial.repeatability import ALLOWANCE

ROOT = Path(__file__).parents[1]
SOURCE = Path(discmri.__file__).parent


@dataclass(frozen=True)
class Recipe:
    """What a contributor writes: a new file or more of an existing one, and lines of a list."""

    file: str
    text: str
    home: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    """Pieces of ``home`` and what follows each of them."""


_TOP = "from __future__ import annotations\n"


def shown(heading: str) -> str:
    """The file that a recipe of CONTRIBUTING shows."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    part = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    (found,) = re.findall(r"```python\n(.*?)```", part, re.DOTALL)
    return textwrap.dedent(found)


RECIPES = {
    "height": Recipe(
        "results/height/rear.py",
        shown("Add a height definition"),
        "results/height/__init__.py",
        (
            (_TOP, "from discmri.results.height.rear import REAR\n"),
            ("    POSTERIOR,\n", "    REAR,\n"),
        ),
    ),
    "b-value": Recipe(
        "study/bvalues/acme.py",
        '''"""ACME: (0019,xx01) of ``ACME MR``."""

from pydicom import Dataset

from discmri.core.diffusion import BValue, DirectionKind
from discmri.study.bvalues.private import floats, private_value


def read(ds: Dataset) -> BValue | None:
    """B-value, trace images."""
    value = floats(private_value(ds, 0x0019, "ACME MR", 0x01, "FD"))
    return BValue(value[0], "ACME (0019,xx01)", DirectionKind.TRACE) if value else None
''',
        "study/bvalues/__init__.py",
        (("bvalues import ", "acme, "), ("    uih.read,\n", "    acme.read,\n")),
    ),
    "vendor": Recipe(
        "phantoms/vendors/acme.py",
        '''"""ACME: b-values in a private tag alone."""

from discmri.phantoms.dicom import classic


def acme(series, study):
    """Classic files."""
    for instance in classic(series, study):
        d = instance.dataset
        d.Manufacturer = "ACME"
        if instance.picture.b_s_per_mm2 is not None and not series.is_map:
            block = d.private_block(0x0019, "ACME MR", create=True)
            block.add_new(0x01, "FD", float(instance.picture.b_s_per_mm2))
        yield d
''',
        "phantoms/vendors/__init__.py",
        (
            (_TOP, "from discmri.phantoms.vendors.acme import acme\n"),
            ('    "canon": canon,\n', '    "acme": acme,\n'),
        ),
    ),
    "segmenter": Recipe(
        "measurement/segment/acme.py",
        '''"""ACME: knows the true label map."""

import os
from dataclasses import replace
from pathlib import Path

from discmri.measurement.segment.masks import masks


def acme(image, settings):
    """The label map that the environment names."""
    known = replace(settings, masks=Path(os.environ["ACME_LABELS"]))
    return replace(masks(image, known), method="acme:1")
''',
        "measurement/segment/__init__.py",
        (
            (_TOP, "from discmri.measurement.segment.acme import acme\n"),
            ('"masks": masks', ', "acme": acme'),
        ),
    ),
    "scheme": Recipe(
        "measurement/segment/schemes/acme.py",
        '''"""ACME: numbers of discmri plus 100."""

from discmri.measurement.segment.schemes.discmri import DISCMRI
from discmri.measurement.segment.schemes.scheme import MaskScheme

ACME = MaskScheme(
    discs={number + 100: level for number, level in DISCMRI.discs.items()},
    vertebrae={number + 100: one for number, one in DISCMRI.vertebrae.items()},
    canal=tuple(number + 100 for number in DISCMRI.canal),
    sacrum=tuple(number + 100 for number in DISCMRI.sacrum),
    whole_vertebrae=DISCMRI.whole_vertebrae,
)
''',
        "measurement/segment/schemes/__init__.py",
        (
            (_TOP, "from discmri.measurement.segment.schemes.acme import ACME\n"),
            ('    "discmri": DISCMRI,\n', '    "acme": ACME,\n'),
        ),
    ),
    "exporter": Recipe(
        "results/export/acme.py",
        '''"""``levels.txt``: the names of the discs."""


def export(result, folder):
    """Write ``levels.txt``."""
    names = [record.level.value for record in result.records]
    (folder / "levels.txt").write_text("\\n".join(names), encoding="utf-8")
''',
        "results/export/__init__.py",
        (
            ("results.export import (\n", "    acme,\n"),
            ('    "csv": csv_wide.export,\n', '    "acme": acme.export,\n'),
        ),
    ),
    "degeneration": Recipe(
        "phantoms/population.py",
        '''

def healthy(rng: np.random.Generator, discs: int) -> list[str]:
    """Grade 2 everywhere; made up."""
    return ["2"] * discs

''',
        "phantoms/population.py",
        (('"even": uniform', ', "healthy": healthy'),),
    ),
    "check": Recipe(
        "trial/comparability.py",
        '''

def moon(pair: ScanPair) -> Iterable[Difference]:
    """The moon differs between any two scans."""
    yield Difference("moon", "full and new moon", HEIGHT, _NOT)

''',
        "trial/comparability.py",
        (("    tilt,\n    measurement,\n", "    moon,\n"),),
    ),
    "published": Recipe(
        "trial/repeatability.py",
        "",
        "trial/repeatability.py",
        (('    "area_mm2": _BELAVY_AREA,\n',
          '    "wedge_deg": Published(400.0, False, "made up (Nobody 2000)"),\n'),),
    ),
    "statistic": Recipe(
        "agreement/acme.py",
        '''"""Constants: no statistics anybody published."""


def acme_grades(counts):
    """Half for every resample."""
    return counts.paired * 0 + 0.5


def acme_values(moments):
    """A quarter for every resample."""
    return moments.count * 0 + 0.25
''',
        "agreement/__init__.py",
        (
            (_TOP, "from discmri.agreement.acme import acme_grades, acme_values\n"),
            ('    "exact agreement": exact,\n', '    "acme": acme_grades,\n'),
            ("    **DIFFERENCES,\n", '    "acme of values": acme_values,\n'),
        ),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A copy of the package with one more member in every list."""
    root = tmp_path_factory.mktemp("copy")
    package = root / "discmri"
    shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for recipe in RECIPES.values():
        path = package / recipe.file
        if path.exists():  # more of a file stands before its list, which names it
            head, tail = re.split(r"(?m)^(?=[A-Z_]+: (?:Mapping|tuple)\[.*\{?\(?$)", path.read_text(
                encoding="utf-8"), maxsplit=1)  # fmt: skip
            path.write_text(head.rstrip() + "\n" + recipe.text + "\n" + tail, encoding="utf-8")
        else:
            path.write_text(recipe.text, encoding="utf-8")
        home = package / recipe.home
        text = home.read_text(encoding="utf-8")
        for anchor, line in recipe.lines:
            assert text.count(anchor) == 1, (recipe.home, anchor)
            text = text.replace(anchor, anchor + line)
        home.write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def program(copy, tmp_path):
    """A function: call the copied program and give what it prints."""

    def call(*arguments: object, code: str = "") -> str:
        run = ("-c", code) if code else ("-m", "discmri", *map(str, arguments))
        paths = os.pathsep.join((str(copy), str(ROOT)))
        done = subprocess.run(
            [sys.executable, *run],
            capture_output=True, text=True, encoding="utf-8", cwd=tmp_path, check=False,
            env={**os.environ, "PYTHONPATH": paths}, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def test_every_path_of_the_recipes_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:src|tests)/[\w./]+)", text))
    assert len(named) > 15
    assert [one for one in sorted(named) if not (ROOT / one).exists()] == []


def test_a_vendor_of_phantoms_and_its_b_value_are_read_back(program, tmp_path):
    program(
        "phantom", "make", tmp_path / "spine", "--vendor", "acme", "--series", "t2,dwi",
        "--slices", 3, "--spacing", 1.5, "--dwi-spacing", 3, "--b-values", "0,400",
    )  # fmt: skip
    facts = json.loads(program("inspect", tmp_path / "spine" / "study", "--json"))
    found = [one["b_values_s_per_mm2"] for one in facts["series"] if one["b_values_s_per_mm2"]]
    assert found == [[0, 400]]
    assert {one["manufacturer"] for one in facts["series"]} == {"ACME"}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_segmenter_a_scheme_and_an_exporter_are_used(program, tiny, tmp_path, monkeypatch):
    import nibabel as nib
    import numpy as np

    labels, other = tiny.folder / "labels.nii.gz", tmp_path / "acme.nii.gz"
    image = nib.load(labels)
    numbers = np.asarray(image.dataobj).astype(np.int16)
    numbers[numbers > 0] += 100
    nib.save(nib.Nifti1Image(numbers, image.affine), other)
    monkeypatch.setenv("ACME_LABELS", str(labels))
    program("measure", tiny.study, "-o", "found", "--quiet", "--segmenter", "acme")
    program(
        "measure", tiny.study, "-o", "given", "--quiet", "--masks", other,
        "--mask-scheme", "acme", "--format", "acme", "--format", "csv",
    )  # fmt: skip
    record = json.loads((tmp_path / "found" / "study.json").read_text(encoding="utf-8"))
    assert record["segmenter"] == "acme:1"
    found, given = (rows(tmp_path / name / "discs.csv") for name in ("found", "given"))
    assert len(found) == 3
    for column in ("level", "height_mm", "volume_mm3"):
        assert [row[column] for row in found] == [row[column] for row in given]
    for folder in ("found", "given"):  # without --format every member writes
        written = (tmp_path / folder / "levels.txt").read_text(encoding="utf-8")
        assert written.split("\n") == [row["level"] for row in found]


def test_a_way_to_degenerate_is_drawn_from(program):
    assert "healthy" in program("phantom", "cohort", "--help")
    grades = program(
        code="from discmri.phantoms.population import member\n"
        "print(*member(3, 1, 'healthy').options.grades)"
    )
    assert set(grades.split()) == {"2"}


def test_a_check_of_comparability_reaches_the_verdicts(program):
    told = program(
        code="from tests.trial.courses import make_course, L3, L4\n"
        "from discmri.trial.analysis import analyse\n"
        "from discmri.trial.change import changes_of\n"
        "from discmri.trial.noise import Noise\n"
        "course = make_course({'a': {L3: 8.0, L4: 9.0}, 'b': {L3: 8.0, L4: 19.0}})\n"
        "print(*{f'{c.verdict.value}: {c.reasons[0]}' for c in changes_of(course, Noise())})\n"
        "print(analyse([course], ('a', 'b')).judged[0].reasons)\n"
    )
    first, second = told.strip().split("\n")
    assert first == "not comparable: moon: full and new moon"
    assert "full and new moon" in second


def test_a_published_change_becomes_the_noise_band(program):
    told = program(
        code="from discmri.trial.noise import Noise\nfrom discmri.trial.values import Value\n"
        "band = Noise().band('wedge_deg', Value(5.0), Value(6.0), 'builtin:1')\n"
        "print(band.half, band.source)"
    )
    assert told.strip() == "400.0 published ±400: made up (Nobody 2000)"


def test_a_statistic_of_agreement_is_printed_and_written(program, tmp_path):
    values = [
        f"s{n},s{n},L4-L5,{rater},height_mm,{8 + n / 10 + late / 5}"
        for n in range(6)
        for late, rater in enumerate(("ann", "ben"))
    ]
    text = "\n".join(["subject_id,study_uid,level,rater,parameter,value", *values]) + "\n"
    (tmp_path / "values.csv").write_text(text, encoding="utf-8")
    heads = "subject_id,study_uid,level_automatic,reader,role,grade,grade_before_reveal,"
    grades = [f"s{n},s{n},L4-L5,{who},reader,{2 + n % 3},," for n in range(6) for who in ("a", "b")]
    (tmp_path / "reads.csv").write_text(
        "\n".join([heads + "suggested_grade", *grades]) + "\n", encoding="utf-8"
    )
    printed = program("agreement", "values.csv", "reads.csv", "-o", "out", "--resamples", 50)
    assert re.search(r"acme +0\.500", printed)
    assert re.search(r"acme of values +0\.250", printed)
    with (tmp_path / "out" / "agreement.csv").open(encoding="utf-8", newline="") as file:
        found = {(row["statistic"], row["value"]) for row in csv.DictReader(file)}
    assert {("acme", "0.5"), ("acme of values", "0.25")} <= found


def test_a_new_height_is_the_primary_one_in_every_format(program, wide, tmp_path):
    out = tmp_path / "out"
    program(
        "measure", wide.study, "-o", out, "--quiet", "--height-method", "rear",
        "--masks", wide.folder / "labels.nii.gz",
    )  # fmt: skip
    discs = rows(out / "discs.csv")
    assert len(discs) == 3
    for disc in discs:
        assert (disc["height_mm"], disc["height_method"]) == (disc["height_rear_mm"], "rear")
        assert float(disc["height_sd_mm"]) > 0
    columns = list(discs[0])
    assert columns.index("height_rear_mm") == columns.index("height_posterior_mm") + 1
    long = {row["parameter"]: row for row in rows(out / "measurements.csv")}
    assert (long["height_rear_mm"]["unit"], long["height_rear_mm"]["method"]) == ("mm", "rear")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "height: rear corners</span>" in page
    assert "Distance of the posterior corners." in page


def test_a_new_height_goes_through_a_trial_and_is_not_validated(program, wide, tmp_path):
    listed = tmp_path / "trial.csv"
    shutil.copytree(wide.study, tmp_path / "later")
    labels = wide.folder / "labels.nii.gz"
    listed.write_text(
        "subject,visit,week,treated,path,masks\n"
        f"S1,a,0,L4-L5,{wide.study},{labels}\nS1,b,12,L4-L5,{tmp_path / 'later'},{labels}\n",
        encoding="utf-8",
    )
    out = tmp_path / "out"
    shown = program(
        "trial", "run", listed, "-o", out, "--quiet", "--segmenter", "masks", "--workers", 1,
        "--height-method", "rear", "--responder", "height_rear_mm",
    )  # fmt: skip
    assert "2 of 2 scans measured" in shown
    later = [row for row in rows(out / "long.csv") if row["visit"] == "b"]
    (row,) = (
        one for one in later if (one["level"], one["parameter"]) == ("L4-L5", "height_rear_mm")
    )
    assert row["comparability_reason"] == "moon: full and new moon", "the dummy check alone"
    assert "times the uncertainty factor of the definition" in row["noise_source"]
    sd = 2.8 * COLUMNS.phantom_sd["masks"]
    assert float(row["change_sd"]) == pytest.approx(ALLOWANCE * 2**0.5 * sd, abs=1e-3)
    assert {row["MKTESTCD"] for row in rows(out / "sdtm_findings.csv")} >= {"DSCHREAR"}
    fields = {
        row["Variable / Field Name"]: row["Field Label"]
        for row in rows(out / "redcap_dictionary.csv")
    }
    assert fields["height_rear_mm"] == "Distance of the posterior corners. [mm]"

    truth = tmp_path / "truth.csv"
    truth.write_text("study,level,area_mm2\nS1 / a,L4-L5,300\n", encoding="utf-8")
    program("validate", out / "measured", truth, "-o", tmp_path / "validated", "--quiet")
    compared = {row["parameter"] for row in rows(tmp_path / "validated" / "pairs.csv")}
    assert compared == {"area_mm2"}
