"""Sound through the ffmpeg of the machine: what libsndfile cannot read.

ffmpeg opens one local file, as a container of sound or video and as nothing
else: a playlist, whatever its name, would make it open the files that it lists.
It ends with us, and a decoder from which nothing comes any more is stopped.
"""

import json
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from explainable_seg.audio.containers import wav_goes_on
from explainable_seg.errors import AudioError

PROBE_SECONDS = 60  # in which ffprobe must have read a header
STALLED_SECONDS = 60  # without a byte, after which a decoder is given up
SILENT_SECONDS = 0.1  # that must be missing before it is said
# Containers that hold their sound themselves. Left out is what names other
# files or addresses (hls, dash, concat, imf, image2, sdp), what computes sound
# without an end (lavfi, libgme, libopenmpt), and whatever nobody asked for.
CONTAINERS = (
    "aac ac3 adts aiff amr amrnb amrwb ape asf au avi caf "
    "dsf dts dtshd dv eac3 flac flv gxf iff ircam latm loas matroska mlp mov "
    "mp3 mp4 mpc mpc8 mpeg mpegts mxf nistsphere nut ogg oma pvf qcp rm shn "
    "sox tak truehd tta voc vqf w64 wav webm wtv wv xa xwma"
)
ADDED = re.compile(rb"adding (\d+) audio samples of silence")
DROPPED = re.compile(rb"discarding (\d+) audio samples")
COMPLAINT = re.compile(
    rb"\[(?:error|fatal)\] ?(.*)|\[warning\] ?(.*corrupt.*)", re.IGNORECASE
)
GUESSED = b"Estimating duration from bitrate"
# Containers whose clock begins with the earliest of the streams that are read.
CLOCKED = frozenset(["mpegts", "mpeg"])


@dataclass(frozen=True)
class SoundTrack:
    """A sound track of a file.

    Arguments
    ---------
    number : int
        Its place among the sound tracks, from 1.
    sample_rate : int
        Hz.
    n_channels : int
        Number of channels.
    duration : float, optional
        Seconds, where the file says it.
    name : str
        Its language, if it has one.
    is_default : bool
        Whether players take it.
    codec : str
        ffmpeg's name of it.
    container : str
        ffmpeg's names of the container.
    """

    number: int
    sample_rate: int
    n_channels: int
    duration: float | None
    name: str
    is_default: bool
    codec: str = ""
    container: str = ""


def find_ffmpeg() -> tuple[str, str] | None:
    """Paths of ffmpeg and ffprobe, if the machine has both."""
    ffmpeg, ffprobe = shutil.which("ffmpeg"), shutil.which("ffprobe")
    return (ffmpeg, ffprobe) if ffmpeg and ffprobe else None


def needed_ffmpeg(where: str, reason: str) -> tuple[str, str]:
    """Paths of ffmpeg and ffprobe; raise if the machine lacks them.

    Arguments
    ---------
    where : str
        The file, for the message.
    reason : str
        Why libsndfile does not do.

    Returns
    -------
    tuple[str, str]

    Raises
    ------
    AudioError
        With the remedy.
    """
    found = find_ffmpeg()
    if found is None:
        raise AudioError(
            f"expected audio such as wav, flac, ogg or mp3, got '{reason}', in "
            f"{where}; install ffmpeg, with which all other formats are read"
        )
    return found


def _input(where: str) -> list[str]:
    """Arguments that name one local file, and let it name no other place."""
    path = Path(where).absolute()
    return [
        *("-protocol_whitelist", "file,pipe"),
        *("-format_whitelist", ",".join(CONTAINERS.split())),
        *("-i", f"file:{path}"),
    ]


