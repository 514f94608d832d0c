"""The border of one disc in its own frame: what every height and shape is computed from."""

from discmri.outline.contours import is_hard, mid_plane_weights
from discmri.outline.face import Face, check_whole, disc_face
from discmri.outline.lines import STATIONS, height_lines
from discmri.outline.orientation import cut_at_sides
from discmri.outline.painting import repainted
from discmri.outline.tracing import trace_disc
from discmri.outline.types import (
    BodyCorners,
    BodyEnd,
    Corners,
    DiscFrame,
    DiscOutline,
    Section,
)

__all__ = [
    "STATIONS",
    "BodyCorners",
    "BodyEnd",
    "Corners",
    "DiscFrame",
    "DiscOutline",
    "Face",
    "Section",
    "check_whole",
    "cut_at_sides",
    "disc_face",
    "height_lines",
    "is_hard",
    "mid_plane_weights",
    "repainted",
    "trace_disc",
]
