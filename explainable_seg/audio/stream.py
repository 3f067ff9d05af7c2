"""Any recording in, 16 kHz mono out, free of DC and rumble.

What is heard of a recording at a moment depends on the recording alone: an
excerpt, and a chunk that training cuts out, are the very samples that the whole
recording has there. So all filters have a short memory, and whoever begins in
the midst begins that much earlier. An array takes the same way as a file.
"""

import io
import itertools
import logging
import math
import numbers
import os
import select
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any, Union

import numpy as np

from explainable_seg.audio.decoding import BLOCK, OpenSound, open_sound
from explainable_seg.audio.ffmpeg import STALLED_SECONDS
from explainable_seg.audio.filters import RumbleFilter, resampled
from explainable_seg.errors import AudioError
from explainable_seg.frames import SAMPLE_RATE, WINDOW

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

LOUDEST = 100.0  # 40 dB over full scale: beyond it the scale itself is wrong
SLOWEST, FASTEST = 1000, 768_000  # Hz, sample rates that are believed
EXCERPT_MARGIN = (
    0.2  # seconds before and after an excerpt that its samples need
)
LOOK = 16.0  # seconds of several channels that are looked at beforehand
CANCELLED = 0.1  # of the power of the channels is left in their mean
FEW = 0.05  # of the power of a recording is not worth a word
# Integers of these types come with their own full scale.
FULL_SCALE = {"int8": 2**7, "uint8": 2**7, "int16": 2**15, "uint16": 2**15}

AudioSource = Union[
    str, os.PathLike[str], np.ndarray, "torch.Tensor", IO[bytes]
]
"""What can be read: a file, an array of samples, or a stream of bytes."""


