"""Programmes made of clips, with exact labels and stems.

One composer serves corpora on disk and chunks made while training.
"""

from dataclasses import dataclass

import numpy as np

from explainable_seg.data.acoustics import (
    PEAK,
    noise_floor,
    soft_clip,
    transform,
)
from explainable_seg.data.clips import CLIP_LABELS, ClipPool
from explainable_seg.data.planner import plan_programme
from explainable_seg.data.rendering import add_track
from explainable_seg.data.scenes import programme_spans
from explainable_seg.data.style import Style
from explainable_seg.frames import SAMPLE_RATE, Span


@dataclass(frozen=True)
class Programme:
    """A composed programme and its truth.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Mono at 16 kHz, at most 0.97 in amplitude.
    spans : dict[str, list[tuple[float, float]]]
        For each of the four classes, sorted disjoint spans in seconds.
    stems : dict[str, np.ndarray] or None
        Speech, music and noise as they are heard in the mix; without soft
        clipping and hiss they sum to the audio.
    """

    audio: np.ndarray
    spans: dict[str, list[Span]]
    stems: dict[str, np.ndarray] | None = None


class Composer:
    """Lays clips into programmes.

    Arguments
    ---------
    pool : ClipPool
        What can sound; preload it when programmes are made while training.
    style : Style
        How programmes are made.
    """

    def __init__(self, pool: ClipPool, style: Style = Style()):
        self.pool = pool
        self.style = style

    def compose(
        self, duration: float, rng: np.random.Generator, stems: bool = False
    ) -> Programme:
        """Compose a programme; the same seed gives the same bytes.

        It starts in the midst of a scene: a short one is like a random cut
        out of a long one.

        Arguments
        ---------
        duration : float
            Seconds.
        rng : np.random.Generator
            Source of all randomness.
        stems : bool
            Whether to return the stems, too.

        Returns
        -------
        Programme
            Audio and truth.
        """
        n_samples = round(duration * SAMPLE_RATE)
        tracks = plan_programme(duration, self.pool, self.style, rng)
        buses: dict[str, np.ndarray] = {}
        for track in tracks:
            bus = track.label if stems else "mix"
            if bus not in buses:
                buses[bus] = np.zeros(n_samples, dtype=np.float32)
            add_track(buses[bus], track, self.pool, rng)
        self._through_channel(buses, rng)
        silent = np.zeros(n_samples, dtype=np.float32)
        audio = sum(buses.values(), start=silent)
        audio, gain = self._finish(audio, rng)
        heard = None
        if stems:
            heard = {k: buses.get(k, silent) * gain for k in CLIP_LABELS}
        return Programme(audio, programme_spans(tracks, duration), heard)

    def _through_channel(
        self, buses: dict[str, np.ndarray], rng: np.random.Generator
    ) -> None:
        """Give the whole programme one spectral shape, at times."""
        if rng.random() >= self.style.channel_probability:
            return
        tone = self.style.channel_tone.draw(rng)
        for name, bus in buses.items():
            buses[name] = transform(bus, tone=tone)

    def _finish(
        self, audio: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.float32]:
        """Hiss, clipping, and a peak within bounds; also the gain applied."""
        style = self.style
        peak = float(np.abs(audio).max(initial=0.0))
        gain = min(1.0, PEAK / max(peak, 1e-9))
        clips = rng.random() < style.clip_probability and peak > 0
        if clips:
            gain = 10 ** (rng.uniform(*style.drive_db) / 20) / peak
        audio = audio * np.float32(gain)
        if rng.random() < style.floor_probability:
            level = rng.uniform(*style.floor_db)
            audio = audio + noise_floor(len(audio), level, rng)
        if clips:
            audio = soft_clip(audio)
        return np.clip(audio, -PEAK, PEAK), np.float32(gain)
