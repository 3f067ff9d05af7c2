"""How far containers say that they reach, and what lies behind.

Neither libsndfile nor ffmpeg says of every container that it was cut off, or
that another recording was put behind it. The sizes of the outermost elements
tell it, and they are few.
"""

import mmap
import os
import struct
from collections.abc import Callable, Iterator
from io import RawIOBase

from explainable_seg.audio.containers import read_bytes

Extent = tuple[bytes, int, int | None]  # name, first byte, byte behind it

EBML = b"\x1a\x45\xdf\xa3"
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
VOC = b"Creative Voice File"
NIST = b"NIST_1A"
FLV = b"FLV\x01"
HEADER = 4096  # bytes, in which the properties of ASF and NIST stand
MOST = 100_000  # elements that are looked at
FEW_ZEROS, ZERO_SHARE = 4096, 0.05  # which may be padding


def missing_bytes(stream: RawIOBase) -> int:
    """Bytes that a container counts and that lie beyond the end of its file.

    Arguments
    ---------
    stream : io.RawIOBase
        The open file; its position is kept.

    Returns
    -------
    int
        0 also for containers that do not count them.
    """
    ends = [end for _, _, end in _walked(stream) if end is not None]
    return max(0, max(ends, default=0) - _size(stream))


def begins_again(stream: RawIOBase) -> bool:
    """Whether a recording of the same kind was put behind the first.

    Arguments
    ---------
    stream : io.RawIOBase
        The open file; its position is kept.

    Returns
    -------
    bool
    """
    names = [name for name, _, _ in _walked(stream)]
    return names[:1] != [] and names[0] in names[1:]


def zeros_at_end(stream: RawIOBase) -> int:
    """Bytes of zeros at the end of a file that are too many for padding.

    A copy that was broken off may leave them: the place was reserved.

    Arguments
    ---------
    stream : io.RawIOBase
        The open file; its position is kept.

    Returns
    -------
    int
    """
    position, size = stream.tell(), _size(stream)
    step, end = 1 << 16, size
    try:
        while end:
            start = max(0, end - step)
            stream.seek(start)
            left = len(read_bytes(stream, end - start).rstrip(b"\0"))
            end = start + left
            if left:
                break
    finally:
        stream.seek(position)
    n_zeros = size - end
    return n_zeros if n_zeros > max(FEW_ZEROS, ZERO_SHARE * size) else 0


def _walked(stream: RawIOBase) -> list[Extent]:
    """The outermost elements of a container; none if it is not known."""
    position = stream.tell()
    try:
        stream.seek(0)
        head = read_bytes(stream, 64)
        walk = _walk_of(head)
        if walk is None:
            return []
        return [element for element, _ in zip(walk(stream), range(MOST))]
    # It ends within a header, or sizes in it cannot be.
    except (struct.error, ValueError, OverflowError, OSError):
        return []
    finally:
        stream.seek(position)


def _walk_of(head: bytes) -> Callable[[RawIOBase], Iterator[Extent]] | None:
    """What walks over the elements of a container that begins so."""
    if head[4:8] == b"ftyp":
        return _boxes
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return _riffs
    walks = {
        EBML: _ebml,
        ASF: _asf,
        VOC: _voc,
        NIST: _nist,
        FLV: _flv,
        b"TTA1": _tta,
        b"FORM": _forms,
        b"caff": _caf,
    }
    found = (walk for magic, walk in walks.items() if head.startswith(magic))
    return next(found, None)


def _boxes(stream: RawIOBase) -> Iterator[Extent]:
    """Boxes of MP4 and MOV (ISO 14496-12)."""
    at, size = 0, _size(stream)
    while at + 8 <= size:
        length, name = struct.unpack(">I4s", _at(stream, at, 8))
        if length == 1:
            (length,) = struct.unpack(">Q", _at(stream, at + 8, 8))
        if length < 8:  # 0: up to the end
            return
        yield name, at, at + length
        at += length


def _ebml(stream: RawIOBase) -> Iterator[Extent]:
    """Elements of Matroska and WebM (RFC 8794)."""
    at, size = 0, _size(stream)
    while at + 12 <= size:
        head = _at(stream, at, 12)
        n_name = 9 - head[0].bit_length()
        n_length = 9 - head[n_name].bit_length() if n_name <= 4 else 9
        if n_length > 8:
            return
        length = int.from_bytes(head[n_name : n_name + n_length], "big")
        length &= (1 << 7 * n_length) - 1
        if length == (1 << 7 * n_length) - 1:  # nobody knew it
            yield head[:n_name], at, None
            return
        end = at + n_name + n_length + length
        yield head[:n_name], at, end
        at = end


