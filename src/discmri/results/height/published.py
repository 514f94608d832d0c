"""Detectable changes that were published."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A detectable change that somebody published.

    Parameters
    ----------
    size
        In the parameter's unit, or in percent of the first value.
    percent
        Whether it is percent.
    source
        Who and when, with what it was measured on.
    """

    size: float
    percent: bool
    source: str

    def of(self, first: float) -> float:
        """In the parameter's unit."""
        return abs(first) * self.size / 100 if self.percent else self.size


BOOS_MEAN = Published(
    0.85, False, "95 % detectable change of centroid heights, 10 volunteers (Boos 1996)"
)
"""Taken for heights averaged over a disc; that is this project's choice."""
BOOS_POINTS = Published(
    1.66, False, "95 % detectable change of (anterior + posterior) / 2, 10 volunteers (Boos 1996)"
)
"""Taken for heights at single places; that is this project's choice."""
