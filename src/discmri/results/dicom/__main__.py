"""Prints the list of private codes, as it stands in ``docs/dicom-codes.md``."""

import sys

from discmri.results.dicom.codes import markdown

sys.stdout.write(markdown())