def _asf(stream: RawIOBase) -> Iterator[Extent]:
    """The file that the properties of ASF and WMA speak of."""
    head = _at(stream, 0, HEADER)
    at = head.find(ASF_PROPERTIES)
    if at < 0:
        return
    size, flags = struct.unpack_from("<Q40xI", head, at + 40)
    is_live = flags & 1  # then nobody knew the size
    yield ASF, 0, size if size and not is_live else None
    if size and _at(stream, size, len(ASF)) == ASF:
        yield ASF, size, None


def _voc(stream: RawIOBase) -> Iterator[Extent]:
    """Blocks of a Creative Voice File."""
    (at,) = struct.unpack("<H", _at(stream, 20, 2))
    yield VOC, 0, at
    size = _size(stream)
    while at < size:
        kind, *length = _at(stream, at, 4)
        if kind == 0:
            break
        end = at + 4 + int.from_bytes(bytes(length), "little")
        yield b"", at, end
        at = end
    if _at(stream, at + 1, len(VOC)) == VOC:
        yield VOC, at + 1, None


def _nist(stream: RawIOBase) -> Iterator[Extent]:
    """The samples that a NIST Sphere header counts."""
    lines = _at(stream, 0, HEADER).split(b"end_head")[0].splitlines()
    fields = {
        parts[0]: parts[2] for line in lines if len(parts := line.split()) == 3
    }
    if fields.get(b"sample_coding", b"pcm") not in (b"pcm", b"ulaw", b"alaw"):
        return  # compressed
    names = (b"sample_count", b"channel_count", b"sample_n_bytes")
    if all(name in fields for name in names) and len(lines) > 1:
        count, channels, width = (int(fields[name]) for name in names)
        yield NIST, 0, int(lines[1]) + count * channels * width


def _flv(stream: RawIOBase) -> Iterator[Extent]:
    """The headers of Flash Video, which counts nothing."""
    start = _at(stream, 0, 13)
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = 0
        while at >= 0:
            yield FLV, at, None
            at = content.find(start, at + 1)


def _tta(stream: RawIOBase) -> Iterator[Extent]:
    """The frames of True Audio that its table counts."""
    rate, n_samples = struct.unpack("<II", _at(stream, 10, 8))
    n_frames = -(-n_samples // max(1, 256 * rate // 245))
    if 22 + 4 * n_frames > _size(stream):  # the table itself is cut
        yield b"TTA1", 0, 22 + 4 * n_frames
        return
    table = struct.unpack(f"<{n_frames}I", _at(stream, 22, 4 * n_frames))
    end = 22 + 4 * n_frames + 4 + sum(table)
    yield b"TTA1", 0, end
    behind = _at(stream, end, HEADER).find(b"TTA1")  # tags may come first
    if behind >= 0:
        yield b"TTA1", end + behind, None


def _riffs(stream: RawIOBase) -> Iterator[Extent]:
    """Parts of an AVI file, all of which ffmpeg reads."""
    at = 0
    while _at(stream, at, 4) == b"RIFF":
        (length,) = struct.unpack("<I", _at(stream, at + 4, 4))
        is_known = 0 < length < 2**32 - 1
        yield f"{at}".encode(), at, at + 8 + length if is_known else None
        if not is_known:
            return
        at += 8 + length + length % 2


def _forms(stream: RawIOBase) -> Iterator[Extent]:
    """Recordings of AIFF, of which libsndfile says itself what is missing."""
    at = 0
    while _at(stream, at, 4) == b"FORM":
        yield b"FORM", at, None
        (length,) = struct.unpack(">I", _at(stream, at + 4, 4))
        at += 8 + length + length % 2


def _caf(stream: RawIOBase) -> Iterator[Extent]:
    """Chunks of a Core Audio File."""
    yield b"caff", 0, 8
    at, size = 8, _size(stream)
    while at + 12 <= size:
        name, length = struct.unpack(">4sq", _at(stream, at, 12))
        if name == b"caff":
            yield name, at, None
            return
        if length < 0:  # nobody knew it
            return
        yield name, at, at + 12 + length
        at += 12 + length


def _at(stream: RawIOBase, at: int, size: int) -> bytes:
    """Bytes from a place on; fewer at the end only."""
    stream.seek(at)
    return read_bytes(stream, size)


def _size(stream: RawIOBase) -> int:
    """Bytes of a file."""
    return os.fstat(stream.fileno()).st_size
