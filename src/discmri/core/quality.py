"""Whether a disc's values can be used: good, to be checked, or rejected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from discmri.core.findings import MAIN_VALUES, Finding, Severity, codes_of


class Quality(Enum):
    """How the values of a disc may be used."""

    GOOD = "good"
    CHECK = "check"
    REJECT = "reject"


@dataclass(frozen=True)
class DiscQuality:
    """The quality of one disc."""

    verdict: Quality  # how its values may be used
    # codes of the findings that led to it, sorted; none for a good disc
    reasons: tuple[str, ...] = ()

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> DiscQuality:
        """The quality of a disc from the findings of its checks.

        An error rejects the disc; a warning that affects a main value gives ``CHECK``.

        >>> from discmri.core.findings import Code, warning
        >>> DiscQuality.of([warning(Code.LOW_CONFIDENCE, "")])
        DiscQuality(verdict=<Quality.CHECK: 'check'>, reasons=('low_confidence',))
        >>> DiscQuality.of([warning(Code.BODY_MISSING, "")]).verdict
        <Quality.GOOD: 'good'>
        """
        behind = [one for one in findings if one.is_flag and one.touches(*MAIN_VALUES)]
        if not behind:
            return cls(Quality.GOOD)
        rejected = any(one.severity is Severity.ERROR for one in behind)
        return cls(Quality.REJECT if rejected else Quality.CHECK, codes_of(behind))
