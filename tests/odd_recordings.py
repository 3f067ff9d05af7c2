"""Recordings as people have them, and what must become of each.

Each is made on the fly, with libsndfile, ffmpeg, sox or by hand, and what is in
it is known: it must be heard as it is, or refused in one line, or something
must be said of it. What is expected with ffmpeg and without stands beside it.
"""

import io
import json
import pickle
import shutil
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
from odd_sounds import RATE, melody

SECONDS = 3.0
RIGHT, REFUSED, NOTED = "right", "refused", "noted"
BOTH = "right, noted"  # all is there, and something is said of it
TOLD = "told"  # any of these: what is missing is said, or nothing is
PICTURE = ("-f", "lavfi", "-i", f"color=size=64x64:rate=25:duration={SECONDS}")
Make = Callable[[Path], None]


@dataclass(frozen=True)
class Odd:
    """A recording.

    Arguments
    ---------
    name : str
        Of the file.
    make : callable
        Writes it to a path.
    truth : np.ndarray, optional
        What is in it, at 16 kHz; None if there is no sound.
    outcome : str
        What must become of it.
    bare : str
        The same, on a machine without ffmpeg.
    least : float
        Seconds that must be heard at least with ffmpeg, if it is not refused.
    tools : tuple[str, ...]
        Programs without which it cannot be made.
    """

    name: str
    make: Make
    truth: np.ndarray | None
    outcome: str = RIGHT
    bare: str = RIGHT
    least: float = 0.0
    tools: tuple[str, ...] = ()

    @property
    def can_be_made(self) -> bool:
        """Whether this machine has what it needs."""
        return all(map(shutil.which, self.tools))


def catalogue() -> list[Odd]:
    """All of them; their names differ."""
    return [
        *native(),
        *foreign(),
        *channels_and_tracks(),
        *unknown_lengths(),
        *cut(),
        *damaged(),
        *joined(),
        *tagged(),
        *misnamed(),
        *no_sound(),
    ]


# What libsndfile reads and writes

NATIVE = (
    # name, format, subtype, rate, channels
    ("u8 11025.wav", "WAV", "PCM_U8", 11025, 1),
    ("s16 12000.wav", "WAV", "PCM_16", 12000, 2),
    ("s24 22050.wav", "WAV", "PCM_24", 22050, 8),
    ("s32 37800.wav", "WAVEX", "PCM_32", 37800, 1),
    ("float 48000.wav", "WAV", "FLOAT", 48000, 6),
    ("double 96000.wav", "WAV", "DOUBLE", 96000, 1),
    ("s24 192000.wav", "WAVEX", "PCM_24", 192000, 2),
    ("ulaw 8000.wav", "WAV", "ULAW", 8000, 1),
    ("alaw 8000.wav", "WAV", "ALAW", 8000, 2),
    ("ima adpcm 22050.wav", "WAV", "IMA_ADPCM", 22050, 1),
    ("ms adpcm 44100.wav", "WAV", "MS_ADPCM", 44100, 2),
    ("gsm 8000.wav", "WAV", "GSM610", 8000, 1),
    ("g721 8000.wav", "WAV", "G721_32", 8000, 1),
    ("s16 44100.aiff", "AIFF", "PCM_16", 44100, 2),
    ("s8 11127.aiff", "AIFF", "PCM_S8", 11127, 1),
    ("float 24000.aifc", "AIFF", "FLOAT", 24000, 1),
    ("ulaw 8000.aifc", "AIFF", "ULAW", 8000, 1),
    ("gsm 8000.aifc", "AIFF", "GSM610", 8000, 1),
    ("s24 96000.flac", "FLAC", "PCM_24", 96000, 8),
    ("s8 8000.flac", "FLAC", "PCM_S8", 8000, 1),
    ("s16 11025.flac", "FLAC", "PCM_16", 11025, 2),
    ("vorbis 44100.ogg", "OGG", "VORBIS", 44100, 6),
    ("vorbis 8000.ogg", "OGG", "VORBIS", 8000, 1),
    ("opus 12000.opus", "OGG", "OPUS", 12000, 1),
    ("opus 48000.opus", "OGG", "OPUS", 48000, 2),
    *(
        (f"{rate}.mp3", "MP3", "MPEG_LAYER_III", rate, 1 + rate % 3 % 2)
        for rate in (8000, 11025, 12000, 22050, 24000, 32000, 44100, 48000)
    ),
    ("s32 32000.au", "AU", "PCM_32", 32000, 3),
    ("g723 8000.au", "AU", "G723_40", 8000, 1),
    ("double 16000.caf", "CAF", "DOUBLE", 16000, 1),
    ("alac 44100.caf", "CAF", "ALAC_24", 44100, 2),
    ("s16 16000.w64", "W64", "PCM_16", 16000, 1),
    ("s16 48000.rf64", "RF64", "PCM_16", 48000, 2),
    ("u8 22050.voc", "VOC", "PCM_U8", 22050, 1),
    ("ulaw 8000.sph", "NIST", "ULAW", 8000, 2),
    ("s16 16000.sph", "NIST", "PCM_16", 16000, 1),
    ("s16 16000.pvf", "PVF", "PCM_16", 16000, 1),
    ("s16 44100.paf", "PAF", "PCM_16", 44100, 2),
    ("float 16000.sf", "IRCAM", "FLOAT", 16000, 1),
    ("s16 16000.iff", "SVX", "PCM_16", 16000, 1),
    ("s16 16000.avr", "AVR", "PCM_16", 16000, 1),
    ("s16 16000.htk", "HTK", "PCM_16", 16000, 1),
    ("double 16000.mat", "MAT5", "DOUBLE", 16000, 1),
    ("s16 44100.sds", "SDS", "PCM_16", 44100, 1),
    ("alaw 8000.wve", "WVE", "ALAW", 8000, 1),
)


