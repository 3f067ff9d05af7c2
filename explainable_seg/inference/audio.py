"""Any recording in, 16 kHz mono out.

Files are decoded with libsndfile (through soundfile) block by block, channels
are averaged, and soxr resamples at high quality. An array takes the same way
as a file, so that the result depends on the samples only.
"""

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from explainable_seg.errors import AudioError
from explainable_seg.frames import SAMPLE_RATE, WINDOW

logger = logging.getLogger(__name__)

# What a search of a folder takes for audio. A file that is named itself is
# tried whatever its extension is.
AUDIO_EXTENSIONS = frozenset(
    ".wav .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .snd .w64 .rf64 "
    ".sph .caf".split()  # codespell:ignore caf
)
BLOCK = 2**18  # samples of each channel that are decoded at a time
LOUDEST = 100.0  # 40 dB over full scale: beyond it the scale itself is wrong
SLOWEST, FASTEST = 1000, 768_000  # Hz, sample rates that are believed
LENGTH_TOLERANCE = 0.1  # seconds, between the header and the decoded sound


def load_audio(path: str | os.PathLike[str]) -> np.ndarray:
    """Sound of a file at 16 kHz, mono.

    The samples that can be decoded count, not the length in the header.

    Arguments
    ---------
    path : str or os.PathLike
        A file that libsndfile reads: wav, flac, ogg, mp3, aiff and more, any
        number of channels, any sample width.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]
        Samples in -1..1, N >= 400.

    Raises
    ------
    AudioError
        If the file is missing, empty, not audio, damaged, holds NaN, or is
        shorter than one frame (400 samples at 16 kHz).
    """
    where = os.fspath(path)
    try:
        with open(path, "rb") as stream:
            if os.fstat(stream.fileno()).st_size == 0:
                raise AudioError(
                    f"expected audio, got an empty file, in {where}; copy or "
                    "export the file again"
                )
            with _open_sound(stream, where) as sound:
                audio = _to_house_rate(
                    _decoded_blocks(sound, where), sound.samplerate, where
                )
    except OSError as error:
        raise AudioError(
            f"expected an audio file, got '{error.strerror}', in {where}; "
            "check the name and whether you may read it"
        ) from None
    return audio


def to_mono_16k(
    audio: Any, sample_rate: int, where: str = "the array"
) -> np.ndarray:
    """Samples of any rate and number of channels at 16 kHz, mono.

    Arguments
    ---------
    audio : np.ndarray or torch.Tensor [shape=(N,), (N, channels) or (channels, N)]
        Float samples in -1..1, or integer samples, which are divided by their
        full scale. The shorter axis holds the channels; they are averaged.
    sample_rate : int
        Samples a second.
    where : str
        What a message names as the place.

    Returns
    -------
    np.ndarray [shape=(N',), dtype=float32]
        Samples at 16 kHz.

    Raises
    ------
    AudioError
        If the array is no audio, holds NaN, or is shorter than one frame.

    Example
    -------
    >>> to_mono_16k(np.zeros((2, 48000), dtype=np.int16), 48000).shape
    (16000,)
    """
    samples = _as_float(audio, where)
    blocks = (samples[i : i + BLOCK] for i in range(0, len(samples), BLOCK))
    return _to_house_rate(blocks, sample_rate, where)


def _open_sound(stream: Any, where: str) -> soundfile.SoundFile:
    """Open a stream with libsndfile, whose guess then ignores the name."""
    try:
        return soundfile.SoundFile(stream)
    # A file named .raw makes soundfile ask for the rate with a TypeError.
    except (soundfile.SoundFileError, TypeError) as error:
        reason = getattr(error, "error_string", "no header").rstrip(".")
        name = Path(where).name
        raise AudioError(
            f"expected audio such as wav, flac, ogg or mp3, got '{reason}', in "
            f"{where}; convert it, for instance with: "
            f'ffmpeg -i "{name}" "{Path(name).stem}.converted.wav"'
        ) from None


def _decoded_blocks(
    sound: soundfile.SoundFile, where: str
) -> Iterator[np.ndarray]:
    """Blocks [n, channels] of an open file, up to where its sound ends."""
    decoded = 0
    while True:
        try:
            block = sound.read(BLOCK, dtype="float32", always_2d=True)
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


def _as_float(audio: Any, where: str) -> np.ndarray:
    """Array or tensor as float32 samples [N, channels]."""
    if hasattr(audio, "detach"):  # a torch tensor, wherever it lives
        audio = audio.detach().cpu()
    samples = np.asarray(audio)
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "iuf":
        raise AudioError(
            f"expected numbers of shape [N] or [N, channels], got "
            f"{samples.dtype} of shape {list(samples.shape)}, in {where}; "
            "pass one recording at a time"
        )
    if samples.ndim == 1:
        samples = samples[:, None]
    elif samples.shape[0] < samples.shape[1]:
        samples = samples.T
    if samples.dtype.kind == "f":
        return samples.astype(np.float32, copy=False)
    full_scale = np.float32(2.0 ** (8 * samples.dtype.itemsize - 1))
    centre = full_scale if samples.dtype.kind == "u" else np.float32(0)
    return (samples.astype(np.float32) - centre) / full_scale


def _to_house_rate(
    blocks: Iterable[np.ndarray], sample_rate: int, where: str
) -> np.ndarray:
    """Blocks [n, channels] averaged, resampled to 16 kHz and joined."""
    if not SLOWEST <= sample_rate <= FASTEST:
        raise AudioError(
            f"expected a sample rate of {SLOWEST} to {FASTEST} Hz, got "
            f"{sample_rate}, in {where}; give the right rate"
        )
    parts = [np.zeros(0, dtype=np.float32)]
    mono = _checked_mono(blocks, sample_rate, where)
    if sample_rate == SAMPLE_RATE:
        parts.extend(mono)
    else:
        stream = soxr.ResampleStream(
            sample_rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ"
        )
        parts.extend(stream.resample_chunk(block) for block in mono)
        parts.append(stream.resample_chunk(parts[0], last=True))
    audio = np.concatenate(parts)
    _check_length(audio, where)
    return audio


def _checked_mono(
    blocks: Iterable[np.ndarray], sample_rate: int, where: str
) -> Iterator[np.ndarray]:
    """Mean of the channels of each block; raise on what cannot be sound."""
    seen = 0
    for block in blocks:
        mono = block.mean(axis=1)
        finite = np.isfinite(mono)
        if not finite.all():
            second = (seen + int(np.argmin(finite))) / sample_rate
            raise AudioError(
                f"expected finite samples, got NaN or infinity at "
                f"{second:.3f} s, in {where}; export the recording again"
            )
        peak = float(np.abs(mono).max(initial=0.0))
        if peak > LOUDEST:
            raise AudioError(
                f"expected float samples in -1..1, got {peak:.6g}, in {where}; "
                "divide by the full scale (32768 for 16 bits)"
            )
        seen += len(mono)
        yield mono


def _check_length(audio: np.ndarray, where: str) -> None:
    """Raise if there is no sound, or less than one frame of it."""
    if len(audio) == 0:
        raise AudioError(
            f"expected sound, got no samples behind the header, in {where}; "
            "copy or export the file again"
        )
    if len(audio) < WINDOW:
        raise AudioError(
            f"expected at least {WINDOW} samples at 16 kHz "
            f"({WINDOW / SAMPLE_RATE:g} s), got {len(audio)}, in {where}; use "
            "a longer recording"
        )
