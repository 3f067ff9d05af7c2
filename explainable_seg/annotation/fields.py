"""What the text formats have in common: lines, fields, names and times."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from explainable_seg.errors import AnnotationError, CorpusError
from explainable_seg.files import AUDIO_EXTENSIONS, atomic_write_text

# Where a format wants a uri, some files give the name of the audio file.
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Characters that no text file holds: of a binary file, of another encoding, or
# the byte order mark of a file that was put behind another one.
STRANGE = re.compile("[\0-\x08\x0e-\x1f\x7f\ufeff]")
START_ROUNDING = (
    0.05  # seconds that rounding may put a turn before its recording
)
LATEST_SECOND = 1e8  # seconds, 3 years: a time beyond it is in another unit
SHOWN = 60  # characters of a field that a message quotes
CHANNEL = re.compile(r"<?NA>?|[A-Z0-9]|[0-9]{2}|[-_]", re.IGNORECASE)
UNWRITTEN = "<NA>"  # how a field says that it holds nothing


def composed(text: str) -> str:
    """Text whose accents are composed (NFC), as all names are compared.

    Some file systems and editors write ``é`` as ``e`` and an accent.

    Example
    -------
    >>> len("cafe\u0301"), len(composed("cafe\u0301"))
    (5, 4)
    """
    return unicodedata.normalize("NFC", text)


def quoted(text: str) -> str:
    """Start of a text for a message: in quotes, printable, not too long.

    Example
    -------
    >>> print(quoted("12,5"), quoted("9" * 70)[-6:])
    '12,5' 99...'
    """
    start = text if len(text) <= SHOWN else text[:SHOWN] + "..."
    return f"'{start}'" if start.isprintable() else ascii(start)


def uri_of(name: str | os.PathLike[str]) -> str:
    """Identifier of a recording: stem of its file, blanks replaced by ``_``.

    Example
    -------
    >>> uri_of("shows/late night.v2.wav")
    'late_night.v2'
    """
    return blanks_replaced(Path(name).stem)


def blanks_replaced(text: str) -> str:
    """Text that fits in one field: each run of blanks becomes ``_``.

    Its accents are composed.

    Example
    -------
    >>> blanks_replaced("Anna  Maria")
    'Anna_Maria'
    """
    return re.sub(r"\s+", "_", composed(text.strip()))


def without_audio_suffix(name: str) -> str:
    """Name without the suffix of an audio file; other dots stay.

    Example
    -------
    >>> without_audio_suffix("show.v2.WAV"), without_audio_suffix("show.v2")
    ('show.v2', 'show.v2')
    """
    stem, _, suffix = name.rpartition(".")
    return stem if stem and f".{suffix.lower()}" in AUDIO_EXTENSIONS else name


def writable_field(text: str, name: str, path: str | os.PathLike[str]) -> str:
    """Text that fits in one field of a file that is to be written.

    Arguments
    ---------
    text : str
        A uri or a label.
    name : str
        What it is, for the message.
    path : str or os.PathLike
        The file, for the message.

    Returns
    -------
    str
        The text, its blanks replaced.

    Raises
    ------
    AnnotationError
        If nothing is left.
    """
    field = blanks_replaced(text)
    if not field:
        raise AnnotationError(
            f"expected a {name} to write, got an empty one, in {path}; "
            f"give every recording and turn its {name}"
        )
    return field


def read_text(path: str | os.PathLike[str]) -> str:
    """Content of a UTF-8 text file; every line ends with a line feed.

    Arguments
    ---------
    path : str or os.PathLike
        The file, with or without a byte order mark.

    Returns
    -------
    str
        Its text.

    Raises
    ------
    AnnotationError
        If the file cannot be opened or is not UTF-8 text.
    """
    try:
        with open(path, encoding="utf-8-sig") as stream:
            text = stream.read()
    except OSError as error:
        raise unreadable(path, error) from None
    except UnicodeDecodeError:
        raise AnnotationError(
            f"expected UTF-8 text, got other bytes, in {path}; "
            "check that it is an annotation file, or convert it to UTF-8"
        ) from None
    strange = STRANGE.search(text)
    if strange:
        line = text.count("\n", 0, strange.start()) + 1
        raise AnnotationError(
            f"expected plain text, got the character {ascii(strange[0])}, in "
            f"{path}:{line}; remove it, or copy the file again"
        )
    return text


def unreadable(path: str | os.PathLike[str], error: OSError) -> AnnotationError:
    """The error of a file that cannot be opened."""
    return AnnotationError(
        f"expected a readable annotation file, got '{error.strerror}', "
        f"in {path}; check the path"
    )


def read_fields(
    path: str | os.PathLike[str],
) -> Iterator[tuple[int, list[str]]]:
    """Lines of a text file, split at blanks, without comments and empty lines.

    Arguments
    ---------
    path : str or os.PathLike
        A UTF-8 text file; lines that start with ``;`` are comments. Accents
        are composed.

    Yields
    ------
    tuple[int, list[str]]
        Line number, from 1, and the fields of the line.

    Raises
    ------
    AnnotationError
        If the file cannot be opened or is not UTF-8 text.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        fields = line.split()
        if fields and not fields[0].startswith(";"):
            yield number, list(map(composed, fields))


