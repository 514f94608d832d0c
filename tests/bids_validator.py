"""The validator of BIDS, run over a dataset."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path


def validate(dataset: Path) -> None:
    """Zero errors, or all of them."""
    program = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent))
    assert program, "the extra dev has bids-validator-deno"
    ran = subprocess.run(
        [program, str(dataset), "--format", "json"], capture_output=True, text=True, check=False
    )
    issues = json.loads(ran.stdout)["issues"]["issues"]
    assert [one for one in issues if one["severity"] == "error"] == []
    assert ran.returncode == 0
