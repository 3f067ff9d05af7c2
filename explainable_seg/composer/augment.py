"""What may happen to a chunk each time it is drawn: level, tone, lines.

Codecs, radio and old records delay what is heard by no more than 2 ms, so that
targets stay true: the library that codes takes the delay of a codec out again.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional

import numpy as np
import soundfile
from scipy.signal import resample_poly

from explainable_seg.audio import frame_powers, gated_level
from explainable_seg.composer.acoustics import PEAK, Tone, transform
from explainable_seg.composer.style import Range, ToneRange
from explainable_seg.composer.textures import coloured, tone, wandering
from explainable_seg.errors import SettingsError
from explainable_seg.frames import SAMPLE_RATE

QUIETEST_NOISE_DB = -50.0  # level re which noise is laid under near silence


@dataclass(frozen=True)
class Codec:
    """A way to code sound with few bits.

    Arguments
    ---------
    container, subtype : str
        What libsndfile calls it.
    rates : tuple[int, ...]
        Sample rates that it is used at, Hz.
    squeeze : tuple[float, float] or None
        Range of how far it is compressed, 0 to 1, where it can be told.
    """

    container: str
    subtype: str
    rates: tuple[int, ...]
    squeeze: Optional[tuple[float, float]] = None


CODECS: dict[str, Codec] = {
    "mp3": Codec("MP3", "MPEG_LAYER_III", (8000, 16000, 16000), (0.2, 0.99)),
    "opus": Codec("OGG", "OPUS", (8000, 16000), (0.7, 0.98)),
    "gsm": Codec("WAV", "GSM610", (8000,)),
    "mu-law": Codec("WAV", "ULAW", (8000,)),
    "8 bit": Codec("WAV", "PCM_U8", (8000, 16000)),
}
"""Codecs by name."""


def coded(
    audio: np.ndarray, codec: Codec, rng: np.random.Generator
) -> np.ndarray:
    """Audio that was coded and decoded.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Mono at 16 kHz in [-1, 1].
    codec : Codec
        How.
    rng : np.random.Generator
        Draws rate and compression.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]
    """
    rate = codec.rates[int(rng.integers(len(codec.rates)))]
    squeeze = None if codec.squeeze is None else rng.uniform(*codec.squeeze)
    memory = io.BytesIO()
    soundfile.write(
        memory,
        _resampled(audio, SAMPLE_RATE, rate),
        rate,
        format=codec.container,
        subtype=codec.subtype,
        compression_level=squeeze,
    )
    memory.seek(0)
    decoded, rate = soundfile.read(memory, dtype="float32")
    decoded = _resampled(decoded, rate, SAMPLE_RATE)[: len(audio)]
    return np.pad(decoded, (0, len(audio) - len(decoded)))


def am_radio(
    audio: np.ndarray, below_db: float, rng: np.random.Generator
) -> np.ndarray:
    """Audio as of medium waves: a narrow band that fades, over its noise.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Mono at 16 kHz.
    below_db : float
        How far the noise lies below the audio.
    rng : np.random.Generator
        Source of randomness.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]
    """
    band = Tone(low_hz=100.0, high_hz=rng.uniform(3000, 4500), high_order=10)
    fading = 10 ** (-np.abs(wandering(len(audio), rng, 0.7)) / 20 * 2)
    noise = coloured(len(audio), rng, rng.uniform(-2.0, 0.0))
    if rng.random() < 0.3:  # another station's carrier
        whistle = tone(rng.uniform(400, 4000), len(audio), rng)
        noise += np.float32(rng.uniform(0.1, 0.7)) * whistle
    return transform(
        audio * fading + _level(audio, below_db) * noise, tone=band
    )


def old_record(
    audio: np.ndarray, below_db: float, rng: np.random.Generator
) -> np.ndarray:
    """Audio as of shellac: a narrow band, wow, crackle and hiss.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Mono at 16 kHz.
    below_db : float
        How far hiss and crackle lie below the audio.
    rng : np.random.Generator
        Source of randomness.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]
    """
    n_samples = len(audio)
    turns = rng.uniform(0.5, 1.4)  # a second
    # Speed changes by half a percent at most: times by less than 2 ms.
    shift = rng.uniform(0.001, 0.005) / (2 * np.pi * turns) * SAMPLE_RATE
    places = np.arange(n_samples) + shift * tone(turns, n_samples, rng)
    bent = np.interp(places, np.arange(n_samples), audio)
    surface = coloured(n_samples, rng, rng.uniform(-3.0, 0.0))
    clicks = rng.integers(0, n_samples, rng.poisson(n_samples / 1000))
    np.add.at(surface, clicks, rng.standard_t(2, len(clicks)) * 5)
    band = Tone(
        low_hz=rng.uniform(120, 250),
        high_hz=rng.uniform(3500, 5500),
        peak_db=rng.uniform(0, 8),
        peak_hz=rng.uniform(700, 2500),
    )
    worn = bent.astype(np.float32) + _level(audio, below_db) * surface
    return np.clip(transform(worn, tone=band), -PEAK, PEAK)


def _level(audio: np.ndarray, below_db: float) -> np.float32:
    """Amplitude of a noise that lies so far below the audio."""
    level = max(gated_level(frame_powers(audio)), QUIETEST_NOISE_DB)
    return np.float32(10 ** ((level - below_db) / 20))


def _resampled(audio: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Audio at another rate."""
    if rate == wanted:
        return audio
    return resample_poly(audio, wanted, rate).astype(np.float32)


