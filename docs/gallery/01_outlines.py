"""The steps one by one.

Segmenting, naming and tracing without the rest: the outline of every disc in millimetres.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import discmri

clone = Path(__file__).parents[2]
phantom = clone / "sample_phantoms" / "canon_collapse"
settings = discmri.Settings(segmenter="masks", masks=phantom / "labels.nii.gz")
steps = discmri.StudySteps(discmri.read_study(phantom / "study"), settings)

figure, axes = plt.subplots(figsize=(4, 6), layout="constrained")
for level, outline in steps.outlines.items():
    contour = np.c_[outline.mid.contour_mm, np.full(len(outline.mid.contour_mm), 0.0)]
    x, y, z = outline.frame.to_world(contour).T  # patient millimetres, RAS+
    axes.fill(-y, z, alpha=0.5)
    axes.annotate(level.value, ((-y).min() - 2, z.mean()), va="center")
    print(f"{level.value:8} {outline.mid.area_mm2:6.1f} mm² {outline.mid.width_mm:5.1f} mm wide")
axes.set(aspect="equal", xlabel="front to back (mm)", ylabel="foot to head (mm)")
axes.invert_xaxis()
figure.savefig("outlines.png", dpi=110, bbox_inches="tight")
