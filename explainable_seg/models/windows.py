"""Recordings of any length through a model that sees windows.

Audio comes in blocks and leaves as finished frames, so that no more than a few
windows are ever held.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import torch

from explainable_seg.audio import at_level
from explainable_seg.errors import AudioError, ExplainableSegError
from explainable_seg.frames import (
    FRAME_RATE,
    HOP,
    WINDOW,
    num_frames,
    num_samples,
)

logger = logging.getLogger(__name__)


def choose_device(name: str | int | torch.device = "auto") -> torch.device:
    """Device by name.

    Arguments
    ---------
    name : str or int or torch.device
        ``cpu``, ``cuda``, ``cuda:1``..., or ``auto``: CUDA where there is a
        card, else the CPU. A number is that of a CUDA device, as for PyTorch.

    Returns
    -------
    torch.device

    Raises
    ------
    ExplainableSegError
        If the name is unknown, or CUDA is asked for where there is none.

    Example
    -------
    >>> choose_device("cpu")
    device(type='cpu')
    """
    found = torch.cuda.device_count()
    name = f"cuda:{name}" if isinstance(name, int) else str(name)
    if name == "auto":
        name = "cuda" if found else "cpu"
        logger.info("running on %s: found %d CUDA devices", name, found)
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda") or not (index or "0").isdecimal():
        raise ExplainableSegError(
            f"expected cpu, cuda or auto, got '{name}', for the device; "
            "name one of them"
        )
    if kind == "cuda" and int(index or 0) >= found:
        raise ExplainableSegError(
            f"expected a CUDA device, got {found} of them, for the device "
            f"'{name}'; use cpu or auto"
        )
    return torch.device(name)


def choose_precision(
    name: str, device: torch.device, frontend: str = "spectrogram"
) -> bool:
    """Whether a model runs in bf16.

    Arguments
    ---------
    name : str
        ``fp32``, ``bf16``, or ``auto``: bf16 where it pays and the hardware
        has it, which is WavLM on a CUDA card from the year 2020 on, or on a
        CPU whose instructions multiply bf16 (AMX, AVX512-BF16).
    device : torch.device
        Where the model runs.
    frontend : str
        ``wavlm`` or ``spectrogram``.

    Returns
    -------
    bool

    Raises
    ------
    ExplainableSegError
        If the name is unknown, or bf16 is asked for where there is none.

    Example
    -------
    >>> choose_precision("auto", torch.device("cpu"))
    False
    """
    if name == "fp32":
        return False
    if name not in ("auto", "bf16"):
        raise ExplainableSegError(
            f"expected fp32, bf16 or auto, got '{name}', for the precision; "
            "name one of them"
        )
    if name == "auto" and frontend != "wavlm":
        return False
    if device.type == "cuda":
        found = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        found = _cpu_has(torch.ops.mkldnn, "_is_mkldnn_bf16_supported")
    if name == "auto":
        return found and (device.type == "cuda" or _multiplies_bf16())
    if not found:
        raise ExplainableSegError(
            f"expected a device with bf16, got '{device}', for the precision; "
            "use fp32 or auto"
        )
    return True


def _multiplies_bf16() -> bool:
    """Whether the CPU has instructions for bf16, not a slow detour."""
    return any(
        _cpu_has(torch.cpu, f"_is_{instructions}_supported")
        for instructions in ("amx_tile", "avx512_bf16")
    )


def _cpu_has(where: Any, question: str) -> bool:
    """Answer of PyTorch to a question that not every platform understands."""
    try:
        return bool(getattr(where, question)())
    except (AttributeError, NotImplementedError, RuntimeError):
        return False


Predict = Callable[[torch.Tensor], tuple[torch.Tensor, ...]]
"""Maps windows [B, N] to outputs [B, T, ...], of which there are several."""
BATCH_SIZE = 16
"""Windows that a model sees at a time."""
# Frames that are put together at a time. Hundreds of small pieces that stay,
# between the large ones that come and go, would keep the heap from shrinking.
BLOCK_FRAMES = 1 << 16


@dataclass(frozen=True)
class FramesFirst:
    """A model in two steps, of which the first sees each frame alone.

    Where windows overlap, the first step is taken once for all of them.

    Arguments
    ---------
    of_frames : callable
        Maps audio [B, N] to tensors [B, T, ...], each frame on its own.
    of_windows : callable
        Maps these tensors, cut into windows, to outputs [B, T, ...].
    """

    of_frames: Predict
    of_windows: Callable[..., tuple[torch.Tensor, ...]]

    def __call__(self, audio: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Outputs of windows [B, N]."""
        return self.of_windows(*self.of_frames(audio))


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


