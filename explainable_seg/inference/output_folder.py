"""The folder of results: what is in it, what is missing, what may be written.

What is finished is not done again, and what a run leaves when it is killed is
whole files only.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from explainable_seg.audio.stream import Excerpt
from explainable_seg.errors import ExplainableSegError
from explainable_seg.files import atomic_write_text, json_text
from explainable_seg.inference.formats import WRITERS
from explainable_seg.inference.rules import Rules
from explainable_seg.inference.segmentation import Segmentation
from explainable_seg.inference.sources import Job, Share
from explainable_seg.inference.tables import (
    FAILURE_COLUMNS,
    FAILURES,
    SUMMARY,
    SUMMARY_COLUMNS,
    Table,
    one_line,
    summary_row,
)

SETTINGS = ".explainable-seg.json"  # what the results of a folder come from


def check_outputs(
    jobs: Sequence[Job], folder: Path, formats: Sequence[str]
) -> None:
    """Raise if two results would be one file.

    Arguments
    ---------
    jobs : Sequence[Job]
        What will be segmented.
    folder : pathlib.Path
        Where the results go.
    formats : Sequence[str]
        Keys of :data:`~explainable_seg.inference.formats.WRITERS`.

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
        for path in _outputs(job, folder, formats).values():
            if path in taken:
                raise ExplainableSegError(
                    f"expected one output file for each input, got {path} for "
                    f"{taken[path]} and {job.path}; rename one, or give each "
                    "its own --output"
                )
            taken[path] = str(job.path)


def _outputs(job: Job, folder: Path, formats: Iterable[str]) -> dict[str, Path]:
    """Files of a job by their format."""
    return {key: job.output(folder, WRITERS[key].extension) for key in formats}


class OutputFolder:
    """Results of one or more runs with the same settings.

    Arguments
    ---------
    folder : pathlib.Path
        Created where it is missing.
    formats : Sequence[str]
        Keys of :data:`~explainable_seg.inference.formats.WRITERS`.
    settings : Mapping[str, Any]
        What the results depend on beside the audio; plain JSON values.
    overwrite : bool
        Whether results that are there are made again, and files and settings
        that are there may be replaced.
    share : Share, optional
        The share of the recordings that this run does, beside others into the
        same folder. It keeps tables of its own; a run without a share takes
        those of all shares into its own.

    Raises
    ------
    ExplainableSegError
        If a table in the folder is not ours, or its results come from other
        settings.
    """

    def __init__(
        self,
        folder: Path,
        formats: Sequence[str],
        settings: Mapping[str, Any],
        overwrite: bool = False,
        share: Share | None = None,
    ):
        self.folder = folder
        self.formats = formats
        self.overwrite = overwrite
        self.summary = _open_table(folder / SUMMARY, SUMMARY_COLUMNS, share)
        self.failures = _open_table(folder / FAILURES, FAILURE_COLUMNS, share)
        self._finished = set(self.summary.rows)
        if share:
            whole = Table(folder / SUMMARY, SUMMARY_COLUMNS)
            self._finished |= set(whole.rows)
        self._path = folder / SETTINGS
        # A longest duration (max_on) may be infinite.
        self._settings = json_text(settings, sort_keys=True, allow_nan=True)
        self._ours = self._path.exists()
        if self._ours and not overwrite:
            self._compare(settings)

    def _compare(self, settings: Mapping[str, Any]) -> None:
        """Raise if the results in the folder come from other settings."""
        try:
            earlier = json.loads(self._path.read_text(encoding="utf-8"))
        except ValueError:
            earlier = {}
        for name, value in json.loads(self._settings).items():
            if earlier.get(name) != value:
                raise ExplainableSegError(
                    f"expected the {name} of the earlier run, got another, in "
                    f"{self.folder}; use the same, --overwrite, or another "
                    "--output"
                )

    def unfinished(self, jobs: Sequence[Job]) -> list[Job]:
        """Jobs that are to be done.

        Arguments
        ---------
        jobs : Sequence[Job]
            All jobs.

        Returns
        -------
        list[Job]
            Those that lack a file or a row of the summary; all of them with
            ``overwrite``.

        Raises
        ------
        ExplainableSegError
            If a file is in the way that is not the result of an earlier run.
        """
        if self.overwrite:
            return list(jobs)
        todo = []
        for job in jobs:
            outputs = _outputs(job, self.folder, self.formats).values()
            there = [path for path in outputs if path.exists()]
            if there and not self._ours:
                raise ExplainableSegError(
                    f"expected a new file, got one that exists, in {there[0]}; "
                    "use --overwrite or another --output"
                )
            if (
                len(there) < len(outputs)
                or _row_name(job) not in self._finished
            ):
                todo.append(job)
        return todo

    def claim(self) -> None:
        """Write the settings, before any result."""
        if not self._ours or self.overwrite:
            atomic_write_text(self._path, self._settings)

    def keeps_files(self, job: Job) -> bool:
        """Whether files of a job that are there stay as they are."""
        # A file that has its row may have been edited since.
        return not self.overwrite and _row_name(job) in self._finished

    def write(self, job: Job, result: Segmentation) -> None:
        """Write the files of a job that are missing, then its row."""
        keep = self.keeps_files(job)
        self.note(write_files(job, result, self.folder, self.formats, keep))

    def note(self, row: list[str]) -> None:
        """Add the row of a job whose files are written."""
        self.summary.append(row)
        self._finished.add(row[0])
        self.failures.rows.pop(row[0], None)

    def fail(self, name: str, message: str) -> str:
        """Note a failure; return its message as it is in the table."""
        row = [one_line(name), one_line(message)]
        self.failures.rows[row[0]] = row
        return row[1]

    def save(self) -> None:
        """Write both tables, sorted."""
        self.summary.save()
        self.failures.save()


