"""Copies of recordings at 16 kHz, mono, for disks that are slow to seek."""

from dataclasses import replace
from pathlib import Path

from explainable_seg.audio.files import copy_at_16k, read_header
from explainable_seg.data.recording import Recording
from explainable_seg.errors import AudioError
from explainable_seg.frames import SAMPLE_RATE


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
        copy_at_16k(recording.wav, target, recording.header.duration)
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
