"""The column of bodies and discs, from the sacrum upwards, in patient space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.volume import Array
from discmri.phantoms.anatomy import DiscSpec, SpineSpec, VertebraSpec
from discmri.phantoms.sacrum import (
    S1_DEPTH_MM,
    S1_WIDTH_MM,
    SegmentJunction,
    junctions,
    sacral_frames,
    sacral_shapes,
)
from discmri.phantoms.shapes import BodyShape, DiscShape, Footprint, LocalFrame, Ripple


@dataclass(frozen=True, eq=False)
class Curve:
    """Smooth functions of height z, tabulated finely for speed."""

    lowest_mm: float  # first height of the table
    step_mm: float  # distance of its heights
    values: Array  # (m, n): m functions on n heights

    def __call__(self, z_mm: Array) -> Array:
        """(m, ...) float32 values at heights, constant outside the table."""
        table = self._fine
        position = (z_mm - (self.lowest_mm - self.step_mm / 20)) * (10 / self.step_mm)
        nearest = np.clip(position, 0, table.shape[1] - 1).astype(np.int32)
        return np.asarray(table.take(nearest, axis=1))

    @cached_property
    def _fine(self) -> Array:
        """The table at ten times as many heights, for access by the nearest entry."""
        coarse = np.arange(self.values.shape[1])
        fine = np.arange(10 * (len(coarse) - 1) + 1) / 10
        rows = [np.interp(fine, coarse, row) for row in self.values]
        return np.array(rows, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class SpineColumn:
    """The analytic spine."""

    spec: SpineSpec
    discs: Mapping[DiscLevel, DiscShape]  # cranial to caudal, like bodies
    bodies: Mapping[Vertebra, BodyShape]
    sacrum: tuple[BodyShape, ...]  # segments S1 to S5 and the coccyx, downwards
    # bone between the segments, downwards; empty without a residual disc
    junctions: tuple[SegmentJunction, ...]

    @cached_property
    def walls(self) -> Curve:
        """By height: posterior wall y, anterior wall y, midline x (mm), canal tilt (radians)."""
        from scipy.interpolate import PchipInterpolator
        from scipy.ndimage import gaussian_filter1d

        backs, fronts = [], []
        for body in (*self.bodies.values(), *self.sacrum):
            depth = body.rim.half_depth_mm
            for end in (-0.47, 0.0, 0.47):
                squeeze = (1 - body.waist * (1 - 4 * end**2)) * (1 + body.taper * 2 * end)
                z = np.array(end * body.height_mm)
                backs.append(body.frame.to_world(np.array(0.0), np.array(-depth * squeeze), z))
                fronts.append(body.frame.to_world(np.array(0.0), np.array(depth * squeeze), z))
        step = 0.5
        top = max(p[2] for p in backs) + 60
        heights = np.arange(min(p[2] for p in backs) - 30, top, step)
        columns = []
        for points, axis in ((backs, 1), (fronts, 1), (backs, 0)):
            ordered = np.array(sorted(points, key=lambda p: float(p[2])))
            keep = np.concatenate([[True], np.diff(ordered[:, 2]) > 0.5])
            knots = ordered[keep]
            spline = PchipInterpolator(knots[:, 2], knots[:, axis], extrapolate=False)
            inner = np.clip(heights, knots[0, 2], knots[-1, 2])
            slope = (knots[-1, axis] - knots[-3, axis]) / (knots[-1, 2] - knots[-3, 2])
            beyond = slope * np.maximum(heights - knots[-1, 2], 0)
            columns.append(gaussian_filter1d(spline(inner) + beyond, 2.0 / step))
        tilt = np.arctan(gaussian_filter1d(np.gradient(columns[0], step), 4.0 / step))
        return Curve(float(heights[0]), step, np.array([*columns, tilt]))


def build_column(spec: SpineSpec) -> SpineColumn:
    """Build the spine of a specification; its origin is the centre of L3."""
    rng = np.random.default_rng([spec.seed, 2])
    frames = _stack(spec)
    third = [one.vertebra for one in spec.vertebrae].index(Vertebra.L3)
    shift = -frames[third][0].origin_mm
    moved = [(_moved(body, shift), _moved(disc, shift)) for body, disc in frames]
    sacral = sacral_frames(spec.sacrum, spec.sacral_slope_deg, shift)
    discs: dict[DiscLevel, DiscShape] = {}
    for n, disc in enumerate(spec.discs):
        below = spec.vertebrae[n + 1] if n + 1 < len(spec.vertebrae) else None
        discs[disc.level] = _disc_shape(disc, spec.vertebrae[n], below, moved[n][1], rng, spec)
    bodies: dict[Vertebra, BodyShape] = {}
    shapes = list(discs.values())
    for n, vertebra in enumerate(spec.vertebrae):
        bodies[vertebra.vertebra] = BodyShape(
            moved[n][0],
            vertebra.height_mm,
            _rim(vertebra),
            vertebra.waist,
            above=shapes[n - 1] if n else None,
            below=shapes[n],
            ripple=Ripple.random(rng, 0.2, (10.0, 30.0)),
            open_top=n == 0,
        )
    segments = sacral_shapes(spec.sacrum, sacral, shapes[-1], rng)
    fused = junctions(spec.sacrum, spec.sacral_slope_deg, segments, shapes[-1])
    return SpineColumn(spec, discs, bodies, segments, fused)


def _moved(frame: LocalFrame, shift: Array) -> LocalFrame:
    return LocalFrame(frame.origin_mm + shift, frame.axes)


def _lateral_steps(spec: SpineSpec) -> Array:
    """Lateral wedge of each disc and of the body on it, caudal to cranial.

    The tilt is zero at the sacrum, half the Cobb angle two discs above, and minus half of it at the
    top; discs and bodies have equal parts.
    """
    n = len(spec.discs)
    half = spec.scoliosis_deg / 2
    tilt = np.interp(np.arange(n + 1), [0, 2, n], [0, half, -half])
    return np.asarray(np.diff(tilt) / 2)


def _stack(spec: SpineSpec) -> list[tuple[LocalFrame, LocalFrame]]:
    """Frames of (body, disc below it), cranial to caudal; the S1 endplate's centre is the origin."""
    point = np.zeros(3)
    sagittal, lateral = spec.sacral_slope_deg, 0.0
    frames: list[tuple[LocalFrame, LocalFrame]] = []
    steps = _lateral_steps(spec)
    pairs = zip(spec.vertebrae, spec.discs, strict=True)
    for n, (vertebra, disc) in enumerate(reversed(list(pairs))):
        tilt = LocalFrame.tilted(point, sagittal - disc.wedge_deg / 2, lateral + steps[n] / 2)
        slip = disc.listhesis_mm * tilt.axes[:, 1]
        rise = disc.height_mm * tilt.axes[:, 2]
        disc_frame = LocalFrame(point + (rise + slip) / 2, tilt.axes)
        point = point + rise + slip
        sagittal -= disc.wedge_deg
        lateral += steps[n]
        body = LocalFrame.tilted(point, sagittal - vertebra.wedge_deg / 2, lateral + steps[n] / 2)
        body_frame = LocalFrame(point + body.axes[:, 2] * vertebra.height_mm / 2, body.axes)
        point = point + body.axes[:, 2] * vertebra.height_mm
        sagittal -= vertebra.wedge_deg
        lateral += steps[n]
        frames.append((body_frame, disc_frame))
    return frames[::-1]


