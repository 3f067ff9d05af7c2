"""A decoded sound: 16 bit samples, frame powers, where it is audible."""

from dataclasses import dataclass

import numpy as np

from explainable_seg.audio.level import POWER_RATE, frame_powers, gated_level
from explainable_seg.audio.stream import Excerpt, load_audio
from explainable_seg.frames import Span

AUDIBLE_DB = 45.0  # below the level of a sound, this much is silence


@dataclass(frozen=True)
class Sound:
    """A decoded sound and what is measured on it once.

    Arguments
    ---------
    samples : np.ndarray [shape=(N,), dtype=int16]
        Mono at 16 kHz.
    powers : np.ndarray [shape=(N // 160,), dtype=float32]
        Mean square of each 10 ms frame.
    level : float
        dB re full scale, pauses left out.
    extent : tuple[float, float]
        The sound without silence before and after, seconds.
    """

    samples: np.ndarray
    powers: np.ndarray
    level: float
    extent: Span


def decode(path: str, start: float, duration: float) -> Sound:
    """Read a stretch of an audio file as 16 bit mono at 16 kHz.

    Arguments
    ---------
    path : str
        Audio file of any format.
    start : float
        Seconds from the start of the file.
    duration : float
        Seconds; what the file lacks is left out.

    Returns
    -------
    Sound
        Samples, powers and extent.

    Raises
    ------
    AudioError
        If the file is missing or cannot be read.
    """
    audio = load_audio(path, Excerpt(start=start, end=start + duration))
    samples = np.rint(np.clip(audio, -1, 1) * 32767).astype(np.int16)
    powers = frame_powers(audio)
    return Sound(samples, powers, gated_level(powers), audible_extent(powers))


def audible_extent(powers: np.ndarray) -> Span:
    """From the first to the last frame within 45 dB of the level, in seconds.

    Arguments
    ---------
    powers : np.ndarray [shape=(T,)]
        Mean square of each 10 ms frame.

    Returns
    -------
    tuple[float, float]
        Start and end; both 0 for silence.

    Example
    -------
    >>> audible_extent(np.array([0.0, 0.1, 0.1, 1e-7]))
    (0.01, 0.03)
    """
    floor = 10 ** ((gated_level(powers) - AUDIBLE_DB) / 10)
    loud = np.flatnonzero((powers > floor) & (powers > 0))
    if len(loud) == 0:
        return 0.0, 0.0
    return float(loud[0] / POWER_RATE), float((loud[-1] + 1) / POWER_RATE)
