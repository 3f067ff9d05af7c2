"""Whole files or no file: write under a temporary name, then rename.

An interrupted run leaves the old file, or the new one, or none; never half of
one. Renaming inside one folder is atomic on every file system we run on.
"""

import errno
import json
import os
import re
import shutil
import socket
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from explainable_seg.errors import DiskFullError, ExplainableSegError

NAME_BYTES = 255  # of a file, on the file systems of today
FULL = (errno.ENOSPC, errno.EDQUOT)
# What only writing can cause; anything else may be the caller's own file.
WRITING = (*FULL, errno.EROFS, errno.EFBIG, errno.ENAMETOOLONG)
LITTLE = 1 << 14  # bytes; a disk with less is full, whatever a library says
OLD = 86_400  # seconds after which nobody writes a temporary file any more
AUDIO_EXTENSIONS = frozenset(
    ".wav .wave .bwf .flac .ogg .oga .opus .spx .mp3 .aif .aiff .aifc .au .snd "
    ".w64 .rf64 .sph .nist .voc .caf "  # codespell:ignore caf
    ".aac .ac3 .eac3 .dts .amr .ape .m4a .m4b .mka .mp2 .mpc .ra .rm .tta .wma "
    ".wv .3g2 .3gp .asf .avi .dv .f4v .flv .m2t .m2ts .m4v .mkv .mov .mp4 .mpeg "
    ".mpg .mts .mxf .ogv .qt .ts .vob .webm .wmv".split()
)
"""What a search of a folder takes for audio.

A file that is named itself is tried whatever its extension is."""
# Machine and process that write it, so that what was left behind is known.
TEMPORARY = re.compile(r"\.explainable-seg\.([0-9a-f]{8})-(\d+)-[0-9a-f]{12}\b")


@contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Temporary path that becomes ``target`` when the block ends well.

    The temporary file lies in the folder of the target, is hidden, and keeps
    the suffix, since many writers choose the format by it. Missing parent
    folders are created. If the block raises, the temporary file is removed
    and the target stays as it was.

    Arguments
    ---------
    target : str or os.PathLike
        The file to write.

    Yields
    ------
    pathlib.Path
        Where to write in the meantime.

    Raises
    ------
    DiskFullError
        If there is no room left, whoever wrote in the block.
    ExplainableSegError
        As :func:`check_writable`, or if the file system refuses the name or
        the size of the file.
    """
    target = Path(target)
    check_writable(target)
    temporary = target.with_name(_temporary_name(target.suffix))
    with writing_errors(target):
        # Some writers keep their files to the user alone (safetensors does);
        # ours are as readable as any file that the user makes.
        temporary.touch()
        mode = temporary.stat().st_mode
        temporary.unlink()
        try:
            with writing_errors(target):
                yield temporary
            temporary.chmod(mode)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


def _machine() -> str:
    """Eight digits that tell this machine from others."""
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def _temporary_name(suffix: str) -> str:
    """Hidden name that is new, and no longer than names may be."""
    unique = f"{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
    name = f".explainable-seg.{unique}{suffix}"
    return name if len(os.fsencode(name)) <= NAME_BYTES else name[:64]


def remove_leftovers(folder: Path, alone: bool = False) -> None:
    """Remove temporary files that killed runs have left in a folder.

    Arguments
    ---------
    folder : pathlib.Path
        The folder; those below it are left alone.
    alone : bool
        Whether nobody else writes there now. If somebody may, files of
        processes of this machine that run, and those of other machines that
        are younger than a day, stay.
    """
    try:
        names = os.listdir(folder)
    except OSError:  # missing, or closed: then nothing was left
        return
    for name in names:
        made = TEMPORARY.match(name)
        path = folder / name
        if made and (alone or not _in_use(path, made[1], int(made[2]))):
            with suppress(OSError):
                path.unlink()


def _in_use(path: Path, machine: str, process: int) -> bool:
    """Whether somebody may still write a temporary file."""
    try:
        if machine != _machine():
            return time.time() - path.stat().st_mtime < OLD
        os.kill(process, 0)
    except (ProcessLookupError, FileNotFoundError):
        return False
    except OSError:  # it runs, and is not ours
        return True
    return True


@contextmanager
def writing_errors(target: str | os.PathLike[str]) -> Iterator[None]:
    """Say in one line why a file cannot be written.

    Arguments
    ---------
    target : str or os.PathLike
        The file that the block writes.

    Yields
    ------
    None

    Raises
    ------
    DiskFullError
        If its disk, or the share of its user, is full. Libraries hide that
        behind errors of their own, so the disk is asked too.
    ExplainableSegError
        If its file system is read-only, or refuses its name or its size.
        What the block raises for other reasons is left as it is.

    Example
    -------
    >>> try:
    ...     with writing_errors("results/show.rttm"):
    ...         raise OSError(errno.ENOSPC, "No space left on device")
    ... except DiskFullError as error:
    ...     print(str(error).partition(";")[0])
    expected room to write show.rttm, got 'No space left on device', in results
    """
    target = Path(target)
    try:
        yield
    except ExplainableSegError:
        raise
    except Exception as error:
        reason = _reason(error, target)
        if reason is None:
            raise
        raise _unwritable(target, reason) from error


def _reason(error: Exception, target: Path) -> OSError | None:
    """Why writing failed; None if that is not why something failed."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and _is_of_writing(cause, target):
            return cause
        cause = cause.__cause__ or cause.__context__
    # On a full disk, too, a bug stays a bug and the system's reason its reason;
    # a library's own class says nothing.
    if isinstance(error, (LookupError, TypeError, AttributeError)):
        return None
    if isinstance(error, OSError) and error.errno is not None:
        return None
    for code in FULL:
        if os.strerror(code) in str(error):
            return OSError(code, os.strerror(code))
    try:
        free = free_bytes(target.parent)
    except OSError:
        return None
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return full if free < LITTLE else None