def _rim(vertebra: VertebraSpec) -> Footprint:
    return Footprint(vertebra.width_mm / 2, vertebra.depth_mm / 2)


def _disc_shape(
    disc: DiscSpec,
    above: VertebraSpec,
    below: VertebraSpec | None,
    frame: LocalFrame,
    rng: np.random.Generator,
    spec: SpineSpec,
) -> DiscShape:
    upper, slip = _rim(above), disc.listhesis_mm / 2
    lower = _rim(below) if below else Footprint(S1_WIDTH_MM / 2, S1_DEPTH_MM / 2)
    order = [d.level for d in spec.discs][::-1].index(disc.level)
    roughness = 0.12 if disc.height_mm > 4 else 0.07
    return DiscShape(
        frame,
        disc.height_mm,
        disc.wedge_deg,
        float(-_lateral_steps(spec)[order]),
        Footprint(upper.half_width_mm, upper.half_depth_mm, slip),
        Footprint(lower.half_width_mm, lower.half_depth_mm, -slip),
        disc.concavity_upper_mm,
        disc.concavity_lower_mm,
        disc.bulge_anterior_mm,
        disc.bulge_posterior_mm,
        Ripple.random(rng, roughness, (9.0, 25.0)),
        Ripple.random(rng, roughness, (9.0, 25.0)),
    )
