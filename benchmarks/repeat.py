"""Whether two runs over the same study write the same bytes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.studies import full_study


def main(quick: bool = False) -> None:
    """Measure one phantom study twice in two processes and compare every file."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        study = full_study(root, small=quick)
        outputs = [_measured(study, root / name) for name in ("first", "second")]
        names = sorted(outputs[0] | outputs[1])
        different = [name for name in names if outputs[0].get(name) != outputs[1].get(name)]
        print(f"{len(names)} files, {len(different)} differ: {', '.join(different) or 'none'}")


def _measured(study: Path, folder: Path) -> dict[str, bytes]:
    command = [sys.executable, "-m", "discmri", "measure", str(study), "-o", str(folder), "--quiet"]
    subprocess.run(command, check=True, capture_output=True)
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
