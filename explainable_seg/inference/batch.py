"""Many recordings to one folder, where an interrupted run is continued.

One bad file never stops the others. What is finished is not done again, and
what a run leaves when it is killed is whole files only.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from tqdm import tqdm

from explainable_seg.errors import ExplainableSegError
from explainable_seg.files import atomic_write_text
from explainable_seg.frames import SAMPLE_RATE
from explainable_seg.inference.audio import Excerpt, stream_audio
from explainable_seg.inference.formats import WRITERS
from explainable_seg.inference.prefetch import prefetched
from explainable_seg.inference.rules import Rules
from explainable_seg.inference.segmentation import Segmentation
from explainable_seg.inference.sources import Job
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


class Segments(Protocol):
    """What can segment audio."""

    config: dict[str, Any]

    def segment_blocks(
        self,
        blocks: Iterable[np.ndarray],
        uri: str,
        rules: Rules | None,
        excerpt: Excerpt,
    ) -> Segmentation:
        """Segments of audio that comes in blocks."""


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
    ):
        self.folder = folder
        self.formats = formats
        self.overwrite = overwrite
        self.summary = Table(folder / SUMMARY, SUMMARY_COLUMNS)
        self.failures = Table(folder / FAILURES, FAILURE_COLUMNS)
        self._path = folder / SETTINGS
        self._settings = json.dumps(settings, indent=2, sort_keys=True) + "\n"
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
                or _row_name(job) not in self.summary.rows
            ):
                todo.append(job)
        return todo

    def claim(self) -> None:
        """Write the settings, before any result."""
        if not self._ours or self.overwrite:
            atomic_write_text(self._path, self._settings)

    def write(self, job: Job, result: Segmentation) -> None:
        """Write the files of a job that are missing, then its row."""
        known = _row_name(job) in self.summary.rows
        for key, path in _outputs(job, self.folder, self.formats).items():
            # A file that has its row may have been edited since.
            if self.overwrite or not (known and path.exists()):
                WRITERS[key].write(result, path)
        self.summary.append(summary_row(_row_name(job), result))
        self.failures.rows.pop(_row_name(job), None)

    def fail(self, name: str, message: str) -> str:
        """Note a failure; return its message as it is in the table."""
        row = [one_line(name), one_line(message)]
        self.failures.rows[row[0]] = row
        return row[1]

    def save(self) -> None:
        """Write both tables, sorted."""
        self.summary.save()
        self.failures.save()


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
    names = ("weights_sha256", "window", "step", "context")
    return {
        "model": {name: config.get(name) for name in names},
        "decisions": asdict(rules),
        "excerpt": asdict(excerpt),
    }


def segment_files(
    segmenter: Segments,
    jobs: Sequence[Job],
    output: OutputFolder,
    tell: Callable[[str], None],
    rules: Rules | None = None,
    workers: int | None = None,
) -> int:
    """Segment recordings; write their results and two tables.

    ``summary.csv`` has the seconds of each class of every recording in the
    folder, ``failures.csv`` the recordings that failed. Both keep the rows of
    earlier runs into the same folder.

    Arguments
    ---------
    segmenter : Segments
        What segments audio.
    jobs : Sequence[Job]
        The recordings.
    output : OutputFolder
        Where the results go.
    tell : Callable[[str], None]
        Is given the error of each recording that fails, when it fails.
    rules : Rules, optional
        How to decide; by default as the model says.
    workers : int, optional
        Threads that decode ahead.

    Returns
    -------
    int
        Number of recordings that failed.
    """
    n_failed = 0
    output.claim()
    streams = prefetched((partial(_blocks, job) for job in jobs), workers)
    try:
        with closing(streams), _Progress(len(jobs)) as progress:
            for job, blocks in zip(jobs, streams):
                try:
                    result = segmenter.segment_blocks(
                        progress.watch(blocks), job.uri, rules, job.excerpt
                    )
                except ExplainableSegError as error:
                    n_failed += 1
                    tell(output.fail(job.name.as_posix(), str(error)))
                else:
                    output.write(job, result)
                progress.update()
    finally:
        output.save()
    return n_failed


def _blocks(job: Job) -> Iterator[np.ndarray]:
    """Audio of a job, 16 kHz mono."""
    return stream_audio(job.path, None, job.excerpt)


class _Progress(tqdm):
    """Bar of files with the time left and the speed in times real time."""

    def __init__(self, n_files: int):
        # `disable=None`: no bar where the output is not a terminal.
        super().__init__(total=n_files, unit="file", disable=None)
        self._began = time.monotonic()
        self._seconds = 0.0

    def watch(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The same blocks; their seconds are counted."""
        for block in blocks:
            self._seconds += len(block) / SAMPLE_RATE
            yield block
            speed = self._seconds / (time.monotonic() - self._began)
            self.set_postfix_str(
                f"{self._seconds / 3600:.1f} h, {speed:.0f} x real time",
                refresh=False,
            )
