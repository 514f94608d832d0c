"""Turn maps of tissues into pictures with random contrast, resolution and faults of scanners.

A picture and its truth come from the same finely sampled maps: the picture by giving every
tissue a brightness, the truth by counting which share of each pixel a structure fills.  That
is why the 0.5 level of a network trained on them lies on the border.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from discmri.measurement.segment.network import Channel
from training.canvas import PIXEL_MM
from training.fields import blobs
from training.slabs import CENTRE, SLICES
from training.tissues import Tissue, structure_table

Image = NDArray[np.float32]
Rng = np.random.Generator

FINE = 2  # fine samples per pixel and direction

T = Tissue
_FAT = (T.SUBCUTANEOUS_FAT, T.DEEP_FAT, T.VISCERAL_FAT, T.EPIDURAL_FAT)
_MARROW = (T.MARROW, T.MARROW_CHANGE, T.POSTERIOR_MARROW, T.SACRAL_MARROW)
_DARK = (
    T.LIGAMENT,
    T.BODY_CORTEX,
    T.ENDPLATE,
    T.POSTERIOR_CORTEX,
    T.SACRAL_CORTEX,
    T.FASCIA,
    T.OUTER_ANNULUS,
    T.SKIN,
)
_VOID = (T.AIR, T.GAS, T.VACUUM, T.IMPLANT)

# Brightness (mean, spread) of tissues in the usual contrasts, marrow near 0.5.
_CONTRASTS: dict[str, dict[tuple[Tissue, ...], tuple[float, float]]] = {
    "t2": {
        _FAT: (0.85, 0.25),
        _MARROW: (0.42, 0.14),
        _DARK: (0.07, 0.05),
        (T.CSF, T.FLUID, T.FISSURE): (1.0, 0.2),
        (T.CORD, T.ROOTS, T.NERVE): (0.45, 0.12),
        (T.NUCLEUS,): (0.55, 0.3),
        (T.INNER_ANNULUS,): (0.32, 0.15),
        (T.MUSCLE, T.BOWEL_WALL): (0.2, 0.08),
        (T.ORGAN, T.SECOND_ORGAN, T.BOWEL_CONTENT): (0.4, 0.25),
        (T.VESSEL,): (0.1, 0.15),
        (T.CLEFT,): (0.15, 0.12),
        (T.INTERSPINOUS, T.BASIVERTEBRAL_VEIN, T.FACET_JOINT, T.SACRAL_REMNANT): (0.5, 0.3),
    },
    "t1": {
        _FAT: (1.0, 0.2),
        _MARROW: (0.55, 0.17),
        _DARK: (0.12, 0.07),
        (T.CSF, T.FLUID, T.FISSURE): (0.18, 0.08),
        (T.CORD, T.ROOTS, T.NERVE): (0.35, 0.08),
        (T.NUCLEUS, T.INNER_ANNULUS): (0.33, 0.08),
        (T.CLEFT,): (0.3, 0.08),
        (T.MUSCLE, T.BOWEL_WALL): (0.32, 0.07),
        (T.ORGAN, T.SECOND_ORGAN, T.BOWEL_CONTENT): (0.4, 0.15),
        (T.VESSEL,): (0.15, 0.12),
        (T.INTERSPINOUS, T.BASIVERTEBRAL_VEIN, T.FACET_JOINT, T.SACRAL_REMNANT): (0.4, 0.2),
    },
    "fat_suppressed": {
        _FAT: (0.12, 0.1),
        _MARROW: (0.17, 0.08),
        _DARK: (0.06, 0.05),
        (T.CSF, T.FLUID, T.FISSURE): (1.0, 0.2),
        (T.CORD, T.ROOTS, T.NERVE): (0.5, 0.15),
        (T.NUCLEUS,): (0.45, 0.25),
        (T.INNER_ANNULUS,): (0.27, 0.14),
        (T.MUSCLE, T.BOWEL_WALL): (0.25, 0.08),
        (T.ORGAN, T.SECOND_ORGAN, T.BOWEL_CONTENT): (0.45, 0.25),
        (T.VESSEL,): (0.2, 0.25),
        (T.CLEFT,): (0.15, 0.1),
        (T.INTERSPINOUS, T.BASIVERTEBRAL_VEIN, T.FACET_JOINT, T.SACRAL_REMNANT): (0.35, 0.25),
    },
    "gradient_echo": {
        _FAT: (0.6, 0.25),
        _MARROW: (0.35, 0.15),
        _DARK: (0.2, 0.15),
        (T.CSF, T.FLUID, T.FISSURE): (0.8, 0.25),
        (T.CORD, T.ROOTS, T.NERVE): (0.6, 0.15),
        (T.NUCLEUS, T.INNER_ANNULUS): (0.75, 0.2),
        (T.OUTER_ANNULUS,): (0.6, 0.25),
        (T.MUSCLE, T.BOWEL_WALL): (0.4, 0.12),
        (T.ORGAN, T.SECOND_ORGAN, T.BOWEL_CONTENT): (0.5, 0.2),
        (T.VESSEL,): (0.7, 0.3),
        (T.CLEFT,): (0.6, 0.2),
        (T.INTERSPINOUS, T.BASIVERTEBRAL_VEIN, T.FACET_JOINT, T.SACRAL_REMNANT): (0.5, 0.25),
    },
}


def brightness(rng: Rng) -> NDArray[np.float32]:
    """(tissues,) a random but possible contrast, or an impossible one that keeps bone edges."""
    values = rng.uniform(0.05, 1.0, len(Tissue))
    if rng.random() < 0.75:
        kind = _CONTRASTS[rng.choice(list(_CONTRASTS), p=[0.4, 0.25, 0.2, 0.15])]
        for tissues, (mean, spread) in kind.items():
            shared = rng.normal()
            own = rng.normal(size=len(tissues))
            values[list(tissues)] = mean + spread * (0.8 * shared + 0.45 * own)
    else:
        dark = rng.uniform(0.0, 0.35)
        values[list(_DARK[:-2])] = dark * rng.uniform(0.4, 1.3, len(_DARK) - 2)
        values[list(_MARROW)] = values[T.MARROW] * rng.normal(1, 0.1, len(_MARROW))
        if rng.random() < 0.5:
            values[T.OUTER_ANNULUS] = dark
    values[T.MARROW_CHANGE] = values[T.MARROW] * rng.uniform(0.25, 2.0)
    values[T.UNREAD_ANNULUS] = values[T.OUTER_ANNULUS]
    values[list(_VOID)] = rng.uniform(0, 0.03, len(_VOID))
    return np.clip(values, 0.0, 1.6).astype(np.float32)


@dataclass(frozen=True)
class Crop:
    """The wanted picture: pixels (down, back) and their size."""

    shape: tuple[int, int]
    pixel_mm: float


def _sample(slab: NDArray[np.uint8], crop: Crop, rng: Rng) -> NDArray[np.uint8]:
    """(sections, fine rows, fine columns) tissues under a random pose and bending."""
    fine = (crop.shape[0] * FINE, crop.shape[1] * FINE)
    step = crop.pixel_mm / FINE
    turn = np.deg2rad(rng.normal(0, 7))
    scale = np.exp(rng.normal(0, 0.1)) * step / PIXEL_MM
    stretch = np.exp(rng.normal(0, 0.05))
    rows = (np.arange(fine[0], dtype=np.float32) - fine[0] / 2)[:, None] * scale * stretch
    columns = (np.arange(fine[1], dtype=np.float32) - fine[1] / 2)[None, :] * scale / stretch
    size = slab.shape[1:]
    centre = (size[0] * rng.uniform(0.25, 0.8), size[1] * rng.uniform(0.3, 0.68))
    bend, lumps = rng.uniform(0, 2.0) / PIXEL_MM, (40 / step, 40 / step)
    r = centre[0] + np.cos(turn) * rows - np.sin(turn) * columns + bend * blobs(rng, fine, lumps)
    c = centre[1] + np.sin(turn) * rows + np.cos(turn) * columns + bend * blobs(rng, fine, lumps)
    r, c = np.rint(r).astype(np.int32), np.rint(c).astype(np.int32)
    outside = (r < 0) | (c < 0) | (r >= size[0]) | (c >= size[1])
    tissues = slab[:, np.clip(r, 0, size[0] - 1), np.clip(c, 0, size[1] - 1)]
    tissues[:, outside] = Tissue.AIR
    return np.asarray(tissues)


def _shares(tissues: NDArray[np.uint8], crop: Crop) -> Image:
    """(structures, rows, columns) the share of each pixel that a structure fills."""
    which = structure_table()[tissues]
    n = which.shape[0] * FINE * FINE
    shares = np.zeros((len(Channel), *crop.shape), dtype=np.float32)
    for section in which:
        for r in range(FINE):
            for c in range(FINE):
                part = section[r::FINE, c::FINE]
                for s in Channel:
                    shares[s] += part == s
    return shares / np.float32(n)


class _Shine:
    """How bright every tissue shines, differing from level to level, the same in all slices."""

    def __init__(self, shape: tuple[int, int], step_mm: float, rng: Rng) -> None:
        self.rng = rng
        self.values = brightness(rng)
        self.grain = np.clip(np.abs(rng.normal(0, 0.12, len(Tissue))), 0, 0.4).astype(np.float32)
        self.grain[[T.AIR, T.GAS, T.CSF, T.FLUID]] *= 0.15
        lumps = (12 / step_mm, 12 / step_mm)
        self.wear = 1 / (1 + np.exp(-(blobs(rng, shape, lumps) * 3 + rng.normal(0, 1.5))))
        self.darker = self.values.copy()
        dark = self.values[T.OUTER_ANNULUS] * rng.uniform(1.0, 1.8)
        self.darker[[T.NUCLEUS, T.INNER_ANNULUS]] = dark
        self.darker[list(_MARROW)] *= rng.uniform(0.75, 1.1)
        sizes = (rng.uniform(1.1, 3.7) / step_mm, rng.uniform(0.3, 0.8) / step_mm)
        self.texture = 0.6 * sum(blobs(rng, shape, (size, size)) for size in sizes)
        self.fat_shift, self.fat_axis = int(rng.integers(-2, 3)), int(rng.integers(2))
        self.fat_lies_beside = rng.random() < 0.4

    def __call__(self, tissues: NDArray[np.uint8]) -> Image:
        """Fine picture, without faults, of the sections (n, rows, columns) of one slice."""
        middle = tissues[len(tissues) // 2]
        image = self.values[tissues].mean(axis=0)
        image += self.wear * (self.darker[middle] - self.values[middle])
        places = self.rng.integers(0, self.texture.shape)  # another piece of it in every slice
        image *= 1 + self.grain[middle] * np.roll(self.texture, places, axis=(0, 1))
        if self.fat_lies_beside:
            fatty = np.zeros(len(Tissue), dtype=np.float32)
            fatty[list(_FAT)], fatty[list(_MARROW)] = 1.0, 0.7
            fat = image * fatty[middle]
            image = image - fat + np.roll(fat, self.fat_shift, axis=self.fat_axis)
        return np.asarray(image, dtype=np.float32)


def _coil(rng: Rng, shape: tuple[int, int]) -> Image:
    size = rng.uniform(50, 130)
    shade = np.exp(rng.uniform(0, 0.35) * blobs(rng, shape, (size, size)))
    if rng.random() < 0.6:  # a coil under the back
        depth = np.linspace(1, 0, shape[1], dtype=np.float32)[None, :]
        height = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
        shade *= np.exp(-rng.uniform(0, 3.2) * depth) * np.exp(
            -rng.uniform(0, 1.2) * (height - rng.uniform(-0.5, 0.5)) ** 2
        )
    return np.asarray(shade, dtype=np.float32)


def _blurred(fine: Image, crop: Crop, rng: Rng) -> Image:
    """(slices, rows, columns) at the scanner's resolution, then the mean over each pixel."""
    resolution = rng.uniform(0.4, 1.3)
    step = crop.pixel_mm / FINE
    sigma = 0.42 * resolution / step * np.exp(rng.normal(0, 0.15))
    sigmas = (0, sigma, sigma * np.exp(rng.normal(0, 0.2)))
    image = gaussian_filter(fine, sigmas, truncate=2.5)
    if rng.random() < 0.35:  # edge enhancement of the scanner, with its overshoot
        wider = (0, 1.8 * sigma, 1.8 * sigma)
        image += rng.uniform(0.2, 1.0) * (image - gaussian_filter(image, wider, truncate=2.5))
    parts = [image[:, r::FINE, c::FINE] for r in range(FINE) for c in range(FINE)]
    return np.asarray(np.maximum(sum(parts) / len(parts), 0), dtype=np.float32)


