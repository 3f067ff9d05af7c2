"""The folder of results: what is in it, what is missing, what may be written.

What is finished is not done again, and what a run leaves when it is killed is
whole files only. A result is finished if it is of this very recording, with
these settings: its row of the summary says so.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from explainable_seg.audio import Excerpt
from explainable_seg.classes import CLASSES
from explainable_seg.decisions import WRITERS, Rules
from explainable_seg.errors import ExplainableSegError, escaped, unescaped
from explainable_seg.files import atomic_write_text, json_text
from explainable_seg.inference.results import (
    ResultRow,
    SegmentTask,
    differs,
    digest_of,
    full_names,
    is_reserved,
    message_of,
    shortened,
    source_stamp,
    tables_of,
)
from explainable_seg.inference.sources import Job, Share

SETTINGS = ".explainable-seg.json"  # what the results of a folder come from


class OutputFolder:
    """Results of one or more runs.

    Arguments
    ---------
    folder : pathlib.Path
        Created where it is missing.
    formats : Sequence[str]
        Keys of :data:`~explainable_seg.decisions.formats.WRITERS`.
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
        self.share = share
        # Those of all runs: what is finished, what failed, how it is named.
        self.summary, self.failures = tables_of(folder)
        self._earlier = dict(self.summary.rows)
        self._failed = set(self.failures.rows)
        if share:
            self.summary, self.failures = tables_of(folder, share)
        for name in set(self.summary.rows) & set(self.failures.rows):
            # Killed between the row of a result and the end of its failure.
            self.failures.forget(name)
        self._path = folder / SETTINGS
        # A longest duration (max_on) may be infinite.
        text = json_text(settings, sort_keys=True, allow_nan=True)
        self._settings = json.loads(text)
        self._digest = digest_of(text)
        self._ours = self._path.exists()
        if self._ours and not overwrite:
            self._compare()

    def _compare(self) -> None:
        """Raise if the last run into the folder had other settings."""
        known = _read_settings(self._path)
        if not known:
            raise ExplainableSegError(
                f"expected the settings of the earlier run, got none that can "
                f"be read, in {self._path}; use --overwrite or another --output"
            )
        earlier = known["settings"].get(known["last"], {})
        for name, value in self._settings.items():
            if earlier.get(name) != value:
                what, before, now = _difference(earlier.get(name), value, name)
                raise ExplainableSegError(
                    f"expected the {name} of the earlier run, got {what}={now} "
                    f"for {before}, in {self.folder}; use the same, "
                    "--overwrite, or another --output"
                )

    def named(self, jobs: Sequence[Job]) -> list[Job]:
        """Jobs with names for their results that differ.

        Where two recordings of the folder have the same name but for the
        extension, the results of both keep it: ``show.wav.rttm``. Results of
        earlier runs are renamed.

        Arguments
        ---------
        jobs : Sequence[Job]
            All jobs of the run, of all shares.

        Returns
        -------
        list[Job]
            The same jobs.
        """
        names = {*self._earlier, *self._failed, *[job.row_name for job in jobs]}
        full = full_names(names)
        for name in full & set(self._earlier):
            job = Job(Path(), Path(unescaped(name)))
            for path in self._outputs(job, _formats_of(self._earlier[name])):
                longer = path.with_name(job.name.name + path.suffix)
                if os.path.isfile(path) and not os.path.lexists(longer):
                    with suppress(FileNotFoundError):  # by another share
                        os.replace(path, longer)
        return [
            replace(job, full_name=True) if job.row_name in full else job
            for job in jobs
        ]

    def unfinished(
        self, jobs: Sequence[Job], inputs: Iterable[str] = ()
    ) -> tuple[list[Job], dict[str, str]]:
        """Jobs that are to be done; that they had failed before is forgotten.

        Arguments
        ---------
        jobs : Sequence[Job]
            Jobs of this run.
        inputs : Iterable[str]
            What was named, of which it is forgotten too.

        Returns
        -------
        tuple[list[Job], dict[str, str]]
            Those whose result is missing, or is of another state of the
            recording or of other settings; all of them with ``overwrite``. And
            errors by the path of those whose name another recording has in
            the folder.

        Raises
        ------
        ExplainableSegError
            If a file is in the way that is not the result of an earlier run.
        """
        todo, refused = [], {}
        for job in jobs:
            reason = self._refusal(job)
            if reason:
                refused[str(job.path)] = reason
                continue
            if self.overwrite or not self._is_finished(job):
                todo.append(job)
        names = {*inputs, *[str(job.path) for job in jobs]} - refused.keys()
        for line in [shortened(escaped(name)) for name in sorted(names)]:
            self.failures.forget(line)
        return todo, refused

    def _refusal(self, job: Job) -> str | None:
        """Why a job must not be done, if it must not."""
        if is_reserved(job.name.as_posix()):
            return (
                f"expected another name than that of a table, got {job.name}, "
                f"for {job.path}; rename the recording"
            )
        if self.overwrite:
            return None
        row, stamp = self._earlier.get(job.row_name), source_stamp(job)
        if row and differs(row, stamp) and row["source"] != stamp["source"]:
            return (
                f"expected one recording of each name, got a result of another "
                f"{job.name} in {self.folder}, for {job.path}; use --overwrite "
                "or another --output"
            )
        return None

    def _is_finished(self, job: Job) -> bool:
        """Whether all files of a job are there, and made as they would be."""
        there = [
            p for p in self._outputs(job, self.formats) if os.path.isfile(p)
        ]
        if there and not self._ours:
            raise ExplainableSegError(
                f"expected a new file, got one that exists, in {there[0]}; "
                "use --overwrite or another --output"
            )
        return (
            len(there) == len(self.formats)
            and self._stays(job)
            and set(self.formats) <= set(self._kept(job))
        )

    def _kept(self, job: Job) -> list[str]:
        """Formats of the earlier result that nobody has emptied since."""
        row = self._earlier.get(job.row_name, {})
        found = any(float(row.get(c) or 0) > 0 for c in CLASSES)
        formats = self._formats_before(job)
        return [
            name
            for name, path in zip(formats, self._outputs(job, formats))
            if not (found and os.path.isfile(path) and not path.stat().st_size)
        ]

    def _stays(self, job: Job) -> bool:
        """Whether what an earlier run made of a job is still right."""
        row = self._earlier.get(job.row_name)
        return (
            not self.overwrite
            and row is not None
            and row["settings"] == self._settings_of(job)
            and not differs(row, source_stamp(job))
        )

    def _settings_of(self, job: Job) -> str:
        """Digest of the settings; a region of a manifest has its own."""
        if not job.recording:
            return self._digest
        part = json_text([asdict(job.excerpt), job.recording], indent=None)
        return f"{self._digest}-{digest_of(part)}"

    def _formats_before(self, job: Job) -> list[str]:
        """Formats of the result of an earlier run."""
        row = self._earlier.get(job.row_name)
        return _formats_of(row) if row else []

    def _outputs(self, job: Job, formats: Iterable[str]) -> list[Path]:
        """Files of a job."""
        return [job.output(self.folder, WRITERS[f].extension) for f in formats]

    def claim(self) -> None:
        """Write the settings, before any result."""
        known = _read_settings(self._path)
        settings = known.get("settings", {})
        settings[self._digest] = self._settings
        self._save_settings({"last": self._digest, "settings": settings})

    def _save_settings(self, content: Mapping[str, Any]) -> None:
        """Write the settings of this run and of earlier ones."""
        text = json_text(content, sort_keys=True, allow_nan=True)
        if not self._ours or text != self._path.read_text(encoding="utf-8"):
            atomic_write_text(self._path, text)

    def task(self, job: Job) -> "SegmentTask":
        """What is to be written for a job, and what stays."""
        before = self._formats_before(job)
        # What an earlier run has written is made again with the rest: a
        # result is never of two settings.
        formats = [f for f in WRITERS if f in {*self.formats, *before}]
        # A file that has its row may have been edited since.
        keep = self._kept(job) if self._stays(job) else []
        return SegmentTask(
            job, self.folder, formats, keep, self._settings_of(job)
        )

    def note(self, row: ResultRow) -> None:
        """Add the row of a job whose files are written."""
        self.summary.append(row)
        if row["file"] in self._failed:
            self.failures.remove(row["file"])

    def fail(self, job: Job, message: str) -> str:
        """Note a failure, and remove what there is of an earlier result.

        Arguments
        ---------
        job : Job
            What failed.
        message : str
            Why.

        Returns
        -------
        str
            The message as it is in the table.
        """
        name = job.row_name
        if name in self._earlier:
            self.summary.remove(name)
        # Without a row, files are what a killed run has left.
        ours = self.formats if self._ours else ()
        for path in self._outputs(job, {*self._formats_before(job), *ours}):
            with suppress(OSError):
                path.unlink()
        return self._fail(name, message)

    def fail_input(self, name: str, message: str) -> str:
        """Note the failure of an input without recordings."""
        return self._fail(shortened(escaped(name)), message)

    def _fail(self, name: str, message: str) -> str:
        """Add a row to the failures."""
        row = {"file": name, "error": message_of(message)}
        self.failures.append(row)
        self._failed.add(name)
        return row["error"]

    def rows(self, jobs: Iterable[Job]) -> list[ResultRow]:
        """Rows of jobs that have a result, of this run or an earlier one."""
        rows = {**self._earlier, **self.summary.rows}
        names = [job.row_name for job in jobs]
        return [
            rows[name]
            for name in names
            if name in rows and name not in self.failures.rows
        ]

    def save(self) -> None:
        """Write both tables, sorted, and the settings of their rows."""
        self.summary.save()
        self.failures.save()
        if self.share or not self._path.exists():
            return
        rows = self.summary.rows.values()
        used = {row["settings"].partition("-")[0] for row in rows}
        content = _read_settings(self._path)
        content["settings"] = {
            digest: settings
            for digest, settings in content.get("settings", {}).items()
            if digest in {*used, content.get("last")}
        }
        self._save_settings(content)


def _formats_of(row: ResultRow) -> list[str]:
    """Formats of a result."""
    return [name for name in row["formats"].split() if name in WRITERS]


def _difference(before: Any, now: Any, name: str) -> tuple[str, Any, Any]:
    """Where two settings differ first: name, earlier value, value now.

    Example
    -------
    >>> _difference({"a": {"b": 1}}, {"a": {"b": 2}}, "decisions")
    ('decisions.a.b', 1, 2)
    """
    if isinstance(before, dict) and isinstance(now, dict):
        for key in {**before, **now}:
            if before.get(key) != now.get(key):
                place = f"{name}.{key}"
                return _difference(before.get(key), now.get(key), place)
    return name, before, now


def _read_settings(path: Path) -> dict[str, Any]:
    """Settings of all results in a folder; none where they are not ours."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    whole = isinstance(content, dict) and isinstance(
        content.get("settings"), dict
    )
    return content if whole and "last" in content else {}


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
