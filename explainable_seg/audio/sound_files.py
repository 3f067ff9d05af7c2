"""Files of sound as such: how long they are, copies, and files of our own."""

import io
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from explainable_seg.audio.decoding import (
    has_all_it_counts,
    has_known_length,
    open_file,
    open_sound,
)
from explainable_seg.audio.stream import AudioStream
from explainable_seg.errors import AudioError
from explainable_seg.files import atomic_path
from explainable_seg.frames import SAMPLE_RATE

LENGTH_TOLERANCE = 0.001  # seconds that resampling may change
LOWEST_RATE = 8000  # Hz, of recordings to train on


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


def read_header(path: str | os.PathLike[str]) -> AudioHeader:
    """Rate and length of an audio file; decoded where its header is a guess.

    Arguments
    ---------
    path : str or os.PathLike
        A file of any format.

    Returns
    -------
    AudioHeader

    Raises
    ------
    AudioError
        If the file is no audio, holds no samples, or has a rate below 8 kHz.
    """
    found = _header_that_knows(path) or decoded_length(path)
    if found.n_samples < 1 or found.sample_rate < LOWEST_RATE:
        raise AudioError(
            f"expected samples at {LOWEST_RATE} Hz or more, got "
            f"{found.n_samples} samples at {found.sample_rate} Hz, in {path}; "
            "copy the file again"
        )
    return found


def _header_that_knows(path: str | os.PathLike[str]) -> AudioHeader | None:
    """What a header says, where it is no guess."""
    try:
        with open_file(path) as stream:
            with soundfile.SoundFile(stream.fileno(), closefd=False) as sound:
                if has_known_length(stream, sound) and has_all_it_counts(
                    stream, sound
                ):
                    return AudioHeader(sound.samplerate, sound.frames)
    except (soundfile.SoundFileError, AudioError):
        pass  # decoding the file says what is wrong with it
    return None


def decoded_length(
    path: str | os.PathLike[str], notes: list[str] | None = None
) -> AudioHeader:
    """Rate and number of samples that a file really decodes to.

    Arguments
    ---------
    path : str or os.PathLike
        A file of any format.
    notes : list[str], optional
        Is told what is missing, or lies behind.

    Returns
    -------
    AudioHeader

    Raises
    ------
    AudioError
        If it cannot be decoded.
    """
    with open_sound(path, notes=notes) as sound:
        n_samples = sum(len(block) for block in sound.blocks)
    return AudioHeader(sound.sample_rate, n_samples)


def write_audio(
    path: str | os.PathLike[str],
    audio: np.ndarray,
    sample_rate: int = SAMPLE_RATE,
) -> None:
    """Write a sound with 16 bits, whole or not at all.

    Arguments
    ---------
    path : str or os.PathLike
        Its extension says the format: wav, flac, ogg and others.
    audio : np.ndarray [shape=(N,) or (N, channels)]
        Samples in -1..1; what is beyond is cut off.
    sample_rate : int
        Samples a second.
    """
    with atomic_path(path) as temporary:
        soundfile.write(temporary, audio, sample_rate, subtype="PCM_16")


def encode_audio(
    audio: np.ndarray, *formats: str, sample_rate: int = SAMPLE_RATE
) -> tuple[str, bytes]:
    """A sound as the bytes of a file.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,)]
        Samples in -1..1.
    *formats : str
        Names of libsndfile's formats, such as ``MP3``; the first that this
        libsndfile has is taken.
    sample_rate : int
        Samples a second.

    Returns
    -------
    tuple[str, bytes]
        The format, and the file.

    Example
    -------
    >>> encode_audio(np.zeros(400), "WAV")[1][:4]
    b'RIFF'
    """
    known = soundfile.available_formats()
    name = next(name for name in formats if name in known)
    buffer = io.BytesIO()
    soundfile.write(buffer, audio, sample_rate, format=name)
    return name, buffer.getvalue()


def copy_at_16k(
    source: str | os.PathLike[str], target: Path, duration: float
) -> None:
    """Write a recording anew as FLAC at 16 kHz, mono, with 16 bits.

    Arguments
    ---------
    source : str or os.PathLike
        A file of any format.
    target : pathlib.Path
        The copy, whole or not at all. DC and rumble stay in it.
    duration : float
        Seconds that the source is to have.

    Raises
    ------
    AudioError
        If the source cannot be decoded, or is not as long.
    """
    n_samples = 0
    with atomic_path(target) as path:
        with soundfile.SoundFile(
            str(path), "w", SAMPLE_RATE, 1, "PCM_16"
        ) as copy:
            for block in AudioStream(source, filtered=False):
                copy.write(block)
                n_samples += len(block)
        found = n_samples / SAMPLE_RATE
        if abs(found - duration) > LENGTH_TOLERANCE:
            raise AudioError(
                f"expected {duration:.3f} s of sound, got {found:.3f} s, in "
                f"{source}; copy the file again"
            )
