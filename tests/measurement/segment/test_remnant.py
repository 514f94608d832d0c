"""Residual discs drawn into a sacrum, which the network counts as sacrum."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from discmri.core.volume import Array, Grid, SoftMask
from discmri.measurement.segment.column import VertebralColumn
from discmri.measurement.segment.network import PIXEL_MM, Channel
from discmri.measurement.segment.network_slices import NetworkSlices
from discmri.measurement.segment.remnant import find_remnant

USUAL_MM = 34.0
MARROW, CORTEX, DISC = 100.0, 5.0, 40.0
ROWS, COLUMNS = 160, 96
FINE = 3  # drawn points per pixel
DISC_AT_MM, MIDDLE_MM = 30.0, COLUMNS * PIXEL_MM / 2


@dataclass(frozen=True)
class Scene:
    """A lumbar disc on top of a sacrum that narrows downwards, and a lens within it; mm."""

    place: float = 0.95  # of the usual distance between discs
    depth_mm: float = 14.0
    height_mm: float = 5.0
    signal: float = 30.0
    core: float | None = None  # signal between two dark endplates
    tilt_deg: float = 0.0
    back_mm: float = 0.0
    below: float = MARROW
    patches: float = 0.0  # standard deviation of the marrow
    narrow_mm: float = 24.0  # depth of the lower end of the sacrum
    reach_mm: float = 60.0  # its length
    waist: float = 1.0  # share of its depth down to 6 mm below the lens

    def drawn(self) -> tuple[Array, Array]:
        """(rows, columns) image, and share of sacrum."""
        size = np.array([ROWS, COLUMNS]) * FINE
        at = (np.indices(size) + 0.5) * PIXEL_MM / FINE
        down, back = at[0] - DISC_AT_MM, at[1] - MIDDLE_MM
        share = np.clip((down - 5) / 55, 0, 1)
        half = (36 + (self.narrow_mm - 36) * share) / 2
        centre = self.place * USUAL_MM
        half = np.where(down < centre + 6, self.waist * half, half)
        sacrum = (down > 5) & (down < self.reach_mm) & (np.abs(back) < half)
        marrow = sacrum & (np.abs(back) < half - 1)
        image = np.full(size, CORTEX)
        image[marrow] = MARROW
        image[marrow & (down > centre)] = self.below
        image[(np.abs(down) < 5) & (np.abs(back) < 18)] = DISC
        tilt = np.radians(self.tilt_deg)
        along = (back - self.back_mm) * np.cos(tilt) + (down - centre) * np.sin(tilt)
        across = (down - centre) * np.cos(tilt) - (back - self.back_mm) * np.sin(tilt)
        lens = (2 * along / self.depth_mm) ** 4 + (2 * across / self.height_mm) ** 2
        image[sacrum & (lens < 1)] = self.signal
        if self.core is not None:
            image[sacrum & (lens < 0.4)] = self.core
        image, sacrum = (_averaged(one) for one in (image, sacrum))
        patches = gaussian_filter(np.random.default_rng(1).normal(0, 1, image.shape), 1.5)
        return image + self.patches / patches.std() * patches, sacrum


def _averaged(fine: Array) -> Array:
    return fine.reshape(ROWS, FINE, COLUMNS, FINE).mean(axis=(1, 3)).astype(np.float32)


def searched(*scenes: Scene, scale: float = 1.0) -> SoftMask | None:
    """What is found with one slice of each scene."""
    drawn = [scene.drawn() for scene in scenes]
    grid = Grid(
        (len(scenes), COLUMNS - 1, ROWS - 1),  # padded by half a pixel at each border
        np.array([[4.0, 0, 0, 0], [0, -PIXEL_MM, 0, 0], [0, 0, -PIXEL_MM, 0], [0, 0, 0, 1]]),
    )
    shares = np.zeros((len(Channel), len(scenes), ROWS, COLUMNS), dtype=np.float32)
    shares[Channel.SACRUM] = [sacrum for _, sacrum in drawn]
    rows, columns = np.indices((ROWS, COLUMNS)) * PIXEL_MM
    disc = (np.abs(rows - DISC_AT_MM) < 5) & (np.abs(columns - MIDDLE_MM) < 18)
    lowest = np.repeat(disc[None], len(scenes), axis=0)
    shares[Channel.DISC] = lowest
    nowhere = np.zeros((ROWS, COLUMNS), dtype=np.float32)
    column = VertebralColumn(
        NetworkSlices.of(grid), shares, lowest, np.zeros((2, 2)), nowhere, nowhere
    )
    return find_remnant(column, np.array([scale * image for image, _ in drawn]), lowest, USUAL_MM)


def place_mm(mask: SoftMask) -> tuple[float, float]:
    """Distance below the disc above, and behind its middle."""
    _, y, z = mask.centroid_mm
    return -z - DISC_AT_MM + PIXEL_MM, -y - MIDDLE_MM + PIXEL_MM


CLEAR = Scene()
NOTHING = replace(CLEAR, depth_mm=0.1)


@pytest.mark.parametrize("signal", [5.0, 30.0, 55.0])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_a_dark_lens_in_the_sacrum_is_found_where_it_is(signal, scale):
    one = replace(CLEAR, signal=signal)
    mask = searched(one, scale=scale)
    assert mask is not None
    down, back = place_mm(mask)
    assert down == pytest.approx(0.95 * USUAL_MM, abs=0.5)
    assert back == pytest.approx(0, abs=0.5)
    area = float(mask.array.sum()) * PIXEL_MM**2
    lens = 0.874 * CLEAR.depth_mm * CLEAR.height_mm  # of the superellipse
    assert 0.6 * lens < area < 1.1 * lens


@pytest.mark.parametrize("core", [100.0, 300.0])
def test_a_bright_core_between_dark_endplates_belongs_to_the_disc(core):
    mask = searched(replace(CLEAR, signal=5.0, core=core, height_mm=6.0))
    assert mask is not None
    assert mask.array.max() == 1
    assert place_mm(mask)[0] == pytest.approx(0.95 * USUAL_MM, abs=0.5)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"place": 0.57}, False),
        ({"place": 0.63}, True),
        ({"place": 1.27}, True),
        ({"place": 1.33}, False),
        ({"tilt_deg": 27.0}, True),
        ({"tilt_deg": -27.0}, True),
        ({"tilt_deg": 40.0}, False),
        ({"signal": 60.0}, True),
        ({"signal": 76.0}, False),
        ({"height_mm": 1.0, "signal": 50.0}, False),  # a fused joint
        ({"height_mm": 3.0, "signal": 50.0}, True),
        ({"depth_mm": 7.0}, False),
        ({"depth_mm": 11.0}, True),
        ({"below": 55.0, "signal": 10.0}, True),
        ({"below": 42.0, "signal": 10.0}, False),  # not marrow on both sides
        ({"below": 10.0, "signal": 10.0}, False),  # the end of the sacrum
        ({"patches": 8.0}, True),
        ({"waist": 0.6, "depth_mm": 10.0}, False),  # wider below: not the middle of a sacrum
        ({"waist": 0.85, "depth_mm": 10.0}, True),
        ({"patches": 18.0}, True),
        ({"height_mm": 1.8, "signal": 55.0}, False),
        ({"signal": 70.0}, False),
        ({"depth_mm": 0.1}, False),
    ],
)
def test_only_a_band_of_the_place_slope_size_and_contrast_of_a_disc_is_drawn(change, found):
    assert (searched(replace(CLEAR, **change)) is not None) is found


def test_patchy_marrow_shows_no_disc():
    assert searched(replace(CLEAR, signal=60.0, patches=25.0)) is None
    assert searched(replace(NOTHING, patches=25.0)) is None


def test_without_a_sacrum_there_is_none():
    assert searched(replace(CLEAR, reach_mm=5.0)) is None


def test_most_slices_in_the_middle_have_to_show_it():
    assert searched(NOTHING, CLEAR, CLEAR, CLEAR, NOTHING) is not None
    assert searched(CLEAR, NOTHING, CLEAR, NOTHING, CLEAR) is None
    assert searched(NOTHING, NOTHING, CLEAR, NOTHING, NOTHING) is None


def test_it_ends_where_neighbouring_slices_do_not_overlap():
    aside = replace(CLEAR, place=1.15)
    mask = searched(NOTHING, CLEAR, CLEAR, CLEAR, aside)
    assert mask is not None
    assert (mask.array.sum(axis=(1, 2)) > 1).sum() == 3
