import subprocess
import sys

CODE = """
import sys
from discmri.core.deferred import defer_seldom_used
defer_seldom_used()
defer_seldom_used()
import scipy.ndimage
print(*("numpy.f2py.f2py2e" in sys.modules, "scipy.special._ufuncs" in sys.modules))
import numpy as np
import scipy
from scipy.special import exp1
print(round(float(exp1(1.0)), 4), scipy.special.exp1 is exp1)
np.testing.assert_allclose(1.0, 1.0)
print(bool(np.f2py.get_include))
"""


def test_packages_are_loaded_when_they_are_first_used():
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False", "0.2194", "True", "True"]


PYDICOM = """
import sys
from discmri.core.deferred import import_pydicom
import_pydicom()
import_pydicom()
print(*("gdcm" in sys.modules, "requests" in sys.modules))
import gdcm
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import JPEGLSLossless, RLELossless
print(hasattr(gdcm, "ImageReader"), *(get_decoder(one).is_available for one in (JPEGLSLossless, RLELossless)))
"""


def test_pydicom_does_not_load_what_a_measurement_does_not_use():
    done = subprocess.run(
        [sys.executable, "-c", PYDICOM], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["False", "False", "True", "True", "True"]
