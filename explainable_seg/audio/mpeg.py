"""The frames of an MPEG audio stream (MP2, MP3) that nobody has counted.

Such a stream says nothing of its length, and decoders are silent about what is
missing. Each frame says how long it is, so a stream that is whole is a chain.
"""

import mmap
import re
from dataclasses import dataclass
from io import RawIOBase

from explainable_seg.audio.containers import APE_FOOTER, ID3V1_SIZE, id3_size

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
