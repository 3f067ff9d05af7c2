"""A filter with a short memory, which takes rumble out.

Whatever block a sound comes in, and wherever in it one begins, the samples are
the same but for rounding, from a tenth of a second after the beginning on.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

from explainable_seg.frames import SAMPLE_RATE

CUTOFF = 35.0  # Hz: a voice begins at 60, the lowest string of a bass at 41
SLOPE = 22.0  # Hz from what is lost to what stays
SILENT_PEAK = 1e-9  # what rounding leaves of digital silence
LOST_DB = 70.0  # of what is below; Kaiser's formula holds from 50 on


class RumbleFilter:
    """A high-pass filter without delay: a sound minus what is slow in it.

    A windowed sinc (Oppenheim and Schafer, Discrete-Time Signal Processing,
    7.5.3) of 0.2 s: nothing is left at 0 Hz, 70 dB are lost up to 24 Hz, 6 dB
    at 35 Hz, and less than 0.1 dB above 46 Hz.

    Arguments
    ---------
    sample_rate : int
        Hz.

    Example
    -------
    >>> heard = RumbleFilter(16000).apply([np.full(4000, 0.05, np.float32)])
    >>> float(np.abs(np.concatenate(list(heard))).max()) < 1e-7
    True
    """

    def __init__(self, sample_rate: int):
        self._response = _slow(sample_rate)
        self.reach = len(self._response) // 2  # samples on either side
        self._held = np.zeros(0, np.float32)
        self._begun = False

    def apply(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Filter a sound, which counts as mirrored beyond its ends.

        Arguments
        ---------
        blocks : Iterable[np.ndarray] [shape=(N,), dtype=float32]
            The sound.

        Yields
        ------
        np.ndarray [shape=(N,), dtype=float32]
            As many samples in all.
        """
        self._held, self._begun = np.zeros(0, np.float32), False
        for block in blocks:
            yield self.feed(block)
        yield self.finish()

    def feed(self, block: np.ndarray) -> np.ndarray:
        """Take the next samples; return those that are due.

        Arguments
        ---------
        block : np.ndarray [shape=(N,), dtype=float32]
            Any number of samples.

        Returns
        -------
        np.ndarray [shape=(N',), dtype=float32]
            They end ``reach`` samples before what was taken.
        """
        reach = self.reach
        held = np.concatenate([self._held, block])
        if not self._begun and len(held) >= reach:
            held = np.concatenate([held[:reach][::-1], held])
            self._begun = True
        if not self._begun or len(held) <= 2 * reach:
            self._held = held
            return held[:0]
        self._held = held[-2 * reach :]
        return self._filtered(held)

    def finish(self) -> np.ndarray:
        """The samples that are left at the end [shape=(N,), dtype=float32]."""
        held, self._held = self._held, self._held[:0]
        if len(held) == 0:
            return held
        width = (0 if self._begun else self.reach, self.reach)
        return self._filtered(np.pad(held, width, mode="symmetric"))

    def _filtered(self, sound: np.ndarray) -> np.ndarray:
        """The sound without its ends, and without what is slow in it."""
        response = self._response
        n_samples = len(sound) - len(response) + 1
        size = 1 << (min(len(sound), 8 * len(response)) - 1).bit_length()
        step = size - len(response) + 1
        of_filter = np.fft.rfft(response, size)
        slow = np.empty(n_samples)
        for start in range(0, n_samples, step):
            spectrum = np.fft.rfft(sound[start : start + size], size)
            circular = np.fft.irfft(spectrum * of_filter, size)
            valid = circular[len(response) - 1 :]
            slow[start : start + step] = valid[: n_samples - start]
        heard = sound[self.reach : len(sound) - self.reach] - slow
        heard[np.abs(heard) < SILENT_PEAK] = 0.0
        return heard.astype(np.float32)


@lru_cache(maxsize=8)
def _slow(sample_rate: int) -> np.ndarray:
    """Impulse response [2 * reach + 1] of the low-pass: all of a constant."""
    # Kaiser's formulas; SciPy has them, but takes a second to import.
    beta = 0.1102 * (LOST_DB - 8.7)
    width = SLOPE / sample_rate
    reach = round((LOST_DB - 7.95) / (14.36 * width) / 2)
    time = np.arange(-reach, reach + 1) / sample_rate
    response = np.sinc(2 * CUTOFF * time) * np.kaiser(len(time), beta)
    return response / response.sum()


def resampled(
    blocks: Iterable[np.ndarray], sample_rate: int
) -> Iterator[np.ndarray]:
    """Mono sound of any rate at 16 kHz.

    Arguments
    ---------
    blocks : Iterable[np.ndarray] [shape=(N,), dtype=float32]
        The sound.
    sample_rate : int
        Its samples a second.

    Yields
    ------
    np.ndarray [shape=(N,), dtype=float32]
    """
    if sample_rate == SAMPLE_RATE:
        yield from blocks
        return
    # Imported on use: sound at 16 kHz needs no resampler.
    import soxr

    stream = soxr.ResampleStream(
        sample_rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ"
    )
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block))
    yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def resample(
    audio: np.ndarray, from_rate: float, to_rate: float = SAMPLE_RATE
) -> np.ndarray:
    """A whole sound at another rate.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,) or (N, channels)]
        The sound.
    from_rate : float
        Its samples a second.
    to_rate : float
        Those that are wanted.

    Returns
    -------
    np.ndarray [shape=(N',) or (N', channels)]

    Example
    -------
    >>> resample(np.zeros(8000), 8000).shape
    (16000,)
    """
    import soxr

    found: np.ndarray = soxr.resample(audio, from_rate, to_rate, quality="HQ")
    return found
