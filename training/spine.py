"""Invented lumbar spines: bodies, discs and sacrum with random sizes, angles and wear.

Points are (back, down) in millimetres; ``u`` is the distance of a section from the middle of
the spine, positive to one side.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Rng = np.random.Generator


def directions(tilt_deg: float) -> tuple[Points, Points]:
    """Unit vectors to the front along an endplate, and across it to the head.

    A positive tilt lowers the front.
    """
    a = np.deg2rad(tilt_deg)
    return np.array([-np.cos(a), np.sin(a)]), np.array([-np.sin(a), -np.cos(a)])


@dataclass(frozen=True)
class Edge:
    """One endplate of a body: where it is and how it is worn.

    ``dent_mm`` is the depth of the hollow, ``dent_at`` its deepest place (-1 back, 1 front);
    ``nodes`` are Schmorl nodes as (place, depth mm, half width mm).
    """

    centre: Points
    tilt_deg: float
    depth_mm: float
    dent_mm: float
    dent_at: float
    dark_mm: float
    nodes: tuple[tuple[float, float, float], ...] = ()
    spur_front_mm: float = 0.0
    spur_back_mm: float = 0.0


@dataclass(frozen=True)
class Body:
    """A vertebral body, or one segment of the sacrum."""

    top: Edge
    bottom: Edge
    half_width_mm: float
    lateral_tilt: float
    waist_front_mm: float
    waist_back_mm: float
    round_mm: float
    cortex_mm: float
    sacral: bool = False
    changes: tuple[tuple[float, float, float, float], ...] = ()
    vein: bool = True
    posterior: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Disc:
    """A disc between ``bodies[k]`` above and ``bodies[k + 1]`` below; lengths are fractions."""

    bulge_front_mm: float
    bulge_back_mm: float
    nucleus_length: float
    nucleus_height: float
    nucleus_shift: float
    squareness: float
    cleft: float
    vacuum: float
    fissure: bool
    irregular: float


@dataclass(frozen=True)
class Spine:
    """All that is random about one patient and the place of the picture in him."""

    bodies: tuple[Body, ...]  # cranial to caudal, the sacral segments last
    discs: tuple[Disc, ...]
    remnants: tuple[float, ...]  # half thickness of the discs left within the sacrum, mm
    scoliosis: tuple[float, float, float]  # amplitude mm, wavelength mm, phase
    canal: dict[str, float]
    conus_level: float
    roots: float
    seed: int
    surroundings: dict[str, float]
    hardware: tuple[int, ...] = ()  # lumbar bodies with screws, counted from the head

    @property
    def lumbar(self) -> tuple[Body, ...]:
        """The bodies above the sacrum, cranial to caudal."""
        return tuple(b for b in self.bodies if not b.sacral)

    def lateral_offset(self, x: float, down: float) -> float:
        """``u`` where a section at lateral position x meets this height."""
        amplitude, wavelength, phase = self.scoliosis
        return float(x - amplitude * np.sin(2 * np.pi * down / wavelength + phase))


def _worn(dark_mm: float, wear: float) -> float:
    """Thickness of an endplate beside a worn disc: little is left of its cartilage."""
    return dark_mm * (1 - 0.6 * wear**2)


def _edge(rng: Rng, centre: Points, tilt: float, depth: float, wear: float, dark: float) -> Edge:
    nodes = tuple(
        (rng.uniform(-0.6, 0.6), rng.uniform(1.5, 6.0), rng.uniform(2.0, 6.0))
        for _ in range(rng.poisson(0.08 + 0.25 * wear))
    )
    spur = rng.random() < 0.1 + 0.6 * wear
    return Edge(
        centre,
        tilt,
        depth,
        dent_mm=float(np.clip(rng.normal(1.6, 0.9), -0.3, 5.0)),
        dent_at=rng.uniform(-0.4, 0.25),
        dark_mm=float(np.clip(_worn(dark, wear) * rng.lognormal(0, 0.2), 0.3, 2.2)),
        nodes=nodes[:2],
        spur_front_mm=rng.exponential(2.2) if spur else rng.exponential(0.4),
        spur_back_mm=rng.exponential(1.0) if spur else rng.exponential(0.25),
    )


def _posterior(rng: Rng, scale: float) -> dict[str, float]:
    return {
        "length": scale * rng.uniform(22, 36),
        "height": scale * rng.uniform(12, 22),
        "drop": scale * rng.uniform(2, 12),
        "droop": rng.uniform(0, 30),
        "pedicle": scale * rng.uniform(9, 15),
        "facet": scale * rng.uniform(10, 16),
        "arch": rng.uniform(0.7, 1.2),
    }


def _changes(rng: Rng, wear: float) -> tuple[tuple[float, float, float, float], ...]:
    """Ellipses of altered marrow: (place front-back, place up-down, radii as fractions)."""
    found = []
    if rng.random() < 0.1 + 0.25 * wear:
        side = rng.choice([-1.0, 1.0])
        found.append((rng.uniform(-1, 1), side, rng.uniform(0.3, 1.3), rng.uniform(0.2, 0.9)))
    if rng.random() < 0.12:
        r = rng.uniform(0.12, 0.5)
        found.append((rng.uniform(-0.7, 0.7), rng.uniform(-0.7, 0.7), r, r * rng.uniform(0.7, 1.4)))
    return tuple(found)


def _disc_height(rng: Rng, level: int, scale: float, wear: float) -> float:
    """Height in the middle of the disc between marrow and marrow; level 0 is the lowest."""
    normal = (6.8, 7.8, 7.3, 6.6, 5.6, 4.6, 3.9, 3.5, 3.3, 3.2, 3.2)[min(level, 10)]
    return float(np.clip(scale * normal * rng.normal(1.0, 0.22) * (1 - 0.7 * wear**1.5), 1.5, 14))


def _wedge(rng: Rng, level: int, lordosis: float) -> float:
    normal = (15.0, 12.0, 9.0, 7.0, 5.0, 2.0, 0.0, -2.0, -2.0, -2.0, -2.0)[min(level, 10)]
    return lordosis * normal + rng.normal(0, 2.5)


def _body_shape(rng: Rng, level: int, scale: float) -> tuple[float, float, float]:
    """Height mm, front-to-back depth mm and wedge deg; level 0 is the lowest lumbar body."""
    taper = max(0.0, level - 4) * 0.025
    height = scale * (27.5 - 28 * taper * 0.7) * rng.normal(1, 0.04)
    depth = scale * (34.5 - 34 * taper) * rng.normal(1, 0.04)
    wedge = (8.0, 2.0, 0.0, -1.0, -2.0, -3.5, -4.0, -4.0, -4.0, -4.0, -4.0)[min(level, 10)]
    kind = rng.random()
    if kind < 0.05:  # crushed
        height *= rng.uniform(0.45, 0.85)
    if 0.03 < kind < 0.09:  # wedge fracture
        wedge -= rng.uniform(5, 18)
    return height, depth, wedge + rng.normal(0, 1.5)


def _sacrum(
    rng: Rng, top: Points, tilt: float, depth: float, scale: float, dark: float
) -> tuple[list[Body], list[float]]:
    """Sacral segments and coccyx downwards from the endplate of S1."""
    heights = scale * np.array([29, 24, 20, 17, 15, 10, 8, 7]) * rng.uniform(0.85, 1.12, 8)
    depths = depth * np.array([1.0, 0.66, 0.5, 0.4, 0.33, 0.27, 0.23, 0.19, 0.14])
    depths *= np.r_[1.0, rng.uniform(0.85, 1.2, 8)]
    bend = rng.uniform(4, 26) * np.array([0.3, 0.7, 1.2, 1.5, 1.4, 1.2, 1.0, 0.8])
    bodies: list[Body] = []
    remnants = [
        float(r) for r in np.clip(rng.normal([2.0, 1.0, 0.7, 0.5, 0.5, 0.8, 0.6], 0.9), 0.25, 5.0)
    ]
    if rng.random() < 0.2:  # a disc of its own between S1 and S2
        remnants[0] = rng.uniform(3.0, 5.5)
    centre, n_tilt = top, tilt
    lean = rng.uniform(-14, 6)  # the front of S1 is not square to its endplate
    for k, height in enumerate(heights):
        _, up = directions(n_tilt + lean)
        gap = remnants[k - 1] if k else 0.0
        start = centre - up * gap
        end = start - up * height
        n_next = n_tilt - bend[k] + rng.normal(0, 2)
        thin = 0.8 * dark * rng.uniform(0.4, 1.0)
        bodies.append(
            Body(
                _edge(rng, start, n_tilt, depths[k], 0.1, dark if k == 0 else thin),
                _edge(rng, end, n_next, depths[k + 1] * 1.05, 0.0, thin),
                half_width_mm=scale * (27.0 if k == 0 else 34.0) * (1 - 0.08 * k),
                lateral_tilt=0.0,
                waist_front_mm=rng.uniform(0.0, 2.5),
                waist_back_mm=rng.uniform(0.0, 1.5),
                round_mm=rng.uniform(0.7, 2.0),
                cortex_mm=rng.uniform(0.4, 1.1),
                sacral=True,
                vein=False,
                posterior=_posterior(rng, scale),
            )
        )
        centre = end - up * gap
        n_tilt = n_next
    return bodies, remnants


def _wear(rng: Rng) -> NDArray[np.float64]:
    """0 (young) to 1 (collapsed) for each disc from the lowest upwards."""
    age = rng.beta(1.1, 1.3)
    weights = np.array([1.15, 1.15, 0.9, 0.8, 0.7, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6])
    return np.clip(age * weights * rng.beta(2.0, 1.6, 11) * 1.7, 0, 1)


def _disc(rng: Rng, wear: float, height: float) -> Disc:
    return Disc(
        bulge_front_mm=float(np.clip(rng.normal(0.3 + 1.5 * wear, 1.1), -1.5, 6)),
        bulge_back_mm=float(np.clip(rng.normal(0.2 + 1.7 * wear, 1.1), -1.5, 7)),
        nucleus_length=float(np.clip(rng.normal(0.62, 0.12), 0.3, 0.92)),
        nucleus_height=float(np.clip(rng.normal(1.05, 0.18), 0.5, 1.4)),
        nucleus_shift=rng.normal(-0.06, 0.08),
        squareness=rng.uniform(1.7, 3.5),
        cleft=rng.uniform(0.4, 1.5) if rng.random() < 0.35 else 0.0,
        vacuum=rng.uniform(0.6, 2.0) if rng.random() < 0.12 * (0.2 + wear) and height < 9 else 0.0,
        fissure=bool(rng.random() < 0.15),
        irregular=rng.uniform(0.0, 0.8),
    )


def _surroundings(rng: Rng) -> dict[str, float]:
    return {
        "fat_back": rng.uniform(4, 18) if rng.random() < 0.6 else rng.uniform(15, 70),
        "buttock": rng.uniform(0, 35),
        "fat_front": rng.uniform(3, 45),
        "belly": rng.uniform(45, 150),
        "prevertebral": rng.uniform(0.5, 6.0),
        "aorta": rng.uniform(8, 22),
        "vessel_offset": rng.uniform(-14, 14),
        "vessel_width": rng.uniform(7, 13),
        "muscle_fat": rng.uniform(0.03, 0.5),
        "bowel_scale": rng.uniform(5, 16),
        "psoas": rng.uniform(14, 30),
        "organs": float(rng.poisson(3.0)),
        "vessels": float(rng.poisson(2.5)),
    }


def sample_spine(rng: Rng, size_mm: tuple[float, float]) -> Spine:
    """A random spine, placed in a picture of size (back, down) millimetres."""
    scale = float(np.clip(rng.normal(1.0, 0.09), 0.75, 1.25))
    dark = float(np.clip(rng.lognormal(np.log(1.5), 0.22), 0.7, 2.5))
    asymmetry = rng.normal(1.0, 0.25)  # chemical shift thickens one endplate and thins the other
    tilt = float(np.clip(rng.normal(38, 11), 8, 70))
    top = np.array([size_mm[0] * rng.uniform(0.38, 0.62), size_mm[1] * rng.uniform(0.5, 1.05)])
    depth = scale * 33.0 * rng.normal(1, 0.05)
    wear, turned = _wear(rng), rng.normal(0, 4)
    lordosis = float(np.clip((tilt - rng.normal(2, 9)) / 48, 0.1, 1.4))  # upright at the top
    sacral, remnants = _sacrum(rng, top, tilt + turned, depth, scale, _worn(dark, wear[0]))
    bodies, discs = [], []
    curve = rng.normal(0, 0.02)
    point, angle = top, tilt + turned
    for level in range(11):
        height, wedge = _disc_height(rng, level, scale, wear[level]), _wedge(rng, level, lordosis)
        height += 2.0 * _worn(dark, wear[level])  # measured from marrow to marrow
        wedge = float(np.clip(wedge, -8, np.rad2deg(1.5 * height / depth)))
        front, up = directions(angle - wedge / 2)
        slip = rng.normal(0, 0.6)
        if rng.random() < 0.06 + 0.05 * wear[level]:
            slip += rng.choice([1.0, 1.0, -0.6]) * rng.uniform(2, 11)
        low = point + up * height + front * slip
        angle -= wedge
        tall, deep, body_wedge = _body_shape(rng, level, scale)
        _, up = directions(angle - body_wedge / 2)
        high = low + up * tall
        below, above = wear[level], wear[min(level + 1, 10)]
        bodies.append(
            Body(
                _edge(
                    rng,
                    high,
                    angle - body_wedge,
                    deep * rng.normal(1, 0.025),
                    above,
                    dark / asymmetry,
                ),
                _edge(rng, low, angle, deep * rng.normal(1.02, 0.025), below, dark * asymmetry),
                half_width_mm=scale * rng.uniform(21, 27),
                lateral_tilt=float(curve * np.sin(level * 0.9) + rng.normal(0, 0.012)),
                waist_front_mm=scale * rng.uniform(0.3, 3.5),
                waist_back_mm=scale * rng.uniform(0.0, 2.2),
                round_mm=rng.uniform(0.6, 2.6),
                cortex_mm=rng.uniform(0.3, 1.1),
                changes=_changes(rng, max(above, below)),
                vein=bool(rng.random() < 0.7),
                posterior=_posterior(rng, scale),
            )
        )
        discs.append(_disc(rng, wear[level], height))
        point, angle = high, angle - body_wedge
    narrow = rng.random() < 0.3
    hardware: tuple[int, ...] = ()
    if rng.random() < 0.05:
        lowest = 11 - int(rng.integers(0, 4))
        hardware = tuple(range(lowest - int(rng.integers(2, 4)), lowest))
    canal = {
        "gap": rng.uniform(0.3, 2.0),
        "fat_low": rng.uniform(0.5, 9.0),
        "diameter": scale * rng.uniform(11, 18),
        "narrowing": rng.uniform(0.3, 0.85) if narrow else rng.uniform(0, 0.25),
        "end": rng.uniform(0.5, 2.6),
        "half_width": scale * rng.uniform(8, 13),
        "behind": rng.uniform(0.5, 6.0),
        "dura": rng.uniform(0.3, 1.0),
    }
    return Spine(
        bodies=(*reversed(bodies), *sacral),
        discs=tuple(reversed(discs)),
        remnants=tuple(remnants),
        scoliosis=(rng.exponential(2.5), rng.uniform(180, 420), rng.uniform(0, 6.28)),
        canal=canal,
        conus_level=rng.uniform(4.8, 7.8),
        roots=rng.uniform(0, 1),
        seed=int(rng.integers(1 << 31)),
        surroundings=_surroundings(rng),
        hardware=hardware,
    )
