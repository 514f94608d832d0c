"""A spine of boxes with signal: exact averages over voxels, exact borders, exact ADC."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from discmri.core.diffusion import BValue, DiffusionSeries, DirectionKind
from discmri.core.labels import NumberingMethod, SpineLabels
from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.volume import Array, Grid, SoftMask, Volume
from discmri.results.outline import Corners, DiscFrame, DiscOutline, DiscSection

LEVELS = (DiscLevel.L2_L3, DiscLevel.L3_L4, DiscLevel.L4_L5, DiscLevel.L5_S1)
BODIES = (Vertebra.L3, Vertebra.L4, Vertebra.L5, Vertebra.SACRUM)
PITCH_MM = 38.0
WIDTH_MM, LEFT_RIGHT_MM = 34.0, 36.0
T2_GRID = Grid(
    (11, 220, 340), np.array([[4.0, 0, 0, -20], [0, 0.6, 0, -66], [0, 0, 0.6, -110], [0, 0, 0, 1]])
)
DWI_GRID = Grid(
    (11, 56, 92), np.array([[4.0, 0, 0, -20], [0, 2.0, 0, -55], [0, 0, 2.0, -90], [0, 0, 0, 1]])
)


@dataclass(frozen=True)
class Tissue:
    """T2 signal, signal without diffusion weighting and ADC (um2/ms)."""

    t2: float
    s0: float
    adc: float


@dataclass(frozen=True)
class Spine:
    """What the boxes are made of; heights and nucleus per level."""

    heights_mm: dict[DiscLevel, float] = field(default_factory=lambda: dict.fromkeys(LEVELS, 11.0))
    nucleus: Tissue = Tissue(600, 700, 1.8)
    annulus: Tissue = Tissue(200, 600, 1.8)
    csf: Tissue = Tissue(1000, 1000, 3.0)
    fat: Tissue = Tissue(500, 60, 0.1)
    marrow: Tissue = Tissue(350, 120, 0.4)
    muscle: Tissue = Tissue(120, 300, 1.4)
    bone: Tissue = Tissue(30, 20, 0.5)

    def centre_mm(self, level: DiscLevel) -> Array:
        """Middle of a disc; L4-L5 lies at the origin."""
        return np.array([0.0, 0.0, PITCH_MM * (2 - LEVELS.index(level))])

    def boxes(self) -> list[tuple[Array, Array, Tissue]]:
        """(low, high, tissue), later ones over earlier ones."""
        boxes = [_box((-60, 60), (-60, 60), (-115, 96), self.muscle)]
        boxes.append(_box((-60, 60), (-60, -48), (-115, 96), self.fat))
        boxes.append(_box((-30, 30), (17.5, 40), (-115, -50), self.fat))
        boxes.append(_box((-24, 24), (-17.5, 17.5), (-110, 75), self.bone))
        boxes.append(_box((-8, 8), (-34, -19), (-110, 96), self.csf))
        boxes.append(_box((-3, 3), (-32, -26), (-110, 96), self.muscle))  # roots
        boxes += [(*self.body(vertebra), self.marrow) for vertebra in BODIES]
        for level in LEVELS:
            low, high = self.disc(level)
            boxes.append((low, high, self.annulus))
            inset = np.array([6.0, 5.0, 0.0])
            boxes.append((low + inset, high - inset, self.nucleus))
        return boxes

    def disc(self, level: DiscLevel) -> tuple[Array, Array]:
        """Corners of a disc."""
        half = np.array([LEFT_RIGHT_MM / 2, WIDTH_MM / 2, self.heights_mm[level] / 2])
        return self.centre_mm(level) - half, self.centre_mm(level) + half

    def body(self, vertebra: Vertebra) -> tuple[Array, Array]:
        """Corners of the marrow below the disc of the same index."""
        top = self.disc(LEVELS[BODIES.index(vertebra)])[0][2] - 1.0
        index = BODIES.index(vertebra) + 1
        bottom = self.disc(LEVELS[index])[1][2] + 1.0 if index < len(LEVELS) else -100.0
        return np.array([-22.0, -16.5, bottom]), np.array([22.0, 16.5, top])


def _box(
    x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], tissue: Tissue
) -> tuple[Array, Array, Tissue]:
    return np.array([x[0], y[0], z[0]], float), np.array([x[1], y[1], z[1]], float), tissue


def share(grid: Grid, low: Array, high: Array) -> Array:
    """Exact share of each voxel of an axis-parallel grid inside a box."""
    parts = []
    for axis in range(3):
        step = grid.affine[axis, axis]
        centre = grid.affine[axis, 3] + step * np.arange(grid.shape[axis])
        half = abs(step) / 2
        overlap = np.minimum(centre + half, high[axis]) - np.maximum(centre - half, low[axis])
        parts.append(np.clip(overlap, 0.0, None) / abs(step))
    return parts[0][:, None, None] * parts[1][:, None] * parts[2]


def paint(
    grid: Grid, spine: Spine, value: str, b: float = 0.0, shift_mm: Array | None = None
) -> Array:
    """Mean signal of each voxel: ``value`` is ``t2`` or ``dwi`` (then at b in s/mm2)."""
    picture = np.zeros(grid.shape)
    moved = np.zeros(3) if shift_mm is None else shift_mm
    for low, high, tissue in spine.boxes():
        signal = tissue.t2 if value == "t2" else tissue.s0 * np.exp(-b * 1e-3 * tissue.adc)
        inside = share(grid, low + moved, high + moved)
        picture = picture * (1 - inside) + signal * inside
    return picture


def rician(picture: Array, sigma: float, seed: int) -> Array:
    """Magnitude of a picture with complex noise."""
    rng = np.random.default_rng(seed)
    real = picture + rng.normal(0.0, sigma, picture.shape)
    return np.hypot(real, rng.normal(0.0, sigma, picture.shape))


def t2_image(spine: Spine, grid: Grid = T2_GRID, sigma: float = 8.0, seed: int = 1) -> Volume:
    return Volume(rician(paint(grid, spine, "t2"), sigma, seed), grid.affine)


def dwi_series(
    spine: Spine,
    b_values: tuple[float, ...] = (0.0, 400.0, 800.0),
    sigma: float = 20.0,
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    seed: int = 2,
    frame: str = "1.2.3",
) -> DiffusionSeries:
    """Three orthogonal directions at every b > 0."""
    pictures, entries = [], []
    for b in b_values:
        mean = paint(DWI_GRID, spine, "dwi", b, np.array(shift_mm))
        axes = [None] if b == 0 else [tuple(row) for row in np.eye(3)]
        for axis in axes:
            seed += 1
            pictures.append(rician(mean, sigma, seed))
            kind = DirectionKind.NONE if axis is None else DirectionKind.DIRECTIONAL
            entries.append(BValue(b, "test", kind, axis))
    return DiffusionSeries(
        np.stack(pictures, axis=-1), DWI_GRID.affine, tuple(entries), (0.0, 1.0, 0.0), frame, "9.9"
    )


def labels_of(
    spine: Spine, grid: Grid = T2_GRID, canal: bool = True, sacrum: bool = True
) -> SpineLabels:
    def mask(low: Array, high: Array) -> SoftMask:
        return SoftMask.from_fractions(share(grid, low, high), grid.affine)

    kept = [v for v in BODIES if sacrum or v is not Vertebra.SACRUM]
    return SpineLabels(
        grid=grid,
        discs={level: mask(*spine.disc(level)) for level in LEVELS},
        vertebrae={v: mask(*spine.body(v)) for v in kept},
        canal=mask(np.array([-8.0, -34, -110]), np.array([8.0, -19, 90])) if canal else None,
        confidence=dict.fromkeys(LEVELS, 0.95),
        numbering=NumberingMethod.SACRUM,
    )


def outline_of(spine: Spine, level: DiscLevel, grid: Grid = T2_GRID) -> DiscOutline:
    """The exact outline of one disc, with the exact corners of its neighbours."""
    height = spine.heights_mm[level]
    x = np.linspace(-WIDTH_MM / 2, WIDTH_MM / 2, 69)
    half = np.full(x.shape, height / 2)
    contour = np.array([[-17.0, -1], [17, -1], [17, 1], [-17, 1]]) * [1, height / 2]
    cuts = [DiscSection(left, x, half, -half, contour) for left in np.arange(-12.0, 13.0, 4.0)]
    frame = DiscFrame(
        spine.centre_mm(level), np.array([0.0, 1, 0]), np.array([0.0, 0, 1]), np.array([-1.0, 0, 0])
    )
    up = height / 2
    corners = Corners(*(np.array(c) for c in ((17.0, up), (-17.0, up), (17.0, -up), (-17.0, -up))))
    return DiscOutline(
        frame=frame,
        mid=cuts[3],
        sections=tuple(cuts),
        corners=corners,
        mask=labels_of(spine, grid).discs[level],
        above=None,
        below=None,
        border_sd_mm=0.1,
    )
