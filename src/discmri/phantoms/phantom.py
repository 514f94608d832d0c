"""A synthetic spine with its images, label maps and truth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as PySequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from discmri.core.diffusion import DirectionKind
from discmri.core.labels import FoundDisc, FoundSpine, NumberingMethod, SpineLabels
from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.volume import Array, Grid, SoftMask, Volume
from discmri.phantoms.anatomy import SpineSpec
from discmri.phantoms.protocol import TIMING, Protocol, PulseSequence
from discmri.phantoms.scene import (
    Composition,
    Scene,
    Warp,
    belongs_to,
    build_scene,
    compose,
    tissue_is,
)
from discmri.phantoms.shapes import DiscShape, LensShape, LocalFrame
from discmri.phantoms.signal import (
    SUPPRESSED_FAT,
    TissueSignals,
    blurred,
    coil_shading,
    rician,
    saturation_band,
    shifted_fat,
    spin_echo_signal,
)
from discmri.phantoms.structures import Material
from discmri.phantoms.tissues import Tissue
from discmri.phantoms.truth import DiscTruth, ResidualDiscTruth, disc_truth, residual_truth


@dataclass(frozen=True, eq=False)
class DiffusionImage:
    """One diffusion-weighted image.

    Parameters
    ----------
    b_s_per_mm2
        b-value.
    kind
        No gradient, one direction, or the geometric mean of three.
    direction
        Unit vector, RAS+, for directional images.
    volume
        The signal.
    """

    b_s_per_mm2: float
    kind: DirectionKind
    direction: tuple[float, float, float] | None
    volume: Volume


@dataclass(frozen=True, eq=False)
class Phantom:
    """A synthetic lumbar spine with exact truth.

    Parameters
    ----------
    spec
        Its specification.
    scene
        The analytic anatomy.
    """

    spec: SpineSpec
    scene: Scene
    _recent: dict[object, Composition] = field(default_factory=dict, repr=False)

    def truth(self) -> Mapping[DiscLevel, DiscTruth]:
        """True values of every disc, cranial to caudal."""
        return {d.level: disc_truth(self.scene.column, d) for d in self.spec.discs}

    def residual_discs(self) -> tuple[ResidualDiscTruth, ...]:
        """True values of residual discs within the sacrum, which :meth:`truth` does not contain."""
        lumbar = self.spec.discs[-1]
        found = (
            residual_truth(junction, disc_truth(self.scene.column, lumbar).width_ap_mm)
            for junction in self.scene.column.junctions
        )
        return tuple(truth for truth in found if truth is not None)

    def centre_mm(self, protocol: Protocol) -> Array:
        """(3,) centre of the sagittal images, RAS+ mm; the sacrum is at their lower edge."""
        walls = self.scene.column.walls
        low = float(self.scene.column.sacrum[2].frame.origin_mm[2]) - 12
        z = low + protocol.fov_mm[1] / 2
        across = float(walls(np.linspace(-60.0, 60.0, 25))[2].mean())
        # show the whole trunk if it fits, else the spine a little behind the centre
        y = 22.0 if protocol.fov_mm[0] >= 230 else 0.0
        return np.asarray(np.array([across, y, z]) + np.array(protocol.occasion.offset_mm))

    def grid(self, protocol: Protocol, sequence: PulseSequence = PulseSequence.T2) -> Grid:
        """Voxel grid of a series."""
        centre = self.centre_mm(protocol)
        if sequence is PulseSequence.AXIAL_T2:
            lowest = self.scene.column.discs[self.spec.discs[-1].level].frame.origin_mm
            return protocol.axial_grid(np.array([centre[0], lowest[1] - 5, lowest[2] + 50]))
        if sequence in (PulseSequence.DWI, PulseSequence.ADC):
            return protocol.sagittal_grid(centre, protocol.dwi_spacing_mm)
        return protocol.sagittal_grid(centre)

    def image(self, sequence: PulseSequence, protocol: Protocol | None = None) -> Volume:
        """The image of a sequence with noise and artefacts.

        Parameters
        ----------
        sequence
            Any sequence except DWI, which has several images: see :meth:`diffusion`.
        protocol
            Scan parameters.

        Raises
        ------
        ValueError
            If the sequence is DWI.
        """
        protocol = protocol or Protocol()
        if sequence is PulseSequence.ADC:
            pictures = [(i.b_s_per_mm2, i.volume) for i in self.diffusion(protocol)]
            return adc_map(pictures)
        if sequence is PulseSequence.DWI:
            raise ValueError("a DWI series has several images; call diffusion()")
        return self.image_on(self.grid(protocol, sequence), sequence, protocol)

    def image_on(self, grid: Grid, sequence: PulseSequence, protocol: Protocol) -> Volume:
        """The image of a sequence on any grid whose last axis is across the slices."""
        composition = self._compose(grid, protocol.slice_thickness_mm)
        signals = TissueSignals(self.spec, protocol.field_strength_t)
        timing = TIMING[sequence]
        fat = composition.summed(signals.fat(timing))
        along_y = grid.axis_along((0.0, 1.0, 0.0))
        clean = composition.summed(signals.water(timing))
        clean += shifted_fat(fat, protocol.fat_shift_px, along_y)
        del fat
        shade = self._shade(grid, protocol)
        marrow = Material(Tissue.MARROW)
        marrow_signal = signals.water(timing)(marrow) + signals.fat(timing)(marrow)
        sigma = marrow_signal * self._shade_at_spine(grid, shade) / protocol.snr
        rng = self._rng(sequence, protocol.occasion.noise)
        noisy = rician(blurred(clean * shade, protocol.blur_px), sigma, rng)
        return Volume(noisy, grid.affine)

    def diffusion(self, protocol: Protocol | None = None) -> tuple[DiffusionImage, ...]:
        """All images of the DWI series, b-values ascending."""
        protocol = protocol or Protocol()
        grid = self.grid(protocol, PulseSequence.DWI)
        warp = self._epi_warp(protocol)
        composition = compose(self.scene, grid, protocol.slice_thickness_mm, warp)
        signals = TissueSignals(self.spec, protocol.field_strength_t)
        timing = TIMING[PulseSequence.DWI]
        shade = self._shade(grid, protocol)
        sigma = spin_echo_signal(0.9, 1150.0, 84.0, timing) / protocol.snr
        sigma *= self._shade_at_spine(grid, shade)
        fat = composition.summed(signals.fat(timing)) * SUPPRESSED_FAT
        rng = self._rng(PulseSequence.DWI, protocol.occasion.noise)
        images: list[DiffusionImage] = []
        for b in sorted(protocol.b_values):
            clean = composition.summed(signals.water(timing, b)) + fat
            clean = blurred(clean * shade, protocol.blur_px)
            if b == 0:
                volume = Volume(rician(clean, sigma, rng), grid.affine)
                images.append(DiffusionImage(0.0, DirectionKind.NONE, None, volume))
                continue
            turns = np.eye(3)[: protocol.directions]
            noisy = [rician(clean, sigma, rng) for _ in turns]
            if protocol.trace:
                mean = np.exp(np.mean([np.log(np.maximum(n, 1e-9)) for n in noisy], axis=0))
                volume = Volume(mean.astype(np.float32), grid.affine)
                images.append(DiffusionImage(b, DirectionKind.TRACE, None, volume))
                continue
            for turn, picture in zip(turns, noisy, strict=True):
                direction = (float(turn[0]), float(turn[1]), float(turn[2]))
                volume = Volume(picture, grid.affine)
                images.append(DiffusionImage(b, DirectionKind.DIRECTIONAL, direction, volume))
        return tuple(images)

    def masks(self, grid: Grid, thickness_mm: float | None = None) -> FoundSpine:
        """True soft masks: the fraction of each voxel that every named structure fills.

        Parameters
        ----------
        grid
            Any grid whose last axis is across the slices.
        thickness_mm
            Slice thickness; the grid's spacing along its last axis by default.
        """
        labels = self.labels(grid, thickness_mm)
        return FoundSpine(
            grid,
            tuple(
                FoundDisc(mask, 1.0, level)
                for level, mask in (*labels.discs.items(), *labels.residual_discs.items())
            ),
            tuple(m for v, m in labels.vertebrae.items() if v is not Vertebra.SACRUM),
            labels.vertebrae.get(Vertebra.SACRUM),
            labels.canal,
            "phantom truth",
        )

    def labels(self, grid: Grid, thickness_mm: float | None = None) -> SpineLabels:
        """The same masks by name; discs cut by the image are left out."""
        composition = self._compose(grid, thickness_mm or float(grid.spacing_mm[2]))
        discs: dict[DiscLevel, SoftMask] = {}
        residual: dict[DiscLevel, SoftMask] = {}
        for level in self._levels_inside(grid):
            fractions = composition.summed(belongs_to(level), textured=False)
            if fractions.max() > 0.02:
                found = discs if level.is_measured else residual
                found[level] = SoftMask.from_fractions(fractions, grid.affine)
        vertebrae: dict[Vertebra, SoftMask] = {}
        for name in (*self.scene.column.bodies, Vertebra.SACRUM):
            fractions = composition.summed(belongs_to(name), textured=False)
            if fractions.max() > 0.5:
                vertebrae[name] = SoftMask.from_fractions(fractions, grid.affine)
        sac = composition.summed(tissue_is(Tissue.CSF, Tissue.CORD, Tissue.CAUDA), textured=False)
        canal = SoftMask.from_fractions(sac, grid.affine) if sac.max() > 0.02 else None
        confidence = dict.fromkeys(discs, 1.0)
        return SpineLabels(
            grid,
            discs,
            vertebrae,
            canal,
            confidence,
            NumberingMethod.MASKS,
            residual_discs=residual,
        )

    def _levels_inside(self, grid: Grid) -> Iterator[DiscLevel]:
        column = self.scene.column
        yield from (level for level, shape in column.discs.items() if _is_inside(grid, shape))
        for junction in column.junctions:
            if junction.disc is not None and _lens_is_inside(grid, junction.lens):
                yield junction.disc.level

    def label_map(self, grid: Grid, thickness_mm: float | None = None) -> NDArray[np.uint8]:
        """(i, j, k) label numbers of the public scheme."""
        return self.labels(grid, thickness_mm).label_map()

    def truth_json(self, protocol: Protocol | None = None) -> str:
        """Truth of all discs as JSON, with properties of the spine."""
        document: dict[str, object] = {
            "phantom": {
                "seed": self.spec.seed,
                "sacral_slope_deg": self.spec.sacral_slope_deg,
                "scoliosis_deg": self.spec.scoliosis_deg,
                "six_lumbar": len(self.spec.discs) > 8,
            },
            "axes": "patient RAS+ millimetres; lengths in mm; ADC in um2/ms = 1e-3 mm2/s",
            "discs": [truth.to_dict() for truth in self.truth().values()],
        }
        if residual := self.residual_discs():
            document["residual_discs"] = [truth.to_dict() for truth in residual]
        if protocol is not None:
            grid = self.grid(protocol)
            shapes = self.scene.column.discs
            document["in_picture"] = [
                level.value for level, shape in shapes.items() if _is_inside(grid, shape)
            ]
        return json.dumps(document, indent=1) + "\n"

    def _rng(self, sequence: PulseSequence, scan: int) -> np.random.Generator:
        again = [scan] if scan else []
        return np.random.default_rng([self.spec.seed, 5, [*PulseSequence].index(sequence), *again])

    def _compose(self, grid: Grid, thickness_mm: float) -> Composition:
        key = (grid.shape, grid.affine.tobytes(), thickness_mm)
        if key not in self._recent:
            self._recent.clear()  # keep one grid, which T2, T1 and the masks share
            self._recent[key] = compose(self.scene, grid, thickness_mm)
        return self._recent[key]

    def _shade(self, grid: Grid, protocol: Protocol) -> Array:
        walls = self.scene.column.walls
        back = float(walls(np.array(0.0))[0]) - 65
        front = float(walls(np.array(0.0))[1]) + 28
        shade = coil_shading(grid, protocol, back)
        return np.asarray(shade * saturation_band(grid, protocol.saturation, front))

    @staticmethod
    def _shade_at_spine(grid: Grid, shade: Array) -> float:
        index = np.clip(np.round(grid.to_index(np.zeros(3))), 0, np.array(grid.shape) - 1)
        i, j, k = (int(n) for n in index)
        return float(shade[i, j, k])

    def _epi_warp(self, protocol: Protocol) -> Warp:
        texture = self.scene.texture

        def warp(points_mm: Array) -> Array:
            bend = np.clip(texture.field(points_mm, (28.0, 28.0, 28.0), 1) / 2, -1, 1)
            moved = points_mm.copy()
            moved[1] -= protocol.epi_shift_mm + protocol.epi_distortion_mm * bend
            return np.asarray(moved.astype(np.float32))

        return warp


def _is_inside(grid: Grid, shape: DiscShape) -> bool:
    """Whether the image shows the whole disc in-plane."""
    rim = shape.lower
    return _holds(grid, shape.frame, (rim.half_width_mm, rim.half_depth_mm, shape.height_mm / 2))


def _lens_is_inside(grid: Grid, lens: LensShape) -> bool:
    """Whether the image shows the whole residual disc in-plane."""
    size = (lens.half_width_mm, lens.half_depth_mm, lens.half_height_mm)
    return _holds(grid, lens.frame, size)


def _holds(grid: Grid, frame: LocalFrame, half_mm: tuple[float, float, float]) -> bool:
    """Whether a box lies wholly inside the slice plane, with its centre within the stack."""
    corners = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1)
    x, y, z = corners * np.array(half_mm)[:, None]
    index = grid.to_index(frame.to_world(x, y, z))[:, :2]
    last = np.array(grid.shape) - 0.5
    whole = (index > -0.5).all() and (index < last[:2]).all()
    layer = grid.to_index(frame.origin_mm)[2]
    return bool(whole and -0.5 < layer < last[2])


def make_phantom(spec: SpineSpec) -> Phantom:
    """Build a synthetic spine.

    Parameters
    ----------
    spec
        From :func:`lumbar_spine`.

    Returns
    -------
    Phantom
        Source of images and label maps on any grid, and of the exact truth.

    Examples
    --------
    >>> from discmri.phantoms import lumbar_spine
    >>> phantom = make_phantom(lumbar_spine(seed=1))
    >>> round(phantom.spec.discs[-1].height_mm) in range(7, 13)
    True
    """
    return Phantom(spec, build_scene(spec))


def adc_map(pictures: PySequence[tuple[float, Volume]]) -> Volume:
    """ADC map of the scanner (µm²/ms): unweighted log-linear fit, zero without signal.

    b-values of the pictures are in s/mm²; ``ValueError`` if all are the same.
    """
    b = np.array([b for b, _ in pictures]) * 1e-3
    if np.ptp(b) == 0:
        raise ValueError("an ADC map needs two different b-values")
    weights = -(b - b.mean()) / ((b - b.mean()) ** 2).sum()
    first = pictures[0][1]
    total = np.zeros(first.shape, dtype=np.float32)
    for (_, volume), weight in zip(pictures, weights, strict=True):
        total += np.log(np.maximum(volume.array, 1e-6)) * np.float32(weight)
    total[first.array < 0.06 * np.percentile(first.array, 99)] = 0
    return Volume(np.clip(total, 0, 4.0), first.affine, "um2/ms")
