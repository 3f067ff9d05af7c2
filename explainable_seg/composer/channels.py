"""What sound goes through on its way: codecs, radio, old records.

Nothing here delays what is heard by more than 2 ms, so that targets stay
true: the library that codes takes the delay of a codec out again.
"""

import io
from dataclasses import dataclass
from typing import Optional

import numpy as np
import soundfile
from scipy.signal import resample_poly

from explainable_seg.audio import frame_powers, gated_level
from explainable_seg.composer.acoustics import PEAK, Tone, transform
from explainable_seg.composer.textures import coloured, tone, wandering
from explainable_seg.frames import SAMPLE_RATE

QUIETEST_DB = -50.0  # level re which noise is laid under near silence


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
    level = max(gated_level(frame_powers(audio)), QUIETEST_DB)
    return np.float32(10 ** ((level - below_db) / 20))


def _resampled(audio: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Audio at another rate."""
    if rate == wanted:
        return audio
    return resample_poly(audio, wanted, rate).astype(np.float32)