def _is_of_writing(error: OSError, target: Path) -> bool:
    """Whether an error is the target's, not that of a file that was read."""
    if error.errno == errno.ENAMETOOLONG and error.filename is not None:
        named = Path(os.fsdecode(error.filename))
        return named.parent == target.parent or target.is_relative_to(named)
    return error.errno in WRITING


def _unwritable(target: Path, reason: OSError) -> ExplainableSegError:
    """The line for a file that cannot be written."""
    what, where = f"got '{reason.strerror}'", f"in {target.parent}"
    if reason.errno in FULL:
        return DiskFullError(
            f"expected room to write {target.name}, {what}, {where}; free "
            "some, or choose another output folder"
        )
    if reason.errno == errno.ENAMETOOLONG:
        return ExplainableSegError(
            f"expected a name that the file system takes, {what} for "
            f"{target.name}, {where}; shorten it"
        )
    return ExplainableSegError(
        f"expected a folder that takes {target.name}, {what}, {where}; choose "
        "another output folder"
    )


def free_bytes(folder: Path) -> int:
    """Bytes that may be written to a folder, or to where it is to be made."""
    folder = folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def check_room(folder: Path, n_bytes: int) -> None:
    """Raise if a folder has no room, before anything is written to it.

    Arguments
    ---------
    folder : pathlib.Path
        There or not yet.
    n_bytes : int
        What will be written, together.

    Raises
    ------
    DiskFullError
        Naming what is needed, and what there is.
    """
    free = free_bytes(folder)
    if free < n_bytes:
        raise DiskFullError(
            f"expected {n_bytes / 1e6:.1f} MB of room, got {free / 1e6:.1f} MB, "
            f"in {folder}; free some space there, or choose another --output"
        )


def check_writable(target: Path) -> None:
    """Create the folder of a target; raise if no file can be written there.

    Arguments
    ---------
    target : Path
        The file that is to be written.

    Raises
    ------
    DiskFullError
        If there is no room left for the folder.
    ExplainableSegError
        If the folder cannot be created or written in, or if the target is
        itself a folder.
    """
    try:
        with writing_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            is_folder = target.is_dir()
    except OSError as error:
        raise ExplainableSegError(
            f"expected a folder to write in, got a path that cannot be "
            f"created ({error.strerror}), in {target.parent}; choose another "
            "output folder"
        ) from None
    if not os.access(target.parent, os.W_OK):
        raise ExplainableSegError(
            f"expected a folder to write in, got a read-only one, in "
            f"{target.parent}; choose another output folder"
        )
    if is_folder:
        raise ExplainableSegError(
            f"expected the name of a file to write, got a folder, in {target}; "
            "choose another name or remove the folder"
        )


def atomic_write_text(target: str | os.PathLike[str], text: str) -> None:
    """Write a text file (UTF-8, line ends as given) as a whole or not at all.

    Arguments
    ---------
    target : str or os.PathLike
        The file to write.
    text : str
        Its whole content.
    """
    with atomic_path(target) as temporary:
        with open(temporary, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)


def atomic_write_json(
    path: str | os.PathLike[str], value: Any, **style: Any
) -> None:
    """Write plain values as JSON, as a whole or not at all.

    Arguments
    ---------
    path : str or os.PathLike
        The file to write.
    value : Any
        Dictionaries, lists, text, numbers, None.
    **style : Any
        As :func:`json_text`.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    atomic_write_text(path, json_text(value, **style))


def json_text(value: Any, **style: Any) -> str:
    """Plain values as the text of a JSON file.

    Arguments
    ---------
    value : Any
        Dictionaries, lists, text, numbers, None.
    **style : Any
        Options of ``json.dumps``; by default two blanks of indentation, and
        no number that is not finite.

    Returns
    -------
    str
        JSON, and the end of the last line.

    Raises
    ------
    ValueError
        If a number is not finite: what is not known is None.

    Example
    -------
    >>> json_text({"f1": None}, indent=None)
    '{"f1": null}\\n'
    """
    options = {"indent": 2, "allow_nan": False, **style}
    return json.dumps(value, **options) + "\n"
