"""Building blocks of the synthesised noises: shaped noise, controls, events."""

import sys
from collections.abc import Sequence
from importlib import import_module, util
from pathlib import Path
from types import ModuleType

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from explainable_seg.errors import ExplainableSegError
from explainable_seg.frames import SAMPLE_RATE


def require(name: str) -> ModuleType:
    """Import an optional package.

    Arguments
    ---------
    name : str
        Name of the package, for instance ``symusic``.

    Returns
    -------
    ModuleType
        The package.

    Raises
    ------
    ExplainableSegError
        If it is not installed or cannot be imported.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise _missing(name, " ".join(str(error).split())) from None


def package_folder(name: str) -> Path:
    """Folder of an optional package, without importing it.

    Arguments
    ---------
    name : str
        Name of the package, for instance ``pretty_midi``.

    Returns
    -------
    Path
        The folder of its ``__init__.py``.

    Raises
    ------
    ExplainableSegError
        If it is not installed.
    """
    spec = util.find_spec(name)
    if spec is None or spec.origin is None:
        raise _missing(name, "none")
    return Path(spec.origin).parent


def _missing(name: str, found: str) -> ExplainableSegError:
    """The line that says which package to install, and how."""
    return ExplainableSegError(
        f"expected the package {name}, got {found}, in {sys.prefix}; "
        'run: pip install "explainable-seg[minibroadcast]"'
    )


def filtered_noise(
    n_samples: int,
    low: float,
    high: float,
    rng: np.random.Generator,
    tilt: float = 0.0,
) -> np.ndarray:
    """Gaussian noise between two frequencies, of unit power.

    Arguments
    ---------
    n_samples : int
        N.
    low, high : float
        Band in Hz; the slopes outside it are 24 dB per octave.
    rng : np.random.Generator
        Source of randomness.
    tilt : float
        Change of power with frequency, dB per octave: -3 is pink.

    Returns
    -------
    np.ndarray [shape=(N,)]
        The noise.
    """
    length = next_fast_len(n_samples, real=True)
    frequency = np.fft.rfftfreq(length, 1 / SAMPLE_RATE)
    frequency[0] = frequency[1]
    gain = (frequency / 1000) ** (tilt / 6.02)
    gain /= np.sqrt(1 + (low / frequency) ** 8)
    gain /= np.sqrt(1 + (frequency / high) ** 8)
    gain[0] = 0.0
    spectrum = rfft(rng.standard_normal(length))
    return unit_power(irfft(spectrum * gain, length)[:n_samples])


def convolved(signal: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolution of a long signal with a kernel, cut to the signal.

    Arguments
    ---------
    signal : np.ndarray [shape=(N,)]
        Signal.
    kernel : np.ndarray [shape=(L,)]
        Impulse response.

    Returns
    -------
    np.ndarray [shape=(N,)]
        The filtered signal.
    """
    length = next_fast_len(len(signal) + len(kernel) - 1, real=True)
    product = rfft(signal, length) * rfft(kernel, length)
    return irfft(product, length)[: len(signal)]


def wander(
    n_samples: int,
    rate: float,
    rng: np.random.Generator,
    low: float = -1.0,
    high: float = 1.0,
) -> np.ndarray:
    """A slow random control: random points joined by half cosines.

    Arguments
    ---------
    n_samples : int
        N.
    rate : float
        Random points a second.
    rng : np.random.Generator
        Source of randomness.
    low, high : float
        Range of the points.

    Returns
    -------
    np.ndarray [shape=(N,)]
        Values in [low, high].
    """
    position = np.arange(n_samples) * (rate / SAMPLE_RATE)
    points = rng.uniform(low, high, int(position[-1]) + 2)
    index = position.astype(int)
    weight = 0.5 - 0.5 * np.cos(np.pi * (position - index))
    return points[index] * (1 - weight) + points[index + 1] * weight


def swelling(
    n_samples: int, rate: float, depth_db: float, rng: np.random.Generator
) -> np.ndarray:
    """A slow random gain between ``-depth_db`` and 0 dB.

    Arguments
    ---------
    n_samples : int
        N.
    rate : float
        Changes a second.
    depth_db : float
        Depth in dB.
    rng : np.random.Generator
        Source of randomness.

    Returns
    -------
    np.ndarray [shape=(N,)]
        Gain in (0, 1].
    """
    return 10 ** (wander(n_samples, rate, rng, -depth_db, 0.0) / 20)


