"""The network: what it sees of a slice and what it says."""

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
CHANNELS = 4  # of what the network sees
NEIGHBOUR_MM = 4.0  # how far away the neighbours are that the network sees beside a slice
_LOCAL_PX = 31  # width of the neighbourhood for local contrast, about 25 mm
_OTHER_GAMMA = 0.7  # of the second look at a slice
_AROUND_SPINE_MM = 32.0  # what is looked at in front of and behind bodies and discs

Float = NDArray[np.float32]


class Channel(IntEnum):
    """The channels of the network, in order."""

    BACKGROUND = 0
    DISC = 1
    BODY = 2
    SACRUM = 3
    CANAL = 4
    ENDPLATE = 5
    POSTERIOR = 6


def network_input(slices: Array) -> Float:
    """What the network sees of a slice between its neighbours.

    Parameters
    ----------
    slices
        (3, rows, columns) the slice before, the slice and the slice after it, pixels of
        :data:`PIXEL_MM`, any scale from zero up; one that does not exist is zero everywhere.

    Returns
    -------
    NDArray
        (4, rows, columns), without scale: brightness of the slice, its local contrast, and that
        of the neighbour before and after it.
    """
    scaled = [_scaled(one) for one in np.asarray(slices, dtype=np.float32)]
    return np.stack([scaled[1], *(_local_contrast(scaled[k]) for k in (1, 0, 2))])


class _Look:
    """The network looking at slices; brightness and contrast of each are computed once."""

    def __init__(self, slices: Float, apart: int, gamma: float = 1.0) -> None:
        self._slices, self._apart, self._gamma = slices, apart, gamma
        self._features: dict[int, tuple[Float, Float]] = {}

    def missing(self, wanted: Iterable[int]) -> list[int]:
        """What is still to be prepared before these slices can be seen: they and neighbours."""
        needed = {k + step for k in wanted for step in (0, -self._apart, self._apart)}
        return sorted(needed & {*range(len(self._slices))} - {*self._features})

    def prepare(self, k: int) -> None:
        """Compute brightness and contrast of a slice."""
        scaled = _scaled(self._slices[k] ** self._gamma)
        self._features[k] = scaled, _local_contrast(scaled)

    def seen(self, session: Any, k: int, columns: slice) -> Float:
        """(structures, rows, columns) what the network says of a prepared slice."""
        scaled, contrast = (one[:, columns] for one in self._features[k])
        nothing = np.zeros_like(scaled)
        around = [
            self._features[n][1][:, columns] if 0 <= n < len(self._slices) else nothing
            for n in (k - self._apart, k + self._apart)
        ]
        looked = np.stack([scaled, contrast, *around])
        return np.asarray(session.run(None, {"image": looked[None]})[0][0])


def _each(executor: Executor, work: Callable[[int], None], numbers: Sequence[int]) -> None:
    """Do some work for every number, several at a time; errors are raised here."""
    for _ in executor.map(work, numbers):
        pass


def _scaled(image: Float) -> Float:
    """Brightness relative to the brightest tissue."""
    lit = image[image > 0]
    bright = float(np.quantile(lit, 0.98)) if lit.size else 1.0
    return np.asarray(np.minimum(image / max(bright, 1e-12), 2.0))


def _local_contrast(scaled: Float) -> Float:
    """How much a pixel differs from its neighbourhood, by the spread within it."""
    from scipy.ndimage import uniform_filter

    def mean(values: Float) -> Float:
        return np.asarray(uniform_filter(uniform_filter(values, _LOCAL_PX), _LOCAL_PX))

    centre = mean(scaled)
    spread = np.sqrt(np.maximum(mean(scaled**2) - centre**2, 0.0))
    return np.asarray(np.clip((scaled - centre) / (spread + 0.02), -4.0, 4.0))


def _session() -> Any:
    """The network, ready to run on one thread; it may be called by several at a time.

    Whoever opens it drops it after the last slice: it is loaded in 20 ms, and holds some 160 MiB.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # plans one block per width of slice, and keeps them all
    return onnxruntime.InferenceSession(weights(), options, providers=["CPUExecutionProvider"])


def shares_of(slices: Float, spacing_mm: float, threads: int) -> tuple[Float, Float]:
    """Which share of each pixel every structure fills, as the network sees it.

    Three slices tell where the spine is from front to back; the others are looked at only
    there.  Slices with discs are seen twice, in two contrasts: the first map is the mean of
    both, the second that of the discs in the other contrast alone, to see how steady it is.

    Parameters
    ----------
    slices
        (slices, rows, columns) from zero up; sides multiples of :data:`SIDE_PX`.
    spacing_mm
        Between neighbouring slices.
    threads
        How many processors to use.

    Returns
    -------
    shares
        (structures, slices, rows, columns).
    other
        (slices, rows, columns).
    """
    apart = max(1, round(NEIGHBOUR_MM / spacing_mm))
    count, _, width = slices.shape
    shares = np.zeros((len(Channel), *slices.shape), dtype=np.float32)
    shares[Channel.BACKGROUND] = 1
    other = np.zeros(slices.shape, dtype=np.float32)
    probes = sorted({count // 4, count // 2, 3 * count // 4})
    first, second = _Look(slices, apart), _Look(slices, apart, _OTHER_GAMMA)

    def see(k: int, columns: slice) -> None:
        shares[:, k, :, columns] = first.seen(session, k, columns)

    def probe() -> None:
        for k in probes:
            see(k, slice(None))

    def see_again(k: int) -> None:
        again = second.seen(session, k, columns)
        other[k, :, columns] = again[Channel.DISC]
        shares[:, k, :, columns] = (shares[:, k, :, columns] + again) / 2

    # slices on several threads scale better than one slice on several, and give the same bits
    with ThreadPoolExecutor(max(1, threads)) as executor:
        loading = executor.submit(_session)
        _each(executor, first.prepare, first.missing(probes))
        session = loading.result()
        # whole slices one after another, for each takes 90 MiB; the others are prepared meanwhile
        probing = executor.submit(probe)
        _each(executor, first.prepare, first.missing(range(count)))
        probing.result()
        columns = _columns_of_spine(shares[:, probes], width)
        _each(executor, lambda k: see(k, columns), sorted({*range(count)} - {*probes}))
        twice = np.flatnonzero((shares[Channel.DISC] > 0.5).any(axis=(1, 2))).tolist()
        _each(executor, second.prepare, second.missing(twice))
        _each(executor, see_again, twice)
    return shares, other


def mirrored_shares(slices: Float, spacing_mm: float, threads: int, axis: int = -1) -> Float:
    """(structures, rows, columns) what the network sees of the middle slice, two sides exchanged.

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
    """The columns around bodies and discs, a multiple of the network's side; else all of them."""
    spine = shares[[Channel.DISC, Channel.BODY]].sum(axis=0) > 0.5
    filled = np.flatnonzero(spine.any(axis=(0, 1)))
    if not filled.size:
        return slice(0, width)
    margin = int(_AROUND_SPINE_MM / PIXEL_MM)
    low, high = max(0, int(filled[0]) - margin), min(width, int(filled[-1]) + 1 + margin)
    wanted = -(-(high - low) // SIDE_PX) * SIDE_PX
    low = max(0, min(low, width - wanted))
    return slice(low, low + wanted)
