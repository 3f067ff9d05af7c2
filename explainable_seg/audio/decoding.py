"""Files of sound, block by block: with libsndfile, else with ffmpeg.

Nothing is read ahead, so memory does not grow with the length of a file. What
libsndfile refuses, or does not account for, goes to ffmpeg; without ffmpeg it
is an error. What is missing from a recording is said in its notes.
"""

import mmap
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import FileIO, RawIOBase

import numpy as np
import soundfile

from explainable_seg.audio.containers import (
    OggFault,
    frame_chain,
    mp3_length_is_known,
    ogg_fault,
    other_wav_behind,
    starts_anew,
    tags_at_end,
    wav_goes_on,
)
from explainable_seg.audio.extents import (
    VOC,
    begins_again,
    missing_bytes,
    zeros_at_end,
)
from explainable_seg.audio.ffmpeg import (
    SoundTrack,
    choose_track,
    decoding,
    find_ffmpeg,
    read_tracks,
)
from explainable_seg.errors import AudioError

N_STRETCHES, STRETCH = 8, 2.0  # of a look at a recording; seconds of each
BLOCK = 2**18  # samples of all channels that are decoded at a time
PROMISE_TOLERANCE = 0.1  # seconds, between what is promised and what is there
LONGEST_SOUND = (
    10 * 365 * 86400
)  # seconds: a header that says more does not know
# Of these formats, libsndfile finds a sample without decoding up to it.
SEEKABLE = frozenset("WAV WAVEX FLAC AIFF AU W64 RF64 NIST CAF OGG MP3".split())
# Formats with other chunks behind the sound.
CHUNKED = frozenset("AIFF CAF RF64 W64 NIST".split())
# A size in the header, and the one that libsndfile finds.
SIZES = re.compile(r"(\d+) \(should be (\d+)\)")
BEYOND = "more than its header counts"
# Formats of which libsndfile does not say that they are cut, or are several.
UNTOLD_BY_LIBSNDFILE = frozenset(["VOC", "NIST"])
UNTOLD = 0x7F000000  # and above: a size that a pipe could not know
# Formats that count their frames in their header, and what that begins with.
COUNTED = {"FLAC": b"fLaC", "AU": b".snd", "MP3": None}
REASONS = {"joined": "joined", "hole": "damaged", "cut": "cut off"}


class ForwardFile(soundfile.SoundFile):
    """A file that is read from one place to its end.

    After each block, soundfile goes where it is already. That makes libmpg123
    forget what earlier frames held for later ones: samples behind a block are
    then wrong, and it says so on the standard error of the process.
    """

    def seekable(self) -> bool:
        """No, as far as reading is concerned."""
        return False


