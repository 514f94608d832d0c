#!/usr/bin/env python3
"""Measure every study that an Orthanc server holds, and put the results back beside it.

    python orthanc_poller.py http://localhost:8042 --state state.json

A study is measured when its number of instances has not changed for ``--quiet`` seconds, and,
where ``--source`` names a DICOMweb server that has it too, when as many are here as there.
Announcements are not relied on: a server that was stopped in mid-transfer never announces that
study, and half a study may be announced.  So every round looks at all studies.  What was done
stands in the state file; a study that gets more images later is measured again.  Results have
UIDs that follow from their content, so sending them twice changes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

OURS = "discmri"


def get(url: str) -> Any:
    """JSON of a URL."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def instances(server: str, study: str) -> int:
    """How many instances of a study are not ours."""
    count = 0
    for series in get(f"{server}/studies/{study}/series"):
        if series["MainDicomTags"].get("Manufacturer") != OURS:
            count += len(series["Instances"])
    return count


def expected(source: str, uid: str) -> int:
    """How many instances of a study the source has; 0 where it does not know it."""
    found = get(f"{source}/studies?StudyInstanceUID={uid}&includefield=00201208")
    return int(found[0]["00201208"]["Value"][0]) if found else 0


def measure(server: str, study: str, command: list[str]) -> bool:
    """Download, measure, send the results; whether it was measured."""
    with tempfile.TemporaryDirectory() as folder:
        archive, results = Path(folder, "study.zip"), Path(folder, "results")
        urllib.request.urlretrieve(f"{server}/studies/{study}/archive", archive)
        call = [*command, "measure", str(archive), "-o", str(results), "--format", "dicom"]
        done = subprocess.run(call, check=False)
        if done.returncode != 0:
            return False
        for path in sorted(results.glob("dicom/*.dcm")):
            urllib.request.urlopen(
                urllib.request.Request(f"{server}/instances", data=path.read_bytes()), timeout=60
            ).close()
    return True


def save(path: Path, state: dict[str, int]) -> None:
    """Replace the state file at once."""
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def main() -> int:
    """Look at all studies again and again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("server", help="Orthanc's REST address")
    parser.add_argument("--state", type=Path, default=Path("orthanc_poller.json"))
    parser.add_argument("--quiet", type=float, default=60.0, help="seconds without change")
    parser.add_argument("--source", help="DICOMweb address of the archive the studies come from")
    parser.add_argument("--once", action="store_true", help="end when nothing is left to do")
    parser.add_argument("--command", default="discmri", help="how discmri is called")
    args = parser.parse_args()
    done: dict[str, int] = json.loads(args.state.read_text()) if args.state.exists() else {}
    seen: dict[str, tuple[int, float]] = {}
    while True:
        waiting = 0
        for study in get(f"{args.server}/studies"):
            here, now = instances(args.server, study), time.monotonic()
            if here == 0 or done.get(study) == here:
                continue
            waiting += 1
            if seen.get(study, (0, 0.0))[0] != here:
                seen[study] = here, now
            if now - seen[study][1] < args.quiet:
                continue
            uid = get(f"{args.server}/studies/{study}")["MainDicomTags"]["StudyInstanceUID"]
            if args.source and here < expected(args.source, uid):
                continue
            told = (
                "measured"
                if measure(args.server, study, shlex.split(args.command))
                else "not measurable"
            )
            print(f"{uid}: {told}, {here} instances", flush=True)
            done[study] = here
            save(args.state, done)
            waiting -= 1
        if args.once and not waiting:
            return 0
        time.sleep(min(1.0, args.quiet / 4))


if __name__ == "__main__":
    sys.exit(main())
