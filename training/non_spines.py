"""Pictures that hold no lumbar spine from the side: heads, joints, axial slices and shapes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.canvas import PIXEL_MM, SHAPE, SIZE_MM, Canvas, ellipse, inset, ragged, smooth
from training.fields import blobs
from training.spine import Points, Rng, directions
from training.tissues import Tissue

# Bone is drawn with tissues that the network calls background, so that nothing here is spine.
_MARROW, _CORTEX = Tissue.SECOND_ORGAN, Tissue.FASCIA


def draw_stranger(rng: Rng, sections: int) -> NDArray[np.uint8]:
    """(sections, down, back) the same picture in every section, but for a little motion."""
    canvas = Canvas()
    kinds: tuple[Callable[[Canvas, Rng], None], ...] = (_head, _joint, _axial, _shapes)
    kinds[int(rng.integers(len(kinds)))](canvas, rng)
    moves = rng.integers(-4, 5, (sections, 2))
    return np.stack([np.roll(canvas.map, move, axis=(0, 1)) for move in moves])


def _middle(rng: Rng) -> Points:
    return np.array(SIZE_MM) * rng.uniform(0.4, 0.6, 2)


def _bone(canvas: Canvas, points: Points, cortex_mm: float) -> None:
    canvas.paint(points, _CORTEX)
    canvas.paint(inset(points, cortex_mm), _MARROW)


def _head(canvas: Canvas, rng: Rng) -> None:
    """Scalp, skull, folded brain and ventricles, with a face or neck below."""
    at, front = _middle(rng), directions(rng.uniform(-25, 25))[0]
    half = np.array([rng.uniform(75, 105), rng.uniform(62, 92)])
    if rng.random() < 0.6:
        neck = ellipse(at + np.array([rng.uniform(-20, 30), 110.0]), front, (55.0, 90.0), 3.0)
        canvas.paint(neck, Tissue.MUSCLE)
        field = blobs(rng, SHAPE, (25, 20))
        canvas.map[(canvas.map == Tissue.MUSCLE) & (field > 0.6)] = Tissue.DEEP_FAT
        canvas.map[(canvas.map == Tissue.MUSCLE) & (field < -1.2)] = Tissue.GAS
    layers = (
        (0.0, Tissue.SKIN),
        (2.0, Tissue.SUBCUTANEOUS_FAT),
        (rng.uniform(4, 8), Tissue.FASCIA),
        (9.0, _MARROW),
        (rng.uniform(10, 13), Tissue.FASCIA),
        (14.0, Tissue.FLUID),
        (16.0, Tissue.ORGAN),
    )
    for depth, tissue in layers:
        canvas.paint(ellipse(at, front, tuple(half - depth), 2.2), tissue)
    brain = canvas.map == Tissue.ORGAN
    canvas.map[brain & (np.abs(blobs(rng, SHAPE, (14, 14))) < 0.12)] = Tissue.FLUID
    canvas.map[brain & (blobs(rng, SHAPE, (30, 30)) > 0.5)] = Tissue.BOWEL_CONTENT
    canvas.paint(ellipse(at, front, (rng.uniform(15, 40), rng.uniform(5, 14))), Tissue.FLUID)


def _joint(canvas: Canvas, rng: Rng) -> None:
    """Two long bones that meet, with cartilage, fluid and soft parts around them."""
    at, along = _middle(rng), directions(90 + rng.uniform(-20, 20))[0]
    across = np.array([along[1], -along[0]])
    canvas.paint(ellipse(at, along, (200.0, rng.uniform(55, 85)), 5.0), Tissue.SUBCUTANEOUS_FAT)
    canvas.paint(ellipse(at, along, (190.0, rng.uniform(40, 55)), 5.0), Tissue.MUSCLE)
    streaks = blobs(rng, SHAPE, (40, 5))
    canvas.map[(canvas.map == Tissue.MUSCLE) & (streaks > 0.9)] = Tissue.DEEP_FAT
    gap = rng.uniform(2, 6)
    canvas.paint(ellipse(at, across, (rng.uniform(34, 44), 14.0), 2.5), Tissue.FLUID)
    for side in (-1.0, 1.0):
        end = at + along * side * (gap / 2 + 18)
        head = ellipse(end, across, (rng.uniform(26, 38), 18.0), rng.uniform(2.2, 3.5))
        shaft = ellipse(end + along * side * 90, along, (95.0, rng.uniform(11, 17)), 6.0)
        canvas.paint(inset(head, -rng.uniform(1, 3)), Tissue.BOWEL_CONTENT)
        for part in (shaft, head):
            _bone(canvas, smooth(ragged(part, 0.6, rng), 1.0), rng.uniform(0.6, 2.0))
        canvas.paint(shaft, _MARROW, np.array([_CORTEX], dtype=np.uint8))
    cap = ellipse(at + across * rng.uniform(38, 46), along, (20.0, 9.0), 2.6)
    _bone(canvas, cap, 1.0)


def _axial(canvas: Canvas, rng: Rng) -> None:
    """A trunk from below: belly, a body or disc, canal, muscle and skin."""
    at = _middle(rng)
    front = directions(-90 + rng.uniform(-12, 12))[0]
    side = np.array([front[1], -front[0]])
    half = np.array([rng.uniform(75, 120), rng.uniform(110, 170)])
    canvas.paint(ellipse(at + front * 20, front, tuple(half), 2.6), Tissue.SKIN)
    canvas.paint(ellipse(at + front * 20, front, tuple(half - 2), 2.6), Tissue.SUBCUTANEOUS_FAT)
    canvas.paint(ellipse(at + front * 20, front, tuple(half * 0.8), 2.6), Tissue.MUSCLE)
    canvas.paint(ellipse(at + front * 45, front, tuple(half * 0.55), 2.2), Tissue.VISCERAL_FAT)
    bowel = blobs(rng, SHAPE, (28, 28))
    canvas.map[(canvas.map == Tissue.VISCERAL_FAT) & (bowel > 0.3)] = Tissue.BOWEL_CONTENT
    canvas.map[(canvas.map == Tissue.VISCERAL_FAT) & (bowel < -1.2)] = Tissue.ORGAN
    for sign in (-1.0, 1.0):
        canvas.paint(ellipse(at + side * sign * 42, front, (22.0, 19.0)), Tissue.MUSCLE)
    body = ellipse(at, front, (rng.uniform(14, 19), rng.uniform(20, 27)), 2.3)
    _bone(canvas, body, rng.uniform(0.5, 2.0))
    if rng.random() < 0.5:  # a disc
        canvas.paint(body, Tissue.FASCIA)
        canvas.paint(at + 0.7 * (body - at), Tissue.BOWEL_CONTENT)
    behind = at - front * rng.uniform(24, 28)
    arch = ellipse(behind - front * 10, front, (16.0, 20.0), 1.6)
    _bone(canvas, arch, 1.5)
    canvas.paint(ellipse(behind, front, (rng.uniform(6, 10), rng.uniform(8, 12))), Tissue.FLUID)
    fat = np.abs(blobs(rng, SHAPE, (20, 20))) < 0.08
    canvas.map[fat & (canvas.map == Tissue.MUSCLE)] = Tissue.DEEP_FAT


def _shapes(canvas: Canvas, rng: Rng) -> None:
    """Lumps and ovals of anything, or nothing but noise."""
    kinds = [t for t in range(len(Tissue)) if t in _ANYTHING]
    if rng.random() < 0.5:
        field = blobs(rng, SHAPE, tuple(rng.uniform(8, 120, 2) / PIXEL_MM / 3))
        for level in np.sort(rng.uniform(-1.5, 1.5, 4)):
            canvas.map[field > level] = rng.choice(kinds)
    for _ in range(int(rng.integers(0, 30))):
        at = np.array(SIZE_MM) * rng.random(2)
        shape = ellipse(
            at,
            directions(rng.uniform(-90, 90))[0],
            (rng.uniform(3, 70), rng.uniform(3, 40)),
            rng.uniform(1.5, 5),
        )
        canvas.paint(shape, int(rng.choice(kinds)))


_ANYTHING = (
    Tissue.AIR,
    Tissue.MUSCLE,
    Tissue.VISCERAL_FAT,
    Tissue.ORGAN,
    Tissue.SECOND_ORGAN,
    Tissue.FLUID,
    Tissue.FASCIA,
    Tissue.BOWEL_CONTENT,
    Tissue.GAS,
)