@dataclass(frozen=True)
class OpenSound:
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
    duration : float, optional
        Seconds of the whole recording, as far as they are known before.
    look : callable, optional
        Gives stretches [n, channels] from all over the recording and leaves
        the blocks where they are; None where one would have to decode it all.
    """

    sample_rate: int
    n_channels: int
    blocks: Iterator[np.ndarray]
    first: int = 0
    duration: float | None = None
    look: Callable[[], list[np.ndarray]] | None = None


@dataclass
class _File:
    """A file that is being decoded, and what is said of it."""

    path: str
    stream: RawIOBase
    notes: list[str] = field(default_factory=list)
    block: int = BLOCK

    @property
    def size(self) -> int:
        """Bytes."""
        return os.fstat(self.stream.fileno()).st_size


def open_file(path: str | os.PathLike[str]) -> FileIO:
    """Open a file as such.

    Arguments
    ---------
    path : str or os.PathLike
        The file.

    Returns
    -------
    io.FileIO
        Without a buffer, for libsndfile reads from the same descriptor.

    Raises
    ------
    AudioError
        If it cannot be opened, or is a pipe or a device, which may never end.
    """
    try:
        stream = FileIO(path, "rb", opener=_open_without_waiting)
    except (OSError, ValueError) as error:  # a name may hold a zero byte
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioError(
            f"expected an audio file, got '{reason}', in {os.fspath(path)}; "
            "check the name and whether you may read it"
        ) from None
    if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        return stream
    stream.close()
    raise AudioError(
        f"expected an audio file, got a pipe or a device, in {os.fspath(path)};"
        " name a file"
    )


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file, or a pipe into which nobody writes."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@contextmanager
def open_sound(
    path: str | os.PathLike[str],
    start: float = 0.0,
    track: int | None = None,
    notes: list[str] | None = None,
    block: int = BLOCK,
) -> Iterator[OpenSound]:
    """Open a recording of any format.

    Arguments
    ---------
    path : str or os.PathLike
        What libsndfile reads (wav, flac, ogg, mp3, aiff and more), or what the
        ffmpeg of the machine reads, if there is one.
    start : float
        Second from which samples are wanted. The blocks begin there or before.
    track : int, optional
        The sound track, from 1; by default the one that players take.
    notes : list[str], optional
        Is told what is missing; complete when the blocks have ended.
    block : int
        Samples of all channels that are decoded at a time.

    Yields
    ------
    OpenSound

    Raises
    ------
    AudioError
        If the file is missing, empty, or no audio that can be read.
    """
    where = os.fspath(path)
    with open_file(path) as stream:
        file = _File(where, stream, [] if notes is None else notes, block)
        if file.size == 0:
            raise AudioError(
                f"expected audio, got an empty file, in {where}; copy or "
                "export the file again"
            )
        with _opened(file, start, track) as sound:
            yield sound


def _opened(
    file: _File, start: float, track: int | None
) -> AbstractContextManager[OpenSound]:
    """The reader that can account for a file."""
    fault = ogg_fault(file.stream)
    if fault == "several" and find_ffmpeg():
        return _through_ffmpeg(file, track, "several tracks", True)
    if fault in ("joined", "hole") and find_ffmpeg():
        file.notes.append(f"the file is {REASONS[fault]}")
        return _through_ffmpeg(file, track, REASONS[fault], fault == "hole")
    is_guess = fault is None and _is_mp3_of_guessed_length(file)
    if is_guess:
        _look_at_chain(file)
    if is_guess and find_ffmpeg():
        return _through_ffmpeg(file, track, "no length", False)
    if other_wav_behind(file.stream) or _is_several_vocs(file.stream):
        raise AudioError(
            f"expected one recording, got another of other samples behind it, "
            f"in {file.path}; split the file, or export them together"
        )
    try:
        # A descriptor: what the file is called does not matter, and nothing
        # of libsndfile's work comes back to Python.
        sound = ForwardFile(file.stream.fileno(), closefd=False)
    except soundfile.SoundFileError as error:
        if fault in REASONS:
            file.notes.append(f"the file is {REASONS[fault]}")
        return _through_ffmpeg(file, track, _reason(error), True)
    if track not in (None, 1):
        sound.close()
        raise AudioError(
            f"expected the one sound track of a {sound.format} file, got "
            f"track {track}, in {file.path}; leave --track out"
        )
    return _through_libsndfile(file, sound, start, fault)


def _is_mp3_of_guessed_length(file: _File) -> bool:
    """Whether libsndfile would guess where an MP3 file ends, and end there."""
    try:
        with ForwardFile(file.stream.fileno(), closefd=False) as sound:
            is_mp3 = sound.format == "MP3"
            return is_mp3 and not mp3_length_is_known(file.stream)
    except soundfile.SoundFileError:
        return False
    finally:
        file.stream.seek(0)


def _is_several_vocs(stream: RawIOBase) -> bool:
    """Whether headers would be heard as samples, and samples as noise."""
    is_voc = stream.read(len(VOC)) == VOC
    stream.seek(0)
    return is_voc and begins_again(stream)


def _look_at_chain(file: _File) -> None:
    """Say what is missing from an MPEG stream without a count of frames."""
    chain = frame_chain(file.stream)
    if chain.n_frames and chain.is_cut:
        file.notes.append("the file is cut off: its last frame is not whole")
    if chain.n_frames and chain.n_strange:
        file.notes.append(
            f"the file is damaged: {chain.n_strange} bytes in it are no sound"
        )


def _look_at_extent(file: _File) -> None:
    """Say what a container counts and lacks, and what lies behind it."""
    missing = missing_bytes(file.stream)
    if missing:
        file.notes.append(f"the file is cut off: it lacks {missing} bytes")
    if begins_again(file.stream):
        file.notes.append("another recording lies behind it, and is left")


def _reason(error: soundfile.SoundFileError) -> str:
    """What libsndfile says, in some words."""
    text = getattr(error, "error_string", str(error)).strip().rstrip(".:")
    return text or "damaged sound"


@contextmanager
def _through_ffmpeg(
    file: _File, number: int | None, reason: str, player_clock: bool
) -> Iterator[OpenSound]:
    """A file that libsndfile does not do for a reason."""
    tracks = read_tracks(file.path, reason)
    track = choose_track(tracks, number, file.path, file.notes)
    _look_at_extent(file)
    n_zeros = 0 if track.codec.startswith("pcm") else zeros_at_end(file.stream)
    if n_zeros:
        file.notes.append(
            f"the file ends in {n_zeros} zero bytes: it was not copied to the "
            "end"
        )
    with decoding(
        file.path, track, file.block, file.notes, player_clock
    ) as blocks:
        yield OpenSound(
            track.sample_rate, track.n_channels, blocks, 0, track.duration
        )


@contextmanager
def _through_libsndfile(
    file: _File,
    sound: soundfile.SoundFile,
    start: float,
    fault: OggFault | None,
) -> Iterator[OpenSound]:
    """An open file of libsndfile, moved towards the start."""
    with sound, ExitStack() as anew:
        rate, known = sound.samplerate, has_known_length(file.stream, sound)
        first = round(start * rate)
        if fault or sound.format not in SEEKABLE or not known:
            first = 0
        first = first if 0 < first < sound.frames else 0
        if first and not _moved(sound, first):
            # It has lost its place: read anew from the beginning.
            file.stream.seek(0)
            sound = anew.enter_context(
                ForwardFile(file.stream.fileno(), closefd=False)
            )
            first = 0
        blocks = _decoded_blocks(file, sound, first, known, fault)
        yield OpenSound(
            rate,
            sound.channels,
            blocks,
            first,
            sound.frames / rate if known else None,
            partial(_stretches, file.path)
            if known and sound.format in SEEKABLE
            else None,
        )


def _moved(sound: soundfile.SoundFile, frame: int) -> bool:
    """Whether libsndfile could go to a sample; damage may keep it from that."""
    try:
        sound.seek(frame)
    except soundfile.SoundFileError:
        return False
    return True


def _stretches(path: str) -> list[np.ndarray]:
    """Samples [n, channels] from all over a file."""
    with ForwardFile(path) as sound:
        size = min(sound.frames, round(STRETCH * sound.samplerate))
        stretches = []
        for start in np.linspace(0, sound.frames - size, N_STRETCHES):
            try:
                if sound.format != "MP3":  # of which the beginning does
                    sound.seek(int(start))
                stretches.append(sound.read(size, "float32", always_2d=True))
            except soundfile.SoundFileError:
                break  # damaged there, which whoever reads it all will say
        return stretches


def has_known_length(stream: RawIOBase, sound: soundfile.SoundFile) -> bool:
    """Whether the number of frames in a header is no guess.

    Arguments
    ---------
    stream : io.RawIOBase
        The open file.
    sound : soundfile.SoundFile
        The same, open.

    Returns
    -------
    bool
    """
    if not 0 <= sound.frames < LONGEST_SOUND * sound.samplerate:
        return False
    if sound.format in ("WAV", "WAVEX") and wav_goes_on(stream):
        return False
    if sound.format == "OGG" and ogg_fault(stream) not in (None, "cut"):
        return False
    return sound.format != "MP3" or mp3_length_is_known(stream)


def has_all_it_counts(stream: RawIOBase, sound: soundfile.SoundFile) -> bool:
    """Whether a file holds the frames that its header counts, and no more.

    Arguments
    ---------
    stream : io.RawIOBase
        The open file.
    sound : soundfile.SoundFile
        The same, open; it is moved.

    Returns
    -------
    bool
        Formats without compression are believed: libsndfile counts what is
        there, not what the header says.
    """
    if sound.format not in COUNTED or not sound.frames:
        return True
    try:
        sound.seek(sound.frames - 1)
        reaches_end = len(sound.read(1)) == 1
    except soundfile.SoundFileError:
        return False
    magic = COUNTED[sound.format]
    if magic is None or not reaches_end:
        return reaches_end
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(magic, len(magic)) < 0


def _decoded_blocks(
    file: _File,
    sound: soundfile.SoundFile,
    first: int,
    known: bool,
    fault: OggFault | None,
) -> Iterator[np.ndarray]:
    """Blocks [n, channels] of an open file, up to where its sound ends."""
    decoded = first
    size = max(1, file.block // sound.channels)
    reason = ""
    while not reason:
        if known:
            size = min(size, sound.frames - decoded)
        block, reason = _read_block(sound, size)
        decoded += len(block)
        if len(block) == 0:
            break
        yield block
    seconds = decoded / sound.samplerate
    position = os.lseek(file.stream.fileno(), 0, os.SEEK_CUR)
    left = file.size - position
    if sound.format == "MP3":
        left -= tags_at_end(file.stream)
    # Of a file that was cut off, the last page is no whole one.
    left = 0 if fault == "cut" else left
    # Behind the samples of a WAV file, libsndfile has read on.
    left = file.size if wav_goes_on(file.stream) else left
    if left > 0 and _holds_sound(file, sound, left, position, seconds, reason):
        reason = reason or BEYOND
        yield from _the_rest(file, sound, decoded, reason)
        return
    promised = _promised_seconds(sound, file.size, known)
    if promised > seconds + PROMISE_TOLERANCE:
        file.notes.append(
            f"ends after {seconds:.1f} s, where its header promises "
            f"{promised:.1f} s"
        )
    elif fault in REASONS:
        file.notes.append(f"the file is {REASONS[fault]}")
    elif sound.format in UNTOLD_BY_LIBSNDFILE:
        _look_at_extent(file)


def _read_block(
    sound: soundfile.SoundFile, size: int
) -> tuple[np.ndarray, str]:
    """The next samples, and why there are no more of them."""
    # What libsndfile had decoded before it failed is in the array, but how
    # much it does not say.
    block = np.full((size, sound.channels), np.nan, dtype=np.float32)
    try:
        return sound.read(out=block), ""
    except soundfile.SoundFileError as error:
        there = np.isnan(block).all(axis=1)
        n_read = int(np.argmax(there)) if there.any() else size
        return block[:n_read], _reason(error)


def _holds_sound(
    file: _File,
    sound: soundfile.SoundFile,
    left: int,
    position: int,
    seconds: float,
    reason: str,
) -> bool:
    """Whether sound lies in the bytes that libsndfile left."""
    if sound.format in ("WAV", "WAVEX"):
        return bool(reason) or wav_goes_on(file.stream)
    if sound.format in CHUNKED:
        if starts_anew(file.stream, position):
            file.notes.append("another recording lies behind it, and is left")
        return bool(reason)
    return bool(reason) or left / max(1, position) * seconds > PROMISE_TOLERANCE


def _the_rest(
    file: _File, sound: soundfile.SoundFile, decoded: int, reason: str
) -> Iterator[np.ndarray]:
    """What ffmpeg decodes behind what libsndfile did."""
    seconds = decoded / sound.samplerate
    if find_ffmpeg() is None:
        raise AudioError(
            f"expected sound up to the end, got '{reason}' after "
            f"{seconds:.1f} s, in {file.path}; install ffmpeg, which reads "
            "more of damaged or joined files, or export it again"
        )
    track = SoundTrack(1, sound.samplerate, sound.channels, None, "", True)
    # A damaged FLAC file has a clock; of joined files each has its own.
    joined = reason == BEYOND
    player_clock = sound.format == "FLAC" and not joined
    with decoding(
        file.path, track, file.block, file.notes, player_clock
    ) as blocks:
        passed = 0
        for block in blocks:
            rest = block[max(0, decoded - passed) :]
            passed += len(block)
            if len(rest):
                yield rest
    more = passed / sound.samplerate - seconds
    if more > PROMISE_TOLERANCE and sound.subtype == "OPUS" and not joined:
        # All pages are whole: libsndfile 1.2.2 gives up on sound Opus files.
        return
    if more > PROMISE_TOLERANCE:
        file.notes.append(
            f"'{reason}' after {seconds:.1f} s: {more:.1f} s more were decoded "
            "with ffmpeg"
        )
    else:
        file.notes.append(f"'{reason}' after {seconds:.1f} s: nothing follows")


def _promised_seconds(
    sound: soundfile.SoundFile, size: int, known: bool
) -> float:
    """Seconds that the header of a file promises, 0 if it does not."""
    promised = sound.frames / sound.samplerate if known else 0.0
    missing = [
        int(written) - int(found)
        for written, found in SIZES.findall(sound.extra_info)
        if int(written) < UNTOLD
    ]
    if not known or not missing or max(missing) <= 0:
        return promised
    # The bytes that are there are the frames that libsndfile counts.
    return promised * (size + max(missing)) / size