def pulse_train(frequency: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One pulse a period, of uneven strength, as pistons and blades give.

    Arguments
    ---------
    frequency : np.ndarray [shape=(N,)]
        Pulses a second, at each sample.
    rng : np.random.Generator
        Source of the strengths.

    Returns
    -------
    np.ndarray [shape=(N,)]
        Zero but for the pulses.
    """
    phase = np.cumsum(frequency / SAMPLE_RATE) + rng.uniform()
    places = np.flatnonzero(np.diff(np.floor(phase)))
    pulses = np.zeros(len(frequency))
    pulses[places] = rng.uniform(0.6, 1.0, len(places))
    return pulses


def resonance(
    frequencies: Sequence[float] | np.ndarray,
    decay: float,
    rng: np.random.Generator,
    seconds: float | None = None,
) -> np.ndarray:
    """Sound of a struck body: sines that die away, the higher the faster.

    Arguments
    ---------
    frequencies : Sequence[float] or np.ndarray [shape=(M,)]
        Modes in Hz; those above the Nyquist frequency are left out.
    decay : float
        Seconds in which the lowest mode falls by 60 dB.
    rng : np.random.Generator
        Source of the phases and strengths.
    seconds : float or None
        Length; by default the decay.

    Returns
    -------
    np.ndarray [shape=(L,)]
        Impulse response with a peak of 1.
    """
    time = np.arange(round((seconds or decay) * SAMPLE_RATE)) / SAMPLE_RATE
    sound = np.zeros(len(time))
    for frequency in frequencies:
        if frequency < SAMPLE_RATE / 2:
            rate = 6.9 / decay * np.sqrt(frequency / min(frequencies))
            sound += (
                rng.uniform(0.3, 1.0)
                * np.exp(-rate * time)
                * np.sin(2 * np.pi * frequency * time + rng.uniform(0, 6.3))
            )
    return sound / np.abs(sound).max()


def poisson_times(
    seconds: float, rate: float, rng: np.random.Generator
) -> np.ndarray:
    """Times of independent events.

    Arguments
    ---------
    seconds : float
        The times lie in ``[0, seconds)``.
    rate : float
        Mean number of events a second.
    rng : np.random.Generator
        Source of randomness.

    Returns
    -------
    np.ndarray [shape=(E,)]
        Sorted times in seconds.
    """
    return np.sort(rng.uniform(0, seconds, rng.poisson(seconds * rate)))


def paced_times(
    seconds: float, interval: float, jitter: float, rng: np.random.Generator
) -> np.ndarray:
    """Times in seconds of events that follow each other at a pace.

    Arguments
    ---------
    seconds : float
        The times lie in ``[0, seconds)``.
    interval : float
        Mean seconds between two events.
    jitter : float
        Largest relative change of an interval, below 1.
    rng : np.random.Generator
        Source of randomness.

    Returns
    -------
    np.ndarray [shape=(E,)]
        Sorted times.
    """
    n_events = int(seconds / (interval * (1 - jitter))) + 2
    steps = interval * rng.uniform(1 - jitter, 1 + jitter, n_events)
    times = np.cumsum(steps) - steps[0] * rng.uniform()
    return times[times < seconds]


def scattered(
    n_samples: int,
    times: np.ndarray,
    sounds: Sequence[np.ndarray],
    gains: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Short sounds laid at given times, each drawn from a few variants.

    Arguments
    ---------
    n_samples : int
        N.
    times : np.ndarray [shape=(E,)]
        Starts in seconds.
    sounds : Sequence[np.ndarray]
        The variants.
    gains : np.ndarray [shape=(E,)]
        Gain of each event.
    rng : np.random.Generator
        Chooses the variants.

    Returns
    -------
    np.ndarray [shape=(N,)]
        Their sum.
    """
    choice = rng.integers(len(sounds), size=len(times))
    starts = np.minimum((times * SAMPLE_RATE).astype(int), n_samples - 1)
    output = np.zeros(n_samples)
    for index, sound in enumerate(sounds):
        chosen = choice == index
        impulses = np.zeros(n_samples)
        np.add.at(impulses, starts[chosen], gains[chosen])
        output += convolved(impulses, sound)
    return output


def burst(
    low: float, high: float, decay: float, rng: np.random.Generator
) -> np.ndarray:
    """A short burst of noise that falls by 60 dB in ``decay`` seconds.

    Arguments
    ---------
    low, high : float
        Band in Hz.
    decay : float
        Seconds.
    rng : np.random.Generator
        Source of randomness.

    Returns
    -------
    np.ndarray [shape=(L,)]
        Burst with a peak of 1.
    """
    n_samples = max(64, round(decay * SAMPLE_RATE))
    sound = filtered_noise(n_samples, low, high, rng)
    sound *= np.exp(-6.9 * np.arange(n_samples) / n_samples)
    return sound / np.abs(sound).max()


def unit_power(signal: np.ndarray) -> np.ndarray:
    """Signal scaled to a mean square of 1; silence stays silence.

    Arguments
    ---------
    signal : np.ndarray [shape=(N,)]
        At least one sample.

    Returns
    -------
    np.ndarray [shape=(N,)]
    """
    power = float(np.mean(np.square(signal)))
    return signal / np.sqrt(power) if power > 0 else signal
