"""The result of one recording: its files, its row, and what it was made of."""

import csv
import hashlib
import io
import logging
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from explainable_seg.classes import CLASSES
from explainable_seg.decisions import WRITERS, Segmentation
from explainable_seg.errors import ExplainableSegError, printable
from explainable_seg.files import (
    atomic_write_text,
    remove_leftovers,
    writing_errors,
)
from explainable_seg.inference.sources import Job, Share

logger = logging.getLogger(__name__)

LOCK = ".explainable-seg{}.lock"  # there while a run is in the folder
LOCK_PATIENCE = 5.0  # seconds, for another run that only looks


@contextmanager
def locked_folder(folder: Path, share: Share | None = None) -> Iterator[None]:
    """Hold an output folder for one run, or for one share of it.

    Temporary files that killed runs have left there are removed.

    The lock is the system's own, and goes when the process does. Where there
    is none, as in a folder that cannot be written, nothing is held.

    Arguments
    ---------
    folder : pathlib.Path
        Created where it is missing.
    share : Share, optional
        The share of the recordings that is done.

    Raises
    ------
    ExplainableSegError
        If another run is in the folder.
    """
    check_output_folder(folder)
    with ExitStack() as held:
        own = folder / LOCK.format(f".{share}" if share else "")
        alone = held.enter_context(_held(own, folder))
        if share:
            with _held(folder / LOCK.format(""), folder):
                pass
        else:
            for other in sorted(folder.glob(LOCK.format(".*-of-*"))):
                held.enter_context(_held(other, folder))
        for below, _, _ in os.walk(folder):
            remove_leftovers(Path(below), alone=alone and not share)
        yield


@contextmanager
def _held(path: Path, folder: Path) -> Iterator[bool]:
    """Hold one lock, whose file is removed with it; whether it is held."""
    lock = FileLock(path, timeout=LOCK_PATIENCE)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise ExplainableSegError(
            f"expected no other run in the output folder, got one, in {folder}; "
            "wait for it, or divide the recordings with --share K/N"
        ) from None
    except (OSError, NotImplementedError) as error:
        logger.warning("%s: not locked: %s", folder, error)
        yield False
        return
    try:
        yield True
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()


def check_output_folder(folder: Path) -> None:
    """Raise if there is something else in place of an output folder."""
    if folder.exists() and not folder.is_dir():
        raise ExplainableSegError(
            f"expected a folder for the results, got a file, in {folder}; "
            "choose another --output"
        )


SUMMARY_COLUMNS = (
    "file",
    "duration",
    *CLASSES,
    "note",
    "formats",
    # What the row is of: bytes and time of change of the recording, a digest
    # of where it lies, and one of the settings.
    "bytes",
    "modified",
    "source",
    "settings",
)
FAILURE_COLUMNS = ("file", "error")
TABLES = {"summary.csv": SUMMARY_COLUMNS, "failures.csv": FAILURE_COLUMNS}
# Results of recordings that are called so carry the extension, for the tables
# of the folder have these names.
RESERVED = re.compile(r"(summary|failures)(\.\d+-of-\d+)?")
FORMULA = tuple("=+-@\t\r'")  # with these a spreadsheet begins a formula
MARK = "'"  # before them: what follows is text
MOST_CHARACTERS = 1000  # of a message, far below the limits of readers

ResultRow = dict[str, str]
"""Row of a table, by column; each value is one line."""