def _ghosts(image: Image, rng: Rng) -> Image:
    for _ in range(int(rng.integers(1, 4))):
        axis = int(rng.integers(1, 3))
        image = image + rng.uniform(0.01, 0.12) * np.roll(
            image, int(rng.integers(5, 120)), axis=axis
        )
    return image


def _noise(image: Image, rng: Rng) -> Image:
    """Rician noise, correlated where the picture was interpolated."""
    level = np.quantile(image, 0.7) * rng.choice([rng.uniform(0.0, 0.05), rng.uniform(0.03, 0.18)])
    sigma = rng.choice([0.0, rng.uniform(0.3, 0.8)])
    parts = []
    for _ in range(2):
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        if sigma:
            noise = gaussian_filter(noise, (0, sigma, sigma))
            noise /= noise.std()
        parts.append(level * noise)
    return np.asarray(np.hypot(image + parts[0], parts[1]), dtype=np.float32)


def _frame(image: Image, rng: Rng) -> Image:
    """Saturation bands, folding and empty margins, the same in all slices."""
    rows, columns = image.shape[1:]
    if rng.random() < 0.2:  # saturation band in front
        edge = rng.uniform(-0.1, 0.4) * columns
        slope = rng.uniform(-0.2, 0.2)
        where = np.arange(columns)[None, :] - edge - slope * np.arange(rows)[:, None]
        image = image * (1 / (1 + np.exp(-where / rng.uniform(2, 8)))).astype(np.float32)
    if rng.random() < 0.1:
        fold = int(rng.integers(4, 40))
        image = image.copy()
        image[..., :fold] += rng.uniform(0.2, 1.0) * image[..., -fold:]
    if rng.random() < 0.2:
        image = image.copy()
        if rng.random() < 0.5:
            image[..., : int(rng.integers(1, columns // 4))] = 0
        if rng.random() < 0.5:
            image[..., -int(rng.integers(1, columns // 6)) :] = 0
        if rng.random() < 0.3:
            image[:, : int(rng.integers(1, rows // 5))] = 0
        if rng.random() < 0.3:
            image[:, -int(rng.integers(1, rows // 5)) :] = 0
    return image


def _neighbours(image: Image, rng: Rng) -> Image:
    """Neighbours a little displaced by motion, or missing: at the rim, or of a single slice."""
    image = image.copy()
    kind = rng.random()
    if kind < 0.25:
        image[[0, 2]] = 0
    elif kind < 0.35:
        image[rng.choice([0, 2])] = 0
    elif kind < 0.6:
        for k in (0, 2):
            image[k] = np.roll(image[k], rng.integers(-1, 2, 2), axis=(0, 1))
    return image


def picture(slab: NDArray[np.uint8], crop: Crop, rng: Rng) -> tuple[Image, Image]:
    """A random picture of a slab of sections, and the shares of all structures in it.

    Parameters
    ----------
    slab
        (sections, down, back) tissues; ``slabs.SLICES`` says which sections make up a slice.
    crop
        The wanted picture.
    rng
        Source of all that is random.

    Returns
    -------
    image
        (3, rows, columns) a slice between its neighbours, arbitrary scale; a neighbour that
        does not exist is zero.
    shares
        (structures, rows, columns) in the middle slice, sums to one.
    """
    tissues = _sample(slab, crop, rng)
    shares = _shares(tissues[SLICES[CENTRE]], crop)
    shine = _Shine(tissues.shape[1:], crop.pixel_mm / FINE, rng)
    image = _blurred(np.stack([shine(tissues[part]) for part in SLICES]), crop, rng)
    image *= _coil(rng, crop.shape)
    if rng.random() < 0.3:
        image = _ghosts(image, rng)
    image = _frame(_noise(image, rng), rng)
    image /= max(float(image.max()), 1e-6)
    image = image ** np.float32(np.exp(rng.normal(0, 0.25)))
    if rng.random() < 0.5:
        image = np.minimum(image, np.quantile(image, rng.uniform(0.93, 1.0)))
    return np.asarray(_neighbours(image, rng), dtype=np.float32), shares
