"""A phantom and its truth.

A spine is drawn from analytic shapes, so every value of it is known before a picture exists.
"""

import matplotlib.pyplot as plt

from discmri.phantoms import Protocol, PulseSequence, SpineOptions, lumbar_spine, make_phantom

spine = make_phantom(lumbar_spine(SpineOptions(grades=[2, 3, 4, 5, 8]), seed=3))
protocol = Protocol(sequences=(PulseSequence.T2,), spacing_mm=0.9, slices=3, slice_thickness_mm=4)
for level, truth in spine.truth().items():
    print(f"{level.value:8} {truth.height_columns_mm:5.2f} mm, grade {truth.grade}")

volume = spine.image(PulseSequence.T2, protocol)
picture = volume.array.take(volume.array.shape[volume.sagittal_axis] // 2, volume.sagittal_axis)
figure, axes = plt.subplots(figsize=(4, 6))
axes.imshow(picture.T, cmap="gray", origin="lower")
axes.axis("off")
figure.savefig("phantom.png", dpi=110, bbox_inches="tight")
