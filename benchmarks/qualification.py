"""What ``discmri qualify`` finds here, beside its limits: from this the limits are set.

A limit should leave a margin for other processors and libraries, and be no wider than that.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from discmri.validation.limits import LIMITS
from discmri.validation.qualify import PHANTOMS, SEGMENTERS, qualify
from discmri.validation.validate import validate


def main(quick: bool = False) -> None:
    """Print found figures, limits, and the share of each limit that is used."""
    phantoms = PHANTOMS[:2] if quick else PHANTOMS
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "qualification"
        qualify(root, phantoms=phantoms)
        found = {
            segmenter: validate(root / f"results-{segmenter}", root / "phantoms")
            for segmenter in SEGMENTERS
        }
    print(f"{'outlines':10}{'figure':52}{'found':>9}{'from':>8}{'to':>8}  holds")
    for limit in LIMITS:
        value = limit.found(found[limit.segmenter])
        shown = "nothing" if value is None else f"{value:.3f}"
        print(
            f"{limit.segmenter:10}{limit.name:52}{shown:>9}{limit.low:8g}{limit.high:8g}  "
            f"{'yes' if limit.holds(value) else 'NO'}"
        )
