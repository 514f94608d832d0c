"""JPEG streams (baseline, extended, lossless), decoded in a child process.

The only permissively licensed decoder for them, GDCM, ends its process on some damaged streams
instead of raising an error.
"""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1

SYNTAXES = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1)
_CHILD = "from discmri.study.jpeg import decode_for_parent; decode_for_parent()"
_SECONDS = 600
DecodeJob = tuple[bytes, str, list[int], dict[str, Any]]


def decode(jobs: Sequence[DecodeJob]) -> list[list[NDArray[np.generic]]]:
    """Arrays of every job.

    Parameters
    ----------
    jobs
        Per file: pixel element, transfer syntax, wanted frames and options of pydicom's decoder.

    Raises
    ------
    ValueError
        If a stream cannot be decoded.
    """
    try:
        child = subprocess.run(
            [sys.executable, "-c", _CHILD],
            input=pickle.dumps(list(jobs)),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError as error:
        raise ValueError("a stream is damaged") from error
    stream = io.BytesIO(child.stdout)
    return [[np.load(stream, allow_pickle=False) for _ in job[2]] for job in jobs]


def decode_for_parent() -> None:
    """Entry point of the child process: jobs from standard input, arrays to standard output."""
    for content, syntax, indices, options in pickle.load(sys.stdin.buffer):
        decoder = get_decoder(UID(syntax))
        for index in indices:
            array = decoder.as_array(content, index=index, decoding_plugin="gdcm", **options)[0]
            np.save(sys.stdout.buffer, array)
