"""The child process of :func:`discmri.cohort.isolated.isolated`: ``python -m discmri.cohort.child FILE``.

Standard input has the call and stays open while the parent lives; the result is written to FILE.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from pathlib import Path

from discmri.measurement.recording import describe_error


def main(file: Path) -> None:
    """Read the call, run it and write the result; exit with the parent."""
    sys.path[:] = pickle.load(sys.stdin.buffer)
    function, argument = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    try:
        result = (True, function(argument))
    except Exception as error:  # noqa: BLE001 - reported by the parent
        result = (False, describe_error(error)[0])
    file.write_bytes(pickle.dumps(result))
    os._exit(0)  # without the exit handlers of libraries


def _exit_with_parent() -> None:
    sys.stdin.buffer.read()  # returns when the other end of the pipe is gone
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
