"""Any recording in, 16 kHz mono out.

Blocks of a file or an array are averaged over the channels, and soxr resamples
them at high quality. An array takes the same way as a file, so that the result
depends on the samples only.
"""

import logging
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Union

import numpy as np
import torch

from explainable_seg.audio.decoding import BLOCK, Sound, open_sound
from explainable_seg.errors import AudioError
from explainable_seg.frames import SAMPLE_RATE, WINDOW

logger = logging.getLogger(__name__)

LOUDEST = 100.0  # 40 dB over full scale: beyond it the scale itself is wrong
SLOWEST, FASTEST = 1000, 768_000  # Hz, sample rates that are believed

Recording = Union[str, os.PathLike[str], np.ndarray, torch.Tensor]


@dataclass(frozen=True)
class Excerpt:
    """Which part of a recording is read; by default all of it.

    Arguments
    ---------
    channel : int, optional
        The channel, counted from 1; without it, channels are averaged.
    start : float, optional
        Where to begin, seconds.
    end : float, optional
        Where to end, seconds; a later one than the recording's is its end.
    track : int, optional
        The sound track of a video, counted from 1; without it, the default.

    Raises
    ------
    AudioError
        If the channel is below 1, or the end is not after the start.
    """

    channel: int | None = None
    start: float | None = None
    end: float | None = None
    track: int | None = None

    def __post_init__(self) -> None:
        if self.channel is not None and self.channel < 1:
            raise AudioError(
                f"expected a channel from 1 on, got {self.channel}, for the "
                "excerpt; the first channel is 1"
            )
        if not 0 <= self.first < self.last:
            raise AudioError(
                f"expected an end after the start, got {self.first:g} to "
                f"{self.last:g} s, for the excerpt; swap or change them"
            )

    @property
    def first(self) -> float:
        """Where it begins, seconds."""
        return self.start or 0.0

    @property
    def last(self) -> float:
        """Where it ends, seconds; infinity for the end of the recording."""
        return math.inf if self.end is None else self.end


WHOLE = Excerpt()


class AudioStream:
    """Sound of a file or array at 16 kHz, mono, and what is to be said of it.

    It can be read once.

    Arguments
    ---------
    source : str, os.PathLike, np.ndarray or torch.Tensor
        As for :func:`stream_audio`.
    sample_rate : int, optional
        As for :func:`stream_audio`.
    excerpt : Excerpt
        Which part of it.
    """

    def __init__(
        self,
        source: Recording,
        sample_rate: int | None = None,
        excerpt: Excerpt = WHOLE,
    ):
        self.source = source
        self.sample_rate = sample_rate
        self.excerpt = excerpt
        self.notes: list[str] = []  # complete when all was read
        self.duration: float | None = None  # seconds that are expected

    def __iter__(self) -> Iterator[np.ndarray]:
        return stream_audio(self.source, self.sample_rate, self.excerpt)


def stream_audio(
    source: Recording,
    sample_rate: int | None = None,
    excerpt: Excerpt = WHOLE,
) -> Iterator[np.ndarray]:
    """Sound of a file or array at 16 kHz, mono, in blocks.

    Arguments
    ---------
    source : str, os.PathLike, np.ndarray or torch.Tensor
        As for :func:`load_audio` or :func:`to_mono_16k`.
    sample_rate : int, optional
        Samples a second; for samples only, and needed there.
    excerpt : Excerpt
        Which part of it.

    Yields
    ------
    np.ndarray [shape=(N,), dtype=float32]
        400 samples or more in all, though a block may have none.

    Raises
    ------
    AudioError
        As :func:`load_audio` and :func:`to_mono_16k`; when the blocks are
        asked for.

    Example
    -------
    >>> second = np.zeros((16000, 2))
    >>> sum(len(block) for block in stream_audio(second, 16000))
    16000
    """
    if isinstance(source, (str, os.PathLike)):
        where = os.fspath(source)
        if sample_rate is not None:
            raise AudioError(
                f"expected no sample rate for a file, which knows its own, got "
                f"{sample_rate}, in {where}; leave it out"
            )
        with open_sound(source, excerpt.first) as sound:
            yield from _to_house_rate(sound, excerpt, where)
        return
    if sample_rate is None:
        raise AudioError(
            "expected a sample rate for samples, got none, in the array; pass "
            "sample_rate=16000, or whatever it is"
        )
    where = "the array"
    samples = _as_float(source, where)
    blocks = (samples[i : i + BLOCK] for i in range(0, len(samples), BLOCK))
    sound = Sound(sample_rate, samples.shape[1], blocks)
    yield from _to_house_rate(sound, excerpt, where)


def load_audio(
    path: str | os.PathLike[str], excerpt: Excerpt = WHOLE
) -> np.ndarray:
    """Sound of a file at 16 kHz, mono.

    The samples that can be decoded count, not the length in the header.

    Arguments
    ---------
    path : str or os.PathLike
        A file that libsndfile reads (wav, flac, ogg, mp3, aiff and more) or
        that the ffmpeg of the machine reads; any number of channels, any
        sample width.
    excerpt : Excerpt
        Which part of it.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]
        Samples in -1..1, N >= 400.

    Raises
    ------
    AudioError
        If the file is missing, empty, not audio, damaged, holds NaN, or is
        shorter than one frame (400 samples at 16 kHz).
    """
    return np.concatenate(list(stream_audio(path, None, excerpt)))


