"""The network: its input, and its output for the slices of an image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from discmri.core.volume import Array
from discmri.measurement.segment.weights import weights

PIXEL_MM = 0.8
SIDE_PX = 32  # the network halves a slice five times
CHANNELS = 4  # of the input
NEIGHBOUR_MM = 4.0  # distance of the two neighbouring slices in the input
_LOCAL_PX = 31  # width of the neighbourhood for local contrast, about 25 mm
_OTHER_GAMMA = 0.7  # gamma of the second contrast
_AROUND_SPINE_MM = 32.0  # margin in front of and behind bodies and discs

Float = NDArray[np.float32]


class Channel(IntEnum):
    """Output channels of the network, in order."""

    BACKGROUND = 0
    DISC = 1
    BODY = 2
    SACRUM = 3
    CANAL = 4
    ENDPLATE = 5
    POSTERIOR = 6


def network_input(slices: Array) -> Float:
    """The input of the network for one slice.

    Parameters
    ----------
    slices
        (3, rows, columns) previous slice, slice and next slice, pixels of :data:`PIXEL_MM`, values
        of any scale and at least zero; a missing slice is zero.

    Returns
    -------
    NDArray
        (4, rows, columns), without unit: brightness of the slice, its local contrast, and the local
        contrast of both neighbours.
    """
    scaled = [_scaled(one) for one in np.asarray(slices, dtype=np.float32)]
    return np.stack([scaled[1], *(_local_contrast(scaled[k]) for k in (1, 0, 2))])


class _Look:
    """The network applied to slices; brightness and contrast of each are computed once."""

    def __init__(self, slices: Float, apart: int, gamma: float = 1.0) -> None:
        self._slices, self._apart, self._gamma = slices, apart, gamma
        self._features: dict[int, tuple[Float, Float]] = {}

    def missing(self, wanted: Iterable[int]) -> list[int]:
        """Slices that must be prepared before the network is applied to these: they and neighbours."""
        needed = {k + step for k in wanted for step in (0, -self._apart, self._apart)}
        return sorted(needed & {*range(len(self._slices))} - {*self._features})

    def prepare_around(self, k: int) -> None:
        """Prepare a slice and its neighbours, unless that is done."""
        for n in self.missing([k]):
            self.prepare(n)

    def prepare(self, k: int) -> None:
        """Compute brightness and contrast of a slice."""
        scaled = _scaled(self._slices[k] ** self._gamma)
        self._features[k] = scaled, _local_contrast(scaled)

    def seen(self, session: Any, k: int, columns: slice) -> Float:
        """(structures, rows, columns) output of the network for a prepared slice."""
        scaled, contrast = (one[:, columns] for one in self._features[k])
        nothing = np.zeros_like(scaled)
        around = [
            self._features[n][1][:, columns] if 0 <= n < len(self._slices) else nothing
            for n in (k - self._apart, k + self._apart)
        ]
        looked = np.stack([scaled, contrast, *around])
        return np.asarray(session.run(None, {"image": looked[None]})[0][0])


def _each(executor: Executor, work: Callable[[int], None], numbers: Sequence[int]) -> None:
    """Call ``work`` for every number in the executor, and raise its errors."""
    for _ in executor.map(work, numbers):
        pass


def _scaled(image: Float) -> Float:
    """Brightness relative to the brightest tissue."""
    lit = image[image > 0]
    bright = float(np.quantile(lit, 0.98)) if lit.size else 1.0
    return np.asarray(np.minimum(image / max(bright, 1e-12), 2.0))


def _local_contrast(scaled: Float) -> Float:
    """Difference of a pixel from the mean of its neighbourhood / SD of the neighbourhood."""
    from scipy.ndimage import uniform_filter

    def mean(values: Float) -> Float:
        return np.asarray(uniform_filter(uniform_filter(values, _LOCAL_PX), _LOCAL_PX))

    centre = mean(scaled)
    spread = np.sqrt(np.maximum(mean(scaled**2) - centre**2, 0.0))
    return np.asarray(np.clip((scaled - centre) / (spread + 0.02), -4.0, 4.0))


def _session(threads: int = 1) -> Any:
    """The loaded network; each call runs on ``threads`` threads, and several may call it.

    Delete it after the last slice: it is loaded in 20 ms, but uses up to 160 MiB.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # plans one block per width of slice, and keeps them all
    return onnxruntime.InferenceSession(weights(), options, providers=["CPUExecutionProvider"])


