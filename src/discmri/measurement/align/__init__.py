"""Diffusion images onto T2, in patient space.

First the patient's movement between the two (rigid), then what echo-planar
imaging does to the picture: displacement along the phase axis, changing slowly along the
spine.  Each step is kept only where it makes the diffusion image easier to explain by the
T2 image and its structures, and what remains is measured at every disc.
"""

from discmri.measurement.align.series import align
from discmri.measurement.align.transform import Alignment, PhaseShift

__all__ = ["Alignment", "PhaseShift", "align"]
