"""Copies of recordings at 16 kHz, mono, for disks that are slow to seek."""

from dataclasses import replace
from pathlib import Path

import soundfile
import soxr

from explainable_seg.audio.headers import read_header
from explainable_seg.data.recording import Recording
from explainable_seg.errors import AudioError
from explainable_seg.files import atomic_path
from explainable_seg.frames import SAMPLE_RATE

BLOCK = 1 << 20  # samples a channel held in memory at once


def convert(recording: Recording, folder: Path) -> Recording:
    """The recording with a 16 kHz mono FLAC copy as its audio.

    A copy that is there already, with the right length, is kept; so an
    interrupted preparation goes on where it stopped.

    Arguments
    ---------
    recording : Recording
        Channels are averaged.
    folder : Path
        Receives ``<uri>.flac``.

    Returns
    -------
    Recording
        The same, with the copy in place of the file.

    Raises
    ------
    AudioError
        If the audio cannot be decoded.
    """
    target = folder / f"{recording.uri}.flac"
    if not _is_whole(target, recording.header.duration):
        try:
            _write_copy(recording.wav, target)
        except soundfile.SoundFileError as error:
            raise AudioError(
                f"expected audio that can be decoded, got '{error}', in "
                f"{recording.wav}; copy the file again"
            ) from None
    return replace(recording, wav=target, header=read_header(target))


def _is_whole(path: Path, duration: float) -> bool:
    """Whether a copy of that many seconds is there."""
    try:
        header = read_header(path)
    except AudioError:
        return False
    return (
        header.sample_rate == SAMPLE_RATE
        and abs(header.duration - duration) < 2 / SAMPLE_RATE
    )


def _write_copy(source: Path, target: Path) -> None:
    """Decode, average channels, resample and write, block by block."""
    with soundfile.SoundFile(str(source)) as audio, atomic_path(target) as path:
        resampler = soxr.ResampleStream(audio.samplerate, SAMPLE_RATE, 1)
        with soundfile.SoundFile(
            str(path), "w", SAMPLE_RATE, 1, "PCM_16"
        ) as copy:
            left = audio.frames
            while left > 0:
                block = audio.read(BLOCK, dtype="float32", always_2d=True)
                left = left - len(block) if len(block) else 0
                mono = block.mean(axis=1) if len(block) else block[:, 0]
                copy.write(resampler.resample_chunk(mono, last=left <= 0))
