"""The difference plot of the agreement report, as SVG in a data URI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from discmri.agreement import AgreementResult, Estimate
from discmri.agreement.ratings import ALL_LEVELS
from discmri.results.pictures.charts import chart, embedded

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STYLE: Any = {"font.size": 9, "svg.hashsalt": "discmri", "svg.fonttype": "path"}
_INK, _ACCENT, _SOFT = "#1d2733", "#0b5c8a", "#52606d"


def difference_plot(agreement: AgreementResult) -> str:
    """Bland-Altman plot of two columns with bias, limits and their intervals, as a data URI."""
    from matplotlib import rc_context

    comparison = agreement.comparison
    values = comparison.values[comparison.used]
    means, differences = values.mean(axis=1), values[:, 0] - values[:, 1]
    unit = f" ({comparison.unit})" if comparison.unit else ""
    with rc_context(_STYLE):
        figure, axes = chart(4.6, 3.1)
        axes.spines[["top", "right"]].set_visible(False)
        axes.scatter(means, differences, s=14, color=_ACCENT, alpha=0.65, linewidths=0)
        _lines(axes, agreement.of(ALL_LEVELS))
        axes.set_xlabel(f"mean of both{unit}")
        axes.set_ylabel(f"{comparison.columns[0]} − {comparison.columns[1]}{unit}")
        axes.margins(x=0.04, y=0.12)
        return f"data:image/svg+xml;base64,{embedded(figure, 'svg')}"


def _lines(axes: Axes, estimates: Sequence[Estimate]) -> None:
    styles = {"bias": "-", "lower limit of agreement": "--", "upper limit of agreement": "--"}
    for one in estimates:
        if one.statistic not in styles or one.value is None:
            continue
        axes.axhline(one.value, color=_INK, linestyle=styles[one.statistic], linewidth=1)
        if one.interval is not None:
            axes.axhspan(*one.interval, color=_SOFT, alpha=0.15, linewidth=0)
        axes.annotate(
            f"{one.value:.3g}", (1.01, one.value), xycoords=("axes fraction", "data"), va="center"
        )