def check_channel(uri: str, channel: str, where: str) -> None:
    """Raise if the channel of a line is that of another column.

    What a channel is called is free, and it is not used. But a time, or a
    channel where the uri should be, says that columns were swapped.

    Arguments
    ---------
    uri : str
        The field of the recording.
    channel : str
        The field of the channel.
    where : str
        File and line, for the message.

    Raises
    ------
    AnnotationError
        If so.

    Example
    -------
    >>> check_channel("show", "1", "show.rttm:1")
    >>> check_channel("1", "show", "show.rttm:2")
    Traceback (most recent call last):
    ...
    explainable_seg.errors.AnnotationError: expected a uri and a channel, got \
'1' and 'show', in show.rttm:2; check the order of the columns
    """
    swapped = CHANNEL.fullmatch(uri) and not CHANNEL.fullmatch(channel)
    if swapped or ("." in channel and NUMBER.fullmatch(channel)):
        raise AnnotationError(
            f"expected a uri and a channel, got {quoted(uri)} and "
            f"{quoted(channel)}, in {where}; check the order of the columns"
        )


def parse_seconds(
    text: str, name: str, where: str, decimal_comma: bool = False
) -> float:
    """Number of seconds of a recording, with a decimal point.

    Arguments
    ---------
    text : str
        The field.
    name : str
        What the field is, for the message: ``onset``, ``end``...
    where : str
        File and line, for the message.
    decimal_comma : bool
        Whether one comma may stand in place of the point.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    AnnotationError
        If the field is not a plain decimal number: ``12,5`` (unless decimal
        commas are allowed), ``nan``, ``1_0``; or is no time of any recording:
        before 0 by more than rounding, or after 3 years.

    Example
    -------
    >>> parse_seconds("12.5", "onset", "show.rttm:3")
    12.5
    >>> parse_seconds("12,5", "time", "show.trs:3", decimal_comma=True)
    12.5
    """
    number = text.replace(",", ".") if decimal_comma else text
    if not NUMBER.fullmatch(number):
        raise AnnotationError(
            f"expected a number of seconds as {name}, got {quoted(text)}, "
            f"in {where}; write it with a decimal point"
        )
    seconds = float(number)
    if not -START_ROUNDING <= seconds <= LATEST_SECOND:
        raise AnnotationError(
            f"expected seconds from 0 to {LATEST_SECOND:.0f} as {name}, got "
            f"{quoted(text)}, in {where}; check the columns and the time unit"
        )
    return seconds


def parse_span(
    start: str, end: str, where: str, decimal_comma: bool = False
) -> tuple[float, float]:
    """Start and end of a span, where a format gives both.

    Arguments
    ---------
    start : str
        The field of the start.
    end : str
        The field of the end.
    where : str
        File and line, for the message.
    decimal_comma : bool
        As for :func:`parse_seconds`.

    Returns
    -------
    tuple[float, float]
        Seconds.

    Raises
    ------
    AnnotationError
        If a field is no time, or the end lies before the start.

    Example
    -------
    >>> parse_span("2", "3.5", "show.lab:1")
    (2.0, 3.5)
    """
    first = parse_seconds(start, "start", where, decimal_comma)
    last = parse_seconds(end, "end", where, decimal_comma)
    if last < first:
        raise AnnotationError(
            f"expected an end at or after {first:g} s, got {last:g}, "
            f"in {where}; correct the start or the end"
        )
    return first, last


def parse_duration(
    onset: str, duration: str, where: str
) -> tuple[float, float]:
    """Start and end of a span, where a format gives onset and duration.

    Arguments
    ---------
    onset : str
        The field of the onset.
    duration : str
        The field of the duration.
    where : str
        File and line, for the message.

    Returns
    -------
    tuple[float, float]
        Seconds; turns that touch in the file touch in memory.

    Raises
    ------
    AnnotationError
        If a field is no time, or the duration is negative.

    Example
    -------
    >>> parse_duration("0.1", "0.2", "show.rttm:1")
    (0.1, 0.3)
    """
    start = parse_seconds(onset, "onset", where)
    length = parse_seconds(duration, "duration", where)
    if length < 0:
        raise AnnotationError(
            f"expected a duration of 0 s or more, got {quoted(duration)}, "
            f"in {where}; the columns are onset and duration"
        )
    return start, round(start + length, 6)


Row = tuple[float, float, str]  # start and end in seconds, label


