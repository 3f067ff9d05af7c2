"""Level of sound, and recordings brought to one level as they come.

The spectrogram is ``log(1 + power)``: what a model sees of a recording depends
on how loud it was recorded. So models hear recordings at the level they were
trained for.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Optional

import numpy as np

from explainable_seg.frames import SAMPLE_RATE

POWER_RATE = 100  # frames of power a second
SILENCE_DB = -120.0
PIECE = 60 * SAMPLE_RATE  # samples that get one gain
N_PIECES = 10  # whose level counts
FADE = SAMPLE_RATE  # samples in which one gain becomes another
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
    """Level of a sound, its pauses left out.

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
    gain_db = min(level - gated_level(powers), MAX_GAIN_DB)
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
    powers: deque[np.ndarray] = deque(maxlen=N_PIECES)
    held: list[np.ndarray] = []
    gain: Optional[np.float32] = None
    for piece in _pieces(blocks):
        powers.append(frame_powers(piece))
        held.append(piece)
        if len(powers) == N_PIECES:
            before, gain = gain, gain_to(level, np.concatenate(powers))
            yield from _amplified(held, gain, before)
            held = []
    if held:
        before, gain = gain, gain_to(level, np.concatenate(powers))
        yield from _amplified(held, gain, before)


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
    heard = np.empty_like(audio)
    position = 0
    for block in levelled([audio], level):
        heard[position : position + len(block)] = block
        position += len(block)
    return heard


def _amplified(
    pieces: Iterable[np.ndarray], gain: np.float32, before: Optional[np.float32]
) -> Iterator[np.ndarray]:
    """Pieces times a gain, which the first one begins below or above."""
    for piece in pieces:
        gains: np.ndarray | np.float32 = gain
        if before is not None and before != gain:
            gains = np.full(len(piece), gain)
            fade = np.geomspace(before, gain, FADE, dtype=np.float32)
            gains[:FADE] = fade[: len(piece)]
        yield piece * gains
        before = None


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
