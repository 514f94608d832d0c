"""Spots beside a disc do not become part of it."""

from __future__ import annotations

import numpy as np
import pytest

from discmri.core.volume import Grid
from discmri.measurement.segment.column import VertebralColumn
from discmri.measurement.segment.network import PIXEL_MM, Channel
from discmri.measurement.segment.network_slices import NetworkSlices
from discmri.measurement.segment.pieces import one_disc

ROWS, COLUMNS = 64, 64


def column_with(bone: tuple[slice, slice] | None = None) -> VertebralColumn:
    """A straight column from head to feet; so much of the picture is bone."""
    sheets = NetworkSlices.of(Grid((1, ROWS, COLUMNS), np.diag([4.0, PIXEL_MM, PIXEL_MM, 1.0])))
    shares = np.zeros((len(Channel), 1, ROWS, COLUMNS), dtype=np.float32)
    if bone is not None:
        shares[(Channel.SACRUM, 0, *bone)] = 1.0
    rows, columns = np.indices((ROWS, COLUMNS)) * PIXEL_MM
    axis = np.stack([np.arange(ROWS) * PIXEL_MM, np.full(ROWS, 32 * PIXEL_MM)], axis=1)
    along, behind = rows.astype(np.float32), (columns - 32 * PIXEL_MM).astype(np.float32)
    return VertebralColumn(sheets, shares, np.ones((1, ROWS, COLUMNS), bool), axis, along, behind)


def pieces(*boxes: tuple[slice, slice]) -> np.ndarray:
    mask = np.zeros((1, ROWS, COLUMNS), dtype=bool)
    for box in boxes:
        mask[(0, *box)] = True
    return mask


FRONT = (slice(30, 35), slice(10, 22))
BACK = (slice(30, 35), slice(30, 44))


def test_pieces_beside_each_other_are_one_disc() -> None:
    mask = pieces(FRONT, BACK)
    assert (one_disc(mask, column_with()) == mask).all()


def test_bone_between_two_pieces_parts_them() -> None:
    kept = one_disc(pieces(FRONT, BACK), column_with((slice(0, ROWS), slice(22, 30))))
    assert (kept == pieces(BACK)).all()  # the one with the larger extent


@pytest.mark.parametrize(("rows", "one"), [(4, True), (6, False)])
def test_a_spot_below_is_another_thing(rows: int, one: bool) -> None:
    """4 mm are 5 rows from middle to middle, straight below the disc."""
    disc = (slice(20, 22), slice(20, 44))
    spot = (slice(20 + rows, 22 + rows), slice(28, 36))
    mask = pieces(disc, spot)
    assert (one_disc(mask, column_with()) == (mask if one else pieces(disc))).all()


@pytest.mark.parametrize(("rows", "one"), [(14, True), (16, False)])
def test_a_slope_that_a_disc_may_have_keeps_its_pieces_together(rows: int, one: bool) -> None:
    """Middles 20 columns apart: more than 15 rows are steeper than a disc."""
    upper = (slice(10, 14), slice(30, 42))
    lower = (slice(10 + rows, 14 + rows), slice(10, 22))
    mask = pieces(upper, lower)
    assert (one_disc(mask, column_with()) == (mask if one else pieces(upper))).all()


def test_three_pieces_must_all_go_together() -> None:
    spot = (slice(42, 47), slice(22, 30))
    assert (one_disc(pieces(FRONT, BACK, spot), column_with()) == pieces(FRONT, BACK)).all()