class ResultTable:
    """A CSV file whose rows are found by their first column.

    Rows are appended as they come, so that a run that is killed leaves them;
    the last one of a name counts, and one without any other value takes the
    name out. :meth:`save` sorts them. A line that is no whole row, which a run
    that was killed may leave, counts as not there.

    Arguments
    ---------
    path : pathlib.Path
        The file; rows of an earlier run are read.
    columns : Sequence[str]
        Names of the columns.
    part : bool
        Whether another table will absorb this one, which therefore also keeps
        which names were taken out.

    Raises
    ------
    ExplainableSegError
        If there is a file that is no such table.
    """

    def __init__(self, path: Path, columns: Sequence[str], part: bool = False):
        self.path = path
        self.columns = list(columns)
        self.part = part
        self.rows: dict[str, ResultRow] = {}
        self._removed: dict[str, ResultRow] = {}
        self._absorbed: list[Path] = []
        self._whole = False  # whether a row may be put behind the file
        self._clean = True  # whether it is what `save` would write
        if os.path.lexists(path):
            self._read()

    def _read(self) -> None:
        """Rows of the file."""
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise self._refused(f"'{error.strerror}'") from None
        header, *lines = text.split("\n")
        if header != ",".join(self.columns):
            raise self._refused("another file")
        for line in lines[:-1]:  # behind the last line end is half a row
            cells = _cells(line)
            if len(cells) == len(self.columns):
                self._set(dict(zip(self.columns, cells)))
            else:
                logger.warning("%s: a broken line is left out", self.path)
        self._whole = lines[-1:] == [""]
        self._clean = text == self._text()

    def _refused(self, found: str) -> ExplainableSegError:
        """The error of a file that is not such a table."""
        return ExplainableSegError(
            f"expected a table of the columns {','.join(self.columns)}, got "
            f"{found}, in {self.path}; remove it or use another --output"
        )

    def _set(self, row: ResultRow) -> None:
        """Keep a row, or take its name out."""
        name, *others = row.values()
        left, taken = self.rows, self._removed
        if not any(others):
            left, taken = taken, left
        taken.pop(name, None)
        left[name] = row

    def append(self, row: ResultRow) -> None:
        """Add a row, in memory and at the end of the file.

        Arguments
        ---------
        row : dict[str, str]
            One value a column, of one line each; it takes the place of a row
            of the same first value.

        Raises
        ------
        DiskFullError
            If there is no room for it.
        """
        if not self._whole:
            self._write()
        self._set(row)
        self._clean = False
        line = _csv([row.values()])
        with writing_errors(self.path):
            with open(self.path, "a", encoding="utf-8", newline="") as stream:
                stream.write(line)

    def remove(self, name: str) -> None:
        """Take a name out, in memory and in the file."""
        self.append({**dict.fromkeys(self.columns, ""), "file": name})

    def forget(self, name: str) -> None:
        """Take a name out, in memory and when all is saved."""
        self._clean = self.rows.pop(name, None) is None and self._clean

    def absorb(self, other: "ResultTable") -> None:
        """Take the rows of another table, which :meth:`save` then removes.

        Arguments
        ---------
        other : ResultTable
            Of the same columns, newer than this one: its rows stay, and what
            was taken out of it is taken out of this one.
        """
        for row in [*other.rows.values(), *other._removed.values()]:
            self._set(row)
        self._absorbed.append(other.path)
        self._clean = False

    def save(self) -> None:
        """Write all rows, sorted; a table without rows is removed."""
        if not self._clean:
            if self.rows or (self.part and self._removed):
                self._write()
            else:
                self.path.unlink(missing_ok=True)
                self._whole, self._clean = False, True
        for path in self._absorbed:
            path.unlink(missing_ok=True)
        self._absorbed.clear()

    def _write(self) -> None:
        """Write all rows, sorted."""
        atomic_write_text(self.path, self._text())
        self._whole = self._clean = True

    def _text(self) -> str:
        """All rows, sorted, below their header."""
        rows = {**self.rows, **(self._removed if self.part else {})}
        return _csv([self.columns, *(rows[n].values() for n in sorted(rows))])


def tables_of(
    folder: Path, share: Share | None = None
) -> tuple[ResultTable, ResultTable]:
    """Summary and failures of a folder.

    Arguments
    ---------
    folder : pathlib.Path
        Of the results.
    share : Share, optional
        Whose own tables; by default those of the folder, with the rows of all
        shares.

    Returns
    -------
    tuple[ResultTable, ResultTable]
    """
    tables = []
    for name, columns in TABLES.items():
        path = folder / name
        if share:
            own = path.with_stem(f"{path.stem}.{share}")
            tables.append(ResultTable(own, columns, part=True))
            continue
        table = ResultTable(path, columns)
        for part in sorted(folder.glob(f"{path.stem}.*-of-*.csv")):
            if is_reserved(part.stem):
                table.absorb(ResultTable(part, columns, part=True))
        tables.append(table)
    summary, failures = tables
    return summary, failures


def is_reserved(stem: str) -> bool:
    """Whether a result of this name could take the place of a table."""
    return RESERVED.fullmatch(stem) is not None


def full_names(names: Collection[str]) -> set[str]:
    """Names whose results keep the extension, so that all have their own.

    Arguments
    ---------
    names : Collection[str]
        Of all recordings.

    Returns
    -------
    set[str]

    Example
    -------
    >>> sorted(full_names(["a.wav", "a.mp3", "a.wav.ogg", "b.wav"]))
    ['a.mp3', 'a.wav', 'a.wav.ogg']
    """
    short = {name: os.path.splitext(name)[0] for name in names}
    full = {name for name in names if is_reserved(short[name])}
    while True:
        taken = Counter(n if n in full else short[n] for n in names)
        more = {n for n in names if n not in full and taken[short[n]] > 1}
        if not more:
            return full
        full |= more


def _cells(line: str) -> list[str]:
    """Values of a line; none if it is no line of a table."""
    try:
        (row,) = csv.reader([line])
    except (csv.Error, ValueError):
        return []
    return [cell[1:] if cell.startswith(MARK) else cell for cell in row]


