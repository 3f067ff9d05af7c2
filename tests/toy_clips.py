"""Clips whose sound is known exactly: bursts, tones and hiss."""

from pathlib import Path

import numpy as np
import soundfile

from explainable_seg.composer.clips import Clip

RATE = 16000


def bursts(
    seconds: float, spans: tuple, hertz: float | np.ndarray
) -> np.ndarray:
    """A tone that sounds in the spans only."""
    time = np.arange(round(seconds * RATE)) / RATE
    active = np.zeros(len(time))
    for start, end in spans:
        active[round(start * RATE) : round(end * RATE)] = 1
    return 0.1 * active * np.sin(2 * np.pi * hertz * time)


def write_toy_clips(folder: Path) -> list[Clip]:
    """Four voices of two clips each, three tracks, three noises."""
    clips = []
    for voice in range(4):
        for take in range(2):
            spans = ((0.3, 1.3), (1.7, 2.5 + 0.2 * take))
            audio = bursts(3.0, spans, 300.0 + 100 * voice)
            path = folder / f"voice{voice}_{take}.wav"
            clips.append(save(path, audio, "speech", f"v{voice}", spans))
    for number in range(3):
        audio = bursts(20.0, ((0.0, 20.0),), 1000.0 + 500 * number)
        path = folder / f"track{number}.wav"
        clips.append(save(path, audio, "music", f"m{number}"))
        hiss = np.random.default_rng(number).standard_normal(3 * RATE)
        path = folder / f"noise{number}.wav"
        clips.append(save(path, 0.05 * hiss, "noise", f"n{number}"))
    return clips


def save(
    path: Path,
    audio: np.ndarray,
    label: str,
    group: str,
    spans: tuple = (),
    rate: int = RATE,
) -> Clip:
    """Write audio as a wav file and return its clip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, rate, subtype="FLOAT")
    seconds = len(audio) / rate
    return Clip(str(path), label, group, seconds, spans or ((0.0, seconds),))