def native() -> list[Odd]:
    """Formats, rates, widths and numbers of channels of libsndfile."""
    return [
        Odd(name, written(kind, subtype, rate, channels), melody(SECONDS))
        for name, kind, subtype, rate, channels in NATIVE
    ]


def written(
    kind: str, subtype: str, rate: int, channels: int = 1, seconds=SECONDS
) -> Make:
    """Writes the melody to all channels."""

    def make(path: Path) -> None:
        sound = np.tile(melody(seconds, rate)[:, None], channels)
        soundfile.write(path, sound, rate, subtype, format=kind)

    return make


# What ffmpeg and sox write

FOREIGN = (
    # name, rate, channels, options, outcome without ffmpeg
    ("aac.mp4", 44100, 2, (*PICTURE, "-c:a", "aac"), REFUSED),
    ("mp3.mp4", 44100, 2, ("-c:a", "libmp3lame"), REFUSED),
    ("ac3.mp4", 48000, 6, ("-c:a", "ac3"), REFUSED),
    (
        "fragments.mp4",
        48000,
        2,
        ("-movflags", "frag_keyframe+empty_moov"),
        REFUSED,
    ),
    ("fast.m4a", 22050, 1, ("-movflags", "+faststart"), REFUSED),
    ("alac.m4a", 16000, 2, ("-c:a", "alac"), REFUSED),
    ("aac.m4b", 11025, 1, ("-f", "ipod"), REFUSED),
    ("pcm.mov", 48000, 2, ("-c:a", "pcm_s24be"), REFUSED),
    ("ima.mov", 44100, 2, ("-c:a", "adpcm_ima_qt"), REFUSED),
    ("aac.3gp", 16000, 1, ("-c:a", "aac"), REFUSED),
    ("aac.f4v", 44100, 2, (*PICTURE, "-c:a", "aac"), REFUSED),
    ("ac3.mkv", 48000, 6, (*PICTURE, "-c:a", "ac3"), REFUSED),
    ("pcm.mkv", 37800, 1, (*PICTURE, "-c:a", "pcm_f32le"), REFUSED),
    ("vorbis.mka", 44100, 2, ("-c:a", "libvorbis"), REFUSED),
    ("flac.mka", 12000, 1, ("-c:a", "flac"), REFUSED),
    ("opus.webm", 48000, 2, ("-c:a", "libopus"), REFUSED),
    ("vorbis.webm", 22050, 1, ("-c:a", "libvorbis"), REFUSED),
    ("mp3.avi", 44100, 2, (*PICTURE, "-c:a", "libmp3lame"), REFUSED),
    ("pcm.avi", 11025, 1, (*PICTURE, "-c:a", "pcm_u8"), REFUSED),
    ("mp3.flv", 44100, 2, (*PICTURE, "-c:a", "libmp3lame"), REFUSED),
    ("aac.flv", 44100, 1, ("-c:a", "aac"), REFUSED),
    ("nellymoser.flv", 22050, 1, ("-c:a", "nellymoser"), REFUSED),
    ("aac.ts", 48000, 2, (*PICTURE, "-c:a", "aac"), REFUSED),
    ("mp2.m2ts", 48000, 2, (*PICTURE, "-c:a", "mp2"), REFUSED),
    ("s302m.ts", 48000, 2, ("-c:a", "s302m", "-strict", "-2"), REFUSED),
    ("mp2.mpg", 48000, 2, (*PICTURE, "-c:a", "mp2"), REFUSED),
    ("ac3.vob", 48000, 2, (*PICTURE, "-c:a", "ac3"), REFUSED),
    ("pcm.mxf", 48000, 2, (*PICTURE, "-c:a", "pcm_s16le"), REFUSED),
    ("atom.mxf", 48000, 1, ("-f", "mxf_opatom"), REFUSED),
    ("wmav2.wma", 44100, 2, ("-c:a", "wmav2"), REFUSED),
    ("wmav1.wma", 22050, 1, ("-c:a", "wmav1"), REFUSED),
    ("wmav2.asf", 44100, 2, (*PICTURE, "-c:a", "wmav2"), REFUSED),
    ("s16.wtv", 48000, 2, (*PICTURE, "-c:a", "mp2"), REFUSED),
    ("48000.ac3", 48000, 6, (), REFUSED),
    ("48000.eac3", 48000, 2, (), REFUSED),
    ("48000.dts", 48000, 2, ("-strict", "-2"), REFUSED),
    ("48000.thd", 48000, 2, ("-f", "truehd", "-strict", "-2"), REFUSED),
    ("44100.aac", 44100, 2, (), REFUSED),
    ("22050.aac", 22050, 1, (), REFUSED),
    ("48000.latm", 48000, 2, ("-c:a", "aac", "-f", "latm"), REFUSED),
    ("44100.mp2", 44100, 2, (), RIGHT),
    ("24000.mp2", 24000, 1, (), RIGHT),
    ("vbr.mp3", 44100, 2, ("-q:a", "4"), RIGHT),
    ("no xing.mp3", 44100, 2, ("-write_xing", "0"), RIGHT),
    ("alac.caf", 44100, 1, ("-c:a", "alac"), REFUSED),
    ("s16.caf", 22050, 2, ("-c:a", "pcm_s16be"), RIGHT),
    ("44100.wv", 44100, 2, (), REFUSED),
    ("44100.tta", 44100, 2, (), REFUSED),
    ("48000.w64", 48000, 2, (), RIGHT),
    ("rf64.wav", 48000, 2, ("-rf64", "always"), RIGHT),
    ("32000.au", 32000, 1, (), RIGHT),
    ("16000.voc", 16000, 1, ("-c:a", "pcm_s16le"), RIGHT),
    ("sowt.aifc", 44100, 2, ("-c:a", "pcm_s16le", "-f", "aiff"), RIGHT),
    ("s16.nut", 44100, 2, ("-c:a", "pcm_s16le"), REFUSED),
    ("flac.oga", 44100, 2, ("-c:a", "flac"), REFUSED),
    ("opus.ogg", 48000, 6, ("-c:a", "libopus"), RIGHT),
    ("speex.spx", 16000, 1, ("-c:a", "libspeex"), REFUSED),
    ("mp3.wav", 44100, 2, ("-c:a", "libmp3lame"), RIGHT),
    ("ac3.wav", 48000, 2, ("-c:a", "ac3"), REFUSED),
    ("g726.wav", 8000, 1, ("-c:a", "g726"), REFUSED),
    ("gsm ms.wav", 8000, 1, ("-c:a", "libgsm_ms"), RIGHT),
    ("44100.m4v", 44100, 2, ("-c:a", "aac", "-f", "ismv"), REFUSED),
    ("ac3.rm", 44100, 2, ("-c:a", "ac3"), REFUSED),
)


