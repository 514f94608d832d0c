"""The diurnal part of a noise band: the change that the time of day may explain.

Discs lose height and water during the day.  The loss over a day is published.  Its course is a choice
of this project: the larger of a linear loss over twelve hours and an exponential loss with a half
time of one hour, because most is lost soon after rising.  If the time of rising is unknown, the
earlier scan is assumed one hour after it.
"""

from __future__ import annotations

from collections.abc import Mapping

from discmri.results.height.published import Published
from discmri.trial.comparability import ScanPair, hours_between

DAY_H = 12.0
HALF_TIME_H = 1.0
EARLIEST_UP_H = 1.0
"""Assumed time from rising to the earlier scan, if unknown."""
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
"""Loss over a day by prefix of the name of the parameter; none was found for the ADC."""


def day_share(earlier_up_h: float, later_up_h: float) -> float:
    """Fraction of the daily loss between two times since rising.

    >>> day_share(1.0, 1.0), round(day_share(1.0, 3.0), 3), round(day_share(6.0, 8.0), 3)
    (0.0, 0.375, 0.167)
    """
    even = abs(later_up_h - earlier_up_h) / DAY_H
    halving = abs(2.0 ** (-earlier_up_h / HALF_TIME_H) - 2.0 ** (-later_up_h / HALF_TIME_H))
    return float(min(max(even, halving), 1.0))


def diurnal(parameter: str, first: float, pair: ScanPair) -> tuple[float, str] | None:
    """Greatest change of one disc due to the time of day, and its source.

    ``first`` is the value at the first visit.  ``None`` if both scans were made at the same time, a
    time is unknown, or no loss is published.
    """
    loss = next((one for name, one in LOSS.items() if parameter.startswith(name)), None)
    hours = hours_between(pair)
    if loss is None or not hours:
        return None
    before, after = pair.before.up_h, pair.after.up_h
    if before is None or after is None:
        share = day_share(EARLIEST_UP_H, EARLIEST_UP_H + hours)
        when = f"{hours:.1f} h apart, the earlier assumed {EARLIEST_UP_H:g} h after rising"
    else:
        share = day_share(before, after)
        when = f"{before:.1f} and {after:.1f} h after rising"
    return share * loss.of(first), f"{when}; {100 * share:.0f} % of the {loss.source}"
