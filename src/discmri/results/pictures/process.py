"""Pictures drawn by a second process, while the first one still measures.

Loading matplotlib and drawing take a fifth of a whole measurement and need nothing of the
diffusion images.  The process is started like a command, so it works where ``fork`` does not, and
hangs on a pipe: it ends when whoever started it does.  Where it cannot be started or fails, the
pictures are drawn in the first process; they are the same.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import IO, TYPE_CHECKING

from discmri.results.pictures import draw_adc, draw_anatomy, in_order

if TYPE_CHECKING:
    from discmri.results.model import StudyResult

Pictures = Mapping[str, bytes]
"""PNG bytes by name."""

DRAWINGS: Mapping[str, Callable[[StudyResult], Pictures]] = {
    "anatomy": draw_anatomy,
    "adc": draw_adc,
}
"""What can be asked for: pictures without and with ADC."""


class PictureProcess:
    """The process, as the one that measures sees it."""

    def __init__(self, process: subprocess.Popen[bytes], executor: Executor) -> None:
        self._process, self._executor = process, executor
        self._answers: dict[str, Future[Pictures | None]] = {}

    def begin(self, name: str, result: StudyResult) -> None:
        """Begin with the pictures of a name in ``DRAWINGS``; does not wait."""
        asked = pickle.dumps((name, result), pickle.HIGHEST_PROTOCOL)
        self._answers[name] = self._executor.submit(self._answer, asked)

    def collect(self, result: StudyResult) -> Pictures:
        """Wait for all pictures, and draw here what did not come."""
        drawn: dict[str, bytes] = {}
        for name, draw in DRAWINGS.items():
            answer = self._answers[name].result() if name in self._answers else None
            drawn |= draw(result) if answer is None else answer
        return in_order(drawn, result)

    def _answer(self, asked: bytes) -> Pictures | None:
        """Ask and wait, in a thread: the pipes hold less than either side says at a time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(asked)
            self._process.stdin.flush()
            answer: Pictures = pickle.load(self._process.stdout)
        except (OSError, ValueError, EOFError, pickle.UnpicklingError):
            return None  # it died, or was ended
        return answer


@contextmanager
def picture_process() -> Iterator[PictureProcess | None]:
    """A process that loads matplotlib at once and then draws; ``None`` where none can be started."""
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "discmri.results.pictures.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        yield None
        return
    with ThreadPoolExecutor(1) as executor:
        try:
            executor.submit(_send_path, process)
            yield PictureProcess(process, executor)
        finally:
            process.kill()  # so that a thread that still waits for an answer gets none
            process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # what was not sent any more
                pipe.close()


def _send_path(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(OSError):
        pickle.dump(sys.path, process.stdin)  # first, so that it imports the same
        process.stdin.flush()


def _main(asked: IO[bytes], answers: IO[bytes]) -> None:
    """The other side: draw what is asked for until nobody asks any more."""
    for module in ("matplotlib.figure", "scipy.ndimage"):
        import_module(module)  # while there is nothing to draw yet

    while True:
        try:
            name, result = pickle.load(asked)
        except EOFError:
            return
        pickle.dump(DRAWINGS[name](result), answers)
        answers.flush()


if __name__ == "__main__":
    sys.path[:] = pickle.load(sys.stdin.buffer)
    _main(sys.stdin.buffer, sys.stdout.buffer)