def _csv(rows: Iterable[Iterable[str]]) -> str:
    """Text of rows; no spreadsheet takes a value for a formula."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [MARK + cell if cell.startswith(FORMULA) else cell for cell in row]
        for row in rows
    )
    return text.getvalue()


def message_of(text: str) -> str:
    """A message that fits in a table: one line, its middle left out.

    Example
    -------
    >>> len(message_of("x" * 131_000)) <= MOST_CHARACTERS, message_of("a\\nb")
    (True, 'a b')
    """
    return shortened(printable(text))


def shortened(line: str) -> str:
    """A line that fits in a table, its middle left out if it is too long."""
    half = MOST_CHARACTERS // 2 - 3
    fits = len(line) <= MOST_CHARACTERS
    return line if fits else f"{line[:half]} ... {line[-half:]}"


def summary_row(
    name: str, result: Segmentation, made_of: Mapping[str, str]
) -> ResultRow:
    """Row of summary.csv: seconds, to the millisecond.

    A class that was not looked for has no value.

    Arguments
    ---------
    name : str
        First column.
    result : Segmentation
        What was found.
    made_of : Mapping[str, str]
        The last columns: what the result was made of.

    Returns
    -------
    dict[str, str]

    Example
    -------
    >>> import numpy as np
    >>> result = Segmentation("a", 2.0, [], np.zeros((99, 4)))
    >>> summary_row("a.wav", result, {})["speech"]
    '0.000'
    """
    seconds = {"duration": result.duration, **result.seconds()}
    values = {column: f"{value:.3f}" for column, value in seconds.items()}
    note = message_of("; ".join(result.notes))
    found = {"file": name, "note": note, **values, **made_of}
    return {column: found.get(column, "") for column in SUMMARY_COLUMNS}


DIGEST_DIGITS = 12  # of a digest


@dataclass(frozen=True)
class SegmentTask:
    """What is to be written for a recording.

    Arguments
    ---------
    job : Job
        The recording.
    folder : pathlib.Path
        Where the results go.
    formats : Sequence[str]
        Keys of :data:`~explainable_seg.decisions.formats.WRITERS`.
    keep : Sequence[str]
        Those of them whose files, where they are there, stay as they are.
    settings : str
        Digest of what decides.
    """

    job: Job
    folder: Path
    formats: Sequence[str]
    keep: Sequence[str]
    settings: str

    def write(self, result: Segmentation, stamp: ResultRow) -> ResultRow:
        """Write the files, each as a whole; all of them or none.

        Arguments
        ---------
        result : Segmentation
            What was found.
        stamp : dict[str, str]
            Of the recording when it was opened, by :func:`source_stamp`.

        Returns
        -------
        dict[str, str]
            The row for the summary.

        Raises
        ------
        ExplainableSegError
            If a file cannot be written.
        """
        written: list[Path] = []
        try:
            for name in self.formats:
                writer = WRITERS[name]
                path = self.job.output(self.folder, writer.extension)
                if name in self.keep and os.path.isfile(path):
                    continue
                media = (self._media,) if writer.names_media else ()
                writer.write(result, path, *media)
                written.append(path)
        except BaseException as error:
            for path in written:
                path.unlink(missing_ok=True)
            if not isinstance(error, OSError):
                raise
            raise ExplainableSegError(
                f"expected to write a result, got '{error.strerror}', of "
                f"{self.job.path} in {self.folder}; rename the recording, or "
                "choose another --output"
            ) from None
        made_of = {**stamp, "settings": self.settings}
        made_of["formats"] = " ".join(self.formats)
        return summary_row(self.job.row_name, result, made_of)

    @property
    def _media(self) -> Path | None:
        """The recording, where results may name it."""
        return None if self.job.digest else self.job.path


def source_stamp(job: Job) -> ResultRow:
    """What tells a recording from another one, and from what it was before.

    Arguments
    ---------
    job : Job
        The recording, as it is now.

    Returns
    -------
    dict[str, str]
        ``bytes``, ``modified`` (seconds since 1970) and ``source``, a digest of
        where it lies; what cannot be known is "".
    """
    place = os.fsencode(os.path.abspath(job.path))
    row = {"bytes": "", "modified": ""}
    row["source"] = job.digest[:DIGEST_DIGITS] or digest_of(place)
    with suppress(OSError, ValueError):  # a name may hold a zero byte
        status = os.stat(job.path)
        row["bytes"] = str(status.st_size)
        seconds, rest = divmod(status.st_mtime_ns, 10**9)
        # What came through a pipe has no time, and is known by its content.
        row["modified"] = job.digest or f"{seconds}.{rest:09}"
    return row


def differs(row: ResultRow, stamp: ResultRow) -> bool:
    """Whether a recording is not that of a row; not, where it is missing."""
    return stamp["bytes"] != "" and any(
        row[column] != stamp[column] for column in ("bytes", "modified")
    )


def digest_of(content: str | bytes) -> str:
    """Short digest of settings or of a path."""
    data = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()[:DIGEST_DIGITS]
