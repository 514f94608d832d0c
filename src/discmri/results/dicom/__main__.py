"""Print the table of private codes for ``docs/dicom-codes.md``."""

import sys

from discmri.results.dicom.codes import markdown

sys.stdout.write(markdown())
