"""A sound of which every moment is known, and whether it was heard there.

The notes of the melody do not repeat, so that whatever is shifted, missing or
put elsewhere is found; they lie where telephones still hear them.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from explainable_seg.audio import AudioStream
from explainable_seg.errors import AudioError

RATE = 16000
NOTE = 0.16  # seconds
SHIFT = 4  # frames of 20 ms that an encoder may delay a sound
TOLERANCE = 0.2  # seconds that encoders add at the ends of a sound
ALIKE = 0.75  # correlation of spectrograms; the roughest codec has 0.85
SILENT = 0.5  # magnitude of a stretch that counts as silent
# Of the loudness that is expected; low bit rates lose some.
QUIETEST, LOUDEST = 0.5, 1.6


def melody(seconds: float, sample_rate: int = RATE) -> np.ndarray:
    """Notes and pauses [N], float64, the same at any rate."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    rng = np.random.default_rng(1)
    pitches = rng.uniform(400, 2800, 1000)
    sounds = rng.random(1000) < 0.8
    sounds[:2] = True
    place = (time / NOTE).astype(int)
    envelope = np.sin(np.pi * (time / NOTE - place)) ** 0.5
    tone = np.sin(2 * np.pi * pitches[place] * time)
    return 0.4 * sounds[place] * envelope * tone


@dataclass(frozen=True)
class Heard:
    """What became of a recording.

    Arguments
    ---------
    outcome : str
        ``right``, ``right, noted`` (and something is said of it), ``noted``
        (that it is not all there), ``refused``, or ``wrong`` without a word.
    said : str
        The notes, or the error.
    seconds : float
        Of what was heard.
    alike : float
        Lowest correlation of a stretch of 1 s with what is there, where it is
        to be compared.
    """

    outcome: str
    said: str
    seconds: float = 0.0
    alike: float = 0.0


def listen(path: Path, truth: np.ndarray | None) -> Heard:
    """Read a recording, and compare it with what is in it.

    Arguments
    ---------
    path : pathlib.Path
        The recording.
    truth : np.ndarray, optional
        What is in it, at 16 kHz; None if there is no sound.

    Returns
    -------
    Heard
    """
    stream = AudioStream(path)
    try:
        audio = stream.read()
    except AudioError as error:
        text = str(error)
        told = text.startswith("expected ") and f", in {path}; " in text
        one_line = told and len(text.splitlines()) == 1 and len(text) < 400
        return Heard("refused" if one_line else "wrong", text)
    said = "; ".join(stream.notes)
    seconds = len(audio) / RATE
    if truth is None:
        return Heard("wrong", f"sound where there is none; {said}", seconds)
    alike = likeness(audio, truth)
    there = np.sqrt(np.mean(audio**2)) / np.sqrt(np.mean(truth**2))
    right = (
        abs(len(audio) - len(truth)) < TOLERANCE * RATE
        and alike > ALIKE
        and QUIETEST < there < LOUDEST
    )
    if not right and not said:
        expected = f"{len(truth) / RATE:.2f} s expected, loudness {there:.2f}"
        return Heard("wrong", expected, seconds, alike)
    outcome = "right" if right else "noted"
    outcome += ", noted" if right and said else ""
    return Heard(outcome, said, seconds, alike)


def likeness(audio: np.ndarray, truth: np.ndarray) -> float:
    """Lowest correlation of a second of a sound with what is there.

    Each may be shifted by less than a note, as encoders do.
    """
    heard, there = spectrogram(audio), spectrogram(truth)
    size = min(len(heard), len(there))
    found = [
        max(
            _alike(np.roll(heard, shift, 0)[part], there[part])
            for shift in range(-SHIFT, SHIFT + 1)
        )
        for start in range(0, max(1, size - 24), 25)
        # The ends are the encoder's.
        for part in [slice(start, min(start + 50, size - SHIFT))]
    ]
    return min(found) if size else 0.0


def _alike(heard: np.ndarray, there: np.ndarray) -> float:
    """Correlation of two spectrograms; silence is like silence."""
    loud = np.linalg.norm(heard), np.linalg.norm(there)
    if min(loud) < SILENT:
        return float(max(loud) < SILENT)
    return float((heard * there).sum() / (loud[0] * loud[1]))


def spectrogram(audio: np.ndarray) -> np.ndarray:
    """Magnitudes [frames, bins] of 32 ms, every 20 ms."""
    if len(audio) < 512:
        return np.zeros((0, 257))
    frames = np.lib.stride_tricks.sliding_window_view(audio, 512)[::320]
    magnitudes: np.ndarray = np.abs(np.fft.rfft(frames * np.hanning(512)))
    return magnitudes
