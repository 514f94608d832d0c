"""Reads of a session as DICOM objects, one per reader and study."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from discmri.agreement.ratings import ReaderRole
from discmri.core.errors import NothingToMeasureError, ResultsError, UsageError
from discmri.core.levels import DiscLevel
from discmri.reading.plan import Case, Plan
from discmri.results.dicom.instance import to_bytes
from discmri.results.dicom.reads import ADJUDICATOR, READER, Observer, ReadDisc, reads_report
from discmri.results.dicom.source import DicomSource
from discmri.results.read import read_results

_ROLES = {ReaderRole.READER.value: READER, ReaderRole.ADJUDICATOR.value: ADJUDICATOR}
_SHOWING = itemgetter("reader", "role", "occasion")


def write_objects(
    plan: Plan, rows: Iterable[dict[str, object]], root: Path, folder: Path
) -> Iterator[str]:
    """Write ``<case>/reads_sr_<reader>.dcm`` for every study with reads.

    ``root`` is the folder of results and images.  Yields a message about each study without
    objects.
    """
    given: dict[object, list[dict[str, object]]] = {}
    for row in rows:
        given.setdefault((row["subject_id"], row["study_uid"]), []).append(row)
    for case in plan.cases:
        read = given.get((case.subject_id, case.study_uid))
        if not read:
            continue
        try:
            source = _source(case, root)
        except (NothingToMeasureError, ResultsError, UsageError) as error:
            yield f"no DICOM objects of {case.results}: {error}"
            continue
        inside = folder / _as_name(case.results)
        inside.mkdir(parents=True)
        for key, showing in groupby(sorted(read, key=_SHOWING), key=_SHOWING):
            reader, role, occasion = (str(one) for one in key)
            report = reads_report(source, Observer(reader, _ROLES[role]), _reads(showing))
            name = f"reads_sr_{_as_name(reader)}{'_repeat' if occasion == '2' else ''}.dcm"
            (inside / name).write_bytes(to_bytes(report))


def _source(case: Case, root: Path) -> DicomSource:
    if not case.study:
        raise UsageError("the session was planned without images")
    return DicomSource.of(read_results(root / case.results, study=root / case.study))


def _reads(rows: Iterable[dict[str, object]]) -> list[ReadDisc]:
    order = list(DiscLevel)
    found = [
        ReadDisc(
            DiscLevel(row["level"]),
            DiscLevel(row["level_automatic"]),
            str(row["grade"] or ""),
            str(row.get("not_evaluable") or ""),
            str(row["comment"] or ""),
            str(row["read_at"]),
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: order.index(one.automatic_level))


def _as_name(text: str) -> str:
    """A file name for a reader or a relative path.

    >>> _as_name("visits/S01 baseline")
    'visits_S01_baseline'
    """
    return re.sub(r"[^\w.-]+", "_", text)
