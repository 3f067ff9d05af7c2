"""What WAV, Ogg and MP3 files say of their own extent, for libsndfile.

It reads the first of several streams and is silent about the others, about
holes, and about sizes that wrapped. So a file is looked through before, or
what is left of it after.
"""

import os
import string
import struct
from io import RawIOBase
from typing import Literal

OggFault = Literal["joined", "several", "hole", "cut"]
OGG_HEADER = struct.Struct("<4sBBqIIIB")
OGG_START, OGG_END = 2, 4  # flags of a page
ID3V1_SIZE = 128
PADDING = 1 << 16  # bytes, and more: no padding behind a stream
SHORTEST_REST = 0.1  # seconds behind the samples that may be sound
RIFF_HEADER = 4096  # bytes in which the format stands
PCM = b"\x01\x00"
XING = struct.Struct(">4sIII")
STARTS = (b"RIFF", b"RF64", b"FORM", b"caff", b"riff", b".snd", b"fLaC")
APE_FOOTER = struct.Struct("<8sIIII8x")
LETTERS = frozenset((string.ascii_letters + string.digits + "_ ").encode())


def wav_goes_on(stream: RawIOBase) -> bool:
    """Whether sound lies behind what the header of a WAV file counts.

    A size of 32 bits wraps after 4 GiB, and a recording that was appended
    lies behind the first.

    Arguments
    ---------
    stream : io.RawIOBase
        The open file; its position is kept.

    Returns
    -------
    bool
        False also for what is no WAV file.
    """
    position = stream.tell()
    try:
        return _riff_rest(stream) > 8
    finally:
        stream.seek(position)


def other_wav_behind(stream: RawIOBase) -> bool:
    """Whether a WAV file of other samples was put behind a WAV file.

    Behind 16-bit samples, a header and more of the same are heard as a click.

    Arguments
    ---------
    stream : io.RawIOBase
        The open file; its position is kept.

    Returns
    -------
    bool
    """
    position = stream.tell()
    try:
        rest = _riff_rest(stream)
        if not rest:
            return False
        kinds = []
        for start in (0, os.fstat(stream.fileno()).st_size - rest):
            stream.seek(start)
            head = _read(stream, RIFF_HEADER)
            at = head.find(b"fmt ")
            if head[:4] != b"RIFF" or at < 0:
                return False
            kinds.append(head[at + 8 : at + 24])
        return kinds[0] != kinds[1] or kinds[0][:2] != PCM
    finally:
        stream.seek(position)


def _riff_rest(stream: RawIOBase) -> int:
    """Bytes behind the data of a RIFF file that are no chunks."""
    size = os.fstat(stream.fileno()).st_size
    stream.seek(0)
    head = _read(stream, 12)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return 0
    at, heard, byte_rate = 12, False, 0
    while at + 8 <= size:
        stream.seek(at)
        name, length = struct.unpack("<4sI", _read(stream, 8))
        if name in (b"RIFF", b"RIFX") or not LETTERS.issuperset(name):
            rest = size - at
            is_sound = heard and rest > SHORTEST_REST * byte_rate
            return rest if is_sound and not _is_padding_at(stream, at) else 0
        heard = heard or name == b"data"
        if name == b"fmt ":
            byte_rate = int.from_bytes(_read(stream, 12)[8:], "little")
        at += 8 + length + length % 2
    return 0


def ogg_fault(stream: RawIOBase) -> OggFault | None:
    """What keeps an Ogg file from being one stream without a hole.

    Arguments
    ---------
    stream : io.RawIOBase
        The open file; its position is kept.

    Returns
    -------
    str or None
        ``joined`` for streams one behind the other, ``several`` for streams
        side by side; ``hole`` where pages are missing or damaged; ``cut``
        where the last one is. None also for what is no Ogg file.
    """
    position = stream.tell()
    try:
        return _walk_pages(stream)
    finally:
        stream.seek(position)


