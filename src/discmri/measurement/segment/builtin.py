"""The built-in segmenter: a small network run by onnxruntime.

The network processes one sagittal slice at a time.  Its output is the share of each pixel that is
disc, vertebral body, sacrum, canal, endplate or posterior bone.  Structures are then separated by
anatomy: bodies and discs alternate along one column, with the canal behind and the sacrum at the
end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from discmri.core.errors import NothingToMeasureError
from discmri.core.findings import Code, warning
from discmri.core.labels import FoundDisc, FoundSpine
from discmri.core.settings import Settings
from discmri.core.volume import SoftMask, Volume
from discmri.measurement.segment.anatomy import (
    CANAL_BEHIND_MM,
    FRONT_AND_BACK,
    canal_behind_mm,
    impossible_anatomy,
)
from discmri.measurement.segment.column import VertebralColumn
from discmri.measurement.segment.fused import bone_across
from discmri.measurement.segment.network import PIXEL_MM, Channel, Float, mirrored_shares, shares_of
from discmri.measurement.segment.network_slices import NetworkSlices
from discmri.measurement.segment.parts import (
    Mask,
    box_around,
    main_part,
    near_main_part,
    signal_in,
    soft,
)
from discmri.measurement.segment.peaks import find_peaks
from discmri.measurement.segment.pieces import one_disc
from discmri.measurement.segment.remnant import find_remnant
from discmri.measurement.segment.weights import height_sd_mm, weights_sha256

# Anatomy
_LEAST_GAP_MM = 14.0  # between the centres of neighbouring discs
_USUAL_GAP_MM = 34.0
_HALF_STRETCH_MM = 18.0  # largest half height of the first and the last disc along the column
_LEAST_DISC_MM2 = 40.0  # on the slice with its largest area
_LEAST_BODY_MM2 = 120.0
_LEAST_LENGTH_MM = 14.0
_DEPTH_MM = (17.0, 60.0)  # median over the discs; outside it another joint or a wrong scale
_BODY_SEARCH_MM = (3.0, 17.0)  # from the centre of a disc to its neighbouring bones
_BODY_SEARCH_WIDTH_MM = 18.0
_LEAST_BONE = 0.3
_GAP_IN_SACRUM_PX = 5  # half of the largest gap between two parts of the sacrum

# Front and back exchanged: the network finds little posterior bone, 1 to 13 % of the area of the bodies
# on the mirrored middle slices of 17 real scans and 5 phantoms.  A slice with so little (a few correct
# ones too) is also segmented mirrored.  If it was correct, this gives 0.1 to 0.75 times the area of the
# structures behind the bodies, otherwise 1.3 to 10 times.  A slice beside the canal of a scoliotic spine
# shows neither arches nor canal, but a sacrum of 10 to 22 % of the area of the bodies; on 206 of 208
# mirrored SPIDER slices the network finds one of less than 8 %.
_LITTLE_POSTERIOR = 0.18
_SACRUM_IN_PLACE = 0.08
_MORE_MIRRORED = 1.25
# Head and feet exchanged: on 202 upright SPIDER slices the network finds a sacrum of 2 to 34 % of the area
# of the bodies, and of 0 to 13 % if they are turned; on the six stored upside down none, and of 14 to 24 %
# if they are turned.  If turned, 1 of 69 upright scans that were cut above the sacrum shows one as well, so
# this gives a warning, and the names a probability of at most 1 in 7.
_LITTLE_SACRUM = 0.05
_SACRUM_UPSIDE_DOWN = 0.12
_UPRIGHT_IN_DOUBT = 1 / 7
_BEHIND_BODIES = (Channel.CANAL, Channel.POSTERIOR, Channel.SACRUM)

# A collapsed disc is little more than its endplates: this share of them is counted as disc
_THIN_PLATE = 0.45
_THIN_TRUST = 0.5

# Values for a confidence of 0 and of 1
_UNCLEAR = (0.6, 0.92)  # mean share of disc within a disc
_UNSTEADY = (0.6, 0.99)  # overlap of the maps of two contrasts
_SHARP_MM = 0.1  # width of a sharp border
_BLURRED_MM = 0.8  # additional width at which the confidence is divided by e
_AROUND_PX = 4

# Smallest fractions of a voxel at which its signal is that of bone or disc alone
_WELL_INSIDE, _DISC_INSIDE = 0.95, 0.9


def builtin(image: Volume, settings: Settings) -> FoundSpine:
    """Find discs, vertebral bodies, sacrum and canal in a sagittal MR image of any contrast.

    Parameters
    ----------
    image
        Sagittal slices in any axis order; one slice is enough.
    settings
        ``threads`` is used.

    Raises
    ------
    NothingToMeasureError
        If there is no disc between two vertebrae, or if the structures found are anatomically
        impossible.
    """
    network_slices = NetworkSlices.of(image.grid)
    slices, apart_mm = network_slices.slices(image), network_slices.spacing_mm[0]
    shares, other = shares_of(slices, apart_mm, settings.threads)
    column = VertebralColumn.of(shares, network_slices)
    places = _disc_places(column) if column else []
    if column is None or (reason := _refusal(column, places)):
        reason = reason if column else "it shows no column of vertebrae and discs"
        raise NothingToMeasureError(
            f"no lumbar disc found in the sagittal image: {reason}; check that it shows the "
            "lumbar spine from the side, or give a label map with --segmenter masks"
        )
    bodies, sacrum = _bones(column, places)
    discs = tuple(_found_disc(column, place, other) for place in places)
    found = FoundSpine(
        grid=image.grid,
        discs=discs,
        bodies=tuple(bodies),
        sacrum=sacrum,
        canal=_canal(column, discs),
        method=f"builtin:{weights_sha256()[:12]}",
        remnant=find_remnant(column, slices, places[-1].mask, _usual_gap_mm(places)),
    )
    measured = (
        replace(
            disc,
            height_sd_mm=height_sd_mm(disc.confidence, share),
            bone_across=bone_across(image, disc.mask),
        )
        for disc, share in zip(discs, signal_shares(found, image), strict=True)
    )
    found = replace(found, discs=tuple(measured))
    middle = shares[:, len(slices) // 2]
    exchanged = _exchanged(middle, lambda: mirrored_shares(slices, apart_mm, settings.threads))
    if problem := exchanged or impossible_anatomy(found):
        raise NothingToMeasureError(
            f"the structures in the sagittal image are not those of a spine: {problem}; correct the "
            "patient position and orientation in the headers if they are wrong"
        )
    doubt = _upside_down(middle, lambda: mirrored_shares(slices, apart_mm, settings.threads, -2))
    if not doubt:
        return found
    findings = (warning(Code.NUMBERING_UNCERTAIN, doubt),)
    return replace(found, findings=findings, upright_probability=_UPRIGHT_IN_DOUBT)


@dataclass(frozen=True, eq=False)
class _DiscPosition:
    """One disc: position of its centre along the column, map of shares, and mask.

    ``trust`` is below 1 for a disc that was found only by counting part of its endplates as disc.
    """

    at_mm: float
    share: Float
    mask: Mask
    trust: float = 1.0


def _disc_places(column: VertebralColumn) -> list[_DiscPosition]:
    """Discs along the column, cranial to caudal."""
    disc, plate = column.shares[Channel.DISC], column.shares[Channel.ENDPLATE]
    thin = np.minimum(disc + _THIN_PLATE * plate, 1)
    places = []
    for at, low, high in _stretches(column, disc + 0.5 * plate):
        for share, trust in ((disc, 1.0), (thin, _THIN_TRUST)):
            whole = one_disc(column.piece(share, low, high), column)
            place = _DiscPosition(at, share, whole, trust)
            if _is_disc(place, column):
                places.append(place)
                break
    return places


def _refusal(column: VertebralColumn, places: Sequence[_DiscPosition]) -> str:
    """Why this is not a lumbar spine in a sagittal image; empty if it is."""
    if not places:
        return "it shows no discs between vertebrae"
    depth_mm = float(np.median([_depth_mm(place, column) for place in places]))
    if not _DEPTH_MM[0] < depth_mm < _DEPTH_MM[1]:
        return f"its discs would be {depth_mm:.0f} mm deep instead of 25 to 45 mm"
    return ""


def _exchanged(middle: Float, mirrored: Callable[[], Float]) -> str:
    """Problem if the mirrored slice shows more of the structures behind the bodies, else empty.

    Parameters
    ----------
    middle
        (structures, rows, columns) shares of the middle slice.
    mirrored
        Returns the shares of the same slice with front and back exchanged.
    """
    bodies = _seen(middle, Channel.BODY)
    if (
        _seen(middle, Channel.POSTERIOR) >= _LITTLE_POSTERIOR * bodies
        or _seen(middle, Channel.SACRUM) >= _SACRUM_IN_PLACE * bodies
    ):
        return ""
    given, other = (_seen(one, *_BEHIND_BODIES) for one in (middle, mirrored()))
    if other <= _MORE_MIRRORED * given:
        return ""
    ratio = other / max(given, 1)
    return f"canal, arches and sacrum are {ratio:.1f} times larger if mirrored: {FRONT_AND_BACK}"


def _upside_down(middle: Float, turned: Callable[[], Float]) -> str:
    """Doubt if a sacrum is found only with head and feet exchanged, else empty.

    Parameters
    ----------
    middle, turned
        As in :func:`_exchanged`, but with head and feet exchanged.
    """
    if _sacrum_share(middle) >= _LITTLE_SACRUM:
        return ""
    other = _sacrum_share(turned())
    if other <= _SACRUM_UPSIDE_DOWN:
        return ""
    return (
        "a sacrum was found only with head and feet exchanged; if the patient position in the "
        "headers is wrong, all level names are wrong"
    )


def _sacrum_share(shares: Float) -> float:
    return _seen(shares, Channel.SACRUM) / max(_seen(shares, Channel.BODY), 1.0)


def _seen(shares: Float, *channels: Channel) -> float:
    return sum(float(one[one > 0.5].sum()) for one in shares[list(channels)])


def _depth_mm(place: _DiscPosition, column: VertebralColumn) -> float:
    """Anteroposterior extent on the slice with the largest area of a disc."""
    best = place.mask[int(place.mask.sum(axis=(1, 2)).argmax())]
    return float(np.ptp(np.quantile(column.behind_mm[best], [0.02, 0.98])))


def _stretches(column: VertebralColumn, share: Float) -> list[tuple[float, float, float]]:
    """Peak, beginning and end along the axis of each part of a structure, mm."""
    from scipy.ndimage import gaussian_filter1d

    where = column.mask & (share > 0.3)
    along = np.broadcast_to(column.along_mm, share.shape)[where]
    index = np.clip(along / PIXEL_MM, 0, len(column.axis_mm) - 1).astype(int)
    profile = gaussian_filter1d(np.bincount(index, share[where], len(column.axis_mm)), 2.0)
    peaks = find_peaks(profile, _LEAST_GAP_MM / PIXEL_MM, 0.08 * profile.max(initial=0))
    if not len(peaks):
        return []
    half = int(_HALF_STRETCH_MM / PIXEL_MM)
    between = [a + int(np.argmin(profile[a:b])) for a, b in pairwise(peaks)]
    bounds = pairwise([peaks[0] - half, *between, peaks[-1] + half])
    return [
        (float(peak * PIXEL_MM), float(low * PIXEL_MM), float(high * PIXEL_MM))
        for peak, (low, high) in zip(peaks, bounds, strict=True)
    ]


def _is_disc(place: _DiscPosition, column: VertebralColumn) -> bool:
    """Whether it is large enough, complete, and between two bodies or a body and the sacrum.

    Bone is not required beyond the edge of the image.
    """
    area = place.mask.sum(axis=(1, 2)) * PIXEL_MM**2
    if area.max(initial=0) < _LEAST_DISC_MM2:
        return False
    best = place.mask[int(area.argmax())]
    if _depth_mm(place, column) < _LEAST_LENGTH_MM:
        return False
    if best[~column.network_slices.shown].sum() > 0.04 * best.sum():
        return False
    slices = area > 0.3 * area.max()
    above = _bone(column, slices, place.at_mm, -1)
    below = _bone(column, slices, place.at_mm, 1)
    if above is not None and above[0] < max(_LEAST_BONE, above[1]):
        return False
    return below is None or sum(below) >= _LEAST_BONE


def _bone(
    column: VertebralColumn, slices: Mask, at_mm: float, direction: int
) -> tuple[float, float] | None:
    """Share of body and of sacrum around the axis beside a disc; ``None`` outside the image."""
    low, high = sorted(at_mm + direction * d for d in _BODY_SEARCH_MM)
    where = column.stretch(low, high) & (np.abs(column.behind_mm) < _BODY_SEARCH_WIDTH_MM / 2)
    wanted = _BODY_SEARCH_WIDTH_MM * (high - low) / PIXEL_MM**2
    if (where & column.network_slices.shown).sum() < 0.6 * wanted:
        return None
    box = box_around(where[None], margin=0)[1:]
    body, sacrum = (
        float(column.shares[s][:, *box][slices][:, where[box]].mean())
        for s in (Channel.BODY, Channel.SACRUM)
    )
    return body, sacrum


def _found_disc(column: VertebralColumn, place: _DiscPosition, other: Float) -> FoundDisc:
    around, box = soft(place.share, place.mask, _AROUND_PX)
    sure = place.trust * _confidence(around, other[box], place.mask[box])
    return FoundDisc(
        column.network_slices.mask(*soft(place.share, place.mask)),
        sure,
        sacrum_above=_sacrum_above(column, place),
    )


def signal_shares(found: FoundSpine, image: Volume) -> list[float]:
    """Ratio of the signal of each disc to the mean signal of the two nearest bones.

    Parameters
    ----------
    found
        Its bodies and sacrum are the bones.
    image
        The image that was segmented.

    Returns
    -------
    list
        One ratio per disc; NaN if disc or bones have no voxel well inside.

    Examples
    --------
    >>> signal_shares(found, image)  # doctest: +SKIP
    [0.62, 0.58, 0.21]
    """
    bones = [*found.bodies, *([found.sacrum] if found.sacrum else [])]
    signals = np.array([signal_in(image, bone, _WELL_INSIDE) for bone in bones])
    centres = np.array([bone.centroid_mm for bone in bones]).reshape(-1, 3)[signals > 0]
    signals = signals[signals > 0]
    shares = []
    for disc in found.discs:
        nearest = np.argsort(np.linalg.norm(centres - disc.mask.centroid_mm, axis=1))[:2]
        beside = float(np.mean(signals[nearest])) if len(nearest) else float("nan")
        shares.append(signal_in(image, disc.mask, _DISC_INSIDE) / beside)
    return shares


def _sacrum_above(column: VertebralColumn, place: _DiscPosition) -> float:
    """Share of the bone above a disc that is sacrum; NaN outside the image."""
    area = place.mask.sum(axis=(1, 2))
    bone = _bone(column, area > 0.3 * area.max(), place.at_mm, -1)
    if bone is None or sum(bone) <= 0:
        return float("nan")
    return bone[1] / sum(bone)


def _confidence(share: Float, other: Float, mask: Mask) -> float:
    """Confidence in a disc and its borders, 0 to 1.

    It combines the mean share within the disc, the overlap with the map in another contrast, and
    the sharpness of the upper and lower borders.  The sharpness predicts most of the
    error of a height.
    """
    clear = (float(share[mask].mean()) - _UNCLEAR[0]) / (_UNCLEAR[1] - _UNCLEAR[0])
    here = share > 0
    a, b = share[here], other[here]
    overlap = 2 * float((a * b).sum() / ((a**2).sum() + (b**2).sum()))
    steady = (overlap - _UNSTEADY[0]) / (_UNSTEADY[1] - _UNSTEADY[0])
    sharp = np.exp((_SHARP_MM - _border_mm(share, mask)) / _BLURRED_MM)
    seen = np.sqrt(np.clip(clear, 0, 1) * np.clip(steady, 0, 1))
    return float(np.sqrt(seen * np.clip(sharp, 0, 1)))


def _border_mm(share: Float, mask: Mask) -> float:
    """Width (mm) of the upper and lower borders: the scale of a logistic step from disc to endplate.

    Mean over slices with more than half of the largest area, without an eighth at either end.
    """
    area = mask.sum(axis=(1, 2))
    widths = []
    for k in np.flatnonzero(area > 0.5 * area.max()):
        columns = np.flatnonzero(mask[k].any(axis=0))
        ends = len(columns) // 8
        here = share[k][:, columns[ends : len(columns) - ends]]
        widths.append(float((here * (1 - here)).sum(axis=0).mean()) / 2 * PIXEL_MM)
    return float(np.mean(widths))


def _bones(
    column: VertebralColumn, places: Sequence[_DiscPosition]
) -> tuple[list[SoftMask], SoftMask | None]:
    """Vertebral bodies cranial to caudal, and the sacrum.

    A body below the lowest disc that continues into the sacrum without a disc between them is the
    first sacral segment.
    """
    body, sacrum = column.shares[Channel.BODY], column.shares[Channel.SACRUM]
    at, gap = [place.at_mm for place in places], _usual_gap_mm(places)
    below = column.mask & column.stretch(at[-1], at[-1] + gap)
    beyond = column.mask & column.stretch(at[-1] + gap, at[-1] + 2 * gap)
    ends_in_body = body[below].sum() > sacrum[below].sum()
    if ends_in_body and sacrum[beyond].sum() > max(body[beyond].sum(), 0.25 * body[below].sum()):
        ends_in_body = False
    bounds = [at[0] - 1.3 * gap, *at, *([at[-1] + 1.3 * gap] if ends_in_body else [])]
    bodies = []
    for low, high in pairwise(bounds):
        piece = column.piece(body, low, high)
        if piece.sum(axis=(1, 2)).max() * PIXEL_MM**2 > _LEAST_BODY_MM2:
            bodies.append(column.network_slices.mask(*soft(body, piece)))
    if not ends_in_body:  # a body there is the first sacral segment
        first = column.mask & column.stretch(at[-1], at[-1] + 1.3 * gap)
        sacrum = np.where(first, np.minimum(sacrum + body, 1), sacrum)
    where = near_main_part(sacrum > 0.5, _GAP_IN_SACRUM_PX)
    large = where.sum(axis=(1, 2)).max() * PIXEL_MM**2 > _LEAST_BODY_MM2
    return bodies, column.network_slices.mask(*soft(sacrum, where)) if large else None


def _usual_gap_mm(places: Sequence[_DiscPosition]) -> float:
    """Median distance between the centres of neighbouring discs."""
    at = [place.at_mm for place in places]
    return float(np.median(np.diff(at))) if len(at) > 1 else _USUAL_GAP_MM


def _canal(column: VertebralColumn, discs: Sequence[FoundDisc]) -> SoftMask | None:
    """The thecal sac; ``None`` if none was found or if it is too far behind the column."""
    share = column.shares[Channel.CANAL]
    where = (share > 0.5) & (column.behind_mm > 0)
    if not where.any():
        return None
    canal = column.network_slices.mask(*soft(share, main_part(where, least=0.1)))
    far = canal_behind_mm(discs, canal) > CANAL_BEHIND_MM[1]
    return None if far else canal