@dataclass(frozen=True)
class Augment:
    """Random level and tone; targets stay true.

    Arguments
    ---------
    gain_db : tuple[float, float]
        Usual range of the gain.
    rare_gain_db : tuple[float, float]
        Range of the gain of what is far too quiet or too loud.
    rare_probability : float
        How often these are; always, the usual levels would suffer.
    tone_probability : float
        How often the tone changes.
    tone : ToneRange
        Ranges of the tone.
    telephone_probability : float
        How often a chunk comes over a telephone, whatever its tone.
    telephone_low_hz, telephone_high_hz : tuple[float, float]
        Where its band begins and ends.
    click_probability : float
        How often a chunk has clicks, which are no event of any class.
    n_clicks : tuple[int, int]
        Least and most clicks.
    click_seconds : tuple[float, float]
        Shortest and longest click.
    codec_probability : dict[str, float]
        How often a chunk goes through each codec of :data:`CODECS`.
    radio_probability, radio_below_db : float, tuple[float, float]
        How often a chunk comes over medium waves, and how far their noise
        lies below it (dB).
    record_probability, record_below_db : float, tuple[float, float]
        How often a chunk comes from an old record, and how far hiss and
        crackle lie below it (dB).

    Example
    -------
    >>> audio = np.full(16000, 0.1, dtype=np.float32)
    >>> louder = Augment(
    ...     (6.0, 6.0),
    ...     rare_probability=0,
    ...     tone_probability=0,
    ...     telephone_probability=0,
    ...     click_probability=0,
    ... )
    >>> f"{louder(audio, np.random.default_rng(0)).max():.3f}"
    '0.200'
    """

    gain_db: Range = (-8.0, 8.0)
    rare_gain_db: Range = (-25.0, 12.0)
    rare_probability: float = 0.1
    tone_probability: float = 0.3
    tone: ToneRange = ToneRange()
    telephone_probability: float = 0.08
    telephone_low_hz: Range = (200.0, 400.0)
    telephone_high_hz: Range = (3000.0, 3600.0)
    click_probability: float = 0.05
    n_clicks: tuple[int, int] = (1, 20)
    click_seconds: Range = (0.001, 0.06)
    codec_probability: Mapping[str, float] = field(default_factory=dict)
    radio_probability: float = 0.0
    radio_below_db: Range = (15.0, 40.0)
    record_probability: float = 0.0
    record_below_db: Range = (15.0, 40.0)

    def __post_init__(self) -> None:
        """Refuse codecs that are not known."""
        unknown = sorted(self.codec_probability.keys() - CODECS.keys())
        if unknown:
            raise SettingsError(
                f"expected codecs among {' '.join(CODECS)}, got "
                f"{' '.join(unknown)}, in codec_probability; correct it"
            )

    def __call__(
        self, audio: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Change a chunk.

        Arguments
        ---------
        audio : np.ndarray [shape=(N,), dtype=float32]
            Mono at 16 kHz.
        rng : np.random.Generator
            Source of randomness.

        Returns
        -------
        np.ndarray [shape=(N,), dtype=float32]
            A changed copy, at most 0.97 in amplitude.
        """
        rare = rng.random() < self.rare_probability
        gain_db = rng.uniform(*(self.rare_gain_db if rare else self.gain_db))
        audio = audio * np.float32(10 ** (gain_db / 20))
        if rng.random() < self.tone_probability:
            audio = transform(audio, tone=self.tone.draw(rng))
        if rng.random() < self.telephone_probability:
            audio = transform(audio, tone=self._telephone(rng))
        audio = within_peak(self._sent(within_peak(audio), rng))
        if rng.random() < self.click_probability:
            audio = self._clicked(audio, rng)
        return audio

    def _sent(self, audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A chunk from an old record, over the radio, through codecs."""
        # What never happens draws nothing: the rest stays as it is without.
        if 0 < self.record_probability > rng.random():
            below_db = rng.uniform(*self.record_below_db)
            audio = old_record(audio, below_db, rng)
        if 0 < self.radio_probability > rng.random():
            audio = am_radio(audio, rng.uniform(*self.radio_below_db), rng)
        for name, probability in self.codec_probability.items():
            if 0 < probability > rng.random():
                audio = coded(within_peak(audio), CODECS[name], rng)
        return audio

    def _clicked(
        self, audio: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Bursts of noise up to full scale at random places."""
        clicked = audio.copy()
        for _ in range(rng.integers(*self.n_clicks, endpoint=True)):
            n_samples = round(rng.uniform(*self.click_seconds) * SAMPLE_RATE)
            start = rng.integers(max(1, len(audio) - n_samples))
            place = clicked[start : start + n_samples]
            loudest = rng.uniform(0.1, 2.0)
            place += rng.uniform(-loudest, loudest, len(place))
        return np.clip(clicked, -PEAK, PEAK)

    def _telephone(self, rng: np.random.Generator) -> Tone:
        """The band of a telephone: steep, for nothing is sent beyond it."""
        return Tone(
            low_hz=rng.uniform(*self.telephone_low_hz),
            high_hz=rng.uniform(*self.telephone_high_hz),
            low_order=4,
            high_order=20,
        )


def within_peak(audio: np.ndarray) -> np.ndarray:
    """Audio turned down as a whole where it would exceed 0.97.

    Example
    -------
    >>> within_peak(np.array([0.5, -1.94])).tolist()
    [0.25, -0.97]
    """
    peak = float(np.abs(audio).max(initial=0.0))
    return audio * np.float32(PEAK / peak) if peak > PEAK else audio
