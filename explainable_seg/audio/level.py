"""Level of sound, and recordings brought to one level as they come.

The spectrogram is ``log(1 + power)``: what a model sees of a recording depends
on how loud it was recorded. So models hear recordings at the level they were
trained for.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Optional, Union

import numpy as np

from explainable_seg.frames import SAMPLE_RATE

POWER_RATE = 100
"""Frames of power a second."""
SILENCE_DB = -120.0
PIECE = 60 * SAMPLE_RATE
"""Samples at 16 kHz that get one gain: a minute."""
N_PIECES = 10  # whose level counts
GAIN_FADE = SAMPLE_RATE  # samples in which one gain becomes another
LASTING = 1 / 3  # of a second: what is shorter is a click
ABOVE_LASTING = 4.0  # times what lasts, a frame counts for at most: 6 dB
MAX_GAIN_DB = 25.0  # a recording of nothing but hiss stays quiet


def frame_powers(audio: np.ndarray) -> np.ndarray:
    """Mean square of each 10 ms, re full scale.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Mono at 16 kHz.

    Returns
    -------
    np.ndarray [shape=(N // 160,), dtype=float32]
    """
    frame = SAMPLE_RATE // POWER_RATE
    blocks = audio[: len(audio) // frame * frame].reshape(-1, frame)
    return np.einsum("tn,tn->t", blocks, blocks) / np.float32(frame)


def gated_level(powers: np.ndarray) -> float:
    """Level of a clip, its pauses left out.

    The mean power of the frames that are less than 10 dB below the mean of
    all: the relative gate of ITU-R BS.1770, without frequency weighting.

    Arguments
    ---------
    powers : np.ndarray [shape=(T,)]
        Mean square of each frame.

    Returns
    -------
    float
        dB re full scale; -120 for digital silence.

    Example
    -------
    >>> round(gated_level(np.array([0.0, 0.01, 0.01])), 1)
    -20.0
    """
    if len(powers) == 0:
        return SILENCE_DB
    loud = powers[powers >= 0.1 * powers.mean()]
    return max(SILENCE_DB, 10 * math.log10(max(loud.mean(), 1e-12)))


def recording_level(powers: np.ndarray) -> float:
    """Level of a recording, which no click, bang or beep can set.

    The :func:`gated_level` of what lasts. No frame counts for more than 6 dB
    above what a third of its second reaches: clicks are shorter. Then the
    loudest second of ten, and the loudest of 200 frames, count no more than the
    loudest of the others.

    Arguments
    ---------
    powers : np.ndarray [shape=(T,)]
        Mean square of each 10 ms.

    Returns
    -------
    float
        dB re full scale; -120 for digital silence.

    Example
    -------
    >>> round(recording_level(np.array([0.01] * 95 + [1.0] * 5)), 1)
    -20.0
    """
    if len(powers) == 0:
        return SILENCE_DB
    for lasting in (_of_its_second, _of_the_others):
        counted = np.minimum(powers, lasting(powers))
        # In digital silence, what sounds is the sound, however short.
        powers = counted if counted.any() else powers
    return gated_level(powers)


def _of_its_second(powers: np.ndarray) -> np.ndarray:
    """Power [T] that each frame counts for at most, by its second."""
    n_seconds = max(1, len(powers) // POWER_RATE)
    # What is left over is spread: the first seconds have a frame more.
    length, n_longer = divmod(len(powers), n_seconds)
    border = n_longer * (length + 1)
    reached = []
    for part, n_frames in (
        (powers[:border], length + 1),
        (powers[border:], length),
    ):
        if len(part):
            seconds = part.reshape(-1, n_frames)
            lasting = np.quantile(seconds, 1 - LASTING, axis=1)
            reached.append(np.repeat(lasting, n_frames))
    return ABOVE_LASTING * np.concatenate(reached)


def _of_the_others(powers: np.ndarray) -> float:
    """Power that the loudest frames count for at most."""
    n_frames = len(powers)
    n_left_out = max(n_frames // 200, min(POWER_RATE, n_frames // 10))
    place = n_frames - 1 - n_left_out
    return float(np.partition(powers, place)[place])


def gain_to(level: float, powers: np.ndarray) -> np.float32:
    """Factor that brings a sound to a level, at most 25 dB.

    Arguments
    ---------
    level : float
        dB re full scale.
    powers : np.ndarray [shape=(T,)]
        Mean square of the sound's frames.

    Returns
    -------
    np.float32

    Example
    -------
    >>> float(gain_to(-20.0, np.array([0.0, 0.04, 0.04])))
    0.5
    """
    gain_db = min(level - recording_level(powers), MAX_GAIN_DB)
    return np.float32(10 ** (gain_db / 20))


def levelled(
    blocks: Iterable[np.ndarray], level: Optional[float]
) -> Iterator[np.ndarray]:
    """A recording at a level, in new blocks.

    The first ten minutes get one gain, from their level. Each later minute gets
    that of the ten which end with it, to which the gain moves within a second:
    a day of programmes at different levels is heard at one. No more than ten
    minutes are held. The loudest of them count most, so that nothing is heard
    far too loud.

    Arguments
    ---------
    blocks : Iterable[np.ndarray]
        Audio at 16 kHz, [N] each; how it is split does not matter.
    level : float, optional
        dB re full scale, pauses left out; None leaves the sound as it is.

    Yields
    ------
    np.ndarray [shape=(N,), dtype=float32]
        As many samples in all.

    Example
    -------
    >>> tone = np.sin(np.arange(32000, dtype=np.float32))
    >>> (loud,) = levelled([0.1 * tone], level=-20.0)
    >>> (quiet,) = levelled([0.01 * tone], level=-20.0)
    >>> bool(np.allclose(loud, quiet)), round(float(np.square(loud).mean()), 4)
    (True, 0.01)
    """
    if level is None:
        yield from blocks
        return
    held: list[np.ndarray] = []
    curve = _GainCurve(level)
    n_yielded = 0
    for piece in _pieces(blocks):
        held.append(piece)
        if not curve.add(frame_powers(piece)):
            continue
        for ready in held:
            yield apply_gains(ready, curve.gains, n_yielded)
            n_yielded += len(ready)
        held = []
    curve.end()
    for ready in held:
        yield apply_gains(ready, curve.gains, n_yielded)
        n_yielded += len(ready)


def gain_curve(blocks: Iterable[np.ndarray], level: float) -> np.ndarray:
    """Gain of each minute of a recording, as :func:`levelled` gives it.

    Arguments
    ---------
    blocks : Iterable[np.ndarray]
        Audio at 16 kHz, [N] each, of the whole recording.
    level : float
        dB re full scale, pauses left out.

    Returns
    -------
    np.ndarray [shape=(ceil(N / 960000),), dtype=float32]

    Example
    -------
    >>> gain_curve([np.full(16000, 0.5, dtype=np.float32)], -20.0)
    array([0.2], dtype=float32)
    """
    curve = _GainCurve(level)
    for piece in _pieces(blocks):
        curve.add(frame_powers(piece))
    curve.end()
    return np.array(curve.gains, dtype=np.float32)


def gains_between(
    curve: Union[Sequence[float], np.ndarray], first: int, last: int
) -> np.ndarray:
    """Gain of each sample of a stretch of a recording.

    Arguments
    ---------
    curve : Sequence[float] or np.ndarray
        As of :func:`gain_curve`.
    first, last : int
        The stretch, samples from the start of the recording.

    Returns
    -------
    np.ndarray [shape=(last - first,), dtype=float32]

    Example
    -------
    >>> gains_between([0.5, 2.0], 960000 - 1, 960000 + 1)
    array([0.5, 0.5], dtype=float32)
    >>> gains_between([0.5, 2.0], 980000, 980001)
    array([2.], dtype=float32)
    """
    gains = np.empty(last - first, dtype=np.float32)
    for number in range(first // PIECE, -(-last // PIECE)):
        start = number * PIECE
        low, high = max(first, start), min(last, start + PIECE)
        gains[low - first : high - first] = curve[number]
        before, after = float(curve[max(0, number - 1)]), float(curve[number])
        if before != after and low < start + GAIN_FADE:
            fade = np.geomspace(before, after, GAIN_FADE, dtype=np.float32)
            faded = fade[low - start : high - start]
            gains[low - first : low - first + len(faded)] = faded
    return gains


def apply_gains(
    audio: np.ndarray,
    curve: Union[Sequence[float], np.ndarray],
    first: int = 0,
) -> np.ndarray:
    """A stretch of a recording with its gain, limited to full scale.

    A click 40 dB above what is spoken ends at full scale, as in a loudspeaker,
    rather than far beyond all that a model was trained on.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        The stretch.
    curve : Sequence[float] or np.ndarray
        As of :func:`gain_curve`, of the recording.
    first : int
        Where the stretch begins, samples from the start of the recording.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]

    Example
    -------
    >>> apply_gains(np.array([0.2, -0.9], dtype=np.float32), [2.0])
    array([ 0.4, -1. ], dtype=float32)
    """
    louder = audio * gains_between(curve, first, first + len(audio))
    return np.clip(louder, -1.0, 1.0, out=louder)


class _GainCurve:
    """Gains of the minutes of a recording, each known once it can be."""

    def __init__(self, level: float):
        self.level = level
        self.gains: list[float] = []
        self._powers: deque[np.ndarray] = deque(maxlen=N_PIECES)
        self._n_open = 0  # pieces that wait for their gain

    def add(self, powers: np.ndarray) -> bool:
        """Add a minute; whether the gains of all are known now."""
        self._powers.append(powers)
        self._n_open += 1
        if len(self._powers) == N_PIECES:
            self.end()
        return self._n_open == 0

    def end(self) -> None:
        """Decide the gain of all minutes that wait for it."""
        if self._n_open:
            gain = gain_to(self.level, np.concatenate(self._powers))
            self.gains += [float(gain)] * self._n_open
            self._n_open = 0


def at_level(audio: np.ndarray, level: Optional[float]) -> np.ndarray:
    """A whole recording at a level, as :func:`levelled` brings it there.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Audio at 16 kHz.
    level : float, optional
        dB re full scale; None leaves the sound as it is.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]

    Example
    -------
    >>> at_level(np.full(16000, 0.5, dtype=np.float32), -20.0)[:2]
    array([0.1, 0.1], dtype=float32)
    """
    if level is None:
        return audio
    return apply_gains(audio, gain_curve([audio], level))


def _pieces(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Audio cut anew, a minute each; the last piece is shorter."""
    held: list[np.ndarray] = []
    n_held = 0
    for block in blocks:
        held.append(block)
        n_held += len(block)
        if n_held < PIECE:
            continue
        audio = np.concatenate(held) if len(held) > 1 else block
        n_whole = n_held // PIECE * PIECE
        yield from np.split(audio[:n_whole], n_whole // PIECE)
        held, n_held = [audio[n_whole:]], n_held - n_whole
    if n_held:
        yield np.concatenate(held)
