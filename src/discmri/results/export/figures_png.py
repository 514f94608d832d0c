"""``figures/*.png``: the pictures of the report as separate files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from discmri.results.model import StudyResult


def export(result: StudyResult, folder: Path) -> None:
    """Write ``figures/overview.png``, one picture per disc and one per disc with ADC."""
    target = folder / "figures"
    target.mkdir(exist_ok=True)
    for name, content in result.pictures.items():
        (target / f"{name}.png").write_bytes(content)
