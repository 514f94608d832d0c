"""``python -m discmri``."""

from __future__ import annotations

import sys

from discmri.cli import program

if __name__ == "__main__":
    sys.exit(program())