def to_mono_16k(audio: Any, sample_rate: int) -> np.ndarray:
    """Samples of any rate and number of channels at 16 kHz, mono.

    Arguments
    ---------
    audio : np.ndarray or torch.Tensor [shape=(N,), (N, channels) or (channels, N)]
        Float samples in -1..1, or integer samples, which are divided by their
        full scale. The shorter axis holds the channels; they are averaged.
    sample_rate : int
        Samples a second.

    Returns
    -------
    np.ndarray [shape=(N',), dtype=float32]
        Samples at 16 kHz.

    Raises
    ------
    AudioError
        If the array is no audio, holds NaN, or is shorter than one frame.

    Example
    -------
    >>> to_mono_16k(np.zeros((2, 16000), dtype=np.int16), 16000).shape
    (16000,)
    """
    return np.concatenate(list(stream_audio(audio, sample_rate)))


def _as_float(audio: Any, where: str) -> np.ndarray:
    """Array or tensor as float32 samples [N, channels]."""
    if hasattr(audio, "detach"):  # a torch tensor, wherever it lives
        audio = audio.detach().cpu()
    samples = np.asarray(audio)
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "iuf":
        raise AudioError(
            f"expected numbers of shape [N] or [N, channels], got "
            f"{samples.dtype} of shape {list(samples.shape)}, in {where}; "
            "pass one recording at a time"
        )
    if samples.ndim == 1:
        samples = samples[:, None]
    elif samples.shape[0] < samples.shape[1]:
        samples = samples.T
    if samples.dtype.kind == "f":
        return samples.astype(np.float32, copy=False)
    full_scale = np.float32(2.0 ** (8 * samples.dtype.itemsize - 1))
    centre = full_scale if samples.dtype.kind == "u" else np.float32(0)
    return (samples.astype(np.float32) - centre) / full_scale


def _to_house_rate(
    sound: Sound, excerpt: Excerpt, where: str
) -> Iterator[np.ndarray]:
    """An excerpt of a sound at 16 kHz, mono, in blocks."""
    rate = sound.sample_rate
    if not SLOWEST <= rate <= FASTEST:
        raise AudioError(
            f"expected a sample rate of {SLOWEST} to {FASTEST} Hz, got "
            f"{rate}, in {where}; give the right rate"
        )
    if (excerpt.channel or 1) > sound.n_channels:
        raise AudioError(
            f"expected a channel up to {sound.n_channels}, got "
            f"{excerpt.channel}, in {where}; name another or average them all"
        )
    logger.info("%s: %d Hz, %d channels", where, rate, sound.n_channels)
    blocks = _cut(sound, excerpt)
    mono = _checked_mono(blocks, excerpt.channel, rate, excerpt.first, where)
    n_samples = 0
    for block in mono if rate == SAMPLE_RATE else _resampled(mono, rate):
        n_samples += len(block)
        yield block
    _check_length(n_samples, excerpt, where)


def _cut(sound: Sound, excerpt: Excerpt) -> Iterator[np.ndarray]:
    """Blocks [n, channels] of the excerpt."""
    first = round(excerpt.first * sound.sample_rate)
    last = excerpt.last * sound.sample_rate
    stop = None if math.isinf(last) else round(last)
    position = sound.first
    for block in sound.blocks:
        low = max(0, first - position)
        high = len(block) if stop is None else stop - position
        position += len(block)
        yield block[low:high]
        if stop is not None and position >= stop:
            return


def _resampled(
    blocks: Iterable[np.ndarray], sample_rate: int
) -> Iterator[np.ndarray]:
    """Mono blocks brought to 16 kHz."""
    # Imported on use: sound at 16 kHz needs no resampler.
    import soxr

    stream = soxr.ResampleStream(
        sample_rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ"
    )
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def _checked_mono(
    blocks: Iterable[np.ndarray],
    channel: int | None,
    sample_rate: int,
    start: float,
    where: str,
) -> Iterator[np.ndarray]:
    """One channel or the mean of all; raise on what cannot be sound."""
    seen = 0
    for block in blocks:
        mono = block.mean(axis=1) if channel is None else block[:, channel - 1]
        finite = np.isfinite(mono)
        if not finite.all():
            second = start + (seen + int(np.argmin(finite))) / sample_rate
            raise AudioError(
                f"expected finite samples, got NaN or infinity at "
                f"{second:.3f} s, in {where}; export the recording again"
            )
        peak = float(np.abs(mono).max(initial=0.0))
        if peak > LOUDEST:
            raise AudioError(
                f"expected float samples in -1..1, got {peak:.6g}, in {where}; "
                "divide by the full scale (32768 for 16 bits)"
            )
        seen += len(mono)
        yield np.ascontiguousarray(mono)


def _check_length(n_samples: int, excerpt: Excerpt, where: str) -> None:
    """Raise if there is no sound, or less than one frame of it."""
    if n_samples == 0 and excerpt.first:
        raise AudioError(
            f"expected sound after {excerpt.first:g} s, got none, in {where}; "
            "choose an earlier start"
        )
    if n_samples == 0:
        raise AudioError(
            f"expected sound, got no samples behind the header, in {where}; "
            "copy or export the file again"
        )
    if n_samples < WINDOW:
        raise AudioError(
            f"expected at least {WINDOW} samples at 16 kHz "
            f"({WINDOW / SAMPLE_RATE:g} s), got {n_samples}, in {where}; use "
            "a longer recording"
        )