def _walk_pages(stream: RawIOBase) -> OggFault | None:
    """Look at the header of each page (RFC 3533)."""
    size = os.fstat(stream.fileno()).st_size
    at = 0
    counts: dict[int, int] = {}  # next page of each logical stream
    ended = False
    while at < size:
        stream.seek(at)
        header = _read(stream, OGG_HEADER.size)
        if len(header) < OGG_HEADER.size:
            return "cut"
        magic, _, flags, _, serial, number, _, n_segments = OGG_HEADER.unpack(
            header
        )
        if magic != b"OggS":
            if ended and _is_padding_at(stream, at):
                break
            return "hole" if at else None
        if flags & OGG_START and ended:
            return "joined"
        if counts.get(serial, number) != number:
            return "hole"
        counts[serial] = number + 1
        ended = ended or bool(flags & OGG_END)
        at += OGG_HEADER.size + n_segments + sum(_read(stream, n_segments))
    if not ended or at > size:
        return "cut"
    return "several" if len(counts) > 1 else None


def _is_padding_at(stream: RawIOBase, at: int) -> bool:
    """Whether what follows a place is a tag or zeros, and no more."""
    stream.seek(at)
    return _is_padding(_read(stream, PADDING))


def _is_padding(rest: bytes) -> bool:
    """Whether bytes behind a stream are a tag or zeros, and no more."""
    is_tag = rest[:3] == b"TAG" and len(rest) == ID3V1_SIZE
    return len(rest) < PADDING and (is_tag or not rest.strip(b"\0"))


def mp3_length_is_known(stream: RawIOBase) -> bool:
    """Whether an MP3 file counts its frames, so that its length is no guess.

    Arguments
    ---------
    stream : io.RawIOBase
        The open file; its position is kept.

    Returns
    -------
    bool
        False also where more lies behind the frames that are counted.
    """
    position = stream.tell()
    try:
        start = _behind_id3(stream)
        size = os.fstat(stream.fileno()).st_size - start - tags_at_end(stream)
        stream.seek(start)
        first = _read(stream, 2048)
        if b"VBRI" in first:
            return True
        places = [first.find(tag) for tag in (b"Xing", b"Info")]
        at = max(places)
        if at < 0 or len(first) < at + XING.size:
            return False
        _, flags, n_frames, n_bytes = XING.unpack_from(first, at)
        counts_both = flags & 3 == 3
        return bool(flags & 1 and n_frames) and not (
            counts_both and size > 1.01 * n_bytes + 4096
        )
    finally:
        stream.seek(position)


def _behind_id3(stream: RawIOBase) -> int:
    """Where the sound of an MP3 file begins."""
    stream.seek(0)
    return id3_size(_read(stream, 10))


def id3_size(head: bytes) -> int:
    """Bytes of an ID3v2 tag that begins so; 0 if none does.

    Arguments
    ---------
    head : bytes
        Ten or more.

    Returns
    -------
    int
    """
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = 0
    for seven in head[6:10]:  # a size of four times seven bits
        size = (size << 7) | (seven & 0x7F)
    return 10 + size


def starts_anew(stream: RawIOBase, at: int) -> bool:
    """Whether another file of sound begins in the midst of this one.

    Arguments
    ---------
    stream : io.RawIOBase
        The open file; its position is kept.
    at : int
        Byte where the sound of the first ends.

    Returns
    -------
    bool
    """
    position = stream.tell()
    try:
        stream.seek(at)
        return _read(stream, 4) in STARTS
    finally:
        stream.seek(position)


def _read(stream: RawIOBase, size: int) -> bytes:
    """The next bytes; fewer at the end only."""
    return stream.read(size) or b""


def tags_at_end(stream: RawIOBase) -> int:
    """Bytes of the tags at the end of an MP3 file, which are no sound.

    Arguments
    ---------
    stream : io.RawIOBase
        The open file; its position is kept.

    Returns
    -------
    int
        Of an ID3v1 and an APE tag.
    """
    position = stream.tell()
    try:
        size = os.fstat(stream.fileno()).st_size
        end = size
        stream.seek(max(0, end - ID3V1_SIZE))
        if _read(stream, 3) == b"TAG":
            end -= ID3V1_SIZE
        stream.seek(max(0, end - APE_FOOTER.size))
        footer = _read(stream, APE_FOOTER.size)
        if footer[:8] == b"APETAGEX" and len(footer) == APE_FOOTER.size:
            _, _, length, _, flags = APE_FOOTER.unpack(footer)
            end -= length + (APE_FOOTER.size if flags >> 31 else 0)
        return size - max(0, end)
    finally:
        stream.seek(position)
