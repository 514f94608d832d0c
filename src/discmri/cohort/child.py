"""The other side of :func:`discmri.cohort.isolated.isolated`: ``python -m discmri.cohort.child FILE``.

Standard input brings the call and stays open for as long as the asker lives; the answer goes
into FILE.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from pathlib import Path

from discmri.measurement.recording import describe_error


def main(file: Path) -> None:
    """Take the call, answer it, and end with whoever asked."""
    sys.path[:] = pickle.load(sys.stdin.buffer)
    function, argument = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    try:
        answer = (True, function(argument))
    except Exception as error:  # noqa: BLE001 - the last stop of this process
        answer = (False, describe_error(error)[0])
    file.write_bytes(pickle.dumps(answer))
    os._exit(0)  # the answer is given; nothing waits for the farewell of libraries


def _exit_with_parent() -> None:
    sys.stdin.buffer.read()  # returns when the other end of the pipe is gone
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
