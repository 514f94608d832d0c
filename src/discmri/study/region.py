"""The part of the body that a series shows: by its description, then by its position."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from discmri.study.series import Series

SAME_STATION = 0.5
"""Two series show the same station if they share this part of the shorter one's height."""

# Words of scanners and protocols without accents, in several languages.
_LUMBAR = re.compile(
    r"lumb|lomb|lumbo|ledzwi|поясни|\b(lws|lwk|l ?spine|l ?sp|lsp|ls|ls ?spine|l ?wirbel\w*"
    r"|lower(?! (leg|ext|limb))|lenden\w*|landrygg|laendehv\w*|lomber|bedern\w*|driekov\w*"
    r"|agyeki|lanneranka|nimme\w*)\b|腰|요추|οσφυ"
)
_ELSEWHERE = re.compile(
    r"\b(cerv\w*|zervi\w*|hws|hwk|cwk|c ?spine|c ?sp|csp|hals\w*|nacken|neck|brain|head|skull"
    r"|crani\w*|schadel|kopf|thor\w*|torac\w*|torak\w*|dors\w*|bws|bwk|t ?spine|t ?sp|tsp"
    r"|d ?spine|brust\w*|upper|superior\w*|knee|hip|shoulder|pelv\w*|becken|bacino|bassin"
    r"|coccyx|steissbein|sacroilia\w*|iliosacral\w*|si ?joints?|isg|sacrum|kreuzbein"
    r"|szyjn\w*|piersiow\w*|krcn\w*|hrudn\w*|boyun|nyaki|kaularanka|rintaranka"
    r"|шейн\w*|грудн\w*)\b|颈|頸|頚|胸|경추|흉추"
)


def named_region(text: str) -> int:
    """1 for a text that names the lumbar spine, -1 for another region only, else 0.

    Examples
    --------
    >>> [named_region(t) for t in ("T2 SAG LOMBARE", "t2_tse_sag_upper", "t2_tse_sag", "LSPINE")]
    [1, -1, 0, 1]
    """
    plain = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = re.sub(r"[\W_]+", " ", plain)
    if _LUMBAR.search(plain):
        return 1
    return -1 if _ELSEWHERE.search(plain) else 0


def region_of(series: Series) -> int:
    """Region by the description, else the protocol, else Body Part Examined.

    Body Part Examined is last because it often describes the whole order.
    """
    texts = (series.description, series.protocol, series.body_part)
    return next((region for text in texts if (region := named_region(text))), 0)


@lru_cache(maxsize=256)  # every series is compared with every other
def heights_mm(series: Series) -> tuple[float, float] | None:
    """Lowest and highest point of a series in the patient, RAS+; ``None`` without a grid."""
    if series.grid is None:
        return None
    ends = np.array(np.meshgrid(*([0, n - 1] for n in series.grid.shape))).reshape(3, -1).T
    z = series.grid.to_world(ends)[:, 2]
    return float(z.min()), float(z.max())


def common_height(a: Series, b: Series) -> float | None:
    """Share of the shorter one's height that both show; ``None`` if it is unknown."""
    one, other = heights_mm(a), heights_mm(b)
    if one is None or other is None or not _one_space(a, b):
        return None
    shorter = min(one[1] - one[0], other[1] - other[0])
    common = min(one[1], other[1]) - max(one[0], other[0])
    return max(0.0, common / shorter) if shorter > 0 else float(common >= 0)


def same_station(a: Series, b: Series) -> bool | None:
    """Whether two series show the same part; ``None`` in different frames of reference."""
    share = common_height(a, b)
    return None if share is None else share >= SAME_STATION


def station_rank(series: Series, others: Sequence[Series]) -> tuple[int, int]:
    """Larger is more probably lumbar: by description, then the lowest station.

    A series whose description names no region is ranked by the others of the same station.
    """
    region = _region_at(series, others)
    apart = [other for other in others if same_station(series, other) is False]
    if region < 0:
        return -1, 0
    rivals = [(_region_at(other, others), _middle(other)) for other in apart]
    better = any(rank > region for rank, _ in rivals)
    lower = any(rank == region and middle < _middle(series) for rank, middle in rivals)
    return int(not better), int(not lower)


def _region_at(series: Series, others: Sequence[Series]) -> int:
    own = region_of(series)
    if own:
        return own
    return max([0, *(region_of(other) for other in others if same_station(series, other))])


def _middle(series: Series) -> float:
    low, high = heights_mm(series) or (0.0, 0.0)
    return 0.5 * (low + high)


def _one_space(a: Series, b: Series) -> bool:
    if a is b or (a.uid == b.uid and a.frame_of_reference_uid == b.frame_of_reference_uid):
        return True
    return bool(a.frame_of_reference_uid) and a.frame_of_reference_uid == b.frame_of_reference_uid
