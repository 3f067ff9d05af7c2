"""Sounds that are synthesised while a programme is made.

Tones that are no music (insects, hum, alarms, wind, machines, fans), and the
floors of rooms and lines. Each takes a few milliseconds for 4 s.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.fft import irfft, next_fast_len, rfftfreq

from explainable_seg.frames import SAMPLE_RATE

SHORTEST = 1600  # samples that are made at least
CONTROL_RATE = 50  # points a second of what changes slowly

Maker = Callable[[int, np.random.Generator], np.ndarray]


def coloured(
    n_samples: int,
    rng: np.random.Generator,
    tilt_db: float = 0.0,
    low_hz: float = 30.0,
    high_hz: float = 8000.0,
) -> np.ndarray:
    """Gaussian noise of a colour inside a band, of unit power.

    Arguments
    ---------
    n_samples : int
        N.
    rng : np.random.Generator
        Source of randomness.
    tilt_db : float
        Change of power, dB an octave: -3 is pink, -6 is brown.
    low_hz, high_hz : float
        Band, with slopes of 12 dB an octave.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]
    """
    length = next_fast_len(n_samples, real=True)
    hertz = rfftfreq(length, 1 / SAMPLE_RATE).astype(np.float32)
    hertz[0] = hertz[1]
    gain = (hertz / 1000) ** np.float32(tilt_db / 6.02)
    gain /= 1 + (np.float32(low_hz) / hertz) ** 2
    gain /= 1 + (hertz / np.float32(high_hz)) ** 2
    noise = rng.standard_normal(2 * len(hertz), dtype=np.float32)
    noise *= np.repeat(gain, 2)
    return unit(irfft(noise.view(np.complex64), length)[:n_samples])


def unit(sound: np.ndarray) -> np.ndarray:
    """Sound scaled to a mean square of 1, without its mean."""
    sound = sound - sound.mean()
    power = float(np.mean(np.square(sound)))
    return (sound / np.float32(math.sqrt(max(power, 1e-12)))).astype(np.float32)


def wandering(
    n_samples: int, rng: np.random.Generator, per_second: float
) -> np.ndarray:
    """A smooth random control of about unit variance.

    Arguments
    ---------
    n_samples : int
        N.
    rng : np.random.Generator
        Source of randomness.
    per_second : float
        How many times a second it goes elsewhere.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]
    """
    n_points = math.ceil(n_samples / SAMPLE_RATE * per_second) + 2
    points = rng.standard_normal(n_points)
    first = rng.random()
    places = np.arange(0, n_samples, SAMPLE_RATE // CONTROL_RATE)
    places = np.append(places, n_samples)
    phase = places / SAMPLE_RATE * per_second + first
    index = np.minimum(phase.astype(int), n_points - 2)
    part = (1 - np.cos(np.pi * (phase - index).clip(0, 1))) / 2
    coarse = points[index] * (1 - part) + points[index + 1] * part
    return np.interp(np.arange(n_samples), places, coarse).astype(np.float32)


def tone(
    hertz: float | np.ndarray, n_samples: int, rng: np.random.Generator
) -> np.ndarray:
    """A sine of constant or changing frequency, from any phase on.

    Arguments
    ---------
    hertz : float or np.ndarray [shape=(N,)]
        Frequency.
    n_samples : int
        N.
    rng : np.random.Generator
        Source of the phase.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]
    """
    turns = np.cumsum(np.broadcast_to(hertz / SAMPLE_RATE, n_samples))
    turns += rng.random()
    # Kept small, for single precision makes the sine quick.
    phase = (turns - np.floor(turns)).astype(np.float32)
    return np.sin(np.float32(2 * np.pi) * phase)


def _room(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """A quiet room: dark noise, now and then a little louder."""
    air = coloured(n_samples, rng, rng.uniform(-7.0, -2.0))
    return air * (1 + 0.1 * wandering(n_samples, rng, rng.uniform(0.5, 3.0)))


def _hiss(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """A line or a tape: bright noise."""
    return coloured(n_samples, rng, rng.uniform(-1.0, 2.0), 200.0)


def _hum(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Mains hum with harmonics, odd or all, over a dark floor."""
    mains = rng.choice([50.0, 60.0]) * rng.uniform(0.998, 1.002)
    step = int(rng.integers(1, 3))
    numbers = np.arange(1, int(rng.integers(6, 24)), step)
    fall = rng.uniform(0.3, 1.5)
    # Over whole samples only the sum matters: one period, read again.
    period = np.arange(4096) / 4096
    wave = sum(
        rng.uniform(0.2, 1.0) / n**fall * np.sin(2 * np.pi * (n * period + p))
        for n, p in zip(numbers, rng.random(len(numbers)))
    )
    place = np.arange(n_samples) * (mains / SAMPLE_RATE * 4096)
    hum = np.asarray(wave)[place.astype(int) % 4096]
    floor = coloured(n_samples, rng, rng.uniform(-6.0, -3.0))
    return unit(hum) + np.float32(rng.uniform(0.1, 0.8)) * floor


