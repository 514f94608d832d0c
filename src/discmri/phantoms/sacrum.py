"""The sacrum: its segments, its taper, and the residual disc between S1 and S2.

Most sacra have a small disc between their first two segments.  By O'Driscoll et al. (1996, Skeletal
Radiol 25:225) it is of type 2 if shallower than the sacrum, of type 3 if of full depth, and of type
4 if the body of S1 is also squared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel
from discmri.core.volume import Array
from discmri.phantoms.shapes import (
    BodyShape,
    DiscShape,
    Footprint,
    LensShape,
    LocalFrame,
    Ripple,
    radius_share,
)

S1_DEPTH_MM, S1_WIDTH_MM = 31.0, 50.0
"""Size of the upper endplate of S1."""
S1_DEPTH_RATIO = S1_DEPTH_MM / 22.0

# segment S1..S5 and coccyx: tilt against S1, height, depth of its upper end, width
_SEGMENTS = (
    (0.0, 27.0, S1_DEPTH_MM, S1_WIDTH_MM),
    (4.0, 22.0, 22.0, 40.0),
    (-1.0, 18.0, 16.0, 34.0),
    (-19.0, 15.0, 12.5, 30.0),
    (-39.0, 13.0, 10.5, 26.0),
    (-60.0, 26.0, 8.0, 14.0),
)
_GAPS_MM = (2.6, 1.8, 1.0, 0.6, 1.2)
_DEEPENING = (0.0, 1.0, 0.45, 0.15, 0.0, 0.0)  # share of S2's extra depth for each segment


@dataclass(frozen=True)
class ResidualDiscSpec:
    """A residual disc between S1 and S2.

    Parameters
    ----------
    depth_share
        Its anteroposterior depth as a share of that of the endplates around the disc above S1.
    height_mm
        Its largest height.
    brightness
        Of its centre on T2: 0 as dark as annulus, 1 as bright as a nucleus of grade 1.
    position
        -1 at the posterior border of the sacrum, 1 at the anterior one.

    Raises
    ------
    UsageError
        If a value is out of range.
    """

    depth_share: float
    height_mm: float = 4.0
    brightness: float = 0.4
    position: float = -0.3

    def __post_init__(self) -> None:
        for name, value, low, high, unit in (
            ("depth share", self.depth_share, 0.1, 1.0, ""),
            ("height", self.height_mm, 1.0, 12.0, " mm"),
            ("brightness", self.brightness, 0.0, 1.0, ""),
            ("position", self.position, -1.0, 1.0, ""),
        ):
            if not low <= value <= high:
                raise UsageError(
                    f"the {name} of a residual disc is {low:g} to {high:g}{unit}, got {value:g}"
                )

    @property
    def level(self) -> DiscLevel:
        """Its name."""
        return DiscLevel.S1_S2


@dataclass(frozen=True)
class SacrumSpec:
    """Shape of the sacrum.

    Parameters
    ----------
    s1_depth_ratio
        Depth of the upper / depth of the lower end of S1: 1.4 or more for the usual tapered body,
        1 for a squared one (lumbarised; Wigh 1980: up to 1.37).
    lean_deg
        Backward tilt of the body of S1 against the perpendicular of its endplate.
    residual_disc
        The disc between S1 and S2.  With one, bone joins the segments around the disc; without one,
        thin dark plates with a grey core separate all segments, which look like remnants.

    Raises
    ------
    UsageError
        If the ratio or the tilt is out of range.
    """

    s1_depth_ratio: float = S1_DEPTH_RATIO
    lean_deg: float = 5.0
    residual_disc: ResidualDiscSpec | None = None

    def __post_init__(self) -> None:
        if not 0.85 <= self.s1_depth_ratio <= 2.0:
            raise UsageError(f"the depth ratio of S1 is 0.85 to 2, got {self.s1_depth_ratio:g}")
        if not -10.0 <= self.lean_deg <= 30.0:
            raise UsageError(f"the lean of S1 is -10 to 30 degrees, got {self.lean_deg:g}")

    @property
    def segments(self) -> tuple[tuple[float, float, float, float], ...]:
        """Tilt against the endplate of S1 (degrees), height, upper depth and width (mm)."""
        extra = S1_DEPTH_MM / self.s1_depth_ratio - _SEGMENTS[1][2]
        return tuple(
            (self.lean_deg + turn, height, depth + extra * part, width)
            for (turn, height, depth, width), part in zip(_SEGMENTS, _DEEPENING, strict=True)
        )

    @property
    def gaps_mm(self) -> tuple[float, ...]:
        """Distance of each segment to the next."""
        disc = self.residual_disc
        if disc is None:
            return _GAPS_MM
        # a small disc lies in hollows of the segments, a deep one separates them
        widening = max(disc.height_mm - _GAPS_MM[0], 0.0) * disc.depth_share
        return (_GAPS_MM[0] + widening, *_GAPS_MM[1:])


@dataclass(frozen=True, eq=False)
class SegmentJunction:
    """Two fused sacral segments with the remnant of their disc."""

    frame: LocalFrame  # centre of the gap
    rim: Footprint  # outline of the bone there
    gap_mm: float  # distance of the segments
    lens: LensShape  # shape of the remnant
    disc: ResidualDiscSpec | None = None  # the residual disc; None for a dark scar

    def wall(self, x: Array, y: Array) -> Array:
        """Signed distance to the wall of the bone, negative inside, local coordinates."""
        radius = np.hypot(x, y) + 1e-4
        share = radius_share(x, y, self.rim.half_width_mm, self.rim.half_depth_mm)
        return np.asarray(radius * (1 - 1 / np.maximum(share, 1e-3)))


def sacral_frames(spec: SacrumSpec, slope_deg: float, top_mm: Array) -> list[LocalFrame]:
    """Frames of the segments, downwards from the centre of the upper endplate of S1."""
    frames = []
    point = np.array(top_mm, dtype=float)
    gaps = (*spec.gaps_mm, 0.0)
    for (turn, height, _, _), gap in zip(spec.segments, gaps, strict=True):
        frame = LocalFrame.tilted(point, slope_deg + turn, 0.0)
        frames.append(LocalFrame(point - frame.axes[:, 2] * height / 2, frame.axes))
        point = point - frame.axes[:, 2] * (height + gap)
    return frames


def sacral_shapes(
    spec: SacrumSpec, frames: Sequence[LocalFrame], last: DiscShape, rng: np.random.Generator
) -> tuple[BodyShape, ...]:
    """The segments below the last lumbar disc."""
    shapes = []
    rows = spec.segments
    for n, (frame, (_, height, depth, width)) in enumerate(zip(frames, rows, strict=True)):
        following = rows[n + 1][2] if n + 1 < len(rows) else depth * 0.5
        mean, taper = (depth + following) / 2, (depth - following) / (depth + following)
        shapes.append(
            BodyShape(
                frame,
                height,
                Footprint(width / 2 / (1 + taper), mean / 2),
                0.06,
                above=last if n == 0 else None,
                below=None,
                ripple=Ripple.random(rng, 0.2, (10.0, 30.0)),
                taper=taper,
            )
        )
    return tuple(shapes)


def junctions(
    spec: SacrumSpec, slope_deg: float, segments: Sequence[BodyShape], above: DiscShape
) -> tuple[SegmentJunction, ...]:
    """The fused gaps, S1-S2 first; none for a sacrum without a residual disc.

    Raises ``UsageError`` if the residual disc is deeper than the sacrum at its level.
    """
    if spec.residual_disc is None:
        return ()
    found = []
    for n, gap in enumerate(spec.gaps_mm):
        body = segments[n]
        turn = (spec.segments[n][0] + spec.segments[n + 1][0]) / 2
        low = body.frame.origin_mm - body.frame.axes[:, 2] * (body.height_mm + gap) / 2
        frame = LocalFrame.tilted(low, slope_deg + turn, 0.0)
        narrow = 1 - body.taper
        rim = Footprint(body.rim.half_width_mm * narrow, body.rim.half_depth_mm * narrow)
        disc = spec.residual_disc if n == 0 else None
        lens = _lens(disc, frame, rim, above) if disc else _scar(frame, rim, gap)
        found.append(SegmentJunction(frame, rim, gap, lens, disc))
    return tuple(found)


def _lens(disc: ResidualDiscSpec, frame: LocalFrame, rim: Footprint, above: DiscShape) -> LensShape:
    half_depth = disc.depth_share * (above.upper.half_depth_mm + above.lower.half_depth_mm) / 2
    room = rim.half_depth_mm - half_depth
    if room < 0:
        most = disc.depth_share * rim.half_depth_mm / half_depth
        raise UsageError(
            f"the depth share of a residual disc in this sacrum is at most {most:.2f}, "
            f"got {disc.depth_share:g}; lower the depth ratio of S1"
        )
    fill = half_depth / rim.half_depth_mm
    middle = frame.origin_mm + frame.axes[:, 1] * disc.position * room
    return LensShape(
        LocalFrame(middle, frame.axes),
        half_depth,
        rim.half_width_mm * min(1.0, fill * 1.1),
        disc.height_mm / 2,
        blunt=2.5 + 6.0 * fill**4,  # from a lens (small) to a plate (fills the gap)
    )


def _scar(frame: LocalFrame, rim: Footprint, gap_mm: float) -> LensShape:
    middle = frame.origin_mm - frame.axes[:, 1] * 0.25 * rim.half_depth_mm
    return LensShape(
        LocalFrame(middle, frame.axes),
        0.38 * rim.half_depth_mm,
        0.5 * rim.half_width_mm,
        0.35 * gap_mm + 0.35,
        blunt=3.0,
    )