def read_tracks(where: str, reason: str) -> list[SoundTrack]:
    """Sound tracks of a file that libsndfile does not do.

    Arguments
    ---------
    where : str
        The file.
    reason : str
        Why libsndfile does not do.

    Returns
    -------
    list[SoundTrack]
        One or more.

    Raises
    ------
    AudioError
        If there is no ffmpeg, or none in the file that can be read.
    """
    _, ffprobe = needed_ffmpeg(where, reason)
    command = [ffprobe, "-v", "error", "-select_streams", "a"]
    entries = "format=format_name,start_time,duration,nb_streams:"
    entries += "stream=codec_name,sample_rate,channels,"
    entries += "duration:stream_disposition=default"
    command += ["-show_entries", f"{entries}:stream_tags=language,DURATION"]
    command += ["-of", "json", *_input(where)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=PROBE_SECONDS,
            stdin=subprocess.DEVNULL,
        )
        found = json.loads(done.stdout)
        tracks = [
            _track(number, stream, found["format"])
            for number, stream in enumerate(found["streams"], 1)
        ]
    # No JSON, no stream in it, or none of its entries.
    except (ValueError, KeyError, TypeError, subprocess.TimeoutExpired):
        tracks = []
    if not tracks:
        raise AudioError(
            f"expected audio or video with sound, got '{reason}', in {where}; "
            "ffmpeg finds no sound in it either: export it again"
        )
    return tracks


def _track(
    number: int, stream: dict[str, Any], whole: dict[str, Any]
) -> SoundTrack:
    """Track of what ffprobe says of a stream, and of the whole file."""
    tags = stream.get("tags", {})
    duration = _seconds(stream.get("duration"))
    if duration is None and "DURATION" in tags:
        # A time of the file's clock, which ffmpeg starts at 0.
        end, start = _seconds(tags["DURATION"]), whole.get("start_time")
        duration = end and end - (_seconds(start) or 0.0)
    if duration is None and whole.get("nb_streams") == 1:
        duration = _seconds(whole.get("duration"))
    return SoundTrack(
        number,
        int(stream["sample_rate"]),
        int(stream["channels"]),
        duration,
        str(tags.get("language", "")),
        bool(stream.get("disposition", {}).get("default")),
        str(stream.get("codec_name", "")),
        whole["format_name"],
    )


def _seconds(text: str | None) -> float | None:
    """Seconds of ``12.5`` or ``00:00:12.5``, as ffprobe writes them."""
    try:
        hours, minutes, seconds = ["0", "0", *(text or "").split(":")][-3:]
        return 3600 * float(hours) + 60 * float(minutes) + float(seconds)
    except ValueError:
        return None


def choose_track(
    tracks: list[SoundTrack], wanted: int | None, where: str, notes: list[str]
) -> SoundTrack:
    """The track that was asked for, or the one that players take.

    Arguments
    ---------
    tracks : list[SoundTrack]
        Of the file.
    wanted : int, optional
        Its number, from 1.
    where : str
        The file, for the message.
    notes : list[str]
        Is told which of several was taken.

    Returns
    -------
    SoundTrack

    Raises
    ------
    AudioError
        If there is no such track, or it has no channel.
    """
    if wanted is not None and wanted > len(tracks):
        raise AudioError(
            f"expected a sound track up to {len(tracks)}, got {wanted}, in "
            f"{where}; name another with --track"
        )
    usual = next((t for t in tracks if t.is_default), tracks[0])
    track = usual if wanted is None else tracks[wanted - 1]
    if track.n_channels < 1 or track.sample_rate < 1:
        raise AudioError(
            f"expected a channel or more, got {track.n_channels} at "
            f"{track.sample_rate} Hz, in {where}; the file is damaged: copy or "
            "export it again"
        )
    if len(tracks) > 1 and wanted is None:
        language = f" ({track.name})" if track.name else ""
        notes.append(
            f"{len(tracks)} sound tracks: took track {track.number}{language}; "
            "choose with --track"
        )
    return track


