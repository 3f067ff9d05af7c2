"""Sound of any rate at 16 kHz, by soxr.

Whatever block a sound comes in, and wherever in it one begins, the samples are
the same but for rounding, from a tenth of a second after the beginning on.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from explainable_seg.frames import SAMPLE_RATE


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
