"""How quick the viewer answers with few and with many cases in its session, and its memory.

The viewer runs in a process of its own, on a screen without a monitor and without a graphics
card: pictures are drawn by the processor, so that a real screen is rather quicker.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.reading import CASES
from benchmarks.visits import make_visits
from discmri.phantoms import Protocol, PulseSequence

LARGE = Protocol(spacing_mm=0.67, fov_mm=(300.0, 300.0), slices=16)
SMALL = Protocol(
    sequences=(PulseSequence.T2, PulseSequence.T1, PulseSequence.ADC),
    spacing_mm=1.1, slices=7, fov_mm=(170.0, 230.0), dwi_spacing_mm=2.2,
)  # fmt: skip
OPENED = 5
"""Cases that are paged through for the times."""
AIMS_S = {
    "from the window to the first study": 2.5, "draw the next case, loaded ahead": 0.3,
    "step to another disc": 0.15, "measure a disc after a stroke": 1.0,
}  # fmt: skip
READ = 30
"""Discs of the reader study that is done by keyboard alone."""


def main(quick: bool = False) -> None:
    """Print seconds of what a reader waits for at 20 and 400 cases, and memory over 100 cases."""
    if shutil.which("Xvfb") is None:
        print("not run: Xvfb is missing; make screen installs it where that is possible")
        return
    with tempfile.TemporaryDirectory() as folder, _screen() as screen:
        root = Path(folder)
        sizes = (5, 20) if quick else CASES
        protocol = SMALL if quick else LARGE
        times = [_session(root / str(n), protocol, n, OPENED, screen) for n in sizes]
        _print_times(sizes, [one["times_s"] for one in times])
        read = _session(root / "read", SMALL, OPENED, OPENED, screen, READ)["times_s"]
        print(f"{READ} discs by keyboard alone, median (worst), seconds of the viewer's own time")
        for name in ("a disc by keyboard", "postpone a disc"):
            print(f"  {name:40}{_median_and_worst(read[name]):>12}")
        many = 10 if quick else 100
        _print_memory(_session(root / "memory", SMALL, many, many, screen)["memory_mb"])


def _session(
    root: Path, protocol: Protocol, count: int, opened: int, screen: dict[str, str], discs: int = 0
) -> dict[str, Any]:
    """Plan a session and page through its first cases in a viewer; what that found."""
    from discmri import reading

    studies = make_visits(root, protocol, count, opened)
    session = root / "x.session"
    options = reading.SessionOptions(("ann",), reading.Mode.OPEN, reading.Order.AS_GIVEN)
    reading.create_session(session, reading.plan_session(studies, options, root))
    done = subprocess.run(
        [
            sys.executable, "-W", "ignore", "-m", "benchmarks.viewer_session", str(session),
            str(opened), str(discs),
        ],
        capture_output=True, text=True, check=False, env=os.environ | screen,
    )  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"the viewer failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def _screen() -> Iterator[dict[str, str]]:
    """An X server without a monitor; what has to stand in the environment to use it."""
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1920x1080x24", "-nolisten", "tcp"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        number = server.stdout.readline().strip()
        with tempfile.TemporaryDirectory() as settings:
            yield {
                "DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb", "LIBGL_ALWAYS_SOFTWARE": "1",
                "NAPARI_CONFIG": str(Path(settings) / "settings.yaml"),
                "PYTHONDONTWRITEBYTECODE": "",  # from the second start on nothing is compiled
            }  # fmt: skip
    finally:
        server.terminate()
        server.wait()


def _print_times(sizes: tuple[int, int], found: list[dict[str, list[float]]]) -> None:
    few, many = sizes
    print(f"{'median (worst), seconds':42}{few:>6} cases{many:>10} cases")
    for name in found[0]:
        texts = [_median_and_worst(times[name]) for times in found]
        aim = f"   aim {AIMS_S[name]:g}" if name in AIMS_S else ""
        print(f"  {name:40}{texts[0]:>12}{texts[1]:>16}{aim}")


def _median_and_worst(times: list[float]) -> str:
    middle = sorted(times)[len(times) // 2]
    return f"{middle:.2f}" if len(times) == 1 else f"{middle:.2f} ({max(times):.2f})"


def _print_memory(found: dict[str, float]) -> None:
    print(
        "memory after so many cases: " + ", ".join(f"{n}: {mb:.0f} MB" for n, mb in found.items())
    )