def shares_of(slices: Float, spacing_mm: float, threads: int) -> tuple[Float, Float]:
    """The share of each pixel that every structure fills, by the network.

    Three slices are segmented whole to find the columns of the spine; the others are segmented only
    there.  Slices with discs are segmented twice, in two contrasts.

    Parameters
    ----------
    slices
        (slices, rows, columns), at least zero; sides are multiples of :data:`SIDE_PX`.
    spacing_mm
        Distance of neighbouring slices.
    threads
        Number of threads.

    Returns
    -------
    shares
        (structures, slices, rows, columns), mean of both contrasts.
    other
        (slices, rows, columns) share of disc in the second contrast alone.
    """
    apart = max(1, round(NEIGHBOUR_MM / spacing_mm))
    count, _, width = slices.shape
    shares = np.zeros((len(Channel), *slices.shape), dtype=np.float32)
    shares[Channel.BACKGROUND] = 1
    other = np.zeros(slices.shape, dtype=np.float32)
    probes = sorted({count // 4, count // 2, 3 * count // 4})
    first, second = _Look(slices, apart), _Look(slices, apart, _OTHER_GAMMA)

    def see(k: int) -> None:
        if k not in probes:
            shares[:, k, :, columns] = first.seen(session, k, columns)
        if (shares[Channel.DISC, k] > 0.5).any():
            second.prepare_around(k)
            again = second.seen(session, k, columns)
            other[k, :, columns] = again[Channel.DISC]
            shares[:, k, :, columns] = (shares[:, k, :, columns] + again) / 2

    with ThreadPoolExecutor(max(1, threads)) as executor:
        loading = executor.submit(_session, max(1, threads))
        _each(executor, first.prepare, first.missing(probes))
        # Whole slices one by one on all threads, because each needs 90 MiB.
        whole = loading.result()
        for k in probes:
            shares[:, k] = first.seen(whole, k, slice(None))
        del whole, loading
        columns = _columns_of_spine(shares[:, probes], width)
        # For parts of slices one thread each is faster, with identical results.
        session = _session()
        _each(executor, first.prepare, first.missing(range(count)))
        _each(executor, see, range(count))
    return shares, other


def mirrored_shares(slices: Float, spacing_mm: float, threads: int, axis: int = -1) -> Float:
    """(structures, rows, columns) shares of the middle slice with two sides exchanged.

    Parameters
    ----------
    slices, spacing_mm, threads
        As in :func:`shares_of`.
    axis
        Of ``slices``: -1 exchanges front and back, -2 head and feet.
    """
    apart, k = max(1, round(NEIGHBOUR_MM / spacing_mm)), len(slices) // 2
    look = _Look(np.flip(slices, axis), apart)
    with ThreadPoolExecutor(max(1, threads)) as executor:
        _each(executor, look.prepare, look.missing([k]))
    return look.seen(_session(), k, slice(None))


def _columns_of_spine(shares: Float, width: int) -> slice:
    """Columns around bodies and discs, a multiple of :data:`SIDE_PX`; all if there are none."""
    spine = shares[[Channel.DISC, Channel.BODY]].sum(axis=0) > 0.5
    filled = np.flatnonzero(spine.any(axis=(0, 1)))
    if not filled.size:
        return slice(0, width)
    margin = int(_AROUND_SPINE_MM / PIXEL_MM)
    low, high = max(0, int(filled[0]) - margin), min(width, int(filled[-1]) + 1 + margin)
    wanted = -(-(high - low) // SIDE_PX) * SIDE_PX
    low = max(0, min(low, width - wanted))
    return slice(low, low + wanted)
