"""Whole recordings through a model that sees windows."""

from collections.abc import Iterator
from typing import Callable

import torch

from explainable_seg.frames import FRAME_RATE, HOP, num_frames, num_samples


def window_starts(n_frames: int, window: int, step: int) -> list[int]:
    """First frames of the windows that cover a recording.

    Every window is whole: the last one is moved back to end with the
    recording, so that no window sees padding. A recording shorter than a
    window is one window of its own length.

    Arguments
    ---------
    n_frames : int
        Frames of the recording.
    window : int
        Frames a window.
    step : int
        Frames between windows, at most ``window``.

    Returns
    -------
    list[int]

    Example
    -------
    >>> window_starts(25, window=10, step=5)
    [0, 5, 10, 15]
    >>> window_starts(7, window=10, step=5)
    [0]
    """
    if not 0 < step <= window:
        raise ValueError(
            f"expected 0 < `step` <= `window`, got step={step}, window={window}"
        )
    last = max(0, n_frames - window)
    starts = list(range(0, last, step))
    return [*starts, last]


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


def stitch(
    predict: Callable[[torch.Tensor], tuple[torch.Tensor, ...]],
    wav: torch.Tensor,
    window: float,
    step: float,
    batch_size: int = 16,
    context: int = 0,
) -> tuple[torch.Tensor, ...]:
    """Outputs of a model over a whole recording, averaged where windows meet.

    Arguments
    ---------
    predict : callable
        Maps audio [B, N] to tensors [B, T, *]; linear relations between them
        survive the stitching, since all are averaged with the same weights.
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

    Returns
    -------
    tuple[torch.Tensor, ...] [shape=(T, *)]
        On the CPU, T = num_frames(N).

    Raises
    ------
    ValueError
        If the windows leave frames without a weight.
    """
    n_frames = num_frames(len(wav))
    length = min(n_frames, max(1, round(window * FRAME_RATE)))
    hop = min(length, max(1, round(step * FRAME_RATE)))
    if length < n_frames and hop > length - 2 * context:
        raise ValueError(
            f"expected `step` <= `window` - 2 `context`, got {hop} > "
            f"{length} - 2 * {context} frames"
        )
    starts = window_starts(n_frames, length, hop)
    total = torch.zeros(n_frames)
    sums: list[torch.Tensor] = []
    for chosen, batch in _batches(wav, starts, length, batch_size):
        outputs = [output.float().cpu() for output in predict(batch)]
        if not sums:
            sums = [torch.zeros(n_frames, *o.shape[2:]) for o in outputs]
        for row, start in enumerate(chosen):
            span = slice(start, start + length)
            weights = window_weights(
                length, context, start == 0, start + length == n_frames
            )
            total[span] += weights
            for whole, output in zip(sums, outputs):
                whole[span] += weights[:, None] * output[row]
    return tuple(whole / total[:, None] for whole in sums)


def _batches(
    wav: torch.Tensor, starts: list[int], length: int, batch_size: int
) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Window starts with their audio [B, N], a batch at a time."""
    n_samples = num_samples(length)
    for first in range(0, len(starts), batch_size):
        chosen = starts[first : first + batch_size]
        yield (
            chosen,
            torch.stack([wav[s * HOP : s * HOP + n_samples] for s in chosen]),
        )
