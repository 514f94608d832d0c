"""Studies to time: one phantom with T2, T1 and diffusion series."""

from __future__ import annotations

from pathlib import Path

from discmri.phantoms import Protocol, SpineOptions, lumbar_spine, make_phantom
from discmri.phantoms.vendors import write_study


def full_study(root: Path, small: bool = False) -> Path:
    """Write a T2 + T1 + DWI study of 16 slices of 448 x 448 (or a small one) below ``root``."""
    protocol = (
        Protocol(spacing_mm=1.0, slices=9)
        if small
        else Protocol(spacing_mm=0.67, fov_mm=(300.0, 300.0), slices=16)
    )
    phantom = make_phantom(lumbar_spine(SpineOptions(grades=[2, 3, 4, 5, 7]), seed=11))
    folder = root / "study"
    write_study(phantom, folder, "siemens", protocol)
    return folder
