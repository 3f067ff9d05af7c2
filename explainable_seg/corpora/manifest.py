"""Manifests: one CSV row for one region of a recording.

The first six columns mean what they mean in SpeechBrain: ``duration`` in
seconds, ``start`` and ``stop`` in samples at the file's own rate. The others
name the recording, its normalised RTTM file, and for each class the UEM file
of the time in which that class is annotated; an empty field means nowhere.

A prepared folder can be moved, with its corpus or without: the paths of its
annotation files are relative to the manifest, those of audio start with
``$data_root``, the folder of the corpus. Where that is stands in
``summary.json`` beside the manifest, in two ways: relative to it, for folders
that are moved together, and absolute.
"""

import csv
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from explainable_seg.annotation import blanks_replaced, composed, quoted
from explainable_seg.classes import CLASSES
from explainable_seg.corpora.recording import recorded_root
from explainable_seg.errors import ManifestError
from explainable_seg.files import atomic_write_text

UEM_COLUMNS = {name: f"{name}_uem" for name in CLASSES}
COLUMNS = (
    "ID",
    "duration",
    "wav",
    "start",
    "stop",
    "sample_rate",
    "recording",
    "rttm",
    *UEM_COLUMNS.values(),
)
PATHS = ("wav", "rttm", *UEM_COLUMNS.values())
DATA_ROOT = "$data_root"
LARGEST = 2**53  # samples; beyond, seconds are no longer exact
Quantity = TypeVar("Quantity", int, float)
DURATION_TOLERANCE = 0.01  # seconds between duration and (stop - start) / rate


@dataclass(frozen=True)
class Region:
    """One row of a manifest.

    Arguments
    ---------
    id : str
        Unique in the manifest.
    duration : float
        Seconds.
    wav : str
        Path of the audio file.
    start : int
        First sample of the region, at the file's own rate.
    stop : int
        One past its last sample.
    sample_rate : int
        The file's own rate, Hz.
    recording : str
        The uri that the annotation files use.
    rttm : str or None
        Path of the normalised annotation; None if no class is annotated.
    uems : dict[str, str or None]
        For each class the path of the UEM file of its annotated time; None if
        the class is annotated nowhere.
    """

    id: str
    duration: float
    wav: str
    start: int
    stop: int
    sample_rate: int
    recording: str
    rttm: str | None
    uems: dict[str, str | None]

    @property
    def corpus(self) -> str | None:
        """Corpus, ``<corpus>/...``, of a row in a manifest of several."""
        corpus, separator, _ = self.id.partition("/")
        return corpus if separator else None

    @property
    def start_s(self) -> float:
        """Start of the region in its recording, seconds."""
        return self.start / self.sample_rate

    @property
    def stop_s(self) -> float:
        """End of the region in its recording, seconds."""
        return self.stop / self.sample_rate


def write_manifest(
    path: str | os.PathLike[str],
    regions: Iterable[Region],
    data_root: str | os.PathLike[str] | None = None,
) -> None:
    """Write a manifest, whole or not at all.

    Arguments
    ---------
    path : str or os.PathLike
        The CSV file to write. Annotation files in its folder are named
        relative to it.
    regions : Iterable[Region]
        Its rows, in this order.
    data_root : str or os.PathLike, optional
        Audio in this folder is named ``$data_root/...``; other audio, and by
        default all, as the regions name it.
    """
    folder = Path(os.path.abspath(path)).parent
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for region in regions:
        writer.writerow(
            [
                region.id,
                round(region.duration, 6),
                _below(region.wav, data_root, f"{DATA_ROOT}/"),
                region.start,
                region.stop,
                region.sample_rate,
                region.recording,
                _below(region.rttm or "", folder),
                *(
                    _below(region.uems.get(name) or "", folder)
                    for name in CLASSES
                ),
            ]
        )
    atomic_write_text(path, text.getvalue())


