"""Decisions of visual quality control: read ``decisions.csv`` of ``discmri qc`` and apply it.

A decision concerns one disc of one study as it was measured.  Where the table gives a study UID or
a height, it applies only to a disc that still has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from pathlib import Path

from discmri.core.levels import DiscLevel
from discmri.core.quality import DiscQuality, Quality
from discmri.core.tables import Row, read_table
from discmri.core.text import counted

COLUMNS = (
    "study", "subject_id", "study_uid", "level", "height_mm", "decision", "comment", "reader",
    "decided_utc",
)  # fmt: skip
"""Columns of ``decisions.csv``; study, level and decision are required."""
REASON = {"reject": "rejected_in_qc", "doubt": "doubted_in_qc"}
"""Entry in ``quality_reasons`` by decision."""
_NEEDED = ("study", "level", "decision")
_HINT = f"a table of decisions has {', '.join(_NEEDED)}, and optionally study_uid and height_mm"
_SAME_HEIGHT_MM = 0.0006  # heights are written with three decimals


class QcVerdict(Enum):
    """What was decided on a disc."""

    ACCEPT = "accept"
    DOUBT = "doubt"
    REJECT = "reject"


@dataclass(frozen=True)
class JudgedDisc:
    """A measured disc."""

    study: str  # its name in the results
    level: DiscLevel
    study_uid: str = ""  # Study Instance UID of the images; empty if unknown
    height_mm: float | None = None  # primary height of the disc; None if missing


@dataclass(frozen=True)
class Decision:
    """One decision."""

    disc: JudgedDisc  # the disc as it was when the decision was made
    verdict: QcVerdict
    comment: str = ""  # the reviewer's reason; may be empty

    def holds_for(self, disc: JudgedDisc) -> bool:
        """Whether the decision applies to a disc: same study UID and height, where both are known.

        >>> made = Decision(JudgedDisc("a", DiscLevel.L4_L5, height_mm=8.1), QcVerdict.REJECT)
        >>> made.holds_for(JudgedDisc("a", DiscLevel.L4_L5, "1.2", 8.1))
        True
        >>> made.holds_for(JudgedDisc("a", DiscLevel.L4_L5, "1.2", 9.3))
        False
        """
        wanted, found = self.disc.height_mm, disc.height_mm
        if self.disc.study_uid and disc.study_uid and self.disc.study_uid != disc.study_uid:
            return False
        return wanted is None or (found is not None and abs(wanted - found) < _SAME_HEIGHT_MM)


@dataclass(frozen=True)
class AppliedDecisions:
    """Decisions matched with measured discs."""

    source: str  # name of the file
    sha256: str  # hexadecimal hash of the file
    verdicts: Mapping[tuple[str, DiscLevel], QcVerdict]  # verdict by study and level
    outdated: tuple[Decision, ...] = ()  # decisions on discs that were measured again since
    unknown: tuple[Decision, ...] = ()  # decisions on discs that are not in the results

    @property
    def rejected(self) -> tuple[tuple[str, DiscLevel], ...]:
        """Discs to leave out, by study and level."""
        return tuple(key for key, one in self.verdicts.items() if one is QcVerdict.REJECT)

    def quality(
        self, study: str, level: DiscLevel, found: DiscQuality | None
    ) -> DiscQuality | None:
        """The quality of a disc after the decision; accepting does not raise it."""
        verdict = self.verdicts.get((study, level), QcVerdict.ACCEPT)
        if verdict is QcVerdict.ACCEPT:
            return found
        reasons = tuple(sorted({*(found.reasons if found else ()), REASON[verdict.value]}))
        rejected = verdict is QcVerdict.REJECT or (found and found.verdict is Quality.REJECT)
        return DiscQuality(Quality.REJECT if rejected else Quality.CHECK, reasons)

    def sentences(self) -> tuple[str, ...]:
        """Summary for the terminal and for reports."""
        counts = [sum(one is kind for one in self.verdicts.values()) for kind in QcVerdict]
        names = ", ".join(f"{study} {level.value}" for study, level in self.rejected[:3])
        more = ", …" if len(self.rejected) > 3 else ""
        listed = f" ({names}{more})" if names else ""
        said = [
            f"Quality control ({self.source}): {counted(counts[2], 'disc')} rejected and left "
            f"out{listed}, {counts[1]} doubted, {counts[0]} accepted."
        ]
        for left, why in (
            (self.outdated, "measured again since; review it again"),
            (self.unknown, "not in these results"),
        ):
            if left:
                first = f"{left[0].disc.study} {left[0].disc.level.value}"
                said.append(f"{counted(len(left), 'decision')} had no effect: {first} is {why}.")
        return tuple(said)

    def record(self) -> dict[str, object]:
        """Summary for ``run.json``, JSON-like."""
        return {
            "file": self.source,
            "sha256": self.sha256,
            "rejected": [f"{study} {level.value}" for study, level in self.rejected],
            "doubted": [
                f"{study} {level.value}"
                for (study, level), one in self.verdicts.items()
                if one is QcVerdict.DOUBT
            ],
            "without_effect": len(self.outdated) + len(self.unknown),
        }


@dataclass(frozen=True)
class Decisions:
    """All decisions of a table."""

    source: str  # name of the file
    sha256: str  # hexadecimal hash of the file
    entries: tuple[Decision, ...] = field(default=())  # in the order of the table

    def applied(self, discs: Iterable[JudgedDisc]) -> AppliedDecisions:
        """Match the decisions with all measured discs."""
        known: dict[tuple[str, DiscLevel], JudgedDisc] = {(d.study, d.level): d for d in discs}
        verdicts: dict[tuple[str, DiscLevel], QcVerdict] = {}
        outdated, unknown = [], []
        for one in self.entries:
            key = (one.disc.study, one.disc.level)
            if key not in known:
                unknown.append(one)
            elif one.holds_for(known[key]):
                verdicts[key] = one.verdict
            else:
                outdated.append(one)
        return AppliedDecisions(self.source, self.sha256, verdicts, tuple(outdated), tuple(unknown))


def read_decisions(path: Path) -> Decisions:
    """Read ``decisions.csv``, or any table with its columns; empty decisions are skipped.

    Raises ``UsageError`` if the table cannot be read or names a disc twice; the message gives file,
    line and column.
    """
    table = read_table(path, _NEEDED, _HINT)
    lines: dict[tuple[str, DiscLevel, str], int] = {}
    entries = []
    for row in table.rows:
        one = _decision(row)
        if one is None:
            continue
        key = (one.disc.study, one.disc.level, one.disc.study_uid)
        if lines.setdefault(key, row.line) != row.line:
            raise row.error(
                "level", f"this disc of {key[0]} is in line {lines[key]} already; keep one"
            )
        entries.append(one)
    return Decisions(path.name, sha256(path.read_bytes()).hexdigest(), tuple(entries))


def _decision(row: Row) -> Decision | None:
    verdict = row.choice("decision", [one.value for one in QcVerdict])
    study, level = row.filled("study"), row.level("level")
    if level is None:
        raise row.error("level", "is empty; write the level, such as L4-L5")
    disc = JudgedDisc(study, level, row.text("study_uid"), row.number("height_mm"))
    return None if verdict is None else Decision(disc, QcVerdict(verdict), row.text("comment"))