def foreign() -> list[Odd]:
    """Containers and codecs that ffmpeg writes, and that libsndfile may not."""
    return [
        Odd(
            f"ffmpeg {name}",
            encoded(rate, channels, *options),
            melody(SECONDS),
            bare=bare,
            tools=("ffmpeg",),
        )
        for name, rate, channels, options, bare in FOREIGN
    ] + [
        Odd(
            "sox.amr",
            _amr,
            melody(SECONDS),
            bare=REFUSED,
            tools=("sox", "ffmpeg"),
        )
    ]


def _amr(path: Path) -> None:
    """Lets sox encode as telephones do, which ffmpeg only reads."""
    wav = path.with_name(f"{path.name} source.wav")
    soundfile.write(wav, melody(SECONDS, 8000), 8000)
    subprocess.run(["sox", wav, "-t", "amr-nb", path], check=True)
    wav.unlink()


def encoded(rate: int, channels: int, *options: str) -> Make:
    """Encodes the melody on all channels."""

    def make(path: Path) -> None:
        encode(stacked(melody(SECONDS, rate), channels), rate, path, *options)

    return make


def stacked(sound: np.ndarray, channels: int) -> np.ndarray:
    """A sound on all channels [N, channels]."""
    return np.tile(sound[:, None], channels)


def encode(sound: np.ndarray, rate: int, path: Path, *options: str) -> None:
    """Let ffmpeg encode a sound."""
    wav = io.BytesIO()
    soundfile.write(wav, sound, rate, "FLOAT", format="WAVEX")
    command = ["ffmpeg", "-v", "error", "-threads", "1", "-i", "pipe:0"]
    subprocess.run(
        [*command, *options, "-y", str(path)], input=wav.getvalue(), check=True
    )


# Channels, tracks, offsets