@contextmanager
def decoding(
    where: str,
    track: SoundTrack,
    block: int,
    notes: list[str],
    player_clock: bool = True,
) -> Iterator[Iterator[np.ndarray]]:
    """Blocks of a track while the context lasts.

    Arguments
    ---------
    where : str
        The file.
    track : SoundTrack
        Which, and at what rate and with how many channels it is wanted.
    block : int
        Samples of all channels at a time.
    notes : list[str]
        Is told what is missing.
    player_clock : bool
        Whether sound stands where players play it: what is missing is silence.
        Of several streams, one behind the other, the clocks start anew, so
        that only their order is known.

    Yields
    ------
    Iterator[np.ndarray] [shape=(n, channels), dtype=float32]
    """
    ffmpeg, _ = needed_ffmpeg(where, "no libsndfile format")
    command = [*_with_us(), ffmpeg, "-nostdin", "-v", "level+verbose"]
    command += ["-err_detect", "crccheck", *_whole_wav(where), *_input(where)]
    command += ["-map", f"0:a:{track.number - 1}", "-vn", "-sn", "-dn"]
    if player_clock:
        command += ["-af", "aresample=async=1:first_pts=0"]
    command += ["-f", "f32le", "-ac", str(track.n_channels)]
    command += ["-ar", str(track.sample_rate), "pipe:1"]
    if player_clock and track.container in CLOCKED:
        # Else the clock would begin with the sound, not with the picture.
        command += ["-map", "0:v:0?", "-c:v", "copy", "-f", "null", "-"]
    # A file takes any number of complaints; a pipe that is full would block.
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=complaints
        )
        try:
            yield _piped(
                process, complaints, track, block, where, notes, player_clock
            )
        finally:
            process.kill()
            process.communicate()


def _with_us() -> list[str]:
    """A prefix with which a program ends when we do, where there is one."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []


def _whole_wav(where: str) -> list[str]:
    """Options for a WAV file whose header does not tell all of it."""
    with open(where, "rb", buffering=0) as stream:
        return ["-ignore_length", "1"] if wav_goes_on(stream) else []


def _piped(
    process: "subprocess.Popen[bytes]",
    complaints: IO[bytes],
    track: SoundTrack,
    block: int,
    where: str,
    notes: list[str],
    player_clock: bool,
) -> Iterator[np.ndarray]:
    """Blocks [n, channels] that ffmpeg decodes, then what it said."""
    frame = 4 * track.n_channels
    size = frame * max(1, block // track.n_channels)
    n_frames = 0
    while data := _read(process, size, where):
        whole = len(data) // frame
        n_frames += whole
        samples = np.frombuffer(data, "<f4", whole * track.n_channels)
        yield samples.reshape(whole, track.n_channels)
    failed = process.wait() != 0
    complaints.seek(0)
    said = complaints.read()
    complaint = _last_complaint(said)
    if failed:
        raise AudioError(
            f"expected sound up to the end, got '{complaint}' from ffmpeg, in "
            f"{where}; the file is damaged: copy or export it again"
        )
    told = _clock_notes(said, track, n_frames)
    if player_clock and complaint and not any("promises" in x for x in told):
        told.append(f"damaged: ffmpeg says '{complaint}'")
    notes += told


def _last_complaint(said: bytes) -> str:
    """The last error of ffmpeg, or nothing."""
    found = COMPLAINT.findall(said)
    return b"".join(found[-1]).decode("utf-8", "replace") if found else ""


def _clock_notes(said: bytes, track: SoundTrack, n_frames: int) -> list[str]:
    """What is to be said of the times of a track of so many samples."""
    notes = []
    silent, dropped = (
        sum(map(int, pattern.findall(said))) / track.sample_rate
        for pattern in (ADDED, DROPPED)
    )
    if silent > SILENT_SECONDS:
        notes.append(f"{silent:.1f} s have no sound and count as silence")
    if dropped > SILENT_SECONDS:
        notes.append(
            f"{dropped:.1f} s stand at a time that has passed, and are left out"
        )
    promised = 0.0 if GUESSED in said else track.duration or 0.0
    missing = promised - n_frames / track.sample_rate
    if missing > SILENT_SECONDS + 0.02 * promised:
        notes.append(f"ends {missing:.1f} s before the length that it promises")
    return notes


def _read(process: "subprocess.Popen[bytes]", size: int, where: str) -> bytes:
    """The next bytes; raise if none come for too long."""
    pipe: Any = process.stdout
    stalled = threading.Event()

    def give_up() -> None:
        stalled.set()
        process.kill()

    watchdog = threading.Timer(STALLED_SECONDS, give_up)
    watchdog.start()
    try:
        data: bytes = pipe.read(size)
    finally:
        watchdog.cancel()
    if stalled.is_set():
        raise AudioError(
            f"expected sound, got none for {STALLED_SECONDS} s from ffmpeg, in "
            f"{where}; leave the file out or convert it"
        )
    return data
