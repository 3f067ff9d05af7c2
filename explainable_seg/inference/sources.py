"""Which recordings are meant: files, folders, patterns, lists, manifests."""

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from explainable_seg.annotation.fields import uri_of
from explainable_seg.audio.stream import WHOLE, Excerpt
from explainable_seg.errors import ExplainableSegError

# What a search of a folder takes for audio. A file that is named itself is
# tried whatever its extension is.
AUDIO_EXTENSIONS = frozenset(
    ".wav .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .snd .w64 .rf64 "
    ".sph .caf .aac .ac3 .amr .m4a .mka .mp2 .wma .wv "  # codespell:ignore caf
    ".3gp .avi .flv .m4v .mkv .mov .mp4 .mpeg .mpg .mxf .webm .wmv".split()
)
T = TypeVar("T")
LIST_MARK = "@"


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
    excerpt : Excerpt
        Which part of it.
    recording : str
        Its uri; by default made from the name of the file.
    """

    path: Path
    name: Path
    excerpt: Excerpt = WHOLE
    recording: str = ""

    @property
    def uri(self) -> str:
        """Name of the recording in the results, without blanks."""
        name = self.recording or os.fspath(self.path)
        text = name.encode("utf-8", "replace").decode("utf-8")
        return self.recording or uri_of(text)

    def output(self, folder: Path, extension: str) -> Path:
        """File of one format below the output folder.

        Arguments
        ---------
        folder : pathlib.Path
            The output folder.
        extension : str
            Of the format, with its dot.

        Returns
        -------
        pathlib.Path
            In the same place of the tree as the audio, there or not.
        """
        return folder / self.name.with_name(self.name.stem + extension)


@dataclass(frozen=True)
class Share:
    """Part of the recordings: every ``count``-th, from the ``number``-th on.

    Arguments
    ---------
    number : int
        From 1.
    count : int
        How many shares there are.

    Example
    -------
    >>> Share(2, 3).of("abcdefgh"), str(Share(2, 3))
    (['b', 'e', 'h'], '2-of-3')
    """

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}-of-{self.count}"

    def of(self, items: Sequence[T]) -> list[T]:
        """Items of this share."""
        return list(items[self.number - 1 :: self.count])


def find_jobs(
    inputs: Iterable[Path],
    excerpt: Excerpt = WHOLE,
    data_root: Path | None = None,
) -> tuple[list[Job], dict[str, str]]:
    """Recordings that the arguments of a command name.

    * a file, whatever its extension;
    * a folder, which is searched through for audio and video; hidden files
      and folders are left out;
    * a pattern such as ``archive/**/*.wav``;
    * ``@list.txt``, a text file with one of these a line;
    * ``manifest.csv``, a manifest of regions.

    Results of a folder or pattern keep its tree, those of a list the tree
    below the folder that its recordings have in common.

    Arguments
    ---------
    inputs : Iterable[pathlib.Path]
        What was named.
    excerpt : Excerpt
        Which part of each recording; a manifest says it itself.
    data_root : pathlib.Path, optional
        What ``$data_root`` in a manifest stands for.

    Returns
    -------
    tuple[list[Job], dict[str, str]]
        The recordings, and errors by the input that has none or cannot be
        read.
    """
    jobs: list[Job] = []
    failures: dict[str, str] = {}
    for path in inputs:
        try:
            if path.name.lower().endswith(".csv"):
                jobs += _manifest_jobs(path, data_root, excerpt)
                continue
            found = (
                _list_jobs(Path(os.fspath(path)[1:]), failures)
                if os.fspath(path).startswith(LIST_MARK)
                else _plain_jobs(path, failures)
            )
            jobs += [replace(job, excerpt=excerpt) for job in found]
        except ExplainableSegError as error:
            failures[str(path)] = str(error)
    return jobs, failures


def _plain_jobs(path: Path, failures: dict[str, str]) -> list[Job]:
    """Recordings of a file, a folder or a pattern."""
    if path.is_dir():
        return _folder_jobs(path, failures)
    if path.exists() or not glob.has_magic(str(path)):
        return [Job(path, Path(path.name))]
    fixed = Path(*_until(path.parts, glob.has_magic))
    found = sorted(
        file
        for file in map(Path, glob.glob(str(path), recursive=True))
        if file.is_file()
    )
    if not found:
        raise ExplainableSegError(
            f"expected a pattern that files match, got none, in {path}; change "
            "the pattern"
        )
    return [Job(file, file.relative_to(fixed)) for file in found]


def _until(parts: Iterable[str], stop: Callable[[str], bool]) -> Iterator[str]:
    """Parts before the first one that is to stop at."""
    for part in parts:
        if stop(part):
            return
        yield part


def _folder_jobs(folder: Path, failures: dict[str, str]) -> list[Job]:
    """Audio files below a folder, sorted."""
    found: list[Path] = []
    closed: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(parent, name)
            for name in names
            if Path(name).suffix.lower() in AUDIO_EXTENSIONS
            and not name.startswith(".")
        ]
    for error in closed:
        failures[str(error.filename)] = (
            f"expected a folder to search, got '{error.strerror}', in "
            f"{error.filename}; check whether you may read it"
        )
    if not found and not closed:
        raise ExplainableSegError(
            f"expected audio or video files, got none with a known extension, "
            f"in {folder}; name another folder, or the files themselves"
        )
    return [Job(file, file.relative_to(folder)) for file in sorted(found)]


def _list_jobs(path: Path, failures: dict[str, str]) -> list[Job]:
    """Recordings of a text file with one input a line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no UTF-8 text"
        raise ExplainableSegError(
            f"expected a list of recordings, got '{reason}', in {path}; write "
            "one path a line"
        ) from None
    jobs = [
        job
        for line in lines
        if line.strip()
        for job in _plain_jobs(Path(line.strip()), failures)
    ]
    if not jobs:
        raise ExplainableSegError(
            f"expected a path a line, got none, in {path}; name recordings"
        )
    parents = {str(job.path.absolute().parent) for job in jobs}
    common = os.path.commonpath(parents)
    return [
        replace(job, name=job.path.absolute().relative_to(common))
        for job in jobs
    ]


def _manifest_jobs(
    path: Path, data_root: Path | None, excerpt: Excerpt
) -> list[Job]:
    """Regions of a manifest; results are named by their ID."""
    # Imported on use: a manifest is one input of many.
    from explainable_seg.data.manifest import read_manifest

    if (excerpt.start, excerpt.end) != (None, None):
        raise ExplainableSegError(
            f"expected no start and end beside a manifest, got them, in {path}; "
            "its rows say which part of a recording is meant"
        )
    return [
        Job(
            Path(region.wav),
            Path(region.id.replace("/", "_") + Path(region.wav).suffix),
            Excerpt(excerpt.channel, region.start_s, region.stop_s),
            region.recording,
        )
        for region in read_manifest(path, data_root, check_audio=False)
    ]
