"""The border of one disc in its own frame, from which heights and shape are computed."""

from discmri.measurement.outline.contours import mid_plane_weights
from discmri.measurement.outline.lines import height_lines
from discmri.measurement.outline.painting import repainted
from discmri.measurement.outline.tracing import trace_disc

__all__ = [
    "height_lines",
    "mid_plane_weights",
    "repainted",
    "trace_disc",
]