def rounded_rows(
    rows: Iterable[Row], path: str | os.PathLike[str]
) -> list[Row]:
    """Turns as they are to be written: sorted, rounded to 0.1 ms.

    Both ends are rounded, so that no two turns touch or part by the rounding
    of a duration. A turn shorter than that is left out.

    Arguments
    ---------
    rows : Iterable[tuple[float, float, str]]
        Start and end in seconds, and the label.
    path : str or os.PathLike
        The file to write, for the message.

    Returns
    -------
    list[tuple[float, float, str]]
        Likewise, the blanks of labels replaced.

    Raises
    ------
    AnnotationError
        If a label is empty.

    Example
    -------
    >>> rounded_rows([(1.00004, 2.0, "a b"), (0.0, 0.00001, "c")], "x.rttm")
    [(1.0, 2.0, 'a_b')]
    """
    turns = sorted(
        (
            round(start, 4),
            round(end, 4),
            writable_field(label, "label", path),
        )
        for start, end, label in rows
    )
    return [(start, end, label) for start, end, label in turns if end > start]


def speaker_lines(uri: str, rows: Iterable[Row]) -> str:
    """SPEAKER lines of a recording.

    Arguments
    ---------
    uri : str
        The recording, without blanks.
    rows : Iterable[tuple[float, float, str]]
        As :func:`rounded_rows` gives them.

    Returns
    -------
    str

    Example
    -------
    >>> print(speaker_lines("show", [(1.0, 2.5, "music")]), end="")
    SPEAKER show 1 1.0000 1.5000 <NA> <NA> music <NA> <NA>
    """
    return "".join(
        f"SPEAKER {uri} 1 {start:.4f} {end - start:.4f} "
        f"<NA> <NA> {label} <NA> <NA>\n"
        for start, end, label in rows
    )


def read_list(path: str | os.PathLike[str]) -> list[str]:
    """Read a list file.

    Arguments
    ---------
    path : str or os.PathLike
        The file; UTF-8, any line ends, the last one may be missing.

    Returns
    -------
    list[str]
        The names in their order, without blanks around them and with
        composed accents. A name is kept as it stands otherwise, with the
        suffix of an audio file if it has one.

    Raises
    ------
    CorpusError
        If the file cannot be read, is empty, or names something twice.
    """
    try:
        text = read_text(path)
    except AnnotationError as error:
        raise CorpusError(
            f"expected a list of names, got no readable text file: {error}"
        ) from None
    return _names(composed(text), path)


def _names(text: str, path: str | os.PathLike[str]) -> list[str]:
    """Names in the text of a list file, checked."""
    names = [line.strip() for line in text.split("\n") if line.strip()]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice or not names:
        shown = " ".join(twice[:9])
        got = f"{shown} again" if twice else "an empty list"
        raise CorpusError(
            f"expected each name once, got {got}, in {path}; correct the list"
        )
    return names


def write_list(path: str | os.PathLike[str], names: Sequence[str]) -> None:
    """Write a list file, whole or not at all.

    Arguments
    ---------
    path : str or os.PathLike
        The file to write.
    names : Sequence[str]
        The names in their order.

    Raises
    ------
    CorpusError
        If there are none, or one stands twice or does not fit in a line.
    """
    text = "".join(f"{name}\n" for name in names)
    if _names(text.replace("\r", "\n"), path) != list(names):
        raise CorpusError(
            f"expected names of one line without blanks around them, got "
            f"others, in {path}; correct the names"
        )
    atomic_write_text(path, text)


Entry = TypeVar("Entry")


def read_folder(
    path: str | os.PathLike[str],
    suffix: str,
    read: Callable[[Path], dict[str, Entry]],
) -> dict[str, Entry]:
    """What a file says of each recording, or all files of a folder together.

    Arguments
    ---------
    path : str or os.PathLike
        A file, or a folder that is searched at all depths; hidden files are
        passed over.
    suffix : str
        Ending of the files of the folder, for instance ``.rttm``; capitals
        or not.
    read : Callable
        Reader of one file, which gives an entry for each uri.

    Returns
    -------
    dict[str, Entry]
        For each uri its entry, files in the order of their paths.

    Raises
    ------
    AnnotationError
        If the folder holds no such file, or two files speak of one recording.
    """
    folder = Path(path)
    if not folder.is_dir():
        return read(folder)
    files = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() == suffix
        and not file.name.startswith(".")
        and file.is_file()
    )
    if not files:
        raise AnnotationError(
            f"expected {suffix} files, got none, in {path}; check the folder"
        )
    entries: dict[str, Entry] = {}
    owners: dict[str, Path] = {}
    for file in files:
        for uri, entry in read(file).items():
            if uri in entries:
                raise AnnotationError(
                    f"expected each recording in one file, got {uri} in "
                    f"{owners[uri]} and again, in {file}; remove one of them"
                )
            entries[uri], owners[uri] = entry, file
    return entries