class OverlapAdd:
    """Weighted mean of windows that are added in the order of their starts.

    Arguments
    ---------
    context : int
        As in :func:`window_weights`.

    Example
    -------
    >>> mean = OverlapAdd()
    >>> mean.add(Window(0, torch.zeros(1360), False), (torch.ones(4, 1),))
    >>> mean.add(Window(3, torch.zeros(1360), True), (torch.zeros(4, 1),))
    >>> mean.finished()[0].flatten()
    tensor([1., 1., 1.])
    >>> mean.rest()[0].flatten()
    tensor([0.5000, 0.0000, 0.0000, 0.0000])
    """

    def __init__(self, context: int = 0):
        self.context = context
        self._first = 0  # frame that the sums begin with
        self._start = 0  # frames before it get no more windows
        self._total = torch.zeros(0)
        self._sums: tuple[torch.Tensor, ...] = ()

    def add(self, window: Window, outputs: Iterable[torch.Tensor]) -> None:
        """Add what a model gives for a window.

        Arguments
        ---------
        window : Window
            It starts no earlier than those before it.
        outputs : Iterable[torch.Tensor] [shape=(T, ...)]
            As many as for the windows before it; T is its number of frames.
        """
        outputs = tuple(outputs)
        n_frames = len(outputs[0])
        weights = window_weights(
            n_frames, self.context, window.start == 0, window.at_end
        )
        if not self._sums:
            self._sums = tuple(o.new_zeros(0, *o.shape[1:]) for o in outputs)
        low = window.start - self._first
        missing = low + n_frames - len(self._total)
        self._total = _longer(self._total, missing)
        self._total[low:] += weights
        self._sums = tuple(_longer(whole, missing) for whole in self._sums)
        for whole, output in zip(self._sums, outputs):
            whole[low:] += weights[:, None] * output
        self._start = window.start

    def finished(self) -> tuple[torch.Tensor, ...]:
        """Frames before the last window, which no window to come reaches.

        Returns
        -------
        tuple[torch.Tensor, ...] [shape=(T, ...)]
            Means of each output from where this or :meth:`rest` ended before;
            T may be 0.
        """
        return self._take(self._start - self._first)

    def rest(self) -> tuple[torch.Tensor, ...]:
        """All other frames, after the last window.

        Returns
        -------
        tuple[torch.Tensor, ...] [shape=(T, ...)]
            As of :meth:`finished`.
        """
        return self._take(len(self._total))

    def _take(self, n_frames: int) -> tuple[torch.Tensor, ...]:
        """The first frames, which are forgotten."""
        total = self._total[:n_frames, None]
        means = tuple(whole[:n_frames] / total for whole in self._sums)
        # Copies, so that what was taken is freed.
        self._total = self._total[n_frames:].clone()
        self._sums = tuple(whole[n_frames:].clone() for whole in self._sums)
        self._first += n_frames
        return means


def _longer(values: torch.Tensor, missing: int) -> torch.Tensor:
    """Values [T, ...] with zeros behind them."""
    return torch.cat([values, values.new_zeros(missing, *values.shape[1:])])


