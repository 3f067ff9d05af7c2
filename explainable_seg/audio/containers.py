"""What WAV, Ogg and MP3 files say of their own extent, for libsndfile.

It reads the first of several streams and is silent about the others, about
holes, and about sizes that wrapped. So a file is looked through before, or
what is left of it after.
"""

import mmap
import os
import re
import string
import struct
from dataclasses import dataclass
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
            head = read_bytes(stream, RIFF_HEADER)
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
    head = read_bytes(stream, 12)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return 0
    at, heard, byte_rate = 12, False, 0
    while at + 8 <= size:
        stream.seek(at)
        name, length = struct.unpack("<4sI", read_bytes(stream, 8))
        if name in (b"RIFF", b"RIFX") or not LETTERS.issuperset(name):
            rest = size - at
            is_sound = heard and rest > SHORTEST_REST * byte_rate
            return rest if is_sound and not _is_padding_at(stream, at) else 0
        heard = heard or name == b"data"
        if name == b"fmt ":
            byte_rate = int.from_bytes(read_bytes(stream, 12)[8:], "little")
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
        header = read_bytes(stream, OGG_HEADER.size)
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
        at += OGG_HEADER.size + n_segments + sum(read_bytes(stream, n_segments))
    if not ended or at > size:
        return "cut"
    return "several" if len(counts) > 1 else None


def _is_padding_at(stream: RawIOBase, at: int) -> bool:
    """Whether what follows a place is a tag or zeros, and no more."""
    stream.seek(at)
    return _is_padding(read_bytes(stream, PADDING))


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
        first = read_bytes(stream, 2048)
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
    return id3_size(read_bytes(stream, 10))


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
        return read_bytes(stream, 4) in STARTS
    finally:
        stream.seek(position)


def read_bytes(stream: RawIOBase, size: int) -> bytes:
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
        if read_bytes(stream, 3) == b"TAG":
            end -= ID3V1_SIZE
        stream.seek(max(0, end - APE_FOOTER.size))
        footer = read_bytes(stream, APE_FOOTER.size)
        if footer[:8] == b"APETAGEX" and len(footer) == APE_FOOTER.size:
            _, _, length, _, flags = APE_FOOTER.unpack(footer)
            end -= length + (APE_FOOTER.size if flags >> 31 else 0)
        return size - max(0, end)
    finally:
        stream.seek(position)


# kbit/s by version (MPEG-1, else) and layer (I, II, III).
BIT_RATES = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416)
    + (448,),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224)
    + (256,),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
SIGN = re.compile(rb"\xff[\xe0-\xff]|ID3|TAG|APETAGEX")  # a frame or a tag
RATES = (44100, 48000, 32000)  # Hz, of MPEG-1; half and a quarter otherwise


@dataclass(frozen=True)
class Chain:
    """What a walk over the frames has found.

    Arguments
    ---------
    n_frames : int
        Whole frames.
    n_strange : int
        Bytes between and behind them that are neither frames nor tags.
    is_cut : bool
        Whether the last frame is not all there.
    """

    n_frames: int
    n_strange: int
    is_cut: bool


def frame_chain(stream: RawIOBase) -> Chain:
    """Walk over the frames of an MPEG audio stream.

    Arguments
    ---------
    stream : io.RawIOBase
        The open file; its position is kept.

    Returns
    -------
    Chain
        Without frames for what is no such stream.
    """
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = n_frames = n_strange = 0
        end = len(content)
        while at < end:
            length = _frame_size(content, at)
            if length and at + length > end:
                return Chain(n_frames, n_strange, True)
            n_frames += bool(length)
            length = length or _tag_size(content, at)
            if not length:
                found = _next_frame(content, at + 1)
                # Before the first frame, a stream may be tuned in to.
                if n_frames and content[at:found].strip(b"\0"):
                    n_strange += found - at
                length = found - at
            at += length
        return Chain(n_frames, n_strange, False)


def _frame_size(content: mmap.mmap, at: int) -> int:
    """Bytes of the frame that begins here; 0 if none does."""
    head = content[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    kilobits, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or rate == 3 or not 0 < kilobits < 15:
        return 0
    is_first = version == 3
    bits = 1000 * BIT_RATES[is_first, layer][kilobits - 1]
    hertz = RATES[rate] // (1 if is_first else 2 if version == 2 else 4)
    padding = head[2] >> 1 & 1
    if layer == 1:
        return 4 * (12 * bits // hertz + padding)
    n_bytes = 72 if layer == 3 and not is_first else 144
    return n_bytes * bits // hertz + padding


def _next_frame(content: mmap.mmap, at: int) -> int:
    """Where the next frame or tag begins that another one follows."""
    end = len(content)
    for found in SIGN.finditer(content, at):
        place = found.start()
        length = _frame_size(content, place)
        follows = place + length
        if length and (follows >= end or _frame_size(content, follows)):
            return place
        if not length and _tag_size(content, place):
            return place
    return end


def _tag_size(content: mmap.mmap, at: int) -> int:
    """Bytes of the tag that begins here; 0 if none does."""
    head = content[at : at + APE_FOOTER.size]
    if head[:3] == b"ID3":
        return id3_size(head)
    if head[:3] == b"TAG":
        return ID3V1_SIZE
    if head[:8] == b"APETAGEX" and len(head) == APE_FOOTER.size:
        _, _, length, _, flags = APE_FOOTER.unpack(head)
        is_header = flags >> 29 & 1
        return APE_FOOTER.size + (int(length) if is_header else 0)
    return 0
