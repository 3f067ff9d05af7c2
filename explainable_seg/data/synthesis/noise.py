"""Noises of many kinds, each instance with parameters of its own."""

from collections.abc import Callable

import numpy as np

from explainable_seg.data.synthesis import events, textures
from explainable_seg.frames import SAMPLE_RATE

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