@dataclass(frozen=True)
class Excerpt:
    """Which part of a recording is read; by default all of it.

    Arguments
    ---------
    channel : int, optional
        The channel, counted from 1; without it, channels are averaged, unless
        they cancel each other: then the loudest is taken.
    start : float, optional
        Where to begin, seconds.
    end : float, optional
        Where to end, seconds; a later one than the recording's is its end.
    track : int, optional
        The sound track of a video, counted from 1; without it, the default.

    Raises
    ------
    AudioError
        If channel or track is below 1, the start below 0, or the end not
        after the start.
    """

    channel: int | None = None
    start: float | None = None
    end: float | None = None
    track: int | None = None

    def __post_init__(self) -> None:
        for name in ("channel", "track"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise AudioError(
                    f"expected a {name} from 1 on, got {number}, for the "
                    f"excerpt; the first {name} is 1"
                )
        if not self.first >= 0:
            raise AudioError(
                f"expected a start from 0 s on, got {self.first:g}, for the "
                "excerpt; the recording starts at 0"
            )
        if not self.first < self.last:
            raise AudioError(
                f"expected an end after the start, got {self.first:g} to "
                f"{self.last:g} s, for the excerpt; swap or change them"
            )

    @property
    def first(self) -> float:
        """Where it begins, seconds."""
        return self.start or 0.0

    @property
    def last(self) -> float:
        """Where it ends, seconds; infinity for the end of the recording."""
        return math.inf if self.end is None else self.end


WHOLE = Excerpt()
"""The excerpt that is all of a recording."""


class AudioStream:
    """A recording, mono, in blocks, and what is to be said of it.

    Arguments
    ---------
    source : str, os.PathLike, np.ndarray, torch.Tensor or binary file
        A file of any format, pipe or open file object (which is read from
        where it stands and left open); or samples [N], [N, channels] or
        [channels, N] (the shorter axis holds the channels): floats in -1..1,
        or integers of a type that has a full scale.
    sample_rate : int, optional
        Samples a second; for samples only, and needed there.
    excerpt : Excerpt
        Which part of it.
    filtered : bool
        Whether DC and rumble are taken out.
    shortest : int
        Samples at 16 kHz below which it is an error.
    resampled : bool
        Whether the blocks are at 16 kHz; else they are at the recording's own
        rate, ``rate`` once it is open.

    Raises
    ------
    AudioError
        When the blocks are asked for: if the file is missing, empty, not audio
        or damaged beyond reading, holds NaN, or is too short.

    Example
    -------
    >>> stream = AudioStream(np.zeros((16000, 2)), 16000)
    >>> sum(len(block) for block in stream), stream.duration, stream.notes
    (16000, 1.0, [])
    """

    def __init__(
        self,
        source: AudioSource,
        sample_rate: int | None = None,
        excerpt: Excerpt = WHOLE,
        filtered: bool = True,
        shortest: int = WINDOW,
        resampled: bool = True,
    ):
        self.source = source
        self.sample_rate = sample_rate
        self.excerpt = excerpt
        self.filtered = filtered
        self.shortest = shortest
        self.resampled = resampled
        self.rate = SAMPLE_RATE  # of the blocks, known once it is open
        self.notes: list[str] = []  # complete when all was read
        self.duration: float | None = None  # seconds, known once it is open
        self._where = _name_of(source)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Blocks [N], float32; one may have no samples."""
        self.notes.clear()
        with ExitStack() as stack:
            sound = stack.enter_context(self._open())
            self._check(sound)
            self.duration = _expected(sound, self.excerpt)
            if not self.resampled:
                self.rate = sound.sample_rate
            n_samples = 0
            for block in self._samples(sound):
                n_samples += len(block)
                yield block
        n_samples = n_samples * SAMPLE_RATE // self.rate
        _check_length(n_samples, self.shortest, self.excerpt, self._where)

    @property
    def can_be_read_again(self) -> bool:
        """Whether it is a file or samples, and no pipe or open file."""
        if isinstance(self.source, (str, os.PathLike)):
            return os.path.isfile(self.source)
        return not hasattr(self.source, "read")

    def expected_seconds(self) -> float | None:
        """Seconds that a file or an array will have, as far as it is known.

        Nothing is read of what can be read once only.
        """
        if not self.can_be_read_again:
            return None
        with self._open() as sound:
            seconds = _expected(sound, self.excerpt)
        self.notes.clear()
        return seconds

    def read(self) -> np.ndarray:
        """All of it [N], float32."""
        blocks = list(self)
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    @contextmanager
    def _open(self) -> Iterator[OpenSound]:
        """The recording, open before what is wanted of it begins."""
        excerpt, source = self.excerpt, self.source
        if isinstance(source, (str, os.PathLike)) or hasattr(source, "read"):
            if self.sample_rate is not None:
                raise AudioError(
                    f"expected no sample rate for a file, which knows its own, "
                    f"got {self.sample_rate}, in {self._where}; leave it out"
                )
            start = max(0.0, excerpt.first - EXCERPT_MARGIN - 1.1)
            wanted = min(excerpt.last - excerpt.first, 16.0) + 2.0
            block = min(BLOCK, round(wanted * SAMPLE_RATE))
            with _as_file(source, self._where) as path:
                with open_sound(
                    path, start, excerpt.track, self.notes, block
                ) as sound:
                    yield sound
            return
        if isinstance(source, (bytes, bytearray, memoryview)):
            raise AudioError(
                "expected samples or the name of a file, got bytes, in the "
                "array; pass io.BytesIO(...) if they are those of a file"
            )
        if self.sample_rate is None:
            raise AudioError(
                "expected a sample rate for samples, got none, in the array; "
                "pass sample_rate=16000, or whatever it is"
            )
        yield _sound_of(_as_float(source), _whole(self.sample_rate))

    def _check(self, sound: OpenSound) -> None:
        """Raise on a rate or a channel that cannot be."""
        if not SLOWEST <= sound.sample_rate <= FASTEST:
            raise AudioError(
                f"expected a sample rate of {SLOWEST} to {FASTEST} Hz, got "
                f"{sound.sample_rate}, in {self._where}; give the right rate"
            )
        if (self.excerpt.channel or 1) > sound.n_channels:
            raise AudioError(
                f"expected a channel up to {sound.n_channels}, got "
                f"{self.excerpt.channel}, in {self._where}; name another or "
                "average them all"
            )
        logger.info(
            "%s: %d Hz, %d channels",
            self._where,
            sound.sample_rate,
            sound.n_channels,
        )

    def _samples(self, sound: OpenSound) -> Iterator[np.ndarray]:
        """The excerpt: what the whole recording has there, at its rate."""
        rate, wanted = sound.sample_rate, self.rate
        divisor = math.gcd(rate, wanted)
        up, down = wanted // divisor, rate // divisor
        margin = math.ceil(EXCERPT_MARGIN * wanted)
        first = round(self.excerpt.first * wanted)
        # Begin where samples of both rates fall together.
        begin = max(0, first - margin) // up
        end = stop = None
        if self.excerpt.end is not None:
            last = round(self.excerpt.end * wanted)
            end = math.ceil((last + margin) / up) * down
            stop = last - begin * up
        blocks, channel = self._channel(sound)
        blocks = _cut(blocks, sound.first, begin * down, end)
        if channel is None:
            blocks = _watched(blocks, rate, self.notes)
        mono = _checked_mono(blocks, channel, begin * down, rate, self._where)
        if self.filtered:
            mono = RumbleFilter(rate).apply(mono)
        blocks = resampled(mono, rate) if self.resampled else mono
        yield from _cut(blocks, 0, first - begin * up, stop)

    def _channel(
        self, sound: OpenSound
    ) -> tuple[Iterator[np.ndarray], int | None]:
        """Blocks, and the channel to take of them; None for their mean."""
        if self.excerpt.channel is not None or sound.n_channels == 1:
            return sound.blocks, (self.excerpt.channel or 1) - 1
        blocks = sound.blocks
        if sound.look is None:
            # Without seeking, what there is to look at is the beginning.
            looked = _taken(blocks, int(LOOK * sound.sample_rate))
            channel = cancelled_channel(looked)
            blocks = itertools.chain(looked, blocks)
        elif isinstance(self.source, (str, os.PathLike)):
            file = os.stat(self.source)
            channel = _cancelled_channel_of(
                os.fspath(self.source), file.st_size, file.st_mtime_ns
            )
        else:
            channel = cancelled_channel(sound.look())
        if channel is not None:
            self.notes.append(
                f"the channels cancel each other: took channel {channel + 1}; "
                "choose with --channel"
            )
        return blocks, channel


def load_audio(
    source: AudioSource,
    excerpt: Excerpt = WHOLE,
    sample_rate: int | None = None,
    shortest: int = WINDOW,
) -> np.ndarray:
    """A recording, or an excerpt of it, at 16 kHz, mono.

    The samples that can be decoded count, not the length in the header.

    Arguments
    ---------
    source : str, os.PathLike, np.ndarray, torch.Tensor or binary file
        As for :class:`AudioStream`.
    excerpt : Excerpt
        Which part of it.
    sample_rate : int, optional
        Samples a second; for samples only, and needed there.
    shortest : int
        Samples below which it is an error.

    Returns
    -------
    np.ndarray [shape=(N,), dtype=float32]

    Raises
    ------
    AudioError
        As :class:`AudioStream`.

    Example
    -------
    >>> load_audio(np.zeros((2, 16000)), sample_rate=16000).shape
    (16000,)
    """
    return AudioStream(source, sample_rate, excerpt, shortest=shortest).read()


def cancelled_channel(stretches: Iterable[np.ndarray]) -> int | None:
    """The loudest channel of a sound whose channels cancel each other.

    Arguments
    ---------
    stretches : Iterable[np.ndarray] [shape=(N, channels)]
        Of the sound.

    Returns
    -------
    int or None
        Counted from 0; None where the mean of the channels is heard.

    Example
    -------
    >>> left = np.sin(np.arange(1000.0))
    >>> cancelled_channel([np.stack([left, -left], axis=1)])
    0
    """
    apart: np.ndarray | float = 0.0
    together = 0.0
    for stretch in stretches:
        if len(stretch):
            swinging = stretch - stretch.mean(axis=0, dtype=np.float64)
            apart = apart + np.square(swinging).sum(axis=0)
            together += float(np.square(swinging.mean(axis=1)).sum())
    if np.mean(apart) * CANCELLED <= together:
        return None
    return int(np.argmax(apart))


def _watched(
    blocks: Iterable[np.ndarray], sample_rate: int, notes: list[str]
) -> Iterator[np.ndarray]:
    """Blocks whose mean is taken; tell where there is nothing left in it."""
    seconds = 0.0
    cancelled, all_power = 0.0, 0.0
    for block in blocks:
        for at in range(0, len(block), sample_rate):
            piece = block[at : at + sample_rate]
            power = float(np.square(piece).sum(dtype=np.float64))
            all_power += power
            if cancelled_channel([piece]) is not None:
                cancelled += power
                seconds += len(piece) / sample_rate
        yield block
    if seconds >= 1 and cancelled > FEW * all_power:
        notes.append(
            f"the channels cancel each other for {seconds:.1f} s; choose one "
            "with --channel"
        )


@lru_cache(maxsize=1 << 16)
def _cancelled_channel_of(path: str, size: int, changed: int) -> int | None:
    """:func:`cancelled_channel` of a file, looked at once as it is."""
    with open_sound(path) as sound:
        return cancelled_channel(sound.look() if sound.look else [])


def _name_of(source: AudioSource) -> str:
    """What messages call a recording."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    if hasattr(source, "read"):
        return str(getattr(source, "name", "the stream"))
    return "the array"


@contextmanager
def _as_file(source: Any, where: str) -> Iterator[str]:
    """A file that can be looked through; a stream is copied into one."""
    if isinstance(source, (str, os.PathLike)):
        try:
            mode = os.stat(source).st_mode
        except (OSError, ValueError):
            mode = stat.S_IFREG  # opening it says why
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            yield os.fspath(source)
            return
        if not stat.S_ISFIFO(mode):
            raise AudioError(
                f"expected a file or a pipe, got a device or socket, in "
                f"{where}; name a file"
            )
        chunks = read_pipe(source, where)
    else:
        chunks = _chunks(source, where)
    with tempfile.NamedTemporaryFile(prefix="explainable-seg-") as copy:
        for chunk in chunks:
            copy.write(chunk)
        copy.flush()
        try:
            yield copy.name
        except AudioError as error:
            raise AudioError(str(error).replace(copy.name, where)) from None


def _chunks(source: Any, where: str) -> Iterator[bytes]:
    """What is in an open file; raise if that is no bytes."""
    while True:
        # Text cannot be told from sound once it is being decoded.
        is_text = isinstance(source, io.TextIOBase)
        chunk = "" if is_text else source.read(1 << 20)
        if not isinstance(chunk, (bytes, bytearray)):
            kind = "text" if is_text else type(chunk).__name__
            raise AudioError(
                f"expected a file open in binary mode, got {kind}, in "
                f"{where}; open it with mode 'rb'"
            )
        if not chunk:
            return
        yield bytes(chunk)


def read_pipe(
    source: int | str | os.PathLike[str], where: str
) -> Iterator[bytes]:
    """What comes through a pipe; it is not waited for without an end.

    Arguments
    ---------
    source : int, str or os.PathLike
        The pipe, or an open descriptor, which stays open.
    where : str
        What messages call it.

    Yields
    ------
    bytes

    Raises
    ------
    AudioError
        If nothing comes for a minute.
    """
    if isinstance(source, int):
        pipe = os.dup(source)
    else:  # opening a pipe into which nobody writes would wait, too
        pipe = os.open(source, os.O_RDONLY | os.O_NONBLOCK)
    try:
        while True:
            ready, _, _ = select.select([pipe], [], [], STALLED_SECONDS)
            if not ready:
                raise AudioError(
                    f"expected sound, got none for {STALLED_SECONDS} s, in "
                    f"{where}; check who writes into the pipe"
                )
            chunk = os.read(pipe, 1 << 20)
            if not chunk:
                return
            yield chunk
    finally:
        os.close(pipe)


def _whole(rate: float) -> int:
    """A sample rate; raise on a fraction, and on what is no number."""
    if isinstance(rate, numbers.Real) and rate == rate // 1:
        return int(rate)
    raise AudioError(
        f"expected a whole number of samples a second, got {rate!r}, in the "
        "array; give the right rate"
    )


def _as_float(audio: Any) -> np.ndarray:
    """Array or tensor as float32 samples [N, channels]."""
    if hasattr(audio, "detach"):  # a torch tensor, wherever it lives
        audio = audio.detach().cpu().to_dense()
        if audio.is_floating_point():
            audio = audio.float()  # numpy knows no bfloat16
    try:
        samples = np.asarray(audio)
    except ValueError:  # rows of different lengths
        samples = np.empty(0, dtype=object)
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "iuf":
        raise AudioError(
            f"expected numbers of shape [N] or [N, channels], got "
            f"{samples.dtype} of shape {list(samples.shape)}, in the array; "
            "pass one recording at a time"
        )
    if samples.ndim == 1:
        samples = samples[:, None]
    elif samples.shape[0] < samples.shape[1]:
        samples = samples.T
    if samples.dtype.kind == "f":
        return samples.astype(np.float32, copy=False)
    full_scale = np.float32(_full_scale(samples))
    centre = full_scale if samples.dtype.kind == "u" else np.float32(0)
    return (samples.astype(np.float32) - centre) / full_scale


def _full_scale(samples: np.ndarray) -> int:
    """Full scale of integers; raise where their type does not tell it."""
    known = FULL_SCALE.get(samples.dtype.name)
    if known:
        return known
    peak = int(np.abs(samples.astype(np.float64)).max(initial=0.0))
    # Above 24 bits, samples fill 32; below, they may have any width.
    if samples.dtype.name == "int32" and (peak >= 2**24 or peak == 0):
        return int(2**31)
    raise AudioError(
        f"expected samples whose full scale is known, got {samples.dtype} up "
        f"to {peak}, in the array; divide by the full scale (32768 for 16 "
        "bits), or pass int16"
    )


def _sound_of(samples: np.ndarray, sample_rate: int) -> OpenSound:
    """An array [N, channels] as an open recording."""
    blocks = (samples[i : i + BLOCK] for i in range(0, len(samples), BLOCK))
    return OpenSound(
        sample_rate,
        samples.shape[1],
        blocks,
        0,
        len(samples) / sample_rate if sample_rate > 0 else None,
        lambda: [samples],
    )


def _expected(sound: OpenSound, excerpt: Excerpt) -> float | None:
    """Seconds that an excerpt will have, as far as that is known."""
    ends = [x for x in (sound.duration, excerpt.end) if x is not None]
    return max(0.0, min(ends) - excerpt.first) if ends else None


def _taken(blocks: Iterator[np.ndarray], n_samples: int) -> list[np.ndarray]:
    """The first blocks, of so many samples together."""
    taken: list[np.ndarray] = []
    while sum(map(len, taken)) < n_samples:
        block = next(blocks, None)
        if block is None:
            break
        taken.append(block)
    return taken


def _cut(
    blocks: Iterable[np.ndarray], at: int, first: int, last: int | None
) -> Iterator[np.ndarray]:
    """What lies from ``first`` to ``last`` of blocks that begin ``at``."""
    for block in blocks:
        low = max(0, first - at)
        high = len(block) if last is None else max(0, last - at)
        at += len(block)
        yield block[low:high]
        if last is not None and at >= last:
            return


def _checked_mono(
    blocks: Iterable[np.ndarray],
    channel: int | None,
    at: int,
    sample_rate: int,
    where: str,
) -> Iterator[np.ndarray]:
    """One channel or the mean of all; raise on what cannot be sound."""
    for block in blocks:
        mono = block.mean(axis=1) if channel is None else block[:, channel]
        finite = np.isfinite(mono)
        if not finite.all():
            second = (at + int(np.argmin(finite))) / sample_rate
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
        at += len(mono)
        yield np.ascontiguousarray(mono)


def _check_length(
    n_samples: int, shortest: int, excerpt: Excerpt, where: str
) -> None:
    """Raise if there is no sound, or less than is needed."""
    if n_samples >= shortest:
        return
    if n_samples == 0 and excerpt.first:
        raise AudioError(
            f"expected sound after {excerpt.first:g} s, got none, in {where}; "
            "choose an earlier start"
        )
    if n_samples == 0:
        raise AudioError(
            f"expected sound, got no samples behind the header, in {where}; "
            "copy or export the file again"
        )
    raise AudioError(
        f"expected at least {shortest} samples at 16 kHz "
        f"({shortest / SAMPLE_RATE:g} s), got {n_samples}, in {where}; use "
        "a longer recording"
    )