def write_files(
    job: Job,
    result: Segmentation,
    folder: Path,
    formats: Iterable[str],
    keep: bool = False,
) -> list[str]:
    """Write the files of a job, each as a whole.

    Arguments
    ---------
    job : Job
        The recording.
    result : Segmentation
        What was found in it.
    folder : pathlib.Path
        Where the results go.
    formats : Iterable[str]
        Keys of :data:`~explainable_seg.inference.formats.WRITERS`.
    keep : bool
        Whether files that are there stay as they are.

    Returns
    -------
    list[str]
        The row of the job for the summary.
    """
    for key, path in _outputs(job, folder, formats).items():
        if not (keep and path.exists()):
            WRITERS[key].write(result, path)
    return summary_row(_row_name(job), result)


def _open_table(
    path: Path, columns: Sequence[str], share: Share | None
) -> Table:
    """Table of a share, or the whole one with the rows of all shares."""
    if share:
        return Table(path.with_stem(f"{path.stem}.{share}"), columns)
    table = Table(path, columns)
    for part in path.parent.glob(f"{path.stem}.*-of-*.csv"):
        table.absorb(Table(part, columns))
    return table


def _row_name(job: Job) -> str:
    """First column of a job's row."""
    return one_line(job.name.as_posix())


def run_settings(
    config: Mapping[str, Any], rules: Rules, excerpt: Excerpt
) -> dict[str, Any]:
    """What results depend on, beside the audio.

    Arguments
    ---------
    config : Mapping[str, Any]
        Configuration of the model.
    rules : Rules
        How is decided.
    excerpt : Excerpt
        Which part of the recordings.

    Returns
    -------
    dict[str, Any]
        ``model``, ``decisions`` and ``excerpt``.
    """
    names = ("weights_sha256", "window", "step", "context", "level")
    return {
        "model": {name: config.get(name) for name in names},
        "decisions": asdict(rules),
        "excerpt": asdict(excerpt),
    }
