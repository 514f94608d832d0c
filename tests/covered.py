"""Print how much of the package the last test run covered, and the files below a limit.

``make coverage`` calls it as ``python -m tests.covered``.  What runs in a process of its own (the
program called from a shell, a study of a cohort) is not counted.
"""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path

from coverage import Coverage

LEAST_PERCENT = 80.0
_ROOT = Path(__file__).parents[1] / "src"


def main() -> int:
    """Print the total and every file below :data:`LEAST_PERCENT`."""
    measured = Coverage()
    measured.load()
    total = measured.report(file=StringIO())
    shares = {}
    for name in sorted(measured.get_data().measured_files()):
        _, lines, _, missing, _ = measured.analysis2(name)
        if lines:
            shares[name] = (100.0 * (1 - len(missing) / len(lines)), len(missing))
    low = {name: found for name, found in shares.items() if found[0] < LEAST_PERCENT}
    sys.stdout.write(f"coverage: {total:.1f} % of the lines of {len(shares)} files\n")
    for name, (percent, missing) in sorted(low.items(), key=lambda one: one[1]):
        path = Path(name)
        shown = path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path
        sys.stdout.write(f"  {percent:5.1f} %  {missing:4d} lines not run  {shown}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
