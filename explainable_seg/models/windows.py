"""Windows that cover a recording, and the averaging where they overlap.

Audio comes in blocks and leaves as finished frames, so that no more than a few
windows are ever held.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch

from explainable_seg.frames import HOP, num_frames, num_samples

Named = dict[str, torch.Tensor]


class Window(NamedTuple):
    """A stretch of audio [N], its first frame, and whether it is the last."""

    start: int
    audio: torch.Tensor
    at_end: bool


def cut_windows(
    blocks: Iterable[torch.Tensor], window: int, step: int
) -> Iterator[Window]:
    """Windows that cover a recording which comes in blocks.

    Every window is whole: the last one is moved back to end with the
    recording, so that no window sees padding. A recording shorter than a
    window is one window of its own length; one without a frame gives none.

    Arguments
    ---------
    blocks : Iterable[torch.Tensor]
        Audio at 16 kHz, [N] each; how it is split does not matter.
    window : int
        Frames a window.
    step : int
        Frames between windows, at most ``window``.

    Yields
    ------
    Window

    Raises
    ------
    ValueError
        If the step is not above 0, or longer than a window.

    Example
    -------
    >>> audio = torch.zeros(num_samples(25))
    >>> [w.start for w in cut_windows([audio], window=10, step=5)]
    [0, 5, 10, 15]
    >>> [w.start for w in cut_windows(audio.split(700), 40, 5)]
    [0]
    """
    if not 0 < step <= window:
        raise ValueError(
            f"expected 0 < `step` <= `window`, got step={step}, window={window}"
        )
    held = torch.zeros(0)  # audio from the frame `first` on
    first = start = 0
    for block in blocks:
        held = torch.cat([held, block]) if len(held) else block
        end = first + num_frames(len(held))
        # With a frame behind it, a window is not the last one.
        while start + window < end:
            yield Window(start, _frames(held, start - first, window), False)
            start += step
        # The last window may begin as early as a window before the end.
        passed = max(0, end - window - first)
        held, first = held[passed * HOP :], first + passed
    end = first + num_frames(len(held))
    if end > 0:
        last = max(0, end - window)
        audio = _frames(held, last - first, min(window, end))
        yield Window(last, audio, True)


def _frames(audio: torch.Tensor, first: int, n_frames: int) -> torch.Tensor:
    """Audio of some frames."""
    return audio[first * HOP : first * HOP + num_samples(n_frames)]


def window_weights(
    window: int, context: int = 0, at_start: bool = False, at_end: bool = False
) -> torch.Tensor:
    """Weights of a window's frames in the stitching: a triangle.

    Frames near an edge have seen the least context and count least; those
    nearer than ``context`` count nothing, unless the edge is the recording's.

    Arguments
    ---------
    window : int
        Frames of the window.
    context : int
        Frames to leave out at an inner edge.
    at_start : bool
        Whether the window begins where the recording does.
    at_end : bool
        Whether the window ends where the recording does.

    Returns
    -------
    torch.Tensor [shape=(window,)]

    Example
    -------
    >>> window_weights(4)
    tensor([0.2500, 0.7500, 0.7500, 0.2500])
    >>> window_weights(4, context=1, at_start=True)
    tensor([0.2500, 0.7500, 0.7500, 0.0000])
    """
    position = torch.arange(window) + 0.5
    weights = torch.minimum(position, window - position) / (window / 2)
    if not at_start:
        weights[:context] = 0.0
    if not at_end:
        weights[window - context :] = 0.0
    return weights


def one_stretch(
    windows: Sequence[Window],
) -> tuple[torch.Tensor, list[slice]]:
    """Windows that overlap as one stretch of audio.

    Arguments
    ---------
    windows : Sequence[Window]
        Of one length, in the order of their starts.

    Returns
    -------
    tuple[torch.Tensor, list[slice]]
        Audio [N] from the start of the first to the end of the last, and the
        frames of each window in it.

    Example
    -------
    >>> audio = torch.arange(num_samples(6))
    >>> stretch, places = one_stretch(list(cut_windows([audio], 4, 2)))
    >>> torch.equal(stretch, audio.float()), places
    (True, [slice(0, 4, None), slice(2, 6, None)])
    """
    first, n_samples = windows[0].start, len(windows[0].audio)
    n_frames = num_frames(n_samples)
    offsets = [window.start - first for window in windows]
    stretch = torch.empty(offsets[-1] * HOP + n_samples)
    for offset, window in zip(offsets, windows):
        stretch[offset * HOP : offset * HOP + n_samples] = window.audio
    return stretch, [slice(o, o + n_frames) for o in offsets]


class OverlapAdd:
    """Weighted mean of windows that are added in the order of their starts.

    Arguments
    ---------
    context : int
        As in :func:`window_weights`.

    Example
    -------
    >>> mean = OverlapAdd()
    >>> ones, zeros = {"x": torch.ones(4, 1)}, {"x": torch.zeros(4, 1)}
    >>> mean.add(Window(0, torch.zeros(1360), False), ones)
    >>> mean.add(Window(3, torch.zeros(1360), True), zeros)
    >>> mean.finished()["x"].flatten()
    tensor([1., 1., 1.])
    >>> mean.rest()["x"].flatten()
    tensor([0.5000, 0.0000, 0.0000, 0.0000])
    """

    def __init__(self, context: int = 0):
        self.context = context
        self._first = 0  # frame that the sums begin with
        self._start = 0  # frames before it get no more windows
        self._total = torch.zeros(0)
        self._sums: Named = {}

    def add(self, window: Window, outputs: Mapping[str, torch.Tensor]) -> None:
        """Add what a model gives for a window.

        Arguments
        ---------
        window : Window
            It starts no earlier than those before it.
        outputs : Mapping[str, torch.Tensor] [shape=(T, ...)]
            Of the same names as for the windows before it; T is its number of
            frames.
        """
        n_frames = num_frames(len(window.audio))
        weights = window_weights(
            n_frames, self.context, window.start == 0, window.at_end
        )
        if not self._sums:
            self._sums = {
                name: output.new_zeros(0, *output.shape[1:])
                for name, output in outputs.items()
            }
        low = window.start - self._first
        missing = low + n_frames - len(self._total)
        self._total = _longer(self._total, missing)
        self._total[low:] += weights
        for name, output in outputs.items():
            whole = self._sums[name] = _longer(self._sums[name], missing)
            whole[low:] += weights[:, None] * output
        self._start = window.start

    def finished(self) -> Named:
        """Frames before the last window, which no window to come reaches.

        Returns
        -------
        dict[str, torch.Tensor] [shape=(T, ...)]
            Mean of each output from where this or :meth:`rest` ended before;
            T may be 0.
        """
        return self._take(self._start - self._first)

    def rest(self) -> Named:
        """All other frames, after the last window.

        Returns
        -------
        dict[str, torch.Tensor] [shape=(T, ...)]
            As of :meth:`finished`.
        """
        return self._take(len(self._total))

    def _take(self, n_frames: int) -> Named:
        """The first frames, which are forgotten."""
        total = self._total[:n_frames, None]
        means = {n: whole[:n_frames] / total for n, whole in self._sums.items()}
        # Copies, so that what was taken is freed.
        self._total = self._total[n_frames:].clone()
        self._sums = {n: s[n_frames:].clone() for n, s in self._sums.items()}
        self._first += n_frames
        return means


def _longer(values: torch.Tensor, missing: int) -> torch.Tensor:
    """Values [T, ...] with zeros behind them."""
    return torch.cat([values, values.new_zeros(missing, *values.shape[1:])])
