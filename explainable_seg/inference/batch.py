"""Many recordings to one folder: one bad file never stops the others."""

import csv
import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tqdm import tqdm

from explainable_seg.classes import CLASSES
from explainable_seg.errors import ExplainableSegError
from explainable_seg.files import atomic_write_text
from explainable_seg.inference.audio import AUDIO_EXTENSIONS
from explainable_seg.inference.formats import WRITERS
from explainable_seg.inference.segmentation import Segmentation

SUMMARY = "summary.csv"
FAILURES = "failures.csv"
SUMMARY_COLUMNS = ("file", "duration", *CLASSES)
FAILURE_COLUMNS = ("file", "error")

Table = dict[str, list[str]]  # rows by their first column


class Segments(Protocol):
    """What can segment a file."""

    def segment(self, source: Path, /) -> Segmentation:
        """Segments of the file."""


@dataclass(frozen=True)
class Job:
    """A recording to segment.

    Arguments
    ---------
    path : pathlib.Path
        Where the recording is.
    name : pathlib.Path
        Its place below the folder that was named, with its extension; the
        output folder keeps it.
    """

    path: Path
    name: Path

    def output(self, folder: Path, extension: str) -> Path:
        """File of one format below the output folder."""
        return folder / self.name.with_name(self.name.stem + extension)


def find_jobs(inputs: Iterable[Path]) -> tuple[list[Job], Table]:
    """Recordings that files and folders name.

    Folders are searched through; hidden files and folders are left out.

    Arguments
    ---------
    inputs : Iterable[pathlib.Path]
        Files, whatever their extension, and folders.

    Returns
    -------
    tuple[list[Job], Table]
        The recordings, and the folders without any or that cannot be read,
        as rows of ``failures.csv``.
    """
    jobs: list[Job] = []
    failures: Table = {}
    for path in inputs:
        if not path.is_dir():
            jobs.append(Job(path, Path(path.name)))
            continue
        found, unread = _audio_below(path)
        jobs += [Job(file, file.relative_to(path)) for file in found]
        for error in unread:
            _fail(
                failures,
                error.filename,
                f"expected a folder to search, got '{error.strerror}', in "
                f"{error.filename}; check whether you may read it",
            )
        if not found and not unread:
            known = " ".join(sorted(AUDIO_EXTENSIONS))
            _fail(
                failures,
                str(path),
                f"expected audio files ({known}), got none, in {path}; name "
                "another folder or convert the files",
            )
    return jobs, failures


def _audio_below(folder: Path) -> tuple[list[Path], list[OSError]]:
    """Audio files below a folder, sorted, and folders that are closed."""
    found: list[Path] = []
    unread: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=unread.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(parent, name)
            for name in names
            if Path(name).suffix.lower() in AUDIO_EXTENSIONS
            and not name.startswith(".")
        ]
    return sorted(found), unread


def _fail(failures: Table, name: str, error: str) -> str:
    """Add a row to the failures; return the error as it is in the row."""
    row = [_utf8(name), _utf8(error)]
    failures[row[0]] = row
    return row[1]


def check_outputs(
    jobs: Sequence[Job],
    folder: Path,
    formats: Sequence[str],
    overwrite: bool = False,
) -> None:
    """Raise if two files would be one, or one is already there.

    Arguments
    ---------
    jobs : Sequence[Job]
        What will be segmented.
    folder : pathlib.Path
        Where the results go.
    formats : Sequence[str]
        Keys of :data:`~explainable_seg.inference.formats.WRITERS`.
    overwrite : bool
        Whether existing files may be replaced.

    Raises
    ------
    ExplainableSegError
        Before anything is written.
    """
    if folder.exists() and not folder.is_dir():
        raise ExplainableSegError(
            f"expected a folder for the results, got a file, in {folder}; "
            "choose another --output"
        )
    taken: dict[Path, str] = {
        folder / SUMMARY: "the summary",
        folder / FAILURES: "the list of failures",
    }
    for job in jobs:
        for name in formats:
            path = job.output(folder, WRITERS[name].extension)
            if path in taken:
                raise ExplainableSegError(
                    f"expected one output file for each input, got {path} for "
                    f"{taken[path]} and {job.path}; rename one, or give each "
                    "its own --output"
                )
            taken[path] = str(job.path)
            if path.exists() and not overwrite:
                raise ExplainableSegError(
                    f"expected a new file, got one that exists, in {path}; "
                    "use --overwrite or another --output"
                )


def segment_files(
    segmenter: Segments,
    jobs: Sequence[Job],
    folder: Path,
    formats: Sequence[str],
    tell: Callable[[str], None],
    failures: Mapping[str, list[str]] | None = None,
) -> Table:
    """Segment recordings one by one; write their results and two tables.

    ``summary.csv`` has the seconds of each class of every recording in the
    folder, ``failures.csv`` the recordings that failed. Both keep the rows of
    earlier runs into the same folder, and are written when a run is
    interrupted, too.

    Arguments
    ---------
    segmenter : Segments
        What segments a file.
    jobs : Sequence[Job]
        The recordings.
    folder : pathlib.Path
        Where the results go.
    formats : Sequence[str]
        Keys of :data:`~explainable_seg.inference.formats.WRITERS`.
    tell : Callable[[str], None]
        Is given the error of each recording that fails, when it fails.
    failures : Mapping[str, list[str]], optional
        Rows of what has failed before.

    Returns
    -------
    Table
        Rows of ``failures.csv`` of this run.

    Raises
    ------
    ExplainableSegError
        If a table of the folder is not one of ours.
    """
    summary = _read_table(folder / SUMMARY, SUMMARY_COLUMNS)
    earlier = _read_table(folder / FAILURES, FAILURE_COLUMNS)
    failed: Table = dict(failures or {})
    try:
        # `disable=None`: no bar where the output is not a terminal.
        for job in tqdm(jobs, unit="file", disable=None):
            name = _utf8(job.name.as_posix())
            try:
                result = segmenter.segment(job.path)
            except ExplainableSegError as error:
                tell(_fail(failed, name, str(error)))
                continue
            for key in formats:
                extension, write = WRITERS[key]
                write(result, job.output(folder, extension))
            summary[name] = _summary_row(name, result)
            earlier.pop(name, None)
    finally:
        _write_table(folder / SUMMARY, SUMMARY_COLUMNS, summary)
        _write_table(folder / FAILURES, FAILURE_COLUMNS, {**earlier, **failed})
    return failed


def _utf8(text: str) -> str:
    """Text that can be written; names of files need not be UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _summary_row(name: str, result: Segmentation) -> list[str]:
    """Row of summary.csv: seconds, to the millisecond."""
    seconds = [result.duration, *result.seconds().values()]
    return [name, *(f"{value:.3f}" for value in seconds)]


def _read_table(path: Path, columns: Sequence[str]) -> Table:
    """Rows of a table of an earlier run; none where there is no such file."""
    if not path.exists():
        return {}
    with open(path, encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.reader(stream) if row]
    if not rows or any(len(row) != len(columns) for row in rows):
        header: list[str] = []
    else:
        header = rows[0]
    if header != list(columns):
        raise ExplainableSegError(
            f"expected a table of the columns {','.join(columns)}, got another "
            f"file, in {path}; remove it or use another --output"
        )
    return {row[0]: row for row in rows[1:]}


def _write_table(path: Path, columns: Sequence[str], rows: Table) -> None:
    """Write a table, sorted; one without rows is removed."""
    if not rows:
        if path.exists():
            path.unlink()
        return
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows(rows[name] for name in sorted(rows))
    atomic_write_text(path, text.getvalue())
