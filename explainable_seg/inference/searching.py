"""Files on a disk: folders, patterns and lists, whatever lies in them.

Nothing is opened but lists, and no folder is searched twice for links.
"""

import glob
import logging
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from explainable_seg.errors import ExplainableSegError, printable

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
