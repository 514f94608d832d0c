"""The border of one disc in its own frame: what every height and shape is computed from."""

from discmri.measurement.outline.contours import is_hard, mid_plane_weights
from discmri.measurement.outline.face import Face, check_whole, disc_face
from discmri.measurement.outline.lines import STATIONS, height_lines
from discmri.measurement.outline.orientation import cut_at_sides
from discmri.measurement.outline.painting import repainted
from discmri.measurement.outline.tracing import trace_disc

__all__ = [
    "STATIONS",
    "Face",
    "check_whole",
    "cut_at_sides",
    "disc_face",
    "height_lines",
    "is_hard",
    "mid_plane_weights",
    "repainted",
    "trace_disc",
]