def _below(
    path: str, folder: str | os.PathLike[str] | None, prefix: str = ""
) -> str:
    """A path from a folder on, behind a prefix, if it lies in that folder."""
    if folder is None or not os.path.isabs(path):
        return path
    whole, root = Path(path), Path(os.path.abspath(folder))
    if not whole.is_relative_to(root):
        return path
    return prefix + whole.relative_to(root).as_posix()


def read_manifest(
    path: str | os.PathLike[str],
    data_root: str | os.PathLike[str] | None = None,
    check_audio: bool = True,
) -> list[Region]:
    """Read a manifest and check every row of it.

    Arguments
    ---------
    path : str or os.PathLike
        The CSV file.
    data_root : str or os.PathLike, optional
        What ``$data_root`` at the start of a path stands for; by default what
        the ``summary.json`` beside the manifest says.
    check_audio : bool
        Whether each audio file must exist. Scoring needs none.

    Returns
    -------
    list[Region]
        The rows, in their order, with absolute paths: a relative one starts
        in the folder of the manifest.

    Raises
    ------
    ManifestError
        If the file cannot be read or has no rows, lacks a column, or a row
        has a bad value, a name that is no name of a file, an ID for the
        second time, or an audio file that does not exist.
    """
    regions: list[Region] = []
    seen: set[str] = set()
    for line, region in parse_rows(path, data_root):
        if isinstance(region, ManifestError):
            raise region
        where = f"{path}:{line}"
        if region.id in seen:
            raise ManifestError(
                f"expected each ID once, got '{region.id}' again, in {where}; "
                "give each region its own ID"
            )
        if check_audio and not Path(region.wav).is_file():
            raise ManifestError(
                f"expected an audio file, got no file {region.wav}, in "
                f"{where}; correct the path or set data_root"
            )
        seen.add(region.id)
        regions.append(region)
    if not regions:
        raise ManifestError(
            f"expected at least one row, got none, in {path}; "
            "prepare the corpus again"
        )
    return regions


def parse_rows(
    path: str | os.PathLike[str],
    data_root: str | os.PathLike[str] | None = None,
) -> Iterator[tuple[int, Region | ManifestError]]:
    """Each row of a manifest on its own, right or wrong.

    Arguments
    ---------
    path : str or os.PathLike
        The CSV file.
    data_root : str or os.PathLike, optional
        What ``$data_root`` at the start of a path stands for; by default what
        the ``summary.json`` beside the manifest says.

    Yields
    ------
    tuple[int, Region or ManifestError]
        Line number, and the row or what is wrong with it.

    Raises
    ------
    ManifestError
        If the file cannot be read or lacks a column.
    """
    rows = _read_rows(path)
    folder = Path(path).resolve().parent
    if data_root is None:
        data_root = recorded_root(path)
    for line, row in rows:
        where = f"{path}:{line}"
        try:
            _check_fields(row, where)
            paths = {
                column: _resolve(row[column], folder, data_root, where)
                for column in PATHS
            }
            yield line, _parse_row(row, paths, where)
        except ManifestError as error:
            yield line, error


