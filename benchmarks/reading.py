"""Time of a reading session with few and with many cases, against floors of the same run."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import discmri
from benchmarks.speed import best
from discmri.core.labels import NumberingMethod
from discmri.core.levels import DiscLevel
from discmri.results.model import StudyResult
from discmri.results.provenance import Provenance
from discmri.results.records import DiscRecord

CASES = (20, 400)
LEVELS = ("L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1")


def main(quick: bool = False) -> None:
    """Print milliseconds of each step at 20 and 400 cases, their ratio, and a floor for saving."""
    sizes = (5, 20) if quick else CASES
    with tempfile.TemporaryDirectory() as folder:
        found = [_session(Path(folder) / str(size), size) for size in sizes]
        floor = _floor(Path(folder) / "bare.db")
    few, many = sizes
    print(f"{'':38}{few:>4} cases{many:>8} cases   ratio")
    for name in found[0]:
        one, two = (1e3 * times[name] for times in found)
        print(f"  {name:34}{one:8.1f} ms{two:11.1f} ms{two / one:8.1f}")
    saving = 1e3 * found[1]["record a grade"]
    print(
        f"record a grade: {saving:.1f} ms, one bare SQLite commit {1e3 * floor:.1f} ms, "
        f"ratio {saving / 1e3 / floor:.1f}"
    )


def _session(folder: Path, size: int) -> dict[str, float]:
    from discmri import reading

    results = [_results(folder / "results" / f"S{n:03d}", n) for n in range(size)]
    session = folder / "x.session"
    times: dict[str, float] = {}

    def timed(name: str, work: Callable[[], object]) -> object:
        start = time.perf_counter()
        done = work()
        times[name] = time.perf_counter() - start
        return done

    options = reading.SessionOptions(("ann", "ben"), reading.Mode.BLINDED, repeats=0.2)
    timed(
        "plan",
        lambda: reading.create_session(
            session, reading.plan_session(dict.fromkeys(results), options, folder)
        ),
    )
    for reader in ("ann", "ben"):
        _read_all_but_one(session, reader)
    opened = timed(
        "open a session that is nearly read", lambda: reading.open_session(session, "ann")
    )
    assert isinstance(opened, reading.Session)
    with opened:
        times["find the next case"] = best(opened.next_case)
        case = opened.cases[-1]
        level = DiscLevel("L5-S1")
        times["record a grade"] = best(
            lambda: opened.record(case.item, level, reading.Grade(3)), repeats=20
        )
        times["show a disc"] = best(lambda: opened.case(case.item))
        times["count what is done"] = best(lambda: opened.progress)
    store = reading.Store.open(session)
    times["progress of all readers"] = best(lambda: reading.progress_of(store), repeats=3)
    times["verify"] = best(lambda: reading.verify(store), repeats=3)
    timed("export", lambda: reading.export_session(store, folder / "reads"))
    return times


def _read_all_but_one(session: Path, reader: str) -> None:
    from discmri import reading

    with reading.open_session(session, reader) as opened:
        for case in opened.cases[:-1]:
            for disc in case.discs:
                opened.record(case.item, disc.key, reading.Grade(1 + case.number % 5))


def _results(folder: Path, number: int) -> Path:
    result = StudyResult(
        subject_id=f"S{number:03d}",
        study_uid=f"1.2.{number}",
        study_date="20240131",
        series_uid="1",
        records=tuple(DiscRecord(DiscLevel(level), {}) for level in LEVELS),
        numbering=NumberingMethod.SACRUM,
        numbering_probability=1.0,
        series=(),
        findings=(),
        provenance=Provenance({"discmri": discmri.__version__}),
    )
    return result.write(folder, ("json",))


def _floor(path: Path) -> float:
    """One insert and commit with nothing around it, as safe on disk as ours."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=EXTRA")
        connection.execute("CREATE TABLE t (a)")
        return best(lambda: connection.execute("INSERT INTO t VALUES (?)", ("x" * 500,)), 20)