def _insects(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Crickets and cicadas: narrow bands that are beaten fast."""
    sound = np.zeros(n_samples, dtype=np.float32)
    for _ in range(rng.integers(1, 4)):
        centre = rng.uniform(2000, 7000)
        jitter = rng.uniform(5, 150) * wandering(n_samples, rng, 40.0)
        beat = tone(rng.uniform(8, 90), n_samples, rng)
        pulse = np.maximum(beat + np.float32(rng.uniform(-0.3, 0.6)), 0)
        if rng.random() < 0.5:
            phrase = tone(rng.uniform(0.5, 4.0), n_samples, rng)
            pulse = pulse * np.clip(4 * phrase + 1, 0, 1)
        gain = np.float32(rng.uniform(0.2, 1.0))
        sound += gain * pulse * tone(centre + jitter, n_samples, rng)
    night = coloured(n_samples, rng, rng.uniform(-5.0, -1.0))
    return unit(sound) + np.float32(rng.uniform(0.05, 0.5)) * night


def _alarm(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Beeps at a pace, or a siren that goes up and down."""
    centre = np.exp(rng.uniform(*np.log([400.0, 4000.0])))
    if rng.random() < 0.5:
        swing = tone(rng.uniform(0.4, 6.0), n_samples, rng)
        if rng.random() < 0.5:  # two tones, as of an ambulance
            swing = np.sign(swing)
        hertz = centre * (1 + np.float32(rng.uniform(0.05, 0.4)) * swing)
        gate = np.ones(n_samples, dtype=np.float32)
    else:
        hertz = np.full(n_samples, centre)
        pace = tone(rng.uniform(1.0, 8.0), n_samples, rng)
        gate = np.clip(20 * (pace + np.float32(rng.uniform(-0.5, 0.5))), 0, 1)
    sound = tone(hertz, n_samples, rng)
    # Cheap sounders are rich in odd harmonics.
    sound = np.tanh(np.float32(rng.uniform(0.5, 6.0)) * sound) * gate
    floor = coloured(n_samples, rng, rng.uniform(-6.0, -2.0))
    return unit(sound) + np.float32(rng.uniform(0.01, 0.2)) * floor


def _whistling_wind(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Wind in a gap: a tone that rises with the gusts, over a rumble."""
    gusts = wandering(n_samples, rng, rng.uniform(0.4, 1.5))
    centre = rng.uniform(300, 1500)
    hertz = centre * np.float32(2) ** (np.float32(0.3) * gusts)
    breath = wandering(n_samples, rng, 30.0)
    whistle = tone(hertz + 15 * breath, n_samples, rng) * (1 + 0.4 * breath)
    swell = np.exp(np.float32(0.7) * gusts)
    rumble = coloured(n_samples, rng, -5.0, 60.0)
    return swell * (unit(whistle) + np.float32(rng.uniform(0.5, 2.0)) * rumble)


def _machine(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """A motor, a transformer, a disk: steady tones that belong together."""
    base = np.exp(rng.uniform(*np.log([60.0, 900.0])))
    drift = 1 + 0.01 * wandering(n_samples, rng, rng.uniform(0.3, 2.0))
    sound = np.zeros(n_samples, dtype=np.float32)
    for number in rng.choice(np.arange(1, 9), rng.integers(2, 5), False):
        stretch = rng.uniform(0.98, 1.02)
        partial = tone(base * number * stretch * drift, n_samples, rng)
        sound += np.float32(rng.uniform(0.2, 1.0)) * partial
    air = coloured(n_samples, rng, rng.uniform(-5.0, 0.0))
    return unit(sound) + np.float32(rng.uniform(0.2, 1.5)) * air


def _fan(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Ventilation: broad noise that beats, with a whine of its blades."""
    air = coloured(n_samples, rng, rng.uniform(-6.0, -2.0), 40.0)
    blades = rng.uniform(15, 60)
    beat = 1 + np.float32(rng.uniform(0.05, 0.4)) * tone(blades, n_samples, rng)
    whine = tone(blades * rng.integers(4, 20), n_samples, rng)
    return air * beat + np.float32(rng.uniform(0.05, 0.5)) * whine


FLOORS: dict[str, Maker] = {"room": _room, "hiss": _hiss, "hum": _hum}
TONAL: dict[str, Maker] = {
    "insects": _insects,
    "mains": _hum,
    "alarm": _alarm,
    "whistling wind": _whistling_wind,
    "machine": _machine,
    "fan": _fan,
}
TEXTURES: dict[str, Maker] = {**FLOORS, **TONAL}


def make_texture(
    kind: str, n_samples: int, rng: np.random.Generator
) -> np.ndarray:
    """One instance of a texture.

    Arguments
    ---------
    kind : str
        A key of :data:`TEXTURES`.
    n_samples : int
        N.
    rng : np.random.Generator
        Source of its parameters and samples.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]
        Mono at 16 kHz, of unit power if 0.1 s or longer.

    Example
    -------
    >>> make_texture("fan", 800, np.random.default_rng(0)).shape
    (800,)
    """
    # What sticks into a chunk by a few samples has no power to be told.
    longer = max(n_samples, SHORTEST)
    return unit(TEXTURES[kind](longer, rng))[:n_samples]
