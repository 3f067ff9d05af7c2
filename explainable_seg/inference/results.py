"""The result of one recording: its files, its row, and what it was made of."""

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from explainable_seg.errors import ExplainableSegError
from explainable_seg.files import escaped
from explainable_seg.inference.formats import NAME_MEDIA, WRITERS
from explainable_seg.inference.segmentation import Segmentation
from explainable_seg.inference.sources import Job
from explainable_seg.inference.tables import Row, summary_row

DIGITS = 12  # of a digest


@dataclass(frozen=True)
class Task:
    """What is to be written for a recording.

    Arguments
    ---------
    job : Job
        The recording.
    folder : pathlib.Path
        Where the results go.
    formats : Sequence[str]
        Keys of :data:`~explainable_seg.inference.formats.WRITERS`.
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

    def write(self, result: Segmentation, stamp: Row) -> Row:
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
                media = (self._media,) if name in NAME_MEDIA else ()
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
        return summary_row(row_name(self.job), result, made_of)

    @property
    def _media(self) -> Path | None:
        """The recording, where results may name it."""
        return None if self.job.digest else self.job.path


def source_stamp(job: Job) -> Row:
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
    row["source"] = job.digest[:DIGITS] or digest_of(place)
    with suppress(OSError, ValueError):  # a name may hold a zero byte
        status = os.stat(job.path)
        row["bytes"] = str(status.st_size)
        seconds, rest = divmod(status.st_mtime_ns, 10**9)
        # What came through a pipe has no time, and is known by its content.
        row["modified"] = job.digest or f"{seconds}.{rest:09}"
    return row


def differs(row: Row, stamp: Row) -> bool:
    """Whether a recording is not that of a row; not, where it is missing."""
    return stamp["bytes"] != "" and any(
        row[column] != stamp[column] for column in ("bytes", "modified")
    )


def digest_of(content: str | bytes) -> str:
    """Short digest of settings or of a path."""
    data = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()[:DIGITS]


def row_name(job: Job) -> str:
    """First column of a job's row."""
    return escaped(job.name.as_posix())