def stitch_blocks(
    predict: Predict,
    blocks: Iterable[torch.Tensor],
    window: float,
    step: float,
    batch_size: int = BATCH_SIZE,
    context: int = 0,
) -> Iterator[tuple[torch.Tensor, ...]]:
    """Outputs of a model over a recording that comes in blocks.

    Arguments
    ---------
    predict : callable
        As for :func:`stitch`.
    blocks : Iterable[torch.Tensor]
        Audio at 16 kHz, [N] each; how it is split does not matter.
    window : float
        Seconds a window.
    step : float
        Seconds between windows.
    batch_size : int
        Windows at a time.
    context : int
        As for :func:`stitch`.

    Yields
    ------
    tuple[torch.Tensor, ...] [shape=(T', *)]
        The next frames, on the CPU.

    Raises
    ------
    ValueError
        If the windows leave frames without a weight.
    AudioError
        If the recording is shorter than a frame.
    """
    length = max(1, round(window * FRAME_RATE))
    hop = min(length, max(1, round(step * FRAME_RATE)))
    if hop > length - 2 * context:
        raise ValueError(
            f"expected `step` <= `window` - 2 `context`, got {hop} > "
            f"{length} - 2 * {context} frames"
        )
    mean = OverlapAdd(context)
    windows = cut_windows(blocks, length, hop)
    heard = False
    while batch := list(islice(windows, batch_size)):
        outputs = [o.float().cpu() for o in _outputs(predict, batch)]
        for window_of_row, *rows in zip(batch, *outputs):
            mean.add(window_of_row, rows)
        heard = True
        yield mean.finished()
    if not heard:
        raise AudioError(
            f"expected {WINDOW} samples or more at 16 kHz (25 ms), got fewer, "
            "in the audio; give a longer stretch"
        )
    yield mean.rest()


def _outputs(predict: Predict, batch: list[Window]) -> tuple[torch.Tensor, ...]:
    """Outputs [B, T, ...] of windows in the order of their starts."""
    if not isinstance(predict, FramesFirst):
        return predict(torch.stack([window.audio for window in batch]))
    first, n_samples = batch[0].start, len(batch[0].audio)
    offsets = [(window.start - first) * HOP for window in batch]
    span = torch.empty(offsets[-1] + n_samples)
    for offset, window in zip(offsets, batch):
        span[offset : offset + n_samples] = window.audio
    n_frames = num_frames(n_samples)
    places = [slice(w.start - first, w.start - first + n_frames) for w in batch]
    frames = predict.of_frames(span[None])
    return predict.of_windows(
        *(torch.stack([part[0, place] for place in places]) for part in frames)
    )


def stitch(
    predict: Predict,
    wav: torch.Tensor,
    window: float,
    step: float,
    batch_size: int = BATCH_SIZE,
    context: int = 0,
    level: float | None = None,
) -> tuple[torch.Tensor, ...]:
    """Outputs of a model over a whole recording, averaged where windows meet.

    Arguments
    ---------
    predict : callable
        Maps audio [B, N] to tensors [B, T, ...]; linear relations between them
        survive the stitching, since all are averaged with the same weights. A
        :class:`FramesFirst` sees frames that windows share once.
    wav : torch.Tensor [shape=(N,)]
        Audio at 16 kHz, at least 400 samples.
    window : float
        Seconds a window: the one the model was trained with.
    step : float
        Seconds between windows.
    batch_size : int
        Windows at a time; the result does not depend on it.
    context : int
        Frames to leave out at the inner edges of windows. With the reach of a
        model that normalises each frame on its own, the result is that of the
        whole recording at once, whatever the window.
    level : float, optional
        What the recording is brought to first, dB re full scale, as by
        :func:`~explainable_seg.audio.level.at_level`.

    Returns
    -------
    tuple[torch.Tensor, ...] [shape=(T, ...)]
        On the CPU, T = num_frames(N).

    Raises
    ------
    ValueError
        If the windows leave frames without a weight.
    AudioError
        If the recording is shorter than a frame.
    """
    heard = torch.from_numpy(at_level(wav.numpy(), level))
    return joined(
        stitch_blocks(predict, [heard], window, step, batch_size, context)
    )


def joined(
    parts: Iterable[tuple[torch.Tensor, ...]],
) -> tuple[torch.Tensor, ...]:
    """Consecutive frames of each output as one tensor."""
    blocks: list[tuple[torch.Tensor, ...]] = []
    pending: list[tuple[torch.Tensor, ...]] = []
    n_frames = 0  # of those that are pending
    for part in filter(None, parts):
        pending.append(part)
        n_frames += len(part[0])
        if n_frames >= BLOCK_FRAMES:
            blocks.append(_end_to_end(pending))
            pending, n_frames = [], 0
    return _end_to_end([*blocks, *pending])


def _end_to_end(
    parts: list[tuple[torch.Tensor, ...]],
) -> tuple[torch.Tensor, ...]:
    """One tensor of each output."""
    return tuple(torch.cat(output) for output in zip(*parts))