def _read_rows(
    path: str | os.PathLike[str],
) -> list[tuple[int, dict[str, str]]]:
    """Line number and fields of each row, after a check of the columns."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            # None is the key of surplus fields and the value of missing ones.
            rows = [(reader.line_num, row) for row in reader]
            columns = reader.fieldnames or []
    except OSError as error:
        raise ManifestError(
            f"expected a readable manifest, got '{error.strerror}', in "
            f"{path}; check the path or prepare the corpus first"
        ) from None
    except (UnicodeDecodeError, csv.Error):
        raise ManifestError(
            f"expected a CSV file in UTF-8, got other bytes, in {path}; "
            "check that it is a manifest"
        ) from None
    missing = [name for name in COLUMNS if name not in columns]
    if not missing and len(set(columns)) < len(columns):
        raise ManifestError(
            f"expected each column once, got {','.join(columns)}, in "
            f"{path}:1; remove one"
        )
    if missing:
        raise ManifestError(
            f"expected the columns {','.join(COLUMNS)}, got none named "
            f"{','.join(missing)}, in {path}:1; prepare the corpus again"
        )
    return rows


def _check_fields(row: dict[str, str], where: str) -> None:
    """Raise unless a row has all its fields, and names that are names."""
    if None in row or None in row.values():
        columns = [name for name in row if name is not None]
        raise ManifestError(
            f"expected {len(columns)} fields, got another number, in "
            f"{where}; quote fields that hold commas"
        )
    for column in ("ID", "wav", "recording"):
        if not row[column]:
            raise ManifestError(
                f"expected a value for {column}, got an empty field, "
                f"in {where}; fill it in"
            )
    # Results are named after both: they must not lead out of a folder.
    for column, slashes in (("ID", True), ("recording", False)):
        name = row[column]
        parts = name.replace("\\", "/").split("/")
        if (
            not name.isprintable()
            or {"", ".", ".."} & set(parts)
            or (
                not slashes
                and (len(parts) > 1 or blanks_replaced(name) != composed(name))
            )
        ):
            raise ManifestError(
                f"expected a name that can be that of a file for {column}, got "
                f"{quoted(name)}, in {where}; write it without blanks, slashes "
                "and '..'"
            )


def _parse_row(
    row: dict[str, str], paths: dict[str, str | None], where: str
) -> Region:
    """One checked row, whose paths are found."""
    uems = {name: paths[column] for name, column in UEM_COLUMNS.items()}
    if any(uems.values()) and not paths["rttm"]:
        raise ManifestError(
            f"expected an rttm for the annotated classes, got an empty "
            f"field, in {where}; name the RTTM file or empty the UEM columns"
        )
    region = Region(
        id=composed(row["ID"]),
        duration=_number(row, "duration", float, where),
        wav=paths["wav"] or "",
        start=_number(row, "start", int, where),
        stop=_number(row, "stop", int, where),
        sample_rate=_number(row, "sample_rate", int, where),
        recording=composed(row["recording"]),
        rttm=paths["rttm"],
        uems=uems,
    )
    _check_times(region, where)
    return region


def _number(
    row: dict[str, str], column: str, kind: type[Quantity], where: str
) -> Quantity:
    """Value of a numeric column."""
    try:
        return kind(row[column])
    except ValueError:
        what = "whole number" if kind is int else "number"
        raise ManifestError(
            f"expected a {what} for {column}, got {quoted(row[column])}, "
            f"in {where}; correct the row"
        ) from None


def _check_times(region: Region, where: str) -> None:
    """Raise unless start, stop, rate and duration fit together."""
    samples = 0 <= region.start < region.stop <= LARGEST
    if not (samples and 0 < region.sample_rate <= LARGEST):
        raise ManifestError(
            f"expected 0 <= start < stop and a positive sample_rate, got "
            f"{region.start}, {region.stop}, {region.sample_rate}, "
            f"in {where}; start and stop are samples"
        )
    seconds = region.stop_s - region.start_s
    if not abs(region.duration - seconds) <= DURATION_TOLERANCE:
        raise ManifestError(
            f"expected a duration of {seconds:.4f} s from start, stop and "
            f"sample_rate, got {region.duration}, in {where}; correct the row"
        )


def _resolve(
    field: str,
    folder: Path,
    data_root: str | os.PathLike[str] | None,
    where: str,
) -> str | None:
    """Absolute path; None for an empty field."""
    if not field.startswith(DATA_ROOT):
        return str(folder / field) if field else None
    if data_root is None:
        raise ManifestError(
            f"expected a data_root to put for {DATA_ROOT}, got none, "
            f"in {where}; give the folder of the corpus"
        )
    return os.path.abspath(data_root) + field[len(DATA_ROOT) :]
