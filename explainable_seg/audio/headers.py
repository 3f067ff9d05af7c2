"""What the header of an audio file says; nothing is decoded."""

from pathlib import Path
from typing import NamedTuple

import soundfile

from explainable_seg.errors import AudioError

LOWEST_RATE = 8000  # Hz


class AudioHeader(NamedTuple):
    """Rate in Hz and length in samples at that rate."""

    sample_rate: int
    n_samples: int

    @property
    def duration(self) -> float:
        """Seconds.

        Example
        -------
        >>> AudioHeader(8000, 4000).duration
        0.5
        """
        return self.n_samples / self.sample_rate


def read_header(path: Path) -> AudioHeader:
    """Rate and length of an audio file.

    Arguments
    ---------
    path : Path
        A file of a format that libsndfile reads.

    Returns
    -------
    AudioHeader

    Raises
    ------
    AudioError
        If the file is no audio, holds no samples, or has a rate below 8 kHz.
    """
    try:
        info = soundfile.info(str(path))
    except (soundfile.SoundFileError, OSError):
        raise AudioError(
            f"expected an audio file, got something else, in {path}; "
            "copy the file again"
        ) from None
    if info.frames < 1 or info.samplerate < LOWEST_RATE:
        raise AudioError(
            f"expected samples at {LOWEST_RATE} Hz or more, got {info.frames} "
            f"samples at {info.samplerate} Hz, in {path}; copy the file again"
        )
    return AudioHeader(info.samplerate, info.frames)
