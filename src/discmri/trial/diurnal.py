"""How much of a change the time of day may explain: the diurnal part of a noise band.

Discs lose height and water while a person is up.  The size of the loss over a day is published;
its course is this project's choice: the larger of an even loss over twelve hours and one that
takes half of what is left in every hour, since discs lose most soon after rising.  Where the time
of getting up is not known, the earlier scan is taken to be one hour after it.
"""

from __future__ import annotations

from collections.abc import Mapping

from discmri.results.height.published import Published
from discmri.trial.comparability import ScanPair, hours_between

DAY_H = 12.0
HALF_TIME_H = 1.0
EARLIEST_UP_H = 1.0
"""Time since getting up that the earlier scan is taken to have, where it is not known."""
_MARTIN = (
    "loss of height from morning to evening, upper end of 6.1 to 8.0 %, 12 people (Martin 2022)"
)
LOSS: Mapping[str, Published] = {
    "height_": Published(0.9, False, "loss of height over a day (Boos 1996)"),
    "dhi_": Published(8.0, True, _MARTIN),
    "area_": Published(8.0, True, _MARTIN),
    "volume_": Published(
        8.5, True, "loss of volume from morning to evening, upper end, 12 people (Martin 2022)"
    ),
    "signal_ratio": Published(13.5, True, "loss of signal over a day (Spine 1995;20:807)"),
}
"""Loss over a day by the beginning of a parameter's name.  For ADC no size was found."""


def day_share(earlier_up_h: float, later_up_h: float) -> float:
    """Share of a day's loss between two times since getting up.

    >>> day_share(1.0, 1.0), round(day_share(1.0, 3.0), 3), round(day_share(6.0, 8.0), 3)
    (0.0, 0.375, 0.167)
    """
    even = abs(later_up_h - earlier_up_h) / DAY_H
    halving = abs(2.0 ** (-earlier_up_h / HALF_TIME_H) - 2.0 ** (-later_up_h / HALF_TIME_H))
    return float(min(max(even, halving), 1.0))


def diurnal(parameter: str, first: float, pair: ScanPair) -> tuple[float, str] | None:
    """The largest change of one disc that the time of day alone explains, and its source.

    Parameters
    ----------
    parameter
        Name of a column.
    first
        Value at the first visit.
    pair
        The two scans.

    Returns
    -------
    tuple or None
        Size in the parameter's unit and words; ``None`` where both scans were made at the same
        time, a time is not known, or no size is published.
    """
    loss = next((one for name, one in LOSS.items() if parameter.startswith(name)), None)
    hours = hours_between(pair)
    if loss is None or not hours:
        return None
    before, after = pair.before.up_h, pair.after.up_h
    if before is None or after is None:
        share = day_share(EARLIEST_UP_H, EARLIEST_UP_H + hours)
        when = f"{hours:.1f} h apart by the clock, the earlier at least {EARLIEST_UP_H:g} h after rising"
    else:
        share = day_share(before, after)
        when = f"{before:.1f} and {after:.1f} h after rising"
    return share * loss.of(first), f"{when}; {100 * share:.0f} % of the {loss.source}"