def channels_and_tracks() -> list[Odd]:
    """What is on which channel or track, and when."""
    sound = melody(SECONDS)
    clicked, late = sound.copy(), np.concatenate([np.zeros(2 * RATE), sound])
    clicked[::4000] = 0.99
    hole = sound.copy()
    hole[RATE : 2 * RATE + RATE // 2] = 0.0
    two = np.stack([np.zeros_like(sound), sound], axis=1)
    select = "asetnsamples=n=160,aselect='not(between(t,1,2.5))'"
    ffmpeg = ("ffmpeg",)
    return [
        Odd("inverted.wav", samples(sound, -sound), sound, BOTH, BOTH),
        Odd("one silent.wav", samples(sound, 0 * sound), sound / 2),
        Odd("constant.wav", samples(sound + 0.3), sound),
        Odd("clicks.wav", samples(clicked), sound),
        Odd("late.wav", samples(late), late),
        Odd("quiet.flac", samples(0.01 * sound), 0.01 * sound),
        Odd("clipped.wav", samples(np.clip(3 * sound, -1, 1)), 2 * sound),
        Odd("32 channels.wav", samples(*[sound] * 32), sound),
        Odd("default track.mkv", _two_tracks, sound, BOTH, REFUSED, 0, ffmpeg),
        Odd("offset.mp4", _behind_the_picture, late, BOTH, REFUSED, 0, ffmpeg),
        Odd("offset.mkv", _behind_the_picture, late, BOTH, REFUSED, 0, ffmpeg),
        Odd("offset.ts", _behind_the_picture, late, BOTH, REFUSED, 0, ffmpeg),
        *(
            Odd(
                f"hole.{suffix}",
                _coded(sound, "-af", select, *options),
                hole,
                BOTH,
                REFUSED,
                0,
                ffmpeg,
            )
            for suffix, options in (
                ("mka", ("-c:a", "pcm_s16le")),
                ("webm", ("-c:a", "libopus", "-ar", "48000")),
                ("nut", ("-c:a", "pcm_s16le")),
            )
        ),
        Odd(
            "ten hours in.ts",
            _coded(sound, "-output_ts_offset", "36000", "-c:a", "mp2"),
            sound,
            RIGHT,
            REFUSED,
            0,
            ffmpeg,
        ),
        Odd(
            "left of two.mov", _coded(two), sound / 2, RIGHT, REFUSED, 0, ffmpeg
        ),
    ]


def samples(*channels: np.ndarray) -> Make:
    """Writes a sound a channel, at 16 kHz."""
    return lambda path: soundfile.write(path, np.stack(channels, 1), RATE)


def _coded(sound: np.ndarray, *options: str) -> Make:
    """Encodes a sound at 16 kHz."""
    return lambda path: encode(sound, RATE, path, *options)


def _two_tracks(path: Path) -> None:
    """A silent track, and the melody on the one that players take."""
    silent = (
        "-f",
        "lavfi",
        "-t",
        f"{SECONDS}",
        "-i",
        "anullsrc=r=16000:cl=mono",
    )
    maps = ("-map", "1:a", "-map", "0:a", "-disposition:a:0", "0")
    chosen = ("-disposition:a:1", "default", "-c:a", "flac")
    encode(melody(SECONDS), RATE, path, *silent, *maps, *chosen)


def _behind_the_picture(path: Path) -> None:
    """Sound that starts two seconds after the picture."""
    picture = ("-f", "lavfi", "-i", "color=size=32x32:rate=10:duration=5")
    wav = path.with_name(f"{path.name} source.wav")
    soundfile.write(wav, melody(SECONDS), RATE)
    command = ["ffmpeg", "-v", "error", *picture, "-itsoffset", "2", "-i"]
    subprocess.run([*command, str(wav), "-y", str(path)], check=True)
    wav.unlink()


# Lengths that nobody could know


def unknown_lengths() -> list[Odd]:
    """What was written into a pipe, and sizes that are wrong."""
    sound = melody(SECONDS)
    half = RATE * int(SECONDS)  # bytes
    piped = [
        Odd(
            f"piped {name}",
            _piped(*options),
            sound,
            # ffmpeg asks for more than there is, and says that it lacks it.
            BOTH if name == "caf.caf" else RIGHT,
            bare,
            0,
            ("ffmpeg",),
        )
        for name, options, bare in (
            ("wav.wav", ("-f", "wav"), RIGHT),
            ("w64.w64", ("-f", "w64"), RIGHT),
            ("au.au", ("-f", "au"), RIGHT),
            ("aiff.aiff", ("-f", "aiff"), RIGHT),
            ("caf.caf", ("-f", "caf", "-c:a", "pcm_s16be"), REFUSED),
            ("voc.voc", ("-f", "voc", "-c:a", "pcm_s16le"), RIGHT),
            ("flac.flac", ("-f", "flac"), RIGHT),
            ("mp3.mp3", ("-f", "mp3"), RIGHT),
            ("ogg.ogg", ("-f", "ogg", "-c:a", "libvorbis"), RIGHT),
            ("mkv.mkv", ("-f", "matroska", "-c:a", "ac3"), REFUSED),
            ("flv.flv", ("-f", "flv", "-ar", "44100"), REFUSED),
            ("avi.avi", ("-f", "avi", "-c:a", "pcm_s16le"), REFUSED),
            ("wma.wma", ("-f", "asf", "-c:a", "wmav2"), REFUSED),
            ("wv.wv", ("-f", "wv"), REFUSED),
            ("tta.tta", ("-f", "tta"), REFUSED),
            ("mp4.mp4", ("-f", "mp4", "-movflags", "empty_moov"), REFUSED),
        )
    ]
    wav = written("WAV", "PCM_16", RATE)
    sizes = [
        Odd(
            f"sizes {riff:x} {data:x}.wav",
            changed(wav, ".wav", _sized(riff, data)),
            sound,
            outcome,
            bare,
            least,
        )
        for riff, data, outcome, bare, least in (
            (0xFFFFFFFF, 0xFFFFFFFF, RIGHT, RIGHT, 0),
            (0x7FFFFFFF, 0x7FFFFFFF - 36, RIGHT, RIGHT, 0),
            (0x80000024, 0x80000000, RIGHT, RIGHT, 0),
            (0, 0, BOTH, REFUSED, 0),
            (36, 0, BOTH, REFUSED, 0),
            (half + 36, half, BOTH, REFUSED, 0),  # as sizes that wrapped
            (4 * half, 4 * half, BOTH, BOTH, 0),
            (0, 2 * half, RIGHT, RIGHT, 0),
        )
    ]
    return [*piped, *sizes]


def _piped(*options: str) -> Make:
    """Lets ffmpeg write into a pipe."""

    def make(path: Path) -> None:
        wav = io.BytesIO()
        soundfile.write(wav, melody(SECONDS), RATE, format="WAV")
        command = ["ffmpeg", "-v", "error", "-i", "pipe:0", *options, "pipe:1"]
        done = subprocess.run(
            command, input=wav.getvalue(), capture_output=True, check=True
        )
        path.write_bytes(done.stdout)

    return make


def _sized(riff: int, data: int) -> Callable[[bytes], bytes]:
    """Sets the two sizes in the header of a WAV file."""
    return lambda content: (
        content[:4]
        + struct.pack("<I", riff)
        + content[8:40]
        + struct.pack("<I", data)
        + content[44:]
    )


def changed(make: Make, suffix: str, change: Callable[[bytes], bytes]) -> Make:
    """Writes a recording with other bytes."""

    def make_changed(path: Path) -> None:
        whole = path.with_name(f"{path.name} whole{suffix}")
        make(whole)
        path.write_bytes(change(whole.read_bytes()))
        whole.unlink()

    return make_changed


# Cut, damaged, joined

SOURCES: dict[str, tuple[Make, tuple[str, ...]]] = {
    "wav": (written("WAV", "PCM_16", RATE), ()),
    "float.wav": (written("WAV", "FLOAT", 48000, 2), ()),
    "aiff": (written("AIFF", "PCM_16", RATE, 2), ()),
    "au": (written("AU", "PCM_16", RATE, 2), ()),
    "caf": (written("CAF", "PCM_16", RATE, 2), ()),
    "w64": (written("W64", "PCM_16", RATE, 2), ()),
    "voc": (written("VOC", "PCM_16", RATE, 2), ()),
    "sph": (written("NIST", "PCM_16", RATE, 2), ()),
    "flac": (written("FLAC", "PCM_16", RATE, 2), ()),
    "ogg": (written("OGG", "VORBIS", 44100, 2), ()),
    "opus": (written("OGG", "OPUS", 48000, 2), ()),
    "mp3": (written("MP3", "MPEG_LAYER_III", 44100, 2), ()),
    "no xing.mp3": (encoded(44100, 2, "-write_xing", "0"), ("ffmpeg",)),
    "mp4": (encoded(44100, 2, *PICTURE), ("ffmpeg",)),
    "fast.m4a": (encoded(44100, 2, "-movflags", "+faststart"), ("ffmpeg",)),
    "mkv": (encoded(44100, 2, *PICTURE, "-c:a", "libvorbis"), ("ffmpeg",)),
    "webm": (encoded(48000, 2, "-c:a", "libopus"), ("ffmpeg",)),
    "ts": (encoded(48000, 2, *PICTURE, "-c:a", "mp2"), ("ffmpeg",)),
    "mpg": (encoded(48000, 2, *PICTURE, "-c:a", "mp2"), ("ffmpeg",)),
    "avi": (encoded(44100, 2, *PICTURE, "-c:a", "libmp3lame"), ("ffmpeg",)),
    "flv": (encoded(44100, 2, "-c:a", "aac"), ("ffmpeg",)),
    "wma": (encoded(44100, 2, "-c:a", "wmav2"), ("ffmpeg",)),
    "aac": (encoded(44100, 2), ("ffmpeg",)),
    "ac3": (encoded(48000, 2), ("ffmpeg",)),
    "mp2": (encoded(44100, 2), ("ffmpeg",)),
    "wv": (encoded(44100, 2), ("ffmpeg",)),
    "tta": (encoded(44100, 2), ("ffmpeg",)),
    "mxf": (encoded(48000, 2, *PICTURE, "-c:a", "pcm_s16le"), ("ffmpeg",)),
}


def made_of(
    name: str,
    source: str,
    change: Callable[[bytes], bytes],
    truth: np.ndarray | None,
    outcome: str,
    bare: str,
    least: float = 0.0,
) -> Odd:
    """A recording of other bytes than one of the sources has."""
    _, tools = SOURCES[source]
    return Odd(
        f"{name}.{source}",
        lambda path: path.write_bytes(change(content_of(source))) and None,
        truth,
        outcome,
        bare,
        least,
        tools,
    )


@lru_cache(maxsize=None)
def content_of(source: str) -> bytes:
    """Bytes of a source, encoded once."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"source.{source}"
        SOURCES[source][0](path)
        return path.read_bytes()


def cut() -> list[Odd]:
    """Copies and downloads that were broken off."""
    return [
        made_of(
            f"cut at {share:.1%}",
            source,
            lambda content, share=share: content[: int(share * len(content))],
            melody(SECONDS),
            TOLD,
            TOLD,
            (share - 0.35) * SECONDS,  # a page of Ogg may be that long
        )
        for source, (_, tools) in SOURCES.items()
        for share in ((0.617,) if tools else (0.331, 0.617, 0.973))
    ]


def _scrambled(content: bytes) -> bytes:
    """Noise in the middle tenth."""
    data, size = bytearray(content), len(content) // 10
    start = len(content) // 2
    data[start : start + size] = np.random.default_rng(0).bytes(size)
    return bytes(data)


def _zeroed(content: bytes) -> bytes:
    """Zeros in the middle tenth: blocks of a disk that are lost."""
    size, start = len(content) // 10, len(content) // 2
    return content[:start] + bytes(size) + content[start + size :]


def _shortened(content: bytes) -> bytes:
    """Without its middle tenth: packets that were lost."""
    size, start = len(content) // 10, len(content) // 2
    return content[:start] + content[start + size :]


def _padded(content: bytes) -> bytes:
    """Zeros in place of the last third: a download of a reserved size."""
    size = len(content) // 3
    return content[:-size] + bytes(size)


def _preceded(content: bytes) -> bytes:
    """Noise before it: a stream that was tuned in to."""
    return np.random.default_rng(2).bytes(3000) + content


def _tuned_in(content: bytes) -> bytes:
    """Without the first fifth: a stream that was tuned in to."""
    return content[len(content) // 5 :]


UNSEEN = ("wav", "float.wav", "aiff", "au", "caf", "w64", "voc", "sph")
STREAMS = ("mp3", "no xing.mp3", "ts", "mpg", "aac", "ac3", "mp2")


def damaged() -> list[Odd]:
    """Stretches that are damaged, missing, or not written yet."""
    coded = [source for source in SOURCES if source not in UNSEEN]
    sound = melody(SECONDS)
    late = sound[len(sound) // 5 :]
    kinds = (
        ("noise in", _scrambled, coded, sound),
        ("zeros in", _zeroed, ("flac", "opus", "mp3", "mp4", "ts"), sound),
        ("without the midst", _shortened, coded, sound),
        ("zeros behind", _padded, coded, sound),
        ("noise before", _preceded, STREAMS, sound),
        ("tuned in", _tuned_in, STREAMS, late),
    )
    return [
        made_of(name, source, change, truth, TOLD, TOLD, 0.25 * SECONDS)
        for name, change, sources, truth in kinds
        for source in sources
    ]


def joined() -> list[Odd]:
    """Recordings that were put one behind the other."""
    twice = np.tile(melody(SECONDS), 2)
    found = [
        made_of(
            "twice",
            source,
            lambda content: 2 * content,
            twice,
            TOLD,
            TOLD,
            0.9 * SECONDS,
        )
        for source in SOURCES
    ]
    return [
        *found,
        *(
            Odd(
                f"two rates.{suffix}",
                _two_rates(kind, subtype),
                twice,
                TOLD,
                TOLD,
            )
            for suffix, kind, subtype in (
                ("ogg", "OGG", "VORBIS"),
                ("mp3", "MP3", "MPEG_LAYER_III"),
                ("flac", "FLAC", "PCM_16"),
                ("wav", "WAV", "PCM_16"),
            )
        ),
    ]


def _two_rates(kind: str, subtype: str) -> Make:
    """Writes the melody mono at 22,050 Hz, then stereo at 44,100 Hz."""

    def make(path: Path) -> None:
        content = b""
        for rate, channels in ((22050, 1), (44100, 2)):
            written(kind, subtype, rate, channels)(path)
            content += path.read_bytes()
        path.write_bytes(content)

    return make


# Tags, names


def _png(size: int) -> bytes:
    """A grey picture of random pixels, so that it stays large."""
    rng = np.random.default_rng(3)
    rows = b"".join(b"\0" + rng.bytes(size) for _ in range(size))
    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body))
        + name
        + body
        + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


PNG = _png(500)
ID3V1 = b"TAG" + b"a title".ljust(125, b"\0")
TEXT = b"TITLE".ljust(4096, b" ")


def _id3v2(content: bytes) -> bytes:
    """An ID3v2.3 tag that holds bytes as a picture."""
    body = b"\0image/png\0\3\0" + content
    frame = b"APIC" + struct.pack(">IH", len(body), 0) + body
    size = bytes((len(frame) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\3\0\0" + size + frame


def _ape() -> bytes:
    """An APEv2 tag with header and footer."""
    item = struct.pack("<II", 4, 0) + b"Title\0text"
    size, has_header, is_header = len(item) + 32, 1 << 31, 1 << 29
    return b"".join(
        b"APETAGEX" + struct.pack("<IIII8x", 2000, size, 1, flags) + rest
        for flags, rest in ((has_header | is_header, item), (has_header, b""))
    )


def _chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of RIFF."""
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _chunks_before(content: bytes) -> bytes:
    """Chunks of broadcasters before the sound of a WAV file."""
    added = _chunk(b"bext", bytes(602)) + _chunk(b"LIST", b"INFO" + TEXT)
    added += _chunk(b"iXML", TEXT) + _chunk(b"id3 ", _id3v2(PNG[:1001]))
    grown = content[:12] + added + content[12:]
    return grown[:4] + struct.pack("<I", len(grown) - 8) + grown[8:]


def tagged() -> list[Odd]:
    """Tags and pictures before and behind the sound."""
    sound = melody(SECONDS)
    changes: list[tuple[str, str, Callable[[bytes], bytes]]] = [
        ("picture before", "mp3", lambda x: _id3v2(PNG) + x),
        ("two tags before", "mp3", lambda x: _id3v2(PNG) + _id3v2(b"a") + x),
        ("picture before", "no xing.mp3", lambda x: _id3v2(PNG) + x),
        ("picture before", "flac", lambda x: _id3v2(PNG) + x),
        ("picture before", "aac", lambda x: _id3v2(PNG) + x),
        ("picture before", "tta", lambda x: _id3v2(PNG) + x),
        ("ID3v1", "mp3", lambda x: x + ID3V1),
        ("ID3v1", "no xing.mp3", lambda x: x + ID3V1),
        ("ID3v1", "flac", lambda x: x + ID3V1),
        ("ID3v1", "ogg", lambda x: x + ID3V1),
        ("ID3v1", "wav", lambda x: x + ID3V1),
        ("ID3v1", "aac", lambda x: x + ID3V1),
        ("ID3v1", "tta", lambda x: x + ID3V1),
        ("APE", "mp3", lambda x: x + _ape()),
        ("APE and ID3v1", "mp3", lambda x: x + _ape() + ID3V1),
        ("LIST behind", "wav", lambda x: x + _chunk(b"LIST", TEXT)),
        ("chunks before", "wav", _chunks_before),
        ("id3 behind", "wav", lambda x: x + _chunk(b"id3 ", _id3v2(PNG))),
        ("zeros behind all", "wav", lambda x: x + bytes(5000)),
    ]
    strange = ("aac", "ac3", "tta", "wv")  # to libsndfile
    right = [
        made_of(
            name,
            source,
            change,
            sound,
            RIGHT,
            REFUSED if source in strange else RIGHT,
        )
        for name, source, change in changes
    ]
    others: list[tuple[str, str, Callable[[bytes], bytes], str, str]] = [
        ("picture behind", "mp3", lambda x: x + _id3v2(PNG), RIGHT, REFUSED),
        ("ID3v1", "ac3", lambda x: x + ID3V1, BOTH, REFUSED),
        ("APE and ID3v1", "wv", lambda x: x + _ape() + ID3V1, BOTH, REFUSED),
        ("zeros behind all", "mp3", lambda x: x + bytes(5000), TOLD, TOLD),
        ("zeros behind all", "flac", lambda x: x + bytes(5000), TOLD, TOLD),
        ("zeros behind all", "ogg", lambda x: x + bytes(5000), TOLD, TOLD),
        ("text behind all", "mp3", lambda x: x + TEXT, BOTH, REFUSED),
    ]
    return right + [
        made_of(name, source, change, sound, outcome, bare)
        for name, source, change, outcome, bare in others
    ]


def misnamed() -> list[Odd]:
    """Names that do not say what is in a file."""
    sound = melody(SECONDS)
    named = [
        ("mp3 named.wav", "mp3", RIGHT),
        ("wav named.mp3", "wav", RIGHT),
        ("flac named.ogg", "flac", RIGHT),
        ("opus named.mp3", "opus", RIGHT),
        ("m4a named.mp3", "fast.m4a", REFUSED),
        ("m4a named.wav", "fast.m4a", REFUSED),
        ("ts named.mp4", "ts", REFUSED),
        ("wav named.txt", "wav", RIGHT),
        ("aac named.m4a", "aac", REFUSED),
        ("ac3 named.mp3", "ac3", REFUSED),
        ("mp2 named.mp3", "mp2", RIGHT),
        ("no ending", "flac", RIGHT),
        ("-v error.wav", "wav", RIGHT),
        ("a:b?c#d%20e.wma", "wma", REFUSED),
        ("file:a.ts", "ts", REFUSED),
        ("concat:a|b.mp2", "mp2", RIGHT),
    ]
    found = [
        Odd(name, _as(source), sound, RIGHT, bare, 0, SOURCES[source][1])
        for name, source, bare in named
    ]
    return [*found, Odd("link.wav", _linked, sound)]


def _as(source: str) -> Make:
    """Writes a source under another name."""
    return lambda path: path.write_bytes(content_of(source)) and None


def _linked(path: Path) -> None:
    """A symbolic link to a recording."""
    target = path.with_name("target of a link")
    written("FLAC", "PCM_16", RATE)(target)
    path.symlink_to(target.name)


# No sound


def no_sound() -> list[Odd]:
    """What is refused in one line."""
    whole = io.BytesIO()
    soundfile.write(whole, melody(SECONDS), RATE, format="WAV")
    wav = whole.getvalue()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("a.wav", wav)
    html = b"<!DOCTYPE html><html><body>404 Not Found</body></html>\n"
    contents = {
        "zero bytes.wav": b"",
        "zero bytes.mp3": b"",
        "half a header.wav": wav[:20],
        "a header.wav": wav[:44],
        "399 samples.wav": _sized(36 + 798, 798)(wav)[: 44 + 798],
        "text.mp3": b"This is no sound.\n" * 100,
        "page.mp3": html,
        "page.wav": html * 100,
        "error.mp4": json.dumps({"error": "no such video"}).encode(),
        "pickle.wav": pickle.dumps(melody(1.0)),
        "packed.wav": archive.getvalue(),
        "zeros.wav": bytes(100_000),
        "zeros.mp3": bytes(100_000),
        "noise.mp3": np.random.default_rng(4).bytes(30_000),
        "noise.aac": np.random.default_rng(5).bytes(30_000),
        "picture.mp3": PNG,
        "tag.mp3": _id3v2(PNG),
        "raw.pcm": wav[44:],
        "git-lfs.wav": b"version https://git-lfs.github.com/spec/v1\n"
        b"oid sha256:" + 64 * b"0" + b"\nsize 128044\n",
        "script.sh": b"#!/bin/sh\nexit 0\n",
        "tune.mid": b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0",
        **_lists(),
    }
    return [
        *(
            Odd(name, _of_bytes(content), None, REFUSED, REFUSED)
            for name, content in contents.items()
        ),
        Odd("folder.wav", Path.mkdir, None, REFUSED, REFUSED),
        Odd("dead link.wav", _dead, None, REFUSED, REFUSED),
        Odd("itself.wav", _itself, None, REFUSED, REFUSED),
        Odd("silent film.mp4", _film, None, REFUSED, REFUSED, 0, ("ffmpeg",)),
        Odd("silent film.mkv", _film, None, REFUSED, REFUSED, 0, ("ffmpeg",)),
    ]


def _lists() -> dict[str, bytes]:
    """Files that name other files, which must not be opened for them."""
    there = "target of a link"
    hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{there}\n"
    dash = (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" '
        'type="static" mediaPresentationDuration="PT4S"><Period>'
        '<AdaptationSet mimeType="audio/wav"><Representation id="1" '
        f'bandwidth="1"><BaseURL>{there}</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>"
    )
    texts = {
        "hls.mp3": hls + "#EXT-X-ENDLIST\n",
        "live.m3u8": hls,
        "list.m3u": f"{there}\n",
        "dash.mp4": dash,
        "list.mpd": dash,
        "ffconcat.avi": f"ffconcat version 1.0\nfile '{there}'\n",
        "list.pls": f"[playlist]\nFile1={there}\nNumberOfEntries=1\n",
        "list.cue": f'FILE "{there}" WAVE\n  TRACK 01 AUDIO\n',
        "list.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\n"
        "m=audio 9999 RTP/AVP 0\n",
        "list.asx": f'<asx version="3.0"><entry><ref href="{there}"/></entry></asx>',
        "list.xspf": f"<playlist><location>{there}</location></playlist>",
        "smil.mov": f'<smil><body><audio src="{there}"/></body></smil>',
    }
    return {name: text.encode() for name, text in texts.items()}


def _of_bytes(content: bytes) -> Make:
    """Writes bytes."""
    return lambda path: path.write_bytes(content) and None


def _dead(path: Path) -> None:
    """A link to nowhere."""
    path.symlink_to("nowhere.wav")


def _itself(path: Path) -> None:
    """A link to itself."""
    path.symlink_to(path.name)


def _film(path: Path) -> None:
    """A picture without sound."""
    command = ["ffmpeg", "-v", "error", *PICTURE, "-y", str(path)]
    subprocess.run(command, check=True)
