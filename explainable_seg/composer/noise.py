"""Noises of many kinds, each instance with parameters of its own."""

from collections.abc import Callable

import numpy as np

from explainable_seg.composer import (
    noise as events,
    noise as textures,
)
from explainable_seg.composer.signals import (
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


LEVEL_DB = -23.0  # dB re full scale
PEAK = 0.9  # no sample of a clip is higher

Noise = Callable[[int, np.random.Generator], np.ndarray]

NOISES: dict[str, Noise] = {
    "applause": events.applause,
    "clicks": events.clicks,
    "crackle": events.crackle,
    "crowd": textures.crowd,
    "dishes": events.dishes,
    "drill": textures.drill,
    "engine": textures.engine,
    "fan": textures.fan,
    "footsteps": events.footsteps,
    "frying": events.frying,
    "hammering": events.hammering,
    "hum": textures.hum,
    "insects": events.insects,
    "machinery": events.machinery,
    "propeller": textures.propeller,
    "rain": textures.rain,
    "rustling": events.rustling,
    "sparks": events.sparks,
    "static": textures.static,
    "stream": textures.stream,
    "suction": textures.suction,
    "traffic": textures.traffic,
    "train": textures.train,
    "typing": events.typing,
    "waves": textures.waves,
    "wind": textures.wind,
}


def make_noise(
    kind: str, seconds: float, rng: np.random.Generator
) -> np.ndarray:
    """One instance of a kind of noise.

    Arguments
    ---------
    kind : str
        A key of :data:`NOISES`.
    seconds : float
        Duration.
    rng : np.random.Generator
        Source of the instance's parameters and of its samples.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]
        Mono audio at 16 kHz, about :data:`LEVEL_DB`; its highest samples bend
        towards :data:`PEAK`, as on a recorder with a soft limiter.

    Example
    -------
    >>> make_noise("rain", 2.0, np.random.default_rng(0)).shape
    (32000,)
    """
    sound = NOISES[kind](round(seconds * SAMPLE_RATE), rng)
    sound = sound - sound.mean()
    gain = 10 ** (LEVEL_DB / 20) / sound.std()
    return (PEAK * np.tanh(gain / PEAK * sound)).astype(np.float32)
