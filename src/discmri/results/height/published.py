"""Published detectable changes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A published detectable change.

    Parameters
    ----------
    size
        Size in the unit of the parameter, or in percent of the first value.
    percent
        Whether ``size`` is in percent.
    source
        Statistic, sample, author and year.
    """

    size: float
    percent: bool
    source: str

    def of(self, first: float) -> float:
        """Size in the unit of the parameter for a first value."""
        return abs(first) * self.size / 100 if self.percent else self.size


BOOS_MEAN = Published(
    0.85, False, "95 % detectable change of centroid heights, 10 volunteers (Boos 1996)"
)
"""Used for heights averaged over a disc, by choice of this project."""
BOOS_POINTS = Published(
    1.66, False, "95 % detectable change of (anterior + posterior) / 2, 10 volunteers (Boos 1996)"
)
"""Used for heights at single positions, by choice of this project."""
