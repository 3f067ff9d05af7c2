"""How programmes are made: kinds of scene, levels, pauses, rooms, channels.

The defaults follow what was measured on the training part of recorded
programmes of known make: the seconds of each joint state (a voice alone, a
voice over music, ...), beds 2 dB above to 18 dB below the voice, beds that
start 0.3 to 3 s before the voice, digital silence between scenes, levels of
-30 to -20 dB re full scale. Tone, rooms, channels and speeds go beyond that,
so that a model does not lean on what its clips happen to sound like.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from explainable_seg.composer.clips import AUDIBLE_DB
from explainable_seg.errors import CorpusError
from explainable_seg.frames import SAMPLE_RATE

TONE_POINTS = 513  # 15.6 Hz apart: finer than any slope of a Tone
PEAK = 0.97  # amplitude that nothing we make exceeds
TAIL_SECONDS = 0.4  # of reverberation that is rendered


@dataclass(frozen=True)
class Tone:
    """A smooth spectral shape, as of a microphone, a line or a taste.

    Arguments
    ---------
    tilt_db : float
        dB an octave, 0 at 1 kHz, levelling off below 100 Hz.
    low_hz : float
        Low cut (-3 dB); 0 for none.
    high_hz : float
        High cut (-3 dB); 8000 or more for none.
    peak_db : float
        Gain at ``peak_hz``, one octave wide.
    peak_hz : float
        Centre of the peak or dip.
    low_order, high_order : int
        Of the cuts, which fall as those of Butterworth filters: 6 dB an
        octave and order.
    """

    tilt_db: float = 0.0
    low_hz: float = 0.0
    high_hz: float = 8000.0
    peak_db: float = 0.0
    peak_hz: float = 1000.0
    low_order: int = 2
    high_order: int = 4

    def gain(self, n_bins: int) -> np.ndarray:
        """Gain of each of the bins from 0 to 8 kHz.

        Arguments
        ---------
        n_bins : int
            Number of bins of a real FFT.

        Returns
        -------
        np.ndarray [shape=(n_bins,), dtype=float32]
            Factors, >= 0.

        Example
        -------
        >>> [f"{g:.2f}" for g in Tone(tilt_db=-6.0).gain(5)]
        ['9.92', '0.50', '0.25', '0.17', '0.13']
        """
        hertz = np.linspace(0, SAMPLE_RATE / 2, TONE_POINTS)
        octave = np.log2(np.maximum(hertz, 100.0) / 1000.0)
        gain_db = self.tilt_db * octave
        width = octave - math.log2(self.peak_hz / 1000.0)
        gain_db += self.peak_db * np.exp(-2.77 * width**2)
        gain = 10 ** (gain_db / 20)
        if self.low_hz > 0:
            ratio = np.minimum(self.low_hz / np.maximum(hertz, 1.0), 1e3)
            gain /= np.sqrt(1 + ratio ** (2 * self.low_order))
        if self.high_hz < SAMPLE_RATE / 2:
            ratio = hertz / self.high_hz
            gain /= np.sqrt(1 + ratio ** (2 * self.high_order))
        bins = np.linspace(0, SAMPLE_RATE / 2, n_bins)
        return np.interp(bins, hertz, gain).astype(np.float32)


def room_response(
    rt60: float, direct_db: float, rng: np.random.Generator
) -> np.ndarray:
    """Impulse response of a room: direct sound, then decaying noise.

    The decay is that of Polack's model: Gaussian noise under an exponential
    that falls by 60 dB in ``rt60``.

    Arguments
    ---------
    rt60 : float
        Reverberation time, seconds.
    direct_db : float
        Energy of the direct sound over that of the tail, dB.
    rng : np.random.Generator
        Source of the noise.

    Returns
    -------
    np.ndarray [shape=(0.4 * 16000,), dtype=float32]
        Response of unit energy; sample 0 is the direct sound.
    """
    length = int(TAIL_SECONDS * SAMPLE_RATE)
    time = np.arange(length, dtype=np.float32) / SAMPLE_RATE
    tail = rng.standard_normal(length, dtype=np.float32)
    tail *= np.exp(np.float32(-3 * math.log(10) / rt60) * time)
    tail[:32] = 0  # 2 ms: the nearest wall is 34 cm away
    direct = 10 ** (direct_db / 20)
    response = tail / np.sqrt(np.square(tail).sum())
    response[0] = direct
    return response / np.float32(math.hypot(1.0, direct))


def transform(
    audio: np.ndarray,
    speed: Fraction = Fraction(1),
    tone: Tone | None = None,
    room: np.ndarray | None = None,
) -> np.ndarray:
    """Change speed (and pitch), tone and room in one pass over the spectrum.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Audio at 16 kHz.
    speed : Fraction
        Above 1 is faster and higher; numerator and denominator with small
        prime factors keep the transform fast.
    tone : Tone or None
        Spectral shape.
    room : np.ndarray [shape=(R,), dtype=float32] or None
        Impulse response.

    Returns
    -------
    np.ndarray [shape=(round(N / speed) + tail,), dtype=float32]
        The audio; the tail is that of the room, 0 without one.
    """
    p, q = speed.numerator, speed.denominator
    tail = 0 if room is None else len(room)
    length = round(len(audio) / speed) + tail
    # 16 ms of zeros keep a filter from wrapping around.
    unit = next_fast_len(math.ceil((length + 256) / q), real=True)
    spectrum = rfft(audio, p * unit)
    n_bins = q * unit // 2 + 1
    if len(spectrum) >= n_bins:
        spectrum = spectrum[:n_bins]
    else:
        missing = n_bins - len(spectrum)
        spectrum = np.pad(spectrum, (0, missing))
    if tone is not None:
        spectrum = spectrum * tone.gain(n_bins)
    if room is not None:
        spectrum = spectrum * rfft(room, q * unit)
    output = irfft(spectrum, q * unit, overwrite_x=True)[:length]
    return output if p == q else output * np.float32(q / p)


def fade_curve(first: int, last: int, length: int) -> np.ndarray:
    """Part of a raised cosine that rises from 0 to 1.

    Arguments
    ---------
    first, last : int
        Samples of the rise to return, ``last`` not included.
    length : int
        Samples of the whole rise.

    Returns
    -------
    np.ndarray [shape=(last - first,), dtype=float32]
        Factors.

    Example
    -------
    >>> [f"{g:.2f}" for g in fade_curve(0, 3, 4)]
    ['0.00', '0.15', '0.50']
    """
    phase = np.arange(first, last, dtype=np.float32) / np.float32(length)
    return (0.5 - 0.5 * np.cos(np.pi * phase)).astype(np.float32)


def inaudible_part(fade_seconds: float) -> float:
    """Seconds of a fade in which the sound is 45 dB or more below its level.

    A raised cosine is at sin(pi x / 2)^2 of its level after the part x.

    Example
    -------
    >>> round(inaudible_part(1.0), 3)
    0.048
    """
    share = math.asin(10 ** (-AUDIBLE_DB / 40)) * 2 / math.pi
    return share * fade_seconds


def soft_clip(audio: np.ndarray, knee: float = 0.6) -> np.ndarray:
    """Round off what exceeds the knee, as an overdriven stage does.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Audio of any level.
    knee : float
        Amplitude up to which nothing changes, 0 to 1.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]
        Audio in (-1, 1).

    Example
    -------
    >>> soft_clip(np.array([0.5, -3.0])).round(3).tolist()
    [0.5, -1.0]
    """
    excess = np.maximum(np.abs(audio) - knee, 0)
    if not excess.any():
        return audio
    rounded = knee + (1 - knee) * np.tanh(excess / (1 - knee))
    return np.where(excess > 0, np.sign(audio) * rounded, audio).astype(
        audio.dtype
    )


def noise_floor(
    n_samples: int, level_db: float, rng: np.random.Generator
) -> np.ndarray:
    """Hiss of a recording: white noise.

    Arguments
    ---------
    n_samples : int
        Samples.
    level_db : float
        RMS level, dB re full scale.
    rng : np.random.Generator
        Source of the noise.

    Returns
    -------
    np.ndarray [shape=(n_samples,), dtype=float32]
        The hiss.
    """
    # Uniform samples sound like Gaussian ones and take a third of the time.
    hiss = rng.random(n_samples, dtype=np.float32) - np.float32(0.5)
    hiss *= np.float32(12**0.5 * 10 ** (level_db / 20))
    return hiss


Range = tuple[float, float]  # drawn uniformly


@dataclass(frozen=True)
class SceneKind:
    """A kind of scene: how many voices over which beds, and for how long.

    Arguments
    ---------
    name : str
        What to call it.
    weight : float
        Odds among the scenes (not among the seconds).
    seconds : tuple[float, float]
        Range of the duration.
    voices : int
        Voices, those after the first speak over it.
    beds : tuple[str, ...]
        ``music``, ``noise``, both or none.
    """

    name: str
    weight: float
    seconds: Range
    voices: int = 0
    beds: tuple[str, ...] = ()


SCENES: tuple[SceneKind, ...] = (
    SceneKind("speech", 15, (4.0, 20.0), 1),
    SceneKind("music", 7.5, (6.0, 22.0), 0, ("music",)),
    SceneKind("jingle", 3, (1.5, 6.0), 0, ("music",)),
    SceneKind("noise", 10.5, (4.0, 22.0), 0, ("noise",)),
    SceneKind("speech over music", 15, (6.0, 24.0), 1, ("music",)),
    SceneKind("speech over noise", 17, (6.0, 24.0), 1, ("noise",)),
    SceneKind("music and noise", 1.5, (6.0, 18.0), 0, ("music", "noise")),
    SceneKind("two voices", 8, (4.0, 14.0), 2),
    SceneKind("two voices over music", 2, (6.0, 18.0), 2, ("music",)),
    SceneKind("two voices over noise", 1, (6.0, 18.0), 2, ("noise",)),
    SceneKind("speech over both", 1, (6.0, 18.0), 1, ("music", "noise")),
    SceneKind("silence", 6, (0.5, 4.0)),
)


@dataclass(frozen=True)
class ToneRange:
    """Ranges from which a :class:`Tone` is drawn.

    Arguments
    ---------
    tilt_db : tuple[float, float]
        dB an octave.
    low_hz, high_hz : tuple[float, float]
        Cuts, drawn on a logarithmic scale.
    peak_db, peak_hz : tuple[float, float]
        A peak or dip.
    cut_probability : float
        How often each cut is there.
    """

    tilt_db: Range = (-2.0, 2.0)
    low_hz: Range = (50.0, 300.0)
    high_hz: Range = (3200.0, 7800.0)
    peak_db: Range = (-8.0, 8.0)
    peak_hz: Range = (150.0, 6000.0)
    cut_probability: float = 0.2

    def draw(self, rng: np.random.Generator) -> Tone:
        """A tone from these ranges."""
        low = _log_uniform(self.low_hz, rng)
        high = _log_uniform(self.high_hz, rng)
        cut_low, cut_high = rng.random(2) < self.cut_probability
        return Tone(
            tilt_db=rng.uniform(*self.tilt_db),
            low_hz=low if cut_low else 0.0,
            high_hz=high if cut_high else 8000.0,
            peak_db=rng.uniform(*self.peak_db),
            peak_hz=_log_uniform(self.peak_hz, rng),
        )


@dataclass(frozen=True)
class Style:
    """How a :class:`Composer` makes programmes; ranges are drawn uniformly.

    Arguments
    ---------
    scenes : tuple[SceneKind, ...]
        Kinds of scene.
    gap_probability, gap_seconds : float, tuple[float, float]
        Silence between scenes.
    voice_db : tuple[float, float]
        Level of the voices of a programme, dB re full scale, pauses left out.
    scene_db : tuple[float, float]
        Of a scene re the programme, dB.
    bed_below_db : tuple[float, float]
        How far a bed lies below the voice.
    alone_db : tuple[float, float]
        Level of music or noise alone, re the voices.
    second_bed_below_db : tuple[float, float]
        How far noise lies below music, beyond the above.
    bed_head, bed_tail : tuple[float, float]
        Seconds of a bed before and after the voice.
    bed_cut_probability : float
        How often a bed comes or goes while somebody speaks instead.
    bed_fade : tuple[float, float]
        Seconds of its fades.
    new_bed_probability : float
        How often a clip that is too short is followed by another one of its
        label rather than by itself.
    pause : tuple[float, float]
        Seconds between utterances.
    shortest_utterance : float
        Seconds; no utterance begins with less than that to the scene's end.
    second_voice_after, second_voice_db : tuple[float, float]
        When a second voice sets in (s) and its level re the first (dB).
    speed_probability : float
        How often a source is played faster or slower.
    voice_speeds, bed_speeds : tuple[Fraction, ...]
        By how much; prime factors up to 5 are fast.
    source_tone_probability, source_tone : float, ToneRange
        Spectral shape of single sources.
    room_probability, rt60, direct_db : float and two ranges
        Reverberation of voices: seconds, and direct sound over tail in dB.
    channel_probability, channel_tone : float, ToneRange
        Spectral shape of whole programmes.
    clip_probability, drive_db : float, tuple[float, float]
        Soft clipping: how far the peak is driven above full scale.
    floor_probability, floor_db : float, tuple[float, float]
        Broadband hiss, dB re full scale.
    """

    scenes: tuple[SceneKind, ...] = SCENES
    gap_probability: float = 0.7
    gap_seconds: Range = (0.05, 1.0)
    voice_db: Range = (-31.0, -17.0)
    scene_db: Range = (-3.0, 3.0)
    bed_below_db: Range = (-2.0, 18.0)
    alone_db: Range = (-9.0, 4.0)
    second_bed_below_db: Range = (-6.0, 10.0)
    bed_head: Range = (0.2, 2.8)
    bed_tail: Range = (0.2, 2.2)
    bed_cut_probability: float = 0.15
    bed_fade: Range = (0.05, 0.5)
    new_bed_probability: float = 0.15
    pause: Range = (0.1, 1.1)
    shortest_utterance: float = 0.5
    second_voice_after: Range = (0.2, 3.0)
    second_voice_db: Range = (-7.0, 5.0)
    speed_probability: float = 0.4
    voice_speeds: tuple[Fraction, ...] = (
        Fraction(9, 10),
        Fraction(15, 16),
        Fraction(25, 24),
        Fraction(10, 9),
    )
    bed_speeds: tuple[Fraction, ...] = (
        Fraction(9, 10),
        Fraction(15, 16),
        Fraction(16, 15),
        Fraction(10, 9),
        Fraction(5, 4),
    )
    source_tone_probability: float = 0.3
    source_tone: ToneRange = ToneRange()
    room_probability: float = 0.15
    rt60: Range = (0.15, 0.8)
    direct_db: Range = (-3.0, 12.0)
    channel_probability: float = 0.3
    channel_tone: ToneRange = ToneRange(cut_probability=0.3)
    clip_probability: float = 0.05
    drive_db: Range = (0.0, 8.0)
    floor_probability: float = 0.35
    floor_db: Range = (-80.0, -55.0)

    def with_overlap(self, factor: float) -> "Style":
        """The same with more scenes, or fewer, in which two voices speak.

        Arguments
        ---------
        factor : float
            Of the odds of these scenes.

        Returns
        -------
        Style

        Example
        -------
        >>> [s.weight for s in Style().with_overlap(2.0).scenes if s.voices > 1]
        [16.0, 4.0, 2.0]
        """
        scenes = tuple(
            replace(kind, weight=kind.weight * factor)
            if kind.voices > 1
            else kind
            for kind in self.scenes
        )
        return replace(self, scenes=scenes)

    def playable(
        self, labels: Collection[str]
    ) -> tuple[list[SceneKind], np.ndarray]:
        """Kinds of scene that these labels suffice for, and their shares.

        Arguments
        ---------
        labels : Collection[str]
            Labels of which there are clips.

        Returns
        -------
        tuple[list[SceneKind], np.ndarray]
            Kinds with a weight above 0, and shares that sum to 1.

        Raises
        ------
        CorpusError
            If no kind of scene is left.
        """
        kinds = [
            kind
            for kind in self.scenes
            if kind.weight > 0
            and set(kind.beds) <= set(labels)
            and (kind.voices == 0 or "speech" in labels)
        ]
        if not kinds:
            raise CorpusError(
                "expected clips for at least one kind of scene, got clips of "
                f"{' '.join(sorted(labels)) or 'nothing'}, in the pool of "
                "clips; add clips or kinds of scene"
            )
        weights = np.array([kind.weight for kind in kinds], dtype=float)
        return kinds, weights / weights.sum()


def _log_uniform(bounds: Range, rng: np.random.Generator) -> float:
    """A draw that is uniform on a logarithmic scale."""
    return float(np.exp(rng.uniform(*np.log(bounds))))
