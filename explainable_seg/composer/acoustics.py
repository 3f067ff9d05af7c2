"""How sound changes on its way: tone, rooms, fades, clipping, hiss."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from explainable_seg.composer.pool import AUDIBLE_DB
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
