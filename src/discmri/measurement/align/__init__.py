"""Registration of diffusion images to T2, in patient space.

First the patient's movement between the two scans (rigid), then the distortion of echo-planar
imaging: a displacement along the phase axis that changes slowly along the spine.  A step is kept
only if T2 and its structures explain more variance of the diffusion image after it.  The residual
displacement is measured at every disc.
"""

from discmri.measurement.align.series import align
from discmri.measurement.align.transform import Alignment, PhaseShift

__all__ = ["Alignment", "PhaseShift", "align"]
