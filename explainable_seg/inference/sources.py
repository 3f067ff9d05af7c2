"""What is to be segmented: files, folders, lists, manifests, pipes."""

import glob
import hashlib
import logging
import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from explainable_seg.annotation import uri_of
from explainable_seg.audio import WHOLE, Excerpt, read_pipe
from explainable_seg.errors import ExplainableSegError, escaped, printable
from explainable_seg.files import AUDIO_EXTENSIONS, writing_errors

logger = logging.getLogger(__name__)

SPECIAL = (stat.S_ISFIFO, stat.S_ISSOCK, stat.S_ISCHR, stat.S_ISBLK)


def is_special(mode: int) -> bool:
    """Whether a file is a pipe, a socket or a device."""
    return any(kind(mode) for kind in SPECIAL)


def mode_of(path: Path) -> int:
    """Kind of a file; a regular one where nothing can be known."""
    try:
        return os.stat(path).st_mode
    except OSError:
        return stat.S_IFREG


def is_skipped(entry: "os.DirEntry[str]") -> bool:
    """Whether an entry is no file: a pipe, a socket, a device."""
    try:
        mode = entry.stat().st_mode
    except OSError:  # a dead link: it fails when it is opened
        return False
    if is_special(mode):
        logger.info("%s: no regular file, left out", printable(entry.path))
        return True
    return False


