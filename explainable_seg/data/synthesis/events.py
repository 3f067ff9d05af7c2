"""Noises made of many events: clicks, impacts, applause, crackle, insects.

Each function gives N samples at 16 kHz over the faint noise of a room; its
parameters are drawn anew at each call. Levels are set afterwards, in ``noise.py``.
"""

import numpy as np

from explainable_seg.data.synthesis.signals import (
    burst,
    filtered_noise,
    paced_times,
    poisson_times,
    resonance,
    scattered,
    swelling,
    unit_power,
)
from explainable_seg.frames import SAMPLE_RATE


def typing(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Keys that go down and up again, at an uneven pace."""
    pressed = paced_times(
        n_samples / SAMPLE_RATE, rng.uniform(0.1, 0.22), 0.6, rng
    )
    released = pressed + rng.uniform(0.05, 0.1, len(pressed))
    keys = [
        burst(rng.uniform(500, 1500), 7500, 0.02, rng)
        + 0.6 * resonance(rng.uniform(200, 3000, 4), 0.04, rng, 0.02)
        for _ in range(8)
    ]
    gains = np.concatenate(
        [rng.uniform(0.5, 1, len(pressed)), rng.uniform(0.1, 0.4, len(pressed))]
    )
    times = np.concatenate([pressed, released])
    return _in_room(scattered(n_samples, times, keys, gains, rng), 38, rng)


def clicks(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Relays, switches, a clock or a counter tube."""
    seconds = n_samples / SAMPLE_RATE
    if rng.random() < 0.5:
        times = paced_times(seconds, rng.uniform(0.1, 0.4), 0.05, rng)
    else:
        times = poisson_times(seconds, rng.uniform(6, 40), rng)
    sounds = [
        resonance(rng.uniform(800, 6000, 5), rng.uniform(0.008, 0.03), rng)
        for _ in range(3)
    ]
    gains = rng.uniform(0.4, 1.0, len(times))
    return _in_room(scattered(n_samples, times, sounds, gains, rng), 34, rng)


def machinery(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """A press, a loom, a printing machine: a cycle of impacts, and a motor."""
    seconds = n_samples / SAMPLE_RATE
    cycle = rng.uniform(0.15, 0.7)
    sound = np.zeros(n_samples)
    starts = paced_times(seconds, cycle, 0.02, rng)
    for offset in rng.uniform(0, cycle, rng.integers(2, 5)):
        low = rng.uniform(80, 1500)
        hit = burst(low, low * 4, rng.uniform(0.05, 0.2), rng)
        metal = resonance(rng.uniform(200, 5000, 6), rng.uniform(0.1, 0.4), rng)
        hit = np.pad(hit, (0, max(0, len(metal) - len(hit))))
        hit[: len(metal)] += rng.uniform(0.2, 0.8) * metal
        gains = rng.uniform(0.7, 1.0, len(starts))
        sound += scattered(n_samples, starts + offset, [hit], gains, rng)
    motor = filtered_noise(n_samples, 40, rng.uniform(300, 2000), rng, tilt=-3)
    return unit_power(sound) + rng.uniform(0.2, 0.8) * motor


def applause(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Many hands: dense claps that swell and thin out."""
    times = poisson_times(n_samples / SAMPLE_RATE, rng.uniform(40, 300), rng)
    claps = [
        burst(rng.uniform(500, 1200), rng.uniform(2500, 6000), 0.03, rng)
        for _ in range(12)
    ]
    gains = rng.exponential(1.0, len(times))
    sound = unit_power(scattered(n_samples, times, claps, gains, rng))
    hall = filtered_noise(n_samples, 400, 4000, rng, tilt=-3)
    mood = swelling(n_samples, 0.3, 10, rng)
    return mood * (sound + rng.uniform(0.1, 0.4) * hall)


def crackle(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """A fire or a worn record: sparks of very uneven strength, and rumble."""
    times = poisson_times(n_samples / SAMPLE_RATE, rng.uniform(15, 120), rng)
    sparks = [burst(rng.uniform(300, 2500), 8000, 0.005, rng) for _ in range(6)]
    gains = np.minimum(rng.pareto(1.5, len(times)), 12)
    rumble = filtered_noise(n_samples, 25, rng.uniform(150, 600), rng, tilt=-3)
    hiss = filtered_noise(n_samples, 500, 7500, rng, tilt=-2)
    return (
        unit_power(scattered(n_samples, times, sparks, gains, rng))
        + rng.uniform(0.2, 0.7) * swelling(n_samples, 1, 8, rng) * rumble
        + rng.uniform(0.1, 0.3) * hiss
    )


def frying(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """A hot pan: sizzle, with drops that spit."""
    sizzle = filtered_noise(n_samples, rng.uniform(2000, 4000), 7800, rng)
    sizzle *= swelling(n_samples, rng.uniform(4, 15), 8, rng)
    times = poisson_times(n_samples / SAMPLE_RATE, rng.uniform(30, 120), rng)
    spits = [burst(1500, 8000, 0.008, rng) for _ in range(5)]
    gains = rng.exponential(1.0, len(times))
    spitting = unit_power(scattered(n_samples, times, spits, gains, rng))
    return sizzle + rng.uniform(0.3, 1.0) * spitting


def footsteps(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Someone walks: heel and sole on wood, stone or gravel."""
    heels = paced_times(
        n_samples / SAMPLE_RATE, rng.uniform(0.3, 0.6), 0.1, rng
    )
    ground = rng.uniform(60, 250)
    steps = [
        burst(ground, ground * rng.uniform(3, 30), rng.uniform(0.1, 0.25), rng)
        for _ in range(4)
    ]
    times = np.concatenate([heels, heels + rng.uniform(0.07, 0.12)])
    gains = np.repeat([1.0, 0.5], len(heels))
    gains *= rng.uniform(0.6, 1.0, len(times))
    return _in_room(scattered(n_samples, times, steps, gains, rng), 32, rng)


def hammering(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Blows on wood or metal, with the echo of a room."""
    times = paced_times(
        n_samples / SAMPLE_RATE, rng.uniform(0.25, 0.7), 0.25, rng
    )
    modes = rng.uniform(150, 4500, 8)
    ring = rng.uniform(0.05, 0.5)
    blow = np.pad(resonance(modes, ring, rng), (0, round(0.4 * SAMPLE_RATE)))
    blow[: round(0.4 * SAMPLE_RATE)] += 0.4 * burst(100, 5000, 0.4, rng)
    gains = rng.uniform(0.5, 1.0, len(times))
    return _in_room(scattered(n_samples, times, [blow], gains, rng), 34, rng)


def dishes(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Plates, glasses and cutlery that knock together."""
    times = poisson_times(n_samples / SAMPLE_RATE, rng.uniform(4, 12), rng)
    clinks = []
    for _ in range(8):
        base = rng.uniform(900, 3500)
        modes = base * np.array([1.0, 1.52, 2.34, 2.71, 3.46])
        clinks.append(resonance(modes, rng.uniform(0.05, 0.25), rng))
    knocks = [burst(200, 4000, 0.05, rng) for _ in range(4)]
    gains = rng.exponential(1.0, len(times))
    sounds = clinks + knocks
    return _in_room(scattered(n_samples, times, sounds, gains, rng), 28, rng)


def rustling(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Paper, plastic, dry leaves or cloth, moved by fits and starts."""
    low = rng.uniform(600, 3000)
    material = filtered_noise(n_samples, low, 7800, rng, tilt=-1)
    material *= swelling(n_samples, rng.uniform(5, 12), 30, rng)
    times = poisson_times(n_samples / SAMPLE_RATE, rng.uniform(30, 150), rng)
    creases = [burst(low, 8000, 0.006, rng) for _ in range(6)]
    gains = rng.exponential(1.0, len(times))
    folds = unit_power(scattered(n_samples, times, creases, gains, rng))
    folds *= swelling(n_samples, 4, 20, rng)
    return _in_room(material + rng.uniform(0.5, 1.5) * folds, 30, rng)


def insects(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Crickets and cicadas: shrill pulses, several animals at once."""
    sound = np.zeros(n_samples)
    time = np.arange(round(0.03 * SAMPLE_RATE)) / SAMPLE_RATE
    shape = np.sin(np.pi * time / time[-1]) ** 2
    for _ in range(rng.integers(2, 7)):
        tone = rng.uniform(2800, 6500)
        chirp = shape * np.sin(2 * np.pi * tone * time)
        pulses = paced_times(
            n_samples / SAMPLE_RATE, rng.uniform(0.02, 0.06), 0.1, rng
        )
        phrase = rng.uniform(0.3, 1.0)
        pulses = pulses[(pulses / phrase + rng.uniform()) % 1.0 < 0.6]
        gains = rng.uniform(0.2, 1.0) * rng.uniform(0.7, 1.0, len(pulses))
        sound += scattered(n_samples, pulses, [chirp], gains, rng)
    night = filtered_noise(n_samples, 100, 7000, rng, tilt=-3)
    return unit_power(sound) + rng.uniform(0.2, 0.6) * night


def sparks(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Welding or a loose contact: arcs that buzz at twice the mains."""
    seconds = n_samples / SAMPLE_RATE
    strikes = poisson_times(seconds, rng.uniform(100, 240), rng)
    arcs = [burst(rng.uniform(800, 2500), 8000, 0.006, rng) for _ in range(5)]
    gains = rng.exponential(1.0, len(strikes))
    sound = unit_power(scattered(n_samples, strikes, arcs, gains, rng))
    time = np.arange(n_samples) / SAMPLE_RATE
    mains = rng.choice([100.0, 120.0])
    beat = 0.2 + np.maximum(np.sin(2 * np.pi * mains * time), 0)
    return beat * _in_room(sound * swelling(n_samples, 3, 25, rng), 30, rng)


def _in_room(
    sound: np.ndarray, below_db: float, rng: np.random.Generator
) -> np.ndarray:
    """Events over the noise of a room, some dB below them."""
    level = 10 ** (-rng.uniform(below_db - 8, below_db) / 20)
    floor = filtered_noise(len(sound), 40, 6000, rng, tilt=-4)
    return unit_power(sound) + level * floor
