"""Whole files or no file: write under a temporary name, then rename.

An interrupted run leaves the old file, or the new one, or none; never half of
one. Renaming inside one folder is atomic on every file system we run on.
"""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from explainable_seg.errors import ExplainableSegError


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
    ExplainableSegError
        As :func:`check_writable`.
    """
    target = Path(target)
    check_writable(target)
    unique = uuid.uuid4().hex[:12]
    temporary = target.with_name(f".{target.stem}.{unique}{target.suffix}")
    # Some writers keep their files to the user alone (safetensors does); ours
    # are as readable as any file that the user makes.
    temporary.touch()
    mode = temporary.stat().st_mode
    temporary.unlink()
    try:
        yield temporary
        temporary.chmod(mode)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(target: Path) -> None:
    """Create the folder of a target; raise if no file can be written there.

    Arguments
    ---------
    target : Path
        The file that is to be written.

    Raises
    ------
    ExplainableSegError
        If the folder cannot be created or written in, or if the target is
        itself a folder.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise ExplainableSegError(
            f"expected a folder to write in, got a path that cannot be "
            f"created, in {target.parent}; choose another output folder"
        ) from None
    if not os.access(target.parent, os.W_OK):
        raise ExplainableSegError(
            f"expected a folder to write in, got a read-only one, in "
            f"{target.parent}; choose another output folder"
        )
    if target.is_dir():
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