def walk(
    folder: Path, closed: dict[str, str]
) -> Iterator[tuple[Path, list["os.DirEntry[str]"]]]:
    """Folders below one, each real one once, with what is in them.

    Real folders come before links to folders, so that a link does not change
    how others are named.
    """
    seen: set[tuple[int, int]] = set()
    real, links = [folder], list[Path]()
    while real or links:
        here = real.pop() if real else links.pop(0)
        try:
            status = os.stat(here)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(here) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            closed[str(here)] = (
                f"expected a folder to search, got '{error.strerror}', in "
                f"{here}; check whether you may read it"
            )
            continue
        folders = [e for e in entries if _is_folder(e) and e.name[0] != "."]
        links += [here / e.name for e in folders if e.is_symlink()]
        real += [here / e.name for e in folders[::-1] if not e.is_symlink()]
        yield here, [entry for entry in entries if not _is_folder(entry)]


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """Whether an entry is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def expand(pattern: str | Path) -> Iterator[str]:
    """Paths that match a pattern; ``**`` is each real folder once."""
    parts = Path(pattern).parts
    if "**" not in parts:
        yield from glob.iglob(os.fspath(pattern))
        return
    place = parts.index("**")
    rest = parts[place + 1 :] or ("*",)
    # "**" twice in a row means what it means once.
    while rest[0] == "**" and len(rest) > 1:
        rest = rest[1:]
    for head in sorted(glob.iglob(str(Path(*parts[:place])))):
        for folder, _ in walk(Path(head), {}) if os.path.isdir(head) else ():
            yield from expand(Path(glob.escape(str(folder)), *rest))


def before_magic(parts: Iterable[str]) -> Iterator[str]:
    """Parts of a pattern before the first that is one."""
    for part in parts:
        if glob.has_magic(part):
            return
        yield part


def read_lines(path: Path) -> list[str]:
    """Lines of a list; names in it need not be UTF-8."""
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ExplainableSegError(
            f"expected a list of recordings, got '{reason}', in {path}; write "
            "one path a line"
        ) from None
    if b"\0" in data:
        raise ExplainableSegError(
            f"expected a list of recordings, got no UTF-8 text, in {path}; "
            "write one path a line"
        )
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return [os.fsdecode(line.removesuffix(b"\r")) for line in lines]


T = TypeVar("T")
LIST_MARK = "@"
STANDARD_INPUT = Path("-")
# Where a shell puts what it reads from another command.
PIPES = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")
LONGEST_PATH = 4096  # characters; no system takes more


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
    full_name : bool
        Whether results keep the extension of the recording before their own,
        since another recording has the same name but for it.
    digest : str
        Of its content, for one that was read from a pipe.
    """

    path: Path
    name: Path
    excerpt: Excerpt = WHOLE
    recording: str = ""
    full_name: bool = False
    digest: str = ""

    @cached_property
    def row_name(self) -> str:
        """First column of its row in the tables."""
        return escaped(self.name.as_posix())

    @property
    def uri(self) -> str:
        """Name of the recording in the results, without blanks."""
        # A name may be all blanks, of which a uri has none.
        return self.recording or uri_of(printable(str(self.path))) or "_"

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

        Raises
        ------
        ExplainableSegError
            If the name leads out of the folder.
        """
        check_inside(self.name)
        stem = self.name.name if self.full_name else self.name.stem
        return folder / self.name.with_name(stem + extension)


def check_inside(name: str | os.PathLike[str]) -> None:
    """Raise if a name leads out of the folder that it is put below.

    Arguments
    ---------
    name : str or os.PathLike
        A path that should be relative, and stay below where it starts.

    Raises
    ------
    ExplainableSegError
        If it is absolute, or has a ``..``.
    """
    path = Path(name)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise ExplainableSegError(
            f"expected a name below the output folder, got "
            f"'{os.fspath(name)}', which leads out of it; rename the recording"
        )


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
    spool: Path | None = None,
) -> tuple[list[Job], dict[str, str]]:
    """Recordings that the arguments of a command name, each once.

    * a file, whatever its extension;
    * a folder, which is searched through for audio and video; hidden files
      and folders are left out, links are followed, each real folder once;
    * a pattern such as ``archive/**/*.wav``;
    * ``@list.txt``, a text file with one of these a line;
    * ``manifest.csv``, a manifest of regions;
    * ``-``, standard input, and other pipes.

    Results of a folder or pattern keep its tree, those of a list the tree
    below the folder that its recordings have in common. Recordings of several
    inputs that have the same place in their trees are told apart by the
    folders in which they differ.

    Arguments
    ---------
    inputs : Iterable[pathlib.Path]
        What was named.
    excerpt : Excerpt
        Which part of each recording; a manifest says it itself.
    data_root : pathlib.Path, optional
        What ``$data_root`` in a manifest stands for.
    spool : pathlib.Path, optional
        Folder to which pipes are read; without it they are errors.

    Returns
    -------
    tuple[list[Job], dict[str, str]]
        The recordings, and errors by the input that has none or cannot be
        read.
    """
    search = _Search(spool)
    for path in inputs:
        try:
            text = os.fspath(path)
            if text.lower().endswith(".csv") and not os.path.isdir(path):
                search.of_manifest(path, data_root, excerpt)
                continue
            found = (
                search.of_list(Path(text[1:]))
                if text.startswith(LIST_MARK) and not os.path.lexists(path)
                else search.of(path, piped=True)
            )
            search.jobs += [replace(job, excerpt=excerpt) for job in found]
        except ExplainableSegError as error:
            search.failures[str(path)] = str(error)
        except OSError as error:
            search.failures[str(path)] = _unreadable(path, error)
    return _told_apart(_once(search.jobs), search.failures), search.failures


def _unreadable(path: object, error: OSError) -> str:
    """The error of an input that the system refuses."""
    return (
        f"expected a file or folder, got '{error.strerror}', in {path}; check "
        "the name and whether you may read it"
    )


def recording_file(path: Path, spool: Path) -> Job:
    """One recording, named itself; a pipe is read to a file.

    Arguments
    ---------
    path : pathlib.Path
        A file, or ``-`` for standard input.
    spool : pathlib.Path
        Folder for what a pipe holds.

    Returns
    -------
    Job

    Raises
    ------
    ExplainableSegError
        If it is a terminal or a device.
    """
    if _is_regular(path):
        return Job(path, Path(path.name))
    return _Search(spool).of_pipe(path, True)


def _once(jobs: Iterable[Job]) -> list[Job]:
    """Jobs without those that are the same region of the same file.

    Of several names, that with the most of the tree stays, whatever the order.
    """
    best: dict[tuple[object, ...], Job] = {}
    folders: dict[Path, str] = {}
    for job in jobs:
        # A link to a file is a recording of its own; one to a folder is not.
        parent = job.path.parent
        if parent not in folders:
            folders[parent] = os.path.realpath(parent)
        real = folders[parent]
        # Regions of a manifest are told apart by their name.
        region = str(job.name) if job.recording else ""
        key = (real, job.path.name, job.excerpt, region)
        other = best.setdefault(key, job)
        if _rank(job) < _rank(other):
            best[key] = job
    return list(best.values())


def _rank(job: Job) -> tuple[int, str]:
    """Names with more folders first."""
    return -len(job.name.parts), str(job.name)


def _told_apart(jobs: list[Job], failures: dict[str, str]) -> list[Job]:
    """Jobs with different names.

    Where names are the same, they begin where the paths differ; a job whose
    name is still that of another one is a failure.
    """
    groups = defaultdict(list)
    for job in jobs:
        groups[job.name].append(job)
    longer: dict[Job, Path] = {}
    for same in groups.values():
        if len(same) > 1 and not any(job.recording for job in same):
            paths = [os.path.abspath(job.path) for job in same]
            common = os.path.commonpath([os.path.dirname(p) for p in paths])
            for job, path in zip(same, paths):
                longer[job] = Path(os.path.relpath(path, common))
    apart: dict[Path, Job] = {}
    for job in jobs:
        job = replace(job, name=longer.get(job, job.name))
        if job.name in apart:
            failures[str(job.path)] = (
                f"expected one recording of each name, got {job.name} for "
                f"{apart[job.name].path} too, in {job.path}; give it an "
                "--output of its own"
            )
        else:
            apart[job.name] = job
    return list(apart.values())


@dataclass
class _Search:
    """What was found, and what was not."""

    spool: Path | None
    jobs: list[Job] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    n_pipes: int = 0

    def of(self, path: Path, piped: bool = False) -> list[Job]:
        """Recordings of a file, a folder, a pattern, or a pipe."""
        if len(os.fspath(path)) > LONGEST_PATH:
            raise ExplainableSegError(
                f"expected a path of at most {LONGEST_PATH} characters, got "
                f"{len(os.fspath(path))}, in {str(path)[:60]}...; write one "
                "path a line"
            )
        if os.path.isdir(path):
            return self._of_folder(path)
        if path == STANDARD_INPUT or os.path.lexists(path):
            if _is_regular(path):
                return [Job(path, Path(path.name))]
            return [self.of_pipe(path, piped)]
        if not glob.has_magic(str(path)):
            return [Job(path, Path(path.name))]  # fails when it is opened
        return self._of_pattern(path)

    def of_pipe(self, path: Path, piped: bool) -> Job:
        """A recording that can be read once, as a file."""
        mode = os.fstat(0).st_mode if path == STANDARD_INPUT else mode_of(path)
        if self.spool is None or not piped or stat.S_ISCHR(mode):
            raise ExplainableSegError(
                f"expected a file or a pipe with sound, got a terminal or a "
                f"device, in {path}; name a recording"
                if piped
                else f"expected a file, got a pipe or a device, in {path}; "
                "name a recording"
            )
        self.n_pipes += 1
        name = "stdin" if self.n_pipes == 1 else f"stdin_{self.n_pipes}"
        target = self.spool / name
        source = 0 if path == STANDARD_INPUT else os.fspath(path)
        digest = hashlib.sha256()
        with writing_errors(target), open(target, "wb") as copy:
            for block in read_pipe(source, str(path)):
                digest.update(block)
                copy.write(block)
        return Job(target, Path(name), digest=digest.hexdigest())

    def _of_pattern(self, pattern: Path) -> list[Job]:
        """Recordings that match a pattern."""
        fixed = os.path.abspath(Path(*before_magic(pattern.parts)))
        found = sorted({p for p in expand(pattern) if os.path.isfile(p)})
        if not found:
            raise ExplainableSegError(
                f"expected a pattern that files match, got none, in {pattern}; "
                "change the pattern"
            )
        return _below(fixed, [Job(Path(p), Path()) for p in found])

    def _of_folder(self, folder: Path) -> list[Job]:
        """Audio files below a folder, sorted by their names."""
        found: list[Path] = []
        closed: dict[str, str] = {}
        for parent, entries in walk(folder, closed):
            found += [
                parent / entry.name
                for entry in entries
                if os.path.splitext(entry.name)[1].lower() in AUDIO_EXTENSIONS
                and not entry.name.startswith(".")
                and not is_skipped(entry)
            ]
        self.failures.update(closed)
        if not found and not closed:
            raise ExplainableSegError(
                f"expected audio or video files, got none with a known "
                f"extension, in {folder}; name another folder, or the files "
                "themselves"
            )
        return [Job(file, file.relative_to(folder)) for file in sorted(found)]

    def of_list(self, path: Path) -> list[Job]:
        """Recordings of a text file with one input a line."""
        jobs: list[Job] = []
        lines = [line for line in read_lines(path) if line.strip()]
        for line in lines:
            # Names may end with blanks, lists may be indented.
            named = line if os.path.lexists(line) else line.strip()
            try:
                jobs += self.of(Path(named))
            except ExplainableSegError as error:
                self.failures[named] = str(error)
            except OSError as error:
                self.failures[named] = _unreadable(named, error)
        if not lines:
            raise ExplainableSegError(
                f"expected a path a line, got none, in {path}; name recordings"
            )
        parents = {os.path.dirname(os.path.abspath(job.path)) for job in jobs}
        return _below(os.path.commonpath(parents), jobs) if jobs else []

    def of_manifest(
        self, path: Path, data_root: Path | None, excerpt: Excerpt
    ) -> None:
        """Add the regions of a manifest; results are named by their ID."""
        # Imported on use: a manifest is one input of many.
        from explainable_seg.corpora import read_manifest

        if (excerpt.start, excerpt.end) != (None, None):
            raise ExplainableSegError(
                f"expected no start and end beside a manifest, got them, in "
                f"{path}; its rows say which part of a recording is meant"
            )
        for region in read_manifest(path, data_root, check_audio=False):
            name = region.id.replace("/", "_") + Path(region.wav).suffix
            part = replace(excerpt, start=region.start_s, end=region.stop_s)
            job = Job(Path(region.wav), Path(name), part, region.recording)
            try:
                check_inside(region.recording or name)
                self.jobs.append(job)
            except ExplainableSegError as error:
                self.failures[name] = f"{error}, in {path}"


def _is_regular(path: Path) -> bool:
    """Whether a file can be read as often as one likes; or is not there."""
    return not str(path).startswith(PIPES) and (
        path != STANDARD_INPUT and not is_special(mode_of(path))
    )


def _below(folder: str, jobs: Iterable[Job]) -> list[Job]:
    """Jobs named by their place below a folder."""
    named = []
    for job in jobs:
        path = os.path.abspath(job.path)
        name = os.path.relpath(path, folder)
        if name.startswith(os.pardir):  # a pattern may lead out of its folder
            name = os.path.basename(path)
        named.append(replace(job, name=Path(name)))
    return named
