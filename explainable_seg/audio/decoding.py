"""Files of sound, block by block: with libsndfile, else with ffmpeg.

Nothing is read ahead, so memory does not grow with the length of a file.
"""

import json
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import soundfile

from explainable_seg.errors import AudioError

logger = logging.getLogger(__name__)

BLOCK = 2**18  # samples of all channels that are decoded at a time
LENGTH_TOLERANCE = 0.1  # seconds, between the header and the decoded sound
PROBE_SECONDS = 60  # in which ffprobe must have read a header
# Of these formats, libsndfile finds a sample without decoding up to it.
SEEKABLE = frozenset("WAV WAVEX FLAC AIFF AU W64 RF64 NIST".split())


@dataclass(frozen=True)
class Sound:
    """An open recording.

    Arguments
    ---------
    sample_rate : int
        Hz.
    n_channels : int
        Number of channels.
    blocks : Iterator[np.ndarray]
        Samples [n, channels], dtype float32.
    first : int
        Sample that the blocks begin with.
    """

    sample_rate: int
    n_channels: int
    blocks: Iterator[np.ndarray]
    first: int = 0


@contextmanager
def open_sound(
    path: str | os.PathLike[str], start: float = 0.0
) -> Iterator[Sound]:
    """Open a recording of any format.

    Arguments
    ---------
    path : str or os.PathLike
        What libsndfile reads (wav, flac, ogg, mp3, aiff and more), or what the
        ffmpeg of the machine reads, if there is one.
    start : float
        Second from which samples are wanted. The blocks begin there or before.

    Yields
    ------
    Sound

    Raises
    ------
    AudioError
        If the file is missing, empty, or no audio that can be read.
    """
    where = os.fspath(path)
    try:
        stream = open(path, "rb")
    except (OSError, ValueError) as error:  # a name may hold a zero byte
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioError(
            f"expected an audio file, got '{reason}', in {where}; "
            "check the name and whether you may read it"
        ) from None
    with stream:
        if os.fstat(stream.fileno()).st_size == 0:
            raise AudioError(
                f"expected audio, got an empty file, in {where}; copy or "
                "export the file again"
            )
        try:
            # A descriptor: what the file is called does not matter, and
            # nothing of libsndfile's work comes back to Python.
            sound = soundfile.SoundFile(stream.fileno(), closefd=False)
        except soundfile.SoundFileError as error:
            reason = getattr(error, "error_string", str(error)).rstrip(".")
        else:
            with sound:
                yield _sound_of(sound, where, start)
            return
    with _open_with_ffmpeg(where, reason) as decoded:
        yield decoded


def _sound_of(sound: soundfile.SoundFile, where: str, start: float) -> Sound:
    """An open file of libsndfile, moved towards the start."""
    first = round(start * sound.samplerate)
    if sound.format not in SEEKABLE or not 0 < first < sound.frames:
        first = 0
    if first:
        sound.seek(first)
    blocks = _decoded_blocks(sound, where, first)
    return Sound(sound.samplerate, sound.channels, blocks, first)


def _decoded_blocks(
    sound: soundfile.SoundFile, where: str, first: int
) -> Iterator[np.ndarray]:
    """Blocks [n, channels] of an open file, up to where its sound ends."""
    decoded = first
    size = max(1, BLOCK // sound.channels)
    while True:
        try:
            block = sound.read(size, dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            reason = getattr(error, "error_string", str(error)).rstrip(".")
            raise AudioError(
                f"expected sound up to the end, got '{reason}' after "
                f"{decoded / sound.samplerate:.1f} s, in {where}; the file is "
                "damaged: copy or export it again"
            ) from None
        if len(block) == 0:
            break
        decoded += len(block)
        yield block
    missing = (sound.frames - decoded) / sound.samplerate
    if decoded and missing > LENGTH_TOLERANCE:
        logger.warning(
            "%s: the header promises %.1f s more than can be decoded",
            where,
            missing,
        )


@contextmanager
def _open_with_ffmpeg(where: str, reason: str) -> Iterator[Sound]:
    """Sound of a file that libsndfile rejected for a reason."""
    ffmpeg, ffprobe = shutil.which("ffmpeg"), shutil.which("ffprobe")
    if ffmpeg is None or ffprobe is None:
        raise AudioError(
            f"expected audio such as wav, flac, ogg or mp3, got '{reason}', in "
            f"{where}; install ffmpeg, with which all other formats are read"
        )
    sample_rate, n_channels = _probe(ffprobe, where, reason)
    command = [ffmpeg, "-nostdin", "-v", "error", *_input(where)]
    command += ["-map", "0:a:0", "-f", "f32le", "-ac", str(n_channels)]
    command += ["-ar", str(sample_rate), "pipe:1"]
    # A file takes any number of complaints; a pipe that is full would block.
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=complaints
        )
        try:
            blocks = _piped_blocks(process, complaints, n_channels, where)
            yield Sound(sample_rate, n_channels, blocks)
        finally:
            process.kill()
            process.communicate()


def _input(where: str) -> list[str]:
    """Arguments that name one local file, and let it name no other place."""
    path = Path(where).absolute()
    return ["-protocol_whitelist", "file,pipe", "-i", f"file:{path}"]


def _probe(ffprobe: str, where: str, reason: str) -> tuple[int, int]:
    """Sample rate and number of channels of the first audio stream."""
    command = [ffprobe, "-v", "error", "-select_streams", "a:0"]
    command += ["-show_entries", "stream=sample_rate,channels", "-of", "json"]
    command += _input(where)
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=PROBE_SECONDS,
            stdin=subprocess.DEVNULL,
        )
        (stream,) = json.loads(done.stdout)["streams"]
        sample_rate, n_channels = stream["sample_rate"], stream["channels"]
    # No JSON, no stream in it, or none of its entries.
    except (ValueError, KeyError, subprocess.TimeoutExpired):
        raise AudioError(
            f"expected audio or video with sound, got '{reason}', in {where}; "
            "ffmpeg finds no sound in it either: export it again"
        ) from None
    if int(n_channels) < 1:
        raise AudioError(
            f"expected a channel or more, got {n_channels}, in {where}; the "
            "file is damaged: copy or export it again"
        )
    return int(sample_rate), int(n_channels)


def _piped_blocks(
    process: "subprocess.Popen[bytes]",
    complaints: IO[bytes],
    n_channels: int,
    where: str,
) -> Iterator[np.ndarray]:
    """Blocks [n, channels] that ffmpeg decodes."""
    pipe: Any = process.stdout
    size = 4 * n_channels * max(1, BLOCK // n_channels)
    while data := pipe.read(size):
        whole = len(data) // (4 * n_channels)
        samples = np.frombuffer(data, "<f4", whole * n_channels)
        yield samples.reshape(whole, n_channels)
    if process.wait() != 0:
        complaints.seek(0)
        lines = complaints.read().decode("utf-8", "replace").splitlines()
        raise AudioError(
            f"expected sound up to the end, got '{lines[-1] if lines else ''}' "
            f"from ffmpeg, in {where}; the file is damaged: copy or export it "
            "again"
        )
