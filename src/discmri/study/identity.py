"""Files that hold the same image, and series whose slices have different Series UIDs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from discmri.core.errors import DicomError
from discmri.core.findings import Code, Finding, info, warning
from discmri.study.closeness import same_echo_time
from discmri.study.frame import Frame
from discmri.study.pixels import stored_values
from discmri.study.roles import computed_kind
from discmri.study.stack import (
    SAME_POSITION_MM,
    USABLE_WITHIN,
    grouped,
    in_plane_mm,
    parallel,
    positions_mm,
)

_SHIFTED_MM = 1.0  # in the plane: slices of one series are shifted less
_Fragment = list[Frame]


def without_duplicates(frames: Sequence[Frame]) -> tuple[list[Frame], tuple[Finding, ...]]:
    """Each image once, with a finding on the copies that were left out.

    Copies have the same UID, position, b-value and pixel values; pixel values are compared only if
    the others are equal.
    """
    alike: dict[tuple[object, ...], list[Frame]] = {}
    for frame in frames:
        where = None if frame.geometry is None else tuple(frame.geometry.position)
        b = frame.b_value
        weighting = None if b is None else (b.value_s_per_mm2, b.kind, b.direction)
        key = (frame.sop_instance_uid, frame.index, frame.origin.series_uid, where, weighting)
        alike.setdefault(key, []).append(frame)
    left_out = 0
    shared: set[str] = set()
    kept: list[Frame] = []
    hashes: dict[object, str] = {}
    for copies in alike.values():
        distinct = copies if len(copies) == 1 else _distinct(copies, hashes)
        kept += distinct
        left_out += len(copies) - len(distinct)
        if len(distinct) > 1:
            shared.add(copies[0].sop_instance_uid)
    findings = []
    if left_out:
        text = f"{left_out} images were found more than once (same SOP Instance UID and pixels)"
        findings.append(info(Code.DUPLICATE_INSTANCE, text))
    if shared:
        text = (
            f"{len(shared)} SOP Instance UIDs belong to several images at one position with "
            "different pixel values; they are separated by acquisition time and instance number"
        )
        findings.append(warning(Code.UID_NOT_UNIQUE, text))
    return (kept if left_out else list(frames)), tuple(findings)


def _distinct(copies: list[Frame], hashes: dict[object, str]) -> list[Frame]:
    """One frame for each different image."""
    found: dict[str, Frame] = {}
    stored = {_stored_hash(frame, hashes) for frame in copies}
    for frame in copies:
        # The same image may be stored compressed and uncompressed.
        digest = _decoded_hash(frame) if len(stored) > 1 else ""
        found.setdefault(digest, frame)
    unreadable = found.pop("unreadable", None)
    return list(found.values()) or [unreadable or copies[0]]


def _stored_hash(frame: Frame, hashes: dict[object, str]) -> str:
    """Hash of the whole pixel element as stored in the file."""
    place = frame.pixels
    if place.file not in hashes:
        with place.file.path.open("rb") as stream:
            stream.seek(place.offset or 0)
            length = -1 if place.offset is None or place.length is None else place.length
            hashes[place.file] = hashlib.sha256(stream.read(length)).hexdigest()
    return hashes[place.file]


def _decoded_hash(frame: Frame) -> str:
    try:
        (values,) = stored_values([frame])
    except DicomError:
        return "unreadable"
    return hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()


def with_torn_series_joined(
    frames: Sequence[Frame],
) -> tuple[list[Frame], tuple[Finding, ...]]:
    """Slices of one acquisition under one Series UID, in the given order, and findings on these.

    Canon's classic files and some anonymisers give every slice its own Series UID.  Series of one
    slice position each are joined if frame of reference, series number (else acquisition number),
    size, orientation, contrast and description agree; longer ones must also fill each other's gaps.
    """
    fragments = grouped(frames, lambda frame: frame.origin.series_uid, close=False)
    uids: dict[str, str] = {}
    findings = []
    left = [one for one in fragments if all(frame.geometry is not None for frame in one)]
    for number in (_series_number, _acquisition):
        joined, left = _joined(left, number)
        for group in joined:
            first = group[0][0].origin
            uids |= {frame.origin.series_uid: first.series_uid for one in group for frame in one}
            make = info if first.number is not None else warning
            numbered = "without a number" if first.number is None else f"number {first.number}"
            text = (
                f"{len(group)} Series UIDs hold slices of one acquisition (series {numbered}, "
                f"{first.description or 'no description'}); they were joined"
            )
            findings.append(make(Code.SERIES_JOINED, text, None, first.series_uid))
    if not uids:
        return list(frames), ()
    renamed = [
        replace(frame, origin=replace(frame.origin, series_uid=uids[frame.origin.series_uid]))
        if frame.origin.series_uid in uids
        else frame
        for frame in frames
    ]
    return renamed, tuple(findings)


def _joined(
    fragments: list[_Fragment], number: Callable[[Frame], Hashable]
) -> tuple[list[list[_Fragment]], list[_Fragment]]:
    """Groups of fragments of one acquisition, and the fragments without a group.

    A fragment is compared only with groups of the same header, so that many series take no longer
    than in proportion.
    """
    groups: list[list[_Fragment]] = []
    known: dict[Hashable, list[tuple[Frame, list[_Fragment]]]] = {}
    for fragment in sorted(fragments, key=len, reverse=True):
        first = _typical(fragment)
        siblings = known.setdefault((number(first), *_header(first)), [])
        for other, group in siblings:
            if _close(first, other) and _fits(fragment, group):
                group.append(fragment)
                break
        else:
            groups.append([fragment])
            siblings.append((first, groups[-1]))
    joined = [group for group in groups if len(group) > 1 and _even(group)]
    alone = [one for group in groups if group not in joined for one in group]
    return joined, alone


def _typical(fragment: _Fragment) -> Frame:
    return min(fragment, key=lambda frame: (computed_kind(frame.image_type), frame.order))


def _series_number(frame: Frame) -> Hashable:
    return frame.origin.number


def _acquisition(frame: Frame) -> Hashable:
    """Number and date of the acquisition; without a number a key that no other frame has."""
    return (frame.order[0], frame.acquired[:8]) if frame.order[0] > 0 else id(frame)


def _header(frame: Frame) -> tuple[Hashable, ...]:
    """What is equal in fragments of one acquisition."""
    words = ("frame_of_reference_uid", "description", "protocol", "body_part", "model")
    return (
        *(getattr(frame.origin, word) for word in words),
        frame.pixels.rows,
        frame.pixels.columns,
        frame.pixels.samples,
        computed_kind(frame.image_type),
        frame.contrast.techniques,
    )


def _close(a: Frame, b: Frame) -> bool:
    return same_echo_time(a.contrast.te_ms, b.contrast.te_ms) and parallel(a, b)


def _fits(fragment: _Fragment, group: list[_Fragment]) -> bool:
    """Whether all are single slices, or the fragment lies in the gaps of the group."""
    members = [frame for one in group for frame in one]
    if all(len(positions_mm(one)) == 1 for one in (fragment, *group)):
        return True
    held = positions_mm(members)
    apart = min(abs(a - b) for a in positions_mm(fragment) for b in held)
    return apart > SAME_POSITION_MM and in_plane_mm([*members, *fragment]) < _SHIFTED_MM


def _even(group: list[_Fragment]) -> bool:
    """Whether most slice distances of the group are close to their median."""
    places = positions_mm([frame for one in group for frame in one])
    if len(places) < 2:
        return False
    gaps = np.array([b - a for a, b in pairwise(places)])
    typical = float(np.median(gaps))
    return bool(np.mean(np.abs(gaps - typical) <= USABLE_WITHIN * typical) > 0.5)
