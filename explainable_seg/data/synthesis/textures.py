"""Noises that go on: weather, water, vehicles, motors, currents.

Each function gives N samples at 16 kHz; its parameters are drawn anew at each
call. Levels are set afterwards, in ``noise.py``.
"""

import numpy as np

from explainable_seg.data.synthesis.signals import (
    burst,
    convolved,
    filtered_noise,
    paced_times,
    poisson_times,
    pulse_train,
    resonance,
    scattered,
    swelling,
    unit_power,
    wander,
)
from explainable_seg.frames import SAMPLE_RATE


def rain(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Hiss of far drops and ticks of near ones."""
    hiss = filtered_noise(
        n_samples, rng.uniform(300, 1500), 7500, rng, tilt=rng.uniform(-4, 0)
    )
    times = poisson_times(n_samples / SAMPLE_RATE, rng.uniform(20, 150), rng)
    drops = scattered(
        n_samples,
        times,
        [burst(rng.uniform(800, 3000), 8000, 0.012, rng) for _ in range(6)],
        rng.exponential(1.0, len(times)),
        rng,
    )
    gain = swelling(n_samples, 0.2, 6, rng)
    return gain * (hiss + rng.uniform(0.3, 1.5) * unit_power(drops))


def wind(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Rumble in gusts, with a howl that rises and falls with them."""
    gusts = swelling(n_samples, rng.uniform(0.3, 1.0), 18, rng)
    rumble = filtered_noise(n_samples, 60, rng.uniform(150, 400), rng, tilt=-4)
    low = rng.uniform(300, 700)
    howl = filtered_noise(n_samples, low, low * rng.uniform(1.3, 2.5), rng)
    hiss = filtered_noise(n_samples, 1500, 6000, rng, tilt=-3)
    return (
        gusts * rumble
        + rng.uniform(0.1, 0.5) * gusts**2 * howl
        + rng.uniform(0.05, 0.25) * gusts**1.5 * hiss
    )


def waves(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Waves that break on a beach and run out hissing."""
    period = rng.uniform(4, 10)
    time = np.arange(n_samples) / SAMPLE_RATE + wander(n_samples, 0.3, rng)
    phase = (time / period + rng.uniform()) % 1.0
    swell = np.where(phase < 0.3, phase / 0.3, (1 - phase) / 0.7) ** 2
    roar = filtered_noise(n_samples, 80, rng.uniform(500, 1200), rng, tilt=-3)
    hiss = filtered_noise(n_samples, 1000, 7500, rng, tilt=-2)
    late = np.clip(phase * 2 * (1 - phase) * 2, 0, 1) ** 2
    return (0.15 + swell) * roar + rng.uniform(0.3, 0.9) * late * hiss


def stream(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Running water: bubbles of rising pitch over a soft hiss."""
    time = np.arange(round(0.05 * SAMPLE_RATE)) / SAMPLE_RATE
    bubbles = []
    for frequency in rng.uniform(350, 2200, 16):
        rise = rng.uniform(2, 12)
        phase = 2 * np.pi * frequency * (time + rise * time**2)
        bubbles.append(
            np.sin(phase) * np.exp(-time * rng.uniform(60, 200)) * (time * 400)
        )
    times = poisson_times(n_samples / SAMPLE_RATE, rng.uniform(60, 250), rng)
    gains = rng.exponential(1.0, len(times))
    water = unit_power(scattered(n_samples, times, bubbles, gains, rng))
    hiss = filtered_noise(n_samples, 400, 7000, rng, tilt=-4)
    return swelling(n_samples, 1.0, 4, rng) * (
        water + rng.uniform(0.4, 1.2) * hiss
    )


def traffic(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """A road: a steady rumble, and cars that pass."""
    sound = filtered_noise(n_samples, 50, rng.uniform(300, 900), rng, tilt=-4)
    time = np.arange(n_samples) / SAMPLE_RATE
    for centre in paced_times(time[-1], rng.uniform(2, 6), 0.7, rng):
        width = rng.uniform(0.4, 1.5)
        gain = 1 / (1 + ((time - centre) / width) ** 2) ** 1.5
        tyres = filtered_noise(
            n_samples, 100, rng.uniform(1500, 5000), rng, tilt=-3
        )
        sound += rng.uniform(1, 4) * gain * tyres
    return sound


def engine(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """A piston engine whose speed wanders or that is being driven."""
    base = rng.uniform(25, 90)
    restless = rng.choice([0.03, 0.4])
    speed = base * (1 + restless * wander(n_samples, rng.uniform(0.3, 1), rng))
    exhaust = resonance(rng.uniform(60, 1200, 7), 0.06, rng)
    pistons = unit_power(convolved(pulse_train(speed, rng), exhaust))
    intake = filtered_noise(n_samples, 200, rng.uniform(2000, 6000), rng, -4)
    load = swelling(n_samples, 0.5, 5, rng)
    return load * (pistons + rng.uniform(0.3, 0.9) * intake)


def propeller(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """A small aircraft or a helicopter: blades that beat the air."""
    blades = rng.uniform(11, 90) * (1 + 0.02 * wander(n_samples, 0.3, rng))
    width = rng.uniform(0.15, 0.6) / blades.mean()
    chop = burst(40, rng.uniform(400, 1800), width, rng)
    beats = unit_power(convolved(pulse_train(blades, rng), chop))
    wash = filtered_noise(n_samples, 60, rng.uniform(1500, 5000), rng, tilt=-4)
    distance = swelling(n_samples, 0.15, 10, rng)
    return distance * (beats + rng.uniform(0.2, 0.8) * wash)


def fan(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Ventilation: broad noise, a little modulated, with a faint whine."""
    air = filtered_noise(
        n_samples, 40, rng.uniform(1500, 7000), rng, tilt=rng.uniform(-6, -2)
    )
    blades = rng.uniform(15, 60) * (1 + 0.01 * wander(n_samples, 0.5, rng))
    phase = 2 * np.pi * np.cumsum(blades) / SAMPLE_RATE
    beat = 1 + rng.uniform(0.05, 0.4) * np.sin(phase)
    whine = np.sin(rng.integers(4, 12) * phase)
    return beat * air + rng.uniform(0.0, 0.15) * whine


def suction(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """A vacuum cleaner, a hair dryer, a jet: roar with narrow whistles."""
    roar = filtered_noise(n_samples, 150, 7500, rng, tilt=rng.uniform(-3, 1))
    drift = 1 + 0.03 * wander(n_samples, 0.3, rng)
    for frequency in rng.uniform(400, 5000, 3):
        phase = 2 * np.pi * np.cumsum(frequency * drift) / SAMPLE_RATE
        flutter = wander(n_samples, 60, rng, 0.2, 1.0)
        roar += rng.uniform(0.1, 0.5) * flutter * np.sin(phase)
    return swelling(n_samples, 0.4, 4, rng) * roar


def drill(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """A drill, a saw, a razor: a harsh buzz that slows under load."""
    load = (wander(n_samples, rng.uniform(0.4, 1.2), rng) > 0).astype(float)
    load = convolved(load, np.full(2000, 1 / 2000))
    speed = rng.uniform(80, 250) * (1 - rng.uniform(0.1, 0.3) * load)
    speed = speed * (1 + 0.12 * wander(n_samples, 60, rng))
    body = resonance(rng.uniform(500, 6000, 8), 0.02, rng)
    buzz = unit_power(convolved(pulse_train(speed, rng), body))
    bite = filtered_noise(n_samples, 1000, 7500, rng)
    return (0.4 + load) * buzz + rng.uniform(0.5, 1.2) * (0.3 + load) * bite


def hum(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Mains hum or a transformer: harmonics of 50 or 60 Hz, and hiss."""
    time = np.arange(n_samples) / SAMPLE_RATE
    mains = rng.choice([50.0, 60.0])
    sound = np.zeros(n_samples)
    for harmonic in range(1, 30):
        gain = rng.uniform(0.1, 1.0) / harmonic ** rng.uniform(0.3, 1.2)
        phase = 2 * np.pi * mains * harmonic * time + rng.uniform(0, 6.3)
        sound += gain * np.sin(phase)
    hiss = filtered_noise(n_samples, 100, 7500, rng, tilt=-2)
    return unit_power(sound) + rng.uniform(0.2, 0.8) * hiss


def static(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """A channel without a programme: broadband noise, any colour, pops."""
    low = rng.choice([30.0, 300.0])
    high = rng.choice([3400.0, 7800.0])
    tilt = rng.uniform(-6, 3)
    sound = filtered_noise(n_samples, low, high, rng, tilt=tilt)
    sound *= swelling(n_samples, rng.uniform(0.5, 8), rng.uniform(0, 10), rng)
    times = poisson_times(n_samples / SAMPLE_RATE, rng.uniform(0.5, 10), rng)
    gains = rng.uniform(2, 8, len(times))
    pops = [burst(200, 7000, 0.004, rng) for _ in range(4)]
    return sound + scattered(n_samples, times, pops, gains, rng)


def crowd(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """A far stadium: a wash of sound that swells, without any word."""
    roar = filtered_noise(n_samples, 250, rng.uniform(1200, 3000), rng, tilt=-3)
    bright = filtered_noise(n_samples, 1500, 5000, rng, tilt=-3)
    mood = swelling(n_samples, 0.35, 12, rng)
    return mood * (roar + rng.uniform(0.2, 0.6) * mood * bright)


def train(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """A railway carriage: rumble, and wheels that cross the joints."""
    rumble = filtered_noise(n_samples, 50, rng.uniform(250, 800), rng, tilt=-4)
    pace = rng.uniform(0.5, 1.3)
    joints = paced_times(n_samples / SAMPLE_RATE, pace, 0.05, rng)
    times = np.concatenate([joints, joints + 0.18 * pace])
    clacks = [
        burst(100, 2500, 0.09, rng) + resonance([180, 420, 950], 0.09, rng)
        for _ in range(3)
    ]
    gains = rng.uniform(2, 5, len(times))
    squeal = filtered_noise(n_samples, 2500, 6000, rng)
    return (
        rumble
        + scattered(n_samples, times, clacks, gains, rng)
        + 0.15 * swelling(n_samples, 0.5, 30, rng) * squeal
    )
