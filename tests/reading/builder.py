"""What several tests of reading sessions make."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from discmri.core.facts import Role, SeriesInput
from discmri.core.findings import Code, warning
from discmri.core.labels import NumberingMethod
from discmri.core.levels import DiscLevel
from discmri.results.model import StudyResult
from discmri.results.provenance import Provenance
from discmri.results.records import DiscRecord, Measurement
from discmri.results.residual import ResidualDisc

LEVELS = (DiscLevel.L1_L2, DiscLevel.L2_L3, DiscLevel.L3_L4, DiscLevel.L4_L5, DiscLevel.L5_S1)


def make_results(folder: Path, subject: str, date: str, levels=LEVELS, status="measured") -> Path:
    """A results folder as ``discmri measure`` leaves it, as far as a session looks at it."""
    measured = status == "measured"
    uid = f"1.2.{int(hashlib.sha256(f'{subject}{date}'.encode()).hexdigest()[:8], 16)}"
    found = levels if measured else ()
    records = (_record(level, n) for n, level in enumerate(found) if level.is_measured)
    residual = (
        ResidualDisc(level, (0.0, 0.0, 0.0), 14.0, 4.0) for level in found if not level.is_measured
    )
    result = StudyResult(
        subject, uid, date, f"{uid}.1", tuple(records), NumberingMethod.SACRUM, 0.9, (),
        (warning(Code.FEW_SLICES, "two slices"),),
        Provenance({"discmri": "0"}, segmenter="builtin",
                   inputs=(SeriesInput(Role.SAG_T2, f"{uid}.1", (), "ab" * 32),)),
        residual_discs=tuple(residual), message="" if measured else "nothing there",
    )  # fmt: skip
    result.write(folder, ("json",))
    (folder / "labels.nii.gz").write_bytes(b"labels")
    return folder


def _record(level: DiscLevel, n: int) -> DiscRecord:
    values = (
        Measurement("height_mm", 7.0 + n, "columns", 0.2),
        Measurement("suggested_grade", str(2 + n), "g"),
    )
    return DiscRecord(
        level, {one.parameter: one for one in values}, {"grade": {"height_loss": 0.1}}
    )


def reader_process(session: str | Path, reader: str, program: str) -> subprocess.Popen[str]:
    """A process of its own that opens a session and runs a program with it.

    The program sees ``session``, ``said(x)``, which prints a line at once, and ``wait()``, which
    waits for a line.
    """
    code = (
        "import os, signal, sys\n"
        "from discmri.reading import *\n"
        "from discmri.reading import visible as module\n"
        "def said(x): print(x, flush=True)\n"
        "def wait(): sys.stdin.readline()\n"
        "def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"with open_session({str(session)!r}, {reader!r}) as session:\n"
        + "".join(f"    {line}\n" for line in program.splitlines())
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ.copy(),
    )  # fmt: skip


GRADE_EVERYTHING = """\
said("ready")
for case in session.cases:
    for disc in case.discs:
        entry = session.record(case.item, disc.key, Grade(3)).read.entry_id
        said(entry)
"""


def graded_together(session: str | Path, readers: tuple[str, ...]) -> list[str]:
    """Rows that all these readers wrote, who begin to grade at the same moment."""
    program = GRADE_EVERYTHING.replace('said("ready")', 'said("ready")\nwait()')
    writers = [reader_process(session, name, program) for name in readers]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n", writer.stderr.read()
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    told = [writer.communicate(timeout=600) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * len(readers), told
    return [line for out, _ in told for line in out.split()]
